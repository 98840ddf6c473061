//! `lint` as programs run it: for each kind of mistake one case that is found, and one near it that is none.

#[path = "support/run.rs"]
mod run;

use std::{collections::BTreeSet, process::Output};

use kubectl_netpolcheck::lint::IDS;
use serde_json::Value;

use run::run_over;

/// Two namespaces with pods, the cluster's DNS, a network plugin: all of a small cluster, without a policy.
const CLUSTER: &str = r#"
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
fn np(name: &str, spec: &str) -> String {
    format!(
        "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {{name: {name}, namespace: shop}}\nspec: {spec}\n"
    )
}

/// A ClusterNetworkPolicy.
fn cnp(name: &str, tier: &str, priority: u32, rest: &str) -> String {
    format!(
        "apiVersion: policy.networking.k8s.io/v1alpha2\nkind: ClusterNetworkPolicy\nmetadata: {{name: {name}}}\n\
         spec: {{tier: {tier}, priority: {priority}, {rest}}}\n"
    )
}

fn run(input: &str, args: &[&str]) -> Output {
    run_over(&[&["lint", "-f", "-"], args].concat(), input)
}

#[track_caller]
fn report_of(input: &str) -> (Value, Option<i32>) {
    let output = run(input, &["-o", "json"]);
    let report = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&output.stderr)));
    patchkit_test_support::assert_valid(&report);
    (report, output.status.code())
}

/// What is found in the cluster with some policies: `severity id policy` and the rest of each finding.
#[track_caller]
fn lint(policies: &[String]) -> Vec<Value> {
    let (report, _) = report_of(&with(policies));
    let partly: Vec<&Value> =
        report["notEvaluated"].as_array().expect("a list").iter().filter(|it| it["hidden"] != true).collect();
    assert!(partly.is_empty(), "{partly:#?}");
    report["findings"].as_array().expect("findings").clone()
}

fn with(policies: &[String]) -> String {
    let mut input = CLUSTER.to_owned();
    for policy in policies {
        input.push_str("---\n");
        input.push_str(policy);
    }
    input
}

fn short(findings: &[Value]) -> Vec<String> {
    let text = |it: &Value, name: &str| it[name].as_str().unwrap_or_default().to_owned();
    findings
        .iter()
        .map(|it| format!("{} {} {}", text(it, "severity"), text(it, "id"), text(&it["object"], "name")))
        .collect()
}

/// Exactly one finding, of this kind.
#[track_caller]
fn finds(policies: &[String], expected: &str) -> Value {
    let findings = lint(policies);
    assert_eq!(short(&findings), [expected], "{findings:#?}");
    findings[0].clone()
}

#[track_caller]
fn finds_nothing(policies: &[String]) {
    let findings = lint(policies);
    assert!(findings.is_empty(), "{findings:#?}");
}

fn title(finding: &Value) -> &str {
    finding["title"].as_str().expect("a title")
}

#[test]
fn a_policy_that_selects_nobody() {
    let found = finds(&[np("a", "{podSelector: {matchLabels: {app: wbe}}}")], "medium subject-matches-nothing a");
    assert_eq!(title(&found), "podSelector app=wbe in shop selects no pod");
    let found = finds(&[np("a", "{podSelector: {matchLabels: {app: db}}}")], "medium subject-matches-nothing a");
    assert!(title(&found).ends_with("though pods of data have these labels"), "{found:#}");
    let nobody =
        "subject: {namespaces: {matchLabels: {team: none}}}, ingress: [{action: Deny, from: [{namespaces: {}}]}]";
    finds(&[cnp("a", "Admin", 1, nobody)], "medium subject-matches-nothing a");
    // A Deployment that is scaled to nothing, and whatever comes to an empty namespace.
    finds_nothing(&[np("a", "{podSelector: {matchLabels: {app: asleep}}}")]);
    let empty = "apiVersion: v1\nkind: Namespace\nmetadata: {name: empty}\n".to_owned();
    finds_nothing(&[empty, np("a", "{podSelector: {}}").replace("namespace: shop", "namespace: empty")]);
    // Policies do not hold for pods in the network of their node.
    let host =
        np("a", "{podSelector: {matchLabels: {app: agent}}}").replace("namespace: shop", "namespace: kube-system");
    let found = finds(&[host], "medium subject-matches-nothing a");
    assert!(title(&found).contains("in the network of their nodes"), "{found:#}");
}

