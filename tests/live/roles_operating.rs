//! What changes a cluster, under exactly the role that is shipped for it, and under that role without one right.

use std::path::Path;

use patchkit_test_support::{
    Cluster, Namespace, Output,
    rights::{Right, rights, rules},
};
use serde_json::{Value, json};

use crate::{
    drainsafe_node::Place,
    roles::{Lacking, granted, manifest, said, without},
};

/// For each right that a plugin's role to operate has beyond the reading one, a user who lacks it.
fn each_lacking_one(cluster: &Cluster, plugin: &str) -> Vec<Lacking> {
    let operate = manifest(cluster, plugin, "operate");
    let reads = rights(&manifest(cluster, plugin, "read-only"));
    // Of a right that both roles have, such as to get the lock, there is no other one.
    let own = rights(&operate).into_iter().filter(|right| !reads.contains(right));
    without(cluster, plugin, &rules(&operate), own.map(|right| vec![right]).collect())
}

fn assert_named(lacking: &Lacking, outputs: &[Output]) {
    let all: String = outputs.iter().map(said).collect();
    for right in &lacking.rights {
        assert!(right.is_named_in(&all), "{right:?} is not named:\n{all}");
    }
    // A watch only makes it quicker to see what happens, and a lock that stays behind runs out by itself.
    let can_do_without =
        |right: &Right| right.verb == "watch" || (right.verb == "delete" && right.resource == "leases");
    let is_clean = outputs.iter().all(|output| output.code() == Some(0));
    assert!(!is_clean || lacking.rights.iter().all(can_do_without), "{:?}: a clean end\n{all}", lacking.rights);
}

// --- secpatch fix --------------------------------------------------------------------------------------------------

/// One object of every kind that can be changed, each of which baseline refuses.
const CHANGED: &[(&str, &str, &str)] = &[
    ("apps", "daemonsets", "DaemonSet"),
    ("apps", "deployments", "Deployment"),
    ("apps", "replicasets", "ReplicaSet"),
    ("apps", "statefulsets", "StatefulSet"),
    ("batch", "cronjobs", "CronJob"),
    ("", "podtemplates", "PodTemplate"),
    ("", "replicationcontrollers", "ReplicationController"),
];

fn workloads(namespace: &Namespace<'_>) {
    let template = |name: &str, policy: &str| {
        json!({"metadata": {"labels": {"app": name}}, "spec": {"restartPolicy": policy, "containers": [
            {"name": "a", "image": "a:1", "securityContext": {"privileged": true}}]}})
    };
    let object = |(group, _, kind): &(&str, &str, &str)| -> Value {
        let name = kind.to_lowercase();
        let version = if group.is_empty() { "v1".to_owned() } else { format!("{group}/v1") };
        let head = json!({"apiVersion": version, "kind": kind, "metadata": {"name": name}});
        let labels = json!({"app": name});
        let mut object = head;
        match *kind {
            "PodTemplate" => object["template"] = template(&name, "Always"),
            "ReplicationController" => {
                object["spec"] = json!({"replicas": 1, "selector": labels, "template": template(&name, "Always")})
            }
            "CronJob" => {
                object["spec"] =
                    json!({"schedule": "0 0 1 1 *", "jobTemplate": {"spec": {"template": template(&name, "Never")}}});
            }
            _ => {
                object["spec"] = json!({"selector": {"matchLabels": labels}, "template": template(&name, "Always")});
                if *kind == "StatefulSet" {
                    object["spec"]["serviceName"] = "none".into();
                }
            }
        }
        object
    };
    let items: Vec<Value> = CHANGED.iter().map(object).collect();
    namespace.apply(&json!({"apiVersion": "v1", "kind": "List", "items": items}).to_string());
}

