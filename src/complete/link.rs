//! The file by which kubectl finds a plugin's completion: `kubectl_complete-NAME`, beside the plugin's own.
//!
//! It leads to the plugin, which looks at the name that it was called by. No archive of Krew may hold it (krew#812), so
//! the plugin makes it itself.

use std::{
    ffi::{OsStr, OsString},
    fmt, fs, io,
    path::{Path, PathBuf},
};

use memchr::memmem;

use super::protocol::PREFIX;

/// Stands in every program that this library is part of, so that a copy of one is known.
const MARK: &[u8] = b"patchkit answers kubectl's completion";

/// Where the file belongs, and what it leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// The file of the plugin, as kubectl finds it: often a link itself.
    plugin: PathBuf,
    /// The file for the completion.
    path: PathBuf,
}

/// Why nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum LinkError {
    /// It is not known where the plugin is.
    #[error("cannot tell where the plugin is: {0}")]
    Nowhere(#[source] io::Error),
    /// There is something that is not ours.
    #[error("{} is there, and was not put there by this plugin: it is left alone", .0.display())]
    Foreign(PathBuf),
    /// The system refused.
    #[error("{}: {source}", .path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What it said.
        #[source]
        source: io::Error,
    },
}

/// What came of putting the file there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Linked {
    /// It was not there, and is now.
    New,
    /// One of another version, or one that led nowhere, has been replaced.
    Renewed,
    /// It was there.
    Already,
}

/// What came of taking the file away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unlinked {
    /// It is gone.
    Gone,
    /// It was not there.
    Nothing,
}

/// What lies at the path.
enum There {
    Nothing,
    /// It does what it should.
    Right,
    /// It is ours, and not as it should be.
    Old,
    Foreign,
}

impl Link {
    /// The link of a plugin that was called as `program`: by a path, as kubectl does, or by a name that is found in the
    /// folders of `path`.
    ///
    /// # Errors
    /// Where neither tells, and the system does not know either.
    pub fn of(name: &str, program: &OsStr, path: Option<&OsStr>) -> Result<Self, LinkError> {
        let file_name = format!("kubectl-{name}{}", std::env::consts::EXE_SUFFIX);
        let called = Path::new(program);
        let has_folder = called.parent().is_some_and(|folder| !folder.as_os_str().is_empty());
        let on_path = || {
            let folders = path.map(|path| std::env::split_paths(path).collect::<Vec<_>>()).unwrap_or_default();
            folders.into_iter().map(|folder| folder.join(&file_name)).find(|file| file.is_file())
        };
        let plugin = match has_folder.then(|| called.to_owned()).or_else(on_path) {
            Some(plugin) => std::path::absolute(plugin),
            None => std::env::current_exe(),
        };
        let plugin = plugin.map_err(LinkError::Nowhere)?;
        let path = plugin.with_file_name(format!("{PREFIX}{name}{}", std::env::consts::EXE_SUFFIX));
        Ok(Self { plugin, path })
    }

    /// The file for the completion.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether kubectl can find it: its folder is one of `path`'s.
    #[must_use]
    pub fn is_on(&self, path: Option<&OsStr>) -> bool {
        let folder = self.path.parent();
        path.is_some_and(|path| {
            std::env::split_paths(path)
                .any(|known| Some(known.as_path()) == folder || is_same(Some(known.as_path()), folder))
        })
    }

    /// Puts the file there.
    ///
    /// # Errors
    /// Where something else is there, or the system refuses.
    pub fn put(&self) -> Result<Linked, LinkError> {
        let outcome = match self.look()? {
            There::Right => return Ok(Linked::Already),
            There::Foreign => return Err(LinkError::Foreign(self.path.clone())),
            There::Nothing => Linked::New,
            There::Old => {
                fs::remove_file(&self.path).map_err(self.failed())?;
                Linked::Renewed
            }
        };
        lead(&self.plugin, &self.path).map_err(self.failed())?;
        Ok(outcome)
    }

    /// Takes the file away.
    ///
    /// # Errors
    /// Where something else is there, or the system refuses.
    pub fn take_away(&self) -> Result<Unlinked, LinkError> {
        match self.look()? {
            There::Nothing => Ok(Unlinked::Nothing),
            There::Foreign => Err(LinkError::Foreign(self.path.clone())),
            There::Right | There::Old => {
                fs::remove_file(&self.path).map_err(self.failed())?;
                Ok(Unlinked::Gone)
            }
        }
    }

    fn look(&self) -> Result<There, LinkError> {
        let metadata = match fs::symlink_metadata(&self.path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(There::Nothing),
            metadata => metadata.map_err(self.failed())?,
        };
        if metadata.is_dir() {
            return Ok(There::Foreign);
        }
        if metadata.is_symlink() {
            if is_same(Some(self.path.as_path()), Some(self.plugin.as_path())) {
                return Ok(There::Right);
            }
            let target = fs::read_link(&self.path).map_err(self.failed())?;
            if !self.path.exists() {
                // It leads nowhere. It is ours where it would lead to a plugin of our name.
                return Ok(if target.file_name() == self.plugin.file_name() { There::Old } else { There::Foreign });
            }
        }
        let there = fs::read(&self.path).map_err(self.failed())?;
        if memmem::find(&there, MARK).is_none() {
            return Ok(There::Foreign);
        }
        // A copy is right where there are no links, and as long as it is of this version.
        let is_right = cfg!(not(unix)) && fs::read(&self.plugin).is_ok_and(|plugin| plugin == there);
        Ok(if is_right { There::Right } else { There::Old })
    }

