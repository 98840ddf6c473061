//! What is kept of an object's metadata.

use std::{
    fmt,
    hash::Hash,
    ops::{Deref, DerefMut},
    sync::Arc,
};

use compact_str::CompactString;
use jiff::Timestamp;
use serde::{
    Deserialize, Deserializer,
    de::{IgnoredAny, MapAccess, Visitor},
};

use super::{
    Context,
    by_parts::{ByParts, Parts, place},
};
use crate::{
    report::ObjectRef,
    rules::{Labels, OwnerRef, null::or_default, owner},
};

/// The annotation in which `kubectl apply` keeps what it sent last.
const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// The metadata of an object: identity, labels, owners, times, and which API versions its writers used.
///
/// What is not its own alone is read, and written, through [`CommonMeta`]: the pods of a template differ in hardly more
/// than their names, and a large cluster has a hundred thousand of them.
#[derive(Clone, Debug, Default)]
pub struct Meta {
    /// The name; for a manifest with `generateName` only, that prefix.
    pub name: CompactString,
    /// The UID; empty in manifests.
    pub uid: CompactString,
    /// When the object was created.
    pub created: Option<Timestamp>,
    /// Where the object stands in the input files.
    pub origin: Option<Origin>,
    common: Arc<ByParts<CommonMeta>>,
}

/// The part of the metadata that objects of one template have in common.
#[derive(Clone, Debug, Default)]
pub struct CommonMeta {
    /// The namespace; empty for objects of the whole cluster.
    pub namespace: Arc<str>,
    /// The labels.
    pub labels: Arc<Labels>,
    /// The annotations, without the one that holds the last applied configuration.
    pub annotations: Arc<Labels>,
    /// The owners, in their order.
    pub owners: Arc<[OwnerRef]>,
    /// When the object is to be gone, where it is being deleted.
    pub deleting: Option<Timestamp>,
    /// The generation of the specification.
    pub generation: i64,
    /// Whether anything holds the object back from being deleted.
    pub has_finalizers: bool,
    /// The API version under which the object was read.
    pub api_version: Arc<str>,
    /// The API version in the last applied configuration, where the annotation is there.
    pub last_applied: Option<CompactString>,
    /// Each field manager with the API version that it wrote with.
    pub managers: Arc<[Manager]>,
}

impl Deref for Meta {
    type Target = CommonMeta;

    fn deref(&self) -> &CommonMeta {
        &self.common.0
    }
}

impl DerefMut for Meta {
    /// Changes this object alone.
    fn deref_mut(&mut self) -> &mut CommonMeta {
        &mut Arc::make_mut(&mut self.common).0
    }
}

impl Parts for CommonMeta {
    fn parts(&self) -> impl Hash + Eq {
        let texts = [place(&self.namespace), place(&self.api_version)];
        let lists = [place(&self.labels), place(&self.annotations), place(&self.owners), place(&self.managers)];
        (texts, lists, self.deleting, self.generation, self.has_finalizers, self.last_applied.as_deref())
    }
}

/// A field manager: who wrote, and with which API version.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[allow(missing_docs, reason = "the names are the API's own")]
pub struct Manager {
    #[serde(deserialize_with = "or_default")]
    pub manager: CompactString,
    #[serde(deserialize_with = "or_default")]
    pub api_version: CompactString,
    #[serde(deserialize_with = "or_default")]
    pub operation: CompactString,
    /// When it wrote last; not kept where it wrote with the stable version under which the object was read.
    pub time: Option<Timestamp>,
}

/// A place in the input: the index of the file and the line, counted from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Origin {
    /// The index in [`super::super::Snapshot::files`].
    pub file: u32,
    /// The line on which the object begins.
    pub line: u32,
}

impl Meta {
    /// The controlling owner, where there is one.
    #[must_use]
    pub fn controller(&self) -> Option<&OwnerRef> {
        owner::controller(&self.owners)
    }

    /// A reference to this object as one of this kind.
    #[must_use]
    pub fn object_ref(&self, kind: &str) -> ObjectRef {
        ObjectRef {
            api_version: self.api_version.to_string(),
            kind: kind.to_owned(),
            namespace: (!self.namespace.is_empty()).then(|| self.namespace.to_string()),
            name: self.name.to_string(),
            container: None,
        }
    }

    /// `namespace/name`, or the name alone.
    #[must_use]
    pub fn path(&self) -> String {
        if self.namespace.is_empty() { self.name.to_string() } else { format!("{}/{}", self.namespace, self.name) }
    }
}

