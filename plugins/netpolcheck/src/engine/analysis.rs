//! The analysis of a snapshot.

use std::sync::Arc;

use patchkit::{report::NotEvaluated, snapshot::Snapshot};

use super::{
    BitSet, Both, ClassId, Classes, Row, Rows, StanceId, atoms::holds_all, number, rows::RowMaker, stances::Stances,
};
use crate::{
    address::{Address, Block, Family},
    policy::{Direction, Policies, Term, TermId},
    ports::PortSet,
    profile::{Matching, Profile, Semantics},
    world::{NamedPort, PodId, World},
};

/// How to read what the standard leaves open.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// The points on which network plugins differ.
    pub semantics: Semantics,
}

impl From<Profile> for Options {
    fn from(profile: Profile) -> Self {
        Self { semantics: profile.semantics() }
    }
}

/// What the policies of a snapshot say about every pod and every address.
#[derive(Debug)]
pub struct Analysis<'s> {
    /// The snapshot.
    pub snapshot: &'s Snapshot,
    /// How open points are read.
    pub semantics: Semantics,
    /// Who there is.
    pub world: World<'s>,
    /// The policies.
    pub policies: Policies<'s>,
    /// Pods and addresses that no policy can tell apart.
    pub classes: Classes,
    /// Which IP families are in use.
    pub families: Vec<Family>,
    /// What decides about traffic to each class.
    pub ingress: Stances,
    /// What decides about traffic from each class.
    pub egress: Stances,
    passes: Vec<Pass>,
    /// The same with every point left open on which profiles differ; absent where none matters here.
    open: Option<Vec<Pass>>,
}

/// The rows of every stance, for one IP family.
#[derive(Debug)]
struct Pass {
    family: Family,
    ingress: Vec<Rows>,
    egress: Vec<Rows>,
}

/// Classes that a term matches.
#[derive(Debug)]
pub(super) struct TermClasses {
    pub(super) certain: Arc<BitSet>,
    pub(super) maybe: Option<Arc<BitSet>>,
}

/// What matches what, for one IP family.
#[derive(Debug)]
pub(super) struct Matched {
    /// By the place of the term.
    pub(super) terms: Vec<TermClasses>,
    /// All classes that have addresses of the family.
    pub(super) everyone: Arc<BitSet>,
    /// Classes of pods by the named ports that they have.
    pub(super) having_port: Vec<((u32, NamedPort), BitSet)>,
    /// Classes of pods in the network of their nodes.
    pub(super) hosts: BitSet,
    /// Those of them of which the node is not known.
    pub(super) hosts_anywhere: BitSet,
}

impl<'s> Analysis<'s> {
    /// Analyses a snapshot.
    #[must_use]
    pub fn of(snapshot: &'s Snapshot, options: impl Into<Options>) -> Self {
        let Options { semantics } = options.into();
        let policies = Policies::of(snapshot);
        let world = World::of(snapshot, &semantics);
        let families = families(&world, &policies, &semantics);
        let classes = Classes::of(&world, &policies, &semantics, &families);
        let ingress = Stances::new(&classes, &policies, Direction::Ingress);
        let egress = Stances::new(&classes, &policies, Direction::Egress);
        let mut analysis = Self {
            snapshot,
            semantics,
            world,
            policies,
            classes,
            families,
            ingress,
            egress,
            passes: Vec::new(),
            open: None,
        };
        analysis.passes = analysis.passes_for(semantics);
        analysis.open = analysis.profile_matters().then(|| analysis.passes_for(semantics.undecided()));
        analysis
    }

    fn passes_for(&self, semantics: Semantics) -> Vec<Pass> {
        self.families.iter().map(|family| self.pass(*family, &semantics)).collect()
    }

    /// Whether the profiles may differ about any connection: a block of a policy holds, or may hold, the address of a
    /// pod.
    #[must_use]
    pub fn profile_matters(&self) -> bool {
        let any_block = self.policies.terms.iter().any(|(_, term)| matches!(term, Term::Addresses { .. }));
        any_block && self.classes.addresses.iter().any(|hits| hits.blocks.as_ref().is_none_or(|it| !it.is_empty()))
    }

    fn pass(&self, family: Family, semantics: &Semantics) -> Pass {
        let matched = self.matched(family, semantics);
        let rows = |direction, stances: &Stances| {
            let maker = RowMaker { policies: &self.policies, classes: &self.classes, matched: &matched, direction };
            stances.all.iter().map(|stance| maker.rows(stance)).collect()
        };
        Pass { family, ingress: rows(Direction::Ingress, &self.ingress), egress: rows(Direction::Egress, &self.egress) }
    }

