//! One file a subcommand: get a snapshot, decide, render. Only here is the outside world touched.

pub mod data;
pub mod facts_cache;
pub mod plan;
