//! Every reading command under exactly the role that is shipped for it, and under that role without one of its rules.

use std::collections::BTreeSet;

use patchkit::snapshot::kinds;
use patchkit_test_support::{Cluster, Output, rights::Right};
use serde_json::json;

use crate::roles::{Lacking, by_rule, commands, granted, manifest, said, without};

/// What only servers are asked for that still serve it in a version that goes: with 1.24 and before.
const OF_THE_PAST: &[(&str, &str)] = &[("events.k8s.io", "events")];

/// What belongs to no cluster: it asks none.
const OFFLINE: &[&str] = &["data", "rbac", "completion", "help"];
/// What changes a cluster: see the other file.
const OPERATING: &[&str] = &["node", "pool", "pause", "resume", "undo"];

/// The commands that read, with the arguments that they need.
const READING: &[(&str, &[&[&str]])] = &[
    (
        "secpatch",
        &[
            &["apis", "--fail-on=none", "-o", "json"],
            &["posture", "--fail-on=none", "-o", "json"],
            &["plan", "--fail-on=none", "-o", "json"],
            &["cves", "--fail-on=none", "-o", "json"],
            &["images", "--fail-on=none", "-o", "json"],
            &["pods", "--fail-on=none", "-o", "json"],
            &["fix", "--fail-on=none", "-o", "json"],
        ],
    ),
    (
        "drainsafe",
        &[
            &["check", "--fail-on=none", "-o", "json"],
            &["status", "-o", "json"],
            &["plan", "only", "--ignore-daemonsets", "--fail-on=none", "-o", "json"],
            &["fit", "--fail-on=none", "-o", "json"],
            &["node", "only", "--dry-run"],
        ],
    ),
    (
        "netpolcheck",
        &[
            &["coverage", "--fail-on=none", "-o", "json"],
            &["lint", "--fail-on=none", "-o", "json"],
            &["map", "-o", "json"],
            &["can", "shop/", "internet", "-o", "json"],
            &["diff", "live", "live", "-o", "json"],
            &["suggest", "--default-deny", "-n", "shop", "--fail-on=none", "-o", "json"],
        ],
    ),
];

/// Kinds of other projects that are known by name only.
const OTHERS: &[(&str, &str, &str)] = &[
    ("cilium.io", "CiliumLocalRedirectPolicy", "ciliumlocalredirectpolicies"),
    ("policy.linkerd.io", "Server", "servers"),
    ("policy.linkerd.io", "AuthorizationPolicy", "authorizationpolicies"),
    ("policy.linkerd.io", "ServerAuthorization", "serverauthorizations"),
    ("kuma.io", "MeshTrafficPermission", "meshtrafficpermissions"),
    ("consul.hashicorp.com", "ServiceIntentions", "serviceintentions"),
    ("k8s.ovn.org", "EgressFirewall", "egressfirewalls"),
    ("networking.k8s.aws", "ClusterNetworkPolicy", "clusternetworkpolicies"),
    ("networking.k8s.aws", "ApplicationNetworkPolicy", "applicationnetworkpolicies"),
    ("networking.gke.io", "FQDNNetworkPolicy", "fqdnnetworkpolicies"),
];

/// Has the cluster serve every kind of another project that a command may ask for.
fn serve_all_kinds(cluster: &Cluster) {
    let served: BTreeSet<String> = served(cluster);
    let own = kinds::ALL.iter().map(|kind| (kind.group, kind.version, kind.kind, kind.plural));
    let others = OTHERS.iter().map(|(group, kind, plural)| (*group, "v1", *kind, *plural));
    let definitions: Vec<_> = own
        .chain(others)
        .filter(|(group, _, _, plural)| !served.contains(&full(group, plural)))
        .map(|(group, version, kind, plural)| {
            json!({"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
                "metadata": {"name": format!("{plural}.{group}"),
                             "annotations": {"api-approved.kubernetes.io": "unapproved, for a test"}},
                "spec": {"group": group, "scope": "Cluster", "names": {"kind": kind, "plural": plural},
                    "versions": [{"name": version, "served": true, "storage": true, "schema": {"openAPIV3Schema":
                        {"type": "object", "x-kubernetes-preserve-unknown-fields": true}}}]}})
        })
        .collect();
    let names: Vec<String> =
        definitions.iter().map(|it| it["metadata"]["name"].as_str().unwrap_or_default().to_owned()).collect();
    let list = json!({"apiVersion": "v1", "kind": "List", "items": definitions}).to_string();
    let _ = cluster.kubectl(&["create", "-f", "-"]).input(list).output().exits(0);
    cluster.wait_for("the kinds to be served", || {
        let served = crate::roles_reading::served(cluster);
        names.iter().all(|name| served.contains(name)).then_some(())
    });
}

