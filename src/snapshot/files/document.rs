//! One object of a file, in JSON or in YAML, ready to be read as some type.

use std::cell::OnceCell;

use serde::de::DeserializeOwned;

use super::{
    full_yaml::{self, Rewritten},
    problem::Problem,
    rule_lines, yaml_block,
};
use crate::snapshot::{builder::Document, objects::rule_lines::RuleLines};

/// An object in JSON.
pub(super) struct JsonDocument<'a>(pub(super) &'a [u8]);

impl Document for JsonDocument<'_> {
    type Error = Problem;

    fn read<T: DeserializeOwned>(&self) -> Result<T, Problem> {
        serde_json::from_slice(self.0).map_err(|error| Problem::of_json(self.0, &error))
    }

    fn rule_lines(&self) -> RuleLines {
        rule_lines::of_json(self.0)
    }
}

/// A document or an item in YAML, as JSON once that is asked for.
pub(super) struct YamlDocument<'a> {
    text: &'a str,
    /// Where it is written in the usual way.
    usual: OnceCell<Option<Vec<u8>>>,
    /// By a parser of the whole language, where that was needed.
    full: OnceCell<Result<Rewritten, Problem>>,
}

impl<'a> YamlDocument<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self { text, usual: OnceCell::new(), full: OnceCell::new() }
    }

    /// Rewrites it now, for somebody who reads it later.
    pub(super) fn rewritten(self) -> Self {
        if self.usual().is_none() {
            let _ = self.full();
        }
        self
    }

    fn usual(&self) -> Option<&[u8]> {
        self.usual.get_or_init(|| yaml_block::to_json(self.text)).as_deref()
    }

    fn full(&self) -> Result<&Rewritten, Problem> {
        self.full.get_or_init(|| full_yaml::to_json(self.text)).as_ref().map_err(Problem::clone)
    }
}

impl Document for YamlDocument<'_> {
    type Error = Problem;

    fn read<T: DeserializeOwned>(&self) -> Result<T, Problem> {
        // What does not fit its type is told by the full parser, which knows the place.
        let usual = self.usual().filter(|json| is_object(json));
        if let Some(Ok(read)) = usual.map(serde_json::from_slice) {
            return Ok(read);
        }
        let full = self.full()?;
        if !is_object(&full.json) {
            return Err(Problem::no_object(self.text, full));
        }
        serde_json::from_slice(&full.json).map_err(|error| Problem::of_rewritten(self.text, full, &error))
    }

    fn rule_lines(&self) -> RuleLines {
        rule_lines::of_yaml(self.text)
    }
}

/// A type with fields could be read from a list of their values too, which no manifest means.
fn is_object(json: &[u8]) -> bool {
    json.first() == Some(&b'{')
}
