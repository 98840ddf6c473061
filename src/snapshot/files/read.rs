//! Reading the files into a snapshot.

use std::{
    fs::File,
    io::{self, Read},
};

use serde::de::DeserializeOwned;

use super::{
    json::{JsonError, JsonSplitter, ListHeader, Piece as JsonPiece},
    paths::{FileSource, FilesError, expand},
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
    mut stdin: impl Read,
    mut progress: impl FnMut(&str),
) -> Result<Snapshot, FilesError> {
    let mut builder = SnapshotBuilder::from_files();
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

struct JsonDocument<'a>(&'a [u8]);

impl Document for JsonDocument<'_> {
    type Error = serde_json::Error;

    fn read<T: DeserializeOwned>(&self) -> Result<T, Self::Error> {
        serde_json::from_slice(self.0)
    }
}

struct YamlDocument<'a>(&'a str);

impl Document for YamlDocument<'_> {
    type Error = serde_saphyr::Error;

    fn read<T: DeserializeOwned>(&self) -> Result<T, Self::Error> {
        // A list of a whole cluster is no attack. What protects from one (depth, aliases) stays.
        let options = serde_saphyr::options! {
            with_snippet: false,
            budget: serde_saphyr::budget! {
                max_events: usize::MAX,
                max_nodes: usize::MAX,
                max_total_scalar_bytes: usize::MAX,
            },
        };
        serde_saphyr::from_str_with_options(self.0, options)
    }
}

struct ValueDocument<'a>(&'a serde_json::Value);

impl Document for ValueDocument<'_> {
    type Error = serde_json::Error;

    fn read<T: DeserializeOwned>(&self) -> Result<T, Self::Error> {
        T::deserialize(self.0)
    }
}

