//! Which policies speak about which class, in each direction.

use super::{
    ClassId,
    classes::{Classes, Interner},
};
use crate::policy::{Direction, Policies, PolicyId};

/// The place of a stance in [`super::Analysis::stances`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StanceId(pub u32);

/// What decides about the traffic of a class in one direction.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Stance {
    /// The policies that select the class and have rules for the direction, in the order in which they are asked.
    pub policies: Vec<PolicyId>,
    /// Policies that may select it.
    pub doubtful: Vec<PolicyId>,
    /// For ingress, the named ports of the class, by place.
    pub(super) named_ports: u32,
    /// For ingress, whether it is known which nodes its pods are on.
    pub(super) node_known: bool,
    /// Pods in the network of their node, and addresses outside of the cluster: no policy speaks about them.
    pub(super) outside: bool,
}

/// The stances of one direction.
#[derive(Debug)]
pub struct Stances {
    /// Each once.
    pub all: Vec<Stance>,
    /// The stance of each class.
    pub of_class: Vec<StanceId>,
}

impl Stances {
    /// The stance of a class.
    #[must_use]
    pub fn of(&self, class: ClassId) -> StanceId {
        self.of_class[class.0 as usize]
    }

    pub(super) fn new(classes: &Classes, policies: &Policies<'_>, direction: Direction) -> Self {
        let mut by_term: Vec<Vec<PolicyId>> = vec![Vec::new(); policies.terms.count()];
        for (id, policy) in policies.iter().filter(|(_, policy)| policy.rules(direction).is_some()) {
            by_term[policy.subject.0 as usize].push(id);
        }
        let in_order = |mut ids: Vec<PolicyId>| {
            ids.sort_unstable_by_key(|id| {
                let policy = policies.get(*id);
                (policy.tier, policy.priority, *id)
            });
            ids
        };
        let of_terms = |terms: &[crate::policy::TermId]| {
            in_order(terms.iter().flat_map(|term| &by_term[term.0 as usize]).copied().collect())
        };
        let doubtful = of_terms(&classes.unknown);
        let of_selection: Vec<Vec<PolicyId>> = classes.selected.iter().map(|terms| of_terms(terms)).collect();
        let mut stances = Interner::default();
        let of_pods = classes.facts.iter().map(|facts| match facts.in_host_network {
            true => outside(),
            false => Stance {
                policies: of_selection[facts.selected as usize].clone(),
                doubtful: doubtful.clone(),
                named_ports: if direction == Direction::Ingress { facts.ports } else { 0 },
                node_known: direction == Direction::Egress || facts.node_known,
                outside: false,
            },
        });
        let all_classes = of_pods.chain(classes.external.iter().map(|_| outside()));
        let of_class = all_classes.map(|stance| StanceId(stances.add(stance))).collect();
        Self { all: stances.values, of_class }
    }
}

fn outside() -> Stance {
    Stance { policies: Vec::new(), doubtful: Vec::new(), named_ports: 0, node_known: true, outside: true }
}
