//! One file a subcommand: get a snapshot, decide, render. Only here is the outside world touched.

pub mod can;
pub mod coverage;
pub mod diff;
pub mod input;
pub mod lint;
pub mod map;
pub mod rbac;
pub mod suggest;

use patchkit::{
    app::{App, Failure},
    report::Exit,
};

use crate::cli::{Cli, Command};

/// Runs the subcommand that was asked for.
///
/// # Errors
/// Where it cannot say anything at all.
pub fn run(app: &App, cli: Cli) -> Result<Exit, Failure> {
    match cli.command {
        Command::Can(args) => can::run(app, &args, &cli.connect),
        Command::Diff(args) => diff::run(app, &args, &cli.connect),
        Command::Coverage(args) => coverage::run(app, &args, &cli.connect),
        Command::Lint(args) => lint::run(app, &args, &cli.connect),
        Command::Map(args) => map::run(app, &args, &cli.connect),
        Command::Suggest(args) => suggest::run(app, &args, &cli.connect),
        Command::Rbac(args) => app.print_roles(&rbac::ROLES, &args),
    }
}
