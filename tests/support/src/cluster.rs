//! Real clusters for tests: one that many share, and others for those that break things.

use std::cell::RefCell;
use std::collections::HashMap;
use std::fmt::Write as _;
use std::fs::{self, File};
use std::hash::{BuildHasher, Hasher, RandomState};
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use serde::Deserialize;

use crate::namespace::Namespace;
use crate::run::{Output, Run};
use crate::{programs, scratch};

/// Ends what never would; decides no test.
const LIMIT: Duration = Duration::from_secs(120);
/// Lines of each component's log that a failed test shows: enough to see that it crashed, or what it complained about.
const TAIL: usize = 6;
/// Lines that a cluster shows that does not start.
const TAIL_OF_START: usize = 30;

/// What can be asked of a cluster of one's own.
#[derive(Clone, Debug, Default)]
pub struct ClusterOptions {
    args: Vec<String>,
}

impl ClusterOptions {
    /// A cluster as most tests want it.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Serves the APIs of an older minor, such as `1.34`; three back at most.
    #[must_use]
    pub fn emulated_version(self, minor: &str) -> Self {
        self.flag(&format!("--emulated-version={minor}"))
    }

    /// Leaves the kubelets out: nodes and pods keep the status that the test gives them.
    #[must_use]
    pub fn without_kubelets(self) -> Self {
        self.flag("--kwok=false")
    }

    /// Any other flag of `testcluster run`.
    #[must_use]
    pub fn flag(mut self, flag: &str) -> Self {
        self.args.push(flag.to_owned());
        self
    }
}

/// A component of the control plane, or the kubelets.
#[derive(Clone, Debug, Deserialize)]
pub struct Component {
    /// `etcd`, `apiserver`, `controller-manager`, `scheduler` or `kwok`.
    pub name: String,
    /// Its process.
    #[serde(default)]
    pub pid: u32,
    /// Whether it runs.
    pub running: bool,
    /// Its log.
    pub log: PathBuf,
}

/// What stands in a cluster's `cluster.json`, as far as tests use it.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ClusterState {
    /// Address of the API server.
    pub server: String,
    /// Version of the control plane, such as `v1.37.2`.
    pub version: String,
    /// Kubeconfig with the contexts `admin` (the current one), `admin-cert`, `reader` and `nobody`.
    pub kubeconfig: PathBuf,
    /// The authority of the server's certificate.
    pub ca_file: PathBuf,
    /// Bearer tokens by user.
    pub tokens: HashMap<String, String>,
    /// All processes but the supervisor.
    pub components: Vec<Component>,
    /// The supervisor's process.
    pub supervisor_pid: u32,
}

/// A running cluster. Ends when it is dropped, and when this process ends in whatever way.
pub struct Cluster {
    folder: PathBuf,
    supervisor: Child,
    /// The supervisor ends the cluster when this pipe closes, which the kernel does for a process that is killed.
    life_line: Option<ChildStdin>,
    state: ClusterState,
}

/// The cluster that the tests of a program share. An error is kept too: nobody tries again.
static SHARED: Mutex<Option<Result<Arc<Cluster>, String>>> = Mutex::new(None);

thread_local! {
    /// The clusters that this thread's test has used, and what those that have gone left to read.
    static USED: RefCell<Vec<PathBuf>> = const { RefCell::new(Vec::new()) };
    static LEFT: RefCell<String> = const { RefCell::new(String::new()) };
}

impl Cluster {
    /// The cluster that all tests of this program share, started by the first that asks. What a test makes in it
    /// belongs in a [namespace](Self::namespace) of its own; what concerns the whole cluster needs [its own](Self::own).
    ///
    /// # Panics
    /// Where it does not start.
    #[must_use]
    pub fn shared() -> Arc<Self> {
        let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
        let cluster = shared.get_or_insert_with(|| Self::start(&ClusterOptions::new()).map(Arc::new)).clone();
        drop(shared);
        let cluster = cluster.unwrap_or_else(|error| panic!("the shared cluster did not start: {error}"));
        remember(&cluster.folder);
        cluster
    }

    /// Ends the shared cluster, where there is one.
    pub fn end_shared() {
        drop(SHARED.lock().unwrap_or_else(PoisonError::into_inner).take());
    }

    /// A cluster for one test, which may do anything to it.
    ///
    /// # Panics
    /// Where it does not start.
    #[must_use]
    pub fn own(options: &ClusterOptions) -> Self {
        let cluster = Self::start(options).unwrap_or_else(|error| panic!("the cluster did not start: {error}"));
        remember(&cluster.folder);
        cluster
    }

