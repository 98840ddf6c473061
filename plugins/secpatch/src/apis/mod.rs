//! The APIs that go, and what still uses them.

mod model;
pub mod removed;

pub use model::{ApiUser, RemovedApi, SeenIn};
