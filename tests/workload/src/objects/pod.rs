//! Pods, and the template that makes those of one workload.

use serde_json::{Value, json};

use super::{suffix, time, uid};
use crate::{
    shape::{Owner, OwnerKind, Shape, mix},
    text::hole,
};

// What tells the pods of one workload apart.
const NAME: u32 = 0;
const UID: u32 = 1;
const NODE: u32 = 2;
const POD_IP: u32 = 3;
const HOST_IP: u32 = 4;
const CREATED: u32 = 5;
const TOKEN: u32 = 6;
const CONTAINER_ID: u32 = 7;
const VERSION: u32 = 8;

/// What is filled into the template for one pod.
pub(super) fn fills(shape: &Shape, owner: &Owner, pod: u64) -> Vec<String> {
    let node = shape.node_of(owner, pod);
    let created = time(&[30, pod]);
    vec![
        pod_name(owner, pod),
        uid(&[31, pod]),
        Shape::node_name(node),
        format!("10.{}.{}.{}", 128 + (pod >> 16 & 127), pod >> 8 & 255, pod & 255),
        format!("10.{}.{}.{}", node >> 16 & 255, node >> 8 & 255, node & 255),
        created,
        suffix(5, &[32, pod]),
        format!("{:016x}{:016x}{:016x}{:016x}", mix(33, &[pod]), mix(34, &[pod]), mix(35, &[pod]), mix(36, &[pod])),
        (1_000_000 + pod * 3).to_string(),
    ]
}

/// The name of a pod.
pub(super) fn pod_name(owner: &Owner, pod: u64) -> String {
    match owner.kind {
        OwnerKind::Deployment => format!("{}-{}-{}", owner.name, hash(owner, 0), suffix(5, &[37, pod])),
        OwnerKind::StatefulSet => format!("{}-{}", owner.name, pod - owner.first_pod),
        OwnerKind::DaemonSet | OwnerKind::Job => format!("{}-{}", owner.name, suffix(5, &[37, pod])),
    }
}

/// The template hash of a revision of a Deployment; 0 is the current one.
pub(super) fn hash(owner: &Owner, revision: u64) -> String {
    suffix(10, &[38, owner.number, revision])
}

/// The labels of the pods of a workload.
pub(super) fn labels(owner: &Owner) -> Value {
    json!({
        "app.kubernetes.io/name": owner.name,
        "app.kubernetes.io/part-of": owner.namespace,
        "app.kubernetes.io/managed-by": "Helm",
        "team": owner.namespace,
    })
}

fn image(owner: &Owner) -> String {
    format!("registry.example.com/{}/{}:v1.{}.{}", owner.namespace, owner.name, owner.number % 40, owner.number % 7)
}

