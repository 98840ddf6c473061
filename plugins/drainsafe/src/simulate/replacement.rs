//! The pod that takes an evicted one's place: built from the template of its owner, as the owner's controller and the
//! API server's admission build it.

use std::{fmt, sync::Arc};

use crate::fit::{Candidate, namespace_of, tolerates_cordon};
use compact_str::CompactString;
use patchkit::{
    rules::{
        Labels, PodSpec,
        pod::{ClaimName, Container, Volume, VolumeSource},
    },
    snapshot::{
        Owners, Snapshot,
        objects::{
            Meta,
            pod::Pod,
            storage::{PersistentVolumeClaim, StorageClass},
            workload::{Workload, WorkloadKind},
        },
    },
};

/// Labels that controllers put on each pod beside those of the template.
const CONTROLLER_LABELS: &[&str] = &[
    "pod-template-hash",
    "controller-revision-hash",
    "statefulset.kubernetes.io/pod-name",
    "apps.kubernetes.io/pod-index",
    "controller-uid",
    "job-name",
    "batch.kubernetes.io/controller-uid",
    "batch.kubernetes.io/job-name",
    "batch.kubernetes.io/job-completion-index",
];

/// A pod that takes an evicted one's place.
#[derive(Clone, Debug)]
pub struct Replacement {
    /// The pod as the scheduler will see it.
    pub candidate: Candidate,
    /// What it was built from.
    pub template: Template,
    /// Why it may be put onto a cordoned node.
    pub returns: Option<Returns>,
}

/// What a replacement was built from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Template {
    /// The template of its owner.
    Owner {
        /// `ReplicaSet`, `StatefulSet`, …
        kind: &'static str,
        /// The owner's name.
        name: String,
    },
    /// The evicted pod's own specification.
    OwnSpec {
        /// Why not a template.
        why: String,
    },
}

/// Why a replacement may be put onto a cordoned node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Returns {
    /// It tolerates the cordon.
    ToleratesCordon,
    /// The template names its node, and no scheduler is asked.
    NamesNode(String),
}

/// Why no replacement looks for a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotReplaced {
    /// No controller owns the pod.
    NoController,
    /// A DaemonSet runs its pod on every node; it makes none elsewhere.
    DaemonSet,
    /// The kubelet runs it from a file on the node.
    StaticPod,
    /// The pod has succeeded or failed.
    Finished,
    /// Its Job has ended.
    JobEnded,
}

impl fmt::Display for NotReplaced {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoController => "no controller makes a replacement",
            Self::DaemonSet => "a DaemonSet makes no pod elsewhere",
            Self::StaticPod => "the kubelet runs it from a file on the node",
            Self::Finished => "it has finished",
            Self::JobEnded => "its Job has ended",
        })
    }
}

/// What replacements are built from.
pub struct Templates<'s> {
    owners: Owners<'s>,
    default_class: Option<&'s StorageClass>,
}

impl<'s> Templates<'s> {
    /// The templates of a snapshot.
    #[must_use]
    pub fn of(snapshot: &'s Snapshot) -> Self {
        Self { owners: Owners::of(snapshot), default_class: default_class(snapshot) }
    }

    /// The replacement of a pod.
    ///
    /// # Errors
    /// Where there is none that looks for a node.
    pub fn replacement(&self, pod: &Pod) -> Result<Replacement, NotReplaced> {
        if pod.is_mirror() {
            return Err(NotReplaced::StaticPod);
        }
        if pod.is_finished() {
            return Err(NotReplaced::Finished);
        }
        let owner = pod.meta.controller().ok_or(NotReplaced::NoController)?;
        if owner.kind == "DaemonSet" && owner.group() == "apps" {
            return Err(NotReplaced::DaemonSet);
        }
        if owner.kind == "Node" {
            return Err(NotReplaced::StaticPod);
        }
        let own_spec = |why: String| {
            let mut candidate = Candidate::of_pod(pod);
            candidate.uid = CompactString::default();
            self.finish(candidate, Template::OwnSpec { why })
        };
        let known = [
            WorkloadKind::ReplicaSet,
            WorkloadKind::StatefulSet,
            WorkloadKind::ReplicationController,
            WorkloadKind::Job,
        ];
        let Some(workload) = self.owners.controller(&pod.meta) else {
            return Ok(own_spec(format!("{}/{} was not read", owner.kind, owner.name)));
        };
        let kind = workload.kind;
        if !known.contains(&kind) {
            return Ok(own_spec(format!("{kind}/{} makes its pods in another way", owner.name)));
        }
        if workload.job.as_ref().is_some_and(|job| job.finished) {
            return Err(NotReplaced::JobEnded);
        }
        let mut spec = PodSpec::clone(&workload.template);
        admit_like(&mut spec, &pod.spec);
        if kind == WorkloadKind::StatefulSet {
            mount_claims(&mut spec, &pod.spec, workload);
        }
        let mut candidate = Candidate {
            namespace: namespace_of(&pod.meta.namespace),
            name: pod.meta.name.clone(),
            uid: CompactString::default(),
            labels: Arc::new(labels(workload, pod)),
            spec: Arc::new(spec),
            future_claims: Vec::new(),
        };
        candidate.admit(true);
        let template = Template::Owner { kind: kind.as_str(), name: workload.meta.name.to_string() };
        Ok(self.finish(candidate, template))
    }

