//! From the shell's arguments to the exit code.

use std::{env, ffi::OsString, io::Write, process::ExitCode};

use clap::{Arg, ArgAction, Command, Parser, value_parser};

use super::{App, Failure, Plugin, logging, panic::report_bugs, stdout::Stdout};
use crate::{complete, report::Exit, term::Paint};

/// The identifier of the flag `-v`, which every plugin has.
const VERBOSITY: &str = "v";

/// The whole command line of a plugin, as its help, its completion and its manual show it: the parser's own, under the
/// name that users type, with the flags that every plugin has.
#[must_use]
pub fn command<C: Parser>(plugin: &Plugin) -> Command {
    C::command()
        .name(format!("kubectl-{}", plugin.name))
        .bin_name(plugin.typed())
        .display_name(plugin.typed())
        .version(plugin.version)
        .max_term_width(100)
        .arg(
            Arg::new(VERBOSITY)
                .short('v')
                .long("v")
                .value_name("LEVEL")
                .value_parser(value_parser!(u8))
                .default_value("0")
                .hide_default_value(true)
                .action(ArgAction::Set)
                .global(true)
                .help("Log level: 1 what is done, 4 why, 6 every request, 8 everything")
                .help_heading("Output"),
        )
}

/// Runs a plugin: `body` gets the edges of the process and the parsed command line.
///
/// Called as `kubectl_complete-NAME` it answers kubectl's completion instead. Help and version exit 0, a wrong command
/// line exits 2, a reader of standard output that leaves early exits 0, Ctrl-C exits 130; a failure is told on standard
/// error and exits with its own code.
pub fn run<C: Parser>(plugin: &Plugin, body: impl FnOnce(&App, C) -> Result<Exit, Failure>) -> ExitCode {
    let arguments: Vec<OsString> = env::args_os().collect();
    if arguments.first().is_some_and(|program| complete::is_asked_by(program)) {
        complete::answer_kubectl(|| command::<C>(plugin), arguments, &mut Stdout::new());
        return Exit::Clean.into();
    }
    report_bugs(*plugin);
    let matches = command::<C>(plugin).try_get_matches_from(arguments);
    let parsed = matches.and_then(|mut matches| {
        let verbosity = matches.get_one::<u8>(VERBOSITY).copied().unwrap_or(0);
        C::from_arg_matches_mut(&mut matches)
            .map(|parsed| (verbosity, parsed))
            .map_err(|error| error.format(&mut command::<C>(plugin)))
    });
    let (verbosity, parsed) = match parsed {
        Ok(parsed) => parsed,
        Err(error) => {
            // `--help | head` leaves before the end, and that is fine.
            let _ = error.print();
            return if error.use_stderr() { Exit::Usage } else { Exit::Clean }.into();
        }
    };
    let app = App::new(*plugin);
    logging::start(verbosity, app.progress.clone());
    match body(&app, parsed) {
        Ok(exit) => exit.into(),
        Err(failure) => {
            app.progress.finish();
            if !failure.is_silent() {
                let text = failure.describe(Paint::new(app.stderr.colour));
                // Standard error that is closed cannot be told so.
                let _ = writeln!(std::io::stderr().lock(), "{text}");
            }
            failure.exit().into()
        }
    }
}
