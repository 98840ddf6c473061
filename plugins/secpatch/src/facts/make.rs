//! Making the compiled-in tables from public files. Pure: text in, text out.

use std::collections::BTreeMap;

use patchkit::rules::Minor;
use serde::Serialize;

use super::{
    ApiLife, Apis, Calendars, Changes, Cves, Cycle, Gate, Gates, Product, Releases, SourceInfo, Sources,
    merge::{self, Correction, CveMerge, ReleaseInputs},
    read::{self, ReadError},
    table::{Table, TableError},
};

/// Why the tables cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum MakeError {
    /// A public file cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// A hand-written table cannot be read.
    #[error(transparent)]
    Hand(#[from] TableError),
    /// A file is missing.
    #[error("{0} is missing: expected the folder to have the public files that facts/SOURCES.md lists")]
    Missing(String),
    /// A correction no longer fits what the source says.
    #[error("the corrections of {} no longer fit what the sources say: see facts/hand/corrections.json", .0.join(", "))]
    StaleCorrections(Vec<String>),
    /// A table names a source that is not described.
    #[error("the source {0} is not described in facts/hand/sources.json")]
    UnknownSource(String),
}

/// Hand-written inputs, compiled in since `data update` needs them as well.
pub(super) const CORRECTIONS: &str = include_str!("../../facts/hand/corrections.json");
const ADDED_APIS: &str = include_str!("../../facts/hand/apis.json");
const SOURCES: &str = include_str!("../../facts/hand/sources.json");

/// The corrections of vulnerabilities.
///
/// # Errors
/// Where the table cannot be read.
pub fn corrections() -> Result<Vec<Correction>, TableError> {
    Table::parse("corrections", CORRECTIONS).map(|table| table.records)
}

/// The minor that the API lifecycle and the list of feature gates describe as released.
const DESCRIBES: Minor = Minor::new(1, 37);

/// Makes the tables. `files` maps paths within the folder of public files to their text.
///
/// Returns the text of each table by its file name.
///
/// # Errors
/// Where a file is missing or cannot be read, or a correction no longer fits.
pub fn tables(files: &BTreeMap<String, String>) -> Result<BTreeMap<&'static str, String>, MakeError> {
    let sources = Sources::parse(SOURCES)?;
    let calendars = calendars(files)?;
    let releases = releases(files, &calendars)?;
    let made = Maker { sources: &sources };
    let mut tables = BTreeMap::new();
    let calendar_table = made.table(Calendars::TABLE, &["endoflife"], calendars)?;
    tables.insert("calendars.json", calendar_table.write());
    let used = ["k8s-schedule", "k8s-1.37-plan", "endoflife", "k8s-api-tags"];
    let releases = made.table(Releases::TABLE, &used, releases)?;
    tables.insert("releases.json", releases.write());
    let releases = Releases::new(releases);
    let cves = made.table(Cves::TABLE, &[merge::OSV, merge::GO_VULNDB, merge::OWN], cves(files, &releases)?)?;
    tables.insert("cves.json", cves.write());
    let mut apis = made.table(Apis::TABLE, &["k8s-api-lifecycle", merge::OWN], apis(files)?)?;
    apis.known_through = Some(DESCRIBES.to_string());
    tables.insert("apis.json", Apis::new(apis).table().write());
    let mut gates = made.table(Gates::TABLE, &["k8s-feature-list", "k8s-site-gates"], gates(files)?)?;
    gates.known_through = Some(DESCRIBES.to_string());
    tables.insert("gates.json", gates.write());
    let (name, text) = file(files, "release/breaking-changes.json")?;
    let changes = made.table(Changes::TABLE, &["k8s-changelog"], read::changes::read(name, text)?)?;
    tables.insert("changes.json", Changes::new(changes).table().write());
    Ok(tables)
}

struct Maker<'a> {
    sources: &'a Sources,
}

impl Maker<'_> {
    /// A table whose date is that of its newest source.
    fn table<T: Serialize>(&self, name: &str, used: &[&str], records: Vec<T>) -> Result<Table<T>, MakeError> {
        let described = |name: &&str| -> Result<&SourceInfo, MakeError> {
            self.sources.get(name).ok_or_else(|| MakeError::UnknownSource((*name).to_owned()))
        };
        let used_sources = used.iter().map(described).collect::<Result<Vec<_>, _>>()?;
        let as_of = used_sources.iter().filter(|source| source.name != merge::OWN).map(|source| source.as_of).max();
        Ok(Table {
            table: name.to_owned(),
            as_of: as_of.unwrap_or_default(),
            sources: used.iter().map(|name| (*name).to_owned()).collect(),
            known_through: None,
            records,
        })
    }
}

