//! The snapshot itself.

use std::collections::BTreeMap;

use compact_str::CompactString;

use super::{
    kinds::{self, Kind},
    objects::{
        Meta,
        admission::{AdmissionPolicy, AdmissionPolicyBinding, WebhookConfiguration},
        cluster_policy::ClusterPolicy,
        cluster_wide::{
            ConfigMap, Namespace, OtherObject, PodDisruptionBudget, PrometheusRule, ResourceQuota, Role, RoleBinding,
        },
        credentials::{CertificateSigningRequest, ServiceAccount},
        entrance::{Gateway, Ingress, Route},
        extension::{ApiService, CustomResourceDefinition},
        foreign_policy::ForeignPolicy,
        limit_range::LimitRange,
        network::{EndpointSlice, Endpoints, NetworkPolicy, Service},
        node::Node,
        pod::Pod,
        runtime_class::RuntimeClass,
        scan::VulnerabilityReport,
        storage::{
            CsiDriver, CsiNode, CsiStorageCapacity, PersistentVolume, PersistentVolumeClaim, StorageClass,
            VolumeAttachment,
        },
        workload::Workload,
    },
    settle::Listed,
    version::ServerVersion,
};
use crate::report::{NotEvaluated, SourceRef};

/// Whether the objects of a kind were read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Coverage {
    /// All of them that there are.
    Complete,
    /// The input held some, which need not be all (files).
    Some,
    /// The input held none, and cannot say whether there are any (files).
    Unknown,
    /// They could not be read, for this reason.
    Denied(String),
}

/// A call that the API server counted on a deprecated version (`apiserver_requested_deprecated_apis`).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct DeprecatedCall {
    /// The API group.
    pub group: String,
    /// The version.
    pub version: String,
    /// The resource, such as `cronjobs`.
    pub resource: String,
    /// The subresource, or empty.
    pub subresource: String,
    /// The minor in which it goes, as the server says.
    pub removed_release: String,
}

/// The facts of a cluster at one moment. Immutable once it is made.
#[derive(Debug, Default)]
#[allow(missing_docs, reason = "one list a kind, named after it")]
pub struct Snapshot {
    /// The API server's version, where it is known.
    pub server: Option<ServerVersion>,
    /// The version of the kubectl that wrote the input, where it is known.
    pub kubectl: Option<ServerVersion>,
    pub nodes: Vec<Node>,
    pub namespaces: Vec<Namespace>,
    pub pods: Vec<Pod>,
    /// Deployments, StatefulSets, DaemonSets, ReplicaSets, ReplicationControllers, Jobs, CronJobs, PodTemplates.
    pub workloads: Vec<Workload>,
    pub budgets: Vec<PodDisruptionBudget>,
    pub services: Vec<Service>,
    pub endpoint_slices: Vec<EndpointSlice>,
    pub endpoints: Vec<Endpoints>,
    pub network_policies: Vec<NetworkPolicy>,
    /// AdminNetworkPolicies, BaselineAdminNetworkPolicies and ClusterNetworkPolicies.
    pub cluster_policies: Vec<ClusterPolicy>,
    /// Policies of network plugins and service meshes.
    pub foreign_policies: Vec<ForeignPolicy>,
    pub ingresses: Vec<Ingress>,
    pub gateways: Vec<Gateway>,
    /// Routes of the Gateway API, and OpenShift's.
    pub routes: Vec<Route>,
    pub webhooks: Vec<WebhookConfiguration>,
    pub custom_resources: Vec<CustomResourceDefinition>,
    pub api_services: Vec<ApiService>,
    pub quotas: Vec<ResourceQuota>,
    pub limit_ranges: Vec<LimitRange>,
    pub config_maps: Vec<ConfigMap>,
    pub roles: Vec<Role>,
    /// RoleBindings and ClusterRoleBindings.
    pub role_bindings: Vec<RoleBinding>,
    pub service_accounts: Vec<ServiceAccount>,
    pub certificate_requests: Vec<CertificateSigningRequest>,
    pub admission_policies: Vec<AdmissionPolicy>,
    pub admission_policy_bindings: Vec<AdmissionPolicyBinding>,
    pub runtime_classes: Vec<RuntimeClass>,
    pub volumes: Vec<PersistentVolume>,
    pub claims: Vec<PersistentVolumeClaim>,
    pub storage_classes: Vec<StorageClass>,
    pub csi_drivers: Vec<CsiDriver>,
    pub csi_nodes: Vec<CsiNode>,
    pub attachments: Vec<VolumeAttachment>,
    pub storage_capacities: Vec<CsiStorageCapacity>,
    pub prometheus_rules: Vec<PrometheusRule>,
    pub vulnerability_reports: Vec<VulnerabilityReport>,
    /// Every object of a kind that has no list above.
    pub others: Vec<OtherObject>,
    /// The group versions that the server serves with their resources; `None` where discovery was not read.
    pub served: Option<Vec<ServedResource>>,
    /// Calls on deprecated versions since the API server's start; `None` where the metric was not read.
    pub deprecated_calls: Option<Vec<DeprecatedCall>>,
    /// The files that were read, in order.
    pub files: Vec<String>,
    /// What could not be read, or not understood.
    pub not_evaluated: Vec<NotEvaluated>,
    /// By group and plural.
    pub(super) coverage: BTreeMap<(&'static str, &'static str), Coverage>,
    /// By group and kind, of kinds that are read as metadata.
    pub(super) metadata_coverage: BTreeMap<(CompactString, CompactString), Coverage>,
    /// The facts come from files.
    pub(super) from_files: bool,
    /// What the files hold none of does not exist.
    pub(super) taken_as_complete: bool,
}

