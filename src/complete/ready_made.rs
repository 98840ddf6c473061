//! The live values that arguments of several programs take.

use super::live::{Asked, Found, Live, Offer, Want};
use crate::{
    cluster::KubeconfigNames,
    snapshot::{
        kinds::{NAMESPACES, NODES, PODS},
        pools,
    },
};

impl Live {
    /// The contexts of the kubeconfig.
    pub const CONTEXTS: Self = Self::of_kubeconfig("contexts", contexts);
    /// The clusters of the kubeconfig.
    pub const CLUSTERS: Self = Self::of_kubeconfig("clusters", |names| plain(&names.clusters));
    /// The users of the kubeconfig.
    pub const USERS: Self = Self::of_kubeconfig("users", |names| plain(&names.users));
    /// The namespaces of the cluster.
    pub const NAMESPACES: Self = Self::of_cluster("namespaces", |_| vec![Want::all(NAMESPACES)], name);
    /// The nodes of the cluster.
    pub const NODES: Self = Self::of_cluster("nodes", |_| vec![Want::all(NODES)], node);
    /// The pools of nodes, by the labels of providers and installers.
    pub const POOLS: Self = Self::of_cluster("pools", |_| vec![Want::all(NODES)], pool);
    /// The labels of nodes, as equality selectors.
    pub const NODE_SELECTORS: Self = Self::of_cluster("node-selectors", |_| vec![Want::all(NODES)], selectors);
    /// The keys of the labels of nodes.
    pub const NODE_LABELS: Self = Self::of_cluster("node-labels", |_| vec![Want::all(NODES)], label_keys);
    /// Pods: by name those of the namespace that is meant, and as `NAMESPACE/NAME` where the word names one or all
    /// namespaces are meant.
    pub const PODS: Self = Self::of_cluster(
        "pods",
        |asked| vec![asked.want(PODS)],
        |asked, found| vec![Offer::of(if asked.is_path() { found.path() } else { found.meta.name.clone() })],
    );
}

impl Asked {
    /// The namespace that the word itself names: what stands before its first slash.
    #[must_use]
    pub fn named_namespace(&self) -> Option<&str> {
        self.word.split_once('/').map(|(namespace, _)| namespace)
    }

    /// Whether objects are named with their namespace.
    #[must_use]
    pub fn is_path(&self) -> bool {
        self.all_namespaces || self.named_namespace().is_some()
    }

    /// The objects of a kind that can be meant: of the namespace that the word names, else of the one that the line
    /// does, or of all.
    #[must_use]
    pub fn want(&self, kind: crate::snapshot::Kind) -> Want {
        match self.named_namespace() {
            Some(namespace) => Want::in_namespace(kind, namespace),
            None if self.all_namespaces => Want::all(kind),
            None => Want::in_namespace(kind, &self.namespace),
        }
    }
}

impl Found {
    /// `NAMESPACE/NAME`
    #[must_use]
    pub fn path(&self) -> String {
        format!("{}/{}", self.meta.namespace, self.meta.name)
    }
}

fn plain(names: &[String]) -> Vec<Offer> {
    names.iter().map(Offer::of).collect()
}

fn contexts(names: &KubeconfigNames) -> Vec<Offer> {
    let help = |context: &crate::cluster::ContextName| {
        let cluster = context.cluster.as_deref().filter(|cluster| *cluster != context.name);
        match (cluster, context.is_current) {
            (Some(cluster), true) => format!("cluster {cluster}, the current one"),
            (Some(cluster), false) => format!("cluster {cluster}"),
            (None, true) => "the current one".to_owned(),
            (None, false) => String::new(),
        }
    };
    names.contexts.iter().map(|context| Offer::with_help(&context.name, help(context))).collect()
}

fn name(_: &Asked, found: &Found) -> Vec<Offer> {
    vec![Offer::of(&found.meta.name)]
}

/// A node with its roles and its zone.
fn node(_: &Asked, found: &Found) -> Vec<Offer> {
    let labels = &found.meta.labels;
    let mut words: Vec<&str> =
        labels.iter().filter_map(|(key, _)| key.strip_prefix("node-role.kubernetes.io/")).collect();
    words.extend(labels.get("topology.kubernetes.io/zone"));
    vec![Offer::with_help(&found.meta.name, words.join(", "))]
}

/// The pool of a node, with the label that names it.
fn pool(_: &Asked, found: &Found) -> Vec<Offer> {
    let named = pools::name_in(&found.meta.labels, None);
    named.map(|(label, name)| Offer::with_help(name, label)).into_iter().collect()
}

fn selectors(_: &Asked, found: &Found) -> Vec<Offer> {
    found.meta.labels.iter().map(|(key, value)| Offer::of(format!("{key}={value}"))).collect()
}

fn label_keys(_: &Asked, found: &Found) -> Vec<Offer> {
    found.meta.labels.iter().map(|(key, _)| Offer::of(key)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(word: &str, all_namespaces: bool) -> Asked {
        Asked { word: word.to_owned(), namespace: "web".to_owned(), namespace_given: false, all_namespaces }
    }

    #[test]
    fn the_word_itself_names_the_namespace_first() {
        for (word, all_namespaces, namespace, is_path) in [
            ("", false, Some("web"), false),
            ("po", false, Some("web"), false),
            ("shop/", false, Some("shop"), true),
            ("shop/po", true, Some("shop"), true),
            ("po", true, None, true),
        ] {
            let asked = asked(word, all_namespaces);
            assert_eq!(asked.want(PODS).namespace.as_deref(), namespace, "{word}");
            assert_eq!(asked.is_path(), is_path, "{word}");
        }
    }

    #[test]
    fn contexts_say_what_they_stand_for() {
        let context = |name: &str, cluster: Option<&str>, is_current| crate::cluster::ContextName {
            name: name.to_owned(),
            cluster: cluster.map(str::to_owned),
            is_current,
        };
        let names = KubeconfigNames {
            contexts: vec![context("a", Some("east"), true), context("b", Some("b"), false)],
            ..KubeconfigNames::default()
        };
        let expected = [Offer::with_help("a", "cluster east, the current one"), Offer::of("b")];
        assert_eq!(contexts(&names), expected);
    }
}