fn file<'f>(files: &'f BTreeMap<String, String>, path: &str) -> Result<(&'f str, &'f str), MakeError> {
    let found = files.get_key_value(path).ok_or_else(|| MakeError::Missing(path.to_owned()))?;
    Ok((found.0, found.1))
}

/// The files in a folder.
fn folder<'f>(
    files: &'f BTreeMap<String, String>,
    folder: &str,
) -> Result<impl Iterator<Item = (&'f str, &'f str)> + use<'f>, MakeError> {
    let prefix = format!("{folder}/");
    let found: Vec<_> = files
        .iter()
        .filter(|(path, _)| path.starts_with(&prefix) && path.ends_with(".json"))
        .map(|(path, text)| (path.as_str(), text.as_str()))
        .collect();
    if found.is_empty() { Err(MakeError::Missing(prefix)) } else { Ok(found.into_iter()) }
}

fn calendars(files: &BTreeMap<String, String>) -> Result<Vec<Cycle>, MakeError> {
    let mut cycles = Vec::new();
    for product in Product::ALL {
        let (name, text) = file(files, &format!("release/eol-{}.md", product.as_str()))?;
        cycles.extend(read::endoflife::read(product, name, text)?);
    }
    Ok(cycles)
}

fn releases(files: &BTreeMap<String, String>, cycles: &[Cycle]) -> Result<Vec<super::Release>, MakeError> {
    let (name, text) = file(files, "release/website-schedule.yaml")?;
    let schedule = read::schedule::read_schedule(name, text)?;
    let (name, text) = file(files, "release/website-eol.yaml")?;
    let ended = read::schedule::read_ended(name, text)?;
    let (name, text) = file(files, "release/releases-merged.json")?;
    let unofficial = read::releases::read_unofficial(name, text)?;
    let (name, text) = file(files, "release/patches-2026-11.json")?;
    let newest = read::releases::read_newest_patches(name, text)?;
    let upstream: Vec<Cycle> =
        cycles.iter().filter(|cycle| cycle.product == Product::Kubernetes.as_str()).cloned().collect();
    let mut records = Vec::new();
    let inputs = ReleaseInputs {
        schedule: &schedule,
        ended: &ended,
        cycles: &upstream,
        unofficial: &unofficial,
        newest: &newest,
    };
    merge::releases(&mut records, &inputs);
    Ok(records)
}

fn cves(files: &BTreeMap<String, String>, releases: &Releases) -> Result<Vec<super::Cve>, MakeError> {
    let mut merge = CveMerge::default();
    for osv in ["cve/osv-2024-11", "cve/osv-2024plus"] {
        for (name, text) in folder(files, osv)? {
            merge.add_osv(&read::osv::read(name, text)?);
        }
    }
    for (name, text) in folder(files, "cve/go-vulndb")? {
        merge.add_go(&read::osv::read(name, text)?);
    }
    let (cves, stale) = merge.finish(&corrections()?, releases);
    if stale.is_empty() { Ok(cves) } else { Err(MakeError::StaleCorrections(stale)) }
}

fn apis(files: &BTreeMap<String, String>) -> Result<Vec<ApiLife>, MakeError> {
    let (name, text) = file(files, "api/k8s-api-lifecycle.json")?;
    let mut lives = read::lifecycle::read(name, text)?;
    for added in Table::<ApiLife>::parse("added-apis", ADDED_APIS)?.records {
        match lives.iter_mut().find(|life| life.gvk == added.gvk) {
            Some(life) => *life = added,
            None => lives.push(added),
        }
    }
    read::lifecycle::infer_replacements(&mut lives);
    Ok(lives)
}

fn gates(files: &BTreeMap<String, String>) -> Result<Vec<Gate>, MakeError> {
    let (name, text) = file(files, "api/versioned-feature-list-1.37.2.yaml")?;
    let list = read::features::read_list(name, text)?;
    let (name, text) = file(files, "api/feature-gates.json")?;
    let site = read::features::read_site(name, text)?;
    Ok(read::features::merge(list, DESCRIBES, site))
}
