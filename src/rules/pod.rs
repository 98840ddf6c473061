//! What the rules read of a pod's specification: enough for the scheduler's filters, the Pod Security Standards,
//! images, network policies and drains, and no more.
//!
//! Field names and meanings: `k8s.io/api/core/v1/types.go`. All of it compares and hashes as a whole, so that the
//! thousands of pods that come from one template share one copy.

use std::{borrow::Cow, sync::Arc};

use compact_str::CompactString;
use serde::{Deserialize, Serialize};

use super::{
    IntOrString, LabelSelector, Labels, NodeSelector, PreferredTerm, Quantity, SharedList, Toleration, null::or_default,
};

/// Resource names with amounts.
pub type Resources = std::collections::BTreeMap<CompactString, Quantity>;

/// The specification of a pod or of a pod template.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[allow(missing_docs, reason = "the names are the API's own")]
pub struct PodSpec {
    #[serde(deserialize_with = "or_default")]
    pub containers: Vec<Container>,
    #[serde(deserialize_with = "or_default")]
    pub init_containers: Vec<Container>,
    #[serde(deserialize_with = "or_default")]
    pub ephemeral_containers: Vec<Container>,
    #[serde(deserialize_with = "or_default")]
    pub volumes: SharedList<Volume>,
    /// Taken out into the pod itself while a snapshot is read, so that pods of one template stay equal.
    pub node_name: Option<CompactString>,
    #[serde(deserialize_with = "or_default")]
    pub node_selector: Labels,
    pub affinity: Option<Box<Affinity>>,
    #[serde(deserialize_with = "or_default")]
    pub tolerations: SharedList<Toleration>,
    #[serde(deserialize_with = "or_default")]
    pub topology_spread_constraints: SharedList<TopologySpreadConstraint>,
    #[serde(deserialize_with = "or_default")]
    pub scheduling_gates: Vec<NamedReference>,
    pub scheduler_name: Option<CompactString>,
    pub priority: Option<i32>,
    pub priority_class_name: Option<CompactString>,
    pub preemption_policy: Option<CompactString>,
    #[serde(deserialize_with = "or_default")]
    pub overhead: Resources,
    /// Pod-level requests and limits (KEP-2837).
    pub resources: Option<ResourceRequirements>,
    #[serde(deserialize_with = "or_default")]
    pub resource_claims: Vec<NamedReference>,
    #[serde(deserialize_with = "or_default")]
    pub host_network: bool,
    #[serde(rename = "hostPID", deserialize_with = "or_default")]
    pub host_pid: bool,
    #[serde(rename = "hostIPC", deserialize_with = "or_default")]
    pub host_ipc: bool,
    /// Absent and `true` both mean the host's user namespace.
    pub host_users: Option<bool>,
    pub os: Option<NamedReference>,
    pub security_context: Option<Arc<PodSecurityContext>>,
    pub service_account_name: Option<CompactString>,
    pub automount_service_account_token: Option<bool>,
    pub restart_policy: Option<CompactString>,
    pub termination_grace_period_seconds: Option<i64>,
    pub runtime_class_name: Option<CompactString>,
    #[serde(deserialize_with = "or_default")]
    pub image_pull_secrets: SharedList<NamedReference>,
    #[serde(deserialize_with = "or_default")]
    pub readiness_gates: Vec<ReadinessGate>,
    pub active_deadline_seconds: Option<i64>,
    pub dns_policy: Option<CompactString>,
}

impl PodSpec {
    /// Gives back the room that its lists have taken for more. A list that grows while it is read begins with room for
    /// four, and most pods have one container.
    pub(crate) fn shrink(&mut self) {
        for list in [&mut self.containers, &mut self.init_containers, &mut self.ephemeral_containers] {
            list.shrink_to_fit();
            for container in list {
                container.shrink();
            }
        }
    }

