//! Changes that break, worked out from the release notes.

use serde::Deserialize;

use super::{ReadError, json};
use crate::facts::Change;

#[derive(Deserialize)]
struct File {
    changes: Vec<Change>,
}

/// Reads the table.
///
/// # Errors
/// Where it has another shape.
pub fn read(file: &str, text: &str) -> Result<Vec<Change>, ReadError> {
    json::<File>(file, text).map(|file| file.changes)
}
