//! Suggested policies on random clusters and for random flows, proved a second time: each flow is judged by itself on
//! the state after the policies, and every pair of pods is looked at for what is allowed beyond.
//!
//! `PATCHKIT_SEED` and `PATCHKIT_CASES` choose another stretch of cases.
#![allow(clippy::print_stdout, reason = "the counts are what the run is for")]

#[path = "../reference/cluster.rs"]
#[expect(dead_code, reason = "shared with the reference of the engine, which needs more of it")]
mod cluster;
mod program;
#[path = "../support/run.rs"]
mod run_over;

use kubectl_netpolcheck::{
    address::Address,
    decide::{Fit, Judge, Party, Traffic},
    engine::Analysis,
    entrance::Answer,
    names::PeerRef,
    policy::Direction,
    ports::Protocol,
    profile::Profile,
    suggest::{
        self, Need, Proof, Side, Suggestion, Wanted,
        flows::{FlowFormat, Flows, read},
    },
    world::PodId,
};
use patchkit::snapshot::{Snapshot, files};

use cluster::{Chance, Cluster, Kind};

const CASES: u64 = 600;

fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

fn snapshot(text: &str) -> Snapshot {
    files::from_files(&["-".to_owned()], false, text.as_bytes(), |_| {}).expect("manifests")
}

/// Random flows as a list, each line a flow of pods or addresses.
fn flows(chance: &mut Chance, cluster: &Cluster) -> String {
    let mut ends: Vec<String> = cluster
        .pods
        .iter()
        .filter(|pod| !pod.finished)
        .map(|pod| format!("{}/pod/{}", pod.namespace, pod.name))
        .collect();
    ends.extend(cluster.addresses(chance).iter().map(|address| match address.to_string() {
        six if six.contains(':') => format!("[{six}]"),
        four => four,
    }));
    if chance.percent(20) {
        ends.push(format!("{}/", cluster.pods[0].namespace));
    }
    if ends.is_empty() {
        return String::new();
    }
    (0..1 + chance.below(6))
        .map(|_| {
            let (from, to) = (ends[chance.below(ends.len())].clone(), ends[chance.below(ends.len())].clone());
            let port = chance.one_of(&[1_u16, 53, 80, 443, 8080]);
            let protocol = chance.one_of(&Protocol::ALL);
            if chance.percent(15) { format!("{from} {to}\n") } else { format!("{from} {to}:{port}/{protocol}\n") }
        })
        .collect()
}

/// What both directions say.
fn judged(judge: &Judge<'_>, traffic: &Traffic) -> Answer {
    let sides = Direction::ALL.map(|direction| judge.side(direction, traffic).allowed);
    match sides {
        [Answer::Yes, Answer::Yes] => Answer::Yes,
        [Answer::No, _] | [_, Answer::No] => Answer::No,
        _ => Answer::Depends,
    }
}

/// Each connection of a need that can be, one port of each range.
fn connections(analysis: &Analysis<'_>, need: &Need) -> Vec<Traffic> {
    let parties = |side: &Side| -> Vec<Party> {
        match side {
            Side::Pods { pods, .. } => pods.iter().map(|pod| Party::Pod(*pod)).collect(),
            Side::Outside(family, addresses) => {
                let first = addresses.ranges().next().map(|(number, _)| Address { family: *family, number });
                first.into_iter().map(Party::Address).collect()
            }
        }
    };
    let has = |party: Party, family| match party {
        Party::Pod(pod) => analysis.classes.has(analysis.class_of(pod), family),
        Party::Address(address) => address.family == family,
    };
    let mut all = Vec::new();
    for from in parties(&need.from) {
        for to in parties(&need.to) {
            for family in analysis.families.iter().filter(|family| need.family.is_none_or(|only| only == **family)) {
                if from == to || !has(from, *family) || !has(to, *family) {
                    continue;
                }
                for range in need.ports.ranges() {
                    let (protocol, port) = (range.protocol, range.first);
                    all.push(Traffic { from, to, family: *family, protocol, port });
                }
            }
        }
    }
    all
}

fn name(analysis: &Analysis<'_>, party: Party) -> Option<PeerRef> {
    match party {
        Party::Pod(pod) => Some(PeerRef::of_pod(analysis, pod)),
        Party::Address(_) => None,
    }
}

struct Case {
    text: String,
    namespaces: Vec<String>,
    profile: Profile,
}

