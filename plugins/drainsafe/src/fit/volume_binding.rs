//! VolumeBinding: bound volumes must be reachable from the node, and for the other claims there must be a volume or
//! somebody who makes one (`plugins/volumebinding/{volume_binding,binder}.go`, and `FindMatchingVolume` of
//! `k8s.io/component-helpers/storage/volume`).

use compact_str::CompactString;
use patchkit::{
    rules::{NodeSelector, NodeSelectorTerm, Quantity},
    snapshot::objects::{
        node::Node,
        storage::{PersistentVolume, PersistentVolumeClaim, StorageClass},
    },
};

use super::{
    candidate::Candidate,
    filter::{Filter, Reason, Rejection},
    in_tree::{InTree, is_migrated},
    index::{Assumed, Index, NodeState},
    storage::{Storage, UsedClaim, class_of_claim, class_of_volume, is_bound, selected_node, waits_for_consumer},
};

/// A class that makes no volumes.
const NO_PROVISIONER: &str = "kubernetes.io/no-provisioner";

/// What is worked out before any node is looked at.
#[derive(Debug)]
pub(super) struct Bindings<'a> {
    bound: Vec<BoundVolume<'a>>,
    /// Bound claims whose volume is not there.
    volume_is_missing: bool,
    /// Claims that wait for a node, with their namespace and name, the smallest first.
    waiting: Vec<Waiting<'a>>,
}

/// A volume with its node affinity, as it is and as its CSI driver has it.
#[derive(Debug)]
struct BoundVolume<'a> {
    volume: &'a PersistentVolume,
    translated: Option<(&'static str, Result<Option<NodeSelector>, String>)>,
}

/// A claim that is bound once its pod has a node.
#[derive(Debug)]
struct Waiting<'a> {
    name: CompactString,
    claim: &'a PersistentVolumeClaim,
    class: &'a str,
}

/// What is decided for the claims of a pod when it gets a node.
pub(crate) type Decided = Vec<(CompactString, Assumed)>;

/// PreFilter: claims that keep the pod from every node; `None` where it uses no claim.
pub(super) fn prepare<'a>(
    candidate: &'a Candidate,
    claims: &[UsedClaim<'a>],
    storage: &Storage<'a>,
) -> Result<Option<Bindings<'a>>, Rejection> {
    if claims.is_empty() {
        return Ok(None);
    }
    let reject = |words: String| Err(Rejection::new(Filter::VolumeBinding, words));
    for used in claims {
        let name = used.name.as_str();
        let Some(claim) = used.claim else {
            return reject(if used.ephemeral {
                format!("waiting for ephemeral volume controller to create the persistentvolumeclaim {name:?}")
            } else {
                format!("persistentvolumeclaim {name:?} not found")
            });
        };
        if claim.phase == "Lost" {
            let volume = claim.volume_name.as_str();
            return reject(format!("persistentvolumeclaim {name:?} bound to non-existent persistentvolume {volume:?}"));
        }
        if claim.meta.deleting.is_some() {
            return reject(format!("persistentvolumeclaim {name:?} is being deleted"));
        }
        if used.ephemeral && !used.owned {
            let (namespace, pod) = (&candidate.namespace, &candidate.name);
            return reject(format!(
                "PVC {namespace}/{name} was not created for pod {namespace}/{pod} (pod is not owner)"
            ));
        }
    }
    let mut bindings = Bindings { bound: Vec::new(), volume_is_missing: false, waiting: Vec::new() };
    for used in claims {
        let Some(claim) = used.claim else { continue };
        let class = class_of_claim(claim);
        if is_bound(claim) {
            match storage.volume(&claim.volume_name) {
                Some(volume) => bindings.bound.push(BoundVolume::of(volume)),
                None => bindings.volume_is_missing = true,
            }
        } else if claim.volume_name.is_empty() && storage.class(class).is_some_and(waits_for_consumer) {
            bindings.waiting.push(Waiting { name: used.name.clone(), claim, class });
        } else {
            return reject("pod has unbound immediate PersistentVolumeClaims".to_owned());
        }
    }
    // Stable: claims of one size keep their order.
    bindings.waiting.sort_by_key(|waiting| waiting.claim.request);
    Ok(Some(bindings))
}

