//! `kubectl secpatch apis`.

use std::{
    collections::BTreeMap,
    fs,
    io::{self, Read as _},
    path::Path,
};

use clap::Args;
use patchkit::{
    app::{
        App, FailOnArgs, Failure,
        source::{Gathered, SourceArgs},
    },
    cluster::{Cluster, ClusterError, ConnectOptions, ListEvent, ListRequest, MetadataWish, Wish},
    render::OutputArgs,
    report::{Exit, NotEvaluated, Report},
    rules::version::Minor,
    snapshot::{SnapshotBuilder, files::from_text},
};
use serde::Deserialize;

use crate::{
    apis::{
        self, Alone, ApiUse, SeenIn,
        helm::{self, Release},
        place::{self, Sought},
        report,
        rewrite::{Edit, rewrite},
    },
    commands::{
        replace_file::replace,
        session::{AsOfArgs, Session},
    },
    facts::Facts,
    inventory::{Hints, Inventory},
    plan::{
        TargetChoice,
        support::SOON_DAYS,
        target::{self, TargetError},
    },
    subject::Subject,
};

/// The flags of `apis`.
#[derive(Args, Debug)]
pub struct ApisArgs {
    /// What to read.
    #[command(flatten)]
    pub source: SourceArgs,

    /// How to write the report.
    #[command(flatten)]
    pub output: OutputArgs,

    /// For which version: latest-patch, latest, a minor such as 1.36, or a version; by default the oldest minor that is
    /// supported for 90 days more
    #[arg(long, value_name = "VERSION", help_heading = "APIs")]
    pub target: Option<TargetChoice>,

    /// Look into the Helm releases too: this reads Secrets (those with the label owner=helm, and no other)
    #[arg(long, conflicts_with = "files", help_heading = "APIs")]
    pub helm: bool,

    /// Rewrite the apiVersion in the files where that alone is right, and say where it is not
    #[arg(long, requires = "files", help_heading = "APIs")]
    pub fix: bool,

    /// With --fix: say what would be rewritten, and write nothing
    #[arg(long, requires = "fix", help_heading = "APIs")]
    pub dry_run: bool,

    /// For which moment.
    #[command(flatten, next_help_heading = "APIs")]
    pub as_of: AsOfArgs,

    /// How the findings decide the exit code.
    #[command(flatten)]
    pub fail_on: FailOnArgs,
}

/// Looks for the uses of old APIs, rewrites files where that is asked for, and writes the report.
///
/// # Errors
/// Where nothing can be read, there is no target, or the report cannot be written.
pub fn run(app: &App, args: &ApisArgs, connect: &ConnectOptions) -> Result<Exit, Failure> {
    let session = Session::begin(args.as_of);
    let Session { now, today, ref facts, .. } = session;
    let choice = args.target.clone().unwrap_or_default();
    let stdin = read_stdin(&args.source)?;
    let cluster = if args.source.files.is_empty() { Some(app.connect(connect)?) } else { None };
    let Gathered { snapshot, source } = match &cluster {
        Some(cluster) => {
            let wish = Wish { kinds: Vec::new(), deprecated_calls: true };
            app.gather(cluster, &wish, |_, served| wishes(facts, &choice, served))?
        }
        None => app.read_metadata_of_files(&args.source, stdin.as_deref().unwrap_or_default())?,
    };
    let inventory = Inventory::of(&snapshot, &Hints::default());
    let subject = Subject { snapshot: &snapshot, inventory: &inventory, facts, now, today };
    let (target, reason) = target_of(&choice, subject).map_err(|error| Failure::usage(error.to_string()))?;
    let mut found = report::uses(facts, &snapshot, target);
    let mut not_evaluated = snapshot.not_evaluated.clone();
    not_evaluated.extend(report::not_evaluated(subject, target));
    not_evaluated.extend(session.problem.clone());
    let mut notes = vec![format!("Target: {reason}")];
    if let Some(cluster) = cluster.as_ref().filter(|_| args.helm) {
        let (releases, problems) = helm_releases(app, cluster)?;
        found.extend(of_releases(facts, releases, target, &mut not_evaluated));
        not_evaluated.extend(problems);
        report::sort(&mut found);
    } else if cluster.is_some() {
        notes.push("Helm releases were not looked into: --helm does, and reads the Secrets that hold them.".to_owned());
    }
    let mut files = Files::new(stdin.and_then(|bytes| String::from_utf8(bytes).ok()));
    files.look_at(facts, &mut found, target);
    if args.fix {
        files.fix(&mut found, args.dry_run);
        let count = found.iter().filter(|it| it.rewritten).count();
        let word = if args.dry_run { "would be" } else { "were" };
        notes.push(format!("{} {word} rewritten.", crate::words::count(count, "apiVersion")));
        if args.dry_run {
            // Nothing has changed: the findings stay what they are.
            for it in &mut found {
                it.rewritten = false;
            }
        }
    }
    let verdict = report::verdict(&found, &not_evaluated);
    let document = apis::document(&found, target, &notes);
    let findings = report::findings(&found, target, inventory.effective_minor());
    let metadata = session.metadata(app, "apis", facts.apis().table().as_of, source);
    let report = Report::new("ApiReport", metadata, verdict, findings, not_evaluated)
        .with_section("target", &target.to_string())
        .with_section("apis", &found)
        .with_document(document);
    app.write(&report, &args.output, args.fail_on.fail_on)
}

