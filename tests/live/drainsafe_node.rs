//! `kubectl drainsafe node`, `resume`, `undo` and `status` on a real control plane: what they change, what they wait for,
//! and how they stop and go on.

use patchkit_test_support::{Cluster, Namespace, Run};
use serde_json::{Value, json};

/// Nodes and pods of one test: its nodes have a label of their own, and its pods go nowhere else.
pub struct Place<'c> {
    pub cluster: &'c Cluster,
    pub namespace: Namespace<'c>,
}

impl<'c> Place<'c> {
    /// Nodes `NAMESPACE-old-1…` and `NAMESPACE-new-1…`.
    pub fn new(cluster: &'c Cluster, name: &str, old: usize, new: usize) -> Self {
        let namespace = cluster.namespace(name);
        let node = |kind: &str, number: usize| {
            json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": format!("{}-{kind}-{number}", namespace.name()),
                   "labels": {"place": namespace.name(), "kind": kind}}})
        };
        // Pods land on the old ones first: the new ones come later.
        let olds: Vec<Value> = (1..=old).map(|number| node("old", number)).collect();
        if old > 0 {
            cluster.apply(&json!({"apiVersion": "v1", "kind": "List", "items": olds}).to_string());
        }
        let place = Self { cluster, namespace };
        place.wait_nodes(old);
        place.add_new(new);
        place
    }

    /// The same with a Deployment `web` on the old nodes, under a budget of one, whose pods use their second of grace.
    pub fn with_web(cluster: &'c Cluster, name: &str, old: usize, replicas: usize, ready_after: &str) -> Self {
        let place = Self::new(cluster, name, old, 2);
        let script = json!({"test.patchkit.dev/ready-after": ready_after, "test.patchkit.dev/end-after": "grace"});
        place.apply(&[place.deployment("web", replicas, script), place.budget("web", &json!({"maxUnavailable": 1}))]);
        place.settle();
        place
    }

    fn add_new(&self, count: usize) {
        let name = self.namespace.name();
        // Cordoned at first, so that the pods of the test begin on the old ones.
        let news: Vec<Value> = (1..=count)
            .map(|number| {
                json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": format!("{name}-new-{number}"),
                       "labels": {"place": name, "kind": "new"}}, "spec": {"unschedulable": true}})
            })
            .collect();
        if count > 0 {
            self.cluster.apply(&json!({"apiVersion": "v1", "kind": "List", "items": news}).to_string());
        }
    }

    fn wait_nodes(&self, count: usize) {
        let selector = format!("place={}", self.namespace.name());
        self.cluster.wait_for("the nodes to be Ready", || {
            let nodes = self.cluster.kubectl(&["get", "nodes", "-l", &selector, "-o", "json"]).output().exits(0).json();
            let ready = nodes["items"].as_array()?.iter().filter(|node| condition(node, "Ready")).count();
            (ready >= count).then_some(())
        });
    }

    /// Lets pods onto the new nodes, when those of the test stand on the old ones.
    pub fn settle(&self) {
        let selector = format!("place={},kind=new", self.namespace.name());
        let _ = self.namespace.kubectl(&["rollout", "status", "deployment,statefulset", "--timeout=60s"]).output();
        let _ = self.cluster.kubectl(&["uncordon", "-l", &selector]).output().exits(0);
        // Budgets are counted when their pods are.
        self.cluster.wait_for("the budgets to be counted", || {
            let budgets = self.namespace.kubectl(&["get", "pdb", "-o", "json"]).output().exits(0).json();
            let counted = |budget: &Value| {
                budget["status"]["currentHealthy"].as_i64() >= budget["status"]["desiredHealthy"].as_i64()
                    && budget["status"]["expectedPods"].as_i64() > Some(0)
            };
            budgets["items"].as_array()?.iter().all(counted).then_some(())
        });
    }

    pub fn old(&self, number: usize) -> String {
        format!("{}-old-{number}", self.namespace.name())
    }

    /// A command of the plugin with the lock in the test's namespace, so that tests do not wait for each other.
    pub fn drainsafe(&self, args: &[&str]) -> Run {
        let lock = format!("--lock-namespace={}", self.namespace.name());
        let command = args[0];
        let mut all = vec!["drainsafe", command];
        if ["node", "pool", "pause", "resume", "undo", "status"].contains(&command) {
            all.push(&lock);
        }
        all.extend(&args[1..]);
        self.cluster.kubectl(&all)
    }

    /// A Deployment with pods that are ready after a moment and use their second of grace.
    pub fn deployment(&self, name: &str, replicas: usize, annotations: Value) -> Value {
        json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name}, "spec": {
            "replicas": replicas, "selector": {"matchLabels": {"app": name}},
            "template": {"metadata": {"labels": {"app": name}, "annotations": annotations}, "spec": self.pod_spec()}}})
    }

    pub fn pod_spec(&self) -> Value {
        json!({"terminationGracePeriodSeconds": 1, "nodeSelector": {"place": self.namespace.name()},
               "containers": [{"name": "c", "image": "registry.k8s.io/pause:3.10"}]})
    }

    pub fn budget(&self, name: &str, spec: &Value) -> Value {
        let mut spec = spec.clone();
        spec["selector"] = json!({"matchLabels": {"app": name}});
        json!({"apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": {"name": name}, "spec": spec})
    }

    pub fn apply(&self, objects: &[Value]) {
        self.namespace.apply(&json!({"apiVersion": "v1", "kind": "List", "items": objects}).to_string());
    }

    pub fn node(&self, name: &str) -> Value {
        self.cluster.kubectl(&["get", "node", name, "-o", "json"]).output().exits(0).json()
    }

    pub fn pods(&self) -> Vec<Value> {
        let list = self.namespace.kubectl(&["get", "pods", "-o", "json"]).output().exits(0).json();
        list["items"].as_array().unwrap().clone()
    }

    pub fn is_cordoned(&self, name: &str) -> bool {
        self.node(name)["spec"]["unschedulable"] == true
    }

    /// What a run leaves on a node.
    pub fn annotations(&self, name: &str) -> Vec<String> {
        let node = self.node(name);
        let found = node["metadata"]["annotations"].as_object().cloned().unwrap_or_default();
        found
            .into_iter()
            .map(|(key, _)| key)
            .filter(|key| ["drainsafe", "autoscaler", "karpenter"].iter().any(|word| key.contains(word)))
            .collect()
    }

    pub fn lease(&self) -> Option<Value> {
        let output = self.namespace.kubectl(&["get", "lease", "drainsafe", "-o", "json"]).output();
        (output.code() == Some(0)).then(|| output.json())
    }

    /// Waits until the run has got so far that a pod was asked to go.
    pub fn wait_evicting(&self) {
        self.cluster.wait_for("a pod to be evicted", || {
            self.pods().iter().any(|pod| pod["metadata"]["deletionTimestamp"].is_string()).then_some(())
        });
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        let selector = format!("place={}", self.namespace.name());
        let _ = self.cluster.kubectl(&["delete", "nodes", "-l", &selector, "--wait=false"]).output();
    }
}

