//! From a template and data to text.

use std::borrow::Cow;

use serde_json::{Number, Value};

use super::{Part, Slice, Step, Test, compare::holds};

/// A value on the way: part of the data, or a literal of the template.
type Current<'a> = Cow<'a, Value>;

/// What the parts write for the data.
pub(super) fn parts(parts: &[Part], data: &Value) -> Result<String, String> {
    let mut text = String::new();
    write(parts, data, &mut text)?;
    Ok(text)
}

fn write(parts: &[Part], current: &Value, text: &mut String) -> Result<(), String> {
    for part in parts {
        match part {
            Part::Text(literal) => text.push_str(literal),
            Part::Show(steps) => {
                let selected = walk(vec![Cow::Borrowed(current)], steps)?;
                let shown: Vec<String> = selected.iter().map(|value| show(value)).collect();
                text.push_str(&shown.join(" "));
            }
            Part::Range(steps, body) => {
                let selected = walk(vec![Cow::Borrowed(current)], steps)?;
                if selected.is_empty() {
                    // What is wrong with the body is told even if it is never written.
                    write(body, &Value::Null, &mut String::new())?;
                }
                for value in &selected {
                    write(body, value, text)?;
                }
            }
        }
    }
    Ok(())
}

fn walk<'a>(values: Vec<Current<'a>>, steps: &[Step]) -> Result<Vec<Current<'a>>, String> {
    steps.iter().try_fold(values, step)
}

fn step<'a>(values: Vec<Current<'a>>, step: &Step) -> Result<Vec<Current<'a>>, String> {
    match step {
        Step::Literal(Value::String(literal)) => Ok(vec![Cow::Owned(Value::String(literal.clone()))]),
        // Numbers and words stand for themselves once for each value, text once: kubectl's way.
        Step::Literal(literal) => Ok(values.iter().map(|_| Cow::Owned(literal.clone())).collect()),
        Step::Field(name) => Ok(values.into_iter().filter_map(|value| field(value, name)).collect()),
        Step::Wildcard => Ok(values.into_iter().flat_map(children).collect()),
        Step::Recursive => Ok(values.into_iter().flat_map(descendants).collect()),
        Step::Slice(slice) => sliced(values, *slice),
        Step::Union(paths) => {
            let mut all = Vec::new();
            for path in paths {
                all.extend(walk(values.clone(), path)?);
            }
            Ok(all)
        }
        Step::Filter(left, test) => {
            let mut kept = Vec::new();
            for value in values {
                let Value::Array(_) = *value else {
                    return Err(format!("{} is not array or slice and cannot be filtered", type_name(&value)));
                };
                for element in children(value) {
                    if passes(&element, left, test)? {
                        kept.push(element);
                    }
                }
            }
            Ok(kept)
        }
        Step::Fails(why) => Err(why.clone()),
    }
}

fn field<'a>(value: Current<'a>, name: &str) -> Option<Current<'a>> {
    match value {
        Cow::Borrowed(Value::Object(fields)) => fields.get(name).map(Cow::Borrowed),
        Cow::Owned(Value::Object(mut fields)) => fields.remove(name).map(Cow::Owned),
        _ => None,
    }
}

fn children(value: Current<'_>) -> Vec<Current<'_>> {
    match value {
        Cow::Borrowed(Value::Object(fields)) => fields.values().map(Cow::Borrowed).collect(),
        Cow::Borrowed(Value::Array(elements)) => elements.iter().map(Cow::Borrowed).collect(),
        Cow::Owned(Value::Object(fields)) => fields.into_iter().map(|(_, value)| Cow::Owned(value)).collect(),
        Cow::Owned(Value::Array(elements)) => elements.into_iter().map(Cow::Owned).collect(),
        _ => Vec::new(),
    }
}

/// The value and all below it, but none that is empty, a number or a truth value.
fn descendants(value: Current<'_>) -> Vec<Current<'_>> {
    if let Value::String(text) = &*value {
        return if text.is_empty() { Vec::new() } else { vec![value] };
    }
    let below = children(value.clone());
    if below.is_empty() {
        return Vec::new();
    }
    let mut all = vec![value];
    all.extend(below.into_iter().flat_map(descendants));
    all
}

fn sliced(values: Vec<Current<'_>>, slice: Slice) -> Result<Vec<Current<'_>>, String> {
    let mut taken = Vec::new();
    for value in values {
        let length = match &*value {
            Value::Null => continue,
            Value::Array(elements) => i64::try_from(elements.len()).unwrap_or(i64::MAX),
            other => return Err(format!("{} is not array or slice", type_name(other))),
        };
        let from_end = |position: i64| if position < 0 { position + length } else { position };
        let (start, end, step) = match slice {
            Slice::One(position) => (from_end(position), from_end(position) + 1, None),
            Slice::Some { start, end, step } => (from_end(start.unwrap_or(0)), end.map_or(length, from_end), step),
        };
        if start == end {
            return Ok(taken);
        }
        for position in [start, end - 1] {
            if !(0..length).contains(&position) {
                return Err(format!("array index out of bounds: index {position}, length {length}"));
            }
        }
        if start > end {
            return Err(format!("starting index {start} is greater than ending index {end}"));
        }
        let step = usize::try_from(step.unwrap_or(1)).ok().filter(|&step| step > 0).ok_or("step must be > 0")?;
        // Both are within the list.
        let (skip, take) = (usize::try_from(start).unwrap_or(0), usize::try_from(end - start).unwrap_or(0));
        taken.extend(children(value).into_iter().skip(skip).take(take).step_by(step));
    }
    Ok(taken)
}

fn passes(element: &Value, left: &[Step], test: &Test) -> Result<bool, String> {
    let here = || vec![Cow::Borrowed(element)];
    match test {
        // What cannot be looked up is not there.
        Test::Exists => Ok(walk(here(), left).is_ok_and(|found| !found.is_empty())),
        Test::Compare(operator, right) => {
            let left = walk(here(), left)?;
            let Some(left) = single(&left)? else { return Ok(false) };
            let right = walk(here(), right)?;
            let Some(right) = single(&right)? else { return Ok(false) };
            holds(left, operator, right)
        }
    }
}

fn single<'v>(values: &'v [Current<'_>]) -> Result<Option<&'v Value>, String> {
    match values {
        [] => Ok(None),
        [value] => Ok(Some(value)),
        _ => Err("can only compare one element at a time".to_owned()),
    }
}

/// The type's name in messages.
const fn type_name(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "bool",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "list",
        Value::Object(_) => "object",
    }
}

/// The text of a value: strings as they are, objects and lists as JSON.
fn show(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Number(number) => show_number(number),
        other => other.to_string(),
    }
}

/// Numbers as Go prints them: an exponent only from 1e21 on and below 1e-4, with at least two digits.
fn show_number(number: &Number) -> String {
    let Some(float) = number.as_f64().filter(|_| number.is_f64()) else { return number.to_string() };
    if float == 0.0 || (1e-4..1e21).contains(&float.abs()) {
        return float.to_string();
    }
    let text = format!("{float:e}");
    match text.split_once('e') {
        Some((mantissa, exponent)) => {
            let (sign, digits) = exponent.strip_prefix('-').map_or(('+', exponent), |digits| ('-', digits));
            format!("{mantissa}e{sign}{digits:0>2}")
        }
        None => text,
    }
}
