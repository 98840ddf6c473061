//! The nodes of a run: when a wave begins, which pods have come late, and when a node is empty.

use std::time::{Duration, Instant};

use jiff::SignedDuration;
use patchkit::snapshot::{Owners, Snapshot};

use super::{
    OnFailure,
    event::{Event, Kind},
    machine::{Machine, Node, Now, Phase, Proof, Stop, Todo},
    task::{OwnerKey, State},
};
use crate::fit::tolerates_cordon;

/// A pod that was made so long after its node was cordoned was not on its way there before: it comes straight back.
const LATE: SignedDuration = SignedDuration::from_secs(2);

impl Machine {
    pub(super) fn listed(&mut self, name: &str, outcome: Result<Vec<String>, String>, now: Instant) {
        let known = |uid: &String, node: &Node| node.stays.contains(uid) || self.by_uid.contains_key(uid);
        let Some(at) = self.nodes.iter().position(|node| node.name == name) else { return };
        let is_empty = match &outcome {
            Ok(uids) => uids.iter().all(|uid| known(uid, &self.nodes[at])),
            Err(_) => false,
        };
        let node = &mut self.nodes[at];
        if is_empty {
            node.phase = Phase::Drained;
            self.untold.push(Event::of_node(Kind::Drained, name, ""));
            return;
        }
        // Either it could not be listed, or there is a pod that the watch will show in a moment.
        node.phase = Phase::Draining;
        node.list_after = now + Duration::from_secs(1);
        if let Err(why) = outcome {
            let detail = format!("the pods of node {name} cannot be listed: {why}");
            self.untold.push(Event::of_node(Kind::Warning, name, detail));
        }
    }

    /// Begins the next wave when the present one is through, once the simulation holds on fresh facts.
    pub(super) fn begin_wave(&mut self, now: Now, todo: &mut Vec<Todo>) {
        let is_over = |node: &Node| matches!(node.phase, Phase::Drained | Phase::Failed);
        if self.nodes.iter().any(|node| node.wave <= self.wave && !is_over(node)) {
            return;
        }
        if self.pausing {
            self.stop(Stop::Paused("a pause was asked for".to_owned()));
            return;
        }
        let Some(next) = self.nodes.iter().filter(|node| !is_over(node)).map(|node| node.wave).min() else { return };
        match self.proof {
            Proof::None => {
                self.proof = Proof::Asked;
                let nodes = self.nodes.iter().map(|node| node.name.clone()).collect();
                todo.push(Todo::Prove { nodes, fresh: self.wave > 0 });
            }
            Proof::Asked => {}
            Proof::Holds => {
                self.wave = next;
                self.proof = Proof::None;
                for node in self.nodes.iter_mut().filter(|node| node.wave == next && node.phase == Phase::Waiting) {
                    node.phase = Phase::Draining;
                    node.started = Some(now.instant);
                }
            }
        }
    }

