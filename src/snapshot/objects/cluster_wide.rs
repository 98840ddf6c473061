//! Namespaces, quotas, and what configures the cluster itself.

use std::collections::BTreeMap;

use compact_str::CompactString;
use serde::{Deserialize, de::IgnoredAny};

use super::{
    Context, Meta, Resource,
    meta::{WireMeta, WirePhase},
};
use crate::rules::{Resources, null::or_default};

/// A Namespace.
#[derive(Clone, Debug, Default)]
pub struct Namespace {
    /// Identity, labels, annotations.
    pub meta: Meta,
    /// It is being deleted.
    pub terminating: bool,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct WireNamespace {
    #[serde(deserialize_with = "or_default")]
    metadata: WireMeta,
    #[serde(deserialize_with = "or_default")]
    status: WirePhase,
}

impl Resource for Namespace {
    type Wire = WireNamespace;

    fn keep(wire: WireNamespace, context: &mut Context) -> Self {
        Self { meta: wire.metadata.keep(context), terminating: wire.status.phase == "Terminating" }
    }
}

/// A ResourceQuota.
#[derive(Clone, Debug, Default)]
#[allow(missing_docs, reason = "the names are the API's own")]
pub struct ResourceQuota {
    pub meta: Meta,
    pub hard: Resources,
    pub used: Resources,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct WireQuota {
    #[serde(deserialize_with = "or_default")]
    metadata: WireMeta,
    #[serde(deserialize_with = "or_default")]
    spec: WireQuotaSpec,
    #[serde(deserialize_with = "or_default")]
    status: WireQuotaStatus,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct WireQuotaSpec {
    #[serde(deserialize_with = "or_default")]
    hard: Resources,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct WireQuotaStatus {
    #[serde(deserialize_with = "or_default")]
    used: Resources,
}

impl Resource for ResourceQuota {
    type Wire = WireQuota;

    fn keep(wire: WireQuota, context: &mut Context) -> Self {
        Self { meta: wire.metadata.keep(context), hard: wire.spec.hard, used: wire.status.used }
    }
}

/// A ConfigMap. Its data is kept only where a rule reads it: how the cluster's own components are configured, and
/// dashboards that name metrics.
#[derive(Clone, Debug, Default)]
#[allow(missing_docs, reason = "the names are the API's own")]
pub struct ConfigMap {
    pub meta: Meta,
    pub data: BTreeMap<CompactString, String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct WireConfigMap {
    #[serde(deserialize_with = "or_default")]
    metadata: WireMeta,
    #[serde(deserialize_with = "or_default")]
    data: BTreeMap<CompactString, String>,
}

impl Resource for ConfigMap {
    type Wire = WireConfigMap;

    fn keep(wire: WireConfigMap, context: &mut Context) -> Self {
        let meta = wire.metadata.keep(context);
        // Some installers put a name of their own before these (`rke2-coredns-rke2-coredns`).
        let configures_the_cluster = &*meta.namespace == "kube-system"
            && ["kubeadm-config", "kubelet-config", "kube-proxy", "coredns"]
                .iter()
                .any(|name| meta.name.contains(name));
        let configures_ingress_nginx = meta.name.contains("ingress-nginx")
            || meta.labels.get("app.kubernetes.io/name").is_some_and(|name| name == "ingress-nginx");
        let is_dashboard = meta.labels.contains_key("grafana_dashboard");
        let is_read = configures_the_cluster || configures_ingress_nginx || is_dashboard;
        Self { data: if is_read { wire.data } else { BTreeMap::new() }, meta }
    }
}

/// A Role or a ClusterRole.
#[derive(Clone, Debug, Default)]
#[allow(missing_docs, reason = "the names are the API's own")]
pub struct Role {
    pub meta: Meta,
    /// A ClusterRole.
    pub cluster_wide: bool,
    pub rules: Vec<PolicyRule>,
    /// A controller writes the rules, from those of other ClusterRoles (`aggregationRule`).
    pub aggregated: bool,
}

impl Role {
    /// The kind as the API names it.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        if self.cluster_wide { "ClusterRole" } else { "Role" }
    }
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[allow(missing_docs, reason = "the names are the API's own")]
pub struct PolicyRule {
    #[serde(deserialize_with = "or_default")]
    pub api_groups: Vec<CompactString>,
    #[serde(deserialize_with = "or_default")]
    pub resources: Vec<CompactString>,
    #[serde(deserialize_with = "or_default")]
    pub verbs: Vec<CompactString>,
    /// Only these objects, by name; empty means all.
    #[serde(deserialize_with = "or_default")]
    pub resource_names: Vec<CompactString>,
    /// Paths that belong to no resource, such as `/metrics`.
    #[serde(rename = "nonResourceURLs", deserialize_with = "or_default")]
    pub non_resource_urls: Vec<CompactString>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct WireRole {
    #[serde(deserialize_with = "or_default")]
    metadata: WireMeta,
    #[serde(deserialize_with = "or_default")]
    rules: Vec<PolicyRule>,
    aggregation_rule: Option<IgnoredAny>,
}

pub(crate) struct ClusterRole(pub(crate) Role);

impl Resource for Role {
    type Wire = WireRole;

    fn keep(wire: WireRole, context: &mut Context) -> Self {
        Self { meta: wire.metadata.keep(context), cluster_wide: false, rules: wire.rules, aggregated: false }
    }
}

impl Resource for ClusterRole {
    type Wire = WireRole;

    fn keep(wire: WireRole, context: &mut Context) -> Self {
        Self(Role {
            meta: wire.metadata.keep(context),
            cluster_wide: true,
            rules: wire.rules,
            aggregated: wire.aggregation_rule.is_some(),
        })
    }
}

/// A RoleBinding or a ClusterRoleBinding.
#[derive(Clone, Debug, Default)]
#[allow(missing_docs, reason = "the names are the API's own")]
pub struct RoleBinding {
    pub meta: Meta,
    /// A ClusterRoleBinding.
    pub cluster_wide: bool,
    pub role: RoleRef,
    pub subjects: Vec<Subject>,
}

impl RoleBinding {
    /// The kind as the API names it.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        if self.cluster_wide { "ClusterRoleBinding" } else { "RoleBinding" }
    }
}

/// The role that a binding grants.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
#[allow(missing_docs, reason = "the names are the API's own")]
pub struct RoleRef {
    /// `Role` or `ClusterRole`.
    #[serde(deserialize_with = "or_default")]
    pub kind: CompactString,
    #[serde(deserialize_with = "or_default")]
    pub name: CompactString,
}

/// Whom a binding grants it to.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(default)]
#[allow(missing_docs, reason = "the names are the API's own")]
pub struct Subject {
    /// `User`, `Group` or `ServiceAccount`.
    #[serde(deserialize_with = "or_default")]
    pub kind: CompactString,
    /// Of a ServiceAccount.
    #[serde(deserialize_with = "or_default")]
    pub namespace: CompactString,
    #[serde(deserialize_with = "or_default")]
    pub name: CompactString,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct WireBinding {
    #[serde(deserialize_with = "or_default")]
    metadata: WireMeta,
    #[serde(deserialize_with = "or_default")]
    role_ref: RoleRef,
    #[serde(deserialize_with = "or_default")]
    subjects: Vec<Subject>,
}

impl WireBinding {
    fn keep(self, cluster_wide: bool, context: &mut Context) -> RoleBinding {
        RoleBinding { meta: self.metadata.keep(context), cluster_wide, role: self.role_ref, subjects: self.subjects }
    }
}

pub(crate) struct ClusterRoleBinding(pub(crate) RoleBinding);

impl Resource for RoleBinding {
    type Wire = WireBinding;

    fn keep(wire: WireBinding, context: &mut Context) -> Self {
        wire.keep(false, context)
    }
}

impl Resource for ClusterRoleBinding {
    type Wire = WireBinding;

    fn keep(wire: WireBinding, context: &mut Context) -> Self {
        Self(wire.keep(true, context))
    }
}

/// A PodDisruptionBudget.
#[derive(Clone, Debug, Default)]
#[allow(missing_docs, reason = "the names are the API's own")]
pub struct PodDisruptionBudget {
    pub meta: Meta,
    pub spec: crate::rules::budget::BudgetSpec,
    /// What the controller has worked out; `None` in a manifest.
    pub status: Option<crate::rules::budget::BudgetStatus>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct WireBudget {
    #[serde(deserialize_with = "or_default")]
    metadata: WireMeta,
    #[serde(deserialize_with = "or_default")]
    spec: crate::rules::budget::BudgetSpec,
    status: Option<crate::rules::budget::BudgetStatus>,
}

impl Resource for PodDisruptionBudget {
    type Wire = WireBudget;

    fn keep(wire: WireBudget, context: &mut Context) -> Self {
        Self { meta: wire.metadata.keep(context), spec: wire.spec, status: wire.status }
    }
}

/// A PrometheusRule of the Prometheus operator: its expressions.
#[derive(Clone, Debug, Default)]
pub struct PrometheusRule {
    /// Identity.
    pub meta: Meta,
    /// The expressions of all its rules.
    pub expressions: Vec<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct WirePrometheusRule {
    #[serde(deserialize_with = "or_default")]
    metadata: WireMeta,
    #[serde(deserialize_with = "or_default")]
    spec: WirePrometheusSpec,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct WirePrometheusSpec {
    #[serde(deserialize_with = "or_default")]
    groups: Vec<WirePrometheusGroup>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct WirePrometheusGroup {
    #[serde(deserialize_with = "or_default")]
    rules: Vec<WirePrometheusExpression>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct WirePrometheusExpression {
    #[serde(deserialize_with = "or_default")]
    expr: serde_json::Value,
}

impl Resource for PrometheusRule {
    type Wire = WirePrometheusRule;

    fn keep(wire: WirePrometheusRule, context: &mut Context) -> Self {
        Self {
            meta: wire.metadata.keep(context),
            expressions: wire
                .spec
                .groups
                .into_iter()
                .flat_map(|group| group.rules)
                .map(|rule| rule.expr.as_str().map_or_else(|| rule.expr.to_string(), str::to_owned))
                .collect(),
        }
    }
}

/// Any other object: what it is and who wrote it.
#[derive(Clone, Debug, Default)]
pub struct OtherObject {
    /// Identity, labels, annotations, the API versions of its writers.
    pub meta: Meta,
    /// The kind as it was read.
    pub kind: CompactString,
}

/// The metadata alone, of any kind.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct WireAny {
    #[serde(deserialize_with = "or_default")]
    metadata: WireMeta,
}

impl Resource for OtherObject {
    type Wire = WireAny;

    fn keep(wire: WireAny, context: &mut Context) -> Self {
        Self { meta: wire.metadata.keep(context), kind: CompactString::default() }
    }
}
