//! The kinds that a snapshot reads, and where the API serves them.

/// One kind of object: its names, and the version under which a live API is asked for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kind {
    /// The kind, such as `Pod`.
    pub kind: &'static str,
    /// The API group; empty for the core group.
    pub group: &'static str,
    /// The version that is asked for.
    pub version: &'static str,
    /// The resource as it stands in URLs and in RBAC rules.
    pub plural: &'static str,
}

impl Kind {
    /// The path of the collection over all namespaces.
    #[must_use]
    pub fn path(&self) -> String {
        if self.group.is_empty() {
            format!("/api/{}/{}", self.version, self.plural)
        } else {
            format!("/apis/{}/{}/{}", self.group, self.version, self.plural)
        }
    }

    /// The resource as RBAC and kubectl name it: `pods`, `deployments.apps`.
    #[must_use]
    pub fn resource(&self) -> String {
        if self.group.is_empty() { self.plural.to_owned() } else { format!("{}.{}", self.plural, self.group) }
    }

    /// Group and version as manifests write them.
    #[must_use]
    pub fn api_version(&self) -> String {
        if self.group.is_empty() { self.version.to_owned() } else { format!("{}/{}", self.group, self.version) }
    }
}

const fn kind(group: &'static str, version: &'static str, kind: &'static str, plural: &'static str) -> Kind {
    Kind { kind, group, version, plural }
}

/// Every kind with its constant.
macro_rules! kinds {
    ($($name:ident: $group:literal $version:literal $kind:literal $plural:literal;)+) => {
        $(
            #[doc = concat!("`", $kind, "`")]
            pub const $name: Kind = kind($group, $version, $kind, $plural);
        )+

        /// Every kind that a snapshot reads.
        pub const ALL: &[Kind] = &[$($name),+];
    };
}

