//! `kubectl secpatch pods`.

use clap::{
    Args,
    builder::{PossibleValuesParser, TypedValueParser as _},
};
use jiff::Timestamp;
use patchkit::{
    app::{
        App, FailOnArgs, Failure,
        source::{Gathered, SourceArgs},
    },
    cluster::{ConnectOptions, Wish},
    render::OutputArgs,
    report::{Exit, Metadata},
};

use crate::{
    pod_security::{Level, PolicyVersion, PolicyVersionError},
    pods::{self, Asked, Options},
};

/// The flags that say which standards are meant.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Pod Security")]
pub struct StandardArgs {
    /// The version of the standards, such as v1.34; latest is the version of the API server, or of --target
    #[arg(long, value_name = "VERSION", default_value = "latest", value_parser = parse_version)]
    pub policy_version: VersionChoice,

    /// The version that the cluster is to be updated to: what latest means then
    #[arg(long, value_name = "VERSION")]
    pub target: Option<PolicyVersion>,
}

/// A policy version, or the latest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VersionChoice(pub Option<PolicyVersion>);

fn parse_version(text: &str) -> Result<VersionChoice, PolicyVersionError> {
    if text == "latest" { Ok(VersionChoice(None)) } else { text.parse().map(Some).map(VersionChoice) }
}

/// The flags of `pods`.
#[derive(Args, Debug)]
pub struct PodsArgs {
    /// What to read.
    #[command(flatten)]
    pub source: SourceArgs,

    /// How to write the report.
    #[command(flatten)]
    pub output: OutputArgs,

    /// The level to hold pods against; namespace is what each one's own namespace enforces
    #[arg(
        long,
        value_name = "LEVEL",
        default_value = "restricted",
        value_parser = PossibleValuesParser::new(["privileged", "baseline", "restricted", "namespace"]).try_map(|word| parse_asked(&word)),
        help_heading = "Pod Security"
    )]
    pub level: Asked,

    /// Which version of the standards.
    #[command(flatten)]
    pub standard: StandardArgs,

    /// Leave out what the practice asks beyond the standards
    #[arg(long, help_heading = "Pod Security")]
    pub standards_only: bool,

    /// How the findings decide the exit code.
    #[command(flatten)]
    pub fail_on: FailOnArgs,
}

fn parse_asked(word: &str) -> Result<Asked, crate::pod_security::LevelError> {
    if word == "namespace" { Ok(Asked::NamespaceLabels) } else { word.parse::<Level>().map(Asked::Level) }
}

/// Reads all pods and templates, judges them, and writes the report.
///
/// # Errors
/// Where nothing can be read, or the report cannot be written.
pub fn run(app: &App, args: &PodsArgs, connect: &ConnectOptions) -> Result<Exit, Failure> {
    let wish = Wish { kinds: pods::KINDS.to_vec(), deprecated_calls: false };
    let Gathered { snapshot, source } = app.read(&args.source, connect, &wish, |_, _| Vec::new())?;
    let options = Options {
        asked: args.level,
        version: args.standard.policy_version.0,
        target: args.standard.target,
        namespace: connect.namespace.clone().filter(|_| !connect.all_namespaces),
        standards_only: args.standards_only,
    };
    let report = pods::review(&snapshot, &options).report(Metadata {
        command: app.plugin.command("pods"),
        version: app.plugin.version.to_owned(),
        generated_at: Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
        data_as_of: None,
        source,
    });
    app.write(&report, &args.output, args.fail_on.fail_on)
}
