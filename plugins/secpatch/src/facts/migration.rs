//! What changes in a specification when an object is written with another version of its API.
//!
//! The table is written by hand, from the deprecation guide of the Kubernetes documentation where that speaks, and from
//! a comparison of the types in `k8s.io/api` where it does not. A pair that is not in it was not compared.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{
    Gvk,
    table::{Table, TableError},
};

/// When a change concerns an object. Fields are written with points, and with `[]` behind a list for each of its
/// items: `webhooks[].sideEffects`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "kebab-case")]
pub enum When {
    /// Whatever stands in the object.
    Always,
    /// The field is there.
    Present {
        /// Which.
        field: String,
    },
    /// The field is missing, in one item at least where it stands in the items of a list.
    Absent {
        /// Which.
        field: String,
    },
    /// The field is there and holds nothing: `{}` or `[]`.
    Empty {
        /// Which.
        field: String,
    },
    /// The field has one of these values, as text.
    OneOf {
        /// Which.
        field: String,
        /// The values.
        values: Vec<String>,
    },
    /// The field is there and has none of these values.
    NoneOf {
        /// Which.
        field: String,
        /// The values.
        values: Vec<String>,
    },
    /// A value stands in it more than once.
    Repeated {
        /// Which.
        field: String,
    },
}

impl When {
    /// Whether it holds for an object.
    #[must_use]
    pub fn holds(&self, object: &Value) -> bool {
        match self {
            Self::Always => true,
            Self::Present { field } => !look(object, field).found.is_empty(),
            Self::Absent { field } => look(object, field).missing,
            Self::Empty { field } => look(object, field).found.iter().any(|value| is_empty(value)),
            Self::OneOf { field, values } => {
                look(object, field).found.iter().any(|value| values.contains(&as_text(value)))
            }
            Self::NoneOf { field, values } => {
                look(object, field).found.iter().any(|value| !values.contains(&as_text(value)))
            }
            Self::Repeated { field } => {
                let mut texts: Vec<String> = look(object, field).found.into_iter().map(as_text).collect();
                texts.sort();
                texts.windows(2).any(|pair| pair[0] == pair[1])
            }
        }
    }
}

fn is_empty(value: &Value) -> bool {
    value.as_object().is_some_and(serde_json::Map::is_empty) || value.as_array().is_some_and(Vec::is_empty)
}

fn as_text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// What stands at a field.
#[derive(Default)]
struct Look<'v> {
    found: Vec<&'v Value>,
    missing: bool,
}

fn look<'v>(object: &'v Value, field: &str) -> Look<'v> {
    let steps: Vec<(&str, bool)> =
        field.split('.').map(|step| step.strip_suffix("[]").map_or((step, false), |list| (list, true))).collect();
    let mut look = Look::default();
    walk(object, &steps, &mut look);
    look
}

fn walk<'v>(value: &'v Value, steps: &[(&str, bool)], look: &mut Look<'v>) {
    let Some(((key, is_list), rest)) = steps.split_first() else {
        look.found.push(value);
        return;
    };
    // Null is what Go writes for nothing.
    match value.get(key).filter(|value| !value.is_null()) {
        Some(list) if *is_list => {
            for item in list.as_array().into_iter().flatten() {
                walk(item, rest, look);
            }
        }
        Some(value) => walk(value, rest, look),
        // A list that is not there has no items in which the field could be missing.
        None => look.missing |= !steps.iter().any(|(_, is_list)| *is_list),
    }
}

/// A change of the specification.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SpecChange {
    /// What changes, and what to write.
    pub text: String,
    /// Which objects it concerns.
    pub when: When,
}

/// The changes between two versions of some kinds. Without a change, the API version is all that must be rewritten.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Migration {
    /// The API version that goes.
    pub from: String,
    /// The kinds.
    pub kinds: Vec<String>,
    /// The API versions to which these are all changes.
    pub to: Vec<String>,
    /// The changes.
    pub changes: Vec<SpecChange>,
    /// Where they stand.
    pub source: String,
}

/// All migrations.
#[derive(Debug)]
pub struct Migrations {
    table: Table<Migration>,
}

impl Migrations {
    /// The table's name.
    pub const TABLE: &'static str = "migrations";

    /// Reads the table.
    ///
    /// # Errors
    /// As [`Table::parse`].
    pub fn parse(text: &str) -> Result<Self, TableError> {
        Ok(Self { table: Table::parse(Self::TABLE, text)? })
    }

    /// The table.
    #[must_use]
    pub const fn table(&self) -> &Table<Migration> {
        &self.table
    }

    /// What changes from one version of a kind to another; `None` where nobody compared them.
    #[must_use]
    pub fn between(&self, from: &Gvk, to: &Gvk) -> Option<&Migration> {
        let (old, new) = (from.api_version(), to.api_version());
        self.table
            .records
            .iter()
            .find(|it| from.kind == to.kind && it.from == old && it.kinds.contains(&from.kind) && it.to.contains(&new))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn fields_are_found_in_every_item() {
        let object = json!({"spec": {"backend": {}, "none": null, "usages": ["a", "b", "a"], "rules": [
            {"host": "x"},
            {"http": {"paths": [{"path": "/", "pathType": "Prefix"}, {"path": "/b"}]}},
        ]}});
        let holds = |when: Value| serde_json::from_value::<When>(when).expect("a condition").holds(&object);
        for (when, expected) in [
            (json!({"is": "always"}), true),
            (json!({"is": "present", "field": "spec.backend"}), true),
            (json!({"is": "present", "field": "spec.none"}), false),
            (json!({"is": "absent", "field": "spec.none"}), true),
            (json!({"is": "absent", "field": "spec.none.below"}), true),
            (json!({"is": "absent", "field": "spec.rules[].http.paths[].pathType"}), true),
            (json!({"is": "absent", "field": "spec.rules[].http.paths[].path"}), false),
            (json!({"is": "absent", "field": "spec.nothing[].path"}), false),
            (json!({"is": "empty", "field": "spec.backend"}), true),
            (json!({"is": "empty", "field": "spec.rules"}), false),
            (json!({"is": "one-of", "field": "spec.rules[].host", "values": ["x"]}), true),
            (json!({"is": "none-of", "field": "spec.rules[].host", "values": ["x"]}), false),
            (json!({"is": "none-of", "field": "spec.nothing", "values": ["x"]}), false),
            (json!({"is": "repeated", "field": "spec.usages[]"}), true),
            (json!({"is": "repeated", "field": "spec.rules[].host"}), false),
        ] {
            assert_eq!(holds(when.clone()), expected, "{when}");
        }
    }
}
