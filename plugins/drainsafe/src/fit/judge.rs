//! One pod against all nodes: what every filter prepares before it looks at a node, and then node by node the first
//! filter that rejects it (`RunPreFilterPlugins` and `RunFilterPlugins` of `pkg/scheduler/framework/runtime`).

use super::{
    amounts::Amounts,
    candidate::Candidate,
    filter::{Filter, Reason, Rejection},
    index::Index,
    inter_pod_affinity::{self, PodAffinities},
    node_affinity::{NamedNodes, RequiredAffinity},
    node_declared_features, node_name,
    node_ports::{self, HostPort},
    node_resources_fit, node_unschedulable,
    node_volume_limits::{self, Limits},
    pod_topology_spread::{self, Spread},
    storage::has_filtered_volumes,
    taint_toleration,
    volume_binding::{self, Bindings, Decided},
    volume_restrictions::{self, Restrictions},
    volume_zone::{self, Zones},
};

/// A pod, ready to be held against nodes. What it says holds until a pod is added to the index or removed from it.
#[derive(Debug)]
pub struct Judge<'a> {
    index: &'a Index<'a>,
    candidate: &'a Candidate,
    prepared: Result<Prepared<'a>, Rejection>,
}

/// What the filters have worked out.
#[derive(Debug)]
struct Prepared<'a> {
    node_name: Option<&'a str>,
    named_nodes: NamedNodes<'a>,
    tolerates_cordon: bool,
    affinity: Option<RequiredAffinity<'a>>,
    ports: Vec<HostPort>,
    requests: Amounts,
    restrictions: Option<Restrictions<'a>>,
    limits: Option<Limits>,
    bindings: Option<Bindings<'a>>,
    zones: Option<Zones<'a>>,
    spread: Option<Spread>,
    affinities: Option<PodAffinities>,
    features: Vec<&'static str>,
}

impl<'a> Judge<'a> {
    /// Prepares the filters for a pod.
    #[must_use]
    pub fn new(index: &'a Index<'a>, candidate: &'a Candidate) -> Self {
        Self { index, candidate, prepared: prepare(index, candidate) }
    }

    /// The first filter that rejects a node, given by its number; `None` where the pod may go there.
    #[must_use]
    pub fn rejection(&self, node: usize) -> Option<Rejection> {
        let prepared = match &self.prepared {
            Ok(prepared) => prepared,
            Err(rejection) => return Some(rejection.clone()),
        };
        self.filters(prepared, node).err().map(|(filter, reason)| Rejection { filter, reason })
    }

    /// Whether the pod may go to a node, given by its number.
    #[must_use]
    pub fn fits(&self, node: usize) -> bool {
        self.prepared.as_ref().is_ok_and(|prepared| self.filters(prepared, node).is_ok())
    }

    fn filters(&self, it: &Prepared<'a>, number: usize) -> Result<(), (Filter, Reason)> {
        let (index, spec) = (self.index, &self.candidate.spec);
        let state = &index.nodes()[number];
        let by = |filter: Filter| move |reason: Reason| (filter, reason);
        if let Some(wanted) = it.node_name {
            node_name::filter(wanted, state.name()).map_err(by(Filter::NodeName))?;
        }
        if it.named_nodes.as_ref().is_some_and(|names| !names.contains(&state.node.meta.name)) {
            let words = "node(s) didn't satisfy plugin(s) [NodeAffinity]";
            return Err((Filter::NodeAffinity, Reason::from(words)));
        }
        node_unschedulable::filter(it.tolerates_cordon, state).map_err(by(Filter::NodeUnschedulable))?;
        taint_toleration::filter(&spec.tolerations, state).map_err(by(Filter::TaintToleration))?;
        if let Some(affinity) = &it.affinity {
            affinity.filter(state.node).map_err(by(Filter::NodeAffinity))?;
        }
        node_ports::filter(&it.ports, &state.ports).map_err(by(Filter::NodePorts))?;
        node_resources_fit::filter(&it.requests, state).map_err(by(Filter::NodeResourcesFit))?;
        if let Some(restrictions) = &it.restrictions {
            restrictions.filter(state).map_err(by(Filter::VolumeRestrictions))?;
        }
        if let Some(limits) = &it.limits {
            limits.filter(state, index.storage()).map_err(by(Filter::NodeVolumeLimits))?;
        }
        if let Some(bindings) = &it.bindings {
            bindings.filter(&self.candidate.namespace, state, index).map_err(by(Filter::VolumeBinding))?;
        }
        if let Some(zones) = &it.zones {
            zones.filter(state.node).map_err(by(Filter::VolumeZone))?;
        }
        if let Some(spread) = &it.spread {
            spread.filter(number).map_err(by(Filter::PodTopologySpread))?;
        }
        if let Some(affinities) = &it.affinities {
            affinities.filter(number).map_err(by(Filter::InterPodAffinity))?;
        }
        if !it.features.is_empty() {
            node_declared_features::filter(&it.features, state.node).map_err(by(Filter::NodeDeclaredFeatures))?;
        }
        Ok(())
    }

