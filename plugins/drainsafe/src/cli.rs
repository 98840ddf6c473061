//! The flags of `kubectl drainsafe`.

use clap::Parser;
use patchkit::{
    app::{App, Failure},
    report::Exit,
};

/// Empty nodes without breaking a workload
#[derive(Debug, Parser)]
pub struct Cli {}

/// There is no subcommand yet, so whoever calls it without a flag is told so.
///
/// # Errors
/// Always, as a mistake of the command line.
pub fn run(_app: &App, _cli: Cli) -> Result<Exit, Failure> {
    Err(Failure::usage("there is no subcommand yet").with_hint("--help and --version are answered"))
}
