//! `kubectl drainsafe pool`.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    io::{self, Read as _},
};

use clap::Args;
use jiff::Timestamp;
use patchkit::{
    app::{App, Failure, source::Gathered},
    cluster::{Cluster, ConnectOptions},
    report::{Exit, words::count},
    rules::{LabelSelector, surge::SurgeSetting},
    snapshot::Snapshot,
};

use super::node::{LockArgs, ResumeArgs, RunFormat, ShowArgs, confirmed, gather, held, place, show};
use crate::{
    drain::{DrainPlan, Options, PlannedNode, words::duration},
    execute::{
        Flags, OnFailure, PoolRecord, identity,
        lock::Lock,
        record::RunRecord,
        run::{PoolPart, Run},
        view::View,
    },
    pool::{
        Criterion, Made, Members, Outline, Pace, PlanStep, PoolOptions, Which, Wish, by_zone, make, outline_of,
        read_step, works,
    },
};

/// The flags of `pool`.
#[derive(Args, Debug)]
pub struct PoolArgs {
    /// Which nodes.
    #[command(flatten)]
    pub which: Which,

    /// How the pool is updated.
    #[command(flatten)]
    pub update: PoolOptions,

    /// How nodes are drained.
    #[command(flatten)]
    pub options: Options,

    /// Show the plan and change nothing
    #[arg(long, help_heading = "Run")]
    pub dry_run: bool,

    /// How the run is shown.
    #[command(flatten)]
    pub show: ShowArgs,

    /// Where its lock lies.
    #[command(flatten)]
    pub lock: LockArgs,
}

/// Updates a pool.
///
/// # Errors
/// Where nothing can be read, the plan is not confirmed, or another run is in the way.
pub fn run(app: &App, args: &PoolArgs, connect: &ConnectOptions) -> Result<Exit, Failure> {
    let step = read_plan(&args.which)?;
    let cluster = app.connect(connect)?;
    let Gathered { mut snapshot, source } = gather(app, &cluster)?;
    let now = Timestamp::now();
    let wish = wish(args, step.as_ref(), &snapshot)?;
    let options = drain_options(&args.options);
    let made = make(&mut snapshot, &options, &wish, now)?;
    let json = args.show.output == Some(RunFormat::Json);
    let Made { plan, outline, .. } = made.clone();
    if args.dry_run || !json || !args.show.yes {
        show(app, &made.report(app.metadata("pool", now, source)), json)?;
    }
    if plan.outdated.is_empty() {
        return Ok(Exit::Clean);
    }
    if let Some(why) = plan.stops() {
        app.warn(&format!("nothing was changed: {why}"));
        return Ok(Exit::Findings);
    }
    if args.dry_run {
        return Ok(Exit::Clean);
    }
    let question = format!(
        "Replace {} of pool {}, which evicts {} in about {}, of {}?",
        count(plan.outdated.len(), "node"),
        plan.members.title(),
        count(plan.pods(), "pod"),
        duration(plan.predicted_seconds),
        place(&cluster)
    );
    if !app.prompt().confirm(&question, args.show.yes)? {
        app.warn("nothing was changed");
        return Ok(Exit::Clean);
    }
    let names: BTreeSet<&str> = plan.outdated.iter().map(|node| node.name.as_str()).collect();
    let members = plan.members.nodes(&snapshot);
    let fresh = members.iter().filter(|node| !names.contains(node.meta.name.as_str()));
    let pool = PoolRecord {
        fresh_before: by_zone(fresh.filter(|node| works(node, false)).copied()),
        members: plan.members.clone(),
        criterion: wish.criterion.clone(),
        zones: plan.course.zones.clone(),
        surge: plan.course.surge,
        at_once: plan.course.at_once,
        surge_command: args.update.surge_command.clone(),
        node_start: args.update.node_start,
        surge_timeout: args.update.surge_timeout,
        replace_command: args.update.replace_command.clone(),
        delete_node: args.update.delete_node,
        gates: args.update.gates.clone(),
        gate_timeout: args.update.gate_timeout,
        command_timeout: args.update.command_timeout,
        max_failed_nodes: args.update.max_failed_nodes,
        allow_unproven: args.update.allow_unproven,
        windows: args.update.windows.iter().map(|window| window.as_str().to_owned()).collect(),
        once: step.and_then(|step| step.window).map(|opening| (opening.start, opening.end)),
        outside_window: args.update.outside_window,
        predicted_seconds: plan.predicted_seconds,
        pods: plan.pods(),
        asked: BTreeMap::new(),
        asking: BTreeMap::new(),
        replaced: Vec::new(),
        moved: 0,
        leaving: BTreeMap::new(),
    };
    let record = RunRecord {
        run: identity::new_run(now),
        by: identity::operator(cluster.access().user.as_deref()),
        since: Some(now),
        nodes: plan.outdated.iter().map(|node| node.name.clone()).collect(),
        flags: Flags { options, on_failure: OnFailure::Continue },
        surges: Vec::new(),
        pool: Some(pool.clone()),
    };
    let name = args.lock.name();
    let lock = app.block_on(Lock::begin(&cluster, &name, record.clone()))?.map_err(held)?;
    let pace = Pace::of(&members, pool.surge_command.is_some(), pool.node_start);
    let part = PoolPart { windows: args.update.windows.clone(), record: pool, outline, pace };
    carry_out(app, &args.show, &cluster, lock, record, snapshot, part)
}

