//! A state with the objects of manifests put over it, as `kubectl apply` would.

use std::sync::Arc;

use patchkit::snapshot::{
    Snapshot,
    objects::{Meta, pod::Pod},
};

use crate::{profile::Profile, world::World};

/// Puts the objects of `new` over `merged`: an object of the same kind, namespace and name is replaced. Pods of a
/// workload that is replaced get the labels of its template. Objects without a namespace go to `namespace`.
#[must_use]
pub fn overlay(mut merged: Snapshot, mut new: Snapshot, namespace: &str) -> Snapshot {
    let namespace: Arc<str> = namespace.into();
    let home = |meta: &mut Meta| {
        if meta.namespace.is_empty() {
            meta.namespace = Arc::clone(&namespace);
        }
        // It stands in no file of the state below.
        meta.origin = None;
    };
    let same = |a: &Meta, b: &Meta| a.namespace == b.namespace && a.name == b.name;
    macro_rules! put {
        ($($list:ident),+) => {$(
            for mut object in std::mem::take(&mut new.$list) {
                home(&mut object.meta);
                match merged.$list.iter_mut().find(|known| same(&known.meta, &object.meta)) {
                    Some(known) => *known = object,
                    None => merged.$list.push(object),
                }
            }
        )+};
    }
    relabel(&mut merged, &new, &namespace);
    put!(network_policies, services, ingresses, pods);
    for mut object in std::mem::take(&mut new.cluster_policies) {
        object.meta.origin = None;
        match merged.cluster_policies.iter_mut().find(|it| it.kind == object.kind && it.meta.name == object.meta.name) {
            Some(known) => *known = object,
            None => merged.cluster_policies.push(object),
        }
    }
    for mut object in std::mem::take(&mut new.namespaces) {
        object.meta.origin = None;
        match merged.namespaces.iter_mut().find(|known| known.meta.name == object.meta.name) {
            Some(known) => *known = object,
            None => merged.namespaces.push(object),
        }
    }
    merged.not_evaluated.extend(std::mem::take(&mut new.not_evaluated));
    merged
}

/// Gives the pods of replaced workloads the labels of the new template.
fn relabel(merged: &mut Snapshot, new: &Snapshot, namespace: &str) {
    if new.workloads.is_empty() {
        return;
    }
    for workload in &new.workloads {
        // Under this profile every pod counts.
        let world = World::of(merged, &Profile::Analyzer.semantics());
        let of = if workload.meta.namespace.is_empty() { namespace } else { &*workload.meta.namespace };
        let names: Vec<String> = world
            .pods
            .iter()
            .filter(|pod| {
                let owner = world.owner(pod.owner);
                owner.kind == workload.kind.as_str() && owner.name == *workload.meta.name && owner.namespace == of
            })
            .map(|pod| pod.meta.name.to_string())
            .collect();
        let owned = |pod: &&mut Pod| *pod.meta.namespace == *of && names.iter().any(|name| *name == *pod.meta.name);
        for pod in merged.pods.iter_mut().filter(owned) {
            // What controllers add to the template's labels stays.
            let added = ["pod-template-hash", "controller-revision-hash", "statefulset.kubernetes.io/pod-name"];
            let kept = pod.meta.labels.iter().filter(|(key, _)| added.contains(key));
            pod.meta.labels = Arc::new(workload.template_labels.iter().chain(kept).collect());
        }
    }
}
