//! How long the update of a pool takes: its drains played through, node after node, with the pods that wait for each
//! other and the nodes that have to come first.

use std::collections::{BTreeMap, BinaryHeap};

use patchkit::snapshot::objects::node::Node;

use super::course::Course;
use crate::drain::{self, DrainPlan};

/// From the decision to begin a node until its first pod is asked to go: the proof, the cordon, the journal.
const BEGIN_SECONDS: f64 = 0.5;
/// A node is listed once more when it seems empty, and so long after its cordon at the earliest.
const LIST_SECONDS: f64 = 2.0;
/// Longer than this no node takes to come.
const LONGEST_SECONDS: i64 = 3600;
/// How long a node takes to come where none of the pool tells.
const USUAL_NODE_SECONDS: f64 = 120.0;
/// How long a command takes to remove a node, at least.
const REMOVE_SECONDS: f64 = 0.5;

/// How fast things around the drains go.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pace {
    /// From asking for a node until it is Ready, in seconds.
    pub node: f64,
    /// From a node's end until it is removed, in seconds.
    pub remove: f64,
    /// The nodes that come are asked for by the run itself, each time.
    pub asks: bool,
}

impl Pace {
    /// As the nodes of the pool have shown: the median of the times from their creation until they were Ready.
    #[must_use]
    pub fn of(nodes: &[&Node], asks: bool) -> Self {
        let took = |node: &&Node| {
            let ready =
                node.conditions.iter().find(|condition| condition.kind == "Ready" && condition.status == "True")?;
            let seconds = ready.since?.duration_since(node.meta.created?).as_secs();
            (0..=LONGEST_SECONDS).contains(&seconds).then_some(seconds)
        };
        let mut seconds: Vec<i64> = nodes.iter().filter_map(took).collect();
        seconds.sort_unstable();
        let node = seconds.get(seconds.len() / 2).map_or(USUAL_NODE_SECONDS, |seconds| *seconds as f64 + 1.0);
        Self { node, remove: REMOVE_SECONDS, asks }
    }
}

/// The pods of outdated nodes, as far as their time is concerned.
#[derive(Clone, Debug, Default)]
pub struct Outline {
    /// By node: the group of each pod that goes, how long it keeps its turn, and how long it takes to end.
    nodes: BTreeMap<String, Vec<(usize, f64, f64)>>,
    /// By group: how many of it may be away at once.
    at_once: Vec<usize>,
    /// Pods that go, in all.
    pub pods: usize,
}

impl Outline {
    /// Of a plan over all of the nodes.
    #[must_use]
    pub fn of(plan: &DrainPlan) -> Self {
        let mut outline =
            Self { at_once: plan.groups.iter().map(|group| group.at_once.max(1)).collect(), ..Self::default() };
        for pod in plan.pods.iter().filter(|pod| pod.action.goes()) {
            let Some(group) = pod.group else { continue };
            let (turn, end) = drain::pace(pod);
            outline.nodes.entry(pod.node.clone()).or_default().push((group, turn, end));
            outline.pods += 1;
        }
        outline
    }

    /// How long these nodes take, begun together and with nothing else under way: in seconds.
    #[must_use]
    pub fn together<'n>(&self, nodes: impl IntoIterator<Item = &'n str>) -> f64 {
        let mut play = Play::new(self);
        nodes.into_iter().map(|node| play.drain(self, node, 0.0)).fold(0.0, f64::max)
    }

    /// Seconds until these nodes are drained in this order, and what was moved is Ready again.
    #[must_use]
    pub fn forecast<'n>(&self, course: &Course, pace: Pace, order: impl IntoIterator<Item = &'n str>) -> f64 {
        let order: Vec<&str> = order.into_iter().collect();
        let at_once = if course.surge > 0 { course.surge.min(course.at_once) } else { course.at_once }.max(1);
        let first = if course.surge > 0 { pace.node } else { 0.0 };
        // The moments at which a node may begin.
        let mut free: BinaryHeap<Moment> = std::iter::repeat_n(Moment(first), at_once).collect();
        let mut released: Vec<f64> = Vec::new();
        let mut play = Play::new(self);
        let mut end = 0.0_f64;
        for node in order {
            let Some(Moment(begin)) = free.pop() else { break };
            let done = play.drain(self, node, begin) + pace.remove;
            end = end.max(done);
            // Its place is taken by the next node of all zones, when as many have gone; with new nodes these come first.
            released.push(done);
            if released.len() == course.step().min(at_once) {
                let all = released.drain(..).fold(0.0, f64::max);
                let next = if course.surge > 0 && pace.asks { all + pace.node } else { all };
                free.extend(std::iter::repeat_n(Moment(next), course.step().min(at_once)));
            }
        }
        end.max(play.last_turn)
    }
}

