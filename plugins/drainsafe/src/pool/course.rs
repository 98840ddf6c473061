//! Which nodes may be drained now, and how many more are needed first.
//!
//! Zones are kept in balance, measured by what each had before the update: the *level* of a zone is the number of its
//! nodes that work, less the number that it had. With surge a node is begun when its own zone is above that, so no zone
//! is ever below what it had; and no zone is asked to be above it by more than its part of the surge (the surge divided by
//! the zones, rounded up). So the levels of two zones differ by no more than that part, in whatever order nodes come and
//! drains end, as long as nodes come in the zones that they were asked for in. Without surge only so many are away at
//! once, taken from the zones with the highest level (so the same holds, of a zone's part of those that may be away), and
//! whether their pods have a place is for the proof to say.

use std::collections::{BTreeMap, BTreeSet};

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

    /// A zone's part of the surge, or of the nodes that may be away where there is none: by so much it may be above what
    /// it had, or below.
    #[must_use]
    pub fn part(&self) -> usize {
        let nodes = if self.surge > 0 { self.surge } else { self.at_once };
        nodes.div_ceil(self.step())
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
    /// Nodes that were asked for and are not Ready, by zone.
    pub coming: BTreeMap<String, usize>,
    /// Outdated nodes take no pods any more: some were begun.
    pub cordoned: bool,
    /// More can be asked for.
    pub can_ask: bool,
}

impl Standing {
    /// Nodes that were asked for and are not Ready.
    #[must_use]
    pub fn awaited(&self) -> usize {
        self.coming.values().sum()
    }
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
    let limit = course.at_once.saturating_sub(if course.surge > 0 { now.in_flight } else { away });
    let begin = if course.surge > 0 { covered(course, now, limit) } else { in_turns(course, now, limit) };
    if !begin.is_empty() {
        return Next::Begin(begin);
    }
    // What does not work needs no other node in its place.
    if now.waiting.iter().all(|node| !node.works) && away == 0 {
        return Next::Begin(vec![now.waiting[0].name.clone()]);
    }
    if course.surge == 0 {
        return Next::Wait;
    }
    if now.can_ask {
        let ask = lacking(course, now);
        if !ask.is_empty() {
            return Next::Ask(ask);
        }
    }
    let idle = away == 0 && now.awaited() == 0;
    if idle {
        let begin = uncovered(course, now, limit);
        if !begin.is_empty() {
            return Next::Begin(begin);
        }
    }
    if now.awaited() > 0 || (idle && !now.can_ask) { Next::AwaitNodes } else { Next::Wait }
}

/// By how many working nodes each zone is above what it had.
fn levels<'c>(course: &'c Course, now: &'c Standing) -> BTreeMap<&'c str, i64> {
    let zones = course.zones.keys().chain(now.waiting.iter().map(|node| &node.zone));
    zones.map(|zone| (zone.as_str(), level(course, &now.working, zone))).collect()
}

fn level(course: &Course, working: &BTreeMap<String, usize>, zone: &str) -> i64 {
    of(working, zone) - of(&course.zones, zone)
}

fn of(nodes: &BTreeMap<String, usize>, zone: &str) -> i64 {
    nodes.get(zone).map_or(0, |count| i64::try_from(*count).unwrap_or(i64::MAX))
}

/// Zones with nodes that work and wait.
fn open_zones(now: &Standing) -> BTreeSet<&str> {
    now.waiting.iter().filter(|node| node.works).map(|node| node.zone.as_str()).collect()
}

/// Takes working nodes one after the other from the zone with the highest level, as long as `may` says of that level that
/// one may go.
fn taken<'c>(
    mut levels: BTreeMap<&'c str, i64>,
    now: &'c Standing,
    limit: usize,
    may: impl Fn(&BTreeMap<&str, i64>, i64) -> bool,
) -> Vec<String> {
    let mut left: Vec<_> = now.waiting.iter().filter(|node| node.works).collect();
    let mut names = Vec::new();
    while names.len() < limit {
        let level = |zone: &str| levels.get(zone).copied().unwrap_or_default();
        let Some(most) = left.iter().map(|node| level(&node.zone)).max() else { break };
        let Some(at) = left.iter().position(|node| level(&node.zone) == most) else { break };
        if !may(&levels, most) {
            break;
        }
        let node = left.remove(at);
        levels.entry(&node.zone).and_modify(|level| *level -= 1);
        names.push(node.name.clone());
    }
    names
}