/// The target, whatever runs: manifests are held against any version, also one that is not released.
fn target_of(choice: &TargetChoice, subject: Subject<'_>) -> Result<(Minor, String), TargetError> {
    match choice {
        TargetChoice::Minor(minor) => return Ok((*minor, format!("{minor} (--target)"))),
        TargetChoice::Version(version) => {
            return Ok((version.minor(), format!("{} of {} (--target)", version.minor(), version.as_str())));
        }
        TargetChoice::Default | TargetChoice::Latest if subject.inventory.server.is_none() => {
            let releases = subject.facts.releases();
            let (minor, why) = if *choice == TargetChoice::Latest {
                (releases.newest(subject.today), "the newest minor (--target)")
            } else {
                (
                    releases.oldest_supported_for(subject.today, SOON_DAYS),
                    "the oldest minor that is supported for 90 days more",
                )
            };
            if let Some(minor) = minor {
                return Ok((minor, format!("{minor}, {why}")));
            }
        }
        _ => {}
    }
    let chosen = target::choose(choice, subject.inventory, subject.facts, subject.today)?;
    Ok((chosen.version.minor(), format!("{}: {}", chosen.version.minor(), chosen.reason)))
}

/// The kinds to read of a live cluster. Which target there will be is not always known before its version is, so that
/// all are asked about that there can be.
fn wishes(facts: &Facts, choice: &TargetChoice, served: &[patchkit::snapshot::ServedResource]) -> Vec<MetadataWish> {
    let newest = facts.releases().all().last().map_or(Minor::new(1, 0), |release| release.minor);
    let target = match choice {
        TargetChoice::Minor(minor) => *minor,
        TargetChoice::Version(version) => version.minor(),
        TargetChoice::Default | TargetChoice::LatestPatch | TargetChoice::Latest => newest,
    };
    apis::kinds_to_ask(facts.apis(), report::to_look_for(facts.apis(), served, target), target, served)
}

/// Standard input, where it is asked for: it can be read only once, and is looked at twice.
fn read_stdin(source: &SourceArgs) -> Result<Option<Vec<u8>>, Failure> {
    if !source.files.iter().any(|file| file == "-") {
        return Ok(None);
    }
    let mut bytes = Vec::new();
    io::stdin().lock().read_to_end(&mut bytes).map_err(|error| Failure::new(format!("standard input: {error}")))?;
    Ok(Some(bytes))
}

// --- Helm --------------------------------------------------------------------------------------------------------

#[derive(Deserialize)]
struct Page {
    #[serde(default)]
    items: Vec<Stored>,
}

#[derive(Deserialize)]
struct Stored {
    metadata: StoredMeta,
    #[serde(default)]
    data: BTreeMap<String, String>,
}

#[derive(Deserialize)]
struct StoredMeta {
    name: String,
    #[serde(default)]
    namespace: String,
}

