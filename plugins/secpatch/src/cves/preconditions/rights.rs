//! Who may do what, as far as RBAC says it.

use std::collections::{BTreeMap, BTreeSet};

use patchkit::{
    report::ObjectRef,
    snapshot::{
        Kind, Snapshot, kinds,
        objects::cluster_wide::{PolicyRule, Role, Subject as Holder},
    },
};

use crate::{cves::preconditions::evaluate::Answer, words::summary};

/// The kinds that RBAC is written in.
const KINDS: [Kind; 4] = [kinds::ROLES, kinds::CLUSTER_ROLES, kinds::ROLE_BINDINGS, kinds::CLUSTER_ROLE_BINDINGS];

/// Whether a rule allows a verb on a resource (`pkg/apis/rbac/v1/evaluation_helpers.go`). A rule for single names
/// counts as one for all.
fn allows(rule: &PolicyRule, verb: &str, group: &str, resource: &str) -> bool {
    let subresource = resource.split_once('/').map(|(_, sub)| format!("*/{sub}"));
    names(&rule.verbs, verb)
        && names(&rule.api_groups, group)
        && (names(&rule.resources, resource)
            || subresource.is_some_and(|any| rule.resources.iter().any(|item| *item == any)))
}

fn names(list: &[impl AsRef<str>], wanted: &str) -> bool {
    list.iter().any(|item| matches!(item.as_ref(), "*") || item.as_ref() == wanted)
}

/// Group and resource of `discovery.k8s.io/endpointslices`, `services/status`, `endpoints`: a group has a point in it,
/// or is one of the few that have none.
fn split(resource: &str) -> (&str, &str) {
    match resource.split_once('/') {
        Some((group, rest))
            if group.contains('.') || matches!(group, "apps" | "batch" | "policy" | "autoscaling" | "extensions") =>
        {
            (group, rest)
        }
        _ => ("", resource),
    }
}

/// The system's own users and the administrators, whom everybody has to trust. What every user or every ServiceAccount
/// is a member of counts as people.
fn is_trusted(holder: &Holder) -> bool {
    const EVERYBODY: [&str; 4] =
        ["system:authenticated", "system:unauthenticated", "system:serviceaccounts", "system:anonymous"];
    match holder.kind.as_str() {
        "ServiceAccount" => holder.namespace == "kube-system",
        _ => {
            let name = holder.name.as_str();
            let in_kube_system =
                name.starts_with("system:serviceaccount:kube-system:") || name == "system:serviceaccounts:kube-system";
            let of_accounts = name.starts_with("system:serviceaccount");
            in_kube_system
                || (name.starts_with("system:") && !EVERYBODY.contains(&name) && !of_accounts)
                || name.starts_with("kubeadm:cluster-admins")
        }
    }
}

/// Everybody besides administrators and the system's own whose roles pass a test, with the role.
pub(crate) fn holders(
    snapshot: &Snapshot,
    grants: impl Fn(&PolicyRule) -> bool,
) -> BTreeMap<Holder, BTreeSet<ObjectRef>> {
    let roles: BTreeMap<(bool, &str, &str), &Role> = snapshot
        .roles
        .iter()
        .filter(|role| role.rules.iter().any(&grants))
        .map(|role| ((role.cluster_wide, &*role.meta.namespace, role.meta.name.as_str()), role))
        .collect();
    let mut found: BTreeMap<Holder, BTreeSet<ObjectRef>> = BTreeMap::new();
    for binding in &snapshot.role_bindings {
        let cluster_wide = binding.role.kind == "ClusterRole";
        // Who holds cluster-admin in the whole cluster is an administrator.
        if cluster_wide && binding.cluster_wide && binding.role.name == "cluster-admin" {
            continue;
        }
        let namespace = if cluster_wide { "" } else { &*binding.meta.namespace };
        let Some(role) = roles.get(&(cluster_wide, namespace, binding.role.name.as_str())) else { continue };
        for holder in binding.subjects.iter().filter(|holder| !is_trusted(holder)) {
            found.entry(holder.clone()).or_default().insert(role.meta.object_ref(role.kind()));
        }
    }
    found
}

