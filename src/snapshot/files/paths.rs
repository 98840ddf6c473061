//! Which files an `-f` names.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

/// One thing to read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum FileSource {
    /// Standard input, given as `-`.
    Stdin,
    /// A file.
    File(PathBuf),
}

impl FileSource {
    /// The name as reports show it.
    pub(crate) fn name(&self) -> String {
        match self {
            Self::Stdin => "-".to_owned(),
            Self::File(path) => path.display().to_string(),
        }
    }
}

/// Why what `-f` names cannot be read at all.
#[derive(Debug, thiserror::Error)]
pub enum FilesError {
    /// Nothing is there, or it may not be read.
    #[error("the path {path:?} cannot be read: {source}")]
    Path {
        /// As it was given.
        path: String,
        /// What the system said.
        source: io::Error,
    },
    /// A directory without a single manifest.
    #[error("the directory {path:?} holds no .json, .yaml or .yml file{}", if *.has_folders { "; add -R to look into its folders" } else { "" })]
    Empty {
        /// As it was given.
        path: String,
        /// Whether it has folders that were not looked into.
        has_folders: bool,
    },
}

/// The endings that kubectl reads from a directory.
const ENDINGS: [&str; 3] = ["json", "yaml", "yml"];

/// The files that the paths name, in the order given and sorted within directories. Folders inside a directory are
/// looked into with `recursive`, and always where the directory was written by `kubectl cluster-info dump`.
///
/// # Errors
/// Where a path cannot be read, or a directory holds nothing to read.
pub(crate) fn expand(paths: &[String], recursive: bool) -> Result<Vec<FileSource>, FilesError> {
    let mut found = Vec::new();
    for given in paths {
        if given == "-" {
            found.push(FileSource::Stdin);
            continue;
        }
        let path = Path::new(given);
        let failed = |source| FilesError::Path { path: given.clone(), source };
        if fs::metadata(path).map_err(failed)?.is_dir() {
            let before = found.len();
            let mut has_folders = false;
            walk(path, recursive || is_dump(path), &mut found, &mut has_folders).map_err(failed)?;
            if found.len() == before {
                return Err(FilesError::Empty { path: given.clone(), has_folders });
            }
        } else {
            found.push(FileSource::File(path.to_owned()));
        }
    }
    Ok(found)
}

/// `kubectl cluster-info dump` leaves the nodes at the top and a folder a namespace, each with its pods.
fn is_dump(path: &Path) -> bool {
    path.join("nodes.json").is_file()
        && fs::read_dir(path)
            .is_ok_and(|entries| entries.flatten().any(|entry| entry.path().join("pods.json").is_file()))
}

fn walk(folder: &Path, deep: bool, found: &mut Vec<FileSource>, has_folders: &mut bool) -> io::Result<()> {
    let mut entries = fs::read_dir(folder)?.collect::<io::Result<Vec<_>>>()?;
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let path = entry.path();
        // Follows links, as kubectl does; a link that leads nowhere is passed over.
        let Ok(metadata) = fs::metadata(&path) else { continue };
        if metadata.is_dir() {
            *has_folders = true;
            // A link to a folder may lead in a circle.
            if deep && !entry.file_type()?.is_symlink() {
                walk(&path, deep, found, has_folders)?;
            }
        } else if path.extension().and_then(|ending| ending.to_str()).is_some_and(|ending| ENDINGS.contains(&ending)) {
            found.push(FileSource::File(path));
        }
    }
    Ok(())
}
