//! `kubectl secpatch data show` and `data update`.

use std::{
    fs,
    io::Read as _,
    path::{Path, PathBuf},
};

use clap::{Args, Subcommand};
use jiff::{Timestamp, civil::Date, tz::TimeZone};
use patchkit::{
    app::{App, Failure},
    render::OutputArgs,
    report::{Block, Cell, Column, Document, Exit, FailOn, Metadata, NotEvaluated, Report, Source, Table, Tone},
};
use serde::{Deserialize, Serialize};

use super::facts_cache::{self, CacheError, Loaded};
pub use super::http::{Fetch, Http};
use crate::facts::{
    Component, Facts, Product,
    refresh::{self, Kind, Piece, Refresh, RefreshError, Refreshed},
    show,
};

/// The official feed of Kubernetes' vulnerabilities.
const FEED: &str = "https://k8s.io/docs/reference/issues-security/official-cve-feed/index.json";
/// The release schedule of Kubernetes.
const SCHEDULE: &str = "https://raw.githubusercontent.com/kubernetes/website/main/data/releases/schedule.yaml";
/// The releases of Kubernetes whose support has ended.
const ENDED: &str = "https://raw.githubusercontent.com/kubernetes/website/main/data/releases/eol.yaml";
/// All of the Kubernetes feed in OSV form.
const OSV_ARCHIVE: &str = "https://github.com/kubernetes-sigs/cve-feed-osv/archive/refs/heads/main.tar.gz";
/// The Go vulnerability database: its list of modules, and its files.
const GO_VULNDB: &str = "https://vuln.go.dev";
/// More files than this of the Go database are new only when something is wrong.
const MOST_GO_FILES: usize = 500;

/// The facts that the answers rest on
#[derive(Args, Debug)]
pub struct DataArgs {
    /// What to do.
    #[command(subcommand)]
    pub command: DataCommand,
}

/// What can be done with the facts.
#[derive(Debug, Subcommand)]
pub enum DataCommand {
    /// Show which facts there are, how old they are and where they come from
    Show(ShowArgs),
    /// Refresh releases, support calendars and vulnerabilities from their public addresses
    #[command(long_about = "Refresh releases, support calendars and vulnerabilities from their public addresses\n\n\
                      The result is kept in the user's cache directory (PATCHKIT_CACHE_DIR, or patchkit in the cache \
                      directory of XDG). What a source does not speak of stays as it was, and what fails changes \
                      nothing. Proxies are taken from HTTPS_PROXY, HTTP_PROXY, ALL_PROXY and NO_PROXY.")]
    Update(UpdateArgs),
}

/// The flags of `data show`.
#[derive(Args, Debug)]
pub struct ShowArgs {
    /// How to write it.
    #[command(flatten)]
    pub output: OutputArgs,
}

/// The flags of `data update`.
#[derive(Args, Debug)]
pub struct UpdateArgs {
    /// Read this file, folder or address instead of the public addresses; may be given more than once
    #[arg(long, value_name = "FILE|DIR|URL", value_hint = clap::ValueHint::AnyPath)]
    pub from: Vec<String>,

    /// Take what the checks refuse: fewer records than before, or dates in the future
    #[arg(long)]
    pub force: bool,

    /// How to write it.
    #[command(flatten)]
    pub output: OutputArgs,
}

/// Runs `data show` or `data update`.
///
/// # Errors
/// Where nothing was updated, or the report cannot be written.
pub fn run(app: &App, args: &DataArgs) -> Result<Exit, Failure> {
    let now = Timestamp::now();
    let today = now.to_zoned_datetime(TimeZone::UTC).date();
    let generated_at = now.strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
    let (report, output) = match &args.command {
        DataCommand::Show(args) => (show_report(&facts_cache::load_for_user(), today, &generated_at), &args.output),
        DataCommand::Update(args) => {
            let folder = facts_cache::folder(|name| std::env::var_os(name))?;
            let options = UpdateOptions { from: args.from.clone(), force: args.force, today, folder };
            let mut note = |from: &str| {
                // Where nobody looks on, nobody waits for a word.
                if app.stderr.terminal {
                    app.progress.say(&format!("reading {from}"));
                }
            };
            (update_report(update(&options, &Http::new(), &mut note)?, today, &generated_at), &args.output)
        }
    };
    app.write(&report, output, FailOn::default())
}

/// What `data update` is asked to do.
#[derive(Clone, Debug)]
pub struct UpdateOptions {
    /// Files, folders or addresses to read instead of the public addresses.
    pub from: Vec<String>,
    /// Take facts that the checks refuse.
    pub force: bool,
    /// The date of the clock.
    pub today: Date,
    /// The folder of the cached facts.
    pub folder: PathBuf,
}

