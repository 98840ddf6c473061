//! `map` and `can` as programs run them: the sample in `examples/policies`, exit codes, formats, and what must never be
//! said.

#[path = "support/run.rs"]
mod run_over;

use std::process::{Command, Output, Stdio};

use serde_json::Value;

use run_over::run_over;

const SAMPLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/policies");

fn run(args: &[&str]) -> Output {
    run_over(&[args, &["-f", SAMPLE]].concat(), "")
}

#[track_caller]
fn report(output: &Output) -> Value {
    let report = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&output.stderr)));
    patchkit_test_support::assert_valid(&report);
    report
}

/// The answer of `can` with its exit code.
#[track_caller]
fn can(from: &str, to: &str, more: &[&str]) -> (Value, Option<i32>) {
    let output = run(&[&["can", from, to, "-o", "json"], more].concat());
    (report(&output)["decision"].clone(), output.status.code())
}

#[track_caller]
fn answers(from: &str, to: &str, expected: &str) {
    let (decision, code) = can(from, to, &[]);
    let exit = match expected {
        "yes" => 0,
        "no" => 1,
        _ => 4,
    };
    assert_eq!((decision["allowed"].as_str().unwrap(), code), (expected, Some(exit)), "{from} {to}: {decision:#}");
}

#[test]
fn every_form_of_a_peer_is_understood() {
    for (from, to, expected) in [
        ("shop/web-6d4c-a", "shop/api-6d4c-b:8080", "yes"),
        ("shop/deploy/web", "shop/deployment/api:http/TCP", "yes"),
        ("shop/svc/web", "shop/svc/api:80", "yes"),
        ("shop/deploy/web", "shop/svc/api:81", "3"),
        ("shop/api", "data/svc/db:main", "yes"),
        ("shop/api", "data/db:5432/UDP", "no"),
        ("shop/api", "10.96.0.12:5432", "no"),
        ("shop/api", "10.244.2.4:5432", "yes"),
        ("shop/api", "203.0.113.1:443", "yes"),
        ("shop/api", "203.0.113.0/24:443", "depends"),
        ("shop/api", "203.0.113.64/26:443", "no"),
        ("shop/batch", "169.254.169.254:80", "no"),
        ("shop/batch", "internet:443", "depends"),
        ("internet", "shop/web:8080", "yes"),
        ("internet", "shop/web", "depends"),
        ("internet", "data/db", "no"),
        ("monitoring/", "shop/:9090", "yes"),
        ("[2001:db8::1]", "shop/web:8080", "no"),
        ("2001:db8::1", "shop/web:8080", "no"),
        ("shop/secret/x", "shop/web", "2"),
        ("shop/web", "shop/api:0", "2"),
        ("shop/nobody", "shop/web", "3"),
        ("shop/web", "shop/api:grpc", "3"),
    ] {
        match expected {
            "2" | "3" => {
                let output = run(&["can", from, to]);
                let told = String::from_utf8_lossy(&output.stderr).into_owned();
                assert_eq!(output.status.code(), expected.parse().ok(), "{from} {to}: {told}");
                assert!(told.starts_with("error: "), "{told}");
            }
            expected => answers(from, to, expected),
        }
    }
    // The namespace is the command line's, or default.
    let (decision, code) = can("web", "svc/api:80", &["-n", "shop"]);
    assert_eq!((decision["allowed"].as_str(), code), (Some("yes"), Some(0)));
    assert_eq!(run(&["can", "web", "svc/api:80"]).status.code(), Some(3));
}

