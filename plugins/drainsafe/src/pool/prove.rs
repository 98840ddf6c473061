//! Whether nodes can be drained now, with those that are being drained already.

use std::collections::BTreeSet;

use jiff::Timestamp;
use patchkit::snapshot::{Snapshot, objects::node::Node};

use crate::{
    drain::{
        Action, DrainPlan, Options, PlannedPod, make_on,
        scene::{Ground, Scene},
    },
    execute::stops,
};

/// What is asked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Question {
    /// Nodes that are being drained.
    pub in_flight: Vec<String>,
    /// Nodes that would be begun, in the order in which they are left out again.
    pub candidates: Vec<String>,
    /// Outdated nodes that are not begun: cordoned in the simulation, so that no pod goes to one of them.
    pub shunned: Vec<String>,
    /// Numbers of candidates are a multiple of this, where fewer than all are begun.
    pub step: usize,
    /// `--allow-unproven`: a place that is not certain will do.
    pub allow_unproven: bool,
}

/// An answer.
#[derive(Clone, Debug)]
pub struct Proven {
    /// Those that can be begun: the first of the candidates.
    pub begin: Vec<String>,
    /// The plan of their drain and of what is under way.
    pub plan: Box<DrainPlan>,
}

/// Finds how many of the candidates can be begun: all, or fewer and fewer of them.
///
/// # Errors
/// Why not even one can.
pub fn prove(snapshot: &Snapshot, options: &Options, now: Timestamp, question: &Question) -> Result<Proven, String> {
    let mut ground = Ground::new(snapshot, now);
    for name in &question.shunned {
        if let Some(number) = ground.index.node_number(name) {
            ground.index.cordon(number);
        }
    }
    let known: BTreeSet<&str> = snapshot.nodes.iter().map(|node| node.meta.name.as_str()).collect();
    let candidates: Vec<&String> = question.candidates.iter().filter(|name| known.contains(name.as_str())).collect();
    let mut count = candidates.len();
    loop {
        let chosen = &candidates[..count];
        let names: BTreeSet<&str> =
            question.in_flight.iter().map(String::as_str).chain(chosen.iter().map(|name| name.as_str())).collect();
        let nodes: Vec<&Node> = snapshot.nodes.iter().filter(|node| names.contains(node.meta.name.as_str())).collect();
        let made = make_on(&Scene::new(&ground, options, nodes));
        let why = match stops(&made.plan).or_else(|| unproven(&made.plan, options, question.allow_unproven)) {
            None => {
                let begin = chosen.iter().map(|name| (*name).clone()).collect();
                return Ok(Proven { begin, plan: Box::new(made.plan) });
            }
            Some(why) => why,
        };
        if count <= 1 {
            return Err(why);
        }
        count = fewer(count, question.step);
    }
}

/// Half of them, as a multiple of the step as long as that can be.
#[must_use]
pub fn fewer(count: usize, step: usize) -> usize {
    let half = count / 2;
    let step = step.max(1);
    if half >= step { half - half % step } else { half.max(1) }
}

/// The first pod whose replacement has no certain place.
fn unproven(plan: &DrainPlan, options: &Options, allowed: bool) -> Option<String> {
    let lacks =
        |pod: &&PlannedPod| pod.action.goes() && !pod.finished && pod.owner.is_some() && pod.destination.is_none();
    if allowed || options.allow_pending {
        return None;
    }
    let pod = plan.pods.iter().filter(|pod| pod.action != Action::Skip).find(lacks)?;
    let why = pod.destination_unknown.clone().unwrap_or_else(|| "no place was found for its replacement".to_owned());
    Some(format!("{}: {why}", pod.path()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fewer_are_tried_in_steps_of_the_zones() {
        let mut counts = vec![15];
        while *counts.last().unwrap() > 1 {
            counts.push(fewer(*counts.last().unwrap(), 3));
        }
        assert_eq!(counts, [15, 6, 3, 1]);
        assert_eq!([fewer(2, 3), fewer(7, 1)], [1, 3]);
    }
}
