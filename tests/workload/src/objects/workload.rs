//! Workloads and what belongs to one: services, endpoints, budgets, claims.

use serde_json::{Value, json};

use super::{pod, time, uid};
use crate::shape::{Owner, Shape, mix};

fn metadata(owner: &Owner, name: &str, part: u64) -> Value {
    json!({
        "annotations": {"meta.helm.sh/release-name": owner.name, "meta.helm.sh/release-namespace": owner.namespace},
        "creationTimestamp": time(&[60, part, owner.number]),
        "generation": 4,
        "labels": pod::labels(owner),
        "name": name,
        "namespace": owner.namespace,
        "resourceVersion": (5000 + owner.number).to_string(),
        "uid": uid(&[part, owner.number]),
    })
}

fn selector(owner: &Owner) -> Value {
    json!({"app.kubernetes.io/name": owner.name})
}

fn pod_template(owner: &Owner) -> Value {
    json!({"metadata": {"annotations": {"prometheus.io/port": "9090", "prometheus.io/scrape": "true"},
        "labels": pod::labels(owner)}, "spec": pod::spec(owner)})
}

fn ready(shape: &Shape, owner: &Owner) -> u64 {
    if mix(shape.seed, &[43, owner.number]) % 100 < 2 { 0 } else { owner.pods }
}

pub(super) fn deployment(shape: &Shape, owner: &Owner) -> Value {
    let ready = ready(shape, owner);
    let mut metadata = metadata(owner, &owner.name, 61);
    metadata["annotations"]["deployment.kubernetes.io/revision"] = "3".into();
    json!({
        "metadata": metadata,
        "spec": {"progressDeadlineSeconds": 600, "replicas": owner.pods, "revisionHistoryLimit": 10,
            "selector": {"matchLabels": selector(owner)},
            "strategy": {"rollingUpdate": {"maxSurge": "25%", "maxUnavailable": "25%"}, "type": "RollingUpdate"},
            "template": pod_template(owner)},
        "status": {"availableReplicas": ready, "conditions": [{"lastTransitionTime": time(&[62, owner.number]),
            "lastUpdateTime": time(&[62, owner.number]), "message": "Deployment has minimum availability.",
            "reason": "MinimumReplicasAvailable", "status": if ready == 0 { "False" } else { "True" },
            "type": "Available"}],
            "observedGeneration": 4, "readyReplicas": ready, "replicas": owner.pods, "updatedReplicas": owner.pods},
    })
}

/// The current ReplicaSet of a Deployment (revision 0), or an old one.
pub(super) fn replica_set(shape: &Shape, owner: &Owner, revision: u64) -> Value {
    let hash = pod::hash(owner, revision);
    let (replicas, ready) = if revision == 0 { (owner.pods, ready(shape, owner)) } else { (0, 0) };
    let mut metadata = metadata(owner, &format!("{}-{hash}", owner.name), 39);
    metadata["labels"]["pod-template-hash"] = hash.as_str().into();
    metadata["uid"] = if revision == 0 { uid(&[39, owner.number]) } else { uid(&[63, owner.number, revision]) }.into();
    metadata["ownerReferences"] = json!([{"apiVersion": "apps/v1", "blockOwnerDeletion": true, "controller": true,
        "kind": "Deployment", "name": owner.name, "uid": uid(&[61, owner.number])}]);
    let mut template = pod_template(owner);
    template["metadata"]["labels"]["pod-template-hash"] = hash.as_str().into();
    let mut labels = selector(owner);
    labels["pod-template-hash"] = hash.into();
    json!({
        "metadata": metadata,
        "spec": {"replicas": replicas, "selector": {"matchLabels": labels}, "template": template},
        "status": {"availableReplicas": ready, "fullyLabeledReplicas": replicas, "observedGeneration": 4,
            "readyReplicas": ready, "replicas": replicas},
    })
}

