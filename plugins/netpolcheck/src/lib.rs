//! kubectl-netpolcheck. It answers `--help` and `--version` so far.

pub mod cli;

use patchkit::app::Plugin;

/// The plugin, by the names it goes by.
pub const PLUGIN: Plugin =
    Plugin { name: "netpolcheck", version: env!("CARGO_PKG_VERSION"), repository: env!("CARGO_PKG_REPOSITORY") };
