//! One flow, and where it stands.

use std::{collections::BTreeMap, fmt};

use compact_str::CompactString;

use crate::{
    address::Address,
    ports::{PortSet, Protocol},
};

/// Where something stands in the input.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The file as it was named; `-` is standard input, and `--flow` the command line.
    pub file: String,
    /// The line, from 1.
    pub line: usize,
    /// The column in characters, from 1.
    pub column: usize,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.file, self.line, self.column)
    }
}

/// One end of a flow.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum End {
    /// In the words of the command line: `shop/web`, an address, `internet`.
    Word(String),
    /// As a network plugin tells it.
    Told(Told),
}

impl fmt::Display for End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Word(word) => f.write_str(word),
            Self::Told(told) => told.fmt(f),
        }
    }
}

/// What a network plugin tells of an end; what it does not tell is empty.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Told {
    /// The namespace.
    pub namespace: String,
    /// The pod; a `*` at its end stands for what was left out.
    pub pod: String,
    /// Kind and name of what owns the pod.
    pub workload: Option<(String, String)>,
    /// The labels.
    pub labels: Vec<(String, String)>,
    /// The address.
    pub address: Option<Address>,
    /// Where there is nothing else: what it is called in the log (`pub`, `reserved:world`).
    pub called: String,
}

impl fmt::Display for Told {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.namespace.as_str(), self.pod.as_str(), &self.workload, &self.address) {
            ("", _, _, Some(address)) => address.fmt(f),
            ("", ..) => f.write_str(&self.called),
            (namespace, "", Some((_, name)), _) => write!(f, "{namespace}/{name}"),
            (namespace, "", None, _) => {
                let labels: Vec<String> = self.labels.iter().map(|(key, value)| format!("{key}={value}")).collect();
                write!(f, "{namespace}/ {}", labels.join(","))
            }
            (namespace, pod, ..) => write!(f, "{namespace}/{pod}"),
        }
    }
}

/// The ports of a flow.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum FlowPorts {
    /// By number.
    Set(PortSet),
    /// The one that the destination gives this name.
    Named(CompactString, Option<Protocol>),
}

impl fmt::Display for FlowPorts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Set(ports) => ports.fmt(f),
            Self::Named(name, Some(protocol)) => write!(f, "{protocol} {name}"),
            Self::Named(name, None) => f.write_str(name),
        }
    }
}

/// A flow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Flow {
    /// Who connects.
    pub from: End,
    /// Who is connected to.
    pub to: End,
    /// On which ports.
    pub ports: FlowPorts,
    /// Where it stands; the first place, where it stands in several.
    pub place: Place,
}

/// A line that is none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadLine {
    /// Where.
    pub place: Place,
    /// Why.
    pub why: String,
}

/// Why a line of a log is no flow that is needed, and how many there are.
pub type Skipped = BTreeMap<&'static str, usize>;

/// What was read.
#[derive(Debug, Default)]
pub struct Flows {
    /// The flows, each once.
    pub flows: Vec<Flow>,
    /// How many lines told of them.
    pub lines: usize,
    /// Lines that are none.
    pub bad: Vec<BadLine>,
    /// Lines that tell of something else.
    pub skipped: Skipped,
    known: std::collections::BTreeSet<(End, End, FlowPorts)>,
}

impl Flows {
    /// Takes a flow in.
    pub fn add(&mut self, flow: Flow) {
        self.lines += 1;
        if self.known.insert((flow.from.clone(), flow.to.clone(), flow.ports.clone())) {
            self.flows.push(flow);
        }
    }

    /// Notes a line that is none.
    pub fn wrong(&mut self, place: Place, why: impl Into<String>) {
        self.bad.push(BadLine { place, why: why.into() });
    }

    /// Notes a line that tells of something else.
    pub fn skip(&mut self, why: &'static str) {
        *self.skipped.entry(why).or_default() += 1;
    }
}