#[test]
fn what_decides_is_named_with_its_place() {
    let (decision, _) = can("shop/web", "data/svc/db:5432", &["--explain", "--all"]);
    let ingress = &decision["ingress"];
    assert_eq!((&ingress["tier"], &ingress["policy"]), (&"NetworkPolicy".into(), &"data/db".into()));
    assert!(ingress["source"]["file"].as_str().is_some_and(|file| file.ends_with("policies.yaml")));
    assert!(ingress["source"]["line"].as_u64().is_some_and(|line| line > 90), "{ingress}");
    let near = ingress["missing"].as_array().unwrap().iter().any(|it| it.as_str().unwrap().contains("not this peer"));
    assert!(near, "{ingress:#}");
    // The line is that of the rule.
    let (decision, _) = can("shop/api", "data/db:5432", &[]);
    let text = std::fs::read_to_string(format!("{SAMPLE}/policies.yaml")).expect("the sample");
    let rule =
        text.lines().enumerate().skip_while(|(_, line)| *line != "  name: db").find(|(_, it)| *it == "  - from:");
    assert_eq!(decision["ingress"]["source"]["line"], rule.expect("a rule").0 + 1, "{decision:#}");
    let (decision, _) = can("monitoring/prometheus", "shop/api:9090", &["--all"]);
    let ingress = &decision["ingress"];
    assert_eq!(
        (&ingress["tier"], &ingress["policy"], &ingress["rule"]),
        (&"Admin".into(), &"guard-rails".into(), &0.into())
    );
    assert_eq!(ingress["rules"].as_array().map(Vec::len), Some(1), "{ingress:#}");
    let text = String::from_utf8(run(&["can", "monitoring/prometheus", "shop/api:9090", "--explain"]).stdout).unwrap();
    assert!(text.contains("ClusterNetworkPolicy guard-rails ingress[0] \"monitoring-may-scrape\""), "{text}");
}

#[test]
fn a_map_says_the_same_in_every_form() {
    let json = report(&run(&["map", "-o", "json"]));
    let yaml: Value =
        serde_saphyr::from_str(&String::from_utf8(run(&["map", "-o", "yaml"]).stdout).unwrap()).expect("YAML");
    assert_eq!(json["connections"], yaml["connections"]);
    assert_eq!(json["entrances"], yaml["entrances"]);
    let connections = json["connections"].as_array().unwrap();
    let csv = String::from_utf8(run(&["map", "-o", "csv"]).stdout).unwrap();
    let pairs: std::collections::BTreeSet<String> =
        csv.lines().skip(1).map(|line| line.split(',').take(4).collect::<Vec<_>>().join(",")).collect();
    assert_eq!(pairs.len(), connections.len(), "{csv}");
    assert!(csv.contains("Deployment,shop/web,Deployment,shop/api,TCP,8080,yes\n"), "{csv}");
    let counted = run(&["map", "-o", "jsonpath={.connections[*].to.name}"]).stdout;
    let named = connections.iter().filter(|it| it["to"]["name"].is_string()).count();
    assert_eq!(String::from_utf8(counted).unwrap().split_whitespace().count(), named);
    let page = String::from_utf8(run(&["map", "-o", "markdown"]).stdout).unwrap();
    assert!(page.contains("| shop/web | shop/api |") || page.contains("shop/web"), "{page}");
    let entrances: Vec<_> = json["entrances"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| {
            (it["from"]["kind"].as_str().unwrap(), it["to"]["name"].as_str().unwrap(), it["allowed"].as_str().unwrap())
        })
        .collect();
    assert_eq!(entrances, [("HTTPRoute", "api", "depends"), ("Service", "web", "yes")]);
}

#[test]
fn only_what_was_asked_for_is_shown() {
    let ends = |args: &[&str]| -> Vec<(String, String)> {
        let report = report(&run(&[&["map", "-o", "json"], args].concat()));
        let name = |peer: &Value| peer["name"].as_str().unwrap_or("outside").to_owned();
        report["connections"].as_array().unwrap().iter().map(|it| (name(&it["from"]), name(&it["to"]))).collect()
    };
    assert!(ends(&["--from", "shop/deploy/web"]).iter().all(|(from, _)| from == "web"));
    assert_eq!(ends(&["--from", "shop/api", "--to", "data/"]).len(), 2);
    assert!(ends(&["--to", "internet"]).iter().all(|(_, to)| to == "outside"));
    let focus = ends(&["-n", "data"]);
    assert!(focus.iter().all(|(from, to)| ["db", "cache"].iter().any(|name| from == name || to == name)));
    assert!(ends(&["--pods"]).iter().any(|(from, to)| from == "web-6d4c-a" && to == "api-6d4c-b"));
}

