//! kubectl-drainsafe: empties nodes without breaking a workload.
//!
//! [`drain`] makes the plan of a drain: a pure value, which can be shown and which an executor carries out. [`fit`]
//! holds pods against nodes as the scheduler does, and [`simulate`] says with it where the replacements would go. [`pool`] plans the update of a whole pool.
//! [`execute`] carries a plan out.

pub mod cli;
pub mod commands;
pub mod drain;
pub mod execute;
pub mod fit;
mod live;
pub mod obstacles;
pub mod pool;
pub mod simulate;

use patchkit::app::Plugin;

/// The plugin, by the names it goes by.
pub const PLUGIN: Plugin =
    Plugin { name: "drainsafe", version: env!("CARGO_PKG_VERSION"), repository: env!("CARGO_PKG_REPOSITORY") };
