//! A `tar.gz` of OSV files, as the Kubernetes CVE feed is offered for download.

use std::io::Read as _;

use flate2::read::GzDecoder;

use crate::facts::read::ReadError;

/// More than the whole feed has, unpacked; a bomb has more.
const LARGEST_UNPACKED: u64 = 256 << 20;
/// More than any vulnerability has.
const LARGEST_ENTRY: u64 = 4 << 20;

/// Whether it is a gzip stream.
pub fn is_archive(bytes: &[u8]) -> bool {
    bytes.starts_with(&[0x1f, 0x8b])
}

/// The JSON files in an archive, in its order. Nothing is written anywhere: names in an archive mean nothing.
///
/// # Errors
/// Where it is no `tar.gz`, is cut off, or is larger unpacked than the feed could be.
pub fn unpack(from: &str, bytes: &[u8]) -> Result<Vec<(String, String)>, ReadError> {
    let wrong = |error: std::io::Error| ReadError::whole(from, format!("the archive cannot be unpacked: {error}"));
    let mut files = Vec::new();
    let mut archive = tar::Archive::new(GzDecoder::new(bytes).take(LARGEST_UNPACKED));
    let mut seen = 0;
    for entry in archive.entries().map_err(wrong)? {
        let mut entry = entry.map_err(wrong)?;
        seen += entry.size();
        if seen >= LARGEST_UNPACKED || entry.size() > LARGEST_ENTRY {
            return Err(ReadError::whole(from, "the archive is larger unpacked than any archive of vulnerabilities"));
        }
        let name = entry.path().map_err(wrong)?.to_string_lossy().into_owned();
        if entry.header().entry_type().is_file() && name.ends_with(".json") {
            let mut text = String::new();
            entry.read_to_string(&mut text).map_err(wrong)?;
            files.push((name, text));
        }
    }
    Ok(files)
}
