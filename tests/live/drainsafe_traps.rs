//! The twenty traps of a drain, one test each, on a real control plane: what is refused, what is waited for, and what a
//! run leaves behind. Number 7 is `drainsafe_node::moves_a_set_one_pod_after_the_other`, 13
//! `waits_for_volumes_to_be_detached` and 20 `leaves_a_foreign_cordon_alone` of the same file.

use patchkit_test_support::{Cluster, ClusterOptions, Fault, FaultProxy, Rule, Upstream};
use serde_json::{Value, json};

use crate::drainsafe_node::{Place, condition, through};

/// The plan of one old node.
#[track_caller]
fn plan(place: &Place<'_>, flags: &[&str], code: i32) -> Value {
    let old = place.old(1);
    place.drainsafe(&[&["plan", &old, "-o", "json"], flags].concat()).output().exits(code).report()
}

/// The finding with this id.
#[track_caller]
fn finding<'r>(report: &'r Value, id: &str) -> &'r Value {
    let findings = report["findings"].as_array().map(Vec::as_slice).unwrap_or_default();
    findings.iter().find(|it| it["id"] == id).unwrap_or_else(|| panic!("no {id} in {report:#}"))
}

/// The one pod whose name begins so.
#[track_caller]
fn pod<'r>(report: &'r Value, prefix: &str) -> &'r Value {
    let pods = report["drain"]["pods"].as_array().map(Vec::as_slice).unwrap_or_default();
    let found = pods.iter().find(|pod| pod["name"].as_str().is_some_and(|name| name.starts_with(prefix)));
    found.unwrap_or_else(|| panic!("no pod {prefix} in {report:#}"))
}

/// A run that is refused touches nothing.
#[track_caller]
fn is_refused(place: &Place<'_>, flags: &[&str], word: &str) {
    let old = place.old(1);
    let refused = place.drainsafe(&[&["node", &old, "--yes"], flags].concat()).output().exits(1);
    assert!(refused.stderr.contains("nothing was changed"), "{}", refused.stderr);
    assert!(
        format!("{}{}", refused.stdout, refused.stderr).contains(word),
        "{word} in\n{}{}",
        refused.stdout,
        refused.stderr
    );
    assert!(!place.is_cordoned(&old) && place.annotations(&old).is_empty() && place.lease().is_none());
    assert!(place.pods().iter().all(|pod| pod["metadata"]["deletionTimestamp"].is_null()));
}

/// Two nodes, one of them old with a Deployment on it.
fn with_web<'c>(cluster: &'c Cluster, name: &str, replicas: usize, annotations: Value) -> Place<'c> {
    let place = Place::new(cluster, name, 1, 1);
    place.apply(&[place.deployment("web", replicas, annotations)]);
    place.settle();
    place
}

/// Waits until the disruption controller has looked at a budget since it was last written.
fn counted(place: &Place<'_>, name: &str, is: &dyn Fn(&Value) -> bool) {
    place.cluster.wait_for("the budget to be counted", || {
        let budget = place.namespace.kubectl(&["get", "pdb", name, "-o", "json"]).output().exits(0).json();
        let seen = budget["status"]["observedGeneration"] == budget["metadata"]["generation"];
        (seen && is(&budget["status"])).then_some(())
    });
}

/// Makes or deletes a Service by its selector.
fn service(name: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": name},
           "spec": {"selector": {"app": name}, "ports": [{"port": 443}]}})
}

pub fn t01_one_replica_that_its_budget_never_lets_go() {
    let cluster = Cluster::shared();
    let place = with_web(&cluster, "t01", 1, json!({}));
    place.apply(&[place.budget("web", &json!({"minAvailable": 1}))]);
    counted(&place, "web", &|status| status["currentHealthy"] == 1);
    let report = plan(&place, &[], 1);
    assert_eq!(pod(&report, "web-")["blockedFor"], "never");
    assert!(finding(&report, "budget-never")["hint"].as_str().unwrap().contains("--surge-singletons"), "{report:#}");
    is_refused(&place, &[], "never");
    // One that may not be surged is not offered it: its old pod would have to go first.
    let patch = r#"{"spec":{"strategy":{"type":"Recreate","rollingUpdate":null}}}"#;
    let _ = place.namespace.kubectl(&["patch", "deployment", "web", "-p", patch]).output().exits(0);
    let report = plan(&place, &["--surge-singletons"], 1);
    assert!(!finding(&report, "budget-never")["hint"].as_str().unwrap_or_default().contains("--surge-singletons"));
}