/// Two pods, the first in the network of its node.
const PODS: &str = "apiVersion: v1
kind: Pod
metadata: {name: agent, namespace: a, labels: {app: agent}}
spec: {hostNetwork: true, nodeName: n1, containers: []}
status: {podIPs: [{ip: 192.168.0.1}]}
---
apiVersion: v1
kind: Pod
metadata: {name: near, namespace: a, labels: {app: near}}
spec: {nodeName: n1, containers: []}
status: {podIPs: [{ip: 10.0.0.1}]}
---
apiVersion: v1
kind: Pod
metadata: {name: far, namespace: a, labels: {app: far}}
spec: {nodeName: n2, containers: []}
status: {podIPs: [{ip: 10.0.0.2}]}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: closed, namespace: a}
spec: {podSelector: {}, policyTypes: [Ingress]}
";

fn over(input: &str, args: &[&str]) -> (Value, Option<i32>) {
    let output = run_over(&[args, &["-f", "-", "-o", "json"]].concat(), input);
    (report(&output), output.status.code())
}

#[test]
fn a_pods_own_node_reaches_it() {
    let allowed = |from: &str, to: &str| {
        let (report, _) = over(PODS, &["can", from, to, "-n", "a"]);
        report["decision"]["allowed"].as_str().unwrap().to_owned()
    };
    assert_eq!((allowed("agent", "near:80").as_str(), allowed("agent", "far:80").as_str()), ("yes", "no"));
    let (map, _) = over(PODS, &["map", "--pods"]);
    let found: Vec<_> = map["connections"].as_array().unwrap().iter().filter(|it| it["sameNode"] == true).collect();
    assert_eq!(found.len(), 1, "{map:#}");
    assert_eq!(found[0]["to"]["name"], "near");
    assert!(map["openPoints"].as_array().unwrap().iter().any(|it| it["id"] == "host-network"));
    // The analyzer's reading has no such thing.
    let (report, code) = over(PODS, &["can", "agent", "near:80", "-n", "a", "--profile", "analyzer"]);
    assert_eq!((report["decision"]["allowed"].as_str(), code), (Some("no"), Some(1)));
}

#[test]
fn answers_that_rest_on_a_profile_say_so() {
    let block = "---\napiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: block, namespace: a}\n\
                 spec: {podSelector: {matchLabels: {app: far}}, ingress: [{from: [{ipBlock: {cidr: 10.0.0.0/24}}]}]}\n";
    let input = format!("{PODS}{block}");
    let (report, code) = over(&input, &["can", "near", "far:80", "-n", "a"]);
    assert_eq!(code, Some(0));
    assert_eq!(report["decision"]["otherProfiles"][0]["profile"], "cilium", "{report:#}");
    assert_eq!(report["decision"]["otherProfiles"][0]["allowed"], "no");
    let (_, code) = over(&input, &["can", "near", "far:80", "-n", "a", "--profile", "cilium"]);
    assert_eq!(code, Some(1));
    let (map, _) = over(&input, &["map"]);
    let named = |it: &&Value| it["from"]["name"] == "near" && it["to"]["name"] == "far";
    let connection = map["connections"].as_array().unwrap().iter().find(named).expect("allowed here");
    assert_eq!(connection["byProfile"], connection["ports"], "{connection}");
    // The network plugin of the cluster chooses the profile where it is seen.
    let cilium = "---\napiVersion: apps/v1\nkind: DaemonSet\nmetadata: {name: cilium, namespace: kube-system}\n\
                  spec: {template: {spec: {hostNetwork: true, containers: []}}}\n";
    let (report, code) = over(&format!("{input}{cilium}"), &["can", "near", "far:80", "-n", "a"]);
    assert_eq!((report["profile"]["chosen"].as_str(), code), (Some("seen"), Some(1)), "{report:#}");
}

