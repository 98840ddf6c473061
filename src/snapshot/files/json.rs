//! Splitting JSON into objects without holding a file in memory.
//!
//! `kubectl get pods -A -o json` of a large cluster is a list of several hundred megabytes. The objects in it are
//! found by their brackets, handed on one by one as slices of a small buffer, and only there read as a type. A type
//! error in one of them then has a place, and does not hide the next one.

use std::{io::Read, ops::Range};

use compact_str::CompactString;
use memchr::{memchr_iter, memchr2, memrchr};

/// How much is asked of the reader at once.
const CHUNK: usize = 256 * 1024;

/// A JSON text that cannot be split, or a reader that fails.
#[derive(Debug, thiserror::Error)]
pub(crate) enum JsonError {
    /// The brackets do not fit, or something stands where nothing may.
    #[error("{message}")]
    Syntax { line: u32, column: u32, message: String },
    /// A line of dashes: what follows is YAML.
    #[error("expected an object: {{ … }}")]
    Marker,
    /// The reader failed.
    #[error("{0}")]
    Read(#[from] std::io::Error),
}

/// What the list around an object says of it, as far as it stands before the object.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct ListHeader {
    pub(crate) api_version: CompactString,
    pub(crate) kind: CompactString,
}

/// A piece of the text.
pub(crate) enum Piece<'a> {
    /// An object, with the header of the list around it if there is one.
    Object { text: &'a [u8], list: Option<&'a ListHeader>, line: u32, column: u32 },
    /// The end of a list, with its header, which may have come behind the items.
    ListEnd { header: &'a ListHeader },
}

/// Splits a JSON text.
pub(crate) struct JsonSplitter<R> {
    reader: R,
    buffer: Vec<u8>,
    /// The next byte to look at.
    position: usize,
    /// The first byte that is still needed.
    mark: usize,
    at_end: bool,
    /// Lines are counted up to here.
    counted: usize,
    line: u32,
    /// The index of the first byte of the current line; below zero where it has left the buffer.
    line_start: isize,
}

impl<R: Read> JsonSplitter<R> {
    /// Splits what the reader gives; `start` is what was already read of it.
    pub(crate) fn new(reader: R, start: Vec<u8>) -> Self {
        Self { reader, buffer: start, position: 0, mark: 0, at_end: false, counted: 0, line: 1, line_start: 0 }
    }