pub fn t02_two_budgets_over_a_pod() {
    let cluster = Cluster::shared();
    let place = with_web(&cluster, "t02", 2, json!({}));
    let mut second = place.budget("web", &json!({"maxUnavailable": 1}));
    second["metadata"]["name"] = "also-web".into();
    place.apply(&[place.budget("web", &json!({"maxUnavailable": 1})), second]);
    for name in ["web", "also-web"] {
        counted(&place, name, &|status| status["currentHealthy"] == 2);
    }
    let report = plan(&place, &[], 1);
    let title = finding(&report, "budgets-overlap")["title"].to_string();
    assert!(title.contains("web") && title.contains("also-web"), "{title}");
    is_refused(&place, &[], "also-web");
    // The API server says the same of it.
    let name = pod(&report, "web-")["name"].as_str().unwrap().to_owned();
    let eviction = json!({"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": name}});
    let url = format!("/api/v1/namespaces/{}/pods/{name}/eviction", place.namespace.name());
    let asked = cluster.kubectl(&["create", "--raw", &url, "-f", "-"]).input(eviction.to_string()).output();
    assert!(asked.stderr.contains("more than one PodDisruptionBudget"), "{}", asked.stderr);
}

pub fn t03_a_budget_that_protects_nobody() {
    let cluster = Cluster::shared();
    let place = with_web(&cluster, "t03", 2, json!({}));
    place.apply(&[place.budget("wbe", &json!({"maxUnavailable": 1}))]);
    counted(&place, "wbe", &|status| status["expectedPods"] == 0);
    let report = plan(&place, &["--namespace", place.namespace.name()], 0);
    let found = finding(&report, "budget-protects-nobody");
    assert_eq!(found["object"]["name"], "wbe", "{found:#}");
}

pub fn t04_crash_loops_that_hold_a_budget() {
    let cluster = Cluster::shared();
    let place = Place::new(&cluster, "t04", 1, 1);
    place.apply(&[
        place.deployment("web", 2, json!({"test.patchkit.dev/crash-loop": "1s"})),
        place.budget("web", &json!({"minAvailable": 1})),
    ]);
    cluster.wait_for("the pods to crash", || {
        let failing = |pod: &Value| pod["status"]["containerStatuses"][0]["restartCount"].as_i64() > Some(0);
        (place.pods().iter().filter(|pod| failing(pod)).count() == 2).then_some(())
    });
    let name = place.namespace.name();
    let _ = cluster.kubectl(&["uncordon", "-l", &format!("place={name},kind=new")]).output().exits(0);
    counted(&place, "web", &|status| status["expectedPods"] == 2);
    let report = plan(&place, &[], 1);
    let held = finding(&report, "budget-held-by-unready");
    assert!(held["hint"].as_str().unwrap().contains("AlwaysAllow"), "{held:#}");
    let patch = r#"{"spec":{"unhealthyPodEvictionPolicy":"AlwaysAllow"}}"#;
    let _ = place.namespace.kubectl(&["patch", "pdb", "web", "--type=merge", "-p", patch]).output().exits(0);
    counted(&place, "web", &|_| true);
    let old = place.old(1);
    let events = place.drainsafe(&["node", &old, "--yes", "-o", "json"]).output().exits(0).events();
    assert_eq!(events.last().unwrap()["summary"]["evicted"], 2);
}

