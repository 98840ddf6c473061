//! The simulation of a drain, on clusters that are written down here.

use kubectl_drainsafe::{
    fit::{Filter, Index},
    simulate::{self, Held, NotReplaced, Outcome, Placement, Proof, Returns, Template},
};
use patchkit::snapshot::{Snapshot, files::from_files};
use serde_json::{Value, json};

fn node(name: &str, zone: &str, cpu: u32) -> Value {
    json!({"apiVersion": "v1", "kind": "Node",
        "metadata": {"name": name, "labels": {"kubernetes.io/hostname": name, "topology.kubernetes.io/zone": zone}},
        "status": {"allocatable": {"cpu": format!("{cpu}m"), "memory": "8Gi", "pods": "10"}}})
}

fn spec(cpu: u32) -> Value {
    json!({"containers": [{"name": "c", "image": "i", "resources": {"requests": {"cpu": format!("{cpu}m")}}}]})
}

/// An owner of this kind with a template.
fn owner(kind: &str, name: &str, spec: &Value) -> Value {
    let api_version = match kind {
        "Job" => "batch/v1",
        "ReplicationController" => "v1",
        _ => "apps/v1",
    };
    json!({"apiVersion": api_version, "kind": kind, "metadata": {"namespace": "shop", "name": name, "uid": name},
        "spec": {"replicas": 1, "template": {"metadata": {"labels": {"app": name}}, "spec": spec}}})
}

/// A running pod of that owner.
fn pod(name: &str, kind: &str, owner: &str, node: &str, spec: &Value) -> Value {
    let api_version = if kind == "Job" { "batch/v1" } else { "apps/v1" };
    let mut pod = json!({"apiVersion": "v1", "kind": "Pod",
        "metadata": {"namespace": "shop", "name": name, "uid": format!("uid-{name}"), "labels": {"app": owner},
            "ownerReferences": [{"apiVersion": api_version, "kind": kind, "name": owner, "uid": owner, "controller": true}]},
        "spec": spec.clone(), "status": {"phase": "Running"}});
    pod["spec"]["nodeName"] = json!(node);
    pod
}

/// A ReplicaSet with pods on these nodes.
fn replica_set(name: &str, nodes: &[&str], spec: &Value) -> Vec<Value> {
    let pods =
        nodes.iter().enumerate().map(|(number, node)| pod(&format!("{name}-{number}"), "ReplicaSet", name, node, spec));
    std::iter::once(owner("ReplicaSet", name, spec)).chain(pods).collect()
}

fn snapshot(objects: &[Value]) -> Snapshot {
    let text = Value::Array(objects.to_vec()).to_string();
    let snapshot = from_files(&["-".to_owned()], false, text.as_bytes(), |_| {}).unwrap();
    assert_eq!(snapshot.not_evaluated, []);
    snapshot
}

/// Drains nodes of all their pods; gives each pod's name with what becomes of it, and the names of the nodes.
fn drain(objects: &[Value], nodes: &[&str]) -> Vec<(String, Placement, Option<String>)> {
    let snapshot = snapshot(objects);
    let index = Index::new(&snapshot);
    let drained: Vec<usize> = nodes.iter().map(|name| index.node_number(name).unwrap()).collect();
    let evicted: Vec<usize> =
        (0..snapshot.pods.len()).filter(|pod| nodes.contains(&&*snapshot.pods[*pod].node)).collect();
    let simulation = simulate::run(&index, &drained, &evicted);
    assert_eq!(simulation.placements.len(), evicted.len());
    simulation
        .placements
        .into_iter()
        .map(|placement| {
            let node = placement.outcome.node().map(|node| index.nodes()[node].name().to_owned());
            (snapshot.pods[placement.pod].meta.name.to_string(), placement, node)
        })
        .collect()
}

fn one(objects: &[Value], nodes: &[&str]) -> (Placement, Option<String>) {
    let (_, placement, node) = drain(objects, nodes).into_iter().next().unwrap();
    (placement, node)
}

fn filters(placement: &Placement) -> Vec<Filter> {
    placement.rejections.groups().map(|(rejection, _)| rejection.filter).collect()
}

