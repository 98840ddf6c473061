//! The engine against a slow, obvious reading of the rules, on random clusters: policies of all kinds and tiers, named
//! and numbered ports, both IP families, pods with and without addresses, and every profile.
//!
//! `PATCHKIT_SEED` and `PATCHKIT_CASES` choose another stretch of cases (`tests/netpol-sweep.sh` runs 100,000). The same
//! seed and number make the same cluster.
#![allow(clippy::print_stdout, reason = "the counts are what the run is for")]

mod cluster;
mod mirror;
mod needless;
mod obvious;

use kubectl_netpolcheck::{
    decide::{Judge, Party, Traffic},
    engine::{Analysis, End, PortTable, Reach, View},
    entrance::Answer,
    policy::Direction,
    profile::Profile,
    world::PodId,
};
use patchkit::snapshot::files;

use cluster::{Chance, Cluster};
use obvious::{Obvious, Said};

/// How many clusters are made where nobody says.
const CASES: u64 = 1500;

fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

fn answer(certain: bool, possible: bool) -> Said {
    match (certain, possible) {
        (true, _) => Said::Yes,
        (false, true) => Said::Depends,
        (false, false) => Said::No,
    }
}

fn said(answer: Answer) -> Said {
    match answer {
        Answer::Yes => Said::Yes,
        Answer::No => Said::No,
        Answer::Depends => Said::Depends,
    }
}

/// How many verdicts were compared.
#[derive(Clone, Copy, Debug, Default)]
struct Compared {
    yes: usize,
    no: usize,
    depends: usize,
    walked: usize,
}

impl Compared {
    fn add(&mut self, said: Said) {
        *match said {
            Said::Yes => &mut self.yes,
            Said::No => &mut self.no,
            Said::Depends => &mut self.depends,
        } += 1;
    }

    fn with(self, more: Self) -> Self {
        Self {
            yes: self.yes + more.yes,
            no: self.no + more.no,
            depends: self.depends + more.depends,
            walked: self.walked + more.walked,
        }
    }
}

