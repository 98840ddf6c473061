//! What a command has to say, before anybody decides how it looks.
//!
//! A [`Report`] is the versioned envelope that other programs rely on: findings with severity, evidence and a hint,
//! what could not be evaluated as a first-class answer, and one section of its own per report kind. A report also
//! carries a [`Document`], the same content laid out for people. Rendering either is the work of [`crate::render`].

mod clusters;
mod document;
mod envelope;
mod exit;
mod finding;
mod severity;
pub mod words;

pub use clusters::{FailedContext, MultiClusterMetadata, MultiClusterReport, MultiClusterSummary};
pub use document::{Block, Cell, ChecklistItem, Column, Document, Table, Tone};
pub use envelope::{API_VERSION, Check, CheckStatus, Counts, Metadata, Report, Source, Summary};
pub use exit::{Exit, FailOn};
pub use finding::{Finding, NotEvaluated, ObjectRef, SourceRef};
pub use severity::{Severity, UnknownSeverity};
