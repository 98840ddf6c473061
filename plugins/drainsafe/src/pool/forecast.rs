//! How long the update of a pool takes: its drains played through, node after node, with the pods that wait for each
//! other and the nodes that have to come first.

use std::{
    collections::{BTreeMap, BTreeSet, BinaryHeap},
    time::Duration,
};

use patchkit::snapshot::objects::node::Node;

use super::{
    course::{Course, Next, Standing, next},
    model::NodeStart,
};
use crate::drain::{self, DrainPlan};

/// From the decision to begin nodes until the first pod is asked to go: the proof and the journal.
const BEGIN_SECONDS: f64 = 0.5;
/// The cordon of a node of each zone.
const CORDON_SECONDS: f64 = 0.03;
/// By how much longer a pod takes for each other node that is drained at the same time: the control plane has more to do.
/// As measured on two cores, with 50 nodes and 1,000 pods.
const CROWD_SECONDS: f64 = 0.16;
/// From the end of a node's last pod until the node is known to be empty: the watch tells of it, and a list is read.
const AFTER_SECONDS: f64 = 0.1;
/// A node is listed once more when it seems empty, and so long after its cordon at the earliest.
const LIST_SECONDS: f64 = 2.0;
/// Longer than this no node takes to come.
const LONGEST_SECONDS: i64 = 3600;
/// How long a node takes to come where none of the pool tells.
const USUAL_NODE_SECONDS: f64 = 120.0;
/// How long a command takes to ask for nodes, at least.
const ASK_SECONDS: f64 = 0.5;
/// How long a command takes to remove a node, at least.
const REMOVE_SECONDS: f64 = 1.0;

/// How fast things around the drains go.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pace {
    /// From asking for a node until it is Ready, in seconds.
    pub node: f64,
    /// What was supposed of it before the first has come.
    pub start: NodeStart,
    /// From a node's end until it is removed, in seconds.
    pub remove: f64,
    /// The nodes that come are asked for by the run itself, each time.
    pub asks: bool,
}

impl Pace {
    /// As the user says, or as the nodes of the pool have shown: the usual of the times from their creation until they
    /// were Ready.
    #[must_use]
    pub fn of(nodes: &[&Node], asks: bool, given: Option<Duration>) -> Self {
        let took = |node: &&Node| {
            let ready =
                node.conditions.iter().find(|condition| condition.kind == "Ready" && condition.status == "True")?;
            let seconds = ready.since?.duration_since(node.meta.created?).as_secs();
            (0..=LONGEST_SECONDS).contains(&seconds).then_some(seconds)
        };
        let mut seconds: Vec<i64> = nodes.iter().filter_map(took).collect();
        seconds.sort_unstable();
        let whole = |seconds: f64| seconds.ceil() as u64;
        // Of whole seconds the mean is true where the median is not; the slowest and the fastest say little.
        let middle = &seconds[seconds.len() / 4..seconds.len() - seconds.len() / 4];
        let seen = (!middle.is_empty()).then(|| middle.iter().sum::<i64>() as f64 / middle.len() as f64 + ASK_SECONDS);
        let (node, start) = match (given, seen) {
            (Some(given), _) => (given.as_secs_f64(), NodeStart::Given(whole(given.as_secs_f64()))),
            (None, Some(seen)) => (seen, NodeStart::Seen(whole(seen))),
            (None, None) => (USUAL_NODE_SECONDS, NodeStart::Guessed(whole(USUAL_NODE_SECONDS))),
        };
        Self { node, start, remove: REMOVE_SECONDS, asks }
    }
}

