//! The versions and surge settings as Terraform variables (`-o tfvars`), in the JSON form that Terraform reads from
//! any file named `*.tfvars.json` (<https://developer.hashicorp.com/terraform/language/values/variables>).

use std::collections::BTreeMap;

use patchkit::rules::version::KubeVersion;
use serde::Serialize;

use super::model::{Phase, Plan};

/// The variables. Names are ours; a root module declares those that it uses.
#[derive(Debug, Serialize)]
struct Variables<'a> {
    kubernetes_provider: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    kubernetes_version: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    kubernetes_minor: Option<String>,
    /// The next version that the control plane may go to: it moves one minor at a time.
    #[serde(skip_serializing_if = "Option::is_none")]
    kubernetes_next_version: Option<String>,
    node_pools: BTreeMap<&'a str, PoolVariables>,
}

#[derive(Debug, Default, Serialize)]
struct PoolVariables {
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<String>,
    max_surge: usize,
    max_unavailable: usize,
    node_count: usize,
    batches: usize,
}

/// Writes the variables.
#[must_use]
pub fn tfvars(plan: &Plan) -> String {
    let plain = |text: &str| text.parse::<KubeVersion>().ok().map(|version| version.upstream().to_string());
    let minor = |text: &str| text.parse::<KubeVersion>().ok().map(|version| version.minor().to_string());
    let mut node_pools: BTreeMap<&str, PoolVariables> = BTreeMap::new();
    for step in plan.steps.iter().filter(|step| step.phase != Phase::ControlPlane) {
        let Some(pool) = &step.pool else { continue };
        // A later step of the same pool leads further.
        let variables = node_pools.entry(pool).or_default();
        variables.version = step.to.as_deref().and_then(plain).or(variables.version.take());
        variables.max_surge = variables.max_surge.max(step.surge);
        variables.node_count = variables.node_count.max(step.nodes.len());
        variables.batches = variables.batches.max(step.batches);
        variables.max_unavailable = usize::from(step.surge == 0);
    }
    let variables = Variables {
        kubernetes_provider: &plan.provider,
        kubernetes_version: plan.target.as_deref().and_then(plain),
        kubernetes_minor: plan.target.as_deref().and_then(minor),
        kubernetes_next_version: plan.hops.first().and_then(|hop| plain(&hop.to)),
        node_pools,
    };
    serde_json::to_string_pretty(&variables).unwrap_or_default() + "\n"
}
