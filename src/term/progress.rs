//! Progress of long reads, on standard error.

use std::{
    fmt,
    io::Write,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
        mpsc::{self, RecvTimeoutError, Sender},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle, WeakProgressBar};

use super::Stream;
use crate::render::printable;

/// What takes less time than this shows no progress at all: lines that come and go at once only disturb.
const DELAY: Duration = Duration::from_millis(300);
/// The size that is assumed of a terminal that does not tell its own.
const DEFAULT_SIZE: (usize, usize) = (80, 24);
/// Time between two pictures of the spinner.
const TICK: Duration = Duration::from_millis(120);

/// The lines of what is under way, on a terminal; nothing anywhere else.
///
/// Cheap to clone; all clones are the same display. It draws nothing in the first moments, and [`Progress::finish`]
/// (which every report and every question does first) leaves the terminal as if it had never been there.
#[derive(Clone, Default)]
pub struct Progress {
    display: Option<Arc<Display>>,
}

struct Display {
    lines: MultiProgress,
    bars: Mutex<Vec<WeakProgressBar>>,
    shown: AtomicBool,
    ticker: Mutex<Option<(Sender<()>, JoinHandle<()>)>>,
}

impl fmt::Debug for Progress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Progress").field("shown", &self.is_shown()).finish()
    }
}

impl Progress {
    /// Progress on this stream if it is a terminal that can move its cursor, none otherwise.
    #[must_use]
    pub fn on(stderr: Stream) -> Self {
        let capable = std::env::var_os("TERM").map_or(cfg!(windows), |term| term != "dumb");
        if !stderr.terminal || !capable {
            return Self::hidden();
        }
        let display = Arc::new(Display::new());
        let (stop, stopped) = mpsc::channel::<()>();
        // Held weakly, so that a display that nobody has any more ends its thread.
        let weak = Arc::downgrade(&display);
        let ticker = thread::Builder::new().name("progress".to_owned()).spawn(move || {
            let mut wait = DELAY;
            while stopped.recv_timeout(wait) == Err(RecvTimeoutError::Timeout) {
                let Some(display) = weak.upgrade() else { return };
                display.show(ProgressDrawTarget::stderr);
                wait = TICK;
            }
        });
        match ticker {
            Ok(ticker) => {
                *display.ticker.lock().unwrap_or_else(PoisonError::into_inner) = Some((stop, ticker));
                Self { display: Some(display) }
            }
            // No thread to be had: then the work goes on without a picture of it.
            Err(_) => Self::hidden(),
        }
    }

    /// No progress.
    #[must_use]
    pub fn hidden() -> Self {
        Self::default()
    }

    /// A new line for one thing that is being read; it leaves when it is dropped.
    #[must_use]
    pub fn line(&self, what: &str) -> ProgressLine {
        let bar = self.display.as_ref().map(|display| {
            let bar = display.lines.add(ProgressBar::no_length().with_style(style(false)));
            bar.set_prefix(printable(what).into_owned());
            display.bars.lock().unwrap_or_else(PoisonError::into_inner).push(bar.downgrade());
            bar
        });
        ProgressLine { bar }
    }

    /// A new line below the others, for something that is being done; it leaves when it is dropped.
    #[must_use]
    pub fn task(&self) -> TaskLine {
        let bar = self.display.as_ref().map(|display| {
            let bar = display.lines.add(ProgressBar::new(0).with_style(text_style()));
            display.bars.lock().unwrap_or_else(PoisonError::into_inner).push(bar.downgrade());
            bar
        });
        TaskLine { bar, counts: false }
    }

    /// The columns and rows of the terminal that the lines are drawn on.
    #[must_use]
    pub fn size(&self) -> (usize, usize) {
        let size = terminal_size::terminal_size_of(std::io::stderr());
        size.map_or(DEFAULT_SIZE, |(width, height)| (usize::from(width.0), usize::from(height.0)))
    }

    /// Whether a person sees the lines.
    #[must_use]
    pub fn is_drawn(&self) -> bool {
        self.display.is_some()
    }

    /// Runs something that writes to standard error itself, with the lines out of its way.
    pub fn suspend<T>(&self, work: impl FnOnce() -> T) -> T {
        match &self.display {
            Some(display) if display.shown.load(Ordering::Acquire) => display.lines.suspend(work),
            _ => work(),
        }
    }

