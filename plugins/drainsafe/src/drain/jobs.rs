//! Jobs: an eviction is a failure of the pod, unless the Job's failure policy ignores disruptions.
//!
//! Source: `pkg/controller/job/job_controller.go`; KEP-3329 (`podFailurePolicy`, condition `DisruptionTarget`).

use patchkit::{
    report::{Finding, Severity},
    snapshot::objects::workload::{Workload, WorkloadKind},
};

use super::{
    model::{Action, BlockedFor},
    scene::{Draft, Said, Scene},
};

/// The default of `backoffLimit`.
const DEFAULT_BACKOFF_LIMIT: i32 = 6;

/// Says what an eviction costs each Job, and blocks where it would end it as failed.
pub fn guard(scene: &Scene<'_>, drafts: &mut [Draft<'_>], said: &mut Said) {
    for draft in drafts.iter_mut().filter(|draft| draft.goes() && !draft.planned.finished) {
        let Some(job) = scene.controller(draft.pod).filter(|it| it.kind == WorkloadKind::Job) else { continue };
        if scene.options.wait_completed {
            draft.planned.action = Action::Skip;
            draft.planned.waits_for_completion = true;
            draft.planned.reason = format!("waited for until Job {} has completed", job.meta.path());
            continue;
        }
        let facts = job.job.as_deref().cloned().unwrap_or_default();
        let limit = facts.backoff_limit.unwrap_or(DEFAULT_BACKOFF_LIMIT);
        let fails = match facts.on_disruption.as_deref() {
            Some("FailJob") => Some("its podFailurePolicy fails the whole Job on a disruption".to_owned()),
            Some("Ignore") => None,
            _ if limit <= 0 => Some("its backoffLimit is 0, so that the Job fails with this pod".to_owned()),
            _ => None,
        };
        match fails {
            Some(why) => {
                draft.block(BlockedFor::Now, format!("{why}; --wait-completed waits for it"));
                said.find(finding(
                    scene,
                    job,
                    "job-fails",
                    Severity::High,
                    &why,
                    "wait for it with --wait-completed, or give it a podFailurePolicy that ignores the condition \
                     DisruptionTarget",
                ));
            }
            None if facts.on_disruption.as_deref() == Some("Ignore") => {
                draft.note("its Job begins anew, and does not count it as a failure");
            }
            None => {
                draft.note("its Job begins anew, and counts it as a failure");
                said.find(finding(
                    scene,
                    job,
                    "job-restarts",
                    Severity::Low,
                    &format!("an eviction counts as one of the {limit} failures that it may have"),
                    "wait for it with --wait-completed, or ignore the condition DisruptionTarget in its podFailurePolicy",
                ));
            }
        }
    }
}

fn finding(scene: &Scene<'_>, job: &Workload, id: &str, severity: Severity, title: &str, hint: &str) -> Finding {
    scene.about(Finding::new(id, severity, title).with_hint(hint), "Job", &job.meta)
}
