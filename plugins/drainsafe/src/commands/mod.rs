//! One file a subcommand: get a snapshot, decide, render. Only here is the outside world touched.

pub mod check;
pub mod fit;
pub mod node;
pub mod pause;
pub mod plan;
pub mod pool;
pub mod rbac;
pub mod runs;
pub mod status;
pub mod undo;

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
        Command::Check(args) => check::run(app, &args, &cli.connect),
        Command::Fit(args) => fit::run(app, &args, &cli.connect),
        Command::Plan(args) => plan::run(app, &args, &cli.connect),
        Command::Node(args) => node::run(app, &args, &cli.connect),
        Command::Pool(args) => pool::run(app, &args, &cli.connect),
        Command::Pause(args) => pause::run(app, &args, &cli.connect),
        Command::Resume(args) => node::resume(app, &args, &cli.connect),
        Command::Undo(args) => undo::run(app, &args, &cli.connect),
        Command::Status(args) => status::run(app, &args, &cli.connect),
        Command::Rbac(args) => app.print_roles(&rbac::ROLES, &args),
    }
}
