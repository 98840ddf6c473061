//! What is wrong with an object, in the words of manifests.
//!
//! The parsers speak of Rust's types (`invalid type: string "x", expected i64`). Whoever wrote a manifest is told the
//! field, what was expected there and what was found.

use super::{
    full_yaml::Rewritten,
    place::{json_offset, json_path, yaml_path},
};

/// What to do about a chart.
const TEMPLATE: &str = "; if this is the template of a chart, render it first (helm template)";

/// A mistake at a place relative to the beginning of its object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Problem {
    /// Lines behind the first one of the object.
    pub(crate) line: u64,
    /// The column, counted from 1.
    pub(crate) column: u64,
    /// What was expected, and what was found.
    pub(crate) message: String,
}

impl Problem {
    /// A mistake that concerns the object as a whole.
    pub(crate) fn whole(message: impl Into<String>) -> Self {
        Self { line: 0, column: 1, message: message.into() }
    }

    /// Why this text could not be read.
    pub(crate) fn of_json(text: &[u8], error: &serde_json::Error) -> Self {
        let (line, column) = (error.line(), error.column());
        // A type that does not fit has a field; brackets that do not fit have only a place.
        let path = if error.is_data() { json_path(text, json_offset(text, line, column)) } else { String::new() };
        let mut message = in_words(&without_place(error), None);
        if memchr::memmem::find(text, b"{{").is_some() {
            message.push_str(TEMPLATE);
        }
        Self { line: (line as u64).saturating_sub(1), column: column.max(1) as u64, message: at(&path, &message) }
    }

    /// Why this text, rewritten as JSON, is not what was expected.
    pub(super) fn of_rewritten(text: &str, rewritten: &Rewritten, error: &serde_json::Error) -> Self {
        let offset = error.column();
        let (line, column) = rewritten.place(offset);
        let message = without_place(error);
        let written = rest_of(text, line, column).unwrap_or_default();
        let written = scalar(&written);
        // What stands there is told as it is written, not as JSON has it.
        let mismatch = ["invalid type: ", "invalid value: "].into_iter().find_map(|kind| message.strip_prefix(kind));
        let message = match mismatch.and_then(|rest| rest.rsplit_once(", expected ")) {
            Some((_, expected)) if !written.is_empty() => {
                let range = integer_range(expected).filter(|_| message.starts_with("invalid value: "));
                format!("expected {}, found {}", range.as_deref().unwrap_or(type_in_words(expected)), shorten(written))
            }
            _ => in_words(&message, None),
        };
        let mut message = at(&json_path(&rewritten.json, offset), &message);
        if text.contains("{{") {
            message.push_str(TEMPLATE);
        }
        Self { line: line.saturating_sub(1), column, message }
    }

    /// That this text, rewritten as JSON, holds something else than an object.
    pub(super) fn no_object(text: &str, rewritten: &Rewritten) -> Self {
        let (line, column) = rewritten.place(0);
        let written = rest_of(text, line, column).unwrap_or_default();
        let message = format!("expected an object with fields, found {}", shorten(scalar(&written)));
        Self { line: line.saturating_sub(1), column, message }
    }

    /// Why this text could not be read.
    pub(crate) fn of_yaml(text: &str, error: &serde_saphyr::Error) -> Self {
        let (line, column) = error.location().map_or((1, 1), |location| (location.line(), location.column()));
        let mut message = error.without_snippet().to_string();
        // The place is given apart, and relative to the file.
        for place in [format!(" at line {line}, column {column}"), format!("line {line} column {column}: ")] {
            message = message.replace(&place, "");
        }
        let lines_before = usize::try_from(line.saturating_sub(1)).unwrap_or(usize::MAX);
        let here = text.lines().nth(lines_before);
        let translated = in_words(&message, rest_of(text, line, column).as_deref());
        // What is said in the words of manifests is about a field, the rest about the text itself.
        let is_about_a_field = translated != message;
        let path = if is_about_a_field { yaml_path(text, lines_before.saturating_add(1)) } else { String::new() };
        let mut message = at(&path, &translated);
        if text.contains("{{") {
            message.push_str(TEMPLATE);
        } else if here.is_some_and(|content| content.trim_start_matches(' ').starts_with('\t')) {
            message.push_str("; YAML is indented by spaces only, and here stands a tab");
        }
        Self { line: line.saturating_sub(1), column, message }
    }
}

/// What stands on a line of a text from a column on, both counted from 1.
fn rest_of(text: &str, line: u64, column: u64) -> Option<String> {
    let before = |counted: u64| usize::try_from(counted.saturating_sub(1)).unwrap_or(usize::MAX);
    Some(text.lines().nth(before(line))?.chars().skip(before(column)).collect())
}

/// The message, without the place that `serde_json` appends to it.
fn without_place(error: &serde_json::Error) -> String {
    let message = error.to_string();
    let place = format!(" at line {} column {}", error.line(), error.column());
    message.strip_suffix(&place).unwrap_or(&message).to_owned()
}

fn at(path: &str, message: &str) -> String {
    if path.is_empty() { message.to_owned() } else { format!("{path}: {message}") }
}

