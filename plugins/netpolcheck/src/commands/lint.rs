//! `kubectl netpolcheck lint`.

use patchkit::{
    app::{App, Failure, source::Gathered},
    cluster::ConnectOptions,
    report::{Exit, Finding, Report},
};

use super::input::{self, ReportArgs};
use crate::{engine::Analysis, foreign::Foreign, lint};

/// Whether a finding is about a policy of a namespace, or about the namespace itself.
fn is_in(finding: &Finding, namespace: &str) -> bool {
    finding.object.as_ref().is_some_and(|object| match &object.namespace {
        Some(of) => of == namespace,
        None => object.kind == "Namespace" && object.name == namespace,
    })
}

/// Says what is wrong with the policies.
///
/// # Errors
/// Where nothing can be read, or the report cannot be written.
pub fn run(app: &App, args: &ReportArgs, connect: &ConnectOptions) -> Result<Exit, Failure> {
    let Gathered { snapshot, source } = input::read(app, &args.source, connect)?;
    let profile = args.profile.choose(&snapshot);
    let analysis = Analysis::of(&snapshot, profile.name);
    let foreign = Foreign::of(&snapshot, &analysis.world);
    let mut made = lint::make(&analysis);
    // The focus is only where it is asked for, as for a map.
    if let Some(namespace) = connect.namespace.as_deref().filter(|name| !name.is_empty() && !connect.all_namespaces) {
        made.findings.retain(|finding| is_in(finding, namespace));
    }
    let mut left_out = input::left_out(&analysis, &foreign);
    left_out.extend(made.not_evaluated.iter().cloned());
    let verdict = match (made.findings.len(), left_out.iter().all(|it| it.hidden)) {
        (0, true) => "clean".to_owned(),
        (0, false) => "nothing found in what could be read".to_owned(),
        (some, _) => patchkit::report::words::count(some, "finding"),
    };
    let document = lint::document(&made);
    let report = Report::new("LintReport", input::metadata(app, "lint", source), verdict, made.findings, left_out)
        .with_section("lookedAt", &made.looked_at)
        .with_document(document);
    let report = input::with_profile(report, &profile);
    let exit = app.write(&report, &args.output, args.fail_on.fail_on)?;
    app.publish(&args.publish, connect, &report, exit)
}
