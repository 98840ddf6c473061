//! The flags of `kubectl secpatch`.

use clap::{Parser, Subcommand};
use patchkit::{
    app::{CommandLine, RbacArgs, Reading},
    cluster::ConnectOptions,
};

use crate::commands::{
    apis::ApisArgs, cves::CvesArgs, data::DataArgs, fix::FixArgs, images::ImagesArgs, plan::PlanArgs, pods::PodsArgs,
    posture::PostureArgs,
};

/// What a cluster must update for its security, why, and in which order
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
            Command::Plan(args) => Some(Reading::of(&args.source, &args.output)),
            Command::Cves(args) => Some(Reading::of(&args.source, &args.output)),
            Command::Apis(args) => Some(Reading::of(&args.source, &args.output)),
            Command::Images(args) if args.fix.is_none() => Some(Reading::of(&args.source, &args.output)),
            Command::Pods(args) => Some(Reading::of(&args.source, &args.output)),
            Command::Posture(args) => Some(Reading::of(&args.source, &args.output)),
            _ => None,
        }
    }
}

/// The subcommands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// The ordered plan of the security updates that a cluster needs
    Plan(Box<PlanArgs>),
    /// The CVEs of what runs: whether they matter here, and what fixes them
    Cves(Box<CvesArgs>),
    /// The deprecated and removed APIs that are still used, and what to write instead
    Apis(Box<ApisArgs>),
    /// The images that run: where they come from, whether they can change unseen, what scanners say of them
    Images(Box<ImagesArgs>),
    /// What the Pod Security Standards forbid of each pod and template, and what each namespace could enforce
    Pods(Box<PodsArgs>),
    /// What the practice asks of the whole cluster: API server, rights, credentials, namespaces, runtime, nodes
    Posture(Box<PostureArgs>),
    /// The smallest change that makes each workload pass a level, as patches or applied with a way back
    Fix(Box<FixArgs>),
    /// The facts that the answers rest on: releases, support calendars, vulnerabilities, APIs, feature gates
    Data(DataArgs),
    /// The ClusterRole with just the rights that these commands need, to be bound to somebody
    #[command(after_help = "Example: kubectl secpatch rbac --bind-to group:developers | kubectl apply -f -")]
    Rbac(RbacArgs),
}
