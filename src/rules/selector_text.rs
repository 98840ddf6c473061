//! Label selectors as they are typed: `app=web,tier in (front, back),!canary`.
//!
//! Source: `k8s.io/apimachinery/pkg/labels/selector.go` (`Parse`).

use std::{fmt, str::FromStr};

use compact_str::CompactString;

use super::{LabelSelector, Operator, Requirement};

impl fmt::Display for LabelSelector {
    /// In the form that is typed.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let pairs = self.match_labels.iter().map(|(key, value)| format!("{key}={value}"));
        let parts: Vec<String> = pairs.chain(self.match_expressions.iter().map(ToString::to_string)).collect();
        f.pad(&parts.join(","))
    }
}

impl fmt::Display for Requirement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { key, operator, values } = self;
        let all = values.join(",");
        match (operator, values.as_slice()) {
            (Operator::In, [one]) => write!(f, "{key}={one}"),
            (Operator::NotIn, [one]) => write!(f, "{key}!={one}"),
            (Operator::In, _) => write!(f, "{key} in ({all})"),
            (Operator::NotIn, _) => write!(f, "{key} notin ({all})"),
            (Operator::Exists, _) => write!(f, "{key}"),
            (Operator::DoesNotExist, _) => write!(f, "!{key}"),
            (Operator::Gt, _) => write!(f, "{key}>{all}"),
            (Operator::Lt, _) => write!(f, "{key}<{all}"),
            (Operator::Unknown(word), _) => write!(f, "{key} {word} ({all})"),
        }
    }
}

/// A text that is no label selector.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is no label selector: {why}")]
pub struct SelectorError {
    text: String,
    why: String,
}

impl FromStr for LabelSelector {
    type Err = SelectorError;

    /// An empty text selects everything.
    fn from_str(text: &str) -> Result<Self, SelectorError> {
        let mut reader = Reader { rest: text.trim_start() };
        let mut selector = Self::default();
        let wrong = |why: String| SelectorError { text: text.to_owned(), why };
        while !reader.rest.is_empty() {
            selector.match_expressions.push(reader.requirement().map_err(wrong)?);
            if reader.take(",") && reader.rest.is_empty() {
                return Err(wrong("it ends with a comma".to_owned()));
            }
        }
        Ok(selector)
    }
}

struct Reader<'t> {
    rest: &'t str,
}

impl<'t> Reader<'t> {
    fn take(&mut self, sign: &str) -> bool {
        match self.rest.strip_prefix(sign) {
            Some(rest) => {
                self.rest = rest.trim_start();
                true
            }
            None => false,
        }
    }

