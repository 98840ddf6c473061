//! InterPodAffinity: required affinity and anti-affinity between pods (`plugins/interpodaffinity/filtering.go`; the
//! gate InterPodAffinityHostnameFastPath is off in 1.37 and changes nothing but speed).

use patchkit::rules::{
    LabelSelector, Labels,
    pod::{PodAffinity, PodAffinityTerm, PodSpec},
};
use rustc_hash::FxHashSet;

use super::{candidate::Candidate, filter::Reason, index::Index, namespaces::NamespaceLabels, topology::Domains};

/// What is worked out before any node is looked at.
#[derive(Debug)]
pub(super) struct PodAffinities {
    /// For each affinity term the domains where some pod matches all terms.
    wanted: Vec<Domains>,
    /// The pod matches its own affinity, which the first of a group may.
    matches_itself: bool,
    /// Domains with pods that the new pod does not want to meet.
    shunned: Vec<Domains>,
    /// Domains with pods that do not want to meet the new one.
    guarded: Vec<Domains>,
}

/// The required anti-affinity terms of a pod.
pub(crate) fn anti_affinity_terms(spec: &PodSpec) -> &[PodAffinityTerm] {
    let affinity = spec.affinity.as_ref().and_then(|affinity| affinity.pod_anti_affinity.as_ref());
    affinity.map_or(&[], |affinity| &affinity.required)
}

/// Whether it wants to be beside other pods, or away from them.
pub(super) fn has_affinity(spec: &PodSpec) -> bool {
    !affinity_terms(spec).is_empty() || !anti_affinity_terms(spec).is_empty()
}

fn affinity_terms(spec: &PodSpec) -> &[PodAffinityTerm] {
    let affinity: Option<&PodAffinity> = spec.affinity.as_ref().and_then(|affinity| affinity.pod_affinity.as_ref());
    affinity.map_or(&[], |affinity| &affinity.required)
}

/// A term with the namespaces that it looks into.
struct Resolved<'a> {
    selector: Option<&'a LabelSelector>,
    /// `None` is all of them.
    namespaces: Option<FxHashSet<&'a str>>,
    term: &'a PodAffinityTerm,
}

impl<'a> Resolved<'a> {
    /// The names of `namespaces`, and those that the selector selects among the Namespace objects that are there.
    fn of(term: &'a PodAffinityTerm, own: &'a str, namespaces: &'a NamespaceLabels<'_>) -> Self {
        let looked_into = match &term.namespace_selector {
            Some(selector) if selector.is_empty() => None,
            selector => {
                let mut names: FxHashSet<&str> = term.namespaces.iter().map(|name| name.as_str()).collect();
                match selector {
                    None if names.is_empty() => drop(names.insert(own)),
                    None => {}
                    Some(selector) => names.extend(namespaces.selected_by(selector)),
                }
                Some(names)
            }
        };
        Self { selector: term.label_selector.as_ref(), namespaces: looked_into, term }
    }

    fn looks_into(&self, namespace: &str) -> bool {
        self.namespaces.as_ref().is_none_or(|names| names.contains(namespace))
    }

    fn matches(&self, namespace: &str, labels: &Labels) -> bool {
        self.looks_into(namespace) && self.selector.is_some_and(|selector| selector.matches(labels))
    }
}

/// Whether the term of an existing pod speaks of a new pod. An absent Namespace object has no labels here.
fn existing_term_matches(term: &PodAffinityTerm, owner_namespace: &str, pod: &Candidate, namespace: &Labels) -> bool {
    let looks_into = match &term.namespace_selector {
        None if term.namespaces.is_empty() => owner_namespace == &*pod.namespace,
        selector => {
            term.namespaces.iter().any(|name| *name == *pod.namespace)
                || selector.as_ref().is_some_and(|selector| selector.matches(namespace))
        }
    };
    looks_into && term.label_selector.as_ref().is_some_and(|selector| selector.matches(&pod.labels))
}

