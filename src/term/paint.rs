//! From what a text means to how it looks.

use std::sync::Once;

use colored::{ColoredString, Colorize};

use crate::report::{CheckStatus, Severity, Tone};

/// Gives text its colour, or leaves it alone.
///
/// `colored` keeps one switch for the whole process, read from standard output and the environment. The decision here
/// is made for each stream instead, so that switch is put to "on" once and `colored` is only asked where colour is
/// wanted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Paint {
    colour: bool,
}

impl Paint {
    /// Paints, or does not.
    #[must_use]
    pub const fn new(colour: bool) -> Self {
        Self { colour }
    }

    /// The text in the look of its tone.
    #[must_use]
    pub fn tone(self, tone: Tone, text: &str) -> String {
        self.with(text, |text| match tone {
            Tone::Plain => text.normal(),
            Tone::Good => text.green(),
            Tone::Notice => text.yellow(),
            Tone::Bad => text.red(),
            Tone::Faint => text.dimmed(),
            Tone::Strong => text.bold(),
        })
    }

    /// A word that opens a message, such as `error:`.
    #[must_use]
    pub fn label(self, tone: Tone, text: &str) -> String {
        let text = self.tone(tone, text);
        self.with(&text, |text| text.bold())
    }

    fn with(self, text: &str, style: impl FnOnce(&str) -> ColoredString) -> String {
        static ON: Once = Once::new();
        if !self.colour || text.is_empty() {
            return text.to_owned();
        }
        ON.call_once(|| colored::control::set_override(true));
        style(text).to_string()
    }
}

impl From<Severity> for Tone {
    fn from(severity: Severity) -> Self {
        match severity {
            Severity::Critical | Severity::High => Self::Bad,
            Severity::Medium => Self::Notice,
            Severity::Low => Self::Plain,
            Severity::Info => Self::Faint,
        }
    }
}

impl From<CheckStatus> for Tone {
    fn from(status: CheckStatus) -> Self {
        match status {
            CheckStatus::Pass => Self::Good,
            CheckStatus::Fail => Self::Bad,
            CheckStatus::Warn | CheckStatus::Unknown => Self::Notice,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colour_is_on_only_where_it_is_wanted() {
        assert_eq!(Paint::new(false).tone(Tone::Bad, "blocked"), "blocked");
        assert_eq!(Paint::new(true).tone(Tone::Bad, "blocked"), "\u{1b}[31mblocked\u{1b}[0m");
        assert_eq!(Paint::new(true).tone(Tone::Plain, "as it is"), "as it is");
        assert_eq!(Paint::new(true).tone(Tone::Good, ""), "", "no codes around nothing");
    }
}
