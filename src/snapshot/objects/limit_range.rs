//! LimitRanges: what a namespace gives to containers that ask for nothing.

use compact_str::CompactString;
use serde::Deserialize;

use super::{Context, Meta, Resource, meta::WireMeta};
use crate::rules::{Resources, null::or_default};

/// A LimitRange: what it gives to containers by default.
#[derive(Clone, Debug, Default)]
pub struct LimitRange {
    /// Identity.
    pub meta: Meta,
    /// What a container requests that says nothing of it. Without `defaultRequest` that is the default limit
    /// (`SetDefaults_LimitRangeItem` in `pkg/apis/core/v1/defaults.go`).
    pub default_requests: Resources,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct WireLimitRange {
    #[serde(deserialize_with = "or_default")]
    metadata: WireMeta,
    #[serde(deserialize_with = "or_default")]
    spec: WireSpec,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct WireSpec {
    #[serde(deserialize_with = "or_default")]
    limits: Vec<WireItem>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct WireItem {
    #[serde(rename = "type", deserialize_with = "or_default")]
    kind: CompactString,
    #[serde(deserialize_with = "or_default")]
    default: Resources,
    #[serde(deserialize_with = "or_default")]
    default_request: Resources,
    #[serde(deserialize_with = "or_default")]
    max: Resources,
    #[serde(deserialize_with = "or_default")]
    min: Resources,
}

impl Resource for LimitRange {
    type Wire = WireLimitRange;

    fn keep(wire: WireLimitRange, context: &mut Context) -> Self {
        let mut default_requests = Resources::new();
        for item in wire.spec.limits.into_iter().filter(|item| item.kind == "Container") {
            // The first that is there counts: the default request, the default limit, the maximum, the minimum.
            for given in [item.default_request, item.default, item.max, item.min] {
                for (name, amount) in given {
                    default_requests.entry(name).or_insert(amount);
                }
            }
        }
        Self { meta: wire.metadata.keep(context), default_requests }
    }
}