pub fn t05_a_budget_that_the_controller_has_not_seen() {
    // A cluster of its own: its controllers are stopped.
    let cluster = Cluster::own(&ClusterOptions::new());
    let place = with_web(&cluster, "t05", 2, json!({}));
    place.apply(&[place.budget("web", &json!({"maxUnavailable": 1}))]);
    counted(&place, "web", &|status| status["currentHealthy"] == 2);
    cluster.kill("controller-manager");
    let patch = r#"{"spec":{"maxUnavailable":2}}"#;
    let _ = place.namespace.kubectl(&["patch", "pdb", "web", "--type=merge", "-p", patch]).output().exits(0);
    // What it says is of another budget than the one that is asked for: nothing is proven.
    let report = plan(&place, &[], 4);
    assert_eq!(report["drain"]["verdict"], "not-proven", "{report:#}");
    assert!(report["notEvaluated"].to_string().contains("web"), "{report:#}");
    // It waits for the controller, and goes on when that has looked.
    let old = place.old(1);
    let running = place.drainsafe(&["node", &old, "--yes", "-o", "json"]).start();
    cluster.revive("controller-manager");
    let events = running.wait().exits(0).events();
    assert_eq!(events.last().unwrap()["summary"]["evicted"], 2);
}

pub fn t06_a_pod_that_only_this_node_can_take() {
    let cluster = Cluster::shared();
    let place = Place::new(&cluster, "t06", 1, 1);
    let old = place.old(1);
    let mut pinned = place.deployment("web", 2, json!({}));
    pinned["spec"]["template"]["spec"]["nodeSelector"]["kubernetes.io/hostname"] = old.as_str().into();
    place.apply(&[pinned]);
    place.settle();
    let report = plan(&place, &[], 1);
    assert_eq!(finding(&report, "pinned-to-node")["severity"], "high");
    is_refused(&place, &[], "--allow-pending");
    // With consent they go, and wait for their node.
    let _ = place.drainsafe(&["node", &old, "--yes", "--allow-pending"]).output().exits(0);
    let pods = place.pods();
    assert!(pods.len() == 2 && pods.iter().all(|pod| pod["spec"]["nodeName"].is_null()), "{pods:#?}");
    let _ = cluster.kubectl(&["uncordon", &old]).output().exits(0);
    let _ = place.namespace.kubectl(&["rollout", "status", "deployment/web", "--timeout=60s"]).output().exits(0);
}

pub fn t08_a_pod_that_comes_straight_back() {
    let cluster = Cluster::shared();
    let place = Place::new(&cluster, "t08", 1, 1);
    let old = place.old(1);
    let mut fixed = place.deployment("fixed", 1, json!({}));
    fixed["spec"]["template"]["spec"]["nodeName"] = old.as_str().into();
    place.apply(&[fixed]);
    place.settle();
    let report = plan(&place, &[], 1);
    assert_eq!(pod(&report, "fixed-")["blockedFor"], "never");
    is_refused(&place, &[], "back");
    // One that tolerates the cordon may come back: it is told, and the run does not go round in circles.
    let mut tolerant = place.deployment("tolerant", 1, json!({}));
    tolerant["spec"]["template"]["spec"]["tolerations"] = json!([{"operator": "Exists"}]);
    tolerant["spec"]["template"]["spec"]["affinity"] = json!({"nodeAffinity": {
        "preferredDuringSchedulingIgnoredDuringExecution": [{"weight": 100, "preference": {"matchExpressions": [
            {"key": "kubernetes.io/hostname", "operator": "In", "values": [old]}]}}]}});
    let _ = place.namespace.kubectl(&["delete", "deployment", "fixed"]).output().exits(0);
    place.apply(&[tolerant]);
    let _ = place.namespace.kubectl(&["rollout", "status", "deployment/tolerant", "--timeout=60s"]).output().exits(0);
    cluster.wait_for("the other pods to be gone", || (place.pods().len() == 1).then_some(()));
    let report = plan(&place, &[], 0);
    assert_eq!(finding(&report, "comes-back")["severity"], "medium");
    let events = place.drainsafe(&["node", &old, "--yes", "-o", "json"]).output().events();
    let evicted = events.iter().filter(|event| event["event"] == "evicting").count();
    assert!(evicted <= 2, "{events:#?}");
}