/// Why nothing was updated.
#[derive(Debug, thiserror::Error)]
pub enum UpdateError {
    /// The cache cannot be written.
    #[error(transparent)]
    Cache(#[from] CacheError),
    /// The facts cannot be joined.
    #[error(transparent)]
    Refresh(#[from] RefreshError),
    /// Nothing could be read.
    #[error("nothing was updated, since nothing could be read:{}", lines(.0))]
    NothingRead(Vec<NotEvaluated>),
    /// What was read is not to be believed.
    #[error("nothing was updated, since what was read is not to be believed:{}", lines(.0))]
    Refused(Vec<refresh::Refusal>),
}

fn lines(items: &[impl Line]) -> String {
    items.iter().map(|item| format!("\n  {}", item.line())).collect()
}

trait Line {
    fn line(&self) -> String;
}

impl Line for NotEvaluated {
    fn line(&self) -> String {
        // Errors about a file name it themselves, with line and column.
        if self.why.starts_with(&self.what) { self.why.clone() } else { format!("{}: {}", self.what, self.why) }
    }
}

impl Line for refresh::Refusal {
    fn line(&self) -> String {
        self.to_string()
    }
}

/// What was read, as it stands in the report.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ReadSource {
    /// The file or address.
    pub from: String,
    /// What it is.
    pub what: &'static str,
    /// How many records it has.
    pub records: usize,
}

/// What an update changed.
#[derive(Debug)]
pub struct Updated {
    /// What was read.
    pub read: Vec<ReadSource>,
    /// What could not be read; the facts that it speaks of are as they were.
    pub failed: Vec<NotEvaluated>,
    /// Identifiers of vulnerabilities that were not known before.
    pub new_cves: Vec<String>,
    /// Corrections that no longer fit what a source says.
    pub stale_corrections: Vec<String>,
    /// The folder that holds the tables now.
    pub tables: PathBuf,
    /// The facts as they are now.
    pub facts: Facts,
}

/// Refreshes the cached facts.
///
/// `note` is told what is being read, for a display of progress.
///
/// # Errors
/// Where nothing was updated: the facts are then as they were.
pub fn update(options: &UpdateOptions, http: &dyn Fetch, note: &mut dyn FnMut(&str)) -> Result<Updated, UpdateError> {
    let lock = facts_cache::lock(&options.folder)?;
    let Loaded { facts: before, .. } = facts_cache::load(&options.folder);
    let mut gathered = Gathered {
        refresh: Refresh::new(&before, options.today),
        today: options.today,
        http,
        note,
        read: Vec::new(),
        failed: Vec::new(),
    };
    if options.from.is_empty() {
        gathered.public(&before);
    } else {
        for from in &options.from {
            gathered.from(from);
        }
    }
    let Gathered { refresh, read, failed, .. } = gathered;
    if read.is_empty() {
        return Err(UpdateError::NothingRead(failed));
    }
    let refreshed = refresh.finish()?;
    let refusals = refresh::check(&before, &refreshed, options.today);
    if !refusals.is_empty() && !options.force {
        return Err(UpdateError::Refused(refusals));
    }
    let new_cves = new_cves(&before, &refreshed);
    let tables = lock.replace(&refreshed.files(), options.today)?;
    let Loaded { facts, problem, .. } = facts_cache::load(&options.folder);
    match problem {
        // What was just written cannot be read: a disk that lies.
        Some(problem) => Err(problem.into()),
        None => Ok(Updated { read, failed, new_cves, stale_corrections: refreshed.stale_corrections, tables, facts }),
    }
}

/// The facts with what these files, folders or addresses say, for one answer: nothing is kept. What could not be read
/// is told apart.
///
/// # Errors
/// Where the facts cannot be joined, which a test rules out.
pub fn with_sources(
    before: &Facts,
    from: &[String],
    today: Date,
    http: &dyn Fetch,
) -> Result<(Facts, Vec<NotEvaluated>), RefreshError> {
    let mut note = |_: &str| ();
    let mut gathered = Gathered {
        refresh: Refresh::new(before, today),
        today,
        http,
        note: &mut note,
        read: Vec::new(),
        failed: Vec::new(),
    };
    for from in from {
        gathered.from(from);
    }
    Ok((gathered.refresh.finish()?.into_facts(), gathered.failed))
}

fn new_cves(before: &Facts, after: &Refreshed) -> Vec<String> {
    let known = |id: &str| before.cves().all().iter().any(|cve| cve.id == id);
    after.cves.records.iter().filter(|cve| !known(&cve.id)).map(|cve| cve.id.clone()).collect()
}

/// What an update has read so far.
struct Gathered<'a> {
    refresh: Refresh<'a>,
    today: Date,
    http: &'a dyn Fetch,
    note: &'a mut dyn FnMut(&str),
    read: Vec<ReadSource>,
    failed: Vec<NotEvaluated>,
}

