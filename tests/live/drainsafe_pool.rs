//! `kubectl drainsafe pool` on a real control plane: a pool is replaced with and without surge, stopped in every way, and
//! gone on with.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

use patchkit_test_support::{Cluster, ClusterOptions, Run, scratch, shell_blocks};
use serde_json::{Value, json};

use crate::drainsafe_node::{Place, condition};

/// A pool in zones `a`, `b`…, with a Deployment under a budget of one; commands add nodes to it and take them away.
struct Pool<'c> {
    place: Place<'c>,
}

impl<'c> Pool<'c> {
    fn new(cluster: &'c Cluster, name: &str, zones: usize, nodes: usize, script: &Value) -> Self {
        Self::with_grace(cluster, name, zones, nodes, script, 1)
    }

    fn with_grace(cluster: &'c Cluster, name: &str, zones: usize, nodes: usize, script: &Value, grace: u32) -> Self {
        let place = Place::new(cluster, name, 0, 0);
        let namespace = place.namespace.name().to_owned();
        let items: Vec<Value> = (0..nodes)
            .map(|number| {
                let zone = char::from(b'a' + u8::try_from(number % zones).unwrap());
                json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": format!("{namespace}-old-{number}"),
                    "labels": {"place": namespace, "topology.kubernetes.io/zone": zone.to_string()}},
                    "spec": {"providerID": format!("test://{number}")}})
            })
            .collect();
        cluster.apply(&json!({"apiVersion": "v1", "kind": "List", "items": items}).to_string());
        let pool = Self { place };
        cluster.wait_for("the nodes to be Ready", || {
            (pool.nodes().iter().filter(|node| condition(node, "Ready")).count() == nodes).then_some(())
        });
        let mut web = pool.place.deployment("web", nodes, script.clone());
        web["spec"]["template"]["spec"]["terminationGracePeriodSeconds"] = grace.into();
        web["spec"]["template"]["spec"]["topologySpreadConstraints"] = json!([{"maxSkew": 1,
            "topologyKey": "topology.kubernetes.io/zone", "whenUnsatisfiable": "DoNotSchedule",
            "labelSelector": {"matchLabels": {"app": "web"}}}]);
        pool.place.apply(&[web, pool.place.budget("web", &json!({"maxUnavailable": 1}))]);
        pool.place.settle();
        pool
    }

    fn cluster(&self) -> &'c Cluster {
        self.place.cluster
    }

    fn selector(&self) -> String {
        format!("place={}", self.place.namespace.name())
    }

    fn nodes(&self) -> Vec<Value> {
        let list = self.cluster().kubectl(&["get", "nodes", "-l", &self.selector(), "-o", "json"]).output().exits(0);
        list.json()["items"].as_array().unwrap().clone()
    }

    fn old(&self) -> Vec<Value> {
        let is_old = |node: &Value| node["metadata"]["name"].as_str().is_some_and(|name| name.contains("-old-"));
        self.nodes().into_iter().filter(is_old).collect()
    }

    /// Adds as many nodes as are asked for, where they are asked for; `more` is put into their metadata.
    fn surge_command(&self, more: &str) -> String {
        let namespace = self.place.namespace.name();
        format!(
            r#"for place in $(echo "$DRAINSAFE_ZONES" | tr , ' '); do for i in $(seq "${{place#*=}}"); do
            echo '{{"apiVersion":"v1","kind":"Node","metadata":{{{more}"generateName":"{namespace}-new-","labels":{{"place":"{namespace}","topology.kubernetes.io/zone":"'"${{place%=*}}"'"}}}}}}'; done; done | kubectl create -f -"#
        )
    }

    /// The update of the pool with surge, and more flags.
    fn with_surge(&self, flags: &[&str]) -> Run {
        let surge = self.surge_command("");
        self.with_surge_by(&surge, flags)
    }

    fn with_surge_by(&self, command: &str, flags: &[&str]) -> Run {
        self.with_commands(command, "kubectl delete node \"$DRAINSAFE_NODE\" --wait=false", flags)
    }

    fn with_commands(&self, surge: &str, replace: &str, flags: &[&str]) -> Run {
        let selector = self.selector();
        let mut args = vec!["pool", &selector, "--all", "--yes", "--surge=33%", "--surge-command", surge];
        args.extend(["--replace-command", replace]);
        args.extend(flags);
        self.place.drainsafe(&args)
    }

    fn is_renewed(&self) {
        assert_eq!(self.old().len(), 0);
        for node in self.nodes() {
            assert!(node["spec"]["unschedulable"].is_null() && node["spec"]["taints"].is_null(), "{node:#}");
        }
        let pods = self.place.pods();
        assert!(pods.iter().all(|pod| pod["spec"]["nodeName"].as_str().is_some_and(|node| node.contains("-new-"))));
    }

    /// Nothing of a run is left on the nodes that it has not replaced.
    fn is_taken_back(&self) {
        for node in self.old() {
            assert!(node["spec"]["unschedulable"].is_null() && node["spec"]["taints"].is_null(), "{node:#}");
            let name = node["metadata"]["name"].as_str().unwrap();
            assert_eq!(self.place.annotations(name), Vec::<String>::new());
        }
        assert!(self.place.lease().is_none());
    }

    /// Waits until so many nodes are gone.
    fn wait_replaced(&self, count: usize, of: usize) {
        self.cluster().wait_for("nodes to be replaced", || (self.old().len() + count <= of).then_some(()));
    }
}

