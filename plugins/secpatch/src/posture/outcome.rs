//! What one check gives, before exceptions are taken from it.

use std::collections::BTreeSet;

use patchkit::{
    report::{NotEvaluated, ObjectRef, Severity, SourceRef},
    snapshot::{Coverage, Kind, Snapshot, objects::Meta},
};

/// Something that a check has found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Found {
    /// What it is about; `None` for what concerns the cluster as a whole.
    pub(super) object: Option<ObjectRef>,
    /// Where that stands in the input files.
    pub(super) source: Option<SourceRef>,
    /// What is wrong, in one line.
    pub(super) detail: String,
    /// Where it matters more or less than the check in general.
    pub(super) severity: Option<Severity>,
}

impl Found {
    /// About the cluster as a whole.
    pub(super) fn told(detail: impl Into<String>) -> Self {
        Self { object: None, source: None, detail: detail.into(), severity: None }
    }

    /// About an object of this kind.
    pub(super) fn about(snapshot: &Snapshot, kind: &str, meta: &Meta, detail: impl Into<String>) -> Self {
        Self { object: Some(meta.object_ref(kind)), source: snapshot.source_of(meta), ..Self::told(detail) }
    }

    pub(super) fn of_severity(self, severity: Severity) -> Self {
        Self { severity: Some(severity), ..self }
    }
}

/// What a check could not see.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Gap {
    /// Why.
    pub(super) why: String,
    /// Nobody is shown it: see [`NotEvaluated::hidden`].
    pub(super) hidden: bool,
}

impl Gap {
    pub(super) fn new(why: impl Into<String>) -> Self {
        Self { why: why.into(), hidden: false }
    }

    pub(super) fn hidden(why: impl Into<String>) -> Self {
        Self { why: why.into(), hidden: true }
    }
}

const NONE_IN_INPUT: &str = "the input holds no ";

/// Why, in one line: what the input does not hold is named together.
pub(super) fn whys<'g>(gaps: impl Iterator<Item = &'g Gap>) -> String {
    let whys: BTreeSet<&str> = gaps.map(|gap| gap.why.as_str()).collect();
    let (absent, others): (Vec<&str>, Vec<&str>) = whys.into_iter().partition(|why| why.starts_with(NONE_IN_INPUT));
    let absent: Vec<&str> = absent.into_iter().map(|why| &why[NONE_IN_INPUT.len()..]).collect();
    let absent = (!absent.is_empty()).then(|| format!("{NONE_IN_INPUT}{}", absent.join(", ")));
    others.into_iter().map(str::to_owned).chain(absent).collect::<Vec<_>>().join("; ")
}

/// What a check could not see, for the report: what is shown to nobody apart from the rest.
pub(super) fn of_check(id: &str, gaps: &[Gap]) -> Vec<NotEvaluated> {
    [false, true]
        .into_iter()
        .filter(|hidden| gaps.iter().any(|gap| gap.hidden == *hidden))
        .map(|hidden| NotEvaluated {
            what: format!("the check {id}"),
            why: whys(gaps.iter().filter(|gap| gap.hidden == hidden)),
            hidden,
        })
        .collect()
}

/// What one check gives.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Outcome {
    /// What it has found.
    pub(super) found: Vec<Found>,
    /// The number of all that were looked at, with their noun, and what is wrong with those that were found; `None`
    /// where each that was found tells it itself.
    pub(super) counted: Option<(String, String)>,
    /// The evidence where nothing was found.
    pub(super) passed: String,
    /// What it could not see. Without any of it nothing found is a pass.
    pub(super) gaps: Vec<Gap>,
}

impl Outcome {
    /// Of what tells by itself what is wrong.
    pub(super) fn told(found: Vec<Found>, passed: impl Into<String>) -> Self {
        Self { found, passed: passed.into(), ..Self::default() }
    }

    /// Of some of many: `3 of 12 namespaces` and what is wrong with them.
    pub(super) fn counted(found: Vec<Found>, of: impl Into<String>, wrong: impl Into<String>) -> Self {
        let of = of.into();
        Self { found, passed: format!("{of} looked at"), counted: Some((of, wrong.into())), gaps: Vec::new() }
    }

    /// Nothing could be seen.
    pub(super) fn unseen(gap: Gap) -> Self {
        Self { gaps: vec![gap], ..Self::default() }
    }

    /// Adds what could not be seen.
    pub(super) fn with_gaps(mut self, gaps: impl IntoIterator<Item = Gap>) -> Self {
        self.gaps.extend(gaps);
        self
    }

    /// For checks that find what has none of these: where they were not read, it cannot be told who has none.
    pub(super) fn proven_by(mut self, snapshot: &Snapshot, kinds: &[Kind]) -> Self {
        let gaps: Vec<Gap> = kinds.iter().filter_map(|kind| unread(snapshot, kind)).collect();
        if !gaps.is_empty() {
            self.found.clear();
        }
        self.with_gaps(gaps)
    }

    /// Adds why objects of these kinds were not read, of those that were not.
    pub(super) fn needing(self, snapshot: &Snapshot, kinds: &[Kind]) -> Self {
        self.with_gaps(kinds.iter().filter_map(|kind| unread(snapshot, kind)))
    }
}

/// Why objects of a kind were not read; `None` where they were.
pub(super) fn unread(snapshot: &Snapshot, kind: &Kind) -> Option<Gap> {
    snapshot.why_unknown(kind).map(|why| named(kind, &why))
}

/// The same for objects that only soften what is found: files need not hold any.
pub(super) fn denied(snapshot: &Snapshot, kind: &Kind) -> Option<Gap> {
    match snapshot.coverage(kind) {
        Coverage::Denied(why) => Some(named(kind, &why)),
        _ => None,
    }
}

fn named(kind: &Kind, why: &str) -> Gap {
    // "the input holds no pods" names them already.
    if why.contains(kind.plural) { Gap::new(why) } else { Gap::new(format!("{}: {why}", kind.resource())) }
}
