//! Vulnerabilities, and whether a version of a component has one.

use std::collections::BTreeMap;

use jiff::civil::Date;
use patchkit::{
    report::Severity,
    rules::{Triple, version::Stage},
};
use serde::{Deserialize, Serialize};

use super::{
    Component, cvss,
    table::{Table, TableError},
    version::{End, Interval, Reported},
};

/// Whether a fix exists, in the words of the official feed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CveStatus {
    /// A fixed version exists.
    Fixed,
    /// Work on a fix is under way.
    Open,
    /// No fix will come; the mitigation is all there is.
    Unfixed,
    /// The sources do not say.
    #[default]
    Unknown,
}

impl CveStatus {
    /// The word in reports.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Fixed => "fixed",
            Self::Open => "open",
            Self::Unfixed => "unfixed",
            Self::Unknown => "unknown",
        }
    }
}

/// Which versions of one component have a vulnerability.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct AffectedComponent {
    /// The component.
    pub component: Component,
    /// The affected versions, in order and disjoint. Empty where no range is known.
    #[serde(default)]
    pub ranges: Vec<Interval>,
}

/// A vulnerability.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Cve {
    /// `CVE-2025-5187`; the identifier of an advisory where no CVE was assigned.
    pub id: String,
    /// Identifiers of the same vulnerability elsewhere, sorted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub aliases: Vec<String>,
    /// When it became known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub published: Option<Date>,
    /// A short label.
    pub title: String,
    /// The CVSS 3 vector, where one is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cvss: Option<String>,
    /// Whether a fix exists.
    pub status: CveStatus,
    /// The components that have it. Empty where no source says which.
    #[serde(default)]
    pub affected: Vec<AffectedComponent>,
    /// What to do where there is no fix, or until it is installed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mitigation: Option<String>,
    /// What was corrected in the source's record, and why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub corrected: Option<String>,
    /// Where to read on.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub links: Vec<String>,
    /// The names of the sources, see `sources.json`.
    pub sources: Vec<String>,
}

/// Whether a version has a vulnerability.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Affected {
    /// It has it.
    Yes {
        /// The nearest later version without it; `None` where none is known.
        fixed_in: Option<Triple>,
        /// What a vendor appended to the version: the vendor may have back-ported the fix.
        vendor: Option<String>,
    },
    /// It does not have it.
    No,
    /// The facts do not say.
    CannotTell {
        /// Why, for a reader.
        why: String,
    },
}

impl Affected {
    /// Whether it is [`Affected::Yes`].
    #[must_use]
    pub const fn is_yes(&self) -> bool {
        matches!(self, Self::Yes { .. })
    }
}

impl Cve {
    /// The CVSS base score; `None` where no vector is known.
    #[must_use]
    pub fn score(&self) -> Option<f64> {
        cvss::base_score(self.cvss.as_deref()?).ok()
    }

    /// The severity by the CVSS base score; `None` where no vector is known.
    #[must_use]
    pub fn severity(&self) -> Option<Severity> {
        self.score().map(cvss::rating)
    }

    /// What is known about a component; `None` where the vulnerability is not known to touch it.
    #[must_use]
    pub fn component(&self, component: &Component) -> Option<&AffectedComponent> {
        self.affected.iter().find(|affected| affected.component == *component)
    }

    /// Whether no affected range is known, for any component.
    #[must_use]
    pub fn has_no_range(&self) -> bool {
        self.affected.iter().all(|affected| affected.ranges.is_empty())
    }

    /// Whether a version of a component, as the component reports it (`v1.34.3-gke.1`), has the vulnerability.
    ///
    /// A vendor's suffix is put aside: the upstream version decides, and the suffix is handed back with a yes.
    #[must_use]
    pub fn affects(&self, component: &Component, version: &str) -> Affected {
        let Some(affected) = self.component(component) else {
            return if self.affected.is_empty() {
                Affected::CannotTell { why: "no source says which components are affected".to_owned() }
            } else {
                Affected::No
            };
        };
        if affected.ranges.is_empty() {
            return Affected::CannotTell { why: format!("no source says which versions of {component} are affected") };
        }
        let Some(reported) = Reported::parse(component, version) else {
            return Affected::CannotTell { why: format!("{version:?} is no version that can be compared") };
        };
        if affected.contains(reported.upstream) {
            Affected::Yes { fixed_in: affected.fixed_after(reported.upstream), vendor: reported.vendor }
        } else {
            Affected::No
        }
    }

    /// The versions of a component that first had the fix, in order: one a minor where the fix was back-ported.
    #[must_use]
    pub fn fixed_versions(&self, component: &Component) -> Vec<Triple> {
        self.component(component).map(|affected| affected.fixed_versions().collect()).unwrap_or_default()
    }
}

