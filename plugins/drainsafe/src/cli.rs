//! The flags of `kubectl drainsafe`.

use clap::{Parser, Subcommand};
use patchkit::cluster::ConnectOptions;

use crate::commands::fit::FitArgs;
use crate::commands::plan::PlanArgs;

/// Empty nodes without breaking a workload
#[derive(Debug, Parser)]
#[command(disable_help_subcommand = true)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,

    /// Which cluster, and as whom.
    #[command(flatten)]
    pub connect: ConnectOptions,
}

/// The subcommands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Where pods could go, and for every other node the scheduler's filter that rejects it
    Fit(Box<FitArgs>),
    /// What a drain of these nodes would do, pod by pod; changes nothing
    Plan(Box<PlanArgs>),
}