/// A moment; the earliest one is the greatest, so that a heap gives it first.
#[derive(Clone, Copy, PartialEq)]
struct Moment(f64);

impl Eq for Moment {}

impl Ord for Moment {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        other.0.total_cmp(&self.0)
    }
}

impl PartialOrd for Moment {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

struct Play {
    /// By group: when each of its turns is free.
    turns: Vec<Vec<f64>>,
    last_turn: f64,
}

impl Play {
    fn new(outline: &Outline) -> Self {
        Self { turns: outline.at_once.iter().map(|count| vec![0.0; (*count).min(1000)]).collect(), last_turn: 0.0 }
    }

    /// Drains a node from a moment on; says when it is empty.
    fn drain(&mut self, outline: &Outline, node: &str, begin: f64) -> f64 {
        let begin = begin + BEGIN_SECONDS;
        let mut end = begin + LIST_SECONDS;
        for (group, turn, ending) in outline.nodes.get(node).into_iter().flatten() {
            let Some(next) =
                self.turns.get_mut(*group).and_then(|turns| turns.iter_mut().min_by(|a, b| a.total_cmp(b)))
            else {
                continue;
            };
            let asked = begin.max(*next);
            *next = asked + turn;
            self.last_turn = self.last_turn.max(*next);
            end = end.max(asked + ending);
        }
        end
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outline(nodes: &[(&str, &[usize])], groups: usize) -> Outline {
        let pods = nodes.iter().map(|(name, groups)| {
            ((*name).to_owned(), groups.iter().map(|group| (*group, 3.2, 5.0)).collect::<Vec<_>>())
        });
        Outline { nodes: pods.collect(), at_once: vec![1; groups], pods: 0 }
    }

    fn course(surge: usize, at_once: usize) -> Course {
        Course { zones: [("a".to_owned(), 4)].into(), surge, at_once }
    }

    const PACE: Pace = Pace { node: 10.0, remove: 0.0, asks: true };

    #[test]
    fn pods_of_a_group_wait_for_each_other_over_nodes() {
        let both = outline(&[("n1", &[0]), ("n2", &[0])], 1);
        let apart = outline(&[("n1", &[0]), ("n2", &[1])], 2);
        assert!((both.together(["n1", "n2"]) - 8.7).abs() < 1e-9);
        assert!((apart.together(["n1", "n2"]) - 5.5).abs() < 1e-9);
        // An empty node is listed.
        assert!((apart.together(["n9"]) - 2.5).abs() < 1e-9);
    }

    #[test]
    fn nodes_that_are_asked_for_come_first() {
        let pool = outline(&[("n1", &[0]), ("n2", &[1]), ("n3", &[2]), ("n4", &[3])], 4);
        let order = ["n1", "n2", "n3", "n4"];
        let seconds = |course: Course, pace| pool.forecast(&course, pace, order);
        assert!((seconds(course(4, 4), PACE) - 15.5).abs() < 1e-9);
        // Two at a time, each pair after its two nodes.
        assert!((seconds(course(2, 2), PACE) - 31.0).abs() < 1e-9);
        assert!((seconds(course(2, 2), Pace { asks: false, ..PACE }) - 21.0).abs() < 1e-9);
        assert!((seconds(course(0, 1), PACE) - 22.0).abs() < 1e-9);
    }
}
