//! Who asks: what the server says of the user, what the user may do, and what the kubeconfig holds. Told by the
//! command; here it is only a value.

use std::{collections::BTreeSet, sync::LazyLock};

use patchkit::{cluster::KubeconfigUser, snapshot::objects::cluster_wide::PolicyRule};
use serde::Deserialize;

use super::outcome::Gap;
use crate::rights::allows;

/// A right that lets its holder take over what it does not have yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Danger {
    /// The verb.
    pub verb: &'static str,
    /// The API group; empty for the core group.
    pub group: &'static str,
    /// The resource.
    pub resource: &'static str,
    /// The subresource, or empty.
    pub subresource: &'static str,
}

const fn danger(verb: &'static str, group: &'static str, resource: &'static str, subresource: &'static str) -> Danger {
    Danger { verb, group, resource, subresource }
}

const RBAC: &str = "rbac.authorization.k8s.io";

/// Whoever has it reads every Secret: no list can be allowed without the data.
pub const LIST_SECRETS: Danger = danger("list", "", "secrets", "");

/// What is asked one by one where the server cannot list all rights of a user: the first is everything.
pub const DANGERS: [Danger; 11] = [
    danger("*", "*", "*", ""),
    danger("get", "", "secrets", ""),
    LIST_SECRETS,
    danger("create", "", "pods", ""),
    danger("create", "", "pods", "exec"),
    danger("create", "", "serviceaccounts", "token"),
    danger("get", "", "nodes", "proxy"),
    danger("impersonate", "", "users", ""),
    danger("escalate", RBAC, "clusterroles", ""),
    danger("bind", RBAC, "clusterroles", ""),
    danger("update", "admissionregistration.k8s.io", "validatingwebhookconfigurations", ""),
];

impl Danger {
    /// `create pods/exec`, `bind clusterroles.rbac.authorization.k8s.io`.
    #[must_use]
    pub fn display(&self) -> String {
        if self.verb == "*" {
            return "everything".to_owned();
        }
        let mut text = format!("{} {}", self.verb, self.resource);
        if !self.subresource.is_empty() {
            text.push('/');
            text.push_str(self.subresource);
        }
        if !self.group.is_empty() {
            text.push('.');
            text.push_str(self.group);
        }
        text
    }
}

/// What the server says of whoever asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Me {
    /// The user (SelfSubjectReview).
    pub username: String,
    /// The groups.
    pub groups: Vec<String>,
    /// What the user may do (SelfSubjectRulesReview, for [`Self::namespace`]), or why that is not known.
    pub rights: Result<Rights, String>,
    /// The namespace that the rights hold for beside those of the whole cluster.
    pub namespace: String,
}

/// What a user may do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rights {
    /// The rules.
    pub rules: Vec<PolicyRule>,
    /// Why there may be more than the rules; `None` where they are all.
    pub incomplete: Option<String>,
    /// Of [`DANGERS`] those that the user has, where they were asked for one by one.
    pub dangers: Vec<Danger>,
}

/// Whoever asks, as far as it is known.
#[derive(Debug)]
pub struct Own {
    pub(super) me: Result<Me, Gap>,
    pub(super) kubeconfig: Result<Vec<KubeconfigUser>, Gap>,
    /// Why Secrets were not asked for, where they were not.
    pub(super) secrets: Option<Gap>,
}

impl Own {
    /// Of a cluster that was asked. Errors say why something is not known.
    #[must_use]
    pub fn of_cluster(me: Result<Me, String>, kubeconfig: Result<Vec<KubeconfigUser>, String>) -> Self {
        Self { me: me.map_err(Gap::new), kubeconfig: kubeconfig.map_err(Gap::new), secrets: None }
    }

    /// Notes that Secrets were not asked for, since the user may not list them. That is as it should be: the right
    /// shows the data of every Secret, and so the shipped roles do without it.
    #[must_use]
    pub fn without_secrets(self) -> Self {
        let why = "Secrets were not asked for: you cannot list resource \"secrets\", a right that shows all of their \
                   data and that the roles of kubectl secpatch rbac leave out for that reason";
        Self { secrets: Some(Gap::hidden(why)), ..self }
    }

