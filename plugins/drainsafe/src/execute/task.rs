//! One pod that has to go, and how far it is.

use std::time::{Duration, Instant};

use patchkit::{cluster::PodRemoval, rules::budget::BudgetStatus};

use super::gate::Wait;
use crate::drain::{Action, PlannedPod, Tier};

/// How a pod is made to go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum How {
    /// By the Eviction subresource.
    Evict,
    /// By a plain delete.
    Delete,
    /// It ends by itself: a Job's pod that is to complete.
    Complete,
}

/// Who brings a pod back: kind and name of the last of its controllers, in the pod's namespace.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OwnerKey {
    /// The namespace.
    pub namespace: String,
    /// The kind.
    pub kind: String,
    /// The name.
    pub name: String,
}

impl std::fmt::Display for OwnerKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}/{}", self.kind, self.namespace, self.name)
    }
}

/// How far a pod is.
#[derive(Clone, Debug, PartialEq)]
pub enum State {
    /// It runs, and was not asked to go.
    Waiting,
    /// Its UID is being written into the journal.
    Noting,
    /// Its UID stands in the journal: it may be asked to go.
    Noted,
    /// The request is under way.
    Asked,
    /// It has been granted: the pod ends.
    Going {
        /// Since when.
        since: Instant,
    },
    /// The pod is not there any more.
    Gone {
        /// Since when.
        since: Instant,
    },
    /// It does not go.
    Failed(String),
}

/// Why a pod is not asked to go once more before some moment.
#[derive(Clone, Debug, PartialEq)]
pub struct Pause {
    /// The moment.
    pub until: Instant,
    /// The status of its budget when it was refused: as soon as that is another one, the pause is over.
    pub refused_by: Option<BudgetStatus>,
    /// In words.
    pub why: String,
}

/// One pod that has to go.
#[derive(Clone, Debug)]
pub struct Task {
    /// The pod.
    pub pod: PodRemoval,
    /// The node that it is on.
    pub node: String,
    /// How it is made to go.
    pub how: How,
    /// Who brings it back.
    pub owner: Option<OwnerKey>,
    /// The pods that its owner wanted when the plan was made.
    pub wanted: Option<i64>,
    /// When it goes, relative to others.
    pub tier: Tier,
    /// How long its group takes: the longest first.
    pub chain: u64,
    /// How long it gets to end.
    pub grace: Duration,
    /// Its replacement stays Pending until a node is uncordoned, and that was consented to: nobody waits for it.
    pub stays_pending: bool,
    /// It serves an admission webhook.
    pub webhook: bool,
    /// A second replica is brought up first.
    pub surge: bool,
    /// How far it is.
    pub state: State,
    /// Why it is not asked to go just now.
    pub pause: Option<Pause>,
    /// The status of its budget when it was asked to go.
    pub asked_under: Option<BudgetStatus>,
    /// Its removal shows in the status of its budget, which from then on is right by itself.
    pub shown: bool,
    /// It was Ready when it was asked to go.
    pub was_ready: bool,
    /// What it waits for, as was found last.
    pub waits: Option<Wait>,
    /// Since when, and whether that was told.
    pub waits_since: Option<(Instant, bool)>,
    /// Volumes that are to be detached from its node when it is gone.
    pub volumes: Vec<String>,
    /// Since when it meets trouble that may pass.
    pub trouble_since: Option<Instant>,
    /// How often in a row.
    pub troubles: u32,
}

impl Task {
    /// What is to be done with a planned pod; none where it stays or is blocked.
    #[must_use]
    pub fn of(planned: &PlannedPod, grace_period: Option<i64>, choice: Choice, chain: u64) -> Option<Self> {
        let how = match planned.action {
            Action::Delete => How::Delete,
            Action::Evict => How::Evict,
            // It is waited for, as any pod whose budget grants nothing just now.
            Action::Blocked if super::waits(planned) => How::Evict,
            Action::Skip if planned.waits_for_completion => How::Complete,
            Action::Skip | Action::Blocked => return None,
        };
        let owner = planned.owner.as_ref();
        Some(Self {
            pod: PodRemoval {
                namespace: planned.namespace.clone(),
                name: planned.name.clone(),
                uid: planned.uid.clone(),
                grace_period,
            },
            node: planned.node.clone(),
            how,
            owner: owner.map(|owner| OwnerKey {
                namespace: planned.namespace.clone(),
                kind: owner.kind.clone(),
                name: owner.name.clone(),
            }),
            wanted: owner.and_then(|owner| owner.replicas),
            tier: planned.tier,
            chain,
            grace: Duration::from_secs(u64::try_from(planned.grace_period_seconds).unwrap_or_default()),
            stays_pending: choice.allow_pending && planned.destination.is_none(),
            webhook: planned.webhook_backend,
            surge: choice.surge && planned.can_surge,
            state: State::Waiting,
            pause: None,
            asked_under: None,
            shown: false,
            was_ready: true,
            waits: None,
            waits_since: None,
            volumes: planned.volumes_to_detach.clone(),
            trouble_since: None,
            troubles: 0,
        })
    }

    /// `namespace/name`
    #[must_use]
    pub fn path(&self) -> String {
        format!("{}/{}", self.pod.namespace, self.pod.name)
    }

    /// Whether nothing more happens to it.
    #[must_use]
    pub const fn is_over(&self) -> bool {
        matches!(self.state, State::Gone { .. } | State::Failed(_))
    }

    /// Whether a request of it is under way.
    #[must_use]
    pub const fn is_under_way(&self) -> bool {
        matches!(self.state, State::Noting | State::Asked)
    }

    /// Whether it was asked to go, or is about to be in this moment, and is not yet seen to be gone.
    #[must_use]
    pub const fn is_leaving(&self) -> bool {
        matches!(self.state, State::Asked | State::Going { .. })
    }
}

/// What of the user's choices concerns single pods.
#[derive(Clone, Copy, Debug, Default)]
pub struct Choice {
    /// `--surge-singletons`
    pub surge: bool,
    /// `--allow-pending`
    pub allow_pending: bool,
}
