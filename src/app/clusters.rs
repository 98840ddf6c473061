//! One command on several clusters at the same time.

use std::{
    sync::atomic::{AtomicUsize, Ordering},
    thread,
};

use jiff::Timestamp;

use super::{App, Failure, source::SourceArgs};
use crate::{
    cluster::{ConnectOptions, Environment, kubeconfig_names},
    render::{Format, OutputArgs, OwnFormats, RenderContext, RenderError, render_clusters},
    report::{Exit, FailedContext, MultiClusterMetadata, MultiClusterReport},
    term::Paint,
};

/// How many clusters are read at the same time. Each of them asks for several lists at once by itself.
const AT_ONCE: usize = 4;

/// The stack of a main thread, which the commands are used to.
const STACK: usize = 8 << 20;

/// The command line of a plugin, as far as it is the same for all of them.
pub trait CommandLine: clap::Parser {
    /// The flags that say which cluster.
    fn connect(&mut self) -> &mut ConnectOptions;

    /// What the command that was asked for reads and how it reports, where it changes nothing and writes one report.
    fn reading(&self) -> Option<Reading<'_>>;
}

/// A command that reads one cluster, or files, and writes one report.
#[derive(Clone, Copy, Debug)]
pub struct Reading<'a> {
    source: &'a SourceArgs,
    format: &'a Format,
    no_headers: bool,
}

impl<'a> Reading<'a> {
    /// By the flags of the command.
    #[must_use]
    pub fn of<F: OwnFormats>(source: &'a SourceArgs, output: &'a OutputArgs<F>) -> Self {
        Self { source, format: &output.output, no_headers: output.no_headers }
    }
}

/// Which clusters are asked for, and how the answer is written; none where there is one cluster, as everywhere.
pub(super) struct Several {
    subcommand: String,
    contexts: Vec<String>,
    format: Format,
    no_headers: bool,
}

impl Several {
    /// What the command line asks for.
    ///
    /// # Errors
    /// Where the command cannot do it, or no cluster is named.
    pub(super) fn of<C: CommandLine>(subcommand: &str, parsed: &mut C) -> Result<Option<Self>, Failure> {
        let options = parsed.connect().clone();
        let flag = match (options.all_contexts, options.contexts.is_empty()) {
            (true, _) => "--all-contexts",
            (false, false) => "--contexts",
            (false, true) => return Ok(None),
        };
        let Some(Reading { source, format, no_headers }) = parsed.reading() else {
            return Err(Failure::usage(format!(
                "{flag} is for commands that read and report: this one is for one cluster"
            ))
            .with_hint("name it with --context"));
        };
        if !source.files.is_empty() {
            return Err(Failure::usage(format!("{flag} names clusters, and -f reads files instead of a cluster")));
        }
        if let Format::Own(name) = format {
            return Err(Failure::usage(format!("-o {name} shows one cluster: name it with --context")));
        }
        let mut contexts: Vec<String> = if options.all_contexts {
            let names = kubeconfig_names(&options, &Environment::of_process())?;
            names.contexts.into_iter().map(|context| context.name).collect()
        } else {
            options.contexts
        };
        let mut seen = std::collections::HashSet::new();
        contexts.retain(|name| !name.is_empty() && seen.insert(name.clone()));
        if contexts.is_empty() {
            return Err(Failure::usage(format!("{flag}: there is no context")));
        }
        Ok(Some(Self { subcommand: subcommand.to_owned(), contexts, format: format.clone(), no_headers }))
    }

