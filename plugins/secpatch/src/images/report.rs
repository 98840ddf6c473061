//! What is said of each image, and what comes of it.

use std::collections::BTreeSet;

use patchkit::{
    report::{Finding, NotEvaluated, ObjectRef, Severity},
    rules::image::ImageRef,
    snapshot::{Kind, Snapshot, kinds},
};

use super::{ImageEntry, ImageUser, Problem, collect, scans::Scan};
use crate::words::summary;

/// The kinds that are read of a live cluster.
pub const KINDS: &[Kind] = &[
    kinds::PODS,
    kinds::DEPLOYMENTS,
    kinds::STATEFUL_SETS,
    kinds::DAEMON_SETS,
    kinds::REPLICA_SETS,
    kinds::REPLICATION_CONTROLLERS,
    kinds::JOBS,
    kinds::CRON_JOBS,
    kinds::POD_TEMPLATES,
    kinds::VULNERABILITY_REPORTS,
];

/// Tags that by custom are moved to another image with each build or release.
const MOVING_TAGS: [&str; 16] = [
    "latest", "stable", "edge", "nightly", "main", "master", "dev", "develop", "canary", "rolling", "mainline",
    "current", "lts", "testing", "unstable", "snapshot",
];

/// Who is trusted: a registry, a registry with the beginning of a path, or all registries below a domain
/// (`*.example.com`).
#[derive(Clone, Debug, Default)]
pub struct Trusted(Vec<String>);

impl Trusted {
    /// Of these patterns; none at all trusts everybody.
    #[must_use]
    pub fn new(patterns: &[String]) -> Self {
        let known = |pattern: &String| pattern.trim().trim_end_matches('/').to_lowercase();
        Self(patterns.iter().map(known).collect())
    }

