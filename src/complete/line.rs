//! What a command line says before the word that is completed.

use std::ffi::OsString;

use clap::{ArgMatches, Command, FromArgMatches};

use super::remote::PLUGIN_LIMIT;
use crate::cluster::{ConnectOptions, Environment};

/// The flags and words before the unfinished one.
#[derive(Debug)]
pub(super) struct Line {
    /// Which cluster; none where the line cannot be read, or names none because it reads files.
    pub options: Option<ConnectOptions>,
    /// The surroundings of the process, in which nobody is asked anything.
    pub environment: Environment,
    /// The `User-Agent` of requests.
    pub user_agent: String,
    /// All words.
    pub words: Vec<String>,
}

impl Line {
    /// Reads a line that begins with the program's name and need not be complete.
    pub fn read(command: &Command, arguments: &[OsString], user_agent: String) -> Self {
        Self {
            // A line that asks for help or the version is no line to complete.
            options: command.clone().ignore_errors(true).try_get_matches_from(arguments).ok().and_then(options),
            environment: Environment::in_background(PLUGIN_LIMIT),
            user_agent,
            words: arguments.iter().skip(1).map(|word| word.to_string_lossy().into_owned()).collect(),
        }
    }
}

fn options(mut matches: ArgMatches) -> Option<ConnectOptions> {
    let mut leaf = &matches;
    while let Some((_, deeper)) = leaf.subcommand() {
        leaf = deeper;
    }
    if leaf.try_get_many::<String>("files").is_ok_and(|files| files.is_some()) {
        return None;
    }
    // A program without flags for a connection has no such option, and asking for it would be a bug.
    matches.try_contains_id("chunk_size").ok()?;
    ConnectOptions::from_arg_matches_mut(&mut matches).ok()
}

#[cfg(test)]
mod tests {
    use clap::{CommandFactory, Parser, Subcommand};

    use super::*;
    use crate::app::source::SourceArgs;

    #[derive(Parser)]
    struct Example {
        #[command(subcommand)]
        command: Commands,
        #[command(flatten)]
        connect: ConnectOptions,
    }

    #[derive(Subcommand)]
    enum Commands {
        Drain {
            #[arg(required = true)]
            nodes: Vec<String>,
            #[arg(long, required = true)]
            reason: String,
            #[command(flatten)]
            source: SourceArgs,
        },
    }

    fn read(words: &[&str]) -> Option<ConnectOptions> {
        let arguments: Vec<OsString> = ["kubectl-example"].iter().chain(words).map(OsString::from).collect();
        Line::read(&Example::command(), &arguments, String::new()).options
    }

    #[test]
    fn flags_are_read_wherever_they_stand_and_whatever_is_missing() {
        for words in [
            &["--context", "prod", "drain"][..],
            &["drain", "--context=prod"],
            &["drain", "node-a", "--context", "prod", "--reason"],
            &["drain", "--context", "prod", "-n", "web", "--as=jane", "node-a"],
        ] {
            assert_eq!(read(words).expect("a line").context.as_deref(), Some("prod"), "{words:?}");
        }
        let options = read(&["drain", "-n", "web", "-s", "https://h:1", "--kubeconfig=/k"]).expect("a line");
        assert_eq!(options.namespace.as_deref(), Some("web"));
        assert_eq!(options.server.as_deref(), Some("https://h:1"));
        assert_eq!(options.kubeconfig.as_deref(), Some(std::path::Path::new("/k")));
        assert_eq!(options.chunk_size, ConnectOptions::default().chunk_size);
        assert!(read(&[]).is_some());
    }

    #[test]
    fn files_have_no_cluster() {
        assert!(read(&["drain", "-f", "dump", "--context", "prod"]).is_none());
        assert!(read(&["drain", "--help"]).is_none());
    }
}
