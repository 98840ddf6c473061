//! Ctrl-C.

use std::io::Write;

use super::Plugin;
use crate::{report::Exit, term::Progress};

/// Leaves at once on Ctrl-C, from the moment on which this is called within a runtime.
///
/// Once a runtime listens for SIGINT the signal no longer ends the process by itself, not even while no future runs.
/// So the listener is a task of its own, and it is the one that leaves: a long computation cannot keep it waiting.
pub(super) fn leave_on_interrupt(plugin: Plugin, progress: Progress, stderr_is_terminal: bool) {
    tokio::spawn(async move {
        // Without a listener SIGINT keeps ending the process, only less politely.
        if tokio::signal::ctrl_c().await.is_ok() {
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