/// Works out where matching pods are; `None` where no node can be rejected.
pub(super) fn prepare(candidate: &Candidate, index: &Index<'_>) -> Option<PodAffinities> {
    let spec = &candidate.spec;
    let namespaces = index.namespaces();
    let affinity: Vec<Resolved<'_>> =
        affinity_terms(spec).iter().map(|term| Resolved::of(term, &candidate.namespace, namespaces)).collect();
    let anti: Vec<Resolved<'_>> =
        anti_affinity_terms(spec).iter().map(|term| Resolved::of(term, &candidate.namespace, namespaces)).collect();
    let domains = |terms: &[Resolved<'_>]| -> Vec<Domains> {
        terms.iter().map(|it| Domains::none_of(index.topology(&it.term.topology_key))).collect()
    };
    let (mut wanted, mut shunned) = (domains(&affinity), domains(&anti));
    if !affinity.is_empty() || !anti.is_empty() {
        for class in index.pod_classes() {
            let matches = |term: &Resolved<'_>| term.matches(&class.namespace, &class.labels);
            // One pod must match all terms together.
            if !affinity.is_empty() && affinity.iter().all(matches) {
                wanted.iter_mut().for_each(|domains| domains.add_all(class.nodes()));
            }
            for (term, domains) in anti.iter().zip(&mut shunned) {
                if matches(term) {
                    domains.add_all(class.nodes());
                }
            }
        }
    }
    let mut guarded: Vec<Domains> = Vec::new();
    let no_labels = Labels::default();
    let own_namespace = namespaces.labels(&candidate.namespace).unwrap_or(&no_labels);
    for group in index.anti_affinities() {
        for term in group.terms.iter() {
            if existing_term_matches(term, &group.namespace, candidate, own_namespace) {
                let mut domains = Domains::none_of(index.topology(&term.topology_key));
                domains.add_all(group.nodes());
                guarded.push(domains);
            }
        }
    }
    let matches_itself = affinity.iter().all(|term| term.matches(&candidate.namespace, &candidate.labels));
    shunned.retain(|domains| !domains.is_empty());
    guarded.retain(|domains| !domains.is_empty());
    if wanted.is_empty() && shunned.is_empty() && guarded.is_empty() {
        return None;
    }
    Some(PodAffinities { wanted, matches_itself, shunned, guarded })
}

impl PodAffinities {
    /// Whether the pod may be put on this node.
    pub(super) fn filter(&self, node: usize) -> Result<(), Reason> {
        if !self.is_wanted(node) {
            return Err(Reason::from("node(s) didn't match pod affinity rules"));
        }
        if self.shunned.iter().any(|domains| domains.contain(node)) {
            return Err(Reason::from("node(s) didn't match pod anti-affinity rules"));
        }
        if self.guarded.iter().any(|domains| domains.contain(node)) {
            return Err(Reason::from("node(s) didn't satisfy existing pods anti-affinity rules"));
        }
        Ok(())
    }

    /// Each term's domain has a matching pod; or there is none in the whole cluster, the pod matches itself and the
    /// node has all keys: then it is the first of its group.
    fn is_wanted(&self, node: usize) -> bool {
        if !self.wanted.iter().all(|domains| domains.know(node)) {
            return false;
        }
        self.wanted.iter().all(|domains| domains.contain(node))
            || (self.matches_itself && self.wanted.iter().all(Domains::is_empty))
    }
}

/// Whether the labels of namespaces decide about a pod: its own terms, or those of pods that are there.
pub(super) fn needs_namespaces(candidate: &Candidate, index: &Index<'_>) -> bool {
    let by_labels = |term: &PodAffinityTerm| term.namespace_selector.as_ref().is_some_and(|it| !it.is_empty());
    let speaks_of_it = |term: &PodAffinityTerm| {
        by_labels(term) && term.label_selector.as_ref().is_some_and(|selector| selector.matches(&candidate.labels))
    };
    affinity_terms(&candidate.spec).iter().chain(anti_affinity_terms(&candidate.spec)).any(by_labels)
        || index.anti_affinities().any(|group| group.nodes().next().is_some() && group.terms.iter().any(speaks_of_it))
}
