//! Which nodes may be drained now, and how many more are needed first.
//!
//! With surge the pool never has fewer nodes than it had: a node is begun when one more is there, and of nodes beyond
//! its size there are never more than the surge. Without surge only so many are away at once, and whether their pods
//! have a place is for the proof to say.

use std::collections::BTreeMap;

/// What does not change while a pool is updated.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Course {
    /// Nodes of the pool before, by zone.
    pub zones: BTreeMap<String, usize>,
    /// Nodes beyond its size that there may be; 0 is without surge.
    pub surge: usize,
    /// Nodes that may be away at once.
    pub at_once: usize,
}

impl Course {
    /// Nodes of the pool before.
    #[must_use]
    pub fn size(&self) -> usize {
        self.zones.values().sum()
    }

    /// Steps in which nodes come and go, so that no zone is ahead of the others.
    #[must_use]
    pub fn step(&self) -> usize {
        self.zones.len().max(1)
    }
}

/// An outdated node that was not begun.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Waiting {
    /// Its name.
    pub name: String,
    /// Its zone.
    pub zone: String,
    /// It is Ready: its pods run.
    pub works: bool,
}

/// How the pool stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    /// Outdated nodes that were not begun, in the order in which they go.
    pub waiting: Vec<Waiting>,
    /// Nodes that are being drained.
    pub in_flight: usize,
    /// Drained nodes whose removal is under way.
    pub leaving: usize,
    /// Nodes that work, by zone: new ones, and outdated ones that were not begun.
    pub working: BTreeMap<String, usize>,
    /// Nodes that are not outdated, by zone, whether they are Ready or not.
    pub fresh: BTreeMap<String, usize>,
    /// Nodes that were asked for and are not Ready.
    pub coming: usize,
    /// More can be asked for.
    pub can_ask: bool,
}

/// What is to be done next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Next {
    /// Drain these nodes.
    Begin(Vec<String>),
    /// Ask for so many nodes in these zones.
    Ask(BTreeMap<String, usize>),
    /// Wait until nodes that were asked for, or that somebody else adds, are Ready.
    AwaitNodes,
    /// Wait until nodes that are under way are through.
    Wait,
    /// Every outdated node was begun.
    Done,
}

/// Says what is to be done next.
#[must_use]
pub fn next(course: &Course, now: &Standing) -> Next {
    if now.waiting.is_empty() {
        return Next::Done;
    }
    let away = now.in_flight + now.leaving;
    let under_limit = course.at_once.saturating_sub(if course.surge > 0 { now.in_flight } else { away });
    let working: usize = now.working.values().sum();
    let free = if course.surge > 0 { working.saturating_sub(course.size()) } else { under_limit };
    let mut begin = free.min(under_limit).min(now.waiting.len());
    // While more are coming, all zones go on together.
    if begin < now.waiting.len() && (now.coming > 0 || away > 0) {
        begin -= begin % course.step();
    }
    if begin > 0 {
        return Next::Begin(chosen(now, begin));
    }
    // What does not work needs no other node in its place.
    if now.waiting.iter().all(|node| !node.works) && away == 0 {
        return Next::Begin(vec![now.waiting[0].name.clone()]);
    }
    if course.surge == 0 {
        return Next::Wait;
    }
    let there = working + away + now.coming;
    let room = (course.size() + course.surge).saturating_sub(there);
    let provided = (working + now.coming).saturating_sub(course.size());
    let lacking = course.size().saturating_sub(working + now.coming);
    let wanted = (now.waiting.len() + lacking).saturating_sub(provided);
    let mut ask = room.min(wanted);
    if ask < wanted {
        ask -= ask % course.step();
    }
    if ask > 0 && now.can_ask {
        return Next::Ask(spread(course, now, ask));
    }
    if now.coming > 0 || (away == 0 && !now.can_ask) { Next::AwaitNodes } else { Next::Wait }
}

/// So many of the waiting nodes: one after the other of the zone in which most nodes work.
fn chosen(now: &Standing, count: usize) -> Vec<String> {
    let mut working = now.working.clone();
    let mut left: Vec<&Waiting> = now.waiting.iter().filter(|node| node.works).collect();
    left.extend(now.waiting.iter().filter(|node| !node.works));
    let mut names = Vec::new();
    while names.len() < count && !left.is_empty() {
        let most = |node: &Waiting| (node.works, working.get(&node.zone).copied().unwrap_or_default());
        let best = left.iter().map(|node| most(node)).max();
        let Some(at) = left.iter().position(|node| Some(most(node)) == best) else { break };
        let node = left.remove(at);
        if node.works
            && let Some(count) = working.get_mut(&node.zone)
        {
            *count = count.saturating_sub(1);
        }
        names.push(node.name.clone());
    }
    names
}

