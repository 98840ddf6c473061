//! A decision for people.

use patchkit::report::{Block, Cell, Column, Document, SourceRef, Table, Tone, words::count};

use super::{
    Decision, PairAnswer, Question,
    section::{party_ref, reason, shown},
};
use crate::{
    decide::{Contribution, Decider, Judge, Side, missing},
    engine::Analysis,
    entrance::Answer,
    policy::{Direction, PolicyId},
};

/// How many single answers are shown.
const MOST_PAIRS: usize = 20;

/// Lays out a decision. `explain` names what decides, `all` every rule that has a say.
#[must_use]
pub fn document(
    analysis: &Analysis<'_>,
    question: &Question,
    decision: &Decision,
    explain: bool,
    all: bool,
) -> Document {
    let mut document = Document::default();
    let port = question.port.as_ref().map(|port| format!(" on port {port}")).unwrap_or_default();
    document.paragraph([
        Cell::from(format!("{} to {}{port}: ", question.from, question.to)),
        Cell::new(decision.allowed.as_str(), tone(decision.allowed)),
    ]);
    let mut points: Vec<Cell> = question.notes.iter().map(|note| Cell::from(note.as_str())).collect();
    if let Some(shown) = shown(decision) {
        points.extend(shown.reasons.iter().map(|reason| Cell::new(reason.as_str(), Tone::Notice)));
        for (profile, answer) in &shown.other_profiles {
            points.push(Cell::new(
                format!("under the profile {profile} the answer is {}", answer.as_str()),
                Tone::Notice,
            ));
        }
    }
    if !points.is_empty() {
        document.push(Block::List(points));
    }
    if decision.count > 1 {
        let counted = count(decision.count, "pair");
        document.text(format!("{} of {counted} allowed.", decision.allowed_count));
        document.push(Block::Table(pairs_table(analysis, decision)));
    }
    if let Some(shown) = shown(decision) {
        for side in [&shown.egress, &shown.ingress] {
            add_side(&mut document, analysis, shown, side, explain, all);
        }
    }
    document
}

const fn tone(answer: Answer) -> Tone {
    match answer {
        Answer::Yes => Tone::Good,
        Answer::No => Tone::Bad,
        Answer::Depends => Tone::Notice,
    }
}

fn pairs_table(analysis: &Analysis<'_>, decision: &Decision) -> Table {
    let mut table = Table::new([
        Column::new("FROM").wraps(),
        Column::new("TO").wraps(),
        Column::new("PORT"),
        Column::new("ALLOWED"),
    ]);
    for pair in decision.pairs.iter().take(MOST_PAIRS) {
        let port = match &pair.ports {
            Some(ports) => ports.to_string(),
            None => format!("{} {}", pair.traffic.protocol, pair.traffic.port),
        };
        table.push([
            Cell::from(party_ref(analysis, pair.traffic.from).display()),
            Cell::from(party_ref(analysis, pair.traffic.to).display()),
            Cell::from(port),
            Cell::new(pair.allowed.as_str(), tone(pair.allowed)),
        ]);
    }
    table
}

fn add_side(
    document: &mut Document,
    analysis: &Analysis<'_>,
    pair: &PairAnswer,
    side: &Side,
    explain: bool,
    all: bool,
) {
    let mut line = vec![
        Cell::new(format!("{}: ", side.direction.as_str()), Tone::Strong),
        Cell::new(side.allowed.as_str(), tone(side.allowed)),
        Cell::from(format!(", {} ({})", reason(side.decider), side.tier.as_str())),
    ];
    if explain || all {
        line.extend(decided(analysis, side, side.decider));
        if let Some(otherwise) = side.otherwise {
            line.push(Cell::from(format!("; or not: {}", reason(otherwise))));
            line.extend(decided(analysis, side, otherwise));
        }
    }
    document.paragraph(line);
    if explain || all {
        let missing = missing(&Judge::of(analysis), side, &pair.traffic);
        if !missing.is_empty() {
            document.push(Block::List(missing.into_iter().map(Cell::from).collect()));
        }
    }
    if all && !side.rules.is_empty() {
        let mut table = Table::new([
            Column::new("TIER"),
            Column::new("RULE").wraps(),
            Column::new("ACTION"),
            Column::new("SOURCE").wraps(),
        ]);
        for rule in &side.rules {
            let action = if rule.certain {
                rule.action.as_str().to_owned()
            } else {
                format!("perhaps {}", rule.action.as_str())
            };
            table.push([
                Cell::from(analysis.policies.get(rule.policy).tier.as_str()),
                Cell::from(rule_name(analysis, side, rule)),
                Cell::from(action),
                Cell::from(
                    place(analysis, rule.policy, Some((side.direction, rule.rule)))
                        .map(|at| at.trim_start_matches(", ").to_owned())
                        .unwrap_or_default(),
                ),
            ]);
        }
        document.push(Block::Table(table));
    }
}

/// What decides, by name and place.
fn decided(analysis: &Analysis<'_>, side: &Side, decider: Decider) -> Option<Cell> {
    let (name, policy, rule) = match decider {
        Decider::Rule(rule) => (rule_name(analysis, side, &rule), rule.policy, Some((side.direction, rule.rule))),
        Decider::Isolation(policy) => (analysis.policies.get(policy).display(), policy, None),
        _ => return None,
    };
    Some(Cell::from(format!(": {name}{}", place(analysis, policy, rule).unwrap_or_default())))
}

/// `NetworkPolicy shop/web ingress[0]`
fn rule_name(analysis: &Analysis<'_>, side: &Side, rule: &Contribution) -> String {
    let policy = analysis.policies.get(rule.policy);
    let name = policy.rules(side.direction).and_then(|rules| rules.get(rule.rule)).map(|rule| rule.name.as_str());
    let name = name.filter(|name| !name.is_empty()).map(|name| format!(" {name:?}")).unwrap_or_default();
    format!("{} {}[{}]{name}", policy.display(), side.direction.as_str(), rule.rule)
}

fn place(analysis: &Analysis<'_>, policy: PolicyId, rule: Option<(Direction, usize)>) -> Option<String> {
    let SourceRef { file, line } = analysis.policies.get(policy).source(analysis.snapshot, rule)?;
    Some(format!(", {file}:{line}"))
}
