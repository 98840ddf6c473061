//! The state machine of a run, on a simulated cluster with a time of its own.

mod sim;

use std::time::Duration;

use kubectl_drainsafe::execute::{
    OnFailure,
    event::Kind,
    machine::{Outcome, Stop},
};
use patchkit::cluster::Removal;
use sim::{Owner, Sim};

fn seconds(sim: &Sim) -> f64 {
    Duration::from_millis(sim.now).as_secs_f64()
}

#[test]
fn an_owner_goes_one_pod_after_the_other_at_the_speed_of_its_budget() {
    let web = Owner { max_unavailable: Some(1), ..Owner::deployment("web", 6) };
    let mut sim = Sim::new(vec![web]).with("web", "old-1", 4).with("web", "old-2", 2);
    let mut machine = sim.machine();
    assert_eq!(sim.run(&mut machine), Outcome::Through);
    // Five times until the replacement is ready, and the last pod's grace.
    assert!(seconds(&sim) < 21.0, "{}", seconds(&sim));
    assert_eq!(sim.lowest["web"], 5);
    assert_eq!((sim.asked.len(), machine.attempted, machine.granted), (6, 6, 6));
    assert_eq!(machine.nodes_by_end(), (vec!["old-1".to_owned(), "old-2".to_owned()], vec![]));
}

#[test]
fn without_a_budget_an_owner_keeps_all_others_ready() {
    let mut sim = Sim::new(vec![Owner::deployment("web", 4)]).with("web", "old-1", 3).with("web", "new-1", 1);
    let mut machine = sim.machine();
    assert_eq!(sim.run(&mut machine), Outcome::Through);
    assert_eq!(sim.lowest["web"], 3);
    assert_eq!(sim.asked.len(), 3);
}

#[test]
fn a_budget_that_grants_two_is_used_for_two() {
    let web = Owner { max_unavailable: Some(2), ..Owner::deployment("web", 6) };
    let mut sim = Sim::new(vec![web]).with("web", "old-1", 6);
    let mut machine = sim.machine();
    assert_eq!(sim.run(&mut machine), Outcome::Through);
    assert_eq!(sim.lowest["web"], 4);
    // Three times two.
    assert!(seconds(&sim) < 12.0, "{}", seconds(&sim));
    assert_eq!(machine.attempted, 6);
}

#[test]
fn owners_do_not_wait_for_each_other() {
    let owners = ["a", "b", "c"].map(|name| Owner { max_unavailable: Some(1), ..Owner::deployment(name, 2) });
    let mut sim = Sim::new(owners.to_vec());
    for name in ["a", "b", "c"] {
        sim = sim.with(name, "old-1", 1).with(name, "new-1", 1);
    }
    let mut machine = sim.machine();
    assert_eq!(sim.run(&mut machine), Outcome::Through);
    assert!(sim.asked.iter().all(|(at, _)| *at == 0), "{:?}", sim.asked);
}

#[test]
fn a_replacement_counts_when_it_was_ready_for_long_enough() {
    let web = Owner { min_ready: 10_000, max_unavailable: Some(1), ..Owner::deployment("web", 2) };
    let mut sim = Sim::new(vec![web]).with("web", "old-1", 2);
    let mut machine = sim.machine();
    assert_eq!(sim.run(&mut machine), Outcome::Through);
    let (first, second) = (sim.asked[0].0, sim.asked[1].0);
    assert!(second - first >= 13_000, "{:?}", sim.asked);
    // The end waits for the last one as well.
    assert!(seconds(&sim) >= 26.0, "{}", seconds(&sim));
}

#[test]
fn a_set_goes_one_pod_at_a_time_over_all_nodes_though_its_budget_grants_more() {
    let db = Owner { kind: "StatefulSet", max_unavailable: Some(2), ..Owner::deployment("db", 3) };
    let mut sim = Sim::new(vec![db]).with("db", "old-1", 1).with("db", "old-2", 1).with("db", "new-2", 1);
    let mut machine = sim.machine();
    assert_eq!(sim.run(&mut machine), Outcome::Through);
    assert_eq!(sim.lowest["db"], 2);
    // Five seconds to end, three until it is back.
    assert!(sim.asked[1].0 - sim.asked[0].0 >= 8_000, "{:?}", sim.asked);
}

