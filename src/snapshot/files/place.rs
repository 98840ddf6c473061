//! The field at a place of a text: `spec.containers[0].image`.
//!
//! Found from the text alone. To have the parsers keep account of it would mean to compile every type twice.

/// A step on the way to a field.
enum Step {
    Key(String),
    Item(usize),
}

fn written(steps: &[Step]) -> String {
    let mut path = String::new();
    for step in steps {
        match step {
            Step::Key(key) => {
                if !path.is_empty() {
                    path.push('.');
                }
                path.push_str(key);
            }
            Step::Item(index) => path.push_str(&format!("[{index}]")),
        }
    }
    path
}

/// The field of a JSON text whose value holds the byte at `offset`, or ends before it; empty for the object itself.
pub(super) fn json_path(text: &[u8], offset: usize) -> String {
    let mut steps: Vec<Step> = Vec::new();
    let mut at = 0;
    let mut wants_key = false;
    while at < offset.min(text.len()) {
        match text[at] {
            b'"' => {
                let start = at + 1;
                at += 1;
                while at < text.len() && text[at] != b'"' {
                    at += if text[at] == b'\\' { 2 } else { 1 };
                }
                if wants_key && at <= text.len() {
                    let key = String::from_utf8_lossy(&text[start.min(at)..at.min(text.len())]).into_owned();
                    if let Some(Step::Key(last)) = steps.last_mut() {
                        *last = key;
                    }
                    wants_key = false;
                }
            }
            b'{' => {
                steps.push(Step::Key(String::new()));
                wants_key = true;
            }
            b'[' => {
                steps.push(Step::Item(0));
                wants_key = false;
            }
            b'}' | b']' => {
                // The end of the value that is wrong still belongs to it.
                if at + 1 < offset {
                    steps.pop();
                }
                wants_key = false;
            }
            b',' => match steps.last_mut() {
                Some(Step::Item(index)) => *index += 1,
                _ => wants_key = true,
            },
            _ => {}
        }
        at += 1;
    }
    // A key that was not read yet names nothing.
    if matches!(steps.last(), Some(Step::Key(key)) if key.is_empty()) {
        steps.pop();
    }
    written(&steps)
}

/// The offset of a line and column, both counted from 1, as `serde_json` gives them.
pub(super) fn json_offset(text: &[u8], line: usize, column: usize) -> usize {
    let start = match line.checked_sub(2) {
        None => 0,
        Some(before) => memchr::memchr_iter(b'\n', text).nth(before).map_or(text.len(), |end| end + 1),
    };
    (start + column).min(text.len())
}

/// The field on a line of a YAML text in block style, by the indentation of the lines above; within flow style the
/// field that holds it.
pub(super) fn yaml_path(text: &str, line: usize) -> String {
    let lines: Vec<&str> = text.lines().take(line).collect();
    let mut steps = Vec::new();
    // Only what stands further left than everything below it holds it.
    let mut limit = usize::MAX;
    for (index, content) in lines.iter().enumerate().rev() {
        let Some((mut column, mut rest)) = solid(content) else { continue };
        // `- - key: value` is an item, in it an item, in it a key.
        let mut found = Vec::new();
        while let Some(behind) = rest.strip_prefix('-').filter(|behind| behind.is_empty() || behind.starts_with(' ')) {
            found.push((column, None));
            let inner = behind.trim_start_matches(' ');
            column += rest.len() - inner.len();
            rest = inner;
        }
        if let Some(key) = key(rest) {
            found.push((column, Some(key)));
        }
        for (column, key) in found.into_iter().rev() {
            // A list may stand as far left as the key that holds it.
            let holds =
                column < limit || (column == limit && matches!(steps.last(), Some(Step::Item(_))) && key.is_some());
            if !holds {
                continue;
            }
            limit = column;
            steps.push(match key {
                Some(key) => Step::Key(key.to_owned()),
                None => Step::Item(earlier_items(&lines[..index], column)),
            });
        }
        if limit == 0 && matches!(steps.last(), Some(Step::Key(_))) {
            break;
        }
    }
    steps.reverse();
    written(&steps)
}

/// How many items of the same list begin on the lines above.
fn earlier_items(lines: &[&str], column: usize) -> usize {
    let mut count = 0;
    for content in lines.iter().rev() {
        match solid(content) {
            Some((at, rest)) if at == column && (rest == "-" || rest.starts_with("- ")) => count += 1,
            Some((at, _)) if at <= column => break,
            _ => {}
        }
    }
    count
}

/// Where a line's text begins, and the text; nothing for blanks and comments.
pub(super) fn solid(line: &str) -> Option<(usize, &str)> {
    let rest = line.trim_start_matches(' ');
    let text = rest.trim_end();
    (!text.is_empty() && !text.starts_with('#')).then_some((line.len() - rest.len(), text))
}

/// The key that a line begins with.
fn key(text: &str) -> Option<&str> {
    let end = text.find(": ").or_else(|| text.ends_with(':').then(|| text.len() - 1))?;
    let key = text[..end].trim_matches(['"', '\'']);
    (!key.is_empty() && !key.contains([' ', '{', '[', '"'])).then_some(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_of_json_are_found() {
        let text = br#"{"a": {"b": [1, {"c": "x", "d\"": {"e": true}}]}, "f": []}"#;
        let path = |needle: &str| {
            let at = text.windows(needle.len()).position(|window| window == needle.as_bytes()).unwrap();
            json_path(text, at + needle.len())
        };
        assert_eq!(path("1"), "a.b[0]");
        assert_eq!(path("\"x\""), "a.b[1].c");
        assert_eq!(path("true"), "a.b[1].d\\\".e");
        assert_eq!(path("[]"), "f[0]");
        assert_eq!(json_path(text, 1), "");
        assert_eq!(json_path(b"{\"a\": \"x", 500), "a");
    }

    #[test]
    fn fields_of_yaml_are_found() {
        let text = "kind: Pod\nspec:\n  containers:\n  - name: a\n    image: x\n  # two\n  - name: b\n\n    ports:\n      - \
                    containerPort: x\n  volumes: []\nstatus: 5\n";
        for (line, expected) in [
            (1, "kind"),
            (3, "spec.containers"),
            (5, "spec.containers[0].image"),
            (7, "spec.containers[1].name"),
            (10, "spec.containers[1].ports[0].containerPort"),
            (11, "spec.volumes"),
            (12, "status"),
        ] {
            assert_eq!(yaml_path(text, line), expected, "{line}");
        }
    }

    proptest::proptest! {
        #[test]
        fn never_panics(text in "[-a:{}\\[\\]\",\\\\ \n#é]{0,80}", at in 0_usize..100) {
            json_path(text.as_bytes(), at);
            yaml_path(&text, at);
        }
    }
}