#[test]
fn a_peer_that_matches_nobody() {
    let from = |peer: &str| [np("a", &format!("{{podSelector: {{}}, ingress: [{{from: [{peer}]}}]}}"))];
    let found = finds(&from("{podSelector: {matchLabels: {app: clinet}}}"), "low peer-matches-nothing a");
    assert_eq!(title(&found), "ingress[0]: podSelector app=clinet in shop matches no pod of shop");
    let found = finds(&from("{namespaceSelector: {matchLabels: {team: none}}}"), "low peer-matches-nothing a");
    assert_eq!(title(&found), "ingress[0]: namespaceSelector team=none matches no namespace");
    let both = "{namespaceSelector: {matchLabels: {team: data}}, podSelector: {matchLabels: {app: web}}}";
    let found = finds(&from(both), "low peer-matches-nothing a");
    assert!(title(&found).ends_with("matches no pod of data, though pods of shop have these labels"), "{found:#}");
    let own = finds(
        &from("{namespaceSelector: {matchLabels: {team: data}}, podSelector: {matchLabels: {app: web}}}"),
        "low peer-matches-nothing a",
    );
    assert!(own["hint"].as_str().unwrap().contains("as a peer of its own"), "{own:#}");
    finds(&from("{namespaceSelector: {}, podSelector: {matchLabels: {app: agent}}}"), "low peer-matches-nothing a");
    finds_nothing(&from("{podSelector: {matchLabels: {app: asleep}}}"));
    finds_nothing(&from("{namespaceSelector: {matchLabels: {team: data}}, podSelector: {matchLabels: {app: db}}}"));
    finds_nothing(&from("{namespaceSelector: {matchExpressions: [{key: team, operator: DoesNotExist}]}}"));
}

#[test]
fn what_is_not_in_the_input_is_not_evaluated() {
    // A manifest of an application, with its own pods and no others.
    let pod = "apiVersion: v1\nkind: Pod\nmetadata: {name: web, namespace: shop, labels: {app: web}}\nspec: {containers: [{name: c}]}\n---\n";
    let to_dns = "{podSelector: {matchLabels: {app: web}}, policyTypes: [Egress], egress: [{to: [{namespaceSelector: {matchLabels: \
                  {kubernetes.io/metadata.name: kube-system}}}], ports: [{port: 53, protocol: UDP}]}]}";
    let (report, code) = report_of(&format!("{pod}{}", np("a", to_dns)));
    assert_eq!((short(report["findings"].as_array().unwrap()), code), (Vec::new(), Some(4)), "{report:#}");
    let left_out = report["notEvaluated"].as_array().unwrap();
    assert!(
        left_out.iter().any(|it| it["what"] == "peer-matches-nothing of NetworkPolicy shop/a egress[0]"),
        "{report:#}"
    );
    // Unless that is all there is.
    let output = run(&format!("{pod}{}", np("a", to_dns)), &["--complete", "-o", "json"]);
    let report: Value = serde_json::from_slice(&output.stdout).expect("a report");
    assert_eq!(short(report["findings"].as_array().unwrap()), ["low peer-matches-nothing a"], "{report:#}");
    // With all namespaces and without their pods.
    let others = "apiVersion: v1\nkind: Namespace\nmetadata: {name: shop}\n---\napiVersion: v1\nkind: Namespace\nmetadata: {name: kube-system}\n---\n";
    let (report, code) = report_of(&format!(
        "{others}{pod}{}",
        np("a", &to_dns.replace("}}}]", "}}, podSelector: {matchLabels: {k8s-app: kube-dns}}}]"))
    ));
    assert_eq!((report["findings"].as_array().map(Vec::len), code), (Some(0), Some(4)), "{report:#}");
    // Pods with that port may be elsewhere, and OpenShift's servers of names have another.
    let elsewhere =
        to_dns.replace("{kubernetes.io/metadata.name: kube-system}}}]", "{}}}]").replace("port: 53", "port: 5353");
    let listening = pod.replace("{name: c}", "{name: c, ports: [{containerPort: 8080}]}");
    let (report, _) = report_of(&format!("{listening}{}", np("a", &elsewhere)));
    assert_eq!(report["findings"].as_array().map(Vec::len), Some(0), "{report:#}");
    // Its own pods are all there.
    let (report, _) = report_of(&format!("{pod}{}", np("a", "{podSelector: {matchLabels: {app: wbe}}}")));
    assert_eq!(short(report["findings"].as_array().unwrap()), ["medium subject-matches-nothing a"]);
    // Those of another namespace may be elsewhere.
    let other = np("a", "{podSelector: {matchLabels: {app: wbe}}}").replace("namespace: shop", "namespace: other");
    let (report, code) = report_of(&format!("{pod}{other}"));
    assert_eq!((report["findings"].as_array().map(Vec::len), code), (Some(0), Some(4)), "{report:#}");
    // Policies alone say nothing of selectors, and are looked at all the same.
    let (report, code) = report_of(&np("a", "{podSelector: {}, policyTypes: [Ingress], egress: [{}]}"));
    assert_eq!(
        (short(report["findings"].as_array().unwrap()), code),
        (vec!["medium type-not-listed a".to_owned()], Some(4))
    );
    // Of another kind.
    let foreign = "apiVersion: cilium.io/v2\nkind: CiliumNetworkPolicy\nmetadata: {name: c, namespace: shop}\nspec: {endpointSelector: {}}\n";
    let (report, code) = report_of(&with(&[foreign.to_owned()]));
    assert_eq!(code, Some(4));
    assert_eq!(report["notEvaluated"][0]["what"], "CiliumNetworkPolicy shop/c", "{report:#}");
}

