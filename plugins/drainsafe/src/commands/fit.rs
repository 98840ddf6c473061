//! `kubectl drainsafe fit`.

use clap::Args;
use jiff::Timestamp;
use patchkit::{
    app::{
        App, FailOnArgs, Failure,
        source::{Gathered, SourceArgs},
    },
    cluster::{ConnectOptions, Wish},
    render::OutputArgs,
    report::{Exit, Metadata, NotEvaluated, Report},
    snapshot::{Kind, kinds},
};

/// What the filters read of a live cluster.
const KINDS: &[Kind] = &[
    kinds::NODES,
    kinds::NAMESPACES,
    kinds::PODS,
    kinds::PERSISTENT_VOLUMES,
    kinds::PERSISTENT_VOLUME_CLAIMS,
    kinds::STORAGE_CLASSES,
    kinds::CSI_DRIVERS,
    kinds::CSI_NODES,
    kinds::VOLUME_ATTACHMENTS,
    kinds::CSI_STORAGE_CAPACITIES,
];

/// The flags of `fit`.
#[derive(Args, Debug)]
pub struct FitArgs {
    /// Pods to judge, as NAME or NAMESPACE/NAME; without any, every pod that has no node
    #[arg(value_name = "POD")]
    pub pods: Vec<String>,

    /// What to read.
    #[command(flatten)]
    pub source: SourceArgs,

    /// How to write the answer.
    #[command(flatten)]
    pub output: OutputArgs,

    /// How the findings decide the exit code.
    #[command(flatten)]
    pub fail_on: FailOnArgs,
}

/// Says where pods could go.
///
/// # Errors
/// Where nothing can be read, a pod is not there, or the answer cannot be written.
pub fn run(app: &App, args: &FitArgs, connect: &ConnectOptions) -> Result<Exit, Failure> {
    let wish = Wish { kinds: KINDS.to_vec(), deprecated_calls: false };
    let Gathered { snapshot, source } = app.read(&args.source, connect, &wish, |_, _| Vec::new())?;
    let metadata = Metadata {
        command: app.plugin.command("fit"),
        version: app.plugin.version.to_owned(),
        generated_at: Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
        data_as_of: None,
        source,
    };
    let mut not_evaluated = snapshot.not_evaluated.clone();
    for pod in snapshot.pods.iter().filter(|pod| pod.node.is_empty()) {
        not_evaluated.push(NotEvaluated::new(format!("pod {}", pod.meta.path()), "the filters are being written"));
    }
    let report = Report::new("FitReport", metadata, "not-evaluated", Vec::new(), not_evaluated)
        .with_section("pods", &Vec::<serde_json::Value>::new());
    app.write(&report, &args.output, args.fail_on.fail_on)
}
