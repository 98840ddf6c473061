//! Versions of components, and ranges of them.
//!
//! The order is semver's. What a vendor appends (`v1.34.3-gke.1`, `v1.33.5+k3s1`) is no pre-release: it is put aside
//! for comparing, and kept as a reason to say that the vendor may have back-ported a fix.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

pub use semver::Version;

/// A version as a component reports it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reported {
    /// What upstream released.
    pub upstream: Version,
    /// What a vendor appended, such as `-gke.1`.
    pub vendor: Option<String>,
}

impl Reported {
    /// Reads a version as components report it, with or without a leading `v`: two or three numbers, then upstream's
    /// own pre-release words (alpha, beta, rc), then whatever a vendor appended.
    ///
    /// Returns `None` where it does not begin with two numbers.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let text = text.strip_prefix('v').or_else(|| text.strip_prefix('V')).unwrap_or(text);
        let end_of_numbers = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
        let (numbers, suffix) = text.split_at(end_of_numbers);
        let mut parts = numbers.trim_end_matches('.').split('.');
        let major = parts.next()?.parse().ok()?;
        let minor = parts.next()?.parse().ok()?;
        let patch = parts.next().map_or(Some(0), |patch| patch.parse().ok())?;
        let fourth = parts.next().is_some();
        let mut upstream = Version::new(major, minor, patch);
        let is_upstream = |word: &str| ["alpha", "beta", "rc"].iter().any(|known| word.starts_with(known));
        if let Some(words) = suffix.strip_prefix('-')
            && is_upstream(words)
        {
            let (pre, rest) = words.split_once('+').map_or((words, ""), |(pre, rest)| (pre, rest));
            upstream.pre = pre_release(pre)?;
            let vendor = (!rest.is_empty()).then(|| format!("+{rest}"));
            return Some(Self { upstream, vendor });
        }
        let vendor = if fourth { Some(text.to_owned()) } else { (!suffix.is_empty()).then(|| suffix.to_owned()) };
        Some(Self { upstream, vendor })
    }
}

/// A pre-release, with its number apart from its word: semver would sort `rc10` before `rc9`, but not `rc.10`.
fn pre_release(text: &str) -> Option<semver::Prerelease> {
    let apart = |part: &str| {
        let digits = part.trim_start_matches(|c: char| c.is_ascii_lowercase());
        let known = ["alpha", "beta", "rc"].contains(&&part[..part.len() - digits.len()]);
        if known && !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()) {
            format!("{}.{digits}", &part[..part.len() - digits.len()])
        } else {
            part.to_owned()
        }
    };
    let parts: Vec<String> = text.split('.').map(apart).collect();
    semver::Prerelease::new(&parts.join(".")).ok()
}

/// Reads a bound as vulnerability databases write it: `1.24.15`, `v1.29.12`, `0`, `1.12.0-beta.0`.
#[must_use]
pub fn parse_bound(text: &str) -> Option<Version> {
    let text = text.trim().trim_start_matches(['v', 'V']);
    if let Ok(mut version) = Version::parse(text) {
        version.pre = pre_release(version.pre.as_str())?;
        return Some(version);
    }
    let mut parts = text.split('.').map(str::parse::<u64>);
    let numbers = [parts.next(), parts.next(), parts.next()];
    let [Some(Ok(major)), minor, patch] = numbers else { return None };
    let or_zero = |part: Option<Result<u64, _>>| part.map_or(Some(0), Result::ok);
    let version = Version::new(major, or_zero(minor)?, or_zero(patch)?);
    parts.next().is_none().then_some(version)
}

/// Where an interval of affected versions ends.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum End {
    /// The first version that has the fix; affected are those before it.
    Fixed(Version),
    /// The last version that is known to be affected; no fixed one is known.
    LastAffected(Version),
    /// No end is known.
    Open,
}

/// An interval of affected versions. Written `>=1.25.0 <1.25.11`, `>=1.31.0 <=1.31.14` or `>=1.3.0`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Interval {
    /// The first affected version.
    pub from: Version,
    /// Where it ends.
    pub to: End,
}

impl Interval {
    /// Whether a version lies in it.
    #[must_use]
    pub fn contains(&self, version: &Version) -> bool {
        *version >= self.from
            && match &self.to {
                End::Fixed(end) => version < end,
                End::LastAffected(end) => version <= end,
                End::Open => true,
            }
    }
}

impl fmt::Display for Interval {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, ">={}", self.from)?;
        match &self.to {
            End::Fixed(end) => write!(f, " <{end}"),
            End::LastAffected(end) => write!(f, " <={end}"),
            End::Open => Ok(()),
        }
    }
}

/// Text that is no interval of versions.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no interval of versions: expected \">=FROM\", \">=FROM <FIXED\" or \">=FROM <=LAST\"")]
pub struct IntervalError(pub String);

impl std::str::FromStr for Interval {
    type Err = IntervalError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let error = || IntervalError(text.to_owned());
        let mut words = text.split_whitespace();
        let from = words.next().and_then(|word| word.strip_prefix(">=")).and_then(parse_bound).ok_or_else(error)?;
        let to = match words.next() {
            None => End::Open,
            Some(word) => match word.strip_prefix("<=") {
                Some(last) => End::LastAffected(parse_bound(last).ok_or_else(error)?),
                None => End::Fixed(word.strip_prefix('<').and_then(parse_bound).ok_or_else(error)?),
            },
        };
        if words.next().is_some() { Err(error()) } else { Ok(Self { from, to }) }
    }
}

