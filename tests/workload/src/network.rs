//! A cluster for the measurements of network policies: many pods, and policies of every kind that speak about them.
//!
//! Pods belong to ReplicaSets of a few pods each, in namespaces of about fifty pods; policies are those that people
//! write: deny all, allow an application from another one, from namespaces by label, from blocks of addresses, egress
//! to DNS and to a database by a named port, and a few for the whole cluster.

use std::io::{self, Write};

use serde_json::{Value, json};

use crate::shape::mix;

/// How large the cluster is.
#[derive(Clone, Copy, Debug)]
pub struct Network {
    /// How many pods there are.
    pub pods: u64,
    /// How many policies there are.
    pub policies: u64,
    /// How many pods share labels and an owner; with 1 no two pods are alike.
    pub replicas: u64,
    /// Another seed gives another cluster of the same size.
    pub seed: u64,
}

const PODS_A_NAMESPACE: u64 = 50;
const APPS: [&str; 8] = ["api", "cache", "checkout", "ledger", "mailer", "orders", "search", "web"];

impl Network {
    fn namespaces(&self) -> u64 {
        self.pods.div_ceil(PODS_A_NAMESPACE).max(1)
    }

    /// Writes a `List` as `kubectl get -o json` would, without indentation.
    ///
    /// # Errors
    /// Where the writer fails.
    pub fn write(&self, out: &mut impl Write) -> io::Result<()> {
        out.write_all(b"{\"apiVersion\":\"v1\",\"kind\":\"List\",\"items\":[\n")?;
        let namespaces = (0..self.namespaces()).map(|number| self.namespace(number));
        let pods = (0..self.pods).map(|number| self.pod(number));
        let policies = (0..self.policies).map(|number| self.policy(number));
        for (place, object) in namespaces.chain(pods).chain(policies).enumerate() {
            out.write_all(if place == 0 { b"" } else { b",\n" })?;
            serde_json::to_writer(&mut *out, &object)?;
        }
        out.write_all(b"\n]}\n")
    }

    fn chance(&self, parts: &[u64], bound: u64) -> u64 {
        mix(self.seed, parts) % bound
    }

