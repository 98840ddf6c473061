//! Versions of components, and ranges of them.
//!
//! The order is semver's. What a vendor appends (`v1.34.3-gke.1`, `v1.33.5+k3s1`) is no pre-release: it is put aside
//! for comparing, and kept as a reason to say that the vendor may have back-ported a fix.

use std::fmt;

use patchkit::rules::{KubeVersion, LooseVersion, Triple, version::Stage};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::Component;

/// A version as a component reports it, taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reported {
    /// What upstream released.
    pub upstream: Triple,
    /// What a vendor appended, such as `-gke.1`.
    pub vendor: Option<String>,
}

impl Reported {
    /// Reads the version of a component, by the rules of that component.
    ///
    /// Returns `None` where it names no version that can be compared.
    #[must_use]
    pub fn parse(component: &Component, text: &str) -> Option<Self> {
        if component.is_released_with_kubernetes() {
            let version: KubeVersion = text.parse().ok()?;
            let vendor = version.is_vendor().then(|| version.suffix().to_owned());
            return Some(Self { upstream: version.upstream(), vendor });
        }
        let version: LooseVersion = text.parse().ok()?;
        let text = version.as_str().trim_start_matches(['v', 'V']);
        // One number is a mutable tag (`nginx:1`) and tells no version.
        if !text.contains('.') {
            return None;
        }
        let suffix = text.trim_start_matches(|c: char| c.is_ascii_digit() || c == '.');
        let vendor = (!suffix.is_empty() && !version.triple().is_pre_release()).then(|| suffix.to_owned());
        Some(Self { upstream: version.triple(), vendor })
    }
}

/// Reads a bound as vulnerability databases write it: `1.24.15`, `v1.29.12`, `0`, `1.12.0-beta.0`, `2.0.0-0`.
#[must_use]
pub fn parse_bound(text: &str) -> Option<Triple> {
    let bare = text.trim().trim_start_matches(['v', 'V']);
    let (numbers, suffix) = bare.split_at(bare.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(bare.len()));
    if numbers.split('.').count() > 3 || numbers.split('.').any(str::is_empty) {
        return None;
    }
    let version: LooseVersion = bare.parse().ok()?;
    match suffix {
        "" => Some(version.triple()),
        // The first pre-release that there could be.
        "-0" => Some(Triple { stage: Stage::Alpha(0, 0), ..version.triple() }),
        _ => version.triple().is_pre_release().then(|| version.triple()),
    }
}

/// Where an interval of affected versions ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum End {
    /// The first version that has the fix; affected are those before it.
    Fixed(Triple),
    /// The last version that is known to be affected; no fixed one is known.
    LastAffected(Triple),
    /// No end is known.
    Open,
}

/// An interval of affected versions. Written `>=1.25.0 <1.25.11`, `>=1.31.0 <=1.31.14` or `>=1.3.0`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Interval {
    /// The first affected version.
    pub from: Triple,
    /// Where it ends.
    pub to: End,
}

impl Interval {
    /// Whether a version lies in it.
    #[must_use]
    pub fn contains(&self, version: Triple) -> bool {
        version >= self.from
            && match self.to {
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

    fn version(text: &str) -> Triple {
        parse_bound(text).expect("a version of this test")
    }

    #[test]
    fn reads_what_components_report() {
        for (component, text, upstream, vendor) in [
            (Component::KUBELET, "v1.34.3", "1.34.3", None),
            (Component::KUBELET, "v1.34.3-gke.1", "1.34.3", Some("-gke.1")),
            (Component::KUBELET, "v1.33.5+k3s1", "1.33.5", Some("+k3s1")),
            (Component::KUBELET, "v1.33.5-rc1+rke2r1", "1.33.5", Some("-rc1+rke2r1")),
            (Component::KUBE_APISERVER, "1.35.0-rc.1", "1.35.0-rc.1", None),
            (Component::CONTAINERD, "1.7.27-0ubuntu1~22.04.1", "1.7.27", Some("-0ubuntu1~22.04.1")),
            (Component::CONTAINERD, "2.0.0-rc.1", "2.0.0-rc.1", None),
            (Component::RUNC, "1.0.0-rc93", "1.0.0-rc.93", None),
            (Component::ETCD, "3.5.24-0", "3.5.24", Some("-0")),
            (Component::INGRESS_NGINX, "v1.11.2", "1.11.2", None),
        ] {
            let reported = Reported::parse(&component, text).expect(text);
            assert_eq!(reported.upstream.to_string(), upstream, "{text}");
            assert_eq!(reported.vendor.as_deref(), vendor, "{text}");
        }
        for text in ["", "v", "latest", "1", "v1", "x.3", "-1.2.3"] {
            assert_eq!(Reported::parse(&Component::KUBELET, text), None, "{text}");
            assert_eq!(Reported::parse(&Component::COREDNS, text), None, "{text}");
        }
        assert_eq!(Reported::parse(&Component::KUBELET, "v1.34"), None, "a minor release is no version of a component");
    }

    #[test]
    fn a_vendor_suffix_does_not_sort_below_the_release() {
        let interval: Interval = ">=1.34.0 <1.34.3".parse().expect("an interval");
        let upstream = |text| Reported::parse(&Component::KUBELET, text).expect("a version").upstream;
        assert!(!interval.contains(upstream("v1.34.3-gke.1")));
        assert!(interval.contains(upstream("v1.34.3-rc.1")));
    }

    #[test]
    fn bounds_of_databases() {
        assert_eq!(version("0"), Triple::release(0, 0, 0));
        assert_eq!(version("v1.29.12"), Triple::release(1, 29, 12));
        assert_eq!(version("1.31"), Triple::release(1, 31, 0));
        assert!(version("1.12.0-beta.0") < version("1.12.0"));
        assert!(version("1.0.0-rc9") < version("1.0.0-rc10"));
        for text in ["", "x", "1.2.3.4", "1..2", "1.2.x", "1.2.3-gke.1"] {
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
