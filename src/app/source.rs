//! Where a reading command takes its facts from: a live cluster, or files.

use std::io;

use clap::Args;

use crate::{
    cluster::{
        ClusterError, ConnectOptions, ConnectSettings, Environment, GatherProgress, MetadataWish, Wish, connect,
    },
    report::Source,
    snapshot::{
        ServedResource, Snapshot,
        files::{self, FilesError},
    },
};

/// The flags of every reading command that name its input.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Input")]
pub struct SourceArgs {
    /// Read manifests, or what kubectl get -o json or kubectl cluster-info dump wrote, instead of a cluster; - is
    /// standard input (repeatable)
    #[arg(short = 'f', long = "filename", value_name = "FILE|DIR|-")]
    pub files: Vec<String>,

    /// Look into the folders of directories given with -f
    #[arg(short = 'R', long)]
    pub recursive: bool,
}

/// Why there is nothing to work with.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// The paths given with `-f` are wrong.
    #[error(transparent)]
    Files(#[from] FilesError),
    /// The cluster cannot be reached, or refuses.
    #[error(transparent)]
    Cluster(#[from] ClusterError),
    /// The runtime for the connection could not be started.
    #[error("cannot start the threads for a connection: {0}")]
    Runtime(#[from] io::Error),
    /// Not a single object could be read.
    #[error("nothing could be read from {paths}{}", because(.reasons))]
    Nothing {
        /// The paths as they were given.
        paths: String,
        /// What was wrong with each file.
        reasons: Vec<String>,
    },
}

fn because(reasons: &[String]) -> String {
    if reasons.is_empty() {
        ": no objects of Kubernetes are in it".to_owned()
    } else {
        format!(":\n  {}", reasons.join("\n  "))
    }
}

/// Facts, and where they came from.
#[derive(Debug)]
pub struct Gathered {
    /// The facts.
    pub snapshot: Snapshot,
    /// Where they came from.
    pub source: Source,
}

/// A cluster or files, decided from the command line.
pub struct Reader<'a> {
    /// The input flags.
    pub args: &'a SourceArgs,
    /// The connection flags.
    pub connect: &'a ConnectOptions,
    /// How the client behaves.
    pub settings: &'a ConnectSettings,
    /// Who is told how far it is.
    pub progress: &'a dyn GatherProgress,
}

impl Reader<'_> {
    /// Reads the facts. With `-f` no kubeconfig is read and no connection is made.
    ///
    /// # Errors
    /// Where nothing can be read at all.
    pub fn read(
        &self,
        wish: &Wish,
        more: impl FnOnce(&str, &[ServedResource]) -> Vec<MetadataWish>,
    ) -> Result<Gathered, SourceError> {
        if self.args.files.is_empty() { self.read_cluster(wish, more) } else { self.read_files() }
    }

    fn read_files(&self) -> Result<Gathered, SourceError> {
        let paths = &self.args.files;
        let snapshot =
            files::from_files(paths, self.args.recursive, io::stdin().lock(), |name| self.progress.read(name, 0))?;
        if snapshot.is_empty() {
            let reasons = snapshot.not_evaluated.iter().map(|it| format!("{}: {}", it.what, it.why)).collect();
            return Err(SourceError::Nothing { paths: paths.join(", "), reasons });
        }
        Ok(Gathered { snapshot, source: Source::Files { paths: paths.clone() } })
    }

    fn read_cluster(
        &self,
        wish: &Wish,
        more: impl FnOnce(&str, &[ServedResource]) -> Vec<MetadataWish>,
    ) -> Result<Gathered, SourceError> {
        // One thread parses while another fetches; more of them would only hold more pages at once.
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
        runtime.block_on(async {
            let cluster = connect(self.connect, &Environment::of_process(), self.settings.clone()).await?;
            let snapshot = cluster.gather(wish, more, self.progress).await?;
            let access = cluster.access();
            let source = Source::Cluster { context: access.context.clone(), server: access.server.to_string() };
            Ok(Gathered { snapshot, source })
        })
    }
}
