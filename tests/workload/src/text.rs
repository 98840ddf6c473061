//! Writing objects: as kubectl prints them, or as an API server sends them.

use serde::Serialize as _;
use serde_json::Value;

/// How an object is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// As an API server sends it: no spaces.
    Wire,
    /// As an item of what `kubectl get -o json` prints: four spaces, two levels in.
    Json,
    /// As an item of what `kubectl get -o yaml` prints.
    Yaml,
}

/// A place in a template that each object fills in its own way. The characters stand in no text of Kubernetes.
pub const HOLES: char = '\u{E000}';

/// The text that stands for hole number `number`, to be put into any string of a value.
#[must_use]
pub fn hole(number: u32) -> String {
    char::from_u32(HOLES as u32 + number).unwrap_or(HOLES).to_string()
}

/// A written object with holes.
#[derive(Clone, Debug)]
pub struct Template {
    /// Text, and the hole that follows it.
    parts: Vec<(String, u32)>,
    rest: String,
}

impl Template {
    /// Writes the value once.
    #[must_use]
    pub fn new(value: &Value, form: Form) -> Self {
        let mut text = String::new();
        write(value, form, &mut text);
        let mut parts = Vec::new();
        let mut begin = 0;
        for (index, character) in text.char_indices() {
            if ('\u{E000}'..='\u{E0FF}').contains(&character) {
                parts.push((text[begin..index].to_owned(), character as u32 - HOLES as u32));
                begin = index + character.len_utf8();
            }
        }
        Self { parts, rest: text[begin..].to_owned() }
    }

    /// Writes one object: `fills[n]` into hole `n`.
    pub fn fill(&self, fills: &[String], out: &mut String) {
        for (text, hole) in &self.parts {
            out.push_str(text);
            out.push_str(fills.get(*hole as usize).map_or("", String::as_str));
        }
        out.push_str(&self.rest);
    }
}

/// Writes a value in this form.
pub fn write(value: &Value, form: Form, out: &mut String) {
    match form {
        Form::Wire => out.push_str(&value.to_string()),
        Form::Json => {
            let mut bytes = Vec::new();
            let formatter = serde_json::ser::PrettyFormatter::with_indent(b"    ");
            let mut serializer = serde_json::Serializer::with_formatter(&mut bytes, formatter);
            // A value in memory always has a form in JSON.
            let _ = value.serialize(&mut serializer);
            let text = String::from_utf8_lossy(&bytes);
            for (index, line) in text.split('\n').enumerate() {
                out.push_str(if index == 0 { "        " } else { "\n        " });
                out.push_str(line);
            }
        }
        Form::Yaml => yaml(value, 0, false, out),
    }
}

/// Writes YAML as kubectl does: lists as far left as the key above them.
fn yaml(value: &Value, indent: usize, behind_dash: bool, out: &mut String) {
    match value {
        Value::Object(fields) if !fields.is_empty() => {
            for (index, (key, value)) in fields.iter().enumerate() {
                if index > 0 || !behind_dash {
                    out.extend(std::iter::repeat_n(' ', indent));
                }
                scalar(key, indent, out);
                out.push(':');
                match value {
                    Value::Object(inner) if !inner.is_empty() => {
                        out.push('\n');
                        yaml(value, indent + 2, false, out);
                    }
                    Value::Array(inner) if !inner.is_empty() => {
                        out.push('\n');
                        yaml(value, indent, false, out);
                    }
                    _ => {
                        out.push(' ');
                        yaml(value, indent, false, out);
                    }
                }
            }
        }
        Value::Array(items) if !items.is_empty() => {
            for item in items {
                out.extend(std::iter::repeat_n(' ', indent));
                out.push_str("- ");
                yaml(item, indent + 2, true, out);
            }
        }
        Value::String(text) => {
            scalar(text, indent, out);
            out.push('\n');
        }
        Value::Object(_) => out.push_str("{}\n"),
        Value::Array(_) => out.push_str("[]\n"),
        other => {
            out.push_str(&other.to_string());
            out.push('\n');
        }
    }
}

/// Writes a text plain where it reads back as the same text, else in quotes or as a block.
fn scalar(text: &str, indent: usize, out: &mut String) {
    if text.contains('\n') && !text.starts_with([' ', '\n']) && !text.contains(['\t', '\r']) {
        out.push_str(if text.ends_with('\n') { "|" } else { "|-" });
        for line in text.strip_suffix('\n').unwrap_or(text).split('\n') {
            out.push('\n');
            if !line.is_empty() {
                out.extend(std::iter::repeat_n(' ', indent + 2));
                out.push_str(line);
            }
        }
        return;
    }
    let number_like = text.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '+' | '-' | '.'))
        && text.chars().all(|c| c.is_ascii_digit() || matches!(c, '+' | '-' | '.' | '_' | ':' | 'e' | 'E' | 'T' | 'Z'));
    let word = matches!(
        text.to_ascii_lowercase().as_str(),
        "true" | "false" | "yes" | "no" | "on" | "off" | "y" | "n" | "null" | "~"
    );
    let special = text.is_empty()
        || text.starts_with(|c: char| "!&*?|>@`\"'%{}[],#-: ".contains(c))
        || text.contains(": ")
        || text.contains(" #")
        || text.ends_with([':', ' '])
        || text.contains(|c: char| c.is_control() || c == '\\');
    if number_like || word || special {
        out.push_str(&Value::from(text).to_string());
    } else {
        out.push_str(text);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn yaml_reads_back_as_the_same_value() {
        let value = json!({"a": {"b": [1, "1", "yes", "", "x: y", {"c": null, "d": []}], "e": {}}, "f": "1.5",
            "g": "a\nb\n", "t": "2026-01-01T00:00:00Z", "h": ["-c", "- x", "#y", "[z"], "i": true, "10": "10.1.2.3"});
        let mut text = String::new();
        write(&value, Form::Yaml, &mut text);
        let read: Value = serde_saphyr::from_str(&text).unwrap_or_else(|error| panic!("{error}\n{text}"));
        assert_eq!(read, value, "{text}");
    }

    #[test]
    fn holes_are_filled_in_order() {
        let template = Template::new(&json!({"a": format!("x-{}", hole(1)), "b": hole(0)}), Form::Wire);
        let mut text = String::new();
        template.fill(&["zero".to_owned(), "one".to_owned()], &mut text);
        assert_eq!(text, r#"{"a":"x-one","b":"zero"}"#);
    }
}
