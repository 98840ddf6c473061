//! Splitting YAML into objects, by lines.
//!
//! A document ends at a line that begins with `---` or `...`: YAML allows neither at the start of a line inside a
//! document (YAML 1.2.2, section 9.1). The items of a list in block style are split the same way, since nothing
//! inside an item may stand as far left as its dash (section 8.2.1). Each object is then read by itself, so that a
//! mistake in one does not hide the others, and its line is that of the file.

use std::borrow::Cow;

use memchr::memchr_iter;

/// A document or an item of a list.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Piece<'a> {
    /// Its text. Of an item the dash is replaced by a space, which keeps the columns.
    pub(crate) text: Cow<'a, str>,
    /// The line of the file on which the text begins, counted from 1.
    pub(crate) line: u32,
}

impl Piece<'_> {
    /// How many lines of blanks and comments stand before the first that holds something.
    pub(crate) fn blank_lines(&self) -> u32 {
        let blank = |line: &&str| line.trim().is_empty() || line.trim_start().starts_with('#');
        u32::try_from(self.text.lines().take_while(blank).count()).unwrap_or(0)
    }
}

/// The documents that hold anything, of a text that begins on this line of its file.
pub(crate) fn documents(text: &str, first_line: u32) -> Vec<Piece<'_>> {
    let mut found = Vec::new();
    let (mut start, mut start_line, mut line, mut begin) = (0, first_line, first_line, 0);
    for end in memchr_iter(b'\n', text.as_bytes()).map(|end| end + 1).chain([text.len()]) {
        let content = &text[begin..end];
        let closes = is_marker(content, "...");
        if closes || is_marker(content, "---") {
            push(&mut found, &text[start..begin], start_line);
            // What stands behind the marker on its line belongs to the next document, unless it is a comment.
            let rest = content[3..].trim();
            (start, start_line) =
                if closes || rest.is_empty() || rest.starts_with('#') { (end, line + 1) } else { (begin + 3, line) };
        }
        begin = end;
        line += 1;
    }
    push(&mut found, &text[start..], start_line);
    found
}

fn is_marker(line: &str, marker: &str) -> bool {
    line.strip_prefix(marker).is_some_and(|rest| rest.is_empty() || rest.starts_with([' ', '\t', '\r', '\n']))
}

fn push<'a>(found: &mut Vec<Piece<'a>>, text: &'a str, line: u32) {
    let holds_anything = text.lines().any(|line| {
        let line = line.trim_start_matches('\u{feff}').trim();
        !line.is_empty() && !line.starts_with(['#', '%'])
    });
    if !holds_anything {
        return;
    }
    // Directives belong to the parser of the whole stream, and none of them matters to a manifest.
    let text = if text.lines().any(|line| line.starts_with('%')) {
        Cow::Owned(text.split_inclusive('\n').map(|line| if line.starts_with('%') { "\n" } else { line }).collect())
    } else {
        Cow::Borrowed(text)
    };
    found.push(Piece { text, line });
}

/// The value of a key of the outermost object, in block style. Anchors, tags, aliases and block scalars are left to
/// the parser.
pub(crate) fn top_level<'a>(text: &'a str, key: &str) -> Option<&'a str> {
    // In an item, the margin is where its first key stands.
    let first = text.lines().find(|line| !line.trim().is_empty() && !line.trim_start().starts_with('#'))?;
    let first = first.trim_start_matches('\u{feff}');
    let margin = first.len() - first.trim_start_matches(' ').len();
    text.lines().find_map(|line| {
        let line = line.trim_start_matches('\u{feff}');
        if !line.as_bytes()[..margin.min(line.len())].iter().all(|byte| *byte == b' ') {
            return None;
        }
        let value = line.get(margin..)?.strip_prefix(key)?.strip_prefix(':')?;
        bare_word(value.strip_prefix([' ', '\t'])?)
    })
}

/// What an object in block style is, found by its lines alone.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Outline<'a> {
    /// The value of `apiVersion`.
    pub(crate) api_version: &'a str,
    /// The value of `kind`.
    pub(crate) kind: &'a str,
    /// The lines of `metadata`, as an object of its own; `{}` where there is none.
    pub(crate) metadata: &'a str,
    /// How many lines stand before them.
    pub(crate) metadata_line: u32,
}

