//! When a failed read is tried again: visibly, a few times, within a bounded time. Writes never are.

use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::time::{Duration, Instant};

use super::errors::ClusterError;

/// How reads are repeated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RetryPolicy {
    /// How often a request is sent at most, the first time included.
    pub attempts: u32,
    /// The wait after the first failure; it doubles from there.
    pub first_wait: Duration,
    /// The longest wait that we choose by ourselves.
    pub longest_wait: Duration,
    /// How long all tries and waits of one request may take together; a try that began in time may end later.
    pub total: Duration,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self {
            attempts: 5,
            first_wait: Duration::from_millis(250),
            longest_wait: Duration::from_secs(5),
            total: Duration::from_secs(30),
        }
    }
}

/// The tries of one request.
pub(super) struct Tries {
    policy: RetryPolicy,
    made: u32,
    began: Instant,
}

impl Tries {
    pub fn new(policy: RetryPolicy) -> Self {
        Self { policy, made: 1, began: Instant::now() }
    }

    /// How long to wait before the next try, or none where it is time to give up.
    pub fn next_wait(&mut self, error: &ClusterError) -> Option<Duration> {
        if !error.worth_another_read() || self.made >= self.policy.attempts {
            return None;
        }
        let asked = error.answer().and_then(|answer| answer.retry_after).map(Duration::from_secs);
        let own = self.policy.first_wait.saturating_mul(1 << (self.made - 1).min(16)).min(self.policy.longest_wait);
        // Between half and the whole of it, so that many clients do not come back at the same moment.
        let own = own.mul_f64(0.5 + 0.5 * random());
        let wait = asked.map_or(own, |asked| asked.max(own));
        if self.began.elapsed() + wait > self.policy.total {
            return None;
        }
        self.made += 1;
        Some(wait)
    }

    /// The number of the try that comes next.
    pub fn attempt(&self) -> u32 {
        self.made
    }

    /// How many tries there are at most.
    pub fn of(&self) -> u32 {
        self.policy.attempts
    }
}

/// A number from 0 up to 1, good enough to spread waits.
pub(super) fn random() -> f64 {
    #[allow(clippy::cast_precision_loss)]
    let drawn = RandomState::new().build_hasher().finish() as f64;
    drawn / (u64::MAX as f64 + 1.0)
}

#[cfg(test)]
mod tests {
    use super::super::errors::ServerAnswer;
    use super::*;

    fn failure(code: u16, retry_after: Option<u64>) -> ClusterError {
        ClusterError::Answer(Box::new(ServerAnswer::read("GET /".into(), code, retry_after, b"")))
    }

    #[test]
    fn waits_grow_and_end() {
        let mut tries = Tries::new(RetryPolicy::default());
        for (at_least, at_most) in [(125, 250), (250, 500), (500, 1000), (1000, 2000)] {
            let wait = tries.next_wait(&failure(503, None)).unwrap().as_millis();
            assert!((at_least..=at_most).contains(&wait), "{wait}");
        }
        assert_eq!(tries.next_wait(&failure(503, None)), None);
    }

    #[test]
    fn the_server_is_heard_where_there_is_time() {
        assert_eq!(Tries::new(RetryPolicy::default()).next_wait(&failure(429, Some(3))), Some(Duration::from_secs(3)));
        assert_eq!(Tries::new(RetryPolicy::default()).next_wait(&failure(429, Some(31))), None);
    }

    #[test]
    fn what_will_not_change_is_not_tried_again() {
        for code in [400, 401, 403, 404, 409, 410, 422, 501] {
            assert_eq!(Tries::new(RetryPolicy::default()).next_wait(&failure(code, None)), None, "{code}");
        }
    }
}
