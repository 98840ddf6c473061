//! Joining what several sources say into one table.
//!
//! On a vulnerability, the Kubernetes CVE feed (OSV form) knows the component and wins; the Go vulnerability database
//! speaks of what that feed does not cover (runtimes, etcd, CoreDNS, newer ingress-nginx), adds aliases and confirms
//! fixed versions; the official feed adds identifiers and status. Hand-written corrections come last, and each applies
//! only while the source still says what was corrected.

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::Date;
use patchkit::rules::{Minor, Triple};
use serde::{Deserialize, Serialize};

use super::{
    AffectedComponent, Component, Cve, CveStatus, Patch, Release, Releases,
    cve::id_order,
    read::{
        feed::FeedItem,
        osv::Advisory,
        releases::Unofficial,
        schedule::{Branch, EndedBranch},
    },
    version::{End, Interval, union},
};

/// The name of the Kubernetes CVE feed in OSV form, see `sources.json`.
pub const OSV: &str = "k8s-osv";
/// The name of the Go vulnerability database.
pub const GO_VULNDB: &str = "go-vulndb";
/// The name of the official feed.
pub const FEED: &str = "k8s-cve-feed";
/// The name of the hand-written corrections.
pub const OWN: &str = "patchkit";

/// The longest title that is kept.
const TITLE_LENGTH: usize = 110;

/// A hand-written correction of a record, or a record that no source has.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Correction {
    /// The vulnerability.
    pub cve: String,
    /// The record stands in no source: it begins with what is here.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub add: bool,
    /// The true components, in place of those that the source names.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub components: Vec<Component>,
    /// The ranges that the source has and that are wrong; the correction of ranges applies to these only.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub instead_of: Vec<Interval>,
    /// The true ranges.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ranges: Vec<Interval>,
    /// The true status.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<CveStatus>,
    /// A CVSS vector, where the source has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cvss: Option<String>,
    /// A shorter title.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// When it became known, where the source does not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub published: Option<Date>,
    /// What to do without a fix.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mitigation: Option<String>,
    /// Why it is corrected; shown beside the record. None where something was only added.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// Where the truth stands.
    pub source: String,
}

/// Vulnerabilities while they are being joined.
#[derive(Debug, Default)]
pub struct CveMerge {
    cves: BTreeMap<String, Cve>,
    /// When the record of the Kubernetes CVE feed that was taken last changed.
    modified: BTreeMap<String, String>,
    /// Fixed versions that the Go vulnerability database confirms.
    confirmed: BTreeMap<String, BTreeSet<Triple>>,
    /// Records to which the Go vulnerability database has spoken in this run: a second one adds, the first replaces.
    spoken: BTreeSet<String>,
}

impl CveMerge {
    /// Begins with the records of a table.
    #[must_use]
    pub fn from_records(records: &[Cve]) -> Self {
        Self { cves: records.iter().map(|cve| (cve.id.clone(), cve.clone())).collect(), ..Self::default() }
    }