/// A mistake at a place relative to the beginning of its object: lines counted from 0, columns from 1.
struct Problem {
    line: u64,
    column: u64,
    message: String,
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
        let text = start.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(&start);
        if text.trim_ascii_start().starts_with(b"{") {
            return self.read_json(reader, start);
        }
        reader.read_to_end(&mut start)?;
        match String::from_utf8(start) {
            Ok(text) => self.read_yaml(&text),
            Err(error) => {
                let valid = &error.as_bytes()[..error.utf8_error().valid_up_to()];
                let line = 1 + memchr::memchr_iter(b'\n', valid).count();
                let column = 1 + valid.len() - memchr::memrchr(b'\n', valid).map_or(0, |end| end + 1);
                self.problem(line as u64, column as u64, "this is no UTF-8 text: expected YAML or JSON");
            }
        }
        Ok(())
    }

    fn problem(&mut self, line: u64, column: u64, message: &str) {
        self.builder.not_evaluated(&format!("{}:{line}:{column}", self.name), message);
    }

    fn read_json(&mut self, reader: impl Read, start: Vec<u8>) -> io::Result<()> {
        // Items that do not say what they are, of a list whose kind comes behind them.
        let mut waiting: Vec<(Vec<u8>, u32, u32)> = Vec::new();
        let outcome = JsonSplitter::new(reader, start).each(|piece| match piece {
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
        let outcome = add(self.builder, header, &JsonDocument(text), origin, json_problem);
        if let Err(problem) = outcome {
            // On its first line the object begins somewhere in the middle.
            let before = if problem.line == 0 { u64::from(column) - 1 } else { 0 };
            self.problem(u64::from(line) + problem.line, problem.column + before, &problem.message);
        }
    }

    fn read_yaml(&mut self, text: &str) {
        for document in yaml::documents(text) {
            let list = yaml::top_level(&document.text, "kind").filter(|kind| kind.ends_with("List"));
            if let Some(kind) = list
                && let Some(items) = yaml::items(&document)
            {
                let of_list = header_from_list(&ListHeader {
                    kind: kind.into(),
                    api_version: yaml::top_level(&document.text, "apiVersion").unwrap_or_default().into(),
                });
                for item in &items {
                    self.yaml_object(item, &of_list);
                }
                self.saw_list(&of_list);
            } else {
                self.yaml_object(&document, &Header::default());
            }
        }
    }

    /// Reads a document or an item; what does not say what it is, is what the list around it says.
    fn yaml_object(&mut self, piece: &yaml::Piece<'_>, of_list: &Header) {
        let first = piece.text.lines().position(|line| {
            let line = line.trim();
            !line.is_empty() && !line.starts_with('#')
        });
        let line = piece.line + u32::try_from(first.unwrap_or(0)).unwrap_or(0);
        let origin = Some(Origin { file: self.file, line });
        let outcome = yaml_header(&piece.text).and_then(|mut header| {
            if header.kind.is_empty() {
                header = of_list.clone();
            }
            if header.kind.ends_with("List") && kinds::find(header.group(), &header.kind).is_none() {
                return self.whole_list(&header, piece, line);
            }
            add(self.builder, &header, &YamlDocument(&piece.text), origin, yaml_problem)
        });
        if let Err(problem) = outcome {
            self.problem(u64::from(piece.line) + problem.line, problem.column, &problem.message);
        }
    }

    /// A list in flow style, or with anchors: its items are read as values, and have the list's line.
    fn whole_list(&mut self, header: &Header, piece: &yaml::Piece<'_>, line: u32) -> Result<(), Problem> {
        #[derive(serde::Deserialize)]
        struct Whole {
            #[serde(default, deserialize_with = "or_default")]
            items: Vec<serde_json::Value>,
        }
        let whole = YamlDocument(&piece.text).read::<Whole>().map_err(|error| yaml_problem(&error))?;
        let of_list =
            header_from_list(&ListHeader { api_version: header.api_version.clone(), kind: header.kind.clone() });
        self.saw_list(&of_list);
        for item in &whole.items {
            let mut header = ValueDocument(item).read::<Header>().unwrap_or_default();
            if header.kind.is_empty() {
                header = of_list.clone();
            }
            let origin = Some(Origin { file: self.file, line });
            if let Err(problem) = add(self.builder, &header, &ValueDocument(item), origin, json_problem) {
                self.problem(line.into(), 1, &problem.message);
            }
        }
        Ok(())
    }
}

/// Reads one object into the builder.
fn add<D: Document>(
    builder: &mut SnapshotBuilder,
    header: &Header,
    document: &D,
    origin: Option<Origin>,
    problem: impl Fn(&D::Error) -> Problem,
) -> Result<(), Problem> {
    check(header)?;
    match builder.add(header, document, origin) {
        Ok(true) => Ok(()),
        Ok(false) => Err(nothing_known()),
        Err(error) => Err(problem(&error)),
    }
}

/// What is neither an object nor an answer of `/version`.
fn nothing_known() -> Problem {
    let message = "no apiVersion and kind: expected an object of Kubernetes, or what kubectl version printed";
    Problem { line: 0, column: 1, message: message.to_owned() }
}

/// An object that says only half of what it is.
fn check(header: &Header) -> Result<(), Problem> {
    let message = match (header.kind.is_empty(), header.api_version.is_empty()) {
        (false, true) => format!("an object of kind {} without apiVersion: expected one, such as v1", header.kind),
        (true, false) => format!("an object of {} without kind: expected one, such as Pod", header.api_version),
        _ => return Ok(()),
    };
    Err(Problem { line: 0, column: 1, message })
}

fn yaml_header(text: &str) -> Result<Header, Problem> {
    // The two keys are nearly always written in block style at the margin.
    if let (Some(kind), Some(api_version)) = (yaml::top_level(text, "kind"), yaml::top_level(text, "apiVersion")) {
        return Ok(Header { kind: kind.into(), api_version: api_version.into() });
    }
    YamlDocument(text).read::<Header>().map_err(|error| yaml_problem(&error))
}

fn yaml_problem(error: &serde_saphyr::Error) -> Problem {
    let (line, column) = error.location().map_or((1, 1), |location| (location.line(), location.column()));
    let mut message = error.without_snippet().to_string();
    // The place is given apart, and relative to the file.
    for place in [format!(" at line {line}, column {column}"), format!("line {line} column {column}: ")] {
        message = message.replace(&place, "");
    }
    if message.contains("{{") || message.contains("template") {
        message.push_str("; a chart must be rendered first (helm template)");
    }
    Problem { line: line.saturating_sub(1), column, message }
}

fn json_problem(error: &serde_json::Error) -> Problem {
    let (line, column) = (error.line() as u64, error.column() as u64);
    let text = error.to_string();
    let message = text.strip_suffix(&format!(" at line {line} column {column}")).unwrap_or(&text).to_owned();
    Problem { line: line.saturating_sub(1), column: column.max(1), message }
}

/// `PodList` of `v1` holds `Pod`s of `v1`; a plain `List` says nothing of its items.
fn header_from_list(list: &ListHeader) -> Header {
    let kind = list.kind.strip_suffix("List").unwrap_or_default();
    let api_version = if kind.is_empty() { Default::default() } else { list.api_version.clone() };
    Header { api_version, kind: kind.into() }
}

/// What an object says it is. The two keys nearly always come first, so that most of the object is not looked at.
fn header_of(text: &[u8]) -> Header {
    use serde::de::{DeserializeSeed, Error, IgnoredAny, MapAccess, Visitor};

    struct First<'h>(&'h mut Header);

    impl<'de> DeserializeSeed<'de> for First<'_> {
        type Value = ();

        fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
            deserializer.deserialize_map(self)
        }
    }

    impl<'de> Visitor<'de> for First<'_> {
        type Value = ();

        fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("an object")
        }

        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
            while let Some(key) = map.next_key::<compact_str::CompactString>()? {
                match key.as_str() {
                    "apiVersion" => self.0.api_version = map.next_value::<Option<_>>()?.unwrap_or_default(),
                    "kind" => self.0.kind = map.next_value::<Option<_>>()?.unwrap_or_default(),
                    _ => {
                        map.next_value::<IgnoredAny>()?;
                    }
                }
                if !self.0.api_version.is_empty() && !self.0.kind.is_empty() {
                    // There is no other way to leave an object in the middle.
                    return Err(A::Error::custom("both are known"));
                }
            }
            Ok(())
        }
    }

    let mut header = Header::default();
    // An error is met again, with its place, when the object is read as its type.
    let _ = First(&mut header).deserialize(&mut serde_json::Deserializer::from_slice(text));
    header
}