impl Case {
    fn run(&self, wanted: &Wanted) -> (Suggestion, String, Snapshot, Proof) {
        let before = snapshot(&self.text);
        let made = suggest::suggest(&Analysis::of(&before, self.profile), wanted, &self.namespaces, "one", false);
        let manifests = suggest::manifests(&made.draft).expect("YAML");
        let after = suggest::applied(before, &manifests, "one").expect("manifests");
        assert_eq!(after.not_evaluated, [], "{manifests}");
        let proof = suggest::proof(&after, self.profile, &made.needs, &self.namespaces);
        (made, manifests, after, proof)
    }

    /// The proof says of each need what a judge says of each of its connections; gives how many are allowed.
    fn check(&self, made: &Suggestion, manifests: &str, after: &Snapshot, proof: &Proof, case: u64) -> [usize; 2] {
        let analysis = Analysis::of(after, self.profile);
        let own = analysis.policies.problems.iter().filter(|it| it.what.contains("/netpolcheck-"));
        assert_eq!(own.count(), 0, "case {case}: {manifests}");
        let judge = Judge::of(&analysis);
        let mut counts = [0, 0];
        for need in &made.needs {
            for traffic in connections(&analysis, need) {
                let allowed = judged(&judge, &traffic);
                let (from, to) = (name(&analysis, traffic.from), name(&analysis, traffic.to));
                let missing = proof.missing.iter().any(|missing| {
                    let meant = |found: &PeerRef, wanted: &Option<PeerRef>| match wanted {
                        Some(wanted) => found == wanted,
                        None => found.kind == "IPBlock",
                    };
                    meant(&missing.from, &from)
                        && meant(&missing.to, &to)
                        && missing.ports.contains(traffic.protocol, traffic.port)
                });
                // One of many alike stands in the proof for all of them.
                if allowed == Answer::Yes {
                    counts[0] += 1;
                } else {
                    counts[1] += 1;
                    assert!(!proof.holds, "case {case}: {traffic:?} is {allowed:?}\n{manifests}\n{}", self.text);
                    let one = need.from.pods().len() <= 1 && need.to.pods().len() <= 1;
                    assert!(
                        missing || !one,
                        "case {case}: {traffic:?} is not named\n{:#?}\n{manifests}",
                        proof.missing
                    );
                }
            }
        }
        self.check_beyond(&analysis, made, proof, manifests, case);
        counts
    }

    /// What is allowed between two pods and not needed is named, and nothing else is.
    fn check_beyond(&self, analysis: &Analysis<'_>, made: &Suggestion, proof: &Proof, manifests: &str, case: u64) {
        let judge = Judge::of(analysis);
        let pods: Vec<PodId> = (0..u32::try_from(analysis.world.pods.len()).unwrap()).map(PodId).collect();
        let chosen = |pod: PodId| self.namespaces.iter().any(|name| name == analysis.world.pod(pod).namespace);
        for (from, to) in pods.iter().flat_map(|from| pods.iter().map(move |to| (*from, *to))) {
            if from == to || !(chosen(from) || chosen(to)) || analysis.reaches_by_node(from, to) {
                continue;
            }
            for (protocol, port) in [(Protocol::Tcp, 80), (Protocol::Udp, 53), (Protocol::Sctp, 8080)] {
                // What may be part of the pod's own node is named only where a rule means it too.
                let (a, b) = (Party::Pod(from), Party::Pod(to));
                let traffic = Traffic { from: a, to: b, family: analysis.families[0], protocol, port };
                if judge.from_own_node(&traffic) == Fit::Maybe {
                    continue;
                }
                let families = analysis.families.iter().filter(|family| {
                    [from, to].iter().all(|pod| analysis.classes.has(analysis.class_of(*pod), **family))
                });
                let allowed = families.clone().any(|family| {
                    let (from, to) = (Party::Pod(from), Party::Pod(to));
                    // What may come from the pod's own node is no matter of policies.
                    let traffic = Traffic { from, to, family: *family, protocol, port };
                    let possible =
                        analysis.ports_between(analysis.class_of(pod(from)), analysis.class_of(pod(to)), *family);
                    judged(&judge, &traffic) != Answer::No && possible.possible.contains(protocol, port)
                });
                let needed = made.needs.iter().any(|need| {
                    need.from.pods().contains(&from)
                        && need.to.pods().contains(&to)
                        && need.ports.contains(protocol, port)
                });
                let (a, b) = (PeerRef::of_pod(analysis, from), PeerRef::of_pod(analysis, to));
                let named = proof.beyond.iter().any(|beyond| {
                    let same = |a: &PeerRef, b: &PeerRef| (&a.namespace, &a.name) == (&b.namespace, &b.name);
                    same(&beyond.from, &a) && same(&beyond.to, &b) && beyond.ports.contains(protocol, port)
                });
                assert_eq!(
                    named,
                    allowed && !needed,
                    "case {case}: {a:?} to {b:?} on {protocol}/{port}: allowed {allowed}, needed {needed}\n{manifests}\n{}",
                    self.text
                );
            }
        }
    }
}

