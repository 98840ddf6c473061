//! `kubectl netpolcheck map`.

use std::io::Write;

use clap::Args;
use jiff::Timestamp;
use patchkit::{
    app::{
        App, Failure,
        source::{Gathered, SourceArgs},
    },
    cluster::ConnectOptions,
    render::{Format, OutputArgs, OwnFormats, RenderContext, RenderError, render},
    report::{Exit, FailOn, Metadata, Report},
};

use super::input::{self, ProfileArgs};
use crate::{
    engine::{Analysis, PortTable, Reach, Side, View},
    entrance,
    foreign::Foreign,
    map::{self, MapFacts, PageFacts, Picture, Writer},
    profile::Profile,
    who::Who,
    world::PodId,
};

/// How many names of a group a table shows.
const FEW_NAMES: usize = 3;
/// How many a page or a wide table shows.
const MANY_NAMES: usize = 30;

/// The formats that only a map has.
#[derive(Clone, Debug)]
pub struct MapFormats;

impl OwnFormats for MapFormats {
    const FORMATS: &'static [(&'static str, &'static str)] = &[
        ("csv", "A line a connection and protocol"),
        ("dot", "A picture for Graphviz; with very many connections what is alike is one box"),
        ("mermaid", "A flowchart for Mermaid, within the limits of its viewers"),
        ("html", "A page of its own with a graph to click through and a matrix of the namespaces"),
    ];
}

/// The flags of `map`.
#[derive(Args, Debug)]
pub struct MapArgs {
    /// What to read.
    #[command(flatten)]
    pub source: SourceArgs,

    /// How to write the map.
    #[command(flatten)]
    pub output: OutputArgs<MapFormats>,

    /// Only connections from these: NAMESPACE/POD, NAMESPACE/KIND/NAME, NAMESPACE/, or internet
    #[arg(long, value_name = "PEER", help_heading = "Map", add = crate::live::PEERS)]
    pub from: Option<String>,

    /// Only connections to these: NAMESPACE/POD, NAMESPACE/KIND/NAME, NAMESPACE/, or internet
    #[arg(long, value_name = "PEER", help_heading = "Map", add = crate::live::PEERS)]
    pub to: Option<String>,

    /// Look at pods one by one, and not at what owns them
    #[arg(long, help_heading = "Map")]
    pub pods: bool,

    /// How open points are read.
    #[command(flatten)]
    pub profile: ProfileArgs,
}

/// Which peers are shown at one end.
enum Wanted {
    Everybody,
    Outside,
    Pods(Vec<PodId>),
}

impl Wanted {
    fn parse(word: Option<&str>, namespace: &str, analysis: &Analysis<'_>) -> Result<Self, Failure> {
        let Some(word) = word else { return Ok(Self::Everybody) };
        let is_namespace = |name: &str| analysis.world.namespaces.labels(name).is_some();
        let usage = |error: crate::who::WhoError| match error {
            crate::who::WhoError::Absent { .. } => Failure::new(error.to_string()),
            _ => Failure::usage(error.to_string()),
        };
        match Who::parse(word, namespace, is_namespace).map_err(usage)? {
            Who::Internet => Ok(Self::Outside),
            Who::Addresses(_) => Err(Failure::usage(format!("{word:?}: a map has no single addresses"))
                .with_hint("kubectl netpolcheck can answers for an address; internet shows all of them")),
            service @ Who::Service { .. } => {
                Ok(Self::Pods(crate::service::pods_behind(analysis, &service).map_err(usage)?))
            }
            who => Ok(Self::Pods(who.pods(analysis).map_err(usage)?)),
        }
    }

    fn has(&self, pods: &[PodId]) -> bool {
        match self {
            Self::Everybody => true,
            Self::Outside => false,
            // They are in the order of their places.
            Self::Pods(wanted) => pods.iter().any(|pod| wanted.binary_search(pod).is_ok()),
        }
    }

    fn has_outside(&self) -> bool {
        !matches!(self, Self::Pods(_))
    }
}

