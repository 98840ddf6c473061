//! What `fit` says of many pods: the report, and its layout for people.

use std::{collections::BTreeMap, sync::Mutex, thread};

use patchkit::{
    report::{
        Block, Cell, Column, Document, Finding, Metadata, NotEvaluated, ObjectRef, Report, Severity, SourceRef, Table,
        Tone, words::summary,
    },
    snapshot::Snapshot,
};

use super::{
    candidate::{Candidate, waits_for_a_node},
    filter::Filter,
    index::Index,
    known::missing_in_files,
    verdict::{Verdict, verdict},
};

/// With so few pods each node is told on a line of its own.
const DETAILED: usize = 3;

/// The verdicts with everything that goes into their report.
#[derive(Debug, Default)]
pub struct Judged {
    /// By namespace and name.
    pub pods: Vec<Verdict>,
    /// What was found.
    pub findings: Vec<Finding>,
    /// What could not be looked at.
    pub not_evaluated: Vec<NotEvaluated>,
}

/// The pods that have no node and wait for one, by their place in the snapshot.
#[must_use]
pub fn waiting(snapshot: &Snapshot, namespace: Option<&str>) -> Vec<usize> {
    let is_asked = |pod: &&patchkit::snapshot::objects::pod::Pod| {
        waits_for_a_node(pod) && namespace.is_none_or(|it| *super::candidate::namespace_of(&pod.meta.namespace) == *it)
    };
    snapshot.pods.iter().enumerate().filter(|(_, pod)| is_asked(pod)).map(|(number, _)| number).collect()
}

/// Judges pods of the snapshot, given by their place there, each by itself: one that runs is taken off its node first.
#[must_use]
pub fn judge(snapshot: &Snapshot, pods: &[usize]) -> Judged {
    let index = Index::new(snapshot);
    let judged = all_of(&index, pods);
    let mut result = Judged { not_evaluated: snapshot.not_evaluated.clone(), ..Judged::default() };
    for (number, verdict, missing) in judged {
        let pod = &snapshot.pods[number];
        let path = format!("{}/{}", verdict.namespace, verdict.name);
        if let Some(why) = &verdict.not_evaluated {
            result.not_evaluated.push(NotEvaluated::new(format!("pod {path}"), why));
        } else if verdict.feasible.is_empty() {
            let object = ObjectRef { namespace: Some(verdict.namespace.clone()), ..pod.meta.object_ref("Pod") };
            result.findings.push(fits_nowhere(&verdict, object, snapshot.source_of(&pod.meta)));
        }
        result.not_evaluated.extend(missing);
        result.pods.push(verdict);
    }
    result.pods.sort_by(|a, b| (&a.namespace, &a.name).cmp(&(&b.namespace, &b.name)));
    result
}

type One = (usize, Verdict, Vec<NotEvaluated>);

/// The verdicts on several threads: pods that are judged by themselves do not wait for each other.
fn all_of(index: &Index<'_>, pods: &[usize]) -> Vec<One> {
    let threads = thread::available_parallelism().map_or(1, usize::from).min(pods.len()).max(1);
    let done: Mutex<Vec<One>> = Mutex::new(Vec::with_capacity(pods.len()));
    thread::scope(|scope| {
        for share in pods.chunks(pods.len().div_ceil(threads).max(1)) {
            scope.spawn(|| {
                let mut own: Option<Index<'_>> = None;
                let judged: Vec<One> = share.iter().map(|number| one(index, &mut own, *number)).collect();
                done.lock().unwrap_or_else(std::sync::PoisonError::into_inner).extend(judged);
            });
        }
    });
    done.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner)
}

fn one<'s>(index: &Index<'s>, own: &mut Option<Index<'s>>, number: usize) -> One {
    let candidate = Candidate::of_pod(&index.snapshot().pods[number]);
    if index.placed(number).is_none() {
        return (number, verdict(index, &candidate), missing_in_files(index, &candidate));
    }
    // Only a thread that judges a running pod needs an index of its own, and puts the pod back afterwards.
    let own = own.get_or_insert_with(|| index.clone());
    if let Some(placed) = own.placed(number) {
        own.remove(placed);
    }
    let judged = (number, verdict(own, &candidate), missing_in_files(own, &candidate));
    own.put_back(number);
    judged
}