pub fn t09_a_webhook_whose_last_backend_is_here() {
    let cluster = Cluster::own(&ClusterOptions::new());
    let place = with_web(&cluster, "t09", 1, json!({}));
    let webhook = json!({"apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingWebhookConfiguration",
        "metadata": {"name": "guard"}, "webhooks": [{"name": "guard.example.com", "failurePolicy": "Fail",
        "sideEffects": "None", "admissionReviewVersions": ["v1"], "timeoutSeconds": 1,
        "clientConfig": {"service": {"name": "web", "namespace": place.namespace.name()}},
        "rules": [{"apiGroups": ["example.com"], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["*"]}]}]});
    place.apply(&[service("web")]);
    cluster.apply(&webhook.to_string());
    let report = plan(&place, &[], 1);
    assert!(finding(&report, "webhook-only-here")["hint"].as_str().unwrap().contains("guard.example.com"));
    is_refused(&place, &[], "guard");
    // A server whose webhooks fail answers 500, or cuts the connection: it is asked again, and not for ever.
    let _ = place.namespace.kubectl(&["scale", "deployment", "web", "--replicas=2"]).output().exits(0);
    let _ = place.namespace.kubectl(&["rollout", "status", "deployment/web", "--timeout=60s"]).output().exits(0);
    cluster.wait_for("the endpoints to be there", || {
        let slices = place.namespace.kubectl(&["get", "endpointslices", "-o", "json"]).output().exits(0).json();
        (slices["items"][0]["endpoints"].as_array()?.len() == 2).then_some(())
    });
    let proxy = FaultProxy::start(Upstream::kubeconfig(cluster.kubeconfig()));
    proxy.rule(Rule::new(Fault::status(500)).path_matching("/eviction$").nth(1));
    proxy.rule(Rule::new(Fault::CutBeforeAnswer).path_matching("/eviction$").nth(2));
    let old = place.old(1);
    let on_old = place.pods().iter().filter(|pod| pod["spec"]["nodeName"] == old.as_str()).count();
    let events = through(&place, &proxy.url(), &["node", &old, "--yes", "-o", "json"]).output().exits(0).events();
    assert_eq!(events.last().unwrap()["summary"]["evicted"], on_old);
}

pub fn t10_all_of_a_service_on_one_node() {
    let cluster = Cluster::shared();
    let place = with_web(&cluster, "t10", 2, json!({"test.patchkit.dev/ready-after": "1s"}));
    place.apply(&[service("web")]);
    cluster.wait_for("the endpoints to be there", || {
        let slices = place.namespace.kubectl(&["get", "endpointslices", "-o", "json"]).output().exits(0).json();
        (slices["items"][0]["endpoints"].as_array()?.len() == 2).then_some(())
    });
    let report = plan(&place, &[], 1);
    assert!(finding(&report, "last-endpoints")["title"].to_string().contains("web"), "{report:#}");
    is_refused(&place, &[], "Service");
}

pub fn t11_autoscalers_keep_off_while_it_runs() {
    let cluster = Cluster::shared();
    let place = with_web(&cluster, "t11", 2, json!({"test.patchkit.dev/ready-after": "2s"}));
    let old = place.old(1);
    let running = place.drainsafe(&["node", &old, "--yes"]).start();
    place.wait_evicting();
    let meanwhile = place.node(&old)["metadata"]["annotations"].clone();
    assert_eq!(meanwhile["cluster-autoscaler.kubernetes.io/scale-down-disabled"], "true", "{meanwhile:#}");
    assert_eq!(meanwhile["karpenter.sh/do-not-disrupt"], "true", "{meanwhile:#}");
    let _ = running.wait().exits(0);
    assert_eq!(place.annotations(&old), ["drainsafe.patchkit.dev/run"]);
}

