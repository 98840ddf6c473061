//! Versions of what is not Kubernetes but runs it: container runtimes, etcd, CoreDNS, kernels, Windows.
//!
//! They are read loosely: as many numbers as there are, and whatever follows. `3.5.24-0` (etcd's image: the build of
//! the image), `6.8.0-1012-aws` (a kernel: the build of the distribution) and `2.1.3-k3s1` are no pre-releases;
//! `2.0.0-rc.1`, `6.1.0-rc5` and Debian's `1.7.0~rc1` are.

use std::{fmt, str::FromStr};

use compact_str::CompactString;

use super::version::{Stage, Triple, leading_numbers, split_number, stage_name};

/// A version read loosely. Equal when the texts are; ordered by [`LooseVersion::triple`] only.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct LooseVersion {
    raw: CompactString,
    triple: Triple,
}

/// A text that does not begin with a number.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no version: expected one such as 1.7.27, 3.5.24-0 or 6.8.0-1012-aws")]
pub struct LooseVersionError(pub String);

impl LooseVersion {
    /// The text as it was read.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.raw
    }

    /// The first three numbers (absent ones are 0) and the stage, to compare by.
    #[must_use]
    pub const fn triple(&self) -> Triple {
        self.triple
    }
}

impl fmt::Display for LooseVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.raw)
    }
}

impl FromStr for LooseVersion {
    type Err = LooseVersionError;

    fn from_str(text: &str) -> Result<Self, LooseVersionError> {
        let raw = text.trim();
        let (numbers, rest) = leading_numbers(raw);
        let Some(&major) = numbers.first() else { return Err(LooseVersionError(text.to_owned())) };
        let at = |index: usize| numbers.get(index).copied().unwrap_or(0);
        let triple = Triple { major, minor: at(1), patch: at(2), stage: loose_stage(rest) };
        Ok(Self { raw: raw.into(), triple })
    }
}

/// `-rc.1`, `-rc1`, `-rc-1` and `~rc1` alike; a stage without a number is its first.
fn loose_stage(text: &str) -> Stage {
    let Some((make, rest)) = stage_name(text) else { return Stage::Release };
    if rest.starts_with(|c: char| c.is_ascii_alphabetic()) {
        return Stage::Release; // another word, such as -rchannel
    }
    let digits = rest.strip_prefix(['.', '-']).unwrap_or(rest);
    make(split_number(digits).map_or(0, |(number, _)| number), 0)
}

/// The container runtime of a node: `status.nodeInfo.containerRuntimeVersion`, `containerd://1.7.27`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct RuntimeVersion {
    /// The runtime as the kubelet names it: `containerd`, `cri-o`, `docker`.
    pub name: CompactString,
    /// The text of its version.
    pub text: CompactString,
    /// The version; none where the runtime gave none that could be read (`containerd://Unknown`).
    pub version: Option<LooseVersion>,
}

impl RuntimeVersion {
    /// Reads `NAME://VERSION`; none where the text has no such form.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (name, version) = text.trim().split_once("://")?;
        (!name.is_empty()).then(|| Self { name: name.into(), text: version.into(), version: version.parse().ok() })
    }
}

impl fmt::Display for RuntimeVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("{} {}", self.name, self.text))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn loose_versions_compare_by_their_numbers() {
        for (text, triple) in [
            ("1.7.27", "1.7.27"),
            ("v1.11.3", "1.11.3"),
            ("3.5.24-0", "3.5.24"),
            ("2.1.3-k3s1", "2.1.3"),
            ("6.8.0-1012-aws", "6.8.0"),
            ("5.10.199-190.747.amzn2.x86_64", "5.10.199"),
            ("4.18.0-553.22.1.el8_10.x86_64", "4.18.0"),
            ("10.0.20348.2849", "10.0.20348"),
            ("1.7.24-0ubuntu1~22.04", "1.7.24"),
            ("6.12", "6.12.0"),
            ("7", "7.0.0"),
            ("2.0.0-rc.1", "2.0.0-rc.1"),
            ("6.1.0-rc5", "6.1.0-rc.5"),
            ("1.7.0~rc1", "1.7.0-rc.1"),
            ("2.0.0-beta", "2.0.0-beta.0"),
            ("1.31.2-3.rhaos4.18.git1234", "1.31.2"),
        ] {
            let version: LooseVersion = text.parse().unwrap();
            assert_eq!(version.triple().to_string(), triple, "{text}");
            assert_eq!(version.as_str(), text);
        }
        for text in ["", "Unknown", "v", "-1", "."] {
            assert!(text.parse::<LooseVersion>().is_err(), "{text}");
        }
    }

    #[test]
    fn runtimes_of_nodes() {
        for (text, name, version) in [
            ("containerd://1.7.27", "containerd", Some(Triple::release(1, 7, 27))),
            ("containerd://2.1.3-k3s1", "containerd", Some(Triple::release(2, 1, 3))),
            ("cri-o://1.33.1", "cri-o", Some(Triple::release(1, 33, 1))),
            ("docker://20.10.24", "docker", Some(Triple::release(20, 10, 24))),
            ("containerd://Unknown", "containerd", None),
            ("kwok://kwok-v0.7.0", "kwok", None),
        ] {
            let runtime = RuntimeVersion::parse(text).unwrap();
            assert_eq!(runtime.name, name, "{text}");
            assert_eq!(runtime.version.map(|version| version.triple()), version, "{text}");
        }
        for text in ["", "containerd 1.7", "://1.2.3"] {
            assert_eq!(RuntimeVersion::parse(text), None, "{text}");
        }
        assert_eq!(RuntimeVersion::parse("containerd://1.7.27").unwrap().to_string(), "containerd 1.7.27");
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "\\PC*") {
            let _ = text.parse::<LooseVersion>();
            let _ = RuntimeVersion::parse(&text);
        }
    }
}
