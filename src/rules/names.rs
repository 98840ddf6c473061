//! Names of the API's types: groups, versions, kinds and resources.
//!
//! Sources: `api/discovery/*.json` of Kubernetes 1.37.2 for what is served, the deprecation guide
//! (<https://kubernetes.io/docs/reference/using-api/deprecation-guide/>) for what is served no more;
//! `k8s.io/apimachinery/pkg/version/helpers.go` for the order of versions.

use std::cmp::Ordering;

use compact_str::{CompactString, format_compact};

/// A kind that Kubernetes itself serves or served.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BuiltIn {
    /// The API group; empty for the core group.
    pub group: &'static str,
    /// The kind.
    pub kind: &'static str,
    /// Whether its objects stand in a namespace.
    pub namespaced: bool,
}

impl BuiltIn {
    /// The resource as kubectl and RBAC name it: `pods`, `deployments.apps`.
    #[must_use]
    pub fn resource(&self) -> CompactString {
        qualified_resource(self.group, &plural(self.kind))
    }
}

/// Group and version of an `apiVersion`: `apps/v1` is `("apps", "v1")`, `v1` is `("", "v1")`.
#[must_use]
pub fn split_api_version(api_version: &str) -> (&str, &str) {
    api_version.rsplit_once('/').unwrap_or(("", api_version))
}

/// Group and version as manifests write them.
#[must_use]
pub fn join_api_version(group: &str, version: &str) -> CompactString {
    if group.is_empty() { version.into() } else { format_compact!("{group}/{version}") }
}

/// The resource with its group behind a point: `deployments.apps`, `pods`.
#[must_use]
pub fn qualified_resource(group: &str, plural: &str) -> CompactString {
    if group.is_empty() { plural.into() } else { format_compact!("{plural}.{group}") }
}

/// The plural of a built-in kind, as it stands in URLs. For custom resources it is a guess: only their definition
/// knows.
#[must_use]
pub fn plural(kind: &str) -> CompactString {
    let singular = kind.to_lowercase();
    if singular.ends_with("endpoints") {
        return singular.into();
    }
    if let Some(stem) = singular.strip_suffix('y')
        && !stem.ends_with(['a', 'e', 'i', 'o', 'u'])
    {
        return format_compact!("{stem}ies");
    }
    let ending = if singular.ends_with(['s', 'x']) || singular.ends_with("ch") { "es" } else { "s" };
    format_compact!("{singular}{ending}")
}

/// The built-in kind of this name in a group; none for custom resources.
#[must_use]
pub fn built_in(group: &str, kind: &str) -> Option<BuiltIn> {
    TABLE
        .binary_search_by(|(other_group, other_kind, _)| (*other_group, *other_kind).cmp(&(group, kind)))
        .ok()
        .map(|index| of(&TABLE[index]))
}

/// The built-in kind of a resource in a group: `deployments` in `apps` is Deployment.
#[must_use]
pub fn kind_of(group: &str, plural_name: &str) -> Option<BuiltIn> {
    all().find(|known| known.group == group && plural(known.kind) == plural_name)
}

/// Every built-in kind, by group and kind.
pub fn all() -> impl Iterator<Item = BuiltIn> {
    TABLE.iter().map(of)
}

fn of(&(group, kind, namespaced): &(&'static str, &'static str, bool)) -> BuiltIn {
    BuiltIn { group, kind, namespaced }
}

/// Orders API versions by how stable and new they are, the least first: `v1alpha1 < v1beta1 < v2beta1 < v1 < v2`;
/// names of another form come before all of them, the alphabetically last first
/// (`CompareKubeAwareVersionStrings`).
#[must_use]
pub fn compare_versions(one: &str, other: &str) -> Ordering {
    match (parse_version(one), parse_version(other)) {
        (Some(one), Some(other)) => one.cmp(&other),
        (Some(_), None) => Ordering::Greater,
        (None, Some(_)) => Ordering::Less,
        (None, None) => other.cmp(one),
    }
}

/// How stable an API version is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Stability {
    /// `v1alpha1`
    Alpha,
    /// `v1beta1`
    Beta,
    /// `v1`
    Stable,
}

/// How stable the version of this name is; none where the name has another form.
#[must_use]
pub fn stability(version: &str) -> Option<Stability> {
    parse_version(version).map(|(stability, _, _)| stability)
}

