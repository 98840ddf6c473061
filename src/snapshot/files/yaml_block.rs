//! The YAML that nearly all manifests are written in, rewritten as JSON.
//!
//! Blocks of keys and of dashes, plain and quoted scalars on one line, literal texts (`|`) and lists and maps in
//! brackets on one line: what `kubectl get -o yaml`, Helm and people write. Reading that needs no more than its
//! indentation, and as JSON it is read ten times as fast as by a parser of the whole language. Whatever else stands in
//! a text (anchors, tags, folded texts, scalars over several lines, tabs, numbers in other notations, or a mistake)
//! makes [`to_json`] decline it: then the full parser reads it, and says what is wrong with it and where.
//!
//! The rule that keeps this right: what is accepted must mean the same to the full parser. `tests` holds both beside
//! each other.

use memchr::{memchr, memchr2};

/// Deeper nesting is left to the full parser, which has a limit of its own.
const DEEPEST: usize = 60;

/// The text of one document or item as JSON; `None` where it holds anything unusual.
pub(super) fn to_json(text: &str) -> Option<Vec<u8>> {
    let bytes = text.as_bytes();
    // Carriage returns and tabs have rules of their own, and other control characters none.
    if bytes.iter().any(|byte| *byte < b' ' && *byte != b'\n') || text.contains('\u{feff}') {
        return None;
    }
    let mut reader = Reader { text: bytes, next: 0, out: Vec::with_capacity(bytes.len() + bytes.len() / 8) };
    let first = reader.peek()?;
    reader.node(first, 0)?;
    reader.peek().is_none().then_some(reader.out)
}

/// A line that holds something: where its text begins and ends, and how far it is indented.
#[derive(Clone, Copy)]
struct Line {
    indent: usize,
    start: usize,
    end: usize,
}

struct Reader<'t> {
    text: &'t [u8],
    /// Where the next line that was not read begins.
    next: usize,
    out: Vec<u8>,
}

impl<'t> Reader<'t> {
    /// The next line that is neither blank nor a comment.
    fn peek(&mut self) -> Option<Line> {
        while self.next < self.text.len() {
            let rest = &self.text[self.next..];
            let length = memchr(b'\n', rest).unwrap_or(rest.len());
            let indent = rest[..length].iter().take_while(|byte| **byte == b' ').count();
            if indent < length && rest[indent] != b'#' {
                return Some(Line { indent, start: self.next + indent, end: self.next + length });
            }
            self.next += length + 1;
        }
        None
    }

    fn leave(&mut self, line: Line) {
        self.next = line.end + 1;
    }

    fn is_item(&self, line: Line) -> bool {
        self.text[line.start] == b'-' && (line.start + 1 == line.end || self.text[line.start + 1] == b' ')
    }

    /// The block that begins on this line.
    fn node(&mut self, line: Line, depth: usize) -> Option<()> {
        if depth > DEEPEST {
            return None;
        }
        if self.is_item(line) { self.sequence(line.indent, depth) } else { self.mapping(line, depth) }
    }

    /// A map whose first key stands on this line, which may begin behind a dash.
    fn mapping(&mut self, first: Line, depth: usize) -> Option<()> {
        let indent = first.indent;
        let mut line = first;
        let mut is_first = true;
        self.out.push(b'{');
        loop {
            if !is_first {
                self.out.push(b',');
            }
            is_first = false;
            let (key, behind) = key(&self.text[line.start..line.end])?;
            self.leave(line);
            write_key(&mut self.out, key)?;
            self.out.push(b':');
            self.value(Line { start: line.start + behind, ..line }, indent, true, depth)?;
            match self.peek() {
                Some(next) if next.indent == indent && !self.is_item(next) => line = next,
                // Further right, it would continue a scalar; a dash as far left would be an item of nothing.
                Some(next) if next.indent >= indent => return None,
                _ => break,
            }
        }
        self.out.push(b'}');
        Some(())
    }