    /// How many records there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.cves.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.cves.is_empty()
    }

    /// Adds a record of the Kubernetes CVE feed in OSV form. Of two about the same, the one that changed last wins.
    /// A record that was taken back is removed.
    pub fn add_osv(&mut self, advisory: &Advisory) {
        if advisory.withdrawn {
            self.cves.remove(&advisory.id);
            return;
        }
        if self.modified.get(&advisory.id).is_some_and(|taken| *taken > advisory.modified) {
            return;
        }
        self.modified.insert(advisory.id.clone(), advisory.modified.clone());
        let cve = self.record(&advisory.id);
        cve.title = short_title(&advisory.title);
        cve.published = advisory.published.or(cve.published);
        cve.cvss.clone_from(&advisory.cvss);
        cve.affected = affected(advisory);
        cve.status = CveStatus::Unknown;
        cve.corrected = None;
        cve.links = advisory.links.clone();
        add_source(cve, OSV);
        let aliases = advisory.aliases.iter().cloned();
        add_aliases(cve, aliases);
    }

    /// Adds a record of the Go vulnerability database.
    pub fn add_go(&mut self, advisory: &Advisory) {
        let names =
            |prefix: &'static str| advisory.aliases.iter().filter(move |alias| alias.starts_with(prefix)).cloned();
        let mut cves: Vec<String> = names("CVE-").collect();
        cves.sort_by(|a, b| id_order(a).cmp(&id_order(b)));
        let id = cves.into_iter().next().or_else(|| names("GHSA-").next()).unwrap_or_else(|| advisory.id.clone());
        if advisory.withdrawn {
            if self.cves.get(&id).is_some_and(|cve| cve.sources == [GO_VULNDB]) {
                self.cves.remove(&id);
            }
            return;
        }
        let ended = |range: &Interval| match range.to {
            End::Fixed(version) => Some(version),
            End::LastAffected(_) | End::Open => None,
        };
        let fixed = advisory.affected.iter().flat_map(|package| &package.ranges).filter_map(ended);
        self.confirmed.entry(id.clone()).or_default().extend(fixed);
        let again = !self.spoken.insert(id.clone());
        let cve = self.record(&id);
        if !cve.sources.iter().any(|source| source == OSV) {
            if cve.title.is_empty() {
                cve.title = short_title(without_module(&advisory.title));
            }
            // The database dates some records by the day it took them over.
            let same_year = |date: &Date| id.starts_with(&format!("CVE-{}-", date.year()));
            cve.published = cve.published.or_else(|| advisory.published.filter(same_year));
            cve.affected = join(std::mem::take(&mut cve.affected), affected(advisory), again);
            if !cve.sources.iter().any(|source| source == FEED) {
                cve.status = CveStatus::Unknown;
            }
            if cve.links.is_empty() {
                cve.links = best_links(&advisory.links);
            }
        }
        add_source(cve, GO_VULNDB);
        let own = advisory.id.clone();
        add_aliases(cve, advisory.aliases.iter().cloned().chain([own]));
    }

    /// Adds what the official feed says: a new record where none has the identifier, otherwise its status.
    pub fn add_feed(&mut self, item: &FeedItem) {
        let cve = self.record(&item.id);
        if cve.title.is_empty() {
            cve.title = short_title(&item.title);
        }
        cve.published = cve.published.or(item.published);
        cve.cvss = cve.cvss.take().or_else(|| item.cvss.clone());
        if item.status != CveStatus::Unknown {
            cve.status = item.status;
        }
        if cve.links.is_empty() {
            cve.links.clone_from(&item.links);
        }
        add_source(cve, FEED);
    }

    /// Applies the corrections, then settles what follows from the whole: a last affected version becomes a fix where
    /// the next patch is known, and the status is told from the ranges where no source states it.
    ///
    /// Returns the records by identifier, and the corrections that no longer apply since the source says something
    /// else than what they corrected.
    #[must_use]
    pub fn finish(mut self, corrections: &[Correction], releases: &Releases) -> (Vec<Cve>, Vec<String>) {
        let mut stale = Vec::new();
        for correction in corrections {
            if !self.correct(correction) {
                stale.push(correction.cve.clone());
            }
        }
        for cve in self.cves.values_mut() {
            let confirmed = self.confirmed.get(&cve.id);
            for affected in &mut cve.affected {
                for range in &mut affected.ranges {
                    settle(range, &affected.component, confirmed, releases);
                }
                affected.ranges = union(std::mem::take(&mut affected.ranges));
            }
            cve.affected.sort();
            cve.sources.sort();
            if cve.status == CveStatus::Unknown {
                cve.status = status(cve);
            }
        }
        let mut cves: Vec<Cve> = self.cves.into_values().collect();
        cves.sort_by(|a, b| id_order(&a.id).cmp(&id_order(&b.id)));
        (cves, stale)
    }

    fn record(&mut self, id: &str) -> &mut Cve {
        self.cves.entry(id.to_owned()).or_insert_with(|| Cve {
            id: id.to_owned(),
            aliases: Vec::new(),
            published: None,
            title: String::new(),
            cvss: None,
            status: CveStatus::Unknown,
            affected: Vec::new(),
            mitigation: None,
            corrected: None,
            links: Vec::new(),
            sources: Vec::new(),
        })
    }

    /// Applies one correction; says whether it still fits.
    fn correct(&mut self, correction: &Correction) -> bool {
        if !correction.add && !self.cves.contains_key(&correction.cve) {
            return false;
        }
        let cve = self.record(&correction.cve);
        let mut fits = true;
        if !correction.ranges.is_empty() {
            let wrong = union(correction.instead_of.clone());
            let right = union(correction.ranges.clone());
            let found = cve.affected.iter().flat_map(|affected| affected.ranges.iter().cloned()).collect();
            let found = union(found);
            // A table that is updated holds what was corrected before.
            if found == wrong || found == right || cve.affected.is_empty() {
                if cve.affected.is_empty() {
                    cve.affected = vec![AffectedComponent { component: Component::KUBERNETES, ranges: Vec::new() }];
                }
                for affected in &mut cve.affected {
                    affected.ranges.clone_from(&right);
                }
            } else {
                fits = false;
            }
        }
        if !correction.components.is_empty() {
            let ranges = cve.affected.iter().flat_map(|affected| affected.ranges.iter().cloned()).collect();
            let ranges = union(ranges);
            let with_ranges =
                |component: &Component| AffectedComponent { component: component.clone(), ranges: ranges.clone() };
            cve.affected = correction.components.iter().map(with_ranges).collect();
        }
        cve.status = correction.status.unwrap_or(cve.status);
        cve.published = cve.published.or(correction.published);
        cve.cvss = cve.cvss.take().or_else(|| correction.cvss.clone());
        if let Some(title) = &correction.title {
            cve.title.clone_from(title);
        }
        cve.mitigation = correction.mitigation.clone().or_else(|| cve.mitigation.take());
        if fits {
            cve.corrected.clone_from(&correction.why);
        }
        if !cve.links.contains(&correction.source) && correction.source.starts_with("https://") {
            cve.links.push(correction.source.clone());
        }
        if correction.add || correction.why.is_some() {
            add_source(cve, OWN);
        }
        fits
    }
}