    /// The names of the bound volumes of the pod.
    pub fn volumes(&self) -> impl Iterator<Item = &str> {
        self.bindings().into_iter().flat_map(Bindings::volumes)
    }

    /// Whether a bound volume of the pod, by its name, can be used from a node, given by its number.
    #[must_use]
    pub fn reaches(&self, volume: &str, node: usize) -> bool {
        self.bindings().is_some_and(|bindings| bindings.reaches(volume, &self.index.nodes()[node]))
    }

    fn bindings(&self) -> Option<&Bindings<'a>> {
        self.prepared.as_ref().ok()?.bindings.as_ref()
    }
}

/// Whether a node is one of those that a pod's node selector and required node affinity want.
#[must_use]
pub fn affinity_matches(candidate: &Candidate, node: &patchkit::snapshot::objects::node::Node) -> bool {
    RequiredAffinity::of(&candidate.spec).matches(node)
}

fn prepare<'a>(index: &'a Index<'a>, candidate: &'a Candidate) -> Result<Prepared<'a>, Rejection> {
    let spec = &*candidate.spec;
    let affinity = RequiredAffinity::of(spec);
    // In the scheduler's order: the first that rejects all nodes is the one to name.
    let named_nodes = affinity.named_nodes()?;
    let (mut restrictions, mut limits, mut bindings, mut zones) = (None, None, None, None);
    if has_filtered_volumes(spec) {
        let storage = index.storage();
        let namespace = &candidate.namespace;
        let claims = storage.claims_of(candidate);
        restrictions = volume_restrictions::prepare(spec, namespace, &claims, index)?;
        bindings = volume_binding::prepare(candidate, &claims, storage)?;
        zones = volume_zone::prepare(&claims, storage)?;
        let attached = node_volume_limits::attached_volumes(spec, &candidate.name, namespace, &claims, storage);
        limits = node_volume_limits::prepare(attached);
    }
    Ok(Prepared {
        node_name: node_name::prepare(spec),
        named_nodes,
        tolerates_cordon: node_unschedulable::tolerates_cordon(&spec.tolerations),
        affinity: affinity.is_some().then_some(affinity),
        ports: node_ports::host_ports(spec),
        requests: Amounts::of(&patchkit::rules::requests::of_spec(spec)),
        restrictions,
        limits,
        bindings,
        zones,
        spread: pod_topology_spread::prepare(candidate, index, &affinity),
        affinities: inter_pod_affinity::prepare(candidate, index),
        features: node_declared_features::required(spec),
    })
}

/// What is decided for the claims of a pod that gets this node.
pub(super) fn decide_claims(index: &Index<'_>, candidate: &Candidate, node: usize) -> Decided {
    if !has_filtered_volumes(&candidate.spec) {
        return Vec::new();
    }
    let claims = index.storage().claims_of(candidate);
    let bindings = volume_binding::prepare(candidate, &claims, index.storage()).ok().flatten();
    bindings
        .and_then(|bindings| bindings.decide(&candidate.namespace, &index.nodes()[node], index).ok())
        .unwrap_or_default()
}
