//! A cluster of its own time: just enough of the controllers to see what a run does to it, step by step.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use jiff::{SignedDuration, Timestamp};
use kubectl_drainsafe::{
    drain::{self, Options, Subject, Targets},
    execute::{
        OnFailure,
        event::Kind,
        machine::{Happened, Machine, Now, Outcome, Settings, Todo},
        task::{Choice, How},
    },
};
use patchkit::{
    cluster::{PodRemoval, Removal},
    snapshot::{Kind as Resource, LiveSnapshot, kinds},
};
use serde_json::{Value, json};

/// What makes pods.
#[derive(Clone)]
pub struct Owner {
    pub kind: &'static str,
    pub name: &'static str,
    pub replicas: usize,
    /// Milliseconds from its creation until a pod is ready.
    pub ready_after: u64,
    /// Milliseconds from its deletion until a pod is gone.
    pub grace: u64,
    pub min_ready: u64,
    pub labels: &'static str,
    /// How many of its pods may be missing, where a budget says so.
    pub max_unavailable: Option<usize>,
    /// Its pods may be put on cordoned nodes, and are, on the first one.
    pub tolerates_cordon: bool,
}

impl Owner {
    pub fn deployment(name: &'static str, replicas: usize) -> Self {
        Self {
            kind: "Deployment",
            name,
            replicas,
            ready_after: 3000,
            grace: 5000,
            min_ready: 0,
            labels: name,
            max_unavailable: None,
            tolerates_cordon: false,
        }
    }
}

pub struct Pod {
    pub name: String,
    pub uid: String,
    pub owner: &'static str,
    pub node: String,
    pub created: u64,
    /// Never, for `u64::MAX`.
    pub ready_at: u64,
    pub gone_at: Option<u64>,
    pub grace: u64,
    pub critical: bool,
}

/// What the API server answers instead of what it would.
pub type Fault = Box<dyn FnMut(&PodRemoval) -> Option<Removal>>;

pub struct Sim {
    pub now: u64,
    instant: Instant,
    time: Timestamp,
    pub owners: Vec<Owner>,
    pub pods: Vec<Pod>,
    pub nodes: Vec<&'static str>,
    pub drained: Vec<&'static str>,
    pub services: Vec<&'static str>,
    pub attachments: BTreeMap<String, String>,
    pub options: Options,
    pub on_failure: OnFailure,
    pub fault: Fault,
    /// Which pods were asked to go, when.
    pub asked: Vec<(u64, String)>,
    pub told: Vec<(u64, Kind, String)>,
    /// The lowest number of ready pods of each owner.
    pub lowest: BTreeMap<&'static str, usize>,
    pub scaled: Vec<(u64, i64)>,
    counter: usize,
    /// Stops the run when this many pods were asked to go.
    pub stop_after: usize,
}

impl Sim {
    pub fn new(owners: Vec<Owner>) -> Self {
        Self {
            now: 0,
            instant: Instant::now(),
            time: "2026-11-24T10:00:00Z".parse().unwrap(),
            owners,
            pods: Vec::new(),
            nodes: vec!["old-1", "old-2", "new-1", "new-2"],
            drained: vec!["old-1", "old-2"],
            services: Vec::new(),
            attachments: BTreeMap::new(),
            options: Options { grace_period: -1, ..Options::default() },
            on_failure: OnFailure::Stop,
            fault: Box::new(|_| None),
            asked: Vec::new(),
            told: Vec::new(),
            lowest: BTreeMap::new(),
            scaled: Vec::new(),
            counter: 0,
            stop_after: usize::MAX,
        }
    }

    /// Puts pods of an owner on a node, ready for long.
    pub fn with(mut self, owner: &'static str, node: &str, count: usize) -> Self {
        for _ in 0..count {
            let name = self.next_name(owner);
            self.add(owner, &name, node, 0);
            let pod = self.pods.last_mut().unwrap();
            pod.ready_at = 0;
        }
        self
    }

    /// Begins in the middle of a second, where the cluster writes whole ones.
    pub fn in_mid_second(mut self) -> Self {
        self.time += SignedDuration::from_millis(700);
        self
    }

    fn next_name(&mut self, owner: &str) -> String {
        self.counter += 1;
        format!("{owner}-{}", self.counter)
    }

    fn owner(&self, name: &str) -> Owner {
        self.owners.iter().find(|owner| owner.name == name).unwrap().clone()
    }

