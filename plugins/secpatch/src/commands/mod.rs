//! One file a subcommand: get a snapshot, decide, render. Only here is the outside world touched.

pub mod apis;
pub mod cves;
pub mod data;
pub mod facts_cache;
pub mod fix;
mod http;
pub mod images;
mod own;
mod patch_folder;
pub mod plan;
pub mod pods;
pub mod posture;
pub mod rbac;
mod replace_file;
pub mod session;

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
        Command::Plan(args) => plan::run(app, &args, &cli.connect),
        Command::Cves(args) => cves::run(app, &args, &cli.connect),
        Command::Images(args) => images::run(app, &args, &cli.connect),
        Command::Apis(args) => apis::run(app, &args, &cli.connect),
        Command::Pods(args) => pods::run(app, &args, &cli.connect),
        Command::Posture(args) => posture::run(app, &args, &cli.connect),
        Command::Fix(args) => fix::run(app, &args, &cli.connect),
        Command::Data(args) => data::run(app, &args),
        Command::Rbac(args) => app.print_roles(&rbac::ROLES, &args),
    }
}
