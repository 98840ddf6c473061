//! Reading the files into a snapshot.

use std::{
    fs::File,
    io::{self, Read},
    sync::mpsc,
    thread,
};

use super::{
    document::{JsonDocument, YamlDocument},
    header::{header_from_list, header_of, yaml_header},
    json::{JsonError, JsonSplitter, ListHeader, Piece as JsonPiece},
    paths::{FileSource, FilesError, expand},
    problem::Problem,
    yaml,
};
use crate::{
    rules::null::or_default,
    snapshot::{
        Coverage, Snapshot, SnapshotBuilder,
        builder::{Document, Header},
        kinds,
        objects::meta::Origin,
    },
};

/// Reads what the paths name: files, directories, `-` for standard input. What one file or one document gets wrong is
/// noted in the snapshot with file, line and column, and hides nothing else.
///
/// `progress` is told of each file before it is read.
///
/// # Errors
/// Where a path does not exist or a directory holds nothing to read: the command line is then wrong.
pub fn from_files(
    paths: &[String],
    recursive: bool,
    stdin: impl Read,
    progress: impl FnMut(&str),
) -> Result<Snapshot, FilesError> {
    read_all(SnapshotBuilder::from_files(), paths, recursive, stdin, progress)
}

/// As [`from_files`], of each object only what it is: its metadata, in [`Snapshot::others`]. An object that stands in
/// several files is there as often. What is wrong in the rest of an object goes unnoticed: it is not looked at.
///
/// # Errors
/// As [`from_files`].
pub fn metadata_from_files(
    paths: &[String],
    recursive: bool,
    stdin: impl Read,
    progress: impl FnMut(&str),
) -> Result<Snapshot, FilesError> {
    read_all(SnapshotBuilder::metadata_from_files(), paths, recursive, stdin, progress)
}

/// Reads a text that is in memory, such as what a chart was rendered to, into `builder`, under this name.
pub fn from_text(builder: &mut SnapshotBuilder, name: &str, text: &str) {
    let mut input = Input { file: builder.add_file(name), name, builder };
    if let Err(error) = input.read(text.as_bytes()) {
        builder.not_evaluated(name, &error.to_string());
    }
}

fn read_all(
    mut builder: SnapshotBuilder,
    paths: &[String],
    recursive: bool,
    mut stdin: impl Read,
    mut progress: impl FnMut(&str),
) -> Result<Snapshot, FilesError> {
    for source in expand(paths, recursive)? {
        let name = source.name();
        progress(&name);
        let mut input = Input { file: builder.add_file(&name), name: &name, builder: &mut builder };
        let outcome = match &source {
            FileSource::Stdin => input.read(&mut stdin),
            FileSource::File(path) => File::open(path).and_then(|file| input.read(file)),
        };
        if let Err(error) = outcome {
            builder.not_evaluated(&name, &error.to_string());
        }
    }
    Ok(builder.finish())
}

/// The beginning and the end of a message that is too long for a line: the path of a field can be as long as the
/// nesting of the input.
fn shortened(message: &str) -> std::borrow::Cow<'_, str> {
    const HALF: usize = 150;
    let length = message.chars().count();
    if length <= 2 * HALF {
        return message.into();
    }
    let first: String = message.chars().take(HALF).collect();
    let last: String = message.chars().skip(length - HALF).collect();
    format!("{first} … {last}").into()
}

/// One file while it is read.
struct Input<'a> {
    file: u32,
    name: &'a str,
    builder: &'a mut SnapshotBuilder,
}

