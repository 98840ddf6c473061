//! JUnit XML, for the test pages of pipelines.
//!
//! Every finding is a test that failed; one of severity info asks for nothing, so it is a test that passed and says
//! something. Every check is a test, too: a warning passes and says something, and what is unknown was skipped, as was
//! everything that could not be evaluated.

use std::io::{self, Write};

use quick_xml::{
    Writer,
    events::{BytesDecl, BytesEnd, BytesStart, BytesText, Event},
};

use super::{RenderError, layout::subject, printable};
use crate::report::{Check, CheckStatus, FailedContext, Finding, NotEvaluated, Report, Severity};

pub(super) fn write(report: &Report, out: &mut impl Write) -> Result<(), RenderError> {
    write_suites(&report.metadata.command, &suites_of(report, ""), out)
}

/// The reports of several clusters on one page: the suites of each are named after its context, and a cluster that could
/// not be read is a test that failed.
pub(super) fn write_all(
    command: &str,
    reports: &[Report],
    failed: &[FailedContext],
    out: &mut impl Write,
) -> Result<(), RenderError> {
    let mut suites: Vec<Suite> =
        reports.iter().flat_map(|report| suites_of(report, &format!("{}: ", report.place()))).collect();
    let cases = failed.iter().map(|failed| Case {
        class: "cluster".to_owned(),
        name: failed.context.clone(),
        file: None,
        outcome: Outcome::Failed {
            kind: "not-read".to_owned(),
            message: failed.error.lines().next().unwrap_or_default().to_owned(),
            text: failed.error.clone(),
        },
    });
    let cases: Vec<Case> = cases.collect();
    if !cases.is_empty() {
        suites.push(Suite {
            name: "clusters that could not be read".to_owned(),
            time: None,
            properties: Vec::new(),
            cases,
        });
    }
    write_suites(command, &suites, out)
}

fn write_suites(command: &str, suites: &[Suite], out: &mut impl Write) -> Result<(), RenderError> {
    let mut xml = Writer::new_with_indent(Vec::new(), b' ', 2);
    page(command, suites, &mut xml)?;
    let mut text = xml.into_inner();
    text.push(b'\n');
    Ok(out.write_all(&text)?)
}

/// Tests under one name.
struct Suite {
    name: String,
    time: Option<String>,
    properties: Vec<(String, String)>,
    cases: Vec<Case>,
}

/// A test and what came of it.
struct Case {
    class: String,
    name: String,
    file: Option<String>,
    outcome: Outcome,
}

enum Outcome {
    Passed,
    /// Passed, with something to say.
    Said(String),
    Failed {
        kind: String,
        message: String,
        text: String,
    },
    Skipped(String),
}

fn suites_of(report: &Report, prefix: &str) -> Vec<Suite> {
    let mut findings: Vec<Case> = report.findings.iter().map(finding_case).collect();
    if findings.is_empty() {
        // A suite without tests is an error to many a pipeline.
        findings.push(Case {
            class: "findings".into(),
            name: "no findings".into(),
            file: None,
            outcome: Outcome::Passed,
        });
    }
    let metadata = &report.metadata;
    let (label, about) = subject(&metadata.source);
    let mut properties = vec![(label.to_ascii_lowercase(), about), ("verdict".into(), report.summary.verdict.clone())];
    properties.extend(metadata.data_as_of.clone().map(|date| ("dataAsOf".to_owned(), date)));
    // The form has no room for a time zone.
    let time = metadata.generated_at.trim_end_matches('Z');
    [
        ("findings", findings),
        ("checks", report.checks.iter().map(check_case).collect()),
        ("not evaluated", report.not_evaluated.iter().map(left_out_case).collect()),
    ]
    .into_iter()
    .filter(|(_, cases)| !cases.is_empty())
    .map(|(name, cases)| Suite {
        name: format!("{prefix}{name}"),
        time: Some(time.to_owned()),
        properties: properties.clone(),
        cases,
    })
    .collect()
}

fn page(command: &str, suites: &[Suite], xml: &mut Writer<Vec<u8>>) -> io::Result<()> {
    xml.write_event(Event::Decl(BytesDecl::new("1.0", Some("UTF-8"), None)))?;
    let mut root = element("testsuites", &[("name", command)]);
    counted(&mut root, suites.iter().flat_map(|suite| &suite.cases));
    xml.write_event(Event::Start(root))?;
    for suite in suites {
        write_suite(suite, xml)?;
    }
    xml.write_event(Event::End(BytesEnd::new("testsuites")))
}

