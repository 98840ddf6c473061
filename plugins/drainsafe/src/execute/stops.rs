//! What in a plan keeps a run from beginning, or from going on.

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
#[must_use]
pub fn waits(pod: &PlannedPod) -> bool {
    pod.action == Action::Blocked
        && pod.blocked_for == Some(BlockedFor::Now)
        && !pod.budgets.is_empty()
        && pod.reason.starts_with("the budget needs")
}
