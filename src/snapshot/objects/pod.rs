//! Pods as they run.

use std::{
    hash::Hash,
    ops::{Deref, DerefMut},
    sync::Arc,
};

use compact_str::CompactString;
use jiff::Timestamp;
use serde::Deserialize;

use super::{
    Context, Meta, Resource,
    by_parts::{ByParts, Parts, place},
    meta::WireMeta,
};
use crate::rules::{
    PodSpec, Resources,
    null::or_default,
    pod::{Container, ResourceRequirements, VolumeSource},
};

/// A pod. What pods of one template that are in the same state have in common is kept once, and read, and written,
/// through [`PodState`].
#[derive(Clone, Debug)]
pub struct Pod {
    /// Identity, labels, owners.
    pub meta: Meta,
    /// The node that the pod is bound to; empty while it waits for one.
    pub node: Arc<str>,
    /// Since when the condition Ready has its status.
    pub ready_since: Option<Timestamp>,
    /// The pod's addresses, the primary one first.
    pub ips: Box<[CompactString]>,
    state: Arc<ByParts<PodState>>,
}

/// What a pod has in common with the pods of its template that are in the same state.
#[derive(Clone, Debug)]
pub struct PodState {
    /// The specification, without the node's name and without what only the pod's own name tells apart.
    pub spec: Arc<PodSpec>,
    /// Whether the specification named exactly this node by a `metadata.name` term, as the DaemonSet controller
    /// writes it. The term is taken out of [`Self::spec`] then, since it alone would make every such pod different.
    pub pinned: bool,
    /// Where the pod is in its life.
    pub phase: Phase,
    /// The status of the condition Ready, where it is there.
    pub ready: Option<bool>,
    /// Why the scheduler found no node, where it said so.
    pub unschedulable: Option<Arc<str>>,
    /// The node refuses the resize that the specification asks for.
    pub resize_infeasible: bool,
    /// Why the pod as a whole failed (`Evicted`, `NodeLost`, …); empty otherwise.
    pub reason: Arc<str>,
    /// The node that preemption made room on.
    pub nominated_node: Arc<str>,
    /// Init containers, containers and ephemeral containers, in this order.
    pub containers: Arc<[ContainerStatus]>,
    /// Pod-level resources as the kubelet reports them.
    pub resources: Option<Arc<Resources>>,
    /// Pod-level resources as the kubelet has allocated them.
    pub allocated: Option<Arc<Resources>>,
}

impl Deref for Pod {
    type Target = PodState;

    fn deref(&self) -> &PodState {
        &self.state.0
    }
}

impl DerefMut for Pod {
    /// Changes this pod alone.
    fn deref_mut(&mut self) -> &mut PodState {
        &mut Arc::make_mut(&mut self.state).0
    }
}

impl Parts for PodState {
    fn parts(&self) -> impl Hash + Eq {
        let flags = (self.pinned, self.phase, self.ready, self.resize_infeasible);
        let texts = [Some(&self.reason), Some(&self.nominated_node), self.unschedulable.as_ref()];
        let resources = [self.resources.as_ref(), self.allocated.as_ref()];
        (
            flags,
            texts.map(|text| text.map(place)),
            resources.map(|amounts| amounts.map(place)),
            [place(&self.spec), place(&self.containers)],
        )
    }
}

/// Where a pod is in its life.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Deserialize)]
#[allow(missing_docs, reason = "the names are the API's own")]
pub enum Phase {
    Pending,
    Running,
    Succeeded,
    Failed,
    /// The node cannot be asked; also a pod without a status, such as one in a manifest.
    #[default]
    #[serde(other)]
    Unknown,
}

/// The state of one container.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ContainerStatus {
    /// The container's name.
    pub name: CompactString,
    /// The image as the runtime names it.
    pub image: Arc<str>,
    /// The image's digest as the runtime names it.
    pub image_id: Arc<str>,
    /// Whether it passes its readiness probe.
    pub ready: bool,
    /// How often it was started again.
    pub restarts: i32,
    /// Why it waits (`CrashLoopBackOff`, `ImagePullBackOff`, …); empty where it does not.
    pub waiting: CompactString,
    /// The exit code, where it has ended.
    pub exit_code: Option<i32>,
    /// What the kubelet has allocated.
    pub allocated: Option<Arc<Resources>>,
    /// What the runtime has in force.
    pub requests: Option<Arc<Resources>>,
}

