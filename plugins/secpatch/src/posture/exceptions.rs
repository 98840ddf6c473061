//! What somebody has accepted: a YAML file with a reason for each, which people comment as they like.
//!
//! ```yaml
//! # Reviewed by the platform team each January.
//! exceptions:
//! - check: rbac-cluster-admin
//!   object: ClusterRoleBinding/break-glass   # KIND/NAME or KIND/NAMESPACE/NAME; * stands for the rest of a name
//!   reason: the account for the day on which the identity provider is down
//!   expires: 2027-01-31
//! ```

use std::path::Path;

use jiff::civil::Date;
use patchkit::report::{Finding, ObjectRef, Severity, SourceRef};
use serde::Deserialize;
use serde_saphyr::{Location, Spanned};

use super::{
    catalogue::{CheckKind, check, checks},
    model::{Excepted, ExceptionLine},
    outcome::Found,
};

/// A file that is no list of exceptions.
#[derive(Debug, thiserror::Error)]
pub enum ExceptionsError {
    /// It cannot be read.
    #[error("cannot read the exceptions in {path}: {source}")]
    Read {
        /// The file.
        path: String,
        /// Why.
        source: std::io::Error,
    },
    /// Something in it is wrong.
    #[error("{path}:{line}:{column}: {message}")]
    Wrong {
        /// The file.
        path: String,
        /// The line, counted from 1.
        line: u64,
        /// The column, counted from 1.
        column: u64,
        /// What is wrong.
        message: String,
    },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    exceptions: Option<Vec<Wire>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wire {
    check: Spanned<String>,
    reason: Spanned<String>,
    object: Option<Spanned<String>>,
    expires: Option<Spanned<String>>,
}

/// One exception.
#[derive(Debug)]
struct Exception {
    check: &'static CheckKind,
    object: Option<Pattern>,
    reason: String,
    expires: Option<Date>,
    line: u32,
    accepted: usize,
}

/// All exceptions, and what became of them.
#[derive(Debug, Default)]
pub struct Exceptions {
    file: String,
    all: Vec<Exception>,
}

/// Which objects: each part is a name, or the beginning of one with a star behind it.
#[derive(Debug)]
struct Pattern {
    text: String,
    parts: Vec<String>,
}

impl Pattern {
    fn new(text: &str) -> Option<Self> {
        let parts: Vec<String> = text.split('/').map(|part| part.trim().to_lowercase()).collect();
        let is_good = matches!(parts.len(), 2 | 3) && parts.iter().all(|part| !part.is_empty());
        is_good.then(|| Self { text: text.to_owned(), parts })
    }

    fn is_met_by(&self, object: &ObjectRef) -> bool {
        let namespace = object.namespace.as_deref().unwrap_or_default();
        let has = |part: &String, text: &str| match part.strip_suffix('*') {
            Some(beginning) => text.to_lowercase().starts_with(beginning),
            None => *part == text.to_lowercase(),
        };
        match self.parts.as_slice() {
            [kind, name] => has(kind, &object.kind) && has(name, &object.name),
            [kind, of, name] => has(kind, &object.kind) && has(of, namespace) && has(name, &object.name),
            _ => false,
        }
    }
}

impl Exceptions {
    /// Reads a file.
    ///
    /// # Errors
    /// Where it cannot be read, or names no check, or gives no reason: with file, line and column.
    pub fn load(path: &Path) -> Result<Self, ExceptionsError> {
        let text = std::fs::read_to_string(path)
            .map_err(|source| ExceptionsError::Read { path: path.display().to_string(), source })?;
        Self::parse(&path.display().to_string(), &text)
    }

