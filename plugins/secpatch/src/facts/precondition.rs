//! What must hold in a cluster for a vulnerability to matter there.
//!
//! The conditions are those that the advisories state, as predicates that a snapshot answers with yes, no or "cannot
//! tell". The table is written by hand; each line names the advisory.

use serde::{Deserialize, Serialize};

use super::{
    Component,
    table::{Table, TableError},
};

/// A predicate on a cluster. Each says what answers it, so that an evaluator can say "cannot tell" where that is
/// missing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "kebab-case", rename_all_fields = "camelCase")]
pub enum PreconditionKind {
    /// All of these hold. No as soon as one is no; unknown where none is no and one is unknown.
    All {
        /// The conditions.
        of: Vec<PreconditionKind>,
    },
    /// One of these holds. Yes as soon as one is yes; unknown where none is yes and one is unknown.
    Any {
        /// The conditions.
        of: Vec<PreconditionKind>,
    },
    /// This does not hold. Unknown where it is unknown.
    Not {
        /// The condition.
        of: Box<PreconditionKind>,
    },
    /// There are nodes of this operating system: `nodeInfo.operatingSystem`, or the label `kubernetes.io/os`.
    Nodes {
        /// `windows` or `linux`.
        os: String,
    },
    /// A pod or a workload's template has a volume with one of these sources, by its field name: `gitRepo`, `secret`.
    PodVolume {
        /// Field names of a volume.
        sources: Vec<String>,
    },
    /// A container mounts a volume with `subPath` or `subPathExpr`.
    SubPathMount,
    /// A PersistentVolume has one of these sources, or a StorageClass one of these provisioners: in-tree storage.
    PersistentStorage {
        /// Field names of a PersistentVolume's source: `rbd`, `portworxVolume`.
        sources: Vec<String>,
        /// Names of provisioners: `kubernetes.io/rbd`.
        provisioners: Vec<String>,
    },
    /// A CSI driver of this name is installed (a CSIDriver object, or a CSINode that lists it).
    CsiDriver {
        /// Such as `secrets-store.csi.k8s.io`.
        name: String,
        /// Only where the CSIDriver asks for tokens (`spec.tokenRequests`).
        with_token_requests: bool,
    },
    /// A component runs with log verbosity (`--v`) of at least this. The level is 0 where the arguments of its pod are
    /// visible and do not set it; unknown where they are not visible.
    LogVerbosity {
        /// Whose.
        components: Vec<Component>,
        /// The level.
        at_least: u8,
    },
    /// A flag of a component has a value. Unknown where the component's pod is not visible.
    Flag {
        /// Whose.
        component: Component,
        /// Without dashes.
        name: String,
        /// The value that makes it hold.
        value: String,
        /// Whether it holds where the flag is not given.
        by_default: bool,
    },
    /// A field of the kubelet's configuration has a value (the kubelet-config ConfigMap, or configz).
    KubeletConfig {
        /// The field: `readOnlyPort`.
        field: String,
        /// The value for which it does not hold: any other does.
        unless: String,
        /// Whether it holds where the field is not set.
        by_default: bool,
    },
    /// A feature gate is on: set so on the component, or by default at its version (see the table of gates).
    FeatureGate {
        /// Whose.
        component: Component,
        /// Its name.
        name: String,
    },
    /// An admission plugin is on: in `--enable-admission-plugins`, or by default.
    AdmissionPlugin {
        /// Its name.
        name: String,
        /// Whether it is on where the flags do not name it.
        by_default: bool,
    },
    /// An API group is served by an aggregated API server: an APIService with a `spec.service`.
    AggregatedApiServer,
    /// An object has this annotation.
    Annotation {
        /// The kind of object.
        kind: String,
        /// The annotation's key.
        key: String,
    },
    /// Two or more CustomResourceDefinitions share an API group.
    CustomResourcesShareGroup,
    /// A CustomResourceDefinition is cluster-scoped.
    ClusterScopedCustomResource,
    /// A validating webhook has a rule for this resource.
    ValidatingWebhook {
        /// Plural, without group: `nodes`.
        resource: String,
    },
    /// A pod or template has a seccomp profile of type Localhost with an empty name.
    SeccompLocalhostEmpty,
    /// A pod or template sets this field of its spec to this value.
    PodSpecFlag {
        /// The field: `hostNetwork`, `hostUsers`.
        field: String,
        /// The value.
        value: bool,
    },
    /// A pod or template of Windows containers sets `runAsNonRoot`.
    WindowsRunAsNonRoot,
    /// A subject besides administrators and the system's own is granted one of these verbs on one of these resources.
    /// The rights are visible; whether their holder is to be trusted is not, so a yes is "possible".
    Granted {
        /// The verbs.
        verbs: Vec<String>,
        /// Plural, with group and subresource where it has them: `discovery.k8s.io/endpointslices`, `services/status`.
        resources: Vec<String>,
    },
    /// Network policies exist.
    NetworkPolicy,
    /// Nothing that can be read shows it: always unknown.
    NotVisible,
    /// etcd's own users and roles are on. Kubernetes does not use them and expects them to be off: no for the etcd of
    /// a control plane, unknown for any other.
    EtcdAuthentication,
    /// The Corefile of the cluster's CoreDNS (ConfigMap `coredns` in `kube-system`, and those that it imports) has one
    /// of these words at the beginning of a line: a plugin's name, or the scheme of a server block.
    Corefile {
        /// Such as `acl`, `quic://`.
        any_of: Vec<String>,
    },
    /// The ConfigMap of ingress-nginx has a key whose value contains one of these texts.
    IngressNginxSetting {
        /// The key.
        key: String,
        /// The texts.
        contains: Vec<String>,
    },
    /// An Ingress has one of these annotations (keys without the prefix `nginx.ingress.kubernetes.io/`).
    IngressNginxAnnotation {
        /// The keys.
        keys: Vec<String>,
    },
    /// The validating webhook of ingress-nginx is installed.
    IngressNginxAdmission,
}

/// What must hold for one vulnerability to matter.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Precondition {
    /// The vulnerability.
    pub cve: String,
    /// The condition for people, in one sentence.
    pub text: String,
    /// The condition for an evaluator.
    pub when: PreconditionKind,
    /// Whoever may create pods (or the objects that the condition names) can bring it about: a no then speaks of what
    /// is there now, and has to be shown as such.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub creatable: bool,
    /// Where it is stated.
    pub source: String,
}

/// All preconditions.
#[derive(Debug)]
pub struct Preconditions {
    table: Table<Precondition>,
}

impl Preconditions {
    /// The table's name.
    pub const TABLE: &'static str = "preconditions";

    /// Reads the table.
    ///
    /// # Errors
    /// As [`Table::parse`].
    pub fn parse(text: &str) -> Result<Self, TableError> {
        Ok(Self { table: Table::parse(Self::TABLE, text)? })
    }

    /// The table.
    #[must_use]
    pub const fn table(&self) -> &Table<Precondition> {
        &self.table
    }

    /// All, in the order of the table.
    #[must_use]
    pub fn all(&self) -> &[Precondition] {
        &self.table.records
    }

    /// The precondition of a vulnerability; `None` where its advisory states none.
    #[must_use]
    pub fn of(&self, cve: &str) -> Option<&Precondition> {
        self.all().iter().find(|precondition| precondition.cve == cve)
    }
}
