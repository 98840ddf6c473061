//! The facts of one moment as the gates ask for them, together with what this run has set going and the cluster does not
//! show yet.
//!
//! Between a request and its trace in the watched facts there is a moment in which a pod is as good as gone and still
//! counts as ready. Deciding from the facts alone would let too many go; so whatever leaves is taken out here first.

use std::{
    collections::{HashMap, HashSet},
    ops::Range,
    sync::Arc,
};

use compact_str::CompactString;
use jiff::{SignedDuration, Timestamp};
use patchkit::{
    rules::{budget::BudgetStatus, eviction},
    snapshot::{
        Owners, Snapshot, budgets, kinds,
        objects::{
            cluster_wide::PodDisruptionBudget,
            pod::{Phase, Pod},
            workload::Workload,
        },
    },
};

use super::task::{OwnerKey, State, Task};

/// The pods as they stood before the run made any of them go, by UID.
///
/// Told apart by what was seen, not by the time at which they were made: the cluster keeps whole seconds and has a clock
/// of its own, so that a replacement of the run's first second would seem older than the run, and not be waited for.
#[derive(Debug, Default)]
pub struct Before {
    stood: HashSet<CompactString>,
    /// Those that were not Ready, with when that last changed.
    unready: HashMap<CompactString, Option<Timestamp>>,
}

impl Before {
    /// From the first facts of this process. Where it goes on with a run that began earlier, pods made since may be
    /// replacements.
    #[must_use]
    pub fn of(snapshot: &Snapshot, began: Timestamp) -> Self {
        let began = Timestamp::from_second(began.as_second()).unwrap_or(began);
        let mut before = Self::default();
        for pod in snapshot.pods.iter().filter(|pod| pod.meta.created.is_some_and(|created| created < began)) {
            before.stood.insert(pod.meta.uid.clone());
            if !pod.is_ready() {
                before.unready.insert(pod.meta.uid.clone(), pod.ready_since);
            }
        }
        before
    }
}

/// The facts of one moment.
pub struct World<'a> {
    /// What was read.
    pub snapshot: &'a Snapshot,
    now: Timestamp,
    before: Arc<Before>,
    by_uid: HashMap<&'a str, &'a Pod>,
    owners: HashMap<OwnerKey, OwnerFacts<'a>>,
    budgets: HashMap<(&'a str, &'a str), BudgetStatus>,
    leaving: HashSet<String>,
    /// Which pods stand in which namespace: the list is sorted by it.
    namespaces: HashMap<&'a str, Range<usize>>,
}

/// What is known of an owner.
struct OwnerFacts<'a> {
    workload: Option<&'a Workload>,
    pods: Vec<&'a Pod>,
}

/// How an owner stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    /// The pods that it wants, where that is known.
    pub wanted: Option<i64>,
    /// Of its pods those that are Ready for long enough and stay.
    pub available: i64,
    /// Pods that were not Ready before the run began and never since: nobody can wait for them.
    pub broken: i64,
    /// Pods that were made since and are not available yet.
    pub young: i64,
}

impl<'a> World<'a> {
    /// Looks at the facts.
    #[must_use]
    pub fn new(snapshot: &'a Snapshot, tasks: &[Task], now: Timestamp, before: Arc<Before>) -> Self {
        let controllers = Owners::of(snapshot);
        let workloads: HashMap<_, _> = snapshot
            .workloads
            .iter()
            .map(|it| ((&*it.meta.namespace, it.kind.as_str(), it.meta.name.as_str()), it))
            .collect();
        let mut owners: HashMap<OwnerKey, OwnerFacts<'a>> = HashMap::new();
        for key in tasks.iter().filter_map(|task| task.owner.as_ref()) {
            if !owners.contains_key(key) {
                let workload = workloads.get(&(key.namespace.as_str(), key.kind.as_str(), key.name.as_str())).copied();
                owners.insert(key.clone(), OwnerFacts { workload, pods: Vec::new() });
            }
        }
        let mut by_uid = HashMap::with_capacity(snapshot.pods.len());
        let mut namespaces: HashMap<&str, Range<usize>> = HashMap::new();
        for (at, pod) in snapshot.pods.iter().enumerate() {
            by_uid.insert(pod.meta.uid.as_str(), pod);
            namespaces.entry(&*pod.meta.namespace).or_insert(at..at).end = at + 1;
            let Some(top) = controllers.top(&pod.meta) else { continue };
            let key = OwnerKey {
                namespace: pod.meta.namespace.to_string(),
                kind: top.kind.to_string(),
                name: top.name.to_string(),
            };
            if let Some(owner) = owners.get_mut(&key) {
                owner.pods.push(pod);
            }
        }
        let mut world = Self {
            snapshot,
            now,
            before,
            by_uid,
            owners,
            budgets: HashMap::new(),
            leaving: HashSet::new(),
            namespaces,
        };
        for task in tasks {
            if task.is_leaving() || task.state == State::Noting {
                world.leave(task);
            }
        }
        world
    }

