//! The layout of a report for people: headings, paragraphs, tables and check lists, without a word about colour
//! codes, widths or markup. A terminal and a markdown page are both made from it.

use super::CheckStatus;

/// What a piece of text means, from which a renderer takes its look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Tone {
    /// Plain text.
    #[default]
    Plain,
    /// Good news.
    Good,
    /// To be known.
    Notice,
    /// In the way.
    Bad,
    /// Present, but not the point.
    Faint,
    /// The point.
    Strong,
}

/// One piece of text with its tone.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cell {
    /// The text, without line breaks.
    pub text: String,
    /// What it means.
    pub tone: Tone,
}

impl Cell {
    /// Text with a tone.
    #[must_use]
    pub fn new(text: impl Into<String>, tone: Tone) -> Self {
        Self { text: text.into(), tone }
    }
}

impl<T: Into<String>> From<T> for Cell {
    fn from(text: T) -> Self {
        Self { text: text.into(), tone: Tone::Plain }
    }
}

/// A column of a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    /// The heading, in capitals by custom.
    pub name: &'static str,
    /// Shown with `-o wide` and in markdown only.
    pub wide_only: bool,
    /// Numbers stand at the right.
    pub right: bool,
    /// May be broken over several lines where the terminal is too narrow.
    pub wraps: bool,
}

impl Column {
    /// A column of short words that is always shown.
    #[must_use]
    pub const fn new(name: &'static str) -> Self {
        Self { name, wide_only: false, right: false, wraps: false }
    }

    /// Shown with `-o wide` and in markdown only.
    #[must_use]
    pub const fn wide(mut self) -> Self {
        self.wide_only = true;
        self
    }

    /// Aligned at the right.
    #[must_use]
    pub const fn right(mut self) -> Self {
        self.right = true;
        self
    }

    /// May be broken over several lines.
    #[must_use]
    pub const fn wraps(mut self) -> Self {
        self.wraps = true;
        self
    }
}

/// A table. Each row has one cell a column.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Table {
    /// The columns from left to right.
    pub columns: Vec<Column>,
    /// The rows from top to bottom.
    pub rows: Vec<Vec<Cell>>,
}

impl Table {
    /// A table without rows.
    #[must_use]
    pub fn new(columns: impl IntoIterator<Item = Column>) -> Self {
        Self { columns: columns.into_iter().collect(), rows: Vec::new() }
    }

    /// Adds a row at the end.
    pub fn push(&mut self, row: impl IntoIterator<Item = Cell>) {
        let row: Vec<Cell> = row.into_iter().collect();
        debug_assert_eq!(row.len(), self.columns.len(), "one cell a column");
        self.rows.push(row);
    }
}

/// A line of a check list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChecklistItem {
    /// The mark before it.
    pub status: CheckStatus,
    /// What was checked, or what is to be done.
    pub title: String,
    /// The evidence, one line each.
    pub details: Vec<String>,
}

/// One part of a document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Block {
    /// A heading; level 1 is the report's title.
    Heading {
        /// 1, 2 or 3.
        level: u8,
        /// The text.
        text: String,
    },
    /// A paragraph; the pieces follow each other without a space of their own.
    Paragraph(Vec<Cell>),
    /// A list of points.
    List(Vec<Cell>),
    /// A table.
    Table(Table),
    /// Checks that were made, with their outcome.
    Checklist(Vec<ChecklistItem>),
    /// Things to do: a box to tick in markdown, a number in a terminal.
    Tasks(Vec<ChecklistItem>),
    /// Commands to copy.
    Commands(Vec<String>),
}

/// A report laid out for people.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Document {
    /// The parts from top to bottom.
    pub blocks: Vec<Block>,
}

impl Document {
    /// Adds a heading.
    pub fn heading(&mut self, level: u8, text: impl Into<String>) {
        self.blocks.push(Block::Heading { level, text: text.into() });
    }

    /// Adds a paragraph.
    pub fn paragraph(&mut self, pieces: impl IntoIterator<Item = Cell>) {
        self.blocks.push(Block::Paragraph(pieces.into_iter().collect()));
    }

    /// Adds a paragraph of plain text.
    pub fn text(&mut self, text: impl Into<String>) {
        self.paragraph([Cell::from(text.into())]);
    }

    /// Adds a part.
    pub fn push(&mut self, block: Block) {
        self.blocks.push(block);
    }
}
