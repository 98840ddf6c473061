//! `kubectl secpatch images`.

use std::{
    fs,
    path::{Path, PathBuf},
};

use clap::Args;
use patchkit::{
    app::{
        App, FailOnArgs, Failure,
        source::{Gathered, SourceArgs},
    },
    cluster::{ConnectOptions, Wish},
    render::OutputArgs,
    report::{Exit, NotEvaluated, Report},
};

use crate::{
    commands::{
        patch_folder,
        session::{AsOfArgs, Session},
    },
    images::{
        self, ImageEntry, patches,
        report::{self, Trusted},
        scans,
    },
    patch_files::{PatchForm, kustomize_component},
    words::count,
};

/// The flags of `images`.
#[derive(Args, Debug)]
pub struct ImagesArgs {
    /// What to read.
    #[command(flatten)]
    pub source: SourceArgs,

    /// How to write the report.
    #[command(flatten)]
    pub output: OutputArgs,

    /// A registry that is trusted, with or without the beginning of a path, such as registry.k8s.io or
    /// ghcr.io/example; *.example.com is every registry below it (repeatable; none trusts all)
    #[arg(long = "trusted", value_name = "REGISTRY[/PATH]", value_delimiter = ',', help_heading = "Images")]
    pub trusted: Vec<String>,

    /// A report of Trivy or Grype as JSON, or VulnerabilityReports of the Trivy operator (repeatable)
    #[arg(long = "report", value_name = "FILE", value_hint = clap::ValueHint::FilePath, help_heading = "Images")]
    pub reports: Vec<String>,

    /// Write patches that move images out of frozen registries into this folder, one file an object, with a kustomize
    /// component that applies them
    #[arg(long, value_name = "DIR", help_heading = "Images")]
    pub fix: Option<PathBuf>,

    /// For which moment.
    #[command(flatten, next_help_heading = "Images")]
    pub as_of: AsOfArgs,

    /// How the findings decide the exit code.
    #[command(flatten)]
    pub fail_on: FailOnArgs,
}

/// Looks at the images, joins what scanners say of them, and writes the report.
///
/// # Errors
/// Where nothing can be read, or the report or the patches cannot be written.
pub fn run(app: &App, args: &ImagesArgs, connect: &ConnectOptions) -> Result<Exit, Failure> {
    let session = Session::begin(args.as_of);
    let mut problems = Vec::new();
    let mut scanned = Vec::new();
    for file in &args.reports {
        match fs::read_to_string(file) {
            Ok(text) => match scans::read(file, &text) {
                Ok(found) => scanned.extend(found),
                Err(error) => problems.push(NotEvaluated::new(file.as_str(), error.to_string())),
            },
            Err(error) => problems.push(NotEvaluated::new(file.as_str(), error.to_string())),
        }
    }
    let wish = Wish { kinds: report::KINDS.to_vec(), deprecated_calls: false };
    let Gathered { snapshot, source } = app.read(&args.source, connect, &wish, |_, _| Vec::new())?;
    scanned.extend(scans::of_cluster(&snapshot));
    let entries = report::entries(&snapshot, &Trusted::new(&args.trusted), &scanned);
    let mut notes = Vec::new();
    if !scanned.is_empty() {
        let unused = report::without_user(&entries, &scanned);
        let with = entries.iter().filter(|entry| entry.vulnerabilities.is_some()).count();
        notes.push(format!(
            "{} speak of {with} of {}; {unused} of an image that nothing uses.",
            count(scanned.len(), "report"),
            count(entries.len(), "image")
        ));
    }
    if let Some(folder) = &args.fix {
        notes.extend(write_patches(folder, &entries)?);
    }
    let mut not_evaluated = report::not_evaluated(&snapshot, &scanned);
    not_evaluated.extend(problems);
    let findings = report::findings(&entries);
    let verdict = report::verdict(&entries, &findings);
    let metadata = session.metadata(app, "images", session.today, source);
    let report = Report::new("ImageReport", metadata, verdict, findings, not_evaluated)
        .with_section("images", &entries)
        .with_document(images::document(&entries, &notes));
    app.write(&report, &args.output, args.fail_on.fail_on)
}

/// Writes the patches, and says what was written and what was left.
fn write_patches(folder: &Path, entries: &[ImageEntry]) -> Result<Vec<String>, Failure> {
    let (mut made, left) = patches::patches(entries)?;
    let mut notes = Vec::new();
    if made.is_empty() {
        notes.push("No patch was written: no image that can be changed comes from a frozen registry.".to_owned());
    } else {
        notes.push(format!(
            "{} in {}: add it to the components of a kustomization, or kubectl patch --patch-file each.",
            count(made.len(), "patch"),
            folder.display()
        ));
        made.push(kustomize_component(&made, PatchForm::Strategic)?);
        patch_folder::write(folder, &made)?;
    }
    notes.extend(left.into_iter().map(|why| format!("Left as it is: {why}.")));
    Ok(notes)
}
