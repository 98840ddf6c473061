//! `kubectl drainsafe undo`.

use clap::Args;
use jiff::Timestamp;
use patchkit::{
    app::{App, Failure},
    cluster::ConnectOptions,
    report::{Exit, words::count},
};

use super::{
    node::{LockArgs, RunFormat, ShowArgs, confirmed, held, take_over},
    runs::{self, Runs},
};
use crate::execute::{
    event::{Event, Kind, Summary},
    lock::LockError,
    undo::{Undone, undo},
    view::View,
};

/// The flags of `undo`.
#[derive(Args, Debug)]
pub struct UndoArgs {
    /// The run to take back; by default the unfinished one, or the only one that has left a cordon
    #[arg(value_name = "RUN", add = crate::live::RUNS)]
    pub run: Option<String>,

    /// How it is shown.
    #[command(flatten)]
    pub show: ShowArgs,

    /// Where its lock lies.
    #[command(flatten)]
    pub lock: LockArgs,
}

/// Restores what a run has changed: cordons, annotations and scales that are its own, and nothing else. Pods that were
/// moved stay where they are.
///
/// # Errors
/// Where there is no such run, where it is under way, or where the cluster does not let it be restored.
pub fn run(app: &App, args: &UndoArgs, connect: &ConnectOptions) -> Result<Exit, Failure> {
    let cluster = app.connect(connect)?;
    let name = args.lock.name();
    let known = app.block_on(runs::read(&cluster, &name, Timestamp::now()))??;
    let run = choose(&known, args.run.as_deref())?;
    let nodes = known.nodes_of(&run);
    let question = format!("Take back what run {run} changed on {}: {}?", count(nodes.len(), "node"), nodes.join(", "));
    if !confirmed(app, &question, args.show.yes)? {
        app.warn("nothing was changed");
        return Ok(Exit::Clean);
    }
    let json = args.show.output == Some(RunFormat::Json);
    let mut view = View::new(json, app.stdout.terminal, app.progress.clone());
    let undone = app.block_on(async {
        // A finished run holds no lock.
        let lock = match take_over(app, &cluster, &name, Some(&run)).await {
            Ok(lock) => Some(lock),
            Err(LockError::Nothing | LockError::Another(..)) => None,
            Err(error) => return Err(held(error)),
        };
        Ok(undo(&cluster, lock, &run, &nodes, |event| view.tell(event)).await)
    })??;
    end(&mut view, &run, &undone);
    Ok(if undone.left.is_empty() { Exit::Clean } else { Exit::Partial })
}

fn choose(known: &Runs, run: Option<&str>) -> Result<String, Failure> {
    let names: Vec<&str> = known.runs.iter().map(|run| run.run.as_str()).collect();
    match (run, names.as_slice()) {
        (Some(run), names) if names.contains(&run) => Ok(run.to_owned()),
        (Some(run), _) => Err(Failure::new(format!("there is no trace of a run {run} to take back"))),
        (None, []) => Err(Failure::new("there is no run to take back")),
        (None, [one]) => Ok((*one).to_owned()),
        (None, several) => match known.runs.iter().find(|run| run.unfinished) {
            Some(run) => Ok(run.run.clone()),
            None => Err(Failure::usage(format!("several runs have left something: {}", several.join(", ")))
                .with_hint("name one of them")),
        },
    }
}

fn end(view: &mut View, run: &str, undone: &Undone) {
    let summary = Summary {
        run: run.to_owned(),
        outcome: if undone.left.is_empty() { "undone" } else { "failed" },
        ..Summary::default()
    };
    let text = if undone.left.is_empty() {
        format!("run {run} is taken back: {} uncordoned", count(undone.lifted, "node"))
    } else {
        format!("run {run} is not taken back whole: {}", undone.left.join("; "))
    };
    for node in &undone.foreign {
        view.tell(&Event::of_node(
            Kind::Warning,
            node,
            format!("the cordon of node {node} is somebody else's, and stays"),
        ));
    }
    view.end(&text, &summary);
}
