//! `kubectl drainsafe plan` and `check` on a real cluster, through the real kubectl.

use std::path::Path;

use patchkit_test_support::{Cluster, ClusterOptions, Output, Permission};
use serde_json::Value;

const NODES: &str = "
apiVersion: v1
kind: List
items:
- {apiVersion: v1, kind: Node, metadata: {name: plan-a, labels: {topology.kubernetes.io/zone: a}}}
- {apiVersion: v1, kind: Node, metadata: {name: plan-b, labels: {topology.kubernetes.io/zone: b}}}
- {apiVersion: v1, kind: Node, metadata: {name: plan-c, labels: {topology.kubernetes.io/zone: c}}}
";

/// A Deployment whose pods are spread over the nodes under a budget of one, one with a single replica under a
/// budget that never lets it go, and a Service.
const SHOP: &str = "
apiVersion: v1
kind: List
items:
- {apiVersion: v1, kind: Namespace, metadata: {name: shop}}
- apiVersion: apps/v1
  kind: Deployment
  metadata: {name: web, namespace: shop}
  spec:
    replicas: 3
    selector: {matchLabels: {app: web}}
    template:
      metadata: {labels: {app: web}}
      spec:
        terminationGracePeriodSeconds: 5
        topologySpreadConstraints:
        - {maxSkew: 1, topologyKey: kubernetes.io/hostname, whenUnsatisfiable: DoNotSchedule, nodeTaintsPolicy: Honor, labelSelector: {matchLabels: {app: web}}}
        containers: [{name: web, image: registry.example/web:1, resources: {requests: {cpu: 100m}}, readinessProbe: {tcpSocket: {port: 80}}}]
- apiVersion: apps/v1
  kind: Deployment
  metadata: {name: single, namespace: shop}
  spec:
    replicas: 1
    selector: {matchLabels: {app: single}}
    template:
      metadata: {labels: {app: single}}
      spec:
        nodeSelector: {topology.kubernetes.io/zone: b}
        containers: [{name: single, image: registry.example/single:1, resources: {requests: {cpu: 100m}}}]
- {apiVersion: policy/v1, kind: PodDisruptionBudget, metadata: {name: web, namespace: shop}, spec: {maxUnavailable: 1, selector: {matchLabels: {app: web}}}}
- {apiVersion: policy/v1, kind: PodDisruptionBudget, metadata: {name: single, namespace: shop}, spec: {minAvailable: 1, selector: {matchLabels: {app: single}}}}
- {apiVersion: v1, kind: Service, metadata: {name: web, namespace: shop}, spec: {selector: {app: web}, ports: [{port: 80}]}}
";

/// A cluster of its own, since its verdicts speak of all that is in it.
fn shop() -> std::sync::Arc<Cluster> {
    let cluster = std::sync::Arc::new(Cluster::own(&ClusterOptions::new()));
    // All of them first, or the pods would be spread over those that are there.
    cluster.apply(NODES);
    let _ = cluster.wait(&["nodes", "--all"], "condition=Ready").exits(0);
    cluster.wait_for("the taints of new nodes to go", || {
        let taints = cluster.kubectl(&["get", "nodes", "-o", "jsonpath={.items[*].spec.taints}"]).output();
        taints.stdout.trim().is_empty().then_some(())
    });
    cluster.apply(SHOP);
    for name in ["web", "single"] {
        let _ = cluster.wait(&["deployment", name, "-n", "shop"], "condition=Available").exits(0);
    }
    // The disruption controller has seen the pods.
    cluster.wait_for("the budgets to be worked out", || {
        let args = ["get", "pdb", "-n", "shop", "-o", "jsonpath={.items[*].status.currentHealthy}"];
        (cluster.kubectl(&args).output().stdout == "1 3").then_some(())
    });
    cluster
}

fn plan(cluster: &Cluster, args: &[&str]) -> Output {
    cluster.kubectl(&["drainsafe", "plan"]).args(args).output()
}

#[track_caller]
fn pod<'r>(report: &'r Value, prefix: &str) -> &'r Value {
    let pods = report["drain"]["pods"].as_array().map(Vec::as_slice).unwrap_or_default();
    let found = pods.iter().find(|pod| pod["name"].as_str().is_some_and(|name| name.starts_with(prefix)));
    found.unwrap_or_else(|| panic!("no pod {prefix} in {report:#}"))
}

pub fn tells_what_a_drain_would_do() {
    let cluster = shop();
    // One node can spare its pod; the other two take it, as far as the spread allows.
    let report = plan(&cluster, &["plan-a", "-o", "json"]).exits(0).report();
    assert_eq!(report["drain"]["verdict"], "safe", "{report:#}");
    let web = pod(&report, "web-");
    assert_eq!(
        (&web["action"], &web["budgets"][0], &web["owner"]["name"]),
        (&"evict".into(), &"web".into(), &"web".into())
    );
    assert!(["plan-b", "plan-c"].contains(&web["destination"].as_str().unwrap_or_default()), "{web:#}");
    assert_eq!(web["rejected"][0]["node"], "plan-a", "{web:#}");
    assert_eq!(web["rejected"][0]["filter"], "NodeUnschedulable", "{web:#}");
    assert_eq!(report["drain"]["budgets"][0]["allowedNow"], 1, "{report:#}");
    assert!(
        report["drain"]["predictedSeconds"].as_u64().is_some_and(|seconds| (5..=7).contains(&seconds)),
        "{report:#}"
    );

    // The single replica never goes, and two nodes hold what the third can take.
    let report = plan(&cluster, &["plan-b", "-o", "json"]).exits(1).report();
    let single = pod(&report, "single-");
    assert_eq!((&single["action"], &single["blockedFor"]), (&"blocked".into(), &"never".into()), "{single:#}");
    assert!(single["canSurge"] == true, "{single:#}");
    assert!(
        report["findings"].as_array().is_some_and(|all| all.iter().any(|it| it["id"] == "budget-never")),
        "{report:#}"
    );

    // Nothing was changed by any of it.
    let cordoned = cluster.kubectl(&["get", "nodes", "-o", "jsonpath={.items[*].spec.unschedulable}"]).output();
    assert_eq!(cordoned.stdout.trim(), "");

    by_label_and_in_every_form(&cluster);
    whole_cluster(&cluster);
    with_partial_rights(&cluster);
}

