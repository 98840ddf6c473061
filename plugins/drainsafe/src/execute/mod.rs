//! Carrying out a drain.
//!
//! What is to be done is decided by pure functions of the facts: [`gate`] says whether a pod may be asked to go,
//! [`machine`] turns what has happened into what is to be done next, [`node`] what a node object becomes, and
//! [`record`] what stands in the journal. The [`driver`] is the edge: it watches the cluster, does what the machine says
//! and tells it what came of it. [`lock`] holds the run's Lease, [`view`] shows the run to people and to programs.

pub mod answers;
mod asking;
pub mod commands;
pub mod driver;
pub mod event;
pub mod gate;
pub mod identity;
pub mod lock;
pub mod machine;
pub mod node;
mod pool_begin;
mod pool_driver;
mod pool_machine;
mod pool_record;
pub mod pool_run;
mod pool_view;
pub mod record;
pub mod rehearse;
pub mod run;
mod sight;
mod stops;
pub mod task;
pub mod undo;
mod verify;
pub mod view;
mod waves;
pub mod world;

mod flags;

pub use flags::{Flags, OnFailure};
pub use pool_record::PoolRecord;
pub use stops::{stops, waits};

/// The name under which the API server notes what this tool has written.
pub const FIELD_MANAGER: &str = "kubectl-drainsafe";
