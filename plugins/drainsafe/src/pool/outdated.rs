//! Which nodes of a pool are outdated.

use std::{cmp::Reverse, collections::BTreeMap, time::Duration};

use jiff::{SignedDuration, Timestamp};
use patchkit::{
    rules::version::KubeVersion,
    snapshot::{
        node_image::{image_names, image_time},
        objects::node::Node,
    },
};
use serde::{Deserialize, Serialize};

/// What makes a node outdated.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Criterion {
    /// `--to-image`: its image is another one.
    Image(String),
    /// `--to-version`: its kubelet is older, or another build of the same version.
    Version(KubeVersion),
    /// `--older-than`: its image is.
    Age(Duration),
    /// It runs an older version or another image than the newest of the pool.
    Newest,
    /// `--all`: every node that is there when the run begins.
    All,
}

/// Why it cannot be told which nodes are outdated.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("whether node {node} is outdated cannot be told: {why}")]
pub struct CannotTell {
    /// The node.
    pub node: String,
    /// Why.
    pub why: String,
}

impl Criterion {
    /// The outdated ones of these nodes, each with why.
    ///
    /// # Errors
    /// Where it cannot be told of one.
    pub fn outdated<'n>(&self, nodes: &[&'n Node], now: Timestamp) -> Result<Vec<(&'n Node, String)>, CannotTell> {
        let newest = if *self == Self::Newest { newest(nodes) } else { None };
        let mut found = Vec::new();
        for node in nodes.iter().copied() {
            let reason = match (self, newest) {
                (Self::Newest, Some(newest)) => differs(node, newest),
                (Self::Newest, None) | (Self::All, _) => Some("all nodes are replaced".to_owned()),
                _ => self.why_outdated(node, now)?,
            };
            found.extend(reason.map(|reason| (node, reason)));
        }
        Ok(found)
    }

    /// Why a node that has just come is no better than those that it is to replace; `None` where it is, or where only its
    /// coming counts.
    ///
    /// # Errors
    /// Where it cannot be told.
    pub fn why_outdated(&self, node: &Node, now: Timestamp) -> Result<Option<String>, CannotTell> {
        let cannot = |why: &str| CannotTell { node: node.meta.name.to_string(), why: why.to_owned() };
        match self {
            Self::Image(wanted) => {
                let names = image_names(node);
                let Some(own) = names.first() else { return Err(cannot("it does not name its image")) };
                Ok((!names.contains(&wanted.as_str())).then(|| format!("its image is {own}")))
            }
            Self::Version(wanted) => {
                let text = node.info.kubelet_version.as_str();
                let version: KubeVersion =
                    text.parse().map_err(|_| cannot(&format!("its kubelet's version is {text:?}")))?;
                // Whose build it is matters only where the user names one.
                let another_build = version.upstream() == wanted.upstream()
                    && !wanted.suffix().is_empty()
                    && version.suffix() != wanted.suffix();
                let older = version.upstream() < wanted.upstream();
                Ok((older || another_build).then(|| format!("its kubelet is {}", version.as_str())))
            }
            Self::Age(limit) => {
                let made =
                    image_time(node).ok_or_else(|| cannot("neither its image nor the node tells how old it is"))?;
                let age = now.duration_since(made);
                let limit = SignedDuration::try_from(*limit).unwrap_or(SignedDuration::MAX);
                Ok((age > limit).then(|| format!("its image is of {}", made.strftime("%Y-%m-%d %H:%M UTC"))))
            }
            Self::Newest | Self::All => Ok(None),
        }
    }

    /// In words: what the nodes are brought to.
    #[must_use]
    pub fn words(&self) -> String {
        match self {
            Self::Image(image) => format!("image {image}"),
            Self::Version(version) => format!("version {}", version.as_str()),
            Self::Age(limit) => format!("images not older than {}", crate::drain::words::duration(limit.as_secs())),
            Self::Newest => "what its newest node runs".to_owned(),
            Self::All => "new nodes, all of them".to_owned(),
        }
    }
}

/// The newest node: that of the newest kubelet, of those the one that came last, since of images only their providers know
/// the order.
fn newest<'n>(nodes: &[&'n Node]) -> Option<&'n Node> {
    nodes.iter().copied().max_by_key(|node| (kubelet(node), image_time(node), Reverse(node.meta.name.clone())))
}

fn kubelet(node: &Node) -> Option<patchkit::rules::Triple> {
    node.info.kubelet_version.parse::<KubeVersion>().ok().map(|version| version.upstream())
}

