//! Versions of Kubernetes and of its components.
//!
//! What upstream releases is `v1.34.3`, and before it `v1.34.0-alpha.2`, `-beta.1` and `-rc.0`; builds between two
//! tags are `v1.34.0-alpha.2.45+<commit>` (`hack/lib/version.sh` of kubernetes/kubernetes). Whatever else follows the
//! numbers was put there by a vendor: `-gke.1640000`, `-eks-036c24b`, `+k3s1`, `-rc1+rke2r1`, `+4fab27b` (OpenShift).
//! To semantic versioning `1.34.3-gke.1` is a pre-release and older than 1.34.3; in truth it is 1.34.3 with, maybe,
//! fixes of later patches. So a vendor's suffix is shown but never compared.

use std::{fmt, str::FromStr};

use compact_str::CompactString;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A minor release such as 1.34.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Minor {
    /// The first number.
    pub major: u32,
    /// The second number.
    pub minor: u32,
}

/// A released version, or a pre-release of it, by which versions compare.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Triple {
    /// The first number.
    pub major: u32,
    /// The second number.
    pub minor: u32,
    /// The third number.
    pub patch: u32,
    /// How far before the release.
    pub stage: Stage,
}

/// How far before the release: alpha, then beta, then release candidates, then the release itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Stage {
    /// Alpha of this number, and commits since it was tagged.
    Alpha(u32, u32),
    /// Beta of this number, and commits since it was tagged.
    Beta(u32, u32),
    /// Release candidate of this number, and commits since it was tagged.
    Candidate(u32, u32),
    /// The release.
    #[default]
    Release,
}

/// A full version of a Kubernetes component, as the component itself or its vendor writes it.
///
/// Two of them are equal when their texts are; they are ordered by [`KubeVersion::upstream`] only, and so on purpose
/// they have no order of their own.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct KubeVersion {
    raw: CompactString,
    upstream: Triple,
    /// Where in the text the vendor's suffix begins.
    suffix_at: usize,
}

/// A text that is not the version that was wanted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum VersionError {
    /// Nothing in it reads like a version.
    #[error("{0:?} is no Kubernetes version: expected one such as v1.34.3, 1.34.3-gke.1640000 or v1.34.3+k3s1")]
    NotAVersion(String),
    /// Only a minor release, where a patch release was wanted.
    #[error("{text:?} names the minor release {minor} only: expected the patch release too, such as {minor}.1")]
    NoPatch {
        /// The text.
        text: String,
        /// The minor release that it names.
        minor: Minor,
    },
    /// Not a minor release.
    #[error("{0:?} is no minor release of Kubernetes: expected one such as 1.34")]
    NotAMinor(String),
}

/// Two major versions are never within a skew of each other, however many minors the older one had.
const MINORS_A_MAJOR: i64 = 1_000_000;

impl Minor {
    /// The minor release of these two numbers.
    #[must_use]
    pub const fn new(major: u32, minor: u32) -> Self {
        Self { major, minor }
    }

    /// From the two fields of the API server's `/version`. Vendors write a `+` behind the minor (`"34+"`).
    #[must_use]
    pub fn from_fields(major: &str, minor: &str) -> Option<Self> {
        Some(Self { major: number(major)?, minor: number(minor.trim_end_matches('+'))? })
    }

    /// The minor release that a text begins with, whatever follows: `1.36`, `v1.36.2`, `1.36-eks-6`.
    ///
    /// # Errors
    /// [`VersionError::NotAMinor`] where it begins with something else.
    pub fn leading(text: &str) -> Result<Self, VersionError> {
        let (numbers, rest) = leading_numbers(text);
        match numbers.as_slice() {
            [major, minor, ..] if rest.starts_with(SUFFIX_STARTS) || rest.is_empty() => {
                Ok(Self { major: *major, minor: *minor })
            }
            _ => Err(VersionError::NotAMinor(text.to_owned())),
        }
    }

    /// The one that follows.
    #[must_use]
    pub const fn next(self) -> Self {
        Self { major: self.major, minor: self.minor.saturating_add(1) }
    }

