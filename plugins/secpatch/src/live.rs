//! The values that only a cluster knows: what can be changed, and the runs that have changed something.

use patchkit::{
    complete::{Asked, Found, Live, Offer, Want},
    snapshot::{
        Kind,
        kinds::{CONFIG_MAPS, CRON_JOBS, DAEMON_SETS, DEPLOYMENTS, REPLICATION_CONTROLLERS, STATEFUL_SETS},
    },
};

use crate::execute::RUN;

const WITH_TEMPLATES: [Kind; 5] = [DEPLOYMENTS, STATEFUL_SETS, DAEMON_SETS, CRON_JOBS, REPLICATION_CONTROLLERS];

/// Workloads as `kind/name`: of the namespace that the line names, or of all.
pub const WORKLOADS: Live = Live::of_cluster(
    "secpatch-workloads",
    |asked| WITH_TEMPLATES.map(|kind| in_scope(asked, kind)).to_vec(),
    |_, found| {
        let value = format!("{}/{}", found.kind.kind.to_lowercase(), found.meta.name);
        vec![Offer::with_help(value, found.meta.namespace.clone())]
    },
);

/// The runs whose changes can be taken back.
pub const RUNS: Live = Live::of_cluster(
    "secpatch-runs",
    |asked| vec![in_scope(asked, CONFIG_MAPS)],
    |_: &Asked, found: &Found| found.meta.labels.get(RUN).map(Offer::of).into_iter().collect(),
);

/// As the commands read it: the context's namespace is not meant where none is named.
fn in_scope(asked: &Asked, kind: Kind) -> Want {
    if asked.namespace_given { Want::in_namespace(kind, &asked.namespace) } else { Want::all(kind) }
}