/// What of a node is another than of the newest.
fn differs(node: &Node, newest: &Node) -> Option<String> {
    let (own, new) = (&node.info, &newest.info);
    if own.kubelet_version != new.kubelet_version {
        return Some(format!("its kubelet is {}, the newest is {}", own.kubelet_version, new.kubelet_version));
    }
    let (images, newest_images) = (image_names(node), image_names(newest));
    if images != newest_images {
        let name = |names: &[&str]| names.first().map_or_else(|| "not named".to_owned(), |name| (*name).to_owned());
        return Some(format!("its image is {}, the newest is {}", name(&images), name(&newest_images)));
    }
    for (what, own, new) in [
        ("kernel", &own.kernel_version, &new.kernel_version),
        ("container runtime", &own.container_runtime_version, &new.container_runtime_version),
    ] {
        if own != new {
            return Some(format!("its {what} is {own}, the newest node's is {new}"));
        }
    }
    None
}

/// The order in which outdated nodes are drained: the oldest kubelets first; among equals one zone after the other, so
/// that no zone is emptied before the others.
#[must_use]
pub fn in_order(mut nodes: Vec<(&Node, String)>) -> Vec<(&Node, String)> {
    nodes.sort_by(|(one, _), (other, _)| one.meta.name.cmp(&other.meta.name));
    let mut places: BTreeMap<&str, usize> = BTreeMap::new();
    let mut keyed: Vec<_> = nodes
        .into_iter()
        .map(|(node, reason)| {
            let place = places.entry(node.zone().unwrap_or_default()).or_default();
            *place += 1;
            ((kubelet(node), *place, node.zone().unwrap_or_default()), (node, reason))
        })
        .collect();
    keyed.sort_by_key(|(key, _)| *key);
    keyed.into_iter().map(|(_, node)| node).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(name: &str, zone: &str, kubelet: &str, image: &str, created: &str) -> Node {
        let mut node = Node::default();
        node.meta.name = name.into();
        node.meta.created = created.parse().ok();
        node.meta.labels = std::sync::Arc::new([("topology.kubernetes.io/zone", zone)].into_iter().collect());
        node.info.kubelet_version = kubelet.into();
        node.info.os_image = image.into();
        node
    }

    fn names(criterion: &Criterion, nodes: &[Node]) -> Vec<String> {
        let all: Vec<&Node> = nodes.iter().collect();
        let now = "2026-11-24T10:00:00Z".parse().unwrap();
        let found = in_order(criterion.outdated(&all, now).unwrap());
        found.into_iter().map(|(node, _)| node.meta.name.to_string()).collect()
    }

    #[test]
    fn each_criterion_finds_its_own() {
        let nodes = [
            node("a", "x", "v1.36.2", "img-1", "2026-11-01T00:00:00Z"),
            node("b", "x", "v1.36.4", "img-1", "2026-11-20T00:00:00Z"),
            node("c", "y", "v1.36.4", "img-2", "2026-11-23T00:00:00Z"),
            node("d", "y", "v1.36.2-gke.7", "img-2", "2026-11-22T00:00:00Z"),
        ];
        let version = |text: &str| Criterion::Version(text.parse().unwrap());
        for (criterion, expected) in [
            (Criterion::Image("img-2".into()), vec!["a", "b"]),
            (Criterion::Image("img-3".into()), vec!["a", "d", "c", "b"]),
            (version("v1.36.4"), vec!["a", "d"]),
            (version("1.36.3"), vec!["a", "d"]),
            // A newer one is not outdated; another build of the same version is, where one is asked for.
            (version("v1.36.2-gke.9"), vec!["a", "d"]),
            (version("v1.36.2"), vec![]),
            (Criterion::Age(Duration::from_secs(7 * 24 * 3600)), vec!["a"]),
            (Criterion::Newest, vec!["a", "d", "b"]),
            (Criterion::All, vec!["a", "d", "c", "b"]),
        ] {
            assert_eq!(names(&criterion, &nodes), expected, "{criterion:?}");
        }
        assert_eq!(names(&Criterion::Newest, &nodes[2..3]), Vec::<String>::new());
    }

    #[test]
    fn what_a_node_does_not_tell_is_not_guessed() {
        let silent = node("a", "x", "", "", "-");
        let now = Timestamp::UNIX_EPOCH;
        for criterion in [
            Criterion::Image("i".into()),
            Criterion::Version("1.36.4".parse().unwrap()),
            Criterion::Age(Duration::from_secs(60)),
        ] {
            assert!(criterion.outdated(&[&silent], now).is_err(), "{criterion:?}");
        }
    }

    #[test]
    fn zones_take_turns() {
        let nodes: Vec<Node> = [("a1", "a"), ("a2", "a"), ("a3", "a"), ("b1", "b"), ("c1", "c"), ("c2", "c")]
            .map(|(name, zone)| node(name, zone, "v1.36.2", "i", "2026-11-01T00:00:00Z"))
            .to_vec();
        assert_eq!(names(&Criterion::All, &nodes), ["a1", "b1", "c1", "a2", "c2", "a3"]);
    }
}