#[test]
fn a_port_that_no_container_exposes() {
    let on = |ports: &str| {
        [np("a", &format!("{{podSelector: {{matchLabels: {{app: web}}}}, ingress: [{{ports: [{ports}]}}]}}"))]
    };
    let found = finds(&on("{port: 8081}"), "low port-not-exposed a");
    assert_eq!(found["evidence"]["exposed"][0], "TCP 8080");
    // The Service's port, and not the pods'.
    let found = finds(&on("{port: 80}"), "medium port-not-exposed a");
    assert!(title(&found).contains("the port of Service shop/web, behind which the pods listen on http"), "{found:#}");
    finds(&on("{port: 8080, protocol: UDP}"), "low port-not-exposed a");
    finds(&on("{port: 8081, endPort: 9000}"), "low port-not-exposed a");
    finds_nothing(&on("{port: 8080}"));
    finds_nothing(&on("{port: 8000, endPort: 9000}"));
    // Where a container does not say on which ports it listens, nothing can be said.
    let quiet = np("a", "{podSelector: {matchLabels: {app: quiet}}, ingress: [{ports: [{port: 1}]}]}");
    finds_nothing(&[quiet.replace("namespace: shop", "namespace: data")]);
    // What denies a port that nobody has is a guard rail.
    let ssh = "subject: {pods: {namespaceSelector: {}, podSelector: {matchLabels: {app: web}}}}, ingress: [{action: Deny, from: [{namespaces: {}}], protocols: [{tcp: {destinationPort: {number: 22}}}]}]";
    finds_nothing(&[cnp("a", "Admin", 1, ssh)]);
    finds(&[cnp("a", "Admin", 1, &ssh.replace("Deny", "Accept"))], "low port-not-exposed a");
    let out = |port: &str| {
        let to = "{namespaceSelector: {matchLabels: {team: data}}, podSelector: {matchLabels: {app: db}}}";
        let dns = "{to: [{namespaceSelector: {}, podSelector: {matchLabels: {k8s-app: kube-dns}}}], ports: [{port: 53, protocol: UDP}, {port: 53}]}";
        [np(
            "a",
            &format!(
                "{{podSelector: {{}}, policyTypes: [Egress], egress: [{{to: [{to}], ports: [{{port: {port}}}]}}, {dns}]}}"
            ),
        )]
    };
    finds(&out("5433"), "low port-not-exposed a");
    finds_nothing(&out("5432"));
}

#[test]
fn a_name_of_a_port_that_nobody_gives() {
    let on = |app: &str, port: &str| {
        [np("a", &format!("{{podSelector: {{matchLabels: {{app: {app}}}}}, ingress: [{{ports: [{port}]}}]}}"))]
    };
    finds(&on("web", "{port: htpp}"), "medium named-port-unresolved a");
    let found = finds(&on("api", "{port: stats}"), "medium named-port-unresolved a");
    assert!(title(&found).contains("is one of UDP in the pods it lets traffic to, and not of TCP"), "{found:#}");
    finds_nothing(&on("api", "{port: stats, protocol: UDP}"));
    finds_nothing(&[np("a", "{podSelector: {}, ingress: [{ports: [{port: stats, protocol: UDP}]}]}")]);
    let outside = "{podSelector: {matchLabels: {app: web}}, policyTypes: [Egress], egress: [{to: [{ipBlock: {cidr: 203.0.113.0/24}}], ports: [{port: https}]}, {ports: [{port: 53, protocol: UDP}]}]}";
    let found = finds(&[np("a", outside)], "medium named-port-unresolved a");
    assert!(title(&found).contains("never matches addresses"), "{found:#}");
}

