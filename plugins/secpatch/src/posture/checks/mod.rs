//! What each check looks at, one file an area. Every check is a function of what was read.

pub(super) mod api_server;
pub(super) mod credentials;
pub(super) mod identity;
pub(super) mod image_policy;
pub(super) mod namespaces;
pub(super) mod network;
pub(super) mod nodes;
pub(super) mod rights;
pub(super) mod runtime;
pub(super) mod tokens;
pub(super) mod workloads;

use patchkit::snapshot::Snapshot;

use super::{own::Own, server::ServerFlags};
use crate::subject::Subject;

/// What every check may look at.
pub(super) struct Look<'a> {
    pub(super) subject: Subject<'a>,
    pub(super) snapshot: &'a Snapshot,
    pub(super) own: &'a Own,
    pub(super) server: ServerFlags<'a>,
}

/// The namespaces of the system itself, which its installer looks after.
const SYSTEM: [&str; 3] = ["kube-system", "kube-public", "kube-node-lease"];

/// Whether a namespace is one of the system's own.
fn is_system(namespace: &str) -> bool {
    SYSTEM.contains(&namespace)
}
