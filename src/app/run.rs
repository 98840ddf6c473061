//! From the shell's arguments to the exit code.

use std::{env, ffi::OsString, io::Write, process::ExitCode};

use clap::{Arg, ArgAction, ArgMatches, Command, Parser, value_parser};

use super::{
    App, CommandLine, Failure, Plugin, clusters::Several, completion, logging, panic::report_bugs, stdout::Stdout,
};
use crate::{complete, report::Exit, term::Paint};

/// The identifier of the flag `-v`, which every plugin has.
const VERBOSITY: &str = "v";

/// The whole command line of a plugin, as its help, its completion and its manual show it: the parser's own, under the
/// name that users type, with the flags and the subcommand that every plugin has.
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
        .subcommand(completion::command(plugin))
}

/// Runs a plugin: `body` gets the edges of the process and the parsed command line.
///
/// Called as `kubectl_complete-NAME`, or with `__complete` first, it answers a shell's completion instead. Where several
/// clusters are asked for, `body` runs once for each. Help and version exit 0, a wrong command line exits 2, a reader of standard output that leaves early exits 0, Ctrl-C exits 130; a failure is told on standard
/// error and exits with its own code.
pub fn run<C: CommandLine>(plugin: &Plugin, body: impl Fn(&App, C) -> Result<Exit, Failure> + Sync) -> ExitCode {
    let arguments: Vec<OsString> = env::args_os().collect();
    if complete::is_asked(&arguments) {
        complete::answer(|| command::<C>(plugin), arguments, plugin.user_agent(), &mut Stdout::new());
        return Exit::Clean.into();
    }
    report_bugs(*plugin);
    let program = arguments.first().cloned().unwrap_or_default();
    let matches = command::<C>(plugin).try_get_matches_from(&arguments);
    let parsed = matches.and_then(|mut matches| {
        let verbosity = matches.get_one::<u8>(VERBOSITY).copied().unwrap_or(0);
        let subcommand = matches.subcommand_name().unwrap_or_default().to_owned();
        Wish::<C>::read(&mut matches)
            .map(|wish| (verbosity, subcommand, wish))
            .map_err(|error| error.format(&mut command::<C>(plugin)))
    });
    let (verbosity, subcommand, wish) = match parsed {
        Ok(parsed) => parsed,
        Err(error) => {
            // `--help | head` leaves before the end, and that is fine.
            let _ = error.print();
            return if error.use_stderr() { Exit::Usage } else { Exit::Clean }.into();
        }
    };
    let app = App::new(*plugin);
    logging::start(verbosity, app.progress.clone());
    let outcome = match wish {
        Wish::Completion(args) => completion::run(&app, &args, &program),
        Wish::Own(mut parsed) => match Several::of(&subcommand, &mut parsed) {
            Ok(None) => body(&app, parsed),
            Ok(Some(several)) => several.run(&app, &|| parse::<C>(plugin, &arguments), &body),
            Err(failure) => Err(failure),
        },
    };
    match outcome {
        Ok(exit) => exit.into(),
        Err(failure) => {
            let failure = failure.with_roles_of(plugin);
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

/// The plugin's own command line.
fn parse<C: Parser>(plugin: &Plugin, arguments: &[OsString]) -> Result<C, clap::Error> {
    C::from_arg_matches_mut(&mut command::<C>(plugin).try_get_matches_from(arguments)?)
}

/// What a command line asks for.
enum Wish<C> {
    /// What every plugin can do.
    Completion(completion::CompletionArgs),
    /// What the plugin itself can do.
    Own(C),
}

impl<C: Parser> Wish<C> {
    fn read(matches: &mut ArgMatches) -> Result<Self, clap::Error> {
        match completion::read(matches) {
            Some(args) => args.map(Self::Completion),
            None => C::from_arg_matches_mut(matches).map(Self::Own),
        }
    }
}
