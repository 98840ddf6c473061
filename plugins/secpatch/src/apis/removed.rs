//! The APIs that a hop removes, and what still uses them.
//!
//! Three facts that are never merged: a client still sends the version (a manifest, the annotation of `kubectl apply`,
//! the field managers), calls were seen (the API server's count), and it is gone in the target. The version under
//! which an object was read is none of them: the server converts to whatever is asked for.

use std::collections::{BTreeMap, BTreeSet};

use patchkit::{
    rules::version::Minor,
    snapshot::{ServedResource, Snapshot, kinds, objects::Meta},
};

use crate::{
    apis::{ApiUser, RemovedApi, SeenIn},
    facts::{ApiLife, Apis},
    subject::Subject,
};

/// Field managers that are parts of Kubernetes itself: they move with the upgrade, and write the new version then.
/// `managedFields` name them by the first part of their user agent, or as their code says
/// (`api-priority-and-fairness-config-*`: pkg/registry/flowcontrol/ensurer, pkg/util/flowcontrol).
const OWN_MANAGERS: [&str; 12] = [
    "kube-apiserver",
    "kube-controller-manager",
    "kube-scheduler",
    "cloud-controller-manager",
    "kubelet",
    "kube-proxy",
    "kubeadm",
    "hyperkube",
    "k3s",
    "rke2",
    "api-priority-and-fairness-config-consumer-v1",
    "api-priority-and-fairness-config-producer-v1",
];

/// Whether a field manager is a part of Kubernetes itself.
#[must_use]
pub fn is_own_manager(manager: &str) -> bool {
    OWN_MANAGERS.contains(&manager)
}

/// Every API that goes after `from`, up to and with `to`, with what still uses it; those that are used come first.
#[must_use]
pub fn removed(subject: Subject<'_>, from: Minor, to: Minor) -> Vec<RemovedApi> {
    let apis = subject.facts.apis();
    let gone: Gone<'_> =
        apis.removed_between(from, to).map(|life| ((life.gvk.api_version(), life.gvk.kind.clone()), life)).collect();
    let mut users = users(subject.snapshot, &gone);
    let mut found: Vec<RemovedApi> = gone
        .iter()
        .map(|(key, life)| {
            let removed_in = life.removed_in().unwrap_or(to);
            RemovedApi {
                api_version: key.0.clone(),
                kind: life.gvk.kind.clone(),
                removed_in: removed_in.to_string(),
                provisional: apis.is_provisional(removed_in),
                replacement: apis
                    .replacement_at(life, removed_in)
                    .map(|gvk| format!("{} {}", gvk.api_version(), gvk.kind)),
                users: users.remove(key).unwrap_or_default().into_iter().collect(),
                called: called(subject.snapshot, life),
            }
        })
        .collect();
    found.sort_by_key(|api| (api.users.is_empty(), api.called != Some(true)));
    found
}

/// What still uses the APIs that are gone at a minor, whenever they went: manifests with them cannot be applied.
#[must_use]
pub fn manifests_of_the_past(subject: Subject<'_>, at: Minor) -> Vec<RemovedApi> {
    let mut past = removed(subject, Minor::new(1, 0), at);
    for api in &mut past {
        api.users.retain(|user| user.seen_in == SeenIn::Manifest);
    }
    past.retain(|api| !api.users.is_empty());
    past
}

/// By group with version, and kind.
type Gone<'f> = BTreeMap<(String, String), &'f ApiLife>;

fn users(snapshot: &Snapshot, gone: &Gone<'_>) -> BTreeMap<(String, String), BTreeSet<ApiUser>> {
    let mut users: BTreeMap<(String, String), BTreeSet<ApiUser>> = BTreeMap::new();
    // The versions alone tell nearly always that an object uses none of them.
    let versions: BTreeSet<&str> = gone.keys().map(|(api_version, _)| api_version.as_str()).collect();
    for (kind, meta) in snapshot.each_meta() {
        let mut note = |api_version: &str, seen_in: SeenIn, manager: Option<(&str, Option<String>)>| {
            if !versions.contains(api_version) {
                return;
            }
            let key = (api_version.to_owned(), kind.to_owned());
            if !gone.contains_key(&key) {
                return;
            }
            let (manager, written) = manager.map_or((None, None), |(name, time)| (Some(name.to_owned()), time));
            users.entry(key).or_default().insert(ApiUser {
                object: meta.object_ref(kind),
                source: snapshot.source_of(meta),
                seen_in,
                manager,
                written,
            });
        };
        if is_manifest(meta) {
            note(&meta.api_version, SeenIn::Manifest, None);
        }
        if let Some(api_version) = &meta.last_applied {
            note(api_version, SeenIn::LastApplied, None);
        }
        for manager in meta.managers.iter().filter(|manager| !is_own_manager(&manager.manager)) {
            let written = manager.time.map(|time| time.to_string());
            note(&manager.api_version, SeenIn::ManagedFields, Some((&manager.manager, written)));
        }
    }
    users
}

