//! `kubectl netpolcheck diff`.

use std::{fs, path::PathBuf, process::Command};

use clap::{Args, ValueEnum};
use patchkit::{
    app::{
        App, Failure,
        source::{Gathered, SourceArgs},
    },
    cluster::ConnectOptions,
    render::OutputArgs,
    report::{Exit, FailOn, NotEvaluated, Report, Source},
    snapshot::Snapshot,
};

use super::input::{self, ChosenProfile, ProfileArgs};
use crate::{
    diff::{self, Change, ChangeKind, State},
    engine::{Analysis, View},
    foreign::Foreign,
};

/// The word for the cluster.
const LIVE: &str = "live";

/// Which changes make the exit code 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum FailOnChange {
    /// Any change
    Any,
    /// Something becomes allowed
    Allowed,
    /// None
    None,
}

/// The flags of `diff`.
#[derive(Args, Debug)]
pub struct DiffArgs {
    /// The state before: a file, a directory, git:REVISION:PATH, or live for the cluster
    #[arg(value_name = "BEFORE", required_unless_present = "dry_run", conflicts_with = "dry_run", add = crate::live::STATES)]
    pub before: Option<String>,

    /// The state after, in the same forms; one without any pods or workloads is put over the other one
    #[arg(value_name = "AFTER", required_unless_present = "dry_run", conflicts_with = "dry_run", add = crate::live::STATES)]
    pub after: Option<String>,

    /// What an apply of the manifests given with -f would change in the cluster
    #[arg(long, requires = "files", help_heading = "Diff")]
    pub dry_run: bool,

    /// The manifests of --dry-run: a file, a directory, or - (repeatable)
    #[arg(short = 'f', long = "filename", value_name = "FILE|DIR|-", value_hint = clap::ValueHint::AnyPath, requires = "dry_run", help_heading = "Input")]
    pub files: Vec<String>,

    /// Look into the folders of directories
    #[arg(short = 'R', long, help_heading = "Input")]
    pub recursive: bool,

    /// Compare pods one by one, and not what owns them
    #[arg(long, help_heading = "Diff")]
    pub pods: bool,

    /// How to write the difference.
    #[command(flatten)]
    pub output: OutputArgs,

    /// How open points are read.
    #[command(flatten)]
    pub profile: ProfileArgs,

    /// Exit with 1 on these changes
    #[arg(long, value_enum, default_value = "any", value_name = "CHANGES", help_heading = "Output")]
    pub fail_on: FailOnChange,
}

/// Compares two states.
///
/// # Errors
/// Where one of them cannot be read, or the difference cannot be written.
pub fn run(app: &App, args: &DiffArgs, connect: &ConnectOptions) -> Result<Exit, Failure> {
    let read = |word: &str| read_state(app, word, args.recursive, connect);
    let view = if args.pods { View::Pods } else { View::Workloads };
    let mut states = States { args, view, chosen: None, left_out: Vec::new() };
    let (names, a, b, source) = match (&args.before, &args.after) {
        (Some(before), Some(after)) => {
            let (first, second) = (read(before)?, read(after)?);
            let source = both(first.source, second.source);
            // Policies alone are compared on the pods of the other side.
            let (a, b) = match (is_bare(&first.snapshot), is_bare(&second.snapshot)) {
                (false, true) => {
                    let a = states.of(&first.snapshot);
                    (a, states.of(&on_pods_of(first.snapshot, second.snapshot, &home(before, connect)?)))
                }
                (true, false) => {
                    let b = states.of(&second.snapshot);
                    (states.of(&on_pods_of(second.snapshot, first.snapshot, &home(after, connect)?)), b)
                }
                _ => (states.of(&first.snapshot), states.of(&second.snapshot)),
            };
            ([before.clone(), after.clone()], a, b, source)
        }
        _ => {
            let names = [LIVE.to_owned(), format!("{LIVE} with {}", args.files.join(", "))];
            let live = read(LIVE)?;
            let files = SourceArgs { files: args.files.clone(), recursive: args.recursive, ..SourceArgs::default() };
            let new = input::read(app, &files, connect)?;
            let a = states.of(&live.snapshot);
            let b = states.of(&diff::overlay(live.snapshot, new.snapshot, &home(LIVE, connect)?));
            (names, a, b, live.source)
        }
    };
    let changes = diff::make(&a, &b);
    let States { chosen, left_out, .. } = states;
    let entrances = diff::entrances(&a, &b);
    let kinds = || changes.iter().map(|it| it.change).chain(entrances.iter().map(|it| it.change));
    let exit = exit_of(kinds(), args.fail_on);
    let verdict = match kinds().count() {
        0 => "no-change".to_owned(),
        _ if changes.is_empty() => format!("{} of ways in", patchkit::report::words::count(entrances.len(), "change")),
        _ => {
            let of = |kind| changes.iter().filter(|change: &&Change| change.change == kind).count();
            format!("{} become allowed, {} become denied", of(ChangeKind::Allowed), of(ChangeKind::Denied))
        }
    };
    let findings = diff::findings(&changes, &entrances);
    let report = Report::new("DiffReport", input::metadata(app, "diff", source), verdict, findings, left_out)
        .with_section("before", &names[0])
        .with_section("after", &names[1])
        .with_section("changes", &changes)
        .with_section("entrances", &entrances)
        .with_document(diff::document(&names[0], &names[1], &changes, &entrances));
    let report = match &chosen {
        Some(profile) => input::with_profile(report, profile),
        None => report,
    };
    let written = app.write(&report, &args.output, FailOn::Never)?;
    Ok(exit.unwrap_or(written))
}

