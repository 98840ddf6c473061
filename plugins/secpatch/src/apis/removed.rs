//! The APIs that a hop removes, and what still uses them.
//!
//! Three facts that are never merged: a client still sends the version (a manifest, the annotation of `kubectl apply`,
//! the field managers), calls were seen (the API server's count), and it is gone in the target. The version under
//! which an object was read is none of them: the server converts to whatever is asked for.

use std::collections::{BTreeMap, BTreeSet};

use patchkit::{rules::version::Minor, snapshot::Snapshot};

use super::{
    ApiUser, RemovedApi, SeenIn,
    uses::{called, each_use},
};
use crate::{facts::ApiLife, subject::Subject};

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
    let is_gone = |api_version: &str, kind: &str| {
        versions.contains(api_version) && gone.contains_key(&(api_version.to_owned(), kind.to_owned()))
    };
    each_use(snapshot, is_gone, |found| {
        users.entry((found.api_version.to_owned(), found.kind.to_owned())).or_default().insert(ApiUser {
            object: found.meta.object_ref(found.kind),
            source: snapshot.source_of(found.meta),
            seen_in: found.seen_in,
            manager: found.manager.map(|manager| manager.manager.to_string()),
            written: found.manager.and_then(|manager| manager.time).map(|time| time.to_string()),
        });
    });
    users
}

#[cfg(test)]
mod tests {
    use patchkit::snapshot::{DeprecatedCall, SnapshotBuilder};

    use super::*;
    use crate::testing::Cluster;

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
}
