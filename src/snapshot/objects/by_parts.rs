//! What many objects have in common, kept once.
//!
//! Its parts are kept once already, so that equal ones are the same one: comparing where they are kept is enough to
//! find what is equal as a whole, and takes no look at any text.

use std::{
    hash::{Hash, Hasher},
    sync::Arc,
};

/// Something of which the parts are kept once.
pub(crate) trait Parts {
    /// The places of the parts, and the values that are no parts.
    fn parts(&self) -> impl Hash + Eq;
}

/// Equal to another where their parts are the same ones.
#[derive(Clone, Debug, Default)]
pub(crate) struct ByParts<T>(pub(crate) T);

impl<T: Parts> Hash for ByParts<T> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.parts().hash(state);
    }
}

impl<T: Parts> PartialEq for ByParts<T> {
    fn eq(&self, other: &Self) -> bool {
        self.0.parts() == other.0.parts()
    }
}

impl<T: Parts> Eq for ByParts<T> {}

/// Where a part is kept.
pub(crate) fn place<T: ?Sized>(part: &Arc<T>) -> *const () {
    Arc::as_ptr(part).cast()
}