fn fits_nowhere(verdict: &Verdict, object: ObjectRef, source: Option<SourceRef>) -> Finding {
    let by_filter = by_filter(verdict);
    let title = match verdict.rejected.as_slice() {
        [] => "there is no node that it could go to".to_owned(),
        _ => format!("no node takes it: {}", in_words(&by_filter)),
    };
    let mut finding = Finding::new("fits-nowhere", Severity::High, title).with_object(object).with_source(source);
    for (filter, count) in by_filter {
        finding = finding.with_evidence(filter.as_str(), count);
    }
    finding
}

/// How many nodes each filter rejects, in the order of the filters.
fn by_filter(verdict: &Verdict) -> BTreeMap<Filter, usize> {
    let mut counts = BTreeMap::new();
    for rejected in &verdict.rejected {
        *counts.entry(rejected.filter).or_default() += 1;
    }
    counts
}

fn in_words(counts: &BTreeMap<Filter, usize>) -> String {
    counts.iter().map(|(filter, count)| format!("{filter} {count}")).collect::<Vec<_>>().join(", ")
}

impl Judged {
    /// `fits`, `fits-nowhere` (some pod has no node), `cannot-tell` (some pod was not judged), `no-pods`.
    #[must_use]
    pub fn verdict(&self) -> &'static str {
        if !self.findings.is_empty() {
            "fits-nowhere"
        } else if self.pods.iter().any(|pod| pod.not_evaluated.is_some()) {
            "cannot-tell"
        } else if self.pods.is_empty() {
            "no-pods"
        } else {
            "fits"
        }
    }

    /// The report.
    #[must_use]
    pub fn report(self, metadata: Metadata) -> Report {
        let (verdict, document) = (self.verdict(), document(&self.pods));
        Report::new("FitReport", metadata, verdict, self.findings, self.not_evaluated)
            .with_section("pods", &self.pods)
            .with_document(document)
    }
}

fn document(pods: &[Verdict]) -> Document {
    let mut document = Document::default();
    document.heading(1, "Where the pods could go");
    if pods.is_empty() {
        document.text("No pod waits for a node.");
        return document;
    }
    if pods.len() <= DETAILED {
        pods.iter().for_each(|pod| detailed(&mut document, pod));
        return document;
    }
    let mut table = Table::new([
        Column::new("NAMESPACE"),
        Column::new("POD").wraps(),
        Column::new("FITS").right(),
        Column::new("NODES").wraps(),
        Column::new("REJECTED BY").wraps(),
        Column::new("FIRST REASON").wide().wraps(),
    ]);
    for pod in pods {
        let of = pod.feasible.len() + pod.rejected.len();
        let (fits, tone) = match &pod.not_evaluated {
            Some(_) => ("?".to_owned(), Tone::Notice),
            None if pod.feasible.is_empty() => (format!("0/{of}"), Tone::Bad),
            None => (format!("{}/{of}", pod.feasible.len()), Tone::Good),
        };
        let rejected = pod.not_evaluated.clone().unwrap_or_else(|| in_words(&by_filter(pod)));
        let first = pod.rejected.first().map(|it| format!("{}: {}", it.node, it.rejection.reason));
        table.push([
            Cell::from(pod.namespace.as_str()),
            Cell::from(pod.name.as_str()),
            Cell::new(fits, tone),
            Cell::from(if pod.feasible.is_empty() { String::new() } else { summary(&pod.feasible) }),
            Cell::from(rejected),
            Cell::from(first.unwrap_or_default()),
        ]);
    }
    document.push(Block::Table(table));
    document
}

fn detailed(document: &mut Document, pod: &Verdict) {
    document.heading(2, format!("{}/{}", pod.namespace, pod.name));
    if let Some(why) = &pod.not_evaluated {
        document.paragraph([Cell::new(format!("Not evaluated: {why}"), Tone::Notice)]);
        return;
    }
    let of = pod.feasible.len() + pod.rejected.len();
    let (words, tone) = match pod.feasible.len() {
        0 => (format!("None of {of} nodes takes it."), Tone::Bad),
        fits => (format!("{fits} of {of} nodes take it."), Tone::Good),
    };
    document.paragraph([Cell::new(words, tone)]);
    if of == 0 {
        return;
    }
    let mut table = Table::new([Column::new("NODE"), Column::new("FILTER"), Column::new("REASON").wraps()]);
    for node in &pod.feasible {
        table.push([Cell::from(node.as_str()), Cell::new("fits", Tone::Good), Cell::from("")]);
    }
    for rejected in &pod.rejected {
        table.push([
            Cell::from(rejected.node.as_str()),
            Cell::new(rejected.filter.as_str(), Tone::Bad),
            Cell::from(rejected.rejection.reason.to_string()),
        ]);
    }
    document.push(Block::Table(table));
}
