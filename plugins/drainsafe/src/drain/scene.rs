//! What the parts of the plan share while it is made: the facts, indexed, and the pods with what is decided so far.

use std::collections::BTreeSet;

use jiff::Timestamp;
use patchkit::{
    report::{Finding, NotEvaluated, ObjectRef},
    snapshot::{
        Kind, Owners, Snapshot,
        objects::{Meta, node::Node, pod::Pod, workload::Workload},
    },
};

use super::{
    model::{Action, BlockedFor, PlannedPod},
    options::Options,
    readiness::Readiness,
};
use crate::{fit::Index, simulate::Templates};

/// The facts, indexed once for however many plans are made of them.
pub struct Ground<'a> {
    /// The facts.
    pub snapshot: &'a Snapshot,
    /// The time against which ages are measured.
    pub now: Timestamp,
    /// Who brings pods back.
    pub owners: Owners<'a>,
    /// The facts as the scheduler's filters ask for them.
    pub index: Index<'a>,
    /// What replacements are built from.
    pub templates: Templates<'a>,
    /// How long pods took to be Ready.
    pub readiness: Readiness,
}

impl<'a> Ground<'a> {
    /// Of this snapshot, at this time.
    #[must_use]
    pub fn new(snapshot: &'a Snapshot, now: Timestamp) -> Self {
        let owners = Owners::of(snapshot);
        let readiness = Readiness::of(snapshot, &owners);
        Self { snapshot, now, owners, index: Index::new(snapshot), templates: Templates::of(snapshot), readiness }
    }
}

/// The facts that one plan is made of.
pub struct Scene<'a> {
    /// The facts.
    pub snapshot: &'a Snapshot,
    /// The same, indexed.
    pub ground: &'a Ground<'a>,
    /// What the user decides.
    pub options: &'a Options,
    /// The time against which ages are measured.
    pub now: Timestamp,
    /// The nodes that are drained.
    pub nodes: Vec<&'a Node>,
    /// Who brings pods back.
    pub owners: &'a Owners<'a>,
    drained: BTreeSet<&'a str>,
}

impl<'a> Scene<'a> {
    /// Of these nodes.
    #[must_use]
    pub fn new(ground: &'a Ground<'a>, options: &'a Options, nodes: Vec<&'a Node>) -> Self {
        let drained = nodes.iter().map(|node| node.meta.name.as_str()).collect();
        Self { snapshot: ground.snapshot, ground, options, now: ground.now, nodes, owners: &ground.owners, drained }
    }

    /// Whether a node of this name is drained.
    #[must_use]
    pub fn is_drained(&self, node: &str) -> bool {
        self.drained.contains(node)
    }

    /// The workload that directly controls the pod.
    #[must_use]
    pub fn controller(&self, pod: &Pod) -> Option<&'a Workload> {
        self.owners.controller(&pod.meta)
    }

    /// The workload that people would change: of a pod its Deployment rather than its ReplicaSet.
    #[must_use]
    pub fn top(&self, pod: &Pod) -> Option<&'a Workload> {
        self.owners.workload(&pod.meta.namespace, self.owners.top(&pod.meta)?)
    }

    /// A finding about an object, with its place in the files.
    #[must_use]
    pub fn about(&self, finding: Finding, kind: &str, meta: &Meta) -> Finding {
        finding.with_object(meta.object_ref(kind)).with_source(self.snapshot.source_of(meta))
    }
}

/// A pod on a drained node, with what is decided so far.
pub struct Draft<'a> {
    /// The pod.
    pub pod: &'a Pod,
    /// The node that it is on.
    pub node: &'a Node,
    /// What is planned for it.
    pub planned: PlannedPod,
}

impl Draft<'_> {
    /// Whether it goes, as far as is known.
    #[must_use]
    pub fn goes(&self) -> bool {
        self.planned.action.goes()
    }

    /// Whether somebody waits for its replacement: it goes, lives, and is brought back.
    #[must_use]
    pub fn is_replaced(&self) -> bool {
        self.goes() && !self.planned.finished && self.planned.owner.is_some()
    }

    /// Keeps it from going. What blocked it first stays the reason; "never" outweighs "now".
    pub fn block(&mut self, blocked_for: BlockedFor, reason: impl Into<String>) {
        if self.planned.action != Action::Blocked || self.planned.blocked_for < Some(blocked_for) {
            self.planned.action = Action::Blocked;
            self.planned.blocked_for = Some(blocked_for);
            self.planned.reason = reason.into();
        }
    }

    /// Adds to why it goes as it does.
    pub fn note(&mut self, words: &str) {
        if self.planned.action != Action::Blocked {
            if !self.planned.reason.is_empty() {
                self.planned.reason.push_str("; ");
            }
            self.planned.reason.push_str(words);
        }
    }

    /// Its reference for findings.
    #[must_use]
    pub fn reference(&self) -> ObjectRef {
        self.pod.meta.object_ref("Pod")
    }
}

/// What the parts of the plan have to say beside the pods.
#[derive(Default)]
pub struct Said {
    /// What was found.
    pub findings: Vec<Finding>,
    /// What could not be looked at.
    pub not_evaluated: Vec<NotEvaluated>,
}

impl Said {
    /// Adds a finding.
    pub fn find(&mut self, finding: Finding) {
        self.findings.push(finding);
    }

    /// Adds what could not be looked at.
    pub fn unknown(&mut self, what: impl Into<String>, why: impl Into<String>) {
        self.not_evaluated.push(NotEvaluated::new(what, why));
    }

    /// Says where a kind that something rests on was not read; and whether it was.
    pub fn needs(&mut self, snapshot: &Snapshot, kind: &Kind) -> bool {
        match snapshot.why_unknown(kind) {
            None => true,
            Some(why) => {
                self.unknown(kind.resource(), why);
                false
            }
        }
    }
}

/// The paths of these pods.
pub fn paths<'d, 'a: 'd>(drafts: impl IntoIterator<Item = &'d Draft<'a>>) -> Vec<String> {
    drafts.into_iter().map(|draft| draft.planned.path()).collect()
}
