//! What `lint` calls needless is taken out of random clusters, all of it together, and every answer held against what
//! it was; and what it writes anew for an old kind says the same as the old one.

use kubectl_netpolcheck::{
    diff::{State, make},
    engine::{Analysis, View},
    foreign::Foreign,
    lint::{self, translated},
    policy::Direction,
    profile::Profile,
    world::PodId,
};
use patchkit::{
    report::Finding,
    snapshot::{Snapshot, files, objects::cluster_policy::ClusterPolicyKind},
};

use super::{
    cluster::{Chance, Cluster, Kind, Policy, Selector},
    number,
    obvious::{matches, owned},
};

/// How many clusters are made where nobody says.
const CLUSTERS: u64 = 250;

fn read(text: &str) -> Snapshot {
    files::from_files(&["-".to_owned()], false, text.as_bytes(), |_| {}).expect("manifests")
}

fn kind_of(kind: Kind) -> &'static str {
    match kind {
        Kind::Np => "NetworkPolicy",
        Kind::Anp => "AdminNetworkPolicy",
        Kind::Banp => "BaselineAdminNetworkPolicy",
        Kind::CnpAdmin | Kind::CnpBaseline => "ClusterNetworkPolicy",
    }
}

fn is_about(finding: &Finding, policy: &Policy) -> bool {
    let object = finding.object.as_ref().expect("an object");
    let namespace = (policy.kind == Kind::Np).then_some(policy.namespace);
    object.kind == kind_of(policy.kind) && object.name == policy.name && object.namespace.as_deref() == namespace
}

/// Takes out what is needless; gives how many rules and policies that were.
fn take_out(cluster: &mut Cluster, findings: &[Finding]) -> (usize, usize) {
    let (mut rules, mut policies) = (0, 0);
    let whole = |policy: &Policy| findings.iter().any(|it| it.id.starts_with("policy-") && is_about(it, policy));
    cluster.policies.retain(|policy| {
        policies += usize::from(whole(policy));
        !whole(policy)
    });
    for policy in &mut cluster.policies {
        let about: Vec<&Finding> =
            findings.iter().filter(|it| it.id.starts_with("rule-") && is_about(it, policy)).collect();
        // Which types it has follows from its rules where it lists none.
        if policy.kind == Kind::Np && policy.types.is_none() {
            policy.types = Some((true, !policy.egress.is_empty()));
        }
        for (direction, list) in [("ingress", &mut policy.ingress), ("egress", &mut policy.egress)] {
            let mut place = 0;
            list.retain(|_| {
                let out = about.iter().any(|it| it.evidence["direction"] == direction && it.evidence["rule"] == place);
                place += 1;
                rules += usize::from(out);
                !out
            });
        }
    }
    (rules, policies)
}

/// What holds for any pod that may come is held against pods that are not there yet.
fn holds_for_others(
    cluster: &mut Cluster,
    findings: &[Finding],
    chance: &mut Chance,
    profile: Profile,
    told: &str,
) -> usize {
    let any: Vec<Finding> =
        findings.iter().filter(|it| it.evidence.get("holdsFor") == Some(&"any".into())).cloned().collect();
    for round in 0..3 {
        let known: Vec<&str> = cluster.namespaces.iter().map(|namespace| namespace.name).collect();
        let more = Cluster::random(chance).pods.into_iter().filter(|pod| known.contains(&pod.namespace.as_str()));
        let more: Vec<_> =
            more.map(|pod| super::cluster::Pod { name: format!("{}-{round}", pod.name), ..pod }).collect();
        cluster.pods.extend(more);
    }
    let before = read(&cluster.manifests());
    let text = format!("for other pods: {told}\n{}", cluster.manifests());
    take_out(cluster, &any);
    let after = read(&cluster.manifests());
    assert_same(&Analysis::of(&before, profile), &Analysis::of(&after, profile), cluster, chance, &text)
}

