//! The refreshed facts in the user's cache directory.
//!
//! ```text
//! facts/current            the name of the folder that counts, replaced by one rename
//! facts/tables-<name>/     the tables and a manifest with the length and the check sum of each
//! facts/lock               held while they are replaced
//! ```
//!
//! A folder is written whole and flushed to the disk before `current` names it. Whatever interrupts an update, `current`
//! names either the old folder or the new one.

use std::{
    ffi::OsString,
    fs::{self, File, TryLockError},
    io::{self, Write},
    path::{Path, PathBuf},
};

use flate2::Crc;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::facts::{Calendars, Cves, Facts, Newer, Releases, Sources, table::TableError};

/// Changes when what is written could no longer be read by an older program.
const FORMAT: u32 = 1;
/// The file that names the folder that counts.
const CURRENT: &str = "current";
/// The manifest in a folder of tables.
const MANIFEST: &str = "manifest.json";
/// How the name of a folder of tables begins.
const TABLES: &str = "tables-";

/// Why the cached facts cannot be used, or not be replaced.
#[derive(Debug, thiserror::Error)]
pub enum CacheError {
    /// There is no place for a cache.
    #[error("there is no cache directory: set PATCHKIT_CACHE_DIR, XDG_CACHE_HOME or HOME")]
    NoPlace,
    /// A file cannot be read or written.
    #[error("{path}: {source}")]
    Io {
        /// The file.
        path: String,
        /// What the system said.
        source: io::Error,
    },
    /// A file is not what was written.
    #[error("{path} is damaged ({what}); `kubectl secpatch data update` writes it anew")]
    Damaged {
        /// The file.
        path: String,
        /// How it shows.
        what: String,
    },
    /// A table cannot be read.
    #[error("{path}: {source}; `kubectl secpatch data update` writes it anew")]
    Table {
        /// The file.
        path: String,
        /// What is wrong.
        source: TableError,
    },
    /// Another program is replacing the facts.
    #[error("another update is under way ({0} is locked): try again when it has ended")]
    Locked(String),
}

