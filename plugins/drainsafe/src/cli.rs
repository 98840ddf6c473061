//! The flags of `kubectl drainsafe`.

use clap::{Parser, Subcommand};
use patchkit::{
    app::{CommandLine, RbacArgs, Reading},
    cluster::ConnectOptions,
};

use crate::commands::{
    check::CheckArgs,
    fit::FitArgs,
    node::{NodeArgs, ResumeArgs},
    pause::PauseArgs,
    plan::PlanArgs,
    pool::PoolArgs,
    status::StatusArgs,
    undo::UndoArgs,
};

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

impl CommandLine for Cli {
    fn connect(&mut self) -> &mut ConnectOptions {
        &mut self.connect
    }

    fn reading(&self) -> Option<Reading<'_>> {
        match &self.command {
            Command::Check(args) => Some(Reading::of(&args.source, &args.output)),
            Command::Fit(args) => Some(Reading::of(&args.source, &args.output)),
            Command::Plan(args) => Some(Reading::of(&args.source, &args.output)),
            _ => None,
        }
    }
}

/// The subcommands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// What stands in the way of any drain, in the whole cluster
    Check(Box<CheckArgs>),
    /// Where pods could go, and for every other node the scheduler's filter that rejects it
    Fit(Box<FitArgs>),
    /// What a drain of these nodes would do, pod by pod; changes nothing
    Plan(Box<PlanArgs>),
    /// Drain nodes, after the plan was shown and confirmed
    Node(Box<NodeArgs>),
    /// Replace the outdated nodes of a pool, each drained before it goes
    Pool(Box<PoolArgs>),
    /// Let a run begin nothing more, and end when what it has begun is through
    Pause(PauseArgs),
    /// Go on with a run that was interrupted, from any machine
    Resume(ResumeArgs),
    /// Restore what a run has changed, and nothing else
    Undo(UndoArgs),
    /// The runs that are under way, unfinished, or have left a cordon
    Status(StatusArgs),
    /// The ClusterRole with just the rights that these commands need, to be bound to somebody
    #[command(after_help = "Example: kubectl drainsafe rbac --bind-to group:developers | kubectl apply -f -")]
    Rbac(RbacArgs),
}
