//! A pod that looks for a node.

use std::sync::Arc;

use compact_str::CompactString;
use patchkit::{
    rules::{
        LabelSelector, Labels, NodeSelector, NodeSelectorTerm, Operator, PodSpec, Requirement, Toleration,
        pod::{NodeAffinity, PodAffinityTerm, VolumeSource},
        requests,
    },
    snapshot::objects::{
        pod::{Phase, Pod},
        storage::PersistentVolumeClaim,
    },
};

/// The namespace of objects that name none.
pub(crate) const DEFAULT_NAMESPACE: &str = "default";

/// The scheduler whose filters these are.
const SCHEDULER: &str = "default-scheduler";

/// A pod as the scheduler sees it: admitted, and without a node.
#[derive(Clone, Debug)]
pub struct Candidate {
    /// Its namespace, never empty.
    pub namespace: Arc<str>,
    /// Its name; of a pod that does not exist yet the name that it will have, or what stands for it.
    pub name: CompactString,
    /// Its UID; empty where it does not exist yet.
    pub uid: CompactString,
    /// Its labels.
    pub labels: Arc<Labels>,
    /// Its specification, with the defaults that the API server fills in.
    pub spec: Arc<PodSpec>,
    /// Claims that will be made for it and do not exist yet, by the name of the ephemeral volume.
    pub(crate) future_claims: Vec<(CompactString, PersistentVolumeClaim)>,
}

impl Candidate {
    /// A pod of the cluster, running or not, as if it looked for a node now.
    #[must_use]
    pub fn of_pod(pod: &Pod) -> Self {
        let mut spec = Arc::clone(&pod.spec);
        if pod.pinned {
            pin(Arc::make_mut(&mut spec), &pod.node);
        }
        let mut candidate = Self {
            namespace: namespace_of(&pod.meta.namespace),
            name: pod.meta.name.clone(),
            uid: pod.meta.uid.clone(),
            labels: Arc::clone(&pod.meta.labels),
            spec,
            future_claims: Vec::new(),
        };
        candidate.admit(pod.meta.uid.is_empty());
        candidate
    }

    /// What the API server does with a pod: requests default to limits. A pod that it has not seen also gets its
    /// affinity's `matchLabelKeys` merged into the selectors, and the tolerations of an unready node.
    pub(crate) fn admit(&mut self, is_new: bool) {
        let has_limits = |spec: &PodSpec| {
            spec.resources.is_some()
                || spec.containers.iter().chain(&spec.init_containers).any(|it| !it.resources.limits.is_empty())
        };
        if has_limits(&self.spec) {
            requests::apply_defaults(Arc::make_mut(&mut self.spec));
        }
        if is_new {
            let labels = Arc::clone(&self.labels);
            let spec = Arc::make_mut(&mut self.spec);
            merge_label_keys(spec, &labels);
            tolerate_unready_nodes(spec);
        }
    }

    /// Why the scheduler's filters say nothing about it; `None` where they do.
    #[must_use]
    pub fn why_not_evaluated(&self) -> Option<String> {
        let spec = &self.spec;
        if !spec.scheduling_gates.is_empty() {
            let names: Vec<&str> = spec.scheduling_gates.iter().map(|gate| gate.name.as_str()).collect();
            return Some(format!("schedulingGates: {}", names.join(", ")));
        }
        if let Some(name) = spec.scheduler_name.as_deref().filter(|name| !name.is_empty() && *name != SCHEDULER) {
            return Some(format!("schedulerName: {name}"));
        }
        if !spec.resource_claims.is_empty() {
            let names: Vec<&str> = spec.resource_claims.iter().map(|claim| claim.name.as_str()).collect();
            return Some(format!("resourceClaims: {} (DynamicResources is not evaluated)", names.join(", ")));
        }
        super::dynamic_resources::device_class_request(spec)
            .map(|name| format!("{name} is a device class (DynamicResources is not evaluated)"))
    }
}

