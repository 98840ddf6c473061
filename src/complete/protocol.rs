//! The words between kubectl and `kubectl_complete-NAME`, and between a shell and `kubectl-NAME __complete`.

use std::{
    ffi::{OsStr, OsString},
    io::{self, Write},
    panic,
    path::Path,
    sync::Arc,
};

use clap_complete::{CompletionCandidate, engine};

use super::{line::Line, live::attach};
use crate::render::printable;

/// How kubectl calls a plugin for completion.
pub(super) const PREFIX: &str = "kubectl_complete-";

/// The first word by which the scripts of shells ask the same; cobra's own programs take it too.
const WORD: &str = "__complete";

/// cobra's directives: no space after the candidate, no files where there is none.
const NO_SPACE: u8 = 2;
const NO_FILES: u8 = 4;

/// Whether these arguments, the first of which is the program's own name, ask for completion.
#[must_use]
pub fn is_asked(arguments: &[OsString]) -> bool {
    arguments.first().is_some_and(|program| is_kubectls(program)) || is_a_shells(arguments)
}

fn is_kubectls(program: &OsStr) -> bool {
    Path::new(program).file_name().is_some_and(|name| name.to_string_lossy().starts_with(PREFIX))
}

fn is_a_shells(arguments: &[OsString]) -> bool {
    arguments.get(1).is_some_and(|word| word == WORD)
}

/// Answers: the candidates for the last of the arguments, the first of which is the program's own name. A cluster is
/// asked as `user_agent`.
///
/// Never fails, since kubectl would throw the whole answer away: where nothing can be said, the answer is `:4` alone.
pub fn answer(
    command: impl FnOnce() -> clap::Command,
    mut arguments: Vec<OsString>,
    user_agent: String,
    out: &mut impl Write,
) {
    panic::set_hook(Box::new(|_| {
        // A shell that is gone needs no answer.
        let _ = writeln!(io::stdout().lock(), ":{NO_FILES}");
        std::process::exit(0);
    }));
    if is_a_shells(&arguments) {
        arguments.remove(1);
    }
    let text = text(command(), arguments, user_agent);
    // A shell that is gone needs no answer.
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}

/// The answer as text.
fn text(command: clap::Command, mut arguments: Vec<OsString>, user_agent: String) -> String {
    if arguments.len() < 2 {
        arguments.push(OsString::new());
    }
    let last = arguments.len() - 1;
    let word = arguments[last].to_string_lossy().into_owned();
    let line = Line::read(&command, &arguments[..last], user_agent);
    let mut command = attach(command, &Arc::new(line));
    let directory = std::env::current_dir().ok();
    let mut candidates = engine::complete(&mut command, arguments, last, directory.as_deref()).unwrap_or_default();
    if candidates.iter().any(|candidate| !candidate.is_hide_set()) {
        candidates.retain(|candidate| !candidate.is_hide_set());
    }
    // The shell put in what stands before `=` itself.
    let flag = word.starts_with("--").then(|| word.split_once('=')).flatten().map(|(flag, _)| format!("{flag}="));
    let mut text = String::new();
    let mut directive = NO_FILES;
    for candidate in &candidates {
        let Some(value) = candidate.get_value().to_str() else { continue };
        if value.starts_with('-') && !word.starts_with('-') {
            continue;
        }
        let value = flag.as_deref().and_then(|flag| value.strip_prefix(flag)).unwrap_or(value);
        if value.is_empty() || *printable(value) != *value {
            // The protocol has no way to write a line break or a tab.
            continue;
        }
        if value.ends_with(['/', std::path::MAIN_SEPARATOR]) {
            directive |= NO_SPACE;
        }
        text.push_str(value);
        if let Some(description) = description(candidate) {
            text.push('\t');
            text.push_str(&description);
        }
        text.push('\n');
    }
    text.push_str(&format!(":{directive}\n"));
    text
}

/// The first line of a candidate's help.
fn description(candidate: &CompletionCandidate) -> Option<String> {
    let help = candidate.get_help()?.to_string();
    let line = help.lines().next()?.trim();
    (!line.is_empty()).then(|| printable(line).into_owned())
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use clap::{CommandFactory, Parser, Subcommand};

    use super::*;

    #[derive(Parser)]
    struct Example {
        #[command(subcommand)]
        command: Commands,
    }

    #[derive(Subcommand)]
    enum Commands {
        /// Plan the updates
        ///
        /// In more words.
        Plan {
            /// Output format
            #[arg(short, long, value_parser = ["json", "junit", "table"])]
            output: Option<String>,
            /// A file to read
            #[arg(short)]
            filename: Option<PathBuf>,
        },
        /// Not for everybody
        #[command(hide = true)]
        Secret,
    }

    fn asked(words: &[&str]) -> String {
        let arguments = std::iter::once("kubectl_complete-example").chain(words.iter().copied()).map(OsString::from);
        text(Example::command(), arguments.collect(), "kubectl-example/0".to_owned())
    }

    #[test]
    fn kubectl_is_recognised_by_the_name() {
        for (program, asked) in [
            ("/usr/local/bin/kubectl_complete-example", true),
            ("kubectl_complete-example.exe", true),
            ("kubectl-example", false),
            ("/kubectl_complete-x/kubectl-example", false),
        ] {
            assert_eq!(is_asked(&[program.into(), "plan".into()]), asked, "{program}");
        }
        assert!(is_asked(&["kubectl-example".into(), "__complete".into()]));
        assert!(!is_asked(&["kubectl-example".into(), "plan".into(), "__complete".into()]));
        assert!(!is_asked(&[]));
    }

    #[test]
    fn answers_have_cobras_form() {
        assert_eq!(
            asked(&[""]),
            "plan\tPlan the updates\nhelp\tPrint this message or the help of the given subcommand(s)\n:4\n"
        );
        assert_eq!(asked(&["pl"]), "plan\tPlan the updates\n:4\n");
        assert_eq!(asked(&["plan", "-o", "j"]), "json\njunit\n:4\n");
        assert_eq!(asked(&["plan", "--output", ""]), "json\njunit\ntable\n:4\n");
    }

    #[test]
    fn a_value_behind_an_equals_sign_comes_without_its_flag() {
        assert_eq!(asked(&["plan", "--output=j"]), "json\njunit\n:4\n");
    }

    #[test]
    fn flags_are_offered_only_where_one_was_begun() {
        assert_eq!(asked(&["plan", ""]), ":4\n");
        let flags = asked(&["plan", "--o"]);
        assert_eq!(flags, "--output\tOutput format\n:4\n");
    }

    #[test]
    fn directories_are_left_open() {
        let directory = tempfile::tempdir().expect("a directory");
        std::fs::create_dir(directory.path().join("cluster")).expect("a folder");
        let word = format!("{}/cl", directory.path().display());
        let answer = asked(&["plan", "-f", &word]);
        assert!(answer.ends_with("/cluster/\n:6\n"), "{answer}");
    }

    #[test]
    fn what_cannot_be_completed_is_answered_with_no_files() {
        assert_eq!(asked(&["plan", "--no-such-flag", "x"]), ":4\n");
        assert_eq!(text(Example::command(), Vec::new(), String::new()).lines().last(), Some(":4"));
    }
}