/// Nodes whose zone has another one in their place. When the first ones are begun all others are cordoned: so until then
/// every zone must have a node for its pods.
fn covered(course: &Course, now: &Standing, limit: usize) -> Vec<String> {
    let levels = levels(course, now);
    let is_bare = |zone: &&str| levels.get(zone).copied().unwrap_or_default() <= 0;
    if !now.cordoned && now.awaited() > 0 && open_zones(now).iter().any(is_bare) {
        return Vec::new();
    }
    taken(levels, now, limit, |_, level| level > 0)
}

/// Nodes for which others are there, though not in their zones: whoever added them has put them elsewhere.
fn uncovered(course: &Course, now: &Standing, limit: usize) -> Vec<String> {
    let working: usize = now.working.values().sum();
    taken(levels(course, now), now, limit.min(working.saturating_sub(course.size())), |_, _| true)
}

/// Nodes that may be away beside those that are: none that would bring its zone more than one below another. Where that
/// is none, since no node of a zone comes back, the zones with nodes that wait are compared with each other only.
fn in_turns(course: &Course, now: &Standing, limit: usize) -> Vec<String> {
    let of_the_highest = |among| taken(among, now, limit, |levels, level| levels.values().all(|other| level >= *other));
    let mut levels = levels(course, now);
    let begin = of_the_highest(levels.clone());
    if !begin.is_empty() || now.in_flight + now.leaving > 0 {
        return begin;
    }
    let open = open_zones(now);
    levels.retain(|zone, _| open.contains(zone));
    of_the_highest(levels)
}

/// Nodes to ask for: in rounds, one for each zone of the lowest level that lacks some, and only whole rounds as long as
/// something that is under way will make room for them.
fn lacking(course: &Course, now: &Standing) -> BTreeMap<String, usize> {
    let working: usize = now.working.values().sum();
    let away = now.in_flight + now.leaving;
    let mut room = (course.size() + course.surge).saturating_sub(working + away + now.awaited());
    let part = i64::try_from(course.part()).unwrap_or(i64::MAX);
    // By zone: its level with what is coming, and how many it lacks until all that wait have another in their place.
    let mut zones: BTreeMap<&str, (i64, i64)> = levels(course, now)
        .into_iter()
        .map(|(zone, level)| {
            let level = level + of(&now.coming, zone);
            let waiting = now.waiting.iter().filter(|node| node.works && node.zone == zone).count();
            (zone, (level, i64::try_from(waiting).unwrap_or(i64::MAX) - level))
        })
        .collect();
    let mut ask = BTreeMap::new();
    loop {
        let open = zones.iter().filter(|(_, (level, lacks))| *lacks > 0 && *level < part);
        let Some(lowest) = open.clone().map(|(_, (level, _))| *level).min() else { break };
        let round: Vec<&str> = open.filter(|(_, (level, _))| *level == lowest).map(|(zone, _)| *zone).collect();
        let is_whole = round.len() <= room;
        let must_do = ask.is_empty() && away == 0 && now.awaited() == 0;
        if room == 0 || !(is_whole || must_do) {
            break;
        }
        for zone in round.into_iter().take(room) {
            room -= 1;
            *ask.entry(zone.to_owned()).or_default() += 1;
            zones.entry(zone).and_modify(|(level, lacks)| (*level, *lacks) = (*level + 1, *lacks - 1));
        }
    }
    ask
}