#[test]
fn rules_and_policies_that_others_make_needless() {
    let web_from_api = "{podSelector: {matchLabels: {app: web}}, ingress: [{from: [{podSelector: {matchLabels: {app: api}}}], ports: [{port: 8080}]}]}";
    let found = finds(&[np("a", web_from_api), np("b", web_from_api)], "low policy-redundant b");
    assert_eq!(found["evidence"]["holdsFor"], "any");
    assert!(
        found["evidence"]["because"].as_array().unwrap().iter().any(|it| it["policy"] == "shop/a" && it["rule"] == 0)
    );
    assert!(found["evidence"]["proof"].as_str().unwrap().starts_with("taken out, and every answer for 1 pod compared"));
    // One rule within another of the same policy, and by several others together.
    let within = "{podSelector: {}, ingress: [{from: [{podSelector: {}}]}, {from: [{podSelector: {matchLabels: {app: web}}}], ports: [{port: 8080}, {port: http}]}]}";
    let found = finds(&[np("a", within)], "low rule-redundant a");
    assert_eq!((&found["evidence"]["rule"], &found["evidence"]["because"][0]["rule"]), (&1.into(), &0.into()));
    let together = "{podSelector: {matchLabels: {app: api}}, ingress: [{from: [{podSelector: {}}], ports: [{port: 9000, endPort: 9500}]}, {from: [{podSelector: {}}], ports: [{port: 8999, endPort: 9000}]}, {from: [{podSelector: {matchLabels: {app: web}}}], ports: [{port: 8999, endPort: 9001}]}]}";
    let found = finds(&[np("a", together)], "low rule-redundant a");
    assert_eq!(found["evidence"]["because"].as_array().map(Vec::len), Some(2), "{found:#}");
    // Another port, another peer, another type: each is needed.
    let other_port =
        web_from_api.replace("[{port: 8080}]", "[{port: 8080, protocol: TCP}]").replace("app: api}", "app: asleep}");
    finds_nothing(&[np("a", web_from_api), np("b", &other_port)]);
    // A rule that means nobody today may mean somebody tomorrow.
    let idle =
        "{podSelector: {matchLabels: {app: web}}, ingress: [{from: [{podSelector: {matchLabels: {app: tomorrow}}}]}]}";
    finds(&[np("a", idle), np("b", "{podSelector: {}}")], "low peer-matches-nothing a");
    // A default of nothing is there for pods that come tomorrow.
    finds_nothing(&[np("a", "{podSelector: {}}"), np("b", "{podSelector: {}, policyTypes: [Egress]}")]);
    let closed = finds(&[np("a", "{podSelector: {}}"), np("b", "{podSelector: {}}")], "low policy-redundant b");
    assert_eq!(closed["evidence"]["because"][0]["policy"], "shop/a");
    finds_nothing(&[
        np("a", "{podSelector: {matchLabels: {tier: front}}}"),
        np("b", "{podSelector: {}}").replace("{podSelector: {}}", "{podSelector: {matchLabels: {app: api}}}"),
    ]);
    // The same peers today, and not for any pod that may come.
    let today = "{podSelector: {}, ingress: [{from: [{podSelector: {matchLabels: {app: web}}}]}, {from: [{podSelector: {matchLabels: {tier: front}}}]}]}";
    let found = finds(&[np("a", today)], "info rule-redundant a");
    assert_eq!(found["evidence"]["holdsFor"], "current");
}

#[test]
fn what_a_higher_tier_decides_is_never_asked() {
    let deny =
        "subject: {namespaces: {}}, ingress: [{action: Deny, from: [{namespaces: {matchLabels: {team: data}}}]}]";
    let allow = "{podSelector: {matchLabels: {app: web}}, ingress: [{from: [{namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: data}}}]}, {from: [{podSelector: {}}]}]}";
    let found = finds(&[cnp("guard", "Admin", 5, deny), np("a", allow)], "medium rule-shadowed a");
    let because = &found["evidence"]["because"][0];
    assert_eq!(
        (&because["tier"], &because["policy"], &because["action"]),
        (&"Admin".into(), &"guard".into(), &"deny".into())
    );
    assert!(
        title(&found)
            .starts_with("ingress[0]: it never allows anything: ClusterNetworkPolicy guard ingress[0] decides")
    );
    // Only some of what the rule means is denied above.
    let on_a_port =
        deny.replace("team: data}}}]}", "team: data}}}], protocols: [{tcp: {destinationPort: {number: 8080}}}]}");
    finds_nothing(&[cnp("guard", "Admin", 5, &on_a_port), np("a", allow)]);
    // What is passed on before is not decided above.
    let pass =
        "subject: {namespaces: {}}, ingress: [{action: Pass, from: [{namespaces: {matchLabels: {team: data}}}]}]";
    let findings = short(&lint(&[cnp("guard", "Admin", 5, deny), cnp("first", "Admin", 1, pass), np("a", allow)]));
    assert_eq!(findings, ["medium policy-shadowed guard"]);
    // Within a tier the first decides.
    let found = finds(
        &[cnp("guard", "Admin", 5, deny), cnp("late", "Admin", 6, &deny.replace("Deny", "Accept"))],
        "medium policy-shadowed late",
    );
    assert_eq!(found["evidence"]["because"][0]["policy"], "guard");
    // The lowest tier is there for pods without a NetworkPolicy.
    let baseline = deny.replace("team: data", "team: shop");
    let all = np("all", "{podSelector: {}, ingress: [{from: [{podSelector: {}}]}]}");
    finds_nothing(&[
        cnp(
            "base",
            "Baseline",
            1,
            &baseline.replace("subject: {namespaces: {}}", "subject: {namespaces: {matchLabels: {team: shop}}}"),
        ),
        all,
    ]);
}

