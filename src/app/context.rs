//! What a running command has at hand.

use std::{
    cell::{OnceCell, RefCell},
    future::Future,
    io::{self, Write},
    sync::Arc,
};

use jiff::Timestamp;
use tokio::runtime::{Builder, Runtime};

use super::{
    Failure, Plugin, Stdout,
    interrupt::{Interrupt, Interrupts},
};
use crate::{
    cluster::{Notice, NoticeSink},
    render::{OutputArgs, OwnFormats, RenderError, printable, render},
    report::{Exit, FailOn, Metadata, Report, Source, Tone},
    term::{Output, Paint, Progress, Prompt, Stream, stdin_is_terminal},
};

/// One thread parses while another fetches; more of them would only hold more pages at once.
const THREADS: usize = 2;

/// The edges of a running command: its streams, progress, questions, and a runtime that is started when it is needed.
#[derive(Debug)]
pub struct App {
    /// Who is running.
    pub plugin: Plugin,
    /// What standard output can show.
    pub stdout: Stream,
    /// What standard error can show.
    pub stderr: Stream,
    /// The progress of long reads.
    pub progress: Progress,
    interrupts: Interrupts,
    runtime: OnceCell<Runtime>,
    one_of_several: Option<OneOfSeveral>,
}

/// Where a command is one of several that run at the same time: its report is kept, to be written with the others.
#[derive(Debug)]
struct OneOfSeveral {
    context: String,
    report: RefCell<Option<Report>>,
}

/// What the edges for one of several clusters are made from, on any thread.
#[derive(Clone, Debug)]
pub(super) struct Seed {
    plugin: Plugin,
    stdout: Stream,
    stderr: Stream,
    progress: Progress,
}

impl Seed {
    /// The edges of a command on the cluster of this context.
    pub(super) fn app(&self, context: &str) -> App {
        App {
            plugin: self.plugin,
            stdout: self.stdout,
            stderr: self.stderr,
            progress: self.progress.clone(),
            interrupts: Interrupts::default(),
            runtime: OnceCell::new(),
            one_of_several: Some(OneOfSeveral { context: context.to_owned(), report: RefCell::default() }),
        }
    }
}

impl App {
    pub(super) fn new(plugin: Plugin) -> Self {
        let stderr = Stream::of(Output::Stderr);
        let stdout = Stream::of(Output::Stdout);
        Self {
            plugin,
            stdout,
            stderr,
            progress: Progress::on(stderr),
            interrupts: Interrupts::default(),
            runtime: OnceCell::new(),
            one_of_several: None,
        }
    }

    /// What is needed to make such edges for each of several clusters.
    pub(super) fn seed(&self) -> Seed {
        Seed { plugin: self.plugin, stdout: self.stdout, stderr: self.stderr, progress: self.progress.clone() }
    }

    /// Whether this is one of several clusters: a command then hands its whole report to [`Self::write`], whatever the
    /// form, and writes nothing by itself.
    #[must_use]
    pub fn is_one_of_several(&self) -> bool {
        self.one_of_several.is_some()
    }

    /// The report that was written, where it was kept.
    pub(super) fn take_report(&self) -> Option<Report> {
        self.one_of_several.as_ref().and_then(|it| it.report.take())
    }

    /// `CONTEXT: `, where this is one of several clusters.
    fn label(&self) -> String {
        self.one_of_several.as_ref().map(|it| format!("{}: ", it.context)).unwrap_or_default()
    }

    /// Runs a future to its end. The first call starts the runtime; from then on Ctrl-C leaves with exit code 130 and a
    /// clean terminal.
    ///
    /// # Errors
    /// Where the system has no threads left for a runtime.
    pub fn block_on<F: Future>(&self, future: F) -> Result<F::Output, Failure> {
        Ok(self.runtime()?.block_on(future))
    }

    /// Takes Ctrl-C over for a command that must stop in good order.
    #[must_use]
    pub fn interrupt(&self) -> Interrupt {
        self.interrupts.take_over()
    }

    /// The runtime, started by the first call.
    pub(super) fn runtime(&self) -> io::Result<&Runtime> {
        if let Some(runtime) = self.runtime.get() {
            return Ok(runtime);
        }
        let runtime = Builder::new_multi_thread().worker_threads(THREADS).enable_all().build()?;
        let guard = runtime.enter();
        self.interrupts.listen(self.plugin, self.progress.clone(), self.stderr.terminal);
        drop(guard);
        Ok(self.runtime.get_or_init(|| runtime))
    }

    /// Standard output. Takes the progress off the terminal first.
    #[must_use]
    pub fn out(&self) -> Stdout {
        self.progress.finish();
        Stdout::new()
    }

    /// Who makes a report, when, and from what.
    #[must_use]
    pub fn metadata(&self, command: &str, now: Timestamp, source: Source) -> Metadata {
        Metadata {
            command: self.plugin.command(command),
            version: self.plugin.version.to_owned(),
            generated_at: now.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
            data_as_of: None,
            source,
        }
    }

    /// Writes a report, and says how the command ends because of it.
    ///
    /// # Errors
    /// Where the output cannot be written.
    pub fn write<F: OwnFormats>(
        &self,
        report: &Report,
        args: &OutputArgs<F>,
        fail_on: FailOn,
    ) -> Result<Exit, Failure> {
        if let Some(several) = &self.one_of_several {
            *several.report.borrow_mut() = Some(report.clone());
            return Ok(report.exit(fail_on));
        }
        let mut out = self.out();
        render(report, &args.output, &args.context(self.stdout), &mut out)?;
        out.flush().map_err(RenderError::Write)?;
        Ok(report.exit(fail_on))
    }

    /// Questions to the person at the terminal.
    #[must_use]
    pub fn prompt(&self) -> Prompt {
        Prompt::new(stdin_is_terminal(), self.stderr, self.progress.clone())
    }

    /// Shows what a cluster's client has to tell on the way, above the progress.
    #[must_use]
    pub fn notices(&self) -> NoticeSink {
        let (progress, paint, label) = (self.progress.clone(), Paint::new(self.stderr.colour), self.label());
        Arc::new(move |notice| progress.say(&told(notice, &label, paint)))
    }

    /// Shows a warning of the command's own, above the progress.
    pub fn warn(&self, text: &str) {
        let paint = Paint::new(self.stderr.colour);
        let text = format!("{}{text}", self.label());
        self.progress.say(&format!("{} {}", paint.label(Tone::Notice, "Warning:"), printable(&text)));
    }
}

impl Drop for App {
    fn drop(&mut self) {
        // The progress of several clusters ends with the last of them.
        if self.one_of_several.is_none() {
            self.progress.finish();
        }
        if let Some(runtime) = self.runtime.take() {
            // What still runs then is wanted by nobody.
            runtime.shutdown_background();
        }
    }
}

fn told(notice: &Notice, label: &str, paint: Paint) -> String {
    match notice {
        Notice::Warning(text) => {
            format!("{} {}", paint.label(Tone::Notice, "Warning:"), printable(&format!("{label}{text}")))
        }
        notice => paint.tone(Tone::Faint, &printable(&format!("{label}{notice}"))),
    }
}
