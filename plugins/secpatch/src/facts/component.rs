//! The parts of a cluster that have versions and vulnerabilities of their own.

use std::{borrow::Cow, fmt};

use serde::{Deserialize, Serialize};

/// A part of a cluster that has a version: `kubelet`, `containerd`, `ingress-nginx`.
///
/// A name and no closed list, since a feed may speak of a part that nobody knew when this was built.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Component(Cow<'static, str>);

macro_rules! components {
    ($($(#[$doc:meta])* $constant:ident = $name:literal, packages: [$($package:literal),*], images: [$($image:literal),*];)*) => {
        impl Component {
            $($(#[$doc])* pub const $constant: Self = Self(Cow::Borrowed($name));)*
        }

        /// Name, packages in vulnerability databases, last path segments of images.
        const KNOWN: &[(&str, &[&str], &[&str])] = &[$(($name, &[$($package),*], &[$($image),*]),)*];
    };
}

components! {
    /// The API server.
    KUBE_APISERVER = "kube-apiserver", packages: ["k8s.io/apiserver", "k8s.io/kube-apiserver"], images: ["kube-apiserver"];
    /// The controller-manager.
    KUBE_CONTROLLER_MANAGER = "kube-controller-manager",
        packages: ["k8s.io/controller-manager", "k8s.io/kube-controller-manager"], images: ["kube-controller-manager"];
    /// The scheduler.
    KUBE_SCHEDULER = "kube-scheduler", packages: ["k8s.io/kube-scheduler"], images: ["kube-scheduler"];
    /// The agent on every node.
    KUBELET = "kubelet", packages: ["k8s.io/kubelet"], images: ["kubelet"];
    /// The service proxy on every node.
    KUBE_PROXY = "kube-proxy", packages: ["k8s.io/kube-proxy"], images: ["kube-proxy"];
    /// The command-line client.
    KUBECTL = "kubectl", packages: ["k8s.io/kubectl"], images: ["kubectl"];
    /// The Go client library, as part of other programs.
    CLIENT_GO = "client-go", packages: ["k8s.io/client-go"], images: [];
    /// Kubernetes, where a source does not say which of its programs.
    KUBERNETES = "kubernetes",
        packages: ["k8s.io/kubernetes", "github.com/kubernetes/kubernetes", "k8s.io/apimachinery", "k8s.io/mount-utils"], images: ["hyperkube"];
    /// The database of the control plane.
    ETCD = "etcd",
        packages: ["go.etcd.io/etcd", "go.etcd.io/etcd/v3", "go.etcd.io/etcd/server/v3", "go.etcd.io/etcd/client/pkg/v3"], images: ["etcd"];
    /// The cluster's name server.
    COREDNS = "coredns", packages: ["github.com/coredns/coredns"], images: ["coredns"];
    /// The container runtime containerd.
    CONTAINERD = "containerd",
        packages: ["github.com/containerd/containerd", "github.com/containerd/containerd/v2"], images: ["containerd"];
    /// What containerd and CRI-O start containers with.
    RUNC = "runc", packages: ["github.com/opencontainers/runc"], images: ["runc"];
    /// The container runtime CRI-O.
    CRI_O = "cri-o", packages: ["github.com/cri-o/cri-o"], images: ["cri-o"];
    /// The ingress controller built on nginx (of the Kubernetes project; not the one of F5).
    INGRESS_NGINX = "ingress-nginx",
        packages: ["k8s.io/ingress-nginx", "/ingress-nginx", "github.com/kubernetes/ingress-nginx"],
        images: ["ingress-nginx/controller", "ingress-nginx/controller-chroot", "nginx-ingress-controller"];
    /// CSI driver that mounts secrets of external stores.
    SECRETS_STORE_CSI_DRIVER = "secrets-store-csi-driver",
        packages: ["sigs.k8s.io/secrets-store-csi-driver"], images: ["csi-secrets-store/driver", "secrets-store-csi-driver"];
    /// Controller that copies secrets of external stores into Secrets.
    SECRETS_STORE_SYNC_CONTROLLER = "secrets-store-sync-controller",
        packages: ["sigs.k8s.io/secrets-store-sync-controller", "/secrets-store-sync-controller"],
        images: ["secrets-store-sync/controller", "secrets-store-sync-controller"];
    /// CSI driver for Azure Files.
    AZUREFILE_CSI_DRIVER = "azurefile-csi-driver",
        packages: ["sigs.k8s.io/azurefile-csi-driver"], images: ["azurefile-csi", "azurefile-csi-driver"];
    /// CSI driver for NFS.
    CSI_DRIVER_NFS = "csi-driver-nfs",
        packages: ["github.com/kubernetes-csi/csi-driver-nfs", "/csi driver for nfs"], images: ["nfsplugin", "csi-driver-nfs"];
    /// What lets CSI drivers do privileged work on Windows nodes.
    CSI_PROXY = "csi-proxy",
        packages: ["github.com/kubernetes-csi/csi-proxy", "github.com/kubernetes-csi/csi-proxy/v2"], images: ["csi-proxy"];
    /// Controller of AWS load balancers.
    AWS_LOAD_BALANCER_CONTROLLER = "aws-load-balancer-controller",
        packages: ["sigs.k8s.io/aws-load-balancer-controller"], images: ["aws-load-balancer-controller"];
    /// Authentication webhook for AWS identities.
    AWS_IAM_AUTHENTICATOR = "aws-iam-authenticator",
        packages: ["sigs.k8s.io/aws-iam-authenticator"], images: ["aws-iam-authenticator"];
    /// Metrics about API objects.
    KUBE_STATE_METRICS = "kube-state-metrics",
        packages: ["k8s.io/kube-state-metrics", "k8s.io/kube-state-metrics/v2"], images: ["kube-state-metrics"];
    /// What builds virtual machine images for nodes; it runs outside of the cluster.
    IMAGE_BUILDER = "image-builder",
        packages: ["github.com/kubernetes-sigs/image-builder", "sigs.k8s.io/image-builder", "/image builder"], images: [];
    /// The C# client library, as part of other programs.
    CSHARP_CLIENT = "csharp-client", packages: ["/kubernetes csharp client"], images: [];
    /// Cluster installer; it runs outside of the cluster.
    KOPS = "kops", packages: ["k8s.io/kops"], images: [];
    /// Cluster on a workstation.
    MINIKUBE = "minikube", packages: ["k8s.io/minikube"], images: [];
}

/// The programs that are released together, under Kubernetes' own version.
const RELEASED_WITH_KUBERNETES: [&str; 7] =
    ["kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubelet", "kube-proxy", "kubectl", "kubernetes"];

impl Component {
    /// A component by its name.
    #[must_use]
    pub fn new(name: impl Into<String>) -> Self {
        let name = name.into();
        match KNOWN.iter().find(|(known, ..)| *known == name) {
            Some((known, ..)) => Self(Cow::Borrowed(known)),
            None => Self(Cow::Owned(name)),
        }
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Every component with a name of its own here.
    pub fn known() -> impl Iterator<Item = Self> {
        KNOWN.iter().map(|(name, ..)| Self(Cow::Borrowed(name)))
    }

    /// The component that a vulnerability database means by a package name: `k8s.io/kubelet`, `/csi driver for nfs`.
    #[must_use]
    pub fn of_package(package: &str) -> Self {
        let known =
            KNOWN.iter().find(|(_, packages, _)| packages.iter().any(|known| known.eq_ignore_ascii_case(package)));
        match known {
            Some((name, ..)) => Self(Cow::Borrowed(name)),
            None => Self::new(package.trim_matches('/').to_ascii_lowercase()),
        }
    }

    /// The component that an image runs, by its repository without registry, tag and digest:
    /// `ingress-nginx/controller`, `coredns/coredns`.
    #[must_use]
    pub fn of_image(repository: &str) -> Option<Self> {
        let ends_in = |image: &str| {
            repository.strip_suffix(image).is_some_and(|before| before.is_empty() || before.ends_with('/'))
        };
        KNOWN
            .iter()
            .find(|(_, _, images)| images.iter().any(|image| ends_in(image)))
            .map(|(name, ..)| Self(Cow::Borrowed(*name)))
    }

    /// Whether it carries Kubernetes' own version.
    #[must_use]
    pub fn is_released_with_kubernetes(&self) -> bool {
        RELEASED_WITH_KUBERNETES.contains(&self.as_str())
    }
}

impl fmt::Display for Component {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packages_name_components() {
        assert_eq!(Component::of_package("/ingress-nginx"), Component::INGRESS_NGINX);
        assert_eq!(Component::of_package("k8s.io/ingress-nginx"), Component::INGRESS_NGINX);
        assert_eq!(Component::of_package("/csi driver for nfs"), Component::CSI_DRIVER_NFS);
        assert_eq!(Component::of_package("k8s.io/controller-manager"), Component::KUBE_CONTROLLER_MANAGER);
        assert_eq!(Component::of_package("go.etcd.io/etcd/server/v3"), Component::ETCD);
        assert_eq!(Component::of_package("/headlamp"), Component::new("headlamp"));
    }

    #[test]
    fn images_name_components() {
        assert_eq!(Component::of_image("ingress-nginx/controller"), Some(Component::INGRESS_NGINX));
        assert_eq!(Component::of_image("coredns/coredns"), Some(Component::COREDNS));
        assert_eq!(Component::of_image("sig-storage/nfsplugin"), Some(Component::CSI_DRIVER_NFS));
        assert_eq!(Component::of_image("kube-proxy"), Some(Component::KUBE_PROXY));
        assert_eq!(Component::of_image("someone/my-kube-proxy"), None);
        assert_eq!(Component::of_image("nginx/nginx-ingress"), None, "F5's controller is another program");
    }
}