/// Every answer for every pair of pods and addresses, in each direction.
fn assert_same(a: &Analysis<'_>, b: &Analysis<'_>, cluster: &Cluster, chance: &mut Chance, text: &str) -> usize {
    let addresses = cluster.addresses(chance);
    let pods: Vec<PodId> = (0..a.world.pods.len()).filter_map(|it| u32::try_from(it).ok()).map(PodId).collect();
    let names = |of: &Analysis<'_>| -> Vec<String> { of.world.pods.iter().map(|pod| pod.meta.path()).collect() };
    assert_eq!(names(a), names(b), "{text}");
    let mut compared = 0;
    for family in a.families.iter().filter(|family| b.families.contains(family)) {
        let ends = |of: &Analysis<'_>| -> Vec<_> {
            let outside = addresses.iter().filter(|address| address.family == *family);
            let of_pods = pods.iter().map(|pod| of.class_of(*pod));
            of_pods.chain(outside.filter_map(|address| of.classes.of_address(*family, address.number))).collect()
        };
        let (ends_a, ends_b) = (ends(a), ends(b));
        for (from, from_b) in ends_a.iter().zip(&ends_b) {
            for (to, to_b) in ends_a.iter().zip(&ends_b) {
                if !a.classes.has(*from, *family) || !a.classes.has(*to, *family) {
                    continue;
                }
                for direction in Direction::ALL {
                    let before = a.ports_in(direction, *from, *to, *family);
                    assert_eq!(
                        before,
                        b.ports_in(direction, *from_b, *to_b, *family),
                        "{direction:?}, {family:?}: {text}"
                    );
                    compared += 1;
                }
            }
        }
    }
    compared
}

#[test]
fn without_what_is_needless_nothing_changes() {
    let (seed, clusters) = (number("PATCHKIT_SEED", 1), number("PATCHKIT_CLUSTERS", CLUSTERS));
    let (mut rules, mut policies, mut compared, mut conflicts) = (0, 0, 0, 0);
    for case in 0..clusters {
        let mut chance = Chance::new(seed, case + 3_000_000);
        let mut cluster = Cluster::random(&mut Chance::new(seed, case));
        // Some policies twice, so that whole ones are needless too.
        if chance.percent(30) && !cluster.policies.is_empty() {
            let place = chance.below(cluster.policies.len());
            let known = &cluster.policies[place];
            if known.kind != Kind::Banp {
                let again = Policy { name: "again".to_owned(), priority: known.priority + 5, ..known.clone() };
                cluster.policies.push(again);
            }
        }
        let profile = chance.one_of(&Profile::ALL);
        let text = cluster.manifests();
        let snapshot = read(&text);
        let analysis = Analysis::of(&snapshot, profile);
        let findings = lint::make(&analysis).findings;
        conflicts += findings.iter().filter(|it| it.id == "equal-priority-conflict").count();
        let mut larger = cluster.clone();
        let (of_rules, of_policies) = take_out(&mut cluster, &findings);
        rules += of_rules;
        policies += of_policies;
        if of_rules + of_policies > 0 {
            let less = read(&cluster.manifests());
            let without = Analysis::of(&less, profile);
            let told: Vec<&String> = findings.iter().map(|it| &it.title).collect();
            let text = format!("seed {seed}, cluster {case}, {profile}: {told:#?}\n{text}");
            compared += assert_same(&analysis, &without, &cluster, &mut chance, &text);
            compared += holds_for_others(&mut larger, &findings, &mut chance, profile, &text);
        }
    }
    println!(
        "needless: {clusters} clusters of seed {seed}, {rules} rules and {policies} policies taken out, {compared} answers \
         compared, 0 changed; {conflicts} conflicts of equal priority"
    );
    assert!(clusters < 100 || rules > 50 && policies > 10 && conflicts > 0, "{rules} {policies} {conflicts}");
}

