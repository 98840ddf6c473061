//! `kubectl netpolcheck suggest`.

use std::{
    fs,
    io::{self, Read, Write},
};

use clap::Args;
use jiff::Timestamp;
use patchkit::{
    app::{
        App, FailOnArgs, Failure,
        source::{Gathered, SourceArgs},
    },
    cluster::{Cluster, ConnectOptions},
    render::{Format, OutputArgs, OwnFormats, RenderError},
    report::{Exit, NotEvaluated, Report, Source},
};

use super::input::{self, ProfileArgs};
use crate::{
    coverage,
    diff::{self, Change, State},
    engine::{Analysis, View},
    execute::{self, Applied, Outcome},
    foreign::Foreign,
    names::PeerRef,
    suggest::{
        self, Proof, Suggestion, Wanted,
        flows::{FlowFormat, Flows, Place, parse_flow, read},
    },
};

/// Namespaces that no default-deny should come over unasked.
const SYSTEM: &[&str] = &["kube-system", "kube-public", "kube-node-lease"];

/// The formats that only a suggestion has.
#[derive(Clone, Debug)]
pub struct SuggestFormats;

impl OwnFormats for SuggestFormats {
    const FORMATS: &'static [(&'static str, &'static str)] =
        &[("manifests", "The policies alone as YAML, for kubectl apply -f -")];
}

/// The flags of `suggest`.
#[derive(Args, Debug)]
pub struct SuggestArgs {
    /// What to read.
    #[command(flatten)]
    pub source: SourceArgs,

    /// Deny everything in the namespace but DNS
    #[arg(long, help_heading = "What is needed", conflicts_with_all = ["flows", "flow", "today"])]
    pub default_deny: bool,

    /// Allow these flows: a list, CSV, Hubble's JSON or Calico's flow logs; - is standard input (repeatable)
    #[arg(long, value_name = "FILE|-", value_hint = clap::ValueHint::FilePath, help_heading = "What is needed", conflicts_with = "today")]
    pub flows: Vec<String>,

    /// The form of --flows
    #[arg(long, value_enum, default_value = "auto", value_name = "FORM", help_heading = "What is needed")]
    pub flow_format: FlowFormat,

    /// Allow this flow (repeatable)
    #[arg(long, value_name = "FROM TO[:PORT[/PROTOCOL]]", help_heading = "What is needed", conflicts_with = "today")]
    pub flow: Vec<String>,

    /// Allow what is allowed today, and deny the rest
    #[arg(long, help_heading = "What is needed")]
    pub today: bool,

    /// Allow the cluster's DNS to every workload of the namespace, also where no flow goes there
    #[arg(long, help_heading = "What is needed", conflicts_with_all = ["default_deny", "today"])]
    pub dns: bool,

    /// How to write the suggestion.
    #[command(flatten)]
    pub output: OutputArgs<SuggestFormats>,

    /// How open points are read.
    #[command(flatten)]
    pub profile: ProfileArgs,

    /// How the findings decide the exit code.
    #[command(flatten)]
    pub fail_on: FailOnArgs,

    /// Apply the policies, after what that changes was shown and confirmed
    #[arg(long, help_heading = "Carrying out", conflicts_with_all = ["files", "undo"])]
    pub apply: bool,

    /// Take back what earlier runs have applied: this run, or all
    #[arg(long, value_name = "RUN", add = crate::live::RUNS, num_args = 0..=1, require_equals = true, default_missing_value = "", help_heading = "Carrying out", conflicts_with_all = ["files", "default_deny", "flows", "flow", "today"])]
    pub undo: Option<String>,

    /// Do not ask before a change
    #[arg(long, short = 'y', help_heading = "Carrying out")]
    pub yes: bool,
}