    fn sequence(&mut self, indent: usize, depth: usize) -> Option<()> {
        let mut is_first = true;
        self.out.push(b'[');
        while let Some(line) = self.peek() {
            if line.indent < indent || (line.indent == indent && !self.is_item(line)) {
                break;
            }
            if line.indent > indent {
                return None;
            }
            if !is_first {
                self.out.push(b',');
            }
            is_first = false;
            let content = &self.text[line.start + 1..line.end];
            let spaces = content.iter().take_while(|byte| **byte == b' ').count();
            let inner = Line { indent: indent + 1 + spaces, start: line.start + 1 + spaces, end: line.end };
            if inner.start < inner.end && self.text[inner.start] != b'#' && self.is_item(inner) {
                return None;
            }
            if inner.start < inner.end && key(&self.text[inner.start..inner.end]).is_some() {
                if depth + 1 > DEEPEST {
                    return None;
                }
                self.mapping(inner, depth + 1)?;
            } else {
                self.leave(line);
                self.value(inner, indent, false, depth)?;
            }
        }
        self.out.push(b']');
        Some(())
    }

    /// What stands behind a key or a dash; `rest` is what is left of its line, and `indent` is that of the key or the
    /// dash.
    fn value(&mut self, rest: Line, indent: usize, is_of_key: bool, depth: usize) -> Option<()> {
        let text = self.text;
        let content = trim_start(&text[rest.start..rest.end]);
        match content.first() {
            None => self.below(indent, is_of_key, depth),
            // A comment needs a space before it, which `key` and the dash have seen to.
            Some(b'#') => self.below(indent, is_of_key, depth),
            Some(b'|') => self.literal(content, indent),
            Some(_) => {
                let behind = inline(content, &mut self.out, false, depth)?;
                is_end(&content[behind..]).then_some(())?;
                // A line further right would belong to this scalar.
                self.peek().is_none_or(|next| next.indent <= indent).then_some(())
            }
        }
    }

    /// The block below a key or a dash that has nothing on its own line.
    fn below(&mut self, indent: usize, is_of_key: bool, depth: usize) -> Option<()> {
        match self.peek() {
            Some(next) if next.indent > indent => {
                // A scalar on a line of its own has no key.
                let is_block = self.is_item(next) || key(&self.text[next.start..next.end]).is_some();
                is_block.then_some(())?;
                self.node(next, depth + 1)
            }
            // A list may stand as far left as its key.
            Some(next) if is_of_key && next.indent == indent && self.is_item(next) => self.node(next, depth + 1),
            _ => {
                self.out.extend_from_slice(b"null");
                Some(())
            }
        }
    }

    /// A literal text: its lines as they stand, without their common indentation.
    fn literal(&mut self, header: &[u8], parent: usize) -> Option<()> {
        let header = header.trim_ascii_end();
        if !matches!(header, b"|" | b"|-" | b"|+") {
            return None;
        }
        let mut indent = None;
        let mut breaks = 0;
        let mut is_empty = true;
        self.out.push(b'"');
        while self.next < self.text.len() {
            let rest = &self.text[self.next..];
            let length = memchr(b'\n', rest).unwrap_or(rest.len());
            let line = &rest[..length];
            let spaces = line.iter().take_while(|byte| **byte == b' ').count();
            if spaces == length {
                // Spaces beyond the indentation are part of the text, and before its first line they may be a mistake.
                if indent.map_or(spaces > 0, |indent| spaces > indent) {
                    return None;
                }
                breaks += 1;
                self.next += length + 1;
                continue;
            }
            if spaces <= parent {
                break;
            }
            let indent = *indent.get_or_insert(spaces);
            if spaces < indent {
                // A comment in between, or a mistake.
                return None;
            }
            for _ in 0..breaks {
                self.out.extend_from_slice(b"\\n");
            }
            escape(&mut self.out, &line[indent..]);
            is_empty = false;
            // The last line of a text that ends without a line break has none.
            if self.next + length == self.text.len() {
                breaks = 0;
                self.next = self.text.len();
                if header != b"|-" {
                    return None;
                }
            } else {
                breaks = 1;
                self.next += length + 1;
            }
        }
        match header {
            _ if is_empty => return None,
            b"|-" => {}
            b"|" => self.out.extend_from_slice(b"\\n"),
            _ => (0..breaks).for_each(|_| self.out.extend_from_slice(b"\\n")),
        }
        self.out.push(b'"');
        Some(())
    }
}