impl Gathered<'_> {
    /// Reads the public addresses.
    fn public(&mut self, before: &Facts) {
        for address in [FEED, SCHEDULE, ENDED, OSV_ARCHIVE] {
            self.address(address);
        }
        for product in Product::ALL {
            self.address(&format!("https://endoflife.date/api/v1/products/{}/", product.as_str()));
        }
        self.go_vulndb(before);
    }

    /// Reads a file, a folder or an address.
    fn from(&mut self, from: &str) {
        if from.starts_with("https://") || from.starts_with("http://") {
            return self.address(from);
        }
        let path = Path::new(from);
        if path.is_dir() { self.folder(path) } else { self.file(path, true) }
    }

    fn fail(&mut self, what: &str, why: impl Into<String>) {
        self.failed.push(NotEvaluated::new(what, why));
    }

    fn address(&mut self, address: &str) {
        (self.note)(address);
        match self.http.get(address) {
            Ok(bytes) => self.take(Piece { from: address.to_owned(), bytes, read_on: Some(self.today) }, true),
            Err(why) => self.fail(address, why),
        }
    }

    /// Takes a file; one of no known kind is an error only where it was `asked_for` by its name.
    fn take(&mut self, piece: Piece, asked_for: bool) {
        match self.refresh.add(&piece) {
            Ok((kind, records)) => self.took(piece.from, kind, records),
            Err(RefreshError::UnknownKind(_)) if !asked_for => {}
            Err(error) => self.fail(&piece.from, error.to_string()),
        }
    }

    /// One line for many files of one kind in one place.
    fn took(&mut self, from: String, kind: Kind, records: usize) {
        let folder = |path: &str| path.rsplit_once('/').map_or_else(String::new, |(folder, _)| format!("{folder}/"));
        if matches!(kind, Kind::Osv | Kind::GoVulndb)
            && let Some(last) = self.read.last_mut()
            && last.what == kind.describe()
            && folder(&last.from) == folder(&from)
        {
            last.from = folder(&from);
            last.records += records;
            return;
        }
        self.read.push(ReadSource { from, what: kind.describe(), records });
    }

    fn file(&mut self, path: &Path, asked_for: bool) {
        let from = path.display().to_string();
        (self.note)(&from);
        let read = || -> std::io::Result<Vec<u8>> {
            let mut bytes = Vec::new();
            fs::File::open(path)?.take(refresh::LARGEST_FILE as u64 + 1).read_to_end(&mut bytes)?;
            Ok(bytes)
        };
        match read() {
            Ok(bytes) => self.take(Piece { from, bytes, read_on: None }, asked_for),
            Err(error) => self.fail(&from, error.to_string()),
        }
    }

    /// Reads what is understood in a folder and those below it, in the order of names.
    fn folder(&mut self, folder: &Path) {
        let from = folder.display().to_string();
        let before = (self.read.len(), self.failed.len());
        let entries = match fs::read_dir(folder) {
            Ok(entries) => entries,
            Err(error) => return self.fail(&from, error.to_string()),
        };
        let mut paths: Vec<PathBuf> = Vec::new();
        for entry in entries {
            match entry {
                Ok(entry) => paths.push(entry.path()),
                Err(error) => self.fail(&from, error.to_string()),
            }
        }
        paths.sort();
        for path in paths {
            if path.is_dir() { self.folder(&path) } else { self.file(&path, false) }
        }
        if before == (0, 0) && self.read.is_empty() && self.failed.is_empty() {
            self.fail(&from, "none of its files is one that is understood");
        }
    }

    /// Reads what the Go vulnerability database has changed since the facts were made.
    fn go_vulndb(&mut self, before: &Facts) {
        let index = format!("{GO_VULNDB}/index/modules.json");
        (self.note)(&index);
        let modules: Vec<GoModule> = match self.http.get(&index) {
            Ok(bytes) => match serde_json::from_slice(&bytes) {
                Ok(modules) => modules,
                Err(error) => return self.fail(&index, error.to_string()),
            },
            Err(why) => return self.fail(&index, why),
        };
        let wanted = changed_go_files(&modules, before);
        if wanted.len() > MOST_GO_FILES {
            let why = format!("{} files are new, where a few are expected: not read", wanted.len());
            return self.fail(&index, why);
        }
        self.took(index, Kind::GoVulndb, 0);
        for id in wanted {
            self.address(&format!("{GO_VULNDB}/ID/{id}.json"));
        }
    }
}

#[derive(Debug, Deserialize)]
struct GoModule {
    path: String,
    #[serde(default)]
    vulns: Vec<GoVuln>,
}

