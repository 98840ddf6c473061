//! What was found laid out for people, with the manifests that take the place of old ones.

use patchkit::{
    render::findings_table,
    report::{Block, Cell, Document, Finding, Tone, words::count},
};

use super::Lint;

/// Lays out what is wrong with the policies.
#[must_use]
pub fn document(lint: &Lint) -> Document {
    let mut document = Document::default();
    let looked_at = &lint.looked_at;
    document.paragraph([Cell::new(
        format!(
            "Looked at {} with {}, and {} that they may mean.",
            count(looked_at.policies, "policy"),
            count(looked_at.rules, "rule"),
            count(looked_at.pods, "pod")
        ),
        Tone::Faint,
    )]);
    if lint.findings.is_empty() {
        document.text("Nothing found.");
        return document;
    }
    // As the report sorts them.
    let mut findings: Vec<Finding> = lint.findings.clone();
    findings.sort_by(|a, b| (b.severity, &a.id, &a.object, &a.title).cmp(&(a.severity, &b.id, &b.object, &b.title)));
    document.push(Block::Table(findings_table(&findings)));
    for finding in findings.iter().filter(|finding| finding.id == "deprecated-kind") {
        let (Some(object), Some(text)) =
            (&finding.object, finding.evidence.get("translation").and_then(|it| it.as_str()))
        else {
            continue;
        };
        document.heading(2, format!("{} as a ClusterNetworkPolicy", object.display()));
        document.push(Block::Commands(vec![text.trim_end().to_owned()]));
    }
    document
}