    /// A cluster for one test that needs room for pods: with one node. The shared one has none of its own, since its
    /// tests bring nodes along and take them away.
    ///
    /// # Panics
    /// Where it does not start.
    #[must_use]
    pub fn own_with_a_node() -> Self {
        let cluster = Self::own(&ClusterOptions::new());
        cluster.apply("{apiVersion: v1, kind: Node, metadata: {name: only}}");
        cluster
    }

    fn start(options: &ClusterOptions) -> Result<Self, String> {
        let programs = programs::cluster_programs()?;
        let folder = scratch::directory("cluster");
        let logs = folder.join("logs");
        fs::create_dir_all(&logs).map_err(|error| format!("{}: {error}", logs.display()))?;
        let log = File::create(logs.join("testcluster.log")).map_err(|error| format!("{}: {error}", logs.display()))?;
        let mut supervisor = Command::new(programs.join("testcluster"))
            .arg("run")
            .arg(&folder)
            .arg("--until-stdin-closes")
            .arg(format!("--parent-pid={}", std::process::id()))
            .args(&options.args)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .map_err(|error| format!("testcluster: {error}"))?;
        let life_line = supervisor.stdin.take();
        let stdout = supervisor.stdout.take().ok_or("testcluster has no stdout")?;
        // It says "ready" when everything can be used, and nothing where it gives up.
        let ready = BufReader::new(stdout).lines().map_while(Result::ok).find(|line| line.starts_with("ready "));
        if ready.is_none() {
            let _ = supervisor.wait();
            let said = logs_of(&folder, TAIL_OF_START);
            let _ = fs::remove_dir_all(&folder);
            return Err(said);
        }
        let state = read_state(&folder)?;
        Ok(Self { folder, supervisor, life_line, state })
    }

    /// Where it is and what runs there, as it was when it had started.
    #[must_use]
    pub fn state(&self) -> &ClusterState {
        &self.state
    }

    /// What runs there now.
    ///
    /// # Panics
    /// Where the cluster is gone.
    #[must_use]
    pub fn state_now(&self) -> ClusterState {
        read_state(&self.folder).unwrap_or_else(|error| panic!("{error}"))
    }

    /// The administrator's kubeconfig.
    #[must_use]
    pub fn kubeconfig(&self) -> &Path {
        &self.state.kubeconfig
    }

    /// A kubeconfig whose current context is another than the administrator's.
    ///
    /// # Panics
    /// Where there is no such context.
    #[must_use]
    pub fn kubeconfig_of(&self, context: &str) -> PathBuf {
        let text = fs::read_to_string(self.kubeconfig()).expect("a cluster's kubeconfig");
        assert!(text.contains(&format!("name: {context}\n")), "the kubeconfig has no context {context}:\n{text}");
        let path = self.folder.join(format!("kubeconfig-{context}"));
        let changed = text.replace("current-context: admin\n", &format!("current-context: {context}\n"));
        fs::write(&path, changed).expect("a kubeconfig beside the other");
        path
    }

    /// A program that finds this cluster as any program does: by `KUBECONFIG`. With kubectl on its `PATH`.
    #[must_use]
    pub fn run(&self, program: &str) -> Run {
        Run::new(program).with_kubectl().env("KUBECONFIG", self.kubeconfig())
    }

    /// kubectl, as administrator. `kubectl(&["secpatch", "plan"])` runs a plugin through it.
    #[must_use]
    pub fn kubectl(&self, args: &[&str]) -> Run {
        self.run("kubectl").args(args)
    }

    /// A plugin run directly, as administrator.
    #[must_use]
    pub fn plugin(&self, name: &str) -> Run {
        crate::run::plugin(name).with_kubectl().env("KUBECONFIG", self.kubeconfig())
    }

    /// Makes the objects of a manifest as `kubectl apply` does, and so with its annotation.
    ///
    /// # Panics
    /// Where the server refuses one.
    #[track_caller]
    pub fn apply(&self, manifest: &str) {
        let _ = self.kubectl(&["apply", "-f", "-"]).input(manifest).output().exits(0);
    }

    /// Brings the objects of files to life, with their statuses. Gives what `testcluster load` says. Controllers and
    /// kubelets stand still meanwhile: not for the shared cluster.
    ///
    /// # Panics
    /// Where one cannot be loaded.
    #[track_caller]
    pub fn load(&self, files: &[&Path]) -> String {
        self.command("load").args(files).output().exits(0).stdout
    }

    /// Makes nodes and Deployments by the hundred: the flags of `testcluster fill`.
    ///
    /// # Panics
    /// Where they do not become ready.
    #[track_caller]
    pub fn fill(&self, flags: &[&str]) {
        let _ = self.command("fill").args(flags).output().exits(0);
    }