#[test]
fn a_pod_gets_a_node_that_takes_it_and_the_others_say_why_not() {
    let mut objects = vec![node("a", "z1", 1000), node("b", "z1", 1000), node("full", "z1", 100)];
    objects.extend(replica_set("web", &["a"], &spec(500)));
    let (placement, place) = one(&objects, &["a"]);
    assert_eq!(place.as_deref(), Some("b"));
    assert_eq!(placement.outcome, Outcome::Placed { node: 1, proof: Proof::AnyChoice });
    assert_eq!(placement.template, Some(Template::Owner { kind: "ReplicaSet", name: "web".into() }));
    assert_eq!(filters(&placement), [Filter::NodeUnschedulable, Filter::NodeResourcesFit]);
}

#[test]
fn the_judgement_is_cumulative() {
    // Each of them would fit by itself.
    let mut objects = vec![node("a", "z1", 2000), node("b", "z1", 1000)];
    objects.extend(replica_set("web", &["a", "a"], &spec(600)));
    let placed = drain(&objects, &["a"]);
    assert!(placed.iter().all(|(_, placement, _)| !matches!(placement.outcome, Outcome::Placed { .. })), "{placed:?}");
    assert!(placed.iter().all(|(_, placement, _)| matches!(placement.outcome, Outcome::NotProven { .. })));
    assert_eq!(placed.iter().filter(|(_, _, node)| node.is_some()).count(), 1);
}

#[test]
fn no_place_is_certain_only_where_a_pod_alone_finds_none() {
    let mut objects = vec![node("a", "z1", 2000), node("b", "z1", 1000)];
    objects.extend(replica_set("web", &["a"], &spec(1500)));
    let (placement, _) = one(&objects, &["a"]);
    assert_eq!(placement.outcome, Outcome::NoPlace);
    assert_eq!(placement.rejections.len(), 2);
}

#[test]
fn a_place_that_another_choice_takes_away_is_not_proven() {
    // small fits b and c, large fits b only: if the scheduler puts small onto b, large has no place.
    let mut objects = vec![node("a", "z1", 4000), node("b", "z1", 1500), node("c", "z1", 600)];
    objects.extend(replica_set("small", &["a"], &spec(500)));
    objects.extend(replica_set("large", &["a"], &spec(1200)));
    let placed = drain(&objects, &["a"]);
    let of = |name: &str| placed.iter().find(|(pod, _, _)| pod == name).unwrap();
    // Hard-to-place pods first, so that a place is shown for both.
    assert_eq!(of("large-0").2.as_deref(), Some("b"));
    assert_eq!(of("small-0").2.as_deref(), Some("c"));
    assert!(matches!(of("large-0").1.outcome, Outcome::NotProven { node: Some(_), .. }), "{placed:?}");
}

#[test]
fn the_replacement_is_built_from_the_template() {
    // The running pod was resized, and the template was given a node selector by its next revision.
    let mut template = spec(1500);
    template["nodeSelector"] = json!({"kubernetes.io/hostname": "b"});
    let objects = vec![
        node("a", "z1", 1000),
        node("b", "z1", 1000),
        owner("ReplicaSet", "web", &template),
        pod("web-0", "ReplicaSet", "web", "a", &spec(100)),
    ];
    let (placement, _) = one(&objects, &["a"]);
    assert_eq!(placement.outcome, Outcome::NoPlace);
    let by_filter: Vec<Filter> = filters(&placement);
    assert_eq!(by_filter, [Filter::NodeUnschedulable, Filter::NodeResourcesFit]);
}

#[test]
fn what_admission_filled_in_is_filled_in_again() {
    // A LimitRange gave the pod its request, and a webhook a sidecar.
    let bare = json!({"containers": [{"name": "c", "image": "i"}]});
    let mut running = spec(700);
    running["containers"]
        .as_array_mut()
        .unwrap()
        .push(json!({"name": "proxy", "image": "p", "resources": {"requests": {"cpu": "400m"}}}));
    let objects = vec![
        node("a", "z1", 2000),
        node("b", "z1", 1000),
        owner("ReplicaSet", "web", &bare),
        pod("web-0", "ReplicaSet", "web", "a", &running),
    ];
    assert_eq!(one(&objects, &["a"]).0.outcome, Outcome::NoPlace);
}

