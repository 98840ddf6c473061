//! Nodes: three zones, a system pool and two user pools, kubelets of three minors.

use serde_json::{Value, json};

use super::{time, uid};
use crate::shape::{Shape, mix};

/// The pool of a node: every twentieth is for the system.
fn pool(node: u64) -> &'static str {
    match node % 20 {
        0 => "system",
        1..14 => "general",
        _ => "memory",
    }
}

/// The kubelet of a node: most are on the server's minor, some one or two behind.
fn kubelet(shape: &Shape, node: u64) -> &'static str {
    match mix(shape.seed, &[50, node]) % 10 {
        0..6 => "v1.34.2-eks-113cf36",
        6..9 => "v1.33.5-eks-113cf36",
        _ => "v1.32.9-eks-113cf36",
    }
}

pub(super) fn node(shape: &Shape, number: u64) -> Value {
    let name = Shape::node_name(number);
    let zone = ["eu-west-1a", "eu-west-1b", "eu-west-1c"][(number % 3) as usize];
    let pool = pool(number);
    let created = time(&[51, number]);
    let condition = |kind: &str, status: &str, reason: &str| {
        json!({"lastHeartbeatTime": "2026-08-22T10:00:00Z", "lastTransitionTime": created, "message":
            format!("kubelet has {reason}"), "reason": reason, "status": status, "type": kind})
    };
    // One node in a thousand has lost its kubelet.
    let ready = if mix(shape.seed, &[52, number]).is_multiple_of(1000) { "Unknown" } else { "True" };
    let address = format!("10.{}.{}.{}", number >> 16 & 255, number >> 8 & 255, number & 255);
    let images: Vec<Value> = (0..20)
        .map(|image| {
            let digest = format!("{:016x}", mix(53, &[image]));
            json!({"names": [format!("registry.example.com/team/app-{image}@sha256:{}", digest.repeat(4)),
                format!("registry.example.com/team/app-{image}:v1.{image}.0")], "sizeBytes": 40_000_000 + image})
        })
        .collect();
    let mut spec = json!({"providerID": format!("aws:///{zone}/i-{:017x}", mix(54, &[number]) >> 4)});
    if pool == "system" {
        spec["taints"] = json!([{"effect": "NoSchedule", "key": "CriticalAddonsOnly", "value": "true"}]);
    }
    json!({
        "metadata": {
            "annotations": {"alpha.kubernetes.io/provided-node-ip": address,
                "node.alpha.kubernetes.io/ttl": "0",
                "volumes.kubernetes.io/controller-managed-attach-detach": "true"},
            "creationTimestamp": created,
            "labels": {
                "beta.kubernetes.io/arch": "amd64",
                "beta.kubernetes.io/os": "linux",
                "eks.amazonaws.com/capacityType": "ON_DEMAND",
                "eks.amazonaws.com/nodegroup": pool,
                "eks.amazonaws.com/nodegroup-image": "ami-0abcdef1234567890",
                "kubernetes.io/arch": "amd64",
                "kubernetes.io/hostname": name,
                "kubernetes.io/os": "linux",
                "node.kubernetes.io/instance-type": if pool == "memory" { "r6i.4xlarge" } else { "m6i.4xlarge" },
                "topology.kubernetes.io/region": "eu-west-1",
                "topology.kubernetes.io/zone": zone,
            },
            "name": name,
            "resourceVersion": (1000 + number).to_string(),
            "uid": uid(&[55, number]),
        },
        "spec": spec,
        "status": {
            "addresses": [{"address": address, "type": "InternalIP"}, {"address": name, "type": "Hostname"}],
            "allocatable": {"cpu": "15890m", "ephemeral-storage": "76224326324", "hugepages-2Mi": "0",
                "memory": "59867300Ki", "pods": "110"},
            "capacity": {"cpu": "16", "ephemeral-storage": "83873772Ki", "hugepages-2Mi": "0",
                "memory": "63539364Ki", "pods": "110"},
            "conditions": [
                condition("MemoryPressure", "False", "KubeletHasSufficientMemory"),
                condition("DiskPressure", "False", "KubeletHasNoDiskPressure"),
                condition("PIDPressure", "False", "KubeletHasSufficientPID"),
                condition("Ready", ready, "KubeletReady"),
            ],
            "daemonEndpoints": {"kubeletEndpoint": {"Port": 10250}},
            "images": images,
            "nodeInfo": {"architecture": "amd64", "bootID": uid(&[56, number]),
                "containerRuntimeVersion": "containerd://2.1.4", "kernelVersion": "6.12.46-66.121.amzn2023.x86_64",
                "kubeProxyVersion": "", "kubeletVersion": kubelet(shape, number), "machineID": uid(&[57, number]),
                "operatingSystem": "linux", "osImage": "Amazon Linux 2023.9.20250929", "systemUUID": uid(&[58, number])},
        },
    })
}

pub(super) fn csi_node(number: u64) -> Value {
    let name = Shape::node_name(number);
    json!({
        "metadata": {"creationTimestamp": time(&[51, number]), "name": name, "uid": uid(&[59, number]),
            "resourceVersion": "7"},
        "spec": {"drivers": [{"allocatable": {"count": 25}, "name": "ebs.csi.aws.com",
            "nodeID": format!("i-{:017x}", mix(54, &[number]) >> 4),
            "topologyKeys": ["topology.ebs.csi.aws.com/zone"]}]},
    })
}
