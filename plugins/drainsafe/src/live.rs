//! The values that only a cluster with runs in it knows.

use patchkit::{
    complete::{Asked, Found, Live, Offer, Want},
    snapshot::{Kind, kinds},
};
use serde::Deserialize;

use crate::execute::record::RECORD;

const LEASES: Kind = Kind { kind: "Lease", group: "coordination.k8s.io", version: "v1", plural: "leases" };

/// The runs that have left a trace. The Lease is looked for where it lies by default.
pub const RUNS: Live = Live::of_cluster(
    "drainsafe-runs",
    |_| vec![Want::all(kinds::NODES), Want::in_namespace(LEASES, "kube-system")],
    run_of,
);

fn run_of(_: &Asked, found: &Found) -> Vec<Offer> {
    /// What the entries of nodes and of the Lease have in common.
    #[derive(Deserialize)]
    struct Entry {
        run: String,
        #[serde(default)]
        by: String,
    }
    let entry = found.meta.annotations.get(RECORD).and_then(|text| serde_json::from_str::<Entry>(text).ok());
    entry.map(|entry| Offer::with_help(entry.run, entry.by)).into_iter().collect()
}

#[cfg(test)]
mod tests {
    use patchkit::complete::FoundMeta;

    use super::*;
    use crate::execute::record::NodeRecord;

    #[test]
    fn a_run_is_known_by_its_entry() {
        let record = NodeRecord { run: "r1".to_owned(), by: "jane".to_owned(), ..NodeRecord::default() };
        let found = |text: String| Found {
            kind: kinds::NODES,
            meta: FoundMeta { annotations: [(RECORD, text)].into_iter().collect(), ..FoundMeta::default() },
        };
        assert_eq!(run_of(&Asked::default(), &found(record.text())), [Offer::with_help("r1", "jane")]);
        assert_eq!(run_of(&Asked::default(), &found("another version".to_owned())), []);
    }
}