/// A last affected version becomes a fix where the next patch exists: by the Go vulnerability database, which names the
/// fix, or else by the releases of Kubernetes.
fn settle(range: &mut Interval, component: &Component, confirmed: Option<&BTreeSet<Triple>>, releases: &Releases) {
    let End::LastAffected(last) = range.to else { return };
    let next = Triple::release(last.major, last.minor, last.patch + 1);
    let exists = || {
        let latest = releases.latest_patch(last.minor());
        component.is_released_with_kubernetes() && latest.is_some_and(|latest| latest >= next)
    };
    if confirmed.is_some_and(|fixed| fixed.contains(&next)) || exists() {
        range.to = End::Fixed(next);
    }
}

/// Tells the status from the ranges: fixed where the newest affected line has an end that is a fix.
fn status(cve: &Cve) -> CveStatus {
    let ends = cve.affected.iter().filter_map(|affected| affected.ranges.last()).map(|range| &range.to);
    let mut status = CveStatus::Unknown;
    for end in ends {
        match end {
            End::Fixed(_) => status = CveStatus::Fixed,
            End::LastAffected(_) => {}
            End::Open => return CveStatus::Unfixed,
        }
    }
    status
}

fn affected(advisory: &Advisory) -> Vec<AffectedComponent> {
    let mut by_component: BTreeMap<Component, Vec<Interval>> = BTreeMap::new();
    for package in &advisory.affected {
        by_component.entry(package.component.clone()).or_default().extend(package.ranges.iter().cloned());
    }
    // The old path of a Go module has no version of its own: "all of them" beside another path with ranges says nothing.
    for (component, ranges) in &mut by_component {
        let own = advisory.affected.iter().filter(|package| package.component == *component);
        let with_end = own.clone().any(|package| package.ranges.iter().any(|range| range.to != End::Open));
        if with_end && own.count() > 1 {
            ranges.retain(|range| !(range.to == End::Open && range.from == Triple::release(0, 0, 0)));
        }
    }
    by_component.into_iter().map(|(component, ranges)| AffectedComponent { component, ranges: union(ranges) }).collect()
}

/// Joins what two records of one source say, or takes the newer where the older stood in a table.
fn join(old: Vec<AffectedComponent>, new: Vec<AffectedComponent>, both_new: bool) -> Vec<AffectedComponent> {
    if !both_new {
        return new;
    }
    let mut by_component: BTreeMap<Component, Vec<Interval>> = BTreeMap::new();
    for affected in old.into_iter().chain(new) {
        by_component.entry(affected.component).or_default().extend(affected.ranges);
    }
    by_component.into_iter().map(|(component, ranges)| AffectedComponent { component, ranges: union(ranges) }).collect()
}

fn add_source(cve: &mut Cve, source: &str) {
    if !cve.sources.iter().any(|known| known == source) {
        cve.sources.push(source.to_owned());
    }
}

fn add_aliases(cve: &mut Cve, aliases: impl Iterator<Item = String>) {
    cve.aliases.extend(aliases);
    cve.aliases.sort();
    cve.aliases.dedup();
    let id = cve.id.clone();
    cve.aliases.retain(|alias| *alias != id);
}

/// Takes the module's path off the end of a title of the Go vulnerability database.
fn without_module(title: &str) -> &str {
    let modules = ["github.com/", "k8s.io/", "sigs.k8s.io/", "go.etcd.io/"];
    let cut =
        title.match_indices(" in ").map(|(at, _)| at).find(|at| modules.iter().any(|m| title[at + 4..].starts_with(m)));
    cut.map_or(title, |at| &title[..at])
}

fn short_title(title: &str) -> String {
    let title = title.split_whitespace().collect::<Vec<_>>().join(" ");
    let title = title.trim_end_matches('.');
    if title.chars().count() <= TITLE_LENGTH {
        return title.to_owned();
    }
    let cut: String = title.chars().take(TITLE_LENGTH).collect();
    let cut = cut.rsplit_once(' ').map_or(cut.as_str(), |(whole_words, _)| whole_words);
    format!("{}…", cut.trim_end_matches([',', ';', ':']))
}

