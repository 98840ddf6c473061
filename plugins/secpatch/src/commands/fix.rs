//! `kubectl secpatch fix`.

use std::{path::PathBuf, time::Duration};

use clap::{
    Args,
    builder::{PossibleValuesParser, TypedValueParser as _},
};
use jiff::Timestamp;
use patchkit::{
    app::{
        App, FailOnArgs, Failure,
        source::{Gathered, SourceArgs},
    },
    cluster::{ConnectOptions, Wish, parse_duration},
    render::OutputArgs,
    report::{Exit, Metadata},
};

use super::{patch_folder, pods::StandardArgs};
use crate::{
    execute::{self, Applied, ApplyOptions, Outcome},
    fix::{self, Answers, NamedVolumeAnswer, Options},
    patch_files::{PatchForm, kustomize_component},
    pod_security::Level,
    pods,
};

/// The flags of `fix`.
#[derive(Args, Debug)]
pub struct FixArgs {
    /// Change these only, as kind/name (deployment/web); all where left out
    #[arg(value_name = "KIND/NAME", add = crate::live::WORKLOADS)]
    pub only: Vec<String>,

    /// What to read.
    #[command(flatten)]
    pub source: SourceArgs,

    /// How to write the report.
    #[command(flatten)]
    pub output: OutputArgs,

    /// The level to reach
    #[arg(
        long,
        value_name = "LEVEL",
        default_value = "restricted",
        value_parser = PossibleValuesParser::new(["baseline", "restricted"]).try_map(|word| word.parse::<Level>()),
        help_heading = "Pod Security"
    )]
    pub level: Level,

    /// Which version of the standards.
    #[command(flatten)]
    pub standard: StandardArgs,

    /// The user to run as, where a container asks for root or an image's own user is none
    #[arg(long, value_name = "UID", value_parser = clap::value_parser!(i64).range(1..=i64::from(i32::MAX)), help_heading = "Decisions")]
    pub run_as_user: Option<i64>,

    /// What takes the place of a forbidden volume: emptyDir, or claim:CLAIM (repeatable)
    #[arg(long = "volume", value_name = "NAME=SOURCE", help_heading = "Decisions")]
    pub volumes: Vec<NamedVolumeAnswer>,

    /// The form of the patches that are written: strategic merge patches, or JSON patches (RFC 6902)
    #[arg(long, value_name = "FORM", value_enum, default_value_t, help_heading = "Carrying out")]
    pub patch_form: PatchForm,

    /// Write the patches into this folder, one file an object
    #[arg(long, value_name = "DIR", help_heading = "Carrying out", conflicts_with_all = ["kustomize", "apply", "undo"])]
    pub to: Option<PathBuf>,

    /// Write the patches into this folder as a kustomize component
    #[arg(long, value_name = "DIR", help_heading = "Carrying out", conflicts_with_all = ["apply", "undo"])]
    pub kustomize: Option<PathBuf>,

    /// Change the cluster: each change is shown, confirmed, journalled, watched, and taken back where its rollout fails
    #[arg(long, help_heading = "Carrying out", conflicts_with_all = ["files", "undo"])]
    pub apply: bool,

    /// Restore what earlier runs have changed: of this run, or of all
    #[arg(long, value_name = "RUN", add = crate::live::RUNS, num_args = 0..=1, require_equals = true, default_missing_value = "", help_heading = "Carrying out", conflicts_with = "files")]
    pub undo: Option<String>,

    /// Do not ask before a change
    #[arg(long, short = 'y', help_heading = "Carrying out")]
    pub yes: bool,

    /// How long a rollout may take before it is taken back
    #[arg(long, value_name = "DURATION", default_value = "5m", value_parser = parse_duration, help_heading = "Carrying out")]
    pub timeout: Duration,

    /// How the findings decide the exit code.
    #[command(flatten)]
    pub fail_on: FailOnArgs,
}

/// Makes the patches, and shows, writes or applies them; or takes them back.
///
/// # Errors
/// Where nothing can be read, a file cannot be written, or the cluster refuses.
pub fn run(app: &App, args: &FixArgs, connect: &ConnectOptions) -> Result<Exit, Failure> {
    let namespace = connect.namespace.clone().filter(|_| !connect.all_namespaces);
    if let Some(run) = &args.undo {
        let cluster = app.connect(connect)?;
        let run = Some(run.as_str()).filter(|run| !run.is_empty());
        let undone = execute::undo::undo(app, &cluster, namespace.as_deref(), run, args.yes, args.timeout)?;
        if undone.is_empty() {
            app.progress.say("There is nothing to restore.");
        }
        return Ok(exit_of(&undone, Outcome::TakenBack));
    }
    let wish = Wish { kinds: pods::KINDS.to_vec(), deprecated_calls: false };
    let Gathered { snapshot, source } = app.read(&args.source, connect, &wish, |_, _| Vec::new())?;
    let options = Options {
        level: args.level,
        version: args.standard.policy_version.0,
        target: args.standard.target,
        namespace,
        only: args.only.clone(),
        answers: Answers {
            run_as_user: args.run_as_user,
            volumes: args.volumes.iter().map(|answer| (answer.0.clone(), answer.1.clone())).collect(),
        },
    };
    let plan = fix::plan(&snapshot, &options);
    if let Some(wanted) = args.only.iter().find(|only| !only.contains('/')) {
        return Err(Failure::usage(format!("{wanted:?} names no object: expected kind/name, such as deployment/web")));
    }
    for folder in args.to.iter().chain(&args.kustomize) {
        let files = plan.fixes.iter().filter_map(|fix| fix.file(args.patch_form).transpose());
        let mut files = files.collect::<Result<Vec<_>, _>>()?;
        if args.kustomize.is_some() {
            files.push(kustomize_component(&files, args.patch_form)?);
        }
        patch_folder::write(folder, &files)?;
    }
    let metadata = Metadata {
        command: app.plugin.command("fix"),
        version: app.plugin.version.to_owned(),
        generated_at: Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
        data_as_of: None,
        source,
    };
    if !args.apply {
        return app.write(&plan.report(metadata), &args.output, args.fail_on.fail_on);
    }
    let cluster = app.connect(connect)?;
    let run = format!("r{}", Timestamp::now().as_millisecond());
    if !plan.fixes.is_empty() {
        app.progress.say(&format!("Run {run}; kubectl secpatch fix --undo={run} restores what it changes."));
    }
    let applied =
        execute::apply(app, &cluster, &plan.fixes, &ApplyOptions { yes: args.yes, timeout: args.timeout, run })?;
    let report = plan.report(metadata).with_section("applied", &applied);
    app.write(&report, &args.output, patchkit::report::FailOn::Never)?;
    Ok(exit_of(&applied, Outcome::Changed))
}

/// Clean where all came out as wished, interrupted where somebody stopped it, findings where something went wrong,
/// partly done otherwise.
fn exit_of(all: &[Applied], wished: Outcome) -> Exit {
    let is_wrong = |outcome: Outcome| outcome != wished && matches!(outcome, Outcome::Failed | Outcome::TakenBack);
    if all.iter().any(|applied| applied.outcome == Outcome::Interrupted) {
        Exit::Interrupted
    } else if all.iter().any(|applied| is_wrong(applied.outcome)) {
        Exit::Findings
    } else if all.iter().all(|applied| applied.outcome == wished) {
        Exit::Clean
    } else {
        Exit::Partial
    }
}