/// Stability, major and minor, in the order in which they compare.
fn parse_version(version: &str) -> Option<(Stability, u32, u32)> {
    let number = |text: &str| -> Option<u32> {
        (!text.is_empty() && text.bytes().all(|b| b.is_ascii_digit())).then(|| text.parse().ok()).flatten()
    };
    let rest = version.strip_prefix('v')?;
    for (word, stability) in [("alpha", Stability::Alpha), ("beta", Stability::Beta)] {
        if let Some((major, minor)) = rest.split_once(word) {
            return Some((stability, number(major)?, number(minor)?));
        }
    }
    Some((Stability::Stable, number(rest)?, 0))
}

const NAMESPACED: bool = true;
const CLUSTER: bool = false;

/// Group, kind, and where its objects stand, sorted.
const TABLE: &[(&str, &str, bool)] = &[
    ("", "Binding", NAMESPACED),
    ("", "ComponentStatus", CLUSTER),
    ("", "ConfigMap", NAMESPACED),
    ("", "Endpoints", NAMESPACED),
    ("", "Event", NAMESPACED),
    ("", "LimitRange", NAMESPACED),
    ("", "Namespace", CLUSTER),
    ("", "Node", CLUSTER),
    ("", "PersistentVolume", CLUSTER),
    ("", "PersistentVolumeClaim", NAMESPACED),
    ("", "Pod", NAMESPACED),
    ("", "PodTemplate", NAMESPACED),
    ("", "ReplicationController", NAMESPACED),
    ("", "ResourceQuota", NAMESPACED),
    ("", "Secret", NAMESPACED),
    ("", "Service", NAMESPACED),
    ("", "ServiceAccount", NAMESPACED),
    ("admissionregistration.k8s.io", "MutatingAdmissionPolicy", CLUSTER),
    ("admissionregistration.k8s.io", "MutatingAdmissionPolicyBinding", CLUSTER),
    ("admissionregistration.k8s.io", "MutatingWebhookConfiguration", CLUSTER),
    ("admissionregistration.k8s.io", "ValidatingAdmissionPolicy", CLUSTER),
    ("admissionregistration.k8s.io", "ValidatingAdmissionPolicyBinding", CLUSTER),
    ("admissionregistration.k8s.io", "ValidatingWebhookConfiguration", CLUSTER),
    ("apiextensions.k8s.io", "CustomResourceDefinition", CLUSTER),
    ("apiregistration.k8s.io", "APIService", CLUSTER),
    ("apps", "ControllerRevision", NAMESPACED),
    ("apps", "DaemonSet", NAMESPACED),
    ("apps", "Deployment", NAMESPACED),
    ("apps", "ReplicaSet", NAMESPACED),
    ("apps", "StatefulSet", NAMESPACED),
    ("auditregistration.k8s.io", "AuditSink", CLUSTER),
    ("authentication.k8s.io", "SelfSubjectReview", CLUSTER),
    ("authentication.k8s.io", "TokenReview", CLUSTER),
    ("authorization.k8s.io", "LocalSubjectAccessReview", NAMESPACED),
    ("authorization.k8s.io", "SelfSubjectAccessReview", CLUSTER),
    ("authorization.k8s.io", "SelfSubjectRulesReview", CLUSTER),
    ("authorization.k8s.io", "SubjectAccessReview", CLUSTER),
    ("autoscaling", "HorizontalPodAutoscaler", NAMESPACED),
    ("batch", "CronJob", NAMESPACED),
    ("batch", "Job", NAMESPACED),
    ("certificates.k8s.io", "CertificateSigningRequest", CLUSTER),
    ("certificates.k8s.io", "ClusterTrustBundle", CLUSTER),
    ("certificates.k8s.io", "PodCertificateRequest", NAMESPACED),
    ("coordination.k8s.io", "Lease", NAMESPACED),
    ("coordination.k8s.io", "LeaseCandidate", NAMESPACED),
    ("discovery.k8s.io", "EndpointSlice", NAMESPACED),
    ("events.k8s.io", "Event", NAMESPACED),
    ("extensions", "DaemonSet", NAMESPACED),
    ("extensions", "Deployment", NAMESPACED),
    ("extensions", "Ingress", NAMESPACED),
    ("extensions", "NetworkPolicy", NAMESPACED),
    ("extensions", "PodSecurityPolicy", CLUSTER),
    ("extensions", "ReplicaSet", NAMESPACED),
    ("flowcontrol.apiserver.k8s.io", "FlowSchema", CLUSTER),
    ("flowcontrol.apiserver.k8s.io", "PriorityLevelConfiguration", CLUSTER),
    ("internal.apiserver.k8s.io", "StorageVersion", CLUSTER),
    ("lifecycle.k8s.io", "Eviction", NAMESPACED),
    ("lifecycle.k8s.io", "EvictionRequest", NAMESPACED),
    ("networking.k8s.io", "ClusterCIDR", CLUSTER),
    ("networking.k8s.io", "IPAddress", CLUSTER),
    ("networking.k8s.io", "Ingress", NAMESPACED),
    ("networking.k8s.io", "IngressClass", CLUSTER),
    ("networking.k8s.io", "NetworkPolicy", NAMESPACED),
    ("networking.k8s.io", "ServiceCIDR", CLUSTER),
    ("node.k8s.io", "RuntimeClass", CLUSTER),
    ("policy", "PodDisruptionBudget", NAMESPACED),
    ("policy", "PodSecurityPolicy", CLUSTER),
    ("rbac.authorization.k8s.io", "ClusterRole", CLUSTER),
    ("rbac.authorization.k8s.io", "ClusterRoleBinding", CLUSTER),
    ("rbac.authorization.k8s.io", "Role", NAMESPACED),
    ("rbac.authorization.k8s.io", "RoleBinding", NAMESPACED),
    ("resource.k8s.io", "DeviceClass", CLUSTER),
    ("resource.k8s.io", "DeviceTaintRule", CLUSTER),
    ("resource.k8s.io", "ResourceClaim", NAMESPACED),
    ("resource.k8s.io", "ResourceClaimTemplate", NAMESPACED),
    ("resource.k8s.io", "ResourcePoolStatusRequest", CLUSTER),
    ("resource.k8s.io", "ResourceSlice", CLUSTER),
    ("scheduling.k8s.io", "CompositePodGroup", NAMESPACED),
    ("scheduling.k8s.io", "PodGroup", NAMESPACED),
    ("scheduling.k8s.io", "PriorityClass", CLUSTER),
    ("scheduling.k8s.io", "Workload", NAMESPACED),
    ("settings.k8s.io", "PodPreset", NAMESPACED),
    ("storage.k8s.io", "CSIDriver", CLUSTER),
    ("storage.k8s.io", "CSINode", CLUSTER),
    ("storage.k8s.io", "CSIStorageCapacity", NAMESPACED),
    ("storage.k8s.io", "StorageClass", CLUSTER),
    ("storage.k8s.io", "VolumeAttachment", CLUSTER),
    ("storage.k8s.io", "VolumeAttributesClass", CLUSTER),
    ("storagemigration.k8s.io", "StorageVersionMigration", CLUSTER),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn api_versions_split_and_join() {
        for (text, parts) in [("v1", ("", "v1")), ("apps/v1", ("apps", "v1")), ("", ("", "")), ("/v1", ("", "v1"))] {
            assert_eq!(split_api_version(text), parts, "{text}");
        }
        assert_eq!(join_api_version("apps", "v1"), "apps/v1");
        assert_eq!(join_api_version("", "v1"), "v1");
    }

    #[test]
    fn the_table_is_sorted_and_found_both_ways() {
        assert!(TABLE.is_sorted());
        for known in all() {
            assert_eq!(built_in(known.group, known.kind), Some(known));
            assert_eq!(kind_of(known.group, &plural(known.kind)), Some(known));
        }
        assert_eq!(built_in("apps", "Deployment").map(|known| known.resource()).as_deref(), Some("deployments.apps"));
        assert_eq!(built_in("", "Pod").map(|known| known.resource()).as_deref(), Some("pods"));
        assert_eq!(built_in("cert-manager.io", "Certificate"), None);
        assert_eq!(kind_of("", "deployments"), None);
    }

    /// All of Kubernetes 1.37.2, from its discovery documents.
    #[test]
    fn plurals_are_those_of_discovery() {
        for (kind, expected) in [
            ("APIService", "apiservices"),
            ("Binding", "bindings"),
            ("CSIDriver", "csidrivers"),
            ("CSINode", "csinodes"),
            ("CSIStorageCapacity", "csistoragecapacities"),
            ("CertificateSigningRequest", "certificatesigningrequests"),
            ("ClusterRole", "clusterroles"),
            ("ClusterRoleBinding", "clusterrolebindings"),
            ("ClusterTrustBundle", "clustertrustbundles"),
            ("ComponentStatus", "componentstatuses"),
            ("CompositePodGroup", "compositepodgroups"),
            ("ConfigMap", "configmaps"),
            ("ControllerRevision", "controllerrevisions"),
            ("CronJob", "cronjobs"),
            ("CustomResourceDefinition", "customresourcedefinitions"),
            ("DaemonSet", "daemonsets"),
            ("Deployment", "deployments"),
            ("DeviceClass", "deviceclasses"),
            ("DeviceTaintRule", "devicetaintrules"),
            ("EndpointSlice", "endpointslices"),
            ("Endpoints", "endpoints"),
            ("Event", "events"),
            ("Eviction", "evictions"),
            ("EvictionRequest", "evictionrequests"),
            ("FlowSchema", "flowschemas"),
            ("HorizontalPodAutoscaler", "horizontalpodautoscalers"),
            ("IPAddress", "ipaddresses"),
            ("Ingress", "ingresses"),
            ("IngressClass", "ingressclasses"),
            ("Job", "jobs"),
            ("Lease", "leases"),
            ("LeaseCandidate", "leasecandidates"),
            ("LimitRange", "limitranges"),
            ("LocalSubjectAccessReview", "localsubjectaccessreviews"),
            ("MutatingAdmissionPolicy", "mutatingadmissionpolicies"),
            ("MutatingAdmissionPolicyBinding", "mutatingadmissionpolicybindings"),
            ("MutatingWebhookConfiguration", "mutatingwebhookconfigurations"),
            ("Namespace", "namespaces"),
            ("NetworkPolicy", "networkpolicies"),
            ("Node", "nodes"),
            ("PersistentVolume", "persistentvolumes"),
            ("PersistentVolumeClaim", "persistentvolumeclaims"),
            ("Pod", "pods"),
            ("PodCertificateRequest", "podcertificaterequests"),
            ("PodDisruptionBudget", "poddisruptionbudgets"),
            ("PodGroup", "podgroups"),
            ("PodTemplate", "podtemplates"),
            ("PriorityClass", "priorityclasses"),
            ("PriorityLevelConfiguration", "prioritylevelconfigurations"),
            ("ReplicaSet", "replicasets"),
            ("ReplicationController", "replicationcontrollers"),
            ("ResourceClaim", "resourceclaims"),
            ("ResourceClaimTemplate", "resourceclaimtemplates"),
            ("ResourcePoolStatusRequest", "resourcepoolstatusrequests"),
            ("ResourceQuota", "resourcequotas"),
            ("ResourceSlice", "resourceslices"),
            ("Role", "roles"),
            ("RoleBinding", "rolebindings"),
            ("RuntimeClass", "runtimeclasses"),
            ("Secret", "secrets"),
            ("SelfSubjectAccessReview", "selfsubjectaccessreviews"),
            ("SelfSubjectReview", "selfsubjectreviews"),
            ("SelfSubjectRulesReview", "selfsubjectrulesreviews"),
            ("Service", "services"),
            ("ServiceAccount", "serviceaccounts"),
            ("ServiceCIDR", "servicecidrs"),
            ("StatefulSet", "statefulsets"),
            ("StorageClass", "storageclasses"),
            ("StorageVersion", "storageversions"),
            ("StorageVersionMigration", "storageversionmigrations"),
            ("SubjectAccessReview", "subjectaccessreviews"),
            ("TokenReview", "tokenreviews"),
            ("ValidatingAdmissionPolicy", "validatingadmissionpolicies"),
            ("ValidatingAdmissionPolicyBinding", "validatingadmissionpolicybindings"),
            ("ValidatingWebhookConfiguration", "validatingwebhookconfigurations"),
            ("VolumeAttachment", "volumeattachments"),
            ("VolumeAttributesClass", "volumeattributesclasses"),
            ("Workload", "workloads"),
            // Custom resources whose definitions say so.
            ("Gateway", "gateways"),
            ("HTTPProxy", "httpproxies"),
        ] {
            assert_eq!(plural(kind), expected, "{kind}");
        }
    }

    #[test]
    fn versions_by_stability_then_number() {
        // The example in the API machinery's comment, the least first, with names of another form before.
        let ascending = ["foo10", "foo1", "v1alpha1", "v11alpha2", "v1beta1", "v1beta2", "v3beta1", "v1", "v2", "v10"];
        for pair in ascending.windows(2) {
            assert_eq!(compare_versions(pair[0], pair[1]), Ordering::Less, "{pair:?}");
            assert_eq!(compare_versions(pair[1], pair[0]), Ordering::Greater, "{pair:?}");
        }
        assert_eq!(compare_versions("v1", "v1"), Ordering::Equal);
        for (version, expected) in [
            ("v1", Some(Stability::Stable)),
            ("v1beta1", Some(Stability::Beta)),
            ("v2alpha3", Some(Stability::Alpha)),
            ("v1beta", None),
            ("vbeta1", None),
            ("1", None),
            ("v1.2", None),
            ("", None),
        ] {
            assert_eq!(stability(version), expected, "{version}");
        }
    }
}
