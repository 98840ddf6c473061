//! What a snapshot reads from files: every form that kubectl writes or reads, every mistake that files have, and the
//! public collections of real objects.

mod equal;
mod forms;
mod mistakes;
mod mutated;
mod public_files;
mod traps;

use patchkit::snapshot::{Snapshot, files::from_files};

/// Reads a text from standard input.
fn read(text: impl AsRef<[u8]>) -> Snapshot {
    from_files(&["-".to_owned()], false, text.as_ref(), |_| {}).unwrap()
}

/// Reads a text that must be without mistakes.
fn read_well(text: impl AsRef<[u8]>) -> Snapshot {
    let snapshot = read(text);
    assert_eq!(problems(&snapshot), Vec::<String>::new());
    snapshot
}

/// What could not be read, as `place: why`.
fn problems(snapshot: &Snapshot) -> Vec<String> {
    snapshot.not_evaluated.iter().map(|problem| format!("{}: {}", problem.what, problem.why)).collect()
}

/// The names of the pods.
fn pods(snapshot: &Snapshot) -> Vec<&str> {
    snapshot.pods.iter().map(|pod| pod.meta.name.as_str()).collect()
}

/// Everything that a snapshot holds but where it was read: the places of objects, and of the rules of policies.
fn facts(snapshot: &Snapshot) -> String {
    let text = without(&format!("{snapshot:?}"), "origin: Some(Origin {", "})");
    without(&text, "lines: RuleLines {", "] } }")
}

/// A text without the parts between these two, and without the two.
fn without(text: &str, begin: &str, end: &str) -> String {
    let mut kept = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once(begin) {
        kept.push_str(before);
        rest = after.split_once(end).map_or("", |(_, behind)| behind);
    }
    kept + rest
}
