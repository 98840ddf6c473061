//! The parts of a document: headings, paragraphs, lists, tables, check lists, commands.

use std::io::{self, Write};

use super::{
    RenderContext, table,
    wrap::{painted, width, wrap},
};
use crate::{
    render::printable,
    report::{Block, Cell, CheckStatus, ChecklistItem, Document, Tone},
    term::Paint,
};

/// Writes a document, with an empty line between its parts.
///
/// # Errors
/// Where the output cannot be written.
pub fn write_document(
    document: &Document,
    context: &RenderContext,
    wide: bool,
    out: &mut impl Write,
) -> io::Result<()> {
    write_blocks(&document.blocks, context, wide, out)
}

pub(super) fn write_blocks(
    blocks: &[Block],
    context: &RenderContext,
    wide: bool,
    out: &mut impl Write,
) -> io::Result<()> {
    // Tasks are numbered through from heading to heading, whatever stands between them.
    let mut task = 0;
    for (number, block) in blocks.iter().enumerate() {
        if number > 0 && is_apart(&blocks[number - 1], block) {
            writeln!(out)?;
        }
        if matches!(block, Block::Heading { .. }) {
            task = 0;
        }
        write_block(block, context, wide, &mut task, out)?;
    }
    Ok(())
}

/// A heading belongs to what follows, and commands to the task before them.
fn is_apart(before: &Block, block: &Block) -> bool {
    match (before, block) {
        (Block::Heading { .. }, Block::Heading { .. }) => true,
        (Block::Heading { .. }, _) | (Block::Tasks(_) | Block::Checklist(_), Block::Commands(_)) => false,
        _ => true,
    }
}

fn write_block(
    block: &Block,
    context: &RenderContext,
    wide: bool,
    task: &mut usize,
    out: &mut impl Write,
) -> io::Result<()> {
    let paint = Paint::new(context.colour);
    match block {
        Block::Heading { text, .. } => {
            write_hanging("", Tone::Plain, &[Cell::new(text.as_str(), Tone::Strong)], context, out)
        }
        Block::Paragraph(pieces) => write_hanging("", Tone::Plain, pieces, context, out),
        Block::List(points) => points
            .iter()
            .try_for_each(|point| write_hanging("- ", Tone::Plain, std::slice::from_ref(point), context, out)),
        Block::Table(table) => table::write(table, context, wide, out),
        Block::Checklist(items) => items.iter().try_for_each(|item| {
            let (mark, tone) = mark(item.status);
            write_item(&format!("{mark} "), tone, item, context, out)
        }),
        Block::Tasks(items) => items.iter().try_for_each(|item| {
            *task += 1;
            let done = if item.status == CheckStatus::Pass { "✓ " } else { "" };
            write_item(&format!("{task}. {done}"), Tone::Strong, item, context, out)
        }),
        // Not broken over lines: commands are there to be copied.
        Block::Commands(commands) => commands
            .iter()
            .flat_map(|command| command.lines())
            .try_for_each(|line| writeln!(out, "    {}", paint.tone(Tone::Strong, &printable(line)))),
    }
}

/// The mark of a check, each of a shape of its own, so that it can be told without colour.
const fn mark(status: CheckStatus) -> (&'static str, Tone) {
    match status {
        CheckStatus::Pass => ("✓", Tone::Good),
        CheckStatus::Fail => ("✗", Tone::Bad),
        CheckStatus::Warn => ("!", Tone::Notice),
        CheckStatus::Unknown => ("?", Tone::Notice),
    }
}

fn write_item(
    mark: &str,
    tone: Tone,
    item: &ChecklistItem,
    context: &RenderContext,
    out: &mut impl Write,
) -> io::Result<()> {
    write_hanging(mark, tone, &[Cell::from(item.title.as_str())], context, out)?;
    let indent = " ".repeat(width(mark));
    item.details
        .iter()
        .try_for_each(|detail| write_hanging(&indent, Tone::Plain, &[Cell::from(detail.as_str())], context, out))
}

/// Text behind a mark; its further lines begin below its first one.
pub(super) fn write_hanging(
    mark: &str,
    tone: Tone,
    pieces: &[Cell],
    context: &RenderContext,
    out: &mut impl Write,
) -> io::Result<()> {
    let paint = Paint::new(context.colour);
    let indent = width(mark);
    for (number, line) in wrap(pieces, context.width.map(|width| width.saturating_sub(indent))).iter().enumerate() {
        let start = if number == 0 { mark } else { &" ".repeat(indent) };
        let text = painted(line, paint);
        if text.is_empty() {
            writeln!(out, "{}", paint.tone(tone, start.trim_end()))?;
        } else if start.trim().is_empty() {
            writeln!(out, "{start}{text}")?;
        } else {
            writeln!(out, "{}{text}", paint.tone(tone, start))?;
        }
    }
    Ok(())
}
