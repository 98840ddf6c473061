//! A state with the objects of manifests put over it, as `kubectl apply` would.

use std::{collections::BTreeSet, sync::Arc};

use patchkit::{
    report::NotEvaluated,
    rules::Labels,
    snapshot::{
        Snapshot,
        objects::{
            Meta,
            pod::Pod,
            workload::{Workload, WorkloadKind},
        },
    },
};

use crate::{
    profile::Profile,
    world::{World, namespace_of},
};

/// Labels that controllers add to those of a template.
const ADDED: [&str; 5] = [
    "pod-template-hash",
    "controller-revision-hash",
    "statefulset.kubernetes.io/pod-name",
    "apps.kubernetes.io/pod-index",
    "pod-template-generation",
];

/// Puts the objects of `new` over `merged`: an object of the same kind, namespace and name is replaced. Pods of a
/// workload that is replaced get what its template says; a workload without pods stands for those that it will have.
/// Objects without a namespace go to `namespace`.
#[must_use]
pub fn overlay(merged: Snapshot, mut new: Snapshot, namespace: &str) -> Snapshot {
    let files = u32::try_from(merged.files.len()).unwrap_or(u32::MAX);
    let mut over = Overlay { merged, home: namespace.into(), files, touched: BTreeSet::new() };
    over.merged.files.append(&mut new.files);
    over.not_told(&new);
    over.workloads(std::mem::take(&mut new.workloads));
    over.pods(std::mem::take(&mut new.pods));
    over.namespaces(std::mem::take(&mut new.namespaces));
    over.services(&mut new);
    macro_rules! put {
        ($($list:ident $(, $same:ident)?);+) => {$(
            for mut object in std::mem::take(&mut new.$list) {
                over.home(&mut object.meta);
                let same = |a: &Meta, b: &Meta| a.namespace == b.namespace && a.name == b.name;
                let known = over.merged.$list.iter_mut().find(|known| {
                    same(&known.meta, &object.meta) $(&& known.$same == object.$same)?
                });
                match known {
                    Some(known) => *known = object,
                    None => over.merged.$list.push(object),
                }
            }
        )+};
    }
    put!(network_policies; ingresses; gateways; routes, kind; foreign_policies, kind);
    for mut object in std::mem::take(&mut new.cluster_policies) {
        over.place(&mut object.meta);
        let list = &mut over.merged.cluster_policies;
        match list.iter_mut().find(|it| it.kind == object.kind && it.meta.name == object.meta.name) {
            Some(known) => *known = object,
            None => list.push(object),
        }
    }
    over.stale_endpoints();
    put!(endpoint_slices);
    over.merged.not_evaluated.append(&mut new.not_evaluated);
    over.merged
}

/// A state while manifests are put over it.
struct Overlay {
    merged: Snapshot,
    /// The namespace of objects that name none.
    home: Arc<str>,
    /// How many files the state below has.
    files: u32,
    /// Namespaces of which pods or Services change.
    touched: BTreeSet<Arc<str>>,
}

impl Overlay {
    fn home(&self, meta: &mut Meta) {
        if meta.namespace.is_empty() {
            meta.namespace = Arc::clone(&self.home);
        }
        self.place(meta);
    }

    /// The files of the manifests follow those of the state below.
    fn place(&self, meta: &mut Meta) {
        if let Some(origin) = &mut meta.origin {
            origin.file = origin.file.saturating_add(self.files);
        }
    }

    /// Kinds that make pods, and of which only the metadata is read.
    fn not_told(&mut self, new: &Snapshot) {
        for object in &new.others {
            let namespace = if object.meta.namespace.is_empty() { &*self.home } else { &*object.meta.namespace };
            let owns = |pod: &Pod| {
                *pod.meta.namespace == *namespace
                    && pod.meta.owners.iter().any(|owner| owner.kind == object.kind && owner.name == object.meta.name)
            };
            if self.merged.pods.iter().any(owns) {
                let what = format!("{} {namespace}/{}", object.kind, object.meta.name);
                let why = "what it makes of its pods is not known here: they are compared as they are";
                self.merged.not_evaluated.push(NotEvaluated::new(what, why));
            }
        }
    }