impl AffectedComponent {
    /// Whether a version is affected.
    #[must_use]
    pub fn contains(&self, version: Triple) -> bool {
        self.ranges.iter().any(|range| range.contains(version))
    }

    /// The versions that first had the fix, in order.
    pub fn fixed_versions(&self) -> impl Iterator<Item = Triple> {
        self.ranges.iter().filter_map(|range| match range.to {
            // The first pre-release that there could be stands for the release.
            End::Fixed(Triple { major, minor, patch, stage: Stage::Alpha(0, 0) }) => {
                Some(Triple::release(major, minor, patch))
            }
            End::Fixed(version) => Some(version),
            End::LastAffected(_) | End::Open => None,
        })
    }

    /// The nearest version after this one that has the fix.
    #[must_use]
    pub fn fixed_after(&self, version: Triple) -> Option<Triple> {
        self.fixed_versions().find(|fixed| *fixed > version && !self.contains(*fixed))
    }
}

/// All vulnerabilities, found by identifier or by component.
#[derive(Debug)]
pub struct Cves {
    table: Table<Cve>,
    by_component: BTreeMap<Component, Vec<usize>>,
}

impl Cves {
    /// The table's name.
    pub const TABLE: &'static str = "cves";

    /// Reads the table.
    ///
    /// # Errors
    /// As [`Table::parse`].
    pub fn parse(text: &str) -> Result<Self, TableError> {
        Table::parse(Self::TABLE, text).map(Self::new)
    }

    /// Indexes the table.
    #[must_use]
    pub fn new(mut table: Table<Cve>) -> Self {
        table.records.sort_by(|a, b| id_order(&a.id).cmp(&id_order(&b.id)));
        let mut by_component: BTreeMap<Component, Vec<usize>> = BTreeMap::new();
        for (index, cve) in table.records.iter().enumerate() {
            for affected in &cve.affected {
                by_component.entry(affected.component.clone()).or_default().push(index);
            }
        }
        Self { table, by_component }
    }

    /// The table.
    #[must_use]
    pub const fn table(&self) -> &Table<Cve> {
        &self.table
    }

    /// All, by year and number.
    #[must_use]
    pub fn all(&self) -> &[Cve] {
        &self.table.records
    }

    /// The vulnerability with this identifier or alias, in any case.
    #[must_use]
    pub fn get(&self, id: &str) -> Option<&Cve> {
        let same = |known: &String| known.eq_ignore_ascii_case(id);
        self.all()
            .iter()
            .find(|cve| same(&cve.id))
            .or_else(|| self.all().iter().find(|cve| cve.aliases.iter().any(same)))
    }

    /// The vulnerabilities that are known to touch a component, in any version.
    pub fn of_component<'a>(&'a self, component: &Component) -> impl Iterator<Item = &'a Cve> + use<'a> {
        self.by_component.get(component).into_iter().flatten().map(|index| &self.table.records[*index])
    }

    /// What touches a version of a component, as the component reports it, or may do so: everything but a clear no.
    pub fn touching(&self, component: &Component, version: &str) -> impl Iterator<Item = (&Cve, Affected)> {
        self.of_component(component)
            .map(move |cve| (cve, cve.affects(component, version)))
            .filter(|(_, affected)| *affected != Affected::No)
    }

    /// What became known after a minor's end of life and whose ranges begin above the version: advisories speak of the
    /// minors that are supported then, so that a no for an older one is no finding of anybody's.
    pub fn unassessed(&self, component: &Component, version: &str, end_of_life: Date) -> impl Iterator<Item = &Cve> {
        let upstream = Reported::parse(component, version).map(|reported| reported.upstream);
        self.of_component(component).filter(move |cve| {
            let begins_above = cve
                .component(component)
                .and_then(|affected| affected.ranges.first())
                .is_some_and(|first| upstream.is_some_and(|upstream| upstream < first.from));
            begins_above && cve.published.is_some_and(|published| published > end_of_life)
        })
    }

    /// Vulnerabilities of which no source says what they touch: to be shown, never dropped.
    pub fn without_range(&self) -> impl Iterator<Item = &Cve> {
        self.all().iter().filter(|cve| cve.has_no_range())
    }
}

/// Sorts CVE-2024-10220 after CVE-2024-9042.
#[must_use]
pub fn id_order(id: &str) -> (&str, u64, u64, &str) {
    let mut parts = id.splitn(3, '-');
    let kind = parts.next().unwrap_or_default();
    let mut number = || parts.next().and_then(|part| part.parse().ok()).unwrap_or(u64::MAX);
    (kind, number(), number(), id)
}
