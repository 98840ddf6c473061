//! `kubectl netpolcheck coverage`.

use patchkit::{
    app::{App, Failure, source::Gathered},
    cluster::ConnectOptions,
    report::{Exit, Report},
};

use super::input::{self, ReportArgs};
use crate::{coverage, engine::Analysis, foreign::Foreign};

/// Says how well policies cover a cluster.
///
/// # Errors
/// Where nothing can be read, or the report cannot be written.
pub fn run(app: &App, args: &ReportArgs, connect: &ConnectOptions) -> Result<Exit, Failure> {
    let Gathered { snapshot, source } = input::read(app, &args.source, connect)?;
    let profile = args.profile.choose(&snapshot);
    let analysis = Analysis::of(&snapshot, profile.name);
    let foreign = Foreign::of(&snapshot, &analysis.world);
    let made = coverage::make(&analysis, &foreign);
    let mut left_out = input::left_out(&analysis, &foreign);
    left_out.extend(made.not_evaluated.iter().cloned());
    // Policies that may not be read may isolate what looks open here.
    let score = made.score.value.filter(|_| foreign.policies.iter().all(|policy| !policy.unread));
    let verdict = score.map_or_else(|| "cannot-tell".to_owned(), |score| format!("score {score} of 100"));
    let document = coverage::document(&made);
    let metadata = input::metadata(app, "coverage", source);
    let report = Report::new("CoverageReport", metadata, verdict, made.findings, left_out)
        .with_section("isolation", &made.isolation)
        .with_section("exposed", &made.exposed)
        .with_section("targets", &made.targets)
        .with_section("score", &made.score)
        .with_document(document);
    let report = input::with_profile(report, &profile);
    let exit = app.write(&report, &args.output, args.fail_on.fail_on)?;
    app.publish(&args.publish, connect, &report, exit)
}