#[test]
fn policies_that_are_not_evaluated_are_never_forgotten() {
    for (selector, about_far) in [("app == 'far'", true), ("app == 'near'", false), ("what ever", true)] {
        let foreign = format!(
            "---\napiVersion: projectcalico.org/v3\nkind: NetworkPolicy\nmetadata: {{name: c, namespace: a}}\n\
             spec: {{selector: \"{selector}\"}}\n"
        );
        let (report, code) = over(&format!("{PODS}{foreign}"), &["can", "agent", "far:80", "-n", "a"]);
        let expected = if about_far { ("depends", Some(4)) } else { ("no", Some(1)) };
        assert_eq!((report["decision"]["allowed"].as_str().unwrap(), code), expected, "{selector}: {report:#}");
        assert!(report["notEvaluated"].as_array().unwrap().iter().any(|it| it["what"] == "NetworkPolicy a/c"));
    }
    let mesh = "---\napiVersion: security.istio.io/v1\nkind: AuthorizationPolicy\nmetadata: {name: m, namespace: a}\n";
    let (map, code) = over(&format!("{PODS}{mesh}"), &["map"]);
    assert_eq!(code, Some(4));
    let all = map["connections"].as_array().unwrap();
    assert!(!all.is_empty() && all.iter().all(|it| it["notEvaluated"][0] == "AuthorizationPolicy a/m"), "{map:#}");
}

#[test]
fn what_is_broken_is_told_and_never_clean() {
    let broken = "---\napiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: b, namespace: a}\n\
                  spec: {podSelector: {matchLabels: {app: far}}, ingress: [{from: [{ipBlock: {cidr: 10.0.0/8}}]}]}\n";
    let (report, code) = over(&format!("{PODS}{broken}"), &["can", "near", "far:80", "-n", "a"]);
    assert_eq!((report["decision"]["allowed"].as_str(), code), (Some("depends"), Some(4)), "{report:#}");
    assert!(report["notEvaluated"][0]["why"].as_str().unwrap().contains("\"10.0.0/8\" is no CIDR"), "{report:#}");
    let output = run_over(&["map", "-f", "-"], "{not yaml");
    assert_eq!(output.status.code(), Some(3));
    assert_eq!(run_over(&["map", "--from", "a/none", "-f", "-"], PODS).status.code(), Some(3));
    assert_eq!(run_over(&["map", "--from", "10.0.0.1", "-f", "-"], PODS).status.code(), Some(2));
}

const COVERED: &str = r#"
apiVersion: v1
kind: Namespace
metadata: {name: shop}
---
apiVersion: v1
kind: Pod
metadata: {name: web, namespace: shop, labels: {app: web}}
spec: {nodeName: n, containers: [{name: c, ports: [{containerPort: 8080}]}]}
status: {phase: Running, podIP: 10.0.0.1}
---
apiVersion: v1
kind: Pod
metadata: {name: db, namespace: shop, labels: {app: db}}
spec: {nodeName: n, containers: [{name: c}]}
status: {phase: Running, podIP: 10.0.0.2}
---
apiVersion: v1
kind: Pod
metadata: {name: coredns, namespace: kube-system, labels: {k8s-app: kube-dns}}
spec: {nodeName: n, containers: [{name: c}]}
status: {phase: Running, podIP: 10.0.0.3}
---
apiVersion: v1
kind: Pod
metadata: {name: proxy, namespace: kube-system}
spec: {nodeName: n, hostNetwork: true, containers: [{name: c}]}
status: {phase: Running, podIP: 192.168.0.1}
---
apiVersion: v1
kind: Service
metadata: {name: web, namespace: shop}
spec: {type: LoadBalancer, selector: {app: web}, ports: [{port: 80, targetPort: 8080}]}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: db, namespace: shop}
spec: {podSelector: {matchLabels: {app: db}}, policyTypes: [Ingress, Egress], ingress: [{from: [{podSelector: {}}]}]}
"#;

