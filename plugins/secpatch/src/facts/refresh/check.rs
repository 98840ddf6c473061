//! Whether refreshed facts are to be believed. Facts that are refused change nothing.

use jiff::{ToSpan, civil::Date};

use super::Refreshed;
use crate::facts::{Facts, merge};

/// Why refreshed facts are not to be believed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// There is less of something than before.
    #[error("{what}: {after} where there were {before}; --force takes it nevertheless")]
    Fewer {
        /// Of what.
        what: String,
        /// How many there were.
        before: usize,
        /// How many there would be.
        after: usize,
    },
    /// Something is dated in the future.
    #[error("{what} is dated {date}, which is after today, {today}; --force takes it nevertheless")]
    Future {
        /// What.
        what: String,
        /// Its date.
        date: Date,
        /// The clock's date.
        today: Date,
    },
    /// Something ends before it begins.
    #[error("{what} ends on {end}, before it begins on {start}; --force takes it nevertheless")]
    EndsBeforeItBegins {
        /// What.
        what: String,
        /// Its first day.
        start: Date,
        /// Its last day.
        end: Date,
    },
}

/// Looks at the refreshed facts beside those they are to replace. An empty answer means that they may.
#[must_use]
pub fn check(before: &Facts, after: &Refreshed, today: Date) -> Vec<Refusal> {
    let mut refusals = Vec::new();
    let mut at_least = |what: &str, before: usize, after: usize| {
        if after < before {
            refusals.push(Refusal::Fewer { what: what.to_owned(), before, after });
        }
    };
    let cves = before.cves().all();
    at_least("vulnerabilities", cves.len().saturating_sub(after.withdrawn), after.cves.records.len());
    at_least("releases", before.releases().all().len(), after.releases.records.len());
    at_least("lines of support calendars", before.calendars().table().records.len(), after.calendars.records.len());
    // A whole feed that has lost entries was cut off on its way.
    let of_source = |name: &str| cves.iter().filter(|cve| cve.sources.iter().any(|source| source == name)).count();
    if let Some(count) = after.in_feed {
        at_least("vulnerabilities in the official feed", of_source(merge::FEED), count);
    }
    if let Some(count) = after.in_osv {
        at_least("vulnerabilities in the archive", of_source(merge::OSV), count);
    }
    for (was, is) in before.releases().all().iter().zip(&after.releases.records) {
        if let (Some(was_latest), Some(is_latest)) = (was.latest(), is.latest())
            && was.minor == is.minor
            && is_latest.version < was_latest.version
        {
            at_least(&format!("patch releases of {}", was.minor), was.patches.len(), is.patches.len());
        }
    }
    dates(after, today, &mut refusals);
    refusals
}

fn dates(after: &Refreshed, today: Date, refusals: &mut Vec<Refusal>) {
    // A clock's date differs by a day around the world.
    let latest = today.checked_add(1.day()).unwrap_or(today);
    let mut not_after = |what: String, date: Option<Date>| {
        if let Some(date) = date.filter(|date| *date > latest) {
            refusals.push(Refusal::Future { what, date, today });
        }
    };
    for cve in &after.cves.records {
        not_after(cve.id.clone(), cve.published);
    }
    for patch in after.releases.records.iter().flat_map(|release| &release.patches) {
        not_after(format!("Kubernetes {}", patch.version), patch.date);
    }
    let mut in_order = |what: String, start: Option<Date>, end: Option<Date>| {
        if let (Some(start), Some(end)) = (start, end)
            && end < start
        {
            refusals.push(Refusal::EndsBeforeItBegins { what, start, end });
        }
    };
    for release in &after.releases.records {
        in_order(format!("Kubernetes {}", release.minor), release.released, release.end_of_life);
    }
    for cycle in &after.calendars.records {
        in_order(format!("{} {}", cycle.product, cycle.cycle), cycle.released, cycle.end_of_life);
    }
}
