//! Writing patches into a folder.

use std::{fs, io, path::Path};

use patchkit::app::Failure;

use crate::patch_files::{MARK, PatchFile};

/// Writes the files. What somebody else has written there stays, and is an error.
///
/// # Errors
/// Where a file cannot be written, or is somebody else's.
pub(super) fn write(folder: &Path, files: &[PatchFile]) -> Result<(), Failure> {
    let failed = |path: &Path, error: &dyn std::fmt::Display| Failure::new(format!("{}: {error}", path.display()));
    fs::create_dir_all(folder).map_err(|error| failed(folder, &error))?;
    for file in files {
        let path = folder.join(&file.name);
        match fs::read(&path) {
            Ok(old) if !old.starts_with(MARK.as_bytes()) => {
                let why = "somebody else has written it, and it stays as it is; name another folder";
                return Err(failed(&path, &why));
            }
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed(&path, &error)),
            _ => fs::write(&path, &file.text).map_err(|error| failed(&path, &error))?,
        }
    }
    Ok(())
}