    /// Of files, with the users of a kubeconfig where one was named.
    #[must_use]
    pub fn of_files(kubeconfig: Option<Result<Vec<KubeconfigUser>, String>>) -> Self {
        let kubeconfig = match kubeconfig {
            Some(read) => read.map_err(Gap::new),
            None => Err(Gap::hidden("with -f no kubeconfig is read; --kubeconfig names one to be looked at")),
        };
        Self { me: Err(Gap::hidden("files do not tell who asks a server")), kubeconfig, secrets: None }
    }
}

/// The roles with which all commands of all three plugins work.
const ROLES: [&str; 3] = [
    include_str!("../../../../deploy/rbac/secpatch-operate.yaml"),
    include_str!("../../../../deploy/rbac/drainsafe-operate.yaml"),
    include_str!("../../../../deploy/rbac/netpolcheck-operate.yaml"),
];

/// Who one is and what one may do: everybody may ask (the ClusterRole `system:basic-user`).
const ASKING: [(&str, &str); 3] = [
    ("authentication.k8s.io", "selfsubjectreviews"),
    ("authorization.k8s.io", "selfsubjectaccessreviews"),
    ("authorization.k8s.io", "selfsubjectrulesreviews"),
];

#[derive(Deserialize)]
struct Rules {
    rules: Vec<PolicyRule>,
}

/// What the commands of these plugins need.
static NEEDED: LazyLock<Vec<PolicyRule>> = LazyLock::new(|| {
    let read = |role: &&str| serde_saphyr::from_str::<Rules>(role).map(|role| role.rules).unwrap_or_default();
    ROLES.iter().flat_map(read).collect()
});

/// What rules allow beyond what these plugins need, each as `verb, verb resource.group`; sorted.
pub(super) fn beyond(rules: &[PolicyRule]) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for rule in rules {
        for resource in &rule.resources {
            for group in &rule.api_groups {
                let verbs: Vec<&str> = rule
                    .verbs
                    .iter()
                    .map(|verb| verb.as_str())
                    .filter(|verb| !is_needed(group, resource, verb))
                    .collect();
                if verbs.is_empty() {
                    continue;
                }
                let full = match (group.as_str(), resource.as_str()) {
                    ("*", "*") => "everything".to_owned(),
                    ("", resource) => resource.to_owned(),
                    (group, resource) => format!("{resource}.{group}"),
                };
                let verbs = if verbs.contains(&"*") { "*".to_owned() } else { verbs.join(", ") };
                found.insert(format!("{verbs} {full}"));
            }
        }
    }
    found
}

fn is_needed(group: &str, resource: &str, verb: &str) -> bool {
    let is_secrets = matches!(group, "" | "*") && matches!(resource, "secrets" | "*");
    if matches!(verb, "get" | "list" | "watch") {
        return !is_secrets;
    }
    (verb == "create" && ASKING.contains(&(group, resource)))
        || NEEDED.iter().any(|rule| allows(rule, verb, group, resource))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(group: &str, resource: &str, verbs: &[&str]) -> PolicyRule {
        PolicyRule {
            api_groups: vec![group.into()],
            resources: vec![resource.into()],
            verbs: verbs.iter().map(|verb| (*verb).into()).collect(),
            ..PolicyRule::default()
        }
    }

    #[test]
    fn only_what_is_not_needed_is_named() {
        let rules = [
            rule("", "pods", &["get", "list", "watch", "delete"]),
            rule("", "secrets", &["get"]),
            rule("apps", "deployments", &["patch", "create"]),
            rule("*", "*", &["get", "list"]),
            rule("*", "*", &["*"]),
            rule("authorization.k8s.io", "selfsubjectaccessreviews", &["create"]),
        ];
        let found: Vec<String> = beyond(&rules).into_iter().collect();
        assert_eq!(found, ["* everything", "create deployments.apps", "get secrets", "get, list everything"]);
    }

    #[test]
    fn what_the_shipped_roles_allow_is_needed() {
        assert!(!NEEDED.is_empty());
        assert_eq!(beyond(&NEEDED), BTreeSet::new());
    }

    #[test]
    fn dangers_are_written_as_kubectl_asks_for_them() {
        let words: Vec<String> = DANGERS.iter().map(Danger::display).collect();
        assert!(words.contains(&"create pods/exec".to_owned()) && words.contains(&"everything".to_owned()));
        assert!(words.contains(&format!("bind clusterroles.{RBAC}")));
    }
}