/// The pods of outdated nodes, as far as their time is concerned.
#[derive(Clone, Debug, Default)]
pub struct Outline {
    /// By node: the group of each pod that goes, how long it keeps its turn, and how long it takes to end.
    nodes: BTreeMap<String, Vec<(usize, f64, f64)>>,
    /// By group: how many of it may be away at once.
    at_once: Vec<usize>,
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
        }
        outline
    }

    /// Pods that go from a node.
    #[must_use]
    pub fn pods_of(&self, node: &str) -> usize {
        self.nodes.get(node).map_or(0, Vec::len)
    }

    /// How long these nodes take, begun together and with nothing else under way: in seconds.
    #[must_use]
    pub fn together<'n>(&self, nodes: impl IntoIterator<Item = &'n str>) -> f64 {
        let mut play = Play::new(self);
        nodes.into_iter().map(|node| play.drain(self, node, BEGIN_SECONDS, usize::MAX)).fold(0.0, f64::max)
    }

    /// Seconds until all of the pool is through and what was moved is Ready again: from how it stands, with the nodes that
    /// are being drained and how many pods each of them still has. What is done next is what the run would do.
    #[must_use]
    pub fn forecast<'n>(
        &self,
        course: &Course,
        pace: Pace,
        mut standing: Standing,
        begun: impl IntoIterator<Item = (&'n str, usize)>,
    ) -> f64 {
        let mut play = Play::new(self);
        let mut events: BinaryHeap<Event> = BinaryHeap::new();
        // Whoever adds the nodes: they are there when the run would have asked for them.
        standing.can_ask = course.surge > 0;
        let begun: Vec<_> = begun.into_iter().collect();
        standing.in_flight = begun.len();
        for (node, left) in begun {
            let drained = Happens::Drained(node.to_owned(), String::new());
            events.push(Event(play.drain(self, node, 0.0, left), drained));
        }
        events.extend((0..standing.leaving).map(|_| Event(pace.remove, Happens::Removed(String::new()))));
        for (zone, count) in &standing.coming {
            events.extend((0..*count).map(|_| Event(pace.node, Happens::Came(zone.clone()))));
        }
        let (mut now, mut cordoned_at) = (0.0_f64, 0.0_f64);
        // Every round begins, asks, or takes an event; each node is begun once and asked for once.
        for _ in 0..(standing.waiting.len() + events.len() + 1) * 16 {
            match next(course, &standing) {
                Next::Begin(names) if now >= cordoned_at => {
                    let ready = play.ready_at(now);
                    if ready > now {
                        events.push(Event(ready, Happens::Look));
                    } else {
                        // The first time all the others are cordoned with them.
                        let rounds = if standing.cordoned { 1 } else { standing.waiting.len().div_ceil(course.step()) };
                        cordoned_at = now + BEGIN_SECONDS + rounds as f64 * CORDON_SECONDS;
                        standing.cordoned = true;
                        for name in names {
                            let Some(at) = standing.waiting.iter().position(|node| node.name == name) else { continue };
                            let node = standing.waiting.remove(at);
                            if node.works {
                                standing.working.entry(node.zone.clone()).and_modify(|count| *count -= 1);
                            }
                            standing.in_flight += 1;
                            let end = play.drain(self, &name, cordoned_at, usize::MAX);
                            events.push(Event(end, Happens::Drained(name, node.zone)));
                        }
                        events.push(Event(cordoned_at, Happens::Look));
                        continue;
                    }
                }
                Next::Ask(zones) => {
                    // Who adds nodes by himself does not wait for some to go.
                    let comes = if pace.asks || !standing.cordoned { now + pace.node } else { now };
                    for (zone, count) in zones {
                        events.extend((0..count).map(|_| Event(comes, Happens::Came(zone.clone()))));
                        *standing.coming.entry(zone).or_default() += count;
                    }
                    continue;
                }
                _ => {}
            }
            let Some(Event(at, _)) = events.peek() else { break };
            now = now.max(*at);
            // What happens at one moment is seen together.
            while events.peek().is_some_and(|Event(at, _)| *at <= now) {
                let Some(Event(_, happens)) = events.pop() else { break };
                match happens {
                    Happens::Look => {}
                    Happens::Came(zone) => {
                        standing.coming.entry(zone.clone()).and_modify(|count| *count = count.saturating_sub(1));
                        *standing.working.entry(zone).or_default() += 1;
                    }
                    Happens::Drained(node, zone) => {
                        play.drained(&node);
                        standing.in_flight -= 1;
                        standing.leaving += 1;
                        events.push(Event(now + pace.remove, Happens::Removed(zone)));
                    }
                    Happens::Removed(zone) => {
                        standing.leaving -= 1;
                        if course.surge == 0 && !zone.is_empty() {
                            // It comes back, or its like.
                            *standing.working.entry(zone).or_default() += 1;
                        }
                    }
                }
            }
        }
        now.max(play.last_turn)
    }
}

