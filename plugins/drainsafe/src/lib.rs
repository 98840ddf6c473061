//! kubectl-drainsafe: empties nodes without breaking a workload.

pub mod cli;
pub mod commands;

use patchkit::app::Plugin;

/// The plugin, by the names it goes by.
pub const PLUGIN: Plugin =
    Plugin { name: "drainsafe", version: env!("CARGO_PKG_VERSION"), repository: env!("CARGO_PKG_REPOSITORY") };