/// The specification of the pods of a workload as its manifest has it.
pub(super) fn spec(owner: &Owner) -> Value {
    let probe = |path: &str| {
        json!({"failureThreshold": 3, "httpGet": {"path": path, "port": "http", "scheme": "HTTP"},
            "periodSeconds": 10, "successThreshold": 1, "timeoutSeconds": 2})
    };
    let mut mounts = vec![
        json!({"mountPath": "/tmp", "name": "tmp"}),
        json!({"mountPath": "/etc/app", "name": "config", "readOnly": true}),
    ];
    if owner.kind == OwnerKind::StatefulSet {
        mounts.push(json!({"mountPath": "/var/lib/data", "name": "data"}));
    }
    let mut containers = vec![json!({
        "name": "main",
        "image": image(owner),
        "imagePullPolicy": "IfNotPresent",
        "args": ["--listen=:8080", "--log-format=json", format!("--service={}", owner.name)],
        "env": [
            {"name": "POD_NAME", "valueFrom": {"fieldRef": {"apiVersion": "v1", "fieldPath": "metadata.name"}}},
            {"name": "POD_IP", "valueFrom": {"fieldRef": {"apiVersion": "v1", "fieldPath": "status.podIP"}}},
            {"name": "DATABASE_URL",
             "valueFrom": {"secretKeyRef": {"key": "url", "name": format!("{}-database", owner.name)}}},
            {"name": "LOG_LEVEL", "value": "info"},
            {"name": "GOMEMLIMIT",
             "valueFrom": {"resourceFieldRef": {"divisor": "0", "resource": "limits.memory"}}},
            {"name": "OTEL_EXPORTER_OTLP_ENDPOINT", "value": "http://otel-collector.monitoring.svc:4317"},
        ],
        "ports": [{"containerPort": 8080, "name": "http", "protocol": "TCP"},
                  {"containerPort": 9090, "name": "metrics", "protocol": "TCP"}],
        "livenessProbe": probe("/livez"),
        "readinessProbe": probe("/readyz"),
        "resources": {"limits": {"memory": "512Mi"}, "requests": {"cpu": "100m", "memory": "256Mi"}},
        "securityContext": {"allowPrivilegeEscalation": false, "capabilities": {"drop": ["ALL"]},
            "readOnlyRootFilesystem": true},
        "terminationMessagePath": "/dev/termination-log",
        "terminationMessagePolicy": "File",
        "volumeMounts": mounts,
    })];
    // A third of the pods have a proxy beside them.
    if owner.number.is_multiple_of(3) {
        containers.push(json!({
            "name": "proxy",
            "image": "registry.example.com/mesh/proxy:1.26.2",
            "imagePullPolicy": "IfNotPresent",
            "args": ["proxy", "sidecar", "--concurrency=2"],
            "ports": [{"containerPort": 15090, "name": "http-envoy-prom", "protocol": "TCP"}],
            "readinessProbe": {"failureThreshold": 4, "httpGet": {"path": "/healthz/ready", "port": 15021,
                "scheme": "HTTP"}, "periodSeconds": 15, "successThreshold": 1, "timeoutSeconds": 3},
            "resources": {"limits": {"cpu": "2", "memory": "1Gi"}, "requests": {"cpu": "100m", "memory": "128Mi"}},
            "terminationMessagePath": "/dev/termination-log",
            "terminationMessagePolicy": "File",
        }));
    }
    let mut spec = json!({
        "containers": containers,
        "dnsPolicy": "ClusterFirst",
        "restartPolicy": if owner.kind == OwnerKind::Job { "Never" } else { "Always" },
        "schedulerName": "default-scheduler",
        "securityContext": {"runAsNonRoot": true, "runAsUser": 10_001, "seccompProfile": {"type": "RuntimeDefault"}},
        "serviceAccount": "default",
        "serviceAccountName": "default",
        "terminationGracePeriodSeconds": 30,
        "volumes": [{"emptyDir": {}, "name": "tmp"},
            {"configMap": {"defaultMode": 420, "name": format!("{}-config", owner.name)}, "name": "config"}],
    });
    if owner.kind == OwnerKind::DaemonSet {
        spec["hostNetwork"] = true.into();
        spec["priorityClassName"] = "system-node-critical".into();
        spec["tolerations"] = json!([{"operator": "Exists"}]);
    } else {
        spec["topologySpreadConstraints"] = json!([{"labelSelector": {"matchLabels":
            {"app.kubernetes.io/name": owner.name}}, "maxSkew": 1, "topologyKey": "topology.kubernetes.io/zone",
            "whenUnsatisfiable": "ScheduleAnyway"}]);
    }
    spec
}

/// A pod of the workload, with holes.
pub(super) fn template(shape: &Shape, owner: &Owner) -> Value {
    let mut labels = labels(owner);
    let (api_version, kind, name) = match owner.kind {
        OwnerKind::Deployment => {
            labels["pod-template-hash"] = hash(owner, 0).into();
            ("apps/v1", "ReplicaSet", format!("{}-{}", owner.name, hash(owner, 0)))
        }
        OwnerKind::StatefulSet => {
            labels["statefulset.kubernetes.io/pod-name"] = hole(NAME).into();
            labels["controller-revision-hash"] = format!("{}-{}", owner.name, hash(owner, 0)).into();
            ("apps/v1", "StatefulSet", owner.name.clone())
        }
        OwnerKind::DaemonSet => {
            labels["controller-revision-hash"] = hash(owner, 0).into();
            ("apps/v1", "DaemonSet", owner.name.clone())
        }
        OwnerKind::Job => {
            labels["batch.kubernetes.io/job-name"] = owner.name.as_str().into();
            ("batch/v1", "Job", owner.name.clone())
        }
    };
    let mut spec = spec(owner);
    admit(&mut spec, owner);
    json!({
        "metadata": {
            "annotations": {
                "checksum/config": format!("{:016x}{:016x}", mix(41, &[owner.number]), mix(42, &[owner.number])),
                "prometheus.io/port": "9090",
                "prometheus.io/scrape": "true",
            },
            "creationTimestamp": hole(CREATED),
            "generateName": format!("{name}-"),
            "generation": 1,
            "labels": labels,
            "name": hole(NAME),
            "namespace": owner.namespace,
            "ownerReferences": [{"apiVersion": api_version, "blockOwnerDeletion": true, "controller": true,
                "kind": kind, "name": name, "uid": uid(&[39, owner.number])}],
            "resourceVersion": hole(VERSION),
            "uid": hole(UID),
        },
        "status": status(&spec, owner, mix(shape.seed, &[43, owner.number]) % 100),
        "spec": spec,
    })
}