pub fn t12_a_grace_period_of_hours() {
    let cluster = Cluster::shared();
    let place = Place::new(&cluster, "t12", 1, 1);
    let mut slow = place.deployment("slow", 1, json!({}));
    slow["spec"]["template"]["spec"]["terminationGracePeriodSeconds"] = 7200.into();
    place.apply(&[slow]);
    place.settle();
    let report = plan(&place, &[], 0);
    assert!(finding(&report, "long-grace").to_string().contains("2 h"), "{report:#}");
    assert!(report["drain"]["predictedSeconds"].as_u64() >= Some(7200), "{report:#}");
    // A timeout below it is refused, and nothing is shortened without being said.
    finding(&plan(&place, &["--timeout", "5m"], 1), "timeout-too-short");
    finding(&plan(&place, &["--grace-period", "30"], 0), "grace-shortened");
}

pub fn t14_bare_pods_and_jobs() {
    let cluster = Cluster::shared();
    let place = Place::new(&cluster, "t14", 1, 1);
    let bare = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "bare"}, "spec": place.pod_spec()});
    let mut spec = place.pod_spec();
    spec["restartPolicy"] = "Never".into();
    let job = |name: &str, more: Value, script: Value| {
        let mut job = json!({"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": name}, "spec": {
            "template": {"metadata": {"annotations": script}, "spec": spec.clone()}}});
        for (key, value) in more.as_object().unwrap() {
            job["spec"][key] = value.clone();
        }
        job
    };
    let never = json!({"test.patchkit.dev/complete-after": "never"});
    place.apply(&[bare, job("fragile", json!({"backoffLimit": 0}), never.clone())]);
    cluster.wait_for("both pods to run", || {
        (place.pods().iter().filter(|pod| pod["status"]["phase"] == "Running").count() == 2).then_some(())
    });
    place.settle();
    let report = plan(&place, &[], 1);
    finding(&report, "no-controller");
    finding(&report, "job-fails");
    is_refused(&place, &["--force"], "fragile");
    let _ = place.namespace.kubectl(&["delete", "pod", "bare", "--now"]).output().exits(0);
    let _ = place.namespace.kubectl(&["delete", "job", "fragile", "--cascade=foreground"]).output().exits(0);
    // A policy that does not count disruptions lets it go; and one that is waited for is not evicted at all.
    let ignore = json!({"backoffLimit": 0, "podFailurePolicy": {"rules": [
        {"action": "Ignore", "onPodConditions": [{"type": "DisruptionTarget", "status": "True"}]}]}});
    let old = place.old(1);
    let _ = cluster.kubectl(&["cordon", "-l", &format!("place={},kind=new", place.namespace.name())]).output().exits(0);
    place.apply(&[
        job("sturdy", ignore, never),
        job("short", json!({"backoffLimit": 0}), json!({"test.patchkit.dev/complete-after": "4s"})),
    ]);
    cluster.wait_for("both Jobs to run", || {
        (place.pods().iter().filter(|pod| pod["status"]["phase"] == "Running").count() == 2).then_some(())
    });
    place.settle();
    let wait = ["node", &old, "--yes", "--wait-completed", "--pod-selector", "job-name=short", "-o", "json"];
    let events = place.drainsafe(&wait).output().exits(0).events();
    // It goes when it is finished, as a finished pod does.
    let order: Vec<_> = events.iter().filter(|event| event["pod"].is_string()).map(|event| &event["event"]).collect();
    assert_eq!(order, ["waiting", "evicting", "granted", "gone"], "{events:#?}");
    let jobs = place.namespace.kubectl(&["get", "jobs", "-o", "json"]).output().exits(0).json();
    let short =
        jobs["items"].as_array().unwrap().iter().find(|job| job["metadata"]["name"] == "short").unwrap().clone();
    assert_eq!(short["status"]["succeeded"], 1, "{short:#}");
    let _ = cluster.kubectl(&["uncordon", &old]).output().exits(0);
    let events = place.drainsafe(&["node", &old, "--yes", "-o", "json"]).output().exits(0).events();
    assert!(events.iter().any(|event| event["event"] == "gone"), "{events:#?}");
    let sturdy = place.namespace.kubectl(&["get", "job", "sturdy", "-o", "json"]).output().exits(0).json();
    assert!(!condition(&sturdy, "Failed"), "{sturdy:#}");
}

