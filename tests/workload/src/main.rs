//! `workload`: generated clusters for the measurements.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a tool for the command line")]

use std::{error::Error, io::Write as _, path::PathBuf, process::ExitCode, sync::Arc, time::Instant};

use clap::{Args, Parser, Subcommand, ValueEnum};
use patchkit::{
    cluster::{Cluster, ConnectOptions, ConnectSettings, Environment},
    snapshot::kinds,
};
use patchkit_workload::{files, list, network::Network, serve, shape::Shape, text::Form};

#[derive(Parser)]
#[command(name = "workload", about = "Generated clusters of any size, for measurements")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Args)]
struct Size {
    /// How many nodes
    #[arg(long, default_value_t = 50)]
    nodes: u64,
    /// How many pods
    #[arg(long, default_value_t = 1000)]
    pods: u64,
    /// Another seed gives another cluster of the same size
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

#[derive(Clone, Copy, ValueEnum)]
enum Format {
    Json,
    Yaml,
}

#[derive(Subcommand)]
enum Command {
    /// Write what `kubectl get` would write of every kind, one file a kind
    Files {
        /// The folder to write to
        folder: PathBuf,
        #[command(flatten)]
        size: Size,
        #[arg(long, default_value = "json")]
        format: Format,
    },
    /// Write a cluster with many network policies to one file
    Network {
        /// The file to write
        file: PathBuf,
        /// How many pods
        #[arg(long, default_value_t = 1000)]
        pods: u64,
        /// How many policies
        #[arg(long, default_value_t = 100)]
        policies: u64,
        /// How many pods are alike; 1 makes each different
        #[arg(long, default_value_t = 5)]
        replicas: u64,
        /// Another seed gives another cluster of the same size
        #[arg(long, default_value_t = 1)]
        seed: u64,
    },
    /// Answer like an API server on 127.0.0.1 until standard input closes
    Serve {
        #[command(flatten)]
        size: Size,
        /// Where to write the kubeconfig that leads to the server
        #[arg(long, default_value = "kubeconfig")]
        write_kubeconfig: PathBuf,
    },
    /// Read files into a snapshot, and say what it took
    Read {
        /// Files and folders
        #[arg(required = true)]
        paths: Vec<String>,
    },
    /// Read all pages of all kinds from a server and drop them: the least that any client has to do
    List {
        #[command(flatten)]
        connect: Box<ConnectOptions>,
        /// Only these resources, such as pods,deployments.apps
        #[arg(long, value_delimiter = ',')]
        only: Vec<String>,
        /// These paths instead, one a line
        #[arg(long, value_name = "FILE", conflicts_with = "only")]
        paths: Option<PathBuf>,
    },
}

fn main() -> ExitCode {
    match run(Cli::parse().command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(command: Command) -> Result<(), Box<dyn Error>> {
    match command {
        Command::Files { folder, size, format } => {
            let form = match format {
                Format::Json => Form::Json,
                Format::Yaml => Form::Yaml,
            };
            files::write(&Shape::new(size.nodes, size.pods, size.seed), &folder, form)?;
        }
        Command::Network { file, pods, policies, replicas, seed } => {
            let mut out = std::io::BufWriter::new(std::fs::File::create(file)?);
            Network { pods, policies, replicas, seed }.write(&mut out)?;
            out.flush()?;
        }
        Command::Serve { size, write_kubeconfig } => {
            let shape = Arc::new(Shape::new(size.nodes, size.pods, size.seed));
            runtime()?.block_on(async {
                let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
                let address = listener.local_addr()?;
                std::fs::write(&write_kubeconfig, serve::kubeconfig(address))?;
                println!("http://{address}");
                let (closed, end) = tokio::sync::oneshot::channel();
                // A thread, so that a read that never ends does not hold the runtime.
                std::thread::spawn(move || {
                    let _ = std::io::copy(&mut std::io::stdin(), &mut std::io::sink());
                    let _ = closed.send(());
                });
                tokio::select! {
                    served = serve::serve(shape, listener) => served,
                    _ = end => Ok(()),
                }
            })?;
        }
        Command::Read { paths } => {
            let began = Instant::now();
            let snapshot = patchkit::snapshot::files::from_files(&paths, false, std::io::stdin(), |_| {})?;
            let took = began.elapsed();
            println!(
                "{} pods, {} nodes, {} workloads, {} not evaluated in {:.2} s, peak {} MB",
                snapshot.pods.len(),
                snapshot.nodes.len(),
                snapshot.workloads.len(),
                snapshot.not_evaluated.len(),
                took.as_secs_f64(),
                peak_memory().map_or_else(|| "unknown".to_owned(), |kilobytes| (kilobytes / 1024).to_string())
            );
            for problem in snapshot.not_evaluated.iter().take(10) {
                println!("{}: {}", problem.what, problem.why);
            }
        }
        Command::List { connect, only, paths } => {
            let paths = match paths {
                Some(file) => std::fs::read_to_string(file)?.lines().map(str::to_owned).collect(),
                None => paths_of(&only),
            };
            runtime()?.block_on(async {
                let settings = ConnectSettings::new("patchkit-workload");
                let cluster = patchkit::cluster::connect(&connect, &Environment::of_process(), settings).await?;
                read_all(&cluster, &paths).await
            })?;
        }
    }
    Ok(())
}

/// The paths of these resources, or of all.
fn paths_of(only: &[String]) -> Vec<String> {
    let wanted = kinds::ALL.iter().filter(|kind| only.is_empty() || only.contains(&kind.resource()));
    wanted.map(|kind| kind.path()).collect()
}

/// Reads a few paths at a time, as a client that minds the server would.
async fn read_all(cluster: &Cluster, paths: &[String]) -> Result<(), Box<dyn Error>> {
    let reads = paths.iter().map(|path| async move { (path, list::read(cluster, path, 500).await) });
    let mut total = list::Read::default();
    for (path, read) in patchkit::cluster::parallel::all(reads).await {
        match read {
            Ok(read) => {
                total.pages += read.pages;
                total.bytes += read.bytes;
            }
            Err(error) if error.kind() == patchkit::cluster::ErrorKind::NotFound => {}
            Err(error) => return Err(format!("{path}: {error}").into()),
        }
    }
    println!("{} pages, {} bytes", total.pages, total.bytes);
    Ok(())
}

/// The largest resident size of this process so far, in kilobytes, where the system says.
fn peak_memory() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.split_whitespace().next()?.parse().ok()
}

fn runtime() -> std::io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build()
}