/// Makes policies and proves them; applies them or takes them back where that is asked for.
///
/// # Errors
/// Where nothing can be read, a flow of the command line is none, or the cluster refuses.
pub fn run(app: &App, args: &SuggestArgs, connect: &ConnectOptions) -> Result<Exit, Failure> {
    if let Some(run) = &args.undo {
        return undo(app, args, connect, Some(run.as_str()).filter(|run| !run.is_empty()));
    }
    let wanted = wanted(args)?;
    // Applying needs the connection again, and what is applied has to be for the cluster that was read.
    let cluster = args.apply.then(|| app.connect(connect)).transpose()?;
    let Gathered { snapshot, source } = input::read(app, &args.source, connect)?;
    let home = input::default_namespace(&args.source, connect)?;
    let profile = args.profile.choose(&snapshot);
    let with_dns = args.dns || args.default_deny;
    let analysis = Analysis::of(&snapshot, profile.name);
    let namespaces = namespaces(&analysis, connect, &home, &wanted)?;
    let made = suggest::suggest(&analysis, &wanted, &namespaces, &home, with_dns);
    let manifests = suggest::manifests(&made.draft)?;
    let mut left_out = left_out(&wanted, &made);
    let state = |analysis: &Analysis<'_>| {
        let foreign = Foreign::of(analysis.snapshot, &analysis.world);
        State::of(analysis, &foreign, View::Workloads)
    };
    let before = args.apply.then(|| state(&analysis));
    let policies = suggest::policies_json(&analysis, &made);
    let dns_before = kept_from_dns(&analysis, &namespaces);
    drop(analysis);
    // The very text that is given out is what is proved.
    let after = suggest::applied(snapshot, &manifests, &home)?;
    let analysis = Analysis::of(&after, profile.name);
    let proof = suggest::proof(&after, profile.name, &made.needs, &namespaces);
    let foreign = Foreign::of(&after, &analysis.world);
    left_out.extend(input::left_out(&analysis, &foreign));
    let hosts = suggest::in_host_network(&analysis, &namespaces);
    let mut lost_dns = kept_from_dns(&analysis, &namespaces);
    lost_dns.retain(|peer| !dns_before.contains(peer));
    let findings = suggest::findings(&analysis, &wanted, &made, &proof, &hosts, &lost_dns, with_dns);
    let verdict = verdict(&proof, &left_out, about_chosen(&analysis, &foreign, &namespaces));
    let changes = before.map(|before| diff::make(&before, &state(&analysis)));
    let document = suggest::document(&analysis, &wanted, &made, &proof, &namespaces, &hosts, &findings);
    let metadata = input::metadata(app, "suggest", source.clone());
    let mut report = Report::new("SuggestReport", metadata, verdict, findings, left_out)
        .with_section("namespaces", &namespaces)
        .with_section("policies", &policies)
        .with_section("proof", &proof)
        .with_document(document);
    let flows = suggest::flows_json(&wanted, &made);
    if !flows.is_null() {
        report = report.with_section("flows", &flows);
    }
    let report = input::with_profile(report, &profile);
    match (cluster, changes) {
        (Some(cluster), Some(changes)) => apply(app, args, &cluster, report, &made, &changes, &source),
        _ => write(app, args, &report, &manifests),
    }
}

fn wanted(args: &SuggestArgs) -> Result<Wanted, Failure> {
    if args.default_deny {
        return Ok(Wanted::DefaultDeny);
    }
    if args.today {
        return Ok(Wanted::Today);
    }
    if args.flows.is_empty() && args.flow.is_empty() {
        return Err(Failure::usage("nothing says what is needed").with_hint(
            "--default-deny for nothing but DNS, --flows FILE or --flow FROM TO:PORT for flows, --today for what is \
             allowed now",
        ));
    }
    let mut flows = Flows::default();
    for flow in &args.flow {
        let place = Place { file: "--flow".to_owned(), line: 1, column: 1 };
        flows.add(parse_flow(flow, place).map_err(|(_, why)| Failure::usage(format!("--flow {flow:?}: {why}")))?);
    }
    if args.flows.iter().any(|file| file == "-") && args.source.files.iter().any(|file| file == "-") {
        return Err(Failure::usage("standard input can be read once: for -f or for --flows"));
    }
    for file in &args.flows {
        let text = match file.as_str() {
            "-" => {
                let mut bytes = Vec::new();
                io::stdin().lock().read_to_end(&mut bytes).map(|_| bytes)
            }
            path => fs::read(path),
        };
        let bytes = text.map_err(|error| Failure::new(format!("{file}: {error}")))?;
        read(file, &String::from_utf8_lossy(&bytes), args.flow_format, &mut flows);
    }
    if flows.flows.is_empty() {
        let reasons: Vec<String> =
            flows.bad.iter().take(10).map(|bad| format!("  {}: {}", bad.place, bad.why)).collect();
        let skipped: Vec<String> = flows.skipped.iter().map(|(why, many)| format!("  {many} {why}")).collect();
        let all = [reasons, skipped].concat().join("\n");
        return Err(Failure::new(format!("no flow could be read from {}\n{all}", args.flows.join(", "))));
    }
    Ok(Wanted::Flows(flows))
}