    /// The one before, unless this is the first of its major version.
    #[must_use]
    pub const fn previous(self) -> Option<Self> {
        match self.minor.checked_sub(1) {
            Some(minor) => Some(Self { major: self.major, minor }),
            None => None,
        }
    }

    /// The one so many minors earlier, at most the first of its major version.
    #[must_use]
    pub const fn back(self, minors: u32) -> Self {
        Self { major: self.major, minor: self.minor.saturating_sub(minors) }
    }

    /// By how many minors this is newer than the other; negative where it is older. Another major version is further
    /// away than any skew.
    #[must_use]
    pub fn newer_by(self, other: Self) -> i64 {
        (i64::from(self.major) - i64::from(other.major)) * MINORS_A_MAJOR + i64::from(self.minor)
            - i64::from(other.minor)
    }

    /// The minors after this one up to and with `target`, in order: the hops of an upgrade. Empty where the target is
    /// not newer, or of another major version.
    pub fn hops_to(self, target: Self) -> impl Iterator<Item = Self> {
        let last = if self.major == target.major { target.minor } else { 0 };
        (self.minor.saturating_add(1)..=last).map(move |minor| Self { major: self.major, minor })
    }

    /// The first release of it, 1.34.0.
    #[must_use]
    pub const fn first_release(self) -> Triple {
        Triple { major: self.major, minor: self.minor, patch: 0, stage: Stage::Release }
    }
}

impl fmt::Display for Minor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("{}.{}", self.major, self.minor))
    }
}

impl FromStr for Minor {
    type Err = VersionError;

    /// `1.34` or `v1.34`, and nothing behind it.
    fn from_str(text: &str) -> Result<Self, VersionError> {
        match leading_numbers(text) {
            (numbers, "") if numbers.len() == 2 => Ok(Self { major: numbers[0], minor: numbers[1] }),
            _ => Err(VersionError::NotAMinor(text.to_owned())),
        }
    }
}

impl Triple {
    /// The release of these three numbers.
    #[must_use]
    pub const fn release(major: u32, minor: u32, patch: u32) -> Self {
        Self { major, minor, patch, stage: Stage::Release }
    }

    /// Its minor release.
    #[must_use]
    pub const fn minor(self) -> Minor {
        Minor { major: self.major, minor: self.minor }
    }

    /// Whether it is an alpha, beta or release candidate.
    #[must_use]
    pub fn is_pre_release(self) -> bool {
        self.stage != Stage::Release
    }
}

impl fmt::Display for Triple {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { major, minor, patch, stage } = self;
        f.pad(&format!("{major}.{minor}.{patch}{stage}"))
    }
}

impl fmt::Display for Stage {
    /// As it follows the numbers: `-rc.1`, and nothing for a release.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (name, number, commits) = match self {
            Self::Alpha(number, commits) => ("alpha", number, commits),
            Self::Beta(number, commits) => ("beta", number, commits),
            Self::Candidate(number, commits) => ("rc", number, commits),
            Self::Release => return Ok(()),
        };
        write!(f, "-{name}.{number}")?;
        if *commits > 0 { write!(f, ".{commits}") } else { Ok(()) }
    }
}

impl FromStr for Triple {
    type Err = VersionError;

    /// An upstream version without anything of a vendor: `1.34.3`, `v1.35.0-rc.1`.
    fn from_str(text: &str) -> Result<Self, VersionError> {
        let version: KubeVersion = text.parse()?;
        if version.suffix().is_empty() { Ok(version.upstream) } else { Err(VersionError::NotAVersion(text.to_owned())) }
    }
}

