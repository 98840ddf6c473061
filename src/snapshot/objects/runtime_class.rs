//! RuntimeClasses: which program of a node runs a pod's containers.

use compact_str::CompactString;
use serde::Deserialize;

use super::{Context, Meta, Resource, meta::WireMeta};
use crate::rules::null::or_default;

/// A RuntimeClass.
#[derive(Clone, Debug, Default)]
pub struct RuntimeClass {
    /// Identity.
    pub meta: Meta,
    /// The handler that the runtime of each node is configured with, such as `runsc`.
    pub handler: CompactString,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct WireRuntimeClass {
    #[serde(deserialize_with = "or_default")]
    metadata: WireMeta,
    #[serde(deserialize_with = "or_default")]
    handler: CompactString,
    /// Where `node.k8s.io/v1alpha1` had it.
    #[serde(deserialize_with = "or_default")]
    spec: WireSpec,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct WireSpec {
    #[serde(deserialize_with = "or_default")]
    runtime_handler: CompactString,
}

impl Resource for RuntimeClass {
    type Wire = WireRuntimeClass;

    fn keep(wire: WireRuntimeClass, context: &mut Context) -> Self {
        let handler = if wire.handler.is_empty() { wire.spec.runtime_handler } else { wire.handler };
        Self { meta: wire.metadata.keep(context), handler }
    }
}
