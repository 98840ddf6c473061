//! Putting the plan of a pool's update together.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use jiff::Timestamp;
use patchkit::{
    report::{Finding, Metadata, NotEvaluated, Report},
    rules::surge::{SurgePool, SurgeSetting, surge_for},
    snapshot::{Snapshot, kinds, objects::node::Node},
};

use super::{
    Course, Criterion, Headroom, Members, OutdatedNode, Outline, PoolPlan, Question, Standing, Waiting,
    document::document,
    forecast::Pace,
    members::{NoMembers, by_zone},
    outdated::{CannotTell, in_order},
    prove,
};
use crate::{
    drain::{
        Action, Options, make_on, outline_on,
        scene::{Ground, Scene},
    },
    execute::{node::SHUN_TAINT, stops},
};

/// Findings that say nothing about the update of a pool: it deals with them by itself.
const SETTLED: [&str; 2] = ["autoscaler", "last-endpoints"];

/// What is asked for.
#[derive(Clone, Debug)]
pub struct Wish {
    /// The pool.
    pub members: Members,
    /// What makes a node outdated.
    pub criterion: Criterion,
    /// Only these nodes, in this order: those of a plan's step.
    pub only: Option<Vec<String>>,
    /// How many more nodes there may be; none is without surge.
    pub surge: Option<SurgeSetting>,
    /// Nodes that are added are asked for by a command.
    pub asks: bool,
    /// How long a new node takes to be Ready, where that is known.
    pub node_start: Option<Duration>,
    /// Something replaces drained nodes, or takes them away for it.
    pub replaces: bool,
    /// A place that is not certain will do.
    pub allow_unproven: bool,
}

/// The plan with everything that goes into its report.
#[derive(Clone, Debug)]
pub struct Made {
    /// The plan.
    pub plan: PoolPlan,
    /// What was found.
    pub findings: Vec<Finding>,
    /// What could not be looked at.
    pub not_evaluated: Vec<NotEvaluated>,
    /// The pods of the outdated nodes, as far as their time is concerned.
    pub outline: Outline,
}

