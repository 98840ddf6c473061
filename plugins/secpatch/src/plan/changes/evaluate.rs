//! Which function evaluates which change, and what it answers.

use std::collections::BTreeSet;

use patchkit::{
    report::{ObjectRef, Severity},
    rules::version::Minor,
    snapshot::Snapshot,
};

use super::{control_plane, kube_proxy, kubectl, kubelet, monitoring, nodes, service, storage};
use crate::{
    facts::Change,
    plan::model::{ChangeAnswer, Touched},
    specs::Specs,
    subject::Subject,
};

/// What an evaluator looks at.
pub(super) struct Look<'a> {
    pub(super) subject: Subject<'a>,
    pub(super) snapshot: &'a Snapshot,
    pub(super) specs: &'a Specs<'a>,
    /// The minor that brings the change.
    pub(super) minor: Minor,
}

/// What an evaluator says.
pub(super) struct Verdict {
    pub(super) touched: Touched,
    pub(super) evidence: String,
    pub(super) objects: Vec<ObjectRef>,
}

impl Verdict {
    pub(super) fn yes(objects: impl IntoIterator<Item = ObjectRef>, evidence: impl Into<String>) -> Self {
        // The same object may be found twice, by its pod and by its template.
        let objects: BTreeSet<ObjectRef> = objects.into_iter().collect();
        Self { touched: Touched::Yes, evidence: evidence.into(), objects: objects.into_iter().collect() }
    }

    pub(super) fn no(evidence: impl Into<String>) -> Self {
        Self { touched: Touched::No, evidence: evidence.into(), objects: Vec::new() }
    }

    pub(super) fn cannot_tell(why: impl Into<String>) -> Self {
        Self { touched: Touched::CannotTell, evidence: why.into(), objects: Vec::new() }
    }
}

type Evaluator = fn(&Look<'_>) -> Verdict;

/// By the names of the facts' table.
const EVALUATORS: [(&str, Evaluator); 28] = [
    ("apparmor-annotations", kubelet::apparmor_annotations),
    ("cadvisor-flags-removed", kubelet::cadvisor_flags),
    ("cgroup-v1", nodes::cgroup_v1),
    ("containerd-1.x", nodes::containerd_1),
    ("endpoints-deprecated", service::endpoints),
    ("enforce-mountable-secrets", control_plane::enforce_mountable_secrets),
    ("event-record-qps-zero", kubelet::event_record_qps),
    ("external-ips", service::external_ips),
    ("flexvolume-kubeadm", storage::flex_volume),
    ("gitrepo-volumes", storage::git_repo),
    ("ipvs-deprecated", kube_proxy::ipvs),
    ("kcm-concurrent-service-syncs", control_plane::concurrent_service_syncs),
    ("kube-proxy-iptables-wait", kube_proxy::iptables_wait),
    ("kube-proxy-mode-unset", kube_proxy::mode_unset),
    ("kubeadm-etcd-3.6", control_plane::kubeadm_etcd),
    ("kubectl-exec-dashes", kubectl::exec_dashes),
    ("kubelet-cloud-config", kubelet::cloud_config),
    ("metric-volume-operation-errors", monitoring::volume_operation_errors),
    ("metrics-labels", monitoring::labels),
    ("nodes-log-exposes-config", kubelet::nodes_log),
    ("pod-infra-container-image", kubelet::pod_infra_container_image),
    ("portworx-in-tree", storage::portworx),
    ("scheduling-v1alpha1-workload", control_plane::scheduling_v1alpha1),
    ("scheduling-v1alpha2-objects", control_plane::scheduling_v1alpha2),
    ("selinux-mount", storage::selinux_mount),
    ("static-pods-api-references", kubelet::static_pods),
    ("topology-mode-annotation", service::topology_mode),
    ("webhook-admission-config-v1alpha1", control_plane::webhook_admission_config),
];

/// How much a change matters where it touches: whether it stops what is there, or only says that something will.
#[must_use]
pub fn severity(id: &str) -> Severity {
    const STOPS: [&str; 13] = [
        "cadvisor-flags-removed",
        "cgroup-v1",
        "gitrepo-volumes",
        "kcm-concurrent-service-syncs",
        "kube-proxy-iptables-wait",
        "kubeadm-etcd-3.6",
        "kubelet-cloud-config",
        "pod-infra-container-image",
        "portworx-in-tree",
        "scheduling-v1alpha1-workload",
        "scheduling-v1alpha2-objects",
        "static-pods-api-references",
        "webhook-admission-config-v1alpha1",
    ];
    const ANNOUNCES: [&str; 7] = [
        "containerd-1.x",
        "endpoints-deprecated",
        "enforce-mountable-secrets",
        "external-ips",
        "ipvs-deprecated",
        "kube-proxy-mode-unset",
        "topology-mode-annotation",
    ];
    if STOPS.contains(&id) || id.starts_with("gate:") {
        Severity::High
    } else if ANNOUNCES.contains(&id) {
        Severity::Low
    } else {
        Severity::Medium
    }
}

/// Whether there is an evaluator.
#[cfg(test)]
pub(super) fn is_known(id: &str) -> bool {
    EVALUATORS.iter().any(|(known, _)| *known == id)
}

/// The changes that come with a minor, evaluated: those that touch first, then those that cannot be told.
#[must_use]
pub fn of_minor(subject: Subject<'_>, specs: &Specs<'_>, minor: Minor) -> Vec<ChangeAnswer> {
    let mut found: Vec<ChangeAnswer> =
        subject.facts.changes().of(minor).map(|change| evaluate(subject, specs, change)).collect();
    found.sort_by_key(|answer| match answer.touched {
        Touched::Yes => 0,
        Touched::CannotTell => 1,
        Touched::No => 2,
    });
    found
}

/// Evaluates a change.
#[must_use]
pub fn evaluate(subject: Subject<'_>, specs: &Specs<'_>, change: &Change) -> ChangeAnswer {
    let look = Look { subject, snapshot: subject.snapshot, specs, minor: change.minor };
    let verdict = match EVALUATORS.iter().find(|(id, _)| *id == change.id) {
        Some((_, evaluator)) => evaluator(&look),
        // Newer facts may know changes that this version of the program does not know how to see.
        None => Verdict::cannot_tell(format!("not looked at by this version of the program: {}", change.evidence)),
    };
    ChangeAnswer {
        id: change.id.clone(),
        minor: change.minor.to_string(),
        component: change.component.clone(),
        fact: change.fact.clone(),
        touched: verdict.touched,
        evidence: verdict.evidence,
        objects: verdict.objects,
        action: change.action.clone(),
        source: change.source.clone(),
        provisional: change.provisional,
    }
}