pub fn t15_a_node_that_does_not_answer() {
    let cluster = Cluster::own(&ClusterOptions::new().flag("--node-grace=10s"));
    let place = with_web(&cluster, "t15", 2, json!({}));
    let old = place.old(1);
    let _ = cluster.kubectl(&["label", "node", &old, "test.patchkit.dev/kubelet=stopped"]).output().exits(0);
    cluster.wait_for("the node to be called unreachable", || {
        place.node(&old)["spec"]["taints"].to_string().contains("node.kubernetes.io/unreachable").then_some(())
    });
    let report = plan(&place, &[], 1);
    let found = finding(&report, "node-unreachable");
    assert!(found["hint"].as_str().unwrap().contains("out-of-service"), "{found:#}");
    is_refused(&place, &[], "unreachable");
    // The taint is advice and nobody's to set but a person's; the wait is bounded where that is asked for.
    let flags = ["node", &old, "--yes", "--skip-wait-for-delete-timeout=2", "-o", "json"];
    let events = place.drainsafe(&flags).output().exits(0).events();
    assert_eq!(events.last().unwrap()["summary"]["outcome"], "drained", "{events:#?}");
    assert!(!place.node(&old)["spec"]["taints"].to_string().contains("out-of-service"));
}

pub fn t16_a_cordoned_node_is_still_a_domain() {
    // Nodes of two zones; the pods are spread over zones, and the scheduler counts the cordoned one's.
    let cluster = Cluster::shared();
    let place = Place::new(&cluster, "t16", 2, 1);
    let (first, second) = (place.old(1), place.old(2));
    let new = format!("{}-new-1", place.namespace.name());
    for (node, zone) in [(&first, "a"), (&second, "b"), (&new, "b")] {
        let _ = cluster.kubectl(&["label", "node", node, &format!("test-zone={zone}")]).output().exits(0);
    }
    let mut web = place.deployment("web", 2, json!({}));
    web["spec"]["template"]["spec"]["topologySpreadConstraints"] = json!([{"maxSkew": 1, "topologyKey": "test-zone",
        "whenUnsatisfiable": "DoNotSchedule", "labelSelector": {"matchLabels": {"app": "web"}}}]);
    place.apply(&[web]);
    place.settle();
    // Zone a is left with its cordoned node alone: zone b cannot take a second pod while a has none.
    let report = plan(&place, &[], 1);
    let web = pod(&report, "web-");
    assert!(web["rejected"].to_string().contains("PodTopologySpread"), "{web:#}");
    is_refused(&place, &[], "web");
    let _ = place.drainsafe(&["node", &first, "--yes", "--allow-pending"]).output().exits(0);
    cluster.wait_for("the scheduler to say the same", || {
        let pods = place.pods();
        let waits = pods.iter().find(|pod| pod["spec"]["nodeName"].is_null())?;
        waits["status"]["conditions"].to_string().contains("topology spread").then_some(())
    });
}

pub fn t17_control_plane_nodes() {
    let cluster = Cluster::shared();
    let place = Place::new(&cluster, "t17", 2, 1);
    let (first, second) = (place.old(1), place.old(2));
    for node in [&first, &second] {
        let _ = cluster.kubectl(&["label", "node", node, "node-role.kubernetes.io/control-plane="]).output().exits(0);
        // As the kubelet shows the static pods of its node.
        let mut mirror = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": format!("etcd-{node}"),
            "annotations": {"kubernetes.io/config.mirror": "x", "kubernetes.io/config.source": "file"}}, "spec": place.pod_spec()});
        mirror["spec"]["nodeName"] = node.as_str().into();
        place.apply(&[mirror]);
    }
    place.apply(&[place.deployment("web", 2, json!({}))]);
    place.settle();
    let report = place.drainsafe(&["plan", &first, &second, "-o", "json"]).output().exits(1).report();
    finding(&report, "control-plane-node");
    is_refused(&place, &[], "control-plane");
    let flags = ["node", &first, &second, "--yes", "--include-control-plane", "-o", "json"];
    let events = place.drainsafe(&flags).output().exits(0).events();
    let at = |event: &str, node: &str| {
        events
            .iter()
            .position(|it| it["event"] == event && it["node"] == node)
            .unwrap_or_else(|| panic!("{event} of {node} in {events:#?}"))
    };
    // One after the other, whatever else is asked for.
    let second_begins = events.iter().position(|it| it["event"] == "evicting" && it["node"] == second.as_str());
    assert!(second_begins.is_none_or(|begins| begins > at("drained", &first)), "{events:#?}");
    let left: Vec<_> = place
        .pods()
        .iter()
        .filter(|pod| pod["metadata"]["name"].as_str().unwrap().starts_with("etcd-"))
        .cloned()
        .collect();
    assert!(left.len() == 2 && left.iter().all(|pod| pod["metadata"]["deletionTimestamp"].is_null()));
}

