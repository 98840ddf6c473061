//! Versions of the standards: those of Kubernetes' minor releases.

use std::{fmt, str::FromStr};

use patchkit::rules::Minor;
use serde::{Serialize, Serializer};

/// A policy version such as `v1.34`. Each is the set of checks that the API server of that minor knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PolicyVersion {
    /// The minor; the major is always 1.
    pub minor: u32,
}

/// A text that is no policy version.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no policy version: expected latest, or a minor release such as v1.34")]
pub struct PolicyVersionError(pub String);

impl PolicyVersion {
    /// The newest one whose checks are known here (`k8s.io/pod-security-admission` v0.37).
    pub const NEWEST: Self = Self { minor: 37 };

    /// The one of this minor release.
    #[must_use]
    pub const fn new(minor: u32) -> Self {
        Self { minor }
    }

    /// The one that an API server of this minor release means by `latest`.
    #[must_use]
    pub const fn of(minor: Minor) -> Self {
        Self { minor: minor.minor }
    }

    /// What a namespace's label says. Stricter than the command line: the API server wants the `v`.
    ///
    /// # Errors
    /// Where it is neither `latest` (`None`) nor such as `v1.34`.
    pub fn of_label(text: &str) -> Result<Option<Self>, PolicyVersionError> {
        if text == "latest" {
            return Ok(None);
        }
        let wrong = || PolicyVersionError(text.to_owned());
        let digits = text.strip_prefix("v1.").ok_or_else(wrong)?;
        let is_number = digits.bytes().all(|byte| byte.is_ascii_digit()) && (digits == "0" || !digits.starts_with('0'));
        if !is_number {
            return Err(wrong());
        }
        digits.parse().map(|minor| Some(Self { minor })).map_err(|_| wrong())
    }

    /// The version whose checks an API server takes that knows none newer than `newest`
    /// (`policy/registry.go`: a version from the future is judged by the newest one).
    #[must_use]
    pub fn at_most(self, newest: Self) -> Self {
        self.min(newest)
    }
}

impl fmt::Display for PolicyVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "v1.{}", self.minor)
    }
}

impl FromStr for PolicyVersion {
    type Err = PolicyVersionError;

    /// `v1.34` or `1.34`, and for convenience a whole version such as `v1.34.2`.
    fn from_str(text: &str) -> Result<Self, PolicyVersionError> {
        match Minor::leading(text) {
            Ok(Minor { major: 1, minor }) => Ok(Self { minor }),
            _ => Err(PolicyVersionError(text.to_owned())),
        }
    }
}

impl Serialize for PolicyVersion {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_read_as_the_api_server_reads_them() {
        for (text, expected) in [
            ("latest", Ok(None)),
            ("v1.0", Ok(Some(0))),
            ("v1.37", Ok(Some(37))),
            ("v1.120", Ok(Some(120))),
            ("1.37", Err(())),
            ("v1.037", Err(())),
            ("v1.", Err(())),
            ("v1.+7", Err(())),
            ("v2.1", Err(())),
            ("v1.37.2", Err(())),
            ("Latest", Err(())),
            ("v1.99999999999", Err(())),
        ] {
            let read = PolicyVersion::of_label(text).map(|found| found.map(|it| it.minor)).map_err(drop);
            assert_eq!(read, expected, "{text}");
        }
    }

    #[test]
    fn the_command_line_is_less_strict() {
        for text in ["1.34", "v1.34", "v1.34.2"] {
            assert_eq!(text.parse::<PolicyVersion>().unwrap().to_string(), "v1.34");
        }
        assert!("2.34".parse::<PolicyVersion>().is_err());
        assert!("34".parse::<PolicyVersion>().is_err());
    }
}
