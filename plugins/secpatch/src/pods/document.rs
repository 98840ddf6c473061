//! A review for people: grouped, so that thousands of pods fit on a page.

use std::collections::{BTreeMap, BTreeSet};

use patchkit::report::{Block, Cell, Check, CheckStatus, Column, Document, Metadata, ObjectRef, Report, Table, Tone};

use super::{
    findings::findings,
    model::{Asked, NamespaceReview, PodVerdict, Review},
};
use crate::{
    pod_security::{CHECKS, Level},
    words::{count, named},
};

/// The rows of the table of workloads; `-o json` names all.
const MOST_ROWS: usize = 40;

impl Review {
    /// The report.
    #[must_use]
    pub fn report(&self, metadata: Metadata) -> Report {
        let refused = self.pods.iter().filter(|verdict| !verdict.allowed).count();
        let verdict = match (refused, self.not_evaluated.is_empty()) {
            (0, true) => "allowed",
            (0, false) => "not-proven",
            _ => "refused",
        };
        Report::new("PodSecurityReport", metadata, verdict, findings(self), self.not_evaluated.clone())
            .with_section("pods", &self.pods)
            .with_section("namespaces", &self.namespaces)
            .with_section("totals", &self.totals)
            .with_section("latest", &self.latest)
            .with_section("notes", &self.notes)
            .with_checks(self.checks())
            .with_document(self.document(verdict))
    }

    /// Each check with how many violate it.
    fn checks(&self) -> Vec<Check> {
        let violated = by_check(&self.pods);
        let levels: BTreeSet<_> = self.pods.iter().map(|verdict| (verdict.level, verdict.policy_version)).collect();
        let asked: BTreeSet<&str> = levels
            .into_iter()
            .flat_map(|(level, version)| crate::pod_security::active(level, version).map(|check| check.id))
            .collect();
        CHECKS
            .iter()
            .filter(|check| asked.contains(check.id))
            .map(|check| match violated.get(check.id) {
                None => {
                    Check { id: check.id.to_owned(), status: CheckStatus::Pass, evidence: "violated by none".into() }
                }
                Some(group) => Check {
                    id: check.id.to_owned(),
                    status: CheckStatus::Fail,
                    evidence: format!("violated by {}", named(group.workloads.iter().copied())),
                },
            })
            .collect()
    }

    fn document(&self, verdict: &str) -> Document {
        let mut document = Document::default();
        document.heading(1, self.title());
        let tone = match verdict {
            "allowed" => Tone::Good,
            "refused" => Tone::Bad,
            _ => Tone::Notice,
        };
        let of = |allowed: usize, all: usize, noun: &str| format!("{allowed} of {}", count(all, noun));
        let totals = self.totals;
        document.paragraph([Cell::new(
            format!(
                "{} and {} are allowed.",
                of(totals.pods_allowed, totals.pods, "pod"),
                of(totals.templates_allowed, totals.templates, "template")
            ),
            tone,
        )]);
        violated(&mut document, &self.pods);
        workloads(&mut document, &self.pods);
        namespaces(&mut document, &self.namespaces);
        habits(&mut document, &self.pods);
        if !self.notes.is_empty() {
            document.heading(2, "To keep in mind");
            document.push(Block::List(self.notes.iter().map(|note| Cell::from(note.as_str())).collect()));
        }
        document
    }

    fn title(&self) -> String {
        match self.asked {
            Asked::NamespaceLabels => format!("Pod Security: what each namespace enforces (latest is {})", self.latest),
            Asked::Level(level) => {
                let version = self.pods.first().map_or(self.latest, |verdict| verdict.policy_version);
                format!("Pod Security: {level} {version}")
            }
        }
    }
}

/// Who violates one check.
#[derive(Default)]
struct Group<'r> {
    workloads: BTreeSet<&'r ObjectRef>,
    pods: usize,
    level: Option<Level>,
}

