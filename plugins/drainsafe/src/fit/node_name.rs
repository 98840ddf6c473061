//! NodeName: a pod that names its node goes nowhere else (`plugins/nodename/node_name.go`).

use patchkit::rules::PodSpec;

use super::filter::Reason;

/// The node that the pod names; `None` where it names none.
pub(super) fn prepare(spec: &PodSpec) -> Option<&str> {
    spec.node_name.as_deref().filter(|name| !name.is_empty())
}

/// Whether this is the node.
pub(super) fn filter(wanted: &str, node: &str) -> Result<(), Reason> {
    if wanted == node { Ok(()) } else { Err(Reason::from("node(s) didn't match the requested node name")) }
}
