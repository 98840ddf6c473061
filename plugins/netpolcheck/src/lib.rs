//! kubectl-netpolcheck: what the network policies of a cluster really say.
//!
//! [`policy`] brings policies of every kind and tier into one form, [`world`] says who there is, and [`engine`] puts
//! both together for all pods at once, read as a [`profile`] reads what the standard leaves open.

#![deny(missing_docs)]

pub mod address;
mod calico;
pub mod can;
pub mod cli;
pub mod commands;
pub mod coverage;
pub mod decide;
pub mod diff;
pub mod engine;
pub mod entrance;
pub mod execute;
pub mod foreign;
pub mod isolation;
pub mod lint;
mod live;
pub mod map;
pub mod names;
pub mod policy;
pub mod ports;
pub mod profile;
pub mod range_set;
pub mod service;
pub mod suggest;
pub mod who;
pub mod world;

use patchkit::app::Plugin;

/// The plugin, by the names it goes by.
pub const PLUGIN: Plugin =
    Plugin { name: "netpolcheck", version: env!("CARGO_PKG_VERSION"), repository: env!("CARGO_PKG_REPOSITORY") };
