//! One form for NetworkPolicy, AdminNetworkPolicy, BaselineAdminNetworkPolicy and ClusterNetworkPolicy.

use compact_str::CompactString;
use patchkit::{
    report::SourceRef,
    snapshot::{
        Snapshot,
        objects::{Meta, rule_lines::RuleLines},
    },
};
use serde::{Serialize, Serializer};

use super::TermId;
use crate::ports::Protocol;

/// A direction of traffic, seen from the pod that a policy selects.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Direction {
    /// To the pod.
    Ingress,
    /// From the pod.
    Egress,
}

impl Direction {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Ingress, Self::Egress];

    /// The word in reports.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ingress => "ingress",
            Self::Egress => "egress",
        }
    }
}

/// Where a policy stands in the order in which a connection is judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Tier {
    /// Before all others: AdminNetworkPolicy, and ClusterNetworkPolicy of this tier.
    Admin,
    /// NetworkPolicy: decides for every pod that it isolates.
    NetworkPolicy,
    /// For what is left: BaselineAdminNetworkPolicy, and ClusterNetworkPolicy of this tier.
    Baseline,
    /// No policy at all: everything is allowed.
    Default,
}

impl Tier {
    /// The word in reports.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Admin => "Admin",
            Self::NetworkPolicy => "NetworkPolicy",
            Self::Baseline => "Baseline",
            Self::Default => "Default",
        }
    }
}

impl Serialize for Tier {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

/// The kinds of policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(missing_docs, reason = "the names are the API's own")]
pub enum PolicyKind {
    NetworkPolicy,
    AdminNetworkPolicy,
    BaselineAdminNetworkPolicy,
    ClusterNetworkPolicy,
}

impl PolicyKind {
    /// The kind as the API names it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NetworkPolicy => "NetworkPolicy",
            Self::AdminNetworkPolicy => "AdminNetworkPolicy",
            Self::BaselineAdminNetworkPolicy => "BaselineAdminNetworkPolicy",
            Self::ClusterNetworkPolicy => "ClusterNetworkPolicy",
        }
    }
}

/// What a rule does to the traffic that it matches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Action {
    /// Lets it through, in this direction.
    Allow,
    /// Drops it.
    Deny,
    /// Leaves it to the next tier.
    Pass,
}

impl Action {
    /// The word in reports.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::Deny => "deny",
            Self::Pass => "pass",
        }
    }
}

/// The place of a policy in [`super::Policies::all`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PolicyId(pub u32);

/// A policy.
#[derive(Clone, Debug)]
pub struct Policy<'s> {
    /// Which kind it is.
    pub kind: PolicyKind,
    /// Its identity, and where it stands in the input.
    pub meta: &'s Meta,
    /// Where its rules stand in the input.
    pub lines: &'s RuleLines,
    /// Its tier.
    pub tier: Tier,
    /// Within its tier the lowest number is asked first; those with the same number in an order that nobody knows.
    /// NetworkPolicies have none: each may allow.
    pub priority: i64,
    /// The pods that it speaks about.
    pub subject: TermId,
    /// Its rules for traffic to these pods. `None` where it does not speak about that direction at all.
    pub ingress: Option<Vec<Rule>>,
    /// Its rules for traffic from these pods. `None` where it does not speak about that direction at all.
    pub egress: Option<Vec<Rule>>,
}

impl Policy<'_> {
    /// Its rules for a direction. `None` where it does not speak about that direction at all.
    #[must_use]
    pub fn rules(&self, direction: Direction) -> Option<&[Rule]> {
        match direction {
            Direction::Ingress => self.ingress.as_deref(),
            Direction::Egress => self.egress.as_deref(),
        }
    }

    /// Where it stands in the input files, or one of its rules.
    #[must_use]
    pub fn source(&self, snapshot: &Snapshot, rule: Option<(Direction, usize)>) -> Option<SourceRef> {
        let line = rule.and_then(|(direction, index)| match direction {
            Direction::Ingress => self.lines.ingress.line(index),
            Direction::Egress => self.lines.egress.line(index),
        });
        snapshot.source_of_part(self.meta, line)
    }

    /// `NetworkPolicy shop/web`
    #[must_use]
    pub fn display(&self) -> String {
        self.meta.object_ref(self.kind.as_str()).display()
    }
}

/// A rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// Its place in `ingress` or `egress` of the object, counted from 0.
    pub index: usize,
    /// Its name, where it has one.
    pub name: CompactString,
    /// What it does.
    pub action: Action,
    /// Whom the traffic comes from or goes to.
    pub peers: Peers,
    /// On which ports, any of them; `None` for all.
    pub ports: Option<Vec<PortMatch>>,
}

/// Whom a rule speaks about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Peers {
    /// Everyone, inside and outside of the cluster.
    Everyone,
    /// Those that match any of these terms.
    Any(Vec<TermId>),
}

/// Ports that a rule speaks about.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PortMatch {
    /// From one number to another, both included.
    Range {
        /// The protocol.
        protocol: Protocol,
        /// The first port.
        first: u16,
        /// The last port.
        last: u16,
    },
    /// The port that the destination pod gives this name.
    Named {
        /// The protocol that the pod's port must have; `None` for any.
        protocol: Option<Protocol>,
        /// The name.
        name: CompactString,
    },
}
