//! What is known about Kubernetes, whatever the cluster: releases, support calendars, vulnerabilities, the life of APIs
//! and feature gates, and the changes that break.
//!
//! The tables under `facts/` of this package are compiled in; each carries its date and its sources, and the generator
//! beside them makes them from public files. A table is read when it is first asked for, so that a command pays only
//! for what it looks at.

pub mod api;
pub mod calendar;
pub mod change;
mod component;
pub mod cve;
pub mod cvss;
pub mod gate;
pub mod make;
pub mod merge;
pub mod migration;
pub mod precondition;
pub mod read;
pub mod refresh;
pub mod release;
pub mod show;
pub mod source;
mod store;
pub mod table;
pub mod version;

pub use api::{ApiLife, Apis, Gvk};
pub use calendar::{Calendars, Cycle, Product};
pub use change::{Change, Changes};
pub use component::Component;
pub use cve::{Affected, AffectedComponent, Cve, CveStatus, Cves};
pub use gate::{Gate, GateAt, GateProblem, Gates, Stage};
pub use migration::{Migration, Migrations};
pub use precondition::{Precondition, PreconditionKind, Preconditions};
pub use release::{Patch, Release, Releases, Support, days_between};
pub use source::{SourceInfo, Sources};
pub use store::{Facts, Newer};
