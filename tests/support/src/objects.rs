//! Objects by number: the same number gives the same object on every run.

use serde_json::{Value, json};

/// The namespace of the `number`-th pod; there are 50 of them.
#[must_use]
pub fn namespace_name(number: usize) -> String {
    format!("team-{:02}", number % 50)
}

/// A node of about 2 kB, in one of three zones.
#[must_use]
pub fn node(number: usize) -> Value {
    let zone = ["a", "b", "c"][number % 3];
    json!({
        "apiVersion": "v1", "kind": "Node",
        "metadata": {
            "name": format!("node-{number:05}"), "uid": format!("00000000-0000-4000-8000-{number:012}"), "resourceVersion": "1",
            "creationTimestamp": "2026-01-01T00:00:00Z",
            "labels": {
                "kubernetes.io/arch": "amd64", "kubernetes.io/os": "linux", "kubernetes.io/hostname": format!("node-{number:05}"),
                "topology.kubernetes.io/region": "r1", "topology.kubernetes.io/zone": format!("r1{zone}"),
            },
        },
        "spec": { "podCIDR": format!("10.{}.{}.0/24", number / 256 % 256, number % 256), "providerID": format!("test:///{number}") },
        "status": {
            "capacity": { "cpu": "16", "memory": "64Gi", "pods": "110", "ephemeral-storage": "100Gi" },
            "allocatable": { "cpu": "15890m", "memory": "62Gi", "pods": "110", "ephemeral-storage": "90Gi" },
            "conditions": [
                { "type": "MemoryPressure", "status": "False", "reason": "KubeletHasSufficientMemory", "lastHeartbeatTime": "2026-11-01T00:00:00Z" },
                { "type": "Ready", "status": "True", "reason": "KubeletReady", "lastHeartbeatTime": "2026-11-01T00:00:00Z" },
            ],
            "nodeInfo": {
                "kubeletVersion": "v1.35.4", "kubeProxyVersion": "v1.35.4", "containerRuntimeVersion": "containerd://2.1.4",
                "osImage": "Ubuntu 24.04.3 LTS", "kernelVersion": "6.8.0-85-generic", "architecture": "amd64", "operatingSystem": "linux",
                "machineID": "", "systemUUID": "", "bootID": "",
            },
        },
    })
}

/// A running pod of about 4 kB on one of `nodes` nodes, owned by a ReplicaSet of ten.
#[must_use]
pub fn pod(number: usize, nodes: usize) -> Value {
    let set = number / 10;
    let owner = format!("app-{set:05}-5d4f8c7b9");
    json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {
            "name": format!("{owner}-{:05}", number % 10), "generateName": format!("{owner}-"), "namespace": namespace_name(set),
            "uid": format!("10000000-0000-4000-8000-{number:012}"), "resourceVersion": "1", "creationTimestamp": "2026-06-01T00:00:00Z",
            "labels": { "app": format!("app-{set:05}"), "pod-template-hash": "5d4f8c7b9", "app.kubernetes.io/part-of": "shop" },
            "annotations": { "checksum/config": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08" },
            "ownerReferences": [{
                "apiVersion": "apps/v1", "kind": "ReplicaSet", "name": owner,
                "uid": format!("20000000-0000-4000-8000-{set:012}"), "controller": true, "blockOwnerDeletion": true,
            }],
            "managedFields": [{
                "manager": "kube-controller-manager", "operation": "Update", "apiVersion": "v1", "time": "2026-06-01T00:00:00Z", "fieldsType": "FieldsV1",
                "fieldsV1": { "f:metadata": { "f:generateName": {}, "f:labels": { ".": {}, "f:app": {}, "f:pod-template-hash": {} } },
                    "f:spec": { "f:containers": { "k:{\"name\":\"app\"}": { ".": {}, "f:image": {}, "f:name": {}, "f:resources": {}, "f:ports": {} } } } },
            }],
        },
        "spec": {
            "nodeName": format!("node-{:05}", number % nodes.max(1)), "serviceAccountName": "default", "schedulerName": "default-scheduler",
            "restartPolicy": "Always", "dnsPolicy": "ClusterFirst", "terminationGracePeriodSeconds": 30, "priority": 0,
            "tolerations": [
                { "key": "node.kubernetes.io/not-ready", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300 },
                { "key": "node.kubernetes.io/unreachable", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300 },
            ],
            "containers": [{
                "name": "app", "image": format!("registry.example.com/shop/app-{:03}:1.{}.0", set % 200, set % 17), "imagePullPolicy": "IfNotPresent",
                "ports": [{ "containerPort": 8080, "name": "http", "protocol": "TCP" }],
                "env": [{ "name": "LOG_LEVEL", "value": "info" }, { "name": "POD_NAME", "valueFrom": { "fieldRef": { "apiVersion": "v1", "fieldPath": "metadata.name" } } }],
                "resources": { "requests": { "cpu": "100m", "memory": "128Mi" }, "limits": { "memory": "256Mi" } },
                "readinessProbe": { "httpGet": { "path": "/ready", "port": "http", "scheme": "HTTP" }, "periodSeconds": 10, "timeoutSeconds": 1, "failureThreshold": 3, "successThreshold": 1 },
                "volumeMounts": [{ "name": "kube-api-access", "readOnly": true, "mountPath": "/var/run/secrets/kubernetes.io/serviceaccount" }],
                "terminationMessagePath": "/dev/termination-log", "terminationMessagePolicy": "File",
            }],
            "volumes": [{ "name": "kube-api-access", "projected": { "defaultMode": 420, "sources": [{ "serviceAccountToken": { "expirationSeconds": 3607, "path": "token" } }] } }],
        },
        "status": {
            "phase": "Running", "qosClass": "Burstable", "startTime": "2026-06-01T00:00:00Z",
            "podIP": format!("10.{}.{}.{}", 128 + number / 65536, number / 256 % 256, number % 256), "hostIP": "192.168.0.1",
            "conditions": [
                { "type": "Ready", "status": "True", "lastTransitionTime": "2026-06-01T00:00:05Z" },
                { "type": "PodScheduled", "status": "True", "lastTransitionTime": "2026-06-01T00:00:00Z" },
            ],
            "containerStatuses": [{
                "name": "app", "ready": true, "started": true, "restartCount": 0, "image": "app", "state": { "running": { "startedAt": "2026-06-01T00:00:03Z" } },
                "imageID": "registry.example.com/shop/app@sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
                "containerID": "containerd://e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
            }],
        },
    })
}