#[test]
fn an_owner_that_was_not_read_leaves_the_pods_own_specification() {
    let objects =
        vec![node("a", "z1", 1000), node("b", "z1", 1000), pod("web-0", "ReplicaSet", "web", "a", &spec(100))];
    let (placement, place) = one(&objects, &["a"]);
    assert_eq!(place.as_deref(), Some("b"));
    assert!(matches!(&placement.template, Some(Template::OwnSpec { why }) if why.contains("ReplicaSet/web")));
}

#[test]
fn pods_without_a_replacement_are_told_apart() {
    let mut bare = pod("bare", "ReplicaSet", "x", "a", &spec(1));
    bare["metadata"]["ownerReferences"] = json!([]);
    let mut done = pod("done", "ReplicaSet", "x", "a", &spec(1));
    done["status"]["phase"] = json!("Succeeded");
    let mut file = pod("file", "Node", "a", "a", &spec(1));
    file["metadata"]["annotations"] = json!({"kubernetes.io/config.mirror": "x"});
    let objects =
        [node("a", "z1", 1000), node("b", "z1", 1000), bare, pod("ds", "DaemonSet", "ds", "a", &spec(1)), done, file];
    let outcomes: Vec<_> = drain(&objects, &["a"]).into_iter().map(|(_, placement, _)| placement.outcome).collect();
    let expected = [NotReplaced::NoController, NotReplaced::Finished, NotReplaced::DaemonSet, NotReplaced::StaticPod];
    assert_eq!(outcomes, expected.map(Outcome::NotReplaced));
}

#[test]
fn a_cordoned_node_stays_a_domain_for_spread() {
    // Zone z1 has only drained nodes: it keeps its place in the spread, and nothing can go there.
    let mut spread = spec(10);
    spread["topologySpreadConstraints"] = json!([{"maxSkew": 1, "topologyKey": "topology.kubernetes.io/zone",
        "whenUnsatisfiable": "DoNotSchedule", "labelSelector": {"matchLabels": {"app": "web"}}}]);
    let mut objects = vec![node("a", "z1", 1000), node("b", "z2", 1000), node("c", "z3", 1000)];
    objects.extend(replica_set("web", &["a", "b", "c"], &spread));
    let (placement, _) = one(&objects, &["a"]);
    assert_eq!(placement.outcome, Outcome::NoPlace);
    assert!(filters(&placement).contains(&Filter::PodTopologySpread));
    // With another node in the zone there is a place, and only there.
    objects.push(node("d", "z1", 1000));
    let (placement, place) = one(&objects, &["a"]);
    assert_eq!(place.as_deref(), Some("d"));
    assert!(matches!(placement.outcome, Outcome::Placed { proof: Proof::Tried, .. }), "{placement:?}");
}

#[test]
fn taints_can_be_honoured_by_spread() {
    let mut spread = spec(10);
    spread["topologySpreadConstraints"] = json!([{"maxSkew": 1, "topologyKey": "topology.kubernetes.io/zone",
        "whenUnsatisfiable": "DoNotSchedule", "nodeTaintsPolicy": "Honor",
        "labelSelector": {"matchLabels": {"app": "web"}}}]);
    let mut objects = vec![node("a", "z1", 1000), node("b", "z2", 1000)];
    objects.extend(replica_set("web", &["a", "b"], &spread));
    // The cordon's taint takes the zone out of the count.
    assert_eq!(one(&objects, &["a"]).1.as_deref(), Some("b"));
}

#[test]
fn anti_affinity_counts_between_replacements() {
    let mut apart = spec(10);
    apart["affinity"] = json!({"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [
        {"topologyKey": "kubernetes.io/hostname", "labelSelector": {"matchLabels": {"app": "db"}}}]}});
    let mut objects = vec![node("a", "z1", 1000), node("b", "z1", 1000), node("c", "z1", 1000)];
    objects.extend(replica_set("db", &["a", "b"], &apart));
    let placed = drain(&objects, &["a", "b"]);
    assert_eq!(placed.iter().filter(|(_, _, node)| node.as_deref() == Some("c")).count(), 1);
    assert!(placed.iter().all(|(_, placement, _)| matches!(placement.outcome, Outcome::NotProven { .. })));
    objects.push(node("d", "z1", 1000));
    let placed = drain(&objects, &["a", "b"]);
    assert!(placed.iter().all(|(_, placement, _)| matches!(placement.outcome, Outcome::Placed { .. })), "{placed:?}");
}

