//! Values that only the cluster knows: nodes, namespaces, policies.

use std::{sync::mpsc, thread, time::Duration};

use clap_complete::CompletionCandidate;

/// How long a person waits for a completion before it is a nuisance. What is not there by then is not offered.
pub const DEADLINE: Duration = Duration::from_millis(800);

/// The candidates that `work` finds within the deadline, or none. Work that is late is left behind on its thread, which
/// ends with the process; it must change nothing.
#[must_use]
pub fn within(
    deadline: Duration,
    work: impl FnOnce() -> Vec<CompletionCandidate> + Send + 'static,
) -> Vec<CompletionCandidate> {
    let (found, candidates) = mpsc::channel();
    let worker = thread::Builder::new().name("completion".to_owned()).spawn(move || {
        // Nobody listens any more after the deadline.
        let _ = found.send(work());
    });
    match worker {
        Ok(_) => candidates.recv_timeout(deadline).unwrap_or_default(),
        Err(_) => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_late_or_broken_is_not_offered() {
        let found = within(Duration::from_secs(60), || vec![CompletionCandidate::new("worker-1")]);
        assert_eq!(found.len(), 1);
        let (_never, wait) = mpsc::channel::<()>();
        let late = within(Duration::ZERO, move || {
            let _ = wait.recv();
            vec![CompletionCandidate::new("worker-1")]
        });
        assert!(late.is_empty());
    }
}
