//! The life of API kinds: introduced, deprecated, removed, and what replaces them.

use patchkit::rules::Minor;
use serde::{Deserialize, Serialize};

use super::table::{Table, TableError};

/// A kind in one version of an API group.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Gvk {
    /// Empty for the core group.
    pub group: String,
    /// Such as `v1beta1`.
    pub version: String,
    /// Such as `Ingress`.
    pub kind: String,
}

impl Gvk {
    /// `networking.k8s.io/v1`, or `v1` in the core group.
    #[must_use]
    pub fn api_version(&self) -> String {
        if self.group.is_empty() { self.version.clone() } else { format!("{}/{}", self.group, self.version) }
    }

    fn parts(&self) -> (&str, &str, &str) {
        (&self.group, &self.kind, &self.version)
    }
}

/// The life of a kind.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApiLife {
    /// Which kind.
    #[serde(flatten)]
    pub gvk: Gvk,
    /// The first minor that served it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub introduced: Option<Minor>,
    /// The first minor in which it was deprecated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deprecated: Option<Minor>,
    /// The first minor that does not serve it, as its source declares.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub removed: Option<Minor>,
    /// The first minor whose source no longer has the type, where that came before the declared removal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gone: Option<Minor>,
    /// What the source names as the replacement, or else the same kind in the group's stable version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replacement: Option<Gvk>,
    /// What was corrected or added, and why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

impl ApiLife {
    /// The first minor that does not serve the kind: as declared, or earlier where the type went before that.
    #[must_use]
    pub fn removed_in(&self) -> Option<Minor> {
        match (self.removed, self.gone) {
            (Some(removed), Some(gone)) => Some(removed.min(gone)),
            (removed, gone) => removed.or(gone),
        }
    }

    /// Whether a minor no longer serves it.
    #[must_use]
    pub fn is_removed_at(&self, minor: Minor) -> bool {
        self.removed_in().is_some_and(|removed| removed <= minor)
    }

    /// Whether it is deprecated at a minor (a removed kind is so, too).
    #[must_use]
    pub fn is_deprecated_at(&self, minor: Minor) -> bool {
        self.deprecated.is_some_and(|deprecated| deprecated <= minor) || self.is_removed_at(minor)
    }
}

/// The order of versions that Kubernetes uses: stable before beta before alpha, then the higher number
/// (`k8s.io/apimachinery/pkg/version/helpers.go`).
#[must_use]
pub fn stability(version: &str) -> (u8, u32, u32) {
    let digits = |text: &str| text.parse().unwrap_or(0);
    let rest = version.trim_start_matches('v');
    for (word, rank) in [("alpha", 0), ("beta", 1)] {
        if let Some((major, minor)) = rest.split_once(word) {
            return (rank, digits(major), digits(minor));
        }
    }
    (2, digits(rest), 0)
}

/// All kinds.
#[derive(Debug)]
pub struct Apis {
    table: Table<ApiLife>,
    known_through: Option<Minor>,
}

impl Apis {
    /// The table's name.
    pub const TABLE: &'static str = "apis";

    /// Reads the table.
    ///
    /// # Errors
    /// As [`Table::parse`].
    pub fn parse(text: &str) -> Result<Self, TableError> {
        Table::parse(Self::TABLE, text).map(Self::new)
    }

    /// Sorts the table.
    #[must_use]
    pub fn new(mut table: Table<ApiLife>) -> Self {
        table.records.sort_by(|a, b| a.gvk.parts().cmp(&b.gvk.parts()));
        let known_through = table.known_through.as_deref().and_then(|minor| minor.parse().ok());
        Self { table, known_through }
    }

    /// The table.
    #[must_use]
    pub const fn table(&self) -> &Table<ApiLife> {
        &self.table
    }

    /// All, by group, kind and version.
    #[must_use]
    pub fn all(&self) -> &[ApiLife] {
        &self.table.records
    }

