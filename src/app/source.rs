//! Where a reading command takes its facts from: a live cluster, or files.

use std::{
    collections::BTreeMap,
    io,
    sync::{Mutex, PoisonError},
};

use clap::{Args, ValueHint};

use super::App;
use crate::{
    cluster::{
        Cluster, ClusterError, ConnectOptions, ConnectSettings, Environment, GatherProgress, MetadataWish, Wish,
        connect,
    },
    report::Source,
    snapshot::{
        ServedResource, Snapshot,
        files::{self, FilesError},
    },
    term::{Progress, ProgressLine},
};

/// The flags of every reading command that name its input.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Input")]
pub struct SourceArgs {
    /// Read manifests, or what kubectl get -o json or kubectl cluster-info dump wrote, instead of a cluster; - is
    /// standard input (repeatable)
    #[arg(short = 'f', long = "filename", value_name = "FILE|DIR|-", value_hint = ValueHint::AnyPath)]
    pub files: Vec<String>,

    /// Look into the folders of directories given with -f
    #[arg(short = 'R', long)]
    pub recursive: bool,

    /// The files hold the whole cluster: what they hold none of does not exist (kubectl get writes no empty lists)
    #[arg(long, requires = "files")]
    pub complete: bool,
}

/// Why there is nothing to work with.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// The paths given with `-f` are wrong.
    #[error(transparent)]
    Files(#[from] FilesError),
    /// The cluster cannot be reached, or refuses.
    #[error("{0}")]
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

impl App {
    /// Reads the facts that a command wishes for, with progress, warnings and Ctrl-C as everywhere. With `-f` no
    /// kubeconfig is read and no connection is made. `more` gets the server's version and what it serves, and may ask
    /// for the metadata of further resources.
    ///
    /// # Errors
    /// Where nothing can be read at all.
    pub fn read(
        &self,
        args: &SourceArgs,
        connect: &ConnectOptions,
        wish: &Wish,
        more: impl FnOnce(&str, &[ServedResource]) -> Vec<MetadataWish>,
    ) -> Result<Gathered, SourceError> {
        if args.files.is_empty() {
            return self.read_cluster(connect, wish, more);
        }
        let line = self.progress.line("files");
        let snapshot = files::from_files(&args.files, args.recursive, io::stdin().lock(), |_| line.advance(1))?;
        Self::gathered(args, snapshot)
    }

    /// Reads of every object in the files only what it is ([`files::metadata_from_files`]), with `stdin` for `-`.
    ///
    /// # Errors
    /// Where nothing can be read at all.
    pub fn read_metadata_of_files(&self, args: &SourceArgs, stdin: impl io::Read) -> Result<Gathered, SourceError> {
        let line = self.progress.line("files");
        let snapshot = files::metadata_from_files(&args.files, args.recursive, stdin, |_| line.advance(1))?;
        Self::gathered(args, snapshot)
    }

    fn gathered(args: &SourceArgs, mut snapshot: Snapshot) -> Result<Gathered, SourceError> {
        let paths = &args.files;
        if snapshot.is_empty() {
            let reasons = snapshot.not_evaluated.iter().map(|it| format!("{}: {}", it.what, it.why)).collect();
            return Err(SourceError::Nothing { paths: paths.join(", "), reasons });
        }
        if args.complete {
            snapshot.take_as_complete();
        }
        Ok(Gathered { snapshot, source: Source::Files { paths: paths.clone() } })
    }

    fn read_cluster(
        &self,
        connect_options: &ConnectOptions,
        wish: &Wish,
        more: impl FnOnce(&str, &[ServedResource]) -> Vec<MetadataWish>,
    ) -> Result<Gathered, SourceError> {
        let cluster = self.connect(connect_options)?;
        self.gather(&cluster, wish, more)
    }

    /// Reaches a cluster, with warnings and Ctrl-C as everywhere: for a command that does more than to read it once.
    ///
    /// # Errors
    /// Everything that is wrong with the configuration.
    pub fn connect(&self, connect_options: &ConnectOptions) -> Result<Cluster, SourceError> {
        let settings = ConnectSettings::new(self.plugin.user_agent()).telling(self.notices());
        Ok(self.runtime()?.block_on(connect(connect_options, &Environment::of_process(), settings))?)
    }

    /// Reads the facts that a command wishes for from a cluster, with progress. `more` as for [`Self::read`].
    ///
    /// # Errors
    /// Where nothing can be read at all.
    pub fn gather(
        &self,
        cluster: &Cluster,
        wish: &Wish,
        more: impl FnOnce(&str, &[ServedResource]) -> Vec<MetadataWish>,
    ) -> Result<Gathered, SourceError> {
        let snapshot = self.runtime()?.block_on(cluster.gather(wish, more, &GatherLines::new(&self.progress)))?;
        let access = cluster.access();
        let source = Source::Cluster { context: access.context.clone(), server: access.server.to_string() };
        Ok(Gathered { snapshot, source })
    }
}

/// A line for the whole, and one for each list while it is read.
struct GatherLines<'a> {
    progress: &'a Progress,
    whole: ProgressLine,
    lists: Mutex<BTreeMap<String, (usize, ProgressLine)>>,
}

impl<'a> GatherLines<'a> {
    fn new(progress: &'a Progress) -> Self {
        Self { progress, whole: progress.line("the cluster"), lists: Mutex::default() }
    }
}

impl GatherProgress for GatherLines<'_> {
    fn read(&self, resource: &str, count: usize) {
        let mut lists = self.lists.lock().unwrap_or_else(PoisonError::into_inner);
        let (before, line) = lists.entry(resource.to_owned()).or_insert_with(|| (0, self.progress.line(resource)));
        // A list that began again counts from the start, and what it read twice is not counted twice.
        self.whole.advance(count.saturating_sub(*before));
        *before = count.max(*before);
        line.set(count);
    }

    fn done(&self, resource: &str) {
        self.lists.lock().unwrap_or_else(PoisonError::into_inner).remove(resource);
    }
}
