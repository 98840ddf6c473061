//! Whom a command line means: `NS/POD`, `NS/KIND/NAME`, `NS/svc/NAME`, `NS/`, an address, a CIDR, `internet`.

use std::fmt;

use crate::{
    address::{Address, Block},
    engine::Analysis,
    world::PodId,
};

/// A word that names somebody.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Who {
    /// All pods of a namespace.
    Namespace(String),
    /// A pod, or a workload of that name where there is no pod of it.
    Name {
        /// The namespace.
        namespace: String,
        /// The name.
        name: String,
    },
    /// An object of a kind: a pod, or what owns pods.
    Object {
        /// The namespace.
        namespace: String,
        /// The kind as the API names it, in lower case and singular.
        kind: String,
        /// The name.
        name: String,
    },
    /// A Service.
    Service {
        /// The namespace.
        namespace: String,
        /// The name.
        name: String,
    },
    /// Addresses.
    Addresses(Block),
    /// Everything outside of the cluster.
    Internet,
}

/// A word that names nobody.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WhoError {
    /// The word has a form that is not known.
    #[error(
        "{0:?} names nobody: expected NAMESPACE/POD, NAMESPACE/KIND/NAME, NAMESPACE/svc/NAME, NAMESPACE/, an address, a \
         CIDR or internet"
    )]
    Form(String),
    /// The kind owns no pods.
    #[error(
        "{kind:?} in {word:?} is no kind that has pods: expected pod, deployment, statefulset, daemonset, replicaset, job, cronjob, replicationcontroller or svc"
    )]
    Kind {
        /// The kind.
        kind: String,
        /// The whole word.
        word: String,
    },
    /// There is no such object.
    #[error("there is no {what} in the input{hint}")]
    Absent {
        /// What was looked for.
        what: String,
        /// Others that may have been meant.
        hint: String,
    },
}

/// The kind that a word means, in lower case and singular; the words are kubectl's.
fn kind_of(word: &str) -> Option<&'static str> {
    const KINDS: &[(&str, &[&str])] = &[
        ("pod", &["pod", "pods", "po"]),
        ("deployment", &["deployment", "deployments", "deploy"]),
        ("statefulset", &["statefulset", "statefulsets", "sts"]),
        ("daemonset", &["daemonset", "daemonsets", "ds"]),
        ("replicaset", &["replicaset", "replicasets", "rs"]),
        ("replicationcontroller", &["replicationcontroller", "replicationcontrollers", "rc"]),
        ("job", &["job", "jobs"]),
        ("cronjob", &["cronjob", "cronjobs", "cj"]),
        ("service", &["service", "services", "svc"]),
    ];
    let word = word.to_lowercase();
    let word = word.split('.').next().unwrap_or_default();
    KINDS.iter().find(|(_, words)| words.contains(&word)).map(|(kind, _)| *kind)
}

impl Who {
    /// Reads a word. `namespace` is meant where the word names none; `is_namespace` says which namespaces there are,
    /// since `web/a` may be a pod of the namespace `web`, and `svc/a` a Service.
    ///
    /// # Errors
    /// Where the word has none of the forms.
    pub fn parse(word: &str, namespace: &str, is_namespace: impl Fn(&str) -> bool) -> Result<Self, WhoError> {
        if word.eq_ignore_ascii_case("internet") {
            return Ok(Self::Internet);
        }
        // As in URLs, where a port may follow.
        let word = word.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(word);
        if let Some(address) = Address::parse(word) {
            return Ok(Self::Addresses(Block::one(address)));
        }
        if let Some(block) = Block::parse(word) {
            return Ok(Self::Addresses(block));
        }
        let object = |namespace: &str, kind: &str, name: &str| match kind_of(kind) {
            Some("service") => Ok(Self::Service { namespace: namespace.to_owned(), name: name.to_owned() }),
            Some(kind) => {
                Ok(Self::Object { namespace: namespace.to_owned(), kind: kind.to_owned(), name: name.to_owned() })
            }
            // What custom controllers own pods (a Rollout, say) has no other word.
            None if kind.starts_with(char::is_uppercase) => {
                Ok(Self::Object { namespace: namespace.to_owned(), kind: kind.to_lowercase(), name: name.to_owned() })
            }
            None => Err(WhoError::Kind { kind: kind.to_owned(), word: word.to_owned() }),
        };
        match word.split('/').collect::<Vec<_>>().as_slice() {
            [name] if !name.is_empty() => Ok(Self::Name { namespace: namespace.to_owned(), name: (*name).to_owned() }),
            [namespace, ""] if !namespace.is_empty() => Ok(Self::Namespace((*namespace).to_owned())),
            [kind, name] if !name.is_empty() && kind_of(kind).is_some() && !is_namespace(kind) => {
                object(namespace, kind, name)
            }
            [namespace, name] if !namespace.is_empty() && !name.is_empty() => {
                Ok(Self::Name { namespace: (*namespace).to_owned(), name: (*name).to_owned() })
            }
            [namespace, kind, name] if !namespace.is_empty() && !kind.is_empty() && !name.is_empty() => {
                object(namespace, kind, name)
            }
            _ => Err(WhoError::Form(word.to_owned())),
        }
    }

