//! The pods of a cluster and the templates that make them, looked at together.

use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
};

use patchkit::{
    report::ObjectRef,
    rules::{Labels, PodSpec},
    snapshot::{
        Coverage, Kind, Snapshot, kinds,
        objects::{
            Meta,
            pod::Pod,
            workload::{Workload, WorkloadKind},
        },
    },
};

use crate::words::count;

/// The kinds that make pods and that people write.
const TEMPLATES: [Kind; 5] =
    [kinds::DEPLOYMENTS, kinds::STATEFUL_SETS, kinds::DAEMON_SETS, kinds::JOBS, kinds::CRON_JOBS];

/// Every pod that has not finished and every template, found by what their specification says.
pub struct Specs<'s> {
    snapshot: &'s Snapshot,
    workloads: HashMap<(WorkloadKind, &'s str, &'s str), &'s Workload>,
}

impl<'s> Specs<'s> {
    /// Of this snapshot.
    #[must_use]
    pub fn new(snapshot: &'s Snapshot) -> Self {
        let workloads = snapshot
            .workloads
            .iter()
            .map(|workload| ((workload.kind, &*workload.meta.namespace, workload.meta.name.as_str()), workload))
            .collect();
        Self { snapshot, workloads }
    }

    /// How many pods and templates are looked at.
    #[must_use]
    pub fn counts(&self) -> (usize, usize) {
        let pods = self.snapshot.pods.iter().filter(|pod| !pod.is_finished()).count();
        (pods, self.snapshot.workloads.iter().filter(|workload| is_looked_at(workload)).count())
    }

    /// `12 pods and 3 templates`.
    #[must_use]
    pub fn figures(&self) -> String {
        let (pods, templates) = self.counts();
        format!("{} and {}", count(pods, "pod"), count(templates, "template"))
    }

    /// What people would change of all whose specification passes the test: the workload at the top of a pod's
    /// owners, or the pod itself. A specification that many share is tested once.
    pub fn matching(&self, test: impl Fn(&PodSpec) -> bool) -> BTreeSet<ObjectRef> {
        let mut known: HashMap<*const PodSpec, bool> = HashMap::new();
        let mut passes = |spec: &Arc<PodSpec>| *known.entry(Arc::as_ptr(spec)).or_insert_with(|| test(spec));
        let mut found = BTreeSet::new();
        for workload in self.snapshot.workloads.iter().filter(|workload| is_looked_at(workload)) {
            if passes(&workload.template) {
                found.insert(self.top(workload));
            }
        }
        for pod in self.snapshot.pods.iter().filter(|pod| !pod.is_finished()) {
            if passes(&pod.spec) {
                found.insert(self.top_of_pod(pod));
            }
        }
        found
    }

    /// The templates, and the pods that no template of the snapshot made, whose annotations pass the test.
    pub fn annotated(&self, test: impl Fn(&Labels) -> bool) -> BTreeSet<ObjectRef> {
        let mut found = BTreeSet::new();
        for workload in self.snapshot.workloads.iter().filter(|workload| is_looked_at(workload)) {
            if test(&workload.template_annotations) {
                found.insert(self.top(workload));
            }
        }
        for pod in self.snapshot.pods.iter().filter(|pod| pod.meta.controller().is_none() && !pod.is_finished()) {
            if test(&pod.meta.annotations) {
                found.insert(pod.meta.object_ref("Pod"));
            }
        }
        found
    }

    /// Every template that still makes pods.
    pub fn templates(&self) -> impl Iterator<Item = &'s Workload> {
        self.snapshot.workloads.iter().filter(|workload| is_looked_at(workload))
    }

    /// What people would change of a workload: the one at the top of its owners.
    pub fn top(&self, workload: &'s Workload) -> ObjectRef {
        let mut top = workload;
        // A Deployment's ReplicaSets, a CronJob's Jobs: two steps at most; a ring of owners must not hang the plan.
        for _ in 0..4 {
            let Some(owner) = top.meta.controller() else { break };
            match self.workload(&owner.kind, &top.meta.namespace, &owner.name) {
                Some(found) => top = found,
                None => break,
            }
        }
        top.meta.object_ref(top.kind.as_str())
    }

    /// What people would change of a pod.
    pub fn top_of_pod(&self, pod: &'s Pod) -> ObjectRef {
        let Some(owner) = pod.meta.controller().filter(|owner| owner.kind != "Node") else {
            return pod.meta.object_ref("Pod");
        };
        match self.workload(&owner.kind, &pod.meta.namespace, &owner.name) {
            Some(workload) => self.top(workload),
            None => ObjectRef {
                api_version: owner.api_version.to_string(),
                kind: owner.kind.to_string(),
                namespace: Some(pod.meta.namespace.to_string()),
                name: owner.name.to_string(),
                container: None,
            },
        }
    }

    fn workload(&self, kind: &str, namespace: &'s str, name: &'s str) -> Option<&'s Workload> {
        let kind = [
            WorkloadKind::Deployment,
            WorkloadKind::StatefulSet,
            WorkloadKind::DaemonSet,
            WorkloadKind::ReplicaSet,
            WorkloadKind::ReplicationController,
            WorkloadKind::Job,
            WorkloadKind::CronJob,
        ]
        .into_iter()
        .find(|known| known.as_str() == kind)?;
        self.workloads.get(&(kind, namespace, name)).copied()
    }

    /// Why nothing can be said from the absence of a match; `None` where it can.
    ///
    /// The pods must have been read. Of the templates none may have been refused; but files that hold no object of a
    /// kind do not make the answer unknown where they hold the pods, since `kubectl get` writes no empty lists:
    /// [`Self::gaps`] names them.
    #[must_use]
    pub fn why_unknown(&self) -> Option<String> {
        if let Some(why) = self.snapshot.why_unknown(&kinds::PODS) {
            return Some(format!("pods: {why}"));
        }
        TEMPLATES.iter().find_map(|kind| match self.snapshot.coverage(kind) {
            Coverage::Denied(why) => Some(format!("{}: {why}", kind.plural)),
            Coverage::Unknown if self.snapshot.workloads.is_empty() => {
                Some(format!("the input holds pods, but no template of any kind ({} and others)", kind.plural))
            }
            _ => None,
        })
    }

    /// What the input does not hold, to be said beside a "none": ` (the input holds no cronjobs)`, or nothing.
    #[must_use]
    pub fn gaps(&self) -> String {
        let missing: Vec<&str> = TEMPLATES
            .iter()
            .filter(|kind| self.snapshot.coverage(kind) == Coverage::Unknown)
            .map(|kind| kind.plural)
            .collect();
        if missing.is_empty() { String::new() } else { format!(" (the input holds no {})", missing.join(", ")) }
    }
}