/// The metadata as it stands in JSON or YAML.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct WireMeta {
    #[serde(deserialize_with = "or_default")]
    name: CompactString,
    #[serde(deserialize_with = "or_default")]
    generate_name: CompactString,
    #[serde(deserialize_with = "or_default")]
    namespace: CompactString,
    #[serde(deserialize_with = "or_default")]
    uid: CompactString,
    #[serde(deserialize_with = "or_default")]
    labels: Labels,
    annotations: Annotations,
    #[serde(deserialize_with = "or_default")]
    owner_references: Vec<OwnerRef>,
    creation_timestamp: Option<Timestamp>,
    deletion_timestamp: Option<Timestamp>,
    #[serde(deserialize_with = "or_default")]
    generation: i64,
    #[serde(deserialize_with = "or_default")]
    finalizers: Vec<IgnoredAny>,
    #[serde(deserialize_with = "or_default")]
    managed_fields: Vec<Manager>,
}

/// A status of which only the phase is read.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct WirePhase {
    #[serde(deserialize_with = "or_default")]
    pub(crate) phase: CompactString,
}

impl WireMeta {
    pub(crate) fn keep(self, context: &mut Context) -> Meta {
        let mut managers = self.managed_fields;
        // One row a writer and version is enough: the newest of them.
        managers.sort_by(|a, b| (&a.manager, &a.api_version, b.time).cmp(&(&b.manager, &b.api_version, a.time)));
        managers.dedup_by(|a, b| a.manager == b.manager && a.api_version == b.api_version);
        // Each object was written at a time of its own, and only of a version that may go is it ever asked when it was
        // written last. Without the other times the lists of most objects are equal, and kept once.
        for manager in &mut managers {
            if manager.api_version.as_str() == &*context.api_version() && is_stable(&manager.api_version) {
                manager.time = None;
            }
        }
        let common = CommonMeta {
            namespace: context.text(&self.namespace),
            labels: context.labels(self.labels),
            annotations: context.labels(self.annotations.kept),
            owners: context.owners(self.owner_references),
            deleting: self.deletion_timestamp,
            generation: self.generation,
            has_finalizers: !self.finalizers.is_empty(),
            api_version: context.api_version(),
            last_applied: self.annotations.last_applied,
            managers: context.managers(managers),
        };
        Meta {
            name: if self.name.is_empty() { self.generate_name } else { self.name },
            uid: self.uid,
            created: self.creation_timestamp,
            origin: context.origin(),
            common: context.common_meta(common),
        }
    }

    /// The labels of a pod template, which has no identity of its own.
    pub(crate) fn keep_template(self, context: &mut Context) -> (Arc<Labels>, Arc<Labels>) {
        (context.labels(self.labels), context.labels(self.annotations.kept))
    }
}

/// Whether this is a stable version, such as `apps/v1`: those do not go.
fn is_stable(api_version: &str) -> bool {
    !api_version.contains("alpha") && !api_version.contains("beta")
}

/// Annotations, with the API version taken out of the last applied configuration and the rest of that one dropped:
/// it doubles the size of many objects.
#[derive(Default)]
struct Annotations {
    kept: Labels,
    last_applied: Option<CompactString>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct LastApplied {
    #[serde(deserialize_with = "or_default")]
    api_version: CompactString,
}

impl<'de> Deserialize<'de> for Annotations {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Pairs;
        impl<'de> Visitor<'de> for Pairs {
            type Value = Annotations;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a map of text to text")
            }

            fn visit_unit<E>(self) -> Result<Annotations, E> {
                Ok(Annotations::default())
            }

            fn visit_none<E>(self) -> Result<Annotations, E> {
                Ok(Annotations::default())
            }

            fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Annotations, D::Error> {
                deserializer.deserialize_map(self)
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Annotations, A::Error> {
                let mut pairs = Vec::with_capacity(map.size_hint().unwrap_or(4));
                let mut last_applied = None;
                while let Some(key) = map.next_key::<CompactString>()? {
                    if key == LAST_APPLIED {
                        let text: Option<String> = map.next_value()?;
                        // A broken annotation is no broken object: it then says nothing about versions.
                        last_applied = text
                            .and_then(|text| serde_json::from_str::<LastApplied>(&text).ok())
                            .map(|found| found.api_version);
                    } else {
                        pairs.push((key, map.next_value::<Option<CompactString>>()?.unwrap_or_default()));
                    }
                }
                Ok(Annotations { kept: pairs.into_iter().collect(), last_applied })
            }
        }
        deserializer.deserialize_option(Pairs)
    }
}