impl<'a> BoundVolume<'a> {
    fn of(volume: &'a PersistentVolume) -> Self {
        let translated = InTree::of_field(&volume.source).map(|in_tree| {
            // Translating fails where the handle cannot be told.
            (in_tree.plugin, in_tree.handle(volume).map(|_| in_tree.node_affinity(volume)))
        });
        Self { volume, translated }
    }

    fn is_reachable(&self, node: &NodeState<'_>) -> Result<bool, String> {
        let affinity = match &self.translated {
            Some((plugin, translated)) if is_migrated(node.csi, plugin) => translated.as_ref().map_err(Clone::clone)?,
            _ => &self.volume.node_affinity,
        };
        Ok(is_selected(affinity.as_ref(), node.node))
    }
}

/// Whether a node is in the node affinity of a volume. Upstream asks by the labels alone: fields are not looked at.
fn is_selected(affinity: Option<&NodeSelector>, node: &Node) -> bool {
    let matches = |term: &NodeSelectorTerm| {
        !(term.match_expressions.is_empty() && term.match_fields.is_empty()) && term.matches_labels(&node.meta.labels)
    };
    affinity.is_none_or(|selector| selector.node_selector_terms.iter().any(matches))
}

impl Bindings<'_> {
    /// Whether the node can have all the volumes.
    pub(super) fn filter(&self, namespace: &str, node: &NodeState<'_>, index: &Index<'_>) -> Result<(), Reason> {
        self.decide(namespace, node, index).map(|_| ())
    }

    /// What would be decided for the claims if the pod got this node.
    pub(super) fn decide(&self, namespace: &str, node: &NodeState<'_>, index: &Index<'_>) -> Result<Decided, Reason> {
        let mut conflict = false;
        for bound in &self.bound {
            match bound.is_reachable(node) {
                Ok(true) => {}
                Ok(false) => {
                    conflict = true;
                    break;
                }
                Err(why) => return Err(Reason::from(format!("could not translate pv: {why}"))),
            }
        }
        // Either of the two ends the look at the bound volumes.
        let missing = self.volume_is_missing && !conflict;
        let waiting = self.find(namespace, node, index);
        let (no_match, no_space) = (waiting == Err(Unbound::NoVolume), waiting == Err(Unbound::NoSpace));
        let words: Vec<&str> = [
            (no_space, "node(s) did not have enough free storage"),
            (no_match, "node(s) didn't find available persistent volumes to bind"),
            (conflict, "node(s) didn't match PersistentVolume's node affinity"),
            (missing, "node(s) unavailable due to one or more pvc(s) bound to non-existent pv(s)"),
        ]
        .into_iter()
        .filter_map(|(holds, words)| holds.then_some(words))
        .collect();
        match waiting {
            Ok(decided) if words.is_empty() => Ok(decided),
            _ => Err(Reason::from(words.join(", "))),
        }
    }

    /// Finds or promises a volume for each waiting claim.
    fn find(&self, namespace: &str, node: &NodeState<'_>, index: &Index<'_>) -> Result<Decided, Unbound> {
        let mut decided: Decided = Vec::new();
        let mut to_make: Vec<&Waiting<'_>> = Vec::new();
        let mut to_find: Vec<&Waiting<'_>> = Vec::new();
        for waiting in &self.waiting {
            let assumed = index.assumed(namespace, &waiting.name);
            let pinned = match assumed {
                Some(Assumed::MadeOn(node)) => Some(node.as_str()),
                _ => selected_node(waiting.claim),
            };
            match pinned {
                Some(pinned) if pinned != node.node.meta.name => return Err(Unbound::NoVolume),
                Some(_) => to_make.push(waiting),
                None => to_find.push(waiting),
            }
        }
        let mut chosen: Vec<&str> = Vec::new();
        for waiting in to_find {
            match self.smallest(namespace, waiting, node, index, &chosen) {
                Some(volume) => {
                    chosen.push(&volume.meta.name);
                    decided.push((waiting.name.clone(), Assumed::Takes(volume.meta.name.clone())));
                }
                None => to_make.push(waiting),
            }
        }
        for waiting in to_make {
            can_be_made(waiting, node, index.storage())?;
            decided.push((waiting.name.clone(), Assumed::MadeOn(node.node.meta.name.clone())));
        }
        Ok(decided)
    }

    /// The volume that is meant for the claim, else the smallest free one that will do.
    fn smallest<'v>(
        &self,
        namespace: &str,
        waiting: &Waiting<'_>,
        node: &NodeState<'_>,
        index: &'v Index<'_>,
        chosen: &[&str],
    ) -> Option<&'v PersistentVolume> {
        let claim = waiting.claim;
        let mut smallest: Option<&PersistentVolume> = None;
        for volume in index.storage().volumes_of_class(waiting.class).iter().copied() {
            if chosen.contains(&volume.meta.name.as_str()) {
                continue;
            }
            let is_meant = match index.taker(&volume.meta.name) {
                Some((taker_namespace, taker)) => (&**taker_namespace, taker.as_str()) == (namespace, &*waiting.name),
                None => match &volume.claim {
                    None => false,
                    Some(of) => {
                        of.name == waiting.name
                            && of.namespace == namespace
                            && (of.uid.is_empty() || of.uid == claim.meta.uid)
                    }
                },
            };
            let is_taken = !is_meant && (volume.claim.is_some() || index.taker(&volume.meta.name).is_some());
            let mode = |mode: &CompactString| if mode.is_empty() { "Filesystem" } else { mode.as_str() }.to_owned();
            if is_taken
                || volume.capacity < claim.request
                || mode(&claim.volume_mode) != mode(&volume.volume_mode)
                || claim.attributes_class != volume.attributes_class
                || volume.meta.deleting.is_some()
            {
                continue;
            }
            let is_here = is_selected(volume.node_affinity.as_ref(), node.node);
            if is_meant {
                return is_here.then_some(volume);
            }
            let will_do = is_here
                && volume.phase == "Available"
                && claim.selector.as_ref().is_none_or(|selector| selector.matches(&volume.meta.labels))
                && class_of_volume(volume) == waiting.class
                && claim.access_modes.iter().all(|mode| volume.access_modes.contains(mode));
            if will_do && smallest.is_none_or(|known| known.capacity > volume.capacity) {
                smallest = Some(volume);
            }
        }
        smallest
    }

    /// The names of the bound volumes.
    pub(super) fn volumes(&self) -> impl Iterator<Item = &str> {
        self.bound.iter().map(|bound| bound.volume.meta.name.as_str())
    }

    /// Whether one of the bound volumes can be used from a node.
    pub(super) fn reaches(&self, volume: &str, node: &NodeState<'_>) -> bool {
        let bound = self.bound.iter().find(|bound| bound.volume.meta.name == volume);
        bound.is_some_and(|bound| bound.is_reachable(node) == Ok(true))
    }
}

