//! The user's own commands: they add nodes, replace them, and say whether all is well.

use std::{
    io::Read,
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

/// How often a command is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(20);
/// The end of what a command wrote that is told when it fails, in bytes.
const TOLD: usize = 400;

/// A command with what it is told by its environment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserCommand {
    /// As it was given, for a shell.
    pub line: String,
    /// Its environment, beside that of the run.
    pub environment: Vec<(&'static str, String)>,
    /// How long it may take.
    pub limit: Duration,
}

impl UserCommand {
    /// Runs it to its end. What it writes is shown only where it fails: the output of a run is its own.
    ///
    /// # Errors
    /// How it ended, with the last that it wrote.
    pub async fn run(self) -> Result<(), String> {
        let line = self.line.clone();
        match tokio::task::spawn_blocking(move || self.wait()).await {
            Ok(outcome) => outcome,
            Err(error) => Err(format!("{line}: {error}")),
        }
    }

    fn wait(&self) -> Result<(), String> {
        let mut command = shell(&self.line);
        command.envs(self.environment.iter().map(|(name, value)| (*name, value)));
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().map_err(|error| format!("{} cannot be started: {error}", self.line))?;
        let said = [read(child.stdout.take()), read(child.stderr.take())];
        let status = self.end_of(&mut child)?;
        if status.success() {
            return Ok(());
        }
        let [stdout, stderr] = said.map(|reader| reader.join().unwrap_or_default());
        let text = if stderr.trim().is_empty() { stdout } else { stderr };
        let end = text.trim();
        let from = (end.len().saturating_sub(TOLD)..=end.len()).find(|at| end.is_char_boundary(*at)).unwrap_or(0);
        let end = &end[from..];
        let told = if end.is_empty() { String::new() } else { format!(": {end}") };
        Err(format!("{} ended with {status}{told}", self.line))
    }

    fn end_of(&self, child: &mut Child) -> Result<std::process::ExitStatus, String> {
        let began = Instant::now();
        loop {
            match child.try_wait() {
                Ok(Some(status)) => return Ok(status),
                Ok(None) if began.elapsed() >= self.limit => {
                    // What it has started itself may live on; only the shell is known.
                    let _ = child.kill();
                    let _ = child.wait();
                    return Err(format!("{} took longer than {} s", self.line, self.limit.as_secs()));
                }
                Ok(None) => thread::sleep(LOOK_EVERY),
                Err(error) => return Err(format!("{}: {error}", self.line)),
            }
        }
    }
}

#[cfg(unix)]
fn shell(line: &str) -> Command {
    use std::os::unix::process::CommandExt as _;
    let mut command = Command::new("sh");
    command.arg("-c").arg(line);
    // Ctrl-C is for the run, which ends in good order: half a replacement would be none.
    command.process_group(0);
    command
}

#[cfg(not(unix))]
fn shell(line: &str) -> Command {
    let mut command = Command::new("cmd");
    command.arg("/C").arg(line);
    command
}

/// Reads to the end, beside what else is done: a full pipe would hold the command up.
fn read(stream: Option<impl Read + Send + 'static>) -> thread::JoinHandle<String> {
    thread::spawn(move || {
        let mut bytes = Vec::new();
        if let Some(mut stream) = stream {
            let _ = stream.read_to_end(&mut bytes);
        }
        String::from_utf8_lossy(&bytes).into_owned()
    })
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    fn run(line: &str, limit: u64) -> Result<(), String> {
        let environment = vec![("DRAINSAFE_NODE", "n 1".to_owned())];
        UserCommand { line: line.to_owned(), environment, limit: Duration::from_millis(limit) }.wait()
    }

    #[test]
    fn a_command_is_told_by_its_environment_and_tells_by_its_end() {
        assert_eq!(run("test \"$DRAINSAFE_NODE\" = 'n 1'", 10_000), Ok(()));
        let error = run("echo seen; echo no quota >&2; exit 3", 10_000).unwrap_err();
        assert!(error.contains("exit status: 3: no quota"), "{error}");
        assert!(run("sleep 10", 50).unwrap_err().contains("took longer"));
        // More than a pipe holds.
        assert_eq!(run("yes | head -c 300000", 10_000), Ok(()));
    }
}