    fn allows(&self, registry: &str, repository: &str) -> bool {
        let name = format!("{registry}/{repository}");
        self.0.is_empty()
            || self.0.iter().any(|pattern| match pattern.strip_prefix("*.") {
                Some(domain) => registry.strip_suffix(domain).is_some_and(|host| host.ends_with('.')),
                None => {
                    name.strip_prefix(pattern.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
                }
            })
    }
}

/// Every image with its problems and with what the reports say of it.
#[must_use]
pub fn entries(snapshot: &Snapshot, trusted: &Trusted, scans: &[Scan]) -> Vec<ImageEntry> {
    let mut found = collect::images(snapshot);
    for entry in &mut found {
        entry.problems = problems(entry, trusted);
        entry.base = base(entry);
        for scan in scans {
            if !speaks_of(scan, entry) {
                continue;
            }
            let counts = entry.vulnerabilities.get_or_insert_default();
            for (severity, number) in &scan.counts {
                let highest = counts.entry(severity.clone()).or_default();
                *highest = (*highest).max(*number);
            }
            entry.base = entry.base.take().or_else(|| scan.base.clone());
            if !entry.reports.contains(&scan.from) {
                entry.reports.push(scan.from.clone());
            }
        }
    }
    found
}

fn problems(entry: &ImageEntry, trusted: &Trusted) -> Vec<Problem> {
    let Ok(image) = entry.image.parse::<ImageRef>() else { return vec![Problem::InvalidReference] };
    let mut found = Vec::new();
    if !trusted.allows(&image.registry, &image.repository) {
        found.push(Problem::UntrustedRegistry);
    }
    if image.thawed().is_some() {
        found.push(Problem::FrozenRegistry);
    }
    if image.digest.is_none() {
        let moves = |tag: &str| {
            // One number alone names every release that begins with it.
            let number = tag.strip_prefix('v').unwrap_or(tag);
            let is_number = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
            let word = tag.to_ascii_lowercase();
            MOVING_TAGS.contains(&word.as_str()) || (is_number && number.len() < 4)
        };
        if image.floats() || image.tag.as_deref().is_some_and(moves) {
            found.push(Problem::MutableTag);
        }
        found.push(Problem::NoDigest);
    }
    found
}

/// What the name or the tag tell of the base. Nothing is guessed from a project's habits.
fn base(entry: &ImageEntry) -> Option<String> {
    let tag = entry.tag.as_deref().unwrap_or_default();
    let has = |word: &str| {
        let is_part = |text: &str| text.split(['/', '-', '_', '.']).any(|part| part == word);
        is_part(&entry.repository) || is_part(tag)
    };
    let chainguard = entry.registry == "cgr.dev";
    let known = [("distroless", "distroless"), ("scratch", "scratch"), ("slim", "slim"), ("alpine", "alpine")];
    // Alpine's tags carry its version: 3.20-alpine3.19.
    let alpine = tag.split(['-', '_']).any(|part| part.starts_with("alpine"));
    let found = known.iter().find(|(word, _)| has(word)).map(|(_, base)| *base);
    let distroless = (chainguard && tag != "latest-dev" && !tag.ends_with("-dev")).then_some("distroless");
    found.or(distroless).or(alpine.then_some("alpine")).map(str::to_owned)
}

/// Whether a report is about an image: by the digest that is written or runs, else by the reference. A reference does
/// not count where both name digests and none is the same.
fn speaks_of(scan: &Scan, entry: &ImageEntry) -> bool {
    let own: Vec<&String> = entry.digest.iter().chain(&entry.running).collect();
    if own.iter().any(|digest| scan.digests.contains(*digest)) {
        return true;
    }
    if entry.digest.is_some() && !scan.digests.is_empty() {
        return false;
    }
    let Ok(image) = entry.image.parse::<ImageRef>() else { return false };
    let tagged = ImageRef { digest: None, ..image };
    scan.names.contains(&tagged.canonical()) && (entry.digest.is_none() || tagged.tag.is_some())
}

/// Reports that speak of no image that is used.
#[must_use]
pub fn without_user(entries: &[ImageEntry], scans: &[Scan]) -> usize {
    scans.iter().filter(|scan| !entries.iter().any(|entry| speaks_of(scan, entry))).count()
}

/// One finding a problem of an image, and one for what its reports found.
#[must_use]
pub fn findings(entries: &[ImageEntry]) -> Vec<Finding> {
    entries
        .iter()
        .flat_map(|entry| {
            let problems = entry.problems.iter().map(|problem| problem_finding(entry, *problem));
            problems.chain(vulnerability_finding(entry)).collect::<Vec<_>>()
        })
        .collect()
}

fn about(entry: &ImageEntry, finding: Finding) -> Finding {
    let users: Vec<String> = entry.used_by.iter().map(ImageUser::display).collect();
    let mut finding = finding.with_evidence("image", entry.image.as_str()).with_evidence("usedBy", users);
    if let [only] = entry.used_by.as_slice() {
        finding = finding.with_source(only.source.clone()).with_object(ObjectRef {
            api_version: only.api_version.clone(),
            kind: only.kind.clone(),
            namespace: only.namespace.clone(),
            name: only.name.clone(),
            container: Some(only.container.clone()),
        });
    }
    finding
}

fn problem_finding(entry: &ImageEntry, problem: Problem) -> Finding {
    let image = &entry.image;
    let (severity, title, hint) = match problem {
        Problem::InvalidReference => {
            let why = entry.image.parse::<ImageRef>().err().map(|error| error.problem.to_string()).unwrap_or_default();
            (Severity::High, format!("{image:?} is no image reference: {why}"), "correct it".to_owned())
        }
        Problem::UntrustedRegistry => (
            Severity::High,
            format!("{image} comes from {}, which is not trusted", entry.registry),
            "take it from a registry that is trusted, or add this one to --trusted".to_owned(),
        ),
        Problem::FrozenRegistry => (
            Severity::Medium,
            format!("{image} comes from {}, which has got no image since April 2023", entry.registry),
            format!("write {} (--fix makes patches)", entry.rewrite.as_deref().unwrap_or("its new registry")),
        ),
        Problem::MutableTag => (
            Severity::Medium,
            format!("{image} may be another image tomorrow"),
            "write the tag of a release, and its digest".to_owned(),
        ),
        Problem::NoDigest => {
            let hint = match entry.running.as_slice() {
                [one] => format!("write the digest that runs: {one}"),
                _ => "write the digest beside the tag".to_owned(),
            };
            (Severity::Info, format!("{image} is named by no digest: its tag can be moved"), hint)
        }
    };
    let mut finding = about(entry, Finding::new(problem.id(), severity, title)).with_hint(hint);
    if problem == Problem::FrozenRegistry {
        finding = finding.with_link("https://kubernetes.io/blog/2023/02/06/k8s-gcr-io-freeze-announcement/");
    }
    finding
}

fn vulnerability_finding(entry: &ImageEntry) -> Option<Finding> {
    let counts = entry.vulnerabilities.as_ref()?;
    let number = |severity: &str| counts.get(severity).copied().unwrap_or(0);
    let severity = [Severity::Critical, Severity::High, Severity::Medium, Severity::Low]
        .into_iter()
        .find(|severity| number(severity.as_str()) > 0)
        .or_else(|| counts.values().any(|number| *number > 0).then_some(Severity::Low))?;
    let text: Vec<String> = ["critical", "high", "medium", "low", "negligible", "unknown"]
        .iter()
        .filter(|severity| number(severity) > 0)
        .map(|severity| format!("{} {severity}", number(severity)))
        .collect();
    let title = format!("{} has vulnerabilities: {}", entry.image, text.join(", "));
    let finding = Finding::new("image-vulnerabilities", severity, title)
        .with_evidence("counts", serde_json::to_value(counts).unwrap_or_default())
        .with_evidence("reports", entry.reports.clone())
        .with_hint("update it to a release that is built on newer packages, and scan that");
    Some(about(entry, finding))
}

/// The kinds of which no object could be read.
#[must_use]
pub fn not_evaluated(snapshot: &Snapshot, scans: &[Scan]) -> Vec<NotEvaluated> {
    let mut found = snapshot.not_evaluated.clone();
    let says_nothing = |scan: &&Scan| scan.names.is_empty() && scan.digests.is_empty();
    let nothing: BTreeSet<&str> = scans.iter().filter(says_nothing).map(|scan| scan.from.as_str()).collect();
    found.extend(nothing.into_iter().map(|from| NotEvaluated::new(from, "the report names no image")));
    found
}

/// `untrusted`, `vulnerable`, `problems` (of severity medium or higher), or `clean`.
#[must_use]
pub fn verdict(entries: &[ImageEntry], findings: &[Finding]) -> &'static str {
    let has = |problem: Problem| entries.iter().any(|entry| entry.problems.contains(&problem));
    if has(Problem::UntrustedRegistry) {
        "untrusted"
    } else if findings.iter().any(|finding| finding.id == "image-vulnerabilities" && finding.severity >= Severity::High)
    {
        "vulnerable"
    } else if findings.iter().any(|finding| finding.severity >= Severity::Medium) {
        "problems"
    } else {
        "clean"
    }
}

/// A few of the users, for one line.
#[must_use]
pub fn users(entry: &ImageEntry) -> String {
    summary(&entry.used_by.iter().map(ImageUser::display).collect::<Vec<_>>())
}
