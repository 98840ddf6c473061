//! `kubectl drainsafe status`.

use clap::Args;
use jiff::Timestamp;
use patchkit::{
    app::{App, Failure},
    cluster::ConnectOptions,
    render::OutputArgs,
    report::{Block, Cell, Column, Document, Exit, FailOn, Metadata, Report, Source, Table, Tone, words::count},
};

use super::{
    node::LockArgs,
    runs::{self, KnownRun, Runs},
};

/// The flags of `status`.
#[derive(Args, Debug)]
pub struct StatusArgs {
    /// How to write the runs.
    #[command(flatten)]
    pub output: OutputArgs,

    /// Where the lock lies.
    #[command(flatten)]
    pub lock: LockArgs,
}

/// Shows the runs that are under way, unfinished, or have left a cordon.
///
/// # Errors
/// Where the cluster cannot be read.
pub fn run(app: &App, args: &StatusArgs, connect: &ConnectOptions) -> Result<Exit, Failure> {
    let cluster = app.connect(connect)?;
    let now = Timestamp::now();
    let known = app.block_on(runs::read(&cluster, &args.lock.name(), now))??;
    let access = cluster.access();
    let metadata = Metadata {
        command: app.plugin.command("status"),
        version: app.plugin.version.to_owned(),
        generated_at: now.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
        data_as_of: None,
        source: Source::Cluster { context: access.context.clone(), server: access.server.to_string() },
    };
    app.write(&report(&known, metadata), &args.output, FailOn::default())
}

fn report(known: &Runs, metadata: Metadata) -> Report {
    let verdict = known.runs.iter().find(|run| run.unfinished).map_or("none", |run| run.state);
    Report::new("RunsReport", metadata, verdict, Vec::new(), Vec::new())
        .with_section("runs", &known.runs)
        .with_document(document(known))
}

fn document(known: &Runs) -> Document {
    let mut document = Document::default();
    if known.runs.is_empty() {
        document.text("No run is under way, unfinished, or has left a cordon.");
        return document;
    }
    for run in &known.runs {
        let tone = match run.state {
            "finished" => Tone::Good,
            "running" => Tone::Plain,
            _ => Tone::Notice,
        };
        document.heading(2, format!("Run {}", run.run));
        document.paragraph([Cell::from("It is "), Cell::new(run.state, tone), Cell::from(started(run))]);
        if let Some(pool) = &run.pool {
            document.text(format!(
                "It updates pool {}: {} of {} replaced.",
                pool.name,
                pool.replaced,
                count(pool.outdated, "outdated node")
            ));
        }
        let columns = ["NODE", "PHASE", "CORDON"].map(Column::new);
        let mut table = Table::new(columns.into_iter().chain([Column::new("EVICTED").right()]));
        for node in &run.nodes {
            let phase = node.phase.unwrap_or("-");
            table.push(
                [node.name.as_str(), phase, node.cordon]
                    .map(Cell::from)
                    .into_iter()
                    .chain([Cell::from(node.evicted.to_string())]),
            );
        }
        document.push(Block::Table(table));
        if !run.surges.is_empty() {
            document.text(format!("Scaled up meanwhile: {}", run.surges.join(", ")));
        }
        match run.state {
            "running" => {}
            "finished" => document.push(Block::Commands(vec![format!("kubectl drainsafe undo {}", run.run)])),
            _ => document.push(Block::Commands(vec![
                format!("kubectl drainsafe resume {}", run.run),
                format!("kubectl drainsafe undo {}", run.run),
            ])),
        }
    }
    document
}

/// `, started by jane on host at 2026-11-24T10:00:00Z`
fn started(run: &KnownRun) -> String {
    let since = run.since.map(|since| format!(" at {}", since.strftime("%Y-%m-%dT%H:%M:%SZ"))).unwrap_or_default();
    format!(", started by {}{since}", run.by)
}