    fn failed(&self) -> impl Fn(io::Error) -> LinkError {
        let path = self.path.clone();
        move |source| LinkError::Io { path: path.clone(), source }
    }
}

impl fmt::Display for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.path.display())
    }
}

/// By name and not by path: the folder may be moved, and a link of Krew leads to another version tomorrow.
#[cfg(unix)]
fn lead(plugin: &Path, path: &Path) -> io::Result<()> {
    let name: OsString = plugin.file_name().unwrap_or(plugin.as_os_str()).to_owned();
    std::os::unix::fs::symlink(name, path)
}

/// Links are for administrators on Windows.
#[cfg(not(unix))]
fn lead(plugin: &Path, path: &Path) -> io::Result<()> {
    fs::copy(plugin, path).map(drop)
}

/// Whether both are there and are the same in the end.
fn is_same(one: Option<&Path>, other: Option<&Path>) -> bool {
    let real = |path: Option<&Path>| path.and_then(|path| fs::canonicalize(path).ok());
    real(one).is_some_and(|one| real(other) == Some(one))
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    /// A folder as Krew makes it: a link in `bin` that leads to a version in the store.
    fn krew() -> (tempfile::TempDir, Link) {
        let root = tempfile::tempdir().expect("a folder");
        let (bin, store) = (root.path().join("bin"), root.path().join("store"));
        fs::create_dir_all(&bin).expect("a folder");
        fs::create_dir_all(&store).expect("a folder");
        fs::write(store.join("kubectl-example"), [b"program: ", MARK].concat()).expect("a program");
        symlink(store.join("kubectl-example"), bin.join("kubectl-example")).expect("a link");
        let link = Link::of("example", bin.join("kubectl-example").as_os_str(), None).expect("a place");
        (root, link)
    }

    #[test]
    fn it_lies_beside_the_plugins_own_link_and_leads_there() {
        let (root, link) = krew();
        assert_eq!(link.path(), root.path().join("bin/kubectl_complete-example"));
        assert_eq!(link.put().expect("a link"), Linked::New);
        assert_eq!(fs::read_link(link.path()).expect("a link"), Path::new("kubectl-example"));
        assert_eq!(link.put().expect("a link"), Linked::Already);
        assert_eq!(link.take_away().expect("no link"), Unlinked::Gone);
        assert_eq!(link.take_away().expect("no link"), Unlinked::Nothing);
        assert!(root.path().join("bin/kubectl-example").exists(), "the plugin itself stays");
    }

    #[test]
    fn a_name_is_looked_up_on_the_path() {
        let (root, link) = krew();
        let path = std::env::join_paths([Path::new("/nowhere"), &root.path().join("bin")]).expect("a PATH");
        let found = Link::of("example", OsStr::new("kubectl-example"), Some(&path)).expect("a place");
        assert_eq!(found, link);
        assert!(link.is_on(Some(&path)));
        assert!(!link.is_on(Some(OsStr::new("/nowhere"))));
        assert!(!link.is_on(None));
    }

    #[test]
    fn what_is_not_ours_is_left_alone() {
        let (root, link) = krew();
        let other = root.path().join("bin/other");
        fs::write(&other, "#!/bin/sh\n").expect("a program");
        let make: [&dyn Fn(); 3] = [
            &|| fs::write(link.path(), "#!/bin/sh\n").expect("a script"),
            &|| symlink("other", link.path()).expect("a link"),
            &|| symlink("/nowhere/other", link.path()).expect("a link"),
        ];
        for make in make {
            make();
            assert!(matches!(link.put(), Err(LinkError::Foreign(_))));
            assert!(matches!(link.take_away(), Err(LinkError::Foreign(_))));
            assert!(fs::symlink_metadata(link.path()).is_ok());
            fs::remove_file(link.path()).expect("it is still there");
        }
        fs::create_dir(link.path()).expect("a folder");
        assert!(matches!(link.put(), Err(LinkError::Foreign(_))));
        assert_eq!(fs::read(&other).expect("it is still there"), b"#!/bin/sh\n");
    }

    #[test]
    fn what_is_ours_and_old_is_replaced() {
        let (root, link) = krew();
        symlink("/gone/kubectl-example", link.path()).expect("a link");
        assert_eq!(link.put().expect("a link"), Linked::Renewed);
        fs::remove_file(link.path()).expect("a link");
        fs::copy(root.path().join("bin/kubectl-example"), link.path()).expect("a copy");
        assert_eq!(link.put().expect("a link"), Linked::Renewed);
        assert_eq!(fs::read_link(link.path()).expect("a link"), Path::new("kubectl-example"));
    }
}
