//! The APIs that are deprecated or go, what still uses them, and what to write instead.
//!
//! [`uses`] finds the facts in a snapshot, [`removed`] joins them for the hops of a plan, and [`report`] for
//! `kubectl secpatch apis`. [`place`] finds objects in the text of a file, so that their API version can be rewritten.

mod ask;
mod document;
pub mod helm;
mod model;
pub mod place;
mod removed;
pub mod report;
pub mod rewrite;
mod uses;

pub use ask::{kinds_to_ask, unread};
pub use document::document;
pub use model::{Alone, ApiObject, ApiStatus, ApiUse, ApiUser, RemovedApi, SeenIn};
pub use removed::{manifests_of_the_past, removed};