/// What a server has answered has a UID, and then the version is the one that was asked for; a manifest has none.
fn is_manifest(meta: &Meta) -> bool {
    meta.origin.is_some() && meta.uid.is_empty()
}

/// Whether the API server counted calls on it since its start.
fn called(snapshot: &Snapshot, life: &ApiLife) -> Option<bool> {
    let calls = snapshot.deprecated_calls.as_ref()?;
    let plural = plural(snapshot, &life.gvk.group, &life.gvk.kind);
    Some(
        calls
            .iter()
            .any(|call| call.group == life.gvk.group && call.version == life.gvk.version && call.resource == plural),
    )
}

/// The resource of a kind: as the server serves it, or else by the rule that every kind of Kubernetes follows.
fn plural(snapshot: &Snapshot, group: &str, kind: &str) -> String {
    let served = snapshot.served.iter().flatten().find(|resource| resource.group == group && resource.kind == kind);
    served
        .map(|resource| resource.plural.clone())
        .or_else(|| kinds::find(group, kind).map(|known| known.plural.to_owned()))
        .unwrap_or_else(|| by_rule(kind))
}

fn by_rule(kind: &str) -> String {
    let lower = kind.to_lowercase();
    match lower.strip_suffix('y') {
        Some(stem) => format!("{stem}ies"),
        None if lower.ends_with('s') => format!("{lower}es"),
        None => format!("{lower}s"),
    }
}

/// Kinds that are only sent, or that are files, and never stored: there is nothing to list.
fn is_stored(life: &ApiLife) -> bool {
    let kind = life.gvk.kind.as_str();
    life.gvk.group != "audit.k8s.io"
        && !kind.ends_with("Review")
        && !matches!(
            kind,
            "Scale" | "Binding" | "Eviction" | "DeploymentRollback" | "JobTemplate" | "APIGroupDiscovery"
        )
}

/// A kind to read the metadata of, and the version to ask for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Ask {
    /// The API group.
    pub group: String,
    /// The version to ask for: a served one, and one that stays where there is one.
    pub version: String,
    /// The kind.
    pub kind: String,
    /// The resource as it stands in URLs.
    pub plural: String,
}

/// The kinds whose objects show who still uses the APIs that go after `from`, up to and with `to`, as far as the
/// server serves them. A kind that has moved to another group is asked for there, since it is the same object; one
/// that the snapshot has a type for (see [`kinds::find`]) is named here too.
#[must_use]
pub fn kinds_to_ask(apis: &Apis, from: Minor, to: Minor, served: &[ServedResource]) -> Vec<Ask> {
    let mut asked = BTreeSet::new();
    for life in apis.removed_between(from, to).filter(|life| is_stored(life)) {
        let moved = apis.replacement_at(life, to).filter(|gvk| gvk.kind == life.gvk.kind).map(|gvk| gvk.group.as_str());
        for group in moved.into_iter().chain([life.gvk.group.as_str()]) {
            let best = served
                .iter()
                .filter(|resource| resource.group == group && resource.kind == life.gvk.kind)
                .max_by_key(|resource| {
                    let api_version = if group.is_empty() {
                        resource.version.clone()
                    } else {
                        format!("{group}/{}", resource.version)
                    };
                    let stays = apis.get(&api_version, &resource.kind).is_none_or(|life| !life.is_removed_at(to));
                    (stays, stability(&resource.version))
                });
            if let Some(best) = best {
                asked.insert(Ask {
                    group: best.group.clone(),
                    version: best.version.clone(),
                    kind: best.kind.clone(),
                    plural: best.plural.clone(),
                });
                break;
            }
        }
    }
    asked.into_iter().collect()
}

/// The order of versions that Kubernetes uses: stable before beta before alpha, then the higher number
/// (`k8s.io/apimachinery/pkg/version/helpers.go`).
fn stability(version: &str) -> (u8, u32, u32) {
    let digits = |text: &str| text.parse().unwrap_or(0);
    let rest = version.trim_start_matches('v');
    for (word, rank) in [("alpha", 0), ("beta", 1)] {
        if let Some((major, minor)) = rest.split_once(word) {
            return (rank, digits(major), digits(minor));
        }
    }
    (2, digits(rest), 0)
}

