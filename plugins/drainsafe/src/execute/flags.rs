//! What was asked of a run, as the journal keeps it.

use clap::ValueEnum;
use serde::{Deserialize, Serialize};

use crate::drain::Options;

/// What to do when a pod cannot be made to go.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum OnFailure {
    /// Ask no further pod to go, and leave the nodes cordoned
    #[default]
    Stop,
    /// The same, and lift the cordons of this run from the nodes that are not drained
    Uncordon,
    /// Go on with all other pods
    Continue,
}

/// What was asked of a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Flags {
    /// What is drained, and how.
    pub options: Options,
    /// What to do when a pod cannot be made to go.
    pub on_failure: OnFailure,
}
