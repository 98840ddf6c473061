//! The reports of several clusters in one output: side by side in a table, then each by itself.

use std::io::Write;

use serde_json::Value;

use super::{
    Format, RenderContext, RenderError, json, junit, layout::verdict_tone, markdown, names, printable, sarif, text,
};
use crate::report::{Cell, Column, Document, FailedContext, MultiClusterReport, Table, Tone};

/// Writes the reports of several clusters in the form that was asked for. The forms that only one command has can show
/// one cluster alone.
///
/// # Errors
/// As for one report.
pub fn render_clusters(
    all: &MultiClusterReport,
    format: &Format,
    context: &RenderContext,
    out: &mut impl Write,
) -> Result<(), RenderError> {
    match format {
        Format::Table => for_people(all, context, false, out),
        Format::Wide => for_people(all, context, true, out),
        Format::Markdown => page(all, out),
        Format::Json => json::write_json(all, out),
        Format::Yaml => json::write_yaml(all, out),
        Format::JsonPath(template) => {
            let text = template.evaluate(&json::envelope(all)?)?;
            Ok(out.write_all(text.as_bytes())?)
        }
        Format::Name => {
            for report in &all.reports {
                let mut lines = Vec::new();
                names::write(report, &mut lines)?;
                for line in String::from_utf8_lossy(&lines).lines() {
                    writeln!(out, "{}\t{line}", printable(&report.place()))?;
                }
            }
            Ok(())
        }
        Format::Sarif => log(all, out),
        Format::Junit => junit::write_all(&all.metadata.command, &all.reports, &all.failed, out),
        Format::Own(name) => Err(RenderError::OwnFormat(name)),
    }
}

/// A line for each cluster.
fn side_by_side(all: &MultiClusterReport) -> Table {
    let counts = ["CRITICAL", "HIGH", "MEDIUM", "LOW", "INFO", "NOT EVALUATED"].map(|name| Column::new(name).right());
    let mut table = Table::new([Column::new("CONTEXT"), Column::new("VERDICT")].into_iter().chain(counts));
    for report in &all.reports {
        let counts = report.summary.counts;
        let numbers =
            [counts.critical, counts.high, counts.medium, counts.low, counts.info, report.not_evaluated.len()];
        let verdict = Cell::new(report.summary.verdict.as_str(), verdict_tone(report));
        let numbers = numbers.map(|number| Cell::from(number.to_string()));
        table.push([Cell::from(report.place()), verdict].into_iter().chain(numbers));
    }
    for failed in &all.failed {
        let verdict = Cell::new("could not be read", Tone::Bad);
        table.push([Cell::from(failed.context.as_str()), verdict].into_iter().chain([(); 6].map(|()| Cell::from("-"))));
    }
    table
}

fn overview(all: &MultiClusterReport) -> Document {
    let mut document = Document::default();
    document.heading(1, format!("{}: {}", all.metadata.command, all.summary.verdict));
    document.push(crate::report::Block::Table(side_by_side(all)));
    document
}

fn for_people(
    all: &MultiClusterReport,
    context: &RenderContext,
    wide: bool,
    out: &mut impl Write,
) -> Result<(), RenderError> {
    text::write_document(&overview(all), context, wide, out)?;
    let section = |name: &str, out: &mut _| {
        let mut heading = Document::default();
        heading.heading(1, format!("Context {name}"));
        text::write_document(&heading, context, wide, out)
    };
    for report in &all.reports {
        writeln!(out)?;
        section(&report.place(), out)?;
        writeln!(out)?;
        text::write_report(report, context, wide, out)?;
    }
    for failed in &all.failed {
        writeln!(out)?;
        section(&failed.context, out)?;
        writeln!(out)?;
        for line in failed.error.lines() {
            writeln!(out, "{}", printable(line))?;
        }
    }
    Ok(())
}

/// One page with a section for each cluster, whose own headings are a level deeper.
fn page(all: &MultiClusterReport, out: &mut impl Write) -> Result<(), RenderError> {
    out.write_all(markdown::document_text(&overview(all)).as_bytes())?;
    for report in &all.reports {
        let mut text = Vec::new();
        markdown::write_report(report, &mut text)?;
        writeln!(out, "\n## Context {}\n", markdown::escaped(&report.place()))?;
        let mut fenced = false;
        for line in String::from_utf8_lossy(&text).lines() {
            fenced ^= line.trim_start().starts_with("```");
            let deeper = if !fenced && line.starts_with('#') { "##" } else { "" };
            writeln!(out, "{deeper}{line}")?;
        }
    }
    for FailedContext { context, error, .. } in &all.failed {
        writeln!(out, "\n## Context {}\n\nCould not be read:", markdown::escaped(context))?;
        writeln!(out, "\n{}", markdown::fenced("text", &error.lines().map(str::to_owned).collect::<Vec<_>>()))?;
    }
    Ok(())
}

/// One log with a run for each cluster. One that could not be read is a run that did not succeed.
fn log(all: &MultiClusterReport, out: &mut impl Write) -> Result<(), RenderError> {
    let mut runs: Vec<Value> = Vec::new();
    for report in &all.reports {
        let mut run = sarif::log(report)?["runs"][0].take();
        // Code scanning tells the runs of one log apart by this.
        run["automationDetails"]["id"] = format!("{}/{}/", report.metadata.command, report.place()).into();
        runs.push(run);
    }
    let metadata = &all.metadata;
    for failed in &all.failed {
        runs.push(serde_json::json!({
            "tool": {"driver": {"name": sarif::tool_of(&metadata.command), "version": metadata.version}},
            "automationDetails": {"id": format!("{}/{}/", metadata.command, failed.context)},
            "invocations": [{
                "executionSuccessful": false,
                "exitCode": failed.exit_code,
                "toolExecutionNotifications": [{"level": "error", "message": {"text": failed.error}}],
            }],
            "results": [],
        }));
    }
    sarif::write_log(&serde_json::json!({"$schema": sarif::SCHEMA, "version": "2.1.0", "runs": runs}), out)
}