    /// Finds pods that were not there when the plan was made.
    pub(super) fn find_late(&mut self, snapshot: &Snapshot, todo: &mut Vec<Todo>) {
        let mut late = false;
        let mut owners = None;
        let gone: Vec<(String, OwnerKey)> = self
            .tasks
            .iter()
            .filter(|task| matches!(task.state, State::Going { .. } | State::Gone { .. }))
            .filter_map(|task| Some((task.node.clone(), task.owner.clone()?)))
            .collect();
        for pod in &snapshot.pods {
            let uid = pod.meta.uid.as_str();
            if pod.node.is_empty() || self.by_uid.contains_key(uid) || pod.is_mirror() {
                continue;
            }
            let Some(node) = self.nodes.iter_mut().find(|node| *node.name == *pod.node) else { continue };
            if matches!(node.phase, Phase::Drained | Phase::Failed) || node.stays.contains(uid) {
                continue;
            }
            if self.settings.pod_selector.as_ref().is_some_and(|selector| !selector.matches(&pod.meta.labels)) {
                node.stays.insert(uid.to_owned());
                continue;
            }
            let due = node.cordoned.time.saturating_add(LATE);
            let of_daemon_set = pod.meta.controller().is_some_and(|owner| owner.kind == "DaemonSet");
            let is_late = due.is_ok_and(|due| pod.meta.created.is_some_and(|created| created > due));
            // Who tolerates the cordon may be put here at any moment: what replaces a pod of this run has come back.
            let has_come_back = tolerates_cordon(&pod.spec.tolerations) && {
                let owners = owners.get_or_insert_with(|| Owners::of(snapshot));
                owners.top(&pod.meta).is_some_and(|top| {
                    gone.iter().any(|(on, owner)| {
                        *on == node.name
                            && *owner.namespace == *pod.meta.namespace
                            && owner.kind == top.kind
                            && owner.name == top.name
                    })
                })
            };
            if !of_daemon_set && (is_late || has_come_back) {
                node.stays.insert(uid.to_owned());
                let why = "it was made after the cordon and is here all the same: it comes straight back, and is left";
                let event =
                    Event::of_pod(Kind::Warning, &node.name, pod.meta.path(), format!("{}: {why}", pod.meta.path()));
                self.untold.push(event);
                continue;
            }
            // A wave that has not begun is planned anew before it does.
            late |= node.phase != Phase::Waiting;
        }
        if late && !self.proving_late && self.proof != Proof::Asked {
            self.proving_late = true;
            let all = self.pool.is_none();
            let nodes = self.nodes.iter().filter(|node| all || matches!(node.phase, Phase::Draining | Phase::Listing));
            todo.push(Todo::Prove { nodes: nodes.map(|node| node.name.clone()).collect(), fresh: false });
        }
    }

    /// Lists a node that is empty as far as is seen.
    pub(super) fn finish_nodes(&mut self, snapshot: &Snapshot, now: Now, todo: &mut Vec<Todo>) {
        for at in 0..self.nodes.len() {
            if self.nodes[at].phase != Phase::Draining || self.proving_late {
                continue;
            }
            let name = self.nodes[at].name.clone();
            let mut of_node = self.tasks.iter().filter(|task| task.node == name);
            if of_node.clone().any(|task| !task.is_over()) {
                continue;
            }
            if of_node.any(|task| matches!(task.state, State::Failed(_))) {
                self.nodes[at].phase = Phase::Failed;
                self.untold.push(Event::of_node(Kind::Failed, &name, "some of its pods do not go"));
                continue;
            }
            let attached = self.attached(snapshot, &name);
            let node = &mut self.nodes[at];
            if !attached.is_empty() {
                if let (Some(timeout), Some(started)) = (self.settings.timeout, node.started)
                    && now.instant >= started + timeout
                {
                    node.phase = Phase::Failed;
                    let why = format!("volumes are still attached: {}", attached.join(", "));
                    self.untold.push(Event::of_node(Kind::Failed, &name, why.clone()));
                    if self.settings.on_failure != OnFailure::Continue {
                        self.stop(Stop::Failed(format!("node {name}: {why}")));
                    }
                } else if !node.told_volumes {
                    node.told_volumes = true;
                    self.untold.push(Event::of_node(Kind::Detaching, &name, attached.join(", ")));
                }
                continue;
            }
            if now.instant < node.list_after {
                let at = node.list_after;
                self.wake_at(at);
                continue;
            }
            node.phase = Phase::Listing;
            todo.push(Todo::List(name));
        }
    }

    /// The volumes of pods of this run that are still attached to a node.
    pub(super) fn attached(&self, snapshot: &Snapshot, node: &str) -> Vec<String> {
        snapshot
            .attachments
            .iter()
            .filter(|attachment| attachment.node == node)
            .filter(|attachment| {
                self.tasks.iter().any(|task| {
                    task.node == node && task.volumes.iter().any(|volume| attachment.volume == volume.as_str())
                })
            })
            .map(|attachment| attachment.volume.to_string())
            .collect()
    }
}
