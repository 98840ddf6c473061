//! What the user decides about a drain: `kubectl drain`'s flags under their own names and with their own meaning
//! (`k8s.io/kubectl/pkg/cmd/drain`, v1.37), and the consents that kubectl never asks for.

use std::time::Duration;

use clap::Args;
use patchkit::{cluster::parse_duration, complete::Live, rules::LabelSelector};
use serde::{Deserialize, Serialize};

/// The flags that say which nodes are drained.
#[derive(Args, Clone, Debug, Default, PartialEq)]
#[command(next_help_heading = "Drain")]
pub struct Targets {
    /// The nodes to drain
    #[arg(value_name = "NODE", required_unless_present = "selector", conflicts_with = "selector", add = Live::NODES)]
    pub nodes: Vec<String>,

    /// Drain the nodes with these labels instead of naming them
    #[arg(short = 'l', long, value_name = "SELECTOR", add = Live::NODE_SELECTORS)]
    pub selector: Option<LabelSelector>,
}

impl Targets {
    /// These nodes.
    #[must_use]
    pub fn named(nodes: impl IntoIterator<Item = String>) -> Self {
        Self { nodes: nodes.into_iter().collect(), ..Self::default() }
    }
}

/// The flags that say how nodes are drained; `plan` shows what `node` would do with the same ones.
#[derive(Args, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[command(next_help_heading = "Drain")]
#[serde(rename_all = "camelCase")]
pub struct Options {
    /// Drain also pods that declare no controller, which nothing brings back
    #[arg(long)]
    pub force: bool,

    /// Leave pods of DaemonSets where they are
    #[arg(long)]
    pub ignore_daemonsets: bool,

    /// Drain also pods with an emptyDir, whose content is lost
    #[arg(long)]
    pub delete_emptydir_data: bool,

    /// Seconds that each pod gets to end; a negative number leaves it to the pod
    #[arg(long, value_name = "SECONDS", default_value_t = -1, allow_negative_numbers = true)]
    pub grace_period: i64,

    /// How long to wait before giving up, as in 90s, 5m or 1h30m; 0 waits without end
    #[arg(long, value_name = "DURATION", default_value = "0", value_parser = parse_duration, hide_default_value = true)]
    pub timeout: Duration,

    /// Only the pods with these labels
    #[arg(long, value_name = "SELECTOR")]
    pub pod_selector: Option<LabelSelector>,

    /// Delete the pods instead of evicting them: no budget is asked
    #[arg(long)]
    pub disable_eviction: bool,

    /// Do not wait for pods whose deletion was due so many seconds ago; 0 waits for all
    #[arg(long, value_name = "SECONDS", default_value_t = 0)]
    pub skip_wait_for_delete_timeout: u32,

    /// How many nodes are drained at once; 0 sets no limit of its own
    #[arg(long, value_name = "NUMBER", default_value_t = 0)]
    pub max_parallel: usize,

    /// Bring a second replica of a one-replica Deployment up first, and take it away afterwards
    #[arg(long)]
    pub surge_singletons: bool,

    /// Wait until the pods of Jobs have completed instead of evicting them
    #[arg(long)]
    pub wait_completed: bool,

    /// Drain also pods that can only run on the drained nodes, and stay Pending until one is uncordoned
    #[arg(long)]
    pub allow_pending: bool,

    /// Drain also nodes that hold every ready pod of a Service, one pod after another
    #[arg(long)]
    pub allow_last_endpoints: bool,

    /// Drain also nodes of the control plane, one at a time
    #[arg(long)]
    pub include_control_plane: bool,
}

impl Default for Options {
    /// Without any flag.
    fn default() -> Self {
        Self {
            force: false,
            ignore_daemonsets: false,
            delete_emptydir_data: false,
            // 0 would end every pod at once.
            grace_period: -1,
            timeout: Duration::ZERO,
            pod_selector: None,
            disable_eviction: false,
            skip_wait_for_delete_timeout: 0,
            max_parallel: 0,
            surge_singletons: false,
            wait_completed: false,
            allow_pending: false,
            allow_last_endpoints: false,
            include_control_plane: false,
        }
    }
}

impl Options {
    /// The seconds that a pod gets to end: the flag's, or its own.
    #[must_use]
    pub fn grace_seconds(&self, own: Option<i64>) -> i64 {
        /// What the API server fills in (`corev1.DefaultTerminationGracePeriodSeconds`).
        const DEFAULT_GRACE_SECONDS: i64 = 30;
        if self.grace_period >= 0 { self.grace_period } else { own.unwrap_or(DEFAULT_GRACE_SECONDS).max(0) }
    }

    /// The time after which to give up; `None` for never.
    #[must_use]
    pub fn deadline(&self) -> Option<Duration> {
        (!self.timeout.is_zero()).then_some(self.timeout)
    }
}
