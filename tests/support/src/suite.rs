//! The test harness for tests that need a cluster: `cargo test`'s own words and flags, but where no cluster can be had,
//! its tests are shown as ignored, with the reason.

use std::any::Any;
use std::cell::RefCell;
use std::env;
use std::panic::{self, AssertUnwindSafe, PanicHookInfo};
use std::process::ExitCode;

use libtest_mimic::{Arguments, Failed, Trial};

use crate::cluster::{self, Cluster};
use crate::{programs, scratch};

/// A test and its name.
pub type LiveTest = (&'static str, fn());

/// Lists test functions with their paths as names, for [`run_suite`].
#[macro_export]
macro_rules! live_tests {
    ($($test:path),* $(,)?) => { &[$((stringify!($test), $test as fn())),*] };
}

thread_local! {
    /// Where and why this thread has panicked.
    static PANIC: RefCell<Option<String>> = const { RefCell::new(None) };
    /// Whether this thread runs a test of ours, which tells of its panic itself.
    static IN_TEST: RefCell<bool> = const { RefCell::new(false) };
}

/// Runs the tests that the command line asks for; then nothing of the shared cluster is left.
///
/// Where no cluster can be started, the tests are ignored and say why, but fail where `CI` is set: a green run there
/// means that they have passed.
#[must_use]
pub fn run_suite(tests: &[LiveTest]) -> ExitCode {
    let (arguments, filters) = command_line(env::args().collect());
    let missing = programs::why_no_cluster();
    let must_run = env::var("CI").is_ok_and(|value| value == "true" || value == "1");
    let wanted = |name: &str| {
        let matches = |filter: &String| if arguments.exact { name == filter } else { name.contains(filter.as_str()) };
        filters.is_empty() || filters.iter().any(matches)
    };
    let trials = tests.iter().filter(|(name, _)| wanted(name)).map(|&(name, test)| {
        let trial = Trial::test(name, move || match missing {
            Some(why) => Err(Failed::from(format!("no cluster: {why}"))),
            None => run_one(test),
        });
        match missing {
            Some(why) if !must_run => trial.with_kind(why).with_ignored_flag(true),
            _ => trial,
        }
    });
    tell_panics_with_the_test();
    let conclusion = libtest_mimic::run(&arguments, trials.collect());
    Cluster::end_shared();
    scratch::remove_all();
    conclusion.exit_code()
}

/// Reads the command line as `cargo test` writes it, where there may be several filters. The library underneath takes
/// one: if there are more, they are given apart.
fn command_line(words: Vec<String>) -> (Arguments, Vec<String>) {
    let with_value = ["--test-threads", "--logfile", "--skip", "--color", "--format", "-Z"];
    let mut filters = Vec::new();
    let mut rest: Vec<String> = Vec::new();
    for (at, word) in words.into_iter().enumerate() {
        let is_value = rest.last().is_some_and(|before| with_value.contains(&before.as_str()));
        if at > 0 && !word.starts_with('-') && !is_value {
            filters.push(word);
        } else {
            rest.push(word);
        }
    }
    if filters.len() == 1 {
        rest.append(&mut filters);
    }
    (Arguments::from_iter(rest), filters)
}

fn run_one(test: fn()) -> Result<(), Failed> {
    cluster::forget_used();
    PANIC.take();
    IN_TEST.set(true);
    let result = panic::catch_unwind(AssertUnwindSafe(test));
    IN_TEST.set(false);
    result.map_err(|panic| {
        let message = PANIC.take().unwrap_or_else(|| message(&*panic));
        Failed::from(format!("{message}\n{}", cluster::logs_of_used()))
    })
}

/// Keeps the place and the message of a test's panic for its failure, instead of printing it among other tests' lines.
fn tell_panics_with_the_test() {
    let before = panic::take_hook();
    panic::set_hook(Box::new(move |panic: &PanicHookInfo<'_>| {
        if !IN_TEST.with_borrow(|it| *it) {
            return before(panic);
        }
        let place = panic.location().map_or_else(String::new, |place| format!("{place}: "));
        // The first is the cause: what is dropped afterwards may panic too.
        PANIC.with_borrow_mut(|kept| {
            kept.get_or_insert_with(|| format!("{place}{}", message(panic.payload())));
        });
    }));
}

fn message(panic: &dyn Any) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "it panicked".to_owned())
}

#[cfg(test)]
mod tests {
    use super::command_line;

    #[test]
    fn filters_are_those_of_cargo_test() {
        let read = |line: &str| {
            let (arguments, filters) = command_line(line.split(' ').map(str::to_owned).collect());
            (arguments.filter, arguments.skip, arguments.test_threads, arguments.nocapture, filters)
        };
        let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
        assert_eq!(read("live"), (None, vec![], None, false, vec![]));
        assert_eq!(read("live one"), (Some("one".into()), vec![], None, false, vec![]));
        assert_eq!(
            read("live one --test-threads 1 --nocapture two --skip=a --skip b"),
            (None, words(&["a", "b"]), Some(1), true, words(&["one", "two"]))
        );
    }
}
