//! What every subcommand reads, and how it reads what the standard leaves open.

use clap::Args;
use patchkit::{
    app::{
        App, FailOnArgs, Failure, PublishArgs,
        source::{Gathered, SourceArgs},
    },
    cluster::{Access, ConnectOptions, Environment, MetadataWish, Wish},
    render::OutputArgs,
    report::{NotEvaluated, Report, Source},
    snapshot::{Kind, ServedResource, Snapshot, kinds},
};
use serde::Serialize;

use crate::{
    engine::Analysis,
    foreign::{Foreign, MATTERS, OTHER_KINDS},
    profile::Profile,
};

/// What is read beside [`MATTERS`]: pods and what owns them, whom policies can name, and what lets traffic in.
pub const KINDS: &[Kind] = &[
    kinds::PODS,
    kinds::NODES,
    kinds::SERVICES,
    kinds::ENDPOINT_SLICES,
    kinds::DEPLOYMENTS,
    kinds::STATEFUL_SETS,
    kinds::DAEMON_SETS,
    kinds::REPLICA_SETS,
    kinds::REPLICATION_CONTROLLERS,
    kinds::JOBS,
    kinds::CRON_JOBS,
    kinds::INGRESSES,
    kinds::GATEWAYS,
    kinds::HTTP_ROUTES,
    kinds::GRPC_ROUTES,
    kinds::TLS_ROUTES,
    kinds::TCP_ROUTES,
    kinds::UDP_ROUTES,
    kinds::OPENSHIFT_ROUTES,
];

/// The flag that says how open points are read.
#[derive(Args, Clone, Copy, Debug)]
pub struct ProfileArgs {
    /// How to read what the standard leaves open; by default as the cluster's network plugin does, where it is seen,
    /// and else strict
    #[arg(long, value_enum, value_name = "PROFILE", help_heading = "Policies")]
    pub profile: Option<Profile>,
}

/// The flags of a command whose report is about all that was read.
#[derive(Args, Debug)]
pub struct ReportArgs {
    /// What to read.
    #[command(flatten)]
    pub source: SourceArgs,

    /// How to write the report.
    #[command(flatten)]
    pub output: OutputArgs,

    /// How open points are read.
    #[command(flatten)]
    pub profile: ProfileArgs,

    /// How the findings decide the exit code.
    #[command(flatten)]
    pub fail_on: FailOnArgs,

    /// Where the report is kept.
    #[command(flatten)]
    pub publish: PublishArgs,
}

/// The profile, and why it was taken.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ChosenProfile {
    /// The profile.
    pub name: Profile,
    /// `flag`, `seen` in the cluster, or `default`.
    pub chosen: &'static str,
    /// The object that shows the network plugin.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seen_in: Option<String>,
}

impl ProfileArgs {
    /// The profile for a snapshot.
    #[must_use]
    pub fn choose(self, snapshot: &Snapshot) -> ChosenProfile {
        match (self.profile, Profile::seen_in(snapshot)) {
            (Some(name), _) => ChosenProfile { name, chosen: "flag", seen_in: None },
            (None, Some((name, seen_in))) => ChosenProfile { name, chosen: "seen", seen_in: Some(seen_in) },
            (None, None) => ChosenProfile { name: Profile::default(), chosen: "default", seen_in: None },
        }
    }
}

/// Reads a cluster or files.
///
/// # Errors
/// Where nothing can be read at all.
pub fn read(app: &App, source: &SourceArgs, connect: &ConnectOptions) -> Result<Gathered, Failure> {
    let wish = Wish { kinds: [KINDS, MATTERS].concat(), deprecated_calls: false };
    Ok(app.read(source, connect, &wish, |_, served| other_policies(served))?)
}

/// The kinds of policies that are found and not evaluated, as far as the server serves them.
fn other_policies(served: &[ServedResource]) -> Vec<MetadataWish> {
    let mut wishes: Vec<MetadataWish> = Vec::new();
    for resource in served {
        let wanted = OTHER_KINDS.iter().any(|(group, kind, _)| *group == resource.group && *kind == resource.kind);
        // One version is enough: all of them show the same objects.
        if wanted && !wishes.iter().any(|it| it.group == resource.group && it.kind == resource.kind) {
            wishes.push(MetadataWish {
                group: resource.group.clone(),
                version: resource.version.clone(),
                kind: resource.kind.clone(),
                plural: resource.plural.clone(),
                fields: "",
            });
        }
    }
    wishes
}

/// The namespace that is meant where none is named: the flag's, else the context's, else `default`. With files no
/// kubeconfig is read.
///
/// # Errors
/// Where the kubeconfig cannot be read.
pub fn default_namespace(source: &SourceArgs, connect: &ConnectOptions) -> Result<String, Failure> {
    match &connect.namespace {
        Some(namespace) if !namespace.is_empty() => Ok(namespace.clone()),
        _ if !source.files.is_empty() => Ok("default".to_owned()),
        _ => Ok(Access::resolve(connect, &Environment::of_process())?.namespace),
    }
}

/// What an answer leaves out: what could not be read or understood, and policies of other kinds.
#[must_use]
pub fn left_out(analysis: &Analysis<'_>, foreign: &Foreign) -> Vec<NotEvaluated> {
    let snapshot = analysis.snapshot;
    let mut left_out = snapshot.not_evaluated.clone();
    left_out.extend(analysis.problems());
    left_out.extend(foreign.left_out());
    // Files that hold pods and no policies are a cluster without policies; those without pods and workloads are none.
    if let (Some(why), true) = (snapshot.why_unknown(&kinds::PODS), analysis.world.pods.is_empty()) {
        left_out.push(NotEvaluated::new("pods", why));
    }
    left_out
}

/// Adds what every report says of its profile.
#[must_use]
pub fn with_profile(report: Report, profile: &ChosenProfile) -> Report {
    report.with_section("profile", profile)
}

/// Where facts come from, for people: `cluster prod (https://…)`, or the files.
#[must_use]
pub fn place(source: &Source) -> String {
    match source {
        Source::Cluster { context: Some(context), server } => format!("cluster {context} ({server})"),
        Source::Cluster { context: None, server } => format!("cluster {server}"),
        Source::Files { paths } => paths.join(", "),
    }
}

/// Who made a report, and when.
#[must_use]
pub fn metadata(app: &App, subcommand: &str, source: Source) -> patchkit::report::Metadata {
    patchkit::report::Metadata {
        command: app.plugin.command(subcommand),
        version: app.plugin.version.to_owned(),
        generated_at: jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
        data_as_of: None,
        source,
    }
}
