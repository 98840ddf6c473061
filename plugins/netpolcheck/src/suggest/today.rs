//! Today's connectivity: what the policies of the chosen namespaces let through now, as wishes for new ones.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use rustc_hash::FxHashMap;

use super::{
    need::{Need, Side, pod_addresses},
    wish::{Allowed, Peer, Wishes},
};
use crate::{
    address::Family,
    engine::{Analysis, BitSet, ClassId},
    policy::Direction,
    ports::PortSet,
    world::{OwnerId, PodId},
};

/// What today's connectivity needs.
#[derive(Debug, Default)]
pub struct Today {
    /// What the policies have to allow.
    pub wishes: Wishes,
    /// The same as needs, which are proved in the end.
    pub needs: Vec<Need>,
    /// Something depends on what is not known, and was left out.
    pub depends: bool,
}

/// Collects what is allowed for certain.
#[must_use]
pub fn today(analysis: &Analysis<'_>, is_chosen: &dyn Fn(&str) -> bool) -> Today {
    let mut collector = Collector { analysis, today: Today::default(), known: FxHashMap::default() };
    let world = &analysis.world;
    let chosen: Vec<bool> = analysis
        .classes
        .members
        .iter()
        .map(|pods| pods.iter().any(|pod| is_chosen(world.pod(*pod).namespace)))
        .collect();
    for (place, pods) in analysis.classes.members.iter().enumerate().filter(|(place, _)| chosen[*place]) {
        let class = class(place);
        let subjects: BTreeSet<OwnerId> = pods
            .iter()
            .map(|pod| world.pod(*pod))
            .filter(|pod| is_chosen(pod.namespace) && !pod.in_host_network)
            .map(|pod| pod.owner)
            .collect();
        if subjects.is_empty() {
            continue;
        }
        for direction in Direction::ALL {
            let allowed = collector.of_class(class, direction);
            for owner in &subjects {
                collector.today.wishes.of_owner.entry((*owner, direction)).or_default().join(&allowed);
            }
        }
    }
    collector.needs(&chosen);
    collector.today
}

fn class(place: usize) -> ClassId {
    ClassId(u32::try_from(place).unwrap_or(u32::MAX))
}

struct Collector<'a> {
    analysis: &'a Analysis<'a>,
    today: Today,
    /// By direction, stance and families: classes with the same ones are alike.
    known: FxHashMap<(Direction, u32, [bool; 2]), Arc<Allowed>>,
}

