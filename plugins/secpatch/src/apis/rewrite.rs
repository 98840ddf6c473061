//! Rewriting the API versions in the text of a file, and nothing else.

use std::ops::Range;

use patchkit::snapshot::{SnapshotBuilder, files::from_text};

/// One API version to rewrite.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edit {
    /// Its bytes.
    pub span: Range<usize>,
    /// What to write there.
    pub new: String,
}

/// Applies the edits. Every other byte stays.
///
/// # Errors
/// Where the new text, read again, is not the old one with only these API versions changed.
pub fn rewrite(text: &str, mut edits: Vec<Edit>) -> Result<String, &'static str> {
    edits.sort_by_key(|edit| edit.span.start);
    edits.dedup();
    let mut made = String::with_capacity(text.len());
    let mut at = 0;
    for edit in &edits {
        made.push_str(text.get(at..edit.span.start).ok_or("two changes meet")?);
        made.push_str(&edit.new);
        at = edit.span.end;
    }
    made.push_str(&text[at..]);
    let (old, new) = (objects(text), objects(&made));
    let same = old.len() == new.len()
        && old.iter().zip(&new).all(|(old, new)| (old.line, &old.kind, &old.path) == (new.line, &new.kind, &new.path));
    let changed = old.iter().zip(&new).filter(|(old, new)| old.api_version != new.api_version).count();
    if same && changed == edits.len() { Ok(made) } else { Err("read again, it would hold other objects than before") }
}

/// An object as the reader sees it.
struct Seen {
    line: u32,
    kind: String,
    path: String,
    api_version: String,
}

fn objects(text: &str) -> Vec<Seen> {
    let mut builder = SnapshotBuilder::metadata_from_files();
    from_text(&mut builder, "text", text);
    let snapshot = builder.finish();
    let mut seen: Vec<Seen> = snapshot
        .each_meta()
        .map(|(kind, meta)| Seen {
            line: meta.origin.map_or(0, |origin| origin.line),
            kind: kind.to_owned(),
            path: meta.path(),
            api_version: meta.api_version.to_string(),
        })
        .collect();
    seen.sort_by(|a, b| (a.line, &a.kind, &a.path).cmp(&(b.line, &b.kind, &b.path)));
    seen
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_version_changes() {
        let text = "# a comment\r\napiVersion: \"batch/v1beta1\" # old\r\nkind: CronJob\r\nmetadata: {name: a}\r\n";
        let at = text.find("batch/v1beta1").unwrap();
        let edit = Edit { span: at..at + 13, new: "batch/v1".to_owned() };
        assert_eq!(rewrite(text, vec![edit.clone(), edit]).unwrap(), text.replace("batch/v1beta1", "batch/v1"));
        // A comment is no object.
        let comment = Edit { span: 2..3, new: "the".to_owned() };
        assert!(rewrite(text, vec![comment]).is_err());
    }
}
