//! Differences of random pairs of clusters: the difference of B to A is that of A to B turned round, a cluster and
//! itself do not differ, and what is said to change are the pairs and ports of which the answer is another.

use std::collections::BTreeMap;

use kubectl_netpolcheck::{
    address::Family,
    diff::{Change, ChangeKind, State, entrances, make},
    engine::{Analysis, View},
    foreign::Foreign,
    ports::{PortSet, Protocol},
    profile::Profile,
    world::PodId,
};
use patchkit::snapshot::{Snapshot, files};

use super::{
    cluster::{Chance, Cluster},
    number,
};

/// How many pairs are compared where nobody says.
const PAIRS: u64 = 150;

fn read(text: &str) -> Snapshot {
    files::from_files(&["-".to_owned()], false, text.as_bytes(), |_| {}).expect("manifests")
}

fn state(snapshot: &Snapshot, profile: Profile, view: View) -> State {
    let analysis = Analysis::of(snapshot, profile);
    State::of(&analysis, &Foreign::of(snapshot, &analysis.world), view)
}

/// Another cluster, or the same one with some things changed.
fn second(chance: &mut Chance, seed: u64, case: u64) -> Cluster {
    let mut other = Cluster::random(&mut Chance::new(seed, case));
    let more = Cluster::random(&mut Chance::new(seed, case + 1_000_000));
    match chance.below(4) {
        0 => return more,
        1 => {
            let place = chance.below(other.pods.len());
            other.pods[place].labels = vec![("app", chance.one_of(&["a", "b"]))];
        }
        2 => {
            other.policies.pop();
        }
        _ => {
            let known: Vec<&str> = other.namespaces.iter().map(|namespace| namespace.name).collect();
            let fits = |policy: &super::cluster::Policy| known.contains(&policy.namespace);
            other.policies = more.policies.into_iter().filter(fits).collect();
        }
    }
    other
}

type Answers = BTreeMap<(String, String, Family), (PortSet, PortSet)>;

/// What each pod may do to each other one, certainly and possibly.
fn answers(analysis: &Analysis<'_>) -> Answers {
    let mut found = Answers::new();
    let pods: Vec<PodId> = (0..analysis.world.pods.len()).filter_map(|it| u32::try_from(it).ok()).map(PodId).collect();
    for from in &pods {
        for to in pods.iter().filter(|to| *to != from) {
            let (a, b) = (analysis.class_of(*from), analysis.class_of(*to));
            for family in &analysis.families {
                if analysis.classes.has(a, *family) && analysis.classes.has(b, *family) {
                    let ports = analysis.ports_between(a, b, *family);
                    let name = |pod: PodId| analysis.world.pod(pod).meta.path();
                    found.insert((name(*from), name(*to), *family), (ports.certain, ports.possible));
                }
            }
        }
    }
    found
}

/// The ports of which the changes say that something becomes more, or less, allowed.
fn said(changes: &[Change], from: &str, to: &str, family: Family, kind: ChangeKind) -> PortSet {
    let of_pair = changes.iter().filter(|it| {
        it.change == kind
            && it.from.display() == from
            && it.to.display() == to
            && it.ip_family.is_none_or(|only| only == family.as_str())
    });
    of_pair.fold(PortSet::default(), |all, it| all.union(&it.ports))
}

#[test]
fn differences_are_what_changes_and_turn_round() {
    let (seed, pairs) = (number("PATCHKIT_SEED", 1), number("PATCHKIT_PAIRS", PAIRS));
    let (mut some, mut compared) = (0, 0);
    for case in 0..pairs {
        let mut chance = Chance::new(seed, case + 7_000_000);
        let texts =
            [Cluster::random(&mut Chance::new(seed, case)).manifests(), second(&mut chance, seed, case).manifests()];
        let profile = chance.one_of(&Profile::ALL);
        let (a, b) = (read(&texts[0]), read(&texts[1]));
        for view in [View::Pods, View::Workloads] {
            let (before, after) = (state(&a, profile, view), state(&b, profile, view));
            let there = make(&before, &after);
            let mut back = make(&after, &before);
            for change in &mut back {
                change.change = match change.change {
                    ChangeKind::Allowed => ChangeKind::Denied,
                    ChangeKind::Denied => ChangeKind::Allowed,
                };
            }
            back.sort();
            assert_eq!(
                there, back,
                "seed {seed}, pair {case}, {profile}, {view:?}:\n{}\n=====\n{}",
                texts[0], texts[1]
            );
            assert_eq!(make(&before, &state(&a, profile, view)), [], "seed {seed}, cluster {case}\n{}", texts[0]);
            assert_eq!(entrances(&before, &before), []);
            some += usize::from(!there.is_empty());
        }
        compared += compare(
            &a,
            &b,
            profile,
            &format!("seed {seed}, pair {case}, {profile}:\n{}\n=====\n{}", texts[0], texts[1]),
        );
    }
    println!(
        "mirror: {pairs} pairs of seed {seed}, {some} of their differences not empty, {compared} answers compared, 0 wrong"
    );
    assert!(pairs < 100 || some > pairs as usize / 2, "{some}");
}

/// Holds the changes to the answers that they are made of, port by port.
fn compare(a: &Snapshot, b: &Snapshot, profile: Profile, text: &str) -> usize {
    let changes = make(&state(a, profile, View::Pods), &state(b, profile, View::Pods));
    let (before, after) = (answers(&Analysis::of(a, profile)), answers(&Analysis::of(b, profile)));
    let none = (PortSet::default(), PortSet::default());
    let mut compared = 0;
    let is_there = |answers: &Answers, from: &str, to: &str| answers.keys().any(|it| it.0 == from && it.1 == to);
    for key in before.keys().chain(after.keys()) {
        // A pod that has addresses of one family less is no change of policies.
        let in_both = before.contains_key(key) && after.contains_key(key);
        if !in_both && is_there(&before, &key.0, &key.1) && is_there(&after, &key.0, &key.1) {
            continue;
        }
        let (old, new) = (before.get(key).unwrap_or(&none), after.get(key).unwrap_or(&none));
        let (from, to, family) = key;
        let allowed = said(&changes, from, to, *family, ChangeKind::Allowed);
        let denied = said(&changes, from, to, *family, ChangeKind::Denied);
        for protocol in Protocol::ALL {
            for port in [1, 2, 53, 80, 81, 443, 8080, 65535] {
                let level = |ports: &(PortSet, PortSet)| {
                    u8::from(ports.0.contains(protocol, port)) + u8::from(ports.1.contains(protocol, port))
                };
                let expected = (level(new) > level(old), level(new) < level(old));
                let found = (allowed.contains(protocol, port), denied.contains(protocol, port));
                assert_eq!(found, expected, "{from} to {to} over {family:?} on {protocol} {port}: {text}");
                compared += 1;
            }
        }
    }
    compared
}
