//! A snapshot from files, directories and standard input: manifests, what `kubectl get -o json` or `-o yaml` wrote,
//! and what `kubectl cluster-info dump --output-directory` left.

mod document;
mod full_yaml;
mod header;
mod json;
mod paths;
mod place;
mod problem;
mod read;
mod rule_lines;
mod yaml;
mod yaml_block;

pub use paths::FilesError;
pub use read::{from_files, from_text, metadata_from_files};
