//! How a run is shown: JSON lines for programs, plain lines in a pipe, and on a terminal a live view with a line for each
//! node and one for each pod that something is waited for.

use std::{collections::BTreeMap, io::Write, time::Instant};

use jiff::Timestamp;
use patchkit::{
    render::printable,
    term::{Progress, TaskLine},
};

use super::{
    event::{Event, Kind, Summary},
    machine::{Machine, Phase},
    task::{State, Task},
};

/// Pods that are shown at most: a terminal has few lines.
const MOST_PODS: usize = 10;

/// Where a run is shown.
pub struct View {
    json: bool,
    /// Every event is a line; otherwise only those that the live view does not show.
    every: bool,
    progress: Progress,
    nodes: BTreeMap<String, TaskLine>,
    pods: Vec<TaskLine>,
    began: Instant,
}

impl View {
    /// `json` for programs. `stdout_is_terminal` decides whether lines repeat what the live view on standard error
    /// shows.
    #[must_use]
    pub fn new(json: bool, stdout_is_terminal: bool, progress: Progress) -> Self {
        let every = !(stdout_is_terminal && progress.is_drawn());
        Self { json, every, progress, nodes: BTreeMap::new(), pods: Vec::new(), began: Instant::now() }
    }

    /// Tells an event.
    pub fn tell(&self, event: &Event) {
        if self.json {
            self.line(&event.json(Timestamp::now(), None));
        } else if self.every || !is_shown_live(event.kind) {
            let words = event.words();
            if matches!(event.kind, Kind::Warning | Kind::Failed | Kind::Stopping) {
                self.progress.say(&printable(&words));
            } else {
                self.line(&printable(&words));
            }
        }
    }

    /// Tells the end of a run.
    pub fn end(&mut self, detail: &str, summary: &Summary) {
        self.clear();
        let event = Event::of_run(Kind::Result, detail);
        if self.json {
            self.line(&event.json(Timestamp::now(), Some(summary)));
        } else {
            for line in detail.lines() {
                self.line(&printable(line));
            }
        }
    }

    /// Takes the live view off the terminal.
    pub fn clear(&mut self) {
        self.nodes.clear();
        self.pods.clear();
    }

    fn line(&self, line: &str) {
        // A reader that has left does not end a run: what was begun is brought to its end.
        self.progress.suspend(|| {
            let mut stdout = std::io::stdout().lock();
            let _ = writeln!(stdout, "{line}").and_then(|()| stdout.flush());
        });
    }

    /// Draws how far everything is.
    pub fn refresh(&mut self, machine: &Machine) {
        if !self.progress.is_drawn() {
            return;
        }
        let (nodes, pods) = machine.lines();
        let nodes = machine.pool_lines(nodes, self.began);
        self.nodes.retain(|name, _| nodes.iter().any(|node| node.name == *name));
        for node in nodes {
            let progress = &self.progress;
            let line = self.nodes.entry(node.name.clone()).or_insert_with(|| progress.task(&node.name, node.pods));
            line.set(node.done, node.pods);
            line.say(&node.text);
        }
        self.pods.truncate(pods.len());
        while self.pods.len() < pods.len() {
            self.pods.push(self.progress.text());
        }
        for (line, text) in self.pods.iter().zip(&pods) {
            line.say(text);
        }
    }
}

/// Events that the live view shows by itself.
const fn is_shown_live(kind: Kind) -> bool {
    matches!(
        kind,
        Kind::Waiting
            | Kind::Evicting
            | Kind::Deleting
            | Kind::Granted
            | Kind::Refused
            | Kind::Retrying
            | Kind::Gone
            | Kind::Detaching
            | Kind::Replaced
            | Kind::Replacing
            | Kind::Shunned
    )
}

/// A node's line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeLine {
    /// The node.
    pub name: String,
    /// Pods that are gone.
    pub done: usize,
    /// Pods that go.
    pub pods: usize,
    /// What is done or waited for.
    pub text: String,
}

impl Machine {
    /// The lines of the nodes that are not through yet, and of the pods that something is waited for.
    #[must_use]
    pub fn lines(&self) -> (Vec<NodeLine>, Vec<String>) {
        let now = Instant::now();
        let mut nodes = Vec::new();
        for node in self.nodes.iter().filter(|node| node.phase != Phase::Drained) {
            let tasks: Vec<&Task> = self.tasks.iter().filter(|task| task.node == node.name).collect();
            let done = tasks.iter().filter(|task| matches!(task.state, State::Gone { .. })).count();
            let ending = tasks.iter().filter(|task| task.is_leaving()).count();
            let text = match node.phase {
                Phase::Waiting if self.pool.is_some() => "waits".to_owned(),
                Phase::Waiting => format!("waits for wave {}", node.wave),
                Phase::Failed => "some of its pods do not go".to_owned(),
                Phase::Listing => "is listed once more".to_owned(),
                _ if done == tasks.len() && node.told_volumes => "waits for volumes to be detached".to_owned(),
                _ if done == tasks.len() => "empty".to_owned(),
                _ => {
                    let waiting = tasks.len() - done - ending;
                    let mut parts = Vec::new();
                    if ending > 0 {
                        parts.push(format!("{ending} ending"));
                    }
                    if waiting > 0 {
                        parts.push(format!("{waiting} waiting"));
                    }
                    parts.join(", ")
                }
            };
            nodes.push(NodeLine { name: node.name.clone(), done, pods: tasks.len(), text });
        }
        let mut pods: Vec<String> = Vec::new();
        for task in &self.tasks {
            let text = match (&task.state, &task.waits) {
                (State::Waiting | State::Noted, Some(wait)) => format!("waits for {wait}"),
                (State::Going { since }, _) => {
                    let grace = task.grace.as_secs();
                    format!("ends ({} of {grace} s)", now.duration_since(*since).as_secs())
                }
                (State::Asked, _) => "is asked to go".to_owned(),
                _ => continue,
            };
            pods.push(format!("{} {text}", task.path()));
        }
        if self.over_since.is_some() {
            let waiting = self.moved_owners().into_iter().filter(|owner| !self.replaced.contains(owner));
            pods.extend(waiting.map(|owner| format!("{owner}: its replacements are waited for")));
        }
        if pods.len() > MOST_PODS {
            let more = pods.len() - MOST_PODS + 1;
            pods.truncate(MOST_PODS - 1);
            pods.push(format!("and {more} more"));
        }
        (nodes, pods)
    }
}
