//! Judging every pod and every template of a snapshot.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
};

use patchkit::{
    report::NotEvaluated,
    rules::{Labels, Minor, PodSpec, version::KubeVersion},
    snapshot::{Kind, ServerVersion, Snapshot, kinds},
};

use super::{
    model::{Asked, Options, PodVerdict, Review, Totals},
    namespaces,
    practice::{self, Habit},
};
use crate::{
    pod_security::{Level, NamespacePolicy, PolicyVersion, Subject, Violation, active, evaluate},
    specs::{Specs, is_looked_at},
};

/// The kinds that a review reads of a live cluster: those that the API server's admission looks at, and namespaces.
pub const KINDS: &[Kind] = &[
    kinds::NAMESPACES,
    kinds::PODS,
    kinds::POD_TEMPLATES,
    kinds::REPLICATION_CONTROLLERS,
    kinds::DEPLOYMENTS,
    kinds::STATEFUL_SETS,
    kinds::DAEMON_SETS,
    kinds::REPLICA_SETS,
    kinds::JOBS,
    kinds::CRON_JOBS,
];

/// What the levels say of one specification at one version of the standards.
pub(super) struct Judged {
    pub(super) baseline: Arc<[Violation]>,
    pub(super) restricted: Arc<[Violation]>,
}

impl Judged {
    pub(super) fn at(&self, level: Level) -> Arc<[Violation]> {
        match level {
            Level::Privileged => Arc::from([]),
            Level::Baseline => Arc::clone(&self.baseline),
            Level::Restricted => Arc::clone(&self.restricted),
        }
    }

    pub(super) fn strictest(&self) -> Level {
        if self.restricted.is_empty() {
            Level::Restricted
        } else if self.baseline.is_empty() {
            Level::Baseline
        } else {
            Level::Privileged
        }
    }
}

/// A pod or a template of the snapshot.
#[derive(Clone, Copy)]
pub(super) struct Item<'s> {
    pub(super) namespace: &'s str,
    pub(super) annotations: &'s Arc<Labels>,
    pub(super) spec: &'s Arc<PodSpec>,
    pub(super) is_pod: bool,
}

/// Judges each specification once: thousands of pods share one.
#[derive(Default)]
pub(super) struct Judge {
    known: HashMap<(*const PodSpec, *const Labels, PolicyVersion), Arc<Judged>>,
    habits: HashMap<(*const PodSpec, bool), Arc<[Habit]>>,
}

impl Judge {
    pub(super) fn of(&mut self, item: Item<'_>, version: PolicyVersion) -> Arc<Judged> {
        let key = (Arc::as_ptr(item.spec), Arc::as_ptr(item.annotations), version);
        let judged = self.known.entry(key).or_insert_with(|| {
            let subject = Subject { annotations: item.annotations, spec: item.spec };
            let restricted = evaluate(subject, Level::Restricted, version);
            // What restricted allows, baseline allows.
            let baseline = if restricted.is_empty() { Vec::new() } else { evaluate(subject, Level::Baseline, version) };
            Arc::new(Judged { baseline: baseline.into(), restricted: restricted.into() })
        });
        Arc::clone(judged)
    }

    fn habits(&mut self, spec: &Arc<PodSpec>, drops_are_checked: bool) -> Arc<[Habit]> {
        let key = (Arc::as_ptr(spec), drops_are_checked);
        let habits = self.habits.entry(key).or_insert_with(|| practice::missing(spec, drops_are_checked).into());
        Arc::clone(habits)
    }
}

/// The minor whose behaviour an API server shows: the emulated one where it emulates (KEP-4330).
fn minor_of(server: &ServerVersion) -> Option<Minor> {
    Minor::from_fields(&server.emulation_major, &server.emulation_minor)
        .or_else(|| Some(server.git_version.parse::<KubeVersion>().ok()?.minor()))
}

/// What the API server of a snapshot means by `latest`: the newest version known here where none is told.
#[must_use]
pub fn latest(snapshot: &Snapshot) -> PolicyVersion {
    snapshot.server.as_ref().and_then(minor_of).map_or(PolicyVersion::NEWEST, PolicyVersion::of)
}

