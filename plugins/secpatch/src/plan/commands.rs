//! What to type, for each provider.
//!
//! Names that the cluster does not tell (its own name, a resource group) stand as shell variables, which the first
//! command of a step asks for where they are not set. Sources: the upgrade pages of kubeadm, and of each provider's
//! command line.

use patchkit::rules::version::{KubeVersion, Minor};

use crate::{
    inventory::{Inventory, Pool, Provider, Role},
    words::count,
};

/// A version as the provider's tools want it.
fn plain(version: &KubeVersion) -> String {
    version.upstream().to_string()
}

const CLUSTER: &str = ": \"${CLUSTER:?the name of the cluster}\"";

/// Commands of one hop of the control plane. `nodes` are its machines, where they are visible.
pub(super) fn control_plane(inventory: &Inventory, nodes: &[String], to: &KubeVersion) -> Vec<String> {
    let version = plain(to);
    let minor = to.minor();
    match inventory.provider {
        Provider::Kubeadm => kubeadm_control_plane(nodes, &version, minor),
        Provider::Eks => vec![
            CLUSTER.to_owned(),
            format!("aws eks update-cluster-version --name \"$CLUSTER\" --kubernetes-version {minor}"),
            "aws eks wait cluster-active --name \"$CLUSTER\"".to_owned(),
        ],
        Provider::Aks => vec![
            CLUSTER.to_owned(),
            ": \"${GROUP:?the resource group}\"".to_owned(),
            format!(
                "az aks upgrade --resource-group \"$GROUP\" --name \"$CLUSTER\" --control-plane-only --kubernetes-version {version}"
            ),
        ],
        Provider::Gke => vec![
            CLUSTER.to_owned(),
            ": \"${LOCATION:?the zone or region}\"".to_owned(),
            format!(
                "gcloud container clusters upgrade \"$CLUSTER\" --location \"$LOCATION\" --master --cluster-version {minor}"
            ),
        ],
        Provider::OpenShift => {
            vec![format!("oc adm upgrade channel stable-{}", openshift(minor)), "oc adm upgrade --to-latest".to_owned()]
        }
        Provider::K3s => in_place(nodes, |node| {
            format!("ssh {node} 'curl -sfL https://get.k3s.io | INSTALL_K3S_VERSION=v{version}+k3s1 sh -s - server'")
        }),
        Provider::Rke2 => in_place(nodes, |node| {
            format!(
                "ssh {node} 'curl -sfL https://get.rke2.io | INSTALL_RKE2_VERSION=v{version}+rke2r1 sh - && systemctl restart rke2-server'"
            )
        }),
        Provider::Unknown => vec![format!("# bring the control plane to v{version} with what installed the cluster")],
    }
}

fn kubeadm_control_plane(nodes: &[String], version: &str, minor: Minor) -> Vec<String> {
    let mut commands = Vec::new();
    for (index, node) in nodes.iter().enumerate() {
        commands.push(format!(
            "ssh {node} 'apt-get update && apt-get install -y --allow-change-held-packages kubeadm=\"{version}-*\"'"
        ));
        commands.push(if index == 0 {
            format!("ssh {node} 'kubeadm upgrade plan v{version} && kubeadm upgrade apply -y v{version}'")
        } else {
            format!("ssh {node} kubeadm upgrade node")
        });
        commands.push(format!("kubectl drain {node} --ignore-daemonsets"));
        commands.push(format!(
            "ssh {node} 'apt-get install -y --allow-change-held-packages kubelet=\"{version}-*\" kubectl=\"{version}-*\" && systemctl daemon-reload && systemctl restart kubelet'"
        ));
        commands.push(format!("kubectl uncordon {node}"));
    }
    if commands.is_empty() {
        commands
            .push(format!("# no machine of the control plane is visible: run kubeadm upgrade apply v{version} there"));
    } else {
        commands.insert(
            0,
            format!("# the packages of {minor} come from a repository of their own: change it on each machine first"),
        );
    }
    commands
}

fn in_place(nodes: &[String], command: impl Fn(&String) -> String) -> Vec<String> {
    if nodes.is_empty() {
        vec!["# no machine of the control plane is visible: run the installer of the new version there".to_owned()]
    } else {
        nodes.iter().map(command).collect()
    }
}

/// The OpenShift release that carries a minor of Kubernetes: 4.N carries 1.(N+13).
fn openshift(minor: Minor) -> String {
    format!("4.{}", minor.minor.saturating_sub(13))
}