/// The namespaces that get policies.
fn namespaces(
    analysis: &Analysis<'_>,
    connect: &ConnectOptions,
    home: &str,
    wanted: &Wanted,
) -> Result<Vec<String>, Failure> {
    let mut with_pods: Vec<String> = analysis.world.pods.iter().map(|pod| pod.namespace.to_owned()).collect();
    with_pods.dedup();
    if connect.all_namespaces {
        with_pods.retain(|name| !SYSTEM.contains(&name.as_str()));
        if let Wanted::Flows(flows) = wanted {
            // Where no flow leads, nobody knows what is needed, and nothing is denied.
            let touched = suggest::touched(analysis, flows, home);
            with_pods.retain(|name| touched.contains(name));
            if with_pods.is_empty() {
                return Err(Failure::new(
                    "none of the flows leads to or from a pod of a namespace that may get policies",
                )
                .with_hint("-n NAMESPACE names one, also one of the system"));
            }
        }
        return Ok(with_pods);
    }
    if analysis.world.namespaces.labels(home).is_some() {
        return Ok(vec![home.to_owned()]);
    }
    let told = format!("there is no namespace {home} in the input; there are {}", with_pods.join(", "));
    Err(Failure::new(told).with_hint("-n NAMESPACE for one of them, -A for all but those of the system"))
}

fn left_out(wanted: &Wanted, made: &Suggestion) -> Vec<NotEvaluated> {
    let mut left_out = made.left_out.clone();
    left_out.extend(made.unmatched.iter().map(suggest::Unmatched::left_out));
    if let Wanted::Flows(flows) = wanted {
        left_out.extend(flows.bad.iter().map(|bad| NotEvaluated::new(bad.place.to_string(), bad.why.clone())));
        let silent = "flows that do not say whether they are replies";
        if let Some(many) = flows.skipped.get(silent) {
            left_out.push(NotEvaluated::new(silent, format!("{many} of them; which end connects cannot be told")));
        }
    }
    left_out
}

/// Workloads of other namespaces that do not reach the cluster's DNS.
fn kept_from_dns(analysis: &Analysis<'_>, namespaces: &[String]) -> Vec<PeerRef> {
    let foreign = Foreign::of(analysis.snapshot, &analysis.world);
    let dns = coverage::targets(analysis, &foreign).into_iter().find(|target| target.id == "kube-dns");
    let kept = dns.map(|target| target.kept_from).unwrap_or_default();
    let elsewhere = |peer: &PeerRef| peer.namespace.as_ref().is_some_and(|of| !namespaces.contains(of));
    kept.into_iter().map(|kept| kept.peer).filter(elsewhere).collect()
}

/// Whether policies that are not evaluated speak about pods of these namespaces.
fn about_chosen(analysis: &Analysis<'_>, foreign: &Foreign, namespaces: &[String]) -> bool {
    let pods = (0..).map(crate::world::PodId).zip(&analysis.world.pods);
    let mut chosen = pods.filter(|(_, pod)| namespaces.iter().any(|name| name == pod.namespace));
    chosen.any(|(id, _)| foreign.about(id).next().is_some())
}

fn verdict(proof: &Proof, left_out: &[NotEvaluated], foreign: bool) -> &'static str {
    match (proof.holds, foreign, left_out.iter().all(|it| it.hidden)) {
        (false, ..) => "not-proved",
        (true, true, _) => "cannot-tell",
        (true, false, true) => "proved",
        (true, false, false) => "proved-as-far-as-read",
    }
}

fn write(app: &App, args: &SuggestArgs, report: &Report, manifests: &str) -> Result<Exit, Failure> {
    if args.output.output != Format::Own("manifests") {
        return app.write(report, &args.output, args.fail_on.fail_on);
    }
    let mut out = app.out();
    out.write_all(manifests.as_bytes()).and_then(|()| out.flush()).map_err(RenderError::Write)?;
    for finding in &report.findings {
        let object = finding.object.as_ref().map(|it| format!("{}: ", it.display())).unwrap_or_default();
        app.warn(&format!("{object}{}", finding.title));
    }
    for it in &report.not_evaluated {
        app.warn(&format!("{}: {}", it.what, it.why));
    }
    Ok(report.exit(args.fail_on.fail_on))
}