/// Something that people write and that makes pods, or is one.
#[derive(Clone, Copy)]
pub(crate) struct Item<'s> {
    /// Its kind.
    pub(crate) kind: &'static str,
    pub(crate) meta: &'s Meta,
    pub(crate) spec: &'s Arc<PodSpec>,
    /// Of the pod, or of the pods that it makes.
    pub(crate) annotations: &'s Labels,
}

impl<'s> Item<'s> {
    pub(crate) fn namespace(&self) -> &'s str {
        &self.meta.namespace
    }
}

/// Every workload that nobody else makes, and every pod that neither a controller nor a kubelet makes.
pub(crate) struct Items<'s>(Vec<Item<'s>>);

impl<'s> Items<'s> {
    pub(crate) fn of(snapshot: &'s Snapshot) -> Self {
        let workloads =
            snapshot.workloads.iter().filter(|workload| is_looked_at(workload) && !workload.is_owned()).map(
                |workload| Item {
                    kind: workload.kind.as_str(),
                    meta: &workload.meta,
                    spec: &workload.template,
                    annotations: &workload.template_annotations,
                },
            );
        let pods = snapshot
            .pods
            .iter()
            .filter(|pod| !pod.is_finished() && !pod.is_mirror() && pod.meta.controller().is_none())
            .map(|pod| Item { kind: "Pod", meta: &pod.meta, spec: &pod.spec, annotations: &pod.meta.annotations });
        Self(workloads.chain(pods).collect())
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Item<'s>> {
        self.0.iter()
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// Which of the kinds were not read; `None` where all were. Files hold what somebody wrote into them: there it is
    /// only missed where they hold none of any kind.
    pub(crate) fn why_unknown(&self, snapshot: &Snapshot) -> Option<String> {
        if let Some((kind, why)) =
            TEMPLATES.iter().chain([&kinds::PODS]).find_map(|kind| match snapshot.coverage(kind) {
                Coverage::Denied(why) => Some((kind, why)),
                _ => None,
            })
        {
            return Some(format!("{}: {why}", kind.resource()));
        }
        let is_known = |kind: &Kind| snapshot.why_unknown(kind).is_none();
        let any = TEMPLATES.iter().chain([&kinds::PODS]).any(is_known);
        (!any).then(|| "the input holds no pods and no workloads".to_owned())
    }
}

/// ReplicaSets of past revisions and Jobs that have ended make no pods any more.
pub(crate) fn is_looked_at(workload: &Workload) -> bool {
    let past = workload.kind == WorkloadKind::ReplicaSet && workload.is_owned() && workload.replicas == 0;
    let ended = workload.kind == WorkloadKind::Job && workload.job.as_ref().is_some_and(|job| job.finished);
    !past && !ended
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Cluster;

    const WEB: &str = "
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: shop}
spec: {template: {spec: {hostNetwork: true}}}
---
apiVersion: apps/v1
kind: ReplicaSet
metadata: {name: web-1, namespace: shop, ownerReferences: [{apiVersion: apps/v1, kind: Deployment, name: web, controller: true}]}
spec: {replicas: 1, template: {spec: {hostNetwork: true}}}
---
apiVersion: v1
kind: Pod
metadata: {name: web-1-x, namespace: shop, ownerReferences: [{apiVersion: apps/v1, kind: ReplicaSet, name: web-1, controller: true}]}
spec: {hostNetwork: true}
---
apiVersion: v1
kind: Pod
metadata: {name: lone, namespace: shop, ownerReferences: [{apiVersion: apps/v1, kind: ReplicaSet, name: gone-1, controller: true}]}
spec: {hostNetwork: true}
";

    #[test]
    fn what_people_would_change_is_named_once() {
        let cluster = Cluster::of(WEB);
        let specs = Specs::new(&cluster.snapshot);
        let found = specs.matching(|spec| spec.host_network);
        let names: Vec<String> = found.iter().map(ObjectRef::display).collect();
        assert_eq!(names, ["Deployment shop/web", "ReplicaSet shop/gone-1"]);
        assert_eq!(specs.figures(), "2 pods and 2 templates");
    }

    #[test]
    fn none_counts_only_where_pods_were_read() {
        let cluster = Cluster::of(WEB);
        let specs = Specs::new(&cluster.snapshot);
        assert_eq!(specs.why_unknown(), None);
        assert_eq!(specs.gaps(), " (the input holds no statefulsets, daemonsets, jobs, cronjobs)");
        let templates = Cluster::of("{apiVersion: apps/v1, kind: Deployment, metadata: {name: a}}");
        assert_eq!(Specs::new(&templates.snapshot).why_unknown().as_deref(), Some("pods: the input holds no pods"));
    }
}