    pub(super) fn matched(&self, family: Family, semantics: &Semantics) -> Matched {
        let classes = &self.classes;
        let bound = classes.count();
        let mut everyone = BitSet::empty(bound);
        (0..bound)
            .filter(|place| classes.has(ClassId(number(*place)), family))
            .for_each(|place| everyone.insert(place));
        let mut certain = vec![BitSet::empty(bound); self.policies.terms.count()];
        let mut maybe: Vec<Option<BitSet>> = vec![None; certain.len()];
        let mut may = |term: TermId, place: usize| {
            maybe[term.0 as usize].get_or_insert_with(|| BitSet::empty(bound)).insert(place);
        };
        // The blocks of this family, and whether each holds all of it, and so every address that is not known.
        let of_family = |term: &Term| matches!(term, Term::Addresses { block, .. } if block.family == family);
        let terms_of_family = self.policies.terms.iter().filter(|(_, term)| of_family(term));
        let blocks: Vec<(TermId, bool)> = terms_of_family.map(|(id, term)| (id, holds_all(term, family))).collect();
        for (place, facts) in classes.facts.iter().enumerate() {
            for term in &classes.selected[facts.selected as usize] {
                certain[term.0 as usize].insert(place);
            }
            let Some(hits) = facts.addresses[family as usize] else { continue };
            let hits = &classes.addresses[hits as usize];
            classes.unknown.iter().for_each(|term| may(*term, place));
            let experimental = semantics.knows_experimental_peers;
            hits.nodes.iter().filter(|_| experimental).for_each(|term| certain[term.0 as usize].insert(place));
            hits.maybe_nodes.iter().filter(|_| experimental).for_each(|term| may(*term, place));
            let blocks_match =
                if facts.in_host_network { semantics.blocks_match_nodes } else { semantics.blocks_match_pods };
            match (blocks_match, &hits.blocks) {
                (Matching::No, _) => {}
                (Matching::Yes, Some(blocks)) => blocks.iter().for_each(|term| certain[term.0 as usize].insert(place)),
                (Matching::Maybe, Some(blocks)) => blocks.iter().for_each(|term| may(*term, place)),
                (Matching::Yes | Matching::Maybe, None) => {
                    for (id, holds_all) in &blocks {
                        if *holds_all && blocks_match == Matching::Yes {
                            certain[id.0 as usize].insert(place);
                        } else {
                            may(*id, place);
                        }
                    }
                }
            }
        }
        let named = |term: TermId| self.policies.terms.get(term);
        let experimental = semantics.knows_experimental_peers;
        let of_name: Vec<TermId> = self
            .policies
            .terms
            .iter()
            .filter(|(_, term)| match term {
                Term::Domains(_) => experimental,
                Term::Nodes(_) => experimental && self.world.nodes.is_none(),
                Term::Unknown => true,
                _ => false,
            })
            .map(|(id, _)| id)
            .collect();
        for (offset, external) in classes.external.iter().enumerate().filter(|(_, it)| it.family == family) {
            let place = classes.members.len() + offset;
            for term in external.terms.iter().filter(|term| experimental || !matches!(named(**term), Term::Nodes(_))) {
                certain[term.0 as usize].insert(place);
            }
            of_name.iter().for_each(|term| may(*term, place));
        }
        let terms = certain
            .into_iter()
            .zip(maybe)
            .map(|(mut certain, maybe)| {
                certain.keep(&everyone);
                TermClasses { certain: Arc::new(certain), maybe: maybe.map(Arc::new) }
            })
            .collect();
        let mut having_port: std::collections::BTreeMap<(u32, NamedPort), BitSet> = Default::default();
        let (mut hosts, mut hosts_anywhere) = (BitSet::empty(bound), BitSet::empty(bound));
        for (place, facts) in classes.facts.iter().enumerate() {
            for port in &classes.named_ports[facts.ports as usize] {
                having_port.entry(*port).or_insert_with(|| BitSet::empty(bound)).insert(place);
            }
            if facts.in_host_network && semantics.own_node_reaches {
                hosts.insert(place);
                if !facts.node_known {
                    hosts_anywhere.insert(place);
                }
            }
        }
        hosts.keep(&everyone);
        hosts_anywhere.keep(&everyone);
        Matched {
            terms,
            everyone: Arc::new(everyone),
            having_port: having_port.into_iter().collect(),
            hosts,
            hosts_anywhere,
        }
    }

    /// The stances of a direction.
    #[must_use]
    pub fn stances(&self, direction: Direction) -> &Stances {
        match direction {
            Direction::Ingress => &self.ingress,
            Direction::Egress => &self.egress,
        }
    }

