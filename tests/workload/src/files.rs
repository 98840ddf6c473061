//! Writing what `kubectl get … -o json` and `-o yaml` would write.

use std::{
    fs::{self, File},
    io::{self, BufWriter, Write},
    path::Path,
};

use patchkit::snapshot::{Kind, kinds};

use crate::{
    objects::{self, Wanted},
    shape::Shape,
    text::Form,
};

/// Writes one file a kind into the folder, and `version.json` as `kubectl version -o json` prints it.
///
/// # Errors
/// Where the folder cannot be made or written.
pub fn write(shape: &Shape, folder: &Path, form: Form) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    let ending = if form == Form::Yaml { "yaml" } else { "json" };
    for kind in kinds::ALL {
        if objects::count(shape, kind) > 0 {
            let file = File::create(folder.join(format!("{}.{ending}", kind.resource())))?;
            let mut out = BufWriter::with_capacity(1 << 20, file);
            list(shape, kind, 0..objects::count(shape, kind), form, &mut out)?;
            out.flush()?;
        }
    }
    let mut version = serde_json::to_string_pretty(&serde_json::json!({
        "clientVersion": {"gitVersion": "v1.34.2", "major": "1", "minor": "34", "platform": "linux/amd64"},
        "serverVersion": crate::serve::version(),
    }))?;
    version.push('\n');
    fs::write(folder.join("version.json"), version)
}

/// Writes a `List` of these objects.
///
/// # Errors
/// Where the writer fails.
pub fn list(
    shape: &Shape,
    kind: &Kind,
    range: std::ops::Range<u64>,
    form: Form,
    out: &mut impl Write,
) -> io::Result<()> {
    let wanted = Wanted { form, metadata_only: false };
    let mut outcome = Ok(());
    let mut first = true;
    if form == Form::Yaml {
        out.write_all(b"apiVersion: v1\nitems:\n")?;
    } else {
        out.write_all(b"{\n    \"apiVersion\": \"v1\",\n    \"items\": [")?;
    }
    objects::write_range(shape, kind, range, wanted, |text| {
        if outcome.is_err() {
            return;
        }
        outcome = if form == Form::Yaml { yaml_item(text, out) } else { json_item(text, first, out) };
        first = false;
    });
    outcome?;
    if form == Form::Yaml {
        out.write_all(b"kind: List\nmetadata:\n  resourceVersion: \"\"\n")
    } else {
        let close = if first { "" } else { "\n    " };
        write!(
            out,
            "{close}],\n    \"kind\": \"List\",\n    \"metadata\": {{\n        \"resourceVersion\": \"\"\n    }}\n}}\n"
        )
    }
}

fn json_item(text: &str, first: bool, out: &mut impl Write) -> io::Result<()> {
    out.write_all(if first { b"\n" } else { b",\n" })?;
    out.write_all(text.as_bytes())
}

fn yaml_item(text: &str, out: &mut impl Write) -> io::Result<()> {
    for (index, line) in text.split_inclusive('\n').enumerate() {
        out.write_all(if index == 0 { b"- " } else { b"  " })?;
        out.write_all(line.as_bytes())?;
    }
    Ok(())
}
