//! `kubectl drainsafe check`.

use clap::Args;
use jiff::Timestamp;
use patchkit::{
    app::{
        App, FailOnArgs, Failure,
        source::{Gathered, SourceArgs},
    },
    cluster::{ConnectOptions, Wish},
    render::OutputArgs,
    report::Exit,
};

use crate::{drain, obstacles};

/// The flags of `check`.
#[derive(Args, Debug)]
pub struct CheckArgs {
    /// How many nodes are tried, each as if it alone were drained
    #[arg(long, value_name = "NUMBER", default_value_t = 500, help_heading = "Check")]
    pub max_nodes: usize,

    /// What to read.
    #[command(flatten)]
    pub source: SourceArgs,

    /// How to write the report.
    #[command(flatten)]
    pub output: OutputArgs,

    /// How the findings decide the exit code.
    #[command(flatten)]
    pub fail_on: FailOnArgs,
}

/// Looks for obstacles and writes them.
///
/// # Errors
/// Where nothing can be read, or the report cannot be written.
pub fn run(app: &App, args: &CheckArgs, connect: &ConnectOptions) -> Result<Exit, Failure> {
    let wish = Wish { kinds: drain::KINDS.to_vec(), deprecated_calls: false };
    let Gathered { snapshot, source } = app.read(&args.source, connect, &wish, |_, _| Vec::new())?;
    let now = Timestamp::now();
    let line = app.progress.line("nodes");
    let made = obstacles::make(&snapshot, now, args.max_nodes, |_| line.advance(1))?;
    let report = made.report(app.metadata("check", now, source));
    app.write(&report, &args.output, args.fail_on.fail_on)
}
