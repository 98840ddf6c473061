//! `kubectl netpolcheck map` and `can` on a real cluster, through the real kubectl.

use patchkit_test_support::{Cluster, Permission};
use serde_json::Value;

/// The ports on which one pod reaches another.
fn ports(report: &Value, from: &str, to: &str) -> Option<Value> {
    let connections = report["connections"].as_array().expect("connections");
    let found = connections.iter().find(|it| it["from"]["name"] == from && it["to"]["name"] == to)?;
    Some(found["ports"].clone())
}

pub fn says_what_policies_allow_and_sees_a_changed_label() {
    let cluster = Cluster::own_with_a_node();
    let namespace = cluster.namespace("netpolcheck");
    let name = namespace.name();
    let manifest =
        std::fs::read(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/live/netpolcheck.yaml")).expect("the sample");
    let _ = cluster.kubectl(&["apply", "-n", name, "-f", "-"]).input(manifest).output().exits(0);
    let _ = cluster.wait(&["-n", name, "pod/web", "pod/db"], "condition=Ready");
    let _ = cluster.wait(&["crd/ciliumnetworkpolicies.cilium.io"], "condition=Established");
    cluster.wait_for("an endpoint of the Service", || {
        let slices = cluster.kubectl(&["get", "endpointslices", "-n", name, "-o", "json"]).output().exits(0).json();
        slices["items"][0]["endpoints"][0]["conditions"]["ready"].as_bool().filter(|ready| *ready)
    });

    let map = || cluster.kubectl(&["netpolcheck", "map", "-n", name, "-o", "json"]).output().exits(0).report();
    let report = map();
    let sql = serde_json::json!([{"protocol": "TCP", "port": 5432, "endPort": 5432}]);
    assert_eq!(ports(&report, "web", "db"), Some(sql), "{report:#}");
    assert!(ports(&report, "db", "web").is_some_and(|ports| ports.as_array().unwrap().len() == 3), "{report:#}");

    // The namespace of the command line is that of names without one.
    let can = |from: &str, to: &str| {
        cluster.kubectl(&["netpolcheck", "can", from, to, "-n", name, "--explain", "-o", "json"]).output()
    };
    let yes = can("web", "svc/db:5432").exits(0).report();
    assert_eq!(yes["decision"]["ingress"]["policy"], format!("{name}/db"), "{yes:#}");
    assert_eq!(yes["decision"]["ingress"]["rule"], 0);
    let no = can("internet", "db:sql").exits(1).report();
    assert!(no["decision"]["ingress"]["missing"][0].as_str().is_some_and(|it| it.contains("isolated")), "{no:#}");

    let _ = cluster.kubectl(&["label", "pod", "web", "-n", name, "--overwrite", "app=other"]).output().exits(0);
    assert_eq!(ports(&map(), "web", "db"), None);
    let _ = can("web", "db:5432/TCP").exits(1);

    // A policy that is not evaluated leaves every answer about its pods open.
    let foreign = "apiVersion: cilium.io/v2\nkind: CiliumNetworkPolicy\nmetadata: {name: l7}\n\
                   spec: {endpointSelector: {matchLabels: {app: db}}}\n";
    let _ = cluster.kubectl(&["apply", "-n", name, "-f", "-"]).input(foreign).output().exits(0);
    let open = can("web", "db:5432").exits(4).report();
    assert_eq!(open["decision"]["allowed"], "depends", "{open:#}");
    assert!(open["decision"]["reasons"][0].as_str().is_some_and(|it| it.contains("CiliumNetworkPolicy")), "{open:#}");
    let partly = cluster.kubectl(&["netpolcheck", "map", "-n", name, "-o", "json"]).output().exits(4).report();
    let remarked = partly["connections"].as_array().unwrap().iter().filter(|it| it["from"]["name"] == "db");
    assert!(remarked.clone().count() > 0 && remarked.clone().all(|it| it["notEvaluated"][0].is_string()), "{partly:#}");
    let _ = cluster.kubectl(&["delete", "crd", "ciliumnetworkpolicies.cilium.io"]).output().exits(0);
}

pub fn does_not_take_what_it_may_not_read_for_nothing() {
    let cluster = Cluster::shared();
    let namespace = cluster.namespace("netpol-denied");
    let pods = Permission { groups: &[""], resources: &["pods", "namespaces"], verbs: &["list"] };
    let user = namespace.user("some", &[pods]);
    let run = cluster.kubectl(&["netpolcheck", "map", "-o", "json"]).env("KUBECONFIG", user);
    let report = run.output().exits(4).report();
    let left_out = report["notEvaluated"].as_array().unwrap();
    assert!(left_out.iter().any(|it| it["what"] == "networkpolicies.networking.k8s.io"), "{report:#}");
    // Nothing is allowed without the remark that there may be policies.
    let connections = report["connections"].as_array().unwrap();
    let remarked = |connection: &Value| {
        let names = connection["notEvaluated"].as_array().map(Vec::as_slice).unwrap_or_default();
        names.iter().any(|name| *name == "networkpolicies.networking.k8s.io (not read)")
    };
    assert!(connections.iter().all(remarked), "{report:#}");
}

pub fn suggested_policies_are_applied_and_taken_back() {
    let cluster = Cluster::shared();
    let namespace = cluster.namespace("netpol-suggest");
    let name = namespace.name();
    let pod = |name: &str| {
        format!(
            "---\napiVersion: v1\nkind: Pod\nmetadata: {{name: {name}, labels: {{app: {name}}}}}\n\
             spec: {{containers: [{{name: c, image: \"registry.example/c:1\"}}]}}\n"
        )
    };
    namespace.apply(&["web", "api", "db"].map(pod).concat());
    let suggest = |flows: &str, args: &[&str]| {
        let args = [&["netpolcheck", "suggest", "--flows", "-"], args].concat();
        namespace.kubectl(&args).input(flows.to_owned()).output()
    };
    let policies = || -> Vec<(String, Value)> {
        let list = namespace.kubectl(&["get", "networkpolicies", "-o", "json"]).output().exits(0).json();
        let items = list["items"].as_array().expect("items").iter();
        items.map(|it| (it["metadata"]["name"].as_str().unwrap_or_default().to_owned(), it["spec"].clone())).collect()
    };
    let can = |from: &str, to: &str| namespace.kubectl(&["netpolcheck", "can", from, to]).output();
    let flows = "from,to,port\nweb,api,8080\napi,db,5432\n";

    // Nothing is changed unasked, nor where nobody is there to be asked.
    let _ = suggest(flows, &[]).exits(0);
    let asked = suggest(flows, &["--apply"]).exits(2);
    assert!(asked.stderr.contains("--yes") && asked.stderr.contains("Becomes denied"), "{}", asked.stderr);
    assert_eq!(policies(), []);
    // Nor where it would deny what is needed.
    let admitted = suggest("nobody,api,8080\nweb,api,8080\n", &["--apply", "--yes", "-o", "json"]).exits(4).report();
    assert_eq!(admitted["flows"]["unmatched"].as_array().map(Vec::len), Some(1), "{admitted:#}");
    let _ = namespace.kubectl(&["netpolcheck", "suggest", "--undo", "--yes"]).output().exits(0);
    assert_eq!(policies(), []);

    // What is suggested can be piped to kubectl, and the server takes it.
    let manifests = suggest(flows, &["-o", "manifests"]).exits(0).stdout;
    let _ = namespace.kubectl(&["apply", "--dry-run=server", "-f", "-"]).input(manifests).output().exits(0);

    let report = suggest(flows, &["--apply", "--yes", "-o", "json"]).exits(0).report();
    let outcomes = |report: &Value| -> Vec<String> {
        let applied = report["applied"].as_array().expect("outcomes").iter();
        applied.map(|it| it["outcome"].as_str().unwrap_or_default().to_owned()).collect()
    };
    assert_eq!(outcomes(&report), ["created"; 4], "{report:#}");
    assert!(report["changes"].as_array().is_some_and(|changes| !changes.is_empty()), "{report:#}");
    let _ = can("web", "api:8080").exits(0);
    let _ = can("web", "db:5432").exits(1);
    let first = policies();

    // Again: nothing to do. With other flows: one is replaced, and each undo goes one step back.
    let report = suggest(flows, &["--apply", "--yes", "-o", "json"]).exits(0).report();
    assert_eq!(outcomes(&report), ["unchanged"; 4], "{report:#}");
    let report = suggest(&format!("{flows}web,db,5432\n"), &["--apply", "--yes", "-o", "json"]).exits(0).report();
    assert_eq!(outcomes(&report), ["unchanged", "replaced", "replaced", "unchanged"], "{report:#}");
    let _ = can("web", "db:5432").exits(0);
    let run = report["run"].as_str().expect("a run").to_owned();
    let _ = namespace.kubectl(&["netpolcheck", "suggest", &format!("--undo={run}"), "--yes"]).output().exits(0);
    assert_eq!(policies(), first);

    // A person is asked with the name of the cluster, and a policy that somebody else wrote is left alone.
    let mut terminal = namespace.kubectl(&["netpolcheck", "suggest", "--undo"]).in_terminal(200);
    terminal.until("Take 4 policies back in cluster ");
    terminal.types("y\n");
    let shown = terminal.end();
    assert_eq!(shown.code, Some(0), "{shown:?}");
    assert_eq!(policies(), []);
    let own = "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: netpolcheck-web}\n\
               spec: {podSelector: {matchLabels: {app: none}}}\n";
    namespace.apply(own);
    let report = suggest(flows, &["--apply", "--yes", "-o", "json"]).exits(0).report();
    let names: Vec<&str> = report["policies"].as_array().unwrap().iter().filter_map(|it| it["name"].as_str()).collect();
    assert!(names.contains(&"netpolcheck-web-2") && !names.contains(&"netpolcheck-web"), "{names:?}");
    let _ = namespace.kubectl(&["netpolcheck", "suggest", "--undo", "--yes"]).output().exits(0);
    assert_eq!(policies().len(), 1, "what was there stays: {:?}", name);
}

/// What an apply brings: one more workload, and a policy that lets only that one in.
const NEW: &str = r#"
apiVersion: apps/v1
kind: Deployment
metadata: {name: batch}
spec:
  replicas: 1
  selector: {matchLabels: {app: batch}}
  template: {metadata: {labels: {app: batch}}, spec: {containers: [{name: batch, image: "registry.example/batch:1"}]}}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: db}
