//! Putting the parts of the plan together.

use patchkit::{
    report::{Finding, Metadata, NotEvaluated, Report, Severity},
    snapshot::{Kind, kinds, objects::node::Node},
};

use super::{
    budgets, document, filters, grace, groups, jobs,
    model::{Action, DrainPlan, Group, PlannedPod, Subject, Verdict},
    nodes, placement, quality, returns,
    scene::{Draft, Ground, Said, Scene},
    services, sets, workload,
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
    kinds::REPLICATION_CONTROLLERS,
    kinds::JOBS,
    kinds::CRON_JOBS,
    kinds::POD_DISRUPTION_BUDGETS,
    kinds::SERVICES,
    kinds::ENDPOINT_SLICES,
    kinds::VALIDATING_WEBHOOKS,
    kinds::MUTATING_WEBHOOKS,
    kinds::RESOURCE_QUOTAS,
    kinds::PERSISTENT_VOLUMES,
    kinds::PERSISTENT_VOLUME_CLAIMS,
    kinds::STORAGE_CLASSES,
    kinds::CSI_DRIVERS,
    kinds::CSI_NODES,
    kinds::CSI_STORAGE_CAPACITIES,
    kinds::VOLUME_ATTACHMENTS,
];

/// The plan with everything that goes into its report.
#[derive(Clone, Debug, Default)]
pub struct Made {
    /// The section of the report.
    pub plan: DrainPlan,
    /// What was found.
    pub findings: Vec<Finding>,
    /// What could not be looked at.
    pub not_evaluated: Vec<NotEvaluated>,
}

/// Why there is no plan.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoPlan {
    /// A node is not there. The words are the API server's.
    #[error("nodes \"{0}\" not found")]
    NoSuchNode(String),
    /// An empty selector would select all nodes, which nobody means.
    #[error("an empty selector selects every node: name the nodes, or the labels that they have")]
    EverythingSelected,
    /// No node has these labels.
    #[error("no node has the labels {0:?}")]
    NothingSelected(String),
    /// The nodes or the pods could not be read: nothing can be said at all.
    #[error("the {what} cannot be seen: {why}")]
    Unread {
        /// `nodes` or `pods`.
        what: &'static str,
        /// Why.
        why: String,
    },
}

/// The nodes that are to be drained, by name or by label.
///
/// # Errors
/// Where one of them is not there, or where nodes or pods could not be read.
pub fn select_nodes<'a>(subject: Subject<'a>) -> Result<Vec<&'a Node>, NoPlan> {
    let Subject { snapshot, targets, .. } = subject;
    for kind in [kinds::NODES, kinds::PODS] {
        if let Some(why) = snapshot.why_unknown(&kind) {
            return Err(NoPlan::Unread { what: kind.plural, why });
        }
    }
    if let Some(selector) = &targets.selector {
        if selector.is_empty() {
            return Err(NoPlan::EverythingSelected);
        }
        let found: Vec<_> = snapshot.nodes.iter().filter(|node| selector.matches(&node.meta.labels)).collect();
        return if found.is_empty() { Err(NoPlan::NothingSelected(selector.to_string())) } else { Ok(found) };
    }
    let mut found: Vec<&Node> = Vec::new();
    for name in &targets.nodes {
        // kubectl takes `node/web-1` as well.
        let name = name.strip_prefix("node/").or_else(|| name.strip_prefix("nodes/")).unwrap_or(name);
        let node = snapshot.nodes.iter().find(|node| node.meta.name == name);
        let node = node.ok_or_else(|| NoPlan::NoSuchNode(name.to_owned()))?;
        if !found.iter().any(|known| known.meta.name == node.meta.name) {
            found.push(node);
        }
    }
    Ok(found)
}

/// Makes the plan.
///
/// # Errors
/// Where a node is not there, or where nothing can be said at all.
pub fn make(subject: Subject<'_>) -> Result<Made, NoPlan> {
    let nodes = select_nodes(subject)?;
    let ground = Ground::new(subject.snapshot, subject.now);
    Ok(make_on(&Scene::new(&ground, subject.options, nodes)))
}

/// Makes the plan of a scene.
#[must_use]
pub fn make_on(scene: &Scene<'_>) -> Made {
    let mut said = Said { not_evaluated: scene.snapshot.not_evaluated.clone(), ..Said::default() };
    let mut plan = DrainPlan { nodes: nodes::planned(scene), ..DrainPlan::default() };
    let mut drafts = workload::drafts(scene, &mut said);
    filters::apply(scene, &mut drafts, &mut said);
    nodes::guard(scene, &plan.nodes, &mut drafts, &mut said);
    jobs::guard(scene, &mut drafts, &mut said);
    returns::straight_back(scene, &mut drafts, &mut said);
    said.needs(scene.snapshot, &kinds::POD_DISRUPTION_BUDGETS);
    let standings = budgets::standings(scene, &drafts);
    budgets::judge(scene, &standings, &mut drafts, &mut said);
    sets::guard(scene, &mut drafts, &mut said);
    services::guard(scene, &standings, &mut drafts, &mut said);
    placement::settle(scene, &mut drafts, &mut said);
    let groups::Ordered { groups, order } = groups::order(scene, &standings, &plan.nodes, &mut drafts);
    budgets::consume(&standings, &mut drafts, &order, &mut said);
    if drafts.iter().all(|draft| draft.planned.action != Action::Blocked && !draft.planned.waits_for_completion) {
        let prediction = groups::predict(&plan.nodes, &groups, &drafts);
        plan.predicted_seconds = Some(prediction.seconds);
        plan.predicted_seconds_at_least = Some(prediction.at_least);
        plan.bound_by = Some(prediction.bound_by);
        plan.assumptions = assumptions(&drafts);
    }
    services::singletons(scene, &drafts, &mut said);
    budgets::tell(scene, &standings, &drafts, &mut said);
    returns::left_behind(scene, &drafts, &mut said);
    quality::tell(scene, &drafts, &mut said);
    grace::tell(scene, &drafts, &plan, &mut said);
    plan.budgets = budgets::planned(&standings, &drafts);
    plan.verdict = verdict(&drafts, &said);
    put(&mut plan, drafts, groups, &order);
    Made { plan, findings: said.findings, not_evaluated: said.not_evaluated }
}

