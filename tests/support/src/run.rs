//! Running a program as its user would, in an environment in which nothing of this machine's user is left.

use std::ffi::{OsStr, OsString};
use std::io::{Read, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::{programs, schema, scratch};

/// How long a program may take before it counts as hung. Decides no test: it only ends those that never would.
const LIMIT: Duration = Duration::from_secs(180);

/// A program with its arguments and its environment.
#[derive(Clone, Debug)]
pub struct Run {
    pub(crate) program: OsString,
    pub(crate) args: Vec<OsString>,
    pub(crate) env: Vec<(OsString, OsString)>,
    pub(crate) folder: PathBuf,
    input: Vec<u8>,
}

/// A plugin, such as `plugin("secpatch")`, run directly.
///
/// # Panics
/// Where it cannot be built, and where there is none of that name.
#[must_use]
pub fn plugin(name: &str) -> Run {
    Run::new(programs::program(&format!("kubectl-{name}")))
}

impl Run {
    /// A program, in an environment with an empty home, the plugins on the `PATH`, UTC and no colour wishes.
    pub fn new(program: impl AsRef<OsStr>) -> Self {
        let home = scratch::directory("home");
        let mut env: Vec<(OsString, OsString)> = vec![
            ("PATH".into(), programs::path(false).clone()),
            ("HOME".into(), home.clone().into()),
            ("LANG".into(), "C.UTF-8".into()),
            ("TZ".into(), "UTC".into()),
        ];
        // Where a run with measured coverage writes to.
        env.extend(std::env::vars_os().filter(|(name, _)| name == "LLVM_PROFILE_FILE"));
        Self { program: program.as_ref().to_owned(), args: Vec::new(), env, folder: home, input: Vec::new() }
    }

    /// Puts the kubectl of the test cluster on the `PATH`.
    #[must_use]
    pub fn with_kubectl(self) -> Self {
        self.env("PATH", programs::path(true))
    }

    /// Puts a folder before all others of the `PATH`.
    ///
    /// # Panics
    /// Where the folder has a colon in its name.
    #[must_use]
    pub fn path_first(self, folder: &Path) -> Self {
        let path = self.env.iter().find(|(name, _)| name == "PATH").map(|(_, path)| path.clone()).unwrap_or_default();
        let path = programs::prepend(folder.to_owned(), &path);
        self.env("PATH", path)
    }

    /// One more argument.
    #[must_use]
    pub fn arg(mut self, arg: impl AsRef<OsStr>) -> Self {
        self.args.push(arg.as_ref().to_owned());
        self
    }

    /// More arguments.
    #[must_use]
    pub fn args<A: AsRef<OsStr>>(mut self, args: impl IntoIterator<Item = A>) -> Self {
        self.args.extend(args.into_iter().map(|arg| arg.as_ref().to_owned()));
        self
    }

    /// Sets a variable of the environment.
    #[must_use]
    pub fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.env.retain(|(known, _)| known != name);
        self.env.push((name.into(), value.as_ref().to_owned()));
        self
    }

    /// Runs in this folder, instead of in the home.
    #[must_use]
    pub fn folder(mut self, folder: &Path) -> Self {
        folder.clone_into(&mut self.folder);
        self
    }

    /// What it reads from its standard input, which is empty otherwise.
    #[must_use]
    pub fn input(mut self, input: impl Into<Vec<u8>>) -> Self {
        self.input = input.into();
        self
    }

    /// As one would type it.
    #[must_use]
    pub fn line(&self) -> String {
        let name = Path::new(&self.program).file_name().unwrap_or(&self.program);
        let words = std::iter::once(name).chain(self.args.iter().map(OsString::as_os_str));
        words.map(|word| word.to_string_lossy().into_owned()).collect::<Vec<_>>().join(" ")
    }

    /// Runs it to its end.
    #[track_caller]
    #[must_use]
    pub fn output(self) -> Output {
        self.start().wait()
    }

    /// Runs it with a reader that goes away after the first line, as `head -1` does.
    #[track_caller]
    #[must_use]
    pub fn first_line(self) -> Output {
        self.start_with(|mut stdout| {
            let mut line = Vec::new();
            let mut byte = [0];
            while line.last() != Some(&b'\n') && stdout.read(&mut byte).is_ok_and(|read| read == 1) {
                line.push(byte[0]);
            }
            line
        })
        .wait()
    }

    /// Runs it with nobody to read what it writes to stdout.
    #[track_caller]
    #[must_use]
    pub fn without_reader(self) -> Output {
        self.start_with(|stdout| {
            drop(stdout);
            Vec::new()
        })
        .wait()
    }

    /// Starts it.
    #[track_caller]
    #[must_use]
    pub fn start(self) -> Running {
        self.start_with(|mut stdout| {
            let mut all = Vec::new();
            let _ = stdout.read_to_end(&mut all);
            all
        })
    }

    #[track_caller]
    fn start_with(self, read: impl FnOnce(std::process::ChildStdout) -> Vec<u8> + Send + 'static) -> Running {
        let mut command = Command::new(&self.program);
        command.args(&self.args).env_clear().envs(self.env.iter().cloned()).current_dir(&self.folder);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap_or_else(|error| panic!("cannot start {}: {error}", self.line()));
        let (Some(mut stdin), Some(stdout), Some(mut stderr)) =
            (child.stdin.take(), child.stdout.take(), child.stderr.take())
        else {
            unreachable!("all three were asked for")
        };
        let line = self.line();
        let input = self.input;
        // A program that does not read its input closes the pipe, which is its right.
        thread::spawn(move || stdin.write_all(&input));
        let so_far = Arc::new(Mutex::new(Vec::new()));
        let said = so_far.clone();
        let stderr = thread::spawn(move || {
            let mut piece = [0; 4096];
            while let Ok(read @ 1..) = stderr.read(&mut piece) {
                said.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(&piece[..read]);
            }
        });
        Running { line, child, stdout: Some(thread::spawn(move || read(stdout))), stderr: Some(stderr), so_far }
    }
}

