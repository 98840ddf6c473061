//! One thing that was found, and one thing that could not be looked at.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::Severity;

/// The object of the cluster that something is said about.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ObjectRef {
    /// Group and version, such as `apps/v1`; empty where only the kind is known.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub api_version: String,
    /// The kind, such as `Deployment`.
    pub kind: String,
    /// The namespace; absent for objects of the whole cluster.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// The object's name.
    pub name: String,
    /// The container inside the object, where the finding is about one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub container: Option<String>,
}

impl ObjectRef {
    /// The form of `-o name`: `pod/web-0`, `deployment.apps/web`.
    #[must_use]
    pub fn resource_name(&self) -> String {
        let kind = self.kind.to_ascii_lowercase();
        match self.api_version.split_once('/') {
            Some((group, _)) => format!("{kind}.{group}/{}", self.name),
            None => format!("{kind}/{}", self.name),
        }
    }

    /// The form for people: `Deployment shop/web`, with the container behind it where there is one.
    #[must_use]
    pub fn display(&self) -> String {
        let mut text = match &self.namespace {
            Some(namespace) => format!("{} {namespace}/{}", self.kind, self.name),
            None => format!("{} {}", self.kind, self.name),
        };
        if let Some(container) = &self.container {
            text.push_str(" container ");
            text.push_str(container);
        }
        text
    }
}

/// Where in the input files an object stands.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct SourceRef {
    /// The file as it was named on the command line or found below a directory; `-` is standard input.
    pub file: String,
    /// The line on which the object begins, counted from 1.
    pub line: u32,
}

/// One thing that was found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Finding {
    /// A stable identifier of the rule, such as `api-removed`.
    pub id: String,
    /// How much it matters.
    pub severity: Severity,
    /// One line that says what is wrong.
    pub title: String,
    /// The object it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub object: Option<ObjectRef>,
    /// Where that object stands in the input files.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<SourceRef>,
    /// The facts that the finding rests on.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub evidence: Map<String, Value>,
    /// What to do about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
    /// Pages to read.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub links: Vec<String>,
}

impl Finding {
    /// A finding without an object, evidence or hint; the `with_…` methods add them.
    #[must_use]
    pub fn new(id: impl Into<String>, severity: Severity, title: impl Into<String>) -> Self {
        Self {
            id: id.into(),
            severity,
            title: title.into(),
            object: None,
            source: None,
            evidence: Map::new(),
            hint: None,
            links: Vec::new(),
        }
    }

    /// Names the object that the finding is about.
    #[must_use]
    pub fn with_object(mut self, object: ObjectRef) -> Self {
        self.object = Some(object);
        self
    }

    /// Says where the object stands in the input files.
    #[must_use]
    pub fn with_source(mut self, source: Option<SourceRef>) -> Self {
        self.source = source;
        self
    }

    /// Adds one fact that the finding rests on.
    #[must_use]
    pub fn with_evidence(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.evidence.insert(name.to_owned(), value.into());
        self
    }

    /// Says what to do about it.
    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Adds a page to read.
    #[must_use]
    pub fn with_link(mut self, link: impl Into<String>) -> Self {
        self.links.push(link.into());
        self
    }
}

/// Something that could not be looked at. It never counts as clean.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct NotEvaluated {
    /// What was left out: a resource (`secrets`), a file, a check.
    pub what: String,
    /// Why, in the words of whoever refused: `Forbidden: …`.
    pub why: String,
    /// No right, flag or other input of the user's would show it: the provider keeps it to itself, or no API tells it.
    /// It is named, but does not make the report a partial one: else a pipeline could never pass on such a cluster.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub hidden: bool,
}

impl NotEvaluated {
    /// What was left out, and why.
    #[must_use]
    pub fn new(what: impl Into<String>, why: impl Into<String>) -> Self {
        Self { what: what.into(), why: why.into(), hidden: false }
    }

    /// What is shown to nobody, and why.
    #[must_use]
    pub fn hidden(what: impl Into<String>, why: impl Into<String>) -> Self {
        Self { hidden: true, ..Self::new(what, why) }
    }
}
