//! What the user decides about the update of a pool.

use std::time::Duration;

use clap::{Args, ValueEnum, ValueHint};
use patchkit::{
    cluster::parse_duration,
    complete::Live,
    rules::{LabelSelector, surge::SurgeSetting, version::KubeVersion, window::Window},
};
use serde::{Deserialize, Serialize};

use super::Criterion;

/// What a run does when its maintenance window is closed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Outside {
    /// Wait until it opens
    #[default]
    Wait,
    /// End, to be gone on with by kubectl drainsafe resume
    Exit,
}

/// The flags that say which nodes are outdated, and of which pool.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Pool")]
pub struct Which {
    /// The pool by its name (as the labels of GKE, EKS, AKS, Karpenter, Cluster API and others name it), or a label
    /// selector of its nodes
    #[arg(value_name = "NAME|SELECTOR", add = Live::POOLS, conflicts_with_all = ["selector", "plan"],
          required_unless_present_any = ["selector", "plan"])]
    pub pool: Option<String>,

    /// The nodes with these labels are the pool
    #[arg(short = 'l', long, value_name = "SELECTOR", conflicts_with = "plan", add = Live::NODE_SELECTORS)]
    pub selector: Option<LabelSelector>,

    /// The label that names a node's pool, where it is none of the providers'
    #[arg(long, value_name = "LABEL", add = Live::NODE_LABELS)]
    pub pool_label: Option<String>,

    /// Carry out a step of this plan, written by kubectl secpatch plan -o json; - reads standard input
    #[arg(long, value_name = "FILE", requires = "step", value_hint = ValueHint::FilePath)]
    pub plan: Option<String>,

    /// The number of the step
    #[arg(long, value_name = "NUMBER", requires = "plan")]
    pub step: Option<usize>,

    /// Nodes with another image than this one are outdated
    #[arg(long, value_name = "IMAGE", group = "criterion")]
    pub to_image: Option<String>,

    /// Nodes with an older kubelet than this one are outdated
    #[arg(long, value_name = "VERSION", group = "criterion")]
    pub to_version: Option<KubeVersion>,

    /// Nodes with an image older than this are outdated, such as 7d, 36h or 90m
    #[arg(long, value_name = "AGE", value_parser = parse_age, group = "criterion")]
    pub older_than: Option<Duration>,

    /// All nodes are outdated; without any of these, those that differ from the newest of the pool are
    #[arg(long, group = "criterion")]
    pub all: bool,
}

impl Which {
    /// What makes a node outdated, where a flag says so.
    #[must_use]
    pub fn criterion(&self) -> Option<Criterion> {
        let image = self.to_image.clone().map(Criterion::Image);
        let version = self.to_version.clone().map(Criterion::Version);
        image.or(version).or(self.older_than.map(Criterion::Age)).or(self.all.then_some(Criterion::All))
    }
}

/// The flags that say how a pool is updated.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Update")]
pub struct PoolOptions {
    /// Nodes more than it has that the pool gets meanwhile, as a number or a share: at most 33%, over several zones a
    /// multiple of them. Without it the pods must have a proven place on the nodes that there are
    #[arg(long, value_name = "NUMBER|PERCENT")]
    pub surge: Option<SurgeSetting>,

    /// Run this to add nodes: DRAINSAFE_NODES says how many, DRAINSAFE_ZONES in which zones (a=2,b=2). Without it they
    /// come from the provider or an autoscaler
    #[arg(long, value_name = "COMMAND")]
    pub surge_command: Option<String>,

    /// How long a new node takes from being asked for until it is Ready, for the forecast and the windows. By default as
    /// long as the pool's nodes took from their creation, which leaves out what the provider needed before
    #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
    pub node_start: Option<Duration>,

    /// How long to wait for nodes to be Ready
    #[arg(long, value_name = "DURATION", default_value = "15m", value_parser = parse_duration)]
    pub surge_timeout: Duration,

    /// Run this for each drained node, to replace or remove it: DRAINSAFE_NODE and DRAINSAFE_PROVIDER_ID name it. Should a
    /// run be killed while it runs and the node still be there, it is run again: DRAINSAFE_ATTEMPT is more than 1 then
    #[arg(long, value_name = "COMMAND")]
    pub replace_command: Option<String>,

    /// Delete the Node object of each drained node, after the replace command; needs the right to delete nodes
    #[arg(long)]
    pub delete_node: bool,

    /// Run this before nodes are begun, but for the first ones: they are when it succeeds (repeatable)
    #[arg(long = "gate", value_name = "COMMAND")]
    pub gates: Vec<String>,

    /// How long gates, and workloads that were moved, get to be well
    #[arg(long, value_name = "DURATION", default_value = "5m", value_parser = parse_duration)]
    pub gate_timeout: Duration,

    /// How long a command may take
    #[arg(long, value_name = "DURATION", default_value = "10m", value_parser = parse_duration)]
    pub command_timeout: Duration,

    /// Nodes that may fail before the run stops
    #[arg(long, value_name = "NUMBER", default_value_t = 0)]
    pub max_failed_nodes: usize,

    /// Begin also nodes of which the place of a pod is not certain
    #[arg(long)]
    pub allow_unproven: bool,

    /// A maintenance window, such as "Sat 02:00-06:00 Europe/Paris" (repeatable): no node is begun that would not be
    /// through before it closes
    #[arg(long = "window", value_name = "WINDOW")]
    pub windows: Vec<Window>,

    /// What to do outside of the windows
    #[arg(long, value_name = "WHAT", value_enum, default_value_t)]
    pub outside_window: Outside,
}

/// Days as in `7d`, or what every duration may be.
fn parse_age(text: &str) -> Result<Duration, String> {
    let Some(days) = text.strip_suffix('d') else {
        return parse_duration(text).map_err(|error| format!("{error}, or days as in 7d"));
    };
    let days: u32 = days.parse().map_err(|_| format!("{text:?} is no age: give days as in 7d, or hours as in 36h"))?;
    Ok(Duration::from_secs(u64::from(days) * 24 * 3600))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_are_days_or_durations() {
        for (text, seconds) in [("7d", 604_800), ("0d", 0), ("36h", 129_600), ("90m", 5400), ("5s", 5)] {
            assert_eq!(parse_age(text), Ok(Duration::from_secs(seconds)), "{text}");
        }
        for text in ["", "d", "-1d", "1.5d", "7 d", "week"] {
            assert!(parse_age(text).is_err(), "{text}");
        }
    }
}
