//! What becomes allowed and what becomes denied between two states of a cluster.

mod document;
mod entrances;
mod findings;
mod make;
mod overlay;
mod said;

pub use document::document;
pub use entrances::{EntranceChange, entrances};
pub use findings::findings;
pub use make::{Change, ChangeKind, make};
pub use overlay::overlay;
pub use said::State;
