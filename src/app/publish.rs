//! A report kept in the cluster: for runs that nobody watches, whose log is gone with their pod.

use std::str::FromStr;

use clap::Args;
use serde_json::{Value, json};

use super::{App, Failure};
use crate::{
    cluster::{ConnectOptions, ErrorKind, Writer},
    render::{Format, RenderContext, RenderError, render},
    report::{Exit, Report},
};

/// What a ConfigMap may hold (`v1.MaxSecretSize` of Kubernetes, 1 MiB for all values together), less some room.
const MOST_BYTES: usize = 1_000_000;

/// The flag of commands whose report can be kept.
#[derive(Args, Clone, Debug, Default)]
pub struct PublishArgs {
    /// Keep the report in a ConfigMap too, under summary, report.md and report.json: configmap:NAMESPACE/NAME
    #[arg(long, value_name = "configmap:NAMESPACE/NAME", help_heading = "Output")]
    pub publish: Option<Place>,
}

/// A ConfigMap.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    namespace: String,
    name: String,
}

impl FromStr for Place {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        // What goes into a path must be a name.
        let is_name = |part: &str| {
            let is_inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'.');
            !part.is_empty() && part.len() <= 253 && part.bytes().all(is_inner) && !part.starts_with(['-', '.'])
        };
        let parts = text.strip_prefix("configmap:").and_then(|rest| rest.split_once('/'));
        match parts.filter(|(namespace, name)| is_name(namespace) && is_name(name)) {
            Some((namespace, name)) => Ok(Self { namespace: namespace.to_owned(), name: name.to_owned() }),
            None => Err(format!("{text:?} is no place for a report: expected configmap:NAMESPACE/NAME")),
        }
    }
}

/// What the ConfigMap holds: how it ended in a line, and the report for people and for programs as far as there is room.
fn data(report: &Report, exit: Exit) -> Result<Value, RenderError> {
    let counts = &report.summary.counts;
    let mut summary = format!(
        "{}: {} critical, {} high, {} medium, {} low; {} not evaluated; exit code {}; {}",
        report.summary.verdict,
        counts.critical,
        counts.high,
        counts.medium,
        counts.low,
        report.not_evaluated.len(),
        exit.code(),
        report.metadata.generated_at
    );
    let mut left = MOST_BYTES;
    let mut texts = Vec::new();
    for (key, format) in [("report.md", Format::Markdown), ("report.json", Format::Json)] {
        let mut text = Vec::new();
        render(report, &format, &RenderContext { width: None, colour: false, no_headers: false }, &mut text)?;
        if text.len() > left {
            summary.push_str(&format!("; {key} has {} bytes, which do not fit", text.len()));
            // Null takes away what an earlier run has left there.
            texts.push((key, Value::Null));
        } else {
            left -= text.len();
            texts.push((key, String::from_utf8_lossy(&text).into_owned().into()));
        }
    }
    let mut data = json!({"summary": summary});
    for (key, text) in texts {
        data[key] = text;
    }
    Ok(data)
}

impl App {
    /// Keeps a report where that is asked for. `exit` is how the command ends because of it, and what is given back.
    ///
    /// # Errors
    /// Where the cluster cannot be reached, or does not let it be written.
    pub fn publish(
        &self,
        args: &PublishArgs,
        connect: &ConnectOptions,
        report: &Report,
        exit: Exit,
    ) -> Result<Exit, Failure> {
        let Some(Place { namespace, name }) = &args.publish else { return Ok(exit) };
        let data = data(report, exit)?;
        let cluster = self.connect(connect)?;
        let manager = format!("kubectl-{}", self.plugin.name);
        let writer = Writer { field_manager: &manager, dry_run: false };
        let all = format!("/api/v1/namespaces/{namespace}/configmaps");
        self.block_on(async {
            // A change first: for that a role can name the one ConfigMap, and for making one it cannot.
            match cluster.merge_patch(&format!("{all}/{name}"), &json!({"data": data}), writer).await {
                Err(error) if error.kind() == ErrorKind::NotFound => {
                    let mut data = data;
                    if let Some(data) = data.as_object_mut() {
                        data.retain(|_, text| !text.is_null());
                    }
                    let labels = json!({"app.kubernetes.io/managed-by": manager});
                    let object = json!({"apiVersion": "v1", "kind": "ConfigMap",
                        "metadata": {"name": name, "namespace": namespace, "labels": labels}, "data": data});
                    cluster.create(&all, &object, writer).await
                }
                outcome => outcome,
            }
        })??;
        Ok(exit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::{Finding, Metadata, Severity, Source};

    #[test]
    fn places_are_names() {
        let place = "configmap:ops/plan.weekly".parse::<Place>();
        assert_eq!(place, Ok(Place { namespace: "ops".to_owned(), name: "plan.weekly".to_owned() }));
        for text in
            ["", "ops/plan", "configmap:plan", "configmap:ops/", "configmap:a/b/c", "secret:a/b", "configmap:../x"]
        {
            assert!(text.parse::<Place>().is_err(), "{text:?}");
        }
    }

    fn report(title: &str) -> Report {
        let metadata = Metadata {
            command: "kubectl x y".to_owned(),
            version: "1".to_owned(),
            generated_at: "2026-11-24T10:00:00Z".to_owned(),
            data_as_of: None,
            source: Source::Files { paths: Vec::new() },
        };
        Report::new("PlanReport", metadata, "urgent", vec![Finding::new("x", Severity::High, title)], Vec::new())
    }

    #[test]
    fn what_does_not_fit_is_told_and_taken_away() {
        let small = data(&report("small"), Exit::Findings).expect("a report");
        let summary = small["summary"].as_str().expect("text");
        assert!(
            summary.starts_with("urgent: ") && summary.contains("1 high") && summary.contains("exit code 1"),
            "{summary}"
        );
        assert!(small["report.md"].as_str().is_some_and(|text| text.contains("small")));
        assert!(small["report.json"].as_str().is_some_and(|text| text.contains("\"PlanReport\"")));

        let large = data(&report(&"x".repeat(600_000)), Exit::Findings).expect("a report");
        assert!(large["report.md"].is_string() && large["report.json"].is_null());
        assert!(
            large["summary"].as_str().is_some_and(|text| text.contains("report.json has ")),
            "{}",
            large["summary"]
        );
    }
}