#[test]
fn what_is_written_anew_says_the_same() {
    let (seed, clusters) = (number("PATCHKIT_SEED", 1), number("PATCHKIT_CLUSTERS", CLUSTERS));
    let (mut written, mut refused) = (0, 0);
    for case in 0..clusters {
        let mut cluster = Cluster::random(&mut Chance::new(seed, case));
        let text = cluster.manifests();
        let before = read(&text);
        let old = |kind: ClusterPolicyKind| kind != ClusterPolicyKind::ClusterNetworkPolicy;
        let mut anew = Vec::new();
        for policy in before.cluster_policies.iter().filter(|policy| old(policy.kind)) {
            match translated(policy) {
                Ok(manifest) => anew.push((policy.kind, policy.meta.name.clone(), manifest)),
                Err(why) => {
                    assert!(why.contains("not known"), "{why}");
                    refused += 1;
                }
            }
        }
        if anew.is_empty() {
            continue;
        }
        cluster.policies.retain(|policy| {
            !anew.iter().any(|(kind, name, _)| kind.as_str() == kind_of(policy.kind) && *name == policy.name)
        });
        let mut after = cluster.manifests();
        for (_, _, manifest) in &anew {
            after.push_str("\n---\n");
            after.push_str(&manifest.to_string());
        }
        let after = read(&after);
        assert_eq!(after.not_evaluated, []);
        let profile = Profile::ALL[usize::try_from(case % 4).unwrap()];
        let state = |snapshot: &Snapshot| {
            let analysis = Analysis::of(snapshot, profile);
            State::of(&analysis, &Foreign::of(snapshot, &analysis.world), View::Pods)
        };
        assert_eq!(make(&state(&before), &state(&after)), [], "seed {seed}, cluster {case}\n{text}");
        written += anew.len();
    }
    println!(
        "anew: {clusters} clusters of seed {seed}, {written} policies written anew, {refused} not, 0 say something else"
    );
    assert!(clusters < 100 || written > 100 && refused > 0);
}

/// Whether a policy selects any pod that policies hold for: one that runs, or has ended and may come again.
fn selects_somebody(cluster: &Cluster, policy: &Policy, hosts_count: bool) -> bool {
    cluster.pods.iter().any(|pod| {
        let of_namespace = match policy.kind {
            Kind::Np => policy.namespace == pod.namespace,
            _ => matches(&policy.subject.0, &labels_of(cluster, &pod.namespace)),
        };
        let is_held = !pod.host_network || hosts_count;
        of_namespace && is_held && matches(&policy.subject.1, &owned(&pod.labels))
    })
}

fn labels_of(cluster: &Cluster, name: &str) -> Vec<(String, String)> {
    let namespace = cluster.namespaces.iter().find(|namespace| namespace.name == name);
    let mut labels = owned(&namespace.map(|it| it.labels.clone()).unwrap_or_default());
    labels.push(("kubernetes.io/metadata.name".into(), name.into()));
    labels
}

#[test]
fn policies_that_select_nobody_are_found_and_no_others() {
    let (seed, clusters) = (number("PATCHKIT_SEED", 1), number("PATCHKIT_CLUSTERS", CLUSTERS));
    let (mut none, mut some) = (0, 0);
    for case in 0..clusters {
        let mut cluster = Cluster::random(&mut Chance::new(seed, case + 9_000_000));
        cluster.namespaces.iter_mut().for_each(|namespace| namespace.written = true);
        let profile = Profile::ALL[usize::try_from(case % 4).unwrap()];
        let text = cluster.manifests();
        let mut snapshot = read(&text);
        // What is not in it is not there.
        snapshot.take_as_complete();
        let made = lint::make(&Analysis::of(&snapshot, profile));
        for policy in &cluster.policies {
            let selects = selects_somebody(&cluster, policy, profile == Profile::Analyzer);
            let found = made.findings.iter().any(|it| it.id == "subject-matches-nothing" && is_about(it, policy));
            let is_empty = |selector: &Selector| selector.labels.is_empty() && selector.expressions.is_empty();
            // All pods of a namespace are also those that will come.
            let waits = is_empty(&policy.subject.1) && !selects;
            assert!(waits || found != selects, "seed {seed}, cluster {case}, {profile}: {}\n{text}", policy.name);
            *if selects { &mut some } else { &mut none } += 1;
        }
    }
    println!("nobody: {clusters} clusters of seed {seed}, {none} policies that select nobody, {some} that do, 0 wrong");
    assert!(clusters < 100 || none > 50 && some > 50, "{none} {some}");
}
