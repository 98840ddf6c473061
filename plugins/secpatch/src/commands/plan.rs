//! `kubectl secpatch plan`.

use clap::Args;
use jiff::{Timestamp, civil::Date, tz::TimeZone};
use patchkit::{
    app::{
        App, FailOnArgs, Failure,
        source::{Gathered, SourceArgs},
    },
    cluster::{ConnectOptions, Wish},
    render::{Format, OutputArgs, OwnFormats},
    report::{Exit, Metadata},
    rules::version::KubeVersion,
};

use crate::{
    facts::Facts,
    inventory::{Hints, Inventory},
    plan::{self, Subject, target::TargetChoice},
};

/// The formats that only a plan has.
#[derive(Clone, Debug)]
pub struct PlanFormats;

impl OwnFormats for PlanFormats {
    const FORMATS: &'static [(&'static str, &'static str)] =
        &[("tfvars", "The versions and surge settings as Terraform variables")];
}

/// The flags of `plan`.
#[derive(Args, Debug)]
pub struct PlanArgs {
    /// What to read.
    #[command(flatten)]
    pub source: SourceArgs,

    /// How to write the plan.
    #[command(flatten)]
    pub output: OutputArgs<PlanFormats>,

    /// Where to go: latest-patch, latest, a minor such as 1.36, or a version; by default the oldest minor that is
    /// supported for 90 days more
    #[arg(long, value_name = "VERSION", help_heading = "Plan")]
    pub target: Option<TargetChoice>,

    /// Make the plan as of this day or moment (2026-11-23, 2026-11-23T10:00:00Z), so that it can be made again
    #[arg(long, value_name = "DATE", value_parser = parse_as_of, help_heading = "Plan")]
    pub as_of: Option<Timestamp>,

    /// The label that names a node's pool, where it is none of the providers'
    #[arg(long, value_name = "LABEL", help_heading = "Plan")]
    pub pool_label: Option<String>,

    /// The API server's version, where files do not tell it
    #[arg(long, value_name = "VERSION", help_heading = "Plan")]
    pub server_version: Option<KubeVersion>,

    /// Make no connection at all: needs -f
    #[arg(long, requires = "files", help_heading = "Plan")]
    pub offline: bool,

    /// How the findings decide the exit code.
    #[command(flatten)]
    pub fail_on: FailOnArgs,
}

/// Reads a day (its beginning in UTC) or a moment.
fn parse_as_of(text: &str) -> Result<Timestamp, String> {
    let day = || TimeZone::UTC.to_timestamp(text.parse::<Date>().ok()?.at(0, 0, 0, 0)).ok();
    text.parse::<Timestamp>().ok().or_else(day).ok_or_else(|| {
        format!("{text:?} is no date: expected a day such as 2026-11-23, or a moment such as 2026-11-23T10:00:00Z")
    })
}

/// Makes the plan and writes it.
///
/// # Errors
/// Where nothing can be read, or the plan cannot be written.
pub fn run(app: &App, args: &PlanArgs, connect: &ConnectOptions) -> Result<Exit, Failure> {
    let now = args.as_of.unwrap_or_else(Timestamp::now);
    let today = now.to_zoned_datetime(TimeZone::UTC).date();
    let facts = Facts::compiled_in();
    let wish = Wish { kinds: plan::KINDS.to_vec(), deprecated_calls: true };
    let Gathered { snapshot, source } = app.read(&args.source, connect, &wish, |_, _| Vec::new())?;
    let hints = Hints { server: args.server_version.clone(), pool_label: args.pool_label.clone() };
    let inventory = Inventory::of(&snapshot, &hints);
    let subject = Subject { snapshot: &snapshot, inventory: &inventory, facts: &facts, now, today };
    let choice = args.target.clone().unwrap_or_default();
    let target = plan::target::choose(&choice, &inventory, &facts, today);
    let report = plan::make(subject, target).report(Metadata {
        command: app.plugin.command("plan"),
        version: app.plugin.version.to_owned(),
        generated_at: now.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
        data_as_of: Some(facts.as_of().to_string()),
        source,
    });
    match &args.output.output {
        Format::Own("tfvars") => Ok(report.exit(args.fail_on.fail_on)),
        _ => app.write(&report, &args.output, args.fail_on.fail_on),
    }
}
