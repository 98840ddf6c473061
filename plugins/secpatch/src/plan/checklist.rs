//! What must be looked at before the first hop, each line with its evidence.
//!
//! Every check is a function that gives one line. It passes only where what it needs was read; where it was not, it
//! says so.

mod budgets;
mod nodes;
mod room;
mod versions;
mod webhooks;
mod workloads;

use patchkit::{
    report::{CheckStatus, Finding, ObjectRef, Severity},
    snapshot::{Kind, Snapshot},
};

use super::model::{ChecklistLine, ComponentLine, Hop, Step};
use crate::{subject::Subject, words::count};

/// What the other parts of the plan have worked out already.
#[derive(Clone, Copy)]
pub struct Known<'a> {
    /// Where the cluster stands.
    pub components: &'a [ComponentLine],
    /// The hops.
    pub hops: &'a [Hop],
    /// The steps.
    pub steps: &'a [Step],
}

/// All lines, in the order in which a person goes through them.
#[must_use]
pub fn checklist(subject: Subject<'_>, known: Known<'_>) -> Vec<ChecklistLine> {
    vec![
        versions::removed_apis(subject, known),
        versions::skew(subject, known),
        versions::api_services(subject),
        workloads::frozen_registry(subject),
        webhooks::fail_closed(subject),
        budgets::never_allow(subject),
        workloads::single_replica(subject),
        workloads::readiness_probes(subject),
        workloads::stateful_without_budget(subject),
        workloads::not_ready(subject),
        nodes::not_ready(subject),
        nodes::image_age(subject),
        room::capacity(subject),
        room::pod_addresses(subject, known),
        room::quotas(subject),
    ]
}

/// The lines that are not passed, as findings; one a line, with all its objects as evidence.
#[must_use]
pub fn findings(lines: &[ChecklistLine]) -> Vec<Finding> {
    lines
        .iter()
        .filter(|line| matches!(line.status, CheckStatus::Fail | CheckStatus::Warn))
        // What hops and skew say is told by findings of their own, one an object.
        .filter(|line| !matches!(line.id, "removed-apis" | "version-skew"))
        .map(|line| {
            let names: Vec<String> = line.objects.iter().map(ObjectRef::display).collect();
            let finding = Finding::new(line.id, line.severity, format!("{}: {}", line.title, line.evidence))
                .with_evidence("objects", names);
            let finding = match line.objects.as_slice() {
                [one] => finding.with_object(one.clone()),
                _ => finding,
            };
            match &line.action {
                Some(action) => finding.with_hint(action.as_str()),
                None => finding,
            }
        })
        .collect()
}

/// A check while it is made.
struct Check {
    id: &'static str,
    title: &'static str,
    /// How much it matters where it does not pass.
    severity: Severity,
    action: &'static str,
}

impl Check {
    fn line(&self, status: CheckStatus, evidence: impl Into<String>, objects: Vec<ObjectRef>) -> ChecklistLine {
        let severity = match status {
            CheckStatus::Pass | CheckStatus::Unknown => Severity::Info,
            CheckStatus::Fail | CheckStatus::Warn => self.severity,
        };
        ChecklistLine {
            id: self.id,
            title: self.title.to_owned(),
            status,
            evidence: evidence.into(),
            objects,
            action: (status != CheckStatus::Pass).then(|| self.action.to_owned()),
            severity,
        }
    }

    fn unknown(&self, why: impl Into<String>) -> ChecklistLine {
        self.line(CheckStatus::Unknown, why, Vec::new())
    }

    /// Objects that were found have this status, whatever else was not read. Where none was found, the check passes
    /// only if everything was.
    fn none_of(
        &self,
        status: CheckStatus,
        objects: Vec<ObjectRef>,
        unread: Option<String>,
        looked_at: &str,
        found: impl FnOnce(usize) -> String,
    ) -> ChecklistLine {
        match (objects.len(), unread) {
            (0, None) => self.line(CheckStatus::Pass, looked_at, objects),
            (0, Some(why)) => self.unknown(why),
            (number, None) => self.line(status, found(number), objects),
            (number, Some(why)) => self.line(status, format!("{}; not all was read: {why}", found(number)), objects),
        }
    }
}

/// Why a check on these kinds can say nothing, where one of them was not read.
fn unread(snapshot: &Snapshot, kinds: &[Kind]) -> Option<String> {
    kinds.iter().find_map(|kind| snapshot.why_unknown(kind).map(|why| format!("{}: {why}", kind.resource())))
}