pub(super) fn stateful_set(shape: &Shape, owner: &Owner) -> Value {
    let ready = ready(shape, owner);
    json!({
        "metadata": metadata(owner, &owner.name, 39),
        "spec": {"persistentVolumeClaimRetentionPolicy": {"whenDeleted": "Retain", "whenScaled": "Retain"},
            "podManagementPolicy": "OrderedReady", "replicas": owner.pods, "revisionHistoryLimit": 10,
            "selector": {"matchLabels": selector(owner)}, "serviceName": owner.name, "template": pod_template(owner),
            "updateStrategy": {"rollingUpdate": {"partition": 0}, "type": "RollingUpdate"},
            "volumeClaimTemplates": [{"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata":
                {"creationTimestamp": null, "name": "data"}, "spec": {"accessModes": ["ReadWriteOnce"],
                "resources": {"requests": {"storage": "20Gi"}}, "storageClassName": "gp3"}}]},
        "status": {"availableReplicas": ready, "collisionCount": 0, "currentReplicas": owner.pods,
            "observedGeneration": 4, "readyReplicas": ready, "replicas": owner.pods, "updatedReplicas": owner.pods},
    })
}

pub(super) fn daemon_set(shape: &Shape, owner: &Owner) -> Value {
    json!({
        "metadata": metadata(owner, &owner.name, 39),
        "spec": {"revisionHistoryLimit": 10, "selector": {"matchLabels": selector(owner)},
            "template": pod_template(owner), "updateStrategy": {"rollingUpdate": {"maxSurge": 0,
                "maxUnavailable": 1}, "type": "RollingUpdate"}},
        "status": {"currentNumberScheduled": shape.nodes, "desiredNumberScheduled": shape.nodes,
            "numberAvailable": shape.nodes, "numberMisscheduled": 0, "numberReady": shape.nodes,
            "observedGeneration": 4, "updatedNumberScheduled": shape.nodes},
    })
}

pub(super) fn job(owner: &Owner) -> Value {
    json!({
        "metadata": metadata(owner, &owner.name, 39),
        "spec": {"backoffLimit": 6, "completionMode": "NonIndexed", "completions": owner.pods,
            "parallelism": owner.pods, "podReplacementPolicy": "TerminatingOrFailed", "suspend": false,
            "template": pod_template(owner)},
        "status": {"completionTime": time(&[64, owner.number]), "conditions": [{"lastProbeTime":
            time(&[64, owner.number]), "lastTransitionTime": time(&[64, owner.number]), "status": "True",
            "type": "Complete"}], "ready": 0, "succeeded": owner.pods, "terminating": 0},
    })
}

pub(super) fn service(shape: &Shape, owner: &Owner) -> Value {
    let number = mix(shape.seed, &[65, owner.number]);
    let address = format!("172.20.{}.{}", number >> 8 & 255, number & 255);
    json!({
        "metadata": metadata(owner, &owner.name, 66),
        "spec": {"clusterIP": address, "clusterIPs": [address], "internalTrafficPolicy": "Cluster",
            "ipFamilies": ["IPv4"], "ipFamilyPolicy": "SingleStack", "ports": [{"name": "http", "port": 80,
                "protocol": "TCP", "targetPort": "http"}], "selector": selector(owner), "sessionAffinity": "None",
            "type": "ClusterIP"},
        "status": {"loadBalancer": {}},
    })
}

