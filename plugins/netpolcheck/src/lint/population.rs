//! Everybody that a selector may mean: pods that run, pods that have ended, and those that a workload would make. A
//! Deployment that is scaled to nothing, or a CronJob between two runs, is no reason to call a selector wrong.

use std::collections::{BTreeMap, BTreeSet};

use patchkit::{
    rules::{LabelSelector, Labels, PodSpec},
    snapshot::{Coverage, kinds, objects::workload::WorkloadKind},
};

use super::cover::Selection;
use crate::{
    engine::Analysis,
    policy::{Scope, Term},
    world::{World, namespace_of},
};

/// The namespace that every cluster has, with pods in it: an input that holds them was taken from a whole cluster.
const EVERYWHERE: &str = "kube-system";

/// Pods that no selector can tell apart, and that come from one specification.
#[derive(Clone, Copy, Debug)]
pub(super) struct Somebody<'s> {
    pub(super) namespace: &'s str,
    pub(super) labels: &'s Labels,
    pub(super) spec: &'s PodSpec,
    /// Policies do not hold for it, and selectors do not mean it.
    pub(super) in_host_network: bool,
}

/// Whom a selector means.
#[derive(Debug)]
pub(super) enum Meant<'s, 'p> {
    /// These.
    Some(Vec<&'p Somebody<'s>>),
    /// Only pods in the network of their nodes.
    OnlyHosts,
    /// None of the pods of these namespaces.
    NoPod(Vec<&'s str>),
    /// Not even a namespace.
    NoNamespace,
    /// It cannot be told.
    Unknown(String),
}

/// Everybody.
pub(super) struct Population<'s> {
    by_namespace: BTreeMap<&'s str, Vec<Somebody<'s>>>,
    world: &'s World<'s>,
    /// The input holds the namespaces of a whole cluster.
    namespaces_known: bool,
    /// The input holds the pods of a whole cluster.
    pods_known: bool,
}

impl<'s> Population<'s> {
    pub(super) fn of(analysis: &'s Analysis<'s>) -> Self {
        let snapshot = analysis.snapshot;
        let world = &analysis.world;
        let hosts_are_out = !analysis.semantics.host_pods_are_pods;
        let pods = snapshot.pods.iter().map(|pod| (namespace_of(&pod.meta), &pod.meta.labels, &pod.spec));
        // What another workload controls has that one's template, or an older one that is not used any more.
        let own = snapshot.workloads.iter().filter(|it| it.meta.owners.is_empty());
        let templates = own
            .filter(|it| it.kind != WorkloadKind::PodTemplate)
            .map(|it| (namespace_of(&it.meta), &it.template_labels, &it.template));
        let mut seen = BTreeSet::new();
        let mut by_namespace: BTreeMap<&str, Vec<Somebody<'_>>> = BTreeMap::new();
        for (namespace, labels, spec) in pods.chain(templates) {
            // Equal ones are shared within a snapshot.
            if seen.insert((namespace, std::sync::Arc::as_ptr(labels), std::sync::Arc::as_ptr(spec))) {
                let in_host_network = spec.host_network && hosts_are_out;
                by_namespace.entry(namespace).or_default().push(Somebody { namespace, labels, spec, in_host_network });
            }
        }
        let taken = snapshot.is_taken_as_complete();
        let complete = |kind| taken || matches!(snapshot.coverage(kind), Coverage::Complete);
        let is_whole = snapshot.is_from_files() && world.namespaces.labels(EVERYWHERE).is_some();
        Self {
            world,
            namespaces_known: complete(&kinds::NAMESPACES) || is_whole,
            pods_known: complete(&kinds::PODS) || is_whole && by_namespace.contains_key(EVERYWHERE),
            by_namespace,
        }
    }