/// A resource that the API server serves.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ServedResource {
    /// The API group; empty for the core group.
    pub group: String,
    /// The version.
    pub version: String,
    /// The kind.
    pub kind: String,
    /// The resource as it stands in URLs.
    pub plural: String,
}

/// The objects of one namespace, of a list that is in order.
fn of_namespace<'s, T: Listed>(list: &'s [T], namespace: &str) -> &'s [T] {
    let from = list.partition_point(|object| *object.meta().namespace < *namespace);
    let count = list[from..].partition_point(|object| *object.meta().namespace == *namespace);
    &list[from..from + count]
}

impl Snapshot {
    /// The pods of a namespace.
    #[must_use]
    pub fn pods_in(&self, namespace: &str) -> &[Pod] {
        of_namespace(&self.pods, namespace)
    }

    /// The disruption budgets of a namespace.
    #[must_use]
    pub fn budgets_in(&self, namespace: &str) -> &[PodDisruptionBudget] {
        of_namespace(&self.budgets, namespace)
    }

    /// The Services of a namespace.
    #[must_use]
    pub fn services_in(&self, namespace: &str) -> &[Service] {
        of_namespace(&self.services, namespace)
    }

    /// The EndpointSlices of a namespace.
    #[must_use]
    pub fn endpoint_slices_in(&self, namespace: &str) -> &[EndpointSlice] {
        of_namespace(&self.endpoint_slices, namespace)
    }

    /// Whether the objects of a kind were read.
    #[must_use]
    pub fn coverage(&self, kind: &Kind) -> Coverage {
        let default = match self.from_files {
            true if self.taken_as_complete => Coverage::Complete,
            true => Coverage::Unknown,
            false => Coverage::Denied("not asked for".to_owned()),
        };
        self.coverage.get(&(kind.group, kind.plural)).cloned().unwrap_or(default)
    }

    /// Why nothing can be said from the absence of objects of this kind; `None` where it can.
    ///
    /// Files count where they hold at least one object of the kind, or a typed list of it: whoever wrote some of a
    /// kind into a file usually wrote all, and a report names its files.
    #[must_use]
    pub fn why_unknown(&self, kind: &Kind) -> Option<String> {
        match self.coverage(kind) {
            Coverage::Complete | Coverage::Some => None,
            Coverage::Unknown => Some(format!("the input holds no {}", kind.plural)),
            Coverage::Denied(why) => Some(why),
        }
    }

    /// As [`Self::why_unknown`], for a kind of any group: also one that is read as metadata, and one that the server
    /// does not serve, of which there can be no object.
    #[must_use]
    pub fn why_unknown_of(&self, group: &str, kind: &str) -> Option<String> {
        if self.serves(group, kind) == Some(false) {
            return None;
        }
        let key = (CompactString::from(group), CompactString::from(kind));
        let as_metadata = self.metadata_coverage.get(&key);
        if matches!(as_metadata, Some(Coverage::Complete | Coverage::Some)) {
            return None;
        }
        if let Some(known) = kinds::find(group, kind) {
            return self.why_unknown(known);
        }
        match as_metadata {
            Some(Coverage::Complete | Coverage::Some) => None,
            Some(Coverage::Denied(why)) => Some(why.clone()),
            Some(Coverage::Unknown) | None if self.taken_as_complete => None,
            Some(Coverage::Unknown) | None if self.from_files => Some(format!("the input holds no {kind}")),
            Some(Coverage::Unknown) | None => Some("not asked for".to_owned()),
        }
    }

