//! `kubectl netpolcheck can`.

use clap::Args;
use jiff::Timestamp;
use patchkit::{
    app::{
        App, Failure,
        source::{Gathered, SourceArgs},
    },
    cluster::ConnectOptions,
    render::OutputArgs,
    report::{Exit, FailOn, Metadata, Report},
};

use super::input::{self, ProfileArgs};
use crate::{
    can::{self, Question, QuestionError},
    engine::Analysis,
    entrance::Answer,
    foreign::Foreign,
    live,
    who::Who,
};

/// The flags of `can`.
#[derive(Args, Debug)]
pub struct CanArgs {
    /// Who connects: NAMESPACE/POD, NAMESPACE/KIND/NAME, NAMESPACE/svc/NAME, NAMESPACE/ (all of its pods), an address,
    /// a CIDR, or internet; where the namespace is left out, the context's is meant
    #[arg(value_name = "FROM", add = live::PEERS)]
    pub from: String,

    /// Who is connected to, in the same words, and on which port, by number or name; without a port all of them are
    /// meant
    #[arg(value_name = "TO[:PORT[/PROTOCOL]]", add = live::PEERS)]
    pub to: String,

    /// What to read.
    #[command(flatten)]
    pub source: SourceArgs,

    /// How to write the answer.
    #[command(flatten)]
    pub output: OutputArgs,

    /// Name the tier, policy, rule, file and line that decide, and for a no what is missing
    #[arg(long, help_heading = "Policies")]
    pub explain: bool,

    /// List every rule that has a say
    #[arg(long, help_heading = "Policies")]
    pub all: bool,

    /// How open points are read.
    #[command(flatten)]
    pub profile: ProfileArgs,
}

/// Answers, and exits with 0 for yes, 1 for no, and 4 where it depends or not all could be read.
///
/// # Errors
/// Where nothing can be read, or somebody who is named is not there.
pub fn run(app: &App, args: &CanArgs, connect: &ConnectOptions) -> Result<Exit, Failure> {
    // The words are looked at before anything is read.
    let (to, port) = can::split_port(&args.to).map_err(failure)?;
    let Gathered { snapshot, source } = input::read(app, &args.source, connect)?;
    let profile = args.profile.choose(&snapshot);
    let analysis = Analysis::of(&snapshot, profile.name);
    let foreign = Foreign::of(&snapshot, &analysis.world);
    let namespace = input::default_namespace(&args.source, connect)?;
    let is_namespace = |name: &str| analysis.world.namespaces.labels(name).is_some();
    let who = |word: &str| Who::parse(word, &namespace, is_namespace).map_err(|error| failure(error.into()));
    let (from, to) = (who(&args.from)?, who(to)?);
    let question = Question::resolve(&analysis, from, to, port).map_err(failure)?;
    let decision = can::answer(&analysis, &foreign, &question, profile.name);
    let metadata = Metadata {
        command: app.plugin.command("can"),
        version: app.plugin.version.to_owned(),
        generated_at: Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
        data_as_of: None,
        source,
    };
    let left_out = input::left_out(&analysis, &foreign);
    let report = Report::new("DecisionReport", metadata, decision.allowed.as_str(), Vec::new(), left_out)
        .with_section("decision", &can::section(&analysis, &question, &decision, args.all))
        .with_document(can::document(&analysis, &question, &decision, args.explain, args.all));
    let written = app.write(&input::with_profile(report, &profile), &args.output, FailOn::Never)?;
    Ok(match (decision.allowed, written) {
        (Answer::No, _) => Exit::Findings,
        (Answer::Yes, Exit::Clean) => Exit::Clean,
        (Answer::Yes | Answer::Depends, _) => Exit::Partial,
    })
}

/// Words that are wrong are a mistake of the command line; somebody who is not there is not.
fn failure(error: QuestionError) -> Failure {
    if error.is_usage() { Failure::usage(error.to_string()) } else { Failure::new(error.to_string()) }
}