/// What of a plan does not depend on how many nodes are drained at once: which pods go, which wait for each other, and how
/// long each takes. For nodes that are drained one after the other it tells the duration.
#[must_use]
pub fn outline_on(scene: &Scene<'_>) -> DrainPlan {
    let mut said = Said::default();
    let mut plan = DrainPlan { nodes: nodes::planned(scene), ..DrainPlan::default() };
    let mut drafts = workload::drafts(scene, &mut said);
    filters::apply(scene, &mut drafts, &mut said);
    jobs::guard(scene, &mut drafts, &mut said);
    let standings = budgets::standings(scene, &drafts);
    budgets::name(&standings, &mut drafts);
    let groups::Ordered { groups, order } = groups::order(scene, &standings, &plan.nodes, &mut drafts);
    put(&mut plan, drafts, groups, &order);
    plan
}

/// What the prediction takes for granted.
fn assumptions(drafts: &[Draft<'_>]) -> Vec<String> {
    let going: Vec<&Draft<'_>> = drafts.iter().filter(|draft| draft.is_replaced()).collect();
    let mut assumptions = Vec::new();
    if drafts.iter().any(|draft| draft.goes() && draft.planned.grace_period_seconds > 0) {
        assumptions.push(
            "pods use all of the time that they get to end; how much of it they need is not to be seen beforehand"
                .to_owned(),
        );
    }
    let by = |from: &str| {
        going.iter().filter(|it| it.planned.ready_after.as_ref().is_some_and(|it| it.from == from)).count()
    };
    let (measured, probes) = (by("measured"), by("probes"));
    if measured > 0 {
        assumptions.push(format!(
            "{} as fast as their like did in this cluster",
            if measured == 1 {
                "1 replacement gets Ready".to_owned()
            } else {
                format!("{measured} replacements get Ready")
            }
        ));
    }
    if probes > 0 {
        assumptions.push(format!(
            "{} as soon as the probes allow, since none of their like tells how long it took",
            if probes == 1 {
                "1 replacement gets Ready".to_owned()
            } else {
                format!("{probes} replacements get Ready")
            }
        ));
    }
    assumptions
}

fn verdict(drafts: &[Draft<'_>], said: &Said) -> Verdict {
    let serious = |finding: &&Finding| finding.severity >= Severity::High;
    let (unproven, in_the_way): (Vec<_>, Vec<_>) =
        said.findings.iter().filter(serious).partition(|finding| finding.id == placement::PLACE_NOT_PROVEN);
    let unknown = drafts.iter().any(|it| it.is_replaced() && it.planned.destination_unknown.is_some());
    if !in_the_way.is_empty() || drafts.iter().any(|draft| draft.planned.action == Action::Blocked) {
        Verdict::Blocked
    } else if !unproven.is_empty() || unknown || !said.not_evaluated.is_empty() {
        Verdict::NotProven
    } else if said.findings.iter().any(|finding| finding.severity > Severity::Info) {
        Verdict::Warnings
    } else {
        Verdict::Safe
    }
}

/// Puts the pods into their order, those that stay last.
fn put(plan: &mut DrainPlan, drafts: Vec<Draft<'_>>, groups: Vec<Group>, order: &[usize]) {
    let going: Vec<usize> = order.iter().copied().filter(|&index| drafts[index].goes()).collect();
    let staying = (0..drafts.len()).filter(|index| !drafts[*index].goes());
    let sequence: Vec<usize> = going.iter().copied().chain(staying).collect();
    let mut places = vec![0; drafts.len()];
    for (place, &index) in sequence.iter().enumerate() {
        places[index] = place;
    }
    plan.groups = groups
        .into_iter()
        .map(|group| Group {
            pods: group.pods.iter().filter(|&&pod| drafts[pod].goes()).map(|&pod| places[pod]).collect(),
            ..group
        })
        .collect();
    let mut planned: Vec<Option<PlannedPod>> = drafts
        .into_iter()
        .map(|draft| {
            let group = draft.planned.group.filter(|_| draft.planned.action.goes());
            Some(PlannedPod { group, ..draft.planned })
        })
        .collect();
    plan.pods = sequence.into_iter().filter_map(|index| planned.get_mut(index)?.take()).collect();
}

impl Made {
    /// The report.
    #[must_use]
    pub fn report(self, metadata: Metadata) -> Report {
        let document = document::document(&self);
        Report::new("DrainReport", metadata, self.plan.verdict.as_str(), self.findings, self.not_evaluated)
            .with_section("drain", &self.plan)
            .with_document(document)
    }
}