/// Whether a pod has no node and the scheduler would look for one: not finished, and not on its way out.
#[must_use]
pub fn waits_for_a_node(pod: &Pod) -> bool {
    pod.node.is_empty() && pod.meta.deleting.is_none() && !matches!(pod.phase, Phase::Succeeded | Phase::Failed)
}

/// The namespace of an object; one that names none is in the default one.
#[must_use]
pub fn namespace_of(namespace: &Arc<str>) -> Arc<str> {
    if namespace.is_empty() { Arc::from(DEFAULT_NAMESPACE) } else { Arc::clone(namespace) }
}

/// Puts back the term by which the DaemonSet controller binds a pod to its node, which snapshots keep apart.
fn pin(spec: &mut PodSpec, node: &str) {
    let affinity = spec.affinity.get_or_insert_default();
    let term = NodeSelectorTerm {
        match_expressions: Vec::new(),
        match_fields: vec![Requirement {
            key: "metadata.name".into(),
            operator: Operator::In,
            values: vec![node.into()],
        }],
    };
    affinity.node_affinity.get_or_insert_with(NodeAffinity::default).required =
        Some(NodeSelector { node_selector_terms: vec![term] });
}

/// Merges `matchLabelKeys` and `mismatchLabelKeys` as the API server does when a pod is created
/// (`pkg/registry/core/pod/strategy.go`, KEP-3633, KEP-3243).
fn merge_label_keys(spec: &mut PodSpec, labels: &Labels) {
    let merge = |selector: &mut Option<LabelSelector>, keys: &[CompactString], operator: &Operator| {
        let Some(selector) = selector else { return };
        for key in keys {
            if let Some(value) = labels.get(key) {
                selector.match_expressions.push(Requirement {
                    key: key.clone(),
                    operator: operator.clone(),
                    values: vec![value.into()],
                });
            }
        }
    };
    if let Some(affinity) = &mut spec.affinity {
        let terms = |found: Option<&mut patchkit::rules::pod::PodAffinity>,
                     each: &mut dyn FnMut(&mut PodAffinityTerm)| {
            found.into_iter().flat_map(|it| &mut it.required).for_each(each);
        };
        let mut one = |term: &mut PodAffinityTerm| {
            merge(&mut term.label_selector, &term.match_label_keys, &Operator::In);
            merge(&mut term.label_selector, &term.mismatch_label_keys, &Operator::NotIn);
        };
        terms(affinity.pod_affinity.as_mut(), &mut one);
        terms(affinity.pod_anti_affinity.as_mut(), &mut one);
    }
    for constraint in spec.topology_spread_constraints.make_mut() {
        merge(&mut constraint.label_selector, &constraint.match_label_keys, &Operator::In);
    }
}

/// The admission plugin DefaultTolerationSeconds, which is on everywhere by default.
fn tolerate_unready_nodes(spec: &mut PodSpec) {
    for key in ["node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"] {
        let covers = |toleration: &Toleration| {
            (toleration.key == key || toleration.key.is_empty())
                && (toleration.effect == "NoExecute" || toleration.effect.is_empty())
        };
        if !spec.tolerations.iter().any(covers) {
            let known = spec.tolerations.iter().cloned();
            spec.tolerations = known
                .chain([Toleration {
                    key: key.into(),
                    operator: "Exists".into(),
                    value: CompactString::default(),
                    effect: "NoExecute".into(),
                    toleration_seconds: Some(300),
                }])
                .collect();
        }
    }
}

/// The name of the claim that a volume uses, and whether it is made for the pod alone.
pub(crate) fn claim_of(pod: &str, volume: &patchkit::rules::pod::Volume) -> Option<(CompactString, bool)> {
    match &volume.source {
        VolumeSource::PersistentVolumeClaim { claim } => Some((claim.of(&volume.name, pod).into(), false)),
        VolumeSource::Ephemeral { .. } => Some((compact_str::format_compact!("{pod}-{}", volume.name), true)),
        _ => None,
    }
}