fn full(group: &str, plural: &str) -> String {
    if group.is_empty() { plural.to_owned() } else { format!("{plural}.{group}") }
}

/// What can be listed, as `plural.group`.
fn served(cluster: &Cluster) -> BTreeSet<String> {
    let all = cluster.kubectl(&["api-resources", "--cached=false", "--verbs=list", "-o", "name"]).output().exits(0);
    all.stdout.lines().map(str::to_owned).collect()
}

/// A cluster with something to be read in it.
fn cluster() -> Cluster {
    let cluster = Cluster::own_with_a_node();
    serve_all_kinds(&cluster);
    let _ = cluster.kubectl(&["create", "namespace", "shop"]).output().exits(0);
    let _ = cluster.kubectl(&["create", "deployment", "web", "--image=a:1", "-n", "shop"]).output().exits(0);
    // One that waits for a node for ever, which is what fit is asked about.
    cluster.apply(
        "{apiVersion: v1, kind: Pod, metadata: {name: waits, namespace: shop}, \
         spec: {nodeSelector: {no: such}, containers: [{name: a, image: a}], \
         volumes: [{name: v, ephemeral: {volumeClaimTemplate: {spec: {accessModes: [ReadWriteOnce], storageClassName: s, \
         resources: {requests: {storage: 1Gi}}}}}}]}}",
    );
    let _ = cluster.wait(&["deployment/web", "-n", "shop"], "condition=Available");
    cluster
}

pub fn they_complete_with_their_roles() {
    let cluster = cluster();
    let namespace = cluster.namespace("roles");
    for (plugin, all) in READING {
        let kubeconfig = granted(&cluster, &namespace, plugin, "read-only");
        for args in *all {
            let run = cluster.kubectl(&[&[*plugin], *args].concat()).env("KUBECONFIG", &kubeconfig);
            let (line, output) = (run.line(), run.output());
            let said = said(&output);
            assert!(!said.contains("orbidden"), "{line}\n{said}");
            // Whatever the administrator does not see here either is no matter of rights.
            let of_admin = cluster.kubectl(&[&[*plugin], *args].concat()).output().code();
            assert!(output.code() == of_admin && of_admin != Some(3), "{line}: {:?}\n{said}", output.code());
        }
        // A command that is new must be here too, or among those that change something.
        for command in commands(&cluster, plugin) {
            let is_known = all.iter().any(|args| args[0] == command);
            assert!(
                is_known || OFFLINE.contains(&command.as_str()) || OPERATING.contains(&command.as_str()),
                "{command}"
            );
        }
    }
    // What is asked for beyond the role is named.
    let kubeconfig = granted(&cluster, &cluster.namespace("helm"), "secpatch", "read-only");
    let helm = cluster.kubectl(&["secpatch", "apis", "--helm", "-o", "json"]).env("KUBECONFIG", kubeconfig).output();
    assert!(Right::new("list", "", "secrets").is_named_in(&said(&helm.exits(4))));

    let served = served(&cluster);
    for (plugin, all) in READING {
        let (role, mut lists) = by_rule(&manifest(&cluster, plugin, "read-only"));
        if *plugin == "drainsafe" {
            // Without nodes or pods it says nothing at all, and so nothing of what else is missing.
            lists = lists.concat().into_iter().map(|right| vec![right]).collect();
        }
        for lacking in without(&cluster, plugin, &role, lists) {
            assert_named(&cluster, plugin, all, &lacking, &served);
        }
    }
}

/// Holds the answers of all commands together to naming every right that is lacking, as far as the server serves the
/// resource; and each answer that names one to not being a clean one.
fn assert_named(cluster: &Cluster, plugin: &str, all: &[&[&str]], lacking: &Lacking, served: &BTreeSet<String>) {
    let is_asked_for = |right: &&Right| {
        let is_past = OF_THE_PAST.contains(&(&right.group, &right.resource));
        !is_past && (right.resource.starts_with('/') || served.contains(&full(&right.group, &right.resource)))
    };
    let mut left: Vec<&Right> = lacking.rights.iter().filter(is_asked_for).collect();
    let mut answers = String::new();
    for args in all {
        if left.is_empty() {
            return;
        }
        let run = cluster.kubectl(&[&[plugin], *args, &["--as", &lacking.user]].concat());
        let (line, output): (String, Output) = (run.line(), run.output());
        let said = said(&output);
        let before = left.len();
        left.retain(|right| !right.is_named_in(&said));
        assert!(left.len() == before || matches!(output.code(), Some(3 | 4)), "{line}: {:?}\n{said}", output.code());
        answers.push_str(&format!("--- {line}\n{said}\n"));
    }
    assert!(left.is_empty(), "{plugin}: nobody names {left:?}\n{answers}");
}