impl KubeVersion {
    /// The text as it was read, for display.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.raw
    }

    /// What it is of upstream's versions; the only thing to compare it by.
    #[must_use]
    pub const fn upstream(&self) -> Triple {
        self.upstream
    }

    /// Its minor release.
    #[must_use]
    pub const fn minor(&self) -> Minor {
        self.upstream.minor()
    }

    /// The third number.
    #[must_use]
    pub const fn patch(&self) -> u32 {
        self.upstream.patch
    }

    /// What follows the upstream version, with the sign before it: `-gke.1640000`, `+k3s1`, or nothing.
    #[must_use]
    pub fn suffix(&self) -> &str {
        &self.raw[self.suffix_at..]
    }

    /// Whether a vendor built it, who may have back-ported fixes that upstream has in later patches only. The commit
    /// of an upstream build between two tags (`-alpha.2.45+abc`) is none of a vendor's.
    #[must_use]
    pub fn is_vendor(&self) -> bool {
        match self.upstream.stage {
            Stage::Alpha(_, commits) | Stage::Beta(_, commits) | Stage::Candidate(_, commits)
                if commits > 0 && self.suffix().starts_with('+') =>
            {
                false
            }
            _ => !self.suffix().is_empty(),
        }
    }
}

impl fmt::Display for KubeVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.raw)
    }
}

impl From<Triple> for KubeVersion {
    fn from(upstream: Triple) -> Self {
        let raw = compact_str::format_compact!("v{upstream}");
        Self { suffix_at: raw.len(), raw, upstream }
    }
}

impl FromStr for KubeVersion {
    type Err = VersionError;

    fn from_str(text: &str) -> Result<Self, VersionError> {
        let raw = text.trim();
        let wrong = || VersionError::NotAVersion(text.to_owned());
        let (numbers, rest) = leading_numbers(raw);
        if !rest.is_empty() && !rest.starts_with(SUFFIX_STARTS) {
            return Err(wrong());
        }
        let [major, minor, patch] = match *numbers.as_slice() {
            [major, minor, patch] => [major, minor, patch],
            [major, minor] => {
                return Err(VersionError::NoPatch { text: text.to_owned(), minor: Minor { major, minor } });
            }
            _ => return Err(wrong()),
        };
        let printable = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '+' | '.' | '_' | '~');
        if rest.len() == 1 || !rest.chars().all(printable) {
            return Err(wrong());
        }
        let (stage, suffix) = upstream_stage(rest);
        let upstream = Triple { major, minor, patch, stage };
        Ok(Self { suffix_at: raw.len() - suffix.len(), raw: raw.into(), upstream })
    }
}

/// What may follow the numbers. A tilde is Debian's sign for "before".
const SUFFIX_STARTS: [char; 4] = ['-', '+', '~', '_'];

/// The numbers, separated by points, that a text begins with (a `v` before them is left out), and what follows.
/// Nothing where the first is missing or one does not fit 32 bits. A point without a number behind it stays in the
/// rest.
pub(super) fn leading_numbers(text: &str) -> (Vec<u32>, &str) {
    let text = text.trim();
    let mut rest = text.strip_prefix(['v', 'V']).unwrap_or(text);
    let mut numbers = Vec::with_capacity(3);
    loop {
        let after_point = if numbers.is_empty() { Some(rest) } else { rest.strip_prefix('.') };
        let Some(digits) = after_point else { break };
        let end = digits.find(|c: char| !c.is_ascii_digit()).unwrap_or(digits.len());
        if end == 0 {
            break;
        }
        let Some(value) = number(&digits[..end]) else { return (Vec::new(), text) };
        numbers.push(value);
        rest = &digits[end..];
    }
    (numbers, rest)
}

/// The stage that upstream's own tags write, with its point: `-rc.1`, `-alpha.2.45`; and what follows it. `-rc1`
/// without the point is how K3s and RKE2 mark candidates of their packaging, not of Kubernetes.
fn upstream_stage(text: &str) -> (Stage, &str) {
    let no_stage = (Stage::Release, text);
    let Some((make, rest)) = stage_name(text) else { return no_stage };
    let Some((first, rest)) = rest.strip_prefix('.').and_then(split_number) else { return no_stage };
    if let Some((commits, rest)) = rest.strip_prefix('.').and_then(split_number) {
        return (make(first, commits), rest);
    }
    if rest.is_empty() || rest.starts_with(SUFFIX_STARTS) { (make(first, 0), rest) } else { no_stage }
}

