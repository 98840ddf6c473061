//! What the facts show of the pods of a run: which are gone, which end, and which take too long.

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use patchkit::{
    rules::budget::BudgetStatus,
    snapshot::{Snapshot, budgets, objects::pod::Pod},
};

use super::{
    event::{Event, Kind},
    machine::{Machine, Now, Phase},
    task::{How, State},
};
use crate::drain::is_unreachable;

/// After this time a removal shows in the status of its budget, though no change of it was seen: the status may have
/// changed and changed back between two looks.
const SHOWN_AFTER: Duration = Duration::from_secs(2);
/// How long beyond its grace period a pod of a node that does not answer is waited for.
const UNREACHABLE_LIMIT: Duration = Duration::from_secs(30);

impl Machine {
    /// Takes what the facts show of the nodes: one may stop to answer at any moment.
    pub(super) fn see_nodes(&mut self, snapshot: &Snapshot) {
        for known in self.nodes.iter_mut().filter(|node| matches!(node.phase, Phase::Draining | Phase::Listing)) {
            let found = snapshot.nodes.iter().find(|node| node.meta.name == known.name.as_str());
            let unreachable = found.is_some_and(is_unreachable);
            if unreachable && !known.unreachable {
                let text = format!("node {} does not answer any more: what is deleted on it does not end", known.name);
                self.untold.push(Event::of_node(Kind::Warning, &known.name, text));
            }
            known.unreachable = unreachable;
        }
    }

    /// Takes what the facts show of the pods.
    pub(super) fn see(&mut self, snapshot: &Snapshot, now: Now) {
        let pods: HashMap<&str, _> = snapshot.pods.iter().map(|pod| (pod.meta.uid.as_str(), pod)).collect();
        let mut wake: Option<Instant> = None;
        for at in 0..self.tasks.len() {
            let task = &mut self.tasks[at];
            if task.is_over() {
                continue;
            }
            match pods.get(task.pod.uid.as_str()) {
                None if task.state != State::Noting && task.state != State::Asked => {
                    task.state = State::Gone { since: now.instant };
                    self.tell(at, Kind::Gone, "");
                }
                // The answer comes first, so that it is counted.
                None => {}
                Some(pod) => {
                    if pod.meta.deleting.is_some() && matches!(task.state, State::Waiting | State::Noted) {
                        task.state = State::Going { since: now.instant };
                    }
                    if let State::Going { since } = task.state
                        && !task.shown
                        && pod.meta.deleting.is_some()
                    {
                        let status = status_over(snapshot, pod);
                        let changed = status != task.asked_under.as_ref();
                        task.shown = changed || now.instant >= since + SHOWN_AFTER;
                        if !task.shown {
                            wake = Some(wake.map_or(since + SHOWN_AFTER, |wake| wake.min(since + SHOWN_AFTER)));
                        }
                    }
                    let overdue = pod.meta.deleting.map(|due| now.time.duration_since(due).as_secs());
                    if self.settings.skip_wait > 0 && overdue.is_some_and(|seconds| seconds > self.settings.skip_wait) {
                        task.state = State::Gone { since: now.instant };
                        self.tell(at, Kind::Warning, "its deletion does not end, and it is not waited for");
                        continue;
                    }
                    if task.how == How::Complete && pod.is_finished() {
                        task.how = How::Evict;
                    }
                }
            }
        }
        if let Some(wake) = wake {
            self.wake_at(wake);
        }
    }

    pub(super) fn time_out(&mut self, now: Now) {
        for at in 0..self.tasks.len() {
            let task = &self.tasks[at];
            let Some(node) = self.nodes.iter().find(|node| node.name == task.node) else { continue };
            if task.is_over() {
                continue;
            }
            if let (Some(timeout), Some(started)) = (self.settings.timeout, node.started)
                && !task.is_under_way()
            {
                let end = started + timeout;
                if now.instant >= end {
                    let waits = task.waits.as_ref().map(|wait| format!("; it waits for {wait}")).unwrap_or_default();
                    self.fail(at, format!("not gone after the {}s of --timeout{waits}", timeout.as_secs()));
                    continue;
                }
                self.wake_at(end);
            }
            let task = &self.tasks[at];
            let unreachable = self.nodes.iter().any(|node| node.name == task.node && node.unreachable);
            if let State::Going { since } = task.state
                && unreachable
            {
                let end = since + task.grace + UNREACHABLE_LIMIT;
                if now.instant >= end {
                    let why = "its node does not answer, so its deletion does not end; if the machine is known to be off, \
                               the taint node.kubernetes.io/out-of-service lets go of it";
                    self.fail(at, why.to_owned());
                } else {
                    self.wake_at(end);
                }
            }
        }
    }
}

/// The status of the one budget over a pod.
fn status_over<'s>(snapshot: &'s Snapshot, pod: &Pod) -> Option<&'s BudgetStatus> {
    let mut over = budgets::over(snapshot, pod);
    match (over.next(), over.next()) {
        (Some(budget), None) => budget.status.as_ref(),
        _ => None,
    }
}
