//! Feature gates: their stage, default and lock by version, and when they went.

use patchkit::rules::Minor;
use serde::{Deserialize, Serialize};

use super::table::{Table, TableError};

/// How far a feature has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Stage {
    /// Off by default, may go at any time.
    Alpha,
    /// May change still.
    Beta,
    /// Generally available.
    Stable,
    /// On its way out.
    Deprecated,
}

/// A gate during some minors.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GateSpan {
    /// The first minor.
    pub from: Minor,
    /// The stage.
    pub stage: Stage,
    /// Whether it is on where nobody sets it. `None` where no source says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default: Option<bool>,
    /// Whether a component refuses to start where it is set to anything else. `None` where no source says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub locked: Option<bool>,
}

/// A feature gate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Gate {
    /// The name as it is set.
    pub name: String,
    /// Its spans, the oldest first.
    pub spans: Vec<GateSpan>,
    /// The first minor in which a component that is given it does not start.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub removed: Option<Minor>,
    /// A gate of the client library: set by environment variables, unknown to `--feature-gates`.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub client_go: bool,
}

/// A gate at one minor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GateAt<'a> {
    /// It does not exist yet.
    NotYet {
        /// The minor that brings it.
        from: Minor,
    },
    /// It exists.
    Present(&'a GateSpan),
    /// It is gone: a component that is given it does not start.
    Removed {
        /// The first minor without it.
        since: Minor,
    },
}

impl Gate {
    /// The gate at a minor.
    #[must_use]
    pub fn at(&self, minor: Minor) -> Option<GateAt<'_>> {
        if let Some(since) = self.removed
            && since <= minor
        {
            return Some(GateAt::Removed { since });
        }
        match self.spans.iter().rev().find(|span| span.from <= minor) {
            Some(span) => Some(GateAt::Present(span)),
            None => Some(GateAt::NotYet { from: self.spans.first()?.from }),
        }
    }

    /// Why a component at a minor would not start with this gate set to a value; `None` where it would.
    #[must_use]
    pub fn problem(&self, value: bool, minor: Minor) -> Option<GateProblem> {
        match self.at(minor)? {
            GateAt::Removed { since } => Some(GateProblem::Removed { since }),
            GateAt::NotYet { from } => Some(GateProblem::NotYet { from }),
            GateAt::Present(span) if span.locked == Some(true) && span.default.is_some_and(|fixed| fixed != value) => {
                Some(GateProblem::Locked { since: span.from, to: !value })
            }
            GateAt::Present(_) => None,
        }
    }
}

/// Why a component would not start with a gate that is set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GateProblem {
    /// The gate is gone.
    Removed {
        /// The first minor without it.
        since: Minor,
    },
    /// The gate can no longer be set to another value.
    Locked {
        /// The first minor in which it is so.
        since: Minor,
        /// The value that it is locked to.
        to: bool,
    },
    /// The gate does not exist yet.
    NotYet {
        /// The minor that brings it.
        from: Minor,
    },
}

/// All gates.
#[derive(Debug)]
pub struct Gates {
    table: Table<Gate>,
}

impl Gates {
    /// The table's name.
    pub const TABLE: &'static str = "gates";

    /// Reads the table.
    ///
    /// # Errors
    /// As [`Table::parse`].
    pub fn parse(text: &str) -> Result<Self, TableError> {
        Table::parse(Self::TABLE, text).map(Self::new)
    }

    /// Sorts the table.
    #[must_use]
    pub fn new(mut table: Table<Gate>) -> Self {
        table.records.sort_by(|a, b| a.name.cmp(&b.name));
        Self { table }
    }

    /// The table.
    #[must_use]
    pub const fn table(&self) -> &Table<Gate> {
        &self.table
    }

    /// All, by name.
    #[must_use]
    pub fn all(&self) -> &[Gate] {
        &self.table.records
    }

    /// A gate by its exact name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Gate> {
        let index = self.all().binary_search_by(|gate| gate.name.as_str().cmp(name)).ok()?;
        Some(&self.all()[index])
    }

    /// A gate at a minor; `None` where no source knows the gate.
    #[must_use]
    pub fn at(&self, name: &str, minor: Minor) -> Option<GateAt<'_>> {
        self.get(name)?.at(minor)
    }
}