/// Ingress and egress of an object.
fn isolation<'r>(report: &'r Value, kind: &str, name: &str) -> (&'r str, &'r str) {
    let lines = report["isolation"].as_array().expect("lines");
    let line = lines.iter().find(|line| line["object"]["kind"] == kind && line["object"]["name"] == name);
    let line = line.unwrap_or_else(|| panic!("{kind} {name} is in {report:#}"));
    (line["ingress"].as_str().expect("a word"), line["egress"].as_str().expect("a word"))
}

#[test]
fn coverage_tells_isolation_entrances_and_who_reaches_what_matters() {
    let output = run_over(&["coverage", "-f", "-", "-o", "json"], COVERED);
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stdout));
    let report = report(&output);
    assert_eq!(isolation(&report, "Pod", "db"), ("restricted", "denied"));
    assert_eq!(isolation(&report, "Pod", "web"), ("open", "open"));
    assert_eq!(isolation(&report, "Namespace", "shop"), ("open", "open"), "as open as its most open pod");
    let target = |id: &str| {
        let target = report["targets"].as_array().expect("targets").iter().find(|it| it["id"] == id).expect("a target");
        let names = |field: &str| -> Vec<&str> {
            target[field].as_array().expect("peers").iter().map(|peer| peer["name"].as_str().expect("a name")).collect()
        };
        (names("reachedBy"), names("keptFrom"), target["unknown"].is_string())
    };
    assert_eq!(target("kube-dns"), (vec!["coredns", "proxy", "web"], vec!["db"], false));
    assert_eq!(target("metadata"), (vec!["coredns", "proxy", "web"], vec!["db"], false));
    assert!(target("api-server").2, "no Service kubernetes is in the input");
    let ids: Vec<&str> =
        report["findings"].as_array().expect("findings").iter().map(|it| it["id"].as_str().expect("an id")).collect();
    for id in ["exposed", "ingress-open", "egress-open", "no-default-deny", "dns-out-of-reach", "metadata-reachable"] {
        assert!(ids.contains(&id), "{id} is in {ids:?}");
    }
    // Of three pods outside of the host's network one is isolated: 40/3 + 30/3 + 0 of 20 + 10/3.
    assert_eq!(report["score"]["value"], 26);

    let denied = COVERED.replace("podSelector: {matchLabels: {app: db}}", "podSelector: {}");
    let output = run_over(&["coverage", "-f", "-", "-o", "json"], &denied);
    let report: Value = serde_json::from_slice(&output.stdout).expect("a report");
    let shop = report["isolation"].as_array().expect("lines").iter().find(|it| it["object"]["name"] == "shop").unwrap();
    assert_eq!(shop["defaultDeny"], serde_json::json!({"ingress": true, "egress": true}));
    assert_eq!(isolation(&report, "Pod", "web"), ("restricted", "denied"));
    let failing = run_over(&["coverage", "-f", "-", "--fail-on", "medium"], COVERED);
    assert_eq!(failing.status.code(), Some(1));
}