#[test]
fn policies_of_equal_priority() {
    let rule = |action: &str, port: u16| {
        format!(
            "subject: {{namespaces: {{matchLabels: {{team: shop}}}}}}, ingress: [{{action: {action}, from: [{{namespaces: {{}}}}], protocols: [{{tcp: {{destinationPort: {{number: {port}}}}}}}]}}]"
        )
    };
    let found = finds(
        &[cnp("a", "Admin", 5, &rule("Accept", 8080)), cnp("b", "Admin", 5, &rule("Deny", 8080))],
        "high equal-priority-conflict a",
    );
    assert!(title(&found).contains("disagree about") && title(&found).ends_with("on TCP 8080"), "{found:#}");
    finds(
        &[cnp("a", "Admin", 5, &rule("Accept", 8080)), cnp("b", "Admin", 5, &rule("Deny", 9000))],
        "info equal-priority a",
    );
    finds_nothing(&[cnp("a", "Admin", 5, &rule("Accept", 8080)), cnp("b", "Baseline", 5, &rule("Deny", 9000))]);
    // They select other pods.
    let of_data = rule("Accept", 5432).replace("team: shop", "team: data");
    finds_nothing(&[cnp("a", "Admin", 5, &rule("Deny", 8080)), cnp("b", "Admin", 5, &of_data)]);
    let output =
        run(&with(&[cnp("a", "Admin", 5, &rule("Accept", 8080)), cnp("b", "Admin", 5, &rule("Deny", 8080))]), &[]);
    assert_eq!(output.status.code(), Some(1), "high is what --fail-on asks for by itself");
}

#[test]
fn wide_blocks() {
    let dns = "{to: [{namespaceSelector: {}, podSelector: {matchLabels: {k8s-app: kube-dns}}}], ports: [{port: 53, protocol: UDP}]}";
    let to = |block: &str, ports: &str| {
        [np(
            "a",
            &format!(
                "{{podSelector: {{}}, policyTypes: [Egress], egress: [{{to: [{{ipBlock: {block}}}]{ports}}}, {dns}]}}"
            ),
        )]
    };
    let found = lint(&to("{cidr: 0.0.0.0/0}", ""));
    assert!(short(&found).contains(&"medium wide-cidr a".to_owned()), "{found:#?}");
    assert!(title(&found[0]).contains("the metadata address 169.254.169.254 among them"));
    let except = "{cidr: 0.0.0.0/0, except: [10.0.0.0/8, 169.254.169.254/32]}";
    finds(&to(except, ""), "low wide-cidr a");
    finds(&to("{cidr: '::/0'}", ", ports: [{port: 443}]"), "low wide-cidr a");
    finds(&to("{cidr: 128.0.0.0/1, except: [169.254.169.254/32]}", ""), "low wide-cidr a");
    finds_nothing(&to("{cidr: 203.0.113.0/24}", ""));
    finds_nothing(&to("{cidr: 'fc00::/7'}", ""));
    // What denies may be as wide as it likes.
    let deny = "subject: {namespaces: {}}, egress: [{action: Deny, to: [{networks: [0.0.0.0/0]}], protocols: [{tcp: {destinationPort: {number: 25}}}]}]";
    finds_nothing(&[cnp("a", "Admin", 1, deny)]);
}

#[test]
fn blocks_that_hold_pods() {
    let from = |block: &str| {
        [np(
            "a",
            &format!("{{podSelector: {{matchLabels: {{app: web}}}}, ingress: [{{from: [{{ipBlock: {block}}}]}}]}}"),
        )]
    };
    let found = finds(&from("{cidr: 10.244.0.0/16}"), "low ip-block-hits-pods a");
    assert_eq!(found["evidence"]["pods"].as_array().map(Vec::len), Some(5));
    finds(&from("{cidr: 10.244.0.3/32}"), "medium ip-block-hits-pods a");
    finds_nothing(&from("{cidr: 10.0.0.0/8, except: [10.244.0.0/16]}"));
    // Under a profile in which blocks mean addresses outside only, that is what is wrong with it.
    let output = run(&with(&from("{cidr: 10.244.0.3/32}")), &["--profile", "cilium", "-o", "json"]);
    let report: Value = serde_json::from_slice(&output.stdout).expect("a report");
    assert!(title(&report["findings"][0]).contains("does not match them under this profile"), "{report:#}");
}