#[test]
fn critical_pods_go_after_all_others_of_their_node() {
    let mut sim = Sim::new(vec![Owner::deployment("dns", 2), Owner::deployment("web", 2)])
        .with("dns", "old-1", 1)
        .with("dns", "new-1", 1)
        .with("web", "old-1", 1)
        .with("web", "new-1", 1);
    sim.pods[0].critical = true;
    let mut machine = sim.machine();
    assert_eq!(sim.run(&mut machine), Outcome::Through);
    assert!(sim.asked[0].1.starts_with("web") && sim.asked[1].1.starts_with("dns"), "{:?}", sim.asked);
    assert!(sim.asked[1].0 >= 5_000, "only when the other has gone: {:?}", sim.asked);
}

#[test]
fn a_pod_that_is_not_ready_is_not_waited_for() {
    let web = Owner { ready_after: u64::MAX, ..Owner::deployment("web", 3) };
    let mut sim = Sim::new(vec![web]).with("web", "old-1", 3);
    for pod in &mut sim.pods {
        pod.ready_at = u64::MAX;
    }
    let mut machine = sim.machine();
    assert_eq!(sim.run(&mut machine), Outcome::Through);
    assert!(sim.asked.iter().all(|(at, _)| *at == 0), "{:?}", sim.asked);
    // Nobody can expect the replacements to be better.
    assert_eq!(machine.failures().1, []);
}

#[test]
fn a_replacement_that_does_not_come_up_is_named_at_the_end() {
    let web = Owner { ready_after: u64::MAX, ..Owner::deployment("web", 2) };
    let mut sim = Sim::new(vec![web]).with("web", "old-1", 1).with("web", "new-1", 1);
    let mut machine = sim.machine();
    assert_eq!(sim.run(&mut machine), Outcome::Through);
    let (failed, not_replaced) = machine.failures();
    assert_eq!((failed.len(), not_replaced.len()), (0, 1));
    assert!(not_replaced[0].pod.starts_with("n/web-"), "{not_replaced:?}");
    // And the other one was not touched meanwhile, of course.
    assert_eq!(sim.asked.len(), 1);
}

#[test]
fn a_singleton_gets_a_second_replica_first() {
    let mut sim = Sim::new(vec![Owner::deployment("one", 1)]).with("one", "old-1", 1);
    sim.options.surge_singletons = true;
    let mut machine = sim.machine();
    assert_eq!(sim.run(&mut machine), Outcome::Through);
    assert_eq!(sim.lowest["one"], 1, "there is always one");
    assert_eq!(sim.scaled.iter().map(|(_, replicas)| *replicas).collect::<Vec<_>>(), [2, 1]);
    assert_eq!(sim.owners[0].replicas, 1);
    assert!(sim.asked[0].0 >= 3000, "only when the second is ready: {:?}", sim.asked);
}

#[test]
fn a_service_keeps_one_that_answers() {
    // Two owners behind one Service, each of which would let its only pod go.
    let owners = ["blue", "green"].map(|name| Owner { labels: "shop", ..Owner::deployment(name, 1) });
    let mut sim = Sim::new(owners.to_vec()).with("blue", "old-1", 1).with("green", "old-2", 1);
    sim.services = vec!["shop"];
    sim.options.allow_last_endpoints = true;
    let mut machine = sim.machine();
    assert_eq!(sim.run(&mut machine), Outcome::Through);
    assert_eq!(sim.asked.len(), 2);
    assert!(sim.asked[1].0 >= 3000, "{:?}", sim.asked);
}

