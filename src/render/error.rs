//! What can go wrong while a report is written.

use std::io;

use super::JsonPathError;

/// A report that could not be written.
#[derive(Debug, thiserror::Error)]
pub enum RenderError {
    /// The output does not take what is written to it: a closed pipe, a full disk.
    #[error("cannot write the report")]
    Write(#[from] io::Error),
    /// The report cannot be put into this form, which is a mistake in the code that made it.
    #[error("the report cannot be written as {format}: {why}")]
    Form {
        /// The form that was asked for.
        format: &'static str,
        /// What stands in the way.
        why: String,
    },
    /// The template of `-o jsonpath=…` does not fit the report.
    #[error(transparent)]
    JsonPath(#[from] JsonPathError),
    /// The format belongs to one command, which has to write it itself before it asks for the common ones.
    #[error("the format {0:?} is not one of the common ones")]
    OwnFormat(&'static str),
}
