//! What is shared between the objects of one snapshot while it is filled.

use std::{
    borrow::Borrow,
    hash::Hash,
    sync::{Arc, LazyLock},
};

use rustc_hash::FxHashSet;

use super::meta::Origin;
use crate::rules::{Labels, OwnerRef, PodSpec};

/// Keeps one copy of what is equal: thousands of pods come from one template, and share labels, owners and images.
pub(crate) struct Context {
    texts: FxHashSet<Arc<str>>,
    labels: FxHashSet<Arc<Labels>>,
    owners: FxHashSet<Arc<[OwnerRef]>>,
    specs: FxHashSet<Arc<PodSpec>>,
    /// Of the object that is being read.
    api_version: Arc<str>,
    origin: Option<Origin>,
}

static NO_OWNERS: LazyLock<Arc<[OwnerRef]>> = LazyLock::new(|| Arc::from([]));

impl Default for Context {
    fn default() -> Self {
        Self {
            texts: FxHashSet::default(),
            labels: FxHashSet::default(),
            owners: FxHashSet::default(),
            specs: FxHashSet::default(),
            api_version: Arc::from(""),
            origin: None,
        }
    }
}

fn share<T, Q>(known: &mut FxHashSet<Arc<T>>, probe: &Q, make: impl FnOnce() -> Arc<T>) -> Arc<T>
where
    T: ?Sized + Eq + Hash,
    Q: ?Sized + Eq + Hash,
    Arc<T>: Borrow<Q>,
{
    if let Some(found) = known.get(probe) {
        return Arc::clone(found);
    }
    let made = make();
    known.insert(Arc::clone(&made));
    made
}

impl Context {
    /// Says which object comes next.
    pub(crate) fn begin(&mut self, api_version: &str, origin: Option<Origin>) {
        if &*self.api_version != api_version {
            self.api_version = self.text(api_version);
        }
        self.origin = origin;
    }

    pub(crate) fn api_version(&self) -> Arc<str> {
        Arc::clone(&self.api_version)
    }

    pub(crate) fn origin(&self) -> Option<Origin> {
        self.origin
    }

    pub(crate) fn text(&mut self, text: &str) -> Arc<str> {
        share(&mut self.texts, text, || Arc::from(text))
    }

    pub(crate) fn labels(&mut self, labels: Labels) -> Arc<Labels> {
        if let Some(found) = self.labels.get(&labels) {
            return Arc::clone(found);
        }
        let made = Arc::new(labels);
        self.labels.insert(Arc::clone(&made));
        made
    }

    pub(crate) fn owners(&mut self, owners: Vec<OwnerRef>) -> Arc<[OwnerRef]> {
        if owners.is_empty() {
            return Arc::clone(&NO_OWNERS);
        }
        share(&mut self.owners, owners.as_slice(), || Arc::from(owners.as_slice()))
    }

    pub(crate) fn spec(&mut self, spec: PodSpec) -> Arc<PodSpec> {
        if let Some(found) = self.specs.get(&spec) {
            return Arc::clone(found);
        }
        let made = Arc::new(spec);
        self.specs.insert(Arc::clone(&made));
        made
    }
}