pub fn secpatch_fix_works_with_its_role_and_names_what_is_missing() {
    let cluster = Cluster::own_with_a_node();
    let namespace = cluster.namespace("fix-role");
    workloads(&namespace);
    let _ = namespace.kubectl(&["rollout", "status", "deployment/deployment", "--timeout=60s"]).output().exits(0);
    let fix = |args: &[&str]| namespace.kubectl(&[&["secpatch", "fix", "--yes"], args].concat());
    let kubeconfig = granted(&cluster, &namespace, "secpatch", "operate");
    let applied =
        fix(&["--level", "baseline", "--apply", "-o", "json"]).env("KUBECONFIG", &kubeconfig).output().exits(0);
    let report = applied.report();
    let outcomes = report["applied"].as_array().expect("a list");
    let changed = |it: &&Value| it["outcome"] == "changed";
    assert_eq!(outcomes.iter().filter(changed).count(), CHANGED.len(), "{outcomes:#?}");
    assert!(!said(&applied).contains("orbidden"), "{}", said(&applied));
    let undone = fix(&["--undo"]).env("KUBECONFIG", &kubeconfig).output().exits(0);
    assert!(!said(&undone).contains("orbidden"), "{}", said(&undone));

    for lacking in each_lacking_one(&cluster, "secpatch") {
        let right = &lacking.rights[0];
        let of_workload =
            CHANGED.iter().find(|(group, plural, _)| (*group, *plural) == (&right.group, &right.resource));
        let name = of_workload.map_or("deployment", |(_, _, kind)| *kind).to_lowercase();
        let object = format!("{name}/{name}");
        let mut outputs = vec![fix(&[&object, "--level", "baseline", "--apply", "--as", &lacking.user]).output()];
        outputs.push(fix(&["--undo", "--as", &lacking.user]).output());
        assert_named(&lacking, &outputs);
        let _ = fix(&["--undo"]).output().exits(0);
    }
    let left = namespace.kubectl(&["get", "configmaps", "-l", "secpatch.patchkit.dev/fix", "-o", "name"]).output();
    assert_eq!(left.exits(0).stdout, "", "journals");
}

// --- netpolcheck suggest -------------------------------------------------------------------------------------------

pub fn netpolcheck_suggest_works_with_its_role_and_names_what_is_missing() {
    let cluster = Cluster::own_with_a_node();
    let namespace = cluster.namespace("suggest-role");
    let _ = namespace.kubectl(&["create", "deployment", "web", "--image=a:1"]).output().exits(0);
    let _ = namespace.kubectl(&["rollout", "status", "deployment/web", "--timeout=60s"]).output().exits(0);
    let suggest = |args: &[&str]| namespace.kubectl(&[&["netpolcheck", "suggest", "--yes"], args].concat());
    let denying = ["--default-deny", "--apply", "--fail-on", "none"];
    let kubeconfig = granted(&cluster, &namespace, "netpolcheck", "operate");
    let with_role = |args: &[&str]| {
        let output = suggest(args).env("KUBECONFIG", &kubeconfig).output();
        assert!(!said(&output).contains("orbidden"), "{}", said(&output));
        output
    };
    let policies = || {
        let list = namespace.kubectl(&["get", "networkpolicies", "-o", "name"]).output().exits(0).stdout;
        list.lines().count()
    };
    let applied = with_role(&denying);
    assert!(policies() > 0, "{}", said(&applied));
    // Once more, with other policies in the place of those: they are replaced.
    let today = ["--today", "--apply", "--fail-on", "none"];
    let _ = with_role(&today);
    let _ = with_role(&["--undo"]).exits(0);
    let _ = with_role(&["--undo"]).exits(0);
    assert_eq!(policies(), 0);

    for lacking in each_lacking_one(&cluster, "netpolcheck") {
        let user = ["--as", lacking.user.as_str()];
        let mut outputs = Vec::new();
        if ["update", "delete"].contains(&lacking.rights[0].verb.as_str()) {
            let _ = suggest(&denying).output();
        }
        outputs.push(suggest(&[&denying[..], &user].concat()).output());
        outputs.push(suggest(&[&["--undo"][..], &user].concat()).output());
        assert_named(&lacking, &outputs);
        let _ = suggest(&["--undo"]).output().exits(0);
    }
}

// --- drainsafe node, resume, undo ----------------------------------------------------------------------------------

/// A Deployment of one replica and no budget, on one of two nodes: any drain moves it to the other.
fn node_with_pod(place: &Place<'_>) -> String {
    place.cluster.wait_for("the pod", || {
        let pods = place.pods();
        let [pod] = pods.as_slice() else { return None };
        let is_ready = pod["status"]["phase"] == "Running" && pod["metadata"]["deletionTimestamp"].is_null();
        pod["spec"]["nodeName"].as_str().filter(|_| is_ready).map(str::to_owned)
    })
}