/// A program that runs. Killed where it is dropped.
pub struct Running {
    line: String,
    child: Child,
    stdout: Option<JoinHandle<Vec<u8>>>,
    stderr: Option<JoinHandle<()>>,
    so_far: Arc<Mutex<Vec<u8>>>,
}

impl Running {
    /// What it has written to stderr until now.
    #[must_use]
    pub fn stderr(&self) -> String {
        String::from_utf8_lossy(&self.so_far.lock().unwrap_or_else(PoisonError::into_inner)).into_owned()
    }

    /// Its process id.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Sends it SIGINT, as Ctrl-C does.
    pub fn interrupt(&self) {
        self.signal(Signal::INT);
    }

    /// Sends it SIGTERM, as a pipeline does that is cancelled.
    pub fn terminate(&self) {
        self.signal(Signal::TERM);
    }

    fn signal(&self, signal: Signal) {
        let id = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw).expect("the id of a process");
        kill_process(id, signal).expect("a signal to a child that nobody has waited for");
    }

    /// Kills it, as `kill -9` does.
    pub fn kill(&mut self) {
        let _ = self.child.kill();
    }

    /// Waits for its end.
    #[track_caller]
    #[must_use]
    pub fn wait(mut self) -> Output {
        let began = Instant::now();
        let status = loop {
            match self.child.try_wait() {
                Ok(Some(status)) => break status,
                Ok(None) if began.elapsed() < LIMIT => thread::sleep(Duration::from_millis(5)),
                Ok(None) => {
                    let stderr = self.stderr();
                    panic!("{} still runs after {LIMIT:?}; on stderr until now:\n{stderr}", self.line)
                }
                Err(error) => panic!("cannot wait for {}: {error}", self.line),
            }
        };
        let stdout = self.stdout.take().and_then(|thread| thread.join().ok()).unwrap_or_default();
        let _ = self.stderr.take().map(JoinHandle::join);
        Output {
            line: self.line.clone(),
            status,
            stdout: String::from_utf8_lossy(&stdout).into_owned(),
            stderr: self.stderr(),
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// How a program ended and what it printed.
#[derive(Debug)]
pub struct Output {
    line: String,
    status: ExitStatus,
    /// What it wrote to stdout.
    pub stdout: String,
    /// What it wrote to stderr.
    pub stderr: String,
}

impl Output {
    /// The exit code; none where a signal ended it.
    #[must_use]
    pub fn code(&self) -> Option<i32> {
        self.status.code()
    }

    /// Holds it to an exit code.
    ///
    /// # Panics
    /// Where it ended otherwise, with all that it printed.
    #[track_caller]
    #[must_use]
    pub fn exits(self, code: i32) -> Self {
        assert!(
            self.status.code() == Some(code),
            "{}\nended with {} instead of exit code {code}\n--- stdout\n{}--- stderr\n{}---",
            self.line,
            self.status,
            self.stdout,
            self.stderr
        );
        self
    }

    /// Its stdout as JSON.
    ///
    /// # Panics
    /// Where it is none.
    #[track_caller]
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| {
            panic!("{}\nprinted no JSON: {error}\n--- stdout\n{}--- stderr\n{}---", self.line, self.stdout, self.stderr)
        })
    }

    /// Its stdout as the events of a run, one JSON object a line, each as its schema says; the last is the result.
    ///
    /// # Panics
    /// With the first line that is not, and where the result is missing.
    #[track_caller]
    #[must_use]
    pub fn events(&self) -> Vec<Value> {
        let events: Vec<Value> = self
            .stdout
            .lines()
            .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{}: {line}: {error}", self.line)))
            .collect();
        for event in &events {
            schema::assert_event(event);
        }
        let last = events.last().map(|event| event["event"].clone());
        assert_eq!(last, Some("result".into()), "{}\n--- stderr\n{}---", self.line, self.stderr);
        events
    }

    /// Its stdout as a report that is what its schema says.
    ///
    /// # Panics
    /// With each place where it is not.
    #[track_caller]
    #[must_use]
    pub fn report(&self) -> Value {
        let report = self.json();
        schema::assert_valid(&report);
        report
    }
}
