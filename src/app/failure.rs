//! How a command fails: what is told, and with which exit code.

use std::{error::Error, fmt};

use super::{
    Plugin,
    stdout::{causes, is_reader_left},
};
use crate::{
    cluster::{ClusterError, ErrorKind},
    render::printable,
    report::{Exit, Tone},
    term::{Paint, PromptError},
};

/// An error that ends a command. Any error becomes one with `?`, and then means that nothing could be evaluated
/// ([`Exit::NotEvaluated`]); [`OrFail`] and the methods here say otherwise.
pub struct Failure {
    error: Box<dyn Error + Send + Sync>,
    hint: Option<String>,
    exit: Exit,
}

impl Failure {
    /// A failure in plain words.
    #[must_use]
    pub fn new(message: impl Into<String>) -> Self {
        Self { error: message.into().into(), hint: None, exit: Exit::NotEvaluated }
    }

    /// The command line is at fault: exit code 2.
    #[must_use]
    pub fn usage(message: impl Into<String>) -> Self {
        Self { exit: Exit::Usage, ..Self::new(message) }
    }

    /// Says what to do about it.
    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Ends with another exit code.
    #[must_use]
    pub fn with_exit(mut self, exit: Exit) -> Self {
        self.exit = exit;
        self
    }

    /// The exit code.
    #[must_use]
    pub fn exit(&self) -> Exit {
        if is_reader_left(&*self.error) { Exit::Clean } else { self.exit }
    }

    /// Where a right is missing: says where the roles are from which it can be had.
    #[must_use]
    pub(super) fn with_roles_of(self, plugin: &Plugin) -> Self {
        let is_denied = |error: &(dyn Error + 'static)| {
            error.downcast_ref::<ClusterError>().is_some_and(|error| error.kind() == ErrorKind::Forbidden)
        };
        if self.hint.is_some() || !causes(&*self.error).any(is_denied) {
            return self;
        }
        let hint = format!(
            "{} prints the role with all rights that it needs (--level operate: also for what changes the cluster)",
            plugin.command("rbac")
        );
        self.with_hint(hint)
    }

    /// Whether there is nothing to say: the reader of standard output has left on its own account.
    pub(super) fn is_silent(&self) -> bool {
        is_reader_left(&*self.error)
    }

    /// The text for standard error: `error: …` in kubectl's form, the causes that the message does not tell already,
    /// and a hint. Errors of a cluster come in kubectl's own words and need no label.
    #[must_use]
    pub fn describe(&self, paint: Paint) -> String {
        let message = self.error.to_string();
        let labelled = causes(&*self.error).any(|error| error.is::<ClusterError>() && error.to_string() == message);
        let mut text = lines(message.strip_prefix("error: ").unwrap_or(&message));
        if !labelled || message.starts_with("error: ") {
            text.insert_str(0, &format!("{} ", paint.label(Tone::Bad, "error:")));
        }
        let mut told = message;
        let mut cause = self.error.source();
        while let Some(error) = cause {
            let words = error.to_string();
            if !told.contains(&words) {
                text.push_str(&format!("\n  because: {}", lines(&words)));
                told = words;
            }
            cause = error.source();
        }
        if let Some(hint) = self.hint.clone().or_else(|| own_hint(&*self.error)) {
            text.push_str(&format!("\n{} {}", paint.label(Tone::Notice, "hint:"), lines(&hint)));
        }
        text
    }
}

/// The text with its line breaks kept, but nothing else that a terminal would obey.
fn lines(text: &str) -> String {
    text.lines().map(printable).collect::<Vec<_>>().join("\n")
}

/// What an error of the core itself advises.
fn own_hint(error: &(dyn Error + 'static)) -> Option<String> {
    causes(error).find_map(|error| {
        let hint = error
            .downcast_ref::<ClusterError>()
            .and_then(ClusterError::hint)
            .or_else(|| error.downcast_ref::<PromptError>().and_then(PromptError::hint))?;
        Some(hint.to_owned())
    })
}

impl fmt::Debug for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (exit {})", self.describe(Paint::default()), self.exit.code())
    }
}