pub fn t18_a_pod_that_is_bound_after_the_cordon() {
    let cluster = Cluster::shared();
    let place = with_web(&cluster, "t18", 2, json!({"test.patchkit.dev/ready-after": "2s"}));
    let old = place.old(1);
    let running = place.drainsafe(&["node", &old, "--yes", "-o", "json"]).start();
    cluster.wait_for("the cordon", || place.is_cordoned(&old).then_some(()));
    // As a scheduler does that decided before it saw the cordon.
    let mut late = json!({"apiVersion": "apps/v1", "kind": "ReplicaSet", "metadata": {"name": "late"}, "spec": {"replicas": 1,
        "selector": {"matchLabels": {"app": "late"}},
        "template": {"metadata": {"labels": {"app": "late"}}, "spec": place.pod_spec()}}});
    late["spec"]["template"]["spec"]["schedulerName"] = "by-hand".into();
    place.apply(&[late]);
    let name = cluster.wait_for("the pod to be made", || {
        let pods = place.pods();
        let found = pods.iter().find(|pod| pod["metadata"]["labels"]["app"] == "late")?;
        found["metadata"]["name"].as_str().map(str::to_owned)
    });
    let binding = json!({"apiVersion": "v1", "kind": "Binding", "metadata": {"name": name},
                         "target": {"apiVersion": "v1", "kind": "Node", "name": old}});
    let url = format!("/api/v1/namespaces/{}/pods/{name}/binding", place.namespace.name());
    let _ = cluster.kubectl(&["create", "--raw", &url, "-f", "-"]).input(binding.to_string()).output().exits(0);
    // It goes with the others. What replaces it would wait for the same hand.
    cluster.wait_for("the late pod to be gone", || {
        let get = place.namespace.kubectl(&["get", "pod", &name, "-o", "name"]).output();
        (get.code() == Some(1)).then_some(())
    });
    let _ = place.namespace.kubectl(&["delete", "replicaset", "late"]).output().exits(0);
    let events = running.wait().exits(0).events();
    let gone = events.iter().any(|event| event["event"] == "gone" && event["pod"].to_string().contains("late-"));
    assert!(gone, "{events:#?}");
}

pub fn t19_storage_goes_after_what_uses_it() {
    let cluster = Cluster::shared();
    let place = with_web(&cluster, "t19", 1, json!({"test.patchkit.dev/end-after": "grace"}));
    let mut critical = place.deployment("critical", 1, json!({}));
    critical["spec"]["template"]["spec"]["priorityClassName"] = "system-node-critical".into();
    let _ = cluster.kubectl(&["cordon", "-l", &format!("place={},kind=new", place.namespace.name())]).output().exits(0);
    place.apply(&[critical]);
    place.settle();
    let old = place.old(1);
    let events = place.drainsafe(&["node", &old, "--yes", "-o", "json"]).output().exits(0).events();
    let at = |event: &str, pod: &str| {
        events
            .iter()
            .position(|it| it["event"] == event && it["pod"].to_string().contains(pod))
            .unwrap_or_else(|| panic!("{event} of {pod} in {events:#?}"))
    };
    assert!(at("gone", "/web-") < at("evicting", "/critical-"), "{events:#?}");
}
