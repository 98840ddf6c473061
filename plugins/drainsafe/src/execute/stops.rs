//! What in a plan keeps a run from beginning, or from going on.

use patchkit::rules::eviction::Refusal;

use crate::drain::{Action, BlockedFor, DrainPlan, PlannedPod, Verdict};

/// Why a drain of this plan must not begin; none where it may. A pod that only waits for its budget is no reason: the
/// run waits with it.
#[must_use]
pub fn stops(plan: &DrainPlan) -> Option<String> {
    let mut blocked = plan.pods.iter().filter(|pod| pod.action == Action::Blocked);
    if let Some(pod) = blocked.clone().find(|pod| !waits(pod)) {
        return Some(format!("{}: {}", pod.path(), pod.reason));
    }
    // Something of the whole drain is in the way, and no single pod.
    (plan.verdict == Verdict::Blocked && blocked.next().is_none()).then(|| "the plan is blocked".to_owned())
}

/// Whether a pod that is blocked now goes when it is waited for: a budget that grants nothing just now may do so later.
/// The plan tells it in the words of the budget's refusal; nothing else that blocks for now passes by itself.
#[must_use]
pub fn waits(pod: &PlannedPod) -> bool {
    let refusals = [Refusal::Exhausted { current: 0, desired: 0, sync_failure: None }, Refusal::NotSynced];
    pod.action == Action::Blocked
        && pod.blocked_for == Some(BlockedFor::Now)
        && refusals.iter().any(|refusal| opening(&refusal.to_string()) == opening(&pod.reason))
}

/// A text up to its first number.
fn opening(text: &str) -> &str {
    text.split(|letter: char| letter.is_ascii_digit() || letter == '(').next().unwrap_or_default().trim()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn blocked(blocked_for: BlockedFor, reason: &str) -> PlannedPod {
        PlannedPod {
            action: Action::Blocked,
            blocked_for: Some(blocked_for),
            reason: reason.to_owned(),
            ..PlannedPod::default()
        }
    }

    #[test]
    fn only_a_budget_that_may_open_is_waited_for() {
        let exhausted = Refusal::Exhausted { current: 5, desired: 6, sync_failure: None };
        for (pod, expected) in [
            (blocked(BlockedFor::Now, &format!("{exhausted} (web)")), true),
            (blocked(BlockedFor::Now, &format!("{} (web)", Refusal::NotSynced)), true),
            (blocked(BlockedFor::Never, &exhausted.to_string()), false),
            (blocked(BlockedFor::Now, "no other node takes its replacement"), false),
            (PlannedPod { action: Action::Evict, ..PlannedPod::default() }, false),
        ] {
            assert_eq!(waits(&pod), expected, "{}", pod.reason);
            let plan = DrainPlan { verdict: Verdict::Blocked, pods: vec![pod.clone()], ..DrainPlan::default() };
            assert_eq!(stops(&plan).is_none(), expected, "{}", pod.reason);
        }
    }
}