    /// Init containers, containers and ephemeral containers, with the field that each stands in.
    pub fn all_containers(&self) -> impl Iterator<Item = (&'static str, &Container)> {
        self.init_containers
            .iter()
            .map(|container| ("initContainers", container))
            .chain(self.containers.iter().map(|container| ("containers", container)))
            .chain(self.ephemeral_containers.iter().map(|container| ("ephemeralContainers", container)))
    }
}

/// Something of which only the name is read.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(default)]
#[allow(missing_docs, reason = "the names are the API's own")]
pub struct NamedReference {
    #[serde(deserialize_with = "or_default")]
    pub name: CompactString,
}

/// A condition that must hold for the pod to be Ready.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[allow(missing_docs, reason = "the names are the API's own")]
pub struct ReadinessGate {
    #[serde(deserialize_with = "or_default")]
    pub condition_type: CompactString,
}

/// A container of any kind.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[allow(missing_docs, reason = "the names are the API's own")]
pub struct Container {
    #[serde(deserialize_with = "or_default")]
    pub name: CompactString,
    pub image: Option<CompactString>,
    pub image_pull_policy: Option<CompactString>,
    #[serde(deserialize_with = "or_default")]
    pub command: Vec<CompactString>,
    #[serde(deserialize_with = "or_default")]
    pub args: Vec<CompactString>,
    #[serde(deserialize_with = "or_default")]
    pub ports: SharedList<ContainerPort>,
    #[serde(deserialize_with = "or_default")]
    pub env: SharedList<EnvVar>,
    #[serde(deserialize_with = "or_default")]
    pub env_from: SharedList<EnvFrom>,
    #[serde(deserialize_with = "or_default")]
    pub resources: Arc<ResourceRequirements>,
    /// `Always` on an init container makes it a sidecar.
    pub restart_policy: Option<CompactString>,
    #[serde(deserialize_with = "or_default")]
    pub restart_policy_rules: Vec<RestartRule>,
    pub security_context: Option<Arc<SecurityContext>>,
    pub liveness_probe: Option<Arc<Probe>>,
    pub readiness_probe: Option<Arc<Probe>>,
    pub startup_probe: Option<Arc<Probe>>,
    pub lifecycle: Option<Arc<Lifecycle>>,
    #[serde(deserialize_with = "or_default")]
    pub volume_mounts: SharedList<VolumeMount>,
    #[serde(deserialize_with = "or_default")]
    pub volume_devices: Vec<NamedReference>,
}

impl Container {
    fn shrink(&mut self) {
        self.command.shrink_to_fit();
        self.args.shrink_to_fit();
    }

    /// An init container that keeps running beside the others (KEP-753).
    #[must_use]
    pub fn is_sidecar(&self) -> bool {
        self.restart_policy.as_deref() == Some("Always")
    }
}

