//! The fixes for people.

use patchkit::report::{Block, Cell, CheckStatus, ChecklistItem, Document, Finding, Metadata, Report, Severity, Tone};

use super::model::{Fix, FixPlan};
use crate::words::count;

impl FixPlan {
    /// The report. What cannot be reached, or only after a decision, is a finding.
    #[must_use]
    pub fn report(&self, metadata: Metadata) -> Report {
        let open = self.fixes.iter().filter(|fix| !fix.reaches).count();
        let verdict = match (self.fixes.len(), open) {
            (0, _) if self.not_evaluated.is_empty() => "nothing-to-do",
            (0, _) => "not-proven",
            (_, 0) => "fixed-by-patches",
            _ => "decisions-needed",
        };
        Report::new("FixReport", metadata, verdict, self.findings(), self.not_evaluated.clone())
            .with_section("fixes", &self.fixes)
            .with_section("unchanged", &self.unchanged)
            .with_document(self.document())
    }

    fn findings(&self) -> Vec<Finding> {
        self.fixes
            .iter()
            .map(|fix| {
                let (id, severity, title) = if fix.reaches {
                    (
                        "pod-security-fix",
                        Severity::Medium,
                        format!("a patch reaches {} {}", fix.level, fix.policy_version),
                    )
                } else {
                    (
                        "pod-security-decision",
                        Severity::High,
                        format!("no patch reaches {} {} without a decision", fix.level, fix.policy_version),
                    )
                };
                let checks: Vec<&str> = fix.violations.iter().map(|violation| &*violation.check).collect();
                let mut finding = Finding::new(id, severity, title)
                    .with_object(fix.object.clone())
                    .with_source(fix.source.clone())
                    .with_evidence("checks", checks);
                if let Some(overwriter) = fix.overwritten_by.first() {
                    finding = finding.with_evidence("overwrittenBy", overwriter.by);
                }
                if let Some(decision) = fix.decisions.iter().find(|decision| decision.blocks || fix.reaches) {
                    finding = finding.with_hint(decision.question.clone());
                }
                finding
            })
            .collect()
    }

    fn document(&self) -> Document {
        let mut document = Document::default();
        document.heading(1, format!("Fixes for {} {}", self.level, self.policy_version));
        let reached = self.fixes.iter().filter(|fix| fix.reaches).count();
        let tone = if reached == self.fixes.len() { Tone::Good } else { Tone::Notice };
        document.paragraph([Cell::new(
            format!(
                "{} to change; patches reach the level for {reached} of them. {} as they are.",
                count(self.fixes.len(), "object"),
                if self.unchanged == 1 {
                    "1 object passes".to_owned()
                } else {
                    format!("{} objects pass", self.unchanged)
                }
            ),
            tone,
        )]);
        for fix in &self.fixes {
            one(&mut document, fix);
        }
        document
    }
}

fn one(document: &mut Document, fix: &Fix) {
    document.heading(2, fix.object.display());
    let mut items: Vec<ChecklistItem> = fix
        .violations
        .iter()
        .map(|violation| ChecklistItem {
            status: if fix.remaining.contains(violation) { CheckStatus::Fail } else { CheckStatus::Pass },
            title: violation.check.to_string(),
            details: vec![violation.message.clone()],
        })
        .collect();
    items.extend(fix.decisions.iter().map(|decision| ChecklistItem {
        status: if decision.blocks { CheckStatus::Unknown } else { CheckStatus::Warn },
        title: format!("to decide: {}", decision.question),
        details: decision.answer_by.iter().map(|by| format!("answer by {by}")).collect(),
    }));
    items.extend(fix.overwritten_by.iter().map(|overwriter| ChecklistItem {
        status: CheckStatus::Warn,
        title: overwriter.display(),
        details: Vec::new(),
    }));
    document.push(Block::Checklist(items));
    if !fix.effects.is_empty() {
        document.text(format!("Afterwards: {}.", fix.effects.join("; ")));
    }
    if let Some(patch) = &fix.patch
        && let Ok(text) = serde_saphyr::to_string(patch)
    {
        document.push(Block::Commands(text.lines().map(str::to_owned).collect()));
    }
}
