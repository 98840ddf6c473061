//! The time that pods get to end, and whether the drain has it.

use patchkit::report::{
    Finding, Severity,
    words::{count, summary},
};

use super::{
    model::DrainPlan,
    scene::{Draft, Said, Scene, paths},
};

/// From here on a grace period is long enough to be told.
const LONG_SECONDS: i64 = 600;

/// What a deletion takes beside the grace period: the kubelet and the API server have to notice it.
const BUFFER_SECONDS: u64 = 30;

/// Compares grace periods with each other, with the pods' own, and with the timeout.
pub fn tell(scene: &Scene<'_>, drafts: &[Draft<'_>], plan: &DrainPlan, said: &mut Said) {
    let ending: Vec<&Draft<'_>> = drafts.iter().filter(|draft| draft.goes() && !draft.planned.finished).collect();
    let Some(longest) = ending.iter().max_by_key(|draft| draft.planned.grace_period_seconds) else { return };
    let seconds = longest.planned.grace_period_seconds;
    if seconds >= LONG_SECONDS {
        said.find(
            Finding::new(
                "long-grace",
                Severity::Medium,
                format!(
                    "{} may take {} to end",
                    longest.planned.path(),
                    super::words::duration(seconds.unsigned_abs())
                ),
            )
            .with_object(longest.reference())
            .with_evidence("gracePeriodSeconds", seconds)
            .with_hint("plan for it; nothing is shortened unless --grace-period says so"),
        );
    }
    shortened(scene, &ending, said);
    if let Some(deadline) = scene.options.deadline() {
        let needed = seconds.unsigned_abs() + BUFFER_SECONDS;
        if deadline.as_secs() < needed {
            said.find(
                Finding::new(
                    "timeout-too-short",
                    Severity::High,
                    format!(
                        "--timeout {} ends before {} may have ended ({})",
                        super::words::duration(deadline.as_secs()),
                        longest.planned.path(),
                        super::words::duration(seconds.unsigned_abs())
                    ),
                )
                .with_object(longest.reference())
                .with_hint(format!("give it {} at least", super::words::duration(needed))),
            );
        } else if plan.predicted_seconds.is_some_and(|predicted| predicted > deadline.as_secs()) {
            let predicted = plan.predicted_seconds.unwrap_or_default();
            said.find(
                Finding::new(
                    "timeout-below-prediction",
                    Severity::Medium,
                    format!(
                        "--timeout {} may end before the drain does, which is predicted to take {}",
                        super::words::duration(deadline.as_secs()),
                        super::words::duration(predicted)
                    ),
                )
                .with_hint("give it more time, or drain fewer nodes at once"),
            );
        }
    }
}

/// A grace period from the command line takes the pods' own away.
fn shortened(scene: &Scene<'_>, ending: &[&Draft<'_>], said: &mut Said) {
    let own = |draft: &&&Draft<'_>| {
        let own = draft.pod.spec.termination_grace_period_seconds.unwrap_or(30);
        scene.options.grace_period >= 0 && own > scene.options.grace_period
    };
    let shorter: Vec<&Draft<'_>> = ending.iter().filter(own).copied().collect();
    if shorter.is_empty() {
        return;
    }
    let names = paths(shorter);
    said.find(
        Finding::new(
            "grace-shortened",
            Severity::Medium,
            format!(
                "--grace-period {} gives {} less time to end than they ask for: {}",
                scene.options.grace_period,
                count(names.len(), "pod"),
                summary(&names)
            ),
        )
        .with_evidence("pods", names)
        .with_hint("leave --grace-period out: each pod then gets the time that it asks for"),
    );
}
