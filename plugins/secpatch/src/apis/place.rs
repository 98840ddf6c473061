//! Objects in the text of a file, whole, with the bytes of their API version.

use std::ops::Range;

use serde::Deserialize;
use serde_json::{Value, value::RawValue};

/// An object in a text.
#[derive(Clone, Debug, PartialEq)]
pub struct Placed {
    /// All of it.
    pub value: Value,
    /// The bytes of its API version, without quotes; or why they cannot be replaced.
    pub api_version: Result<Range<usize>, &'static str>,
}

impl Placed {
    fn field(&self, field: &str) -> &str {
        self.value.get(field).and_then(Value::as_str).unwrap_or_default()
    }
}

/// What is known of an object from reading the file.
#[derive(Clone, Copy, Debug)]
pub struct Sought<'a> {
    /// The line on which it begins, counted from 1.
    pub line: u32,
    /// Its API version.
    pub api_version: &'a str,
    /// Its kind.
    pub kind: &'a str,
    /// Its namespace, where it has one.
    pub namespace: Option<&'a str>,
    /// Its name.
    pub name: Option<&'a str>,
}

/// Finds an object in the text of its file; `None` where it is written in a way in which only a parser finds it (a list
/// in flow style, items that do not say what they are).
#[must_use]
pub fn find(text: &str, sought: Sought<'_>) -> Option<Placed> {
    let is_json = text.trim_start_matches('\u{feff}').trim_start().starts_with(['{', '[']);
    let found = if is_json { in_json(text, sought) } else { None };
    let found = found.or_else(|| in_yaml(text, sought.line))?;
    (found.field("apiVersion") == sought.api_version && found.field("kind") == sought.kind).then_some(found)
}

fn line_of(text: &str, offset: usize) -> u32 {
    u32::try_from(text.as_bytes()[..offset].iter().filter(|byte| **byte == b'\n').count() + 1).unwrap_or(u32::MAX)
}

// --- JSON --------------------------------------------------------------------------------------------------------

#[derive(Deserialize)]
struct JsonList<'a> {
    #[serde(borrow)]
    items: Vec<&'a RawValue>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct JsonHeader<'a> {
    #[serde(borrow)]
    api_version: &'a RawValue,
}

/// Where a part of a text stands in it.
fn offset(text: &str, part: &str) -> usize {
    (part.as_ptr() as usize).saturating_sub(text.as_ptr() as usize)
}

fn in_json(text: &str, sought: Sought<'_>) -> Option<Placed> {
    let start = text.len() - text.trim_start_matches('\u{feff}').len();
    let mut found = Vec::new();
    for value in serde_json::Deserializer::from_str(&text[start..]).into_iter::<&RawValue>() {
        // What follows may be YAML.
        let Ok(value) = value else { break };
        collect(value, &mut found);
    }
    found
        .into_iter()
        .filter(|raw| line_of(text, offset(text, raw.get())) == sought.line)
        .filter_map(|raw| json_object(text, raw))
        .find(|placed| {
            let text = |pointer: &str| placed.value.pointer(pointer).and_then(Value::as_str);
            let name = text("/metadata/name").or_else(|| text("/metadata/generateName"));
            placed.field("apiVersion") == sought.api_version
                && placed.field("kind") == sought.kind
                && text("/metadata/namespace").filter(|it| !it.is_empty()) == sought.namespace
                && name.unwrap_or_default() == sought.name.unwrap_or_default()
        })
}

/// The objects of a value: itself, the items of a list, those of a bare array.
fn collect<'a>(raw: &'a RawValue, found: &mut Vec<&'a RawValue>) {
    if raw.get().starts_with('[') {
        found.extend(serde_json::from_str::<Vec<&RawValue>>(raw.get()).unwrap_or_default());
    } else if let Ok(list) = serde_json::from_str::<JsonList<'_>>(raw.get()) {
        found.extend(list.items);
    } else {
        found.push(raw);
    }
}

fn json_object(text: &str, raw: &RawValue) -> Option<Placed> {
    let value: Value = serde_json::from_str(raw.get()).ok()?;
    let span = serde_json::from_str::<JsonHeader<'_>>(raw.get()).ok().and_then(|header| {
        let quoted = header.api_version.get();
        let plain = quoted.strip_prefix('"')?.strip_suffix('"').filter(|plain| !plain.contains('\\'))?;
        let begin = offset(text, plain);
        Some(begin..begin + plain.len())
    });
    Some(Placed { value, api_version: span.ok_or("its apiVersion is not written as one plain text") })
}

// --- YAML --------------------------------------------------------------------------------------------------------