    /// Writes a line to standard error, above the progress where there is any.
    pub fn say(&self, line: &str) {
        // Standard error that is closed cannot be told so.
        self.suspend(|| writeln!(std::io::stderr().lock(), "{line}").unwrap_or_default());
    }

    /// Takes all lines off the terminal, for good.
    pub fn finish(&self) {
        if let Some(display) = &self.display {
            display.finish();
        }
    }

    fn is_shown(&self) -> bool {
        self.display.as_ref().is_some_and(|display| display.shown.load(Ordering::Acquire))
    }
}

impl Display {
    fn new() -> Self {
        Self {
            lines: MultiProgress::with_draw_target(ProgressDrawTarget::hidden()),
            bars: Mutex::default(),
            shown: AtomicBool::new(false),
            ticker: Mutex::new(None),
        }
    }

    /// Draws, the first time onto a target that is made for it.
    fn show(&self, target: impl FnOnce() -> ProgressDrawTarget) {
        if !self.shown.swap(true, Ordering::AcqRel) {
            self.lines.set_draw_target(target());
        }
        self.bars.lock().unwrap_or_else(PoisonError::into_inner).retain(|bar| {
            let bar = bar.upgrade();
            if let Some(bar) = &bar {
                bar.tick();
            }
            bar.is_some()
        });
    }

    fn finish(&self) {
        let ticker = self.ticker.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some((stop, ticker)) = ticker {
            drop(stop);
            // Only joined, so that it cannot draw once more after the lines are gone.
            let _ = ticker.join();
        }
        if self.shown.load(Ordering::Acquire) {
            // A terminal that is gone needs no cleaning.
            let _ = self.lines.clear();
        }
        self.lines.set_draw_target(ProgressDrawTarget::hidden());
    }
}

/// The line of one thing that is being read. Leaves the terminal when it is dropped.
#[derive(Debug)]
pub struct ProgressLine {
    bar: Option<ProgressBar>,
}

impl ProgressLine {
    /// So many more were read.
    pub fn advance(&self, count: usize) {
        if let Some(bar) = &self.bar {
            bar.inc(count as u64);
        }
    }

    /// So many there are in all, as far as is known now.
    pub fn expect(&self, total: usize) {
        if let Some(bar) = &self.bar {
            if bar.length().is_none() {
                bar.set_style(style(true));
            }
            bar.set_length(total as u64);
        }
    }

    /// So many were read until now.
    pub fn set(&self, count: usize) {
        if let Some(bar) = &self.bar {
            bar.set_position(count as u64);
        }
    }
}

impl Drop for ProgressLine {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

/// The line of one thing that is being done. Leaves the terminal when it is dropped.
#[derive(Debug)]
pub struct TaskLine {
    bar: Option<ProgressBar>,
    /// It shows how far something is.
    counts: bool,
}

impl TaskLine {
    /// How far something is, and what it does or waits for just now, such as `node-1 ███▌  3 of 8  waits for …`; cut where
    /// the terminal ends.
    pub fn count(&mut self, what: &str, done: usize, total: usize, text: &str) {
        let Some(bar) = &self.bar else { return };
        if !self.counts {
            self.counts = true;
            bar.set_style(task_style());
        }
        bar.set_prefix(printable(what).into_owned());
        bar.set_length(total as u64);
        bar.set_position(done as u64);
        bar.set_message(printable(text).into_owned());
    }

    /// A text alone, cut where the terminal ends.
    pub fn say(&mut self, text: &str) {
        let Some(bar) = &self.bar else { return };
        if self.counts {
            self.counts = false;
            bar.set_style(text_style());
        }
        bar.set_message(printable(text).into_owned());
    }
}

impl Drop for TaskLine {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

/// `⠹ node-1 ████████▌         5 of 11   waits for …`.
fn task_style() -> ProgressStyle {
    ProgressStyle::with_template("{spinner} {prefix} {bar:16} {pos:>3} of {len:3} {wide_msg}")
        .unwrap_or_else(|_| ProgressStyle::default_bar())
        .progress_chars("█▌ ")
}

fn text_style() -> ProgressStyle {
    ProgressStyle::with_template("  {wide_msg}").unwrap_or_else(|_| ProgressStyle::default_spinner())
}

/// `⠹ reading pods  1,500 of 5,000`.
fn style(total: bool) -> ProgressStyle {
    let template = if total {
        "{spinner} reading {prefix}  {human_pos} of {human_len}"
    } else {
        "{spinner} reading {prefix}  {human_pos}"
    };
    // The templates are constant and known to be right (see the test); the default would be a bar of its own.
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_spinner())
}

#[cfg(test)]
mod tests {
    use std::io;

