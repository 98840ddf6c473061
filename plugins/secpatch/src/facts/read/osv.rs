//! The Open Source Vulnerability format, as the Kubernetes CVE feed and the Go vulnerability database write it.
//!
//! Source of the format: <https://ossf.github.io/osv-schema/>.

use jiff::civil::Date;
use patchkit::rules::{Triple, version::Stage};
use serde::Deserialize;

use super::{ReadError, json};
use crate::facts::{
    Component,
    version::{End, Interval, parse_bound, union},
};

/// What one file says.
#[derive(Clone, Debug, PartialEq)]
pub struct Advisory {
    /// The file's own identifier.
    pub id: String,
    /// Identifiers elsewhere.
    pub aliases: Vec<String>,
    /// When it became known.
    pub published: Option<Date>,
    /// When the file changed last, as it is written: it sorts as text.
    pub modified: String,
    /// It was taken back.
    pub withdrawn: bool,
    /// The title.
    pub title: String,
    /// The CVSS 3 vector.
    pub cvss: Option<String>,
    /// What is affected.
    pub affected: Vec<AffectedPackage>,
    /// Addresses, in the file's order.
    pub links: Vec<String>,
}

/// The affected versions of one package.
#[derive(Clone, Debug, PartialEq)]
pub struct AffectedPackage {
    /// As it is written: `k8s.io/kubelet`, `github.com/containerd/containerd/v2`.
    pub package: String,
    /// The component it means.
    pub component: Component,
    /// In order and disjoint. Empty where the file knows no range in the component's own versions.
    pub ranges: Vec<Interval>,
}

#[derive(Deserialize)]
struct File {
    id: String,
    #[serde(default)]
    aliases: Vec<String>,
    #[serde(default)]
    published: String,
    #[serde(default)]
    modified: String,
    #[serde(default)]
    withdrawn: Option<String>,
    #[serde(default)]
    summary: String,
    #[serde(default)]
    severity: Vec<FileSeverity>,
    #[serde(default)]
    affected: Vec<FileAffected>,
    #[serde(default)]
    references: Vec<FileReference>,
}

#[derive(Deserialize)]
struct FileReference {
    url: String,
}

#[derive(Deserialize)]
struct FileSeverity {
    #[serde(rename = "type")]
    kind: String,
    score: String,
}

#[derive(Deserialize)]
struct FileAffected {
    package: FilePackage,
    #[serde(default)]
    severity: Vec<FileSeverity>,
    #[serde(default)]
    ranges: Vec<FileRange>,
    #[serde(default)]
    versions: Vec<String>,
    #[serde(default)]
    ecosystem_specific: FileSpecific,
}

#[derive(Deserialize)]
struct FilePackage {
    name: String,
}

#[derive(Default, Deserialize)]
struct FileSpecific {
    /// The Go database's ranges in a project's own versions, where its Go module has none that fit.
    #[serde(default)]
    custom_ranges: Vec<FileRange>,
}

#[derive(Deserialize)]
struct FileRange {
    #[serde(rename = "type", default)]
    kind: String,
    #[serde(default)]
    events: Vec<FileEvent>,
}

#[derive(Deserialize)]
struct FileEvent {
    #[serde(default)]
    introduced: Option<String>,
    #[serde(default)]
    fixed: Option<String>,
    #[serde(default)]
    last_affected: Option<String>,
}

/// Reads one file.
///
/// # Errors
/// Where it is no such file, or a version in it cannot be read.
pub fn read(file: &str, text: &str) -> Result<Advisory, ReadError> {
    let parsed: File = json(file, text)?;
    let vector = parsed
        .affected
        .iter()
        .flat_map(|affected| &affected.severity)
        .chain(&parsed.severity)
        .find(|severity| severity.kind == "CVSS_V3")
        .map(|severity| severity.score.clone());
    let majors: Vec<Option<u32>> =
        parsed.affected.iter().map(|affected| module_major(&affected.package.name)).collect();
    let mut affected = Vec::with_capacity(parsed.affected.len());
    for (entry, major) in parsed.affected.iter().zip(&majors) {
        let ranges = package_ranges(entry, file, text)?;
        // Paths of Go modules carry their major version: `…/containerd` ends before 2.0.0, where `…/containerd/v2`
        // begins, though both say that they were affected from the start.
        let ranges = match major {
            Some(major) => clamp(ranges, first_of_major(*major), None),
            None => {
                let base = |name: &str| name.rsplit_once("/v").map(|(base, _)| base.to_owned());
                let next = parsed
                    .affected
                    .iter()
                    .zip(&majors)
                    .filter(|(other, _)| base(&other.package.name).as_deref() == Some(&entry.package.name))
                    .filter_map(|(_, major)| *major)
                    .min();
                match next {
                    Some(next) => clamp(ranges, Triple::release(0, 0, 0), Some(first_of_major(next))),
                    None => ranges,
                }
            }
        };
        affected.push(AffectedPackage {
            component: Component::of_package(&entry.package.name),
            package: entry.package.name.clone(),
            ranges,
        });
    }
    Ok(Advisory {
        id: parsed.id,
        aliases: parsed.aliases,
        published: date(&parsed.published),
        modified: parsed.modified,
        withdrawn: parsed.withdrawn.is_some(),
        title: parsed.summary.trim().to_owned(),
        cvss: vector,
        affected,
        links: parsed.references.into_iter().map(|reference| reference.url).collect(),
    })
}