/// Why a claim gets no volume.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Unbound {
    /// No free volume will do, and nobody makes one for this node.
    NoVolume,
    /// There is too little storage to make one.
    NoSpace,
}

/// Whether a volume can be made for the claim so that the node can use it.
fn can_be_made(waiting: &Waiting<'_>, node: &NodeState<'_>, storage: &Storage<'_>) -> Result<(), Unbound> {
    let Some(class) = storage.class(waiting.class) else { return Err(Unbound::NoVolume) };
    if class.provisioner.is_empty() || class.provisioner == NO_PROVISIONER {
        return Err(Unbound::NoVolume);
    }
    let labels = &node.node.meta.labels;
    let allowed = |term: &NodeSelectorTerm| !term.match_expressions.is_empty() && term.matches_labels(labels);
    if !class.allowed_topologies.is_empty() && !class.allowed_topologies.iter().any(allowed) {
        return Err(Unbound::NoVolume);
    }
    if has_capacity(waiting.claim.request, class, node.node, storage) { Ok(()) } else { Err(Unbound::NoSpace) }
}

/// Whether a driver that tracks its capacity has enough of it where the node is.
fn has_capacity(request: Quantity, class: &StorageClass, node: &Node, storage: &Storage<'_>) -> bool {
    if !storage.driver(&class.provisioner).is_some_and(|driver| driver.storage_capacity) {
        return true;
    }
    storage.capacities().iter().any(|capacity| {
        // The largest volume that can be made says more than the sum that is left.
        let most = capacity.maximum_volume_size.or(capacity.capacity);
        capacity.storage_class == class.meta.name
            && most.is_some_and(|most| most.units() >= request.units())
            && capacity.node_topology.as_ref().is_some_and(|topology| topology.matches(&node.meta.labels))
    })
}
