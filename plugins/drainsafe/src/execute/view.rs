//! How a run is shown: JSON lines for programs, plain lines in a pipe, and on a terminal a live view with a line for each
//! node and one for each pod that something is waited for.

use std::{
    io::Write,
    time::{Duration, Instant},
};

use jiff::Timestamp;
use patchkit::{
    render::printable,
    term::{Progress, TaskLine},
};

use super::{
    event::{Event, Kind, Summary},
    machine::{Machine, Node, Phase},
    task::{State, Task},
};

/// Pods that are shown at most: a terminal has few lines.
const MOST_PODS: usize = 10;
/// Lines that stay free: of what was written before, and that of the cursor.
const FREE_ROWS: usize = 3;
/// More often nobody could read it.
const DRAW_EVERY: Duration = Duration::from_millis(150);
/// Of a line, the share that a node's name may have at most; the name of a longer one is cut in its middle.
const NAME_SHARE: usize = 3;

/// Where a run is shown.
pub struct View {
    json: bool,
    /// Every event is a line; otherwise only those that the live view does not show.
    every: bool,
    progress: Progress,
    lines: Vec<TaskLine>,
    began: Instant,
    drawn: Option<Instant>,
}

impl View {
    /// `json` for programs. `stdout_is_terminal` decides whether lines repeat what the live view on standard error
    /// shows.
    #[must_use]
    pub fn new(json: bool, stdout_is_terminal: bool, progress: Progress) -> Self {
        let every = !(stdout_is_terminal && progress.is_drawn());
        Self { json, every, progress, lines: Vec::new(), began: Instant::now(), drawn: None }
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
        self.lines.clear();
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
        let just_drawn = self.drawn.is_some_and(|drawn| drawn.elapsed() < DRAW_EVERY);
        if !self.progress.is_drawn() || just_drawn {
            return;
        }
        self.drawn = Some(Instant::now());
        let (columns, rows) = self.progress.size();
        let picture = machine.picture(self.began, rows.saturating_sub(FREE_ROWS));
        let most = columns / NAME_SHARE;
        let name = |node: &NodeLine| shortened(&node.name, most);
        let width = picture.iter().map(|line| line.node().map_or(0, |node| name(node).chars().count())).max();
        let width = width.unwrap_or_default();
        self.lines.truncate(picture.len());
        while self.lines.len() < picture.len() {
            self.lines.push(self.progress.task());
        }
        for (line, shown) in self.lines.iter_mut().zip(&picture) {
            match shown {
                Shown::Node(node) => line.count(&format!("{:width$}", name(node)), node.done, node.pods, &node.text),
                Shown::Text(text) => line.say(text),
            }
        }
    }
}

/// A line of the live view.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Shown {
    /// How far a node, or the pool, is.
    Node(NodeLine),
    /// Anything else.
    Text(String),
}

impl Shown {
    const fn node(&self) -> Option<&NodeLine> {
        match self {
            Self::Node(node) => Some(node),
            Self::Text(_) => None,
        }
    }
}

/// A name that is too long for its place, without its middle: its ends tell nodes apart.
fn shortened(name: &str, most: usize) -> String {
    let count = name.chars().count();
    let most = most.max(8);
    if count <= most {
        return name.to_owned();
    }
    let head = most / 3;
    let tail = most - head - 1;
    name.chars().take(head).chain(['…']).chain(name.chars().skip(count - tail)).collect()
}

/// What there is room for of these lines; of more, how many there are.
pub(super) fn fitting(mut lines: Vec<Shown>, room: usize, what: &str) -> Vec<Shown> {
    if lines.len() > room {
        let more = lines.len() + 1 - room.max(1);
        lines.truncate(room.saturating_sub(1));
        lines.push(Shown::Text(format!("and {more} more {what}")));
    }
    lines
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
    /// The live view, in so many rows: the nodes, and below them the pods that something is waited for.
    #[must_use]
    pub fn picture(&self, began: Instant, rows: usize) -> Vec<Shown> {
        let mut picture = self.pool_lines(began);
        let nodes: Vec<Shown> = self.node_lines().into_iter().map(Shown::Node).collect();
        let pods = self.pod_lines();
        // Nodes come first; some pods are shown all the same, since they tell what is waited for.
        let room = rows.saturating_sub(picture.len()).max(2);
        let for_pods = pods.len().min((room / 4).max(room.saturating_sub(nodes.len()))).min(MOST_PODS);
        picture.extend(fitting(nodes, room - for_pods.min(room - 1), "nodes"));
        picture.extend(fitting(pods.into_iter().map(Shown::Text).collect(), for_pods, "pods"));
        picture
    }

    /// The lines of the nodes that are not through yet, those that are begun first.
    #[must_use]
    pub fn node_lines(&self) -> Vec<NodeLine> {
        let mut lines = Vec::new();
        let leaving = |node: &Node| self.pool.as_ref().is_some_and(|pool| pool.removing.contains_key(&node.name));
        let nodes = self.nodes.iter().filter(|node| node.phase != Phase::Drained || leaving(node));
        let (waiting, begun): (Vec<_>, Vec<_>) = nodes.partition(|node| node.phase == Phase::Waiting);
        for node in begun.into_iter().chain(waiting) {
            let tasks: Vec<&Task> = self.tasks.iter().filter(|task| task.node == node.name).collect();
            let done = tasks.iter().filter(|task| matches!(task.state, State::Gone { .. })).count();
            let ending = tasks.iter().filter(|task| task.is_leaving()).count();
            let text = match node.phase {
                Phase::Waiting if self.pool.is_some() => "waits".to_owned(),
                Phase::Waiting => format!("waits for wave {}", node.wave),
                Phase::Failed => "some of its pods do not go".to_owned(),
                Phase::Listing => "is listed once more".to_owned(),
                Phase::Drained => "is empty, and is replaced".to_owned(),
                Phase::Draining if done == tasks.len() && node.told_volumes => {
                    "waits for volumes to be detached".to_owned()
                }
                Phase::Draining if done == tasks.len() => "empty".to_owned(),
                Phase::Draining => {
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
            // Of a node that was not begun the pods are not known one by one yet.
            let planned = self.pool.as_ref().map_or(0, |pool| pool.outline.pods_of(&node.name));
            let pods = if node.phase == Phase::Waiting { planned.max(tasks.len()) } else { tasks.len() };
            lines.push(NodeLine { name: node.name.clone(), done, pods, text });
        }
        lines
    }

    /// The pods that something is waited for.
    fn pod_lines(&self) -> Vec<String> {
        let now = Instant::now();
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
        pods
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_name_keeps_its_ends() {
        assert_eq!(shortened("node-0001", 26), "node-0001");
        assert_eq!(shortened("ip-10-0-12-34.eu-west-1.compute.internal", 20), "ip-10-…pute.internal");
        assert_eq!(shortened("gke-prod-pool-a-8f3b2c1d-x7zq", 26), "gke-prod…l-a-8f3b2c1d-x7zq");
    }

    #[test]
    fn what_has_no_room_is_counted() {
        let lines = |count: usize| (0..count).map(|number| Shown::Text(number.to_string())).collect::<Vec<_>>();
        assert_eq!(fitting(lines(3), 3, "pods"), lines(3));
        assert_eq!(fitting(lines(5), 3, "pods"), [lines(2), vec![Shown::Text("and 3 more pods".into())]].concat());
        assert_eq!(fitting(lines(5), 0, "pods"), [Shown::Text("and 5 more pods".into())]);
    }
}