fn script() -> Value {
    json!({"test.patchkit.dev/ready-after": "500ms", "test.patchkit.dev/end-after": "grace"})
}

/// Pods that are ready so late that each node of a pool takes longer than the run needs to see what is asked of it.
fn slow_script() -> Value {
    let mut script = script();
    script["test.patchkit.dev/ready-after"] = "5s".into();
    script
}

fn summary(events: &[Value]) -> &Value {
    &events.last().unwrap()["summary"]
}

pub fn a_pool_is_replaced_with_surge_and_no_pod_moves_twice() {
    let cluster = Cluster::shared();
    let pool = Pool::new(&cluster, "pool", 3, 9, &script());
    let running = pool.with_surge(&["-o", "json"]).start();
    // Looked at until it ends: the budget is kept, and no zone has more than its part of the surge, which is one node,
    // beyond another.
    let mut fewest = usize::MAX;
    let mut apart = 0;
    while pool.place.lease().is_some() || fewest == usize::MAX {
        let ready = pool.place.pods().iter().filter(|pod| condition(pod, "Ready")).count();
        fewest = fewest.min(ready);
        let mut zones: BTreeMap<String, usize> = BTreeMap::new();
        let nodes = pool.nodes();
        let takes_pods = |node: &&Value| condition(node, "Ready") && node["spec"]["unschedulable"].is_null();
        for node in nodes.iter().filter(takes_pods) {
            *zones.entry(node["metadata"]["labels"]["topology.kubernetes.io/zone"].to_string()).or_default() += 1;
        }
        apart = apart.max(zones.values().max().unwrap_or(&0) - zones.values().min().unwrap_or(&0));
        assert!(nodes.len() <= 12, "{} nodes: no more than the surge", nodes.len());
    }
    let events = running.wait().exits(0).events();
    assert!(fewest >= 8, "{fewest}");
    assert!(apart <= 1, "{apart}");
    assert!(summary(&events)["pool"]["zoneImbalance"].as_u64() <= Some(1), "{:#}", events.last().unwrap());
    let summary = &summary(&events)["pool"];
    assert_eq!((&summary["pods"], &summary["moves"], &summary["movesPerPod"]), (&9.into(), &9.into(), &1.0.into()));
    assert_eq!((&summary["outdated"], &summary["added"]), (&9.into(), &9.into()));
    for lowest in summary["lowestReadiness"].as_array().unwrap() {
        assert!(lowest["ready"].as_i64() >= Some(8), "{lowest}");
    }
    let kinds: BTreeSet<&str> = events.iter().filter_map(|event| event["event"].as_str()).collect();
    for kind in ["shunned", "nodes-asked", "nodes-ready", "wave", "cordoned", "drained", "replacing", "removed"] {
        assert!(kinds.contains(kind), "{kind} in {kinds:?}");
    }
    pool.is_renewed();
    let nothing = pool.place.drainsafe(&["pool", &pool.selector()]).output().exits(0);
    assert!(nothing.stdout.contains("Up to date"), "{}", nothing.stdout);
}

