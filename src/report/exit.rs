//! The exit codes, which are part of the contract with pipelines.

use std::{process::ExitCode, str::FromStr};

use super::{Finding, NotEvaluated, Severity, UnknownSeverity};

/// How a command ends. The numbers never change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// 0: clean or safe.
    Clean = 0,
    /// 1: findings at or above `--fail-on`, or not safe.
    Findings = 1,
    /// 2: the command line was wrong.
    Usage = 2,
    /// 3: nothing could be evaluated at all (no cluster, no readable input).
    NotEvaluated = 3,
    /// 4: partly done or partly read; what is missing is named in the report.
    Partial = 4,
    /// 130: interrupted (SIGINT), as shells report it.
    Interrupted = 130,
}

impl Exit {
    /// The exit code of what was found: findings that meet `fail_on` first, then what could not be read (but for what
    /// is hidden from everybody), then clean.
    #[must_use]
    pub fn of(findings: &[Finding], not_evaluated: &[NotEvaluated], fail_on: FailOn) -> Self {
        if findings.iter().any(|finding| fail_on.is_met_by(finding.severity)) {
            Self::Findings
        } else if not_evaluated.iter().all(|it| it.hidden) {
            Self::Clean
        } else {
            Self::Partial
        }
    }

    /// The number that the process ends with.
    #[must_use]
    pub const fn code(self) -> u8 {
        self as u8
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

/// The value of `--fail-on`: from which severity on a finding makes the exit code 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FailOn {
    /// Findings never change the exit code.
    Never,
    /// Findings of this severity or a higher one do.
    AtLeast(Severity),
}

impl Default for FailOn {
    fn default() -> Self {
        Self::AtLeast(Severity::High)
    }
}

impl FromStr for FailOn {
    type Err = UnknownSeverity;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.eq_ignore_ascii_case("none") { Ok(Self::Never) } else { text.parse().map(Self::AtLeast) }
    }
}

impl FailOn {
    /// Whether a finding of this severity makes the exit code 1.
    #[must_use]
    pub fn is_met_by(self, severity: Severity) -> bool {
        match self {
            Self::Never => false,
            Self::AtLeast(threshold) => severity >= threshold,
        }
    }
}