/// Spreads nodes that are asked for over the zones that lack most of what they had before.
fn spread(course: &Course, now: &Standing, count: usize) -> BTreeMap<String, usize> {
    let mut lacks: BTreeMap<&str, i64> = lacking(course, &now.fresh).collect();
    let mut asked = BTreeMap::new();
    for _ in 0..count {
        let Some(lack) = lacks.values().copied().max() else { break };
        let Some((zone, left)) = lacks.iter_mut().find(|(_, left)| **left == lack) else { break };
        *left -= 1;
        *asked.entry((*zone).to_owned()).or_default() += 1;
    }
    asked
}

/// How many nodes each zone has fewer than before.
fn lacking<'c>(course: &'c Course, nodes: &'c BTreeMap<String, usize>) -> impl Iterator<Item = (&'c str, i64)> {
    let number = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
    course
        .zones
        .iter()
        .map(move |(zone, had)| (zone.as_str(), number(*had) - number(nodes.get(zone).copied().unwrap_or_default())))
}

/// How far the zones of a pool are apart: the largest number of nodes that one has lost against another, measured by what
/// each had before.
#[must_use]
pub fn imbalance(course: &Course, working: &BTreeMap<String, usize>) -> usize {
    let lost: Vec<i64> = lacking(course, working).map(|(_, lost)| lost).collect();
    let (most, least) = (lost.iter().max().copied().unwrap_or(0), lost.iter().min().copied().unwrap_or(0));
    usize::try_from(most - least).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn zones(counts: &[usize]) -> BTreeMap<String, usize> {
        ["a", "b", "c", "d"].iter().zip(counts).map(|(zone, count)| ((*zone).to_owned(), *count)).collect()
    }

    /// A pool that is played through: what is begun is drained and removed, what is asked for comes.
    struct Play {
        course: Course,
        standing: Standing,
        most_nodes: usize,
        least_nodes: usize,
        worst: usize,
        began: Vec<String>,
        asked: usize,
    }

    impl Play {
        fn new(counts: &[usize], surge: usize) -> Self {
            let course = Course { zones: zones(counts), surge, at_once: if surge > 0 { surge } else { 3 } };
            let mut waiting = Vec::new();
            for round in 0..counts.iter().copied().max().unwrap_or(0) {
                for (zone, count) in &course.zones {
                    if round < *count {
                        waiting.push(Waiting { name: format!("{zone}{round}"), zone: zone.clone(), works: true });
                    }
                }
            }
            let fresh = course.zones.keys().map(|zone| (zone.clone(), 0)).collect();
            let standing =
                Standing { waiting, working: course.zones.clone(), fresh, can_ask: surge > 0, ..Standing::default() };
            let size = course.size();
            let worst = 0;
            Self { course, standing, most_nodes: size, least_nodes: size, worst, began: Vec::new(), asked: 0 }
        }

        fn watch(&mut self) {
            let working: usize = self.standing.working.values().sum();
            self.least_nodes = self.least_nodes.min(working);
            let all = working + self.standing.in_flight + self.standing.leaving + self.standing.coming;
            self.most_nodes = self.most_nodes.max(all);
            self.worst = self.worst.max(imbalance(&self.course, &self.standing.working));
        }

        /// Plays it to its end; `choose` says which of what is under way is next.
        fn play_on(&mut self, mut choose: impl FnMut(usize) -> usize) {
            let mut coming: Vec<String> = Vec::new();
            let mut draining: Vec<String> = Vec::new();
            for _ in 0..100_000 {
                self.watch();
                match next(&self.course, &self.standing) {
                    Next::Begin(names) => {
                        for name in names {
                            let at = self.standing.waiting.iter().position(|node| node.name == name).unwrap();
                            let node = self.standing.waiting.remove(at);
                            *self.standing.working.get_mut(&node.zone).unwrap() -= 1;
                            self.standing.in_flight += 1;
                            draining.push(node.zone);
                            self.began.push(name);
                        }
                        continue;
                    }
                    Next::Ask(zones) => {
                        for (zone, count) in zones {
                            self.asked += count;
                            self.standing.coming += count;
                            *self.standing.fresh.get_mut(&zone).unwrap() += count;
                            coming.extend(std::iter::repeat_n(zone, count));
                        }
                        continue;
                    }
                    Next::Done if draining.is_empty() => return,
                    Next::AwaitNodes | Next::Wait | Next::Done => {}
                }
                let events = coming.len() + draining.len();
                assert!(events > 0, "hangs: {:?}", self.standing);
                let at = choose(events);
                if at < coming.len() {
                    let zone = coming.remove(at);
                    self.standing.coming -= 1;
                    *self.standing.working.get_mut(&zone).unwrap() += 1;
                } else {
                    let zone = draining.remove(at - coming.len());
                    self.standing.in_flight -= 1;
                    if self.course.surge == 0 {
                        // It comes back, renewed.
                        *self.standing.working.get_mut(&zone).unwrap() += 1;
                        *self.standing.fresh.get_mut(&zone).unwrap() += 1;
                    }
                }
            }
            panic!("no end: {:?}", self.standing);
        }
    }

    #[test]
    fn fifty_nodes_in_three_zones() {
        let mut play = Play::new(&[17, 17, 16], 15);
        play.play_on(|_| 0);
        assert_eq!((play.began.len(), play.asked), (50, 50));
        assert_eq!((play.least_nodes, play.most_nodes), (50, 65));
        // The nodes of one zone come before those of the others: no further apart than one step.
        assert!(play.worst <= 3, "{}", play.worst);
        assert_eq!(play.standing.working, zones(&[17, 17, 16]));
    }

    #[test]
    fn nobody_is_asked_where_the_provider_adds_the_nodes() {
        let mut play = Play::new(&[2, 2], 2);
        play.standing.can_ask = false;
        assert_eq!(next(&play.course, &play.standing), Next::AwaitNodes);
        play.standing.working = zones(&[3, 3]);
        assert_eq!(next(&play.course, &play.standing), Next::Begin(vec!["a0".into(), "b0".into()]));
    }

    #[test]
    fn a_node_that_died_is_made_up_for() {
        let mut play = Play::new(&[3], 1);
        play.standing.waiting[0].works = false;
        play.standing.working = zones(&[2]);
        assert_eq!(next(&play.course, &play.standing), Next::Ask(zones(&[2])));
        play.standing.waiting.truncate(1);
        play.standing.can_ask = false;
        assert_eq!(next(&play.course, &play.standing), Next::Begin(vec!["a0".into()]));
    }

    proptest! {
        #[test]
        fn a_pool_is_gone_through_and_never_smaller_than_it_was(
            counts in prop::collection::vec(1usize..9, 1..5), percent in 1u32..=100, seed in any::<u64>(),
        ) {
            let nodes = u32::try_from(counts.iter().sum::<usize>()).unwrap();
            let pool = patchkit::rules::surge::SurgePool {
                nodes, zones: u32::try_from(counts.len()).unwrap(), sensitive: false,
            };
            let surge = patchkit::rules::surge::surge(pool, patchkit::rules::surge::SurgeSetting::Percent(percent)).nodes;
            let mut play = Play::new(&counts, surge as usize);
            let mut state = seed;
            play.play_on(|count| {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                usize::try_from(state >> 33).unwrap() % count
            });
            prop_assert_eq!(play.began.len(), nodes as usize);
            prop_assert_eq!(play.asked, nodes as usize);
            prop_assert_eq!(play.least_nodes, nodes as usize);
            prop_assert!(play.most_nodes <= (nodes + surge) as usize);
            prop_assert_eq!(play.standing.working, play.course.zones);
        }

        #[test]
        fn without_surge_only_so_many_are_away(counts in prop::collection::vec(1usize..9, 1..5), seed in any::<u64>()) {
            let mut play = Play::new(&counts, 0);
            let mut state = seed;
            play.play_on(|count| {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                usize::try_from(state >> 33).unwrap() % count
            });
            let nodes: usize = counts.iter().sum();
            prop_assert_eq!(play.began.len(), nodes);
            prop_assert!(play.least_nodes + play.course.at_once >= nodes);
        }
    }
}
