//! Planning a drain of each node alone, and putting what is found together.

use std::collections::{BTreeMap, HashMap};

use jiff::Timestamp;
use patchkit::{
    report::{Finding, Metadata, NotEvaluated, Report, Severity, words::summary},
    rules::budget::Outlook,
    snapshot::{
        Snapshot,
        budgets::covers,
        kinds,
        objects::{node::Node, pod::Pod},
    },
};
use serde_json::Value;

use super::{
    document::document,
    model::{NodeLine, Obstacles, Verdict},
};
use crate::drain::{
    self, Action, NoPlan, Options,
    budgets::{Standing, held_by_unready, protects_nobody, standing},
    make_on,
    scene::{Ground, Scene},
    services::{is_single, single_replica},
    workload::can_surge,
};

/// Findings of a plan that say nothing about drains in general.
const OF_ONE_DRAIN: [&str; 3] = ["control-plane-node", "autoscaler", "foreign-cordon"];

/// What stands in the way, with everything that goes into the report.
#[derive(Clone, Debug, Default)]
pub struct Made {
    /// The section of the report.
    pub obstacles: Obstacles,
    /// What was found.
    pub findings: Vec<Finding>,
    /// What could not be looked at.
    pub not_evaluated: Vec<NotEvaluated>,
}

/// Looks at the whole cluster; of the nodes at so many at most.
///
/// # Errors
/// Where nodes or pods could not be read: nothing can be said at all.
pub fn make(snapshot: &Snapshot, now: Timestamp, most: usize, mut progress: impl FnMut(&str)) -> Result<Made, NoPlan> {
    for kind in [kinds::NODES, kinds::PODS] {
        if let Some(why) = snapshot.why_unknown(&kind) {
            return Err(NoPlan::Unread { what: kind.plural, why });
        }
    }
    // What a flag of kubectl's settles is no obstacle.
    let options = Options {
        force: true,
        ignore_daemonsets: true,
        delete_emptydir_data: true,
        include_control_plane: true,
        ..Options::default()
    };
    let ground = Ground::new(snapshot, now);
    let mut found = Found::default();
    let whole = Scene::new(&ground, &options, Vec::new());
    found.budgets(&whole);
    found.singletons(&whole);
    let mut obstacles = Obstacles::default();
    for node in snapshot.nodes.iter().take(most) {
        progress(&node.meta.name);
        let made = make_on(&Scene::new(&ground, &options, vec![node]));
        obstacles.nodes.push(line(node, &made));
        found.add(node, made);
    }
    obstacles.nodes_not_tried = snapshot.nodes.len().saturating_sub(most);
    let Found { findings, mut not_evaluated } = found;
    if obstacles.nodes_not_tried > 0 {
        not_evaluated
            .push(NotEvaluated::new(format!("{} nodes", obstacles.nodes_not_tried), "--max-nodes allows no more"));
    }
    let findings: Vec<Finding> = findings.into_values().map(FoundOn::into_finding).collect();
    obstacles.verdict = if findings.iter().any(|finding| finding.severity > Severity::Info) {
        Verdict::Obstacles
    } else if not_evaluated.is_empty() {
        Verdict::Clear
    } else {
        Verdict::NotProven
    };
    Ok(Made { obstacles, findings, not_evaluated })
}

fn line(node: &Node, made: &drain::Made) -> NodeLine {
    let pods = &made.plan.pods;
    NodeLine {
        name: node.meta.name.to_string(),
        verdict: made.plan.verdict,
        moves: pods.iter().filter(|pod| pod.action.goes()).count(),
        blocked: pods.iter().filter(|pod| pod.action == Action::Blocked).map(drain::PlannedPod::path).collect(),
        predicted_seconds: made.plan.predicted_seconds,
    }
}

/// Findings by what they are about, each with the nodes whose drain shows it.
#[derive(Default)]
struct Found {
    findings: BTreeMap<(String, String), FoundOn>,
    not_evaluated: Vec<NotEvaluated>,
}

struct FoundOn {
    finding: Finding,
    nodes: Vec<String>,
}

impl FoundOn {
    fn into_finding(self) -> Finding {
        let Self { finding, nodes } = self;
        if nodes.is_empty() { finding } else { finding.with_evidence("nodes", nodes) }
    }
}

impl Found {
    /// One finding of a rule about an object: what a budget refuses on one node it refuses on the next.
    fn entry(&mut self, finding: Finding) -> &mut FoundOn {
        let about = finding.object.as_ref().map_or_else(|| finding.title.clone(), |object| object.display());
        let entry = self.findings.entry((finding.id.clone(), about));
        entry.or_insert(FoundOn { finding, nodes: Vec::new() })
    }

