//! Files of the repository that are generated: scripts for shells, man pages, and the page of all help texts.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::PathBuf;
use std::{env, fs};

use clap::Command;
use clap_mangen::Man;

use crate::scratch;

/// With this variable, the files are written instead of compared.
const WRITE: &str = "PATCHKIT_GENERATE";
/// How wide the help texts of the reference are.
const WIDTH: usize = 100;

/// The man pages and the page of all help texts of a plugin, by their paths in the repository.
///
/// # Panics
/// Where a page cannot be made.
#[must_use]
pub fn generated_files(command: &Command) -> BTreeMap<PathBuf, String> {
    let command = command.clone().term_width(WIDTH).disable_help_subcommand(true);
    let mut files = BTreeMap::new();
    let mut built = command.clone();
    built.build();
    man_pages(&built, built.get_name().to_owned(), &mut files);
    files.insert(format!("docs/reference/{}.md", command.get_name()).into(), reference(command));
    files
}

/// A page of the manual for the command and each of its subcommands.
fn man_pages(command: &Command, name: String, files: &mut BTreeMap<PathBuf, String>) {
    for subcommand in command.get_subcommands().filter(|subcommand| !subcommand.is_hide_set()) {
        man_pages(subcommand, format!("{name}-{}", subcommand.get_name()), files);
    }
    let mut page = Vec::new();
    let man = Man::new(command.clone().display_name(name.clone())).title(name.to_uppercase());
    man.render(&mut page).unwrap_or_else(|error| panic!("{name}: {error}"));
    let page = String::from_utf8(page).unwrap_or_else(|error| panic!("{name}: {error}"));
    files.insert(format!("docs/man/{name}.1").into(), page);
}

/// All help texts on one page. The flags that every command has are told once, at the program itself.
fn reference(command: Command) -> String {
    let mut text = format!(
        "<!-- Made by: {WRITE}=1 cargo test --workspace --test generated -->\n\n# {}\n\n{}\n\n",
        command.get_bin_name().unwrap_or_default(),
        command.get_about().map(ToString::to_string).unwrap_or_default()
    );
    text.push_str(
        "What each command says of itself with `--help`. The flags of every command are listed once, here.\n",
    );
    let mut root = command.clone();
    text_block(&mut text, &root.render_long_help().to_string());
    let mut inner = command.mut_args(|arg| if arg.is_global_set() { arg.hide(true) } else { arg });
    inner.build();
    commands(&mut text, &inner);
    text
}

fn commands(text: &mut String, command: &Command) {
    for subcommand in command.get_subcommands().filter(|subcommand| !subcommand.is_hide_set()) {
        let _ = write!(text, "\n## {}\n", subcommand.get_bin_name().unwrap_or(subcommand.get_name()));
        // The program's own help names its flags; `--help` and `--version` stand there too.
        let mut shown = subcommand.clone().term_width(WIDTH).mut_args(|arg| {
            let is_common = matches!(arg.get_id().as_str(), "help" | "version");
            if is_common { arg.hide(true) } else { arg }
        });
        text_block(text, &shown.render_long_help().to_string());
        commands(text, subcommand);
    }
}

fn text_block(text: &mut String, help: &str) {
    text.push_str("\n```text\n");
    for line in help.trim_end().lines() {
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text.push_str("```\n");
}

/// Holds files of the repository to what is generated; with the variable `PATCHKIT_GENERATE` it writes them instead.
/// No other file of these folders may have `name` in its own.
///
/// # Panics
/// With the first file that is not as it should be, and how to make it so.
#[track_caller]
pub fn hold_generated(name: &str, files: &BTreeMap<PathBuf, String>) {
    let root = scratch::repository();
    let writes = env::var_os(WRITE).is_some();
    let again = format!("{WRITE}=1 cargo test --workspace --test generated");
    for (path, text) in files {
        let whole = root.join(path);
        if writes {
            let folder = whole.parent().unwrap_or(root);
            fs::create_dir_all(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
            fs::write(&whole, text).unwrap_or_else(|error| panic!("{}: {error}", whole.display()));
        }
        let there = fs::read_to_string(&whole).unwrap_or_default();
        let place = there.lines().zip(text.lines()).position(|(there, text)| there != text);
        let place = place.unwrap_or_else(|| there.lines().count().min(text.lines().count()));
        assert!(
            there == *text,
            "{} is not what is generated (line {}: {:?} instead of {:?}). Make it anew: {again}",
            path.display(),
            place + 1,
            there.lines().nth(place).unwrap_or_default(),
            text.lines().nth(place).unwrap_or_default(),
        );
    }
    let folders = files.keys().filter_map(|path| path.parent()).collect::<std::collections::BTreeSet<_>>();
    for folder in folders {
        for entry in fs::read_dir(root.join(folder)).into_iter().flatten().flatten() {
            let path = folder.join(entry.file_name());
            if !entry.file_name().to_string_lossy().contains(name) || files.contains_key(&path) {
                continue;
            }
            if writes {
                fs::remove_file(entry.path()).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            } else {
                panic!("{} is generated by nothing any more. Make all anew: {again}", path.display());
            }
        }
    }
}