/// Why there is no plan.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoPool {
    /// There is no such pool.
    #[error(transparent)]
    Members(#[from] NoMembers),
    /// It has no node.
    #[error("the pool {0} has no node")]
    Empty(String),
    /// It cannot be told which nodes are outdated.
    #[error(transparent)]
    CannotTell(#[from] CannotTell),
    /// The nodes or the pods could not be read.
    #[error("the {what} cannot be seen: {why}")]
    Unread {
        /// `nodes` or `pods`.
        what: &'static str,
        /// Why.
        why: String,
    },
}

/// Makes the plan. The snapshot is given nodes that are not there while it is looked at, and is afterwards as before.
///
/// # Errors
/// Where there is no such pool, or where nothing can be said at all.
pub fn make(snapshot: &mut Snapshot, options: &Options, wish: &Wish, now: Timestamp) -> Result<Made, NoPool> {
    for kind in [kinds::NODES, kinds::PODS] {
        if let Some(why) = snapshot.why_unknown(&kind) {
            return Err(NoPool::Unread { what: kind.plural, why });
        }
    }
    let found = chosen(snapshot, wish, now)?;
    let nodes = wish.members.nodes(snapshot);
    let names: BTreeSet<String> = found.iter().map(|node| node.name.clone()).collect();
    let course = course(&nodes, &names, wish, options);
    let pace = Pace::of(&nodes, wish.asks, wish.node_start);
    let count = nodes.len();
    let surge_note = surge_note(count, &course, wish);
    let outline = outline_of(snapshot, options, &names, now);
    let mut made = Made {
        plan: PoolPlan {
            members: wish.members.clone(),
            goal: wish.criterion.words(),
            outdated: found,
            nodes: count,
            predicted_seconds: 0,
            node_start: pace.start,
            surge_note,
            headroom: if course.surge > 0 { Headroom::Surge } else { Headroom::Nowhere },
            course,
            blocked: BTreeMap::new(),
        },
        findings: Vec::new(),
        not_evaluated: snapshot.not_evaluated.clone(),
        outline,
    };
    each_alone(snapshot, options, &mut made, now);
    let plan = &mut made.plan;
    if plan.course.surge == 0 && plan.blocked.is_empty() && !plan.outdated.is_empty() {
        plan.headroom = headroom(snapshot, options, wish, plan, now);
    }
    let standing = at_first(plan, snapshot);
    plan.predicted_seconds = made.outline.forecast(&plan.course, pace, standing, []).ceil() as u64;
    Ok(made)
}

/// How the pool stands before anything is done.
fn at_first(plan: &PoolPlan, snapshot: &Snapshot) -> Standing {
    let waiting = plan.outdated.iter().map(|outdated| {
        let node = snapshot.nodes.iter().find(|node| node.meta.name == outdated.name.as_str());
        let works = node.is_some_and(|node| works(node, true));
        Waiting { name: outdated.name.clone(), zone: outdated.zone.clone(), works }
    });
    Standing { waiting: waiting.collect(), working: plan.course.zones.clone(), ..Standing::default() }
}

/// The outdated nodes, in the order in which they go.
fn chosen(snapshot: &Snapshot, wish: &Wish, now: Timestamp) -> Result<Vec<OutdatedNode>, NoPool> {
    let nodes = wish.members.nodes(snapshot);
    if nodes.is_empty() {
        return Err(NoPool::Empty(wish.members.title()));
    }
    let outdated = wish.criterion.outdated(&nodes, now)?;
    let outdated = match &wish.only {
        None => in_order(outdated),
        Some(only) => {
            let of = |name: &String| outdated.iter().find(|(node, _)| node.meta.name == name.as_str()).cloned();
            only.iter().filter_map(of).collect()
        }
    };
    Ok(outdated
        .into_iter()
        .map(|(node, reason)| OutdatedNode {
            name: node.meta.name.to_string(),
            zone: node.zone().unwrap_or_default().to_owned(),
            reason,
            ..OutdatedNode::default()
        })
        .collect())
}

/// Taints by which the control plane and the providers keep pods off a node until it is ready for them, and afterwards
/// when it is not any more.
const NOT_YET: [&str; 2] = ["node.kubernetes.io/", "node.cloudprovider.kubernetes.io/"];

/// Whether a node does its work: it is Ready, and takes pods or has those that it had.
#[must_use]
pub fn works(node: &Node, is_outdated: bool) -> bool {
    let kept_off = || {
        let of_control_plane = |key: &str| NOT_YET.iter().any(|prefix| key.starts_with(prefix));
        node.taints.iter().any(|taint| of_control_plane(&taint.key) && taint.effect != "PreferNoSchedule")
    };
    node.ready() == Some("True") && (is_outdated || !(node.unschedulable || kept_off()))
}

fn course(nodes: &[&Node], outdated: &BTreeSet<String>, wish: &Wish, options: &Options) -> Course {
    let working = nodes.iter().copied().filter(|node| works(node, outdated.contains(node.meta.name.as_str())));
    let zones = by_zone(working);
    let number = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
    // Whether the workloads bear more is not for a default to say; more than a third is a risk for most.
    let pool = SurgePool { nodes: number(nodes.len()), zones: number(zones.len()), sensitive: true };
    let most = surge_for(pool, wish.surge.unwrap_or_default(), number(outdated.len())).nodes as usize;
    let limit = if options.max_parallel == 0 { usize::MAX } else { options.max_parallel };
    Course { zones, surge: if wish.surge.is_some() { most } else { 0 }, at_once: most.min(limit) }
}

/// What is to be known of the surge: that it is another one than was asked for, and why.
fn surge_note(nodes: usize, course: &Course, wish: &Wish) -> Option<String> {
    let setting: SurgeSetting = wish.surge?;
    let asked = setting.of(u32::try_from(nodes).unwrap_or(u32::MAX)) as usize;
    (asked != course.surge && course.surge > 0).then(|| {
        let zones = if course.zones.len() > 1 {
            format!(", a multiple of {} zones", course.zones.len())
        } else {
            String::new()
        };
        format!(
            "{setting} of {nodes} nodes is {asked}; it is {}: at most 33%{zones}, and no more than is outdated",
            course.surge
        )
    })
}

/// The pods of these nodes, as far as their time is concerned.
#[must_use]
pub fn outline_of(snapshot: &Snapshot, options: &Options, names: &BTreeSet<String>, now: Timestamp) -> Outline {
    let ground = Ground::new(snapshot, now);
    let nodes = snapshot.nodes.iter().filter(|node| names.contains(node.meta.name.as_str())).collect();
    Outline::of(&outline_on(&Scene::new(&ground, options, nodes)))
}

/// Looks at each outdated node alone, as if there were a new one like each of them: what is found then is no lack of
/// room.
fn each_alone(snapshot: &mut Snapshot, options: &Options, made: &mut Made, now: Timestamp) {
    let names: BTreeSet<String> = made.plan.outdated.iter().map(|node| node.name.clone()).collect();
    let mut seen: BTreeSet<(String, String)> = BTreeSet::new();
    with_twins(snapshot, &names, |snapshot| {
        let ground = Ground::new(snapshot, now);
        for outdated in &mut made.plan.outdated {
            let nodes = snapshot.nodes.iter().filter(|node| node.meta.name == outdated.name.as_str()).collect();
            let alone = make_on(&Scene::new(&ground, options, nodes));
            outdated.pods =
                alone.plan.pods.iter().filter(|pod| pod.action.goes() || crate::execute::waits(pod)).count();
            outdated.seconds = made.outline.together([outdated.name.as_str()]).ceil() as u64;
            if let Some(why) = stops(&alone.plan) {
                made.plan.blocked.insert(outdated.name.clone(), why);
            }
            for finding in alone.findings {
                let blocked = alone.plan.pods.iter().any(|pod| pod.action == Action::Blocked);
                let of_interest = !SETTLED.contains(&finding.id.as_str()) || blocked;
                if of_interest && seen.insert((finding.id.clone(), finding.title.clone())) {
                    made.findings.push(finding);
                }
            }
            for lacking in alone.not_evaluated {
                if !made.not_evaluated.contains(&lacking) {
                    made.not_evaluated.push(lacking);
                }
            }
        }
    });
}

/// Adds a node like each of these, empty and taking pods, for as long as is looked.
fn with_twins(snapshot: &mut Snapshot, names: &BTreeSet<String>, look: impl FnOnce(&Snapshot)) {
    // No node can be named so: names of objects have no space.
    let twin_name = |name: &str| format!("{name} new");
    let twins: Vec<Node> = snapshot
        .nodes
        .iter()
        .filter(|node| names.contains(node.meta.name.as_str()))
        .map(|node| {
            let mut twin = node.clone();
            let name = twin_name(&node.meta.name);
            let labels = node.meta.labels.iter().map(|(key, value)| {
                let value = if key == "kubernetes.io/hostname" { name.clone() } else { value.to_owned() };
                (key.to_owned(), value)
            });
            twin.meta.labels = Arc::new(labels.collect());
            twin.meta.uid = name.as_str().into();
            twin.meta.name = name.into();
            twin.unschedulable = false;
            twin.taints.retain(|taint| taint.key != SHUN_TAINT && !taint.key.starts_with("node.kubernetes.io/"));
            twin
        })
        .collect();
    let csi: Vec<_> = snapshot
        .csi_nodes
        .iter()
        .filter(|csi| names.contains(csi.meta.name.as_str()))
        .map(|csi| {
            let mut twin = csi.clone();
            twin.meta.name = twin_name(&csi.meta.name).into();
            twin
        })
        .collect();
    snapshot.nodes.extend(twins);
    snapshot.csi_nodes.extend(csi);
    look(snapshot);
    snapshot.nodes.retain(|node| !node.meta.name.contains(' '));
    snapshot.csi_nodes.retain(|csi| !csi.meta.name.contains(' '));
}

/// Whether the pods have a place without any new node.
fn headroom(snapshot: &Snapshot, options: &Options, wish: &Wish, plan: &PoolPlan, now: Timestamp) -> Headroom {
    let all: Vec<String> = plan.outdated.iter().map(|node| node.name.clone()).collect();
    let ask = |candidates: &[String], shunned: &[String]| {
        let question = Question {
            candidates: candidates.to_vec(),
            shunned: shunned.to_vec(),
            step: plan.course.step(),
            allow_unproven: wish.allow_unproven,
            ..Question::default()
        };
        prove(snapshot, options, now, &question)
    };
    let whole = ask(&all, &all);
    let why = match whole {
        Ok(proven) if proven.begin.len() == all.len() => return Headroom::Proven,
        Ok(proven) => format!("only {} of {} outdated nodes can be drained at once", proven.begin.len(), all.len()),
        Err(why) => why,
    };
    if !wish.replaces {
        return Headroom::Lacking(format!(
            "{why}; and nothing replaces a drained node, so that the next ones could follow (--replace-command)"
        ));
    }
    let first = &all[..plan.course.at_once.min(all.len())];
    match ask(first, &all) {
        Ok(proven) => Headroom::InTurns { first: proven.begin.len(), twice: false },
        Err(_) => match ask(first, &[]) {
            Ok(proven) => Headroom::InTurns { first: proven.begin.len(), twice: true },
            Err(why) => Headroom::Lacking(why),
        },
    }
}

impl Made {
    /// The report.
    #[must_use]
    pub fn report(self, metadata: Metadata) -> Report {
        let document = document(&self.plan, &self.findings);
        let verdict = if self.plan.stops().is_some() {
            "blocked"
        } else if self.plan.outdated.is_empty() {
            "up-to-date"
        } else {
            "updates-needed"
        };
        Report::new("PoolPlan", metadata, verdict, self.findings, self.not_evaluated).with_document(document)
    }
}