spec:
  podSelector: {matchLabels: {app: db}}
  ingress:
  - from: [{podSelector: {matchLabels: {app: batch}}}]
    ports: [{port: sql}]
"#;

pub fn tells_what_an_apply_changes_before_it_is_made() {
    let cluster = Cluster::own_with_a_node();
    let namespace = cluster.namespace("netpol-diff");
    let name = namespace.name();
    let manifest =
        std::fs::read(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/live/netpolcheck.yaml")).expect("the sample");
    let _ = cluster.kubectl(&["apply", "-n", name, "-f", "-"]).input(manifest).output().exits(0);
    let _ = cluster.wait(&["-n", name, "pod/web", "pod/db"], "condition=Ready");
    let folder = tempfile::tempdir().expect("a folder");
    let kinds = "pods,deployments,replicasets,networkpolicies,namespaces,nodes,services,endpointslices";
    let dump = |file: &str, kinds: &str| {
        let path = folder.path().join(file);
        let text = cluster.kubectl(&["get", kinds, "-A", "-o", "yaml"]).output().exits(0).stdout;
        std::fs::write(&path, text).expect("a file");
        path.display().to_string()
    };
    let diff = |args: &[&str], code: i32| -> Vec<Value> {
        let run = cluster.kubectl(&[&["netpolcheck", "diff", "-o", "json"], args].concat());
        run.output().exits(code).report()["changes"].as_array().expect("changes").clone()
    };

    let coverage = cluster.kubectl(&["netpolcheck", "coverage", "-o", "json"]).output().exits(0).report();
    let of_db = |it: &&Value| it["object"]["kind"] == "Pod" && it["object"]["name"] == "db";
    let line = coverage["isolation"].as_array().unwrap().iter().find(of_db).expect("a line");
    assert_eq!((&line["ingress"], &line["egress"]), (&"restricted".into(), &"open".into()), "{line}");

    // The cluster and what kubectl writes of it are the same.
    let before = dump("before.yaml", kinds);
    assert_eq!(diff(&["live", &before], 0), Vec::<Value>::new());
    let policies = folder.path().join("policies");
    std::fs::create_dir(&policies).expect("a folder");
    let _ = dump("policies/all.yaml", "networkpolicies");
    let policies = policies.display().to_string();
    assert_eq!(diff(&["live", &policies], 0), Vec::<Value>::new());

    // What an apply would change, and then has changed.
    let foretold = {
        let run = cluster.kubectl(&["netpolcheck", "diff", "--dry-run", "-f", "-", "-n", name, "-o", "json"]);
        run.input(NEW).output().exits(1).report()["changes"].as_array().expect("changes").clone()
    };
    let named = |kind: &str, from: &str, to: &str| {
        foretold.iter().any(|it| it["change"] == kind && it["from"]["name"] == from && it["to"]["name"] == to)
    };
    assert!(named("denied", "web", "db") && named("allowed", "batch", "db"), "{foretold:#?}");
    assert_eq!(diff(&["live", &before], 0), Vec::<Value>::new(), "nothing was applied");
    let _ = cluster.kubectl(&["apply", "-n", name, "-f", "-"]).input(NEW).output().exits(0);
    let _ = cluster.wait(&["-n", name, "deployment/batch"], "condition=Available");
    assert_eq!(diff(&[&before, "live"], 1), foretold);

    // One label.
    let before = dump("label.yaml", kinds);
    let _ = cluster.kubectl(&["label", "pod", "web", "-n", name, "--overwrite", "app=batch"]).output().exits(0);
    let found = diff(&[&before, "live", "--fail-on", "allowed"], 1);
    assert_eq!(found.len(), 1, "{found:#?}");
    assert_eq!(
        (&found[0]["change"], &found[0]["from"]["name"], &found[0]["to"]["name"]),
        (&"allowed".into(), &"web".into(), &"db".into())
    );

    // A policy that means nobody.
    let lint = |more: &[&str], code: i32| {
        let run = cluster.kubectl(&[&["netpolcheck", "lint", "-o", "json"], more].concat());
        run.output().exits(code).report()["findings"].as_array().expect("findings").clone()
    };
    assert_eq!(lint(&["--fail-on", "low"], 0), Vec::<Value>::new());
    let wrong = NEW.rsplit("---").next().expect("the policy").replace("app: db", "app: bd");
    let _ = cluster.kubectl(&["apply", "-n", name, "-f", "-"]).input(wrong).output().exits(0);
    let found = lint(&["--fail-on", "medium"], 1);
    assert_eq!(
        (&found[0]["id"], &found[0]["object"]["namespace"]),
        (&"subject-matches-nothing".into(), &name.into()),
        "{found:#?}"
    );
}