fn pod(party: Party) -> PodId {
    match party {
        Party::Pod(pod) => pod,
        Party::Address(_) => unreachable!("only pods are asked about"),
    }
}

#[test]
fn what_is_needed_is_allowed_for_random_flows() {
    let (seed, cases) = (number("PATCHKIT_SEED", 1), number("PATCHKIT_CASES", CASES));
    let (mut allowed, mut refused, mut exact) = (0, 0, 0);
    for case in 0..cases {
        let mut chance = Chance::new(seed ^ 0x5077, case);
        let mut cluster = Cluster::random(&mut chance);
        // A third of the cases has no policies, and a third none that stand above those that are suggested.
        match case % 3 {
            0 => cluster.policies.clear(),
            1 => cluster.policies.retain(|policy| policy.kind == Kind::Np),
            _ => {}
        }
        let every = case % 3 < 2;
        let namespaces = cluster.namespaces.iter().filter(|_| every || chance.percent(60));
        let namespaces: Vec<String> = namespaces.map(|namespace| namespace.name.to_owned()).collect();
        let profile = chance.one_of(&[Profile::Strict, Profile::Calico, Profile::Cilium]);
        let list = flows(&mut chance, &cluster);
        let case_of = Case { text: cluster.manifests(), namespaces, profile };
        let mut read_flows = Flows::default();
        read("flows", &list, FlowFormat::List, &mut read_flows);
        assert_eq!(read_flows.bad, [], "{list}");
        let (made, manifests, after, proof) = case_of.run(&Wanted::Flows(read_flows));
        let [yes, no] = case_of.check(&made, &manifests, &after, &proof, case);
        (allowed, refused) = (allowed + yes, refused + no);
        let hosts = cluster.pods.iter().any(|pod| pod.host_network);
        if every {
            // Nothing stands in the way but what no rule can name.
            assert!(proof.holds || !made.left_out.is_empty(), "case {case}: {list}{manifests}\n{:#?}", proof.missing);
            assert!(proof.holds || hosts, "case {case}: {list}{manifests}\n{:#?}", proof.missing);
        }
        // Without other policies, and where labels tell all pods apart, not one connection is allowed beyond. A pod whose
        // address is not known may have one that a block names.
        let known = cluster.pods.iter().all(|pod| !pod.addresses.is_empty());
        let whole = list.contains("/\n") || list.contains("/ ") || list.contains("/:");
        if case % 3 == 0 && !hosts && !whole && known && made.draft.inexact.is_empty() {
            exact += 1;
            assert_eq!(proof.beyond, [], "case {case}: {list}{manifests}\n{}", case_of.text);
        }
    }
    println!(
        "suggest: {cases} random flow lists of seed {seed}: {allowed} connections allowed, {refused} named as refused, \
         {exact} lists with nothing beyond"
    );
    assert!(cases < 100 || exact > cases / 50 && allowed > 500 && refused > 20);
}

#[test]
fn todays_connectivity_stays_for_random_policies() {
    let (seed, cases) = (number("PATCHKIT_SEED", 1), number("PATCHKIT_CASES", CASES) / 2);
    let mut allowed = 0;
    for case in 0..cases {
        let mut chance = Chance::new(seed ^ 0x70DA, case);
        let cluster = Cluster::random(&mut chance);
        let namespaces = cluster.namespaces.iter().filter(|_| chance.percent(70));
        let namespaces: Vec<String> = namespaces.map(|namespace| namespace.name.to_owned()).collect();
        let profile = chance.one_of(&[Profile::Strict, Profile::Calico, Profile::Cilium]);
        let case_of = Case { text: cluster.manifests(), namespaces, profile };
        let (made, manifests, after, proof) = case_of.run(&Wanted::Today);
        let [yes, _] = case_of.check(&made, &manifests, &after, &proof, case);
        allowed += yes;
        let named = made.left_out.iter().any(|it| it.what.contains("network of their node"));
        assert!(proof.holds || named, "case {case}: {:#?}\n{manifests}\n{}", proof.missing, case_of.text);
    }
    println!("suggest: {cases} clusters of seed {seed} as they are today: {allowed} connections stay");
    assert!(cases < 100 || allowed > 1000);
}