kinds! {
    NODES: "" "v1" "Node" "nodes";
    NAMESPACES: "" "v1" "Namespace" "namespaces";
    PODS: "" "v1" "Pod" "pods";
    SERVICES: "" "v1" "Service" "services";
    ENDPOINTS: "" "v1" "Endpoints" "endpoints";
    CONFIG_MAPS: "" "v1" "ConfigMap" "configmaps";
    SERVICE_ACCOUNTS: "" "v1" "ServiceAccount" "serviceaccounts";
    PERSISTENT_VOLUMES: "" "v1" "PersistentVolume" "persistentvolumes";
    PERSISTENT_VOLUME_CLAIMS: "" "v1" "PersistentVolumeClaim" "persistentvolumeclaims";
    RESOURCE_QUOTAS: "" "v1" "ResourceQuota" "resourcequotas";
    LIMIT_RANGES: "" "v1" "LimitRange" "limitranges";
    REPLICATION_CONTROLLERS: "" "v1" "ReplicationController" "replicationcontrollers";
    POD_TEMPLATES: "" "v1" "PodTemplate" "podtemplates";
    DEPLOYMENTS: "apps" "v1" "Deployment" "deployments";
    STATEFUL_SETS: "apps" "v1" "StatefulSet" "statefulsets";
    DAEMON_SETS: "apps" "v1" "DaemonSet" "daemonsets";
    REPLICA_SETS: "apps" "v1" "ReplicaSet" "replicasets";
    JOBS: "batch" "v1" "Job" "jobs";
    CRON_JOBS: "batch" "v1" "CronJob" "cronjobs";
    POD_DISRUPTION_BUDGETS: "policy" "v1" "PodDisruptionBudget" "poddisruptionbudgets";
    ENDPOINT_SLICES: "discovery.k8s.io" "v1" "EndpointSlice" "endpointslices";
    NETWORK_POLICIES: "networking.k8s.io" "v1" "NetworkPolicy" "networkpolicies";
    VALIDATING_WEBHOOKS: "admissionregistration.k8s.io" "v1" "ValidatingWebhookConfiguration" "validatingwebhookconfigurations";
    MUTATING_WEBHOOKS: "admissionregistration.k8s.io" "v1" "MutatingWebhookConfiguration" "mutatingwebhookconfigurations";
    CUSTOM_RESOURCE_DEFINITIONS: "apiextensions.k8s.io" "v1" "CustomResourceDefinition" "customresourcedefinitions";
    API_SERVICES: "apiregistration.k8s.io" "v1" "APIService" "apiservices";
    STORAGE_CLASSES: "storage.k8s.io" "v1" "StorageClass" "storageclasses";
    CSI_DRIVERS: "storage.k8s.io" "v1" "CSIDriver" "csidrivers";
    CSI_NODES: "storage.k8s.io" "v1" "CSINode" "csinodes";
    VOLUME_ATTACHMENTS: "storage.k8s.io" "v1" "VolumeAttachment" "volumeattachments";
    CSI_STORAGE_CAPACITIES: "storage.k8s.io" "v1" "CSIStorageCapacity" "csistoragecapacities";
    ROLES: "rbac.authorization.k8s.io" "v1" "Role" "roles";
    CLUSTER_ROLES: "rbac.authorization.k8s.io" "v1" "ClusterRole" "clusterroles";
    ROLE_BINDINGS: "rbac.authorization.k8s.io" "v1" "RoleBinding" "rolebindings";
    CLUSTER_ROLE_BINDINGS: "rbac.authorization.k8s.io" "v1" "ClusterRoleBinding" "clusterrolebindings";
    INGRESSES: "networking.k8s.io" "v1" "Ingress" "ingresses";
    VALIDATING_ADMISSION_POLICIES: "admissionregistration.k8s.io" "v1" "ValidatingAdmissionPolicy" "validatingadmissionpolicies";
    VALIDATING_ADMISSION_POLICY_BINDINGS: "admissionregistration.k8s.io" "v1" "ValidatingAdmissionPolicyBinding" "validatingadmissionpolicybindings";
    RUNTIME_CLASSES: "node.k8s.io" "v1" "RuntimeClass" "runtimeclasses";
    CERTIFICATE_SIGNING_REQUESTS: "certificates.k8s.io" "v1" "CertificateSigningRequest" "certificatesigningrequests";
    VULNERABILITY_REPORTS: "aquasecurity.github.io" "v1alpha1" "VulnerabilityReport" "vulnerabilityreports";
    PROMETHEUS_RULES: "monitoring.coreos.com" "v1" "PrometheusRule" "prometheusrules";
    ADMIN_NETWORK_POLICIES: "policy.networking.k8s.io" "v1alpha1" "AdminNetworkPolicy" "adminnetworkpolicies";
    BASELINE_ADMIN_NETWORK_POLICIES: "policy.networking.k8s.io" "v1alpha1" "BaselineAdminNetworkPolicy" "baselineadminnetworkpolicies";
    CLUSTER_NETWORK_POLICIES: "policy.networking.k8s.io" "v1alpha2" "ClusterNetworkPolicy" "clusternetworkpolicies";
    GATEWAYS: "gateway.networking.k8s.io" "v1" "Gateway" "gateways";
    HTTP_ROUTES: "gateway.networking.k8s.io" "v1" "HTTPRoute" "httproutes";
    GRPC_ROUTES: "gateway.networking.k8s.io" "v1" "GRPCRoute" "grpcroutes";
    TLS_ROUTES: "gateway.networking.k8s.io" "v1alpha3" "TLSRoute" "tlsroutes";
    TCP_ROUTES: "gateway.networking.k8s.io" "v1alpha2" "TCPRoute" "tcproutes";
    UDP_ROUTES: "gateway.networking.k8s.io" "v1alpha2" "UDPRoute" "udproutes";
    OPENSHIFT_ROUTES: "route.openshift.io" "v1" "Route" "routes";
    CILIUM_POLICIES: "cilium.io" "v2" "CiliumNetworkPolicy" "ciliumnetworkpolicies";
    CILIUM_CLUSTERWIDE_POLICIES: "cilium.io" "v2" "CiliumClusterwideNetworkPolicy" "ciliumclusterwidenetworkpolicies";
    CALICO_POLICIES: "projectcalico.org" "v3" "NetworkPolicy" "networkpolicies";
    CALICO_GLOBAL_POLICIES: "projectcalico.org" "v3" "GlobalNetworkPolicy" "globalnetworkpolicies";
    CALICO_STORED_POLICIES: "crd.projectcalico.org" "v1" "NetworkPolicy" "networkpolicies";
    CALICO_STORED_GLOBAL_POLICIES: "crd.projectcalico.org" "v1" "GlobalNetworkPolicy" "globalnetworkpolicies";
    ANTREA_POLICIES: "crd.antrea.io" "v1beta1" "NetworkPolicy" "networkpolicies";
    ANTREA_CLUSTER_POLICIES: "crd.antrea.io" "v1beta1" "ClusterNetworkPolicy" "clusternetworkpolicies";
    ISTIO_AUTHORIZATION_POLICIES: "security.istio.io" "v1" "AuthorizationPolicy" "authorizationpolicies";
    ISTIO_PEER_AUTHENTICATIONS: "security.istio.io" "v1" "PeerAuthentication" "peerauthentications";
}

/// Groups under which a kind was served before it moved to the one of [`ALL`]
/// (the deprecation guide of the Kubernetes documentation names each move).
const FORMER_GROUPS: &[(&str, &[&str])] =
    &[("extensions", &["Deployment", "DaemonSet", "ReplicaSet", "NetworkPolicy", "Ingress"])];

/// The kind of this group and name, also under a group that it has left.
#[must_use]
pub fn find(group: &str, kind: &str) -> Option<&'static Kind> {
    let moved = || FORMER_GROUPS.iter().any(|(former, kinds)| *former == group && kinds.contains(&kind));
    ALL.iter().find(|known| known.kind == kind && (known.group == group || moved()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_found_under_former_groups_too() {
        assert_eq!(find("apps", "Deployment"), Some(&DEPLOYMENTS));
        assert_eq!(find("extensions", "Deployment"), Some(&DEPLOYMENTS));
        assert_eq!(find("extensions", "Pod"), None);
        assert_eq!(find("example.com", "Deployment"), None);
    }

    #[test]
    fn paths_are_those_of_the_api() {
        assert_eq!(PODS.path(), "/api/v1/pods");
        assert_eq!(DEPLOYMENTS.path(), "/apis/apps/v1/deployments");
        assert_eq!(DEPLOYMENTS.resource(), "deployments.apps");
    }
}