/// Why users of the APIs that go may have been missed: the kinds of which no object was read, by reason. Empty where
/// all were looked at.
#[must_use]
pub fn unread(subject: Subject<'_>, from: Minor, to: Minor) -> BTreeMap<String, BTreeSet<&str>> {
    let snapshot = subject.snapshot;
    let apis = subject.facts.apis();
    let mut missing: BTreeMap<String, BTreeSet<&str>> = BTreeMap::new();
    for life in apis.removed_between(from, to).filter(|life| is_stored(life)) {
        let gvk = &life.gvk;
        // The kind may have been read under the group that it has moved to.
        let moved = apis.replacement_at(life, to).filter(|next| next.kind == gvk.kind).map(|next| next.group.as_str());
        let why = [Some(gvk.group.as_str()), moved]
            .into_iter()
            .flatten()
            .map(|group| snapshot.why_unknown_of(group, &gvk.kind))
            .min_by_key(Option::is_some)
            .flatten();
        if let Some(why) = why {
            let reason = if snapshot.is_from_files() { "not in the input".to_owned() } else { why };
            missing.entry(reason).or_default().insert(&gvk.kind);
        }
    }
    missing
}

#[cfg(test)]
mod tests {
    use patchkit::snapshot::{DeprecatedCall, SnapshotBuilder};

    use super::*;
    use crate::{facts::Facts, testing::Cluster};

    fn minor(text: &str) -> Minor {
        text.parse().expect("a minor of this test")
    }

    fn find<'a>(found: &'a [RemovedApi], api_version: &str, kind: &str) -> &'a RemovedApi {
        found
            .iter()
            .find(|api| api.api_version == api_version && api.kind == kind)
            .unwrap_or_else(|| panic!("{api_version} {kind}"))
    }

    const OBJECTS: &str = r#"
apiVersion: policy/v1beta1
kind: PodSecurityPolicy
metadata: {name: restricted}
---
apiVersion: extensions/v1beta1
kind: Ingress
metadata: {name: shop, namespace: web}
---
# Read from a server, which converts: the version says nothing.
apiVersion: policy/v1beta1
kind: PodDisruptionBudget
metadata: {name: from-server, namespace: web, uid: 1f}
---
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata:
  name: applied
  namespace: web
  uid: 2f
  annotations:
    kubectl.kubernetes.io/last-applied-configuration: '{"apiVersion":"policy/v1beta1","kind":"PodDisruptionBudget"}'
---
apiVersion: batch/v1
kind: CronJob
metadata:
  name: nightly
  namespace: web
  uid: 3f
  managedFields:
  - {manager: old-operator, operation: Update, apiVersion: batch/v1beta1, time: "2021-03-04T05:06:07Z"}
  - {manager: kube-controller-manager, operation: Update, apiVersion: batch/v1beta1, time: "2021-03-04T05:06:07Z"}
