//! What becomes allowed and what becomes denied between two states of a cluster.

mod document;
mod make;
mod overlay;
mod said;

pub use document::document;
pub use make::{Change, ChangeKind, make};
pub use overlay::overlay;
pub use said::State;