    /// Ends a component as `kill -9` does.
    ///
    /// # Panics
    /// Where it does not run.
    #[track_caller]
    pub fn kill(&self, component: &str) {
        let _ = self.command("kill").arg(component).output().exits(0);
    }

    /// Starts a component that was killed.
    ///
    /// # Panics
    /// Where it does not come back.
    #[track_caller]
    pub fn revive(&self, component: &str) {
        let _ = self.command("start").arg(component).output().exits(0);
    }

    fn command(&self, name: &str) -> Run {
        let programs = programs::cluster_programs().unwrap_or_else(|error| panic!("{error}"));
        Run::new(programs.join("testcluster")).arg(name).arg(&self.folder)
    }

    /// Makes a namespace for one test, deleted when it is dropped. Its name begins so and ends at random.
    ///
    /// # Panics
    /// Where it cannot be made.
    #[track_caller]
    #[must_use]
    pub fn namespace(&self, name: &str) -> Namespace<'_> {
        Namespace::make(self, &format!("{name}-{}", random_suffix()))
    }

    /// Asks again and again, until there is an answer.
    ///
    /// # Panics
    /// Where none comes. The time is long: it ends what never would, and decides nothing else.
    #[track_caller]
    pub fn wait_for<T>(&self, what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
        let began = Instant::now();
        loop {
            if let Some(answer) = ask() {
                return answer;
            }
            assert!(began.elapsed() < LIMIT, "waited {LIMIT:?} in vain for {what}");
            thread::sleep(Duration::from_millis(100));
        }
    }

    /// Waits until an object is as `kubectl wait --for` says, such as `condition=Ready`.
    ///
    /// # Panics
    /// Where that does not happen.
    #[track_caller]
    pub fn wait(&self, object: &[&str], until: &str) -> Output {
        let limit = format!("--timeout={}s", LIMIT.as_secs());
        self.kubectl(&["wait", &limit, &format!("--for={until}")]).args(object).output().exits(0)
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        if thread::panicking() {
            let text = logs_of(&self.folder, TAIL);
            LEFT.with_borrow_mut(|left| left.push_str(&text));
        }
        drop(self.life_line.take());
        let began = Instant::now();
        while matches!(self.supervisor.try_wait(), Ok(None)) {
            if began.elapsed() > LIMIT {
                // The kernel then kills the rest, which the supervisor has asked it for.
                let _ = self.supervisor.kill();
                let _ = self.supervisor.wait();
            }
            thread::sleep(Duration::from_millis(5));
        }
        let _ = fs::remove_dir_all(&self.folder);
    }
}

fn read_state(folder: &Path) -> Result<ClusterState, String> {
    let path = folder.join("cluster.json");
    let text = fs::read(&path).map_err(|error| format!("{}: {error}", path.display()))?;
    serde_json::from_slice(&text).map_err(|error| format!("{}: {error}", path.display()))
}

fn random_suffix() -> String {
    let mut number = RandomState::new().build_hasher().finish();
    let letters = b"bcdfghjklmnpqrstvwxz2456789";
    let count = letters.len() as u64;
    std::iter::repeat_with(|| {
        let letter = letters[usize::try_from(number % count).unwrap_or_default()];
        number /= count;
        char::from(letter)
    })
    .take(6)
    .collect()
}

fn remember(folder: &Path) {
    USED.with_borrow_mut(|used| {
        if !used.iter().any(|known| known == folder) {
            used.push(folder.to_owned());
        }
    });
}

/// Forgets which clusters this thread has used: another test begins.
pub(crate) fn forget_used() {
    USED.take();
    LEFT.take();
}

/// The ends of all logs of the clusters that this thread's test has used.
pub(crate) fn logs_of_used() -> String {
    let folders = USED.take();
    let running = folders.iter().filter(|folder| folder.exists());
    running.fold(LEFT.take(), |text, folder| text + &logs_of(folder, TAIL))
}

/// The ends of a cluster's logs, its supervisor's first.
fn logs_of(folder: &Path, tail: usize) -> String {
    let mut logs: Vec<PathBuf> =
        fs::read_dir(folder.join("logs")).into_iter().flatten().flatten().map(|entry| entry.path()).collect();
    logs.sort_by_key(|path| (!path.ends_with("testcluster.log"), path.clone()));
    let mut text = String::new();
    for path in logs {
        let log = String::from_utf8_lossy(&fs::read(&path).unwrap_or_default()).into_owned();
        let lines: Vec<_> = log.lines().collect();
        if lines.is_empty() {
            continue;
        }
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let _ = writeln!(text, "--- {name}, its last lines of {}", lines.len());
        for line in &lines[lines.len().saturating_sub(tail)..] {
            let _ = writeln!(text, "{line}");
        }
    }
    text
}