impl Serialize for Interval {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Interval {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

/// Sorts intervals, joins those that touch or overlap, and drops the empty ones.
#[must_use]
pub fn union(mut intervals: Vec<Interval>) -> Vec<Interval> {
    intervals.retain(|interval| match &interval.to {
        End::Fixed(end) => interval.from < *end,
        End::LastAffected(end) => interval.from <= *end,
        End::Open => true,
    });
    intervals.sort();
    let mut joined: Vec<Interval> = Vec::with_capacity(intervals.len());
    for next in intervals {
        let Some(last) = joined.last_mut() else {
            joined.push(next);
            continue;
        };
        let touches = match &last.to {
            End::Fixed(end) => next.from <= *end,
            End::LastAffected(end) => next.from <= *end,
            End::Open => true,
        };
        if touches {
            if later(&next.to, &last.to) {
                last.to = next.to;
            }
        } else {
            joined.push(next);
        }
    }
    joined
}

/// Whether one end lies behind another.
fn later(one: &End, other: &End) -> bool {
    match (one, other) {
        (_, End::Open) => false,
        (End::Open, _) => true,
        (End::Fixed(one), End::Fixed(other)) | (End::LastAffected(one), End::LastAffected(other)) => one > other,
        (End::Fixed(fixed), End::LastAffected(last)) => fixed > last,
        (End::LastAffected(last), End::Fixed(fixed)) => last >= fixed,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version(text: &str) -> Version {
        parse_bound(text).expect("a version of this test")
    }

    #[test]
    fn reads_what_components_report() {
        for (text, upstream, vendor) in [
            ("v1.34.3", "1.34.3", None),
            ("v1.34.3-gke.1", "1.34.3", Some("-gke.1")),
            ("v1.33.5-eks-ba24e9c", "1.33.5", Some("-eks-ba24e9c")),
            ("v1.33.5+k3s1", "1.33.5", Some("+k3s1")),
            ("1.35.0-rc.1", "1.35.0-rc.1", None),
            ("v1.32.0-beta.0+vendor", "1.32.0-beta.0", Some("+vendor")),
            ("1.7.27-0ubuntu1~22.04.1", "1.7.27", Some("-0ubuntu1~22.04.1")),
            ("1.0.0-rc93", "1.0.0-rc.93", None),
            ("v1.31", "1.31.0", None),
            ("1.2.3.4", "1.2.3", Some("1.2.3.4")),
        ] {
            let reported = Reported::parse(text).expect(text);
            assert_eq!(reported.upstream.to_string(), upstream, "{text}");
            assert_eq!(reported.vendor.as_deref(), vendor, "{text}");
        }
        for text in ["", "v", "latest", "1", "1.x.3", "-1.2.3"] {
            assert_eq!(Reported::parse(text), None, "{text}");
        }
    }

    #[test]
    fn a_vendor_suffix_does_not_sort_below_the_release() {
        let interval: Interval = ">=1.34.0 <1.34.3".parse().expect("an interval");
        assert!(!interval.contains(&Reported::parse("v1.34.3-gke.1").expect("a version").upstream));
        assert!(interval.contains(&Reported::parse("v1.34.3-rc.1").expect("a version").upstream));
    }

    #[test]
    fn bounds_of_databases() {
        assert_eq!(version("0"), Version::new(0, 0, 0));
        assert_eq!(version("v1.29.12"), Version::new(1, 29, 12));
        assert_eq!(version("1.31"), Version::new(1, 31, 0));
        assert!(version("1.12.0-beta.0") < version("1.12.0"));
        assert!(version("1.0.0-rc9") < version("1.0.0-rc10"));
        for text in ["", "x", "1.2.3.4", "1..2", "1.2.x"] {
            assert_eq!(parse_bound(text), None, "{text}");
        }
    }

    #[test]
    fn intervals_read_as_they_are_written() {
        for text in [">=0.0.0", ">=1.31.0 <=1.31.14", ">=1.25.0 <1.25.11", ">=1.12.0-beta.0 <1.12.1"] {
            let interval: Interval = text.parse().expect(text);
            assert_eq!(interval.to_string(), text);
        }
        for text in ["", "1.2.3", ">=1 2", ">=1.0.0 <x", ">=1.0.0 <2.0.0 <3.0.0"] {
            assert!(text.parse::<Interval>().is_err(), "{text}");
        }
    }

    #[test]
    fn union_joins_and_drops() {
        let read = |texts: &[&str]| -> Vec<Interval> { texts.iter().map(|text| text.parse().expect(text)).collect() };
        let shown = |intervals: Vec<Interval>| -> Vec<String> { intervals.iter().map(ToString::to_string).collect() };
        assert_eq!(shown(union(read(&[">=1.15.0 <1.15.0"]))), Vec::<String>::new());
        assert_eq!(shown(union(read(&[">=1.2.0 <1.3.0", ">=0 <1.2.0"]))), [">=0.0.0 <1.3.0"]);
        assert_eq!(shown(union(read(&[">=1.0.0", ">=1.2.0 <1.3.0"]))), [">=1.0.0"]);
        assert_eq!(shown(union(read(&[">=1.2.0 <=1.2.5", ">=1.0.0 <1.1.0"]))), [">=1.0.0 <1.1.0", ">=1.2.0 <=1.2.5"]);
    }
}