type MakeStage = fn(u32, u32) -> Stage;

/// The stage's name behind a `-` or `~`, and what follows it.
pub(super) fn stage_name(text: &str) -> Option<(MakeStage, &str)> {
    let text = text.strip_prefix(['-', '~'])?;
    [("alpha", Stage::Alpha as MakeStage), ("beta", Stage::Beta), ("rc", Stage::Candidate)]
        .into_iter()
        .find_map(|(name, make)| Some((make, text.strip_prefix(name)?)))
}

/// The number that a text begins with, and what follows.
pub(super) fn split_number(text: &str) -> Option<(u32, &str)> {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    Some((number(&text[..end])?, &text[end..]))
}

/// Digits only: no sign, which `parse` would take.
fn number(digits: &str) -> Option<u32> {
    (!digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit())).then(|| digits.parse().ok()).flatten()
}

macro_rules! as_text {
    ($($name:ty),+) => {$(
        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                CompactString::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
            }
        }
    )+};
}
as_text!(Minor, Triple, KubeVersion);

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn kube(text: &str) -> KubeVersion {
        text.parse().unwrap_or_else(|error| panic!("{error}"))
    }

    #[test]
    fn vendors_suffixes_are_shown_and_never_compared() {
        for (text, upstream, suffix, vendor) in [
            ("v1.34.3", "1.34.3", "", false),
            ("1.34.3", "1.34.3", "", false),
            ("1.34.3-gke.1640000", "1.34.3", "-gke.1640000", true),
            ("v1.30.0-eks-036c24b", "1.30.0", "-eks-036c24b", true),
            ("v1.28.5+k3s1", "1.28.5", "+k3s1", true),
            ("v1.29.4+rke2r1", "1.29.4", "+rke2r1", true),
            ("v1.29.4-rc1+rke2r1", "1.29.4", "-rc1+rke2r1", true),
            ("v1.27.3-aliyun.1", "1.27.3", "-aliyun.1", true),
            ("v1.27.8+4fab27b", "1.27.8", "+4fab27b", true),
            ("v1.31.1-dirty", "1.31.1", "-dirty", true),
            ("1.34.0-rc.1", "1.34.0-rc.1", "", false),
            ("v1.35.0-alpha.2", "1.35.0-alpha.2", "", false),
            ("v1.33.0-alpha.2.45+abc", "1.33.0-alpha.2.45", "+abc", false),
            ("v1.33.0-beta.0-gke.7", "1.33.0-beta.0", "-gke.7", true),
            ("v1.33.0-beta.x", "1.33.0", "-beta.x", true),
            (" v1.34.3\n", "1.34.3", "", false),
        ] {
            let version = kube(text);
            assert_eq!(version.upstream().to_string(), upstream, "{text}");
            assert_eq!(version.suffix(), suffix, "{text}");
            assert_eq!(version.is_vendor(), vendor, "{text}");
            assert_eq!(version.as_str(), text.trim());
        }
    }

    #[test]
    fn what_is_no_version_is_refused() {
        for text in [
            "",
            "v",
            "latest",
            "1",
            "1.x.3",
            "1.2.3.4",
            "-1.2.3",
            "1.2.3-",
            "1.2.3 beta",
            "1.2.99999999999",
            "1..3",
            "1.2.+3",
        ] {
            assert!(matches!(text.parse::<KubeVersion>(), Err(VersionError::NotAVersion(_))), "{text}");
        }
        let minor_only = VersionError::NoPatch { text: "1.36-eks-6".into(), minor: Minor::new(1, 36) };
        assert_eq!("1.36-eks-6".parse::<KubeVersion>(), Err(minor_only));
    }

    #[test]
    fn pre_releases_sort_below_their_release() {
        let ascending = [
            "1.33.12",
            "1.34.0-alpha.1",
            "1.34.0-alpha.2",
            "1.34.0-alpha.2.45+abc",
            "1.34.0-alpha.10",
            "1.34.0-beta.0",
            "1.34.0-rc.0",
            "1.34.0-rc.1",
            "1.34.0",
            "1.34.1-rc.0",
            "1.34.1-gke.5",
            "1.34.10",
        ];
        for pair in ascending.windows(2) {
            assert!(kube(pair[0]).upstream() < kube(pair[1]).upstream(), "{pair:?}");
        }
        assert_eq!(kube("v1.34.3-gke.1").upstream(), Triple::release(1, 34, 3));
    }

    #[test]
    fn minors_parse_strictly_and_leniently() {
        assert_eq!("v1.34".parse(), Ok(Minor::new(1, 34)));
        for text in ["1.34.1", "1", "1.34+", "", "1.", "x.y"] {
            assert!(text.parse::<Minor>().is_err(), "{text}");
        }
        for text in ["1.36", "v1.36.2", "1.36-eks-6", "1.36+"] {
            assert_eq!(Minor::leading(text), Ok(Minor::new(1, 36)), "{text}");
        }
        assert!(Minor::leading("1.36x").is_err());
        assert_eq!(Minor::from_fields("1", "34+"), Some(Minor::new(1, 34)));
        assert_eq!(Minor::from_fields("1", ""), None);
    }

    #[test]
    fn minors_count() {
        let minor = Minor::new(1, 34);
        assert_eq!(minor.next(), Minor::new(1, 35));
        assert_eq!(minor.previous(), Some(Minor::new(1, 33)));
        assert_eq!(Minor::new(1, 0).previous(), None);
        assert_eq!(minor.newer_by(Minor::new(1, 31)), 3);
        assert_eq!(Minor::new(1, 31).newer_by(minor), -3);
        assert!(Minor::new(2, 0).newer_by(minor) > 1000);
        assert_eq!(minor.hops_to(Minor::new(1, 36)).map(|hop| hop.to_string()).collect::<Vec<_>>(), ["1.35", "1.36"]);
        assert_eq!(minor.hops_to(minor).count(), 0);
        assert_eq!(Minor::new(2, 1).hops_to(Minor::new(1, 36)).count(), 0);
    }

    #[test]
    fn written_as_text() {
        assert_eq!(serde_json::to_string(&kube("v1.34.3-gke.1")).unwrap(), r#""v1.34.3-gke.1""#);
        assert_eq!(serde_json::from_str::<Minor>(r#""1.34""#).unwrap(), Minor::new(1, 34));
        let error = serde_json::from_str::<Triple>(r#""1.34.3-gke.1""#).unwrap_err().to_string();
        assert!(error.contains("1.34.3-gke.1"), "{error}");
        assert_eq!(KubeVersion::from(Triple::release(1, 34, 3)).as_str(), "v1.34.3");
    }

    proptest! {
        #[test]
        fn any_suffix_of_a_vendor_leaves_the_upstream_version(
            (major, minor, patch) in (0u32..3, 0u32..60, 0u32..40),
            suffix in "(-gke\\.[0-9]{1,7}|-eks-[0-9a-f]{7}|\\+k3s[0-9]|-aliyun\\.1|)",
        ) {
            let version: KubeVersion = format!("v{major}.{minor}.{patch}{suffix}").parse().unwrap();
            prop_assert_eq!(version.upstream(), Triple::release(major, minor, patch));
            prop_assert_eq!(version.suffix(), suffix.as_str());
        }

        #[test]
        fn what_is_shown_reads_back(
            (minor, patch) in (0u32..60, 0u32..40), kind in 0..4, number in 0u32..9, commits in 0u32..99,
        ) {
            let stage = match kind {
                0 => Stage::Alpha(number, commits),
                1 => Stage::Beta(number, commits),
                2 => Stage::Candidate(number, commits),
                _ => Stage::Release,
            };
            let triple = Triple { major: 1, minor, patch, stage };
            prop_assert_eq!(triple.to_string().parse::<Triple>(), Ok(triple));
        }

        #[test]
        fn no_text_makes_it_panic(text in "\\PC*") {
            let _ = text.parse::<KubeVersion>();
            let _ = Minor::leading(&text);
        }
    }
}