    /// Runs the command on each of the clusters and writes all answers. `parse` gives the command line anew.
    ///
    /// # Errors
    /// Where the answer cannot be written.
    pub(super) fn run<C: CommandLine>(
        &self,
        app: &App,
        parse: &(impl Fn() -> Result<C, clap::Error> + Sync),
        body: &(impl Fn(&App, C) -> Result<Exit, Failure> + Sync),
    ) -> Result<Exit, Failure> {
        let seed = app.seed();
        let outcomes = self.outcomes(app, &|context: &str| {
            let app = seed.app(context);
            let mut parsed = parse().map_err(|error| Failure::usage(error.to_string()))?;
            let options = parsed.connect();
            options.context = Some(context.to_owned());
            options.contexts.clear();
            options.all_contexts = false;
            let exit = body(&app, parsed)?;
            Ok((exit, app.take_report()))
        })?;
        let (mut exits, mut reports, mut failed) = (Vec::new(), Vec::new(), Vec::new());
        for (context, outcome) in self.contexts.iter().zip(outcomes) {
            match outcome {
                Ok((exit, Some(report))) => {
                    exits.push(exit);
                    reports.push(report);
                }
                Ok((exit, None)) => failed.push((context, "it has written no report".to_owned(), exit)),
                Err(failure) => {
                    let failure = failure.with_roles_of(&app.plugin);
                    failed.push((context, failure.describe(Paint::default()), failure.exit()));
                }
            }
        }
        let exit = exit_of(&exits, &failed.iter().map(|(_, _, exit)| *exit).collect::<Vec<_>>());
        let failed = failed.into_iter().map(|(context, error, exit)| FailedContext {
            context: context.clone(),
            error,
            exit_code: exit.code(),
        });
        let metadata = MultiClusterMetadata {
            command: app.plugin.command(&self.subcommand),
            version: app.plugin.version.to_owned(),
            generated_at: Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
        };
        let all = MultiClusterReport::new(metadata, reports, failed.collect());
        let context = RenderContext { width: app.stdout.width, colour: app.stdout.colour, no_headers: self.no_headers };
        let mut out = app.out();
        render_clusters(&all, &self.format, &context, &mut out)?;
        std::io::Write::flush(&mut out).map_err(RenderError::Write)?;
        Ok(exit)
    }

    /// The outcome of `work` for each context, in their order.
    fn outcomes<T: Send>(
        &self,
        app: &App,
        work: &(impl Fn(&str) -> Result<T, Failure> + Sync),
    ) -> Result<Vec<Result<T, Failure>>, Failure> {
        let next = AtomicUsize::new(0);
        let line = app.progress.line("clusters");
        let mut done: Vec<(usize, Result<T, Failure>)> = thread::scope(|scope| {
            let worker = || {
                let mut done = Vec::new();
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    let Some(context) = self.contexts.get(number) else { return done };
                    done.push((number, work(context)));
                    line.advance(1);
                }
            };
            let threads = (0..AT_ONCE.min(self.contexts.len()))
                .map(|_| thread::Builder::new().stack_size(STACK).spawn_scoped(scope, worker))
                .collect::<Result<Vec<_>, _>>()?;
            // A panic has ended the process already.
            Ok::<_, std::io::Error>(threads.into_iter().filter_map(|thread| thread.join().ok()).flatten().collect())
        })?;
        done.sort_by_key(|(number, _)| *number);
        Ok(done.into_iter().map(|(_, outcome)| outcome).collect())
    }
}

/// How a command on several clusters ends. Where some could not be read and others were: partly read. Else as the worst
/// of them would, in the order of [`Exit::of`]: findings come before what was left out.
fn exit_of(read: &[Exit], failed: &[Exit]) -> Exit {
    let is = |exits: &[Exit], exit| exits.contains(&exit);
    if is(read, Exit::Interrupted) || is(failed, Exit::Interrupted) {
        return Exit::Interrupted;
    }
    match (read, failed) {
        ([], failed) if !failed.is_empty() && failed.iter().all(|exit| *exit == Exit::Usage) => Exit::Usage,
        ([], _) => Exit::NotEvaluated,
        (_, [_, ..]) => Exit::Partial,
        (read, []) => [Exit::NotEvaluated, Exit::Usage, Exit::Findings, Exit::Partial]
            .into_iter()
            .find(|exit| is(read, *exit))
            .unwrap_or(Exit::Clean),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_of_all_decides() {
        use Exit::{Clean, Findings, Interrupted, NotEvaluated, Partial, Usage};
        for (read, failed, exit) in [
            (&[Clean, Clean][..], &[][..], Clean),
            (&[Clean, Partial], &[], Partial),
            (&[Partial, Findings, Clean], &[], Findings),
            (&[Clean, Findings], &[NotEvaluated], Partial),
            (&[Clean], &[Usage], Partial),
            (&[], &[NotEvaluated, NotEvaluated], NotEvaluated),
            (&[], &[Usage, NotEvaluated], NotEvaluated),
            (&[], &[Usage, Usage], Usage),
            (&[Clean], &[Interrupted], Interrupted),
        ] {
            assert_eq!(exit_of(read, failed), exit, "{read:?} {failed:?}");
        }
    }
}
