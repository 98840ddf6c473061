//! The end of a run: what was moved must be available again.

use std::time::Duration;

use patchkit::snapshot::Snapshot;

use super::{
    event::{Event, FailedPod, Kind},
    machine::{Machine, Now, Phase},
    task::{OwnerKey, State},
    world::{Standing, World},
};

/// How long replacements get to become available when all nodes are empty.
const VERIFY_LIMIT: Duration = Duration::from_secs(180);

impl Machine {
    /// When all nodes are through, waits until what was moved is available again.
    pub(super) fn verify(&mut self, snapshot: &Snapshot, now: Now) {
        let through = self.nodes.iter().all(|node| matches!(node.phase, Phase::Drained | Phase::Failed));
        let removed = self.pool.as_ref().is_none_or(|pool| !pool.is_busy());
        if !through || !removed || self.not_replaced.is_some() {
            return;
        }
        let since = *self.over_since.get_or_insert(now.instant);
        let world = self.world(snapshot, now.time);
        let mut missing = Vec::new();
        for owner in self.moved_owners() {
            if self.replaced.contains(&owner) {
                continue;
            }
            let Some((standing, wanted)) = self.wanted_of(&world, &owner) else { continue };
            if self.missing_of(&world, &owner) <= 0 {
                self.untold.push(Event::of_run(Kind::Replaced, owner.to_string()));
                self.replaced.insert(owner);
                continue;
            }
            let waits: Vec<_> = world
                .not_available(&owner)
                .map(|pod| FailedPod {
                    pod: pod.meta.path(),
                    node: (!pod.node.is_empty()).then(|| pod.node.to_string()),
                    why: pod.unschedulable.as_deref().unwrap_or("not available yet").to_owned(),
                })
                .collect();
            if waits.is_empty() {
                let why = format!("{} of {wanted} available", standing.available);
                missing.push(FailedPod { pod: owner.to_string(), node: None, why });
            }
            missing.extend(waits);
            if let Some(next) = world.next_available(&owner) {
                let wait = next.duration_since(now.time).unsigned_abs();
                self.wake = Some(self.wake.map_or(now.instant + wait, |wake| wake.min(now.instant + wait)));
            }
        }
        let end = since + VERIFY_LIMIT;
        if missing.is_empty() || now.instant >= end {
            self.not_replaced = Some(missing);
        } else {
            self.wake_at(end);
        }
    }

    /// How an owner stands, and how many pods it wants; none where that is not known.
    fn wanted_of(&self, world: &World<'_>, owner: &OwnerKey) -> Option<(Standing, i64)> {
        let standing = world.standing(owner);
        let wanted = standing.wanted.or_else(|| self.wanted_before.get(owner).copied())?;
        Some((standing, wanted))
    }

    /// How many pods of an owner are missing, but for those that nobody can wait for.
    pub(super) fn missing_of(&self, world: &World<'_>, owner: &OwnerKey) -> i64 {
        let Some((standing, wanted)) = self.wanted_of(world, owner) else { return 0 };
        let excused = standing.broken + standing.young.min(self.handicap(owner));
        wanted - standing.available - excused
    }

    pub(super) fn moved_owners(&self) -> Vec<OwnerKey> {
        let mut owners: Vec<_> = self
            .tasks
            .iter()
            .filter(|task| !task.stays_pending && matches!(task.state, State::Gone { .. }))
            .filter_map(|task| task.owner.clone())
            .filter(|owner| !matches!(owner.kind.as_str(), "Job" | "CronJob" | "DaemonSet" | "Node"))
            .collect();
        owners.sort();
        owners.dedup();
        owners
    }

    /// Of an owner's pods those that were not Ready when they were asked to go.
    pub(super) fn handicap(&self, owner: &OwnerKey) -> i64 {
        let those = self.tasks.iter().filter(|task| {
            task.owner.as_ref() == Some(owner)
                && !task.was_ready
                && matches!(task.state, State::Asked | State::Going { .. } | State::Gone { .. })
        });
        i64::try_from(those.count()).unwrap_or(i64::MAX)
    }
}