fn apply(
    app: &App,
    args: &SuggestArgs,
    cluster: &Cluster,
    report: Report,
    made: &Suggestion,
    changes: &[Change],
    source: &Source,
) -> Result<Exit, Failure> {
    let names = [input::place(source), "the same with the policies".to_owned()];
    // What the policies change is shown before anybody is asked, wherever the report goes.
    let shown = Report::new("DiffReport", report.metadata.clone(), "", Vec::new(), Vec::new())
        .with_document(diff::document(&names[0], &names[1], changes, &[]));
    let mut text = Vec::new();
    let context = patchkit::render::RenderContext {
        width: app.stderr.width,
        colour: app.stderr.colour,
        no_headers: args.output.no_headers,
    };
    patchkit::render::render(&shown, &Format::Table, &context, &mut text)?;
    // People see the policies and the proof before they are asked, programs one report in the end.
    let for_people = matches!(args.output.output, Format::Table | Format::Wide | Format::Markdown);
    if for_people {
        app.write(&report, &args.output, args.fail_on.fail_on)?;
    }
    app.progress.say(&shortened(&String::from_utf8_lossy(&text)));
    let report = report.with_section("changes", &changes);
    if report.summary.verdict == "not-proved" {
        app.warn("something that is needed would be denied: see the proof; nothing was applied");
        if !for_people {
            app.write(&report, &args.output, args.fail_on.fail_on)?;
        }
        return Ok(Exit::Findings);
    }
    let many = made.draft.policies.len();
    let policies = if many == 1 { "policy" } else { "policies" };
    let question = format!("Apply {many} {policies} to {}?", input::place(source));
    if !app.prompt().confirm(&question, args.yes)? {
        app.progress.say("Nothing was changed.");
        return Ok(Exit::Clean);
    }
    let run = format!("r{}", Timestamp::now().as_millisecond());
    app.progress.say(&format!("Run {run}; kubectl netpolcheck suggest --undo={run} takes it back."));
    let applied = execute::apply(app, cluster, &made.draft.policies, &run)?;
    say(app, &applied);
    let report = report.with_section("run", &run).with_section("applied", &applied);
    let written = match for_people {
        true => report.exit(args.fail_on.fail_on),
        false => app.write(&report, &args.output, args.fail_on.fail_on)?,
    };
    Ok(if applied.iter().any(|it| it.outcome == Outcome::Failed) { Exit::Partial } else { written })
}

/// As much of a long difference as somebody reads before they answer.
fn shortened(text: &str) -> String {
    const MOST_LINES: usize = 150;
    let lines: Vec<&str> = text.lines().collect();
    if lines.len() <= MOST_LINES {
        return text.to_owned();
    }
    let more = lines.len() - MOST_LINES;
    format!(
        "{}\n… and {more} more lines; suggest -o manifests, and diff --dry-run -f of what that writes, shows all",
        lines[..MOST_LINES].join("\n")
    )
}

fn say(app: &App, applied: &[Applied]) {
    for it in applied {
        let outcome = serde_json::to_value(it.outcome).ok().and_then(|word| word.as_str().map(str::to_owned));
        let detail = if it.detail.is_empty() { String::new() } else { format!(": {}", it.detail) };
        app.progress.say(&format!("{} {}{detail}", it.object.display(), outcome.unwrap_or_default()));
    }
}

fn undo(app: &App, args: &SuggestArgs, connect: &ConnectOptions, run: Option<&str>) -> Result<Exit, Failure> {
    let cluster = app.connect(connect)?;
    let access = cluster.access();
    let place = input::place(&Source::Cluster { context: access.context.clone(), server: access.server.to_string() });
    let namespace = connect.namespace.as_deref().filter(|name| !name.is_empty() && !connect.all_namespaces);
    let applied = execute::undo(app, &cluster, namespace, run, |many| {
        let policies = if many == 1 { "policy" } else { "policies" };
        Ok(app.prompt().confirm(&format!("Take {many} {policies} back in {place}?"), args.yes)?)
    })?;
    let Some(applied) = applied else {
        app.progress.say("Nothing was changed.");
        return Ok(Exit::Clean);
    };
    if applied.is_empty() {
        app.progress.say("There is nothing to take back.");
    }
    say(app, &applied);
    let failed = applied.iter().any(|it| it.outcome == Outcome::Failed);
    Ok(if failed { Exit::Partial } else { Exit::Clean })
}
