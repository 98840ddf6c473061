//! PodDisruptionBudgets: what is read of them. (`k8s.io/api/policy/v1/types.go`)

use std::collections::BTreeMap;

use compact_str::CompactString;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{IntOrString, LabelSelector, null::or_default};

/// `spec` of a PodDisruptionBudget.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[allow(missing_docs, reason = "the names are the API's own")]
pub struct BudgetSpec {
    pub min_available: Option<IntOrString>,
    pub max_unavailable: Option<IntOrString>,
    /// In policy/v1 an empty selector matches every pod of the namespace and an absent one none.
    pub selector: Option<LabelSelector>,
    pub unhealthy_pod_eviction_policy: Option<CompactString>,
}

/// `status` of a PodDisruptionBudget.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[allow(missing_docs, reason = "the names are the API's own")]
pub struct BudgetStatus {
    #[serde(deserialize_with = "or_default")]
    pub observed_generation: i64,
    #[serde(deserialize_with = "or_default")]
    pub disruptions_allowed: i32,
    #[serde(deserialize_with = "or_default")]
    pub current_healthy: i32,
    #[serde(deserialize_with = "or_default")]
    pub desired_healthy: i32,
    #[serde(deserialize_with = "or_default")]
    pub expected_pods: i32,
    #[serde(deserialize_with = "or_default")]
    pub disrupted_pods: BTreeMap<CompactString, Timestamp>,
}