// Failure itself is no Error, so that every error can become one.
impl<E: Error + Send + Sync + 'static> From<E> for Failure {
    fn from(error: E) -> Self {
        let error: Box<dyn Error + Send + Sync> = Box::new(error);
        let exit = match error.downcast_ref::<PromptError>() {
            Some(PromptError::NobodyThere { .. }) => Exit::Usage,
            Some(PromptError::Interrupted) => Exit::Interrupted,
            _ => Exit::NotEvaluated,
        };
        Self { error, hint: None, exit }
    }
}

/// Results whose error ends the command.
pub trait OrFail<T> {
    /// The command line is at fault: exit code 2.
    ///
    /// # Errors
    /// The error, as a failure.
    fn or_usage(self) -> Result<T, Failure>;

    /// Says what to do about it.
    ///
    /// # Errors
    /// The error, as a failure.
    fn or_hint(self, hint: impl Into<String>) -> Result<T, Failure>;
}

impl<T, E: Into<Failure>> OrFail<T> for Result<T, E> {
    fn or_usage(self) -> Result<T, Failure> {
        self.map_err(|error| error.into().with_exit(Exit::Usage))
    }

    fn or_hint(self, hint: impl Into<String>) -> Result<T, Failure> {
        self.map_err(|error| error.into().with_hint(hint))
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::{super::stdout::ReaderLeft, *};
    use crate::{cluster::ServerAnswer, render::RenderError};

    fn told(failure: impl Into<Failure>) -> String {
        failure.into().describe(Paint::default())
    }

    #[test]
    fn plain_errors_get_kubectls_label_and_their_causes() {
        let denied = io::Error::new(io::ErrorKind::PermissionDenied, "permission denied");
        assert_eq!(told(RenderError::Write(denied)), "error: cannot write the report\n  because: permission denied");
        let failure = Failure::usage("no such pool: \"web\"").with_hint("name one of: a, b");
        assert_eq!(failure.describe(Paint::default()), "error: no such pool: \"web\"\nhint: name one of: a, b");
        assert_eq!(failure.exit(), Exit::Usage);
        assert_eq!(told(Failure::new("two\nlines \u{1b}[2J")), "error: two\nlines \\u{1b}[2J");
    }

    #[test]
    fn errors_of_a_cluster_keep_kubectls_words() {
        let answer = ServerAnswer {
            code: 401,
            reason: "Unauthorized".into(),
            message: "Unauthorized".into(),
            ..ServerAnswer::default()
        };
        let text = told(ClusterError::Answer(Box::new(answer)));
        assert!(text.starts_with("error: You must be logged in to the server (Unauthorized)\nhint: "), "{text}");
        let refused = ClusterError::Refused { host: "10.0.0.1:6443".into() };
        assert!(told(refused).starts_with("The connection to the server 10.0.0.1:6443 was refused"));
    }

    #[test]
    fn a_missing_right_leads_to_the_roles() {
        let plugin = Plugin { name: "tool", version: "1", repository: "" };
        let of = |code: u16| {
            let answer = ServerAnswer { code, reason: "R".into(), message: "m".into(), ..ServerAnswer::default() };
            told(Failure::from(ClusterError::Answer(Box::new(answer))).with_roles_of(&plugin))
        };
        assert!(of(403).contains("hint: kubectl tool rbac "), "{}", of(403));
        assert_eq!(of(404), "Error from server (R): m");
    }

    #[test]
    fn only_a_reader_that_left_is_silent() {
        let left = Failure::from(RenderError::Write(io::Error::new(io::ErrorKind::BrokenPipe, ReaderLeft)));
        assert!(left.is_silent());
        assert_eq!(left.exit(), Exit::Clean);
        let broken = Failure::from(io::Error::from(io::ErrorKind::BrokenPipe));
        assert!(!broken.is_silent(), "a broken connection to a server is no closed pipe");
        assert_eq!(broken.exit(), Exit::NotEvaluated);
    }
}