#[test]
fn a_pod_waits_for_the_one_that_it_wants_to_be_beside() {
    let mut beside = spec(10);
    beside["affinity"] = json!({"podAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [
        {"topologyKey": "kubernetes.io/hostname", "labelSelector": {"matchLabels": {"app": "cache"}}}]}});
    let mut objects = vec![node("a", "z1", 1000), node("b", "z1", 1000), node("c", "z1", 1000)];
    objects.extend(replica_set("web", &["a"], &beside));
    objects.extend(replica_set("cache", &["a"], &spec(10)));
    let placed = drain(&objects, &["a"]);
    assert!(placed.iter().all(|(_, placement, _)| matches!(placement.outcome, Outcome::Placed { .. })), "{placed:?}");
    assert_eq!(placed[0].2, placed[1].2);
}

#[test]
fn local_volumes_hold_a_pod() {
    let mut with_disk = spec(10);
    with_disk["volumes"] = json!([{"name": "data", "persistentVolumeClaim": {"claimName": "data-db-0"}}]);
    let claim = json!({"apiVersion": "v1", "kind": "PersistentVolumeClaim",
        "metadata": {"namespace": "shop", "name": "data-db-0", "annotations": {"pv.kubernetes.io/bind-completed": "yes"}},
        "spec": {"volumeName": "pv", "storageClassName": "local", "accessModes": ["ReadWriteOnce"],
            "resources": {"requests": {"storage": "1Gi"}}}, "status": {"phase": "Bound"}});
    let volume = json!({"apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": "pv"},
        "spec": {"local": {"path": "/d"}, "storageClassName": "local", "capacity": {"storage": "1Gi"},
            "claimRef": {"namespace": "shop", "name": "data-db-0"}, "accessModes": ["ReadWriteOnce"],
            "nodeAffinity": {"required": {"nodeSelectorTerms": [{"matchExpressions": [
                {"key": "kubernetes.io/hostname", "operator": "In", "values": ["a"]}]}]}}}});
    let mut set = owner("StatefulSet", "db", &spec(10));
    set["spec"]["volumeClaimTemplates"] = json!([{"metadata": {"name": "data"}}]);
    let objects = vec![
        node("a", "z1", 1000),
        node("b", "z1", 1000),
        set,
        claim,
        volume,
        pod("db-0", "StatefulSet", "db", "a", &with_disk),
    ];
    let (placement, _) = one(&objects, &["a"]);
    assert_eq!(placement.outcome, Outcome::NoPlace);
    assert_eq!(placement.held, [Held::Volume("pv".into())]);
    assert_eq!(filters(&placement), [Filter::NodeUnschedulable, Filter::VolumeBinding]);
}

