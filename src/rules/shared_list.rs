//! Lists that are made once and then only read, so that equal ones can be kept once.

use std::{ops::Deref, sync::Arc};

use serde::{Deserialize, Deserializer, Serialize};

/// An immutable list; copies share it. Writing to it goes through [`SharedList::make_mut`].
#[derive(Debug, PartialEq, Eq, Hash, Serialize)]
pub struct SharedList<T>(Arc<[T]>);

impl<T: Clone> SharedList<T> {
    /// The items, to be changed; other copies stay as they are.
    pub fn make_mut(&mut self) -> &mut [T] {
        Arc::make_mut(&mut self.0)
    }
}

impl<T> SharedList<T> {
    /// The list itself, for those who keep equal ones once.
    pub(crate) const fn shared(&mut self) -> &mut Arc<[T]> {
        &mut self.0
    }
}

impl<T> Clone for SharedList<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T> Default for SharedList<T> {
    fn default() -> Self {
        Self(Arc::default())
    }
}

impl<T> Deref for SharedList<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        &self.0
    }
}

impl<T> From<Vec<T>> for SharedList<T> {
    fn from(list: Vec<T>) -> Self {
        if list.is_empty() { Self::default() } else { Self(list.into()) }
    }
}

impl<T> FromIterator<T> for SharedList<T> {
    fn from_iter<I: IntoIterator<Item = T>>(items: I) -> Self {
        Vec::from_iter(items).into()
    }
}

impl<'l, T> IntoIterator for &'l SharedList<T> {
    type Item = &'l T;
    type IntoIter = std::slice::Iter<'l, T>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.iter()
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for SharedList<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Vec::deserialize(deserializer).map(Self::from)
    }
}