    /// What a stance says, for traffic of an IP family. Empty for a family that is not in use.
    #[must_use]
    pub fn rows(&self, direction: Direction, stance: StanceId, family: Family) -> &[Row] {
        rows_of(&self.passes, direction, stance, family)
    }

    /// The same rows with every point left open on which profiles differ: what is certain in them is certain under
    /// every profile. Empty where [`Self::profile_matters`] says no.
    #[must_use]
    pub fn open_rows(&self, direction: Direction, stance: StanceId, family: Family) -> &[Row] {
        rows_of(self.open.as_deref().unwrap_or_default(), direction, stance, family)
    }

    /// The ports that one direction lets through between two classes: egress those of the source's policies, ingress
    /// those of the destination's.
    #[must_use]
    pub fn ports_in(&self, direction: Direction, from: ClassId, to: ClassId, family: Family) -> Both<PortSet> {
        let (own, peer) = match direction {
            Direction::Egress => (from, to),
            Direction::Ingress => (to, from),
        };
        let mut ports = Both::<PortSet>::default();
        for row in self.rows(direction, self.stances(direction).of(own), family) {
            if row.certain.contains(peer.0 as usize) {
                ports.certain = ports.certain.union(&row.ports);
            }
            if row.possible.contains(peer.0 as usize) {
                ports.possible = ports.possible.union(&row.ports);
            }
        }
        ports
    }

    /// The ports on which one class reaches another. What pods on one node may do to each other is not in it:
    /// [`Self::reaches_by_node`] tells that.
    #[must_use]
    pub fn ports_between(&self, from: ClassId, to: ClassId, family: Family) -> Both<PortSet> {
        let out = self.ports_in(Direction::Egress, from, to, family);
        let into = self.ports_in(Direction::Ingress, from, to, family);
        Both { certain: out.certain.intersection(&into.certain), possible: out.possible.intersection(&into.possible) }
    }

    /// Whether the first pod is part of the node that the second is on, so that no policy keeps it out.
    #[must_use]
    pub fn reaches_by_node(&self, from: PodId, to: PodId) -> bool {
        let (from, to) = (self.world.pod(from), self.world.pod(to));
        self.semantics.own_node_reaches && from.in_host_network && !from.node.is_empty() && from.node == to.node
    }

    /// The class of a pod.
    #[must_use]
    pub fn class_of(&self, pod: PodId) -> ClassId {
        self.classes.of_pod[pod.0 as usize]
    }

    /// What could not be understood or was not there to be read.
    #[must_use]
    pub fn problems(&self) -> Vec<NotEvaluated> {
        let mut problems = self.policies.problems.clone();
        problems.extend(self.world.problems.iter().cloned());
        let mut unread: Vec<&str> = Vec::new();
        for (_, term) in self.policies.terms.iter() {
            if let Term::Pods { scope: crate::policy::Scope::Labelled(selector), .. } = term {
                unread.extend(self.world.namespaces.unread(selector));
            }
        }
        unread.sort_unstable();
        unread.dedup();
        problems.extend(unread.into_iter().map(|name| {
            NotEvaluated::new(
                format!("labels of namespace {name}"),
                "the namespace is not in the input, and policies ask for its labels; only its name is known",
            )
        }));
        problems
    }
}

fn rows_of(passes: &[Pass], direction: Direction, stance: StanceId, family: Family) -> &[Row] {
    let Some(pass) = passes.iter().find(|pass| pass.family == family) else { return &[] };
    match direction {
        Direction::Ingress => &pass.ingress[stance.0 as usize],
        Direction::Egress => &pass.egress[stance.0 as usize],
    }
}

/// Which families are in use: those of any address that is known, and those that policies name.
fn families(world: &World<'_>, policies: &Policies<'_>, semantics: &Semantics) -> Vec<Family> {
    let of_pods =
        || world.pods.iter().flat_map(|pod| pod.addresses.iter().flatten()).map(|address: &Address| address.family);
    let of_blocks = || {
        policies.terms.iter().filter_map(|(_, term)| match term {
            Term::Addresses { block: Block { family, .. }, .. } => Some(*family),
            _ => None,
        })
    };
    let used = |wanted: Family| of_pods().chain(of_blocks()).any(|family| family == wanted);
    // Where no address is known the pods of manifests will most likely have one of IPv4.
    let four = used(Family::V4) || of_pods().next().is_none();
    let six = semantics.ipv6 && used(Family::V6);
    [(Family::V4, four || !six), (Family::V6, six)].into_iter().filter(|(_, used)| *used).map(|it| it.0).collect()
}
