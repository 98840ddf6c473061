//! The plan laid out for people: the same content in a terminal and as a runbook in markdown.

use patchkit::{
    report::{Block, Cell, CheckStatus, ChecklistItem, Column, Document, Table, Tone},
    rules::version::KubeVersion,
};

use super::model::{ChangeAnswer, ChecklistLine, ComponentLine, Hop, HopKind, Plan, Rehearsal, Step, Touched};
use crate::{
    cves::{self, CveHere, Holds},
    words::{count, summary},
};

/// Lays the plan out.
#[must_use]
pub fn document(plan: &Plan) -> Document {
    let mut document = Document::default();
    document.heading(1, title(plan));
    document.text(format!("Target: {}", plan.target_reason));
    components(&mut document, &plan.components);
    urgent(&mut document, &plan.urgent);
    hops(&mut document, &plan.hops);
    checklist(&mut document, &plan.checklist);
    if let Some(rehearsal) = &plan.rehearsal {
        rehearsed(&mut document, rehearsal);
    }
    steps(&mut document, &plan.steps);
    document
}

fn title(plan: &Plan) -> String {
    let current = plan.current.as_deref().unwrap_or("an unknown version");
    let emulated = plan.emulated.as_ref().map(|minor| format!(" (emulating {minor})")).unwrap_or_default();
    match &plan.target {
        Some(target) if plan.hops.is_empty() && plan.current.as_deref().is_some_and(|it| same(it, target)) => {
            format!("Kubernetes {current}{emulated} on {}: the control plane is at its target", plan.provider)
        }
        Some(target) => format!("Kubernetes {current}{emulated} to {target} on {}", plan.provider),
        None => format!("Kubernetes {current}{emulated} on {}: no target", plan.provider),
    }
}

fn same(a: &str, b: &str) -> bool {
    let upstream = |text: &str| text.parse::<KubeVersion>().ok().map(|version| version.upstream());
    upstream(a).is_some() && upstream(a) == upstream(b)
}

fn components(document: &mut Document, lines: &[ComponentLine]) {
    document.heading(2, "Where the cluster stands");
    if lines.is_empty() {
        document.text("No component's version is visible.");
        return;
    }
    let mut table = Table::new([
        Column::new("COMPONENT"),
        Column::new("VERSION"),
        Column::new("PLACES").right(),
        Column::new("SUPPORTED UNTIL"),
        Column::new("DAYS").right(),
        Column::new("LATEST PATCH"),
        Column::new("SKEW").wraps(),
        Column::new("WHERE").wide().wraps(),
    ]);
    for line in lines {
        let days = line.provider_days_left.or(line.days_left);
        let end = line.provider_end_of_life.as_deref().or(line.end_of_life.as_deref());
        let tone = match days {
            _ if line.support == "extended" => Tone::Notice,
            Some(days) if days < 0 => Tone::Bad,
            Some(days) if days < super::support::SOON_DAYS => Tone::Notice,
            Some(_) => Tone::Good,
            None => Tone::Faint,
        };
        let skew =
            if line.skew.is_empty() { Cell::new("-", Tone::Faint) } else { Cell::new(line.skew.join("; "), Tone::Bad) };
        let until = match end {
            Some(end) if line.support == "extended" => format!("{end} (extended)"),
            Some(end) => end.to_owned(),
            None => "no calendar".to_owned(),
        };
        let version = if line.vendor { format!("{} (vendor)", line.version) } else { line.version.clone() };
        table.push([
            Cell::from(line.component.as_str()),
            Cell::from(version),
            Cell::from(line.count.to_string()),
            Cell::new(until, tone),
            Cell::new(days.map_or_else(|| "-".to_owned(), |days| days.to_string()), tone),
            Cell::from(line.latest_patch.as_deref().unwrap_or("-")),
            skew,
            Cell::from(line.places.join(", ")),
        ]);
    }
    document.push(Block::Table(table));
    if lines.iter().any(|line| line.vendor) {
        document.text("A vendor's version may hold fixes of later patches: compare its release notes.");
    }
}

