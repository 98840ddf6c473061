//! kubectl-secpatch: what a cluster must update for its security, why, and in which order.
//!
//! [`facts`] holds what is known about Kubernetes itself: releases and their support, vulnerabilities and the versions
//! they touch, the life of APIs and feature gates. It knows no cluster. [`inventory`] says what runs in one, and [`plan`]
//! joins both: what to update, why, in which order. [`pod_security`] holds the Pod Security Standards, and [`pods`] holds
//! what runs against them. [`posture`] goes through what the practice asks of the cluster as a whole.

pub mod apis;
pub mod cli;
pub mod commands;
pub mod cves;
pub mod execute;
pub mod facts;
pub mod fix;
pub mod images;
pub mod inventory;
mod live;
pub mod patch_files;
pub mod plan;
pub mod pod_security;
pub mod pods;
pub mod posture;
mod rights;
mod settings;
pub mod specs;
pub mod subject;
#[cfg(test)]
mod testing;
mod workloads;

use patchkit::app::Plugin;
pub use patchkit::report::words;

/// The plugin, by the names it goes by.
pub const PLUGIN: Plugin =
    Plugin { name: "secpatch", version: env!("CARGO_PKG_VERSION"), repository: env!("CARGO_PKG_REPOSITORY") };
