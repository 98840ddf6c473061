//! Budgets that will never let a pod go.

use patchkit::{
    report::{CheckStatus, Severity},
    rules::budget::{Outlook, outlook},
    snapshot::{Owners, budgets, kinds},
};

use super::{Check, Subject, count, unread};
use crate::plan::model::ChecklistLine;

pub(super) fn never_allow(subject: Subject<'_>) -> ChecklistLine {
    let check = Check {
        id: "budgets-never-allow",
        title: "Every PodDisruptionBudget lets a pod go sooner or later",
        severity: Severity::High,
        action: "raise the replicas or loosen the budget: a drain waits for it without end",
    };
    let snapshot = subject.snapshot;
    let unread = unread(snapshot, &[kinds::POD_DISRUPTION_BUDGETS, kinds::PODS]);
    if snapshot.budgets.is_empty() && unread.is_none() {
        return check.line(CheckStatus::Pass, "there is none", Vec::new());
    }
    let owners = Owners::of(snapshot);
    let (mut never, mut unknown, mut later) = (Vec::new(), Vec::new(), 0);
    for budget in &snapshot.budgets {
        let pods: Vec<_> = budgets::pods_of(snapshot, budget).map(|pod| budgets::covered(pod, &owners)).collect();
        let status = budget.status.clone().unwrap_or_default();
        match outlook(&budget.spec, &pods, &status, subject.now) {
            Outlook::Never => never.push((budget, String::new())),
            Outlook::Broken(problem) => never.push((budget, problem.to_string())),
            Outlook::Unknown(problem) => unknown.push(format!("{}: {problem}", budget.meta.path())),
            Outlook::Later(_) => later += 1,
            Outlook::Open(_) | Outlook::NoPods => {}
        }
    }
    let unread = unread.or_else(|| (!unknown.is_empty()).then(|| unknown.join("; ")));
    let total = count(snapshot.budgets.len(), "budget");
    let now = if later > 0 { format!("; {later} allow none now, but will") } else { String::new() };
    let why: Vec<String> = never
        .iter()
        .filter(|(_, why)| !why.is_empty())
        .map(|(budget, why)| format!("; {}: {why}", budget.meta.path()))
        .collect();
    let objects = never.iter().map(|(budget, _)| budget.meta.object_ref("PodDisruptionBudget")).collect();
    check.none_of(CheckStatus::Fail, objects, unread, &format!("{total}, none that never allows{now}"), |number| {
        format!("{number} of {total} never allow an eviction{}{now}", why.concat())
    })
}