impl Input<'_> {
    fn read(&mut self, mut reader: impl Read) -> io::Result<()> {
        // The first bytes tell JSON from YAML, whatever the file is called.
        let mut start = Vec::new();
        while start.iter().all(u8::is_ascii_whitespace) {
            let before = start.len();
            (&mut reader).take(4096).read_to_end(&mut start)?;
            if start.len() == before {
                return Ok(());
            }
        }
        if is_utf16(&start) {
            self.problem(1, 1, "this is UTF-16 text: expected UTF-8 (in PowerShell: … | Out-File -Encoding utf8 FILE)");
            return Ok(());
        }
        if is_json(&start) {
            return self.read_json(reader, start);
        }
        reader.read_to_end(&mut start)?;
        self.read_yaml(start, 1);
        Ok(())
    }

    fn problem(&mut self, line: u64, column: u64, message: &str) {
        self.builder.not_evaluated(&format!("{}:{line}:{column}", self.name), &shortened(message));
    }

    fn read_json(&mut self, reader: impl Read, start: Vec<u8>) -> io::Result<()> {
        // Items that do not say what they are, of a list whose kind comes behind them.
        let mut waiting: Vec<(Vec<u8>, u32, u32)> = Vec::new();
        let mut splitter = JsonSplitter::new(reader, start);
        let outcome = splitter.each(|piece| match piece {
            JsonPiece::Object { text, list, line, column } => {
                let mut header = header_of(text);
                if let Some(list) = list.filter(|_| header.kind.is_empty()) {
                    header = header_from_list(list);
                    if header.kind.is_empty() {
                        waiting.push((text.to_vec(), line, column));
                        return;
                    }
                }
                self.json_object(&header, text, line, column);
            }
            JsonPiece::ListEnd { header: list } => {
                let header = header_from_list(list);
                for (text, line, column) in waiting.drain(..) {
                    self.json_object(&header, &text, line, column);
                }
                self.saw_list(&header);
            }
        });
        match outcome {
            Ok(()) => Ok(()),
            Err(JsonError::Read(error)) => Err(error),
            Err(JsonError::Syntax { line, column, message }) => {
                self.problem(line.into(), column.into(), &message);
                Ok(())
            }
            // An object in JSON is YAML too, and may be the first document of several.
            Err(JsonError::Marker) => {
                let (rest, line) = splitter.rest()?;
                self.read_yaml(rest, line);
                Ok(())
            }
        }
    }

    /// A typed list says that there are no others, even where it is empty.
    fn saw_list(&mut self, header: &Header) {
        if let Some(kind) = kinds::find(header.group(), &header.kind) {
            self.builder.saw(kind, Coverage::Some);
        }
    }

    fn json_object(&mut self, header: &Header, text: &[u8], line: u32, column: u32) {
        let origin = Some(Origin { file: self.file, line });
        let outcome = add(self.builder, header, &JsonDocument(text), origin);
        if let Err(problem) = outcome {
            // On its first line the object begins somewhere in the middle.
            let before = if problem.line == 0 { u64::from(column) - 1 } else { 0 };
            self.problem(u64::from(line) + problem.line, problem.column + before, &problem.message);
        }
    }

    /// Reads YAML that begins on this line of the file.
    fn read_yaml(&mut self, bytes: Vec<u8>, first_line: u32) {
        let text = match String::from_utf8(bytes) {
            Ok(text) => text,
            Err(error) => {
                let valid = &error.as_bytes()[..error.utf8_error().valid_up_to()];
                let line = u64::from(first_line) + memchr::memchr_iter(b'\n', valid).count() as u64;
                let column = 1 + valid.len() - memchr::memrchr(b'\n', valid).map_or(0, |end| end + 1);
                self.problem(line, column as u64, "this is no UTF-8 text: expected YAML or JSON");
                return;
            }
        };
        for document in yaml::documents(&text, first_line) {
            let list = yaml::top_level(&document.text, "kind").filter(|kind| kind.ends_with("List"));
            if let Some(kind) = list
                && let Some(items) = yaml::items(&document)
            {
                let of_list = header_from_list(&ListHeader {
                    kind: kind.into(),
                    api_version: yaml::top_level(&document.text, "apiVersion").unwrap_or_default().into(),
                });
                self.yaml_objects(&items, &of_list);
                self.saw_list(&of_list);
            } else {
                self.yaml_object(&document, YamlDocument::new(&document.text), &Header::default());
            }
        }
    }

    /// Reads the items of a list. Of a long one they are rewritten as JSON ahead of what is made of them, on a core of
    /// their own: each takes about half of the time.
    fn yaml_objects(&mut self, items: &[yaml::Piece<'_>], of_list: &Header) {
        const LONG: usize = 50;
        /// How many items may wait: more than what the full parser, which is ten times slower, holds up; and few enough
        /// that the memory does not grow with the list.
        const AHEAD: usize = 256;
        if items.len() < LONG || self.builder.is_metadata_only() {
            for item in items {
                self.yaml_object(item, YamlDocument::new(&item.text), of_list);
            }
            return;
        }
        let (rewritten, read) = mpsc::sync_channel(AHEAD);
        thread::scope(|scope| {
            scope.spawn(move || {
                for item in items {
                    // Nobody listens any longer where the reader has panicked, and then that is told.
                    if rewritten.send(YamlDocument::new(&item.text).rewritten()).is_err() {
                        return;
                    }
                }
            });
            for (item, document) in items.iter().zip(read) {
                self.yaml_object(item, document, of_list);
            }
        });
    }

    /// Reads a document or an item; what does not say what it is, is what the list around it says.
    fn yaml_object(&mut self, piece: &yaml::Piece<'_>, document: YamlDocument<'_>, of_list: &Header) {
        let line = piece.line + piece.blank_lines();
        let origin = Some(Origin { file: self.file, line });
        if self.builder.is_metadata_only()
            && let Some(outline) = yaml::outline(&piece.text)
        {
            let header = Header { api_version: outline.api_version.into(), kind: outline.kind.into() };
            if let Err(problem) = add(self.builder, &header, &YamlDocument::new(outline.metadata), origin) {
                let first = u64::from(piece.line) + u64::from(outline.metadata_line);
                self.problem(first + problem.line, problem.column, &problem.message);
            }
            return;
        }
        let outcome = yaml_header(&piece.text, &document).and_then(|mut header| {
            if header.kind.is_empty() {
                header = of_list.clone();
            }
            if header.kind.ends_with("List")
                && kinds::find(header.group(), &header.kind).is_none()
                && self.whole_list(&header, &document, line)?
            {
                return Ok(());
            }
            add(self.builder, &header, &document, origin)
        });
        if let Err(problem) = outcome {
            self.problem(u64::from(piece.line) + problem.line, problem.column, &problem.message);
        }
    }

    /// A list in flow style, or with anchors: its items are read as values, and have the list's line. Says whether it
    /// was a list: a custom kind may be called so too.
    fn whole_list(&mut self, header: &Header, document: &YamlDocument<'_>, line: u32) -> Result<bool, Problem> {
        #[derive(serde::Deserialize)]
        struct Whole {
            #[serde(default, deserialize_with = "given")]
            items: Option<Vec<serde_json::Value>>,
        }
        let Some(items) = document.read::<Whole>()?.items else { return Ok(false) };
        let of_list =
            header_from_list(&ListHeader { api_version: header.api_version.clone(), kind: header.kind.clone() });
        self.saw_list(&of_list);
        for (index, item) in items.iter().enumerate() {
            // As JSON, so that each type is compiled for two parsers and not for three.
            let text = item.to_string();
            let mut header = header_of(text.as_bytes());
            if header.kind.is_empty() {
                header = of_list.clone();
            }
            let origin = Some(Origin { file: self.file, line });
            if let Err(problem) = add(self.builder, &header, &JsonDocument(text.as_bytes()), origin) {
                self.problem(line.into(), 1, &format!("items[{index}]: {}", problem.message));
            }
        }
        Ok(true)
    }
}

