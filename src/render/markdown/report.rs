//! A whole report as a page that is also a runbook: tasks have boxes to tick, commands can be copied.

use std::io::Write;

use super::escape::{escaped, escaped_line, fenced, pieces};
use crate::{
    render::{
        RenderError,
        layout::{counts, document_of, subject},
    },
    report::{Block, CheckStatus, ChecklistItem, Document, Report, Table},
};

pub(in crate::render) fn write_report(report: &Report, out: &mut impl Write) -> Result<(), RenderError> {
    let document = document_of(report);
    let mut blocks: &[Block] = &document.blocks;
    let title = match blocks {
        [Block::Heading { level: 1, text }, rest @ ..] => {
            blocks = rest;
            text
        }
        _ => &report.metadata.command,
    };
    let mut parts = vec![format!("# {}", escaped(title)), header(report)];
    let mut task = 0;
    for (number, block) in blocks.iter().enumerate() {
        if matches!(block, Block::Heading { .. }) {
            task = 0;
        }
        // Commands that follow a task belong to it.
        let of_task = matches!(block, Block::Commands(_))
            && blocks[..number]
                .iter()
                .rev()
                .find(|before| !matches!(before, Block::Commands(_)))
                .is_some_and(|before| matches!(before, Block::Tasks(_) | Block::Checklist(_)));
        let text = text_of(block, &mut task);
        parts.push(if of_task { indented(&text) } else { text });
    }
    if !report.not_evaluated.is_empty() {
        parts.push(format!("## Not evaluated ({})", report.not_evaluated.len()));
        let lines = report.not_evaluated.iter();
        parts.push(
            lines
                .map(|it| format!("- **? {}**: {}", escaped(&it.what), escaped(&it.why)))
                .collect::<Vec<_>>()
                .join("\n"),
        );
    }
    parts.retain(|part| !part.is_empty());
    Ok(writeln!(out, "{}", parts.join("\n\n"))?)
}

/// A document without a report around it.
pub(in crate::render) fn document_text(document: &Document) -> String {
    let parts: Vec<String> = document.blocks.iter().map(|block| text_of(block, &mut 0)).collect();
    format!("{}\n", parts.join("\n\n"))
}

fn header(report: &Report) -> String {
    let metadata = &report.metadata;
    let (label, about) = subject(&metadata.source);
    let counts = counts(report);
    let counts = if counts.is_empty() { counts } else { format!(" ({counts})") };
    let facts = metadata.data_as_of.as_ref().map(|date| format!(", data as of {}", escaped(date))).unwrap_or_default();
    format!(
        "- {label}: {}\n- Verdict: **{}**{counts}\n- Made by {} {} at {}{facts}",
        escaped(&about),
        escaped(&report.summary.verdict),
        escaped(&metadata.command),
        escaped(&metadata.version),
        escaped(&metadata.generated_at),
    )
}

fn text_of(block: &Block, task: &mut usize) -> String {
    match block {
        Block::Heading { level, text } => format!("{} {}", "#".repeat((*level).clamp(1, 6).into()), escaped(text)),
        Block::Paragraph(cells) => pieces(cells),
        // Another mark than that of tasks and checks, or a list behind them would go on with theirs.
        Block::List(points) => lines(points, |point| format!("* {}", pieces(std::slice::from_ref(point)))),
        Block::Table(table) => table_of(table),
        Block::Checklist(items) => lines(items, |item| {
            let mark = match item.status {
                CheckStatus::Pass => "✓ pass",
                CheckStatus::Fail => "✗ fail",
                CheckStatus::Warn => "! warn",
                CheckStatus::Unknown => "? unknown",
            };
            item_of(&format!("- **{mark}** {}", escaped(&item.title)), item)
        }),
        Block::Tasks(items) => lines(items, |item| {
            *task += 1;
            let tick = if item.status == CheckStatus::Pass { 'x' } else { ' ' };
            item_of(&format!("- [{tick}] **{task}.** {}", escaped(&item.title)), item)
        }),
        Block::Commands(commands) => fenced("sh", commands),
    }
}

fn lines<T>(items: &[T], line: impl FnMut(&T) -> String) -> String {
    items.iter().map(line).collect::<Vec<_>>().join("\n")
}

fn item_of(first: &str, item: &ChecklistItem) -> String {
    let details = item.details.iter().map(|detail| format!("\n  - {}", escaped_line(detail)));
    std::iter::once(first.to_owned()).chain(details).collect()
}

fn indented(text: &str) -> String {
    lines(&text.lines().collect::<Vec<_>>(), |line| if line.is_empty() { String::new() } else { format!("  {line}") })
}

/// All columns: a page has room.
fn table_of(table: &Table) -> String {
    if table.rows.is_empty() {
        return "(none)".to_owned();
    }
    let row = |cells: Vec<String>| format!("| {} |", cells.join(" | "));
    let mut rows = vec![
        row(table.columns.iter().map(|column| escaped(column.name)).collect()),
        row(table.columns.iter().map(|column| if column.right { "---:" } else { "---" }.to_owned()).collect()),
    ];
    rows.extend(table.rows.iter().map(|cells| row(cells.iter().map(|cell| cell_of(&cell.text)).collect())));
    rows.join("\n")
}

/// An empty cell keeps its place.
fn cell_of(text: &str) -> String {
    escaped(text.trim())
}