    /// Up to the next sign or space; may be empty.
    fn word(&mut self) -> &'t str {
        let end = self.rest.find(|c: char| c.is_whitespace() || "=!(),<>".contains(c)).unwrap_or(self.rest.len());
        let (word, rest) = self.rest.split_at(end);
        self.rest = rest.trim_start();
        word
    }

    fn key(&mut self) -> Result<CompactString, String> {
        let key = self.word();
        let (prefix, name) = key.split_once('/').unwrap_or(("", key));
        if key.contains('/') && (prefix.is_empty() || prefix.len() > 253) || !is_name(name) || name.is_empty() {
            return Err(if key.is_empty() { "a key is missing".to_owned() } else { format!("{key:?} is no key") });
        }
        Ok(key.into())
    }

    fn value(&mut self) -> Result<CompactString, String> {
        let value = self.word();
        if is_name(value) { Ok(value.into()) } else { Err(format!("{value:?} is no value")) }
    }

    fn requirement(&mut self) -> Result<Requirement, String> {
        if self.take("!") {
            let key = self.key()?;
            return self.ended(Requirement { key, operator: Operator::DoesNotExist, values: vec![] });
        }
        let key = self.key()?;
        let (operator, values) = if self.rest.is_empty() || self.rest.starts_with(',') {
            (Operator::Exists, vec![])
        } else if self.take("!=") {
            (Operator::NotIn, vec![self.value()?])
        } else if self.take("==") || self.take("=") {
            (Operator::In, vec![self.value()?])
        } else if self.take(">") {
            (Operator::Gt, vec![self.integer()?])
        } else if self.take("<") {
            (Operator::Lt, vec![self.integer()?])
        } else {
            match self.word() {
                "in" => (Operator::In, self.values()?),
                "notin" => (Operator::NotIn, self.values()?),
                other => return Err(format!("{other:?} after {key:?} is no operator: in, notin, =, ==, !=, < or >")),
            }
        };
        self.ended(Requirement { key, operator, values })
    }

    fn ended(&self, requirement: Requirement) -> Result<Requirement, String> {
        if self.rest.is_empty() || self.rest.starts_with(',') {
            Ok(requirement)
        } else {
            Err(format!("a comma is missing before {:?}", self.rest))
        }
    }

    fn integer(&mut self) -> Result<CompactString, String> {
        let value = self.value()?;
        if value.parse::<i64>().is_ok() { Ok(value) } else { Err(format!("{value:?} is no integer")) }
    }

    fn values(&mut self) -> Result<Vec<CompactString>, String> {
        if !self.take("(") {
            return Err("a list of values in parentheses is missing".to_owned());
        }
        let mut values = vec![self.value()?];
        while self.take(",") {
            values.push(self.value()?);
        }
        if self.take(")") { Ok(values) } else { Err("a closing parenthesis is missing".to_owned()) }
    }
}

/// What the last part of a key, and a value, may be; an empty value is one (`IsLabelValue`).
pub(super) fn is_name(text: &str) -> bool {
    let inner = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    text.len() <= 63
        && text.chars().all(inner)
        && !text.starts_with(|c: char| !c.is_ascii_alphanumeric())
        && !text.ends_with(|c: char| !c.is_ascii_alphanumeric())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::Labels;

    fn selects(selector: &str, labels: &[(&'static str, &'static str)]) -> bool {
        let selector: LabelSelector = selector.parse().unwrap_or_else(|error| panic!("{error}"));
        selector.matches(&labels.iter().copied().collect::<Labels>())
    }

    #[test]
    fn every_operator_of_kubectl_is_read() {
        let web = [("app", "web"), ("example.com/gen", "4"), ("empty", "")];
        for (selector, selected) in [
            ("", true),
            ("app=web", true),
            (" app == web , example.com/gen in (3, 4)", true),
            ("app!=web", false),
            ("other!=web", true),
            ("app", true),
            ("!app", false),
            ("!other,app", true),
            ("app notin (web,api)", false),
            ("other notin (web)", true),
            ("example.com/gen>3", true),
            ("example.com/gen < 4", false),
            ("empty=", true),
            ("app=", false),
            ("empty in (,a)", true),
        ] {
            assert_eq!(selects(selector, &web), selected, "{selector}");
        }
    }

    #[test]
    fn a_selector_is_shown_as_it_is_typed() {
        for text in ["", "app=web,tier in (front,back),!canary", "a,b!=c,d notin (e,f),g>1,h<2"] {
            assert_eq!(text.parse::<LabelSelector>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn what_is_no_selector_is_told_so() {
        for (text, why) in [
            ("app=web,", "it ends with a comma"),
            (",app", "a key is missing"),
            ("app in web", "a list of values in parentheses is missing"),
            ("app in (web", "a closing parenthesis is missing"),
            ("app like web", "is no operator"),
            ("app=web api", "a comma is missing before"),
            ("gen>three", "is no integer"),
            ("-a=b", "is no key"),
            ("/a=b", "is no key"),
            ("a=b/c", "is no value"),
            ("a=ü", "is no value"),
        ] {
            let error = text.parse::<LabelSelector>().unwrap_err().to_string();
            assert!(error.contains(why), "{text}: {error}");
        }
    }
}
