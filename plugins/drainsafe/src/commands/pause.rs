//! `kubectl drainsafe pause`.

use clap::Args;
use patchkit::{
    app::{App, Failure},
    cluster::ConnectOptions,
    report::Exit,
};

use super::node::{LockArgs, held};
use crate::execute::lock::Lock;

/// The flags of `pause`.
#[derive(Args, Debug)]
pub struct PauseArgs {
    /// The run to pause; by default the one that is under way
    #[arg(value_name = "RUN", add = crate::live::RUNS)]
    pub run: Option<String>,

    /// Where its lock lies.
    #[command(flatten)]
    pub lock: LockArgs,
}

/// Asks a run to begin nothing more. It ends when what it has begun is through, and can be gone on with.
///
/// # Errors
/// Where no run is under way.
pub fn run(app: &App, args: &PauseArgs, connect: &ConnectOptions) -> Result<Exit, Failure> {
    let cluster = app.connect(connect)?;
    let name = args.lock.name();
    let record = app.block_on(Lock::ask_pause(&cluster, &name, args.run.as_deref()))?.map_err(held)?;
    app.warn(&format!(
        "run {} of {} begins nothing more, and ends when what it has begun is through; kubectl drainsafe resume goes on \
         with it",
        record.run, record.by
    ));
    Ok(Exit::Clean)
}