pub fn without_surge_only_where_the_pods_have_a_proven_place() {
    let cluster = Cluster::shared();
    let pool = Pool::new(&cluster, "proven", 1, 2, &script());
    let selector = pool.selector();
    // All nodes are outdated: there is nowhere to go, and nothing brings a node back.
    let refused = pool.place.drainsafe(&["pool", &selector, "--all", "--yes"]).output().exits(1);
    assert!(refused.stderr.contains("without --surge there is no room"), "{}", refused.stderr);
    pool.is_taken_back();
    let _ = cluster.run("sh").args(["-c", &pool.surge_command("")]).env("DRAINSAFE_ZONES", "a=1").output().exits(0);
    cluster.wait_for("the new node to be Ready", || {
        (pool.nodes().iter().filter(|node| condition(node, "Ready")).count() == 3).then_some(())
    });
    let old: Vec<String> =
        pool.old().iter().map(|node| node["metadata"]["name"].as_str().unwrap().to_owned()).collect();
    // By their image: that of the new one is another.
    for name in &old {
        let image = r#"{"metadata":{"labels":{"kubernetes.azure.com/node-image-version":"i-202601.01.0"}}}"#;
        let _ = cluster.kubectl(&["patch", "node", name, "-p", image]).output().exits(0);
    }
    let args = ["pool", &selector, "--older-than", "7d", "--yes", "-o", "json", "--delete-node"];
    let events = pool.place.drainsafe(&args).output().exits(0).events();
    assert_eq!(summary(&events)["pool"]["movesPerPod"], 1.0);
    pool.is_renewed();
}

/// A provider that renews machines in place: what comes back has the name of what was drained, and is another node.
pub fn nodes_that_come_back_under_their_names_are_new_ones() {
    let cluster = Cluster::shared();
    let pool = Pool::new(&cluster, "pool-in-place", 1, 3, &script());
    let uids = || -> BTreeSet<String> { pool.nodes().iter().map(|node| node["metadata"]["uid"].to_string()).collect() };
    let before = uids();
    let replace = format!(
        r#"kubectl delete node "$DRAINSAFE_NODE" && echo '{{"apiVersion":"v1","kind":"Node","metadata":{{"name":"'"$DRAINSAFE_NODE"'","labels":{{"place":"{}","topology.kubernetes.io/zone":"a"}}}}}}' | kubectl create -f -"#,
        pool.place.namespace.name()
    );
    let args = ["pool", &pool.selector(), "--all", "--yes", "-o", "json", "--replace-command", &replace];
    let events = pool.place.drainsafe(&args).output().exits(0).events();
    assert_eq!(summary(&events)["pool"]["replaced"].as_array().unwrap().len(), 3, "{events:#?}");
    let replacing = events.iter().filter(|event| event["event"] == "replacing").count();
    assert_eq!(replacing, 3, "each once: {events:#?}");
    assert!(uids().is_disjoint(&before));
    pool.is_taken_back();
}

