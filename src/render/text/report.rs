//! A whole report: what it is about and the verdict, then its document, then what was not evaluated.

use std::{borrow::Cow, io::Write};

use super::{
    RenderContext,
    blocks::{write_blocks, write_hanging},
};
use crate::{
    render::{
        RenderError,
        layout::{counts, document_of, subject, verdict_tone},
    },
    report::{Block, Cell, Report, Tone},
};

/// Width of the labels `Cluster`, `Files` and `Verdict` with the space behind them.
const LABEL: usize = 9;

pub(in crate::render) fn write_report(
    report: &Report,
    context: &RenderContext,
    wide: bool,
    out: &mut impl Write,
) -> Result<(), RenderError> {
    let document = document_of(report);
    let mut blocks: &[Block] = &document.blocks;
    if let [title @ Block::Heading { level: 1, .. }, rest @ ..] = blocks {
        write_blocks(std::slice::from_ref(title), context, wide, out)?;
        blocks = rest;
    }
    write_header(report, context, out)?;
    if !blocks.is_empty() {
        writeln!(out)?;
        write_blocks(blocks, context, wide, out)?;
    }
    if !report.not_evaluated.is_empty() {
        writeln!(out)?;
        let heading = Cell::new(format!("Not evaluated ({})", report.not_evaluated.len()), Tone::Strong);
        write_hanging("", Tone::Plain, &[heading], context, out)?;
        for left_out in &report.not_evaluated {
            let pieces = [Cell::from(left_out.what.as_str()), Cell::from(format!(": {}", left_out.why))];
            write_hanging("? ", Tone::Notice, &pieces, context, out)?;
        }
    }
    Ok(())
}

fn write_header(report: &Report, context: &RenderContext, out: &mut impl Write) -> Result<(), RenderError> {
    let (label, about) = subject(&report.metadata.source);
    let mut about = vec![Cell::from(about)];
    if let Some(date) = &report.metadata.data_as_of {
        about.push(Cell::new(format!("  ·  data as of {date}"), Tone::Faint));
    }
    write_labelled(label, &about, context, out)?;
    let tone = match verdict_tone(report) {
        Tone::Plain => Tone::Strong,
        tone => tone,
    };
    let mut verdict = vec![Cell::new(report.summary.verdict.as_str(), tone)];
    let counts: Cow<'_, str> = counts(report).into();
    if !counts.is_empty() {
        verdict.push(Cell::from(format!("  ·  {counts}")));
    }
    write_labelled("Verdict", &verdict, context, out)
}

fn write_labelled(
    label: &str,
    pieces: &[Cell],
    context: &RenderContext,
    out: &mut impl Write,
) -> Result<(), RenderError> {
    Ok(write_hanging(&format!("{label:<LABEL$}"), Tone::Faint, pieces, context, out)?)
}
