//! The releases of Kubernetes and how long upstream supports them.

use jiff::civil::Date;
use patchkit::rules::{Minor, Triple};
use serde::{Deserialize, Serialize};

use super::table::{Table, TableError};

/// A patch release.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Patch {
    /// The version.
    pub version: Triple,
    /// When it was released, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub date: Option<Date>,
}

/// A minor release.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Release {
    /// Which.
    pub minor: Minor,
    /// The day of its first version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub released: Option<Date>,
    /// From this day on, only critical fixes are made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub maintenance: Option<Date>,
    /// From the day after, nothing is fixed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end_of_life: Option<Date>,
    /// Whether the dates stand in the project's own release schedule. Dates that were worked out by its rules, before
    /// the schedule spoke of the release, are not official.
    pub official: bool,
    /// Patch releases that are known, the oldest first. Not all are for old minors; the last one always is.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub patches: Vec<Patch>,
    /// To be said beside it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

impl Release {
    /// The newest patch release.
    #[must_use]
    pub fn latest(&self) -> Option<&Patch> {
        self.patches.last()
    }
}

/// Whether a minor is supported on a day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Support {
    /// Fixes of all kinds are made.
    Full {
        /// The last day of support.
        until: Date,
        /// Days from the day that was asked about to that one.
        days_left: i32,
    },
    /// Only critical fixes are made.
    Maintenance {
        /// The last day of support.
        until: Date,
        /// Days from the day that was asked about to that one.
        days_left: i32,
    },
    /// Nothing is fixed any more.
    Ended {
        /// The last day of support.
        since: Date,
        /// Days from that one to the day that was asked about.
        days_ago: i32,
    },
    /// Not released on that day.
    NotReleased {
        /// When it is to be released.
        on: Date,
    },
    /// No source says.
    Unknown,
}

impl Support {
    /// The last day of support, where it is known.
    #[must_use]
    pub const fn end(self) -> Option<Date> {
        match self {
            Self::Full { until, .. } | Self::Maintenance { until, .. } | Self::Ended { since: until, .. } => {
                Some(until)
            }
            Self::NotReleased { .. } | Self::Unknown => None,
        }
    }

    /// Days of support left: negative once it has ended, `None` where no source says.
    #[must_use]
    pub const fn days_left(self) -> Option<i32> {
        match self {
            Self::Full { days_left, .. } | Self::Maintenance { days_left, .. } => Some(days_left),
            Self::Ended { days_ago, .. } => Some(-days_ago),
            Self::NotReleased { .. } | Self::Unknown => None,
        }
    }
}

/// Days from one date to another; negative where the second is earlier.
#[must_use]
pub fn days_between(from: Date, to: Date) -> i32 {
    from.until(to).map_or(0, |span| span.get_days())
}

/// Tells the support on a day from the three dates of a release.
#[must_use]
pub fn support_by_dates(
    released: Option<Date>,
    maintenance: Option<Date>,
    end_of_life: Option<Date>,
    today: Date,
) -> Support {
    if let Some(on) = released
        && today < on
    {
        return Support::NotReleased { on };
    }
    let Some(end) = end_of_life else { return Support::Unknown };
    if today > end {
        Support::Ended { since: end, days_ago: days_between(end, today) }
    } else if maintenance.is_some_and(|start| today >= start) {
        Support::Maintenance { until: end, days_left: days_between(today, end) }
    } else {
        Support::Full { until: end, days_left: days_between(today, end) }
    }
}

/// All releases.
#[derive(Debug)]
pub struct Releases {
    table: Table<Release>,
}

impl Releases {
    /// The table's name.
    pub const TABLE: &'static str = "releases";

    /// Reads the table.
    ///
    /// # Errors
    /// As [`Table::parse`].
    pub fn parse(text: &str) -> Result<Self, TableError> {
        Table::parse(Self::TABLE, text).map(Self::new)
    }

    /// Sorts the table.
    #[must_use]
    pub fn new(mut table: Table<Release>) -> Self {
        table.records.sort_by_key(|release| release.minor);
        for release in &mut table.records {
            release.patches.sort_by_key(|patch| patch.version);
        }
        Self { table }
    }

    /// The table.
    #[must_use]
    pub const fn table(&self) -> &Table<Release> {
        &self.table
    }

    /// All, the oldest first.
    #[must_use]
    pub fn all(&self) -> &[Release] {
        &self.table.records
    }

    /// A release.
    #[must_use]
    pub fn get(&self, minor: Minor) -> Option<&Release> {
        let index = self.all().binary_search_by_key(&minor, |release| release.minor).ok()?;
        Some(&self.all()[index])
    }

    /// The newest patch release of a minor.
    #[must_use]
    pub fn latest_patch(&self, minor: Minor) -> Option<Triple> {
        Some(self.get(minor)?.latest()?.version)
    }

    /// The newest patch release of a minor on a day, as far as the dates are known: those without a date count as out.
    #[must_use]
    pub fn latest_patch_on(&self, minor: Minor, today: Date) -> Option<Triple> {
        let patches = &self.get(minor)?.patches;
        patches.iter().rev().find(|patch| patch.date.is_none_or(|date| date <= today)).map(|patch| patch.version)
    }

    /// Upstream's support of a minor on a day.
    #[must_use]
    pub fn support(&self, minor: Minor, today: Date) -> Support {
        self.get(minor).map_or(Support::Unknown, |release| {
            support_by_dates(release.released, release.maintenance, release.end_of_life, today)
        })
    }

    /// The newest minor that is out on a day.
    #[must_use]
    pub fn newest(&self, today: Date) -> Option<Minor> {
        let out = |release: &&Release| release.released.is_none_or(|date| date <= today);
        self.all().iter().rev().find(out).map(|release| release.minor)
    }

    /// The oldest minor that is out on a day and supported for at least so many days more.
    #[must_use]
    pub fn oldest_supported_for(&self, today: Date, days: i32) -> Option<Minor> {
        let lasts = |release: &&Release| {
            let support = self.support(release.minor, today);
            matches!(support, Support::Full { .. } | Support::Maintenance { .. })
                && support.days_left().is_some_and(|left| left >= days)
        };
        self.all().iter().find(lasts).map(|release| release.minor)
    }
}
