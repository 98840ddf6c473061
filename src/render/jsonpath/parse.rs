//! From text to a template. The words of the errors are kubectl's.

use serde_json::Value;

use super::{Part, Slice, Step, Test, compare::Operator, unquote::unquote};

/// Reads a whole template.
pub(super) fn template(text: &str) -> Result<Vec<Part>, String> {
    // The parts of each open range, with the steps that it goes over.
    let mut open: Vec<(Vec<Step>, Vec<Part>)> = Vec::new();
    let mut parts = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let (before, action) = rest.split_once('{').map_or((rest, None), |(before, action)| (before, Some(action)));
        if !before.is_empty() {
            parts.push(Part::Text(before.to_owned()));
        }
        let Some(action) = action else { break };
        let mut reader = Reader::new(action);
        let read = reader.action(true)?;
        rest = &action[reader.position..];
        match read.keyword {
            None => parts.push(Part::Show(read.steps)),
            Some(Keyword::Range) => open.push((read.steps, std::mem::take(&mut parts))),
            Some(Keyword::End) => {
                if let Some((steps, outer)) = open.pop() {
                    let body = std::mem::replace(&mut parts, outer);
                    parts.push(Part::Range(steps, body));
                } else {
                    parts.push(Part::Show(vec![Step::Fails("not in range, nothing to end".to_owned())]));
                }
            }
        }
    }
    // A range that nobody ends goes to the end of the template.
    while let Some((steps, outer)) = open.pop() {
        let body = std::mem::replace(&mut parts, outer);
        parts.push(Part::Range(steps, body));
    }
    Ok(parts)
}

/// Reads an expression without braces.
fn expression(text: &str) -> Result<Vec<Step>, String> {
    Reader::new(text).action(false).map(|action| action.steps)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Keyword {
    Range,
    End,
}

/// What stands between two braces.
#[derive(Default)]
struct Action {
    steps: Vec<Step>,
    keyword: Option<Keyword>,
}

struct Reader<'a> {
    text: &'a str,
    position: usize,
}

impl<'a> Reader<'a> {
    const fn new(text: &'a str) -> Self {
        Self { text, position: 0 }
    }

    fn rest(&self) -> &'a str {
        &self.text[self.position..]
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn next(&mut self) -> Option<char> {
        let character = self.peek()?;
        self.position += character.len_utf8();
        Some(character)
    }

