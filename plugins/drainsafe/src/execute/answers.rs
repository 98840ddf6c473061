//! What the API server's answer to a removal means for the pod: done, refused for a while, or for good.

use std::{
    hash::{DefaultHasher, Hash, Hasher},
    time::{Duration, Instant},
};

use patchkit::cluster::Removal;

use super::{
    event::Kind,
    task::{Pause, State, Task},
};

/// A refusal by a budget is asked about again after this time at the latest, though the watch shows no change: it may
/// have been missed. Between the whole and twice of it.
const RECHECK: Duration = Duration::from_secs(5);
/// The wait after the first trouble; it doubles up to the longest.
const FIRST_WAIT: Duration = Duration::from_millis(500);
const LONGEST_WAIT: Duration = Duration::from_secs(10);
/// Trouble that lasts longer than this does not pass by itself.
pub const TROUBLE_LIMIT: Duration = Duration::from_secs(180);

/// What is to be told of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answered {
    /// Nothing.
    Quietly,
    /// The pod ends.
    Granted,
    /// Not now, and why.
    Refused(Kind, String),
    /// Never, and why.
    Failed(String),
}

impl Task {
    /// Takes the answer in.
    pub fn answered(&mut self, removal: Removal, now: Instant) -> Answered {
        if self.state != State::Asked {
            return Answered::Quietly;
        }
        self.state = State::Noted;
        if !matches!(removal, Removal::Trouble(_)) {
            self.trouble_since = None;
            self.troubles = 0;
        }
        match removal {
            Removal::Granted => {
                self.state = State::Going { since: now };
                Answered::Granted
            }
            Removal::Gone => {
                // The facts will show it; there is nothing to ask for any more.
                self.state = State::Going { since: now };
                Answered::Quietly
            }
            Removal::Budget { message, .. } => {
                let until = now + RECHECK + self.spread(RECHECK);
                self.pause = Some(Pause { until, refused_by: self.asked_under.clone(), why: message.clone() });
                Answered::Refused(Kind::Refused, message)
            }
            Removal::Busy { retry_after } => {
                let why = "the API server is busy".to_owned();
                let wait = retry_after.unwrap_or(Duration::from_secs(1));
                self.wait(now + wait + self.spread(wait), why.clone());
                Answered::Refused(Kind::Retrying, why)
            }
            Removal::NamespaceTerminating => {
                let why = "its namespace is being deleted".to_owned();
                self.wait(now + RECHECK, why.clone());
                Answered::Refused(Kind::Retrying, why)
            }
            Removal::SeveralBudgets => Answered::Failed(
                "more than one PodDisruptionBudget covers it, and the API server refuses every eviction".to_owned(),
            ),
            Removal::Trouble(why) => match self.troubled(why.clone(), now) {
                Some(why) => Answered::Failed(why),
                None => Answered::Refused(Kind::Retrying, why),
            },
            Removal::Refused(why) => Answered::Failed(why),
        }
    }

    /// Something is not well that may be better soon. Gives the reason for failing once it has lasted too long.
    pub fn troubled(&mut self, why: String, now: Instant) -> Option<String> {
        let since = *self.trouble_since.get_or_insert(now);
        if now.duration_since(since) > TROUBLE_LIMIT {
            return Some(format!("{why} (for {}s)", now.duration_since(since).as_secs()));
        }
        let wait = FIRST_WAIT.saturating_mul(1 << self.troubles.min(8)).min(LONGEST_WAIT);
        self.troubles = self.troubles.saturating_add(1);
        self.wait(now + wait + self.spread(wait / 2), why);
        None
    }

    fn wait(&mut self, until: Instant, why: String) {
        self.pause = Some(Pause { until, refused_by: None, why });
    }

    /// Between nothing and this time, another for each pod and try, so that not all ask at the same moment.
    fn spread(&self, most: Duration) -> Duration {
        let mut hasher = DefaultHasher::new();
        (&self.pod.uid, self.troubles).hash(&mut hasher);
        most.mul_f64(f64::from(u32::try_from(hasher.finish() % 1000).unwrap_or_default()) / 1000.0)
    }
}