    fn workloads(&mut self, workloads: Vec<Workload>) {
        for mut workload in workloads {
            self.home(&mut workload.meta);
            let pods = self.pods_of(&workload);
            let list = &mut self.merged.workloads;
            let known = list.iter_mut().find(|known| {
                known.kind == workload.kind
                    && known.meta.namespace == workload.meta.namespace
                    && known.meta.name == workload.meta.name
            });
            self.touched.insert(Arc::clone(&workload.meta.namespace));
            match known {
                Some(known) => {
                    if !pods.is_empty() {
                        // Those that run stand for it. One that has none stands for itself, as a new one does.
                        workload.meta.uid.clone_from(&known.meta.uid);
                    }
                    let spec_changes = known.template != workload.template;
                    for pod in self.merged.pods.iter_mut().filter(|pod| pods.contains(&place(&pod.meta))) {
                        follow(pod, &workload, spec_changes);
                    }
                    *known = workload;
                }
                None => {
                    for pod in self.merged.pods.iter_mut().filter(|pod| pods.contains(&place(&pod.meta))) {
                        follow(pod, &workload, true);
                    }
                    list.push(workload);
                }
            }
        }
    }

    /// The pods that belong to a workload in the end.
    fn pods_of(&self, workload: &Workload) -> BTreeSet<(Arc<str>, String)> {
        // Under this profile every pod counts.
        let world = World::of(&self.merged, &Profile::Analyzer.semantics());
        let owned = world.pods.iter().filter(|pod| {
            let owner = world.owner(pod.owner);
            !pod.from_template
                && owner.kind == workload.kind.as_str()
                && owner.name == *workload.meta.name
                && owner.namespace == *workload.meta.namespace
        });
        owned.map(|pod| place(pod.meta)).collect()
    }

    /// A pod that runs keeps its address and its node; of its specification an apply changes no more than images.
    fn pods(&mut self, pods: Vec<Pod>) {
        for mut pod in pods {
            self.home(&mut pod.meta);
            self.touched.insert(Arc::clone(&pod.meta.namespace));
            match self.merged.pods.iter_mut().find(|known| place(&known.meta) == place(&pod.meta)) {
                Some(known) => known.meta.labels = Arc::new(over(&known.meta.labels, &pod.meta.labels)),
                None => self.merged.pods.push(pod),
            }
        }
    }

    /// Labels that others have set stay: only who applied them can take them away.
    fn namespaces(&mut self, namespaces: Vec<patchkit::snapshot::objects::cluster_wide::Namespace>) {
        for mut namespace in namespaces {
            self.place(&mut namespace.meta);
            match self.merged.namespaces.iter_mut().find(|known| known.meta.name == namespace.meta.name) {
                Some(known) => known.meta.labels = Arc::new(over(&known.meta.labels, &namespace.meta.labels)),
                None => self.merged.namespaces.push(namespace),
            }
        }
    }

    /// A Service keeps the addresses that it was given.
    fn services(&mut self, new: &mut Snapshot) {
        for mut service in std::mem::take(&mut new.services) {
            self.home(&mut service.meta);
            self.touched.insert(Arc::clone(&service.meta.namespace));
            match self.merged.services.iter_mut().find(|known| place(&known.meta) == place(&service.meta)) {
                Some(known) => {
                    if service.cluster_ips.is_empty() {
                        service.cluster_ips = std::mem::take(&mut known.cluster_ips);
                    }
                    service.load_balancer_ips = std::mem::take(&mut known.load_balancer_ips);
                    *known = service;
                }
                None => self.merged.services.push(service),
            }
        }
    }

    /// Which pods are behind a Service is worked out anew where its pods or its selector may have changed.
    fn stale_endpoints(&mut self) {
        let with_selector: BTreeSet<(Arc<str>, String)> = self
            .merged
            .services
            .iter()
            .filter(|service| !service.selector.is_empty() && self.touched.contains(&service.meta.namespace))
            .map(|service| place(&service.meta))
            .collect();
        let is_stale =
            |namespace: &Arc<str>, service: &str| with_selector.contains(&(Arc::clone(namespace), service.to_owned()));
        self.merged.endpoint_slices.retain(|slice| !is_stale(&slice.meta.namespace, &slice.service));
    }
}

fn place(meta: &Meta) -> (Arc<str>, String) {
    (namespace_of(meta).into(), meta.name.to_string())
}

/// The second over the first.
fn over(known: &Labels, new: &Labels) -> Labels {
    known.iter().filter(|(key, _)| !new.contains_key(key)).chain(new.iter()).collect()
}

/// Gives a pod what the new template of its workload says.
fn follow(pod: &mut Pod, workload: &Workload, spec_changes: bool) {
    let kept = pod.meta.labels.iter().filter(|(key, _)| ADDED.contains(key));
    pod.meta.labels = Arc::new(workload.template_labels.iter().chain(kept).collect());
    if spec_changes && workload.kind != WorkloadKind::PodTemplate {
        if pod.spec.host_network != workload.template.host_network {
            // It will have an address of the other network, which nobody knows yet.
            pod.ips = Box::default();
        }
        pod.spec = Arc::clone(&workload.template);
    }
}
