//! Which pods are asked to go now.

use std::{collections::BTreeMap, mem::discriminant, time::Duration};

use jiff::Timestamp;
use patchkit::{cluster::PodRemoval, snapshot::Snapshot};

use super::{
    event::{Event, Kind},
    gate::{self, Context, Gate, Wait},
    machine::{Machine, Now, Phase, Raised, Todo},
    record::Surge,
    task::{How, OwnerKey, State},
    world::World,
};

/// What a pod waits for is told when it has waited for so long: most waits are over before anybody could read of them.
const TELL_AFTER: Duration = Duration::from_secs(2);

impl Machine {
    /// The facts of this moment.
    pub(super) fn world<'a>(&self, snapshot: &'a Snapshot, now: Timestamp) -> World<'a> {
        World::new(snapshot, &self.tasks, now, self.before.clone().unwrap_or_default())
    }

    /// Asks every pod whose gates are open: first its UID is noted, then it is asked to go.
    pub(super) fn ask(&mut self, snapshot: &Snapshot, now: Now, todo: &mut Vec<Todo>) {
        let mut world = self.world(snapshot, now.time);
        self.count_wanted(&world);
        if let Some(pool) = &mut self.pool {
            pool.sample(&world);
        }
        let mut order: Vec<usize> = (0..self.tasks.len())
            .filter(|at| matches!(self.tasks[*at].state, State::Waiting | State::Noted))
            .filter(|at| {
                self.nodes.iter().any(|node| node.name == self.tasks[*at].node && node.phase == Phase::Draining)
            })
            .collect();
        let places: BTreeMap<&str, usize> = self.nodes.iter().map(|node| node.name.as_str()).zip(0..).collect();
        let place = |node: &str| places.get(node).copied().unwrap_or(usize::MAX);
        order.sort_by_cached_key(|at| gate::rank(&self.tasks[*at], place(&self.tasks[*at].node), &world));
        let mut notes: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for at in order {
            match self.gate(at, &world, snapshot, now) {
                Gate::Never(why) => self.fail(at, why),
                Gate::Wait(wait) => self.waits(at, wait, &world, now, todo),
                Gate::Open => {
                    let noting = self.nodes.iter().any(|node| node.name == self.tasks[at].node && node.noting);
                    let task = &mut self.tasks[at];
                    if task.state == State::Waiting && noting {
                        continue; // the entry is being written: with the next one
                    }
                    task.waits = None;
                    if task.state == State::Waiting {
                        task.state = State::Noting;
                        notes.entry(task.node.clone()).or_default().push(task.pod.uid.clone());
                    } else {
                        self.send(at, &world, todo);
                    }
                    world.leave(&self.tasks[at]);
                }
            }
            if self.stopping.is_some() {
                break;
            }
        }
        for (name, uids) in notes {
            if let Some(node) = self.nodes.iter_mut().find(|node| node.name == name) {
                node.noting = true;
            }
            todo.push(Todo::Note(name, uids));
        }
    }

    fn send(&mut self, at: usize, world: &World<'_>, todo: &mut Vec<Todo>) {
        let task = &mut self.tasks[at];
        let pod = world.pod(&task.pod.uid);
        task.was_ready = pod.is_some_and(|pod| world.is_ready(pod));
        task.asked_under = match pod.map(|pod| world.budgets_over(pod)).as_deref() {
            Some([budget]) => budget.status.clone(),
            _ => None,
        };
        task.state = State::Asked;
        task.pause = None;
        self.attempted += 1;
        let (removal, how): (PodRemoval, How) = (task.pod.clone(), task.how);
        let kind = if how == How::Delete { Kind::Deleting } else { Kind::Evicting };
        self.tell(at, kind, "");
        todo.push(Todo::Remove(removal, how));
    }

    fn gate(&self, at: usize, world: &World<'_>, snapshot: &Snapshot, now: Now) -> Gate {
        let context = Context {
            tasks: &self.tasks,
            now: now.instant,
            wanted_before: &|owner| self.wanted_before.get(owner).copied(),
            handicap: &|owner| self.handicap(owner),
            is_drained: &|node| self.nodes.iter().any(|known| known.name == node),
            attached: &|node| self.attached(snapshot, node),
            is_surged: &|owner| matches!(self.surges.get(owner), Some((_, Raised::Up))),
        };
        gate::gate(&self.tasks[at], world, &context)
    }

    fn waits(&mut self, at: usize, wait: Wait, world: &World<'_>, now: Now, todo: &mut Vec<Todo>) {
        if let Wait::Surge(owner) = &wait {
            match self.surges.get_mut(owner) {
                None => self.raise(owner.clone(), world, todo),
                // Asked again: where it was done already, that changes nothing.
                Some((surge, raised)) if *raised == Raised::Noted => {
                    *raised = Raised::Asked;
                    todo.push(Todo::Surge(owner.clone(), surge.clone()));
                }
                Some(_) => {}
            }
        }
        if let (Wait::Owner { .. }, Some(owner)) = (&wait, &self.tasks[at].owner)
            && let Some(next) = world.next_available(owner)
        {
            self.wake_at(now.instant + next.duration_since(now.time).unsigned_abs());
        }
        if let Some(until) = self.tasks[at].pause.as_ref().map(|pause| pause.until).filter(|until| *until > now.instant)
        {
            self.wake_at(until);
        }
        let task = &mut self.tasks[at];
        let same = task.waits.as_ref().is_some_and(|known| discriminant(known) == discriminant(&wait));
        task.waits = Some(wait);
        if !same {
            task.waits_since = Some((now.instant, false));
        }
        let Some((since, told)) = task.waits_since else { return };
        if told {
            return;
        }
        if now.instant.duration_since(since) < TELL_AFTER {
            self.wake_at(since + TELL_AFTER);
            return;
        }
        task.waits_since = Some((since, true));
        let detail = task.waits.as_ref().map(ToString::to_string).unwrap_or_default();
        self.tell(at, Kind::Waiting, &detail);
    }

    /// Brings up a second replica.
    fn raise(&mut self, owner: OwnerKey, world: &World<'_>, todo: &mut Vec<Todo>) {
        let Some(from) = world.standing(&owner).wanted else { return };
        let surge =
            Surge { namespace: owner.namespace.clone(), name: owner.name.clone(), from, to: from.saturating_add(1) };
        self.untold.push(Event::of_run(Kind::Surging, format!("{owner}: a second replica is brought up")));
        self.surges.insert(owner.clone(), (surge.clone(), Raised::Asked));
        todo.push(Todo::Surge(owner, surge));
    }

    /// Remembers how many pods were available of owners whose replicas cannot be read.
    fn count_wanted(&mut self, world: &World<'_>) {
        for task in &self.tasks {
            let Some(owner) = &task.owner else { continue };
            let standing = world.standing(owner);
            if standing.wanted.is_none() {
                let most = self.wanted_before.entry(owner.clone()).or_default();
                *most = standing.available.max(*most);
            }
        }
    }
}
