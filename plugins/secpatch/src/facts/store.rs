//! The tables together.

use std::sync::OnceLock;

use jiff::civil::Date;

use super::{Apis, Calendars, Changes, Cves, Gates, Migrations, Preconditions, Releases, Sources};

/// All facts, each table read when it is first asked for.
#[derive(Debug, Default)]
pub struct Facts {
    pub(super) releases: OnceLock<Releases>,
    pub(super) calendars: OnceLock<Calendars>,
    pub(super) cves: OnceLock<Cves>,
    pub(super) apis: OnceLock<Apis>,
    pub(super) gates: OnceLock<Gates>,
    pub(super) changes: OnceLock<Changes>,
    pub(super) migrations: OnceLock<Migrations>,
    pub(super) preconditions: OnceLock<Preconditions>,
    pub(super) sources: OnceLock<Sources>,
}

macro_rules! tables {
    ($($(#[$doc:meta])* $name:ident: $type:ident = $file:literal;)*) => {
        impl Facts {
            $(
                $(#[$doc])*
                ///
                /// # Panics
                /// Never: that the compiled-in table can be read is proved by a test.
                #[must_use]
                pub fn $name(&self) -> &$type {
                    self.$name.get_or_init(|| {
                        let text = include_str!(concat!("../../facts/", $file));
                        $type::parse(text).expect("a compiled-in table can be read")
                    })
                }
            )*
        }
    };
}

tables! {
    /// The releases of Kubernetes.
    releases: Releases = "releases.json";
    /// The calendars of providers and runtimes.
    calendars: Calendars = "calendars.json";
    /// Vulnerabilities.
    cves: Cves = "cves.json";
    /// The life of API kinds.
    apis: Apis = "apis.json";
    /// Feature gates.
    gates: Gates = "gates.json";
    /// Changes that break.
    changes: Changes = "changes.json";
    /// What changes in a specification with its API version.
    migrations: Migrations = "hand/migrations.json";
    /// What must hold for a vulnerability to matter.
    preconditions: Preconditions = "hand/preconditions.json";
    /// Where the facts come from.
    sources: Sources = "hand/sources.json";
}

/// Tables that were refreshed after this program was built.
#[derive(Debug)]
pub struct Newer {
    /// The releases.
    pub releases: Releases,
    /// The calendars.
    pub calendars: Calendars,
    /// The vulnerabilities.
    pub cves: Cves,
    /// The sources.
    pub sources: Sources,
    /// Whether this same version of the program made them: tables of the same date are then no older than those that
    /// are compiled in. Another version may know corrections that they lack.
    pub by_this_version: bool,
}

impl Facts {
    /// The compiled-in facts, with each table replaced that is newer in `newer`. Says whether any was.
    #[must_use]
    pub fn with_newer(newer: Newer) -> (Self, bool) {
        let facts = Self::default();
        let wins = |cached: Date, compiled: Date| cached > compiled || (cached == compiled && newer.by_this_version);
        let mut any = false;
        if wins(newer.releases.table().as_of, compiled_date(include_str!("../../facts/releases.json"))) {
            any |= facts.releases.set(newer.releases).is_ok();
        }
        if wins(newer.calendars.table().as_of, compiled_date(include_str!("../../facts/calendars.json"))) {
            any |= facts.calendars.set(newer.calendars).is_ok();
        }
        if wins(newer.cves.table().as_of, compiled_date(include_str!("../../facts/cves.json"))) {
            any |= facts.cves.set(newer.cves).is_ok();
        }
        if any {
            let _ = facts.sources.set(newer.sources);
        }
        (facts, any)
    }

    /// The compiled-in facts.
    #[must_use]
    pub fn compiled_in() -> Self {
        Self::default()
    }

    /// The date that a report shows for the facts it rests on: that of the oldest of the tables that age, which are
    /// releases, calendars and vulnerabilities. Any newer date would promise too much.
    #[must_use]
    pub fn as_of(&self) -> Date {
        let ageing = [self.releases().table().as_of, self.calendars().table().as_of, self.cves().table().as_of];
        ageing.into_iter().min().unwrap_or_default()
    }
}

/// The date of a compiled-in table, from its first line, so that the rest need not be read.
fn compiled_date(table: &str) -> Date {
    let date = table.split("\"asOf\":\"").nth(1).and_then(|rest| rest.get(..10)?.parse().ok());
    date.expect("a compiled-in table begins with its date")
}