/// How far the zones of a pool are apart: by how much the highest level is above the lowest.
#[must_use]
pub fn imbalance(course: &Course, working: &BTreeMap<String, usize>) -> usize {
    let levels = course.zones.keys().map(|zone| level(course, working, zone));
    let (most, least) = levels.fold((i64::MIN, i64::MAX), |(most, least), level| (most.max(level), least.min(level)));
    usize::try_from(most.saturating_sub(least)).unwrap_or_default()
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
        lowest: i64,
        /// Nodes come in the zones that have the fewest, as from a careful provider.
        in_turn: bool,
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
            let standing =
                Standing { waiting, working: course.zones.clone(), can_ask: surge > 0, ..Standing::default() };
            let size = course.size();
            let (worst, lowest) = (0, 0);
            Self {
                course,
                standing,
                most_nodes: size,
                least_nodes: size,
                worst,
                lowest,
                in_turn: false,
                began: Vec::new(),
                asked: 0,
            }
        }

        fn watch(&mut self) {
            let working: usize = self.standing.working.values().sum();
            self.least_nodes = self.least_nodes.min(working);
            let all = working + self.standing.in_flight + self.standing.leaving + self.standing.awaited();
            self.most_nodes = self.most_nodes.max(all);
            self.worst = self.worst.max(imbalance(&self.course, &self.standing.working));
            let lowest = levels(&self.course, &self.standing).into_values().min().unwrap_or(0);
            self.lowest = self.lowest.min(lowest);
        }

        /// Plays it to its end; `choose` says which of what is under way is next.
        fn play_on(&mut self, mut choose: impl FnMut(usize) -> usize) {
            let mut coming: Vec<String> = Vec::new();
            let mut draining: Vec<String> = Vec::new();
            for _ in 0..100_000 {
                self.watch();
                match next(&self.course, &self.standing) {
                    Next::Begin(names) => {
                        self.standing.cordoned = true;
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
                            *self.standing.coming.entry(zone.clone()).or_default() += count;
                            coming.extend(std::iter::repeat_n(zone, count));
                        }
                        continue;
                    }
                    Next::Done if draining.is_empty() => return,
                    Next::AwaitNodes | Next::Wait | Next::Done => {}
                }
                let events = coming.len() + draining.len();
                assert!(events > 0, "hangs: {:?}", self.standing);
                let at = if self.in_turn && !coming.is_empty() {
                    let working = |zone: &String| of(&self.standing.working, zone) - of(&self.course.zones, zone);
                    (0..coming.len()).min_by_key(|at| working(&coming[*at])).unwrap()
                } else {
                    choose(events)
                };
                if at < coming.len() {
                    let zone = coming.remove(at);
                    *self.standing.coming.get_mut(&zone).unwrap() -= 1;
                    *self.standing.working.get_mut(&zone).unwrap() += 1;
                } else {
                    let zone = draining.remove(at - coming.len());
                    self.standing.in_flight -= 1;
                    if self.course.surge == 0 {
                        // It comes back, renewed.
                        *self.standing.working.get_mut(&zone).unwrap() += 1;
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
        // The first nodes come one zone after the other here: no further apart than one zone's part of the surge.
        assert_eq!((play.worst, play.lowest), (5, 0));
        assert_eq!(play.standing.working, zones(&[17, 17, 16]));
    }

    #[test]
    fn nodes_that_come_in_turn_keep_the_zones_level() {
        for counts in [&[17, 17, 16][..], &[10, 2, 1], &[4, 4, 4, 4]] {
            let mut play = Play::new(counts, if counts[0] == 17 { 15 } else { counts.len() });
            // Each event is that of the zone that has the fewest.
            play.in_turn = true;
            play.play_on(|_| 0);
            assert_eq!((play.worst, play.lowest), (1, 0), "{counts:?}");
        }
    }

    #[test]
    fn the_first_ones_begin_when_every_zone_has_a_new_node() {
        let mut play = Play::new(&[2, 2], 2);
        play.standing.coming = zones(&[0, 1]);
        play.standing.working = zones(&[3, 2]);
        assert_eq!(next(&play.course, &play.standing), Next::AwaitNodes);
        play.standing.cordoned = true;
        assert_eq!(next(&play.course, &play.standing), Next::Begin(vec!["a0".into()]));
        // Somebody has put them all into one zone: better those than none.
        play.standing.coming.clear();
        play.standing.working = zones(&[2, 4]);
        assert_eq!(next(&play.course, &play.standing), Next::Begin(vec!["b0".into(), "b1".into()]));
        play.standing.waiting.retain(|node| node.zone == "a");
        assert_eq!(next(&play.course, &play.standing), Next::Begin(vec!["a0".into(), "a1".into()]));
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
            prop_assert!(play.lowest >= 0, "a zone has fewer than it had: {}", play.lowest);
            prop_assert!(play.worst <= play.course.part(), "{} apart, of {}", play.worst, play.course.part());
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
            prop_assert!(play.worst <= play.course.part(), "{} apart, of {}", play.worst, play.course.part());
        }
    }
}
