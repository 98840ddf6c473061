//! Who owns an object: its controller, and the controller of that one in turn.
//!
//! Source: `k8s.io/apimachinery/pkg/apis/meta/v1/controller_ref.go`. A pod of a Deployment belongs to a ReplicaSet,
//! and a pod of a CronJob to a Job; people, budgets and plans think of the Deployment and the CronJob.

use std::{collections::HashSet, fmt};

use compact_str::CompactString;
use serde::{Deserialize, Serialize};

use super::null::or_default;

/// An entry of `metadata.ownerReferences`. An owner is in the namespace of what it owns, or in none.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[allow(missing_docs, reason = "the names are the API's own")]
pub struct OwnerRef {
    #[serde(deserialize_with = "or_default")]
    pub api_version: CompactString,
    #[serde(deserialize_with = "or_default")]
    pub kind: CompactString,
    #[serde(deserialize_with = "or_default")]
    pub name: CompactString,
    #[serde(deserialize_with = "or_default")]
    pub uid: CompactString,
    #[serde(deserialize_with = "or_default")]
    pub controller: bool,
}

impl OwnerRef {
    /// The group in its `apiVersion`; empty for the core group.
    #[must_use]
    pub fn group(&self) -> &str {
        super::names::split_api_version(&self.api_version).0
    }
}

impl fmt::Display for OwnerRef {
    /// `Deployment/web`
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("{}/{}", self.kind, self.name))
    }
}

/// The one owner that manages the object, where there is one (`GetControllerOf`).
#[must_use]
pub fn controller(owners: &[OwnerRef]) -> Option<&OwnerRef> {
    owners.iter().find(|owner| owner.controller)
}

/// What is known of an owner.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KnownOwner<'a> {
    /// Its UID; empty in manifests.
    pub uid: &'a str,
    /// Its own owners.
    pub owners: &'a [OwnerRef],
}

/// The last of the chain of controllers that begins with these owners: of a pod its Deployment rather than its
/// ReplicaSet. The chain ends at an owner that `known` does not know, that has no controller, or whose UID is another
/// one (an object of the same name, made later). A kind that nobody knows is kept as it is.
pub fn top_controller<'a>(
    owners: &'a [OwnerRef],
    known: impl Fn(&OwnerRef) -> Option<KnownOwner<'a>>,
) -> Option<&'a OwnerRef> {
    let mut top = controller(owners)?;
    let mut seen = HashSet::from([top]);
    while let Some(next) = known(top).filter(|object| is_same(&top.uid, object.uid)).and_then(|o| controller(o.owners))
    {
        if !seen.insert(next) {
            break; // owners in a circle: garbage, but not a reason to hang
        }
        top = next;
    }
    Some(top)
}

/// Manifests have no UIDs; the name decides there.
fn is_same(wanted: &str, found: &str) -> bool {
    wanted.is_empty() || found.is_empty() || wanted == found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn owner(api_version: &str, kind: &str, name: &str, uid: &str) -> OwnerRef {
        OwnerRef {
            api_version: api_version.into(),
            kind: kind.into(),
            name: name.into(),
            uid: uid.into(),
            controller: true,
        }
    }

    /// Objects: kind, name, UID, owners.
    type World = Vec<(&'static str, &'static str, &'static str, Vec<OwnerRef>)>;

    fn top(owners: &[OwnerRef], world: &World) -> Option<String> {
        top_controller(owners, |reference| {
            let (.., uid, owners) =
                world.iter().find(|(kind, name, ..)| reference.kind == *kind && reference.name == *name)?;
            Some(KnownOwner { uid, owners })
        })
        .map(ToString::to_string)
    }

    #[test]
    fn chains_end_at_what_people_think_of() {
        let world: World = Vec::from([
            ("ReplicaSet", "web-1", "r1", vec![owner("apps/v1", "Deployment", "web", "d1")]),
            ("Deployment", "web", "d1", vec![]),
            ("Job", "backup-123", "j1", vec![owner("batch/v1", "CronJob", "backup", "c1")]),
            ("ReplicaSet", "canary-1", "r2", vec![owner("argoproj.io/v1alpha1", "Rollout", "canary", "x1")]),
            ("ReplicaSet", "bare", "r3", vec![]),
        ]);
        for (kind, name, uid, expected) in [
            ("ReplicaSet", "web-1", "r1", "Deployment/web"),
            ("ReplicaSet", "web-1", "", "Deployment/web"),
            ("ReplicaSet", "web-1", "older", "ReplicaSet/web-1"),
            ("ReplicaSet", "bare", "r3", "ReplicaSet/bare"),
            ("ReplicaSet", "unread", "r9", "ReplicaSet/unread"),
            ("Job", "backup-123", "j1", "CronJob/backup"),
            ("ReplicaSet", "canary-1", "r2", "Rollout/canary"),
            ("Kafka", "events", "k1", "Kafka/events"),
        ] {
            assert_eq!(top(&[owner("x/v1", kind, name, uid)], &world).as_deref(), Some(expected), "{kind}/{name}");
        }
    }

    #[test]
    fn only_the_controller_counts() {
        let mut plain = owner("v1", "Node", "n", "1");
        plain.controller = false;
        assert_eq!(controller(std::slice::from_ref(&plain)), None);
        let both = [plain, owner("apps/v1", "StatefulSet", "db", "2")];
        assert_eq!(controller(&both).map(ToString::to_string).as_deref(), Some("StatefulSet/db"));
        assert_eq!(both[1].group(), "apps");
        let text = r#"{"apiVersion":"v1","kind":"Node","name":"n","controller":null,"blockOwnerDeletion":true}"#;
        assert!(!serde_json::from_str::<OwnerRef>(text).unwrap().controller);
    }

    #[test]
    fn owners_in_a_circle_end() {
        let world: World = Vec::from([
            ("A", "a", "", vec![owner("x/v1", "B", "b", "")]),
            ("B", "b", "", vec![owner("x/v1", "A", "a", "")]),
        ]);
        assert!(top(&[owner("x/v1", "A", "a", "")], &world).is_some());
    }
}
