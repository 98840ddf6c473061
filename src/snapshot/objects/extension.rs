//! What extends the API: custom resources and aggregated API servers.

use compact_str::CompactString;
use serde::Deserialize;

use super::{Context, Meta, Resource, admission::ServiceReference, meta::WireMeta};
use crate::rules::null::or_default;

/// A CustomResourceDefinition.
#[derive(Clone, Debug, Default)]
#[allow(missing_docs, reason = "the names are the API's own")]
pub struct CustomResourceDefinition {
    pub meta: Meta,
    pub group: CompactString,
    pub kind: CompactString,
    pub plural: CompactString,
    pub namespaced: bool,
    pub versions: Vec<CrdVersion>,
    /// Versions in which objects may be stored.
    pub stored_versions: Vec<CompactString>,
    /// The Service that converts between versions, where there is one.
    pub conversion_webhook: Option<ServiceReference>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
#[allow(missing_docs, reason = "the names are the API's own")]
pub struct CrdVersion {
    #[serde(deserialize_with = "or_default")]
    pub name: CompactString,
    #[serde(deserialize_with = "or_default")]
    pub served: bool,
    #[serde(deserialize_with = "or_default")]
    pub storage: bool,
    #[serde(deserialize_with = "or_default")]
    pub deprecated: bool,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct WireCrd {
    #[serde(deserialize_with = "or_default")]
    metadata: WireMeta,
    #[serde(deserialize_with = "or_default")]
    spec: WireCrdSpec,
    #[serde(deserialize_with = "or_default")]
    status: WireCrdStatus,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct WireCrdSpec {
    #[serde(deserialize_with = "or_default")]
    group: CompactString,
    #[serde(deserialize_with = "or_default")]
    names: WireNames,
    #[serde(deserialize_with = "or_default")]
    scope: CompactString,
    #[serde(deserialize_with = "or_default")]
    versions: Vec<CrdVersion>,
    conversion: Option<WireConversion>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct WireNames {
    #[serde(deserialize_with = "or_default")]
    kind: CompactString,
    #[serde(deserialize_with = "or_default")]
    plural: CompactString,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct WireConversion {
    webhook: Option<WireConversionWebhook>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct WireConversionWebhook {
    #[serde(deserialize_with = "or_default")]
    client_config: super::admission::ClientConfig,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct WireCrdStatus {
    #[serde(deserialize_with = "or_default")]
    stored_versions: Vec<CompactString>,
}

impl Resource for CustomResourceDefinition {
    type Wire = WireCrd;

    fn keep(wire: WireCrd, context: &mut Context) -> Self {
        let spec = wire.spec;
        Self {
            meta: wire.metadata.keep(context),
            group: spec.group,
            kind: spec.names.kind,
            plural: spec.names.plural,
            namespaced: spec.scope == "Namespaced",
            versions: spec.versions,
            stored_versions: wire.status.stored_versions,
            conversion_webhook: spec
                .conversion
                .and_then(|conversion| conversion.webhook)
                .and_then(|webhook| webhook.client_config.service),
        }
    }
}

/// An APIService: a group and version that another server may answer for.
#[derive(Clone, Debug, Default)]
#[allow(missing_docs, reason = "the names are the API's own")]
pub struct ApiService {
    pub meta: Meta,
    pub group: CompactString,
    pub version: CompactString,
    /// The Service behind it; `None` for what the API server answers itself.
    pub service: Option<ServiceReference>,
    /// The status of the condition Available, where it is reported.
    pub available: Option<bool>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct WireApiService {
    #[serde(deserialize_with = "or_default")]
    metadata: WireMeta,
    #[serde(deserialize_with = "or_default")]
    spec: WireApiServiceSpec,
    #[serde(deserialize_with = "or_default")]
    status: WireApiServiceStatus,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct WireApiServiceSpec {
    #[serde(deserialize_with = "or_default")]
    group: CompactString,
    #[serde(deserialize_with = "or_default")]
    version: CompactString,
    service: Option<ServiceReference>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct WireApiServiceStatus {
    #[serde(deserialize_with = "or_default")]
    conditions: Vec<super::pod::WireCondition>,
}

impl Resource for ApiService {
    type Wire = WireApiService;

    fn keep(wire: WireApiService, context: &mut Context) -> Self {
        Self {
            meta: wire.metadata.keep(context),
            group: wire.spec.group,
            version: wire.spec.version,
            service: wire.spec.service,
            available: wire
                .status
                .conditions
                .iter()
                .find(|condition| condition.kind == "Available")
                .map(|condition| condition.status == "True"),
        }
    }
}