pub fn drainsafe_works_with_its_role_and_names_what_is_missing() {
    let cluster = Cluster::own(&patchkit_test_support::ClusterOptions::new());
    let place = Place::new(&cluster, "drain-role", 1, 1);
    place.apply(&[place.deployment("web", 1, json!({"test.patchkit.dev/end-after": "100ms"}))]);
    place.settle();
    let uncordon = || {
        let all = place.cluster.kubectl(&["uncordon", "-l", &format!("place={}", place.namespace.name())]);
        let _ = all.output().exits(0);
    };
    let drain = |node: &str, more: &[&str]| place.drainsafe(&[&["node", node, "--yes"], more].concat());
    let kubeconfig = granted(&cluster, &place.namespace, "drainsafe", "operate");
    let works = |output: Output| {
        assert!(!said(&output).contains("orbidden"), "{}", said(&output));
        output.exits(0)
    };
    let with_role =
        |run: patchkit_test_support::Run, kubeconfig: &Path| works(run.env("KUBECONFIG", kubeconfig).output());
    for more in [&[][..], &["--disable-eviction"], &["--surge-singletons"]] {
        let node = node_with_pod(&place);
        let _ = with_role(drain(&node, more), &kubeconfig);
        let _ = with_role(place.drainsafe(&["status"]), &kubeconfig);
        let _ = with_role(place.drainsafe(&["undo", "--yes"]), &kubeconfig);
        assert_ne!(node_with_pod(&place), node);
        assert!(place.node(&node)["spec"]["unschedulable"].is_null());
    }

    let mut was_resumed = false;
    let delete_nodes = Right::new("delete", "", "nodes");
    let (of_pool, of_node): (Vec<Lacking>, Vec<Lacking>) =
        each_lacking_one(&cluster, "drainsafe").into_iter().partition(|lacking| lacking.rights.contains(&delete_nodes));
    for lacking in of_node {
        let right = &lacking.rights[0];
        let more: &[&str] = match (right.resource.as_str(), right.verb.as_str()) {
            ("pods", "delete") => &["--disable-eviction"],
            ("deployments/scale", _) => &["--surge-singletons"],
            _ => &[],
        };
        let node = node_with_pod(&place);
        let mut outputs = vec![drain(&node, &[more, &["--as", &lacking.user]].concat()).output()];
        let status = place.drainsafe(&["status", "-o", "json"]).output().exits(0).report();
        let unfinished = status["runs"].as_array().into_iter().flatten().any(|run| run["unfinished"] == true);
        if unfinished {
            outputs.push(place.drainsafe(&["resume", "--yes", "--as", &lacking.user]).output());
        }
        assert_named(&lacking, &outputs);
        let unfinished = || {
            let status = place.drainsafe(&["status", "-o", "json"]).output().exits(0).report();
            status["runs"].as_array().into_iter().flatten().any(|run| run["unfinished"] == true)
        };
        // Whoever has the role goes on where that one had to stop.
        if unfinished() {
            was_resumed = true;
            let _ = with_role(place.drainsafe(&["resume", "--yes"]), &kubeconfig);
        }
        uncordon();
    }
    assert!(was_resumed, "no run was left unfinished");

    // For the last, since it takes a node away.
    let node = node_with_pod(&place);
    let _ = cluster.kubectl(&["label", "node", &node, "update=now"]).output().exits(0);
    assert_eq!(of_pool.len(), 1);
    for lacking in of_pool {
        let args = ["pool", "update=now", "--all", "--delete-node", "--yes", "--as", &lacking.user];
        assert_named(&lacking, &[place.drainsafe(&args).output()]);
    }
    // The lock is read and nobody holds it: there is no run to be paused.
    let paused = place.drainsafe(&["pause"]).env("KUBECONFIG", &kubeconfig).output();
    assert!(paused.code() != Some(0) && !said(&paused).contains("orbidden"), "{}", said(&paused));
    let _ = with_role(place.drainsafe(&["resume", "--yes"]), &kubeconfig);
    let gone = cluster.kubectl(&["get", "node", &node]).output().exits(1).stderr;
    assert!(gone.contains("NotFound"), "{gone}");
}