    fn add(&mut self, owner: &'static str, name: &str, node: &str, created: u64) {
        let of = self.owner(owner);
        self.counter += 1;
        self.pods.push(Pod {
            name: name.to_owned(),
            uid: format!("uid-{}", self.counter),
            owner,
            node: node.to_owned(),
            created,
            ready_at: created.saturating_add(of.ready_after),
            gone_at: None,
            grace: of.grace,
            critical: false,
        });
    }

    pub fn moment(&self) -> Now {
        let passed = Duration::from_millis(self.now);
        Now { instant: self.instant + passed, time: self.at(self.now) }
    }

    fn at(&self, millis: u64) -> Timestamp {
        self.time + SignedDuration::from_millis(i64::try_from(millis).unwrap())
    }

    fn is_ready(&self, pod: &Pod) -> bool {
        pod.ready_at <= self.now && pod.gone_at.is_none()
    }

    pub fn ready(&self, owner: &str) -> usize {
        self.pods.iter().filter(|pod| pod.owner == owner && self.is_ready(pod)).count()
    }

    fn time_text(&self, millis: u64) -> String {
        self.at(millis).strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
    }

    fn pod_json(&self, pod: &Pod) -> Value {
        let owner = self.owner(pod.owner);
        let (kind, name) = if owner.kind == "Deployment" {
            ("ReplicaSet", format!("{}-set", owner.name))
        } else {
            (owner.kind, owner.name.to_owned())
        };
        // Pods that were there before the run are an hour old.
        let created = if pod.created == 0 { "2026-11-24T09:00:00Z".to_owned() } else { self.time_text(pod.created) };
        let ready = pod.ready_at <= self.now;
        let since = if pod.created == 0 {
            created.clone()
        } else if ready {
            self.time_text(pod.ready_at)
        } else {
            created.clone()
        };
        let mut json = json!({
            "metadata": {"namespace": "n", "name": pod.name, "uid": pod.uid, "labels": {"app": owner.labels},
                         "creationTimestamp": created,
                         "ownerReferences": [{"apiVersion": "apps/v1", "kind": kind, "name": name, "controller": true}]},
            "spec": {"nodeName": pod.node, "terminationGracePeriodSeconds": pod.grace / 1000,
                     "containers": [{"name": "c"}]},
            "status": {"phase": "Running",
                       "conditions": [{"type": "Ready", "status": if ready { "True" } else { "False" }, "lastTransitionTime": since}]}
        });
        if let Some(gone) = pod.gone_at {
            json["metadata"]["deletionTimestamp"] = json!(self.time_text(gone));
        }
        if owner.tolerates_cordon {
            json["spec"]["tolerations"] = json!([{"operator": "Exists"}]);
        }
        if pod.critical {
            json["spec"]["priorityClassName"] = json!("system-cluster-critical");
            json["spec"]["priority"] = json!(2_000_000_000);
        }
        json
    }

    fn budget_json(&self, owner: &Owner) -> Option<Value> {
        let most = owner.max_unavailable?;
        let healthy = self.ready(owner.name);
        let desired = owner.replicas - most;
        Some(json!({
            "metadata": {"namespace": "n", "name": owner.name, "generation": 1},
            "spec": {"maxUnavailable": most, "selector": {"matchLabels": {"app": owner.labels}}},
            "status": {"observedGeneration": 1, "expectedPods": owner.replicas, "currentHealthy": healthy,
                       "desiredHealthy": desired, "disruptionsAllowed": healthy.saturating_sub(desired)}
        }))
    }

