//! What is known of an output stream before anything is written to it.

use std::{env, ffi::OsString, io, io::IsTerminal};

/// The width that is assumed where a terminal does not tell its own.
const DEFAULT_WIDTH: usize = 80;

/// Which of the process's output streams.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Output {
    /// Standard output: the report.
    Stdout,
    /// Standard error: progress, warnings, questions and errors.
    Stderr,
}

/// What is known of one stream. Each stream is judged by itself: with `… | less` the report is plain, and warnings on
/// the terminal keep their colour.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stream {
    /// A person sees it as it is written.
    pub terminal: bool,
    /// Columns of the terminal; `None` where the stream is no terminal, so that nothing is wrapped for `grep` and
    /// `awk`.
    pub width: Option<usize>,
    /// Escape codes for colour are understood and wanted.
    pub colour: bool,
}

impl Stream {
    /// Looks at a stream of this process and at its environment.
    #[must_use]
    pub fn of(output: Output) -> Self {
        let (terminal, size) = match output {
            Output::Stdout => (io::stdout().is_terminal(), terminal_size::terminal_size_of(io::stdout())),
            Output::Stderr => (io::stderr().is_terminal(), terminal_size::terminal_size_of(io::stderr())),
        };
        Self::decide(terminal, size.map(|(width, _)| usize::from(width.0)), |name| env::var_os(name))
    }

    /// The decision itself: whether the stream is a terminal, the width it tells, and the environment's variables.
    ///
    /// Colour needs a terminal whose `TERM` is set (except on Windows) and not `dumb`; `NO_COLOR` with any value turns
    /// it off (<https://no-color.org>); `CLICOLOR_FORCE` other than `0` turns it on in a pipe, for `less -R`. `COLUMNS`
    /// overrides the width of a terminal, as in GNU tools.
    #[must_use]
    pub fn decide(terminal: bool, size: Option<usize>, variable: impl Fn(&str) -> Option<OsString>) -> Self {
        let set = |name| variable(name).filter(|value| !value.is_empty());
        let capable = match set("TERM") {
            Some(term) => term != "dumb",
            None => cfg!(windows),
        };
        let forced = set("CLICOLOR_FORCE").is_some_and(|value| value != "0");
        let colour = set("NO_COLOR").is_none() && (forced || (terminal && capable));
        let columns = set("COLUMNS").and_then(|columns| columns.to_str()?.parse().ok()).filter(|&columns| columns > 0);
        let width = terminal.then(|| columns.or(size.filter(|&size| size > 0)).unwrap_or(DEFAULT_WIDTH));
        Self { terminal, width, colour }
    }
}

/// Whether standard input is a person who can be asked.
#[must_use]
pub fn stdin_is_terminal() -> bool {
    io::stdin().is_terminal()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decide(terminal: bool, size: Option<usize>, environment: &[(&str, &str)]) -> Stream {
        Stream::decide(terminal, size, |name| {
            environment.iter().find(|(key, _)| *key == name).map(|(_, value)| OsString::from(value))
        })
    }

    #[test]
    fn colour_needs_a_capable_terminal_and_leave() {
        for (terminal, environment, expected) in [
            (true, &[("TERM", "xterm")][..], true),
            (false, &[("TERM", "xterm")], false),
            (true, &[("TERM", "dumb")], false),
            (true, &[], cfg!(windows)),
            (true, &[("TERM", "xterm"), ("NO_COLOR", "1")], false),
            (true, &[("TERM", "xterm"), ("NO_COLOR", "0")], false),
            (true, &[("TERM", "xterm"), ("NO_COLOR", "")], true),
            (false, &[("CLICOLOR_FORCE", "1")], true),
            (false, &[("CLICOLOR_FORCE", "0")], false),
            (false, &[("CLICOLOR_FORCE", "1"), ("NO_COLOR", "1")], false),
        ] {
            assert_eq!(decide(terminal, Some(80), environment).colour, expected, "{terminal} {environment:?}");
        }
    }

    #[test]
    fn only_a_terminal_has_a_width() {
        for (terminal, size, columns, expected) in [
            (true, Some(132), None, Some(132)),
            (true, None, None, Some(80)),
            (true, Some(0), None, Some(80)),
            (true, Some(132), Some("60"), Some(60)),
            (true, Some(132), Some("none"), Some(132)),
            (true, Some(132), Some("0"), Some(132)),
            (false, Some(132), Some("60"), None),
        ] {
            let environment: Vec<_> = columns.map(|columns| ("COLUMNS", columns)).into_iter().collect();
            assert_eq!(decide(terminal, size, &environment).width, expected, "{terminal} {size:?} {columns:?}");
        }
    }
}
