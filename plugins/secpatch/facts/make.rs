//! Makes the compiled-in tables from public files: `cargo run -p kubectl-secpatch --example make-facts -- --from DIR`.
//!
//! The same input gives the same bytes. `facts/SOURCES.md` says which files are read and where they come from.

use std::{
    collections::BTreeMap,
    error::Error,
    fs,
    io::Write,
    path::{Path, PathBuf},
    process::ExitCode,
};

use clap::Parser;
use kubectl_secpatch::facts::make;

/// Makes the tables of facts from public files.
#[derive(Parser)]
struct Arguments {
    /// The folder with the public files.
    #[arg(long)]
    from: PathBuf,
    /// The folder to write the tables to.
    #[arg(long, default_value = concat!(env!("CARGO_MANIFEST_DIR"), "/facts"))]
    to: PathBuf,
}

fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Where the terminal is gone, the exit code says it.
            let _ = writeln!(std::io::stderr(), "make-facts: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> Result<(), Box<dyn Error>> {
    let mut files = BTreeMap::new();
    read_folder(&arguments.from, "", &mut files)?;
    for (name, text) in make::tables(&files)? {
        fs::write(arguments.to.join(name), text)?;
    }
    Ok(())
}

fn read_folder(folder: &Path, within: &str, files: &mut BTreeMap<String, String>) -> Result<(), Box<dyn Error>> {
    let entries = fs::read_dir(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    for entry in entries {
        let entry = entry?;
        let name = format!("{within}{}", entry.file_name().to_string_lossy());
        if entry.file_type()?.is_dir() {
            read_folder(&entry.path(), &format!("{name}/"), files)?;
        } else {
            let text =
                fs::read_to_string(entry.path()).map_err(|error| format!("{}: {error}", entry.path().display()))?;
            files.insert(name, text);
        }
    }
    Ok(())
}