    /// A pod by its UID.
    #[must_use]
    pub fn pod(&self, uid: &str) -> Option<&'a Pod> {
        self.by_uid.get(uid).copied()
    }

    /// Whether a pod is Ready and stays, as far as is known.
    #[must_use]
    pub fn is_ready(&self, pod: &Pod) -> bool {
        pod.is_ready() && !self.leaving.contains(pod.meta.uid.as_str())
    }

    /// Whether a pod is ready for as long as its owner wants.
    #[must_use]
    pub fn is_available(&self, pod: &Pod, min_ready_seconds: i64) -> bool {
        self.is_ready(pod)
            && (min_ready_seconds <= 0
                || pod.ready_since.is_some_and(|since| {
                    since.saturating_add(SignedDuration::from_secs(min_ready_seconds)).is_ok_and(|end| end <= self.now)
                }))
    }

    /// The owners of the run's pods, each with its pods that are Ready and not told to end, and those that it wants.
    pub fn readiness(&self) -> impl Iterator<Item = (&OwnerKey, i64, i64)> {
        self.owners.iter().filter_map(|(key, facts)| {
            let wanted = facts.workload?.replicas;
            let ready = facts.pods.iter().filter(|pod| pod.is_ready() && pod.meta.deleting.is_none()).count();
            Some((key, i64::try_from(ready).unwrap_or(i64::MAX), wanted))
        })
    }

    /// When the first of an owner's pods that is Ready becomes available; none where that needs no waiting.
    #[must_use]
    pub fn next_available(&self, owner: &OwnerKey) -> Option<Timestamp> {
        let facts = self.owners.get(owner)?;
        let seconds = SignedDuration::from_secs(min_ready_seconds(facts));
        facts
            .pods
            .iter()
            .filter(|pod| self.is_ready(pod))
            .filter_map(|pod| pod.ready_since?.checked_add(seconds).ok())
            .filter(|end| *end > self.now)
            .min()
    }

    /// How an owner stands.
    #[must_use]
    pub fn standing(&self, owner: &OwnerKey) -> Standing {
        let Some(facts) = self.owners.get(owner) else {
            return Standing { wanted: None, available: 0, broken: 0, young: 0 };
        };
        let seconds = min_ready_seconds(facts);
        let count = |those: &dyn Fn(&Pod) -> bool| {
            i64::try_from(facts.pods.iter().filter(|pod| those(pod)).count()).unwrap_or(i64::MAX)
        };
        Standing {
            wanted: facts.workload.map(|workload| workload.replicas),
            available: count(&|pod| self.is_available(pod, seconds)),
            broken: count(&|pod| self.is_broken(pod)),
            young: count(&|pod| {
                !self.is_available(pod, seconds)
                    && pod.meta.deleting.is_none()
                    && !pod.is_finished()
                    && !self.before.stood.contains(&pod.meta.uid)
            }),
        }
    }

    /// Whether a pod counts among those that its owner has available.
    #[must_use]
    pub fn counts(&self, owner: &OwnerKey, pod: &Pod) -> bool {
        self.owners.get(owner).is_some_and(|facts| self.is_available(pod, min_ready_seconds(facts)))
    }

    /// Not Ready, and so since before the run.
    fn is_broken(&self, pod: &Pod) -> bool {
        !pod.is_ready()
            && !self.leaving.contains(pod.meta.uid.as_str())
            && !pod.is_finished()
            && pod.meta.deleting.is_none()
            && self.before.unready.get(&pod.meta.uid).is_some_and(|since| *since == pod.ready_since)
    }

    /// Pods of an owner that do not stand as they should, with what is wrong: for the end of a run.
    pub fn not_available(&self, owner: &OwnerKey) -> impl Iterator<Item = &'a Pod> {
        let facts = self.owners.get(owner);
        let seconds = facts.map(min_ready_seconds).unwrap_or_default();
        let pods: Vec<_> = facts.map(|facts| facts.pods.clone()).unwrap_or_default();
        pods.into_iter().filter(move |pod| {
            pod.meta.deleting.is_none()
                && !pod.is_finished()
                && !self.is_available(pod, seconds)
                && !self.is_broken(pod)
        })
    }

    /// The budgets over a pod.
    pub fn budgets_over(&self, pod: &Pod) -> Vec<&'a PodDisruptionBudget> {
        budgets::over(self.snapshot, pod).collect()
    }

    /// Whether the budgets can be seen at all.
    #[must_use]
    pub fn sees_budgets(&self) -> bool {
        self.snapshot.why_unknown(&kinds::POD_DISRUPTION_BUDGETS).is_none()
    }

    /// A budget's status, less what is leaving and does not show in it yet.
    #[must_use]
    pub fn status(&self, budget: &'a PodDisruptionBudget) -> Option<BudgetStatus> {
        let key = (&*budget.meta.namespace, budget.meta.name.as_str());
        self.budgets.get(&key).cloned().or_else(|| budget.status.clone())
    }

    /// How many pods may be missing of what a budget covers, with all of them healthy; at least one.
    #[must_use]
    pub fn most_missing(budget: &PodDisruptionBudget) -> i64 {
        let most = budget.status.as_ref().map(|status| status.expected_pods.saturating_sub(status.desired_healthy));
        i64::from(most.unwrap_or(1).max(1))
    }

    /// Takes a pod out that is asked to go.
    pub fn leave(&mut self, task: &Task) {
        if !self.leaving.insert(task.pod.uid.clone()) {
            return;
        }
        let Some(pod) = self.pod(&task.pod.uid) else { return };
        if !takes_from_budget(pod) {
            return;
        }
        let [budget] = self.budgets_over(pod)[..] else { return };
        let Some(mut status) = self.status(budget) else { return };
        // Once the eviction shows in the status it is in it: as granted, or as a pod that is not healthy any more.
        let shows = task.shown || status.disrupted_pods.contains_key(pod.meta.name.as_str());
        if !shows {
            eviction::take(&mut status, &pod.meta.name, self.now);
            status.disruptions_allowed = status.disruptions_allowed.max(0);
            self.budgets.insert((&*budget.meta.namespace, budget.meta.name.as_str()), status);
        }
    }

    /// Services that send traffic to a pod, each with how many other pods behind it are Ready and stay, how many of
    /// those are on none of these nodes, and how many pods it has in all.
    pub fn peers(&self, pod: &Pod, is_drained: &dyn Fn(&str) -> bool) -> Vec<Peers<'a>> {
        let in_namespace = |service: &&patchkit::snapshot::objects::network::Service| {
            service.meta.namespace == pod.meta.namespace
                && !service.selector.is_empty()
                && service
                    .selector
                    .iter()
                    .all(|(key, value)| pod.meta.labels.get(key).is_some_and(|found| found == value))
        };
        let range = self.namespaces.get(&*pod.meta.namespace).cloned().unwrap_or_default();
        self.snapshot
            .services
            .iter()
            .filter(in_namespace)
            .map(|service| {
                let mut peers = Peers { service: &service.meta.name, ready: 0, elsewhere: 0, all: 0 };
                for other in &self.snapshot.pods[range.clone()] {
                    let behind = service
                        .selector
                        .iter()
                        .all(|(key, value)| other.meta.labels.get(key).is_some_and(|found| found == value));
                    if !behind || other.is_finished() {
                        continue;
                    }
                    peers.all += 1;
                    if other.meta.uid != pod.meta.uid && self.is_ready(other) {
                        peers.ready += 1;
                        peers.elsewhere += usize::from(!is_drained(&other.node));
                    }
                }
                peers
            })
            .collect()
    }
}

/// The pods of a Service beside one of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Peers<'a> {
    /// The Service.
    pub service: &'a str,
    /// Others that are Ready and stay.
    pub ready: usize,
    /// Of these, on nodes that are not drained.
    pub elsewhere: usize,
    /// All pods of the Service, this one among them.
    pub all: usize,
}

/// Whether an eviction of this pod takes from its budget: others bypass it.
fn takes_from_budget(pod: &Pod) -> bool {
    pod.phase == Phase::Running && pod.ready == Some(true)
}

fn min_ready_seconds(facts: &OwnerFacts<'_>) -> i64 {
    facts.workload.map(|workload| workload.min_ready_seconds).unwrap_or_default()
}
