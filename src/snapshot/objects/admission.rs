//! Webhooks that may refuse or change what is sent to the API server.

use compact_str::CompactString;
use serde::Deserialize;

use super::{Context, Meta, Resource, meta::WireMeta};
use crate::rules::{LabelSelector, null::or_default};

/// A ValidatingWebhookConfiguration or a MutatingWebhookConfiguration.
#[derive(Clone, Debug, Default)]
#[allow(missing_docs, reason = "the names are the API's own")]
pub struct WebhookConfiguration {
    pub meta: Meta,
    /// It may change objects, and not only refuse them.
    pub mutating: bool,
    pub webhooks: Vec<Webhook>,
}

impl WebhookConfiguration {
    /// The kind as the API names it.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        if self.mutating { "MutatingWebhookConfiguration" } else { "ValidatingWebhookConfiguration" }
    }
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[allow(missing_docs, reason = "the names are the API's own")]
pub struct Webhook {
    #[serde(deserialize_with = "or_default")]
    pub name: CompactString,
    #[serde(deserialize_with = "or_default")]
    pub client_config: ClientConfig,
    /// `Fail` (the default of v1) or `Ignore`.
    #[serde(deserialize_with = "or_default")]
    pub failure_policy: CompactString,
    #[serde(deserialize_with = "or_default")]
    pub rules: Vec<WebhookRule>,
    pub namespace_selector: Option<LabelSelector>,
    pub object_selector: Option<LabelSelector>,
    pub timeout_seconds: Option<i32>,
}

impl Webhook {
    /// Whether requests fail where the webhook cannot be reached: absent means so in v1.
    #[must_use]
    pub fn fails_closed(&self) -> bool {
        self.failure_policy != "Ignore"
    }
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
#[allow(missing_docs, reason = "the names are the API's own")]
pub struct ClientConfig {
    pub service: Option<ServiceReference>,
    pub url: Option<CompactString>,
}

/// A Service that API requests are sent to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Deserialize)]
#[serde(default)]
#[allow(missing_docs, reason = "the names are the API's own")]
pub struct ServiceReference {
    #[serde(deserialize_with = "or_default")]
    pub namespace: CompactString,
    #[serde(deserialize_with = "or_default")]
    pub name: CompactString,
    pub port: Option<i32>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[allow(missing_docs, reason = "the names are the API's own")]
pub struct WebhookRule {
    #[serde(deserialize_with = "or_default")]
    pub api_groups: Vec<CompactString>,
    #[serde(deserialize_with = "or_default")]
    pub api_versions: Vec<CompactString>,
    #[serde(deserialize_with = "or_default")]
    pub operations: Vec<CompactString>,
    #[serde(deserialize_with = "or_default")]
    pub resources: Vec<CompactString>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct WireConfiguration {
    #[serde(deserialize_with = "or_default")]
    metadata: WireMeta,
    #[serde(deserialize_with = "or_default")]
    webhooks: Vec<Webhook>,
}

pub(crate) struct ValidatingWebhookConfiguration(pub(crate) WebhookConfiguration);
pub(crate) struct MutatingWebhookConfiguration(pub(crate) WebhookConfiguration);

fn keep(wire: WireConfiguration, mutating: bool, context: &mut Context) -> WebhookConfiguration {
    WebhookConfiguration { meta: wire.metadata.keep(context), mutating, webhooks: wire.webhooks }
}

impl Resource for ValidatingWebhookConfiguration {
    type Wire = WireConfiguration;

    fn keep(wire: WireConfiguration, context: &mut Context) -> Self {
        Self(keep(wire, false, context))
    }
}

impl Resource for MutatingWebhookConfiguration {
    type Wire = WireConfiguration;

    fn keep(wire: WireConfiguration, context: &mut Context) -> Self {
        Self(keep(wire, true, context))
    }
}

/// A ValidatingAdmissionPolicy: its expressions.
#[derive(Clone, Debug, Default)]
pub struct AdmissionPolicy {
    /// Identity.
    pub meta: Meta,
    /// The CEL expressions of its validations, variables and match conditions.
    pub expressions: Vec<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct WirePolicy {
    #[serde(deserialize_with = "or_default")]
    metadata: WireMeta,
    #[serde(deserialize_with = "or_default")]
    spec: WirePolicySpec,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct WirePolicySpec {
    #[serde(deserialize_with = "or_default")]
    validations: Vec<WireExpression>,
    #[serde(deserialize_with = "or_default")]
    variables: Vec<WireExpression>,
    #[serde(deserialize_with = "or_default")]
    match_conditions: Vec<WireExpression>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct WireExpression {
    #[serde(deserialize_with = "or_default")]
    expression: String,
}

impl Resource for AdmissionPolicy {
    type Wire = WirePolicy;

    fn keep(wire: WirePolicy, context: &mut Context) -> Self {
        let spec = wire.spec;
        Self {
            meta: wire.metadata.keep(context),
            expressions: spec
                .validations
                .into_iter()
                .chain(spec.variables)
                .chain(spec.match_conditions)
                .map(|found| found.expression)
                .collect(),
        }
    }
}

/// A ValidatingAdmissionPolicyBinding: without one a policy does nothing.
#[derive(Clone, Debug, Default)]
pub struct AdmissionPolicyBinding {
    /// Identity.
    pub meta: Meta,
    /// The name of the policy.
    pub policy: CompactString,
    /// What happens where the policy fails: `Deny`, `Warn`, `Audit`.
    pub actions: Vec<CompactString>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct WireBinding {
    #[serde(deserialize_with = "or_default")]
    metadata: WireMeta,
    #[serde(deserialize_with = "or_default")]
    spec: WireBindingSpec,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct WireBindingSpec {
    #[serde(deserialize_with = "or_default")]
    policy_name: CompactString,
    #[serde(deserialize_with = "or_default")]
    validation_actions: Vec<CompactString>,
}

impl Resource for AdmissionPolicyBinding {
    type Wire = WireBinding;

    fn keep(wire: WireBinding, context: &mut Context) -> Self {
        Self { meta: wire.metadata.keep(context), policy: wire.spec.policy_name, actions: wire.spec.validation_actions }
    }
}