pub fn condition(object: &Value, name: &str) -> bool {
    object["status"]["conditions"]
        .as_array()
        .is_some_and(|all| all.iter().any(|it| it["type"] == name && it["status"] == "True"))
}

/// A Deployment of two on one old node, under a budget of one, and room elsewhere.
fn pair<'c>(cluster: &'c Cluster, name: &str) -> Place<'c> {
    Place::with_web(cluster, name, 1, 2, "0s")
}

fn drain_args(node: &str) -> Vec<&str> {
    vec!["node", node, "--yes"]
}

pub fn drains_and_takes_it_back() {
    let cluster = Cluster::shared();
    let place = pair(&cluster, "drains");
    let old = place.old(1);
    let output = place.drainsafe(&drain_args(&old)).output().exits(0);
    for line in [format!("node/{old} cordoned"), format!("node/{old} drained")] {
        assert!(output.stdout.lines().any(|found| found == line), "{line} in\n{}", output.stdout);
    }
    assert_eq!(output.stdout.lines().filter(|line| line.starts_with("evicting pod ")).count(), 2, "{}", output.stdout);
    let pods = place.pods();
    assert_eq!(pods.iter().filter(|pod| condition(pod, "Ready") && pod["spec"]["nodeName"] != old.as_str()).count(), 2);
    assert!(place.is_cordoned(&old));
    assert_eq!(place.annotations(&old), ["drainsafe.patchkit.dev/run"], "autoscalers may come near it again");
    assert!(place.lease().is_none(), "no lock is left");
    let status = place.drainsafe(&["status", "-o", "json"]).output().exits(0).report();
    let run = status["runs"].as_array().unwrap().iter().find(|run| run["nodes"][0]["name"] == old.as_str());
    assert!(run.is_some_and(|run| run["state"] == "finished" && run["nodes"][0]["evicted"] == 2), "{status:#}");
    let run = run.unwrap()["run"].as_str().unwrap().to_owned();
    let undone = place.drainsafe(&["undo", &run]).output().exits(0);
    assert!(undone.stdout.contains(&format!("node/{old} uncordoned")), "{}", undone.stdout);
    assert!(!place.is_cordoned(&old) && place.annotations(&old).is_empty());
}