fn urgent(document: &mut Document, cves: &[CveHere]) {
    document.heading(2, "What is urgent");
    if cves.is_empty() {
        document.text("No known CVE touches the versions that are visible.");
        return;
    }
    document.push(Block::Table(cves::table(cves)));
}

fn hops(document: &mut Document, hops: &[Hop]) {
    document.heading(2, "The hops of the control plane");
    if hops.is_empty() {
        document.text("None: the control plane is at the target.");
        return;
    }
    let mut table = Table::new([
        Column::new("HOP").right(),
        Column::new("FROM"),
        Column::new("TO"),
        Column::new("FIXES").right(),
        Column::new("REMOVED APIS").right(),
        Column::new("CHANGES TOUCHED").right(),
        Column::new("CANNOT TELL").right(),
        Column::new("KUBELETS FIRST").right(),
    ]);
    for (index, hop) in hops.iter().enumerate() {
        let count = |touched: Touched| hop.changes.iter().filter(|change| change.touched == touched).count();
        let number = |count: usize, tone: Tone| {
            if count == 0 { Cell::new("-", Tone::Faint) } else { Cell::new(count.to_string(), tone) }
        };
        let in_use = hop.removes.iter().filter(|removed| is_used(removed)).count();
        let removed = if hop.removes.is_empty() {
            Cell::new("-", Tone::Faint)
        } else {
            let tone = if in_use > 0 { Tone::Bad } else { Tone::Plain };
            Cell::new(format!("{} ({in_use} in use)", hop.removes.len()), tone)
        };
        let to = match (hop.kind, hop.provisional) {
            (HopKind::Emulation, _) => format!("{} (emulation)", hop.to),
            (_, true) => format!("{} (provisional)", hop.to),
            _ => hop.to.clone(),
        };
        table.push([
            Cell::from((index + 1).to_string()),
            Cell::from(hop.from.as_str()),
            Cell::from(to),
            number(hop.fixes.len(), Tone::Good),
            removed,
            number(count(Touched::Yes), Tone::Bad),
            number(count(Touched::CannotTell), Tone::Notice),
            number(hop.kubelets_first.len(), Tone::Bad),
        ]);
    }
    document.push(Block::Table(table));
    for (index, hop) in hops.iter().enumerate() {
        one_hop(document, index + 1, hop);
    }
}

fn is_used(removed: &super::model::RemovedApi) -> bool {
    !removed.users.is_empty() || removed.called == Some(true)
}

/// What a person must know of one hop; nothing is said of a hop that nothing is to be known of.
fn one_hop(document: &mut Document, number: usize, hop: &Hop) {
    let used: Vec<_> = hop.removes.iter().filter(|removed| is_used(removed)).collect();
    let touched: Vec<&ChangeAnswer> = hop.changes.iter().filter(|change| change.touched == Touched::Yes).collect();
    let unknown: Vec<&ChangeAnswer> =
        hop.changes.iter().filter(|change| change.touched == Touched::CannotTell).collect();
    if used.is_empty()
        && touched.is_empty()
        && unknown.is_empty()
        && hop.kubelets_first.is_empty()
        && hop.fixes.is_empty()
    {
        return;
    }
    document.heading(3, format!("Hop {number}: {} to {}", hop.from, hop.to));
    let mut items = Vec::new();
    if !hop.kubelets_first.is_empty() {
        items.push(ChecklistItem {
            status: CheckStatus::Fail,
            title: "kubelets that are too old for it must move first".to_owned(),
            details: vec![summary(&hop.kubelets_first)],
        });
    }
    for removed in used {
        let replacement = removed.replacement.as_deref().unwrap_or("nothing takes its place");
        let mut details: Vec<String> = removed
            .users
            .iter()
            .take(5)
            .map(|user| {
                let place = user.source.as_ref().map(|source| format!(" ({}:{})", source.file, source.line));
                let manager = user.manager.as_ref().map(|manager| format!(", by {manager}")).unwrap_or_default();
                format!("{}{}{manager}", user.object.display(), place.unwrap_or_default())
            })
            .collect();
        if removed.users.len() > 5 {
            details.push(format!("and {} more", removed.users.len() - 5));
        }
        if removed.called == Some(true) {
            details.push("the API server has counted calls on it since it started".to_owned());
        }
        items.push(ChecklistItem {
            status: CheckStatus::Fail,
            title: format!("{} {} is gone: {replacement}", removed.api_version, removed.kind),
            details,
        });
    }
    for change in touched.iter().chain(&unknown) {
        let status = if change.touched == Touched::Yes { CheckStatus::Warn } else { CheckStatus::Unknown };
        let provisional = if change.provisional { " (provisional)" } else { "" };
        items.push(ChecklistItem {
            status,
            title: format!("{}: {}{provisional}", change.component, change.fact),
            details: vec![change.evidence.clone(), format!("do: {} ({})", change.action, change.source)],
        });
    }
    if !items.is_empty() {
        document.push(Block::Checklist(items));
    }
    if !hop.fixes.is_empty() {
        document.text(format!("Fixes {}.", hop.fixes.join(", ")));
    }
}