#[derive(Debug, Deserialize)]
struct GoVuln {
    id: String,
    #[serde(default)]
    modified: String,
}

/// The files about components that are known here and that are new, or changed since the facts were made; sorted.
fn changed_go_files(modules: &[GoModule], before: &Facts) -> Vec<String> {
    let as_of = before.cves().table().as_of;
    let is_ours = |path: &str| Component::known().any(|known| known == Component::of_package(path));
    let is_known = |id: &str| before.cves().all().iter().any(|cve| cve.aliases.iter().any(|alias| alias == id));
    let is_changed = |vuln: &&GoVuln| {
        let modified: Option<Date> = vuln.modified.get(..10).and_then(|day| day.parse().ok());
        !is_known(&vuln.id) || modified.is_none_or(|day| day >= as_of)
    };
    let ours = modules.iter().filter(|module| is_ours(&module.path));
    let mut ids: Vec<String> =
        ours.flat_map(|module| module.vulns.iter().filter(is_changed).map(|vuln| vuln.id.clone())).collect();
    ids.sort();
    ids.dedup();
    ids
}

/// The report of `data show`.
#[must_use]
pub fn show_report(loaded: &Loaded, today: Date, generated_at: &str) -> Report {
    let tables = show::tables(&loaded.facts, today);
    let sources = loaded.facts.sources().all();
    let held = match &loaded.cached {
        Some(folder) => format!("in {}", folder.display()),
        None => "in this program".to_owned(),
    };
    let damaged = loaded.problem.iter().map(|problem| NotEvaluated::new("refreshed facts", problem.to_string()));
    let findings = show::findings(&tables);
    let verdict = if findings.is_empty() { "current" } else { "old" };
    let metadata = metadata("kubectl secpatch data show", loaded, generated_at);
    let document = show::document(&tables, sources, &held);
    Report::new("DataReport", metadata, verdict, findings, damaged.collect())
        .with_section("tables", &tables)
        .with_section("sources", &sources)
        .with_document(document)
}

fn metadata(command: &str, loaded: &Loaded, generated_at: &str) -> Metadata {
    let place = loaded.cached.as_ref().map_or_else(|| "compiled in".to_owned(), |folder| folder.display().to_string());
    Metadata {
        command: command.to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        generated_at: generated_at.to_owned(),
        data_as_of: Some(loaded.facts.as_of().to_string()),
        source: Source::Files { paths: vec![place] },
    }
}

/// The report of `data update`. What could not be read is not evaluated, so that the exit code says "partly".
#[must_use]
pub fn update_report(updated: Updated, today: Date, generated_at: &str) -> Report {
    let Updated { read, failed, new_cves, stale_corrections, tables: folder, facts } = updated;
    let loaded = Loaded { facts, cached: Some(folder.clone()), problem: None };
    let tables = show::tables(&loaded.facts, today);
    let mut document = Document::default();
    document.heading(1, "Facts updated");
    document.text(format!("Held in {} from now on.", folder.display()));
    let mut rows = Table::new([Column::new("READ").wraps(), Column::new("RECORDS").right(), Column::new("WHAT")]);
    for source in &read {
        rows.push([source.from.as_str().into(), source.records.to_string().into(), source.what.into()]);
    }
    document.push(Block::Table(rows));
    let mut rows = Table::new([Column::new("TABLE"), Column::new("RECORDS").right(), Column::new("AS OF")]);
    for table in tables.iter().filter(|table| table.refreshed) {
        let as_of = Cell::new(table.as_of.to_string(), if table.is_old() { Tone::Notice } else { Tone::Good });
        rows.push([Cell::from(table.table), table.records.to_string().into(), as_of]);
    }
    document.push(Block::Table(rows));
    if !new_cves.is_empty() {
        document.heading(2, "New vulnerabilities");
        let line = |id: &String| {
            let title = loaded.facts.cves().get(id).map_or("", |cve| cve.title.as_str());
            Cell::from(format!("{id} {title}"))
        };
        document.push(Block::List(new_cves.iter().map(line).collect()));
    }
    let verdict = if failed.is_empty() { "updated" } else { "partly updated" };
    let metadata = metadata("kubectl secpatch data update", &loaded, generated_at);
    let mut not_evaluated = failed;
    not_evaluated.extend(stale_corrections.iter().map(|id| {
        NotEvaluated::new(
            format!("correction of {id}"),
            "the source no longer says what was corrected; its word was taken",
        )
    }));
    Report::new("DataReport", metadata, verdict, show::findings(&tables), not_evaluated)
        .with_section("tables", &tables)
        .with_section("sources", &loaded.facts.sources().all())
        .with_section("read", &read)
        .with_section("newCves", &new_cves)
        .with_document(document)
}
