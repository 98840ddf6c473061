//! Ports, blocks, servers of names, types, and who enforces policies.

use serde_json::Value;

use super::scene::{cnp, finds, finds_nothing, lint, np, report_of, run, short, title, with};

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
fn rules_of_a_type_that_is_not_listed() {
    let found =
        finds(&[np("a", "{podSelector: {}, policyTypes: [Ingress], egress: [{}, {}]}")], "medium type-not-listed a");
    assert_eq!(title(&found), "egress: 2 rules are ignored, since policyTypes does not list Egress");
    finds_nothing(&[np("a", "{podSelector: {}, policyTypes: [Ingress, Egress], egress: [{}]}")]);
    finds_nothing(&[np("a", "{podSelector: {}, egress: [{}]}")]);
}