/// The outline of an object whose keys stand at one margin, each with a plain name: nearly every manifest. `None`
/// where it is written in any other way, which is left to the parser; so are lists, and what may be no manifest.
pub(crate) fn outline(text: &str) -> Option<Outline<'_>> {
    let text = text.trim_start_matches('\u{feff}');
    let bytes = text.as_bytes();
    let (mut api_version, mut kind) = (None, None);
    let mut margin = None;
    // Where the metadata begins, and with which line; then where it ends.
    let mut metadata: Option<(usize, u32)> = None;
    let mut metadata_end = None;
    let (mut begin, mut line) = (0, 0_u32);
    for end in memchr_iter(b'\n', bytes).map(|end| end + 1).chain([bytes.len()]) {
        let content = &bytes[begin..end];
        let at = begin;
        begin = end;
        line += 1;
        // Most lines stand further right than the margin.
        if let Some(margin) = margin
            && content.len() > margin
            && content[margin] == b' '
            && content[..margin].iter().all(|byte| *byte == b' ')
        {
            continue;
        }
        let indent = content.iter().take_while(|byte| **byte == b' ').count();
        let rest = content[indent..].trim_ascii_end();
        if rest.is_empty() || rest[0] == b'#' {
            continue;
        }
        if *margin.get_or_insert(indent) != indent {
            return None;
        }
        // A list may stand as far left as the key that holds it.
        if rest == b"-" || rest.starts_with(b"- ") {
            continue;
        }
        let name = rest.iter().take_while(|byte| byte.is_ascii_alphanumeric() || **byte == b'_').count();
        if name == 0 || rest.get(name) != Some(&b':') || rest.get(name + 1).is_some_and(|byte| *byte != b' ') {
            return None;
        }
        if metadata.is_some() && metadata_end.is_none() {
            metadata_end = Some(at);
        }
        let slot = match &rest[..name] {
            b"apiVersion" => &mut api_version,
            b"kind" => &mut kind,
            b"metadata" => {
                // The last of two equal keys wins, which is for the parser to say.
                if metadata.replace((at, line - 1)).is_some() {
                    return None;
                }
                continue;
            }
            b"items" => return None,
            _ => continue,
        };
        let value = bare_word(text.get(at + indent + name + 1..end)?)?;
        if slot.replace(value).is_some() {
            return None;
        }
    }
    let (metadata, metadata_line) = match metadata {
        Some((start, line)) => (text.get(start..metadata_end.unwrap_or(text.len()))?, line),
        None => ("{}", 0),
    };
    let (api_version, kind) = (api_version?, kind?);
    // What an anchor elsewhere names, or what must be read whole.
    let needs_parser = has_aliases(metadata) || kind == "APIGroupDiscovery" || kind.ends_with("List");
    (!needs_parser).then_some(Outline { api_version, kind, metadata, metadata_line })
}

/// A value that is a bare word, with or without quotes, before a comment. Anything else may be an anchor, a tag, an
/// alias, a text over several lines, or a mistake.
fn bare_word(value: &str) -> Option<&str> {
    let value = value.trim();
    let value = value.find(" #").map_or(value, |comment| value[..comment].trim_end());
    let plain = value.trim_matches(['"', '\'']);
    let is_word = plain.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'/' | b'-'));
    (is_word && !plain.is_empty()).then_some(plain)
}

/// Whether an alias stands anywhere: it may repeat what an anchor in another item names.
fn has_aliases(text: &str) -> bool {
    memchr_iter(b'*', text.as_bytes()).any(|at| {
        text[..at].ends_with([' ', '\t']) && text[..at].trim_end_matches([' ', '\t']).ends_with([':', '-', ',', '['])
    })
}