    /// The namespaces of a scope, of those that are known.
    pub(super) fn namespaces(&self, scope: &Scope) -> Vec<&'s str> {
        match scope {
            Scope::One(name) => {
                let names = self.world.namespaces.names().chain(self.by_namespace.keys().copied());
                names.filter(|known| known == name).take(1).collect()
            }
            Scope::Labelled(selector) => {
                self.world.namespaces.names().filter(|name| self.world.namespaces.matches(selector, name)).collect()
            }
        }
    }

    /// The pods of some namespaces that a selector selects, also those in the network of their nodes.
    pub(super) fn selected<'p>(&'p self, namespaces: &[&'s str], selector: &LabelSelector) -> Vec<&'p Somebody<'s>> {
        let of = namespaces.iter().filter_map(|name| self.by_namespace.get(name)).flatten();
        of.filter(|somebody| selector.matches(somebody.labels)).collect()
    }

    /// Whether all pods of a cluster are known.
    pub(super) fn is_whole(&self) -> bool {
        self.pods_known
    }

    /// Whether all pods of a namespace are known.
    pub(super) fn knows(&self, namespace: &str) -> bool {
        self.pods_known || self.by_namespace.contains_key(namespace)
    }

    /// Whom a term for pods means; `None` for any other term.
    pub(super) fn meant(&self, term: &Term) -> Option<Meant<'s, '_>> {
        let Term::Pods { scope, pods } = term else { return None };
        let namespaces = self.namespaces(scope);
        let found = self.selected(&namespaces, pods);
        if found.iter().any(|somebody| !somebody.in_host_network) {
            return Some(Meant::Some(found.into_iter().filter(|somebody| !somebody.in_host_network).collect()));
        }
        let contradicts = |selector: &LabelSelector| Selection::of(selector).is_none();
        if contradicts(pods) || matches!(scope, Scope::Labelled(selector) if contradicts(selector)) {
            return Some(Meant::NoPod(namespaces));
        }
        if let Scope::Labelled(selector) = scope {
            if let Some(unread) = self.world.namespaces.unread(selector).next() {
                return Some(Meant::Unknown(format!("the labels of namespace {unread} are not in the input")));
            }
            if !self.namespaces_known && !self.names_all(selector, &namespaces) {
                return Some(Meant::Unknown("the input does not hold all namespaces of a cluster".to_owned()));
            }
            if namespaces.is_empty() {
                return Some(Meant::NoNamespace);
            }
        }
        if let Some(unknown) = namespaces.iter().find(|name| !self.knows(name)) {
            return Some(Meant::Unknown(format!("the input holds no pods or workloads of namespace {unknown}")));
        }
        Some(match scope {
            Scope::One(name) if namespaces.is_empty() && !self.knows(name) => {
                Meant::Unknown(format!("the input holds no pods or workloads of namespace {name}"))
            }
            _ if found.is_empty() => Meant::NoPod(namespaces),
            _ => Meant::OnlyHosts,
        })
    }

    /// Whom a term for pods means, where that is known of all of them: there may be others where the input holds only a
    /// part of the cluster.
    pub(super) fn all_meant(&self, term: &Term) -> Option<Vec<&Somebody<'s>>> {
        let Term::Pods { scope, .. } = term else { return None };
        let namespaces = self.namespaces(scope);
        let all_namespaces = match scope {
            Scope::One(_) => true,
            Scope::Labelled(selector) => {
                let labels_known = self.world.namespaces.unread(selector).next().is_none();
                labels_known && (self.namespaces_known || self.names_all(selector, &namespaces))
            }
        };
        match self.meant(term)? {
            Meant::Some(_) if !all_namespaces || !namespaces.iter().all(|name| self.knows(name)) => None,
            Meant::Some(meant) => Some(meant),
            Meant::NoPod(_) | Meant::NoNamespace | Meant::OnlyHosts => Some(Vec::new()),
            Meant::Unknown(_) => None,
        }
    }

    /// Whether a selector asks for namespaces by their names, and all of them are in the input.
    fn names_all(&self, selector: &LabelSelector, known: &[&str]) -> bool {
        let Some(selection) = Selection::of(selector) else { return true };
        let names = selection.values_of("kubernetes.io/metadata.name");
        names.is_some_and(|names| names.iter().all(|name| known.contains(name)))
    }
}
