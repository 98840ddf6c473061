//! What was found laid out for people: policy by policy, the worst first, with the manifests that take the place of old
//! ones.

use std::{cmp::Reverse, collections::BTreeMap};

use patchkit::report::{
    Block, Cell, Column, Document, Finding, ObjectRef, Severity, SourceRef, Table, Tone, words::count,
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
    let mut of_object: BTreeMap<&ObjectRef, Vec<&Finding>> = BTreeMap::new();
    for finding in &lint.findings {
        if let Some(object) = &finding.object {
            of_object.entry(object).or_default().push(finding);
        }
    }
    let mut objects: Vec<(&ObjectRef, Vec<&Finding>)> = of_object.into_iter().collect();
    for (_, findings) in &mut objects {
        findings.sort_by_key(|finding| (Reverse(finding.severity), line(finding), finding.id.clone()));
    }
    objects.sort_by_key(|(_, findings)| Reverse(findings.first().map_or(Severity::Info, |finding| finding.severity)));
    for (object, findings) in objects {
        let file = findings.iter().find_map(|finding| finding.source.as_ref()).map(|SourceRef { file, .. }| file);
        let at = file.map(|file| format!(" in {file}")).unwrap_or_default();
        document.heading(2, format!("{}{at}", object.display()));
        document.push(Block::Table(table(&findings)));
        for text in findings.iter().filter_map(|finding| finding.evidence.get("translation")?.as_str()) {
            document.text("As a ClusterNetworkPolicy:");
            document.push(Block::Commands(vec![text.trim_end().to_owned()]));
        }
    }
    document
}

fn line(finding: &Finding) -> Option<u32> {
    finding.source.as_ref().map(|source| source.line)
}

fn table(findings: &[&Finding]) -> Table {
    let placed = findings.iter().any(|finding| finding.source.is_some());
    let mut columns = vec![Column::new("SEVERITY"), Column::new("ID")];
    if placed {
        columns.push(Column::new("LINE").right());
    }
    columns.extend([Column::new("FINDING").wraps(), Column::new("FIX").wraps().wide()]);
    let mut table = Table::new(columns);
    for finding in findings {
        let mut row =
            vec![Cell::new(finding.severity.as_str(), finding.severity.into()), Cell::from(finding.id.as_str())];
        if placed {
            row.push(Cell::from(line(finding).map(|line| line.to_string()).unwrap_or_default()));
        }
        row.extend([Cell::from(finding.title.as_str()), Cell::from(finding.hint.clone().unwrap_or_default())]);
        table.push(row);
    }
    table
}