    /// The text up to the first character that `ends` says yes to.
    fn take_until(&mut self, ends: impl Fn(char) -> bool) -> &'a str {
        let rest = self.rest();
        let length = rest.find(ends).unwrap_or(rest.len());
        self.position += length;
        &rest[..length]
    }

    /// Reads steps up to the closing brace, which is there only in a template.
    fn action(&mut self, braced: bool) -> Result<Action, String> {
        let mut action = Action::default();
        loop {
            let rest = self.rest();
            if let Some(after) = rest.strip_prefix("[?(") {
                self.position = self.text.len() - after.len();
                action.steps.push(self.filter()?);
                continue;
            }
            if let Some(after) = rest.strip_prefix("..") {
                if action.steps.last() == Some(&Step::Recursive) {
                    return Err("invalid multiple recursive descent".to_owned());
                }
                self.position = self.text.len() - after.len();
                action.steps.push(Step::Recursive);
                if self.peek().is_some_and(is_word) {
                    action.steps.push(self.field());
                }
                continue;
            }
            match self.next() {
                Some('}') => {
                    // Within brackets a brace ends the expression before its time.
                    return if braced { Ok(action) } else { Err("unclosed action".to_owned()) };
                }
                None if !braced => return Ok(action),
                None | Some('\r' | '\n') => return Err("unclosed action".to_owned()),
                Some(' ' | '@' | '$') => {}
                Some('[') => action.steps.extend(self.brackets()?),
                Some(quote @ ('"' | '\'')) => action.steps.push(self.quoted(quote)?),
                Some('.') => {
                    let field = self.field();
                    action.steps.push(field);
                }
                Some(sign) if sign == '+' || sign == '-' || sign.is_numeric() => {
                    self.position -= sign.len_utf8();
                    action.steps.push(self.number()?);
                }
                Some(letter) if is_word(letter) => {
                    self.position -= letter.len_utf8();
                    self.word(&mut action);
                }
                Some(other) => {
                    return Err(format!("unrecognized character in action: U+{:04X} '{other}'", u32::from(other)));
                }
            }
        }
    }

    fn word(&mut self, action: &mut Action) {
        match self.take_until(is_terminator) {
            "range" => action.keyword = Some(Keyword::Range),
            "end" => action.keyword = Some(Keyword::End),
            "true" => action.steps.push(Step::Literal(Value::Bool(true))),
            "false" => action.steps.push(Step::Literal(Value::Bool(false))),
            other => action.steps.push(Step::Fails(format!("unrecognized identifier {other}"))),
        }
    }

    fn number(&mut self) -> Result<Step, String> {
        let start = self.position;
        if matches!(self.peek(), Some('+' | '-')) {
            self.position += 1;
        }
        self.take_until(|character| character != '.' && !character.is_numeric());
        let text = &self.text[start..self.position];
        let whole = text.parse::<i64>().ok().map(Value::from);
        let number = whole.or_else(|| serde_json::Number::from_f64(text.parse().ok()?).map(Value::Number));
        number.map(Step::Literal).ok_or_else(|| format!("cannot parse number {text}"))
    }

    /// A field's name up to the next separator; a backslash takes the meaning from the character behind it.
    fn field(&mut self) -> Step {
        let mut name = String::new();
        while let Some(character) = self.peek() {
            if character == '\\' {
                self.position += 1;
                name.extend(self.next().filter(|&escaped| escaped != '\\'));
            } else if is_terminator(character) {
                break;
            } else {
                self.position += character.len_utf8();
                name.push(character);
            }
        }
        if name == "*" { Step::Wildcard } else { Step::Field(name) }
    }

    fn quoted(&mut self, quote: char) -> Result<Step, String> {
        let start = self.position - 1;
        loop {
            match self.next() {
                None | Some('\n') => return Err("unterminated quoted string".to_owned()),
                // As in kubectl, a backslash before the quote keeps it from closing, even one that is itself escaped.
                Some(end) if end == quote && !self.text[..self.position - 1].ends_with('\\') => break,
                Some(_) => {}
            }
        }
        let quoted = &self.text[start..self.position];
        let text = unquote(quoted).ok_or_else(|| format!("unquote string {quoted} error invalid syntax"))?;
        Ok(Step::Literal(Value::String(text)))
    }

    /// What stands in brackets, which have been opened: positions, a quoted field, or several of them.
    fn brackets(&mut self) -> Result<Vec<Step>, String> {
        let text = self.take_until(|character| character == ']' || character == '\n');
        if self.next() != Some(']') {
            return Err("unterminated array".to_owned());
        }
        bracketed(text)
    }

    /// A filter, whose opening has been read.
    fn filter(&mut self) -> Result<Step, String> {
        let start = self.position;
        // One quoted text may stand in a filter, and parentheses in it do not end it.
        let (mut quote, mut closed) = (None, false);
        loop {
            match self.next() {
                None | Some('\n') => return Err("unterminated filter".to_owned()),
                Some(character @ ('"' | '\'')) => match quote {
                    None => quote = Some(character),
                    Some(open) => {
                        closed |= character == open && !self.text[..self.position - 1].ends_with('\\');
                    }
                },
                Some(')') if quote.is_some() == closed => break,
                Some(_) => {}
            }
        }
        let text = &self.text[start..self.position - 1];
        if self.next() != Some(']') {
            return Err("unclosed array expect ]".to_owned());
        }
        let is_sign = |character| matches!(character, '!' | '<' | '>' | '=');
        let Some((left, signs)) = text.find(is_sign).filter(|&at| at > 0).map(|at| text.split_at(at)) else {
            return Ok(Step::Filter(expression(text)?, Test::Exists));
        };
        let mut length = signs.find(|character| !is_sign(character)).unwrap_or(signs.len());
        if length == signs.len() {
            // Signs alone: the last of them has to be the other side.
            length -= 1;
        }
        let (operator, right) = signs.split_at(length);
        if operator.is_empty() {
            return Ok(Step::Filter(expression(text)?, Test::Exists));
        }
        Ok(Step::Filter(expression(left)?, Test::Compare(Operator::from(operator), expression(right)?)))
    }
}

fn bracketed(text: &str) -> Result<Vec<Step>, String> {
    let text = if text == "*" { ":" } else { text };
    if text.contains(',') {
        let paths = text.split(',').map(|path| bracketed(path.trim_matches(' '))).collect::<Result<_, _>>()?;
        return Ok(vec![Step::Union(paths)]);
    }
    let key = text.strip_prefix('\'').and_then(|text| text.strip_suffix('\'')).filter(|key| !key.contains('\''));
    if let Some(key) = key {
        return expression(&format!(".{key}"));
    }
    let well_formed = |part: &str| part.strip_prefix('-').unwrap_or(part).bytes().all(|byte| byte.is_ascii_digit());
    let parts: Vec<&str> = text.split(':').collect();
    if parts.len() > 3 || !parts.iter().all(|part| well_formed(part)) {
        return Err(format!("invalid array index {text}"));
    }
    let position = |index: usize| -> Result<Option<i64>, String> {
        match parts.get(index) {
            None | Some(&"") => Ok(None),
            Some(part) => part.parse().map(Some).map_err(|_| format!("array index {part} is not a number")),
        }
    };
    let slice = if parts.len() == 1 {
        Slice::One(position(0)?.unwrap_or(0))
    } else {
        Slice::Some { start: position(0)?, end: position(1)?, step: position(2)? }
    };
    Ok(vec![Step::Slice(slice)])
}

/// Whether a name ends before this character.
const fn is_terminator(character: char) -> bool {
    matches!(character, ' ' | '\t' | '\r' | '\n' | '.' | ',' | '[' | ']' | '$' | '@' | '{' | '}')
}

/// Whether a word may begin with this character.
fn is_word(character: char) -> bool {
    character == '_' || character.is_alphanumeric()
}
