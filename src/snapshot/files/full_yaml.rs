//! Any YAML, rewritten as JSON by a parser of the whole language, with the place of each value.
//!
//! As kubectl does it (`sigs.k8s.io/yaml`): what a plain scalar is follows from how it is written, not from the field
//! that it is for. Only a single `y` or `n` stays a text here. Types are then read from JSON alone. Read from YAML as well, each of them would be compiled a second
//! time, which took a third of each program.

use std::{collections::HashMap, fmt};

use serde::{
    Deserialize, Deserializer,
    de::{Error as _, MapAccess, SeqAccess, Visitor},
};
use serde_saphyr::{Location, Spanned, options::DuplicateKeyPolicy};

use super::problem::Problem;

/// A text as JSON.
pub(super) struct Rewritten {
    /// The JSON, on one line.
    pub(super) json: Vec<u8>,
    values: Vec<Place>,
}

/// Where a value stands in the JSON, and where in the YAML.
struct Place {
    start: usize,
    end: usize,
    location: Location,
}

impl Rewritten {
    /// Where in the YAML the innermost value begins that holds this byte of the JSON, or ends before it; line and
    /// column, both counted from 1.
    pub(super) fn place(&self, offset: usize) -> (u64, u64) {
        let holds = |value: &&Place| value.start <= offset && offset <= value.end;
        // Inner values stand behind those that hold them.
        let found = self.values.iter().rfind(holds).or(self.values.first());
        found.map_or((1, 1), |value| (value.location.line(), value.location.column()))
    }
}

/// Rewrites the text of one document or item.
///
/// # Errors
/// What is wrong with it, and where.
pub(super) fn to_json(text: &str) -> Result<Rewritten, Problem> {
    let read = |duplicate_keys| serde_saphyr::from_str_with_options(text, options(duplicate_keys));
    let tree: Spanned<Node> = match read(DuplicateKeyPolicy::Error) {
        // As kubectl reads it, the last of two equal keys wins. To look out for it costs time, so only now.
        Err(error) if matches!(error.without_snippet(), serde_saphyr::Error::DuplicateMappingKey { .. }) => {
            read(DuplicateKeyPolicy::LastWins)
        }
        read => read,
    }
    .map_err(|error| Problem::of_yaml(text, &error))?;
    let mut rewritten = Rewritten { json: Vec::with_capacity(text.len() + text.len() / 8), values: Vec::new() };
    write(text, &tree, &mut rewritten).map_err(|error| Problem::whole(error.to_string()))?;
    Ok(rewritten)
}

/// YAML as kubectl reads it (`sigs.k8s.io/yaml`): `yes` and `on` are true, numbers with a leading zero are octal, merge
/// keys merge.
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

/// A value, whatever it is for.
enum Node {
    Null,
    Bool(bool),
    Number(serde_json::Number),
    Text(String),
    List(Vec<Spanned<Node>>),
    Fields(Vec<(String, Spanned<Node>)>),
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct AnyNode;
        impl<'de> Visitor<'de> for AnyNode {
            type Value = Node;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a value")
            }

            fn visit_unit<E>(self) -> Result<Node, E> {
                Ok(Node::Null)
            }

            fn visit_bool<E>(self, value: bool) -> Result<Node, E> {
                Ok(Node::Bool(value))
            }

            fn visit_i64<E>(self, value: i64) -> Result<Node, E> {
                Ok(Node::Number(value.into()))
            }

            fn visit_u64<E>(self, value: u64) -> Result<Node, E> {
                Ok(Node::Number(value.into()))
            }

            fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<Node, E> {
                serde_json::Number::from_f64(value).map(Node::Number).ok_or_else(|| E::custom("a number without end"))
            }

            fn visit_str<E>(self, value: &str) -> Result<Node, E> {
                Ok(Node::Text(value.to_owned()))
            }

            fn visit_string<E>(self, value: String) -> Result<Node, E> {
                Ok(Node::Text(value))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Node, A::Error> {
                let mut items = Vec::new();
                while let Some(item) = list.next_element()? {
                    items.push(item);
                }
                Ok(Node::List(items))
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Node, A::Error> {
                let mut fields: Vec<(String, Spanned<Node>)> = Vec::new();
                while let Some(key) = map.next_key::<Option<String>>()? {
                    let key = key.ok_or_else(|| A::Error::custom("a key that is null"))?;
                    fields.push((key, map.next_value()?));
                }
                Ok(Node::Fields(last_of_equal_keys(fields)))
            }
        }
        deserializer.deserialize_any(AnyNode)
    }
}

/// Where equal keys are allowed, the last one wins.
fn last_of_equal_keys(fields: Vec<(String, Spanned<Node>)>) -> Vec<(String, Spanned<Node>)> {
    let mut last: HashMap<String, Spanned<Node>> = HashMap::with_capacity(fields.len());
    let mut keys = Vec::with_capacity(fields.len());
    for (key, value) in fields {
        if last.insert(key.clone(), value).is_none() {
            keys.push(key);
        }
    }
    keys.into_iter().filter_map(|key| last.remove_entry(&key)).collect()
}

/// A boolean that is written as one letter. YAML 1.1 knows these too, but neither YAML 1.2 nor what most programs write
/// does: they leave a name such as `n` without quotes.
fn single_letter(text: &str, location: Location) -> Option<&str> {
    let start = usize::try_from(location.span().byte_offset()?).ok()?;
    let rest = text.get(start..)?;
    let end = rest.find(|character: char| !character.is_alphanumeric()).unwrap_or(rest.len());
    matches!(&rest[..end], "y" | "Y" | "n" | "N").then(|| &rest[..end])
}

fn write(text: &str, node: &Spanned<Node>, to: &mut Rewritten) -> Result<(), serde_json::Error> {
    let index = to.values.len();
    to.values.push(Place { start: to.json.len(), end: 0, location: node.referenced });
    match &node.value {
        Node::Null => to.json.extend_from_slice(b"null"),
        Node::Bool(value) => match single_letter(text, node.defined) {
            Some(letter) => serde_json::to_writer(&mut to.json, letter)?,
            None => serde_json::to_writer(&mut to.json, value)?,
        },
        Node::Number(value) => serde_json::to_writer(&mut to.json, value)?,
        Node::Text(value) => serde_json::to_writer(&mut to.json, value)?,
        Node::List(items) => {
            to.json.push(b'[');
            for (at, item) in items.iter().enumerate() {
                if at > 0 {
                    to.json.push(b',');
                }
                write(text, item, to)?;
            }
            to.json.push(b']');
        }
        Node::Fields(fields) => {
            to.json.push(b'{');
            for (at, (key, value)) in fields.iter().enumerate() {
                if at > 0 {
                    to.json.push(b',');
                }
                serde_json::to_writer(&mut to.json, key)?;
                to.json.push(b':');
                write(text, value, to)?;
            }
            to.json.push(b'}');
        }
    }
    to.values[index].end = to.json.len();
    Ok(())
}
