//! The tables together.

use std::sync::OnceLock;

use jiff::civil::Date;

use super::{Apis, Calendars, Changes, Cves, Gates, Preconditions, Releases, Sources};

/// All facts, each table read when it is first asked for.
#[derive(Debug, Default)]
pub struct Facts {
    pub(super) releases: OnceLock<Releases>,
    pub(super) calendars: OnceLock<Calendars>,
    pub(super) cves: OnceLock<Cves>,
    pub(super) apis: OnceLock<Apis>,
    pub(super) gates: OnceLock<Gates>,
    pub(super) changes: OnceLock<Changes>,
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
    /// What must hold for a vulnerability to matter.
    preconditions: Preconditions = "hand/preconditions.json";
    /// Where the facts come from.
    sources: Sources = "hand/sources.json";
}

impl Facts {
    /// The compiled-in facts.
    #[must_use]
    pub fn compiled_in() -> Self {
        Self::default()
    }

    /// The date of the newest fact in the tables that a plan rests on.
    #[must_use]
    pub fn as_of(&self) -> Date {
        let sources = self.sources().all().iter().map(|source| source.as_of).max();
        sources.unwrap_or_else(|| self.releases().table().as_of)
    }
}