    /// Reads the text of a file of this name.
    ///
    /// # Errors
    /// As [`Self::load`].
    pub fn parse(path: &str, text: &str) -> Result<Self, ExceptionsError> {
        let wrong = |at: Option<Location>, message: String| ExceptionsError::Wrong {
            path: path.to_owned(),
            line: at.map_or(1, |at| at.line()),
            column: at.map_or(1, |at| at.column()),
            message,
        };
        let file: Option<File> = serde_saphyr::from_str(text).map_err(|error| {
            let place = error.location();
            let message = error.without_snippet().to_string();
            wrong(place, message.lines().next().unwrap_or_default().to_owned())
        })?;
        let mut all = Vec::new();
        for wire in file.and_then(|file| file.exceptions).unwrap_or_default() {
            let Some(known) = check(&wire.check.value) else {
                let ids: Vec<&str> = checks().map(|check| check.id).collect();
                let message = format!("there is no check {:?}: expected one of {}", wire.check.value, ids.join(", "));
                return Err(wrong(Some(wire.check.referenced), message));
            };
            if wire.reason.value.trim().is_empty() {
                return Err(wrong(
                    Some(wire.reason.referenced),
                    "the reason is empty: say why it is accepted".to_owned(),
                ));
            }
            let object = match wire.object {
                None => None,
                Some(object) => Some(Pattern::new(&object.value).ok_or_else(|| {
                    let message = format!(
                        "{:?} names no object: expected KIND/NAME or KIND/NAMESPACE/NAME, such as Deployment/shop/web",
                        object.value
                    );
                    wrong(Some(object.referenced), message)
                })?),
            };
            let expires = match wire.expires {
                None => None,
                Some(day) => Some(day.value.parse::<Date>().map_err(|_| {
                    wrong(Some(day.referenced), format!("{:?} is no day: expected one such as 2027-01-31", day.value))
                })?),
            };
            all.push(Exception {
                check: known,
                object,
                reason: wire.reason.value.trim().to_owned(),
                expires,
                line: u32::try_from(wire.check.referenced.line()).unwrap_or(u32::MAX),
                accepted: 0,
            });
        }
        Ok(Self { file: path.to_owned(), all })
    }

    /// Takes what is accepted out of what a check has found. An exception of a day that is over accepts nothing.
    pub(super) fn take(&mut self, id: &str, found: &mut Vec<Found>, today: Date) -> Vec<Excepted> {
        let mut excepted = Vec::new();
        found.retain(|found| {
            let accepts = |exception: &&mut Exception| {
                exception.check.id == id
                    && exception.expires.is_none_or(|end| today <= end)
                    && match (&exception.object, &found.object) {
                        (None, _) => true,
                        (Some(pattern), Some(object)) => pattern.is_met_by(object),
                        (Some(_), None) => false,
                    }
            };
            let Some(exception) = self.all.iter_mut().find(accepts) else { return true };
            exception.accepted += 1;
            excepted.push(Excepted {
                object: found.object.clone(),
                detail: found.detail.clone(),
                reason: exception.reason.clone(),
                expires: exception.expires.map(|day| day.to_string()),
            });
            false
        });
        excepted
    }

    /// What became of each, where these checks have seen everything.
    pub(super) fn lines(&self, today: Date, was_judged: impl Fn(&str) -> bool) -> Vec<ExceptionLine> {
        let line = |exception: &Exception| ExceptionLine {
            check: exception.check.id,
            object: exception.object.as_ref().map(|pattern| pattern.text.clone()),
            reason: exception.reason.clone(),
            expires: exception.expires.map(|day| day.to_string()),
            status: if exception.expires.is_some_and(|end| end < today) {
                "expired"
            } else if exception.accepted > 0 {
                "used"
            } else if was_judged(exception.check.id) {
                "unused"
            } else {
                "not-judged"
            },
            accepted: exception.accepted,
        };
        self.all.iter().map(line).collect()
    }

