//! `kubectl secpatch cves`.

use clap::Args;
use patchkit::{
    app::{
        App, FailOnArgs, Failure,
        source::{Gathered, SourceArgs},
    },
    cluster::{ConnectOptions, Wish},
    render::OutputArgs,
    report::{Exit, Report, Severity},
    rules::version::KubeVersion,
};

use crate::{
    commands::{
        data::{Http, with_sources},
        session::{AsOfArgs, Session},
    },
    cves::{
        self,
        report::{self, Filter},
    },
    facts::{Component, Facts},
    inventory::{Hints, Inventory},
    subject::Subject,
};

/// The flags of `cves`.
#[derive(Args, Debug)]
pub struct CvesArgs {
    /// What to read.
    #[command(flatten)]
    pub source: SourceArgs,

    /// How to write the report.
    #[command(flatten)]
    pub output: OutputArgs,

    /// Only those of this component, such as kubelet, containerd or ingress-nginx (repeatable)
    #[arg(long = "component", value_name = "NAME", help_heading = "CVEs")]
    pub components: Vec<String>,

    /// Only those of this severity or a higher one: critical, high, medium, low, info
    #[arg(long, value_name = "SEVERITY", help_heading = "CVEs")]
    pub severity: Option<Severity>,

    /// Only what runs on this node (repeatable)
    #[arg(long = "node", value_name = "NAME", add = patchkit::complete::Live::NODES, help_heading = "CVEs")]
    pub nodes: Vec<String>,

    /// Only this one, such as CVE-2025-1974, even where nothing that runs has it (repeatable)
    #[arg(long = "id", value_name = "ID", help_heading = "CVEs")]
    pub ids: Vec<String>,

    /// Take these facts too, for this answer: the official CVE feed (JSON or RSS), OSV files or an archive of them
    /// (repeatable)
    #[arg(long = "feed", value_name = "FILE|DIR|URL", value_hint = clap::ValueHint::AnyPath, help_heading = "CVEs")]
    pub feeds: Vec<String>,

    /// The API server's version, where files do not tell it
    #[arg(long, value_name = "VERSION", help_heading = "CVEs")]
    pub server_version: Option<KubeVersion>,

    /// For which moment.
    #[command(flatten, next_help_heading = "CVEs")]
    pub as_of: AsOfArgs,

    /// How the findings decide the exit code.
    #[command(flatten)]
    pub fail_on: FailOnArgs,
}

/// Holds what runs against the known vulnerabilities, and writes the report.
///
/// # Errors
/// Where nothing can be read, a filter names nothing, or the report cannot be written.
pub fn run(app: &App, args: &CvesArgs, connect: &ConnectOptions) -> Result<Exit, Failure> {
    let mut session = Session::begin(args.as_of);
    let mut not_evaluated = Vec::new();
    if !args.feeds.is_empty() {
        let joined = with_sources(&session.facts, &args.feeds, session.today, &Http::new());
        let (facts, failed) = joined.map_err(|error| Failure::new(error.to_string()))?;
        session.facts = facts;
        not_evaluated.extend(failed);
    }
    session.warn_of_old_facts(app);
    let Session { now, today, ref facts, .. } = session;
    check_components(facts, &args.components)?;
    let wish = Wish { kinds: report::KINDS.to_vec(), deprecated_calls: false };
    let Gathered { snapshot, source } = app.read(&args.source, connect, &wish, |_, _| Vec::new())?;
    if let Some(node) = args.nodes.iter().find(|node| !snapshot.nodes.iter().any(|it| it.meta.name == node.as_str())) {
        return Err(Failure::usage(format!("--node {node:?}: no node of that name was read")));
    }
    let hints = Hints { server: args.server_version.clone(), pool_label: None };
    let inventory = Inventory::of(&snapshot, &hints);
    let subject = Subject { snapshot: &snapshot, inventory: &inventory, facts, now, today };
    let filter = Filter {
        components: args.components.clone(),
        severity: args.severity,
        nodes: args.nodes.clone(),
        ids: args.ids.clone(),
    };
    let entries = report::entries(subject, &filter);
    not_evaluated.extend(inventory.not_evaluated.iter().cloned());
    not_evaluated.extend(snapshot.not_evaluated.iter().cloned());
    not_evaluated.extend(cves::find::not_evaluated(subject));
    not_evaluated.extend(report::unknown_ids(subject, &filter));
    not_evaluated.extend(session.problem.clone());
    let verdict = report::verdict(&entries, &not_evaluated);
    let document = cves::document(&entries, &[]);
    let metadata = session.metadata(app, "cves", facts.as_of(), source);
    let report = Report::new("CveReport", metadata, verdict, report::findings(&entries), not_evaluated)
        .with_section("cves", &entries)
        .with_document(document);
    app.write(&report, &args.output, args.fail_on.fail_on)
}

/// A component of which nothing is known would look like one without vulnerabilities.
fn check_components(facts: &Facts, wanted: &[String]) -> Result<(), Failure> {
    let affected = facts.cves().all().iter().flat_map(|cve| &cve.affected).map(|affected| affected.component.clone());
    let mut known: Vec<String> = Component::known().chain(affected).map(|it| it.to_string()).collect();
    known.push("unknown".to_owned());
    known.sort();
    known.dedup();
    match wanted.iter().find(|name| !known.iter().any(|it| it.eq_ignore_ascii_case(name))) {
        Some(name) => Err(Failure::usage(format!("--component {name:?} is none that is known: {}", known.join(", ")))),
        None => Ok(()),
    }
}