    /// The newest minor that the source describes as it was released.
    #[must_use]
    pub const fn known_through(&self) -> Option<Minor> {
        self.known_through
    }

    /// The life of a kind, by what stands in a manifest: `networking.k8s.io/v1beta1`, `Ingress`. A list of it
    /// (`IngressList`) has the life of what it lists.
    #[must_use]
    pub fn get(&self, api_version: &str, kind: &str) -> Option<&ApiLife> {
        let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
        let find = |kind: &str| {
            let index = self.all().binary_search_by(|life| life.gvk.parts().cmp(&(group, kind, version))).ok()?;
            Some(&self.all()[index])
        };
        find(kind).or_else(|| find(kind.strip_suffix("List")?))
    }

    /// Whether a minor is past what the source describes: what is said of it may change.
    #[must_use]
    pub fn is_provisional(&self, minor: Minor) -> bool {
        self.known_through.is_none_or(|known| minor > known)
    }

    /// What to write instead so that it works at a minor: replacements are followed until one is served there and not
    /// deprecated; failing that, the last one that is served. `None` where there is none.
    #[must_use]
    pub fn replacement_at(&self, life: &ApiLife, minor: Minor) -> Option<&Gvk> {
        let mut best = None;
        let mut seen = vec![&life.gvk];
        let mut next = self.find_replacement(life);
        while let Some((gvk, life)) = next {
            if seen.contains(&gvk) {
                break;
            }
            seen.push(gvk);
            let Some(life) = life else { return Some(gvk) };
            let served = life.introduced.is_none_or(|introduced| introduced <= minor) && !life.is_removed_at(minor);
            if served {
                best = Some(gvk);
                if !life.is_deprecated_at(minor) {
                    break;
                }
            }
            next = self.find_replacement(life);
        }
        best.or_else(|| self.sibling_at(life, minor))
    }

    /// The same kind in another version of its group that a minor serves: one that is not deprecated there before one
    /// that is, then the most stable. What the source names may not be there yet (flowcontrol v1beta3 came in 1.26,
    /// and v1beta1 was deprecated in 1.23).
    fn sibling_at(&self, life: &ApiLife, minor: Minor) -> Option<&Gvk> {
        self.all()
            .iter()
            .filter(|other| other.gvk.group == life.gvk.group && other.gvk.kind == life.gvk.kind)
            .filter(|other| other.gvk.version != life.gvk.version)
            .filter(|other| other.introduced.is_none_or(|introduced| introduced <= minor))
            .filter(|other| !other.is_removed_at(minor))
            .filter(|other| {
                let (own, theirs) = (stability(&life.gvk.version), stability(&other.gvk.version));
                // autoscaling/v1 is more stable than v2beta1, and cannot say what that says.
                theirs > own && theirs.1 >= own.1
            })
            .max_by_key(|other| (!other.is_deprecated_at(minor), stability(&other.gvk.version)))
            .map(|other| &other.gvk)
    }

    fn find_replacement(&self, life: &'_ ApiLife) -> Option<(&Gvk, Option<&ApiLife>)> {
        // The record of the table, so that what is handed out lives as long as the table.
        let own = self.get(&life.gvk.api_version(), &life.gvk.kind)?;
        let gvk = own.replacement.as_ref()?;
        Some((gvk, self.get(&gvk.api_version(), &gvk.kind)))
    }

    /// The kinds that went with one hop: served before `from`'s successor, gone at `to` or on the way.
    pub fn removed_between(&self, from: Minor, to: Minor) -> impl Iterator<Item = &ApiLife> {
        self.all().iter().filter(move |life| life.removed_in().is_some_and(|removed| removed > from && removed <= to))
    }
}

#[cfg(test)]
mod tests {
    use super::stability;

    #[test]
    fn stable_versions_come_before_betas_and_those_before_alphas() {
        assert!(stability("v1") > stability("v2beta1") && stability("v2beta2") > stability("v2beta1"));
        assert!(stability("v1beta1") > stability("v2alpha1"));
    }
}
