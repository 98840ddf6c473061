//! Readers of the public formats that the facts come from. The generator of the compiled-in tables and
//! `data update` use the same ones.
//!
//! A reader takes text and the name to show in errors; it never touches a disk or a network. Fields it does not know
//! are ignored, since public formats grow.

pub mod changes;
pub mod endoflife;
pub mod features;
pub mod feed;
pub mod lifecycle;
pub mod osv;
pub mod releases;
pub mod rss;
pub mod schedule;

use serde::de::DeserializeOwned;

/// A public file that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{file}{}: {problem}", place(*.line, *.column))]
pub struct ReadError {
    /// The file or address.
    pub file: String,
    /// Counted from 1; 0 where the problem is no single place.
    pub line: usize,
    /// Counted from 1; 0 where the problem is no single place.
    pub column: usize,
    /// What was found, and what was expected.
    pub problem: String,
}

fn place(line: usize, column: usize) -> String {
    if line == 0 { String::new() } else { format!(":{line}:{column}") }
}

impl ReadError {
    /// A problem of the file as a whole.
    pub fn whole(file: &str, problem: impl Into<String>) -> Self {
        Self { file: file.to_owned(), line: 0, column: 0, problem: problem.into() }
    }

    /// A problem with a value, at the first place where its text stands in the file.
    pub fn at(file: &str, text: &str, value: &str, problem: impl Into<String>) -> Self {
        let Some(offset) = text.find(value).filter(|_| !value.is_empty()) else { return Self::whole(file, problem) };
        Self::at_offset(file, text, offset, problem)
    }

    /// A problem at a byte of the text, which begins a character.
    pub fn at_offset(file: &str, text: &str, offset: usize, problem: impl Into<String>) -> Self {
        let before = &text[..offset];
        let line = before.matches('\n').count() + 1;
        let column = before.chars().rev().take_while(|c| *c != '\n').count() + 1;
        Self { file: file.to_owned(), line, column, problem: problem.into() }
    }
}

/// Reads JSON.
///
/// # Errors
/// With line and column, where it is no JSON or has another shape.
pub fn json<T: DeserializeOwned>(file: &str, text: &str) -> Result<T, ReadError> {
    serde_json::from_str(text.trim_start_matches('\u{feff}')).map_err(|error| ReadError {
        file: file.to_owned(),
        line: error.line(),
        column: error.column(),
        problem: error.to_string(),
    })
}

/// Reads YAML.
///
/// # Errors
/// With line and column, where it is no YAML or has another shape.
pub fn yaml<T: DeserializeOwned>(file: &str, text: &str) -> Result<T, ReadError> {
    serde_saphyr::from_str(text).map_err(|error| {
        let (line, column) =
            error.location().map_or((0, 0), |location| (location.line() as usize, location.column() as usize));
        let problem = error.without_snippet().to_string();
        ReadError { file: file.to_owned(), line, column, problem }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_name_the_place() {
        #[derive(Debug, serde::Deserialize)]
        struct Shape {
            #[expect(dead_code, reason = "only its absence matters here")]
            name: String,
        }
        let error = json::<Shape>("feed.json", "{\n  \"name\": 3\n}").expect_err("a number");
        assert_eq!((error.line, error.column), (2, 11));
        assert!(
            error.to_string().starts_with("feed.json:2:11: invalid type: integer `3`, expected a string"),
            "{error}"
        );
        let error = yaml::<Shape>("eol.yaml", "name: [1]\n").expect_err("a list");
        assert_eq!(error.line, 1);
        assert!(error.to_string().starts_with("eol.yaml:1:"), "{error}");
        let error = ReadError::at("osv.json", "a\n  \"1.x\"", "1.x", "no version");
        assert_eq!(error.to_string(), "osv.json:2:4: no version");
    }
}