impl Pod {
    /// Succeeded or failed: it takes no room any more.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        matches!(self.phase, Phase::Succeeded | Phase::Failed)
    }

    /// Made by the kubelet from a file on the node, and only mirrored in the API.
    #[must_use]
    pub fn is_mirror(&self) -> bool {
        self.meta.annotations.contains_key("kubernetes.io/config.mirror")
    }

    /// Whether it counts as ready: the condition says so, and it is not being deleted.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.ready == Some(true) && self.meta.deleting.is_none()
    }

    /// Each container with its field (`containers`, `initContainers`, `ephemeralContainers`).
    pub fn all_containers(&self) -> impl Iterator<Item = (&'static str, &Container)> {
        self.spec.all_containers()
    }
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct WirePod {
    #[serde(deserialize_with = "or_default")]
    metadata: WireMeta,
    #[serde(deserialize_with = "or_default")]
    spec: PodSpec,
    #[serde(deserialize_with = "or_default")]
    status: WireStatus,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct WireStatus {
    #[serde(deserialize_with = "or_default")]
    phase: Phase,
    #[serde(deserialize_with = "or_default")]
    reason: CompactString,
    #[serde(deserialize_with = "or_default")]
    conditions: Vec<WireCondition>,
    #[serde(rename = "podIP", deserialize_with = "or_default")]
    pod_ip: CompactString,
    #[serde(rename = "podIPs", deserialize_with = "or_default")]
    pod_ips: Vec<WireIp>,
    #[serde(deserialize_with = "or_default")]
    nominated_node_name: CompactString,
    #[serde(deserialize_with = "or_default")]
    init_container_statuses: Vec<WireContainerStatus>,
    #[serde(deserialize_with = "or_default")]
    container_statuses: Vec<WireContainerStatus>,
    #[serde(deserialize_with = "or_default")]
    ephemeral_container_statuses: Vec<WireContainerStatus>,
    resources: Option<ResourceRequirements>,
    allocated_resources: Option<Resources>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct WireCondition {
    #[serde(rename = "type", deserialize_with = "or_default")]
    pub(crate) kind: CompactString,
    #[serde(deserialize_with = "or_default")]
    pub(crate) status: CompactString,
    #[serde(deserialize_with = "or_default")]
    pub(crate) reason: CompactString,
    #[serde(deserialize_with = "or_default")]
    pub(crate) message: String,
    pub(crate) last_transition_time: Option<Timestamp>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct WireIp {
    #[serde(deserialize_with = "or_default")]
    ip: CompactString,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct WireContainerStatus {
    #[serde(deserialize_with = "or_default")]
    name: CompactString,
    #[serde(deserialize_with = "or_default")]
    image: CompactString,
    #[serde(rename = "imageID", deserialize_with = "or_default")]
    image_id: CompactString,
    #[serde(deserialize_with = "or_default")]
    ready: bool,
    #[serde(deserialize_with = "or_default")]
    restart_count: i32,
    #[serde(deserialize_with = "or_default")]
    state: WireState,
    allocated_resources: Option<Resources>,
    resources: Option<ResourceRequirements>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct WireState {
    waiting: Option<WireWaiting>,
    terminated: Option<WireTerminated>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct WireWaiting {
    #[serde(deserialize_with = "or_default")]
    reason: CompactString,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct WireTerminated {
    #[serde(deserialize_with = "or_default")]
    exit_code: i32,
}

impl Resource for Pod {
    type Wire = WirePod;

    fn keep(wire: WirePod, context: &mut Context) -> Self {
        let meta = wire.metadata.keep(context);
        let mut spec = wire.spec;
        let node = spec.node_name.take().unwrap_or_default();
        let pinned = take_pin(&mut spec, &node);
        unify_token_volume(&mut spec);
        unify_claims(&mut spec, &meta.name);
        let status = wire.status;
        let condition = |kind: &str| status.conditions.iter().find(|condition| condition.kind == kind);
        let ready = condition("Ready");
        let scheduled = condition("PodScheduled");
        let resize = condition("PodResizePending");
        let mut ips: Vec<CompactString> = status.pod_ips.into_iter().map(|address| address.ip).collect();
        if ips.is_empty() && !status.pod_ip.is_empty() {
            ips.push(status.pod_ip);
        }
        let containers: Vec<ContainerStatus> = status
            .init_container_statuses
            .into_iter()
            .chain(status.container_statuses)
            .chain(status.ephemeral_container_statuses)
            .map(|container| container.keep(context))
            .collect();
        let unschedulable = scheduled
            .filter(|condition| condition.status == "False" && condition.reason == "Unschedulable")
            .map(|condition| context.text(&condition.message));
        let state = PodState {
            spec: context.spec(spec),
            pinned,
            phase: status.phase,
            ready: ready.map(|condition| condition.status == "True"),
            unschedulable,
            resize_infeasible: resize
                .is_some_and(|condition| condition.status == "True" && condition.reason == "Infeasible"),
            reason: context.text(&status.reason),
            nominated_node: context.text(&status.nominated_node_name),
            containers: context.statuses(containers),
            resources: status.resources.map(|resources| context.resources(resources.requests)),
            allocated: status.allocated_resources.map(|resources| context.resources(resources)),
        };
        Self {
            node: context.text(&node),
            ready_since: ready.and_then(|condition| condition.last_transition_time),
            ips: ips.into_boxed_slice(),
            state: context.pod_state(state),
            meta,
        }
    }
}

impl WireContainerStatus {
    fn keep(self, context: &mut Context) -> ContainerStatus {
        ContainerStatus {
            name: self.name,
            image: context.text(&self.image),
            image_id: context.text(&self.image_id),
            ready: self.ready,
            restarts: self.restart_count,
            waiting: self.state.waiting.map(|waiting| waiting.reason).unwrap_or_default(),
            exit_code: self.state.terminated.map(|terminated| terminated.exit_code),
            allocated: self.allocated_resources.map(|resources| context.resources(resources)),
            requests: self.resources.map(|resources| context.resources(resources.requests)),
        }
    }
}

/// Takes out the term by which the DaemonSet controller binds a pod to its node
/// (`pkg/controller/daemon/util/daemonset_util.go`, `ReplaceDaemonSetPodNodeNameNodeAffinity`).
fn take_pin(spec: &mut PodSpec, node: &str) -> bool {
    if node.is_empty() {
        return false;
    }
    let Some(affinity) = spec.affinity.as_mut() else { return false };
    let Some(node_affinity) = affinity.node_affinity.as_mut() else { return false };
    let Some(required) = node_affinity.required.as_mut() else { return false };
    let [term] = required.node_selector_terms.as_slice() else { return false };
    let [field] = term.match_fields.as_slice() else { return false };
    if !term.match_expressions.is_empty() || field.key != "metadata.name" || field.values.as_slice() != [node] {
        return false;
    }
    node_affinity.required = None;
    if node_affinity.preferred.is_empty() {
        affinity.node_affinity = None;
    }
    if affinity.node_affinity.is_none() && affinity.pod_affinity.is_none() && affinity.pod_anti_affinity.is_none() {
        spec.affinity = None;
    }
    true
}

/// Claims that are named after the pod.
fn unify_claims(spec: &mut PodSpec, pod: &str) {
    for volume in spec.volumes.make_mut() {
        if let VolumeSource::PersistentVolumeClaim { claim } = &mut volume.source {
            claim.forget_pod(&volume.name, pod);
        }
    }
}

/// The API server adds a token volume with a random suffix to every pod; its name carries no meaning.
fn unify_token_volume(spec: &mut PodSpec) {
    const PREFIX: &str = "kube-api-access-";
    let mut found = false;
    for volume in spec.volumes.make_mut() {
        if volume.name.starts_with(PREFIX) && matches!(volume.source, VolumeSource::Projected { .. }) {
            volume.name = CompactString::const_new("kube-api-access");
            found = true;
        }
    }
    if found {
        let containers =
            spec.containers.iter_mut().chain(&mut spec.init_containers).chain(&mut spec.ephemeral_containers);
        for mount in containers.flat_map(|container| container.volume_mounts.make_mut()) {
            if mount.name.starts_with(PREFIX) {
                mount.name = CompactString::const_new("kube-api-access");
            }
        }
    }
}