fn by_label_and_in_every_form(cluster: &Cluster) {
    let select = ["-l", "topology.kubernetes.io/zone in (a,c)", "--max-parallel", "1"];
    let report = plan(cluster, &[&select[..], &["-o", "json"]].concat()).report();
    let nodes = report["drain"]["nodes"].as_array().expect("nodes");
    assert_eq!(nodes.iter().map(|node| &node["wave"]).collect::<Vec<_>>(), [&Value::from(1), &Value::from(2)]);
    for width in [80, 200] {
        let shown = cluster.kubectl(&["drainsafe", "plan", "plan-b"]).in_terminal(width).end();
        assert_eq!(shown.code, Some(1));
        let long: Vec<&String> = shown.lines.iter().filter(|line| line.chars().count() > usize::from(width)).collect();
        assert!(long.is_empty(), "wider than {width}: {long:#?}");
        assert!(shown.lines.iter().any(|line| line.contains("blocked")), "{}", shown.lines.join("\n"));
        assert!(shown.raw.contains("\u{1b}["), "no colour");
    }
    let piped = plan(cluster, &["plan-b"]).exits(1);
    assert!(!piped.stdout.contains('\u{1b}') && piped.stdout.contains("Verdict  blocked"), "{}", piped.stdout);
    let page = plan(cluster, &["plan-b", "-o", "markdown"]).exits(1);
    assert!(page.stdout.starts_with("# Drain of plan-b"), "{}", page.stdout);
    let wide = plan(cluster, &["plan-b", "-o", "wide"]).exits(1);
    assert!(wide.stdout.contains("Deployment/single"), "{}", wide.stdout);
}

fn whole_cluster(cluster: &Cluster) {
    let report = cluster.kubectl(&["drainsafe", "check", "-o", "json"]).output().exits(1).report();
    assert_eq!(report["obstacles"]["nodes"].as_array().map(Vec::len), Some(3));
    let ids: Vec<&str> =
        report["findings"].as_array().expect("findings").iter().map(|it| it["id"].as_str().expect("an id")).collect();
    assert!(ids.contains(&"budget-never") && ids.contains(&"single-replica"), "{ids:?}");
}

/// Who may not see all of it is never told that a drain is safe.
fn with_partial_rights(cluster: &Cluster) {
    let namespace = cluster.namespace("partial");
    let list = |groups, resources| Permission { groups, resources, verbs: &["list"] };
    let core = list(&[""], &["nodes", "pods", "namespaces", "services"]);
    let workloads = list(&["apps", "batch"], &["*"]);
    let budgets = list(&["policy"], &["poddisruptionbudgets"]);
    let ask = |user: &str, may: &[Permission<'_>]| {
        let kubeconfig = namespace.user(user, may);
        cluster.kubectl(&["drainsafe", "plan", "plan-a", "-o", "json"]).env("KUBECONFIG", kubeconfig).output()
    };
    let names = |report: &Value| -> Vec<String> {
        let all = report["notEvaluated"].as_array().expect("notEvaluated");
        all.iter().map(|it| it["what"].as_str().expect("a name").to_owned()).collect()
    };
    let report = ask("without-budgets", &[core, workloads]).exits(4).report();
    assert_eq!(report["drain"]["verdict"], "not-proven", "{report:#}");
    assert!(names(&report).contains(&"poddisruptionbudgets.policy".to_owned()), "{report:#}");

    let report = ask("without-workloads", &[core, budgets]).exits(4).report();
    assert_eq!(report["drain"]["verdict"], "not-proven", "{report:#}");
    assert!(names(&report).contains(&"deployments.apps".to_owned()), "{report:#}");

    let blind = ask("without-pods", &[list(&[""], &["nodes"])]).exits(3);
    assert!(blind.stderr.contains("the pods cannot be seen: Forbidden"), "{}", blind.stderr);
    assert_eq!(blind.stdout, "");
}

pub fn ends_with_the_exit_codes_of_the_contract() {
    let cluster = Cluster::shared();
    let _ = plan(&cluster, &[]).exits(2);
    let _ = plan(&cluster, &["plan-a", "-l", "a=b"]).exits(2);
    let _ = plan(&cluster, &["plan-a", "-o", "nonsense"]).exits(2);
    let missing = plan(&cluster, &["no-such-node"]).exits(3);
    assert!(missing.stderr.contains("nodes \"no-such-node\" not found"), "{}", missing.stderr);
    let nobody = plan(&cluster, &["plan-a", "--server=https://127.0.0.1:1"]).exits(3);
    assert!(nobody.stderr.contains("was refused"), "{}", nobody.stderr);
    // A dump of the cluster gives the same answer as the cluster, without a connection.
    let sample = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/old-minor");
    let from_files = plan(
        &cluster,
        &["web-5", "--ignore-daemonsets", "-f", &sample.to_string_lossy(), "--server=https://127.0.0.1:1"],
    );
    let _ = from_files.exits(0);
}