    /// The pods that are meant by name. None for addresses, and none for Services, which are more than their pods.
    ///
    /// # Errors
    /// Where there is no such namespace, pod or workload.
    pub fn pods(&self, analysis: &Analysis<'_>) -> Result<Vec<PodId>, WhoError> {
        let world = &analysis.world;
        let with = |wanted: &dyn Fn(PodId) -> bool| -> Vec<PodId> {
            (0..world.pods.len())
                .filter_map(|place| u32::try_from(place).ok())
                .map(PodId)
                .filter(|id| wanted(*id))
                .collect()
        };
        match self {
            Self::Namespace(namespace) => {
                let found = with(&|id| world.pod(id).namespace == namespace);
                // A namespace without pods is no mistake, and then nothing is meant.
                if found.is_empty() && world.namespaces.labels(namespace).is_none() {
                    let names: Vec<String> = world.namespaces.names().map(str::to_owned).collect();
                    return Err(self.absent(&names));
                }
                Ok(found)
            }
            Self::Name { namespace, name } => {
                let pods = with(&|id| {
                    let pod = world.pod(id);
                    pod.namespace == namespace && pod.meta.name == *name && !pod.from_template
                });
                if !pods.is_empty() {
                    return Ok(pods);
                }
                let owned = with(&|id| {
                    let owner = world.owner(world.pod(id).owner);
                    owner.namespace == *namespace && owner.name == *name
                });
                if owned.is_empty() { Err(self.absent(&in_namespace(analysis, namespace))) } else { Ok(owned) }
            }
            Self::Object { namespace, kind, name } => {
                let found = with(&|id| {
                    let pod = world.pod(id);
                    let owner = world.owner(pod.owner);
                    let is_pod = kind == "pod" && pod.meta.name == *name && !pod.from_template;
                    let is_owned = owner.kind.eq_ignore_ascii_case(kind) && owner.name == *name;
                    pod.namespace == namespace && (is_pod || is_owned)
                });
                if found.is_empty() { Err(self.absent(&in_namespace(analysis, namespace))) } else { Ok(found) }
            }
            Self::Service { .. } | Self::Addresses(_) | Self::Internet => Ok(Vec::new()),
        }
    }

    /// That it is not there, with what else is.
    pub(crate) fn absent(&self, others: &[String]) -> WhoError {
        let hint = match others {
            [] => String::new(),
            few if few.len() <= 8 => format!("; there are {}", few.join(", ")),
            [first @ .., _] => format!("; there are {} and {} more", first[..8].join(", "), others.len() - 8),
        };
        WhoError::Absent { what: self.to_string(), hint }
    }
}

fn in_namespace(analysis: &Analysis<'_>, namespace: &str) -> Vec<String> {
    let owners = analysis.world.owners.iter().filter(|owner| owner.namespace == namespace);
    owners.map(|owner| format!("{}/{}/{}", owner.namespace, owner.kind.to_lowercase(), owner.name)).collect()
}

impl fmt::Display for Who {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Namespace(namespace) => write!(f, "namespace {namespace}"),
            Self::Name { namespace, name } => write!(f, "{namespace}/{name}"),
            Self::Object { namespace, kind, name } => write!(f, "{kind} {namespace}/{name}"),
            Self::Service { namespace, name } => write!(f, "Service {namespace}/{name}"),
            Self::Addresses(block) if block.first == block.last => {
                Address { family: block.family, number: block.first }.fmt(f)
            }
            Self::Addresses(block) => block.fmt(f),
            Self::Internet => f.write_str("the internet"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_have_many_forms() {
        let parse = |word: &str| Who::parse(word, "here", |name| name == "svc-ns" || name == "deploy").unwrap();
        let name = |namespace: &str, name: &str| Who::Name { namespace: namespace.into(), name: name.into() };
        let object = |namespace: &str, kind: &str, name: &str| Who::Object {
            namespace: namespace.into(),
            kind: kind.into(),
            name: name.into(),
        };
        let service = |namespace: &str, name: &str| Who::Service { namespace: namespace.into(), name: name.into() };
        assert_eq!(parse("web-0"), name("here", "web-0"));
        assert_eq!(parse("shop/web-0"), name("shop", "web-0"));
        assert_eq!(parse("shop/"), Who::Namespace("shop".into()));
        assert_eq!(parse("sts/db"), object("here", "statefulset", "db"));
        assert_eq!(parse("deploy/web"), name("deploy", "web"), "there is a namespace of that name");
        assert_eq!(parse("shop/Deployment/web"), object("shop", "deployment", "web"));
        assert_eq!(parse("shop/Rollout/web"), object("shop", "rollout", "web"));
        assert_eq!(parse("shop/svc/web"), service("shop", "web"));
        assert_eq!(parse("svc/web"), service("here", "web"));
        assert_eq!(parse("10.0.0.1").to_string(), "10.0.0.1");
        assert_eq!(parse("10.0.0.0/8").to_string(), "10.0.0.0-10.255.255.255");
        assert_eq!(parse("fd00::1").to_string(), "fd00::1");
        assert_eq!(parse("internet"), Who::Internet);
        for wrong in ["", "/", "/a", "a/b/c/d", "shop/secret/x", "shop//x"] {
            assert!(Who::parse(wrong, "here", |_| false).is_err(), "{wrong}");
        }
    }
}
