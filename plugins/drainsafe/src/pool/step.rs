//! A step of `kubectl secpatch plan -o json` as what a pool is updated by.

use jiff::Timestamp;
use patchkit::rules::{version::KubeVersion, window::Opening};
use serde::Deserialize;

/// A step that concerns a pool.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlanStep {
    /// Its number.
    pub number: usize,
    /// The pool.
    pub pool: String,
    /// Its outdated nodes, in the order in which they are drained.
    pub nodes: Vec<String>,
    /// The version that they are brought to; none where only their image is renewed.
    pub to: Option<KubeVersion>,
    /// Nodes more than the pool has, meanwhile.
    pub surge: u32,
    /// Its maintenance window.
    pub window: Option<Opening>,
}

/// Why a step cannot be carried out.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StepError {
    /// It is no plan.
    #[error("line {line}, column {column}: {why}; expected what kubectl secpatch plan -o json writes")]
    NoPlan {
        /// The line, from 1.
        line: usize,
        /// The column, from 1.
        column: usize,
        /// What is wrong.
        why: String,
    },
    /// It is another report.
    #[error("it is a {0} and no PlanReport: expected what kubectl secpatch plan -o json writes")]
    OtherReport(String),
    /// There is no such step.
    #[error("the plan has no step {number}: {}", has(.steps))]
    NoSuchStep {
        /// The number that was asked for.
        number: usize,
        /// Those that drain a pool.
        steps: Vec<String>,
    },
    /// The step drains no pool.
    #[error("step {number} ({title}) drains no pool: {}", has(.steps))]
    NoPool {
        /// Its number.
        number: usize,
        /// What it does.
        title: String,
        /// Those that drain a pool.
        steps: Vec<String>,
    },
    /// A field cannot be understood.
    #[error("step {number}: {why}")]
    Field {
        /// Its number.
        number: usize,
        /// What is wrong.
        why: String,
    },
}

fn has(steps: &[String]) -> String {
    if steps.is_empty() { "no step does".to_owned() } else { format!("those that do are {}", steps.join(", ")) }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[derive(Default)]
struct Report {
    api_version: String,
    kind: String,
    plan: Plan,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Plan {
    steps: Vec<Step>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Step {
    number: usize,
    title: String,
    to: Option<String>,
    pool: Option<String>,
    nodes: Vec<String>,
    surge: u32,
    not_before: Option<String>,
    not_after: Option<String>,
}

/// Reads a step of a plan.
///
/// # Errors
/// Where the text is no plan, or where the step drains no pool.
pub fn read_step(text: &str, number: usize) -> Result<PlanStep, StepError> {
    let report: Report = serde_json::from_str(text).map_err(|error| StepError::NoPlan {
        line: error.line(),
        column: error.column(),
        why: error.to_string().split(" at line ").next().unwrap_or_default().to_owned(),
    })?;
    if report.kind != "PlanReport" || report.api_version != "patchkit/v1" {
        let kind = if report.kind.is_empty() { "JSON without a kind".to_owned() } else { report.kind };
        return Err(StepError::OtherReport(kind));
    }
    let steps: Vec<String> = report
        .plan
        .steps
        .iter()
        .filter(|step| step.pool.is_some() && !step.nodes.is_empty())
        .map(|step| step.number.to_string())
        .collect();
    let Some(step) = report.plan.steps.into_iter().find(|step| step.number == number) else {
        return Err(StepError::NoSuchStep { number, steps });
    };
    let Some(pool) = step.pool.filter(|_| !step.nodes.is_empty()) else {
        return Err(StepError::NoPool { number, title: step.title, steps });
    };
    let field = |why: String| StepError::Field { number, why };
    let time = |text: &Option<String>| -> Result<Option<Timestamp>, StepError> {
        text.as_deref()
            .map(|text| text.parse().map_err(|error| field(format!("{text:?} is no time: {error}"))))
            .transpose()
    };
    let window = match (time(&step.not_before)?, time(&step.not_after)?) {
        (None, None) => None,
        (start, end) => Some(Opening { start: start.unwrap_or(Timestamp::MIN), end: end.unwrap_or(Timestamp::MAX) }),
    };
    let to = step
        .to
        .map(|text| text.parse().map_err(|error| field(format!("{text:?} is no version: {error}"))))
        .transpose()?;
    Ok(PlanStep { number, pool, nodes: step.nodes, to, surge: step.surge, window })
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAN: &str = r#"{"apiVersion":"patchkit/v1","kind":"PlanReport","plan":{"steps":[
        {"number":1,"phase":"control-plane","title":"Bring the control plane to 1.37.2","nodes":[],"surge":0},
        {"number":2,"phase":"user-pool","title":"t","pool":"web","nodes":["a","b"],"surge":3,"to":"1.37.2",
         "notBefore":"2026-11-28T01:00:00Z","notAfter":"2026-11-28T05:00:00Z"}]}}"#;

    #[test]
    fn a_step_is_read() {
        let step = read_step(PLAN, 2).unwrap();
        assert_eq!((step.pool.as_str(), step.nodes.len(), step.surge), ("web", 2, 3));
        assert_eq!(step.to.unwrap().as_str(), "1.37.2");
        assert_eq!(step.window.unwrap().end, "2026-11-28T05:00:00Z".parse().unwrap());
    }

    #[test]
    fn what_is_no_such_step_says_so() {
        for (text, number, words) in [
            ("{\n \"a\": }", 2, "line 2, column 7"),
            ("[]", 2, "without a kind"),
            ("[", 2, "line 1"),
            (r#"{"apiVersion":"patchkit/v1","kind":"DrainReport"}"#, 2, "DrainReport"),
            ("{}", 2, "without a kind"),
            (PLAN, 3, "no step 3: those that do are 2"),
            (PLAN, 1, "drains no pool: those that do are 2"),
        ] {
            let error = read_step(text, number).unwrap_err().to_string();
            assert!(error.contains(words), "{error}");
        }
        let broken = PLAN.replace("2026-11-28T05:00:00Z", "tomorrow");
        assert!(read_step(&broken, 2).unwrap_err().to_string().contains("\"tomorrow\" is no time"));
    }
}
