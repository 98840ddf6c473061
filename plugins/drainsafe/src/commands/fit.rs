//! `kubectl drainsafe fit`.

use clap::Args;
use jiff::Timestamp;
use patchkit::{
    app::{
        App, FailOnArgs, Failure,
        source::{Gathered, SourceArgs},
    },
    cluster::{Access, ConnectOptions, Environment, Wish},
    complete::Live,
    render::OutputArgs,
    report::Exit,
    snapshot::{Coverage, Snapshot, kinds},
};

use crate::fit::{self, KINDS};

/// The flags of `fit`.
#[derive(Args, Debug)]
pub struct FitArgs {
    /// Pods to judge, running or not, as NAME or NAMESPACE/NAME; without any, every pod that waits for a node
    #[arg(value_name = "POD", add = Live::PODS)]
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
    for kind in [kinds::NODES, kinds::PODS] {
        if let Coverage::Denied(why) = snapshot.coverage(&kind) {
            return Err(Failure::new(format!(
                "the {} cannot be seen, and nothing fits without them: {why}",
                kind.plural
            )));
        }
    }
    let scope = Scope::of(connect, &args.source)?;
    let pods = if args.pods.is_empty() {
        fit::waiting(&snapshot, connect.namespace.as_deref())
    } else {
        named(&snapshot, &args.pods, &scope)?
    };
    let metadata = app.metadata("fit", Timestamp::now(), source);
    app.write(&fit::judge(&snapshot, &pods).report(metadata), &args.output, args.fail_on.fail_on)
}

/// Where a name without a namespace is looked for.
enum Scope {
    /// In this namespace.
    Namespace(String),
    /// In all of them: there must be only one pod of the name.
    All,
}

impl Scope {
    /// The namespace of `-n`, else of the context. Files have no context, so all of theirs are looked into.
    fn of(connect: &ConnectOptions, source: &SourceArgs) -> Result<Self, Failure> {
        if connect.all_namespaces {
            return Ok(Self::All);
        }
        if let Some(namespace) = &connect.namespace {
            return Ok(Self::Namespace(namespace.clone()));
        }
        if !source.files.is_empty() {
            return Ok(Self::All);
        }
        Ok(Self::Namespace(Access::resolve(connect, &Environment::of_process())?.namespace))
    }
}

/// The named pods by their place in the snapshot, each once.
fn named(snapshot: &Snapshot, names: &[String], scope: &Scope) -> Result<Vec<usize>, Failure> {
    let mut found: Vec<usize> = Vec::new();
    for text in names {
        // kubectl takes `pod/web-0` as well.
        let text = ["pod/", "pods/", "po/"].iter().find_map(|kind| text.strip_prefix(kind)).unwrap_or(text);
        let (namespace, name) = match (text.split_once('/'), scope) {
            (Some((namespace, name)), _) => (Some(namespace), name),
            (None, Scope::Namespace(namespace)) => (Some(namespace.as_str()), text),
            (None, Scope::All) => (None, text),
        };
        let is_meant = |pod: &&patchkit::snapshot::objects::pod::Pod| {
            pod.meta.name == name && namespace.is_none_or(|it| *fit::namespace_of(&pod.meta.namespace) == *it)
        };
        let meant: Vec<usize> =
            snapshot.pods.iter().enumerate().filter(|(_, pod)| is_meant(pod)).map(|(number, _)| number).collect();
        match meant.as_slice() {
            [] => {
                let place = namespace.map(|it| format!(" in namespace {it:?}")).unwrap_or_default();
                return Err(Failure::usage(format!("pods {name:?} not found{place}")));
            }
            [one] => found.extend((!found.contains(one)).then_some(*one)),
            several => {
                let paths: Vec<String> = several.iter().map(|one| snapshot.pods[*one].meta.path()).collect();
                return Err(Failure::usage(format!("{name:?} could be any of {}", paths.join(", ")))
                    .with_hint("name it as NAMESPACE/NAME, or give -n"));
            }
        }
    }
    Ok(found)
}