    /// Exceptions that are over, or that nothing needs any more.
    pub(super) fn findings(&self, lines: &[ExceptionLine]) -> Vec<Finding> {
        let about = |(exception, line): (&Exception, &ExceptionLine)| {
            let of = line.object.as_deref().map(|object| format!(" for {object}")).unwrap_or_default();
            let (id, severity, title, hint) = match line.status {
                "expired" => (
                    "exception-expired",
                    Severity::Medium,
                    format!(
                        "the exception from {}{of} has ended on {}",
                        line.check,
                        line.expires.as_deref().unwrap_or("-")
                    ),
                    "look at it again: renew it, or put right what it accepts",
                ),
                "unused" => (
                    "exception-unused",
                    Severity::Low,
                    format!("nothing needs the exception from {}{of}", line.check),
                    "remove it: it would accept the next one unseen",
                ),
                _ => return None,
            };
            let source = SourceRef { file: self.file.clone(), line: exception.line };
            Some(
                Finding::new(id, severity, title)
                    .with_source(Some(source))
                    .with_evidence("reason", line.reason.as_str())
                    .with_hint(hint),
            )
        };
        self.all.iter().zip(lines).filter_map(about).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wrong(text: &str) -> (u64, u64, String) {
        match Exceptions::parse("x.yaml", text).expect_err("it is wrong") {
            ExceptionsError::Wrong { line, column, message, .. } => (line, column, message),
            other => panic!("{other}"),
        }
    }

    #[test]
    fn mistakes_are_told_with_their_place() {
        for (text, line, column, words) in [
            ("exceptions:\n- check: nonsense\n  reason: x\n", 2, 10, "there is no check \"nonsense\""),
            ("exceptions:\n- check: identity\n  reason: ' '\n", 3, 11, "the reason is empty"),
            ("exceptions:\n- check: identity\n  reason: x\n  expires: soon\n", 4, 12, "\"soon\" is no day"),
            ("exceptions:\n- check: identity\n  reason: x\n  object: web\n", 4, 11, "\"web\" names no object"),
        ] {
            let found = wrong(text);
            assert_eq!((found.0, found.1), (line, column), "{}", found.2);
            assert!(found.2.contains(words), "{}", found.2);
        }
        let unknown = wrong("exceptions:\n- check: identity\n  reason: x\n  reasn: y\n");
        assert!(unknown.0 == 4 && unknown.2.contains("reasn"), "{unknown:?}");
        let missing = wrong("exceptions:\n- check: identity\n");
        assert!(missing.0 >= 1 && missing.2.contains("reason"), "{missing:?}");
        assert!(wrong("exceptions: [").2.len() > 3);
    }

    fn object(kind: &str, namespace: Option<&str>, name: &str) -> ObjectRef {
        ObjectRef {
            kind: kind.to_owned(),
            namespace: namespace.map(str::to_owned),
            name: name.to_owned(),
            ..ObjectRef::default()
        }
    }

    #[test]
    fn only_what_is_named_is_accepted_and_only_in_time() {
        let text = "# why\nexceptions:\n- {check: workload-budget, object: deployment/shop/web*, reason: a}\n\
                    - {check: workload-budget, object: Deployment/old, reason: b, expires: 2026-01-01}\n\
                    - {check: identity, reason: c}\n- {check: namespace-quota, reason: d}\n";
        let mut exceptions = Exceptions::parse("x.yaml", text).unwrap();
        let today: Date = "2026-11-23".parse().unwrap();
        let of = |object: ObjectRef| Found { object: Some(object), ..Found::told("x") };
        let mut found = vec![
            of(object("Deployment", Some("shop"), "web-2")),
            of(object("Deployment", Some("other"), "web-2")),
            of(object("StatefulSet", Some("shop"), "web-2")),
            of(object("Deployment", Some("a"), "old")),
        ];
        let excepted = exceptions.take("workload-budget", &mut found, today);
        assert_eq!((excepted.len(), found.len()), (1, 3));
        assert_eq!(excepted[0].reason, "a");
        let mut me = vec![Found::told("x")];
        assert_eq!(exceptions.take("identity", &mut me, today).len(), 1);
        let lines = exceptions.lines(today, |id| id != "namespace-quota");
        let statuses: Vec<&str> = lines.iter().map(|line| line.status).collect();
        assert_eq!(statuses, ["used", "expired", "used", "not-judged"]);
        let findings = exceptions.findings(&exceptions.lines(today, |_| true));
        let ids: Vec<_> =
            findings.iter().map(|finding| (finding.id.as_str(), finding.source.as_ref().unwrap().line)).collect();
        assert_eq!(ids, [("exception-expired", 4), ("exception-unused", 6)]);
    }

    #[test]
    fn a_file_may_hold_nothing() {
        for text in ["", "# nothing yet\n", "exceptions:\n", "exceptions: []\n"] {
            assert!(Exceptions::parse("x.yaml", text).unwrap().all.is_empty(), "{text:?}");
        }
    }
}
