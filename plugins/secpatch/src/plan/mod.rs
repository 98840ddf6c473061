//! The plan of the security updates that a cluster needs: what is urgent, the hops, what to check first, the steps.
//!
//! Each file is one part, a pure function of a [`Subject`]; [`model`] is what they make together, [`document`] how it
//! is shown to people.

mod document;
pub mod model;
pub mod preconditions;
pub mod removed;
mod settings;
mod specs;
pub mod support;
pub mod target;
#[cfg(test)]
mod testing;
pub mod urgent;

use patchkit::{
    report::{Check, Finding, NotEvaluated, Report, Severity},
    rules::version::Minor,
    snapshot::{Kind, kinds},
};

use self::target::{Target, TargetError};
pub use model::{Plan, Subject};

/// The kinds that a plan reads of a live cluster.
pub const KINDS: &[Kind] = &[
    kinds::NODES,
    kinds::NAMESPACES,
    kinds::PODS,
    kinds::DEPLOYMENTS,
    kinds::STATEFUL_SETS,
    kinds::DAEMON_SETS,
    kinds::REPLICA_SETS,
    kinds::JOBS,
    kinds::CRON_JOBS,
    kinds::POD_DISRUPTION_BUDGETS,
    kinds::SERVICES,
    kinds::ENDPOINT_SLICES,
    kinds::NETWORK_POLICIES,
    kinds::VALIDATING_WEBHOOKS,
    kinds::MUTATING_WEBHOOKS,
    kinds::CUSTOM_RESOURCE_DEFINITIONS,
    kinds::API_SERVICES,
    kinds::RESOURCE_QUOTAS,
    kinds::CONFIG_MAPS,
    kinds::SERVICE_ACCOUNTS,
    kinds::ROLES,
    kinds::CLUSTER_ROLES,
    kinds::PERSISTENT_VOLUMES,
    kinds::PERSISTENT_VOLUME_CLAIMS,
    kinds::STORAGE_CLASSES,
    kinds::CSI_DRIVERS,
    kinds::CSI_NODES,
    kinds::PROMETHEUS_RULES,
];

/// The plan with everything that goes into its report.
#[derive(Debug)]
pub struct Made {
    /// The section of the report.
    pub plan: Plan,
    /// What was found.
    pub findings: Vec<Finding>,
    /// What could not be looked at.
    pub not_evaluated: Vec<NotEvaluated>,
}

/// Makes the plan. Without a target there are still the components, what is urgent, and the checklist.
#[must_use]
pub fn make(subject: Subject<'_>, target: Result<Target, TargetError>) -> Made {
    let inventory = subject.inventory;
    let components = support::components(subject);
    let mut findings = support::findings(&components);
    let mut not_evaluated = inventory.not_evaluated.clone();
    not_evaluated.extend(subject.snapshot.not_evaluated.iter().cloned());
    not_evaluated.extend(support::unmeasured(subject));
    let (target, target_reason) = match target {
        Ok(target) => (Some(target.version), target.reason),
        Err(error) => {
            not_evaluated.push(NotEvaluated::new("the target and the hops", error.to_string()));
            (None, error.to_string())
        }
    };
    let _ = &mut findings;
    let plan = Plan {
        current: inventory.server.as_ref().map(|version| version.as_str().to_owned()),
        emulated: inventory.emulated.map(|minor: Minor| minor.to_string()),
        target: target.map(|version| version.as_str().to_owned()),
        target_reason,
        provider: inventory.provider.to_string(),
        components,
        urgent: Vec::new(),
        hops: Vec::new(),
        checklist: Vec::new(),
        rehearsal: None,
        steps: Vec::new(),
    };
    Made { plan, findings, not_evaluated }
}

impl Made {
    /// The report.
    #[must_use]
    pub fn report(self, metadata: patchkit::report::Metadata) -> Report {
        let verdict = verdict(&self.plan, &self.findings);
        let document = document::document(&self.plan);
        let checks = self
            .plan
            .checklist
            .iter()
            .map(|line| Check { id: line.id.to_owned(), status: line.status, evidence: line.evidence.clone() })
            .collect();
        Report::new("PlanReport", metadata, verdict, self.findings, self.not_evaluated)
            .with_section("plan", &self.plan)
            .with_document(document)
            .with_checks(checks)
    }
}

/// `up-to-date`, `updates-needed`, `urgent` (a finding of severity critical or high), `cannot-tell` (no target).
fn verdict(plan: &Plan, findings: &[Finding]) -> &'static str {
    let worst = findings.iter().map(|finding| finding.severity).max();
    if plan.target.is_none() {
        "cannot-tell"
    } else if worst >= Some(Severity::High) {
        "urgent"
    } else if plan.hops.is_empty() && plan.steps.is_empty() {
        "up-to-date"
    } else {
        "updates-needed"
    }
}
