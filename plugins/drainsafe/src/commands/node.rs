//! `kubectl drainsafe node` and `resume`.

use std::{io::Write, time::Duration};

use clap::{Args, ValueEnum};
use jiff::Timestamp;
use patchkit::{
    app::{App, Failure, source::Gathered},
    cluster::{Cluster, ConnectOptions, LeaseName, Wish},
    complete::Live,
    render::{Format, RenderContext, RenderError, render},
    report::{Exit, Metadata, Report, Severity, words::count},
    rules::window::Window,
    term::PromptError,
};

use crate::{
    drain::{self, Action, DrainPlan, Options, Subject, Targets},
    execute::{
        Flags, OnFailure, identity,
        lock::{Lock, LockError},
        record::RunRecord,
        rehearse::rehearse,
        run::Run,
        stops,
        view::View,
        waits,
    },
};

/// How a run is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum RunFormat {
    /// One JSON object a line, the last with event "result" and the summary
    Json,
}

/// Where the lock of a run lies.
#[derive(Args, Clone, Debug)]
pub struct LockArgs {
    /// The namespace of the Lease by which one run at a time is under way in a cluster
    #[arg(long, value_name = "NAMESPACE", default_value = "kube-system", help_heading = "Run", add = Live::NAMESPACES)]
    pub lock_namespace: String,
}

impl LockArgs {
    /// The Lease.
    #[must_use]
    pub fn name(&self) -> LeaseName {
        LeaseName { namespace: self.lock_namespace.clone(), name: "drainsafe".to_owned() }
    }
}

/// The flags of how a run is shown.
#[derive(Args, Clone, Debug)]
pub struct ShowArgs {
    /// Write one JSON object a line for each event, instead of lines for people
    #[arg(short = 'o', long = "output", value_name = "FORMAT", value_enum, help_heading = "Output")]
    pub output: Option<RunFormat>,

    /// Do not ask
    #[arg(short = 'y', long, help_heading = "Run")]
    pub yes: bool,
}

/// The flags of `node`.
#[derive(Args, Debug)]
pub struct NodeArgs {
    /// What is drained.
    #[command(flatten)]
    pub targets: Targets,

    /// How.
    #[command(flatten)]
    pub options: Options,

    /// What to do when a pod cannot be made to go
    #[arg(long, value_name = "WHAT", value_enum, default_value_t, help_heading = "Run")]
    pub on_failure: OnFailure,

    /// Show the plan and change nothing
    #[arg(long, value_name = "HOW", num_args = 0..=1, require_equals = true, default_value = "none",
          default_missing_value = "client", value_enum, hide_default_value = true, help_heading = "Run")]
    pub dry_run: DryRun,

    /// How the run is shown.
    #[command(flatten)]
    pub show: ShowArgs,

    /// Where its lock lies.
    #[command(flatten)]
    pub lock: LockArgs,
}

/// `--dry-run`
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum DryRun {
    /// Drain
    None,
    /// Only show the plan
    Client,
    /// Show the plan, and ask the API server about each eviction, as a dry run
    Server,
}

/// The flags of `resume`.
#[derive(Args, Debug)]
pub struct ResumeArgs {
    /// The run to go on with; by default the unfinished one
    #[arg(value_name = "RUN", add = crate::live::RUNS)]
    pub run: Option<String>,

    /// Other maintenance windows than those of the run, from now on (repeatable); of a pool's update
    #[arg(long = "window", value_name = "WINDOW", help_heading = "Run")]
    pub windows: Vec<Window>,

    /// How the run is shown.
    #[command(flatten)]
    pub show: ShowArgs,

    /// Where its lock lies.
    #[command(flatten)]
    pub lock: LockArgs,
}

