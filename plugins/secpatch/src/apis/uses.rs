//! What an object is written with: by whom, as far as anything shows it.
//!
//! A manifest, the annotation of `kubectl apply`, the field managers and a Helm release each show what a client sends.
//! The version under which an object was read does not: the server converts to whatever is asked for.

use patchkit::snapshot::{
    DeprecatedCall, Snapshot, kinds,
    objects::{Meta, meta::Manager},
};

use super::SeenIn;
use crate::facts::{ApiLife, Apis};

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
fn is_own_manager(manager: &str) -> bool {
    OWN_MANAGERS.contains(&manager)
}

/// One fact: an object is written with an API version.
#[derive(Clone, Copy, Debug)]
pub struct Use<'s> {
    /// The API version that a client sends.
    pub api_version: &'s str,
    /// The kind.
    pub kind: &'s str,
    /// The object.
    pub meta: &'s Meta,
    /// What shows it.
    pub seen_in: SeenIn,
    /// Who wrote it, where the field managers tell.
    pub manager: Option<&'s Manager>,
}

/// Every fact about the objects of a snapshot whose API version and kind are `wanted`. The parts of Kubernetes itself
/// are left out: they write the new version after the upgrade.
pub fn each_use<'s>(snapshot: &'s Snapshot, wanted: impl Fn(&str, &str) -> bool, mut take: impl FnMut(Use<'s>)) {
    for (kind, meta) in snapshot.each_meta() {
        let mut note = |api_version: &'s str, seen_in: SeenIn, manager: Option<&'s Manager>| {
            if wanted(api_version, kind) {
                take(Use { api_version, kind, meta, seen_in, manager });
            }
        };
        if is_manifest(meta) {
            note(&meta.api_version, SeenIn::Manifest, None);
        }
        // What a controller makes may carry a copy of its owner's annotations: the revisions of a StatefulSet do.
        if let Some(api_version) = meta.last_applied.as_ref().filter(|_| meta.controller().is_none()) {
            note(api_version, SeenIn::LastApplied, None);
        }
        for manager in meta.managers.iter().filter(|manager| !is_own_manager(&manager.manager)) {
            note(&manager.api_version, SeenIn::ManagedFields, Some(manager));
        }
    }
}

/// What a server has answered has a UID, and then the version is the one that was asked for; a manifest has none.
fn is_manifest(meta: &Meta) -> bool {
    meta.origin.is_some() && meta.uid.is_empty()
}

/// Whether the API server counted calls on it since its start.
pub(super) fn called(snapshot: &Snapshot, life: &ApiLife) -> Option<bool> {
    let calls = snapshot.deprecated_calls.as_ref()?;
    let plural = plural(snapshot, &life.gvk.group, &life.gvk.kind);
    Some(
        calls
            .iter()
            .any(|call| call.group == life.gvk.group && call.version == life.gvk.version && call.resource == plural),
    )
}

/// The kind of a resource that calls were counted on, by the lifecycle and what the server serves.
pub(super) fn kind_called(snapshot: &Snapshot, apis: &Apis, call: &DeprecatedCall) -> Option<String> {
    let of_table = apis
        .all()
        .iter()
        .filter(|life| life.gvk.group == call.group && life.gvk.version == call.version)
        .find(|life| plural(snapshot, &life.gvk.group, &life.gvk.kind) == call.resource)
        .map(|life| life.gvk.kind.clone());
    let of_server = || {
        let served = snapshot.served.iter().flatten();
        let same = |it: &&patchkit::snapshot::ServedResource| it.group == call.group && it.plural == call.resource;
        served.into_iter().find(same).map(|it| it.kind.clone())
    };
    of_table.or_else(of_server)
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

#[cfg(test)]
mod tests {
    use super::by_rule;

    #[test]
    fn resources_are_named_by_the_rule_of_kubernetes() {
        assert_eq!(by_rule("PodSecurityPolicy"), "podsecuritypolicies");
        assert_eq!(by_rule("IngressClass"), "ingressclasses");
        assert_eq!(by_rule("CronJob"), "cronjobs");
    }
}
