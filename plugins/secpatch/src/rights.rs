//! Who may do what, as far as RBAC says it.

use std::collections::{BTreeMap, BTreeSet};

use patchkit::{
    report::ObjectRef,
    snapshot::{
        Kind, Snapshot, kinds,
        objects::cluster_wide::{PolicyRule, Role, RoleBinding, Subject as Holder},
    },
};

/// The kinds that RBAC is written in.
pub(crate) const KINDS: [Kind; 4] =
    [kinds::ROLES, kinds::CLUSTER_ROLES, kinds::ROLE_BINDINGS, kinds::CLUSTER_ROLE_BINDINGS];

/// The groups and users that everybody is, who gets as far as the API server, or every ServiceAccount.
pub(crate) const EVERYBODY: [&str; 4] =
    ["system:authenticated", "system:unauthenticated", "system:serviceaccounts", "system:anonymous"];

/// Whether a rule allows a verb on a resource (`pkg/apis/rbac/v1/evaluation_helpers.go`). A rule for single names
/// counts as one for all.
pub(crate) fn allows(rule: &PolicyRule, verb: &str, group: &str, resource: &str) -> bool {
    let subresource = resource.split_once('/').map(|(_, sub)| format!("*/{sub}"));
    names(&rule.verbs, verb)
        && names(&rule.api_groups, group)
        && (names(&rule.resources, resource)
            || subresource.is_some_and(|any| rule.resources.iter().any(|item| *item == any)))
}

fn names(list: &[impl AsRef<str>], wanted: &str) -> bool {
    list.iter().any(|item| matches!(item.as_ref(), "*") || item.as_ref() == wanted)
}

/// The system's own users and the administrators, whom everybody has to trust. What every user or every ServiceAccount
/// is a member of counts as people.
pub(crate) fn is_trusted(holder: &Holder) -> bool {
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

/// Whether a binding makes administrators of the whole cluster.
pub(crate) fn makes_administrators(binding: &RoleBinding) -> bool {
    binding.cluster_wide && binding.role.kind == "ClusterRole" && binding.role.name == "cluster-admin"
}

/// A binding whose role passes a test, and those of its subjects that count.
pub(crate) struct Grant<'s> {
    pub(crate) binding: &'s RoleBinding,
    pub(crate) role: &'s Role,
    pub(crate) holders: Vec<&'s Holder>,
}

/// The roles of a snapshot by what a binding names.
struct Roles<'s>(BTreeMap<(bool, &'s str, &'s str), &'s Role>);

impl<'s> Roles<'s> {
    fn of(roles: impl Iterator<Item = &'s Role>) -> Self {
        Self(roles.map(|role| ((role.cluster_wide, &*role.meta.namespace, role.meta.name.as_str()), role)).collect())
    }

    fn named(&self, binding: &RoleBinding) -> Option<&'s Role> {
        let cluster_wide = binding.role.kind == "ClusterRole";
        let namespace = if cluster_wide { "" } else { &*binding.meta.namespace };
        self.0.get(&(cluster_wide, namespace, binding.role.name.as_str())).copied()
    }
}

/// Every binding that gives a role which passes a test to somebody who counts. Who holds cluster-admin in the whole
/// cluster is an administrator, and may do everything anyway.
pub(crate) fn grants<'s>(
    snapshot: &'s Snapshot,
    test: impl Fn(&PolicyRule) -> bool,
    counts: impl Fn(&RoleBinding, &Holder) -> bool,
) -> Vec<Grant<'s>> {
    let roles = Roles::of(snapshot.roles.iter().filter(|role| role.rules.iter().any(&test)));
    let bindings = snapshot.role_bindings.iter().filter(|binding| !makes_administrators(binding));
    bindings
        .filter_map(|binding| {
            let role = roles.named(binding)?;
            let holders: Vec<&Holder> = binding.subjects.iter().filter(|holder| counts(binding, holder)).collect();
            (!holders.is_empty()).then_some(Grant { binding, role, holders })
        })
        .collect()
}

/// Everybody besides administrators and the system's own whose roles pass a test, with the role.
pub(crate) fn holders(
    snapshot: &Snapshot,
    test: impl Fn(&PolicyRule) -> bool,
) -> BTreeMap<Holder, BTreeSet<ObjectRef>> {
    let mut found: BTreeMap<Holder, BTreeSet<ObjectRef>> = BTreeMap::new();
    for grant in grants(snapshot, test, |_, holder| !is_trusted(holder)) {
        let role = grant.role.meta.object_ref(grant.role.kind());
        for holder in grant.holders {
            found.entry(holder.clone()).or_default().insert(role.clone());
        }
    }
    found
}

/// Bindings to roles that were not read, of people and their programs: what they give cannot be told. In a cluster
/// whose roles were all read such a binding gives nothing. A manifest of a role that a controller fills tells nothing.
pub(crate) fn unresolved(snapshot: &Snapshot) -> Vec<&RoleBinding> {
    let roles = Roles::of(snapshot.roles.iter());
    let is_unread = |binding: &&RoleBinding| {
        let kind = if binding.role.kind == "ClusterRole" { kinds::CLUSTER_ROLES } else { kinds::ROLES };
        let all_were_read = snapshot.coverage(&kind) == patchkit::snapshot::Coverage::Complete;
        let says_nothing = |role: &Role| snapshot.is_from_files() && role.aggregated && role.rules.is_empty();
        let is_unknown = roles.named(binding).map_or(!all_were_read, says_nothing);
        is_unknown && !makes_administrators(binding) && binding.subjects.iter().any(|holder| !is_trusted(holder))
    };
    snapshot.role_bindings.iter().filter(is_unread).collect()
}

/// The ServiceAccount that a subject of a binding means, by namespace and name: also where it is written as the user
/// that it is to the API server.
pub(crate) fn service_account<'s>(binding: &'s RoleBinding, holder: &'s Holder) -> Option<(&'s str, &'s str)> {
    if holder.kind == "ServiceAccount" {
        let namespace = if holder.namespace.is_empty() { &*binding.meta.namespace } else { &holder.namespace };
        return Some((namespace, &holder.name));
    }
    holder.name.strip_prefix("system:serviceaccount:")?.split_once(':')
}

/// Why the rights are not known; `None` where they are.
pub(crate) fn why_unknown(snapshot: &Snapshot) -> Option<String> {
    KINDS.iter().find_map(|kind| snapshot.why_unknown(kind))
}

/// `user alice`, `group dev`, `ServiceAccount shop/web`.
pub(crate) fn display(holder: &Holder) -> String {
    match holder.kind.as_str() {
        "ServiceAccount" => format!("ServiceAccount {}/{}", holder.namespace, holder.name),
        kind => format!("{} {}", kind.to_lowercase(), holder.name),
    }
}