#[test]
fn pods_that_reach_no_server_of_names() {
    let to_db = "{to: [{namespaceSelector: {matchLabels: {team: data}}, podSelector: {matchLabels: {app: db}}}], ports: [{port: 5432}]}";
    let only = |more: &str| {
        np(
            "a",
            &format!("{{podSelector: {{matchLabels: {{app: web}}}}, policyTypes: [Egress], egress: [{to_db}{more}]}}"),
        )
    };
    let found = finds(&[only("")], "medium egress-without-dns a");
    assert_eq!(found["evidence"]["workloads"][0], "shop/web");
    finds(
        &[only(
            ", {to: [{namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: kube-system}}}], ports: [{port: 53}]}",
        )],
        "medium egress-without-dns a",
    );
    finds_nothing(&[only(
        ", {to: [{namespaceSelector: {}, podSelector: {matchLabels: {k8s-app: kube-dns}}}], ports: [{port: 53, protocol: UDP}]}",
    )]);
    // In a policy of its own, by a cache on the node, or not at all where nothing may go out.
    let dns = np("dns", "{podSelector: {}, policyTypes: [Egress], egress: [{ports: [{port: 53, protocol: UDP}]}]}");
    finds_nothing(&[only(""), dns]);
    finds_nothing(&[only(", {to: [{ipBlock: {cidr: 169.254.20.10/32}}], ports: [{port: 53, protocol: UDP}]}")]);
    finds_nothing(&[np("a", "{podSelector: {}, policyTypes: [Ingress, Egress]}")]);
}

#[test]
fn policies_that_nobody_enforces() {
    let policy = np("a", "{podSelector: {}}");
    let flannel = with(std::slice::from_ref(&policy)).replace("calico-node", "kube-flannel-ds");
    let (report, code) = report_of(&flannel);
    assert_eq!(
        (short(report["findings"].as_array().unwrap()), code),
        (vec!["high not-enforced shop".to_owned()], Some(1))
    );
    // Canal is Flannel with something that enforces.
    let canal = format!(
        "{flannel}---\napiVersion: apps/v1\nkind: DaemonSet\nmetadata: {{name: canal, namespace: kube-system}}\nspec: {{template: {{spec: {{hostNetwork: true, containers: []}}}}}}\n"
    );
    assert_eq!(report_of(&canal).0["findings"].as_array().map(Vec::len), Some(0));
    let node = |label: &str| format!("apiVersion: v1\nkind: Node\nmetadata: {{name: n2, labels: {{{label}}}}}\n");
    let found = finds(&[policy.clone(), node("eks.amazonaws.com/compute-type: fargate")], "high not-enforced shop");
    assert_eq!(found["evidence"]["pods"], serde_json::json!(["shop/api"]));
    finds_nothing(&[policy.clone(), node("eks.amazonaws.com/compute-type: ec2")]);
    // The plugin is not seen: named, and no reason to call the report a partial one.
    let (report, code) = report_of(&with(&[policy]).replace("calico-node", "something"));
    assert_eq!((report["findings"].as_array().map(Vec::len), code), (Some(0), Some(0)), "{report:#}");
    assert!(report["notEvaluated"].as_array().unwrap().iter().any(|it| it["what"] == "not-enforced"));
}

#[test]
fn two_peers_where_one_was_meant() {
    let from = |peers: &str| [np("a", &format!("{{podSelector: {{}}, ingress: [{{from: [{peers}]}}]}}"))];
    // Pods of that name are in the other namespace only: both selectors were meant to hold.
    let found =
        lint(&from("{namespaceSelector: {matchLabels: {team: data}}}, {podSelector: {matchLabels: {app: db}}}"));
    assert_eq!(short(&found), ["medium and-or-pair a", "low peer-matches-nothing a"], "{found:#?}");
    // They are in the own namespace: two peers are what is wanted.
    finds_nothing(&from("{namespaceSelector: {matchLabels: {team: data}}}, {podSelector: {matchLabels: {app: web}}}"));
    finds_nothing(&from("{namespaceSelector: {matchLabels: {team: data}}}, {podSelector: {}}"));
    finds_nothing(&from("{namespaceSelector: {matchLabels: {team: data}}, podSelector: {matchLabels: {app: db}}}"));
}

#[test]
fn rules_of_a_type_that_is_not_listed() {
    let found =
        finds(&[np("a", "{podSelector: {}, policyTypes: [Ingress], egress: [{}, {}]}")], "medium type-not-listed a");
    assert_eq!(title(&found), "egress: 2 rules are ignored, since policyTypes does not list Egress");
    finds_nothing(&[np("a", "{podSelector: {}, policyTypes: [Ingress, Egress], egress: [{}]}")]);
    finds_nothing(&[np("a", "{podSelector: {}, egress: [{}]}")]);
}