/// The key that a line begins with, as it is written, and where its value begins.
fn key(line: &[u8]) -> Option<(&[u8], usize)> {
    // At the margin these begin and end documents.
    if (line.starts_with(b"---") || line.starts_with(b"...")) && line.get(3).is_none_or(|next| *next == b' ') {
        return None;
    }
    let colon = match line.first()? {
        quote @ (b'"' | b'\'') => {
            let end = quoted_end(line, *quote)?;
            (line.get(end) == Some(&b':')).then_some(end)?
        }
        // None of these begins a plain scalar.
        b'{' | b'[' | b'&' | b'*' | b'!' | b'|' | b'>' | b'%' | b'@' | b'`' | b'#' | b',' | b'?' | b']' | b'}'
        | b':' => {
            return None;
        }
        b'-' if line.len() == 1 || line[1] == b' ' => return None,
        _ => {
            let mut from = 0;
            loop {
                let at = from + memchr2(b':', b'#', &line[from..])?;
                let ends = line.get(at + 1).is_none_or(|next| *next == b' ');
                match line[at] {
                    b':' if ends => break at,
                    // A comment, so that no key comes any more.
                    b'#' if line[at - 1] == b' ' => return None,
                    _ => from = at + 1,
                }
            }
        }
    };
    if line.get(colon + 1).is_some_and(|next| *next != b' ') {
        return None;
    }
    Some((&line[..colon], colon + 1))
}

fn write_key(out: &mut Vec<u8>, key: &[u8]) -> Option<()> {
    match key[0] {
        quote @ (b'"' | b'\'') => quoted(key, quote, out).map(drop),
        _ => {
            // `<<` merges, and null is no name; a space before the colon is left to the full parser.
            if matches!(key, b"<<" | b"~" | b"null" | b"Null" | b"NULL") || key.ends_with(b" ") {
                return None;
            }
            out.push(b'"');
            escape(out, key);
            out.push(b'"');
            Some(())
        }
    }
}

fn trim_start(text: &[u8]) -> &[u8] {
    let spaces = text.iter().take_while(|byte| **byte == b' ').count();
    &text[spaces..]
}

/// Nothing, or a comment with a space before it.
fn is_end(rest: &[u8]) -> bool {
    let trimmed = trim_start(rest);
    trimmed.is_empty() || (trimmed[0] == b'#' && trimmed.len() < rest.len())
}

/// A scalar, or a list or map in brackets; gives where it ends.
fn inline(text: &[u8], out: &mut Vec<u8>, in_brackets: bool, depth: usize) -> Option<usize> {
    match text.first()? {
        quote @ (b'"' | b'\'') => quoted(text, *quote, out),
        b'[' => brackets(text, out, depth + 1, b']'),
        b'{' => brackets(text, out, depth + 1, b'}'),
        b'&' | b'*' | b'!' | b'|' | b'>' | b'%' | b'@' | b'`' | b'#' | b',' | b']' | b'}' => None,
        b'-' | b'?' | b':' if text.get(1).is_none_or(|next| matches!(next, b' ' | b',' | b']' | b'}')) => None,
        _ => {
            let end = plain_end(text, in_brackets)?;
            plain(&text[..end], out)?;
            Some(end)
        }
    }
}