pub fn a_killed_update_is_gone_on_with_from_another_folder() {
    let cluster = Cluster::shared();
    let pool = Pool::new(&cluster, "pool-killed", 3, 6, &script());
    let mut running = pool.with_surge(&[]).start();
    pool.wait_replaced(1, 6);
    running.kill();
    let _ = running.wait();
    let status = pool.place.drainsafe(&["status", "-o", "json"]).output().exits(0).report();
    assert_eq!(status["runs"][0]["state"], "killed", "{status:#}");
    assert_eq!(status["runs"][0]["pool"]["outdated"], 6, "{status:#}");
    let events =
        pool.place.drainsafe(&["resume", "--yes", "-o", "json"]).folder(Path::new("/")).output().exits(0).events();
    assert_eq!(summary(&events)["pool"]["replaced"].as_array().unwrap().len(), 6);
    assert_eq!(summary(&events)["pool"]["moves"], 6, "also those of nodes that were half drained: {events:#?}");
    pool.is_renewed();
    assert_eq!(pool.nodes().len(), 6, "no node was asked for twice");
}

/// Each command holds its run up, and the run is killed meanwhile: the first when its node is gone already, the second
/// before it has done anything.
pub fn a_command_whose_node_is_gone_is_never_run_again() {
    let cluster = Cluster::shared();
    let pool = Pool::new(&cluster, "pool-command", 1, 2, &script());
    let folder = scratch::directory("commands");
    let replace = format!(
        r#"cd '{}'; echo "$DRAINSAFE_NODE $DRAINSAFE_ATTEMPT" >>log
        remove() {{ kubectl delete node "$DRAINSAFE_NODE" --wait=false; }}
        if mkdir first 2>/dev/null; then remove; mkdir first-holds; exec sleep 30; fi
        if mkdir second 2>/dev/null; then mkdir second-holds; exec sleep 30; fi
        remove"#,
        folder.display()
    );
    let surge = pool.surge_command("");
    let mut running = pool.with_commands(&surge, &replace, &[]).start();
    let killed_at = |running: &mut patchkit_test_support::Running, file: &str| {
        cluster.wait_for(file, || folder.join(file).exists().then_some(()));
        running.kill();
    };
    killed_at(&mut running, "first-holds");
    let _ = running.wait();
    let mut running = pool.place.drainsafe(&["resume", "--yes"]).start();
    killed_at(&mut running, "second-holds");
    let _ = running.wait();
    let events = pool.place.drainsafe(&["resume", "--yes", "-o", "json"]).output().exits(0).events();
    assert_eq!(summary(&events)["pool"]["moves"], 2, "{events:#?}");
    let log = fs::read_to_string(folder.join("log")).unwrap();
    let lines: Vec<&str> = log.lines().collect();
    let namespace = pool.place.namespace.name();
    assert_eq!(
        lines,
        [format!("{namespace}-old-0 1"), format!("{namespace}-old-1 1"), format!("{namespace}-old-1 2")],
        "the node of the first is gone; that of the second is there"
    );
    pool.is_renewed();
}

pub fn a_pause_and_an_undo() {
    let cluster = Cluster::shared();
    // The run sees the pause when it renews its lock: slow pods make sure that there is something left by then.
    let pool = Pool::new(&cluster, "pool-pause", 1, 4, &slow_script());
    let running = pool.with_surge(&["-o", "json"]).start();
    pool.wait_replaced(1, 4);
    // Another operator.
    let refused = pool.with_surge(&[]).output().exits(1);
    assert!(refused.stderr.contains("holds the lock: it drains"), "{}", refused.stderr);
    let _ = pool.place.drainsafe(&["pause"]).output().exits(0);
    let refused = pool.with_surge(&[]).output().exits(1);
    assert!(refused.stderr.contains("run "), "one at a time, paused or not: {}", refused.stderr);
    let events = running.wait().exits(4).events();
    assert_eq!(summary(&events)["outcome"], "paused");
    assert_eq!(summary(&events)["failed"], json!([]));
    // What was not begun takes pods, though others are better.
    let left = pool.old();
    assert!(!left.is_empty());
    for node in &left {
        assert!(node["spec"]["unschedulable"].is_null(), "{node:#}");
        assert_eq!(node["spec"]["taints"][0]["effect"], "PreferNoSchedule", "{node:#}");
    }
    let _ = pool.place.drainsafe(&["resume", "--yes"]).output().exits(0);
    pool.is_renewed();

    let other = Pool::new(&cluster, "pool-undo", 1, 3, &script());
    let stopped =
        other.with_surge(&["--gate", "false", "--gate-timeout", "0s", "-o", "json"]).output().exits(4).events();
    assert_eq!(summary(&stopped)["outcome"], "stopped");
    assert!(stopped.iter().any(|event| event["event"] == "gate-failed"));
    assert_eq!(summary(&stopped)["pool"]["replaced"].as_array().unwrap().len(), 1, "the first needs no gate");
    let _ = other.place.drainsafe(&["undo"]).output().exits(0);
    other.is_taken_back();
}