/// Judges all that the snapshot holds.
#[must_use]
pub fn review(snapshot: &Snapshot, options: &Options) -> Review {
    let today = latest(snapshot);
    let latest = options.target.unwrap_or(today);
    let mut not_evaluated = snapshot.not_evaluated.clone();
    let asked_version = options.version.unwrap_or(latest);
    for version in BTreeSet::from([latest, asked_version]) {
        if version > PolicyVersion::NEWEST {
            not_evaluated.push(NotEvaluated::new(
                format!("what the standards of {version} forbid beyond those of {}", PolicyVersion::NEWEST),
                "this version of the standards is newer than this program",
            ));
        }
    }
    let policies: BTreeMap<&str, NamespacePolicy> = snapshot
        .namespaces
        .iter()
        .map(|namespace| (namespace.meta.name.as_str(), NamespacePolicy::of(&namespace.meta.labels)))
        .collect();
    let specs = Specs::new(snapshot);
    let is_wanted = |namespace: &str| options.namespace.as_deref().is_none_or(|wanted| wanted == namespace);
    let mut judge = Judge::default();
    let mut unlabelled = BTreeSet::new();
    let mut items = Vec::new();
    let mut verdicts = Vec::new();
    let pods = snapshot.pods.iter().map(|pod| {
        let item =
            Item { namespace: &pod.meta.namespace, annotations: &pod.meta.annotations, spec: &pod.spec, is_pod: true };
        (item, &pod.meta, "Pod", specs.top_of_pod(pod))
    });
    let templates = snapshot.workloads.iter().filter(|workload| is_looked_at(workload)).map(|workload| {
        let item = Item {
            namespace: &workload.meta.namespace,
            annotations: &workload.template_annotations,
            spec: &workload.template,
            is_pod: false,
        };
        (item, &workload.meta, workload.kind.as_str(), specs.top(workload))
    });
    for (item, meta, kind, top) in pods.chain(templates).filter(|(item, ..)| is_wanted(item.namespace)) {
        items.push((item, top.clone()));
        let (level, version) = match options.asked {
            Asked::Level(level) => (level, asked_version),
            Asked::NamespaceLabels => match policies.get(item.namespace) {
                Some(policy) => (policy.enforce.level, policy.enforce.version_at(latest)),
                None => {
                    unlabelled.insert(item.namespace);
                    continue;
                }
            },
        };
        let judged = judge.of(item, version);
        let object = meta.object_ref(kind);
        let habits = if options.standards_only {
            Arc::from([])
        } else {
            let drops_are_checked = active(level, version).any(|check| check.id == "capabilities_restricted");
            judge.habits(item.spec, drops_are_checked)
        };
        let violations = judged.at(level);
        verdicts.push(PodVerdict {
            source: snapshot.source_of(meta),
            owner: Some(top).filter(|top| *top != object),
            object,
            level,
            policy_version: version,
            allowed: violations.is_empty(),
            violations,
            strictest_level: judged.strictest(),
            habits,
        });
    }
    for namespace in unlabelled {
        let what = if namespace.is_empty() {
            "objects without a namespace".to_owned()
        } else {
            format!("the labels of namespace {namespace}")
        };
        let why = snapshot.why_unknown(&kinds::NAMESPACES).unwrap_or_else(|| "it is not in the input".to_owned());
        not_evaluated.push(NotEvaluated::new(what, why));
    }
    let subject = namespaces::Subject { snapshot, options, policies: &policies, items: &items, today, latest };
    let namespaces = namespaces::namespaces(subject, &mut judge);
    let mut totals = Totals::default();
    for verdict in &verdicts {
        let (all, allowed) = if verdict.is_pod() {
            (&mut totals.pods, &mut totals.pods_allowed)
        } else {
            (&mut totals.templates, &mut totals.templates_allowed)
        };
        *all += 1;
        *allowed += usize::from(verdict.allowed);
    }
    Review {
        asked: options.asked,
        latest,
        today,
        pods: verdicts,
        namespaces,
        totals,
        notes: notes(snapshot, options, today),
        not_evaluated,
    }
}

/// What the answer cannot show.
fn notes(snapshot: &Snapshot, options: &Options, today: PolicyVersion) -> Vec<String> {
    let mut notes = Vec::new();
    if !snapshot.namespaces.is_empty() || options.asked == Asked::NamespaceLabels {
        notes.push(
            "exemptions (namespaces, users, runtime classes) and the defaults for namespaces without labels stand in \
             a file of the API server that the API does not show: they are not considered"
                .to_owned(),
        );
    }
    if snapshot.server.is_none() && options.version.is_none() && options.target.is_none() {
        notes.push(format!("the input does not tell the API server's version: latest is taken for {today}"));
    }
    notes
}