/// Drains nodes.
///
/// # Errors
/// Where nothing can be read, the plan is not confirmed, or another run is in the way.
pub fn run(app: &App, args: &NodeArgs, connect: &ConnectOptions) -> Result<Exit, Failure> {
    let cluster = app.connect(connect)?;
    let Gathered { snapshot, source } = gather(app, &cluster)?;
    let now = Timestamp::now();
    let subject = Subject { snapshot: &snapshot, targets: &args.targets, options: &args.options, now };
    let mut made = drain::make(subject)?;
    let plan = made.plan.clone();
    let json = args.show.output == Some(RunFormat::Json);
    let metadata = Metadata {
        command: app.plugin.command("node"),
        version: app.plugin.version.to_owned(),
        generated_at: now.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
        data_as_of: None,
        source,
    };
    let dry = args.dry_run != DryRun::None;
    let mut refused = false;
    if args.dry_run == DryRun::Server {
        let rehearsal = app.block_on(rehearse(&cluster, &plan, &args.options))?;
        app.warn(&format!(
            "the API server would let {} of {} go now (dry run, each asked for alone)",
            rehearsal.granted,
            count(rehearsal.asked, "pod")
        ));
        refused = rehearsal.findings.iter().any(|finding| finding.severity >= Severity::High);
        made.findings.extend(rehearsal.findings);
    }
    if dry || !json || !args.show.yes {
        show(app, &made.report(metadata), json)?;
    }
    if let Some(why) = stops(&plan) {
        app.warn(&format!("nothing was changed: {why}"));
        return Ok(Exit::Findings);
    }
    if dry {
        return Ok(if refused { Exit::Findings } else { Exit::Clean });
    }
    if !app.prompt().confirm(&question(&cluster, &plan), args.show.yes)? {
        app.warn("nothing was changed");
        return Ok(Exit::Clean);
    }
    let record = RunRecord {
        run: identity::new_run(now),
        by: identity::operator(cluster.access().user.as_deref()),
        since: Some(now),
        nodes: plan.nodes.iter().map(|node| node.name.clone()).collect(),
        flags: Flags { options: args.options.clone(), on_failure: args.on_failure },
        surges: Vec::new(),
        pool: None,
    };
    let name = args.lock.name();
    let mut interrupt = app.interrupt();
    let mut view = View::new(json, app.stdout.terminal, app.progress.clone());
    app.block_on(async {
        let lock = Lock::begin(&cluster, &name, record.clone()).await.map_err(held)?;
        let run = Run {
            cluster: &cluster,
            lock,
            record,
            snapshot,
            plan,
            view: &mut view,
            interrupt: &mut interrupt,
            pool: None,
        };
        run.carry_out().await.map_err(Failure::from)
    })?
}

/// Goes on with an unfinished run.
///
/// # Errors
/// Where there is none, or its holder is alive.
pub fn resume(app: &App, args: &ResumeArgs, connect: &ConnectOptions) -> Result<Exit, Failure> {
    let cluster = app.connect(connect)?;
    let json = args.show.output == Some(RunFormat::Json);
    let name = args.lock.name();
    let lock = app.block_on(take_over(app, &cluster, &name, args.run.as_deref()))?.map_err(held)?;
    let outcome = go_on(app, args, &cluster, &lock, json);
    if outcome.is_err() {
        // What could not be gone on with stays as it was: unfinished, and nobody's.
        let _ = app.block_on(lock.give_back())?;
    }
    outcome
}

fn go_on(app: &App, args: &ResumeArgs, cluster: &Cluster, lock: &Lock, json: bool) -> Result<Exit, Failure> {
    let mut record = app.block_on(lock.record())?;
    let Gathered { snapshot, .. } = gather(app, cluster)?;
    if record.pool.is_some() {
        return super::pool::go_on(app, args, cluster, lock, record, snapshot);
    }
    // A node that was deleted meanwhile is as empty as can be.
    record.nodes.retain(|node| snapshot.nodes.iter().any(|known| known.meta.name == node.as_str()));
    let mut view = View::new(json, app.stdout.terminal, app.progress.clone());
    let plan = if record.nodes.is_empty() {
        DrainPlan::default()
    } else {
        let targets = Targets::named(record.nodes.clone());
        let subject =
            Subject { snapshot: &snapshot, targets: &targets, options: &record.flags.options, now: Timestamp::now() };
        drain::make(subject)?.plan
    };
    if let Some(why) = stops(&plan) {
        return Err(Failure::new(format!("run {} cannot go on: {why}", record.run))
            .with_hint("change what is in the way and resume it again, or take it back by kubectl drainsafe undo")
            .with_exit(Exit::Findings));
    }
    let question = format!("Go on with run {} of {}? {}", record.run, record.by, question(cluster, &plan));
    if !confirmed(app, &question, args.show.yes)? {
        return Err(Failure::new("nothing was changed").with_exit(Exit::Findings));
    }
    let mut interrupt = app.interrupt();
    let lock = lock.clone();
    app.block_on(async {
        let (view, interrupt) = (&mut view, &mut interrupt);
        let run = Run { cluster, lock, record, snapshot, plan, view, interrupt, pool: None };
        run.carry_out().await.map_err(Failure::from)
    })?
}