    fn finish(&self, mut candidate: Candidate, template: Template) -> Replacement {
        candidate.future_claims = self.future_claims(&candidate);
        let spec = &candidate.spec;
        let returns = match spec.node_name.as_deref().filter(|name| !name.is_empty()) {
            Some(name) => Some(Returns::NamesNode(name.to_owned())),
            None => tolerates_cordon(&spec.tolerations).then_some(Returns::ToleratesCordon),
        };
        Replacement { candidate, template, returns }
    }

    /// The claims that will be made for the replacement's ephemeral volumes: it does not get those of the old pod.
    fn future_claims(&self, candidate: &Candidate) -> Vec<(CompactString, PersistentVolumeClaim)> {
        let one = |volume: &Volume| {
            let VolumeSource::Ephemeral { storage_class, access_modes, volume_mode, request } = &volume.source else {
                return None;
            };
            let class = storage_class.clone().or_else(|| self.default_class.map(|class| class.meta.name.clone()));
            let mut meta = Meta::default();
            meta.name = compact_str::format_compact!("{}-{}", candidate.name, volume.name);
            meta.namespace = Arc::clone(&candidate.namespace);
            let claim = PersistentVolumeClaim {
                meta,
                storage_class: class,
                access_modes: access_modes.clone(),
                volume_mode: volume_mode.clone(),
                request: *request,
                phase: "Pending".into(),
                ..PersistentVolumeClaim::default()
            };
            Some((volume.name.clone(), claim))
        };
        candidate.spec.volumes.iter().filter_map(one).collect()
    }
}

/// The class of claims that name none: of several the one that was made last (`GetDefaultClass`).
fn default_class(snapshot: &Snapshot) -> Option<&StorageClass> {
    let is_default = |class: &&StorageClass| {
        class.meta.annotations.get("storageclass.kubernetes.io/is-default-class") == Some("true")
    };
    let newest = |class: &&StorageClass| (class.meta.created, std::cmp::Reverse(class.meta.name.clone()));
    snapshot.storage_classes.iter().filter(is_default).max_by_key(newest)
}

/// The labels of the template, and those that the controller puts on each pod.
fn labels(workload: &Workload, pod: &Pod) -> Labels {
    let of_controller = pod.meta.labels.iter().filter(|(key, _)| CONTROLLER_LABELS.contains(key));
    of_controller
        .chain(workload.template_labels.iter())
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .collect()
}

/// Adds what admission added to the running pod and will add again: what cannot be changed in a pod later, and is not in
/// the template. What can be changed (requests by a resize, tolerations) is the template's alone.
fn admit_like(spec: &mut PodSpec, running: &PodSpec) {
    let selector = running.node_selector.iter().chain(spec.node_selector.iter());
    spec.node_selector = selector.map(|(key, value)| (key.to_owned(), value.to_owned())).collect();
    if spec.affinity.is_none() {
        spec.affinity.clone_from(&running.affinity);
    }
    if spec.topology_spread_constraints.is_empty() {
        spec.topology_spread_constraints.clone_from(&running.topology_spread_constraints);
    }
    if spec.runtime_class_name == running.runtime_class_name {
        spec.overhead.clone_from(&running.overhead);
    }
    if spec.priority_class_name == running.priority_class_name || spec.priority_class_name.is_none() {
        spec.priority = running.priority;
        spec.preemption_policy.clone_from(&running.preemption_policy);
    }
    add_containers(&mut spec.containers, &running.containers);
    add_containers(&mut spec.init_containers, &running.init_containers);
}

/// Containers that were injected, and requests that a LimitRange filled in.
fn add_containers(of_template: &mut Vec<Container>, running: &[Container]) {
    for container in running {
        match of_template.iter_mut().find(|known| known.name == container.name) {
            None => of_template.push(container.clone()),
            Some(known) => {
                for (name, amount) in &container.resources.requests {
                    if !known.resources.limits.contains_key(name) {
                        Arc::make_mut(&mut known.resources).requests.entry(name.clone()).or_insert(*amount);
                    }
                }
            }
        }
    }
}

/// A StatefulSet's pod keeps its claims: `TEMPLATE-POD`.
fn mount_claims(spec: &mut PodSpec, running: &PodSpec, workload: &Workload) {
    for template in &workload.claim_templates {
        let own = running.volumes.iter().find(|volume| volume.name == *template);
        let volume = own.cloned().unwrap_or_else(|| Volume {
            name: template.clone(),
            source: VolumeSource::PersistentVolumeClaim { claim: ClaimName::OfPod },
        });
        let others = spec.volumes.iter().filter(|known| known.name != *template).cloned();
        spec.volumes = others.chain([volume]).collect();
    }
}
