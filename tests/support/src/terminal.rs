//! Running a program in a terminal, and looking at what a person would see there.

use std::io::{Read as _, Write};
use std::num::NonZeroU16;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};

use crate::run::Run;

/// So high that nothing scrolls away.
const ROWS: u16 = 2000;
/// Ends what never would; decides no test.
const LIMIT: Duration = Duration::from_secs(180);

/// A program in a terminal. Killed where it is dropped.
pub struct Terminal {
    line: String,
    columns: u16,
    child: Box<dyn Child + Send + Sync>,
    keyboard: Option<Box<dyn Write + Send>>,
    master: Option<Box<dyn MasterPty + Send>>,
    shown: Arc<Mutex<Vec<u8>>>,
    reader: Option<JoinHandle<()>>,
}

/// What a terminal showed in the end.
#[derive(Debug)]
pub struct Shown {
    /// The exit code; none where a signal ended it.
    pub code: Option<u32>,
    /// The lines as they stood there, without blanks at their ends.
    pub lines: Vec<String>,
    /// Everything that was sent to the terminal, with its escape sequences.
    pub raw: String,
}

impl Run {
    /// Starts the program in a terminal of that many columns, which is all of stdin, stdout and stderr.
    ///
    /// # Panics
    /// Where there is no terminal to be had.
    #[track_caller]
    #[must_use]
    pub fn in_terminal(self, columns: u16) -> Terminal {
        let size = PtySize { rows: ROWS, cols: columns, pixel_width: 0, pixel_height: 0 };
        let pair = native_pty_system().openpty(size).unwrap_or_else(|error| panic!("no terminal: {error}"));
        let mut command = CommandBuilder::new(&self.program);
        command.args(&self.args);
        command.env_clear();
        for (name, value) in &self.env {
            command.env(name, value);
        }
        if !self.env.iter().any(|(name, _)| name == "TERM") {
            command.env("TERM", "xterm-256color");
        }
        command.cwd(&self.folder);
        let line = self.line();
        let child = pair.slave.spawn_command(command).unwrap_or_else(|error| panic!("cannot start {line}: {error}"));
        // Otherwise the terminal stays open when the program has ended.
        drop(pair.slave);
        let mut output = pair.master.try_clone_reader().expect("a terminal's output");
        let keyboard = pair.master.take_writer().expect("a terminal's keyboard");
        let shown = Arc::new(Mutex::new(Vec::new()));
        let sink = shown.clone();
        let reader = thread::spawn(move || {
            let mut piece = [0; 4096];
            // The end of a terminal is an error (EIO) on Linux.
            while let Ok(read @ 1..) = output.read(&mut piece) {
                sink.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(&piece[..read]);
            }
        });
        Terminal {
            line,
            columns,
            child,
            keyboard: Some(keyboard),
            master: Some(pair.master),
            shown,
            reader: Some(reader),
        }
    }
}

impl Terminal {
    /// What has been shown until now, escape sequences and all.
    #[must_use]
    pub fn raw(&self) -> String {
        String::from_utf8_lossy(&self.shown.lock().unwrap_or_else(PoisonError::into_inner)).into_owned()
    }

    /// The lines as they stand there now.
    #[must_use]
    pub fn lines(&self) -> Vec<String> {
        lines(&self.shown.lock().unwrap_or_else(PoisonError::into_inner), self.columns)
    }

    /// Types on the keyboard.
    ///
    /// # Panics
    /// Where the program is gone.
    #[track_caller]
    pub fn types(&mut self, text: &str) {
        let keyboard = self.keyboard.as_mut().expect("a keyboard until the end");
        keyboard.write_all(text.as_bytes()).unwrap_or_else(|error| panic!("{} reads no keys: {error}", self.line));
        let _ = keyboard.flush();
    }

    /// Presses Ctrl-C.
    #[track_caller]
    pub fn ctrl_c(&mut self) {
        self.types("\u{3}");
    }

    /// Waits until a line shows this text.
    ///
    /// # Panics
    /// Where the program ends without it.
    #[track_caller]
    pub fn until(&mut self, text: &str) {
        self.until_so(&format!("{text:?}"), |lines| lines.iter().any(|line| line.contains(text)));
    }

    /// Waits until the lines are as `is_so` says; `what` names that.
    ///
    /// # Panics
    /// Where the program ends before.
    #[track_caller]
    pub fn until_so(&mut self, what: &str, is_so: impl Fn(&[String]) -> bool) {
        let began = Instant::now();
        loop {
            // Asked before looking: what is shown then is all there will be. The terminal closes with its last program.
            let ended = began.elapsed() > LIMIT || self.reader.as_ref().is_none_or(JoinHandle::is_finished);
            let lines = self.lines();
            if is_so(&lines) {
                return;
            }
            assert!(!ended, "{} never showed {what}, but:\n{}", self.line, lines.join("\n"));
            thread::sleep(Duration::from_millis(20));
        }
    }

    /// Waits for the program's end.
    ///
    /// # Panics
    /// Where there is none.
    #[track_caller]
    #[must_use]
    pub fn end(mut self) -> Shown {
        let began = Instant::now();
        let status = loop {
            match self.child.try_wait() {
                Ok(Some(status)) => break status,
                Ok(None) if began.elapsed() < LIMIT => thread::sleep(Duration::from_millis(5)),
                Ok(None) => panic!("{} still runs after {LIMIT:?}:\n{}", self.line, self.lines().join("\n")),
                Err(error) => panic!("cannot wait for {}: {error}", self.line),
            }
        };
        drop(self.keyboard.take());
        drop(self.master.take());
        let _ = self.reader.take().map(JoinHandle::join);
        Shown { code: status.signal().is_none().then(|| status.exit_code()), lines: self.lines(), raw: self.raw() }
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What stands on a screen to which these bytes were sent.
fn lines(bytes: &[u8], columns: u16) -> Vec<String> {
    let (rows, columns) = (NonZeroU16::new(ROWS), NonZeroU16::new(columns));
    let (Some(rows), Some(columns)) = (rows, columns) else { return Vec::new() };
    let mut screen = vt100::Parser::new(rows, columns, 0);
    screen.process(bytes);
    let mut lines: Vec<String> =
        screen.screen().rows(0, columns.get()).map(|line| line.trim_end().to_owned()).collect();
    while lines.last().is_some_and(String::is_empty) {
        lines.pop();
    }
    lines
}