pub fn nodes_that_never_become_ready_end_it() {
    let cluster = Cluster::shared();
    let pool = Pool::new(&cluster, "pool-unready", 1, 3, &script());
    let command = pool.surge_command(r#""annotations":{"test.patchkit.dev/not-ready":"true"},"#);
    let events = pool.with_surge_by(&command, &["--surge-timeout", "3s", "-o", "json"]).output().exits(4).events();
    let detail = events.last().unwrap()["detail"].as_str().unwrap();
    assert!(detail.contains("1 new node did not become Ready within 3 s") && detail.contains("-new-"), "{detail}");
    assert_eq!(summary(&events)["evicted"], 0);
    let _ = pool.place.drainsafe(&["undo"]).output().exits(0);
    pool.is_taken_back();
    // A command that fails says why.
    let failed = pool.with_surge_by("echo no quota >&2; exit 1", &[]).output().exits(4);
    assert!(
        failed.stdout.contains("no nodes could be added") && failed.stdout.contains("no quota"),
        "{}",
        failed.stdout
    );
    let _ = pool.place.drainsafe(&["undo"]).output().exits(0);
}

pub fn a_window_ends_it_and_the_next_goes_on() {
    let cluster = Cluster::shared();
    let pool = Pool::new(&cluster, "pool-window", 1, 4, &slow_script());
    // A step of a plan whose window closes soon: not all nodes can be through by then.
    let now = from_now();
    let nodes: Vec<Value> = pool.old().iter().map(|node| node["metadata"]["name"].clone()).collect();
    let plan = json!({"apiVersion": "patchkit/v1", "kind": "PlanReport", "plan": {"steps": [{"number": 3, "title": "Renew",
        "pool": "p", "nodes": nodes, "surge": 1, "notBefore": now(-60), "notAfter": now(12)}]}});
    for node in &nodes {
        let _ = cluster.kubectl(&["label", "node", node.as_str().unwrap(), "pool-of-test=p"]).output().exits(0);
    }
    let command = pool.surge_command("").replace("\"labels\":{", "\"labels\":{\"pool-of-test\":\"p\",");
    let args = [
        "pool",
        "--plan",
        "-",
        "--step",
        "3",
        "--pool-label",
        "pool-of-test",
        "--yes",
        "-o",
        "json",
        "--surge-command",
        &command,
        "--delete-node",
    ];
    let events = pool.place.drainsafe(&args).input(plan.to_string()).output().exits(4).events();
    assert_eq!(summary(&events)["outcome"], "paused", "{:#}", events.last().unwrap());
    assert!(events.last().unwrap()["detail"].as_str().unwrap().contains("maintenance window"));
    let left = pool.old();
    assert!(!left.is_empty() && left.iter().all(|node| node["spec"]["unschedulable"].is_null()));
    // It is over, and without another one the run does not go on.
    let closed = pool.place.drainsafe(&["resume", "--yes"]).output().exits(4);
    assert!(closed.stdout.contains("no other one opens"), "{}", closed.stdout);
    let events = pool
        .place
        .drainsafe(&["resume", "--yes", "-o", "json", "--window", "daily 00:00-24:00 UTC"])
        .output()
        .exits(0)
        .events();
    assert_eq!(summary(&events)["pool"]["replaced"].as_array().unwrap().len(), 4);
    pool.is_renewed();
}

/// Times so many seconds from now, as a plan writes them.
fn from_now() -> impl Fn(i64) -> String {
    |seconds| {
        let at = format!(
            "@{}",
            std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs() as i64 + seconds
        );
        Run::new("date").args(["-u", "-d", &at, "+%Y-%m-%dT%H:%M:%SZ"]).output().exits(0).stdout.trim().to_owned()
    }
}

pub fn a_node_that_dies_while_it_is_drained_fails_alone() {
    let cluster = Cluster::own(&ClusterOptions::new().flag("--node-grace=10s"));
    let pool = Pool::new(&cluster, "pool-dies", 1, 3, &script());
    // Its kubelet is about to stop: this pod never ends.
    let pods = pool.place.pods();
    let pod = pods[0]["metadata"]["name"].as_str().unwrap();
    let dying = pods[0]["spec"]["nodeName"].as_str().unwrap();
    let hang = ["annotate", "pod", pod, "test.patchkit.dev/end-after=never", "--overwrite"];
    let _ = pool.place.namespace.kubectl(&hang).output().exits(0);
    let running = pool.with_surge(&["--max-failed-nodes", "1", "-o", "json"]).start();
    cluster.wait_for("the pod to be evicted", || {
        let found = pool.place.pods().into_iter().find(|found| found["metadata"]["name"] == pod)?;
        found["metadata"]["deletionTimestamp"].is_string().then_some(())
    });
    let label = "test.patchkit.dev/kubelet";
    let _ = cluster.kubectl(&["label", "node", dying, &format!("{label}=stopped")]).output().exits(0);
    let events = running.wait().exits(4).events();
    let summary = summary(&events);
    assert_eq!(summary["notDrained"], json!([dying]), "{summary:#}");
    assert_eq!(summary["pool"]["replaced"].as_array().unwrap().len(), 2, "{summary:#}");
    assert!(summary["failed"][0]["why"].as_str().unwrap().contains("does not answer"), "{summary:#}");
    // Somebody repairs it.
    let _ = cluster.kubectl(&["label", "node", dying, &format!("{label}-")]).output().exits(0);
    let _ = pool.place.namespace.kubectl(&["delete", "pod", pod, "--force", "--grace-period=0"]).output();
    cluster.wait_for("the node to be Ready again", || condition(&pool.place.node(dying), "Ready").then_some(()));
    cluster.wait_for("the node to take pods again", || {
        let taints = pool.place.node(dying)["spec"]["taints"].to_string();
        (!taints.contains("unreachable") && !taints.contains("not-ready")).then_some(())
    });
    let _ = pool.place.drainsafe(&["resume", "--yes"]).output().exits(0);
    pool.is_renewed();
}

/// Every line of the guide, in a folder with the files of its example.
pub fn the_guide_to_the_weekly_update_is_true() {
    let cluster = Cluster::own(&ClusterOptions::new());
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folder = scratch::directory("guide");
    for file in fs::read_dir(root.join("examples/pool")).unwrap() {
        let file = file.unwrap();
        fs::copy(file.path(), folder.join(file.file_name())).unwrap();
    }
    let page = fs::read_to_string(root.join("docs/guides/weekly-node-image-update.md")).unwrap();
    let mut shown = String::new();
    for (line, block) in shell_blocks(&page) {
        for (number, command) in (line..).zip(block.lines()) {
            let output = cluster.run("sh").args(["-c", command]).folder(&folder).output();
            assert_eq!(output.code(), Some(0), "line {number}: {command}\n{}{}", output.stdout, output.stderr);
            shown.push_str(&output.stdout);
        }
    }
    assert!(shown.contains("pool workers: 3 of 3 outdated nodes replaced, 1.00 moves per pod"), "{shown}");
    assert!(shown.contains("Up to date"), "{shown}");
}
