//! The plan laid out for people: the verdict first, then what is in the way, then pod by pod.

use std::collections::BTreeMap;

use patchkit::report::{
    Block, Cell, CheckStatus, ChecklistItem, Column, Document, Finding, Severity, Table, Tone,
    words::{count, summary},
};

use super::{
    make::Made,
    model::{Action, BlockedFor, DrainPlan, PlannedPod, Verdict},
    words::duration,
};
use crate::fit::Rejection;

/// Lays the plan out.
#[must_use]
pub fn document(made: &Made) -> Document {
    let plan = &made.plan;
    let mut document = Document::default();
    document.heading(1, title(plan));
    verdict(&mut document, made);
    waves(&mut document, plan);
    findings_in(&mut document, &made.findings);
    pods(&mut document, plan);
    rejections(&mut document, plan);
    budgets(&mut document, plan);
    time(&mut document, plan);
    document
}

fn title(plan: &DrainPlan) -> String {
    let names: Vec<String> = plan.nodes.iter().map(|node| node.name.clone()).collect();
    format!("Drain of {}", summary(&names))
}

fn verdict(document: &mut Document, made: &Made) {
    let plan = &made.plan;
    let (words, tone) = match plan.verdict {
        Verdict::Safe => ("Safe", Tone::Good),
        Verdict::Warnings => ("Safe, with warnings", Tone::Notice),
        Verdict::Blocked => ("Blocked", Tone::Bad),
        Verdict::NotProven => ("Not proven to be safe", Tone::Notice),
    };
    let of = |action| plan.pods.iter().filter(|pod| pod.action == action).count();
    let going = of(Action::Evict) + of(Action::Delete);
    let mut figures = vec![format!("{} to move", count(going, "pod"))];
    if of(Action::Blocked) > 0 {
        figures.push(format!("{} blocked", of(Action::Blocked)));
    }
    if of(Action::Skip) > 0 {
        figures.push(format!("{} staying", of(Action::Skip)));
    }
    let unseen = if !made.not_evaluated.is_empty() && plan.verdict == Verdict::NotProven {
        " What could not be looked at is named at the end."
    } else {
        ""
    };
    document.paragraph([Cell::new(words, tone), Cell::from(format!(": {}.{unseen}", figures.join(", ")))]);
}

/// Which nodes are drained at once, where it is not all of them.
fn waves(document: &mut Document, plan: &DrainPlan) {
    let mut waves: BTreeMap<usize, Vec<String>> = BTreeMap::new();
    for node in &plan.nodes {
        waves.entry(node.wave).or_default().push(node.name.clone());
    }
    if waves.len() > 1 {
        let words =
            |(number, nodes): (&usize, &Vec<String>)| Cell::from(format!("wave {number}: {}", nodes.join(", ")));
        document.push(Block::List(waves.iter().map(words).collect()));
    }
}

/// Adds the findings: first what is in the way, then what is to be known.
pub fn findings_in(document: &mut Document, findings: &[Finding]) {
    let mut findings: Vec<&Finding> = findings.iter().collect();
    findings.sort_by_key(|finding| (std::cmp::Reverse(finding.severity), &finding.id, &finding.title));
    let (serious, others): (Vec<_>, Vec<_>) =
        findings.into_iter().partition(|finding| finding.severity >= Severity::High);
    for (heading, findings) in [("What is in the way", serious), ("What is to be known", others)] {
        if !findings.is_empty() {
            document.heading(2, heading);
            document.push(Block::Checklist(findings.into_iter().map(item).collect()));
        }
    }
}

fn item(finding: &Finding) -> ChecklistItem {
    let status = match finding.severity {
        Severity::Critical | Severity::High => CheckStatus::Fail,
        Severity::Medium | Severity::Low => CheckStatus::Warn,
        Severity::Info => CheckStatus::Pass,
    };
    // Most titles name what they are about.
    let object = finding.object.as_ref().filter(|object| !finding.title.contains(&object.name));
    let title = match object {
        Some(object) => format!("{}: {} ({})", object.display(), finding.title, finding.id),
        None => format!("{} ({})", finding.title, finding.id),
    };
    let place = finding.source.as_ref().map(|source| format!("in {}:{}", source.file, source.line));
    ChecklistItem { status, title, details: finding.hint.iter().cloned().chain(place).collect() }
}

fn pods(document: &mut Document, plan: &DrainPlan) {
    document.heading(2, "Pods, in the order in which they go");
    if plan.pods.is_empty() {
        document.text("There is none.");
        return;
    }
    let several = plan.nodes.len() > 1;
    let mut columns = vec![Column::new("POD").wraps()];
    if several {
        columns.push(Column::new("NODE").wraps());
    }
    columns.extend([
        Column::new("ACTION"),
        Column::new("BUDGET").wraps(),
        Column::new("GOES TO").wraps(),
        Column::new("WHY").wraps(),
        Column::new("OWNER").wide().wraps(),
        Column::new("TIER").wide(),
        Column::new("GRACE").wide().right(),
        Column::new("READY AFTER").wide().right(),
        Column::new("VOLUMES").wide().wraps(),
    ]);
    let mut table = Table::new(columns);
    for pod in &plan.pods {
        let mut row = vec![Cell::from(pod.path())];
        if several {
            row.push(Cell::from(pod.node.as_str()));
        }
        row.extend([
            action(pod),
            dash(&pod.budgets.join(", ")),
            destination(pod),
            Cell::from(reason(pod)),
            dash(&pod.owner.as_ref().map(|owner| format!("{}/{}", owner.kind, owner.name)).unwrap_or_default()),
            Cell::from(pod.tier.as_str()),
            Cell::from(duration(pod.grace_period_seconds.unsigned_abs())),
            dash(
                &pod.ready_after
                    .as_ref()
                    .map(|it| format!("{} ({})", duration(it.seconds), it.from))
                    .unwrap_or_default(),
            ),
            dash(&pod.volumes_to_detach.join(", ")),
        ]);
        table.push(row);
    }
    document.push(Block::Table(table));
}

