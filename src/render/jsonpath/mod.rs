//! kubectl's JSONPath templates.
//!
//! This is not the JSONPath of RFC 9535 but an older dialect inside a small template language: text outside braces is
//! written as it is, an expression in braces writes what it selects with spaces between, `range` and `end` repeat what
//! stands between them, and a missing field is empty. What it accepts, what it writes and what it refuses was compared
//! with kubectl 1.37 case by case (`kubectl-cases.json`), oddities included: a dot within `['…']` still separates
//! fields unless a backslash stands before it, and comparing values of different types is an error.
//!
//! Two differences are meant: a text without any braces that begins like an expression (`.plan.target`) is one, where
//! kubectl writes it back unchanged; and what kubectl writes in the random order of its maps comes sorted.

mod compare;
mod evaluate;
mod parse;
mod unquote;

use std::io::Write;

use serde_json::Value;

/// A template that can be evaluated. Made with [`JsonPath::parse`].
#[derive(Clone, Debug, PartialEq)]
pub struct JsonPath {
    source: String,
    parts: Vec<Part>,
}

/// A part of a template.
#[derive(Clone, Debug, PartialEq)]
enum Part {
    /// Written as it is.
    Text(String),
    /// What is selected is written.
    Show(Vec<Step>),
    /// For each thing that is selected, the parts are written with it as the current one.
    Range(Vec<Step>, Vec<Part>),
}

/// A step from values to values.
#[derive(Clone, Debug, PartialEq)]
enum Step {
    /// Forget the values; go on with this one.
    Literal(Value),
    /// The field of each object.
    Field(String),
    /// Everything in each object or list.
    Wildcard,
    /// Each value and everything below it.
    Recursive,
    /// Elements of each list.
    Slice(Slice),
    /// What several paths select, one after another.
    Union(Vec<Vec<Step>>),
    /// The elements of each list for which the test holds.
    Filter(Vec<Step>, Test),
    /// Something that is wrong only when it is reached, as in kubectl: a word that means nothing.
    Fails(String),
}

/// Which elements of a list. Negative positions count from its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Slice {
    /// One element, which has to be there.
    One(i64),
    /// From, to (without it), and every how many.
    Some {
        /// The beginning where there is none.
        start: Option<i64>,
        /// The end where there is none.
        end: Option<i64>,
        /// 1 where there is none.
        step: Option<i64>,
    },
}

/// What a filter asks of an element.
#[derive(Clone, Debug, PartialEq)]
enum Test {
    /// Something is selected.
    Exists,
    /// What is selected compares like this with what the other path selects.
    Compare(compare::Operator, Vec<Step>),
}

/// A template that cannot be read, or that does not fit the data.
#[derive(Debug, thiserror::Error)]
pub enum JsonPathError {
    /// The text is no template. The words are kubectl's.
    #[error("error parsing jsonpath {template}, {why}")]
    Parse {
        /// The text.
        template: String,
        /// What is wrong with it.
        why: String,
    },
    /// The template does not fit the report: a list is expected where there is none, and so on.
    #[error("error executing jsonpath {template:?}: {why}")]
    Execute {
        /// The text.
        template: String,
        /// What does not fit.
        why: String,
    },
}

impl JsonPath {
    /// Reads a template. A text without any braces that begins like an expression is taken for one.
    ///
    /// # Errors
    /// Says what is wrong with it, in kubectl's words.
    pub fn parse(text: &str) -> Result<Self, JsonPathError> {
        let is_bare = !text.contains(['{', '}']) && text.starts_with(['.', '[', '$', '@']);
        let template = if is_bare { format!("{{{text}}}") } else { text.to_owned() };
        match parse::template(&template) {
            Ok(parts) => Ok(Self { source: text.to_owned(), parts }),
            Err(why) => Err(JsonPathError::Parse { template: text.to_owned(), why }),
        }
    }

    /// The text that it was made from.
    #[must_use]
    pub fn source(&self) -> &str {
        &self.source
    }

    /// What the template makes of the data.
    ///
    /// # Errors
    /// Where the data has another shape than the template expects.
    pub fn evaluate(&self, data: &Value) -> Result<String, JsonPathError> {
        evaluate::parts(&self.parts, data).map_err(|why| JsonPathError::Execute { template: self.source.clone(), why })
    }
}

/// Writes what the template makes of a report, without a line break of its own.
pub(super) fn write(
    report: &crate::report::Report,
    template: &JsonPath,
    out: &mut impl Write,
) -> Result<(), super::RenderError> {
    let text = template.evaluate(&super::json::envelope(report)?)?;
    Ok(out.write_all(text.as_bytes())?)
}

#[cfg(test)]
mod tests;
