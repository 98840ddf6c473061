//! What a change would do to an object, as lines of YAML.

use patchkit::{report::Tone, term::Paint};
use serde_json::Value;
use similar::{ChangeTag, TextDiff};

/// Lines around a change that are shown with it.
const CONTEXT: usize = 2;

/// The lines that differ, with some around them; empty where nothing does. Only what people write is compared.
pub(super) fn diff(before: &Value, after: &Value, paint: Paint) -> Vec<String> {
    let text = |object: &Value| {
        let written = serde_json::json!({
            "metadata": {"annotations": object["metadata"]["annotations"], "labels": object["metadata"]["labels"]},
            "spec": object["spec"],
            "template": object["template"],
        });
        serde_saphyr::to_string(&written).unwrap_or_else(|_| written.to_string())
    };
    let (before, after) = (text(before), text(after));
    let diff = TextDiff::from_lines(&before, &after);
    let mut lines = Vec::new();
    for (index, group) in diff.grouped_ops(CONTEXT).iter().enumerate() {
        if index > 0 {
            lines.push(paint.tone(Tone::Faint, "  …"));
        }
        for change in group.iter().flat_map(|operation| diff.iter_changes(operation)) {
            let line = change.value().trim_end_matches('\n');
            lines.push(match change.tag() {
                ChangeTag::Delete => paint.tone(Tone::Bad, &format!("- {line}")),
                ChangeTag::Insert => paint.tone(Tone::Good, &format!("+ {line}")),
                ChangeTag::Equal => format!("  {line}"),
            });
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_what_changes_is_shown() {
        let before = json!({"spec": {"a": 1, "b": 2, "c": 3, "d": 4, "e": 5, "f": 6}, "status": {"x": 1}});
        let after = json!({"spec": {"a": 1, "b": 2, "c": 3, "d": 4, "e": 5, "f": 7}, "status": {"x": 2}});
        let lines = diff(&before, &after, Paint::default());
        assert!(lines.iter().any(|line| line.trim_start_matches("- ").trim() == "f: 6"), "{lines:?}");
        assert!(lines.iter().any(|line| line.starts_with("+ ") && line.contains("f: 7")), "{lines:?}");
        assert!(!lines.iter().any(|line| line.contains("a: 1") || line.contains('x')), "{lines:?}");
        assert_eq!(diff(&before, &before, Paint::default()), Vec::<String>::new());
    }
}