    fn namespace(&self, number: u64) -> Value {
        let team = format!("team-{}", self.chance(&[1, number], 20));
        let stage = ["dev", "test", "prod"][self.chance(&[2, number], 3) as usize];
        json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name(number), "labels":
            {"kubernetes.io/metadata.name": name(number), "team": team, "stage": stage}}})
    }

    /// The application that a pod's owner runs; owners of one namespace run the same few.
    fn app(&self, owner: u64) -> &'static str {
        APPS[self.chance(&[3, owner], APPS.len() as u64) as usize]
    }

    fn pod(&self, number: u64) -> Value {
        let namespace = number / PODS_A_NAMESPACE;
        let owner = number / self.replicas.max(1);
        let app = self.app(owner);
        let hash = format!("{:09x}", mix(self.seed, &[4, owner]) & 0xF_FFFF_FFFF);
        let own = format!("{app}-{owner:06}");
        let tier = ["front", "middle", "back"][self.chance(&[5, owner], 3) as usize];
        let mut labels = json!({"app": app, "instance": own, "pod-template-hash": hash, "tier": tier});
        if self.replicas <= 1 {
            labels["pod"] = format!("pod-{number}").into();
        }
        let address = format!("10.{}.{}.{}", 128 + (number >> 16), number >> 8 & 255, number & 255);
        let port = 8000 + self.chance(&[6, owner], 4) * 10;
        json!({"apiVersion": "v1", "kind": "Pod",
            "metadata": {"name": format!("{own}-{hash}-{number:05}"), "namespace": name(namespace), "labels": labels,
                "ownerReferences": [{"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": format!("{own}-{hash}"),
                    "uid": crate::objects::uid(&[7, owner]), "controller": true, "blockOwnerDeletion": true}]},
            "spec": {"nodeName": format!("node-{:04}", number % 200), "containers": [
                {"name": app, "image": format!("registry.example.com/{app}:1.{}", self.chance(&[8, owner], 40)),
                 "ports": [{"name": "http", "containerPort": port, "protocol": "TCP"},
                           {"name": "metrics", "containerPort": 9090, "protocol": "TCP"}],
                 "resources": {"requests": {"cpu": "100m", "memory": "128Mi"}}}]},
            "status": {"phase": "Running", "podIP": address, "podIPs": [{"ip": address}]}})
    }

    fn policy(&self, number: u64) -> Value {
        // One in fifty is for the whole cluster.
        if number % 50 == 49 {
            return self.cluster_policy(number);
        }
        let namespace = self.chance(&[10, number], self.namespaces());
        let app = |part: u64| APPS[self.chance(&[11, number, part], APPS.len() as u64) as usize];
        let pods = |app: &str| json!({"matchLabels": {"app": app}});
        let spec = match self.chance(&[12, number], 10) {
            0 => json!({"podSelector": {}, "policyTypes": ["Ingress"]}),
            1 => json!({"podSelector": {}, "policyTypes": ["Ingress", "Egress"], "egress": [
                {"to": [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": name(0)}}}],
                 "ports": [{"port": 53, "protocol": "UDP"}, {"port": 53}]}, {"to": [{"podSelector": {}}]}]}),
            2 | 3 => json!({"podSelector": pods(app(0)), "ingress": [
                {"from": [{"podSelector": pods(app(1))}, {"podSelector": {"matchExpressions":
                    [{"key": "tier", "operator": "In", "values": ["front", "middle"]}]}}],
                 "ports": [{"port": 8000 + self.chance(&[13, number], 4) * 10}]}]}),
            4 | 5 => json!({"podSelector": pods(app(0)), "ingress": [
                {"from": [{"namespaceSelector": {"matchLabels":
                    {"team": format!("team-{}", self.chance(&[14, number], 20))}}, "podSelector": pods(app(1))}],
                 "ports": [{"port": "http"}, {"port": "metrics"}]}]}),
            6 => json!({"podSelector": pods(app(0)), "policyTypes": ["Ingress"], "ingress": [
                {"from": [{"ipBlock": {"cidr": format!("10.{}.0.0/16", self.chance(&[15, number], 200)),
                    "except": [format!("10.{}.7.0/24", self.chance(&[15, number], 200))]}}]}]}),
            7 => json!({"podSelector": pods(app(0)), "policyTypes": ["Egress"], "egress": [
                {"to": [{"ipBlock": {"cidr": "0.0.0.0/0", "except":
                    ["169.254.169.254/32", format!("10.{}.0.0/16", self.chance(&[16, number], 60))]}}],
                 "ports": [{"port": 443}]},
                {"to": [{"namespaceSelector": {"matchLabels": {"stage": "prod"}}, "podSelector": pods(app(1))}],
                 "ports": [{"port": "http"}]}]}),
            8 => json!({"podSelector": {"matchExpressions":
                    [{"key": "tier", "operator": "NotIn", "values": ["front"]}]},
                "ingress": [{"from": [{"namespaceSelector": {"matchExpressions":
                    [{"key": "stage", "operator": "NotIn", "values": ["dev"]}]}}],
                    "ports": [{"port": 8000, "endPort": 8100}]}]}),
            _ => json!({"podSelector": pods(app(0)), "ingress": [{}]}),
        };
        json!({"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy",
            "metadata": {"name": format!("policy-{number:05}"), "namespace": name(namespace)}, "spec": spec})
    }

    fn cluster_policy(&self, number: u64) -> Value {
        let team = format!("team-{}", self.chance(&[20, number], 20));
        let subject = json!({"namespaces": {"matchLabels": {"team": team}}});
        let monitoring = json!({"pods": {"namespaceSelector": {"matchLabels": {"stage": "prod"}},
            "podSelector": {"matchLabels": {"app": "search"}}}});
        let admin = number % 100 == 49;
        json!({"apiVersion": "policy.networking.k8s.io/v1alpha2", "kind": "ClusterNetworkPolicy",
            "metadata": {"name": format!("cluster-{number:05}")},
            "spec": {"tier": if admin { "Admin" } else { "Baseline" }, "priority": number % 1000, "subject": subject,
                "ingress": [
                    {"name": "metrics", "action": "Accept", "from": [monitoring],
                     "protocols": [{"tcp": {"destinationPort": {"number": 9090}}}]},
                    {"name": "others", "action": if admin { "Pass" } else { "Deny" },
                     "from": [{"namespaces": {"matchLabels": {"stage": "dev"}}}]}],
                "egress": [{"name": "metadata", "action": "Deny", "to": [{"networks": ["169.254.169.254/32"]}]}]}})
    }
}

fn name(number: u64) -> String {
    format!("space-{number:04}")
}