/// Something that happens at a moment, in seconds; the earliest is the greatest, so that a heap gives it first.
struct Event(f64, Happens);

enum Happens {
    /// A node is Ready, in this zone.
    Came(String),
    /// This node is empty, in this zone.
    Drained(String, String),
    /// A node of this zone is removed.
    Removed(String),
    /// Something that was waited for is over.
    Look,
}

impl PartialEq for Event {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Event {}

impl Ord for Event {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        other.0.total_cmp(&self.0)
    }
}

impl PartialOrd for Event {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

struct Play {
    /// By group: when each of its turns is free.
    turns: Vec<Vec<f64>>,
    /// By group: when the last of its pods that were moved is Ready again, and on how many nodes it is being drained.
    back: Vec<(f64, usize)>,
    /// The groups of nodes that are being drained.
    busy: BTreeMap<String, BTreeSet<usize>>,
    last_turn: f64,
}

impl Play {
    fn new(outline: &Outline) -> Self {
        Self {
            turns: outline.at_once.iter().map(|count| vec![0.0; (*count).min(1000)]).collect(),
            back: vec![(0.0, 0); outline.at_once.len()],
            busy: BTreeMap::new(),
            last_turn: 0.0,
        }
    }

    /// Drains the last `left` pods of a node from a moment on; says when it is empty.
    fn drain(&mut self, outline: &Outline, node: &str, begin: f64, left: usize) -> f64 {
        let mut end = begin + LIST_SECONDS;
        let crowd = self.busy.len() as f64 * CROWD_SECONDS;
        let pods = outline.nodes.get(node).map(Vec::as_slice).unwrap_or_default();
        let groups: BTreeSet<usize> = pods.iter().map(|(group, ..)| *group).collect();
        for (group, turn, ending) in &pods[pods.len().saturating_sub(left)..] {
            let Some(next) =
                self.turns.get_mut(*group).and_then(|turns| turns.iter_mut().min_by(|a, b| a.total_cmp(b)))
            else {
                continue;
            };
            let asked = begin.max(*next);
            *next = asked + turn + crowd;
            if let Some((back, _)) = self.back.get_mut(*group) {
                *back = back.max(*next);
            }
            self.last_turn = self.last_turn.max(*next);
            end = end.max(asked + ending + crowd);
        }
        for group in &groups {
            if let Some((_, nodes)) = self.back.get_mut(*group) {
                *nodes += 1;
            }
        }
        self.busy.insert(node.to_owned(), groups);
        end + AFTER_SECONDS
    }

    fn drained(&mut self, node: &str) {
        for group in self.busy.remove(node).into_iter().flatten() {
            if let Some((_, nodes)) = self.back.get_mut(group) {
                *nodes -= 1;
            }
        }
    }

    /// When what was moved and has no other pod on a node that is being drained is Ready again: before, no node is begun.
    fn ready_at(&self, now: f64) -> f64 {
        let idle = self.back.iter().filter(|(_, nodes)| *nodes == 0).map(|(back, _)| *back);
        idle.fold(now, f64::max)
    }
}

#[cfg(test)]
mod tests {
    use patchkit::snapshot::objects::node::NodeCondition;

    use super::*;
    use crate::pool::Waiting;

    fn outline(nodes: &[(&str, &[usize])], groups: usize) -> Outline {
        let pods = nodes.iter().map(|(name, groups)| {
            ((*name).to_owned(), groups.iter().map(|group| (*group, 3.2, 5.0)).collect::<Vec<_>>())
        });
        Outline { nodes: pods.collect(), at_once: vec![1; groups] }
    }

    fn course(surge: usize, at_once: usize) -> Course {
        Course { zones: [("a".to_owned(), 4)].into(), surge, at_once }
    }