/// Works out states, both under the profile of the first one.
struct States<'a> {
    args: &'a DiffArgs,
    view: View,
    chosen: Option<ChosenProfile>,
    left_out: Vec<NotEvaluated>,
}

impl States<'_> {
    fn of(&mut self, snapshot: &Snapshot) -> State {
        let profile = self.chosen.get_or_insert_with(|| self.args.profile.choose(snapshot));
        let analysis = Analysis::of(snapshot, profile.name);
        let foreign = Foreign::of(snapshot, &analysis.world);
        self.left_out.extend(input::left_out(&analysis, &foreign));
        State::of(&analysis, &foreign, self.view)
    }
}

fn both(before: Source, after: Source) -> Source {
    match (before, after) {
        (Source::Files { mut paths }, Source::Files { paths: more }) => {
            paths.extend(more);
            Source::Files { paths }
        }
        (cluster @ Source::Cluster { .. }, _) | (_, cluster @ Source::Cluster { .. }) => cluster,
    }
}

fn exit_of(mut changes: impl Iterator<Item = ChangeKind>, fail_on: FailOnChange) -> Option<Exit> {
    let met = match fail_on {
        FailOnChange::Any => changes.next().is_some(),
        FailOnChange::Allowed => changes.any(|change| change == ChangeKind::Allowed),
        FailOnChange::None => false,
    };
    met.then_some(Exit::Findings)
}

fn home(word: &str, connect: &ConnectOptions) -> Result<String, Failure> {
    let files = if word == LIVE { Vec::new() } else { vec![word.to_owned()] };
    input::default_namespace(&SourceArgs { files, ..SourceArgs::default() }, connect)
}

/// Whether a state holds nobody that policies could speak about.
fn is_bare(snapshot: &Snapshot) -> bool {
    snapshot.pods.is_empty() && snapshot.workloads.is_empty()
}

/// The policies of one state on the pods of another, whose own policies go.
fn on_pods_of(mut base: Snapshot, policies: Snapshot, namespace: &str) -> Snapshot {
    base.network_policies.clear();
    base.cluster_policies.clear();
    diff::overlay(base, policies, namespace)
}

fn read_state(app: &App, word: &str, recursive: bool, connect: &ConnectOptions) -> Result<Gathered, Failure> {
    if word == LIVE {
        return input::read(app, &SourceArgs::default(), connect);
    }
    let files = |path: String, recursive| SourceArgs { files: vec![path], recursive, ..SourceArgs::default() };
    let Some((revision, path)) = word.strip_prefix("git:").and_then(|rest| rest.split_once(':')) else {
        return input::read(app, &files(word.to_owned(), recursive), connect);
    };
    let folder = checkout(revision, path)?;
    let mut gathered = input::read(app, &files(folder.path().display().to_string(), true), connect)?;
    let prefix = folder.path().display().to_string();
    let shown = |text: &mut String| *text = text.replace(&prefix, &format!("git:{revision}:"));
    gathered.snapshot.files.iter_mut().for_each(shown);
    gathered.snapshot.not_evaluated.iter_mut().for_each(|it| shown(&mut it.what));
    gathered.source = Source::Files { paths: vec![word.to_owned()] };
    Ok(gathered)
}

/// Writes the files of a revision below a folder of its own, which goes when it is dropped.
fn checkout(revision: &str, path: &str) -> Result<tempfile::TempDir, Failure> {
    if revision.is_empty() || revision.starts_with('-') {
        return Err(Failure::usage(format!("{revision:?} is no revision: expected git:REVISION:PATH")));
    }
    let path = if path.is_empty() { "." } else { path };
    let listed = git(&["ls-tree", "-r", "-z", "--name-only", revision, "--", path])?;
    let folder = tempfile::tempdir()?;
    let names = String::from_utf8_lossy(&listed).into_owned();
    let manifests = names.split('\0').filter(|name| {
        let name = name.to_ascii_lowercase();
        name == path || [".yaml", ".yml", ".json"].iter().any(|ending| name.ends_with(ending))
    });
    let mut found = false;
    for name in manifests {
        let text = git(&["show", &format!("{revision}:./{name}")])?;
        // Names may lead out of the current folder, and must not lead out of this one.
        let target: PathBuf = folder.path().join(name.replace("../", ""));
        if let Some(parent) = target.parent() {
            fs::create_dir_all(parent)?;
        }
        fs::write(target, text)?;
        found = true;
    }
    if found {
        return Ok(folder);
    }
    Err(Failure::new(format!("revision {revision} has no YAML or JSON file at {path}")))
}

fn git(args: &[&str]) -> Result<Vec<u8>, Failure> {
    let output =
        Command::new("git").args(args).output().map_err(|error| Failure::new(format!("cannot run git: {error}")))?;
    if output.status.success() {
        return Ok(output.stdout);
    }
    let said = String::from_utf8_lossy(&output.stderr);
    Err(Failure::new(format!("git {}: {}", args.join(" "), said.trim())))
}
