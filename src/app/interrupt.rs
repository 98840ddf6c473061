//! Ctrl-C, and what is its like for a program that nobody sits before: SIGTERM, by which pipelines and the kubelet end
//! one.

use std::{
    io::Write,
    sync::{Arc, Mutex, PoisonError},
};

use tokio::sync::oneshot;

use super::Plugin;
use crate::{report::Exit, term::Progress};

/// What Ctrl-C does: it leaves at once, unless a command has asked to be told first.
#[derive(Clone, Debug, Default)]
pub(super) struct Interrupts {
    told: Arc<Mutex<Option<oneshot::Sender<()>>>>,
}

/// A command's own Ctrl-C: the first one comes here, so that the command can stop in good order. The next one leaves
/// at once, and so does the first one after this was dropped.
#[derive(Debug)]
pub struct Interrupt {
    told: oneshot::Receiver<()>,
    is_told: bool,
}

impl Interrupt {
    /// Waits for the first Ctrl-C.
    pub async fn pressed(&mut self) {
        if !self.is_told && (&mut self.told).await.is_ok() {
            self.is_told = true;
            return;
        }
        // It comes once. Whoever waits for more waits for ever.
        std::future::pending().await
    }
}

impl Interrupts {
    /// Takes the next Ctrl-C over.
    pub(super) fn take_over(&self) -> Interrupt {
        let (sender, told) = oneshot::channel();
        *self.told.lock().unwrap_or_else(PoisonError::into_inner) = Some(sender);
        Interrupt { told, is_told: false }
    }

    /// Whether somebody was there to be told.
    fn tell(&self) -> bool {
        let sender = self.told.lock().unwrap_or_else(PoisonError::into_inner).take();
        sender.is_some_and(|sender| sender.send(()).is_ok())
    }

    /// Listens to Ctrl-C and SIGTERM, from the moment on which this is called within a runtime.
    ///
    /// Once a runtime listens for SIGINT the signal no longer ends the process by itself, not even while no future
    /// runs. So the listener is a task of its own, and it is the one that leaves: a long computation cannot keep it
    /// waiting.
    pub(super) fn listen(&self, plugin: Plugin, progress: Progress, stderr_is_terminal: bool) {
        let interrupts = self.clone();
        tokio::spawn(async move {
            // Without a listener the signals keep ending the process, only less politely.
            let mut terminations = Terminations::listen();
            while asked_to_end(&mut terminations).await {
                if interrupts.tell() {
                    continue;
                }
                progress.finish();
                let mut stderr = std::io::stderr().lock();
                // A question that was open hides the cursor.
                let cursor = if stderr_is_terminal { "\u{1b}[?25h" } else { "" };
                // Standard error that is closed cannot be told so.
                let _ = writeln!(stderr, "{cursor}\n{}: interrupted", plugin.typed());
                std::process::exit(i32::from(Exit::Interrupted.code()));
            }
        });
    }
}

/// SIGTERM, where there is such a thing.
#[cfg(unix)]
struct Terminations(Option<tokio::signal::unix::Signal>);

#[cfg(unix)]
impl Terminations {
    fn listen() -> Self {
        use tokio::signal::unix::{SignalKind, signal};
        Self(signal(SignalKind::terminate()).ok())
    }

    /// Waits for the next one.
    async fn next(&mut self) {
        let came = match &mut self.0 {
            Some(signals) => signals.recv().await,
            None => None,
        };
        if came.is_none() {
            std::future::pending().await
        }
    }
}

#[cfg(not(unix))]
struct Terminations;

#[cfg(not(unix))]
impl Terminations {
    fn listen() -> Self {
        Self
    }

    async fn next(&mut self) {
        std::future::pending().await
    }
}

/// Waits for either; no where nothing will come.
async fn asked_to_end(terminations: &mut Terminations) -> bool {
    tokio::select! {
        pressed = tokio::signal::ctrl_c() => pressed.is_ok(),
        () = terminations.next() => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_first_is_told_to_the_command_and_only_that_one() {
        let interrupts = Interrupts::default();
        assert!(!interrupts.tell(), "nobody asked");
        let mut interrupt = interrupts.take_over();
        assert!(interrupts.tell());
        interrupt.pressed().await;
        assert!(!interrupts.tell(), "the second one leaves");
        drop(interrupts.take_over());
        assert!(!interrupts.tell(), "the command is over");
    }
}
