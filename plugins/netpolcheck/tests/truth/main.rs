//! The truth tables of the e2e suite for network policies: 60 steps on nine pods, each with its policies and the
//! verdict for every pair, direction and port (`shared/oracles/netpol-truth`).
//!
//! `cargo test -p kubectl-netpolcheck --test truth -- --nocapture` prints how many verdicts were compared.

#![allow(clippy::print_stdout, reason = "the counts are what the run is for")]

mod table;

use kubectl_netpolcheck::{address::Family, engine::Analysis, policy::Direction, profile::Profile, world::PodId};
use patchkit::snapshot::files;

use table::Table;

/// The place of each pod by `namespace/name`.
fn pod(analysis: &Analysis<'_>, path: &str) -> PodId {
    let place = analysis.world.pods.iter().position(|pod| pod.meta.path() == path).expect("the pod is in the input");
    PodId(u32::try_from(place).unwrap())
}

#[test]
fn every_verdict_of_the_engine_is_the_tables() {
    let Some(table) = Table::read() else { return };
    let mut compared = 0;
    let mut wrong = Vec::new();
    for step in &table.steps {
        let text = table.manifests(step);
        let snapshot = files::from_files(&["-".to_owned()], false, text.as_bytes(), |_| {}).expect("manifests");
        assert_eq!(snapshot.not_evaluated, [], "{}", step.case);
        let analysis = Analysis::of(&snapshot, Profile::Strict);
        for (pair, expected) in table.pairs(step) {
            let (from, to) = (pod(&analysis, pair.from), pod(&analysis, pair.to));
            let (from, to) = (analysis.class_of(from), analysis.class_of(to));
            let sides = [
                analysis.ports_in(Direction::Ingress, from, to, Family::V4),
                analysis.ports_in(Direction::Egress, from, to, Family::V4),
                analysis.ports_between(from, to, Family::V4),
            ];
            for (ports, expected) in sides.iter().zip(expected) {
                for ((protocol, port), allowed) in table.columns().zip(expected) {
                    compared += 1;
                    let certain = ports.certain.contains(protocol, port);
                    let possible = ports.possible.contains(protocol, port);
                    if certain != allowed || possible != allowed {
                        wrong.push(format!(
                            "{}: {} > {} {protocol}/{port} {certain} {possible} {allowed}",
                            step.case, pair.from, pair.to
                        ));
                    }
                }
            }
        }
    }
    println!("netpol-truth, engine: {} steps, {compared} verdicts compared, {} wrong", table.steps.len(), wrong.len());
    assert!(wrong.is_empty(), "{} wrong, such as {:?}", wrong.len(), &wrong[..wrong.len().min(10)]);
    assert!(compared > 0);
}
