//! Putting the parts of the plan together.

use patchkit::{
    cluster::MetadataWish,
    report::{Check, Exit, FailOn, Finding, NotEvaluated, Report, Severity},
    rules::version::KubeVersion,
    snapshot::{Kind, ServedResource, Snapshot, kinds},
};

use super::{
    checklist, document, hops,
    model::Plan,
    rehearsal::rehearsal,
    steps::{self, StepOptions},
    support,
    target::{self, TargetChoice},
};
use crate::{
    apis::kinds_to_ask,
    cves::find,
    facts::Facts,
    inventory::{Hints, Inventory},
    subject::Subject,
};

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
    kinds::ENDPOINTS,
    kinds::ENDPOINT_SLICES,
    kinds::INGRESSES,
    kinds::NETWORK_POLICIES,
    kinds::VALIDATING_WEBHOOKS,
    kinds::MUTATING_WEBHOOKS,
    kinds::VALIDATING_ADMISSION_POLICIES,
    kinds::CUSTOM_RESOURCE_DEFINITIONS,
    kinds::API_SERVICES,
    kinds::RESOURCE_QUOTAS,
    kinds::CONFIG_MAPS,
    kinds::SERVICE_ACCOUNTS,
    kinds::ROLES,
    kinds::CLUSTER_ROLES,
    kinds::ROLE_BINDINGS,
    kinds::CLUSTER_ROLE_BINDINGS,
    kinds::PERSISTENT_VOLUMES,
    kinds::PERSISTENT_VOLUME_CLAIMS,
    kinds::STORAGE_CLASSES,
    kinds::CSI_DRIVERS,
    kinds::CSI_NODES,
    kinds::PROMETHEUS_RULES,
];

/// How many minors back an API server may emulate (KEP-4330).
const EMULATED_MINORS: u32 = 3;

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

/// What the user decides about a plan.
#[derive(Clone, Debug, Default)]
pub struct Options<'a> {
    /// Where to go.
    pub target: TargetChoice,
    /// Surge and windows.
    pub steps: StepOptions,
    /// A lower environment: its name, and its facts.
    pub rehearsal: Option<(&'a str, &'a Snapshot)>,
}

/// Makes the plan. Without a target there are still the components, what is urgent, and the checklist.
#[must_use]
pub fn make(subject: Subject<'_>, options: &Options<'_>) -> Made {
    let Subject { snapshot, inventory, facts, today, .. } = subject;
    let mut not_evaluated = inventory.not_evaluated.clone();
    not_evaluated.extend(snapshot.not_evaluated.iter().cloned());
    let components = support::components(subject);
    not_evaluated.extend(support::unmeasured(subject));
    let urgent = find::touching(subject);
    not_evaluated.extend(find::not_evaluated(subject));
    let (target, target_reason) = match target::choose(&options.target, inventory, facts, today) {
        Ok(target) => (Some(target.version), target.reason),
        Err(error) => {
            not_evaluated.push(NotEvaluated::new("the target and the hops", error.to_string()));
            (None, error.to_string())
        }
    };
    let hops = target.as_ref().map(|target| hops::hops(subject, target)).unwrap_or_default();
    let steps = target.as_ref().map(|target| steps::steps(subject, &hops, target, &options.steps)).unwrap_or_default();
    let known = checklist::Known { components: &components, hops: &hops, steps: &steps };
    let checklist = checklist::checklist(subject, known);
    let rehearsal = options.rehearsal.map(|(environment, lower)| {
        rehearsal(environment, snapshot, lower, &Inventory::of(lower, &Hints::default()), target.as_ref())
    });
    let mut findings = support::findings(&components);
    findings.extend(find::findings(&urgent));
    findings.extend(hops::findings(&hops));
    findings.extend(hops::findings_of_the_past(subject));
    findings.extend(checklist::findings(&checklist));
    let plan = Plan {
        current: inventory.server.as_ref().map(|version| version.as_str().to_owned()),
        emulated: inventory.emulated.map(|minor| minor.to_string()),
        target: target.map(|version| version.as_str().to_owned()),
        target_reason,
        provider: inventory.provider.to_string(),
        components,
        urgent,
        hops,
        checklist,
        rehearsal,
        steps,
    };
    Made { plan, findings, not_evaluated }
}

/// Kinds that the hops to any target may remove: of these a live cluster is asked for the metadata, which tells with
/// which versions the objects are written.
#[must_use]
pub fn metadata_wishes(facts: &Facts, version: &str, served: &[ServedResource]) -> Vec<MetadataWish> {
    let Ok(current) = version.parse::<KubeVersion>() else { return Vec::new() };
    // Which target there will be is not known yet, so all are asked about that there can be.
    let newest = facts.releases().all().last().map_or(current.minor(), |release| release.minor);
    // An emulated minor is older than the binary: what it still serves may go on the way to the binary's own.
    let oldest = current.minor().back(EMULATED_MINORS);
    kinds_to_ask(facts.apis(), facts.apis().removed_between(oldest, newest), newest, served)
        .into_iter()
        .filter(|ask| !KINDS.iter().any(|kind| kind.group == ask.group && kind.kind == ask.kind))
        .collect()
}

impl Made {
    /// The exit code where the plan is written in a form that is no report.
    #[must_use]
    pub fn exit(&self, fail_on: FailOn) -> Exit {
        Exit::of(&self.findings, &self.not_evaluated, fail_on)
    }

    /// The report.
    #[must_use]
    pub fn report(self, metadata: patchkit::report::Metadata) -> Report {
        let nodes_unread = self.not_evaluated.iter().any(|it| it.what == "nodes");
        let verdict = verdict(&self.plan, &self.findings, nodes_unread);
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

/// `up-to-date`, `updates-needed`, `urgent` (a finding of severity critical or high), `cannot-tell` (no target, or the
/// nodes were not to be seen, on which the most urgent may run).
fn verdict(plan: &Plan, findings: &[Finding], nodes_unread: bool) -> &'static str {
    let worst = findings.iter().map(|finding| finding.severity).max();
    if plan.target.is_none() {
        "cannot-tell"
    } else if worst >= Some(Severity::High) {
        "urgent"
    } else if plan.hops.is_empty() && plan.steps.is_empty() {
        if nodes_unread { "cannot-tell" } else { "up-to-date" }
    } else {
        "updates-needed"
    }
}
