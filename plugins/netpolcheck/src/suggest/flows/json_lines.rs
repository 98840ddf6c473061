//! Records of JSON: one a line, several behind each other, or in one list.

use serde_json::Value;

use super::{Flows, Place};

/// Among so many lines one shows whether there is a record a line.
const FIRST_LINES: usize = 50;

/// Gives each record with its place. What is no JSON is kept with its place.
pub(super) fn each(file: &str, text: &str, flows: &mut Flows, mut give: impl FnMut(Value, Place, &mut Flows)) {
    // One a line is what all these programs write; a line that is broken then costs itself and nothing more.
    let is_record = |line: &str| line.starts_with('{') && serde_json::from_str::<Value>(line).is_ok();
    if text.lines().take(FIRST_LINES).any(is_record) || !text.trim_start().starts_with(['{', '[']) {
        for (number, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
            let at = |column| Place { file: file.to_owned(), line: number + 1, column };
            match serde_json::from_str::<Value>(line) {
                Ok(value) if value.is_object() => give(value, at(1), flows),
                Ok(_) => flows.wrong(at(1), "expected an object of JSON"),
                Err(error) => flows.wrong(at(error.column().max(1)), format!("no JSON: {}", told(&error))),
            }
        }
        return;
    }
    let mut stream = serde_json::Deserializer::from_str(text).into_iter::<Value>();
    loop {
        let begin = place_of(file, text, stream.byte_offset());
        match stream.next() {
            None => return,
            Some(Ok(value)) => flatten(value, &begin, flows, &mut give),
            Some(Err(error)) => {
                let at = Place { file: file.to_owned(), line: error.line().max(1), column: error.column().max(1) };
                flows.wrong(at, format!("no JSON: {}; nothing behind it was read", told(&error)));
                return;
            }
        }
    }
}

/// Lists, and what search engines and Whisker wrap records in.
fn flatten(value: Value, place: &Place, flows: &mut Flows, give: &mut impl FnMut(Value, Place, &mut Flows)) {
    match value {
        Value::Array(list) => list.into_iter().for_each(|value| flatten(value, place, flows, give)),
        Value::Object(mut object) if object.get("items").is_some_and(Value::is_array) => {
            flatten(object.remove("items").unwrap_or_default(), place, flows, give);
        }
        Value::Object(object) => give(Value::Object(object), place.clone(), flows),
        _ => flows.wrong(place.clone(), "expected an object of JSON"),
    }
}

/// The message without the place that serde puts behind it.
fn told(error: &serde_json::Error) -> String {
    let text = error.to_string();
    text.rsplit_once(" at line ").map_or_else(|| text.clone(), |(told, _)| told.to_owned())
}

fn place_of(file: &str, text: &str, offset: usize) -> Place {
    let before = text.get(..offset).unwrap_or(text);
    let skipped = text.get(offset..).unwrap_or_default();
    let blank = skipped.len() - skipped.trim_start().len();
    let before = text.get(..offset + blank).unwrap_or(before);
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    Place { file: file.to_owned(), line, column }
}
