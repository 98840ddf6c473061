//! What is shared between the objects of one snapshot while it is filled.

use std::{hash::Hash, sync::Arc};

use rustc_hash::FxHashSet;

use super::{
    by_parts::ByParts,
    meta::{CommonMeta, Manager, Origin},
    pod::{ContainerStatus, PodState},
    rule_lines::RuleLines,
};
use crate::rules::{
    Labels, OwnerRef, PodSpec, Resources, Toleration,
    pod::{
        ContainerPort, EnvFrom, EnvVar, Lifecycle, NamedReference, PodSecurityContext, Probe, ResourceRequirements,
        SecurityContext, TopologySpreadConstraint, Volume, VolumeMount,
    },
};

/// Keeps one copy of what is equal: thousands of pods come from one template, and share labels, owners and images.
pub(crate) struct Context {
    texts: FxHashSet<Arc<str>>,
    labels: FxHashSet<Arc<Labels>>,
    owners: FxHashSet<Arc<[OwnerRef]>>,
    specs: FxHashSet<Arc<PodSpec>>,
    managers: FxHashSet<Arc<[Manager]>>,
    statuses: FxHashSet<Arc<[ContainerStatus]>>,
    resources: FxHashSet<Arc<Resources>>,
    metas: FxHashSet<Arc<ByParts<CommonMeta>>>,
    pods: FxHashSet<Arc<ByParts<PodState>>>,
    parts: SpecParts,
    /// Of the object that is being read.
    api_version: Arc<str>,
    origin: Option<Origin>,
    rule_lines: RuleLines,
}

impl Default for Context {
    fn default() -> Self {
        Self {
            texts: FxHashSet::default(),
            labels: FxHashSet::default(),
            owners: FxHashSet::default(),
            specs: FxHashSet::default(),
            managers: FxHashSet::default(),
            statuses: FxHashSet::default(),
            resources: FxHashSet::default(),
            metas: FxHashSet::default(),
            pods: FxHashSet::default(),
            parts: SpecParts::default(),
            api_version: Arc::from(""),
            origin: None,
            rule_lines: RuleLines::default(),
        }
    }
}

/// Parts of specifications, of which there are few different ones in a whole cluster, however many specifications differ.
#[derive(Default)]
struct SpecParts {
    pod_security: FxHashSet<Arc<PodSecurityContext>>,
    security: FxHashSet<Arc<SecurityContext>>,
    requirements: FxHashSet<Arc<ResourceRequirements>>,
    probes: FxHashSet<Arc<Probe>>,
    lifecycles: FxHashSet<Arc<Lifecycle>>,
    volumes: FxHashSet<Arc<[Volume]>>,
    tolerations: FxHashSet<Arc<[Toleration]>>,
    spreads: FxHashSet<Arc<[TopologySpreadConstraint]>>,
    references: FxHashSet<Arc<[NamedReference]>>,
    ports: FxHashSet<Arc<[ContainerPort]>>,
    variables: FxHashSet<Arc<[EnvVar]>>,
    sources: FxHashSet<Arc<[EnvFrom]>>,
    mounts: FxHashSet<Arc<[VolumeMount]>>,
}

impl SpecParts {
    /// Takes the known copies of the parts of a specification.
    fn share(&mut self, spec: &mut PodSpec) {
        spec.security_context.iter_mut().for_each(|part| reuse(&mut self.pod_security, part));
        reuse(&mut self.volumes, spec.volumes.shared());
        reuse(&mut self.tolerations, spec.tolerations.shared());
        reuse(&mut self.spreads, spec.topology_spread_constraints.shared());
        reuse(&mut self.references, spec.image_pull_secrets.shared());
        let lists = [&mut spec.containers, &mut spec.init_containers, &mut spec.ephemeral_containers];
        for container in lists.into_iter().flatten() {
            reuse(&mut self.requirements, &mut container.resources);
            reuse(&mut self.ports, container.ports.shared());
            reuse(&mut self.variables, container.env.shared());
            reuse(&mut self.sources, container.env_from.shared());
            reuse(&mut self.mounts, container.volume_mounts.shared());
            container.security_context.iter_mut().for_each(|part| reuse(&mut self.security, part));
            container.lifecycle.iter_mut().for_each(|part| reuse(&mut self.lifecycles, part));
            let probes = [&mut container.liveness_probe, &mut container.readiness_probe, &mut container.startup_probe];
            probes.into_iter().flatten().for_each(|part| reuse(&mut self.probes, part));
        }
    }
}

