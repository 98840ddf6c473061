//! Putting the table together.

use std::collections::BTreeSet;

use patchkit::{
    report::{CheckStatus, Finding, NotEvaluated, ObjectRef},
    snapshot::{Kind, kinds},
};

use super::{
    catalogue::{CheckKind, checks},
    checks::Look,
    exceptions::Exceptions,
    model::{CheckLine, Excepted, Posture},
    outcome::{Found, Outcome, of_check, whys},
    own::Own,
    server::ServerFlags,
};
use crate::{
    subject::Subject,
    words::{count, named},
};

/// What every look at a cluster rests on: who provides it, its pools, and its own components.
const ALWAYS: [Kind; 4] = [kinds::NODES, kinds::PODS, kinds::CONFIG_MAPS, kinds::CUSTOM_RESOURCE_DEFINITIONS];

/// Which checks are wanted.
#[derive(Clone, Debug, Default)]
pub struct Wanted {
    /// Identifiers of those that are left out.
    pub skip: BTreeSet<&'static str>,
}

impl Wanted {
    /// The checks, in their order.
    pub fn checks(&self) -> impl Iterator<Item = &'static CheckKind> {
        checks().filter(|check| !self.skip.contains(check.id))
    }

    /// The kinds that they read of a live cluster: nothing is asked for that no check needs.
    #[must_use]
    pub fn kinds(&self) -> Vec<Kind> {
        let mut kinds = ALWAYS.to_vec();
        for kind in self.checks().flat_map(|check| check.kinds).flat_map(|list| list.iter()) {
            if !kinds.contains(kind) {
                kinds.push(*kind);
            }
        }
        kinds
    }

    /// Whether the metadata of token Secrets is asked for.
    #[must_use]
    pub fn asks_for_token_secrets(&self) -> bool {
        !self.skip.contains("credentials-token-secrets")
    }
}

/// What is wanted of a run.
#[derive(Debug, Default)]
pub struct Options {
    /// Which checks.
    pub wanted: Wanted,
    /// What is accepted.
    pub exceptions: Exceptions,
}

/// Runs the checks.
#[must_use]
pub fn make(subject: Subject<'_>, own: &Own, options: Options) -> Posture {
    let Options { wanted, mut exceptions } = options;
    let look = Look { subject, snapshot: subject.snapshot, own, server: ServerFlags::of(subject) };
    let mut posture = Posture {
        checks: Vec::new(),
        findings: Vec::new(),
        not_evaluated: subject.snapshot.not_evaluated.clone(),
        skipped: checks().map(|check| check.id).filter(|id| wanted.skip.contains(id)).collect(),
        exceptions: Vec::new(),
    };
    let mut judged = BTreeSet::new();
    for check in wanted.checks() {
        let mut outcome = (check.run)(&look);
        let excepted = exceptions.take(check.id, &mut outcome.found, subject.today);
        if outcome.gaps.is_empty() {
            judged.insert(check.id);
        }
        posture.not_evaluated.extend(of_check(check.id, &outcome.gaps));
        posture.findings.extend(outcome.found.iter().map(|found| finding(check, found)));
        posture.checks.push(line(check, outcome, excepted));
    }
    posture.exceptions = exceptions.lines(subject.today, |id| judged.contains(id));
    posture.findings.extend(exceptions.findings(&posture.exceptions));
    merge_gaps(&mut posture.not_evaluated);
    posture
}

fn finding(check: &CheckKind, found: &Found) -> Finding {
    let mut finding = Finding::new(check.id, found.severity.unwrap_or(check.severity), found.detail.clone())
        .with_source(found.source.clone())
        .with_evidence("check", check.title);
    if !check.cis.is_empty() {
        finding = finding.with_evidence("cis", check.cis.to_vec());
    }
    if !check.nsa.is_empty() {
        finding = finding.with_evidence("nsa", check.nsa.to_vec());
    }
    if let Some(object) = &found.object {
        finding = finding.with_object(object.clone());
    }
    finding.with_hint(check.hint).with_link(check.link)
}