fn checklist(document: &mut Document, lines: &[ChecklistLine]) {
    document.heading(2, "Before the first hop");
    let items = lines
        .iter()
        .map(|line| {
            let mut details = vec![line.evidence.clone()];
            if line.status != CheckStatus::Pass {
                let names: Vec<String> = line.objects.iter().map(patchkit::report::ObjectRef::display).collect();
                details.extend(names.iter().take(5).cloned());
                if names.len() > 5 {
                    details.push(format!("and {} more (-o json names all)", names.len() - 5));
                }
                details.extend(line.action.as_ref().map(|action| format!("do: {action}")));
            }
            ChecklistItem { status: line.status, title: line.title.clone(), details }
        })
        .collect();
    document.push(Block::Checklist(items));
}

fn rehearsed(document: &mut Document, rehearsal: &Rehearsal) {
    document.heading(2, format!("Rehearsal in {}", rehearsal.environment));
    let (status, title) = match rehearsal.runs_target {
        Holds::Yes => (CheckStatus::Pass, "it runs the target"),
        Holds::No => (CheckStatus::Fail, "it does not run the target"),
        Holds::Unknown => (CheckStatus::Unknown, "it cannot be told whether it runs the target"),
    };
    let mut items = vec![ChecklistItem {
        status,
        title: title.to_owned(),
        details: rehearsal.version.iter().map(|version| format!("it runs {version}")).collect(),
    }];
    items.push(ChecklistItem {
        status: if rehearsal.unhealthy.is_empty() { CheckStatus::Pass } else { CheckStatus::Fail },
        title: format!("workloads that are not healthy there: {}", rehearsal.unhealthy.len()),
        details: rehearsal.unhealthy.iter().take(10).map(patchkit::report::ObjectRef::display).collect(),
    });
    items.push(ChecklistItem {
        status: if rehearsal.not_covered.is_empty() { CheckStatus::Pass } else { CheckStatus::Warn },
        title: format!("things of this cluster that it did not cover: {}", rehearsal.not_covered.len()),
        details: rehearsal.not_covered.iter().take(20).map(|it| format!("{} {}", it.kind, it.name)).collect(),
    });
    document.push(Block::Checklist(items));
}

fn steps(document: &mut Document, steps: &[Step]) {
    document.heading(2, "The steps in their order");
    if steps.is_empty() {
        document.text("None: nothing is to be done.");
        return;
    }
    for step in steps {
        let mut details = Vec::new();
        if let Some(start) = &step.not_before {
            let end = step.not_after.as_ref().map(|end| format!(", done by {end}")).unwrap_or_default();
            details.push(format!("not before {start}{end}"));
        }
        if !step.nodes.is_empty() {
            let surge = match step.surge {
                0 => "no surge".to_owned(),
                surge => format!("surge {surge}"),
            };
            let batches = if step.batches == 1 { "1 batch".to_owned() } else { format!("{} batches", step.batches) };
            details.push(format!("{}, {surge}, {batches}: {}", count(step.nodes.len(), "node"), summary(&step.nodes)));
        }
        details.extend(step.notes.iter().cloned());
        let title = step.title.clone();
        document.push(Block::Tasks(vec![ChecklistItem { status: CheckStatus::Unknown, title, details }]));
        if !step.commands.is_empty() {
            document.push(Block::Commands(step.commands.clone()));
        }
    }
}