/// A list or a map in brackets, whose closing one stands on the same line.
fn brackets(text: &[u8], out: &mut Vec<u8>, depth: usize, close: u8) -> Option<usize> {
    if depth > DEEPEST {
        return None;
    }
    let skip = |at: usize| at + text[at..].iter().take_while(|byte| **byte == b' ').count();
    let mut at = skip(1);
    out.push(text[0]);
    if text.get(at) == Some(&close) {
        out.push(close);
        return Some(at + 1);
    }
    loop {
        if close == b'}' {
            let end = match text.get(at)? {
                quote @ (b'"' | b'\'') => at + quoted_end(&text[at..], *quote)?,
                _ => at + plain_end(&text[at..], true)?,
            };
            // `{a}` and `{a:}` have no value, and `{"a":1}` is JSON: all are left to the full parser.
            (end > at && text.get(end) == Some(&b':') && text.get(end + 1) == Some(&b' ')).then_some(())?;
            write_key(out, &text[at..end])?;
            out.push(b':');
            at = skip(end + 1);
        }
        at += inline(&text[at..], out, true, depth)?;
        at = skip(at);
        // An item that is a key with its value is a map of its own.
        match text.get(at)? {
            b',' => {
                out.push(b',');
                at = skip(at + 1);
                // A comma before the closing bracket is allowed, but not in JSON.
                if text.get(at) == Some(&close) {
                    return None;
                }
            }
            found if *found == close => {
                out.push(close);
                return Some(at + 1);
            }
            _ => return None,
        }
    }
}

/// Where a plain scalar ends; `None` where it holds what the full parser should look at.
fn plain_end(text: &[u8], in_brackets: bool) -> Option<usize> {
    let mut end = text.len();
    for (at, byte) in text.iter().enumerate() {
        match byte {
            b':' if text.get(at + 1).is_none_or(|next| *next == b' ') => {
                // In brackets it ends a key; elsewhere a value must not hold one.
                if !in_brackets {
                    return None;
                }
                end = at;
                break;
            }
            b':' if in_brackets && matches!(text[at + 1], b',' | b'[' | b']' | b'{' | b'}') => return None,
            b'#' if at > 0 && text[at - 1] == b' ' => {
                end = at;
                break;
            }
            b',' | b']' | b'}' if in_brackets => {
                end = at;
                break;
            }
            b'[' | b'{' if in_brackets => return None,
            _ => {}
        }
    }
    Some(text[..end].trim_ascii_end().len())
}

/// A plain scalar: null, true, false, a number in the usual notation, or a text. Whatever YAML 1.1 or 1.2 may take for
/// something else than a text is declined.
fn plain(text: &[u8], out: &mut Vec<u8>) -> Option<()> {
    match text {
        b"" => return None,
        b"true" | b"false" | b"null" => {
            out.extend_from_slice(text);
            return Some(());
        }
        b"~" => {
            out.extend_from_slice(b"null");
            return Some(());
        }
        _ => {}
    }
    match text[0] {
        b'0'..=b'9' | b'-' | b'+' | b'.' => match number(text) {
            Number::Usual => {
                out.extend_from_slice(text);
                return Some(());
            }
            Number::Unusual => return None,
            Number::None => {}
        },
        b'y' | b'Y' | b'n' | b'N' | b'o' | b'O' | b't' | b'T' | b'f' | b'F' if text.len() <= 5 => {
            let lower = text.to_ascii_lowercase();
            if matches!(&*lower, b"y" | b"n" | b"yes" | b"no" | b"on" | b"off" | b"true" | b"false" | b"null") {
                return None;
            }
        }
        b'=' | b'<' => return None,
        _ => {}
    }
    out.push(b'"');
    escape(out, text);
    out.push(b'"');
    Some(())
}

enum Number {
    /// As JSON writes it.
    Usual,
    /// Maybe one, in a notation that JSON does not have.
    Unusual,
    /// A text.
    None,
}