/// A field that is there, if only as null.
fn given<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<Vec<serde_json::Value>>, D::Error> {
    or_default(deserializer).map(Some)
}

/// Whether a text is in UTF-16, by its mark or because every other byte is nothing.
fn is_utf16(start: &[u8]) -> bool {
    start.starts_with(&[0xFF, 0xFE]) || start.starts_with(&[0xFE, 0xFF]) || start.iter().take(2).any(|byte| *byte == 0)
}

/// Whether a text is JSON, by its first characters: YAML in flow style has no quotes around its keys.
fn is_json(start: &[u8]) -> bool {
    let text = start.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(start).trim_ascii_start();
    match text {
        [b'{', rest @ ..] => rest.trim_ascii_start().first().is_none_or(|byte| matches!(byte, b'"' | b'}')),
        [b'[', rest @ ..] => rest.trim_ascii_start().first().is_none_or(|byte| matches!(byte, b'{' | b']')),
        _ => false,
    }
}

/// Reads one object into the builder.
fn add<D: Document<Error = Problem>>(
    builder: &mut SnapshotBuilder,
    header: &Header,
    document: &D,
    origin: Option<Origin>,
) -> Result<(), Problem> {
    match (header.kind.is_empty(), header.api_version.is_empty()) {
        (false, true) => {
            let message = format!("an object of kind {} without apiVersion: expected one, such as v1", header.kind);
            return Err(Problem::whole(message));
        }
        (true, false) => {
            let message = format!("an object of {} without kind: expected one, such as Pod", header.api_version);
            return Err(Problem::whole(message));
        }
        _ => {}
    }
    if builder.add(header, document, origin)? {
        return Ok(());
    }
    Err(Problem::whole("no apiVersion and kind: expected an object of Kubernetes, or what kubectl version printed"))
}
