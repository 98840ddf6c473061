//! Who brings a pod back: its controllers among the workloads of a snapshot.

use super::{
    Snapshot,
    objects::{
        Meta,
        pod::Pod,
        workload::{Workload, WorkloadKind},
    },
};
use crate::rules::{
    OwnerRef,
    budget::Scale,
    owner::{KnownOwner, top_controller},
};

/// The workloads of a snapshot, by the references that name them.
pub struct Owners<'s> {
    /// In the order of [`Entry::place`].
    workloads: Vec<Entry<'s>>,
}

struct Entry<'s> {
    workload: &'s Workload,
    /// A name that no other controller of the namespace has; manifests have no UIDs.
    key: String,
}

impl Entry<'_> {
    fn place(&self) -> (&str, &str, &str) {
        (&self.workload.meta.namespace, self.workload.kind.as_str(), &self.workload.meta.name)
    }
}

impl<'s> Owners<'s> {
    /// Of this snapshot.
    #[must_use]
    pub fn of(snapshot: &'s Snapshot) -> Self {
        let mut workloads: Vec<_> = snapshot
            .workloads
            .iter()
            .map(|workload| Entry { workload, key: format!("{} {}", workload.kind, workload.meta.name) })
            .collect();
        workloads.sort_by(|one, other| one.place().cmp(&other.place()));
        Self { workloads }
    }

    fn entry(&self, namespace: &str, owner: &OwnerRef) -> Option<&Entry<'s>> {
        if owner.group() != group(&owner.kind)? {
            return None; // some other project's Job
        }
        let place = (namespace, owner.kind.as_str(), owner.name.as_str());
        let index = self.workloads.binary_search_by(|entry| entry.place().cmp(&place)).ok()?;
        self.workloads.get(index).filter(|entry| is_same(&owner.uid, &entry.workload.meta.uid))
    }

    /// The workload that a reference out of this namespace names. One of the same name but with another UID was made
    /// later, and is not meant.
    #[must_use]
    pub fn workload(&self, namespace: &str, owner: &OwnerRef) -> Option<&'s Workload> {
        self.entry(namespace, owner).map(|entry| entry.workload)
    }

    /// The workload that controls an object, where it was read.
    #[must_use]
    pub fn controller(&self, meta: &Meta) -> Option<&'s Workload> {
        self.workload(&meta.namespace, meta.controller()?)
    }

    /// The last of an object's controllers: of a pod the Deployment rather than the ReplicaSet.
    #[must_use]
    pub fn top<'a>(&self, meta: &'a Meta) -> Option<&'a OwnerRef>
    where
        's: 'a,
    {
        top_controller(&meta.owners, |owner| {
            let found = self.workload(&meta.namespace, owner)?;
            Some(KnownOwner { uid: &found.meta.uid, owners: &found.meta.owners })
        })
    }

    /// What scales a pod, as the disruption controller finds it (`getScaleController`,
    /// `pkg/controller/disruption/disruption.go`): a ReplicaSet of a Deployment is scaled by the Deployment.
    #[must_use]
    pub fn scale<'a>(&'a self, pod: &'a Pod) -> Scale<'a> {
        let Some(owner) = pod.meta.controller() else { return Scale::NoController };
        if matches!((owner.group(), owner.kind.as_str()), ("apps", "DaemonSet") | ("batch", "Job") | ("", "Node")) {
            return Scale::NotScalable { kind: &owner.kind };
        }
        let Some(direct) = self.entry(&pod.meta.namespace, owner) else { return Scale::Unknown { kind: &owner.kind } };
        let deployment = direct
            .workload
            .meta
            .controller()
            .filter(|owner| owner.kind == "Deployment")
            .and_then(|owner| self.entry(&pod.meta.namespace, owner));
        let Entry { workload, key } = deployment.unwrap_or(direct);
        Scale::Replicas { controller: key, replicas: i32::try_from(workload.replicas).unwrap_or(i32::MAX) }
    }
}

/// The group of a kind of workload.
fn group(kind: &str) -> Option<&'static str> {
    [
        WorkloadKind::Deployment,
        WorkloadKind::StatefulSet,
        WorkloadKind::DaemonSet,
        WorkloadKind::ReplicaSet,
        WorkloadKind::ReplicationController,
        WorkloadKind::Job,
        WorkloadKind::CronJob,
    ]
    .into_iter()
    .find(|known| known.as_str() == kind)
    .map(|known| match known {
        WorkloadKind::Job | WorkloadKind::CronJob => "batch",
        WorkloadKind::ReplicationController | WorkloadKind::PodTemplate => "",
        _ => "apps",
    })
}

/// Manifests have no UIDs; the name decides there.
fn is_same(wanted: &str, found: &str) -> bool {
    wanted.is_empty() || found.is_empty() || wanted == found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::snapshot::files::from_files;

    const CLUSTER: &str = "---
{apiVersion: apps/v1, kind: Deployment, metadata: {name: web, namespace: shop, uid: d}, spec: {replicas: 3}}
---
{apiVersion: apps/v1, kind: ReplicaSet, metadata: {name: web-1, namespace: shop, uid: r, ownerReferences: [{apiVersion: apps/v1, kind: Deployment, name: web, uid: d, controller: true}]}, spec: {replicas: 2}}
---
{apiVersion: batch/v1, kind: Job, metadata: {name: once, namespace: shop, uid: j}}
";

    fn pod(api_version: &str, kind: &str, name: &str, uid: &str) -> String {
        format!(
            "---\n{{apiVersion: v1, kind: Pod, metadata: {{name: p, namespace: shop, ownerReferences: [{{apiVersion: {api_version}, kind: {kind}, name: {name}, uid: {uid}, controller: true}}]}}}}\n"
        )
    }

    #[test]
    fn a_pod_is_scaled_by_the_last_of_its_controllers() {
        for (owner, top, scale) in [
            (("apps/v1", "ReplicaSet", "web-1", "r"), Some("Deployment/web"), Some(3)),
            // Another ReplicaSet of the same name, made later.
            (("apps/v1", "ReplicaSet", "web-1", "older"), Some("ReplicaSet/web-1"), None),
            (("batch/v1", "Job", "once", "j"), Some("Job/once"), None),
            // Another project's Job is none of ours.
            (("batch.example/v1", "Job", "once", "j"), Some("Job/once"), None),
        ] {
            let (api_version, kind, name, uid) = owner;
            let text = format!("{CLUSTER}{}", pod(api_version, kind, name, uid));
            let snapshot = from_files(&["-".to_owned()], false, text.as_bytes(), |_| {}).expect("it is there");
            let owners = Owners::of(&snapshot);
            let pod = &snapshot.pods[0];
            assert_eq!(owners.top(&pod.meta).map(ToString::to_string).as_deref(), top, "{owner:?}");
            let replicas = match owners.scale(pod) {
                Scale::Replicas { replicas, .. } => Some(replicas),
                _ => None,
            };
            assert_eq!(replicas, scale, "{owner:?}");
            let foreign = api_version == "batch.example/v1" || uid == "older";
            assert_eq!(owners.controller(&pod.meta).is_none(), foreign, "{owner:?}");
            assert_eq!(matches!(owners.scale(pod), Scale::NotScalable { .. }), kind == "Job" && !foreign, "{owner:?}");
        }
    }
}
