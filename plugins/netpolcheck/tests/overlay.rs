//! Manifests put over what a cluster has, as an apply would: what `diff --dry-run` compares.

use kubectl_netpolcheck::{
    diff::{ChangeKind, EntranceChange, State, entrances, make, overlay},
    engine::{Analysis, View},
    foreign::{Foreign, MATTERS},
    profile::Profile,
};
use patchkit::snapshot::{Coverage, Kind, Snapshot, SnapshotBuilder, files, kinds};
use serde_json::{Value, json};

/// What the API server says of a small cluster.
fn live() -> Snapshot {
    let mut builder = SnapshotBuilder::default();
    let mut list = |kind: &Kind, items: Value| {
        let page = json!({"items": items}).to_string();
        builder.add_page(kind, page.as_bytes()).expect("a page");
        builder.saw(kind, Coverage::Complete);
    };
    let pod = |name: &str, labels: Value, owner: &str, ip: &str| {
        json!({"metadata": {"name": name, "namespace": "shop", "uid": name, "labels": labels,
            "ownerReferences": [{"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": owner, "uid": owner, "controller": true}]},
            "spec": {"nodeName": "n", "containers": [{"name": "c", "ports": [{"name": "http", "containerPort": 8080}]}]},
            "status": {"phase": "Running", "podIPs": [{"ip": ip}]}})
    };
    let template = |app: &str| {
        json!({"metadata": {"labels": {"app": app}},
            "spec": {"containers": [{"name": "c", "ports": [{"name": "http", "containerPort": 8080}]}]}})
    };
    list(
        &kinds::NAMESPACES,
        json!([{"metadata": {"name": "shop", "uid": "ns", "labels": {"team": "shop", "set": "by-others"}}}]),
    );
    list(
        &kinds::PODS,
        json!([
            pod("web-1", json!({"app": "web", "pod-template-hash": "1"}), "web-1", "10.0.0.1"),
            pod("db-1", json!({"app": "db", "pod-template-hash": "1"}), "db-1", "10.0.0.2"),
        ]),
    );
    let set = |name: &str, app: &str| {
        json!({"metadata": {"name": name, "namespace": "shop", "uid": name,
            "ownerReferences": [{"apiVersion": "apps/v1", "kind": "Deployment", "name": app, "uid": app, "controller": true}]},
            "spec": {"template": template(app)}})
    };
    list(&kinds::REPLICA_SETS, json!([set("web-1", "web"), set("db-1", "db")]));
    let deployment = |name: &str, replicas: u32| json!({"metadata": {"name": name, "namespace": "shop", "uid": name}, "spec": {"replicas": replicas, "template": template(name)}});
    list(&kinds::DEPLOYMENTS, json!([deployment("web", 1), deployment("db", 1), deployment("asleep", 0)]));
    list(
        &kinds::SERVICES,
        json!([{"metadata": {"name": "web", "namespace": "shop", "uid": "s"},
        "spec": {"type": "LoadBalancer", "selector": {"app": "web"}, "ports": [{"port": 80, "targetPort": "http"}]}}]),
    );
    list(
        &kinds::ENDPOINT_SLICES,
        json!([{"metadata": {"name": "web-x", "namespace": "shop", "uid": "e",
        "labels": {"kubernetes.io/service-name": "web"}}, "addressType": "IPv4", "ports": [{"port": 8080, "protocol": "TCP", "name": ""}],
        "endpoints": [{"addresses": ["10.0.0.1"], "conditions": {"ready": true}, "targetRef": {"kind": "Pod", "name": "web-1", "namespace": "shop"}}]}]),
    );
    list(
        &kinds::NETWORK_POLICIES,
        json!([{"metadata": {"name": "db", "namespace": "shop", "uid": "p"},
        "spec": {"podSelector": {"matchLabels": {"app": "db"}}, "policyTypes": ["Ingress"],
            "ingress": [{"from": [{"podSelector": {"matchLabels": {"app": "web"}}}], "ports": [{"port": "http"}]}]}}]),
    );
    // All that may matter was asked for, and there is no more.
    MATTERS.iter().for_each(|kind| builder.saw(kind, Coverage::Complete));
    builder.finish()
}

