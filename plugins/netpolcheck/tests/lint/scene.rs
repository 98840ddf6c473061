//! A small cluster, and what `lint` says of it with some policies.

use std::process::Output;

use serde_json::Value;

use super::run::run_over;

/// Two namespaces with pods, the cluster's DNS, a network plugin: all of a small cluster, without a policy.
pub const CLUSTER: &str = r#"
apiVersion: v1
kind: Namespace
metadata: {name: shop, labels: {team: shop}}
---
apiVersion: v1
kind: Namespace
metadata: {name: data, labels: {team: data}}
---
apiVersion: v1
kind: Namespace
metadata: {name: kube-system}
---
apiVersion: v1
kind: Pod
metadata: {name: web, namespace: shop, labels: {app: web, tier: front}}
spec: {nodeName: n1, containers: [{name: c, ports: [{name: http, containerPort: 8080}]}]}
status: {phase: Running, podIP: 10.244.0.1}
---
apiVersion: v1
kind: Pod
metadata: {name: api, namespace: shop, labels: {app: api}}
spec: {nodeName: n2, containers: [{name: c, ports: [{name: http, containerPort: 9000}, {name: stats, containerPort: 9001, protocol: UDP}]}]}
status: {phase: Running, podIP: 10.244.0.2}
---
apiVersion: v1
kind: Pod
metadata: {name: db, namespace: data, labels: {app: db}}
spec: {nodeName: n1, containers: [{name: c, ports: [{name: sql, containerPort: 5432}]}]}
status: {phase: Running, podIP: 10.244.0.3}
---
apiVersion: v1
kind: Pod
metadata: {name: quiet, namespace: data, labels: {app: quiet}}
spec: {nodeName: n1, containers: [{name: c}]}
status: {phase: Running, podIP: 10.244.0.4}
---
apiVersion: v1
kind: Pod
metadata: {name: agent, namespace: kube-system, labels: {app: agent}}
spec: {nodeName: n1, hostNetwork: true, containers: [{name: c}]}
status: {phase: Running, podIP: 192.168.0.1}
---
apiVersion: v1
kind: Pod
metadata: {name: coredns, namespace: kube-system, labels: {k8s-app: kube-dns}}
spec: {nodeName: n1, containers: [{name: c, ports: [{name: dns, containerPort: 53, protocol: UDP}]}]}
status: {phase: Running, podIP: 10.244.0.53}
---
apiVersion: v1
kind: Service
metadata: {name: web, namespace: shop}
spec: {selector: {app: web}, ports: [{port: 80, targetPort: http}]}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: asleep, namespace: shop}
spec: {replicas: 0, selector: {matchLabels: {app: asleep}}, template: {metadata: {labels: {app: asleep}}, spec: {containers: [{name: c}]}}}
---
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: calico-node, namespace: kube-system}
spec: {selector: {matchLabels: {k8s-app: calico-node}}, template: {metadata: {labels: {k8s-app: calico-node}}, spec: {hostNetwork: true, containers: [{name: c}]}}}
"#;

/// A NetworkPolicy of `shop`.
pub fn np(name: &str, spec: &str) -> String {
    format!(
        "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {{name: {name}, namespace: shop}}\nspec: {spec}\n"
    )
}

/// A ClusterNetworkPolicy.
pub fn cnp(name: &str, tier: &str, priority: u32, rest: &str) -> String {
    format!(
        "apiVersion: policy.networking.k8s.io/v1alpha2\nkind: ClusterNetworkPolicy\nmetadata: {{name: {name}}}\n\
         spec: {{tier: {tier}, priority: {priority}, {rest}}}\n"
    )
}

pub fn run(input: &str, args: &[&str]) -> Output {
    run_over(&[&["lint", "-f", "-"], args].concat(), input)
}

#[track_caller]
pub fn report_of(input: &str) -> (Value, Option<i32>) {
    let output = run(input, &["-o", "json"]);
    let report = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&output.stderr)));
    patchkit_test_support::assert_valid(&report);
    (report, output.status.code())
}

/// What is found in the cluster with some policies: `severity id policy` and the rest of each finding.
#[track_caller]
pub fn lint(policies: &[String]) -> Vec<Value> {
    let (report, _) = report_of(&with(policies));
    let partly: Vec<&Value> =
        report["notEvaluated"].as_array().expect("a list").iter().filter(|it| it["hidden"] != true).collect();
    assert!(partly.is_empty(), "{partly:#?}");
    report["findings"].as_array().expect("findings").clone()
}

pub fn with(policies: &[String]) -> String {
    let mut input = CLUSTER.to_owned();
    for policy in policies {
        input.push_str("---\n");
        input.push_str(policy);
    }
    input
}

pub fn short(findings: &[Value]) -> Vec<String> {
    let text = |it: &Value, name: &str| it[name].as_str().unwrap_or_default().to_owned();
    findings
        .iter()
        .map(|it| format!("{} {} {}", text(it, "severity"), text(it, "id"), text(&it["object"], "name")))
        .collect()
}

/// Exactly one finding, of this kind.
#[track_caller]
pub fn finds(policies: &[String], expected: &str) -> Value {
    let findings = lint(policies);
    assert_eq!(short(&findings), [expected], "{findings:#?}");
    findings[0].clone()
}

#[track_caller]
pub fn finds_nothing(policies: &[String]) {
    let findings = lint(policies);
    assert!(findings.is_empty(), "{findings:#?}");
}

pub fn title(finding: &Value) -> &str {
    finding["title"].as_str().expect("a title")
}
