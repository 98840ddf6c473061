//! The flags of `kubectl netpolcheck`.

use clap::{Parser, Subcommand};
use patchkit::{
    app::{CommandLine, RbacArgs, Reading},
    cluster::ConnectOptions,
};

use crate::commands::{can::CanArgs, diff::DiffArgs, input::ReportArgs, map::MapArgs, suggest::SuggestArgs};

/// NetworkPolicy: what the policies of a cluster really allow
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
            Command::Map(args) => Some(Reading::of(&args.source, &args.output)),
            Command::Can(args) => Some(Reading::of(&args.source, &args.output)),
            Command::Coverage(args) | Command::Lint(args) => Some(Reading::of(&args.source, &args.output)),
            _ => None,
        }
    }
}

/// The subcommands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Who can talk to whom, and on which ports
    Map(Box<MapArgs>),
    /// Whether one can talk to another, and which policy decides
    #[command(after_help = "Exit codes: 0 yes, 1 no, 4 it depends or not all could be read, 3 somebody is not there")]
    Can(Box<CanArgs>),
    /// How well policies cover the cluster: isolation, default-deny, what is exposed, a score
    Coverage(Box<ReportArgs>),
    /// What is wrong with the policies: selectors, ports and rules that mean nothing, conflicts, old kinds
    #[command(after_help = "With -n only what is wrong with the policies of that namespace is told")]
    Lint(Box<ReportArgs>),
    /// What becomes allowed and what becomes denied between two states, or by an apply
    #[command(after_help = "Exit codes: 0 nothing changes, 1 something does (see --fail-on), 4 not all could be read")]
    Diff(Box<DiffArgs>),
    /// Policies that allow what is needed and little else, with the proof
    #[command(
        after_help = "Exit codes: 0 proved, 1 something that is needed stays denied, 4 not all could be read or told"
    )]
    Suggest(Box<SuggestArgs>),
    /// The ClusterRole with just the rights that these commands need, to be bound to somebody
    #[command(after_help = "Example: kubectl netpolcheck rbac --bind-to group:developers | kubectl apply -f -")]
    Rbac(RbacArgs),
}