/// A rule of `restartPolicyRules` (KEP-5307).
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(default)]
#[allow(missing_docs, reason = "the names are the API's own")]
pub struct RestartRule {
    #[serde(deserialize_with = "or_default")]
    pub action: CompactString,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[allow(missing_docs, reason = "the names are the API's own")]
pub struct ContainerPort {
    pub name: Option<CompactString>,
    #[serde(deserialize_with = "or_default")]
    pub container_port: i32,
    pub host_port: Option<i32>,
    #[serde(rename = "hostIP")]
    pub host_ip: Option<CompactString>,
    pub protocol: Option<CompactString>,
}

/// An environment variable. Its value is never kept: it may be a secret, and no rule reads it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[allow(missing_docs, reason = "the names are the API's own")]
pub struct EnvVar {
    #[serde(deserialize_with = "or_default")]
    pub name: CompactString,
    #[serde(deserialize_with = "only_references")]
    pub value_from: Option<Box<EnvVarSource>>,
}

/// What a variable's value comes from, where that is another object.
fn only_references<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<Box<EnvVarSource>>, D::Error> {
    let source = Option::<Box<EnvVarSource>>::deserialize(deserializer)?;
    Ok(source.filter(|source| **source != EnvVarSource::default()))
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[allow(missing_docs, reason = "the names are the API's own")]
pub struct EnvVarSource {
    pub secret_key_ref: Option<NamedReference>,
    pub config_map_key_ref: Option<NamedReference>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[allow(missing_docs, reason = "the names are the API's own")]
pub struct EnvFrom {
    pub secret_ref: Option<NamedReference>,
    pub config_map_ref: Option<NamedReference>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(default)]
#[allow(missing_docs, reason = "the names are the API's own")]
pub struct ResourceRequirements {
    #[serde(deserialize_with = "or_default")]
    pub requests: Resources,
    #[serde(deserialize_with = "or_default")]
    pub limits: Resources,
    #[serde(deserialize_with = "or_default")]
    pub claims: Vec<NamedReference>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[allow(missing_docs, reason = "the names are the API's own")]
pub struct VolumeMount {
    #[serde(deserialize_with = "or_default")]
    pub name: CompactString,
    #[serde(deserialize_with = "or_default")]
    pub mount_path: CompactString,
    #[serde(deserialize_with = "or_default")]
    pub read_only: bool,
    #[serde(deserialize_with = "or_default")]
    pub sub_path: CompactString,
    #[serde(deserialize_with = "or_default")]
    pub sub_path_expr: CompactString,
    #[serde(deserialize_with = "or_default")]
    pub bind_mount_options: Vec<CompactString>,
}

/// A probe: its handler and its timing in seconds.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[allow(missing_docs, reason = "the names are the API's own")]
pub struct Probe {
    pub initial_delay_seconds: Option<i32>,
    pub timeout_seconds: Option<i32>,
    pub period_seconds: Option<i32>,
    pub success_threshold: Option<i32>,
    pub failure_threshold: Option<i32>,
    pub http_get: Option<HttpGetAction>,
    pub tcp_socket: Option<TcpSocketAction>,
    pub exec: Option<ExecAction>,
    pub grpc: Option<GrpcAction>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[allow(missing_docs, reason = "the names are the API's own")]
pub struct Lifecycle {
    pub post_start: Option<Handler>,
    pub pre_stop: Option<Handler>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[allow(missing_docs, reason = "the names are the API's own")]
pub struct Handler {
    pub http_get: Option<HttpGetAction>,
    pub tcp_socket: Option<TcpSocketAction>,
    pub exec: Option<ExecAction>,
    pub sleep: Option<SleepAction>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(default)]
#[allow(missing_docs, reason = "the names are the API's own")]
pub struct SleepAction {
    #[serde(deserialize_with = "or_default")]
    pub seconds: i64,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(default)]
#[allow(missing_docs, reason = "the names are the API's own")]
pub struct HttpGetAction {
    pub host: Option<CompactString>,
    #[serde(deserialize_with = "or_default")]
    pub port: IntOrString,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(default)]
#[allow(missing_docs, reason = "the names are the API's own")]
pub struct TcpSocketAction {
    pub host: Option<CompactString>,
    #[serde(deserialize_with = "or_default")]
    pub port: IntOrString,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(default)]
#[allow(missing_docs, reason = "the names are the API's own")]
pub struct ExecAction {
    #[serde(deserialize_with = "or_default")]
    pub command: Vec<CompactString>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(default)]
#[allow(missing_docs, reason = "the names are the API's own")]
pub struct GrpcAction {
    #[serde(deserialize_with = "or_default")]
    pub port: i32,
}

/// The security context of the whole pod.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[allow(missing_docs, reason = "the names are the API's own")]
pub struct PodSecurityContext {
    pub run_as_non_root: Option<bool>,
    pub run_as_user: Option<i64>,
    pub run_as_group: Option<i64>,
    pub fs_group: Option<i64>,
    pub seccomp_profile: Option<SecurityProfile>,
    pub app_armor_profile: Option<SecurityProfile>,
    pub se_linux_options: Option<SeLinuxOptions>,
    pub se_linux_change_policy: Option<CompactString>,
    #[serde(deserialize_with = "or_default")]
    pub sysctls: Vec<Sysctl>,
    pub windows_options: Option<WindowsOptions>,
    pub supplemental_groups_policy: Option<CompactString>,
}

/// A kernel setting.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(default)]
#[allow(missing_docs, reason = "the names are the API's own")]
pub struct Sysctl {
    #[serde(deserialize_with = "or_default")]
    pub name: CompactString,
    #[serde(deserialize_with = "or_default")]
    pub value: CompactString,
}

/// The security context of one container.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[allow(missing_docs, reason = "the names are the API's own")]
pub struct SecurityContext {
    pub privileged: Option<bool>,
    pub allow_privilege_escalation: Option<bool>,
    pub read_only_root_filesystem: Option<bool>,
    pub run_as_non_root: Option<bool>,
    pub run_as_user: Option<i64>,
    pub run_as_group: Option<i64>,
    pub capabilities: Option<Capabilities>,
    pub proc_mount: Option<CompactString>,
    pub seccomp_profile: Option<SecurityProfile>,
    pub app_armor_profile: Option<SecurityProfile>,
    pub se_linux_options: Option<SeLinuxOptions>,
    pub windows_options: Option<WindowsOptions>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(default)]
#[allow(missing_docs, reason = "the names are the API's own")]
pub struct Capabilities {
    #[serde(deserialize_with = "or_default")]
    pub add: Vec<CompactString>,
    #[serde(deserialize_with = "or_default")]
    pub drop: Vec<CompactString>,
}

/// A seccomp or AppArmor profile.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[allow(missing_docs, reason = "the names are the API's own")]
pub struct SecurityProfile {
    #[serde(rename = "type", deserialize_with = "or_default")]
    pub kind: CompactString,
    pub localhost_profile: Option<CompactString>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(default)]
#[allow(missing_docs, reason = "the names are the API's own")]
pub struct SeLinuxOptions {
    pub user: Option<CompactString>,
    pub role: Option<CompactString>,
    #[serde(rename = "type")]
    pub kind: Option<CompactString>,
    pub level: Option<CompactString>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[allow(missing_docs, reason = "the names are the API's own")]
pub struct WindowsOptions {
    pub host_process: Option<bool>,
    pub run_as_user_name: Option<CompactString>,
}

/// A volume: its name, which source it has, and of the sources what the rules read.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize)]
#[allow(missing_docs, reason = "the names are the API's own")]
pub struct Volume {
    pub name: CompactString,
    pub source: VolumeSource,
}

/// The source of a volume. In-tree sources that share a rule stand under their field's name in [`Self::Other`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize)]
#[allow(missing_docs, reason = "the names are the API's own")]
pub enum VolumeSource {
    /// No source at all: the API server defaults it to an emptyDir.
    #[default]
    None,
    EmptyDir {
        medium: CompactString,
    },
    HostPath {
        path: CompactString,
    },
    PersistentVolumeClaim {
        claim: ClaimName,
    },
    /// A claim made for this pod, named `<pod>-<volume>`, with the class and size of its template.
    Ephemeral {
        storage_class: Option<CompactString>,
        access_modes: Vec<CompactString>,
        volume_mode: CompactString,
        request: Quantity,
    },
    ConfigMap {
        name: CompactString,
    },
    Secret {
        name: CompactString,
    },
    Projected {
        secrets: Vec<CompactString>,
        config_maps: Vec<CompactString>,
        service_account_token: bool,
    },
    DownwardApi,
    Csi {
        driver: CompactString,
    },
    GitRepo,
    Image,
    /// An in-tree disk with the identity that two pods must not share.
    Disk {
        field: CompactString,
        id: CompactString,
        read_only: bool,
        /// An Azure disk in somebody's storage account (`kind` is not `Managed`), which no CSI driver takes over.
        unmanaged: bool,
    },
    /// Any other field: `nfs`, `flexVolume`, `portworxVolume`, …
    Other {
        field: CompactString,
    },
}

impl VolumeSource {
    /// The field of a volume that the source stands in, such as `emptyDir`; none where there is no source.
    #[must_use]
    pub fn field(&self) -> Option<&str> {
        Some(match self {
            Self::None => return None,
            Self::EmptyDir { .. } => "emptyDir",
            Self::HostPath { .. } => "hostPath",
            Self::PersistentVolumeClaim { .. } => "persistentVolumeClaim",
            Self::Ephemeral { .. } => "ephemeral",
            Self::ConfigMap { .. } => "configMap",
            Self::Secret { .. } => "secret",
            Self::Projected { .. } => "projected",
            Self::DownwardApi => "downwardAPI",
            Self::Csi { .. } => "csi",
            Self::GitRepo => "gitRepo",
            Self::Image => "image",
            Self::Disk { field, .. } | Self::Other { field } => field,
        })
    }
}

/// The claim of a volume. The pods of a StatefulSet differ in it by nothing but their own names, and stay equal
/// without them.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
pub enum ClaimName {
    /// By its name.
    Named(CompactString),
    /// `<volume>-<pod>`, as a StatefulSet names the claims that it makes (`getPersistentVolumeClaimName` in
    /// `pkg/controller/statefulset/stateful_set_utils.go`).
    OfPod,
}

impl ClaimName {
    /// The name of the claim, for this volume of this pod.
    #[must_use]
    pub fn of<'c>(&'c self, volume: &str, pod: &str) -> Cow<'c, str> {
        match self {
            Self::Named(name) => Cow::Borrowed(name),
            Self::OfPod => Cow::Owned(format!("{volume}-{pod}")),
        }
    }

    /// Leaves the pod's own name out, where the claim is named after it.
    pub(crate) fn forget_pod(&mut self, volume: &str, pod: &str) {
        if let Self::Named(name) = self
            && name.strip_prefix(volume).and_then(|rest| rest.strip_prefix('-')) == Some(pod)
        {
            *self = Self::OfPod;
        }
    }
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[allow(missing_docs, reason = "the names are the API's own")]
pub struct Affinity {
    pub node_affinity: Option<NodeAffinity>,
    pub pod_affinity: Option<PodAffinity>,
    pub pod_anti_affinity: Option<PodAffinity>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[allow(missing_docs, reason = "the names are the API's own")]
pub struct NodeAffinity {
    #[serde(rename = "requiredDuringSchedulingIgnoredDuringExecution")]
    pub required: Option<NodeSelector>,
    #[serde(rename = "preferredDuringSchedulingIgnoredDuringExecution", deserialize_with = "or_default")]
    pub preferred: Vec<PreferredTerm>,
}

/// Affinity or anti-affinity to other pods. Only required terms filter; whether preferred ones exist is kept.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(default)]
#[allow(missing_docs, reason = "the names are the API's own")]
pub struct PodAffinity {
    #[serde(rename = "requiredDuringSchedulingIgnoredDuringExecution", deserialize_with = "or_default")]
    pub required: Vec<PodAffinityTerm>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[allow(missing_docs, reason = "the names are the API's own")]
pub struct PodAffinityTerm {
    pub label_selector: Option<LabelSelector>,
    pub namespace_selector: Option<LabelSelector>,
    #[serde(deserialize_with = "or_default")]
    pub namespaces: Vec<CompactString>,
    #[serde(deserialize_with = "or_default")]
    pub topology_key: CompactString,
    #[serde(deserialize_with = "or_default")]
    pub match_label_keys: Vec<CompactString>,
    #[serde(deserialize_with = "or_default")]
    pub mismatch_label_keys: Vec<CompactString>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[allow(missing_docs, reason = "the names are the API's own")]
pub struct TopologySpreadConstraint {
    #[serde(deserialize_with = "or_default")]
    pub max_skew: i32,
    #[serde(deserialize_with = "or_default")]
    pub topology_key: CompactString,
    #[serde(deserialize_with = "or_default")]
    pub when_unsatisfiable: CompactString,
    pub label_selector: Option<LabelSelector>,
    pub min_domains: Option<i32>,
    pub node_affinity_policy: Option<CompactString>,
    pub node_taints_policy: Option<CompactString>,
    #[serde(deserialize_with = "or_default")]
    pub match_label_keys: Vec<CompactString>,
}
