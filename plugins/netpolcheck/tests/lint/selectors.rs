//! Selectors that match nothing, and two peers where one was meant.

use serde_json::Value;

use super::scene::{cnp, finds, finds_nothing, lint, np, report_of, run, short, title, with};

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