/// Goes on with the update of a pool.
///
/// # Errors
/// Where it is not confirmed, or a node cannot be taken.
pub(super) fn go_on(
    app: &App,
    args: &ResumeArgs,
    cluster: &Cluster,
    lock: &Lock,
    mut record: RunRecord,
    snapshot: Snapshot,
) -> Result<Exit, Failure> {
    let Some(mut pool) = record.pool.clone() else { return Err(Failure::new("the run updates no pool")) };
    if !args.windows.is_empty() {
        pool.windows = args.windows.iter().map(|window| window.as_str().to_owned()).collect();
        pool.once = None;
    }
    let windows = pool.windows().map_err(|error| Failure::new(error.to_string()))?;
    let left = record.nodes.iter().filter(|node| !pool.replaced.contains(node)).count();
    let question = format!(
        "Go on with run {} of {}? Replace {} more of pool {}, of {}?",
        record.run,
        record.by,
        count(left, "node"),
        pool.members.title(),
        place(cluster)
    );
    if !confirmed(app, &question, args.show.yes)? {
        return Err(Failure::new("nothing was changed").with_exit(Exit::Findings));
    }
    // A run that was killed may not have noted what it had just removed.
    for name in record.nodes.iter().filter(|name| !pool.replaced.contains(name)).cloned().collect::<Vec<_>>() {
        let node = snapshot.nodes.iter().find(|node| node.meta.name == name.as_str());
        if pool.is_gone(&name, node.map(|node| node.meta.uid.as_str())) {
            pool.through(&name, 0);
        }
    }
    record.pool = Some(pool.clone());
    let changed = record.pool.clone();
    app.block_on(lock.note(move |record| record.pool = changed))?.map_err(held)?;
    let names: BTreeSet<String> = record.nodes.iter().cloned().collect();
    let outline: Outline = outline_of(&snapshot, &record.flags.options, &names, Timestamp::now());
    let pace = Pace::of(&pool.members.nodes(&snapshot), pool.surge_command.is_some(), pool.node_start);
    let part = PoolPart { record: pool, windows, outline, pace };
    carry_out(app, &args.show, cluster, lock.clone(), record, snapshot, part)
}

fn carry_out(
    app: &App,
    args: &ShowArgs,
    cluster: &Cluster,
    lock: Lock,
    record: RunRecord,
    snapshot: Snapshot,
    pool: PoolPart,
) -> Result<Exit, Failure> {
    // Nodes that are through, or gone, need nothing any more.
    let left = record.nodes.iter().filter(|node| !pool.record.replaced.contains(node));
    let there = left.filter(|name| snapshot.nodes.iter().any(|node| node.meta.name == name.as_str()));
    let plan = DrainPlan {
        nodes: there.map(|name| PlannedNode { name: name.clone(), ..PlannedNode::default() }).collect(),
        ..DrainPlan::default()
    };
    let mut interrupt = app.interrupt();
    let mut view = View::new(args.output == Some(RunFormat::Json), app.stdout.terminal, app.progress.clone());
    app.block_on(async {
        let (view, interrupt) = (&mut view, &mut interrupt);
        let run = Run { cluster, lock, record, snapshot, plan, view, interrupt, pool: Some(pool) };
        run.carry_out().await.map_err(Failure::from)
    })?
}

/// How nodes of a pool are drained: what DaemonSets run on a node goes with it.
fn drain_options(given: &Options) -> Options {
    Options { ignore_daemonsets: true, ..given.clone() }
}

fn read_plan(which: &Which) -> Result<Option<PlanStep>, Failure> {
    let (Some(file), Some(number)) = (&which.plan, which.step) else { return Ok(None) };
    let text = if file == "-" {
        let mut text = String::new();
        io::stdin().lock().read_to_string(&mut text).map(|_| text)
    } else {
        fs::read_to_string(file)
    };
    let name = if file == "-" { "standard input" } else { file };
    let text = text.map_err(|error| Failure::usage(format!("{name}: {error}")))?;
    read_step(&text, number).map(Some).map_err(|error| Failure::usage(format!("{name}: {error}")))
}

fn wish(args: &PoolArgs, step: Option<&PlanStep>, snapshot: &Snapshot) -> Result<Wish, Failure> {
    let usage = |error: &dyn std::fmt::Display| Failure::usage(error.to_string());
    let label = args.which.pool_label.as_deref();
    let members = match (&args.which.pool, &args.which.selector, step) {
        (_, Some(selector), _) => Members::selected(selector.clone()),
        (_, _, Some(step)) => Members::named(snapshot, &step.pool, label),
        (Some(text), _, _) => match text.parse::<LabelSelector>() {
            Ok(selector) if text.contains(['=', '!', '(', ',']) => Members::selected(selector),
            _ => Members::named(snapshot, text, label),
        },
        (None, None, None) => return Err(Failure::usage("no pool is named")),
    }
    .map_err(|error| usage(&error))?;
    let by_step = step.map(|step| match &step.to {
        Some(version) => Criterion::Version(version.clone()),
        // The plan has told which; what comes in their place is as new as can be.
        None => Criterion::All,
    });
    let surge =
        args.update.surge.or_else(|| step.filter(|step| step.surge > 0).map(|step| SurgeSetting::Nodes(step.surge)));
    if args.update.surge_command.is_some() && surge.is_none() {
        return Err(Failure::usage("--surge-command adds nodes only where --surge says how many there may be"));
    }
    Ok(Wish {
        members,
        criterion: args.which.criterion().or(by_step).unwrap_or(Criterion::Newest),
        only: step.map(|step| step.nodes.clone()),
        surge,
        asks: args.update.surge_command.is_some(),
        node_start: args.update.node_start,
        replaces: args.update.replace_command.is_some() || args.update.delete_node,
        allow_unproven: args.update.allow_unproven,
    })
}