pub(super) fn endpoint_slice(shape: &Shape, owner: &Owner) -> Value {
    let ready = ready(shape, owner) > 0;
    let mut metadata = metadata(owner, &format!("{}-{}", owner.name, super::suffix(5, &[67, owner.number])), 67);
    metadata["labels"]["kubernetes.io/service-name"] = owner.name.as_str().into();
    metadata["labels"]["endpointslice.kubernetes.io/managed-by"] = "endpointslice-controller.k8s.io".into();
    // A slice takes a hundred; larger services have more slices, which add nothing here.
    let endpoints: Vec<Value> = (owner.first_pod..owner.first_pod + owner.pods.min(100))
        .map(|pod| {
            let address = format!("10.{}.{}.{}", 128 + (pod >> 16 & 127), pod >> 8 & 255, pod & 255);
            json!({"addresses": [address], "conditions": {"ready": ready, "serving": ready, "terminating": false},
                "nodeName": Shape::node_name(shape.node_of(owner, pod)), "targetRef": {"kind": "Pod",
                    "name": pod::pod_name(owner, pod), "namespace": owner.namespace, "uid": uid(&[31, pod])}})
        })
        .collect();
    json!({"addressType": "IPv4", "endpoints": endpoints, "metadata": metadata,
        "ports": [{"name": "http", "port": 8080, "protocol": "TCP"}]})
}

pub(super) fn budget(owner: &Owner) -> Value {
    json!({
        "metadata": metadata(owner, &owner.name, 68),
        "spec": {"maxUnavailable": 1, "selector": {"matchLabels": selector(owner)}},
        "status": {"conditions": [{"lastTransitionTime": time(&[68, owner.number]), "message": "",
            "observedGeneration": 4, "reason": "SufficientPods", "status": "True", "type": "DisruptionAllowed"}],
            "currentHealthy": owner.pods, "desiredHealthy": owner.pods.saturating_sub(1), "disruptionsAllowed": 1,
            "expectedPods": owner.pods, "observedGeneration": 4},
    })
}

fn volume_name(pod: u64) -> String {
    format!("pvc-{}", uid(&[69, pod]))
}

pub(super) fn claim(owner: &Owner, pod: u64) -> Value {
    let mut metadata = metadata(owner, &format!("data-{}", pod::pod_name(owner, pod)), 69);
    metadata["uid"] = uid(&[69, pod]).into();
    json!({
        "metadata": metadata,
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "20Gi"}},
            "storageClassName": "gp3", "volumeMode": "Filesystem", "volumeName": volume_name(pod)},
        "status": {"accessModes": ["ReadWriteOnce"], "capacity": {"storage": "20Gi"}, "phase": "Bound"},
    })
}

pub(super) fn volume(owner: &Owner, pod: u64) -> Value {
    json!({
        "metadata": {"creationTimestamp": time(&[70, pod]), "finalizers": ["kubernetes.io/pv-protection"],
            "name": volume_name(pod), "resourceVersion": "9", "uid": uid(&[70, pod])},
        "spec": {"accessModes": ["ReadWriteOnce"], "capacity": {"storage": "20Gi"},
            "claimRef": {"apiVersion": "v1", "kind": "PersistentVolumeClaim",
                "name": format!("data-{}", pod::pod_name(owner, pod)), "namespace": owner.namespace,
                "uid": uid(&[69, pod])},
            "csi": {"driver": "ebs.csi.aws.com", "fsType": "ext4",
                "volumeHandle": format!("vol-{:017x}", mix(71, &[pod]) >> 4)},
            "persistentVolumeReclaimPolicy": "Delete", "storageClassName": "gp3", "volumeMode": "Filesystem"},
        "status": {"phase": "Bound"},
    })
}

pub(super) fn attachment(shape: &Shape, pod: u64) -> Value {
    let owner = shape.owner(shape.owner_of(pod));
    json!({
        "metadata": {"creationTimestamp": time(&[72, pod]), "finalizers": ["external-attacher/ebs-csi-aws-com"],
            "name": format!("csi-{:016x}{:016x}", mix(73, &[pod]), mix(74, &[pod])), "resourceVersion": "9",
            "uid": uid(&[72, pod])},
        "spec": {"attacher": "ebs.csi.aws.com", "nodeName": Shape::node_name(shape.node_of(&owner, pod)),
            "source": {"persistentVolumeName": volume_name(pod)}},
        "status": {"attached": true},
    })
}