#[test]
fn a_new_ephemeral_volume_is_made_where_the_pod_goes() {
    let mut with_disk = spec(10);
    with_disk["volumes"] = json!([{"name": "tmp", "ephemeral": {"volumeClaimTemplate": {"spec": {
        "accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}}}}]);
    let class = json!({"apiVersion": "storage.k8s.io/v1", "kind": "StorageClass",
        "metadata": {"name": "fast", "annotations": {"storageclass.kubernetes.io/is-default-class": "true"}},
        "provisioner": "csi.example.com", "volumeBindingMode": "WaitForFirstConsumer",
        "allowedTopologies": [{"matchLabelExpressions": [{"key": "topology.kubernetes.io/zone", "values": ["z2"]}]}]});
    let mut objects = vec![node("a", "z2", 1000), node("b", "z1", 1000), node("c", "z2", 1000), class];
    objects.extend(replica_set("web", &["a"], &with_disk));
    let (placement, place) = one(&objects, &["a"]);
    assert_eq!(place.as_deref(), Some("c"), "{placement:?}");
}

#[test]
fn free_volumes_are_given_away_once() {
    let local = |name: &str, node: &str| {
        json!({"apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": name},
            "spec": {"local": {"path": "/d"}, "storageClassName": "local", "capacity": {"storage": "5Gi"},
                "accessModes": ["ReadWriteOnce"],
                "nodeAffinity": {"required": {"nodeSelectorTerms": [{"matchExpressions": [
                    {"key": "kubernetes.io/hostname", "operator": "In", "values": [node]}]}]}}},
            "status": {"phase": "Available"}})
    };
    let class = json!({"apiVersion": "storage.k8s.io/v1", "kind": "StorageClass", "metadata": {"name": "local"},
        "provisioner": "kubernetes.io/no-provisioner", "volumeBindingMode": "WaitForFirstConsumer"});
    let mut with_disk = spec(10);
    with_disk["volumes"] = json!([{"name": "tmp", "ephemeral": {"volumeClaimTemplate": {"spec": {
        "storageClassName": "local", "accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}}}}]);
    let mut objects = vec![node("a", "z1", 1000), node("b", "z1", 1000), class, local("one", "b")];
    objects.extend(replica_set("web", &["a"], &with_disk));
    objects.extend(replica_set("api", &["a"], &with_disk));
    let nodes = |objects: &[Value]| drain(objects, &["a"]).into_iter().filter(|(_, _, node)| node.is_some()).count();
    assert_eq!(nodes(&objects), 1);
    objects.push(local("two", "b"));
    assert_eq!(nodes(&objects), 2);
}

#[test]
fn what_comes_straight_back_is_told() {
    let mut tolerant = spec(10);
    tolerant["tolerations"] = json!([{"operator": "Exists"}]);
    let mut objects = vec![node("a", "z1", 1000), node("b", "z1", 1000)];
    objects.extend(replica_set("agent", &["a"], &tolerant));
    let (placement, place) = one(&objects, &["a"]);
    assert_eq!((placement.returns, place.as_deref()), (Some(Returns::ToleratesCordon), Some("b")));

    let mut fixed = spec(10);
    fixed["nodeName"] = json!("a");
    let mut objects = vec![node("a", "z1", 1000), node("b", "z1", 1000)];
    objects.extend(replica_set("fixed", &["a"], &fixed));
    let (placement, _) = one(&objects, &["a"]);
    assert_eq!(placement.returns, Some(Returns::NamesNode("a".into())));
    assert!(matches!(placement.outcome, Outcome::NotEvaluated(_)));
}

#[test]
fn quotas_and_preemption_are_told_apart_from_the_verdict() {
    let mut important = spec(900);
    important["priority"] = json!(1000);
    let mut objects = vec![node("a", "z1", 1000), node("b", "z1", 1000)];
    objects.extend(replica_set("web", &["a"], &important));
    objects.extend(replica_set("batch", &["b"], &spec(500)));
    objects.push(json!({"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"namespace": "shop", "name": "few"},
        "spec": {"hard": {"pods": "2"}}, "status": {"hard": {"pods": "2"}, "used": {"pods": "2"}}}));
    let (placement, _) = one(&objects, &["a"]);
    assert_eq!(placement.outcome, Outcome::NoPlace);
    assert!(placement.notes.iter().any(|note| note.contains("quota few")), "{:?}", placement.notes);
    assert!(
        placement.notes.iter().any(|note| note.contains("preempt") && note.contains(" b")),
        "{:?}",
        placement.notes
    );
}

#[test]
fn many_pods_with_room_are_proven_without_trying() {
    let mut objects: Vec<Value> = (0..40).map(|number| node(&format!("n{number:02}"), "z1", 1000)).collect();
    objects.extend(replica_set("web", &["n00"; 9], &spec(100)));
    let snapshot = snapshot(&objects);
    let index = Index::new(&snapshot);
    let evicted: Vec<usize> = (0..snapshot.pods.len()).collect();
    let simulation = simulate::run(&index, &[0], &evicted);
    assert_eq!(simulation.rounds, 0);
    assert!(
        simulation.placements.iter().all(|it| matches!(it.outcome, Outcome::Placed { proof: Proof::AnyChoice, .. }))
    );
}
