//! Tables for a terminal of a given width, and for a pipe.

use std::io::{self, Write};

use super::{
    RenderContext,
    wrap::{Span, line_width, longest_word, painted, width, wrap},
};
use crate::{
    render::printable,
    report::{Cell, Column, Table, Tone},
    term::Paint,
};

/// Columns between two columns, as in kubectl's tables, and the fewest before anything is broken over lines.
const GAPS: [usize; 2] = [3, 2];

/// Writes the columns that apply. In a pipe every row is one line, however long, so that `grep` and `awk` work.
pub(super) fn write(table: &Table, context: &RenderContext, wide: bool, out: &mut impl Write) -> io::Result<()> {
    let shown: Vec<usize> = (0..table.columns.len()).filter(|&index| wide || !table.columns[index].wide_only).collect();
    let columns: Vec<&Column> = shown.iter().map(|&index| &table.columns[index]).collect();
    let nothing = Cell::default();
    let rows: Vec<Vec<&Cell>> =
        table.rows.iter().map(|row| shown.iter().map(|&index| row.get(index).unwrap_or(&nothing)).collect()).collect();
    let paint = Paint::new(context.colour);
    if rows.is_empty() {
        return writeln!(out, "{}", paint.tone(Tone::Faint, "(none)"));
    }
    let Some(Layout { widths, gap }) = Layout::of(&columns, &rows, context) else {
        return write_records(&columns, &rows, context, out);
    };
    if !context.no_headers {
        let headings: Vec<_> = columns.iter().map(|column| vec![vec![(Tone::Faint, column.name.to_owned())]]).collect();
        write_row(&headings, &columns, &widths, gap, paint, out)?;
    }
    for row in &rows {
        let cells: Vec<_> = row
            .iter()
            .zip(&widths)
            .map(|(cell, &limit)| wrap(std::slice::from_ref(*cell), context.width.map(|_| limit)))
            .collect();
        write_row(&cells, &columns, &widths, gap, paint, out)?;
    }
    Ok(())
}

/// How wide each column is, and the space between them.
struct Layout {
    widths: Vec<usize>,
    gap: usize,
}

impl Layout {
    /// The natural widths where there is room (or no limit). Where there is none, columns that may wrap give way
    /// first, then all do; `None` where even that does not help.
    fn of(columns: &[&Column], rows: &[Vec<&Cell>], context: &RenderContext) -> Option<Self> {
        let heading = |index: usize| if context.no_headers { 0 } else { width(columns[index].name) };
        let most = |measure: &dyn Fn(&str) -> usize, index: usize| {
            rows.iter().map(|row| measure(&printable(&row[index].text))).max().unwrap_or(0).max(heading(index))
        };
        let natural: Vec<usize> = (0..columns.len()).map(|index| most(&width, index)).collect();
        let [wide_gap, narrow_gap] = GAPS;
        let Some(limit) = context.width else { return Some(Self { widths: natural, gap: wide_gap }) };
        let gaps = columns.len().saturating_sub(1);
        for gap in GAPS {
            if natural.iter().sum::<usize>() + gap * gaps <= limit {
                return Some(Self { widths: natural, gap });
            }
        }
        let room = limit.checked_sub(narrow_gap * gaps)?;
        let words: Vec<usize> = (0..columns.len()).map(|index| most(&longest_word, index)).collect();
        // Whole words first; then long words in the wrapping columns are broken; then names are, too.
        for (all, shortest) in [(false, usize::MAX), (false, 24), (false, 14), (true, 14), (true, 9)] {
            let least: Vec<usize> = (0..columns.len())
                .map(|index| {
                    if all || columns[index].wraps {
                        words[index].min(shortest).max(heading(index))
                    } else {
                        natural[index]
                    }
                })
                .collect();
            if least.iter().sum::<usize>() <= room {
                return Some(Self { widths: share(&natural, &least, room), gap: narrow_gap });
            }
        }
        None
    }
}

/// Shares the room: every column gets its least, and what is left goes to those that are narrowest, so that long texts
/// end up about equally wide and short columns keep their natural width.
fn share(natural: &[usize], least: &[usize], room: usize) -> Vec<usize> {
    let at = |level: usize| -> Vec<usize> {
        natural.iter().zip(least).map(|(&natural, &least)| level.clamp(least, natural.max(least))).collect()
    };
    let (mut low, mut high) = (0, room);
    while low < high {
        let middle = (low + high).div_ceil(2);
        if at(middle).iter().sum::<usize>() <= room {
            low = middle;
        } else {
            high = middle - 1;
        }
    }
    let mut widths = at(low);
    // What the level leaves over, a column each.
    let mut left = room - widths.iter().sum::<usize>();
    for (width, &natural) in widths.iter_mut().zip(natural) {
        if left > 0 && *width < natural {
            *width += 1;
            left -= 1;
        }
    }
    widths
}

/// Writes one row, each cell of which may be several lines.
fn write_row(
    cells: &[Vec<Vec<Span>>],
    columns: &[&Column],
    widths: &[usize],
    gap: usize,
    paint: Paint,
    out: &mut impl Write,
) -> io::Result<()> {
    let height = cells.iter().map(Vec::len).max().unwrap_or(0);
    for number in 0..height {
        let mut line = String::new();
        // Spaces that are owed: written only when something follows, so that no line ends with any.
        let mut owed = 0;
        for ((cell, column), &width) in cells.iter().zip(columns).zip(widths) {
            let piece: &[Span] = cell.get(number).map_or(&[], Vec::as_slice);
            let taken = line_width(piece);
            let padding = width.saturating_sub(taken);
            if column.right {
                owed += padding;
            }
            if taken > 0 {
                line.extend(std::iter::repeat_n(' ', owed));
                line.push_str(&painted(piece, paint));
                owed = 0;
            } else {
                owed += taken;
            }
            owed += if column.right { gap } else { padding + gap };
        }
        writeln!(out, "{line}")?;
    }
    Ok(())
}

/// One line a cell, for a terminal that is too narrow for the table.
fn write_records(
    columns: &[&Column],
    rows: &[Vec<&Cell>],
    context: &RenderContext,
    out: &mut impl Write,
) -> io::Result<()> {
    let paint = Paint::new(context.colour);
    let names = columns.iter().map(|column| width(column.name)).max().unwrap_or(0);
    for (number, row) in rows.iter().enumerate() {
        if number > 0 {
            writeln!(out)?;
        }
        for (column, cell) in columns.iter().zip(row).filter(|(_, cell)| !cell.text.is_empty()) {
            let indent = if context.no_headers { 0 } else { names + 2 };
            let lines = wrap(std::slice::from_ref(*cell), context.width.map(|width| width.saturating_sub(indent)));
            for (line_number, line) in lines.iter().enumerate() {
                let name = if line_number == 0 && !context.no_headers { column.name } else { "" };
                let padding = " ".repeat(indent.saturating_sub(width(name)));
                writeln!(out, "{}{padding}{}", paint.tone(Tone::Faint, name), painted(line, paint))?;
            }
        }
    }
    Ok(())
}