impl Collector<'_> {
    fn of_class(&mut self, class: ClassId, direction: Direction) -> Arc<Allowed> {
        let classes = &self.analysis.classes;
        let families = Family::ALL.map(|family| self.analysis.families.contains(&family) && classes.has(class, family));
        let key = (direction, self.analysis.stances(direction).of(class).0, families);
        if let Some(known) = self.known.get(&key) {
            return Arc::clone(known);
        }
        let ports = self.ports(class, direction, families);
        let allowed = Arc::new(self.summed(ports));
        self.known.insert(key, Arc::clone(&allowed));
        allowed
    }

    /// The ports for each class; `None` for one that has no family in common.
    fn ports(&mut self, own: ClassId, direction: Direction, families: [bool; 2]) -> Vec<Option<PortSet>> {
        let classes = &self.analysis.classes;
        let stance = self.analysis.stances(direction).of(own);
        let hosts = match direction {
            Direction::Ingress if self.analysis.semantics.own_node_reaches => self.analysis.host_classes(),
            _ => BitSet::empty(classes.count()),
        };
        let mut ports: Vec<Option<PortSet>> = (0..classes.count())
            .map(|place| {
                let common = Family::ALL.iter().any(|it| families[*it as usize] && classes.has(class(place), *it));
                common.then(PortSet::default)
            })
            .collect();
        for family in Family::ALL.iter().filter(|family| families[**family as usize]) {
            for row in self.analysis.rows(direction, stance, *family) {
                // What may come from a pod's own node stays possible, whatever policies say.
                let mut open = (*row.possible).clone();
                open.take(&row.certain);
                open.take(&hosts);
                self.today.depends |= !open.is_empty();
                for peer in row.certain.iter() {
                    if let Some(ports) = &mut ports[peer] {
                        *ports = ports.union(&row.ports);
                    }
                }
            }
        }
        ports
    }

    /// The same with as few peers as say it: what everyone has, what all pods have, what a namespace's pods have, and
    /// the rest one by one.
    fn summed(&mut self, mut ports: Vec<Option<PortSet>>) -> Allowed {
        let (world, classes) = (&self.analysis.world, &self.analysis.classes);
        let mut allowed = Allowed::default();
        let take = |allowed: &mut Allowed, peer: Peer, ports: &mut [Option<PortSet>], places: &[usize]| {
            let of = |place: &usize| ports[*place].clone();
            let Some(common) = places.iter().filter_map(of).reduce(|a, b| a.intersection(&b)) else { return };
            if common.is_empty() {
                return;
            }
            allowed.add(peer, &common);
            for place in places {
                if let Some(ports) = &mut ports[*place] {
                    *ports = ports.difference(&common);
                }
            }
        };
        let all: Vec<usize> = (0..classes.count()).collect();
        take(&mut allowed, Peer::Everyone, &mut ports, &all);
        let is_pod = |pod: &PodId| !world.pod(*pod).in_host_network;
        let pods: Vec<usize> =
            all.iter().copied().filter(|place| classes.pods(class(*place)).first().is_some_and(is_pod)).collect();
        take(&mut allowed, Peer::EveryPod, &mut ports, &pods);
        let mut of_namespace: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
        for place in &pods {
            let names: BTreeSet<&str> =
                classes.pods(class(*place)).iter().map(|pod| world.pod(*pod).namespace).collect();
            names.into_iter().for_each(|name| of_namespace.entry(name).or_default().push(*place));
        }
        // A class may be of several namespaces, and each of them needs what it has.
        let before = ports.clone();
        let mut covered: BTreeMap<(&str, usize), PortSet> = BTreeMap::new();
        for (name, places) in &of_namespace {
            let mut own = before.clone();
            take(&mut allowed, Peer::Namespace((*name).to_owned()), &mut own, places);
            for place in places {
                covered.insert((name, *place), own[*place].clone().unwrap_or_default());
            }
        }
        for place in &pods {
            for pod in classes.pods(class(*place)) {
                let facts = world.pod(*pod);
                let rest = &covered[&(facts.namespace, *place)];
                if !rest.is_empty() {
                    allowed.add(Peer::Owner(facts.owner), rest);
                }
            }
        }
        for place in all {
            let Some(rest) = ports[place].clone().filter(|rest| !rest.is_empty()) else { continue };
            for pod in classes.pods(class(place)).iter().filter(|pod| !is_pod(pod)) {
                self.today.wishes.add_host(self.analysis, &mut allowed, *pod, &rest);
            }
            if let Some(external) = place.checked_sub(classes.members.len()).map(|at| &classes.external[at]) {
                let outside = external.addresses.difference(&pod_addresses(self.analysis, external.family));
                allowed.add_outside(external.family, outside, &rest);
            }
        }
        allowed
    }

    /// What is allowed today between pods of the chosen namespaces and everybody else.
    fn needs(&mut self, chosen: &[bool]) {
        let classes = &self.analysis.classes;
        let sides: Vec<Side> = (0..classes.count())
            .map(|place| match classes.members.get(place) {
                Some(pods) => Side::Pods { pods: pods.as_slice().into(), namespace: None },
                None => {
                    let external = &classes.external[place - classes.members.len()];
                    let pods = pod_addresses(self.analysis, external.family);
                    Side::Outside(external.family, external.addresses.difference(&pods))
                }
            })
            .collect();
        let is_chosen = |place: usize| chosen.get(place).copied().unwrap_or(false);
        for from in 0..classes.count() {
            for to in (0..classes.count()).filter(|to| is_chosen(from) || is_chosen(*to)) {
                for family in &self.analysis.families {
                    if !classes.has(class(from), *family) || !classes.has(class(to), *family) {
                        continue;
                    }
                    let ports = self.analysis.ports_between(class(from), class(to), *family).certain;
                    if !ports.is_empty() {
                        let (from, to) = (sides[from].clone(), sides[to].clone());
                        self.today.needs.push(Need { from, to, ports, family: Some(*family), place: String::new() });
                    }
                }
            }
        }
    }
}