    fn add(&mut self, node: &Node, made: drain::Made) {
        for finding in made.findings {
            if OF_ONE_DRAIN.contains(&finding.id.as_str()) {
                continue;
            }
            let entry = self.entry(finding.clone());
            // The pods of every node are evidence, whichever node told of it first.
            merge(&mut entry.finding, &finding);
            entry.nodes.push(node.meta.name.to_string());
        }
        self.not_evaluated.extend(made.not_evaluated);
    }

    /// Workloads with a single replica, also where it does not go.
    fn singletons(&mut self, scene: &Scene<'_>) {
        for workload in scene.snapshot.workloads.iter().filter(|workload| is_single(workload)) {
            let is_its = |pod: &&Pod| {
                pod.meta.namespace == workload.meta.namespace
                    && scene.top(pod).is_some_and(|top| std::ptr::eq(top, workload))
            };
            let surges = scene.snapshot.pods.iter().find(is_its).is_some_and(|pod| can_surge(scene, workload, pod));
            self.entry(single_replica(scene, workload, surges));
        }
    }

    /// The budgets, wherever their pods are.
    fn budgets(&mut self, scene: &Scene<'_>) {
        let standings: Vec<Standing<'_>> =
            scene.snapshot.budgets.iter().map(|budget| standing(scene, budget)).collect();
        for standing in &standings {
            let found = [protects_nobody(scene, standing), held_by_unready(scene, standing), closed(scene, standing)];
            for finding in found.into_iter().flatten() {
                self.entry(finding);
            }
            if let Some(why) = &standing.unknown {
                self.not_evaluated.push(NotEvaluated::new(standing.display(), why.clone()));
            }
        }
        for finding in overlaps(scene, &standings) {
            self.entry(finding);
        }
    }
}

/// Adds the pods of one finding to those of the other.
fn merge(into: &mut Finding, from: &Finding) {
    let Some(Value::Array(more)) = from.evidence.get("pods") else { return };
    if let Some(Value::Array(pods)) = into.evidence.get_mut("pods") {
        for pod in more {
            if !pods.contains(pod) {
                pods.push(pod.clone());
            }
        }
    }
}

/// A budget that lets nothing go, now or ever.
fn closed(scene: &Scene<'_>, standing: &Standing<'_>) -> Option<Finding> {
    let (id, severity, title) = match &standing.outlook {
        Outlook::Never => ("budget-never", Severity::High, "the budget never allows an eviction".to_owned()),
        Outlook::Broken(problem) => {
            ("budget-never", Severity::High, format!("the budget cannot be computed: {problem}"))
        }
        Outlook::Later(_) => ("budget-now", Severity::Medium, "the budget allows no eviction now".to_owned()),
        _ => return None,
    };
    let hint = if id == "budget-now" {
        "repair its pods that are not Ready"
    } else {
        "scale to more replicas or loosen the budget: waiting does not help"
    };
    let finding = Finding::new(id, severity, title).with_evidence("pods", Value::Array(Vec::new())).with_hint(hint);
    Some(scene.about(finding, "PodDisruptionBudget", &standing.budget.meta))
}

/// Budgets that share pods: the API server refuses to evict those at all.
fn overlaps(scene: &Scene<'_>, standings: &[Standing<'_>]) -> Vec<Finding> {
    let mut shared: BTreeMap<Vec<usize>, Vec<String>> = BTreeMap::new();
    let mut of_namespace: HashMap<&str, Vec<usize>> = HashMap::new();
    for (at, standing) in standings.iter().enumerate() {
        of_namespace.entry(&standing.budget.meta.namespace).or_default().push(at);
    }
    for pod in scene.snapshot.pods.iter().filter(|pod| !pod.is_finished()) {
        let Some(budgets) = of_namespace.get(&*pod.meta.namespace) else { continue };
        let over: Vec<usize> = budgets.iter().copied().filter(|&at| covers(standings[at].budget, pod)).collect();
        if over.len() > 1 {
            shared.entry(over).or_default().push(pod.meta.path());
        }
    }
    shared
        .into_iter()
        .map(|(over, pods)| {
            let names: Vec<String> = over.iter().map(|&at| standings[at].budget.meta.name.to_string()).collect();
            let finding = Finding::new(
                "budgets-overlap",
                Severity::High,
                format!(
                    "budgets {} cover the same pods, which are never evicted: {}",
                    names.join(", "),
                    summary(&pods)
                ),
            )
            .with_evidence("budgets", names)
            .with_evidence("pods", pods)
            .with_hint("give every pod one budget: narrow the selectors until they no longer overlap");
            scene.about(finding, "PodDisruptionBudget", &standings[over[0]].budget.meta)
        })
        .collect()
}

impl Made {
    /// The report.
    #[must_use]
    pub fn report(mut self, metadata: Metadata) -> Report {
        self.not_evaluated.sort();
        self.not_evaluated.dedup();
        let document = document(&self);
        Report::new("ObstacleReport", metadata, self.obstacles.verdict.as_str(), self.findings, self.not_evaluated)
            .with_section("obstacles", &self.obstacles)
            .with_document(document)
    }
}