#[test]
fn old_kinds_are_written_anew() {
    let anp = "apiVersion: policy.networking.k8s.io/v1alpha1\nkind: AdminNetworkPolicy\nmetadata: {name: old, labels: {x: y}}\nspec:\n  priority: 7\n  subject: {pods: {namespaceSelector: {matchLabels: {team: shop}}, podSelector: {matchLabels: {app: web}}}}\n  ingress:\n  - name: scrape\n    action: Allow\n    from: [{namespaces: {}}]\n    ports: [{portNumber: {protocol: TCP, port: 8080}}, {portRange: {protocol: TCP, start: 8000, end: 8100}}, {namedPort: http}]\n";
    let found = finds(&[anp.to_owned()], "low deprecated-kind old");
    let text = found["evidence"]["translation"].as_str().expect("a manifest");
    let manifest: Value = serde_saphyr::from_str(text).expect("YAML");
    assert_eq!(
        manifest,
        serde_json::json!({
            "apiVersion": "policy.networking.k8s.io/v1alpha2", "kind": "ClusterNetworkPolicy",
            "metadata": {"name": "old", "labels": {"x": "y"}},
            "spec": {"tier": "Admin", "priority": 7,
                "subject": {"pods": {"namespaceSelector": {"matchLabels": {"team": "shop"}}, "podSelector": {"matchLabels": {"app": "web"}}}},
                "ingress": [{"name": "scrape", "action": "Accept", "from": [{"namespaces": {}}], "protocols": [
                    {"tcp": {"destinationPort": {"number": 8080}}}, {"tcp": {"destinationPort": {"range": {"start": 8000, "end": 8100}}}},
                    {"destinationNamedPort": "http"}]}]}})
    );
    finds_nothing(&[text.to_owned()]);
    let page = String::from_utf8(run(&with(&[anp.to_owned()]), &[]).stdout).expect("text");
    assert!(page.contains("As a ClusterNetworkPolicy:") && page.contains("    kind: ClusterNetworkPolicy"), "{page}");
    // Longer lists than a ClusterNetworkPolicy may have become several rules, or are too much for one policy.
    let many = vec!["{namespaces: {}}"; 30].join(", ");
    let found = lint(&[anp.replace("[{namespaces: {}}]", &format!("[{many}]"))]);
    let manifest: Value =
        serde_saphyr::from_str(found[0]["evidence"]["translation"].as_str().expect("a manifest")).expect("YAML");
    let peers = |rule: usize| manifest["spec"]["ingress"][rule]["from"].as_array().map(Vec::len);
    assert_eq!((peers(0), peers(1), peers(2)), (Some(25), Some(5), None), "{manifest:#}");
    let rule = "  - {action: Deny, from: [{namespaces: {matchLabels: {team: data}}}]}\n";
    let found = lint(&[format!("{anp}{}", rule.repeat(25))]);
    let refused = found.iter().find(|it| it["id"] == "deprecated-kind").expect("a finding");
    assert!(
        refused["evidence"]["notTranslated"].as_str().unwrap().starts_with("spec.ingress comes to 26 rules"),
        "{refused:#}"
    );
    // What is not known cannot be written anew.
    let strange = anp.replace("[{namespaces: {}}]", "[{galaxies: {}}]");
    let (report, code) = report_of(&with(&[strange]));
    assert_eq!(
        (&report["findings"][0]["evidence"]["notTranslated"], code),
        (&"spec.ingress[0] has a peer of a form that is not known".into(), Some(4)),
        "{report:#}"
    );
}

#[test]
fn findings_name_the_line_of_the_rule() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("policy.yaml");
    let block = "# A comment\napiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata:\n  name: a\n  namespace: shop\nspec:\n  podSelector: {}\n  ingress:\n  - from:\n    - podSelector: {}\n  - ports:\n    - port: nobody\n";
    let line = |text: &str| {
        std::fs::write(&path, text).expect("a file");
        let output = run(CLUSTER, &["-f", &path.display().to_string(), "-o", "json"]);
        let report: Value = serde_json::from_slice(&output.stdout).expect("a report");
        let source = report["findings"][0]["source"].clone();
        assert_eq!(source["file"], path.display().to_string(), "{report:#}");
        source["line"].as_u64().expect("a line")
    };
    assert_eq!(line(block), 12);
    assert_eq!(line(&format!("---\nkind: Nothing\napiVersion: v1\n---\n{block}")), 16);
    let item = block.lines().skip(1).map(|line| format!("  {line}\n")).collect::<String>().replacen(
        "  apiVersion",
        "- apiVersion",
        1,
    );
    assert_eq!(line(&format!("apiVersion: v1\nkind: List\nitems:\n{item}")), 14);
    let value: Value = serde_saphyr::from_str(block).expect("YAML");
    let json = serde_json::to_string_pretty(&value).expect("JSON");
    let at = json.lines().position(|line| line.contains("\"ports\"")).expect("a line");
    assert_eq!(line(&json), at as u64, "the line of the bracket before it");
    // Of a list in flow style the line of the list is known.
    assert_eq!(
        line(&block.replace(
            "  ingress:\n  - from:\n    - podSelector: {}\n  - ports:\n    - port: nobody\n",
            "  ingress: [{ports: [{port: nobody}]}]\n"
        )),
        9
    );
    // A whole policy is where it begins.
    assert_eq!(line(&block.replace("podSelector: {}\n  ingress", "podSelector: {matchLabels: {a: b}}\n  ingress")), 2);
}