/// A parser's message, translated; `found` is the text at its place, where the message does not say what was found.
fn in_words(message: &str, found: Option<&str>) -> String {
    if let Some(rest) = message.strip_prefix("invalid type: ")
        && let Some((found, expected)) = rest.rsplit_once(", expected ")
    {
        return format!("expected {}, found {}", type_in_words(expected), found_in_words(found));
    }
    if let Some(rest) = message.strip_prefix("invalid value: ")
        && let Some((found, expected)) = rest.rsplit_once(", expected ")
    {
        let range = integer_range(expected).unwrap_or_else(|| type_in_words(expected).to_owned());
        return format!("expected {range}, found {}", found_in_words(found));
    }
    if let Some(expected) = message.strip_prefix("invalid ").filter(|kind| integer_range(kind).is_some()) {
        let found = found.map_or("", scalar);
        // A number that is none of this width is told its range, a text that it is no number.
        let is_number = found.trim_start_matches('-').bytes().all(|byte| byte.is_ascii_digit()) && !found.is_empty();
        let range = integer_range(expected).filter(|_| is_number);
        return format!("expected {}, found {}", range.as_deref().unwrap_or("a whole number"), shorten(found));
    }
    let plain = match message {
        "invalid boolean" | "invalid bool" => "expected true or false",
        "recursion limit exceeded" => "nested more than 128 levels deep, which no object of Kubernetes is",
        "number out of range" => "a number with more digits than any field of Kubernetes takes",
        "trailing characters" => "something stands behind the end of the object",
        "key must be a string" => "expected a key in quotes",
        "expected value" => "expected a value: a text in quotes, a number, true, false, null, [ or {",
        "expected ident" => "expected true, false or null",
        "trailing comma" => "a comma stands before the closing bracket",
        "invalid escape" => "a backslash in a text must be followed by one of \" \\ / b f n r t u",
        "invalid unicode code point" => "this is no UTF-8 text",
        _ => "",
    };
    if !plain.is_empty() {
        return match found.map(scalar).filter(|found| !found.is_empty() && message.starts_with("invalid bool")) {
            Some(found) => format!("{plain}, found {}", shorten(found)),
            None => plain.to_owned(),
        };
    }
    if message.starts_with("EOF while parsing") || message == "unexpected end of input" {
        return "the text ends in the middle of the object".to_owned();
    }
    if message.starts_with("control character") {
        return "a line break or another control character stands inside a text: write it as \\n".to_owned();
    }
    if let Some(field) = message.strip_prefix("duplicate field `").and_then(|rest| rest.strip_suffix('`')) {
        return format!("the field {field} stands twice in one object");
    }
    if let Some(breach) = message.strip_prefix("budget breached: ") {
        return format!("larger or deeper than any manifest ({breach})");
    }
    if let Some(expected) = message.strip_prefix("expected ") {
        let found = found.map(scalar).filter(|found| !found.is_empty());
        let expected = type_in_words(expected);
        return found.map_or_else(
            || format!("expected {expected}"),
            |found| format!("expected {expected}, found {}", shorten(found)),
        );
    }
    message.to_owned()
}

/// The value that begins here, on its line.
fn scalar(rest: &str) -> &str {
    let rest = rest.trim();
    rest.find(" #").map_or(rest, |comment| rest[..comment].trim_end())
}

/// What a type of the parsers is to the reader of a manifest.
fn type_in_words(expected: &str) -> &str {
    match expected {
        "a boolean" | "bool" | "boolean" => "true or false",
        "a string" | "string" | "str" | "string scalar" | "scalar" => "a text",
        "a map" | "a map of text to text" | "map" | "mapping" | "mapping start" => "an object with fields",
        "a sequence" | "sequence" | "sequence start" => "a list",
        "f32" | "f64" => "a number",
        "null" | "unit" => "nothing",
        _ if integer_range(expected).is_some() => "a whole number",
        _ if expected.starts_with("struct ") || expected.starts_with("tuple ") => "an object with fields",
        _ => expected,
    }
}

/// The numbers that an integer field takes.
fn integer_range(kind: &str) -> Option<String> {
    Some(match kind {
        "i32" => "a whole number from -2147483648 to 2147483647".to_owned(),
        "i8" | "i16" | "i64" | "i128" | "isize" => "a whole number".to_owned(),
        "u8" | "u16" | "u32" | "u64" | "u128" | "usize" => "a whole number, not negative".to_owned(),
        _ => return None,
    })
}

/// What was found, as serde names it.
fn found_in_words(found: &str) -> String {
    let quoted = |prefix: &str| found.strip_prefix(prefix).and_then(|rest| rest.strip_suffix('`'));
    if let Some(text) = found.strip_prefix("string ") {
        return format!("the text {}", shorten(text));
    }
    for kind in ["integer `", "floating point `"] {
        if let Some(number) = quoted(kind) {
            return format!("the number {}", shorten(number));
        }
    }
    if let Some(boolean) = quoted("boolean `") {
        return boolean.to_owned();
    }
    match found {
        "null" | "unit value" | "Option value" => "nothing (null)".to_owned(),
        "map" => "an object".to_owned(),
        "sequence" => "a list".to_owned(),
        other => shorten(other),
    }
}

/// Texts in manifests can be long, and may hold what is nobody's business.
fn shorten(text: &str) -> String {
    const MOST: usize = 40;
    if text.chars().count() <= MOST {
        return text.to_owned();
    }
    text.chars().take(MOST).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rust_types_are_not_named() {
        for (message, found, expected) in [
            ("invalid type: string \"x\", expected i64", None, "expected a whole number, found the text \"x\""),
            ("invalid type: map, expected a string", None, "expected a text, found an object"),
            (
                "invalid type: integer `5`, expected struct WirePod",
                None,
                "expected an object with fields, found the number 5",
            ),
            ("invalid type: null, expected a sequence", None, "expected a list, found nothing (null)"),
            (
                "invalid value: integer `5000000000`, expected i32",
                None,
                "expected a whole number from -2147483648 to 2147483647, found the number 5000000000",
            ),
            ("invalid i64", Some("many # of them"), "expected a whole number, found many"),
            ("recursion limit exceeded", None, "nested more than 128 levels deep, which no object of Kubernetes is"),
            ("duplicate field `image`", None, "the field image stands twice in one object"),
        ] {
            assert_eq!(in_words(message, found), expected);
        }
    }
}