#[test]
fn trouble_that_passes_is_waited_out_and_does_not_count_twice() {
    let mut sim = Sim::new(vec![Owner::deployment("web", 2)]).with("web", "old-1", 1).with("web", "new-1", 1);
    let mut left = 3;
    sim.fault = Box::new(move |_| {
        left -= 1;
        (left >= 0).then(|| Removal::Trouble("EOF".into()))
    });
    let mut machine = sim.machine();
    assert_eq!(sim.run(&mut machine), Outcome::Through);
    assert_eq!((machine.attempted, machine.granted), (4, 1));
    assert!(sim.asked.last().unwrap().0 < 10_000, "{:?}", sim.asked);
    assert_eq!(sim.told.iter().filter(|(_, kind, _)| *kind == Kind::Retrying).count(), 3);
}

#[test]
fn trouble_that_does_not_pass_fails_after_a_while() {
    let mut sim = Sim::new(vec![Owner::deployment("web", 2)]).with("web", "old-1", 1).with("web", "new-1", 1);
    sim.fault = Box::new(|_| Some(Removal::Trouble("failed calling webhook".into())));
    let mut machine = sim.machine();
    let outcome = sim.run(&mut machine);
    assert!(
        matches!(&outcome, Outcome::Stopped(Stop::Failed(why)) if why.contains("failed calling webhook")),
        "{outcome:?}"
    );
    assert!((180.0..220.0).contains(&seconds(&sim)), "{}", seconds(&sim));
}

#[test]
fn two_budgets_fail_at_once_and_the_rest_goes_on_if_so_wished() {
    let mut sim = Sim::new(vec![Owner::deployment("bad", 2), Owner::deployment("web", 2)])
        .with("bad", "old-1", 1)
        .with("bad", "new-1", 1)
        .with("web", "old-1", 1)
        .with("web", "new-1", 1);
    sim.on_failure = OnFailure::Continue;
    sim.fault = Box::new(|pod| pod.name.starts_with("bad").then_some(Removal::SeveralBudgets));
    let mut machine = sim.machine();
    assert_eq!(sim.run(&mut machine), Outcome::Through);
    let (failed, _) = machine.failures();
    assert_eq!(failed.len(), 1);
    assert!(failed[0].why.contains("more than one PodDisruptionBudget"), "{failed:?}");
    assert_eq!(machine.nodes_by_end(), (vec!["old-2".to_owned()], vec!["old-1".to_owned()]));
    assert_eq!(machine.granted, 1);
}

#[test]
fn a_refusal_by_a_budget_is_asked_about_again_when_the_budget_says_something_else() {
    let web = Owner { max_unavailable: Some(1), ..Owner::deployment("web", 2) };
    let mut sim = Sim::new(vec![web]).with("web", "old-1", 1).with("web", "new-1", 1);
    let mut left = 1;
    sim.fault = Box::new(move |_| {
        left -= 1;
        (left >= 0).then(|| Removal::Budget { message: "not synced".into(), retry_after: None })
    });
    let mut machine = sim.machine();
    assert_eq!(sim.run(&mut machine), Outcome::Through);
    // The budget said yes and the server no: after the jittered re-check, not at once and not never.
    let again = sim.asked[1].0;
    assert!((5_000..=10_000).contains(&again), "{again}");
}

#[test]
fn a_timeout_fails_what_is_left() {
    let web = Owner { grace: 60_000, ..Owner::deployment("web", 2) };
    let mut sim = Sim::new(vec![web]).with("web", "old-1", 1).with("web", "new-1", 1);
    sim.options.timeout = Duration::from_secs(20);
    let mut machine = sim.machine();
    let outcome = sim.run(&mut machine);
    assert!(matches!(&outcome, Outcome::Stopped(Stop::Failed(why)) if why.contains("--timeout")), "{outcome:?}");
    assert!((20.0..21.0).contains(&seconds(&sim)), "{}", seconds(&sim));
}

