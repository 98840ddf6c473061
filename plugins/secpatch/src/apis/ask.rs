//! Which kinds to read of a live cluster, and which were not read.

use std::collections::{BTreeMap, BTreeSet};

use patchkit::{cluster::MetadataWish, rules::version::Minor, snapshot::ServedResource};

use crate::{
    facts::{ApiLife, Apis, api::stability},
    subject::Subject,
};

/// Kinds that are only sent, or that are files, and never stored: there is nothing to list.
pub(super) fn is_stored(life: &ApiLife) -> bool {
    let kind = life.gvk.kind.as_str();
    life.gvk.group != "audit.k8s.io"
        && !kind.ends_with("Review")
        && !matches!(
            kind,
            "Scale" | "Binding" | "Eviction" | "DeploymentRollback" | "JobTemplate" | "APIGroupDiscovery"
        )
}

/// The kinds whose objects show who still uses these APIs, which go up to and with `to`, as far as the server serves
/// them. A kind that has moved to another group is asked for there, since it is the same object; one
/// that the snapshot has a type for (see [`kinds::find`]) is named here too.
#[must_use]
pub fn kinds_to_ask<'f>(
    apis: &'f Apis,
    lives: impl Iterator<Item = &'f ApiLife>,
    to: Minor,
    served: &[ServedResource],
) -> Vec<MetadataWish> {
    let mut asked = BTreeSet::new();
    for life in lives.filter(|life| is_stored(life)) {
        let moved = apis.replacement_at(life, to).filter(|gvk| gvk.kind == life.gvk.kind).map(|gvk| gvk.group.as_str());
        for group in moved.into_iter().chain([life.gvk.group.as_str()]) {
            let best = served
                .iter()
                .filter(|resource| resource.group == group && resource.kind == life.gvk.kind)
                .max_by_key(|resource| {
                    let api_version = if group.is_empty() {
                        resource.version.clone()
                    } else {
                        format!("{group}/{}", resource.version)
                    };
                    let stays = apis.get(&api_version, &resource.kind).is_none_or(|life| !life.is_removed_at(to));
                    (stays, stability(&resource.version))
                });
            if let Some(best) = best {
                asked.insert(MetadataWish {
                    group: best.group.clone(),
                    version: best.version.clone(),
                    kind: best.kind.clone(),
                    plural: best.plural.clone(),
                    fields: "",
                });
                break;
            }
        }
    }
    asked.into_iter().collect()
}

/// Why users of the APIs that go may have been missed: the kinds of which no object was read, by reason. Empty where
/// all were looked at.
#[must_use]
pub fn unread<'f>(
    subject: Subject<'f>,
    lives: impl Iterator<Item = &'f ApiLife>,
    to: Minor,
) -> BTreeMap<String, BTreeSet<&'f str>> {
    let snapshot = subject.snapshot;
    let apis = subject.facts.apis();
    let mut missing: BTreeMap<String, BTreeSet<&str>> = BTreeMap::new();
    for life in lives.filter(|life| is_stored(life)) {
        let gvk = &life.gvk;
        // The kind may have been read under the group that it has moved to.
        let moved = apis.replacement_at(life, to).filter(|next| next.kind == gvk.kind).map(|next| next.group.as_str());
        let why = [Some(gvk.group.as_str()), moved]
            .into_iter()
            .flatten()
            .map(|group| snapshot.why_unknown_of(group, &gvk.kind))
            .min_by_key(Option::is_some)
            .flatten();
        if let Some(why) = why {
            let reason = if snapshot.is_from_files() { "not in the input".to_owned() } else { why };
            missing.entry(reason).or_default().insert(&gvk.kind);
        }
    }
    missing
}

#[cfg(test)]
mod tests {
    use patchkit::snapshot::SnapshotBuilder;

    use super::*;
    use crate::{facts::Facts, testing::Cluster};

    fn minor(text: &str) -> Minor {
        text.parse().expect("a minor of this test")
    }

    fn gone<'f>(apis: &'f Apis, from: &str, to: &str) -> impl Iterator<Item = &'f ApiLife> {
        apis.removed_between(minor(from), minor(to))
    }

    #[test]
    fn kinds_are_asked_for_in_the_version_that_stays() {
        let facts = Facts::compiled_in();
        let served = |group: &str, version: &str, kind: &str, plural: &str| ServedResource {
            group: group.to_owned(),
            version: version.to_owned(),
            kind: kind.to_owned(),
            plural: plural.to_owned(),
        };
        let served = [
            served("extensions", "v1beta1", "Ingress", "ingresses"),
            served("networking.k8s.io", "v1", "Ingress", "ingresses"),
            served("networking.k8s.io", "v1beta1", "Ingress", "ingresses"),
            served("policy", "v1beta1", "PodSecurityPolicy", "podsecuritypolicies"),
            served("authentication.k8s.io", "v1beta1", "TokenReview", "tokenreviews"),
        ];
        let asked = kinds_to_ask(facts.apis(), gone(facts.apis(), "1.21", "1.25"), minor("1.25"), &served);
        let asked: Vec<_> =
            asked.iter().map(|ask| (ask.group.as_str(), ask.version.as_str(), ask.plural.as_str())).collect();
        assert_eq!(asked, [("networking.k8s.io", "v1", "ingresses"), ("policy", "v1beta1", "podsecuritypolicies")]);
    }

    #[test]
    fn what_was_not_looked_at_is_said() {
        let cluster = Cluster::of("{apiVersion: policy/v1, kind: PodDisruptionBudget, metadata: {name: a}}");
        let missing = unread(cluster.subject(), gone(cluster.subject().facts.apis(), "1.24", "1.25"), minor("1.25"));
        let kinds = &missing["not in the input"];
        assert!(kinds.contains("PodSecurityPolicy") && !kinds.contains("PodDisruptionBudget"), "{kinds:?}");
        assert_eq!(missing.len(), 1);
        let mut builder = SnapshotBuilder::default();
        builder.served(vec![]);
        let cluster = Cluster::from_snapshot(builder.finish(), None);
        assert!(
            unread(cluster.subject(), gone(cluster.subject().facts.apis(), "1.24", "1.25"), minor("1.25")).is_empty(),
            "nothing is served"
        );
    }
}