    /// Gives each piece to `take`, in order.
    pub(crate) fn each(&mut self, mut take: impl FnMut(Piece<'_>)) -> Result<(), JsonError> {
        loop {
            self.mark = self.position;
            match self.skip_space()? {
                None => return Ok(()),
                Some(b'{') => self.object(&mut take)?,
                // A bare list, as jq makes them: each of its objects says what it is.
                Some(b'[') => self.items(&ListHeader::default(), &mut take)?,
                Some(b'-') => return Err(JsonError::Marker),
                Some(_) => return Err(self.syntax("expected an object: { … }")),
            }
        }
    }

    /// What was not looked at, and the line on which it begins.
    pub(crate) fn rest(mut self) -> std::io::Result<(Vec<u8>, u32)> {
        let (line, _) = self.place(self.position);
        let mut rest = self.buffer.split_off(self.position);
        self.reader.read_to_end(&mut rest)?;
        Ok((rest, line))
    }

    /// An object at the top: a list, or something to be handed on as it is.
    fn object(&mut self, take: &mut impl FnMut(Piece<'_>)) -> Result<(), JsonError> {
        self.mark = self.position;
        let (line, column) = self.place(self.position);
        let mut header = ListHeader::default();
        let mut is_list = false;
        self.position += 1;
        loop {
            match self.skip_space_inside(line)? {
                b'}' => {
                    self.position += 1;
                    break;
                }
                b',' => self.position += 1,
                b'"' => {
                    let key = self.value()?;
                    let key = self.buffer[key].to_vec();
                    if self.skip_space_inside(line)? != b':' {
                        return Err(self.syntax("expected a colon behind the key"));
                    }
                    self.position += 1;
                    let first = self.skip_space_inside(line)?;
                    let may_be_list = header.kind.is_empty() || header.kind.ends_with("List");
                    if key == b"\"items\"" && first == b'[' && may_be_list {
                        is_list = true;
                        self.items(&header, take)?;
                    } else {
                        // An empty list of Go is written as null.
                        is_list |= key == b"\"items\"" && first == b'n' && header.kind.ends_with("List");
                        let value = self.value()?;
                        let text = || serde_json::from_slice::<CompactString>(&self.buffer[value]).unwrap_or_default();
                        match key.as_slice() {
                            b"\"kind\"" => header.kind = text(),
                            b"\"apiVersion\"" => header.api_version = text(),
                            _ => {}
                        }
                    }
                }
                _ => return Err(self.syntax("expected a key in quotes, or }")),
            }
        }
        if is_list {
            take(Piece::ListEnd { header: &header });
        } else {
            take(Piece::Object { text: &self.buffer[self.mark..self.position], list: None, line, column });
        }
        Ok(())
    }

    /// The items of a list, each handed on.
    fn items(&mut self, header: &ListHeader, take: &mut impl FnMut(Piece<'_>)) -> Result<(), JsonError> {
        let (start_line, _) = self.place(self.position);
        self.position += 1;
        loop {
            self.mark = self.position;
            match self.skip_space_inside(start_line)? {
                b']' => {
                    self.position += 1;
                    self.mark = self.position;
                    return Ok(());
                }
                b',' => self.position += 1,
                b':' | b'}' => return Err(self.syntax("expected an object, or ] at the end of the list")),
                _ => {
                    self.mark = self.position;
                    let (line, column) = self.place(self.position);
                    let range = self.value()?;
                    take(Piece::Object { text: &self.buffer[range], list: Some(header), line, column });
                }
            }
        }
    }

    /// Steps over one value and gives where it stands. The value stays in the buffer while the mark is before it.
    fn value(&mut self) -> Result<Range<usize>, JsonError> {
        // The buffer moves when it is refilled, so the start is kept relative to the mark.
        let start = self.position - self.mark;
        let (line, _) = self.place(self.position);
        let mut depth = 0_usize;
        loop {
            let Some(&byte) = self.buffer.get(self.position) else {
                self.more(line)?;
                continue;
            };
            match byte {
                b'"' => {
                    self.position += 1;
                    self.rest_of_string(line)?;
                }
                b'{' | b'[' => {
                    depth += 1;
                    self.position += 1;
                }
                // The end of a plain value at the end of its container, or between two values.
                b'}' | b']' | b',' | b' ' | b'\n' | b'\r' | b'\t' if depth == 0 => {
                    return Ok(self.mark + start..self.position);
                }
                b'}' | b']' => {
                    depth -= 1;
                    self.position += 1;
                }
                _ => {
                    self.position += 1;
                    if depth > 0 {
                        self.skip_plain();
                    }
                    continue;
                }
            }
            if depth == 0 {
                return Ok(self.mark + start..self.position);
            }
        }
    }

    /// The runs between brackets and strings are most of an indented text.
    fn skip_plain(&mut self) {
        let rest = &self.buffer[self.position..];
        let run = rest.iter().position(|byte| matches!(byte, b'"' | b'{' | b'[' | b'}' | b']'));
        self.position += run.unwrap_or(rest.len());
    }

    fn rest_of_string(&mut self, line: u32) -> Result<(), JsonError> {
        loop {
            match self.buffer.get(self.position..).and_then(|rest| memchr2(b'"', b'\\', rest)) {
                Some(offset) => {
                    let at = self.position + offset;
                    if self.buffer[at] == b'"' {
                        self.position = at + 1;
                        return Ok(());
                    }
                    // What is escaped may not have been read yet; then the position is behind the buffer for now.
                    self.position = at + 2;
                }
                None => {
                    self.position = self.position.max(self.buffer.len());
                    self.more(line)?;
                }
            }
        }
    }

    /// Reads on. An end is an error here: something is still open.
    fn more(&mut self, opened_on: u32) -> Result<(), JsonError> {
        if self.fill()? { Ok(()) } else { Err(self.cut_off(opened_on)) }
    }

    /// Reads on, dropping what is before the mark, and says whether there was anything.
    fn fill(&mut self) -> Result<bool, JsonError> {
        if self.at_end {
            return Ok(false);
        }
        if self.mark > 0 {
            self.count_to(self.mark);
            self.buffer.drain(..self.mark);
            self.position -= self.mark;
            self.counted -= self.mark;
            self.line_start -= self.mark.cast_signed();
            self.mark = 0;
        }
        let before = self.buffer.len();
        // A single large object grows the buffer by doubling, so that it is not copied for each chunk.
        let wanted = CHUNK.max(before);
        let read = (&mut self.reader).take(wanted as u64).read_to_end(&mut self.buffer)?;
        self.at_end = read < wanted;
        Ok(self.buffer.len() > before)
    }

    /// Counts lines up to this index of the buffer.
    fn count_to(&mut self, index: usize) {
        let index = index.min(self.buffer.len());
        if index <= self.counted {
            return;
        }
        let passed = &self.buffer[self.counted..index];
        if let Some(last) = memrchr(b'\n', passed) {
            self.line += u32::try_from(memchr_iter(b'\n', passed).count()).unwrap_or(u32::MAX);
            self.line_start = (self.counted + last + 1).cast_signed();
        }
        self.counted = index;
    }

    /// Line and column of an index, both counted from 1.
    fn place(&mut self, index: usize) -> (u32, u32) {
        self.count_to(index);
        (self.line, u32::try_from(index.cast_signed() - self.line_start + 1).unwrap_or(1))
    }

    fn syntax(&mut self, message: &str) -> JsonError {
        let (line, column) = self.place(self.position.min(self.buffer.len()));
        JsonError::Syntax { line, column, message: message.to_owned() }
    }

    fn cut_off(&mut self, opened_on: u32) -> JsonError {
        self.syntax(&format!("the text ends inside what began on line {opened_on}"))
    }

    fn skip_space(&mut self) -> Result<Option<u8>, JsonError> {
        loop {
            match self.buffer.get(self.position) {
                // With a byte order mark, and the record separator of JSON text sequences.
                Some(b' ' | b'\n' | b'\r' | b'\t' | 0xEF | 0xBB | 0xBF | 0x1E) => self.position += 1,
                Some(&byte) => return Ok(Some(byte)),
                None => {
                    if !self.fill()? {
                        return Ok(None);
                    }
                }
            }
        }
    }

    fn skip_space_inside(&mut self, opened_on: u32) -> Result<u8, JsonError> {
        match self.skip_space()? {
            Some(byte) => Ok(byte),
            None => Err(self.cut_off(opened_on)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A reader that gives one byte at a time, so that every refill boundary is met.
    struct Slow<'a>(&'a [u8]);

    impl Read for Slow<'_> {
        fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
            let Some((first, rest)) = self.0.split_first() else { return Ok(0) };
            into[0] = *first;
            self.0 = rest;
            Ok(1)
        }
    }

    fn pieces(text: &str) -> (Vec<String>, Option<String>) {
        let mut found = Vec::new();
        let take = |piece: Piece<'_>| {
            found.push(match piece {
                Piece::Object { text, list, line, column } => format!(
                    "{line}:{column} {}{}",
                    std::str::from_utf8(text).unwrap(),
                    list.map(|header| format!(" in {:?}", header.kind)).unwrap_or_default()
                ),
                Piece::ListEnd { header } => format!("end of {:?}", header.kind),
            });
        };
        let error = JsonSplitter::new(Slow(text.as_bytes()), Vec::new()).each(take).err();
        let error = error.map(|error| match error {
            JsonError::Syntax { line, column, message } => format!("{line}:{column} {message}"),
            error => error.to_string(),
        });
        (found, error)
    }

    #[test]
    fn objects_follow_each_other() {
        let (found, error) = pieces("{\"kind\":\"A\"}\n  {\"kind\": \"B\", \"x\": [1, {\"y\": \"}\\\"\"}], \"z\": 1 }");
        assert_eq!(error, None);
        assert_eq!(found, ["1:1 {\"kind\":\"A\"}", "2:3 {\"kind\": \"B\", \"x\": [1, {\"y\": \"}\\\"\"}], \"z\": 1 }"]);
    }

    #[test]
    fn lists_are_split_into_their_items() {
        let (found, error) =
            pieces("{\"kind\": \"PodList\", \"items\": [\n  {\"a\": 1},\n  {\"b\": 2}], \"metadata\": {}}");
        assert_eq!(error, None);
        assert_eq!(found, ["2:3 {\"a\": 1} in \"PodList\"", "3:3 {\"b\": 2} in \"PodList\"", "end of \"PodList\""]);
    }

    #[test]
    fn the_kind_may_come_behind_the_items() {
        let (found, _) = pieces("{\"items\": [{\"a\": 1}], \"kind\": \"PodList\"}");
        assert_eq!(found, ["1:12 {\"a\": 1} in \"\"", "end of \"PodList\""]);
    }

    #[test]
    fn items_of_something_that_is_no_list_stay_with_it() {
        let (found, _) = pieces("{\"kind\": \"Basket\", \"items\": [{\"a\": 1}]}");
        assert_eq!(found, ["1:1 {\"kind\": \"Basket\", \"items\": [{\"a\": 1}]}"]);
    }

    #[test]
    fn what_was_read_before_an_error_is_kept() {
        let (found, error) = pieces("{\"items\": [{\"a\": 1},\n {\"b\": ");
        assert_eq!(found, ["1:12 {\"a\": 1} in \"\""]);
        assert_eq!(error.unwrap(), "2:8 the text ends inside what began on line 2");
        let (_, error) = pieces("{} x");
        assert_eq!(error.unwrap(), "1:4 expected an object: { … }");
    }

    #[test]
    fn an_empty_text_has_no_pieces() {
        assert_eq!(pieces(" \n"), (vec![], None));
    }

    proptest::proptest! {
        #[test]
        fn never_panics_and_never_loses_an_item(
            values in proptest::collection::vec("[ -~]{0,20}", 0..6),
            cut in 0_usize..200,
        ) {
            let items: Vec<_> = values.iter().map(|value| serde_json::json!({"name": value, "n": [value]})).collect();
            let text = serde_json::to_string_pretty(&serde_json::json!({"kind": "List", "items": items})).unwrap();
            let (found, error) = pieces(&text);
            proptest::prop_assert_eq!(error, None);
            proptest::prop_assert_eq!(found.len(), values.len() + 1);
            let _ = pieces(&text[..cut.min(text.len())]);
        }
    }
}
