//! Flags that commands share and that belong to no other room.

use clap::Args;

use crate::report::FailOn;

/// From which severity on findings make the exit code 1.
#[derive(Args, Clone, Copy, Debug)]
pub struct FailOnArgs {
    /// Exit with 1 on findings of this severity or a higher one: critical, high, medium, low, info, none
    #[arg(long, value_name = "SEVERITY", default_value = "high", help_heading = "Output")]
    pub fail_on: FailOn,
}
