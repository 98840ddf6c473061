//! `kubectl drainsafe plan`.

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

use crate::drain::{self, Options, Subject, Targets};

/// The flags of `plan`.
#[derive(Args, Debug)]
pub struct PlanArgs {
    /// What is drained.
    #[command(flatten)]
    pub targets: Targets,

    /// How.
    #[command(flatten)]
    pub options: Options,

    /// What to read.
    #[command(flatten)]
    pub source: SourceArgs,

    /// How to write the plan.
    #[command(flatten)]
    pub output: OutputArgs,

    /// How the findings decide the exit code.
    #[command(flatten)]
    pub fail_on: FailOnArgs,
}

/// Makes the plan and writes it.
///
/// # Errors
/// Where nothing can be read, or the plan cannot be written.
pub fn run(app: &App, args: &PlanArgs, connect: &ConnectOptions) -> Result<Exit, Failure> {
    let wish = Wish { kinds: drain::KINDS.to_vec(), deprecated_calls: false };
    let Gathered { snapshot, source } = app.read(&args.source, connect, &wish, |_, _| Vec::new())?;
    let now = Timestamp::now();
    let made = drain::make(Subject { snapshot: &snapshot, targets: &args.targets, options: &args.options, now })?;
    let report = made.report(app.metadata("plan", now, source));
    app.write(&report, &args.output, args.fail_on.fail_on)
}