/// Raising the emulated minor: the binary stays.
pub(super) fn emulation(inventory: &Inventory, nodes: &[String], to: Minor, last: bool) -> Vec<String> {
    let flag =
        if last { "remove the flag --emulated-version".to_owned() } else { format!("set --emulated-version={to}") };
    match inventory.provider {
        Provider::Kubeadm if !nodes.is_empty() => nodes
            .iter()
            .map(|node| format!("# on {node}: {flag} in /etc/kubernetes/manifests/kube-apiserver.yaml, kube-controller-manager.yaml and kube-scheduler.yaml"))
            .collect(),
        Provider::Gke => vec![
            CLUSTER.to_owned(),
            "gcloud container clusters complete-control-plane-upgrade \"$CLUSTER\"".to_owned(),
        ],
        _ => vec![format!("# {flag} on every component of the control plane")],
    }
}

/// Commands that bring a pool to a version with this surge. Where the provider replaces nodes itself, its own surge
/// is set; the drain is left to drainsafe wherever nodes are replaced one by one.
pub(super) fn pool(inventory: &Inventory, pool: &Pool, to: &KubeVersion, surge: usize) -> Vec<String> {
    let version = plain(to);
    let minor = to.minor();
    let name = &pool.name;
    let drain = format!("kubectl drainsafe pool {} --to-version v{version} --surge {surge}", selector(pool));
    match inventory.provider {
        Provider::Eks => vec![
            CLUSTER.to_owned(),
            format!(
                "aws eks update-nodegroup-config --cluster-name \"$CLUSTER\" --nodegroup-name {name} --update-config maxUnavailable={surge}"
            ),
            format!(
                "aws eks update-nodegroup-version --cluster-name \"$CLUSTER\" --nodegroup-name {name} --kubernetes-version {minor}"
            ),
        ],
        Provider::Aks => vec![
            CLUSTER.to_owned(),
            ": \"${GROUP:?the resource group}\"".to_owned(),
            format!(
                "az aks nodepool upgrade --resource-group \"$GROUP\" --cluster-name \"$CLUSTER\" --name {name} --kubernetes-version {version} --max-surge {surge}"
            ),
        ],
        Provider::Gke => vec![
            CLUSTER.to_owned(),
            ": \"${LOCATION:?the zone or region}\"".to_owned(),
            format!(
                "gcloud container node-pools update {name} --cluster \"$CLUSTER\" --location \"$LOCATION\" --max-surge-upgrade {surge} --max-unavailable-upgrade 0"
            ),
            format!(
                "gcloud container clusters upgrade \"$CLUSTER\" --location \"$LOCATION\" --node-pool {name} --cluster-version {minor}"
            ),
        ],
        Provider::OpenShift => vec![
            format!(
                "oc patch machineconfigpool/{name} --type merge --patch '{{\"spec\":{{\"maxUnavailable\":{surge}}}}}'"
            ),
            format!("oc wait machineconfigpool/{name} --for=condition=Updated --timeout=2h"),
        ],
        Provider::Kubeadm | Provider::K3s | Provider::Rke2 | Provider::Unknown => {
            vec![
                format!("# add {} with kubelet v{version} to the pool, labelled as it is", count(surge, "node")),
                drain,
            ]
        }
    }
}

/// Commands that give a pool a current image in the version that it has.
pub(super) fn node_image(inventory: &Inventory, pool: &Pool, surge: usize) -> Vec<String> {
    let name = &pool.name;
    let days = if pool.windows { 31 } else { 7 };
    match inventory.provider {
        Provider::Eks => vec![
            CLUSTER.to_owned(),
            format!("aws eks update-nodegroup-version --cluster-name \"$CLUSTER\" --nodegroup-name {name}"),
        ],
        Provider::Aks => vec![
            CLUSTER.to_owned(),
            ": \"${GROUP:?the resource group}\"".to_owned(),
            format!(
                "az aks nodepool upgrade --resource-group \"$GROUP\" --cluster-name \"$CLUSTER\" --name {name} --node-image-only --max-surge {surge}"
            ),
        ],
        Provider::Gke => vec![
            CLUSTER.to_owned(),
            ": \"${LOCATION:?the zone or region}\"".to_owned(),
            format!(
                "gcloud container node-pools update {name} --cluster \"$CLUSTER\" --location \"$LOCATION\" --max-surge-upgrade {surge} --max-unavailable-upgrade 0"
            ),
            format!("gcloud container clusters upgrade \"$CLUSTER\" --location \"$LOCATION\" --node-pool {name}"),
        ],
        Provider::OpenShift | Provider::Kubeadm | Provider::K3s | Provider::Rke2 | Provider::Unknown => vec![
            format!("# add {} with a current image to the pool, labelled as it is", count(surge, "node")),
            format!("kubectl drainsafe pool {} --older-than {days}d --surge {surge}", selector(pool)),
        ],
    }
}

/// How drainsafe is told of a pool: by the label that names it, or by the name that both have for nodes without one.
fn selector(pool: &Pool) -> String {
    let consent = if pool.role == Role::ControlPlane { " --include-control-plane" } else { "" };
    match &pool.label {
        Some(label) => format!("-l {label}={}{consent}", pool.name),
        None => format!("{}{consent}", pool.name),
    }
}