/// Compares one cluster.
fn compare(seed: u64, case: u64) -> Compared {
    let mut chance = Chance::new(seed, case);
    let cluster = Cluster::random(&mut chance);
    let text = cluster.manifests();
    let snapshot = files::from_files(&["-".to_owned()], false, text.as_bytes(), |_| {}).expect("manifests");
    assert_eq!(snapshot.not_evaluated, [], "seed {seed}, case {case}:\n{text}");
    let profile = chance.one_of(&[Profile::Strict, Profile::Calico, Profile::Cilium, Profile::Analyzer]);
    let analysis = Analysis::of(&snapshot, profile);
    let judge = Judge::of(&analysis);
    let obvious = Obvious { cluster: &cluster, profile };
    let ports_asked = cluster.ports(&mut chance);
    let mut compared = Compared::default();
    let place = |name: (&str, &str)| {
        let found = analysis.world.pods.iter().position(|pod| (pod.namespace, pod.meta.name.as_str()) == name);
        found.map(|place| PodId(u32::try_from(place).unwrap()))
    };
    let parties: Vec<(obvious::End<'_>, Party)> = cluster
        .pods
        .iter()
        .filter_map(|pod| Some((obvious::End::Pod(pod), Party::Pod(place((&pod.namespace, &pod.name))?))))
        .chain(
            cluster
                .addresses(&mut chance)
                .into_iter()
                .map(|address| (obvious::End::Address(address), Party::Address(address))),
        )
        .collect();
    for (from, from_party) in &parties {
        for (to, to_party) in &parties {
            if from_party == to_party {
                continue;
            }
            for family in analysis.families.clone() {
                if !obvious.has(*from, family) || !obvious.has(*to, family) {
                    continue;
                }
                let class = |party: &Party| match party {
                    Party::Pod(pod) => analysis.class_of(*pod),
                    Party::Address(address) => {
                        analysis.classes.of_address(address.family, address.number).expect("a class")
                    }
                };
                let near = match (from_party, to_party) {
                    (Party::Pod(from), Party::Pod(to)) => analysis.reaches_by_node(*from, *to),
                    _ => false,
                };
                let sides = [Direction::Egress, Direction::Ingress];
                let ports = sides.map(|side| analysis.ports_in(side, class(from_party), class(to_party), family));
                for (protocol, port) in ports_asked.iter().copied() {
                    let traffic = Traffic { from: *from_party, to: *to_party, family, protocol, port };
                    for (side, ports) in sides.iter().zip(&ports) {
                        let expected = obvious.side(*side, *from, *to, family, protocol, port);
                        let explained = said(judge.side(*side, &traffic).allowed);
                        // The engine leaves pairs on one node to whoever looks at pairs.
                        let found = if near && *side == Direction::Ingress {
                            Said::Yes
                        } else {
                            answer(ports.certain.contains(protocol, port), ports.possible.contains(protocol, port))
                        };
                        compared.add(expected);
                        assert!(
                            expected == found && expected == explained,
                            "seed {seed}, case {case}, {profile}: {side:?} of {from:?} to {to:?} over {family:?} on \
                             {protocol}/{port}: expected {expected:?}, the engine says {found:?}, the explanation \
                             {explained:?}\n{text}"
                        );
                    }
                }
            }
        }
    }
    compared.walked = compare_walk(&analysis, seed, case, &text);
    compared
}

/// The walk over groups against the pairs one by one.
fn compare_walk(analysis: &Analysis<'_>, seed: u64, case: u64, text: &str) -> usize {
    let reach = Reach::of(analysis, View::Pods);
    let mut table = PortTable::default();
    let mut walked = std::collections::BTreeMap::new();
    reach.each(&mut table, |flow, table| {
        reach.pairs(flow, |pair| {
            if let (Some(from), Some(to)) = (pair.from, pair.to) {
                let ports = (table.get(pair.ports).clone(), table.get(pair.depends).clone());
                let families = flow.family.map_or(analysis.families.clone(), |family| vec![family]);
                for family in families {
                    walked.insert((from, to, family), ports.clone());
                }
            } else {
                assert!(matches!(flow.from, End::Outside(..)) || matches!(flow.to, End::Outside(..)));
            }
        });
    });
    let mut compared = 0;
    for (from_place, from) in reach.peers().iter().enumerate() {
        for (to_place, to) in reach.peers().iter().enumerate().filter(|(place, _)| *place != from_place) {
            for family in &analysis.families {
                let (a, b) = (analysis.class_of(from.pods[0]), analysis.class_of(to.pods[0]));
                if !analysis.classes.has(a, *family) || !analysis.classes.has(b, *family) {
                    continue;
                }
                let ports = analysis.ports_between(a, b, *family);
                let expected = if analysis.reaches_by_node(from.pods[0], to.pods[0]) {
                    (kubectl_netpolcheck::ports::PortSet::all(), Default::default())
                } else {
                    (ports.certain.clone(), ports.possible.difference(&ports.certain))
                };
                let id = |place: usize| kubectl_netpolcheck::engine::PeerId(u32::try_from(place).unwrap());
                let found = walked.get(&(id(from_place), id(to_place), *family)).cloned().unwrap_or_default();
                compared += 1;
                assert_eq!(found, expected, "seed {seed}, case {case}: {from:?} to {to:?}\n{text}");
            }
        }
    }
    compared
}

#[test]
fn the_engine_says_what_the_rules_say() {
    let (seed, cases) = (number("PATCHKIT_SEED", 1), number("PATCHKIT_CASES", CASES));
    let threads = std::thread::available_parallelism().map_or(2, usize::from).min(8) as u64;
    let compared = std::thread::scope(|scope| {
        let of_thread = |first: u64| {
            let of_cases = (first..cases).step_by(usize::try_from(threads).unwrap()).map(|case| compare(seed, case));
            of_cases.fold(Compared::default(), Compared::with)
        };
        let workers: Vec<_> = (0..threads).map(|first| scope.spawn(move || of_thread(first))).collect();
        let all = workers.into_iter().map(|worker| worker.join().expect("all cases are right"));
        all.fold(Compared::default(), Compared::with)
    });
    let Compared { yes, no, depends, walked } = compared;
    println!(
        "reference: {cases} clusters of seed {seed}, {} verdicts compared ({yes} yes, {no} no, {depends} depends), \
         {walked} pairs walked, 0 wrong",
        yes + no + depends
    );
    assert!(cases < 100 || [yes, no, depends, walked].into_iter().all(|count| count > cases as usize));
}