#[test]
fn a_stop_waits_for_what_is_under_way_and_begins_nothing() {
    let owners = ["a", "b", "c", "d"].map(|name| Owner { max_unavailable: Some(1), ..Owner::deployment(name, 2) });
    let mut sim = Sim::new(owners.to_vec());
    for name in ["a", "b", "c", "d"] {
        sim = sim.with(name, "old-1", 2);
    }
    sim.stop_after = 2;
    let mut machine = sim.machine();
    assert_eq!(sim.run(&mut machine), Outcome::Stopped(Stop::Interrupted));
    assert_eq!(sim.asked.len(), 4, "the four that were decided together, and none of the next");
    assert_eq!(machine.granted, 4);

    // Another machine goes on from what it sees, and asks nobody twice.
    sim.stop_after = usize::MAX;
    let mut machine = sim.machine();
    assert_eq!(sim.run(&mut machine), Outcome::Through);
    assert_eq!(sim.asked.len(), 8);
    let mut names: Vec<_> = sim.asked.iter().map(|(_, name)| name.clone()).collect();
    names.sort();
    names.dedup();
    assert_eq!(names.len(), 8);
    assert!(sim.lowest.values().all(|ready| *ready == 1), "{:?}", sim.lowest);
}

#[test]
fn a_pod_that_comes_late_goes_too_and_one_that_comes_straight_back_does_not() {
    let mut sim = Sim::new(vec![Owner::deployment("web", 3), Owner::deployment("sticky", 1)])
        .with("web", "old-1", 1)
        .with("web", "new-1", 2)
        .with("sticky", "new-1", 1);
    let mut machine = sim.machine();
    // Bound just before the cordon took hold, and seen only afterwards.
    sim.owners[0].replicas = 4;
    sim = sim.with("web", "old-2", 1);
    // Made on a cordoned node long after.
    sim.now = 10_000;
    sim = sim.with("sticky", "old-2", 1);
    let late = sim.pods.last_mut().unwrap();
    late.created = 10_000;
    late.ready_at = 10_000;
    assert_eq!(sim.run(&mut machine), Outcome::Through);
    assert_eq!(sim.asked.len(), 2, "{:?}", sim.asked);
    assert!(sim.asked.iter().all(|(_, name)| name.starts_with("web")), "{:?}", sim.asked);
    assert!(sim.told.iter().any(|(_, kind, text)| *kind == Kind::Warning && text.contains("comes straight back")));
}

#[test]
fn a_replacement_of_the_first_second_is_waited_for_like_any_other() {
    let web = Sim::new(vec![Owner::deployment("web", 4)]).with("web", "old-1", 3).with("web", "new-1", 1);
    let mut sim = web.in_mid_second();
    let mut machine = sim.machine();
    assert_eq!(sim.run(&mut machine), Outcome::Through);
    assert_eq!(sim.lowest["web"], 3);
}

#[test]
fn pods_that_are_not_selected_stay_and_nobody_waits_for_them() {
    let owners = vec![Owner::deployment("web", 1), Owner::deployment("other", 2)];
    let mut sim = Sim::new(owners).with("web", "old-1", 1).with("other", "old-1", 2);
    sim.options.pod_selector = Some("app=web".parse().unwrap());
    let mut machine = sim.machine();
    assert_eq!(sim.run(&mut machine), Outcome::Through);
    assert_eq!(sim.asked.len(), 1);
}

#[test]
fn who_tolerates_the_cordon_and_comes_back_is_not_asked_again() {
    let mut sim =
        Sim::new(vec![Owner { tolerates_cordon: true, ..Owner::deployment("web", 1) }]).with("web", "old-1", 1);
    let mut machine = sim.machine();
    assert_eq!(sim.run(&mut machine), Outcome::Through);
    assert_eq!(sim.asked.len(), 1);
    assert!(sim.pods.iter().any(|pod| pod.node == "old-1"));
}

#[test]
fn blindness_concludes_nothing() {
    let mut sim = Sim::new(vec![Owner::deployment("web", 2)]).with("web", "old-1", 1).with("web", "new-1", 1);
    let mut machine = sim.machine();
    let mut live = sim.snapshot();
    assert!(live.replace(&patchkit::snapshot::kinds::PODS, &["no list"]).is_err());
    assert!(machine.decide(live.facts(), sim.moment()).is_empty());
    assert!(sim.told.is_empty());
    assert_eq!(sim.run(&mut machine), Outcome::Through);
    assert_eq!(machine.granted, 1);
}