fn state(snapshot: &Snapshot) -> State {
    let analysis = Analysis::of(snapshot, Profile::Strict);
    State::of(&analysis, &Foreign::of(snapshot, &analysis.world), View::Workloads)
}

fn after(manifests: &str) -> Snapshot {
    let new = files::from_files(&["-".to_owned()], false, manifests.as_bytes(), |_| {}).expect("manifests");
    overlay(live(), new, "shop")
}

/// `+ web > db TCP 8080` for what becomes allowed between workloads.
fn changes(manifests: &str) -> Vec<String> {
    let changes = make(&state(&live()), &state(&after(manifests)));
    let inside = changes.iter().filter(|it| it.from.kind != "IPBlock" && it.to.kind != "IPBlock");
    inside
        .map(|it| {
            let sign = if it.change == ChangeKind::Allowed { '+' } else { '-' };
            let name = |peer: &kubectl_netpolcheck::names::PeerRef| peer.name.clone().unwrap_or_default();
            let new = if it.new_or_gone { " new" } else { "" };
            format!("{sign} {} > {} {}{new}", name(&it.from), name(&it.to), it.ports)
        })
        .collect()
}

fn ways_in(manifests: &str) -> Vec<String> {
    let said = |it: &EntranceChange| {
        format!("{} {} {} to {} {}", it.change.as_str(), it.from.kind, it.service, it.to.display(), it.ports)
    };
    entrances(&state(&live()), &state(&after(manifests))).iter().map(said).collect()
}

const WEB: &str = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\nspec: {replicas: 1, template: {metadata: {labels: {app: web}}, \
                   spec: {containers: [{name: c, ports: [{name: http, containerPort: 8080}]}]}}}\n";

#[test]
fn what_is_there_already_changes_nothing() {
    for manifests in [
        WEB.to_owned(),
        WEB.replace("name: web}", "name: web, namespace: shop}"),
        "apiVersion: v1\nkind: Namespace\nmetadata: {name: shop, labels: {team: shop}}\n".to_owned(),
        "apiVersion: v1\nkind: Pod\nmetadata: {name: web-1, labels: {app: web}}\nspec: {containers: [{name: c}]}\n".to_owned(),
        "apiVersion: v1\nkind: Service\nmetadata: {name: web}\nspec: {type: LoadBalancer, selector: {app: web}, ports: [{port: 80, targetPort: http}]}\n".to_owned(),
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}\n".to_owned(),
    ] {
        assert_eq!(changes(&manifests), Vec::<String>::new(), "{manifests}");
        assert_eq!(ways_in(&manifests), Vec::<String>::new(), "{manifests}");
    }
}

#[test]
fn pods_follow_the_template_of_their_workload() {
    let relabelled = WEB.replace("labels: {app: web}", "labels: {app: other}");
    assert_eq!(changes(&relabelled), ["- web > db TCP 8080"]);
    assert_eq!(
        ways_in(&relabelled),
        ["denied Service shop/web to shop/web TCP 8080"],
        "the Service selects it no more"
    );
    // The name of a port that a policy names.
    let renamed =
        WEB.replace("name: web}", "name: db}").replace("app: web", "app: db").replace("name: http", "name: sql");
    assert_eq!(changes(&renamed), ["- web > db TCP 8080"]);
    // In the network of its node no policy holds for it any more.
    let host = WEB
        .replace("name: web}", "name: db}")
        .replace("app: web", "app: db")
        .replace("spec: {containers", "spec: {hostNetwork: true, containers");
    assert!(changes(&host).iter().any(|it| it.starts_with("+ web > db SCTP; TCP")), "{:?}", changes(&host));
}