/// Takes over the lock of an unfinished run, and shows what that waits for.
pub(super) async fn take_over(
    app: &App,
    cluster: &Cluster,
    name: &LeaseName,
    run: Option<&str>,
) -> Result<Lock, LockError> {
    let mut line = None;
    Lock::go_on(cluster, name, run, |record, left: Duration| {
        let line = line.get_or_insert_with(|| {
            let text = format!(
                "run {} of {} holds the lock, or was killed while it did: it runs out unless it is renewed",
                record.run, record.by
            );
            app.warn(&text);
            app.progress.task()
        });
        line.say(&format!("{} s left", left.as_secs()));
    })
    .await
}

/// Whether to go on with what was confirmed once already: asks where there is somebody to be asked.
pub(super) fn confirmed(app: &App, question: &str, yes: bool) -> Result<bool, PromptError> {
    match app.prompt().confirm(question, yes) {
        Err(PromptError::NobodyThere { .. }) => Ok(true),
        outcome => outcome,
    }
}

/// The lock's error with what to do about it.
pub(super) fn held(error: LockError) -> Failure {
    let hint = error.hint();
    let exit = if matches!(error, LockError::Cluster(_)) { Exit::NotEvaluated } else { Exit::Findings };
    let failure = Failure::from(error).with_exit(exit);
    match hint {
        Some(hint) => failure.with_hint(hint),
        None => failure,
    }
}

pub(super) fn gather(app: &App, cluster: &Cluster) -> Result<Gathered, Failure> {
    let wish = Wish { kinds: drain::KINDS.to_vec(), deprecated_calls: false };
    Ok(app.gather(cluster, &wish, |_, _| Vec::new())?)
}

/// Shows a plan: on standard output, or on standard error where that holds the events of the run.
pub(super) fn show(app: &App, report: &Report, json: bool) -> Result<(), Failure> {
    let stream = if json { app.stderr } else { app.stdout };
    let mut text = Vec::new();
    let context = RenderContext { width: stream.width, colour: stream.colour, no_headers: false };
    render(report, &Format::Table, &context, &mut text)?;
    app.progress
        .suspend(|| {
            if json {
                std::io::stderr().lock().write_all(&text)
            } else {
                let mut out = std::io::stdout().lock();
                out.write_all(&text).and_then(|()| out.flush())
            }
        })
        .map_err(RenderError::Write)?;
    Ok(())
}

/// The cluster, above all where it is: what is changed there must not be another one.
pub(super) fn place(cluster: &Cluster) -> String {
    let access = cluster.access();
    match (&access.context, &access.cluster) {
        (Some(context), Some(cluster)) => format!("context {context}, cluster {cluster} ({})", access.server),
        (Some(context), None) => format!("context {context} ({})", access.server),
        _ => access.server.to_string(),
    }
}

/// What is asked: which nodes, how many pods, and above all of which cluster.
fn question(cluster: &Cluster, plan: &DrainPlan) -> String {
    let goes = plan.pods.iter().filter(|pod| pod.action.goes() || waits(pod)).count();
    let deleted = plan.pods.iter().filter(|pod| pod.action == Action::Delete).count();
    let place = place(cluster);
    let nodes: Vec<_> = plan.nodes.iter().map(|node| node.name.clone()).collect();
    let nodes = if nodes.len() <= 5 {
        nodes.join(", ")
    } else {
        format!("{} and {} more", nodes[..4].join(", "), nodes.len() - 4)
    };
    let how = if deleted > 0 { "past all budgets deletes" } else { "evicts" };
    format!("Drain {nodes}, which {how} {}, of {place}?", count(goes, "pod"))
}
