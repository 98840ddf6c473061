//! What belongs to no workload.

use patchkit::snapshot::{Kind, kinds};
use serde_json::{Value, json};

use super::{time, uid};
use crate::shape::Shape;

fn metadata(kind: &Kind, namespace: Option<&str>, name: &str, number: u64) -> Value {
    // The lengths of the names tell the kinds apart well enough for a UID.
    let part = kind.plural.bytes().fold(80_u64, |sum, byte| sum.wrapping_mul(31).wrapping_add(u64::from(byte)));
    let mut metadata = json!({"creationTimestamp": time(&[part, number]), "name": name, "resourceVersion": "12",
        "uid": uid(&[part, number])});
    if let Some(namespace) = namespace {
        metadata["namespace"] = namespace.into();
    }
    metadata
}

/// One object of a kind that is not made from workloads.
pub(super) fn object(kind: &Kind, number: u64) -> Option<Value> {
    let namespace = Shape::namespace(number / 2);
    let meta = |namespace: Option<&str>, name: &str| metadata(kind, namespace, name, number);
    Some(match *kind {
        kinds::NAMESPACES => {
            let name = if number == 0 { "kube-system".to_owned() } else { Shape::namespace(number - 1) };
            let mut metadata = meta(None, &name);
            metadata["labels"] = json!({"kubernetes.io/metadata.name": name,
                "pod-security.kubernetes.io/enforce": "baseline"});
            json!({"metadata": metadata, "spec": {"finalizers": ["kubernetes"]}, "status": {"phase": "Active"}})
        }
        kinds::CONFIG_MAPS if number.is_multiple_of(2) => {
            let certificate =
                format!("-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n", "MIIB".repeat(300));
            json!({"metadata": meta(Some(&namespace), "kube-root-ca.crt"), "data": {"ca.crt": certificate}})
        }
        kinds::CONFIG_MAPS => {
            json!({"metadata": meta(Some(&namespace), "app-config"), "data": {"config.yaml": "log: info\n".repeat(40)}})
        }
        kinds::SERVICE_ACCOUNTS => {
            let name = if number.is_multiple_of(2) { "default" } else { "deployer" };
            json!({"metadata": meta(Some(&namespace), name)})
        }
        kinds::NETWORK_POLICIES if number.is_multiple_of(2) => {
            json!({"metadata": meta(Some(&namespace), "default-deny"),
                "spec": {"podSelector": {}, "policyTypes": ["Ingress"]}})
        }
        kinds::NETWORK_POLICIES => {
            json!({"metadata": meta(Some(&namespace), "allow-same-namespace"),
                "spec": {"ingress": [{"from": [{"podSelector": {}}], "ports": [{"port": 8080, "protocol": "TCP"}]}],
                    "podSelector": {}, "policyTypes": ["Ingress"]}})
        }
        kinds::RESOURCE_QUOTAS => {
            json!({"metadata": meta(Some(&Shape::namespace(number)), "compute"),
                "spec": {"hard": {"pods": "500", "requests.cpu": "200"}},
                "status": {"hard": {"pods": "500", "requests.cpu": "200"}, "used": {"pods": "270", "requests.cpu": "27"}}})
        }
        kinds::ROLES => {
            json!({"metadata": meta(Some(&Shape::namespace(number)), "deployer"), "rules": [{"apiGroups": ["apps"],
                "resources": ["deployments"], "verbs": ["get", "list", "watch", "patch"]}]})
        }
        kinds::CLUSTER_ROLES => {
            json!({"metadata": meta(None, &format!("system:role-{number:03}")), "rules": [{"apiGroups": [""],
                "resources": ["pods", "nodes", "services"], "verbs": ["get", "list", "watch"]}]})
        }
        kinds::CUSTOM_RESOURCE_DEFINITIONS => {
            let (plural, one) = (format!("things{number:02}"), format!("Thing{number:02}"));
            let properties: serde_json::Map<String, Value> = (0..60)
                .map(|field| {
                    (format!("field{field}"), json!({"description": "What this says. ".repeat(6), "type": "string"}))
                })
                .collect();
            json!({"metadata": meta(None, &format!("{plural}.example.com")),
                "spec": {"conversion": {"strategy": "None"}, "group": "example.com", "names": {"kind": one,
                    "listKind": format!("{one}List"), "plural": plural, "singular": one.to_lowercase()},
                    "scope": "Namespaced", "versions": [{"name": "v1", "schema": {"openAPIV3Schema": {"type": "object",
                        "properties": {"spec": {"type": "object", "properties": properties}}}}, "served": true,
                        "storage": true}]},
                "status": {"acceptedNames": {"kind": one, "plural": plural}, "conditions": [{"status": "True",
                    "type": "Established"}], "storedVersions": ["v1"]}})
        }
        kinds::API_SERVICES => {
            let group = format!("group{number:02}.example.com");
            json!({"metadata": meta(None, &format!("v1.{group}")),
                "spec": {"group": group, "groupPriorityMinimum": 1000, "version": "v1", "versionPriority": 15},
                "status": {"conditions": [{"lastTransitionTime": time(&[number]), "message":
                    "Local APIServices are always available", "reason": "Local", "status": "True",
                    "type": "Available"}]}})
        }
        kinds::VALIDATING_WEBHOOKS | kinds::MUTATING_WEBHOOKS => {
            let name = format!("policy-{number}.example.com");
            json!({"metadata": meta(None, &name), "webhooks": [{"admissionReviewVersions": ["v1"],
                "clientConfig": {"caBundle": "TUlJQg==".repeat(200), "service": {"name": "policy",
                    "namespace": "kube-system", "path": "/validate", "port": 443}}, "failurePolicy":
                    if number == 0 { "Fail" } else { "Ignore" }, "matchPolicy": "Equivalent", "name": name,
                "namespaceSelector": {}, "objectSelector": {}, "rules": [{"apiGroups": [""], "apiVersions": ["v1"],
                    "operations": ["CREATE"], "resources": ["pods"], "scope": "*"}], "sideEffects": "None",
                "timeoutSeconds": 10}]})
        }
        kinds::STORAGE_CLASSES => {
            let name = if number == 0 { "gp3" } else { "gp2" };
            json!({"metadata": meta(None, name), "allowVolumeExpansion": true, "parameters": {"type": name},
                "provisioner": "ebs.csi.aws.com", "reclaimPolicy": "Delete", "volumeBindingMode":
                "WaitForFirstConsumer"})
        }
        kinds::CSI_DRIVERS => {
            json!({"metadata": meta(None, "ebs.csi.aws.com"), "spec": {"attachRequired": true,
                "fsGroupPolicy": "ReadWriteOnceWithFSType", "podInfoOnMount": false, "requiresRepublish": false,
                "seLinuxMount": false, "storageCapacity": false, "volumeLifecycleModes": ["Persistent"]}})
        }
        _ => return None,
    })
}