/// Makes the map and writes it.
///
/// # Errors
/// Where nothing can be read, a peer is not there, or the map cannot be written.
pub fn run(app: &App, args: &MapArgs, connect: &ConnectOptions) -> Result<Exit, Failure> {
    let Gathered { snapshot, source } = input::read(app, &args.source, connect)?;
    let profile = args.profile.choose(&snapshot);
    let analysis = Analysis::of(&snapshot, profile.name);
    let foreign = Foreign::of(&snapshot, &analysis.world);
    let view = if args.pods { View::Pods } else { View::Workloads };
    let default_namespace = input::default_namespace(&args.source, connect)?;
    let from = Wanted::parse(args.from.as_deref(), &default_namespace, &analysis)?;
    let to = Wanted::parse(args.to.as_deref(), &default_namespace, &analysis)?;
    // The focus is only where it is asked for: a map of the context's namespace alone would not be one.
    let focus = connect.namespace.as_deref().filter(|name| !name.is_empty() && !connect.all_namespaces);
    let in_focus = |pods: &[PodId]| {
        focus.is_none_or(|namespace| pods.iter().any(|pod| analysis.world.pod(*pod).namespace == namespace))
    };
    let reach = Reach::some(
        &analysis,
        view,
        |peer| Side { from: from.has(&peer.pods), to: to.has(&peer.pods), focus: in_focus(&peer.pods) },
        (from.has_outside(), to.has_outside()),
    );
    let mut table = PortTable::default();
    let facts = MapFacts::of(&reach, &mut table);
    let metadata = Metadata {
        command: app.plugin.command("map"),
        version: app.plugin.version.to_owned(),
        generated_at: Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
        data_as_of: None,
        source,
    };
    let points = map::open_points(&analysis, &snapshot);
    let entrances = entrance::entrances(&analysis);
    let mut left_out = input::left_out(&analysis, &foreign);
    left_out.extend(entrances.not_evaluated.iter().cloned());
    let report = Report::new("ReachabilityReport", metadata, map::verdict(&facts), Vec::new(), left_out)
        .with_section("openPoints", &points)
        .with_section("entrances", &entrances.list);
    let report = input::with_profile(report, &profile);
    let mut writer = Writer::new(&reach, view, &foreign);
    let context = args.output.context(app.stdout);
    match &args.output.output {
        Format::Json if !app.is_one_of_several() => {
            let envelope = text(&report, &Format::Json, &context)?;
            let mut out = app.out();
            map::write_json(&envelope, &mut writer, &mut table, &mut out)
                .and_then(|()| out.flush())
                .map_err(RenderError::Write)?;
            Ok(report.exit(FailOn::default()))
        }
        Format::Yaml if !app.is_one_of_several() => {
            let envelope = text(&report, &Format::Yaml, &context)?;
            let mut out = app.out();
            map::write_yaml(&envelope, &mut writer, &mut table, &mut out)
                .and_then(|()| out.flush())
                .map_err(RenderError::Write)?;
            Ok(report.exit(FailOn::default()))
        }
        Format::Own("csv") => {
            let mut out = app.out();
            map::write_csv(&reach, view, !args.output.no_headers, &mut table, &mut out)
                .and_then(|()| out.flush())
                .map_err(RenderError::Write)?;
            Ok(report.exit(FailOn::default()))
        }
        Format::Own(form @ ("dot" | "mermaid")) => {
            let picture = Picture::of(&reach, view, &mut table, &foreign, &points, map::MOST_EDGES);
            let text = drawn(form, &picture, &report.summary.verdict)?;
            if picture.edges.len() > map::MOST_EDGES {
                app.warn(&format!(
                    "{} lines, even between namespaces: --from, --to and -n show less at once",
                    picture.edges.len()
                ));
            }
            let mut out = app.out();
            out.write_all(text.as_bytes()).and_then(|()| out.flush()).map_err(RenderError::Write)?;
            Ok(report.exit(FailOn::default()))
        }
        Format::Own("html") => {
            let units = map::units(&reach);
            if units > map::MOST_UNITS {
                return Err(Failure::new(format!(
                    "{units} things that policies tell apart are more than a page can hold ({})",
                    map::MOST_UNITS
                ))
                .with_hint("--from, --to and -n show less at once; -o json and -o csv hold everything"));
            }
            let facts = PageFacts {
                about: about(&report, profile.name),
                left_out: &report.not_evaluated,
                points: &points,
                entrances: &entrances,
            };
            let mut out = app.out();
            map::write_page(&reach, view, &mut table, &foreign, &facts, &mut out)
                .and_then(|()| out.flush())
                .map_err(RenderError::Write)?;
            Ok(report.exit(FailOn::default()))
        }
        Format::JsonPath(_) | Format::Json | Format::Yaml => {
            let (connections, depends) = writer.values(&mut table);
            let report = report.with_section("connections", &connections).with_section("depends", &depends);
            app.write(&report, &args.output, FailOn::default())
        }
        format => {
            let names = if matches!(format, Format::Wide | Format::Markdown) { MANY_NAMES } else { FEW_NAMES };
            let document =
                map::document(&reach, view, &mut table, &foreign, &facts, &points, &entrances, map::Layout { names });
            app.write(&report.with_document(document), &args.output, FailOn::default())
        }
    }
}

/// A picture in one of the languages for them.
fn drawn(form: &str, picture: &Picture, verdict: &str) -> Result<String, Failure> {
    let mut text = Vec::new();
    if form == "dot" {
        map::write_dot(picture, verdict, &mut text)?;
        return Ok(String::from_utf8_lossy(&text).into_owned());
    }
    map::write_mermaid(picture, verdict, &mut text)?;
    let (edges, most) = (picture.edges.len(), map::MOST_EDGES);
    let hint = "--from, --to and -n show less at once; -o dot and -o html can show more";
    if edges > most {
        let told = format!("even between namespaces there are {edges} lines, and Mermaid shows at most {most}");
        return Err(Failure::new(told).with_hint(hint));
    }
    if text.len() > map::MOST_TEXT {
        let told = format!("the diagram has {} characters, and Mermaid reads at most {}", text.len(), map::MOST_TEXT);
        return Err(Failure::new(told).with_hint(hint));
    }
    Ok(String::from_utf8_lossy(&text).into_owned())
}

/// `12 connections · cluster prod (https://…) · profile strict · 2026-11-23T10:00:00Z`
fn about(report: &Report, profile: Profile) -> String {
    let verdict = &report.summary.verdict;
    let source = input::place(&report.metadata.source);
    format!("{verdict} · {source} · profile {profile} · {}", report.metadata.generated_at)
}

/// The envelope as it is written.
fn text(report: &Report, format: &Format, context: &RenderContext) -> Result<String, RenderError> {
    let mut text = Vec::new();
    render(report, format, context, &mut text)?;
    Ok(String::from_utf8_lossy(&text).into_owned())
}