"#;

    #[test]
    fn what_a_client_sends_is_found_and_what_a_server_converts_is_not() {
        let cluster = Cluster::of(OBJECTS);
        let found = removed(cluster.subject(), minor("1.21"), minor("1.25"));
        let policies = find(&found, "policy/v1beta1", "PodSecurityPolicy");
        assert_eq!(policies.removed_in, "1.25");
        assert_eq!(policies.users.len(), 1);
        assert_eq!(policies.users[0].seen_in, SeenIn::Manifest);
        assert_eq!(policies.users[0].source.as_ref().map(|source| source.line), Some(3));
        let ingresses = find(&found, "extensions/v1beta1", "Ingress");
        assert_eq!(ingresses.removed_in, "1.22");
        assert_eq!(ingresses.replacement.as_deref(), Some("networking.k8s.io/v1 Ingress"));
        assert_eq!(ingresses.users.len(), 1);
        let budgets = find(&found, "policy/v1beta1", "PodDisruptionBudget");
        let users: Vec<_> = budgets.users.iter().map(|user| (user.object.name.as_str(), user.seen_in)).collect();
        assert_eq!(users, [("applied", SeenIn::LastApplied)]);
        let jobs = find(&found, "batch/v1beta1", "CronJob");
        assert_eq!(jobs.users.len(), 1, "the controller-manager moves with the upgrade");
        assert_eq!(jobs.users[0].manager.as_deref(), Some("old-operator"));
        assert_eq!(jobs.users[0].written.as_deref(), Some("2021-03-04T05:06:07Z"));
        assert_eq!(jobs.called, None, "files hold no metrics");
        assert!(found.iter().position(|api| api.users.is_empty()).is_some_and(|first| first == 4));
    }

    #[test]
    fn only_the_apis_of_the_hop_are_named() {
        let cluster = Cluster::of(OBJECTS);
        let found = removed(cluster.subject(), minor("1.25"), minor("1.26"));
        assert!(found.iter().all(|api| api.removed_in == "1.26"));
        assert!(found.iter().any(|api| api.api_version == "flowcontrol.apiserver.k8s.io/v1beta1"));
        let next = removed(cluster.subject(), minor("1.37"), minor("1.38"));
        assert!(next.iter().any(|api| api.api_version == "resource.k8s.io/v1beta1" && api.provisional));
        let past = manifests_of_the_past(cluster.subject(), minor("1.30"));
        let kinds: Vec<_> = past.iter().map(|api| api.kind.as_str()).collect();
        assert_eq!(kinds, ["Ingress", "PodSecurityPolicy"]);
    }

    #[test]
    fn the_server_counts_calls() {
        let mut builder = SnapshotBuilder::default();
        builder.deprecated_calls(vec![DeprecatedCall {
            group: "flowcontrol.apiserver.k8s.io".to_owned(),
            version: "v1beta3".to_owned(),
            resource: "flowschemas".to_owned(),
            subresource: String::new(),
            removed_release: "1.32".to_owned(),
        }]);
        let cluster = Cluster::from_snapshot(builder.finish(), None);
        let found = removed(cluster.subject(), minor("1.31"), minor("1.32"));
        let called = |kind| find(&found, "flowcontrol.apiserver.k8s.io/v1beta3", kind).called;
        assert_eq!(called("FlowSchema"), Some(true));
        assert_eq!(called("PriorityLevelConfiguration"), Some(false));
    }

    #[test]
    fn kinds_are_asked_for_in_the_version_that_stays() {
        let facts = Facts::compiled_in();
        let served = |group: &str, version: &str, kind: &str, plural: &str| ServedResource {
            group: group.to_owned(),
            version: version.to_owned(),
            kind: kind.to_owned(),
            plural: plural.to_owned(),
        };
        let served = [
            served("extensions", "v1beta1", "Ingress", "ingresses"),
            served("networking.k8s.io", "v1", "Ingress", "ingresses"),
            served("networking.k8s.io", "v1beta1", "Ingress", "ingresses"),
            served("policy", "v1beta1", "PodSecurityPolicy", "podsecuritypolicies"),
            served("authentication.k8s.io", "v1beta1", "TokenReview", "tokenreviews"),
        ];
        let asked = kinds_to_ask(facts.apis(), minor("1.21"), minor("1.25"), &served);
        let asked: Vec<_> =
            asked.iter().map(|ask| (ask.group.as_str(), ask.version.as_str(), ask.plural.as_str())).collect();
        assert_eq!(asked, [("networking.k8s.io", "v1", "ingresses"), ("policy", "v1beta1", "podsecuritypolicies")]);
        assert!(stability("v1") > stability("v2beta1") && stability("v2beta2") > stability("v2beta1"));
        assert!(stability("v1beta1") > stability("v2alpha1"));
    }

    #[test]
    fn what_was_not_looked_at_is_said() {
        let cluster = Cluster::of("{apiVersion: policy/v1, kind: PodDisruptionBudget, metadata: {name: a}}");
        let missing = unread(cluster.subject(), minor("1.24"), minor("1.25"));
        let kinds = &missing["not in the input"];
        assert!(kinds.contains("PodSecurityPolicy") && !kinds.contains("PodDisruptionBudget"), "{kinds:?}");
        assert_eq!(missing.len(), 1);
        let mut builder = SnapshotBuilder::default();
        builder.served(vec![]);
        let cluster = Cluster::from_snapshot(builder.finish(), None);
        assert!(unread(cluster.subject(), minor("1.24"), minor("1.25")).is_empty(), "nothing is served");
        assert_eq!(by_rule("PodSecurityPolicy"), "podsecuritypolicies");
        assert_eq!(by_rule("IngressClass"), "ingressclasses");
        assert_eq!(by_rule("CronJob"), "cronjobs");
    }
}
