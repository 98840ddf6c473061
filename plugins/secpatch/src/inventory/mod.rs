//! What runs in the cluster, and in which version: the provider, the components of the control plane and the nodes,
//! the pools that nodes are updated in.
//!
//! An inventory is worked out once from a snapshot; the parts of the plan are functions of both.

mod components;
pub mod images;
mod provider;
pub mod skew;

use patchkit::{
    report::NotEvaluated,
    rules::version::{KubeVersion, Minor},
    snapshot::{Snapshot, pools},
};

pub use components::{Instance, Place, flags};
pub use patchkit::snapshot::pools::{Pool, Role};
pub use provider::Provider;

/// What runs in the cluster.
#[derive(Debug)]
pub struct Inventory {
    /// Who runs the control plane.
    pub provider: Provider,
    /// The version of the API server's binary; `None` where nothing in the input tells.
    pub server: Option<KubeVersion>,
    /// The minor that the API server emulates, where it is an older one than its binary's (KEP-4330).
    pub emulated: Option<Minor>,
    /// Every component with its version and where it runs.
    pub instances: Vec<Instance>,
    /// The node pools, system pools first.
    pub pools: Vec<Pool>,
    /// What could not be told.
    pub not_evaluated: Vec<NotEvaluated>,
}

/// What the inventory cannot read from the cluster itself.
#[derive(Clone, Debug, Default)]
pub struct Hints {
    /// `--server-version`: for files that do not tell.
    pub server: Option<KubeVersion>,
    /// `--pool-label`: the label that names a node's pool.
    pub pool_label: Option<String>,
}

impl Inventory {
    /// Works out what runs.
    #[must_use]
    pub fn of(snapshot: &Snapshot, hints: &Hints) -> Self {
        let provider = provider::detect(snapshot);
        let mut not_evaluated = Vec::new();
        let mut instances = components::find(snapshot, provider, &mut not_evaluated);
        let (server, emulated) = components::server(snapshot, hints, &mut instances, &mut not_evaluated);
        let pools = pools::of(snapshot, hints.pool_label.as_deref());
        Self { provider, server, emulated, instances, pools, not_evaluated }
    }

    /// The minor whose APIs and behaviour the API server has: the emulated one where there is one.
    #[must_use]
    pub fn effective_minor(&self) -> Option<Minor> {
        self.emulated.or_else(|| self.server.as_ref().map(KubeVersion::minor))
    }
}
