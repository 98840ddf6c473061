//! Questions to a person at a terminal.

use std::io;

use dialoguer::{Confirm, theme::SimpleTheme};

use super::{Progress, Stream};

/// A question that was not answered.
#[derive(Debug, thiserror::Error)]
pub enum PromptError {
    /// There is nobody to ask.
    #[error("cannot ask {question:?}: standard input and standard error are not both a terminal")]
    NobodyThere {
        /// What was to be asked.
        question: String,
    },
    /// Ctrl-C.
    #[error("interrupted")]
    Interrupted,
    /// The terminal failed.
    #[error("cannot ask on this terminal")]
    Terminal(#[source] io::Error),
}

impl PromptError {
    /// What to do where nobody can be asked.
    #[must_use]
    pub const fn hint(&self) -> Option<&'static str> {
        match self {
            Self::NobodyThere { .. } => Some("look at the plan first, then confirm it with --yes"),
            Self::Interrupted | Self::Terminal(_) => None,
        }
    }
}

/// Asks before something is changed.
#[derive(Clone, Debug)]
pub struct Prompt {
    /// Standard input and standard error are a person.
    terminal: bool,
    progress: Progress,
}

impl Prompt {
    /// Questions are shown on standard error and answered on standard input: both must be a terminal, or a pipe's
    /// content would be taken for an answer.
    #[must_use]
    pub fn new(stdin_is_terminal: bool, stderr: Stream, progress: Progress) -> Self {
        Self { terminal: stdin_is_terminal && stderr.terminal, progress }
    }

    /// Whether to go on. `yes` (the flag `--yes`) answers without asking. Enter alone means no.
    ///
    /// # Errors
    /// Where there is nobody to ask, and after Ctrl-C.
    pub fn confirm(&self, question: &str, yes: bool) -> Result<bool, PromptError> {
        if yes {
            return Ok(true);
        }
        if !self.terminal {
            return Err(PromptError::NobodyThere { question: question.to_owned() });
        }
        self.progress.suspend(|| {
            Confirm::with_theme(&SimpleTheme)
                .with_prompt(question)
                .default(false)
                .wait_for_newline(true)
                .interact()
                .map_err(|dialoguer::Error::IO(error)| match error.kind() {
                    io::ErrorKind::Interrupted => PromptError::Interrupted,
                    _ => PromptError::Terminal(error),
                })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_is_asked_in_a_pipe() {
        let terminal = Stream { terminal: true, width: Some(80), colour: false };
        for (stdin, stderr) in [(false, terminal), (true, Stream::default()), (false, Stream::default())] {
            let prompt = Prompt::new(stdin, stderr, Progress::hidden());
            assert!(prompt.confirm("Drain node-1?", true).expect("--yes answers"));
            let error = prompt.confirm("Drain node-1?", false).expect_err("nobody there");
            assert!(error.to_string().contains("Drain node-1?"), "{error}");
            assert!(error.hint().is_some_and(|hint| hint.contains("--yes")));
        }
    }
}