fn write_suite(suite: &Suite, xml: &mut Writer<Vec<u8>>) -> io::Result<()> {
    let mut attributes = vec![("name", suite.name.as_str())];
    attributes.extend(suite.time.as_deref().map(|time| ("timestamp", time)));
    let mut start = element("testsuite", &attributes);
    counted(&mut start, suite.cases.iter());
    xml.write_event(Event::Start(start))?;
    if !suite.properties.is_empty() {
        xml.write_event(Event::Start(BytesStart::new("properties")))?;
        for (name, value) in &suite.properties {
            xml.write_event(Event::Empty(element("property", &[("name", name), ("value", value)])))?;
        }
        xml.write_event(Event::End(BytesEnd::new("properties")))?;
    }
    for case in &suite.cases {
        write_case(case, xml)?;
    }
    xml.write_event(Event::End(BytesEnd::new("testsuite")))
}

fn write_case(case: &Case, xml: &mut Writer<Vec<u8>>) -> io::Result<()> {
    let mut attributes = vec![("classname", &*case.class), ("name", &*case.name), ("time", "0")];
    attributes.extend(case.file.as_deref().map(|file| ("file", file)));
    let start = element("testcase", &attributes);
    let (inner, text) = match &case.outcome {
        Outcome::Passed => return xml.write_event(Event::Empty(start)),
        Outcome::Said(text) => (BytesStart::new("system-out"), text.as_str()),
        Outcome::Failed { kind, message, text } => {
            (element("failure", &[("type", kind), ("message", message)]), text.as_str())
        }
        Outcome::Skipped(why) => (element("skipped", &[("message", why)]), ""),
    };
    xml.write_event(Event::Start(start))?;
    if text.is_empty() {
        xml.write_event(Event::Empty(inner))?;
    } else {
        let end = inner.to_end().into_owned();
        xml.write_event(Event::Start(inner.borrow()))?;
        xml.write_event(Event::Text(BytesText::new(&lines(text))))?;
        xml.write_event(Event::End(end))?;
    }
    xml.write_event(Event::End(BytesEnd::new("testcase")))
}

fn finding_case(finding: &Finding) -> Case {
    let about = finding.object.as_ref().map_or_else(|| finding.title.clone(), crate::report::ObjectRef::display);
    let mut text = vec![finding.title.clone()];
    text.extend(finding.source.as_ref().map(|source| format!("at {}:{}", source.file, source.line)));
    text.extend(finding.evidence.iter().map(|(name, value)| format!("{name}: {value}")));
    text.extend(finding.hint.clone());
    text.extend(finding.links.iter().cloned());
    let text = text.join("\n");
    let outcome = if finding.severity == Severity::Info {
        Outcome::Said(text)
    } else {
        Outcome::Failed { kind: finding.severity.to_string(), message: finding.title.clone(), text }
    };
    let file = finding.source.as_ref().map(|source| source.file.clone());
    Case { class: finding.id.clone(), name: about, file, outcome }
}

fn check_case(check: &Check) -> Case {
    let evidence = check.evidence.clone();
    let outcome = match check.status {
        CheckStatus::Pass if evidence.is_empty() => Outcome::Passed,
        CheckStatus::Pass | CheckStatus::Warn => Outcome::Said(format!("{}: {evidence}", check.status.as_str())),
        CheckStatus::Fail => Outcome::Failed { kind: "check".to_owned(), message: evidence, text: String::new() },
        CheckStatus::Unknown => Outcome::Skipped(evidence),
    };
    Case { class: "check".to_owned(), name: check.id.clone(), file: None, outcome }
}

fn left_out_case(left_out: &NotEvaluated) -> Case {
    Case {
        class: "not-evaluated".to_owned(),
        name: left_out.what.clone(),
        file: None,
        outcome: Outcome::Skipped(left_out.why.clone()),
    }
}

fn counted<'a>(element: &mut BytesStart<'_>, cases: impl Iterator<Item = &'a Case>) {
    let (mut tests, mut failures, mut skipped) = (0, 0, 0);
    for case in cases {
        tests += 1;
        failures += usize::from(matches!(case.outcome, Outcome::Failed { .. }));
        skipped += usize::from(matches!(case.outcome, Outcome::Skipped(_)));
    }
    for (name, count) in [("tests", tests), ("failures", failures), ("errors", 0), ("skipped", skipped)] {
        element.push_attribute((name, count.to_string().as_str()));
    }
    element.push_attribute(("time", "0"));
}

fn element<'a>(name: &'a str, attributes: &[(&str, &str)]) -> BytesStart<'a> {
    let mut element = BytesStart::new(name);
    for (name, value) in attributes {
        element.push_attribute((*name, &*printable(value)));
    }
    element
}

/// The text with its line breaks, but without the characters that no XML may hold.
fn lines(text: &str) -> String {
    text.lines().map(printable).collect::<Vec<_>>().join("\n")
}
