//! One object of a file, in JSON or in YAML, ready to be read as some type.

use serde::de::DeserializeOwned;
use serde_saphyr::options::DuplicateKeyPolicy;

use super::{problem::Problem, rule_lines, yaml_block};
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

/// A document or an item in YAML.
pub(super) struct YamlDocument<'a> {
    text: &'a str,
    /// The same as JSON, where it is written in the usual way.
    json: Option<Vec<u8>>,
}

impl<'a> YamlDocument<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self { text, json: yaml_block::to_json(text) }
    }
}

impl Document for YamlDocument<'_> {
    type Error = Problem;

    fn read<T: DeserializeOwned>(&self) -> Result<T, Problem> {
        // What does not fit its type is told by the full parser, which knows the place; and it may fit after all: YAML
        // has more notations for a field's value than JSON.
        match self.json.as_deref().map(serde_json::from_slice) {
            Some(Ok(read)) => Ok(read),
            _ => FullYaml(self.text).read(),
        }
    }

    fn rule_lines(&self) -> RuleLines {
        rule_lines::of_yaml(self.text)
    }
}

/// A document or an item, read by a parser of the whole language.
pub(super) struct FullYaml<'a>(pub(super) &'a str);

impl Document for FullYaml<'_> {
    type Error = Problem;

    fn read<T: DeserializeOwned>(&self) -> Result<T, Problem> {
        let mut error = match serde_saphyr::from_str_with_options(self.0, options(DuplicateKeyPolicy::Error)) {
            Ok(read) => return Ok(read),
            Err(error) => error,
        };
        // As kubectl reads it, the last of two equal keys wins. To look out for it costs time, so only now.
        if matches!(error.without_snippet(), serde_saphyr::Error::DuplicateMappingKey { .. }) {
            error = match serde_saphyr::from_str_with_options(self.0, options(DuplicateKeyPolicy::LastWins)) {
                Ok(read) => return Ok(read),
                Err(error) => error,
            };
        }
        Err(Problem::of_yaml(self.0, &error))
    }
}

/// YAML as kubectl reads it (`sigs.k8s.io/yaml`): `yes` and `on` are true for a field that is a boolean, numbers with
/// a leading zero are octal, merge keys merge.
fn options(duplicate_keys: DuplicateKeyPolicy) -> serde_saphyr::Options {
    // A list of a whole cluster is no attack. What protects from one (aliases) stays; schemas of custom resources
    // nest deeper than the usual limit of 64, and each level takes some room on the stack.
    serde_saphyr::options! {
        with_snippet: false,
        duplicate_keys: duplicate_keys,
        legacy_octal_numbers: true,
        budget: serde_saphyr::budget! {
            max_events: usize::MAX,
            max_nodes: usize::MAX,
            max_total_scalar_bytes: usize::MAX,
            max_depth: 100,
        },
    }
}