fn line(check: &'static CheckKind, outcome: Outcome, excepted: Vec<Excepted>) -> CheckLine {
    let worst = outcome.found.iter().map(|found| found.severity.unwrap_or(check.severity)).max();
    let status = if !outcome.found.is_empty() {
        check.status
    } else if outcome.gaps.is_empty() {
        CheckStatus::Pass
    } else {
        CheckStatus::Unknown
    };
    let evidence = evidence(&outcome, excepted.len());
    let mut objects: Vec<ObjectRef> = outcome.found.into_iter().filter_map(|found| found.object).collect();
    objects.sort();
    objects.dedup();
    CheckLine {
        id: check.id,
        title: check.title,
        status,
        severity: worst.unwrap_or(check.severity),
        evidence,
        objects,
        excepted,
        cis: check.cis,
        nsa: check.nsa,
        hint: check.hint,
        links: [check.link],
    }
}

/// What was found, or what was looked at, and what was not seen.
fn evidence(outcome: &Outcome, excepted: usize) -> String {
    let number = outcome.found.len();
    let mut parts = Vec::new();
    match &outcome.counted {
        _ if number == 0 => parts.extend((!outcome.passed.is_empty()).then(|| outcome.passed.clone())),
        Some((of, wrong)) => {
            let names = named(outcome.found.iter().filter_map(|found| found.object.as_ref()));
            parts.push(format!("{number} of {of} {wrong}: {names}"));
        }
        None => {
            let mut details: Vec<&str> = outcome.found.iter().map(|found| found.detail.as_str()).collect();
            details.dedup();
            let more = details.len().saturating_sub(2);
            let more = if more > 0 { format!(" and {more} more") } else { String::new() };
            parts.push(format!("{}{more}", details[..details.len().min(2)].join("; ")));
        }
    }
    if excepted > 0 {
        parts.push(format!("{} excepted", count(excepted, "case")));
    }
    // A pass that rests on half of the facts is none, and its figures would only look like one.
    if !outcome.gaps.is_empty() {
        if number == 0 {
            parts.retain(|part| part.ends_with("excepted"));
        }
        let whys = whys(outcome.gaps.iter());
        parts.push(if number == 0 { whys } else { format!("not all was seen: {whys}") });
    }
    parts.join("; ")
}

/// Checks that lack the same are named together.
fn merge_gaps(gaps: &mut Vec<NotEvaluated>) {
    let mut merged: Vec<NotEvaluated> = Vec::new();
    for gap in gaps.drain(..) {
        let id = gap.what.strip_prefix("the check ");
        let same = merged
            .iter_mut()
            .find(|known| known.why == gap.why && known.hidden == gap.hidden && known.what.starts_with("the check"));
        match (id, same) {
            (Some(id), Some(known)) => {
                let first = known.what.strip_prefix("the checks ").or(known.what.strip_prefix("the check "));
                known.what = format!("the checks {}, {id}", first.unwrap_or_default());
            }
            _ => merged.push(gap),
        }
    }
    *gaps = merged;
}

impl Posture {
    /// The worst that a check says; `not-proven` where nothing was found and not all was seen.
    #[must_use]
    pub fn verdict(&self) -> &'static str {
        let has = |status: CheckStatus| self.checks.iter().any(|check| check.status == status);
        if has(CheckStatus::Fail) {
            "fails"
        } else if has(CheckStatus::Warn) {
            "warnings"
        } else if has(CheckStatus::Unknown) || self.not_evaluated.iter().any(|it| !it.hidden) {
            "not-proven"
        } else {
            "passes"
        }
    }

    /// How many checks have this status.
    #[must_use]
    pub fn number(&self, status: CheckStatus) -> usize {
        self.checks.iter().filter(|check| check.status == status).count()
    }
}