#[test]
fn every_format_says_what_was_found() {
    let input = with(&[
        np("a", "{podSelector: {}, ingress: [{ports: [{port: nobody}]}]}"),
        np("b", "{podSelector: {matchLabels: {app: wbe}}}"),
    ]);
    for (format, expected) in [
        ("wide", "named-port-unresolved"),
        ("markdown", "## NetworkPolicy shop/a in -\n"),
        ("markdown", "| medium | named-port-unresolved | "),
        ("sarif", "\"ruleId\": \"named-port-unresolved\""),
        ("junit", "classname=\"named-port-unresolved\" name=\"NetworkPolicy shop/a\""),
        ("name", "networkpolicy.networking.k8s.io/a"),
    ] {
        let output = run(&input, &["-o", format]);
        let text = String::from_utf8(output.stdout).expect("text");
        assert!(text.contains(expected), "{format}: {text}");
        assert_eq!(output.status.code(), Some(0), "{format}");
    }
    for (threshold, code) in [("medium", 1), ("low", 1), ("high", 0), ("none", 0)] {
        assert_eq!(run(&input, &["--fail-on", threshold]).status.code(), Some(code), "{threshold}");
    }
    let other = run(&input, &["-n", "data"]);
    assert!(String::from_utf8_lossy(&other.stdout).contains("Nothing found."));
    assert_eq!(run(&input, &["-n", "shop", "--fail-on", "medium"]).status.code(), Some(1));
    let clean = run(&with(&[np("a", "{podSelector: {}}")]), &[]);
    assert!(String::from_utf8_lossy(&clean.stdout).contains("Nothing found."));
    assert_eq!(run("{not yaml", &[]).status.code(), Some(3));
}

#[test]
fn every_identifier_is_in_the_schema() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../schemas/v1/lint-report.schema.json");
    let schema: Value = serde_json::from_str(&std::fs::read_to_string(path).expect("the schema")).expect("JSON");
    let listed = schema["properties"]["findings"]["items"]["properties"]["id"]["enum"].as_array().expect("a list");
    let listed: BTreeSet<&str> = listed.iter().filter_map(Value::as_str).collect();
    assert_eq!(listed, IDS.iter().copied().collect());
}

#[test]
fn the_sample_is_sound() {
    let sample = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/policies");
    let output = run("", &["-f", sample, "-o", "json"]);
    let report: Value = serde_json::from_slice(&output.stdout).expect("a report");
    let found = short(report["findings"].as_array().expect("findings"));
    assert_eq!(found, ["medium egress-without-dns api"], "{report:#}");
}

#[test]
fn guard_rails_that_agree_with_what_stands_below_are_needed() {
    let deny =
        "subject: {namespaces: {}}, ingress: [{action: Deny, from: [{namespaces: {matchLabels: {team: data}}}]}]";
    let closed = np("closed", "{podSelector: {}}");
    let others = closed.replace("namespace: shop", "namespace: data");
    let servers = closed.replace("namespace: shop", "namespace: kube-system");
    finds_nothing(&[cnp("guard", "Admin", 5, deny), closed, others, servers]);
    // An exception of the administrator's holds against policies that may come.
    let accept = deny.replace("Deny", "Accept");
    finds_nothing(&[cnp("guard", "Admin", 5, &accept)]);
}

#[test]
fn proofs_hold_for_the_profile_that_was_chosen() {
    // Whether a block lets in the pods whose addresses it holds is left open by the standard.
    let spec = "{podSelector: {matchLabels: {app: web}}, ingress: [{from: [{ipBlock: {cidr: 10.244.0.0/16}}]}, {from: [{podSelector: {matchLabels: {app: api}}}]}]}";
    let ids = |profile: &str| {
        let output = run(&with(&[np("a", spec)]), &["--profile", profile, "-o", "json"]);
        let report: Value = serde_json::from_slice(&output.stdout).expect("a report");
        short(report["findings"].as_array().expect("findings"))
    };
    assert_eq!(ids("strict"), ["low ip-block-hits-pods a", "info rule-redundant a"]);
    assert_eq!(ids("cilium"), ["low ip-block-hits-pods a"]);
}