fn by_check(verdicts: &[PodVerdict]) -> BTreeMap<&str, Group<'_>> {
    let mut groups: BTreeMap<&str, Group<'_>> = BTreeMap::new();
    for verdict in verdicts {
        for violation in verdict.violations.iter() {
            let group = groups.entry(&violation.check).or_default();
            group.workloads.insert(verdict.top());
            group.pods += usize::from(verdict.is_pod());
            group.level = CHECKS.iter().find(|check| check.id == violation.check).map(|check| check.level);
        }
    }
    groups
}

fn violated(document: &mut Document, verdicts: &[PodVerdict]) {
    let groups = by_check(verdicts);
    if groups.is_empty() {
        return;
    }
    document.heading(2, "What is violated");
    let mut table = Table::new([
        Column::new("CHECK"),
        Column::new("OF LEVEL"),
        Column::new("WORKLOADS").right(),
        Column::new("PODS").right(),
        Column::new("FOR EXAMPLE").wraps(),
    ]);
    for check in CHECKS {
        let Some(group) = groups.get(check.id) else { continue };
        let tone = if group.level == Some(Level::Baseline) { Tone::Bad } else { Tone::Notice };
        table.push([
            Cell::new(check.id, tone),
            Cell::from(check.level.as_str()),
            Cell::from(group.workloads.len().to_string()),
            Cell::from(group.pods.to_string()),
            Cell::from(group.workloads.first().map(|first| first.display()).unwrap_or_default()),
        ]);
    }
    document.push(Block::Table(table));
}

/// A namespace and the checks that are violated in it.
type RowKey<'r> = (&'r str, Vec<&'r str>);

/// Workloads that violate the same checks in the same namespace share a row.
fn workloads(document: &mut Document, verdicts: &[PodVerdict]) {
    let mut of_workload: BTreeMap<&ObjectRef, (BTreeSet<&str>, usize)> = BTreeMap::new();
    for verdict in verdicts.iter().filter(|verdict| !verdict.allowed) {
        let (checks, pods) = of_workload.entry(verdict.top()).or_default();
        checks.extend(verdict.violations.iter().map(|violation| &*violation.check));
        *pods += usize::from(verdict.is_pod());
    }
    if of_workload.is_empty() {
        return;
    }
    let mut rows: BTreeMap<RowKey<'_>, (Vec<&ObjectRef>, usize)> = BTreeMap::new();
    for (workload, (checks, pods)) in of_workload {
        let checks = CHECKS.iter().map(|check| check.id).filter(|id| checks.contains(id)).collect();
        let row = rows.entry((workload.namespace.as_deref().unwrap_or("-"), checks)).or_default();
        row.0.push(workload);
        row.1 += pods;
    }
    document.heading(2, "Who violates it");
    let mut table = Table::new([
        Column::new("NAMESPACE"),
        Column::new("WORKLOADS").right(),
        Column::new("PODS").right(),
        Column::new("NAMES").wraps(),
        Column::new("CHECKS").wraps(),
    ]);
    let mut rows: Vec<_> = rows.into_iter().collect();
    // What violates most stands first.
    rows.sort_by(|((one, more), _), ((other, fewer), _)| (one, fewer.len()).cmp(&(other, more.len())));
    let left_out = rows.len().saturating_sub(MOST_ROWS);
    for ((namespace, checks), (workloads, pods)) in rows.into_iter().take(MOST_ROWS) {
        let short: Vec<String> =
            workloads.iter().map(|object| format!("{}/{}", object.kind.to_lowercase(), object.name)).collect();
        table.push([
            Cell::from(namespace),
            Cell::from(workloads.len().to_string()),
            Cell::from(pods.to_string()),
            Cell::from(crate::words::summary(&short)),
            Cell::from(checks.join(", ")),
        ]);
    }
    document.push(Block::Table(table));
    if left_out > 0 {
        document.text(format!("And {} more; -o json names all.", count(left_out, "row")));
    }
}