#[test]
fn coverage_names_what_is_not_evaluated_where_it_matters() {
    let foreign = |namespace: &str, app: &str| {
        format!(
            "{COVERED}---\napiVersion: cilium.io/v2\nkind: CiliumNetworkPolicy\nmetadata: {{name: l7, namespace: {namespace}}}\n\
             spec: {{endpointSelector: {{matchLabels: {{{app}}}}}}}\n"
        )
    };
    let names = |input: &str, target: &str| -> Vec<(String, usize)> {
        let (report, code) = over(input, &["coverage"]);
        assert_eq!(code, Some(4));
        let target = report["targets"].as_array().unwrap().iter().find(|it| it["id"] == target).unwrap();
        let own = target["notEvaluated"].as_array().map_or(0, Vec::len);
        let peers = target["reachedBy"].as_array().unwrap().iter().chain(target["keptFrom"].as_array().unwrap());
        let named = peers.filter(|peer| peer["notEvaluated"].is_array());
        let mut names: Vec<(String, usize)> = named.map(|it| (it["name"].as_str().unwrap().to_owned(), own)).collect();
        names.sort();
        names
    };
    assert_eq!(names(&foreign("shop", "app: web"), "metadata"), [("web".to_owned(), 0)]);
    assert_eq!(names(&foreign("shop", "app: nobody"), "metadata"), []);
    // One about the servers of names may keep anybody out.
    assert_eq!(names(&foreign("kube-system", "k8s-app: kube-dns"), "kube-dns"), [("coredns".to_owned(), 1)]);
}

/// Pairs and ports of the changes, with `+` for what becomes allowed.
fn changes(report: &Value) -> Vec<String> {
    let end = |peer: &Value| match peer["name"].as_str() {
        Some(name) => name.to_owned(),
        None => peer["ranges"].to_string(),
    };
    let list = report["changes"].as_array().expect("changes").iter();
    list.map(|it| {
        let sign = if it["change"] == "allowed" { '+' } else { '-' };
        let more = if it["somePods"] == true { " some" } else { "" };
        format!("{sign} {} > {} {}{more}", end(&it["from"]), end(&it["to"]), it["ports"])
    })
    .collect()
}

fn diff(before: &str, after: &str, more: &[&str]) -> (Vec<String>, Option<i32>) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).expect("a file");
        path.display().to_string()
    };
    let (before, after) = (path("a.yaml", before), path("b.yaml", after));
    let output = run_over(&[&["diff", &before, &after, "-o", "json"], more].concat(), "");
    (changes(&report(&output)), output.status.code())
}

#[test]
fn diff_tells_what_becomes_allowed_and_denied() {
    assert_eq!(diff(COVERED, COVERED, &[]), (Vec::new(), Some(0)));
    let label = COVERED.replace("labels: {app: web}", "labels: {app: db}");
    let (there, code) = diff(COVERED, &label, &[]);
    assert_eq!(code, Some(1));
    assert!(there.iter().all(|change| change.starts_with('-')) && !there.is_empty(), "{there:?}");
    let (back, code) = diff(&label, COVERED, &["--fail-on", "allowed"]);
    assert_eq!(code, Some(1));
    let mirrored: Vec<String> = there.iter().map(|change| change.replacen('-', "+", 1)).collect();
    assert_eq!(back, mirrored);
    // What only becomes denied is no reason to fail where only what becomes allowed is.
    assert_eq!(diff(COVERED, &label, &["--fail-on", "allowed"]).1, Some(0));
    // Policies alone are put on the pods of the other side.
    let policy = COVERED.rsplit("---").next().expect("the last document");
    assert_eq!(diff(COVERED, policy, &[]), (Vec::new(), Some(0)));
    let (opened, _) = diff(COVERED, &policy.replace("[Ingress, Egress]", "[Ingress]"), &[]);
    assert!(opened.iter().any(|change| change.starts_with("+ db > web ")), "{opened:?}");
    // Each change is a finding, for code scanning and test pages.
    let folder = tempfile::tempdir().expect("a folder");
    let opened = folder.path().join("opened.yaml").display().to_string();
    std::fs::write(&opened, COVERED.replace("[Ingress, Egress]", "[Ingress]")).expect("a file");
    let before = folder.path().join("before.yaml").display().to_string();
    std::fs::write(&before, COVERED).expect("a file");
    let sarif = run_over(&["diff", &before, &opened, "-o", "sarif"], "");
    let sarif: Value = serde_json::from_slice(&sarif.stdout).expect("SARIF");
    let results = sarif["runs"][0]["results"].as_array().expect("results");
    assert!(!results.is_empty() && results.iter().all(|it| it["ruleId"] == "connection-allowed"), "{sarif:#}");
    let junit = run_over(&["diff", &opened, &before, "-o", "junit"], "");
    assert!(String::from_utf8_lossy(&junit.stdout).contains("becomes denied: shop/db to shop/web on all ports"));
    let page = run_over(&["diff", SAMPLE, SAMPLE, "-o", "markdown"], "");
    assert!(String::from_utf8_lossy(&page.stdout).starts_with("# What changes from "));
}