fn dash(text: &str) -> Cell {
    if text.is_empty() { Cell::new("-", Tone::Faint) } else { Cell::from(text) }
}

fn action(pod: &PlannedPod) -> Cell {
    match (pod.action, pod.blocked_for) {
        (Action::Blocked, Some(BlockedFor::Now)) => Cell::new("blocked now", Tone::Bad),
        (Action::Blocked, Some(BlockedFor::Never)) => Cell::new("blocked: never", Tone::Bad),
        (Action::Blocked, None) => Cell::new("blocked", Tone::Bad),
        (Action::Skip, _) => Cell::new("stay", Tone::Faint),
        (action, _) => Cell::from(action.as_str()),
    }
}

fn destination(pod: &PlannedPod) -> Cell {
    match (&pod.destination, &pod.destination_unknown) {
        (Some(node), _) => Cell::from(node.as_str()),
        (None, Some(_)) => Cell::new("not known", Tone::Notice),
        (None, None) if pod.action.goes() && pod.owner.is_some() && !pod.finished => Cell::new("nowhere", Tone::Bad),
        (None, None) => Cell::new("-", Tone::Faint),
    }
}

fn reason(pod: &PlannedPod) -> String {
    match (&pod.destination_unknown, pod.reason.as_str()) {
        (Some(why), "") => why.clone(),
        (Some(why), reason) if pod.action.goes() => format!("{reason}; {why}"),
        (_, reason) => reason.to_owned(),
    }
}

/// Which filter keeps a pod off which nodes: for those that have no place always, for the others in the wide form.
fn rejections(document: &mut Document, plan: &DrainPlan) {
    let homeless: Vec<&PlannedPod> =
        plan.pods.iter().filter(|pod| pod.destination.is_none() && !pod.rejected.is_empty()).collect();
    if homeless.is_empty() {
        return;
    }
    document.heading(2, "Why no node takes them");
    let mut table = Table::new([
        Column::new("POD").wraps(),
        Column::new("NODE").wraps(),
        Column::new("FILTER"),
        Column::new("WHY").wraps(),
    ]);
    for pod in homeless {
        // Nodes that reject it alike are one row.
        let mut rows: Vec<(&Rejection, Vec<String>)> = Vec::new();
        for rejected in &pod.rejected {
            match rows.iter_mut().find(|(known, _)| **known == rejected.rejection) {
                Some((_, nodes)) => nodes.push(rejected.node.clone()),
                None => rows.push((&rejected.rejection, vec![rejected.node.clone()])),
            }
        }
        for (rejection, nodes) in rows {
            table.push([
                Cell::from(pod.path()),
                Cell::from(summary(&nodes)),
                Cell::from(rejection.filter.to_string()),
                Cell::from(rejection.reason.to_string()),
            ]);
        }
    }
    document.push(Block::Table(table));
}

fn budgets(document: &mut Document, plan: &DrainPlan) {
    if plan.budgets.is_empty() {
        return;
    }
    document.heading(2, "Budgets");
    let mut table = Table::new([
        Column::new("BUDGET").wraps(),
        Column::new("HEALTHY").right(),
        Column::new("NEEDED").right(),
        Column::new("ALLOWS NOW").right(),
        Column::new("AT BEST").right(),
        Column::new("EVICTIONS").right(),
    ]);
    let number = |number: Option<i32>| match number {
        Some(0) => Cell::new("0", Tone::Bad),
        Some(number) => Cell::from(number.to_string()),
        None => Cell::new("not known", Tone::Notice),
    };
    for budget in &plan.budgets {
        table.push([
            Cell::from(format!("{}/{}", budget.namespace, budget.name)),
            Cell::from(budget.current_healthy.to_string()),
            Cell::from(budget.desired_healthy.to_string()),
            number(budget.allowed_now),
            number(budget.allowed_at_best),
            Cell::from(budget.evictions.to_string()),
        ]);
    }
    document.push(Block::Table(table));
}

fn time(document: &mut Document, plan: &DrainPlan) {
    let (Some(seconds), Some(bound_by)) = (plan.predicted_seconds, &plan.bound_by) else { return };
    if !plan.pods.iter().any(|pod| pod.action.goes()) {
        return;
    }
    document.heading(2, "How long it takes");
    let least = plan.predicted_seconds_at_least.filter(|least| *least < seconds);
    let least = least.map(|least| format!(", {} where pods end at once", duration(least))).unwrap_or_default();
    let longest = plan
        .pods
        .iter()
        .filter(|pod| pod.action.goes() && !pod.finished)
        .max_by_key(|pod| pod.grace_period_seconds)
        .map(|pod| (duration(pod.grace_period_seconds.unsigned_abs()), pod.path()))
        .map(|(grace, path)| format!(" The longest grace period is that of {path}: {grace}."))
        .unwrap_or_default();
    document.text(format!("About {}{least}. Bound by {bound_by}.{longest}", duration(seconds)));
    if !plan.assumptions.is_empty() {
        document.push(Block::List(plan.assumptions.iter().map(|text| Cell::from(text.as_str())).collect()));
    }
}
