//! Who runs the control plane.

use std::fmt;

use patchkit::snapshot::{Snapshot, objects::node::Node};

use crate::facts::Product;

/// Who runs the control plane, by the marks that each leaves on nodes, versions and objects.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Provider {
    /// Installed with kubeadm: static pods in kube-system, the ConfigMap kubeadm-config.
    Kubeadm,
    /// Amazon Elastic Kubernetes Service.
    Eks,
    /// Azure Kubernetes Service.
    Aks,
    /// Google Kubernetes Engine.
    Gke,
    /// Red Hat OpenShift.
    OpenShift,
    /// K3s.
    K3s,
    /// RKE2.
    Rke2,
    /// None of the marks is there.
    Unknown,
}

impl Provider {
    /// The name for people.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Kubeadm => "kubeadm",
            Self::Eks => "EKS",
            Self::Aks => "AKS",
            Self::Gke => "GKE",
            Self::OpenShift => "OpenShift",
            Self::K3s => "k3s",
            Self::Rke2 => "RKE2",
            Self::Unknown => "unknown",
        }
    }

    /// The calendar of its support; the project's own where the provider has none.
    #[must_use]
    pub const fn product(self) -> Option<Product> {
        match self {
            Self::Eks => Some(Product::Eks),
            Self::Aks => Some(Product::Aks),
            Self::Gke => Some(Product::Gke),
            Self::OpenShift => Some(Product::OpenShift),
            Self::Kubeadm | Self::K3s | Self::Rke2 | Self::Unknown => None,
        }
    }

    /// Whether the provider runs the control plane where nobody sees it.
    #[must_use]
    pub const fn hides_control_plane(self) -> bool {
        matches!(self, Self::Eks | Self::Aks | Self::Gke)
    }
}

impl fmt::Display for Provider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// Tells the provider from what it leaves in the version of the API server, on the nodes, and among the objects.
pub(super) fn detect(snapshot: &Snapshot) -> Provider {
    let versions = snapshot
        .server
        .iter()
        .map(|server| server.git_version.as_str())
        .chain(snapshot.nodes.iter().map(|node| node.info.kubelet_version.as_str()));
    for version in versions {
        for (mark, provider) in
            [("-gke.", Provider::Gke), ("-eks-", Provider::Eks), ("+k3s", Provider::K3s), ("+rke2", Provider::Rke2)]
        {
            if version.contains(mark) {
                return provider;
            }
        }
    }
    let by_node = snapshot.nodes.iter().find_map(of_node);
    let serves = |group: &str| {
        snapshot.custom_resources.iter().any(|resource| resource.group == group)
            || snapshot.api_services.iter().any(|service| service.group == group)
    };
    if serves("config.openshift.io") {
        return Provider::OpenShift;
    }
    by_node.unwrap_or_else(|| {
        let is_kubeadm = |name: &str, namespace: &str| name == "kubeadm-config" && namespace == "kube-system";
        let configured = snapshot.config_maps.iter().any(|map| is_kubeadm(&map.meta.name, &map.meta.namespace));
        let annotated = snapshot
            .nodes
            .iter()
            .any(|node| node.meta.annotations.contains_key("kubeadm.alpha.kubernetes.io/cri-socket"));
        if configured || annotated { Provider::Kubeadm } else { Provider::Unknown }
    })
}

fn of_node(node: &Node) -> Option<Provider> {
    let has = |prefix: &str| node.meta.labels.iter().any(|(key, _)| key.starts_with(prefix));
    if has("eks.amazonaws.com/") || has("alpha.eksctl.io/") {
        Some(Provider::Eks)
    } else if has("kubernetes.azure.com/") {
        Some(Provider::Aks)
    } else if has("cloud.google.com/gke-") {
        Some(Provider::Gke)
    } else if has("node.openshift.io/") {
        Some(Provider::OpenShift)
    } else {
        None
    }
}