    /// All four nodes wait.
    fn at_first(course: &Course) -> Standing {
        let waiting = ["n1", "n2", "n3", "n4"].map(|name| Waiting { name: name.into(), zone: "a".into(), works: true });
        Standing { waiting: waiting.to_vec(), working: course.zones.clone(), ..Standing::default() }
    }

    const PACE: Pace = Pace { node: 10.0, start: NodeStart::Given(10), remove: 0.0, asks: true };

    #[test]
    fn what_is_supposed_of_a_nodes_start_says_where_it_is_from() {
        let node = |created: &str, ready: &str| {
            let mut node = Node::default();
            node.meta.created = created.parse().ok();
            let (kind, status, reason) = ("Ready".into(), "True".into(), "".into());
            node.conditions.push(NodeCondition { kind, status, reason, since: ready.parse().ok() });
            node
        };
        let at = |second: u32| format!("2026-11-24T10:00:{second:02}Z");
        // One was rebooted long after: its time tells nothing.
        let seen = [node(&at(0), &at(40)), node(&at(0), &at(30)), node(&at(0), &at(31)), node(&at(0), &at(20))];
        let old = node("2026-01-01T00:00:00Z", &at(0));
        let of = |nodes: &[Node], given| Pace::of(&nodes.iter().collect::<Vec<_>>(), true, given).start;
        assert_eq!(of(&seen, None), NodeStart::Seen(31), "30.5 s, and the time to ask");
        assert_eq!(of(&seen, Some(Duration::from_secs(90))), NodeStart::Given(90));
        assert_eq!(of(&[old], None), NodeStart::Guessed(120));
    }

    #[test]
    fn pods_of_a_group_wait_for_each_other_over_nodes() {
        let both = outline(&[("n1", &[0]), ("n2", &[0])], 1);
        let apart = outline(&[("n1", &[0]), ("n2", &[1])], 2);
        let around = BEGIN_SECONDS + AFTER_SECONDS;
        assert!((both.together(["n1", "n2"]) - 8.2 - CROWD_SECONDS - around).abs() < 1e-9);
        assert!((apart.together(["n1", "n2"]) - 5.0 - CROWD_SECONDS - around).abs() < 1e-9);
        // An empty node is listed.
        assert!((apart.together(["n9"]) - LIST_SECONDS - around).abs() < 1e-9);
    }

    #[test]
    fn nodes_that_are_asked_for_come_first() {
        let pool = outline(&[("n1", &[0]), ("n2", &[1]), ("n3", &[2]), ("n4", &[3])], 4);
        let seconds = |course: Course, pace| pool.forecast(&course, pace, at_first(&course), []);
        // A pod takes 5 s to end, and each wave begins with its cordons; the first one with those of all four.
        let (drain, first) = (5.0 + BEGIN_SECONDS + CORDON_SECONDS + AFTER_SECONDS, 3.0 * CORDON_SECONDS);
        let is = |seconds: f64, expected: f64| assert!((seconds - expected).abs() < 1e-9, "{seconds} {expected}");
        is(seconds(course(4, 4), PACE), 10.0 + first + drain + 3.0 * CROWD_SECONDS);
        // Two at a time, each pair after its two nodes.
        // Of the second pair one comes a moment later than the other, and is cordoned after it.
        let pair = drain + CROWD_SECONDS;
        let later = BEGIN_SECONDS + CORDON_SECONDS;
        is(seconds(course(2, 2), PACE), 20.0 + first + drain + later + pair);
        is(seconds(course(2, 2), Pace { asks: false, ..PACE }), 10.0 + first + drain + later + pair);
        is(seconds(course(0, 1), PACE), first + 4.0 * drain);
        // Half of the way.
        let mut standing = at_first(&course(2, 2));
        standing.waiting.drain(..2);
        standing.working = [("a".to_owned(), 4)].into();
        standing.cordoned = true;
        let left = |left| pool.forecast(&course(2, 2), PACE, standing.clone(), [("n1", left), ("n2", left)]);
        is(left(1), 5.0 + AFTER_SECONDS + 10.0 + later + pair);
        is(left(0), LIST_SECONDS + AFTER_SECONDS + 10.0 + pair);
    }
}
