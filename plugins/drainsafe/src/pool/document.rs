//! The plan of a pool's update laid out for people.

use patchkit::report::Block;
use patchkit::report::{Cell, Column, Document, Finding, Table, Tone, words::count};

use super::{Headroom, NodeStart, PoolPlan};
use crate::drain::{findings_in, words::duration};

/// Outdated nodes that are shown one by one; of more the rest is counted.
const MOST_NODES: usize = 60;

/// Lays the plan out.
#[must_use]
pub fn document(plan: &PoolPlan, findings: &[Finding]) -> Document {
    let mut document = Document::default();
    document.heading(1, format!("Update of pool {}", plan.members.title()));
    if plan.outdated.is_empty() {
        let words = format!(": none of {} is outdated, measured by {}.", count(plan.nodes, "node"), plan.goal);
        document.paragraph([Cell::new("Up to date", Tone::Good), Cell::from(words)]);
        return document;
    }
    let (words, tone) = match plan.stops() {
        Some(_) => ("Blocked", Tone::Bad),
        None => ("Ready", Tone::Good),
    };
    let figures = format!(
        ": {} of {} outdated, {} to move, to {}.",
        plan.outdated.len(),
        count(plan.nodes, "node"),
        count(plan.pods(), "pod"),
        plan.goal
    );
    document.paragraph([Cell::new(words, tone), Cell::from(figures)]);
    document.push(Block::List(points(plan).into_iter().map(Cell::from).collect()));
    findings_in(&mut document, findings);
    if !plan.blocked.is_empty() {
        document.heading(2, "Nodes that cannot be drained");
        let lines = plan.blocked.iter().map(|(node, why)| Cell::from(format!("{node}: {why}")));
        document.push(Block::List(lines.collect()));
    }
    document.heading(2, "Outdated nodes, in the order in which they go");
    let mut table = Table::new([
        Column::new("NODE").wraps(),
        Column::new("ZONE"),
        Column::new("PODS").right(),
        Column::new("ALONE").right(),
        Column::new("WHY").wraps(),
    ]);
    for node in plan.outdated.iter().take(MOST_NODES) {
        let zone = if node.zone.is_empty() { Cell::new("-", Tone::Faint) } else { Cell::from(node.zone.as_str()) };
        table.push([
            Cell::from(node.name.as_str()),
            zone,
            Cell::from(node.pods.to_string()),
            Cell::from(duration(node.seconds)),
            Cell::from(node.reason.as_str()),
        ]);
    }
    document.push(Block::Table(table));
    if plan.outdated.len() > MOST_NODES {
        document.text(format!("And {} more.", plan.outdated.len() - MOST_NODES));
    }
    document
}

/// How it is done, in a few lines.
fn points(plan: &PoolPlan) -> Vec<String> {
    let mut points = Vec::new();
    let zones = plan.course.zones.len();
    match &plan.headroom {
        Headroom::Surge => {
            let zonal = if zones > 1 { format!(", spread over {zones} zones") } else { String::new() };
            points.push(format!(
                "{} more at a time{zonal}; the pool never has fewer nodes than now",
                count(plan.course.surge, "node")
            ));
        }
        Headroom::Proven => points.push(format!(
            "without new nodes: every pod has a proven place on a node that stays; {} at a time",
            count(plan.course.at_once, "node")
        )),
        Headroom::InTurns { first, twice } => {
            points.push(format!(
                "without new nodes: {} can be drained as things stand, the next ones when those are replaced",
                count(*first, "node")
            ));
            if *twice {
                points.push("some pods may go to a node that is still outdated, and move once more".to_owned());
            }
        }
        Headroom::Lacking(why) => points.push(format!("there is no room without new nodes: {why}")),
        Headroom::Nowhere => {}
    }
    points.extend(plan.surge_note.clone());
    points.push(
        "outdated nodes are shunned first (PreferNoSchedule), and cordoned when there is room elsewhere".to_owned(),
    );
    points.push(format!("about {} in all", duration(plan.predicted_seconds)));
    if plan.course.surge > 0 {
        points.push(match plan.node_start {
            NodeStart::Given(seconds) => {
                format!("that supposes {} for a new node to be Ready, as given", duration(seconds))
            }
            NodeStart::Seen(seconds) => format!(
                "that supposes {} for a new node to be Ready, as the pool's nodes took from their creation; what the \
                 provider needs before cannot be seen (--node-start)",
                duration(seconds)
            ),
            NodeStart::Guessed(seconds) => format!(
                "that supposes {} for a new node to be Ready, since the pool's nodes do not tell (--node-start)",
                duration(seconds)
            ),
        });
    }
    points
}