/// The items of a list in block style; `None` where the list is written in another way and must be read as a whole.
pub(crate) fn items<'a>(document: &Piece<'a>) -> Option<Vec<Piece<'a>>> {
    let text = document.text.as_ref();
    if has_aliases(text) {
        return None;
    }
    let mut found: Vec<Piece<'a>> = Vec::new();
    let mut close = |start: Option<(usize, u32)>, end: usize, dash: usize| {
        if let Some((begin, line)) = start {
            let mut item = text[begin..end].to_owned();
            item.replace_range(dash..=dash, " ");
            found.push(Piece { text: item.into(), line });
        }
    };
    let (mut offset, mut line) = (0, document.line);
    let mut inside = false;
    // The column of the dashes, once there is one, and where the current item begins.
    let mut dash: Option<usize> = None;
    let mut start = None;
    for content in text.split_inclusive('\n') {
        let indent = content.len() - content.trim_start_matches(' ').len();
        let rest = content[indent..].trim_end();
        let blank = rest.is_empty() || rest.starts_with('#');
        let is_dash = rest == "-" || rest.starts_with("- ");
        if !inside {
            if let Some(value) = content.strip_prefix("items:") {
                match value.trim() {
                    "" => inside = true,
                    comment if comment.starts_with('#') => inside = true,
                    "[]" => return Some(found),
                    _ => return None,
                }
            }
        } else if !blank {
            match dash {
                None if is_dash => {
                    dash = Some(indent);
                    start = Some((offset, line));
                }
                // `items:` with nothing, followed by another key.
                None => return (indent == 0).then_some(found),
                Some(column) if indent == column && is_dash => {
                    close(start.replace((offset, line)), offset, column);
                }
                // Another key of the list: the items are over.
                Some(column) if indent <= column => {
                    close(start.take(), offset, column);
                    return Some(found);
                }
                Some(_) => {}
            }
        }
        offset += content.len();
        line += 1;
    }
    if let Some(column) = dash {
        close(start, text.len(), column);
    }
    inside.then_some(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Vec<(u32, String)> {
        documents(text, 1).into_iter().map(|piece| (piece.line, piece.text.into_owned())).collect()
    }

    #[test]
    fn documents_end_at_markers() {
        let found = read("# comment\n---\na: 1\n--- # next\nb: 2\n...\n---\n\n--- {c: 3}\n");
        assert_eq!(found, [(3, "a: 1\n".into()), (5, "b: 2\n".into()), (9, " {c: 3}\n".into())]);
    }

    #[test]
    fn a_marker_inside_a_text_is_none() {
        assert_eq!(read("a: |\n  ---\n  b\n---x: 1\n").len(), 1);
    }

    #[test]
    fn top_level_keys_are_found_at_the_margin_only() {
        let text = "metadata:\n  kind: Wrong\nkind: \"Pod\" # the kind\napiVersion: v1\n";
        assert_eq!(top_level(text, "kind"), Some("Pod"));
        assert_eq!(top_level(text, "apiVersion"), Some("v1"));
        assert_eq!(top_level(text, "spec"), None);
        assert_eq!(top_level("kind: &a Pod", "kind"), None);
        assert_eq!(top_level("# an item\n  metadata:\n    kind: Wrong\n  kind: Pod\n", "kind"), Some("Pod"));
        assert_eq!(top_level("\u{feff}kind: Pod\n", "kind"), Some("Pod"));
    }

    #[test]
    fn an_outline_is_found_by_lines_alone() {
        let text = "# a comment\napiVersion: v1 # core\nkind: 'Pod'\n\nmetadata:\n  name: a\n# in between\n  labels: {b: c}\n\
                    spec:\n  kind: Wrong\n  text: |\n   kind: x\nextra:\n- a\n";
        let found = outline(text).unwrap();
        assert_eq!((found.api_version, found.kind, found.metadata_line), ("v1", "Pod", 4));
        assert_eq!(found.metadata, "metadata:\n  name: a\n# in between\n  labels: {b: c}\n");
        // An item, whose dash has become a space.
        let item = outline("  metadata: {name: a}\n  kind: Pod\n  apiVersion: v1\n").unwrap();
        assert_eq!((item.kind, item.metadata), ("Pod", "  metadata: {name: a}\n"));
        let bare = outline("kind: Pod\napiVersion: v1").unwrap();
        assert_eq!((bare.kind, bare.metadata), ("Pod", "{}"));
        for text in [
            "{kind: Pod, apiVersion: v1}\n",
            "kind: Pod\n",
            "kind: Pod\nkind: Service\napiVersion: v1\n",
            "kind: &a Pod\napiVersion: v1\n",
            "kind: Pod\napiVersion: {{ .Values.version }}\n",
            "\"kind\": Pod\napiVersion: v1\n",
            "kind: Pod\n  apiVersion: v1\nmetadata:\n x: y\n z\n",
            "kind: Pod\napiVersion: v1\nmetadata:\n  labels: *shared\n",
            "kind: List\napiVersion: v1\nitems:\n- a: b\n",
            "<<: *base\nkind: Pod\napiVersion: v1\n",
            "kind: Pod\napiVersion: v1\nnonsense\n",
        ] {
            assert_eq!(outline(text), None, "{text}");
        }
    }

    #[test]
    fn block_lists_are_split_into_items() {
        for (text, expected) in [
            (
                "apiVersion: v1\nitems:\n- a: 1\n  b:\n  - x\n# note\n- a: 2\nkind: List\n",
                vec![(3, "  a: 1\n  b:\n  - x\n# note\n"), (7, "  a: 2\n")],
            ),
            ("items:\n  - a: 1\n  - a: 2\n", vec![(2, "    a: 1\n"), (3, "    a: 2\n")]),
            ("items: []\nkind: List\n", vec![]),
            ("items:\nkind: List\n", vec![]),
        ] {
            let piece = Piece { text: text.into(), line: 1 };
            let found = items(&piece).unwrap();
            let found: Vec<_> = found.iter().map(|item| (item.line, item.text.as_ref())).collect();
            assert_eq!(found, expected, "{text}");
        }
        for text in ["items: [{a: 1}]\n", "items:\n- &a {b: 1}\n- *a\n", "a: 1\n"] {
            assert_eq!(items(&Piece { text: text.into(), line: 1 }), None, "{text}");
        }
    }
}