    /// Whether the server serves a kind in any version of the group; `None` where discovery was not read.
    #[must_use]
    pub fn serves(&self, group: &str, kind: &str) -> Option<bool> {
        let served = self.served.as_ref()?;
        Some(served.iter().any(|resource| resource.group == group && resource.kind == kind))
    }

    /// The metadata of every object that was read, with its kind.
    pub fn each_meta(&self) -> impl Iterator<Item = (&str, &Meta)> {
        macro_rules! of {
            ($list:ident, $kind:literal) => {
                self.$list.iter().map(|object| ($kind, &object.meta))
            };
        }
        of!(nodes, "Node")
            .chain(of!(namespaces, "Namespace"))
            .chain(of!(pods, "Pod"))
            .chain(self.workloads.iter().map(|workload| (workload.kind.as_str(), &workload.meta)))
            .chain(of!(budgets, "PodDisruptionBudget"))
            .chain(of!(services, "Service"))
            .chain(of!(endpoint_slices, "EndpointSlice"))
            .chain(of!(endpoints, "Endpoints"))
            .chain(of!(network_policies, "NetworkPolicy"))
            .chain(self.cluster_policies.iter().map(|policy| (policy.kind.as_str(), &policy.meta)))
            .chain(self.foreign_policies.iter().map(|policy| (policy.kind.as_str(), &policy.meta)))
            .chain(of!(ingresses, "Ingress"))
            .chain(of!(gateways, "Gateway"))
            .chain(self.routes.iter().map(|route| (route.kind.as_str(), &route.meta)))
            .chain(self.webhooks.iter().map(|webhook| (webhook.kind(), &webhook.meta)))
            .chain(of!(admission_policies, "ValidatingAdmissionPolicy"))
            .chain(of!(admission_policy_bindings, "ValidatingAdmissionPolicyBinding"))
            .chain(of!(runtime_classes, "RuntimeClass"))
            .chain(of!(custom_resources, "CustomResourceDefinition"))
            .chain(of!(api_services, "APIService"))
            .chain(of!(quotas, "ResourceQuota"))
            .chain(of!(limit_ranges, "LimitRange"))
            .chain(of!(service_accounts, "ServiceAccount"))
            .chain(of!(certificate_requests, "CertificateSigningRequest"))
            .chain(of!(config_maps, "ConfigMap"))
            .chain(self.roles.iter().map(|role| (role.kind(), &role.meta)))
            .chain(self.role_bindings.iter().map(|binding| (binding.kind(), &binding.meta)))
            .chain(of!(volumes, "PersistentVolume"))
            .chain(of!(claims, "PersistentVolumeClaim"))
            .chain(of!(storage_classes, "StorageClass"))
            .chain(of!(csi_drivers, "CSIDriver"))
            .chain(of!(csi_nodes, "CSINode"))
            .chain(of!(attachments, "VolumeAttachment"))
            .chain(of!(storage_capacities, "CSIStorageCapacity"))
            .chain(of!(prometheus_rules, "PrometheusRule"))
            .chain(of!(vulnerability_reports, "VulnerabilityReport"))
            .chain(self.others.iter().map(|object| (object.kind.as_str(), &object.meta)))
    }

    /// Where an object stands in the input files.
    #[must_use]
    pub fn source_of(&self, meta: &Meta) -> Option<SourceRef> {
        let origin = meta.origin?;
        Some(SourceRef { file: self.files.get(origin.file as usize)?.clone(), line: origin.line })
    }

    /// Where a part of an object stands, such as a rule of a policy: on its own line where that is known, else where
    /// the object begins.
    #[must_use]
    pub fn source_of_part(&self, meta: &Meta, line: Option<u32>) -> Option<SourceRef> {
        let whole = self.source_of(meta)?;
        Some(SourceRef { line: line.unwrap_or(whole.line), ..whole })
    }

    /// Takes what the files hold none of as what the cluster has none of. What could not be read stays unknown.
    pub fn take_as_complete(&mut self) {
        self.taken_as_complete = true;
    }

    /// Whether what the files hold none of is taken as what the cluster has none of ([`Self::take_as_complete`]).
    #[must_use]
    pub fn is_taken_as_complete(&self) -> bool {
        self.taken_as_complete
    }

    /// Whether the facts come from files.
    #[must_use]
    pub fn is_from_files(&self) -> bool {
        self.from_files
    }

    /// Whether not one object was read.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.server.is_none()
            && self.coverage.values().all(|coverage| matches!(coverage, Coverage::Denied(_)))
            && self.others.is_empty()
    }
}
