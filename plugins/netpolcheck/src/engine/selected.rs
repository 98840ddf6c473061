//! Which terms select which pods by labels: each distinct selector is asked once for each distinct set of labels that
//! can fit it.

use std::ops::Range;

use patchkit::rules::{LabelSelector, Labels, Operator};
use rustc_hash::FxHashMap;

use crate::{
    policy::{Scope, Term, TermId, Terms},
    world::World,
};

/// Pods of one namespace with the same labels.
struct Group<'w> {
    labels: &'w Labels,
}

/// Groups by namespace, and by each label.
struct Index<'w> {
    groups: Vec<Group<'w>>,
    of_namespace: FxHashMap<&'w str, Range<u32>>,
    with_label: FxHashMap<(&'w str, &'w str, &'w str), Vec<u32>>,
}

/// For each pod the terms that select it, ascending. Pods in the network of their node are selected by none.
pub(super) fn selected(world: &World<'_>, terms: &Terms) -> Vec<Vec<TermId>> {
    let (index, group_of_pod) = Index::of(world);
    let mut namespaces: FxHashMap<&LabelSelector, Vec<&str>> = FxHashMap::default();
    let mut of_group: Vec<Vec<TermId>> = vec![Vec::new(); index.groups.len()];
    for (id, term) in terms.iter() {
        let Term::Pods { scope, pods } = term else { continue };
        let mut take = |group: u32| of_group[group as usize].push(id);
        match scope {
            Scope::One(name) => index.matching(name, pods, &mut take),
            Scope::Labelled(selector) => {
                let names = namespaces.entry(selector).or_insert_with(|| {
                    world.namespaces.names().filter(|name| world.namespaces.matches(selector, name)).collect()
                });
                names.iter().for_each(|name| index.matching(name, pods, &mut take));
            }
        }
    }
    group_of_pod
        .into_iter()
        .map(|group| group.map_or_else(Vec::new, |group| of_group[group as usize].clone()))
        .collect()
}

impl<'w> Index<'w> {
    fn of(world: &'w World<'_>) -> (Self, Vec<Option<u32>>) {
        let mut index =
            Self { groups: Vec::new(), of_namespace: FxHashMap::default(), with_label: FxHashMap::default() };
        let mut of_pod = Vec::with_capacity(world.pods.len());
        // Pods are in the order of their namespaces, so that the groups of one namespace follow each other.
        let mut known: FxHashMap<*const Labels, u32> = FxHashMap::default();
        let mut namespace = None;
        for pod in &world.pods {
            if namespace != Some(pod.namespace) {
                namespace = Some(pod.namespace);
                known.clear();
            }
            if pod.in_host_network {
                of_pod.push(None);
                continue;
            }
            let group =
                *known.entry(std::ptr::from_ref(pod.labels)).or_insert_with(|| index.add(pod.namespace, pod.labels));
            of_pod.push(Some(group));
        }
        (index, of_pod)
    }

    fn add(&mut self, namespace: &'w str, labels: &'w Labels) -> u32 {
        let group = u32::try_from(self.groups.len()).unwrap_or(u32::MAX);
        self.groups.push(Group { labels });
        self.of_namespace.entry(namespace).or_insert(group..group).end = group + 1;
        for (key, value) in labels.iter() {
            self.with_label.entry((namespace, key, value)).or_default().push(group);
        }
        group
    }

    /// Gives every group of a namespace that the selector selects.
    fn matching(&self, namespace: &str, selector: &LabelSelector, take: &mut impl FnMut(u32)) {
        let Some(range) = self.of_namespace.get(namespace) else { return };
        if selector.is_empty() {
            return range.clone().for_each(take);
        }
        let mut keep = |group: u32| {
            if selector.matches(self.groups[group as usize].labels) {
                take(group);
            }
        };
        match self.fewest(namespace, selector) {
            Some(groups) => groups.into_iter().for_each(keep),
            None => range.clone().for_each(&mut keep),
        }
    }

    /// The fewest groups that can fit, by one label that the selector asks for; `None` where it asks for none.
    fn fewest(&self, namespace: &str, selector: &LabelSelector) -> Option<Vec<u32>> {
        let with = |key, value| self.with_label.get(&(namespace, key, value)).cloned().unwrap_or_default();
        let pairs = selector.match_labels.iter().map(|(key, value)| with(key, value));
        let listed = selector.match_expressions.iter().filter(|it| it.operator == Operator::In).map(|it| {
            let mut groups: Vec<u32> =
                it.values.iter().flat_map(|value| with(it.key.as_str(), value.as_str())).collect();
            // A value that is listed twice is no second match.
            groups.sort_unstable();
            groups.dedup();
            groups
        });
        pairs.chain(listed).min_by_key(Vec::len)
    }
}