#[test]
fn diff_sees_that_only_some_pods_of_a_workload_change() {
    let pod = |name: &str, labels: &str| {
        format!(
            "---\napiVersion: v1\nkind: Pod\nmetadata: {{name: {name}, namespace: a, labels: {{{labels}}}, \
             ownerReferences: [{{kind: ReplicaSet, name: set, apiVersion: apps/v1, uid: u, controller: true}}]}}\n\
             spec: {{containers: [{{name: c}}]}}\n"
        )
    };
    let rest = "---\napiVersion: v1\nkind: Pod\nmetadata: {name: client, namespace: a}\nspec: {containers: [{name: c}]}\n\
                ---\napiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: p, namespace: a}\n\
                spec: {podSelector: {matchLabels: {closed: y}}, policyTypes: [Ingress]}\n";
    let open = format!("{}{}{rest}", pod("one", "x: y"), pod("two", "x: y"));
    let half = format!("{}{}{rest}", pod("one", "x: y"), pod("two", "closed: y"));
    let (there, _) = diff(&open, &half, &[]);
    assert!(there.iter().any(|change| change.starts_with("- client > set ") && change.ends_with("some")), "{there:?}");
    let (back, _) = diff(&half, &open, &[]);
    assert!(back.iter().any(|change| change.starts_with("+ client > set ") && change.ends_with("some")), "{back:?}");
    assert_eq!(diff(&half, &half, &[]), (Vec::new(), Some(0)));
}

#[test]
#[allow(clippy::print_stderr, reason = "a test that is skipped says so")]
fn diff_reads_a_revision_of_git() {
    let folder = tempfile::tempdir().expect("a folder");
    let git = |args: &[&str]| {
        let done = Command::new("git").args(args).current_dir(folder.path()).output();
        done.is_ok_and(|output| output.status.success())
    };
    if !git(&["init", "-q"]) {
        eprintln!("skipped: there is no git");
        return;
    }
    std::fs::create_dir(folder.path().join("k8s")).expect("a folder");
    let file = folder.path().join("k8s/all.yaml");
    std::fs::write(&file, COVERED).expect("a file");
    assert!(git(&["add", "."]));
    assert!(git(&["-c", "user.name=t", "-c", "user.email=t@example.com", "commit", "-q", "-m", "first"]));
    std::fs::write(&file, COVERED.replace("[Ingress, Egress]", "[Ingress]")).expect("a file");
    let diff = |before: &str| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_kubectl-netpolcheck"));
        command.args(["diff", before, "k8s", "-o", "json"]).current_dir(folder.path()).env("HOME", "/nonexistent");
        command.stdin(Stdio::null()).output().expect("the binary runs")
    };
    let output = diff("git:HEAD:k8s");
    assert_eq!(output.status.code(), Some(1), "{}", String::from_utf8_lossy(&output.stderr));
    let opened = changes(&report(&output));
    assert!(opened.iter().all(|change| change.starts_with("+ db > ")), "{opened:?}");
    assert_eq!(diff("git:nobody:k8s").status.code(), Some(3));
    assert_eq!(diff("git:HEAD:elsewhere").status.code(), Some(3));
}