/// Why a page of releases was not taken.
#[derive(Debug, thiserror::Error)]
enum PageError {
    #[error(transparent)]
    Cluster(#[from] ClusterError),
    #[error("the answer is no list that can be read: {0}")]
    Shape(#[from] serde_json::Error),
}

/// The releases that the next upgrades meet. Only here are Secrets read, and only those of Helm.
fn helm_releases(app: &App, cluster: &Cluster) -> Result<(Vec<Release>, Vec<NotEvaluated>), Failure> {
    let mut problems = Vec::new();
    let mut releases = Vec::new();
    for (resource, in_secret) in [("secrets", true), ("configmaps", false)] {
        match app.block_on(list_releases(cluster, resource, in_secret, &mut problems))? {
            Ok(found) => releases.extend(found),
            Err(PageError::Cluster(error)) => {
                problems.push(NotEvaluated::new(format!("Helm releases ({resource})"), error.why()));
            }
            Err(error) => problems.push(NotEvaluated::new(format!("Helm releases ({resource})"), error.to_string())),
        }
    }
    Ok((helm::current(releases), problems))
}

async fn list_releases(
    cluster: &Cluster,
    resource: &str,
    in_secret: bool,
    problems: &mut Vec<NotEvaluated>,
) -> Result<Vec<Release>, PageError> {
    let request = ListRequest::of("", "v1", resource, None).labels("owner=helm,status notin (superseded,uninstalled)");
    let mut found = Vec::new();
    cluster
        .list::<PageError>(&request, |event| {
            match event {
                ListEvent::Restart => found.clear(),
                ListEvent::Page(page) => {
                    for stored in serde_json::from_slice::<Page>(&page.bytes)?.items {
                        let Some(data) = stored.data.get("release") else { continue };
                        match helm::read(data, in_secret) {
                            Ok(release) => found.push(release),
                            Err(why) => problems.push(NotEvaluated::new(
                                format!("Helm release {}/{}", stored.metadata.namespace, stored.metadata.name),
                                why,
                            )),
                        }
                    }
                }
            }
            Ok(())
        })
        .await?;
    Ok(found)
}

fn of_releases(
    facts: &Facts,
    releases: Vec<Release>,
    target: Minor,
    not_evaluated: &mut Vec<NotEvaluated>,
) -> Vec<ApiUse> {
    let mut builder = SnapshotBuilder::metadata_from_files();
    for release in releases {
        from_text(&mut builder, &release.display(), &release.text());
    }
    let snapshot = builder.finish();
    not_evaluated.extend(snapshot.not_evaluated.iter().cloned());
    report::uses_of_releases(facts, &snapshot, target)
}

// --- files -------------------------------------------------------------------------------------------------------

/// The texts of the files that hold a use, read when they are first asked for.
struct Files {
    texts: BTreeMap<String, Option<String>>,
}

impl Files {
    fn new(stdin: Option<String>) -> Self {
        Self { texts: stdin.map(|text| ("-".to_owned(), Some(text))).into_iter().collect() }
    }

    fn text(&mut self, file: &str) -> Option<&str> {
        let read = || fs::read_to_string(file).ok();
        self.texts.entry(file.to_owned()).or_insert_with(read).as_deref()
    }

    fn place(&mut self, found: &ApiUse) -> Option<place::Placed> {
        let source = found.source.as_ref().filter(|_| found.seen_in == SeenIn::Manifest)?;
        let text = self.text(&source.file)?;
        let object = &found.object;
        place::find(
            text,
            Sought {
                line: source.line,
                api_version: &object.api_version,
                kind: &object.kind,
                namespace: object.namespace.as_deref(),
                name: object.name.as_deref(),
            },
        )
    }

    /// Finds out for each manifest which changes concern it.
    fn look_at(&mut self, facts: &Facts, found: &mut [ApiUse], target: Minor) {
        for it in found {
            if let Some(placed) = self.place(it) {
                report::look_at(facts, it, &placed, target);
            }
        }
    }

    /// Rewrites what can be rewritten; of the rest says why it was not.
    fn fix(&mut self, found: &mut [ApiUse], dry_run: bool) {
        let mut by_file: BTreeMap<String, Vec<(usize, Edit)>> = BTreeMap::new();
        for (index, it) in found.iter_mut().enumerate().filter(|(_, it)| it.seen_in == SeenIn::Manifest) {
            match self.edit(it) {
                Ok((file, edit)) => by_file.entry(file).or_default().push((index, edit)),
                Err(why) => it.not_rewritten = Some(why),
            }
        }
        for (file, edits) in by_file {
            let outcome = self.rewrite_file(&file, edits.iter().map(|(_, edit)| edit.clone()).collect(), dry_run);
            for (index, _) in edits {
                match &outcome {
                    Ok(()) => found[index].rewritten = true,
                    Err(why) => found[index].not_rewritten = Some(why.clone()),
                }
            }
        }
    }

    fn edit(&mut self, it: &ApiUse) -> Result<(String, Edit), String> {
        let Some(new) = report::new_api_version(it) else { return Err("nothing takes its place".to_owned()) };
        match it.api_version_alone {
            Some(Alone::Yes) => {}
            Some(Alone::No) => return Err(it.changes.join("; ")),
            _ => return Err("it cannot be told what else changes: compare the fields of both versions".to_owned()),
        }
        let placed = self.place(it).ok_or("it is written in a way in which only a parser finds it")?;
        let span = placed.api_version?;
        let source = it.source.as_ref().ok_or("it stands in no file")?;
        if source.file == "-" {
            return Err("standard input cannot be rewritten".to_owned());
        }
        Ok((source.file.clone(), Edit { span, new: new.to_owned() }))
    }

    fn rewrite_file(&mut self, file: &str, edits: Vec<Edit>, dry_run: bool) -> Result<(), String> {
        let old = self.text(file).ok_or_else(|| format!("{file} cannot be read again"))?;
        let new = rewrite(old, edits)?;
        if dry_run {
            return Ok(());
        }
        replace(Path::new(file), old, &new).map_err(|error| error.to_string())
    }
}