pub fn leaves_a_foreign_cordon_alone() {
    let cluster = Cluster::shared();
    let place = pair(&cluster, "foreign");
    let old = place.old(1);
    let _ = cluster.kubectl(&["cordon", &old]).output().exits(0);
    let output = place.drainsafe(&drain_args(&old)).output().exits(0);
    assert!(output.stdout.contains(&format!("node/{old} already cordoned")), "{}", output.stdout);
    assert!(place.is_cordoned(&old));
    assert!(place.annotations(&old).is_empty(), "there is nothing to take back");
    let nothing = place.drainsafe(&["undo", "no-such-run"]).output().exits(3);
    assert!(nothing.stderr.contains("no trace of a run"), "{}", nothing.stderr);
    assert!(place.is_cordoned(&old));
}

pub fn changes_nothing_without_consent() {
    let cluster = Cluster::shared();
    let place = pair(&cluster, "consent");
    let old = place.old(1);
    // Nobody is there to be asked.
    let asked = place.drainsafe(&["node", &old]).output().exits(2);
    assert!(asked.stderr.contains("--yes") && asked.stdout.contains(&old), "{}\n{}", asked.stdout, asked.stderr);
    let _ = place.drainsafe(&["node", &old, "--dry-run=client", "--yes"]).output().exits(0);
    let _ = place.drainsafe(&["node", &old, "--dry-run"]).output().exits(0);
    let asked = place.drainsafe(&["node", &old, "--dry-run=server"]).output().exits(0);
    assert!(asked.stderr.contains("would let 2 of 2 pods go now"), "{}", asked.stderr);
    assert!(!place.is_cordoned(&old) && place.pods().iter().all(|pod| pod["metadata"]["deletionTimestamp"].is_null()));
    // What never goes is refused before anything is touched.
    place.apply(&[place.budget("web", &json!({"minAvailable": 2}))]);
    let _ = place
        .namespace
        .kubectl(&["patch", "pdb", "web", "--type=merge", "-p", r#"{"spec":{"maxUnavailable":null,"minAvailable":2}}"#])
        .output();
    cluster.wait_for("the budget to be counted anew", || {
        let budget = place.namespace.kubectl(&["get", "pdb", "web", "-o", "json"]).output().exits(0).json();
        (budget["status"]["desiredHealthy"] == 2
            && budget["status"]["observedGeneration"] == budget["metadata"]["generation"])
            .then_some(())
    });
    let refused = place.drainsafe(&drain_args(&old)).output().exits(1);
    assert!(refused.stderr.contains("nothing was changed") && refused.stderr.contains("never"), "{}", refused.stderr);
    assert!(!place.is_cordoned(&old) && place.annotations(&old).is_empty() && place.lease().is_none());
    assert!(place.pods().iter().all(|pod| pod["metadata"]["deletionTimestamp"].is_null()));
}

pub fn asks_for_consent_on_a_terminal_and_shows_what_it_waits_for() {
    let cluster = Cluster::shared();
    let place = Place::with_web(&cluster, "terminal", 1, 2, "2s");
    let old = place.old(1);
    for columns in [80, 200] {
        let mut terminal = place.drainsafe(&["node", &old]).in_terminal(columns);
        terminal.until("context admin");
        terminal.types("n\n");
        assert_eq!(terminal.end().code, Some(0));
        assert!(!place.is_cordoned(&old));
    }
    shows_what_it_waits_for(&place, 80);
    shows_what_it_waits_for(&Place::with_web(&cluster, "wide", 1, 2, "2s"), 200);
}

fn shows_what_it_waits_for(place: &Place<'_>, columns: u16) {
    let mut terminal = place.drainsafe(&["node", &place.old(1)]).env("NO_COLOR", "1").in_terminal(columns);
    terminal.until("context admin");
    terminal.types("y\n");
    terminal.until("budget");
    let shown = terminal.end();
    assert_eq!(shown.code, Some(0), "{}", shown.lines.join("\n"));
    assert!(
        shown.lines.iter().any(|line| line.contains("1 node drained, 2 pods evicted")),
        "{}",
        shown.lines.join("\n")
    );
    assert!(shown.lines.iter().all(|line| line.chars().count() <= usize::from(columns)), "{}", shown.lines.join("\n"));
}

pub fn tells_programs_what_happens() {
    let cluster = Cluster::shared();
    let place = pair(&cluster, "events");
    let old = place.old(1);
    let events = place.drainsafe(&["node", &old, "--yes", "-o", "json"]).output().exits(0).events();
    let kinds: Vec<_> = events.iter().map(|event| event["event"].as_str().unwrap()).collect();
    for kind in ["cordoned", "evicting", "granted", "gone", "drained", "replaced"] {
        assert!(kinds.contains(&kind), "{kind} in {kinds:?}");
    }
    let summary = &events.last().unwrap()["summary"];
    assert_eq!(
        (&summary["outcome"], &summary["evicted"], &summary["evictionsAttempted"]),
        (&"drained".into(), &2.into(), &2.into())
    );
    // The second pod was asked only when the first one's replacement was ready: never fewer than one.
    let at =
        |kind: &str, nth: usize| events.iter().enumerate().filter(|(_, it)| it["event"] == kind).nth(nth).unwrap().0;
    assert!(at("granted", 0) < at("evicting", 1));
}

pub fn only_one_run_at_a_time() {
    let cluster = Cluster::shared();
    let place = Place::new(&cluster, "two", 2, 1);
    place.apply(&[place.deployment("slow", 2, json!({"test.patchkit.dev/end-after": "never"}))]);
    place.settle();
    let (first, second) = (place.old(1), place.old(2));
    let running = place.drainsafe(&["node", &first, &second, "--yes"]).start();
    place.wait_evicting();
    let refused = place.drainsafe(&["node", &second, "--yes"]).output().exits(1);
    assert!(refused.stderr.contains("holds the lock") && refused.stderr.contains(&first), "{}", refused.stderr);
    let refused = place.drainsafe(&["resume"]).output().exits(1);
    assert!(refused.stderr.contains("holds the lock"), "{}", refused.stderr);
    let status = place.drainsafe(&["status", "-o", "json"]).output().exits(0).report();
    assert_eq!(status["runs"][0]["state"], "running", "{status:#}");
    let shown = place.drainsafe(&["status"]).output().exits(0).stdout;
    assert!(shown.contains("running") && shown.contains(&first), "{shown}");
    // Annotations keep autoscalers off while it runs.
    assert_eq!(place.annotations(&first).len(), 3, "{:?}", place.annotations(&first));

    running.interrupt();
    let stopped = running.wait().exits(130);
    assert!(stopped.stdout.contains("resume"), "{}", stopped.stdout);
    assert_eq!(place.annotations(&first), ["drainsafe.patchkit.dev/run"]);
    assert!(place.is_cordoned(&first), "what was begun stays cordoned until it is gone on with or taken back");
    let lease = place.lease().expect("the entry of an unfinished run");
    assert!(lease["spec"]["holderIdentity"].is_null(), "{lease}");
    let unfinished = place.drainsafe(&["node", &second, "--yes"]).output().exits(1);
    assert!(
        unfinished.stderr.contains("is not finished") && unfinished.stderr.contains("undo"),
        "{}",
        unfinished.stderr
    );
    let _ = place.drainsafe(&["undo"]).output().exits(0);
    for node in [&first, &second] {
        assert!(!place.is_cordoned(node) && place.annotations(node).is_empty());
    }
    assert!(place.lease().is_none());
    let _ = place.namespace.kubectl(&["delete", "pods", "--all", "--force", "--grace-period=0"]).output();
}

pub fn goes_on_after_an_interruption_and_after_a_kill() {
    let cluster = Cluster::shared();
    let place = Place::with_web(&cluster, "goes-on", 2, 4, "1s");
    let (first, second) = (place.old(1), place.old(2));
    // Somebody else's cordon, through all of it.
    let _ = cluster.kubectl(&["cordon", &second]).output().exits(0);
    let before: Vec<String> = uids(&place);
    let running = place.drainsafe(&["node", &first, &second, "--yes"]).start();
    place.wait_evicting();
    running.interrupt();
    let _ = running.wait().exits(130);

    let mut running = place.drainsafe(&["resume", "--yes"]).start();
    cluster.wait_for("the run to be gone on with", || {
        let lease = place.lease()?;
        (lease["spec"]["holderIdentity"].is_string() && uids(&place) != before).then_some(())
    });
    running.kill();
    let _ = running.wait();
    let killed = place.drainsafe(&["status", "-o", "json"]).output().exits(0).report();
    assert_eq!(killed["runs"][0]["state"], "killed", "{killed:#}");

    let events = place.drainsafe(&["resume", "-o", "json", "--yes"]).output().exits(0).events();
    assert_eq!(events.last().unwrap()["summary"]["outcome"], "drained");
    assert!(place.lease().is_none());
    let pods = place.pods();
    let moved = pods.iter().filter(|pod| pod["spec"]["nodeName"].as_str().is_some_and(|node| node.contains("-new-")));
    assert_eq!(moved.count(), 4);
    assert!(place.annotations(&second).is_empty(), "{:?}", place.annotations(&second));
    let _ = place.drainsafe(&["undo", killed["runs"][0]["run"].as_str().unwrap()]).output().exits(0);
    assert!(!place.is_cordoned(&first) && place.is_cordoned(&second));
}

fn uids(place: &Place<'_>) -> Vec<String> {
    place.pods().iter().map(|pod| pod["metadata"]["uid"].as_str().unwrap().to_owned()).collect()
}

pub fn brings_a_second_replica_up_first() {
    let cluster = Cluster::shared();
    let place = Place::new(&cluster, "surge", 1, 1);
    place.apply(&[
        place.deployment("one", 1, json!({"test.patchkit.dev/ready-after": "1s"})),
        place.budget("one", &json!({"minAvailable": 1})),
    ]);
    place.settle();
    let old = place.old(1);
    let _ = place.drainsafe(&drain_args(&old)).output().exits(1);
    let run = place.drainsafe(&["node", &old, "--yes", "--surge-singletons", "-o", "json"]);
    let events = run.output().exits(0).events();
    let kinds: Vec<_> = events.iter().map(|event| event["event"].as_str().unwrap()).collect();
    let at = |kind: &str| kinds.iter().position(|it| *it == kind).unwrap_or_else(|| panic!("{kind} in {kinds:?}"));
    assert!(at("surged") < at("evicting") && at("granted") < at("restored"), "{kinds:?}");
    let found = place.namespace.kubectl(&["get", "deployment", "one", "-o", "json"]).output().exits(0).json();
    assert_eq!(found["spec"]["replicas"], 1);
}

pub fn waits_for_volumes_to_be_detached() {
    let cluster = Cluster::shared();
    let place = pair(&cluster, "volumes");
    let old = place.old(1);
    let name = place.namespace.name();
    let volume = format!("{name}-pv");
    let claim = json!({"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "data"},
        "spec": {"accessModes": ["ReadWriteOnce"], "storageClassName": "", "volumeName": volume, "resources": {"requests": {"storage": "1Gi"}}}});
    let mut deployment = place.deployment("db", 1, json!({}));
    deployment["spec"]["strategy"] = json!({"type": "Recreate"});
    deployment["spec"]["template"]["spec"]["nodeSelector"]["kind"] = "old".into();
    deployment["spec"]["template"]["spec"]["volumes"] =
        json!([{"name": "data", "persistentVolumeClaim": {"claimName": "data"}}]);
    cluster.apply(&json!({"apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": volume}, "spec": {
        "capacity": {"storage": "1Gi"}, "accessModes": ["ReadWriteOnce"], "claimRef": {"namespace": name, "name": "data"},
        "csi": {"driver": "csi.example.com", "volumeHandle": volume}}}).to_string());
    place.apply(&[claim, deployment]);
    let _ = place.namespace.kubectl(&["rollout", "status", "deployment/db", "--timeout=60s"]).output().exits(0);
    cluster.wait_for("the volume to be attached", || attachment(&place, &volume));
    let attached = attachment(&place, &volume).unwrap();
    let hold = |finalizers: &str| {
        let patch = format!(r#"{{"metadata":{{"finalizers":{finalizers}}}}}"#);
        let _ =
            cluster.kubectl(&["patch", "volumeattachment", &attached, "--type=merge", "-p", &patch]).output().exits(0);
    };
    hold(r#"["test.patchkit.dev/hold"]"#);
    let running = place.drainsafe(&["node", &old, "--yes", "--allow-pending"]).start();
    cluster.wait_for("all pods to be gone from the node", || {
        place.pods().iter().all(|pod| pod["spec"]["nodeName"] != old.as_str()).then_some(())
    });
    cluster.wait_for("the attachment to be on its way", || {
        let found = cluster.kubectl(&["get", "volumeattachment", &attached, "-o", "json"]).output().exits(0).json();
        found["metadata"]["deletionTimestamp"].is_string().then_some(())
    });
    assert!(place.lease().is_some_and(|lease| lease["spec"]["holderIdentity"].is_string()), "it waits");
    hold("[]");
    let output = running.wait().exits(0);
    assert!(
        output.stdout.contains(&format!("node/{old} waits for volumes to be detached: {volume}")),
        "{}",
        output.stdout
    );
    assert!(attachment(&place, &volume).is_none());
    let _ = place.namespace.kubectl(&["delete", "deployment,pvc", "--all", "--wait=false"]).output();
    let _ = cluster.kubectl(&["delete", "pv", &volume, "--wait=false"]).output();
}

fn attachment(place: &Place<'_>, volume: &str) -> Option<String> {
    let list = place.cluster.kubectl(&["get", "volumeattachments", "-o", "json"]).output().exits(0).json();
    let found = list["items"].as_array()?.iter().find(|it| it["spec"]["source"]["persistentVolumeName"] == volume)?;
    found["metadata"]["name"].as_str().map(str::to_owned)
}

pub fn moves_a_set_one_pod_after_the_other() {
    let cluster = Cluster::shared();
    let place = Place::new(&cluster, "set", 2, 2);
    let set = json!({"apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": {"name": "db"}, "spec": {
        "replicas": 3, "serviceName": "db", "podManagementPolicy": "Parallel", "selector": {"matchLabels": {"app": "db"}},
        "template": {"metadata": {"labels": {"app": "db"}, "annotations": {"test.patchkit.dev/ready-after": "1s"}}, "spec": place.pod_spec()}}});
    // The budget would let two go.
    place.apply(&[set, place.budget("db", &json!({"maxUnavailable": 2}))]);
    place.settle();
    let before = uids(&place);
    let (first, second) = (place.old(1), place.old(2));
    let events = place.drainsafe(&["node", &first, &second, "--yes", "-o", "json"]).output().exits(0).events();
    let order: Vec<_> = events
        .iter()
        .filter(|event| ["evicting", "gone"].contains(&event["event"].as_str().unwrap()))
        .map(|event| event["event"].as_str().unwrap())
        .collect();
    assert_eq!(order, ["evicting", "gone", "evicting", "gone", "evicting", "gone"]);
    let after = uids(&place);
    assert_eq!(after.len(), 3);
    assert!(after.iter().all(|uid| !before.contains(uid)), "each was moved, and once");
}

/// A kubeconfig that is the administrator's own, through another address.
pub fn through(place: &Place<'_>, url: &str, args: &[&str]) -> Run {
    place.drainsafe(args).arg("--server").arg(url)
}
