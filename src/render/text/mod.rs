//! Reports for people at a terminal, and for `grep` and `awk` behind a pipe.

mod blocks;
mod report;
mod table;
mod wrap;

pub use blocks::write_document;
pub(super) use report::write_report;

/// What a renderer is told of the stream that it writes to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RenderContext {
    /// Columns of the terminal; `None` for a pipe, where nothing is wrapped.
    pub width: Option<usize>,
    /// Escape codes for colour are wanted.
    pub colour: bool,
    /// Headings of tables are left out.
    pub no_headers: bool,
}