fn io_error(path: &Path) -> impl FnOnce(io::Error) -> CacheError {
    let path = path.display().to_string();
    move |source| CacheError::Io { path, source }
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Manifest {
    format: u32,
    made_by: String,
    made_on: Date,
    files: Vec<ManifestFile>,
}

#[derive(Debug, Serialize, Deserialize)]
struct ManifestFile {
    name: String,
    bytes: u64,
    crc32: u32,
}

/// The folder of the facts: `$PATCHKIT_CACHE_DIR/facts`, else below the user's cache directory.
///
/// `variable` reads an environment variable.
///
/// # Errors
/// [`CacheError::NoPlace`] where the environment names no place.
pub fn folder(variable: impl Fn(&str) -> Option<OsString>) -> Result<PathBuf, CacheError> {
    patchkit::cluster::cache_folder(variable).map(|cache| cache.join("facts")).ok_or(CacheError::NoPlace)
}

/// The facts to work with, and where they come from.
#[derive(Debug)]
pub struct Loaded {
    /// The facts.
    pub facts: Facts,
    /// The folder of the cached tables, where they are newer than the compiled-in ones and were taken.
    pub cached: Option<PathBuf>,
    /// Why the cache was ignored, where it is there and cannot be used. To be shown: the facts are then older than
    /// the user thinks.
    pub problem: Option<CacheError>,
}

/// Loads the newer of the cached and the compiled-in tables. A damaged cache is reported and ignored.
#[must_use]
pub fn load(folder: &Path) -> Loaded {
    let compiled_in = |problem| Loaded { facts: Facts::compiled_in(), cached: None, problem };
    match read(folder) {
        Ok(Some((newer, tables))) => {
            let (facts, any) = Facts::with_newer(newer);
            Loaded { facts, cached: any.then_some(tables), problem: None }
        }
        Ok(None) => compiled_in(None),
        Err(problem) => compiled_in(Some(problem)),
    }
}

/// As [`load`], from the folder that the environment names. Where it names none, there is no cache.
#[must_use]
pub fn load_for_user() -> Loaded {
    match folder(|name| std::env::var_os(name)) {
        Ok(folder) => load(&folder),
        Err(_) => Loaded { facts: Facts::compiled_in(), cached: None, problem: None },
    }
}

/// The cached tables; `None` where there are none, or a newer program wrote them in a form this one does not know.
fn read(folder: &Path) -> Result<Option<(Newer, PathBuf)>, CacheError> {
    let current = folder.join(CURRENT);
    let name = match fs::read_to_string(&current) {
        Ok(name) => name.trim().to_owned(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(io_error(&current)(error)),
    };
    if !is_tables_name(&name) {
        let what = format!("it names {name:?}, which is no folder of tables");
        return Err(CacheError::Damaged { path: current.display().to_string(), what });
    }
    let tables = folder.join(name);
    let manifest_path = tables.join(MANIFEST);
    let text = fs::read(&manifest_path).map_err(io_error(&manifest_path))?;
    let damaged = |path: &Path, what: String| CacheError::Damaged { path: path.display().to_string(), what };
    let manifest: Manifest =
        serde_json::from_slice(&text).map_err(|error| damaged(&manifest_path, error.to_string()))?;
    if manifest.format != FORMAT {
        return Ok(None);
    }
    let file = |name: &str| -> Result<(String, PathBuf), CacheError> {
        let path = tables.join(name);
        let listed = manifest.files.iter().find(|file| file.name == name);
        let listed = listed.ok_or_else(|| damaged(&manifest_path, format!("it does not list {name}")))?;
        let bytes = fs::read(&path).map_err(io_error(&path))?;
        if bytes.len() as u64 != listed.bytes || crc32(&bytes) != listed.crc32 {
            return Err(damaged(&path, "its length or check sum is not that of the manifest".to_owned()));
        }
        let text = String::from_utf8(bytes).map_err(|error| damaged(&path, error.to_string()))?;
        Ok((text, path))
    };
    let wrong = |path: PathBuf| {
        let path = path.display().to_string();
        move |source| CacheError::Table { path, source }
    };
    let (text, path) = file("releases.json")?;
    let releases = Releases::parse(&text).map_err(wrong(path))?;
    let (text, path) = file("calendars.json")?;
    let calendars = Calendars::parse(&text).map_err(wrong(path))?;
    let (text, path) = file("cves.json")?;
    let cves = Cves::parse(&text).map_err(wrong(path))?;
    let (text, path) = file("sources.json")?;
    let sources = Sources::parse(&text).map_err(wrong(path))?;
    let by_this_version = manifest.made_by == env!("CARGO_PKG_VERSION");
    Ok(Some((Newer { releases, calendars, cves, sources, by_this_version }, tables)))
}

/// No separators and no dots: the name stays within the folder.
fn is_tables_name(name: &str) -> bool {
    name.strip_prefix(TABLES)
        .is_some_and(|rest| !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-'))
}

fn crc32(bytes: &[u8]) -> u32 {
    let mut crc = Crc::new();
    crc.update(bytes);
    crc.sum()
}

/// The right to replace the facts; given back when it is dropped, and by the system when the program ends in any way.
#[derive(Debug)]
pub struct Lock {
    folder: PathBuf,
    _file: File,
}

/// Takes the lock.
///
/// # Errors
/// [`CacheError::Locked`] where another program holds it.
pub fn lock(folder: &Path) -> Result<Lock, CacheError> {
    fs::create_dir_all(folder).map_err(io_error(folder))?;
    let path = folder.join("lock");
    let file = File::options().create(true).truncate(false).write(true).open(&path).map_err(io_error(&path))?;
    match file.try_lock() {
        Ok(()) => Ok(Lock { folder: folder.to_owned(), _file: file }),
        Err(TryLockError::WouldBlock) => Err(CacheError::Locked(path.display().to_string())),
        Err(TryLockError::Error(error)) => Err(io_error(&path)(error)),
    }
}

/// A step of a replacement; tests let each of them fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Before the new folder is made.
    Begin,
    /// Before a file of it is written.
    File,
    /// Before the pointer to it is written beside the old one.
    Pointer,
    /// Before the pointer takes the old one's place.
    Rename,
    /// Before what is no longer needed is cleared away.
    Clear,
}

impl Lock {
    /// Replaces the cached tables with these files.
    ///
    /// # Errors
    /// Where something cannot be written; the old tables are then still those that count.
    pub fn replace(&self, files: &[(&str, String)], today: Date) -> Result<PathBuf, CacheError> {
        self.replace_in_steps(files, today, &mut |_| Ok(()))
    }

    /// As [`Lock::replace`], asking before each step whether to go on.
    ///
    /// # Errors
    /// As [`Lock::replace`], and what `before` answers.
    pub fn replace_in_steps(
        &self,
        files: &[(&str, String)],
        today: Date,
        before: &mut dyn FnMut(Step) -> io::Result<()>,
    ) -> Result<PathBuf, CacheError> {
        let name = self.free_name(today);
        let tables = self.folder.join(&name);
        let written = self.write(files, today, &name, before);
        if written.is_err() {
            // What is left of it is cleared away by the next update if this fails as well.
            let _ = fs::remove_dir_all(&tables);
        }
        written?;
        if before(Step::Clear).is_ok() {
            self.clear(&name);
        }
        Ok(tables)
    }

    fn write(
        &self,
        files: &[(&str, String)],
        today: Date,
        name: &str,
        before: &mut dyn FnMut(Step) -> io::Result<()>,
    ) -> Result<(), CacheError> {
        let tables = self.folder.join(name);
        before(Step::Begin).map_err(io_error(&tables))?;
        fs::create_dir(&tables).map_err(io_error(&tables))?;
        let listed = |(name, text): &(&str, String)| ManifestFile {
            name: (*name).to_owned(),
            bytes: text.len() as u64,
            crc32: crc32(text.as_bytes()),
        };
        let manifest = Manifest {
            format: FORMAT,
            made_by: env!("CARGO_PKG_VERSION").to_owned(),
            made_on: today,
            files: files.iter().map(listed).collect(),
        };
        let manifest = serde_json::to_string(&manifest).expect("a manifest is plain data");
        let all = files.iter().map(|(name, text)| (*name, text.as_str())).chain([(MANIFEST, manifest.as_str())]);
        for (name, text) in all {
            let path = tables.join(name);
            before(Step::File).map_err(io_error(&path))?;
            write_and_flush(&path, text).map_err(io_error(&path))?;
        }
        let pointer = self.folder.join("current.new");
        before(Step::Pointer).map_err(io_error(&pointer))?;
        write_and_flush(&pointer, name).map_err(io_error(&pointer))?;
        let current = self.folder.join(CURRENT);
        before(Step::Rename).map_err(io_error(&current))?;
        fs::rename(&pointer, &current).map_err(io_error(&current))
    }

    /// A name that no folder has.
    fn free_name(&self, today: Date) -> String {
        let day = format!("{:04}{:02}{:02}", today.year(), today.month(), today.day());
        let numbered = |number: u32| format!("{TABLES}{day}-{number}");
        let free = (1..).map(numbered).find(|name| !self.folder.join(name).exists());
        free.unwrap_or_else(|| numbered(0))
    }

    /// Removes the folders that no longer count. One that cannot be removed is left to the next update.
    fn clear(&self, keep: &str) {
        let Ok(entries) = fs::read_dir(&self.folder) else { return };
        for entry in entries.flatten() {
            let name = entry.file_name();
            if name.to_str().is_some_and(|name| is_tables_name(name) && name != keep) {
                let _ = fs::remove_dir_all(entry.path());
            }
        }
    }
}

fn write_and_flush(path: &Path, text: &str) -> io::Result<()> {
    let mut file = File::create(path)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}
