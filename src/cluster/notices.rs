//! What happens on the way that the user should see: warnings of the server, and waits before another try.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use http::HeaderMap;

/// Something to show while a command runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Notice {
    /// A `Warning:` header of the server; each text is told once a client.
    Warning(String),
    /// A read failed and is tried again.
    Retry {
        /// The request.
        request: String,
        /// Why it failed.
        why: String,
        /// How long we wait.
        wait: Duration,
        /// The number of the try that comes next, and how many there are at most.
        attempt: u32,
        /// How many tries there are at most.
        of: u32,
    },
    /// A page token ended, and the list is read from the start.
    Restart {
        /// The list.
        path: String,
    },
}

impl std::fmt::Display for Notice {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Warning(text) => write!(formatter, "Warning: {text}"),
            Self::Retry { request, why, wait, attempt, of } => {
                write!(formatter, "{request}: {why}; trying again in {:.1}s ({attempt} of {of})", wait.as_secs_f64())
            }
            Self::Restart { path } => {
                write!(formatter, "{path}: the list changed too much while it was read; reading it again")
            }
        }
    }
}

/// Where notices go. Called from several threads.
pub type NoticeSink = Arc<dyn Fn(&Notice) + Send + Sync>;

/// Hands notices on, each warning once.
#[derive(Clone)]
pub(super) struct Notices {
    sink: Option<NoticeSink>,
    seen: Arc<Mutex<HashSet<String>>>,
}

impl Notices {
    pub fn new(sink: Option<NoticeSink>) -> Self {
        Self { sink, seen: Arc::default() }
    }

    pub fn tell(&self, notice: &Notice) {
        if let Some(sink) = &self.sink {
            sink(notice);
        }
    }

    /// Tells the warnings of an answer that were not told before.
    pub fn warnings_of(&self, headers: &HeaderMap) {
        for value in headers.get_all(http::header::WARNING) {
            let Ok(value) = std::str::from_utf8(value.as_bytes()) else { continue };
            for text in parse_warnings(value) {
                let new = self.seen.lock().unwrap_or_else(PoisonError::into_inner).insert(text.clone());
                if new {
                    self.tell(&Notice::Warning(text));
                }
            }
        }
    }
}

/// The texts of a `Warning` header (RFC 7234, 5.5) with code 299, the only one that Kubernetes uses:
/// `299 - "text"`, several of them with commas between, `\` before a quote or a backslash in the text.
fn parse_warnings(value: &str) -> Vec<String> {
    let mut texts = Vec::new();
    let mut rest = value.trim_start();
    loop {
        let Some((code, after)) = rest.split_once(' ') else { return texts };
        let Some((_agent, after)) = after.split_once(' ') else { return texts };
        let Some(quoted) = after.trim_start().strip_prefix('"') else { return texts };
        let mut text = String::new();
        let mut letters = quoted.char_indices();
        let end = loop {
            match letters.next() {
                Some((_, '\\')) => match letters.next() {
                    Some((_, letter)) => text.push(letter),
                    None => return texts,
                },
                Some((at, '"')) => break at + 1,
                Some((_, letter)) => text.push(letter),
                None => return texts,
            }
        };
        if code == "299" && !text.is_empty() {
            // The text comes from the server, or a webhook behind it: nothing in it may steer the terminal.
            texts.push(text.chars().map(|letter| if letter.is_control() { ' ' } else { letter }).collect());
        }
        // A date may stand before the comma.
        match quoted[end..].split_once(',') {
            Some((_, further)) => rest = further.trim_start(),
            None => return texts,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn warnings_are_read_as_the_rfc_writes_them() {
        for (value, texts) in [
            (r#"299 - "policy/v1beta1 is deprecated""#, vec!["policy/v1beta1 is deprecated"]),
            (r#"299 - "a \"quoted\" word, and a comma""#, vec![r#"a "quoted" word, and a comma"#]),
            (r#"299 - "one", 299 agent "two""#, vec!["one", "two"]),
            (r#"299 - "dated" "Wed, 21 Oct 2015 07:28:00 GMT""#, vec!["dated"]),
            (r#"199 - "stale""#, vec![]),
            (r#"299 - "open"#, vec![]),
            ("299 -", vec![]),
            ("", vec![]),
            ("299 - \"a\u{1b}[31mb\"", vec!["a [31mb"]),
        ] {
            assert_eq!(parse_warnings(value), texts, "{value}");
        }
    }

    #[test]
    fn each_warning_is_told_once() {
        let told = Arc::new(Mutex::new(Vec::new()));
        let sink = {
            let told = told.clone();
            Arc::new(move |notice: &Notice| told.lock().unwrap().push(notice.clone()))
        };
        let notices = Notices::new(Some(sink));
        let mut headers = HeaderMap::new();
        headers.append(http::header::WARNING, r#"299 - "one""#.parse().unwrap());
        headers.append(http::header::WARNING, r#"299 - "two""#.parse().unwrap());
        notices.warnings_of(&headers);
        notices.clone().warnings_of(&headers);
        assert_eq!(*told.lock().unwrap(), [Notice::Warning("one".into()), Notice::Warning("two".into())]);
    }
}
