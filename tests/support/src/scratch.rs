//! Directories for what a test process leaves on disk. They go when it ends; those of a process that was killed go when
//! the next one begins.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::{env, fs, process};

/// The repository's root.
#[must_use]
pub fn repository() -> &'static Path {
    static ROOT: OnceLock<PathBuf> = OnceLock::new();
    ROOT.get_or_init(|| {
        let here = Path::new(env!("CARGO_MANIFEST_DIR"));
        here.ancestors().nth(2).expect("this package is two folders below the root").to_owned()
    })
}

/// Cargo's target directory, in which this test program lies.
#[must_use]
pub fn target() -> &'static Path {
    static TARGET: OnceLock<PathBuf> = OnceLock::new();
    TARGET.get_or_init(|| {
        let program = env::current_exe().expect("the path of this test program");
        // Cargo marks its directory with this file; between the two are the profile and perhaps the platform.
        let marked = program.ancestors().find(|folder| folder.join("CACHEDIR.TAG").is_file());
        marked.expect("a test program lies in cargo's target directory").to_owned()
    })
}

fn all() -> PathBuf {
    target().join("tmp").join("patchkit")
}

/// A new directory of this process, with a name that begins so.
///
/// # Panics
/// Where it cannot be made.
#[must_use]
pub fn directory(name: &str) -> PathBuf {
    static NUMBER: AtomicU32 = AtomicU32::new(1);
    static SWEPT: OnceLock<()> = OnceLock::new();
    SWEPT.get_or_init(sweep);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let path = all().join(process::id().to_string()).join(format!("{name}-{number}"));
    fs::create_dir_all(&path).unwrap_or_else(|error| panic!("cannot make {}: {error}", path.display()));
    path
}

/// Removes everything that [`directory`] gave away.
pub fn remove_all() {
    // What cannot be removed now is removed by the next run.
    let _ = fs::remove_dir_all(all().join(process::id().to_string()));
}

/// Removes what processes left that are no more.
fn sweep() {
    for entry in fs::read_dir(all()).into_iter().flatten().flatten() {
        let owner = entry.file_name().to_string_lossy().parse::<u32>();
        if owner.is_ok_and(|owner| owner == process::id() || !Path::new("/proc").join(owner.to_string()).exists()) {
            // Another test program may be sweeping too.
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}