fn number(text: &[u8]) -> Number {
    let digits = text.strip_prefix(b"-").unwrap_or(text);
    let whole = digits.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let is_plain_whole = whole > 0 && (whole == 1 || digits[0] != b'0') && whole <= 15;
    match &digits[whole..] {
        [] if is_plain_whole => return Number::Usual,
        [b'.', fraction @ ..]
            if is_plain_whole
                && !fraction.is_empty()
                && fraction.len() + whole <= 15
                && fraction.iter().all(u8::is_ascii_digit) =>
        {
            return Number::Usual;
        }
        _ => {}
    }
    let unsigned = text.strip_prefix(b"-").or_else(|| text.strip_prefix(b"+")).unwrap_or(text);
    if unsigned.eq_ignore_ascii_case(b".inf") || unsigned.eq_ignore_ascii_case(b".nan") {
        return Number::Unusual;
    }
    let is_of = |text: &[u8], more: &[u8]| text.iter().all(|byte| byte.is_ascii_digit() || more.contains(byte));
    let begins = |at: usize| unsigned.get(at).is_some_and(u8::is_ascii_digit);
    if !(begins(0) || (unsigned.first() == Some(&b'.') && begins(1))) {
        return Number::None;
    }
    // 0x1F, 0o17, 0b1
    if unsigned[0] == b'0' && unsigned.get(1).is_some_and(u8::is_ascii_alphabetic) {
        return Number::Unusual;
    }
    // 0777, 1_000, 12:30:45 and whatever is too long for a double; but 10.0.0.1 is a text.
    if is_of(unsigned, b"_.:") {
        let is_address = is_of(unsigned, b".") && memchr::memchr_iter(b'.', unsigned).count() > 1;
        return if is_address { Number::None } else { Number::Unusual };
    }
    // 1e3, 1.5E-3
    if let Some(at) = memchr2(b'e', b'E', unsigned) {
        let exponent = &unsigned[at + 1..];
        let exponent = exponent.strip_prefix(b"-").or_else(|| exponent.strip_prefix(b"+")).unwrap_or(exponent);
        if is_of(&unsigned[..at], b"_.") && is_of(exponent, b"_.") {
            return Number::Unusual;
        }
    }
    Number::None
}

/// Where a quoted scalar ends, behind its closing quote; `None` where it goes on over the line.
fn quoted_end(text: &[u8], quote: u8) -> Option<usize> {
    let mut at = 1;
    loop {
        at += if quote == b'"' { memchr2(b'"', b'\\', &text[at..])? } else { memchr(b'\'', &text[at..])? };
        if text[at] == b'\\' || (quote == b'\'' && text.get(at + 1) == Some(&b'\'')) {
            at += 2;
            if at > text.len() {
                return None;
            }
        } else {
            return Some(at + 1);
        }
    }
}

/// A quoted scalar; gives where it ends.
fn quoted(text: &[u8], quote: u8, out: &mut Vec<u8>) -> Option<usize> {
    let end = quoted_end(text, quote)?;
    let content = &text[1..end - 1];
    out.push(b'"');
    if quote == b'"' {
        // The escapes of JSON are YAML's too; YAML has more of them.
        let mut rest = content;
        while let Some(at) = memchr(b'\\', rest) {
            match rest.get(at + 1)? {
                b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => {}
                // A surrogate is half a character, and YAML knows no pairs.
                b'u' if rest.get(at + 2).is_some_and(|first| !matches!(first, b'd' | b'D')) => {}
                _ => return None,
            }
            out.extend_from_slice(&rest[..at + 2]);
            rest = &rest[at + 2..];
        }
        out.extend_from_slice(rest);
    } else {
        let mut rest = content;
        while let Some(at) = memchr(b'\'', rest) {
            escape(out, &rest[..=at]);
            rest = &rest[at + 2..];
        }
        escape(out, rest);
    }
    out.push(b'"');
    Some(end)
}

/// Writes a text as part of a JSON string.
fn escape(out: &mut Vec<u8>, text: &[u8]) {
    let mut rest = text;
    while let Some(at) = memchr2(b'"', b'\\', rest) {
        out.extend_from_slice(&rest[..at]);
        out.push(b'\\');
        out.push(rest[at]);
        rest = &rest[at + 1..];
    }
    out.extend_from_slice(rest);
}

#[cfg(test)]
mod tests;