    pub fn snapshot(&self) -> LiveSnapshot {
        let mut live = LiveSnapshot::default();
        let mut put = |kind: &Resource, items: Vec<Value>| {
            live.replace(kind, &[json!({"items": items}).to_string()]).unwrap();
        };
        let nodes = self.nodes.iter().map(|name| {
            json!({"metadata": {"name": name, "labels": {"kubernetes.io/hostname": name}},
                   "spec": {"unschedulable": self.drained.contains(name)},
                   "status": {"allocatable": {"cpu": "8", "memory": "32Gi", "pods": "110"},
                              "conditions": [{"type": "Ready", "status": "True"}]}})
        });
        put(&kinds::NODES, nodes.collect());
        put(&kinds::PODS, self.pods.iter().map(|pod| self.pod_json(pod)).collect());
        put(&kinds::POD_DISRUPTION_BUDGETS, self.owners.iter().filter_map(|owner| self.budget_json(owner)).collect());
        let workload = |owner: &Owner| {
            json!({"metadata": {"namespace": "n", "name": owner.name},
                   "spec": {"replicas": owner.replicas, "minReadySeconds": owner.min_ready / 1000,
                            "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1}},
                            "selector": {"matchLabels": {"app": owner.labels}},
                            "template": {"metadata": {"labels": {"app": owner.labels}}, "spec": {"containers": [{"name": "c"}]}}}})
        };
        let of = |kind: &str| -> Vec<Value> {
            self.owners.iter().filter(|owner| owner.kind == kind).map(workload).collect()
        };
        put(&kinds::DEPLOYMENTS, of("Deployment"));
        put(&kinds::STATEFUL_SETS, of("StatefulSet"));
        let sets = self.owners.iter().filter(|owner| owner.kind == "Deployment").map(|owner| {
            json!({"metadata": {"namespace": "n", "name": format!("{}-set", owner.name),
                   "ownerReferences": [{"apiVersion": "apps/v1", "kind": "Deployment", "name": owner.name, "controller": true}]},
                   "spec": {"replicas": owner.replicas}})
        });
        put(&kinds::REPLICA_SETS, sets.collect());
        let services = self
            .services
            .iter()
            .map(|name| json!({"metadata": {"namespace": "n", "name": name}, "spec": {"selector": {"app": name}}}));
        put(&kinds::SERVICES, services.collect());
        let attachments = self.attachments.iter().map(|(volume, node)| {
            json!({"metadata": {"name": format!("at-{volume}")}, "spec": {"attacher": "x", "nodeName": node,
                   "source": {"persistentVolumeName": volume}}, "status": {"attached": true}})
        });
        put(&kinds::VOLUME_ATTACHMENTS, attachments.collect());
        for kind in drain::KINDS {
            if live.facts().why_unknown(kind).is_some() {
                live.replace(kind, &[r#"{"items":[]}"#]).unwrap();
            }
        }
        live
    }

    fn remove(&mut self, removal: &PodRemoval, how: How) -> Removal {
        self.asked.push((self.now, removal.name.clone()));
        if let Some(answer) = (self.fault)(removal) {
            return answer;
        }
        let Some(at) = self.pods.iter().position(|pod| pod.uid == removal.uid) else { return Removal::Gone };
        let owner = self.owner(self.pods[at].owner);
        let ready = self.is_ready(&self.pods[at]);
        if let Some(most) = owner.max_unavailable.filter(|_| ready && how == How::Evict)
            && self.ready(owner.name) <= owner.replicas - most
        {
            return Removal::Budget { message: "no".into(), retry_after: None };
        }
        self.pods[at].gone_at = Some(self.now + self.pods[at].grace);
        if owner.kind == "Deployment" {
            self.replace(owner.name);
        }
        Removal::Granted
    }

    /// A Deployment replaces what is being deleted at once.
    fn replace(&mut self, owner: &'static str) {
        let of = self.owner(owner);
        let alive = self.pods.iter().filter(|pod| pod.owner == owner && pod.gone_at.is_none()).count();
        for _ in alive..of.replicas {
            let name = self.next_name(owner);
            let at = self.now.max(1);
            let node =
                self.nodes.iter().find(|node| of.tolerates_cordon || !self.drained.contains(node)).unwrap().to_owned();
            self.add(owner, &name, node, at);
        }
        // What is too many is taken from the youngest.
        let mut extra = alive.saturating_sub(of.replicas);
        while extra > 0 {
            let youngest = self
                .pods
                .iter_mut()
                .filter(|pod| pod.owner == owner && pod.gone_at.is_none())
                .max_by_key(|pod| pod.created);
            youngest.unwrap().gone_at = Some(self.now);
            extra -= 1;
        }
    }

    fn pass(&mut self, to: u64) {
        self.now = to;
        let gone: Vec<_> = self
            .pods
            .iter()
            .filter(|pod| pod.gone_at.is_some_and(|at| at <= to))
            .map(|pod| (pod.owner, pod.name.clone()))
            .collect();
        self.pods.retain(|pod| pod.gone_at.is_none_or(|at| at > to));
        for (owner, name) in gone {
            // A StatefulSet's pod comes back under its name once it is gone.
            if self.owner(owner).kind == "StatefulSet" {
                self.add(owner, &name, "new-1", to);
            }
        }
    }

    pub fn machine(&self) -> Machine {
        let live = self.snapshot();
        let (options, targets) = (&self.options, Targets::named(self.drained.iter().map(|it| (*it).to_owned())));
        let subject = Subject { snapshot: live.facts(), targets: &targets, options, now: self.time };
        let made = drain::make(subject).unwrap();
        let settings = Settings {
            timeout: options.deadline(),
            pod_selector: options.pod_selector.clone(),
            on_failure: self.on_failure,
            choice: Choice { surge: options.surge_singletons, allow_pending: options.allow_pending },
            grace_period: None,
            skip_wait: 0,
            began: self.time,
        };
        Machine::new(settings, &made.plan, &BTreeMap::new(), self.moment())
    }

    /// Runs a machine to its end.
    pub fn run(&mut self, machine: &mut Machine) -> Outcome {
        for _ in 0..10_000 {
            let live = self.snapshot();
            for owner in &self.owners {
                let ready = self.ready(owner.name);
                let lowest = self.lowest.entry(owner.name).or_insert(ready);
                *lowest = ready.min(*lowest);
            }
            let todo = machine.decide(live.facts(), self.moment());
            let busy = todo.iter().any(|todo| !matches!(todo, Todo::Tell(_)));
            for todo in todo {
                self.act(machine, todo);
            }
            if let Some(outcome) = machine.outcome() {
                return outcome;
            }
            if busy {
                continue;
            }
            let next = self.pods.iter().flat_map(|pod| [Some(pod.ready_at), pod.gone_at]).flatten();
            let wake = machine
                .wake()
                .map(|wake| u64::try_from(wake.duration_since(self.instant).as_micros().div_ceil(1000)).unwrap());
            let next = next.chain(wake).filter(|at| *at > self.now && *at < u64::MAX).min();
            // Nothing more happens by itself: the run would hang.
            let Some(next) = next else {
                panic!("hangs at {} ms: {:#?}", self.now, machine.picture(std::time::Instant::now(), 100))
            };
            assert!(next < 3_600_000, "an hour has passed: {:#?}", machine.picture(std::time::Instant::now(), 100));
            self.pass(next);
        }
        panic!("no end: {:#?}", machine.picture(std::time::Instant::now(), 100));
    }

    fn act(&mut self, machine: &mut Machine, todo: Todo) {
        let happened = match todo {
            Todo::Tell(event) => {
                self.told.push((self.now, event.kind, event.words()));
                return;
            }
            Todo::Pool(todo) => unreachable!("{todo:?} where no pool is updated"),
            Todo::Note(node, _) => Happened::Noted(node, Ok(())),
            Todo::Remove(pod, how) => {
                let removal = self.remove(&pod, how);
                if self.asked.len() >= self.stop_after {
                    machine.happened(
                        Happened::Stop(kubectl_drainsafe::execute::machine::Stop::Interrupted),
                        self.moment(),
                    );
                }
                Happened::Answered(pod.uid, removal)
            }
            Todo::Prove { nodes, .. } => {
                let live = self.snapshot();
                let targets = Targets::named(nodes);
                let subject = Subject {
                    snapshot: live.facts(),
                    targets: &targets,
                    options: &self.options,
                    now: self.moment().time,
                };
                let made = drain::make(subject).unwrap();
                Happened::Proved(Ok(Box::new(made.plan)))
            }
            Todo::List(node) => {
                let uids = self.pods.iter().filter(|pod| pod.node == node).map(|pod| pod.uid.clone()).collect();
                Happened::Listed(node, Ok(uids))
            }
            Todo::Surge(owner, surge) => {
                self.scale(&surge.name, surge.to);
                Happened::Surged(owner, Ok(()))
            }
            Todo::Restore(owner, surge) => {
                self.scale(&surge.name, surge.from);
                Happened::Restored(owner, Ok(()))
            }
        };
        machine.happened(happened, self.moment());
    }

    fn scale(&mut self, name: &str, replicas: i64) {
        self.scaled.push((self.now, replicas));
        let owner = self.owners.iter_mut().find(|owner| owner.name == name).unwrap();
        owner.replicas = usize::try_from(replicas).unwrap();
        let name = owner.name;
        self.replace(name);
    }
}
