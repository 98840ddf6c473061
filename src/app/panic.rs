//! A bug in the program itself.

use std::{backtrace::Backtrace, backtrace::BacktraceStatus, io::Write, panic};

use super::Plugin;
use crate::report::Exit;

/// Turns a panic into a request for a bug report, and ends the program: a result that was computed around a bug must
/// not be taken for an answer.
pub(super) fn report_bugs(plugin: Plugin) {
    panic::set_hook(Box::new(move |bug| {
        let mut stderr = std::io::stderr().lock();
        // Standard error that is closed cannot be told so.
        let _ = writeln!(
            stderr,
            "error: {bug}\nThis is a bug in {} {}. Please report it with the lines above: {}/issues",
            plugin.typed(),
            plugin.version,
            plugin.repository
        );
        let trace = Backtrace::capture();
        if trace.status() == BacktraceStatus::Captured {
            let _ = writeln!(stderr, "{trace}");
        }
        std::process::exit(i32::from(Exit::NotEvaluated.code()));
    }));
}