/// Why the rights are not known; `None` where they are.
pub(crate) fn why_unknown(snapshot: &Snapshot) -> Option<String> {
    KINDS.iter().find_map(|kind| snapshot.why_unknown(kind))
}

/// `alice`, `group dev`, `ServiceAccount shop/web`.
pub(crate) fn display(holder: &Holder) -> String {
    match holder.kind.as_str() {
        "ServiceAccount" => format!("ServiceAccount {}/{}", holder.namespace, holder.name),
        kind => format!("{} {}", kind.to_lowercase(), holder.name),
    }
}

pub(super) fn granted(snapshot: &Snapshot, verbs: &[String], resources: &[String]) -> Answer {
    let holders = holders(snapshot, |rule| {
        resources.iter().any(|resource| {
            let (group, resource) = split(resource);
            verbs.iter().any(|verb| allows(rule, verb, group, resource))
        })
    });
    let what = format!("may {} {}", verbs.join(" or "), resources.join(" or "));
    if !holders.is_empty() {
        let names: Vec<String> = holders.keys().map(display).collect();
        // The rights show; whether their holders are to be trusted does not.
        return Answer::unknown(format!(
            "possible: {} {what}; whether to trust them only you can tell",
            summary(&names)
        ));
    }
    match why_unknown(snapshot) {
        Some(why) => Answer::unknown(why),
        None => Answer::no(format!("nobody besides administrators and the system's own {what}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{cves::Holds, testing::Cluster};

    const LISTS: &str = "
{apiVersion: rbac.authorization.k8s.io/v1, kind: RoleList, items: []}
---
{apiVersion: rbac.authorization.k8s.io/v1, kind: RoleBindingList, items: []}
---
";

    fn cluster(resources: &str, binding: &str) -> Cluster {
        Cluster::of(&format!(
            "{LISTS}{{apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRole, metadata: {{name: r}}, rules: [{{apiGroups: [''], resources: [{resources}], verbs: [create]}}]}}\n---\n{{apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRoleBinding, metadata: {{name: b}}, roleRef: {{kind: ClusterRole, name: r}}, subjects: [{binding}]}}"
        ))
    }

    #[test]
    fn only_people_count_and_only_if_bound() {
        let ask =
            |cluster: &Cluster| granted(&cluster.snapshot, &["create".to_owned()], &["services/status".to_owned()]);
        for (resources, binding, expected) in [
            ("services/status", "{kind: User, name: alice}", Holds::Unknown),
            ("'*/status'", "{kind: ServiceAccount, name: a, namespace: shop}", Holds::Unknown),
            ("'*'", "{kind: Group, name: 'system:authenticated'}", Holds::Unknown),
            ("services", "{kind: User, name: alice}", Holds::No),
            ("services/status", "{kind: Group, name: 'system:masters'}", Holds::No),
            ("services/status", "{kind: ServiceAccount, name: a, namespace: kube-system}", Holds::No),
            ("services/status", "", Holds::No),
        ] {
            let answer = ask(&cluster(resources, binding));
            assert_eq!(answer.holds, expected, "{resources} {binding}: {}", answer.why);
        }
        assert!(ask(&cluster("services/status", "{kind: User, name: alice}")).why.contains("user alice"));
        assert_eq!(ask(&Cluster::of("")).holds, Holds::Unknown);
    }

    #[test]
    fn groups_and_subresources_are_told_apart() {
        assert_eq!(split("discovery.k8s.io/endpointslices"), ("discovery.k8s.io", "endpointslices"));
        assert_eq!(split("services/status"), ("", "services/status"));
        assert_eq!(split("apps/deployments"), ("apps", "deployments"));
        assert_eq!(split("nodes"), ("", "nodes"));
    }
}