fn namespaces(document: &mut Document, namespaces: &[NamespaceReview]) {
    if namespaces.is_empty() {
        return;
    }
    document.heading(2, "What each namespace could enforce");
    let mut table = Table::new([
        Column::new("NAMESPACE"),
        Column::new("ENFORCES"),
        Column::new("COULD ENFORCE"),
        Column::new("PODS").right(),
        Column::new("IN THE WAY OF BASELINE").wraps(),
        Column::new("OF RESTRICTED").wraps(),
        Column::new("WARNS").wide(),
        Column::new("AUDITS").wide(),
    ]);
    for namespace in namespaces {
        let enforces = match namespace.enforce {
            None => Cell::new("not read", Tone::Faint),
            Some(_) if !namespace.labelled => Cell::new("no label", Tone::Faint),
            Some(policy) if namespace.bad_labels.is_empty() => Cell::from(policy.to_string()),
            Some(policy) => Cell::new(format!("{policy} (bad label)"), Tone::Notice),
        };
        let tone = match namespace.could_enforce {
            Level::Restricted => Tone::Good,
            Level::Baseline => Tone::Notice,
            Level::Privileged => Tone::Bad,
        };
        let in_the_way = |level: Level| {
            let found = namespace.breaks.iter().find(|found| found.level == level);
            found.map_or_else(
                || Cell::new("-", Tone::Faint),
                |found| {
                    let what = if found.pods > 0 { (found.pods, "pod") } else { (found.templates, "template") };
                    Cell::from(format!("{}: {}", count(what.0, what.1), found.checks.join(", ")))
                },
            )
        };
        let mode = |policy: Option<crate::pod_security::namespace::ModePolicy>| {
            policy.map_or_else(|| Cell::new("-", Tone::Faint), |policy| Cell::from(policy.to_string()))
        };
        table.push([
            Cell::from(namespace.name.as_str()),
            enforces,
            Cell::new(namespace.could_enforce.as_str(), tone),
            Cell::from(namespace.pods.to_string()),
            in_the_way(Level::Baseline),
            in_the_way(Level::Restricted),
            mode(namespace.warn),
            mode(namespace.audit),
        ]);
    }
    document.push(Block::Table(table));
    for namespace in namespaces {
        if let (Some(enforce), Some(refused)) = (namespace.enforce, &namespace.refused) {
            document.text(format!(
                "{} enforces {enforce} and refuses what is there: {} ({}).",
                namespace.name,
                named(&refused.workloads),
                refused.checks.join(", ")
            ));
        }
        if let Some(refused) = &namespace.refused_at_target {
            document.text(format!(
                "{} will refuse after the update what it allows today: {} ({}).",
                namespace.name,
                named(&refused.workloads),
                refused.checks.join(", ")
            ));
        }
    }
}

fn habits(document: &mut Document, verdicts: &[PodVerdict]) {
    let mut groups: BTreeMap<&str, (&str, Group<'_>)> = BTreeMap::new();
    for verdict in verdicts {
        for habit in verdict.habits.iter() {
            let (_, group) = groups.entry(habit.kind.id).or_insert_with(|| (habit.kind.title, Group::default()));
            group.workloads.insert(verdict.top());
            group.pods += usize::from(verdict.is_pod());
        }
    }
    if groups.is_empty() {
        return;
    }
    document.heading(2, "Beyond the standards");
    let mut table = Table::new([
        Column::new("PRACTICE"),
        Column::new("WORKLOADS").right(),
        Column::new("PODS").right(),
        Column::new("WHAT").wraps(),
    ]);
    for (id, (title, group)) in groups {
        table.push([
            Cell::from(id),
            Cell::from(group.workloads.len().to_string()),
            Cell::from(group.pods.to_string()),
            Cell::from(title),
        ]);
    }
    document.push(Block::Table(table));
}
