//! Rules that say which requests go wrong, and how. They can be changed while the server runs.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use http::{Method, request::Parts};
use regex::Regex;

/// What happens to a request.
#[derive(Clone, Debug, PartialEq)]
pub enum Fault {
    /// An error answer with a `Status` object.
    Status {
        /// HTTP status code.
        code: u16,
        /// Reason of the `Status`.
        reason: String,
        /// Message of the `Status`.
        message: String,
        /// Seconds of a `Retry-After` header.
        retry_after: Option<u64>,
    },
    /// Waits before anything else.
    Delay(Duration),
    /// Sends the body at this many bytes a second.
    Throttle(u64),
    /// Closes the connection instead of an answer.
    CutBeforeAnswer,
    /// Closes the connection after so many bytes of the body.
    CutAfter(usize),
    /// Takes the request and never answers.
    Silence,
    /// Sends so many bytes of the body, or all of it where it is shorter, and then nothing more, without an end.
    SilenceAfter(usize),
    /// Adds a `Warning:` header.
    Warning(String),
}

impl Fault {
    /// 429, with or without `Retry-After` seconds.
    #[must_use]
    pub fn too_many(retry_after: Option<u64>) -> Self {
        let message = "the server has received too many requests and has asked us to try again later";
        Self::Status { code: 429, reason: "TooManyRequests".into(), message: message.into(), retry_after }
    }

    /// 410, as for a page token that is too old.
    #[must_use]
    pub fn gone() -> Self {
        let message = "The provided continue parameter is too old to display a consistent list result.";
        Self::Status { code: 410, reason: "Expired".into(), message: message.into(), retry_after: None }
    }

    /// Any other status, with the reason that an API server would give.
    #[must_use]
    pub fn status(code: u16) -> Self {
        let reason = match code {
            401 => "Unauthorized",
            403 => "Forbidden",
            404 => "NotFound",
            500 => "InternalError",
            503 => "ServiceUnavailable",
            504 => "Timeout",
            _ => "",
        };
        Self::Status { code, reason: reason.into(), message: format!("scripted {code}"), retry_after: None }
    }

    /// The answer of a fault that replaces it, as JSON.
    pub(crate) fn body(code: u16, reason: &str, message: &str, retry_after: Option<u64>) -> String {
        serde_json::json!({
            "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
            "message": message, "reason": reason, "code": code,
            "details": retry_after.map_or_else(|| serde_json::json!({}), |seconds| serde_json::json!({"retryAfterSeconds": seconds})),
        })
        .to_string()
    }
}

/// Which requests a fault happens to.
#[derive(Clone, Debug)]
pub struct Rule {
    method: Option<Method>,
    path: Option<Regex>,
    parameter: Option<(String, Option<String>)>,
    skip: u64,
    times: Option<u64>,
    fault: Fault,
    seen: u64,
}

impl Rule {
    /// A rule for every request.
    #[must_use]
    pub fn new(fault: Fault) -> Self {
        Self { method: None, path: None, parameter: None, skip: 0, times: None, fault, seen: 0 }
    }

    /// Only requests with this method.
    #[must_use]
    pub fn method(mut self, method: Method) -> Self {
        self.method = Some(method);
        self
    }

    /// Only paths that begin with this text.
    #[must_use]
    pub fn path(self, prefix: &str) -> Self {
        self.path_matching(&format!("^{}", regex::escape(prefix)))
    }

    /// Only paths in which this regular expression is found.
    #[must_use]
    pub fn path_matching(mut self, pattern: &str) -> Self {
        self.path = Some(Regex::new(pattern).expect("a rule's pattern is a regular expression"));
        self
    }

    /// Only requests with this parameter in the query, for example `continue` for all pages but the first.
    #[must_use]
    pub fn with_parameter(mut self, name: &str) -> Self {
        self.parameter = Some((name.to_owned(), None));
        self
    }

    /// Only requests with this parameter and value in the query, for example `watch` and `true`.
    #[must_use]
    pub fn with_parameter_of(mut self, name: &str, value: &str) -> Self {
        self.parameter = Some((name.to_owned(), Some(value.to_owned())));
        self
    }

    /// Only the `n`-th request that matches, counted from 1.
    #[must_use]
    pub fn nth(self, n: u64) -> Self {
        self.after(n.saturating_sub(1)).times(1)
    }

    /// Not the first `skip` requests that match.
    #[must_use]
    pub fn after(mut self, skip: u64) -> Self {
        self.skip = skip;
        self
    }

    /// Only so many times.
    #[must_use]
    pub fn times(mut self, times: u64) -> Self {
        self.times = Some(times);
        self
    }

    fn applies(&mut self, parts: &Parts) -> bool {
        let query = parts.uri.query().unwrap_or_default();
        let matches = self.method.as_ref().is_none_or(|method| *method == parts.method)
            && self.path.as_ref().is_none_or(|path| path.is_match(parts.uri.path()))
            && self.parameter.as_ref().is_none_or(|(name, value)| {
                form_urlencoded::parse(query.as_bytes())
                    .any(|(key, it)| key == *name && value.as_ref().is_none_or(|value| it == *value))
            });
        if !matches {
            return false;
        }
        self.seen += 1;
        self.seen > self.skip && self.times.is_none_or(|times| self.seen <= self.skip + times)
    }
}

/// The rules of a server, which may be changed while it runs.
#[derive(Clone, Debug, Default)]
pub struct Faults(Arc<Mutex<Vec<Rule>>>);

impl Faults {
    /// Adds a rule. Its count begins now.
    pub fn add(&self, rule: Rule) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(rule);
    }

    /// Forgets all rules.
    pub fn clear(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// The faults of a request, in the order of the rules.
    pub(crate) fn of(&self, parts: &Parts) -> Vec<Fault> {
        let mut rules = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        rules.iter_mut().filter_map(|rule| rule.applies(parts).then(|| rule.fault.clone())).collect()
    }
}
