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

    /// The date that a report shows for the facts it rests on: that of the oldest of the tables that age, which are
    /// releases, calendars and vulnerabilities. Any newer date would promise too much.
    #[must_use]
    pub fn as_of(&self) -> Date {
        let ageing = [self.releases().table().as_of, self.calendars().table().as_of, self.cves().table().as_of];
        ageing.into_iter().min().unwrap_or_default()
    }
}
