//! `-v LEVEL`, as kubectl counts it.

use std::io::Write;

use log::{Level, LevelFilter, Log, Metadata, Record};

use crate::term::Progress;

/// Writes log lines to standard error in klog's form: `I1123 10:00:00.123456 room] message`.
struct Logger {
    verbosity: u8,
    progress: Progress,
}

/// What a verbosity shows: warnings by default, from 1 on what is done, from 4 on why, from 6 on every request with its
/// status and time; from 8 on the lines of the libraries underneath, too.
const fn level(verbosity: u8) -> LevelFilter {
    match verbosity {
        0 => LevelFilter::Warn,
        1..=3 => LevelFilter::Info,
        4..=5 => LevelFilter::Debug,
        _ => LevelFilter::Trace,
    }
}

/// Starts logging for this process.
pub(super) fn start(verbosity: u8, progress: Progress) {
    // A logger that is set already (only in tests) stays.
    if log::set_boxed_logger(Box::new(Logger { verbosity, progress })).is_ok() {
        log::set_max_level(level(verbosity));
    }
}

fn is_shown(metadata: &Metadata<'_>, verbosity: u8) -> bool {
    let ours = ["patchkit", "kubectl_"].iter().any(|name| metadata.target().starts_with(name));
    (ours || verbosity >= 8) && metadata.level() <= level(verbosity)
}

impl Log for Logger {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        is_shown(metadata, self.verbosity)
    }

    fn log(&self, record: &Record<'_>) {
        if self.enabled(record.metadata()) {
            let time = jiff::ZonedDateTime::now().strftime("%m%d %H:%M:%S%.6f").to_string();
            self.progress.say(&line(record, &time));
        }
    }

    fn flush(&self) {
        // Standard error that is closed cannot be told so.
        let _ = std::io::stderr().flush();
    }
}

fn line(record: &Record<'_>, time: &str) -> String {
    let letter = match record.level() {
        Level::Error => 'E',
        Level::Warn => 'W',
        Level::Info => 'I',
        Level::Debug | Level::Trace => 'D',
    };
    let room = record.target().strip_prefix("patchkit::").unwrap_or(record.target());
    format!("{letter}{time} {room}] {}", crate::render::printable(&record.args().to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn verbosity_shows_what_kubectls_does() {
        for (verbosity, target, level, shown) in [
            (0, "patchkit::cluster", Level::Warn, true),
            (0, "patchkit::cluster", Level::Info, false),
            (1, "kubectl_example", Level::Info, true),
            (4, "patchkit::cluster", Level::Debug, true),
            (4, "patchkit::cluster", Level::Trace, false),
            (6, "patchkit::cluster", Level::Trace, true),
            (6, "rustls::client", Level::Trace, false),
            (8, "rustls::client", Level::Trace, true),
        ] {
            let metadata = Metadata::builder().target(target).level(level).build();
            assert_eq!(is_shown(&metadata, verbosity), shown, "-v {verbosity} {target} {level}");
        }
    }

    #[test]
    fn lines_have_klogs_form_and_stay_one_line() {
        let record = Record::builder()
            .args(format_args!("GET /api/v1/pods 200\nOK"))
            .level(Level::Trace)
            .target("patchkit::cluster")
            .build();
        assert_eq!(line(&record, "1123 10:00:00.000001"), "D1123 10:00:00.000001 cluster] GET /api/v1/pods 200 OK");
    }
}