/// Takes the known copy of something equal instead of this one.
fn reuse<T: Eq + Hash + ?Sized>(known: &mut FxHashSet<Arc<T>>, part: &mut Arc<T>) {
    match known.get(part) {
        Some(found) => *part = Arc::clone(found),
        None => {
            known.insert(Arc::clone(part));
        }
    }
}

/// The known copy of something equal, or this one.
fn share<T: Eq + Hash>(known: &mut FxHashSet<Arc<T>>, value: T) -> Arc<T> {
    if let Some(found) = known.get(&value) {
        return Arc::clone(found);
    }
    let made = Arc::new(value);
    known.insert(Arc::clone(&made));
    made
}

/// As [`share`], for lists.
fn share_list<T: Eq + Hash>(known: &mut FxHashSet<Arc<[T]>>, list: Vec<T>) -> Arc<[T]> {
    if let Some(found) = known.get(list.as_slice()) {
        return Arc::clone(found);
    }
    let made: Arc<[T]> = list.into();
    known.insert(Arc::clone(&made));
    made
}

impl Context {
    /// Says which object comes next.
    pub(crate) fn begin(&mut self, api_version: &str, origin: Option<Origin>) {
        if &*self.api_version != api_version {
            self.api_version = self.text(api_version);
        }
        self.origin = origin;
        self.rule_lines = RuleLines::default();
    }

    /// Says where the rules of the object stand, counted from 0 at its first line.
    pub(crate) fn begin_rules(&mut self, lines: RuleLines) {
        self.rule_lines = lines;
    }

    /// Where the rules of the object stand, of which this many were read.
    pub(crate) fn rule_lines(&mut self, ingress: usize, egress: usize) -> RuleLines {
        let first = self.origin.map_or(0, |origin| origin.line);
        std::mem::take(&mut self.rule_lines).from(first, ingress, egress)
    }

    pub(crate) fn api_version(&self) -> Arc<str> {
        Arc::clone(&self.api_version)
    }

    pub(crate) fn origin(&self) -> Option<Origin> {
        self.origin
    }

    pub(crate) fn text(&mut self, text: &str) -> Arc<str> {
        if let Some(found) = self.texts.get(text) {
            return Arc::clone(found);
        }
        let made: Arc<str> = text.into();
        self.texts.insert(Arc::clone(&made));
        made
    }

    pub(crate) fn labels(&mut self, labels: Labels) -> Arc<Labels> {
        share(&mut self.labels, labels)
    }

    pub(crate) fn owners(&mut self, owners: Vec<OwnerRef>) -> Arc<[OwnerRef]> {
        share_list(&mut self.owners, owners)
    }

    pub(crate) fn managers(&mut self, managers: Vec<Manager>) -> Arc<[Manager]> {
        share_list(&mut self.managers, managers)
    }

    pub(crate) fn spec(&mut self, mut spec: PodSpec) -> Arc<PodSpec> {
        if let Some(found) = self.specs.get(&spec) {
            return Arc::clone(found);
        }
        spec.shrink();
        self.parts.share(&mut spec);
        share(&mut self.specs, spec)
    }

    pub(crate) fn statuses(&mut self, statuses: Vec<ContainerStatus>) -> Arc<[ContainerStatus]> {
        share_list(&mut self.statuses, statuses)
    }

    pub(crate) fn resources(&mut self, resources: Resources) -> Arc<Resources> {
        share(&mut self.resources, resources)
    }

    pub(crate) fn common_meta(&mut self, meta: CommonMeta) -> Arc<ByParts<CommonMeta>> {
        share(&mut self.metas, ByParts(meta))
    }

    pub(crate) fn pod_state(&mut self, state: PodState) -> Arc<ByParts<PodState>> {
        share(&mut self.pods, ByParts(state))
    }
}