/// The advisory first, then the issue and the announcement.
fn best_links(links: &[String]) -> Vec<String> {
    let wanted =
        ["/security/advisories/", "github.com/advisories/", "kubernetes/kubernetes/issues/", "groups.google.com"];
    let mut best: Vec<String> = Vec::new();
    for part in wanted {
        if let Some(link) = links.iter().find(|link| link.contains(part) && !best.contains(link))
            && best.len() < 2
        {
            best.push(link.clone());
        }
    }
    if best.is_empty() {
        best.extend(links.first().cloned());
    }
    best
}

/// What the sources say of Kubernetes' releases.
#[derive(Debug)]
pub struct ReleaseInputs<'a> {
    /// The official schedule.
    pub schedule: &'a [Branch],
    /// The official list of ended branches.
    pub ended: &'a [EndedBranch],
    /// endoflife.date, for dates of old minors and newer patches.
    pub cycles: &'a [super::Cycle],
    /// Minors that the schedule does not speak of yet.
    pub unofficial: &'a [Unofficial],
    /// The newest patches; they win over the schedule.
    pub newest: &'a BTreeMap<Minor, Vec<Patch>>,
}

/// Joins the sources on releases into `records`: what they do not speak of stays as it is.
pub fn releases(records: &mut Vec<Release>, inputs: &ReleaseInputs<'_>) {
    let mut by_minor: BTreeMap<Minor, Release> = records.drain(..).map(|release| (release.minor, release)).collect();
    let empty = |minor: Minor| Release {
        minor,
        released: None,
        maintenance: None,
        end_of_life: None,
        official: false,
        patches: Vec::new(),
        note: None,
    };
    for row in inputs.unofficial {
        let release = by_minor.entry(row.minor).or_insert_with(|| empty(row.minor));
        if !release.official {
            release.released = row.released.or(release.released);
            release.maintenance = row.maintenance.or(release.maintenance);
            release.end_of_life = row.end_of_life.or(release.end_of_life);
            release.note = Some(UNOFFICIAL.to_owned());
        }
    }
    for branch in inputs.ended {
        let release = by_minor.entry(branch.release).or_insert_with(|| empty(branch.release));
        release.end_of_life = Some(branch.end_of_life_date);
        release.official = true;
        release.note = None;
        add_patch(release, branch.final_patch_release, None);
    }
    for branch in inputs.schedule {
        let release = by_minor.entry(branch.release).or_insert_with(|| empty(branch.release));
        release.released = Some(branch.release_date);
        release.maintenance = Some(branch.maintenance_mode_start_date);
        release.end_of_life = Some(branch.end_of_life_date);
        release.official = true;
        release.note = None;
        for patch in &branch.previous_patches {
            add_patch(release, patch.release, patch.target_date);
        }
    }
    for cycle in inputs.cycles {
        let Some(minor) = cycle.minor else { continue };
        let release = by_minor.entry(minor).or_insert_with(|| empty(minor));
        release.released = release.released.or(cycle.released);
        // This calendar names the last day of full support, or the first of maintenance: upstream's schedule, where it
        // speaks, decides.
        release.maintenance = release.maintenance.or(cycle.active_until);
        if release.end_of_life.is_none() {
            release.end_of_life = cycle.end_of_life;
            release.note = Some(THIRD_PARTY.to_owned());
        }
        if let Some(latest) = cycle.latest.as_deref().and_then(|latest| latest.parse().ok()) {
            add_patch(release, latest, cycle.latest_date);
        }
    }
    for (minor, patches) in inputs.newest {
        let release = by_minor.entry(*minor).or_insert_with(|| empty(*minor));
        for patch in patches {
            add_patch(release, patch.version, patch.date);
        }
    }
    // A patch that the schedule had planned is out where a later one is.
    for branch in inputs.schedule {
        if let (Some(next), Some(release)) = (&branch.next, by_minor.get_mut(&branch.release))
            && release.patches.iter().any(|patch| patch.version > next.release)
        {
            add_patch(release, next.release, next.target_date);
        }
    }
    *records = by_minor.into_values().collect();
    for release in records.iter_mut() {
        // The first version of a minor is no patch: its day stands in `released`.
        release.patches.retain(|patch| !patch.version.is_pre_release());
        release.patches.sort_by_key(|patch| patch.version);
    }
}

/// Said beside dates that were worked out by rule.
const UNOFFICIAL: &str = "the official schedule does not speak of it yet; its dates follow from the project's rules";
/// Said beside dates of a third party.
const THIRD_PARTY: &str = "the official schedule does not speak of it yet; its dates are those of endoflife.date";

fn add_patch(release: &mut Release, version: Triple, date: Option<Date>) {
    match release.patches.iter_mut().find(|patch| patch.version == version) {
        Some(patch) => patch.date = patch.date.or(date),
        None => release.patches.push(Patch { version, date }),
    }
}