#[test]
fn a_workload_without_pods_stands_for_those_that_it_will_have() {
    let new = WEB.replace("name: web}", "name: batch}").replace("app: web", "app: batch");
    let found = changes(&new);
    for expected in ["+ batch > web all ports new", "+ db > batch all ports new", "+ web > batch all ports new"] {
        assert!(found.iter().any(|it| it == expected), "{expected}: {found:?}");
    }
    assert!(!found.iter().any(|it| it.contains("batch > db")), "the policy of db lets only web in: {found:?}");
    assert_eq!(changes(&new.replace("replicas: 1", "replicas: 0")), Vec::<String>::new());
    // One that is scaled to nothing now, and is woken up.
    let woken = WEB.replace("name: web}", "name: asleep}").replace("app: web", "app: asleep");
    assert!(changes(&woken).iter().any(|it| it == "+ web > asleep all ports new"), "{:?}", changes(&woken));
}

#[test]
fn ways_in_open_and_close() {
    let ingress = "apiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata: {name: front}\nspec: {defaultBackend: {service: {name: web, port: {number: 80}}}}\n";
    assert_eq!(ways_in(ingress), ["allowed Ingress shop/web to shop/web TCP 8080"]);
    let route = "apiVersion: gateway.networking.k8s.io/v1\nkind: HTTPRoute\nmetadata: {name: r}\nspec: {parentRefs: [{name: g}], rules: [{backendRefs: [{name: web, port: 80}]}]}\n";
    assert_eq!(ways_in(route), ["allowed HTTPRoute shop/web to shop/web TCP 8080"]);
    let inside = "apiVersion: v1\nkind: Service\nmetadata: {name: web}\nspec: {selector: {app: web}, ports: [{port: 80, targetPort: http}]}\n";
    assert_eq!(ways_in(inside), ["denied Service shop/web to shop/web TCP 8080"]);
    let closed =
        "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: closed}\nspec: {podSelector: {}}\n";
    assert_eq!(ways_in(closed), ["denied Service shop/web to shop/web TCP 8080"]);
    let moved = "apiVersion: v1\nkind: Service\nmetadata: {name: web}\nspec: {type: LoadBalancer, selector: {app: db}, ports: [{port: 80, targetPort: http}]}\n";
    assert!(
        ways_in(moved).contains(&"denied Service shop/web to shop/web TCP 8080".to_owned()),
        "{:?}",
        ways_in(moved)
    );
}

#[test]
fn labels_of_a_namespace_that_others_set_stay() {
    let merged = after("apiVersion: v1\nkind: Namespace\nmetadata: {name: shop, labels: {team: other}}\n");
    let labels = &merged.namespaces[0].meta.labels;
    assert_eq!((labels.get("team"), labels.get("set")), (Some("other"), Some("by-others")));
}

#[test]
fn what_owns_pods_and_is_not_known_is_named() {
    let mut base = live();
    let rollout = "apiVersion: argoproj.io/v1alpha1\nkind: Rollout\nmetadata: {name: canary}\nspec: {}\n";
    let new = || files::from_files(&["-".to_owned()], false, rollout.as_bytes(), |_| {}).expect("a manifest");
    assert_eq!(overlay(live(), new(), "shop").not_evaluated, [], "it has no pods");
    let owner = json!({"apiVersion": "argoproj.io/v1alpha1", "kind": "Rollout", "name": "canary", "uid": "r", "controller": true});
    base.pods[0].meta.owners = vec![serde_json::from_value(owner).expect("an owner")].into();
    let merged = overlay(base, new(), "shop");
    assert_eq!(merged.not_evaluated[0].what, "Rollout shop/canary");
}

#[test]
fn changes_name_the_policies_that_may_change_them() {
    let foreign = "apiVersion: cilium.io/v2\nkind: CiliumNetworkPolicy\nmetadata: {name: l7}\nspec: {endpointSelector: {matchLabels: {app: db}}}\n";
    let open = "---\napiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: db}\nspec: {podSelector: {matchLabels: {app: db}}, ingress: [{}]}\n";
    let changes = make(&state(&live()), &state(&after(&format!("{foreign}{open}"))));
    assert!(!changes.is_empty());
    for change in &changes {
        let of_db = [&change.from, &change.to].iter().any(|peer| peer.name.as_deref() == Some("db"));
        let expected: &[&str] = if of_db { &["CiliumNetworkPolicy shop/l7"] } else { &[] };
        assert_eq!(change.not_evaluated, expected, "{change:?}");
    }
}
