//! Certificates, keys and tokens that a configuration holds or points at.

use std::io;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use thiserror::Error;

/// Why a certificate, key or token could not be used.
#[derive(Debug, Error)]
pub enum PemError {
    /// A file could not be read.
    #[error("unable to read {what} {} for {owner:?}: {source}", .path.display())]
    Read {
        /// The field that names the file.
        what: String,
        /// The file.
        path: PathBuf,
        /// The cluster or user of the field.
        owner: String,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// Data is not base64.
    #[error("{what} of {owner:?} is not valid base64: {source}")]
    Base64 {
        /// The field.
        what: String,
        /// The cluster or user of the field.
        owner: String,
        /// Where it breaks.
        #[source]
        source: base64::DecodeError,
    },
    /// Data is not PEM, or holds nothing of the kind.
    #[error("{what} of {owner:?} holds no PEM block of the expected kind")]
    NotPem {
        /// The field.
        what: String,
        /// The cluster or user of the field.
        owner: String,
    },
}

/// Reads a file that a field names.
pub(super) fn from_file(path: &Path, what: &str, owner: &str) -> Result<Vec<u8>, PemError> {
    std::fs::read(path).map_err(|source| PemError::Read {
        what: what.to_owned(),
        path: path.to_owned(),
        owner: owner.to_owned(),
        source,
    })
}

/// Decodes a `…-data` field.
pub(super) fn from_base64(text: &str, what: &str, owner: &str) -> Result<Vec<u8>, PemError> {
    // A folded YAML block leaves line breaks in it.
    let packed: String = text.chars().filter(|letter| !letter.is_ascii_whitespace()).collect();
    STANDARD.decode(packed).map_err(|source| PemError::Base64 {
        what: what.to_owned(),
        owner: owner.to_owned(),
        source,
    })
}

/// Encodes bytes for a `…-data` field.
pub(super) fn to_base64(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

/// Checks that a client's certificate and key are what they should be. A library further down would show what it
/// cannot read, and that may be a key.
pub(super) fn check_identity(certificate: &[u8], key: &[u8], owner: &str) -> Result<(), PemError> {
    certificates(certificate, "client-certificate", owner)?;
    match ::pem::parse_many(key) {
        Ok(blocks) if blocks.iter().any(|block| block.tag().ends_with("PRIVATE KEY")) => Ok(()),
        _ => Err(PemError::NotPem { what: "client-key".to_owned(), owner: owner.to_owned() }),
    }
}

/// The certificates of a PEM bundle, in DER.
pub(super) fn certificates(bytes: &[u8], what: &str, owner: &str) -> Result<Vec<Vec<u8>>, PemError> {
    let wrong = || PemError::NotPem { what: what.to_owned(), owner: owner.to_owned() };
    let found: Vec<Vec<u8>> = ::pem::parse_many(bytes)
        .map_err(|_| wrong())?
        .into_iter()
        .filter(|block| block.tag() == "CERTIFICATE")
        .map(::pem::Pem::into_contents)
        .collect();
    if found.is_empty() { Err(wrong()) } else { Ok(found) }
}
