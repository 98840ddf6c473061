//! `kubectl secpatch plan`.

use std::{io::Write, path::Path};

use clap::Args;
use patchkit::{
    app::{
        App, FailOnArgs, Failure, PublishArgs,
        source::{Gathered, SourceArgs, SourceError},
    },
    cluster::{ConnectOptions, Wish},
    complete::Live,
    render::{Format, OutputArgs, OwnFormats, RenderError},
    report::Exit,
    rules::{surge::SurgeSetting, version::KubeVersion, window::Window},
};

use crate::{
    commands::session::{AsOfArgs, Session},
    facts::Facts,
    inventory::{Hints, Inventory},
    plan::{self, StepOptions, TargetChoice},
    subject::Subject,
};

/// The formats that only a plan has.
#[derive(Clone, Debug)]
pub struct PlanFormats;

impl OwnFormats for PlanFormats {
    const FORMATS: &'static [(&'static str, &'static str)] =
        &[("tfvars", "The versions and surge settings as Terraform variables")];
}

/// The flags of `plan`.
#[derive(Args, Debug)]
pub struct PlanArgs {
    /// What to read.
    #[command(flatten)]
    pub source: SourceArgs,

    /// How to write the plan.
    #[command(flatten)]
    pub output: OutputArgs<PlanFormats>,

    /// Where to go: latest-patch, latest, a minor such as 1.36, or a version; by default the oldest minor that is
    /// supported for 90 days more
    #[arg(long, value_name = "VERSION", help_heading = "Plan")]
    pub target: Option<TargetChoice>,

    /// For which moment.
    #[command(flatten, next_help_heading = "Plan")]
    pub as_of: AsOfArgs,

    /// A lower environment that has rehearsed the update: a context, or files that kubectl wrote there
    #[arg(long, value_name = "CONTEXT|FILE", add = Live::CONTEXTS.or_paths(), help_heading = "Plan")]
    pub rehearsed_in: Option<String>,

    /// A maintenance window in which steps may start, such as "Sat 02:00-06:00 Europe/Paris" (repeatable)
    #[arg(long = "window", value_name = "WINDOW", help_heading = "Plan")]
    pub windows: Vec<Window>,

    /// Nodes more than it has that a pool may get while it is updated, as a number or a share; it is rounded up to a
    /// multiple of the pool's zones
    #[arg(long, value_name = "NUMBER|PERCENT", default_value = "33%", help_heading = "Plan")]
    pub surge: SurgeSetting,

    /// The label that names a node's pool, where it is none of the providers'
    #[arg(long, value_name = "LABEL", add = Live::NODE_LABELS, help_heading = "Plan")]
    pub pool_label: Option<String>,

    /// The API server's version, where files do not tell it
    #[arg(long, value_name = "VERSION", help_heading = "Plan")]
    pub server_version: Option<KubeVersion>,

    /// Make no connection at all: needs -f
    #[arg(long, requires = "files", help_heading = "Plan")]
    pub offline: bool,

    /// How the findings decide the exit code.
    #[command(flatten)]
    pub fail_on: FailOnArgs,

    /// Where the plan is kept.
    #[command(flatten)]
    pub publish: PublishArgs,
}

/// Makes the plan and writes it.
///
/// # Errors
/// Where nothing can be read, or the plan cannot be written.
pub fn run(app: &App, args: &PlanArgs, connect: &ConnectOptions) -> Result<Exit, Failure> {
    let session = Session::begin(args.as_of);
    session.warn_of_old_facts(app);
    let Session { now, today, ref facts, .. } = session;
    let Gathered { snapshot, source } = read(app, &args.source, connect, facts)?;
    let lower = match &args.rehearsed_in {
        Some(environment) => Some(read_rehearsal(app, environment, args.offline, connect, facts)?),
        None => None,
    };
    let hints = Hints { server: args.server_version.clone(), pool_label: args.pool_label.clone() };
    let inventory = Inventory::of(&snapshot, &hints);
    let subject = Subject { snapshot: &snapshot, inventory: &inventory, facts, now, today };
    let options = plan::Options {
        target: args.target.clone().unwrap_or_default(),
        steps: StepOptions { surge: args.surge, windows: args.windows.clone() },
        rehearsal: args.rehearsed_in.as_deref().zip(lower.as_ref().map(|gathered| &gathered.snapshot)),
    };
    let made = plan::make(subject, &options);
    if args.output.output == Format::Own("tfvars") {
        if args.publish.publish.is_some() {
            return Err(Failure::usage("--publish keeps a report, and tfvars are none"));
        }
        let mut out = app.out();
        out.write_all(plan::tfvars(&made.plan).as_bytes()).and_then(|()| out.flush()).map_err(RenderError::Write)?;
        return Ok(made.exit(args.fail_on.fail_on));
    }
    let mut report = made.report(session.metadata(app, "plan", facts.as_of(), source));
    report.not_evaluated.extend(session.problem);
    // The report holds all that is written. Of a large cluster, its text is as large as a good part of the snapshot.
    drop((inventory, snapshot, lower));
    let exit = app.write(&report, &args.output, args.fail_on.fail_on)?;
    app.publish(&args.publish, connect, &report, exit)
}

/// Reads what a plan needs of a cluster or of files.
fn read(app: &App, source: &SourceArgs, connect: &ConnectOptions, facts: &Facts) -> Result<Gathered, SourceError> {
    let wish = Wish { kinds: plan::KINDS.to_vec(), deprecated_calls: true };
    app.read(source, connect, &wish, |version, served| plan::metadata_wishes(facts, version, served))
}

/// Reads a lower environment: files where the path is there, else a context of the kubeconfig.
fn read_rehearsal(
    app: &App,
    environment: &str,
    offline: bool,
    connect: &ConnectOptions,
    facts: &Facts,
) -> Result<Gathered, Failure> {
    if Path::new(environment).exists() {
        let source = SourceArgs { files: vec![environment.to_owned()], recursive: true, complete: false };
        return Ok(read(app, &source, connect, facts)?);
    }
    if offline {
        return Err(Failure::usage(format!(
            "--rehearsed-in {environment:?} is no file, and --offline allows no connection to a context of that name"
        )));
    }
    let connect = ConnectOptions { context: Some(environment.to_owned()), ..connect.clone() };
    Ok(read(app, &SourceArgs::default(), &connect, facts)?)
}