/// What the API server, its admission and the controllers add to a specification.
fn admit(spec: &mut Value, owner: &Owner) {
    let token = format!("kube-api-access-{}", hole(TOKEN));
    if let Some(containers) = spec["containers"].as_array_mut() {
        for container in containers {
            let mount = json!({"mountPath": "/var/run/secrets/kubernetes.io/serviceaccount", "name": token,
                "readOnly": true});
            match container["volumeMounts"].as_array_mut() {
                Some(mounts) => mounts.push(mount),
                None => container["volumeMounts"] = json!([mount]),
            }
        }
    }
    if let Some(volumes) = spec["volumes"].as_array_mut() {
        if owner.kind == OwnerKind::StatefulSet {
            let claim = format!("data-{}", hole(NAME));
            volumes.push(json!({"name": "data", "persistentVolumeClaim": {"claimName": claim}}));
        }
        volumes.push(json!({"name": token, "projected": {"defaultMode": 420, "sources": [
            {"serviceAccountToken": {"expirationSeconds": 3607, "path": "token"}},
            {"configMap": {"items": [{"key": "ca.crt", "path": "ca.crt"}], "name": "kube-root-ca.crt"}},
            {"downwardAPI": {"items": [{"fieldRef": {"apiVersion": "v1", "fieldPath": "metadata.namespace"},
                "path": "namespace"}]}}]}}));
    }
    if owner.kind == OwnerKind::DaemonSet {
        spec["affinity"] = json!({"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution":
            {"nodeSelectorTerms": [{"matchFields": [{"key": "metadata.name", "operator": "In",
                "values": [hole(NODE)]}]}]}}});
    } else {
        let toleration = |key: &str| {
            json!({"effect": "NoExecute", "key": format!("node.kubernetes.io/{key}"), "operator": "Exists",
                "tolerationSeconds": 300})
        };
        spec["tolerations"] = json!([toleration("not-ready"), toleration("unreachable")]);
    }
    spec["enableServiceLinks"] = true.into();
    spec["nodeName"] = hole(NODE).into();
    spec["preemptionPolicy"] = "PreemptLowerPriority".into();
    spec["priority"] = if owner.kind == OwnerKind::DaemonSet { 2_000_001_000 } else { 0 }.into();
}

fn status(spec: &Value, owner: &Owner, chance: u64) -> Value {
    let done = owner.kind == OwnerKind::Job;
    // One workload in fifty does not come up.
    let broken = !done && chance < 2;
    let ready = !done && !broken;
    let condition = |kind: &str, holds: bool| {
        let mut condition = json!({"lastProbeTime": null, "lastTransitionTime": hole(CREATED),
            "observedGeneration": 1, "status": if holds { "True" } else { "False" }, "type": kind});
        if !holds {
            condition["reason"] = if done { "PodCompleted" } else { "ContainersNotReady" }.into();
        }
        condition
    };
    let statuses: Vec<Value> = spec["containers"]
        .as_array()
        .into_iter()
        .flatten()
        .enumerate()
        .map(|(index, container)| {
            let id = format!("containerd://{}{index}", hole(CONTAINER_ID));
            let state = if done {
                json!({"terminated": {"containerID": id, "exitCode": 0, "finishedAt": hole(CREATED),
                    "reason": "Completed", "startedAt": hole(CREATED)}})
            } else if broken {
                json!({"waiting": {"message": "back-off 5m0s restarting failed container",
                    "reason": "CrashLoopBackOff"}})
            } else {
                json!({"running": {"startedAt": hole(CREATED)}})
            };
            let image = container["image"].as_str().unwrap_or_default();
            let repository = image.rsplit_once(':').map_or(image, |(repository, _)| repository);
            let digest = [44, 45, 46, 47].map(|part| format!("{:016x}", mix(part, &[owner.number, index as u64])));
            json!({
                "allocatedResources": container["resources"]["requests"],
                "containerID": id,
                "image": image,
                "imageID": format!("{repository}@sha256:{}", digest.concat()),
                "lastState": {},
                "name": container["name"],
                "ready": ready,
                "resources": container["resources"],
                "restartCount": if broken { 812 } else { 0 },
                "started": ready,
                "state": state,
                "user": {"linux": {"gid": 0, "supplementalGroups": [0], "uid": 10_001}},
                "volumeMounts": container["volumeMounts"].as_array().into_iter().flatten().map(|mount| {
                    let mut mount = mount.clone();
                    if mount["readOnly"] == true {
                        mount["recursiveReadOnly"] = "Disabled".into();
                    }
                    mount
                }).collect::<Vec<_>>(),
            })
        })
        .collect();
    json!({
        "conditions": [condition("PodReadyToStartContainers", !done), condition("Initialized", true),
            condition("Ready", ready), condition("ContainersReady", ready), condition("PodScheduled", true)],
        "containerStatuses": statuses,
        "hostIP": hole(HOST_IP),
        "hostIPs": [{"ip": hole(HOST_IP)}],
        "observedGeneration": 1,
        "phase": if done { "Succeeded" } else { "Running" },
        "podIP": hole(POD_IP),
        "podIPs": [{"ip": hole(POD_IP)}],
        "qosClass": "Burstable",
        "startTime": hole(CREATED),
    })
}