    use indicatif::TermLike;

    use super::*;

    /// A terminal that keeps what is written, without the movements of the cursor.
    #[derive(Clone, Debug, Default)]
    struct Screen(Arc<Mutex<Vec<String>>>);

    impl Screen {
        fn written(&self) -> String {
            self.0.lock().expect("no panic while it is held").concat()
        }

        fn write(&self, text: &str) -> io::Result<()> {
            self.0.lock().expect("no panic while it is held").push(text.to_owned());
            Ok(())
        }
    }

    impl TermLike for Screen {
        fn width(&self) -> u16 {
            60
        }
        fn move_cursor_up(&self, _: usize) -> io::Result<()> {
            Ok(())
        }
        fn move_cursor_down(&self, _: usize) -> io::Result<()> {
            Ok(())
        }
        fn move_cursor_right(&self, _: usize) -> io::Result<()> {
            Ok(())
        }
        fn move_cursor_left(&self, _: usize) -> io::Result<()> {
            Ok(())
        }
        fn write_line(&self, text: &str) -> io::Result<()> {
            self.write(&format!("{text}\n"))
        }
        fn write_str(&self, text: &str) -> io::Result<()> {
            self.write(text)
        }
        fn clear_line(&self) -> io::Result<()> {
            self.write("<clear>")
        }
        fn flush(&self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_line_a_list_with_counts_that_goes_away() {
        let screen = Screen::default();
        let display = Arc::new(Display::new());
        let progress = Progress { display: Some(display.clone()) };
        let pods = progress.line("pods");
        pods.advance(500);
        assert_eq!(screen.written(), "", "nothing is drawn before its time");
        pods.expect(5_000);
        let nodes = progress.line("nodes");
        nodes.advance(3);
        display.show(|| ProgressDrawTarget::term_like_with_hz(Box::new(screen.clone()), 255));
        pods.advance(1_000);
        display.show(ProgressDrawTarget::hidden);
        let written = screen.written();
        assert!(written.contains("reading pods  1,500 of 5,000"), "{written}");
        assert!(written.contains("reading nodes  3"), "{written}");
        pods.set(500);
        drop(nodes);
        progress.finish();
        let before = screen.written().len();
        assert!(screen.written().contains("<clear>"));
        pods.advance(1);
        assert_eq!(screen.written().len(), before, "nothing is drawn after the end");
    }

    #[test]
    fn a_task_shows_how_far_it_is_and_what_it_waits_for() {
        let screen = Screen::default();
        let display = Arc::new(Display::new());
        let progress = Progress { display: Some(display.clone()) };
        display.show(|| ProgressDrawTarget::term_like_with_hz(Box::new(screen.clone()), 255));
        let mut node = progress.task();
        node.count("node-1", 4, 8, &format!("waits for the budget shop/web {}", "and more ".repeat(20)));
        let mut pod = progress.task();
        pod.count("node-2", 1, 2, "");
        pod.say("shop/web-1  ends");
        display.show(ProgressDrawTarget::hidden);
        let written = screen.written();
        assert!(written.contains("node-1 ████████"), "{written}");
        assert!(written.contains("  4 of 8   waits for the budget"), "{written}");
        assert!(written.contains("  shop/web-1  ends"), "{written}");
        assert!(!written.contains("and more and more and more"), "cut where the terminal ends: {written}");
    }

    #[test]
    fn a_pipe_has_no_progress() {
        let progress = Progress::on(Stream::default());
        let line = progress.line("pods");
        line.advance(1);
        line.expect(2);
        assert!(line.bar.is_none());
        progress.finish();
    }
}