/// The day of a time stamp; the Go database writes year 1 for "not known".
#[must_use]
pub fn date(stamp: &str) -> Option<Date> {
    let day: Date = stamp.get(..10)?.parse().ok()?;
    (day.year() > 2000).then_some(day)
}

/// 2 for `github.com/containerd/containerd/v2`.
fn module_major(package: &str) -> Option<u32> {
    let (_, major) = package.rsplit_once("/v")?;
    major.parse().ok().filter(|major| *major >= 2)
}

/// The first pre-release that could exist of a major version.
const fn first_of_major(major: u32) -> Triple {
    Triple { major, minor: 0, patch: 0, stage: Stage::Alpha(0, 0) }
}

/// Cuts intervals to what lies from one version on and before another.
fn clamp(ranges: Vec<Interval>, from: Triple, before: Option<Triple>) -> Vec<Interval> {
    let cut = |mut range: Interval| {
        range.from = range.from.max(from);
        if let Some(before) = before {
            let inside = match range.to {
                End::Fixed(end) => end <= before,
                End::LastAffected(end) => end < before,
                End::Open => false,
            };
            if !inside {
                range.to = End::Fixed(before);
            }
        }
        range
    };
    union(ranges.into_iter().map(cut).collect())
}

/// The ranges of one package.
fn package_ranges(entry: &FileAffected, file: &str, text: &str) -> Result<Vec<Interval>, ReadError> {
    let semantic = |range: &&FileRange| range.kind != "GIT";
    let mut intervals = Vec::new();
    for range in entry.ranges.iter().filter(semantic) {
        intervals.extend(intervals_of(&range.events, file, text)?);
    }
    let everything = |range: &Interval| range.from == Triple::release(0, 0, 0) && range.to == End::Open;
    let custom = &entry.ecosystem_specific.custom_ranges;
    if custom.is_empty() {
        // Neither ranges nor versions: every version is affected, and none has a fix.
        if entry.ranges.is_empty() && entry.versions.is_empty() {
            intervals.push(Interval { from: Triple::release(0, 0, 0), to: End::Open });
        }
    } else {
        // "Every version" then stands for "see the custom ranges".
        intervals.retain(|range| !everything(range));
        for range in custom {
            intervals.extend(intervals_of(&range.events, file, text)?);
        }
    }
    // Some files list every version beside the ranges; what the ranges leave out is added.
    for version in &entry.versions {
        let version = bound(version, file, text)?;
        if !intervals.iter().any(|range| range.contains(version)) {
            intervals.push(Interval { from: version, to: End::LastAffected(version) });
        }
    }
    Ok(union(intervals))
}

fn bound(version: &str, file: &str, text: &str) -> Result<Triple, ReadError> {
    parse_bound(version).ok_or_else(|| {
        let problem = format!("{version:?} is no version: expected numbers such as 1.34.2, or 0");
        ReadError::at(file, text, &format!("\"{version}\""), problem)
    })
}

/// A version that Go made up for a commit without a tag: it says nothing about the project's own versions.
fn is_pseudo(version: &str) -> bool {
    version.split(['.', '-']).any(|part| part.len() == 14 && part.bytes().all(|byte| byte.is_ascii_digit()))
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Introduced,
    Fixed,
    LastAffected,
}

/// Turns events into intervals. The events need not be sorted, and an `introduced` inside of an affected stretch says
/// nothing new.
fn intervals_of(events: &[FileEvent], file: &str, text: &str) -> Result<Vec<Interval>, ReadError> {
    let mut sorted = Vec::with_capacity(events.len());
    for event in events {
        for (kind, version) in [
            (Kind::Introduced, &event.introduced),
            (Kind::Fixed, &event.fixed),
            (Kind::LastAffected, &event.last_affected),
        ] {
            if let Some(version) = version {
                if is_pseudo(version) {
                    return Ok(Vec::new());
                }
                sorted.push((bound(version, file, text)?, kind));
            }
        }
    }
    sorted.sort();
    let mut intervals = Vec::new();
    let mut open: Option<Triple> = None;
    let mut index = 0;
    while index < sorted.len() {
        // At one and the same version, an end closes what is open before a new beginning, and closes that as well
        // where nothing was open: "introduced 1.15.0, fixed 1.15.0" touches nothing.
        let at = sorted[index].0;
        let here: Vec<Kind> =
            sorted[index..].iter().take_while(|(version, _)| *version == at).map(|(_, kind)| *kind).collect();
        index += here.len();
        let was_open = open.is_some();
        if here.contains(&Kind::LastAffected) {
            let from = open.take().unwrap_or(at);
            intervals.push(Interval { from, to: End::LastAffected(at) });
        } else if here.contains(&Kind::Fixed)
            && let Some(from) = open.take()
        {
            intervals.push(Interval { from, to: End::Fixed(at) });
        }
        let begins = here.contains(&Kind::Introduced)
            && !here.contains(&Kind::LastAffected)
            && (was_open || !here.contains(&Kind::Fixed));
        if begins {
            open.get_or_insert(at);
        }
    }
    if let Some(from) = open {
        intervals.push(Interval { from, to: End::Open });
    }
    Ok(union(intervals))
}