fn in_yaml(text: &str, line: u32) -> Option<Placed> {
    let begin = match line.checked_sub(2) {
        None => 0,
        Some(before) => text.match_indices('\n').nth(before as usize)?.0 + 1,
    };
    let rest = &text[begin..];
    let first = rest.split_inclusive('\n').next()?;
    // A document may begin on the line of its marker, and an item begins behind its dash.
    let marker = if first.starts_with("---") { 3 } else { 0 };
    let plain = first[marker..].trim_start_matches('\u{feff}');
    let mut margin = plain.len() - plain.trim_start_matches(' ').len();
    let mut dash = None;
    if let Some(behind) = plain[margin..].strip_prefix('-').filter(|behind| behind.starts_with(' ')) {
        dash = Some(margin);
        margin += 1 + behind.len() - behind.trim_start_matches(' ').len();
    }
    let mut end = first.len();
    for content in rest[first.len()..].split_inclusive('\n') {
        let indent = content.len() - content.trim_start_matches(' ').len();
        let solid = content[indent..].trim_end();
        let is_blank = solid.is_empty() || solid.starts_with('#');
        let closes = ["---", "..."].iter().any(|marker| {
            content.strip_prefix(marker).is_some_and(|rest| rest.trim_end().is_empty() || rest.starts_with([' ', '\t']))
        });
        let leaves = !is_blank && dash.is_some_and(|dash| indent <= dash);
        if closes || leaves {
            break;
        }
        end += content.len();
    }
    let mut object = rest[marker..end].to_owned();
    if let Some(dash) = dash {
        let at = first[marker..].len() - plain.len() + dash;
        object.replace_range(at..=at, " ");
    }
    let value: Value = serde_saphyr::from_str(&object).ok()?;
    let api_version = yaml_span(&object, margin).map(|span| begin + marker + span.start..begin + marker + span.end);
    Some(Placed { value, api_version: api_version.ok_or("its apiVersion does not stand on a line of its own") })
}

/// The bytes of the value of `apiVersion` among the lines at the margin.
fn yaml_span(object: &str, margin: usize) -> Option<Range<usize>> {
    let mut found = None;
    let mut at = 0;
    for content in object.split_inclusive('\n') {
        let line = content.trim_start_matches('\u{feff}');
        let start = at + content.len() - line.len();
        at += content.len();
        let is_margin = line.len() > margin && line.as_bytes()[..margin].iter().all(|byte| *byte == b' ');
        let Some(value) = line.get(margin..).filter(|_| is_margin).and_then(|line| line.strip_prefix("apiVersion:"))
        else {
            continue;
        };
        let value_start = start + margin + "apiVersion:".len();
        let word = value.trim_start_matches([' ', '\t']);
        let begin = value_start + value.len() - word.len();
        let word = word.trim_end();
        let word = word.find(" #").map_or(word, |comment| word[..comment].trim_end());
        let quoted = |quote: char| word.strip_prefix(quote).and_then(|word| word.strip_suffix(quote));
        let plain = quoted('"').or_else(|| quoted('\'')).unwrap_or(word);
        let is_word = plain.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'/' | b'-'));
        if plain.is_empty() || !is_word || found.is_some() {
            return None;
        }
        let begin = begin + (word.len() - plain.len()) / 2;
        found = Some(begin..begin + plain.len());
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sought<'a>(line: u32, api_version: &'a str, kind: &'a str, name: &'a str) -> Sought<'a> {
        Sought { line, api_version, kind, namespace: None, name: Some(name) }
    }

    fn span<'t>(text: &'t str, sought: Sought<'_>) -> Option<Result<&'t str, &'static str>> {
        find(text, sought).map(|placed| placed.api_version.map(|span| &text[span]))
    }

    #[test]
    fn api_versions_are_found_in_yaml() {
        let text = "# first\n---\nkind: A\nmetadata: {name: a}\napiVersion: 'x/v1' # old\n--- \napiVersion: v1\nkind: List\nitems:\n- apiVersion: y/v1\n  kind: B\n  metadata:\n    name: b\n    apiVersion: wrong\n-   kind: C\n    apiVersion: \"z/v1\"\n";
        assert_eq!(span(text, sought(3, "x/v1", "A", "a")), Some(Ok("x/v1")));
        assert_eq!(span(text, sought(10, "y/v1", "B", "b")), Some(Ok("y/v1")));
        assert_eq!(span(text, sought(15, "z/v1", "C", "")), Some(Ok("z/v1")));
        assert_eq!(find(text, sought(10, "y/v1", "B", "b")).unwrap().value["metadata"]["name"], "b");
        assert_eq!(span(text, sought(3, "x/v2", "A", "a")), None);
        let flow = "--- {apiVersion: x/v1, kind: A}\n";
        assert!(matches!(span(flow, sought(1, "x/v1", "A", "")), Some(Err(_))));
        let crlf = "apiVersion: x/v1\r\nkind: A\r\n";
        assert_eq!(span(crlf, sought(1, "x/v1", "A", "")), Some(Ok("x/v1")));
        let twice = "apiVersion: x/v1\nkind: A\nspec: |\n x\napiVersion: x/v1\n";
        assert!(!matches!(span(twice, sought(1, "x/v1", "A", "")), Some(Ok(_))));
    }

    #[test]
    fn api_versions_are_found_in_json() {
        let text = "{\"kind\": \"List\", \"items\": [\n {\"apiVersion\": \"x/v1\", \"kind\": \"A\", \"metadata\": {\"name\": \"a\"}}, {\"apiVersion\": \"x/v1\", \"kind\": \"A\", \"metadata\": {\"name\": \"b\"}}]}\n{\"kind\":\"B\",\"apiVersion\":\"y\\/v1\"}";
        let b = find(text, sought(2, "x/v1", "A", "b")).unwrap();
        assert_eq!(b.value["metadata"]["name"], "b");
        let at = b.api_version.unwrap();
        assert_eq!((&text[at.clone()], at.start > text.find("\"a\"").unwrap()), ("x/v1", true));
        assert!(matches!(span(text, sought(3, "y/v1", "B", "")), Some(Err(_))));
    }
}
