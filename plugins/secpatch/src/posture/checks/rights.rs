//! Who may do what: administrators, wildcards, and the rights by which a user gets more than was given.

use patchkit::{
    report::Severity,
    snapshot::objects::cluster_wide::{PolicyRule, Role, RoleBinding, Subject as Holder},
};

use super::{
    super::outcome::{Found, Gap, Outcome, unread},
    Look,
};
use crate::{
    rights::{self, EVERYBODY, Grant, allows, display, grants, is_trusted, service_account},
    words::{count, summary},
};

/// What was not read of the rights.
fn gaps(look: &Look<'_>) -> Vec<Gap> {
    let mut gaps: Vec<Gap> = rights::KINDS.iter().filter_map(|kind| unread(look.snapshot, kind)).collect();
    let unresolved = rights::unresolved(look.snapshot);
    if !unresolved.is_empty() {
        let mut names: Vec<String> =
            unresolved.iter().map(|binding| format!("{} {}", binding.role.kind, binding.role.name)).collect();
        names.sort();
        names.dedup();
        let bindings = count(unresolved.len(), "binding");
        gaps.push(Gap::new(format!("{bindings} of roles that were not read: {}", summary(&names))));
    }
    gaps
}

fn about(look: &Look<'_>, binding: &RoleBinding, detail: String) -> Found {
    Found::about(look.snapshot, binding.kind(), &binding.meta, detail)
}

/// `group dev, ServiceAccount shop/web`.
fn holders_of(grant: &Grant<'_>) -> String {
    let names: Vec<String> = grant.holders.iter().map(|holder| display(holder)).collect();
    summary(&names)
}

fn is_everybody(names: &str) -> bool {
    EVERYBODY.contains(&names)
}

pub(in super::super) fn cluster_admin(look: &Look<'_>) -> Outcome {
    let of_cluster_admin = |binding: &&RoleBinding| {
        binding.role.kind == "ClusterRole" && binding.role.name == "cluster-admin" && !binding.subjects.is_empty()
    };
    let found = look
        .snapshot
        .role_bindings
        .iter()
        .filter(of_cluster_admin)
        .filter_map(|binding| {
            // What every installer makes: the group system:masters, and kubeadm's own group since 1.29.
            let others: Vec<String> = binding
                .subjects
                .iter()
                .filter(|holder| {
                    !(holder.kind == "Group"
                        && matches!(holder.name.as_str(), "system:masters" | "kubeadm:cluster-admins"))
                })
                .map(display)
                .collect();
            let anybody = binding.subjects.iter().any(|holder| is_everybody(&holder.name));
            let place = match binding.cluster_wide {
                true => "in the whole cluster".to_owned(),
                false => format!("in namespace {}", binding.meta.namespace),
            };
            (!others.is_empty()).then(|| {
                let found = about(look, binding, format!("{} may do everything {place}", summary(&others)));
                if anybody { found.of_severity(Severity::Critical) } else { found }
            })
        })
        .collect();
    Outcome::counted(found, count(look.snapshot.role_bindings.len(), "binding"), "make administrators")
        .needing(look.snapshot, &rights::KINDS[2..])
}

/// A role that Kubernetes itself brings.
fn is_built_in(role: &Role) -> bool {
    role.meta.labels.contains_key("kubernetes.io/bootstrapping")
        || (role.cluster_wide && matches!(role.meta.name.as_str(), "cluster-admin" | "admin" | "edit" | "view"))
}

fn star(list: &[impl AsRef<str>]) -> bool {
    list.iter().any(|item| item.as_ref() == "*")
}

pub(in super::super) fn wildcards(look: &Look<'_>) -> Outcome {
    let own: Vec<&Role> = look.snapshot.roles.iter().filter(|role| !is_built_in(role)).collect();
    let found = own
        .iter()
        .filter_map(|role| {
            let wild = role.rules.iter().filter(|rule| star(&rule.verbs) || star(&rule.resources));
            // The worst of its rules: everything, or every resource of the core group.
            let worst = wild.max_by_key(|rule| (star(&rule.verbs), star(&rule.resources), star(&rule.api_groups)))?;
            let is_all = star(&worst.verbs)
                && star(&worst.resources)
                && worst.api_groups.iter().any(|group| group.is_empty() || group == "*");
            let detail = format!(
                "verbs {} on resources {} of the groups {:?}",
                worst.verbs.join(","),
                if worst.resources.is_empty() { &worst.non_resource_urls } else { &worst.resources }.join(","),
                worst.api_groups.join(",")
            );
            let found = Found::about(look.snapshot, role.kind(), &role.meta, detail);
            Some(if is_all { found.of_severity(Severity::High) } else { found })
        })
        .collect();
    Outcome::counted(found, count(own.len(), "role"), "allow by a wildcard").needing(look.snapshot, &rights::KINDS[..2])
}

/// Whether a subject is no part of the system: an add-on in kube-system is none, where its role is not the system's own.
fn counts(binding: &RoleBinding, holder: &Holder) -> bool {
    let is_add_on = holder.kind == "ServiceAccount" && !binding.role.name.starts_with("system:");
    is_add_on || !is_trusted(holder)
}

/// Bindings of a right to somebody who is neither an administrator nor part of the system.
fn holding(look: &Look<'_>, what: &'static str, test: impl Fn(&PolicyRule) -> bool) -> Outcome {
    let found = grants(look.snapshot, test, counts)
        .iter()
        .map(|grant| {
            let role = format!("{} {}", grant.role.kind(), grant.role.meta.name);
            let found = about(look, grant.binding, format!("{} may {what}, by {role}", holders_of(grant)));
            if grant.holders.iter().any(|holder| is_everybody(&holder.name)) {
                found.of_severity(Severity::Critical)
            } else if grant.holders.iter().all(|holder| is_trusted(holder)) {
                // Whoever may write to kube-system has won already.
                found.of_severity(Severity::Low)
            } else {
                found
            }
        })
        .collect();
    let of = count(look.snapshot.role_bindings.len(), "binding");
    Outcome::counted(found, of, format!("let somebody {what}")).with_gaps(gaps(look))
}

/// Any of these verbs on a resource of all names.
fn any_of(rule: &PolicyRule, verbs: &[&str], group: &str, resource: &str) -> bool {
    rule.resource_names.is_empty() && verbs.iter().any(|verb| allows(rule, verb, group, resource))
}

pub(in super::super) fn secrets(look: &Look<'_>) -> Outcome {
    holding(look, "read Secrets", |rule| any_of(rule, &["get", "list", "watch"], "", "secrets"))
}

const RBAC: &str = "rbac.authorization.k8s.io";

/// What may be impersonated (`pkg/endpoints/filters/impersonation` of the API server).
const WHO: [(&str, &str); 5] = [
    ("", "users"),
    ("", "groups"),
    ("", "serviceaccounts"),
    ("authentication.k8s.io", "uids"),
    ("authentication.k8s.io", "userextras"),
];

pub(in super::super) fn escalation(look: &Look<'_>) -> Outcome {
    holding(look, "escalate, bind or impersonate", |rule| {
        let raises =
            ["roles", "clusterroles"].iter().any(|resource| any_of(rule, &["escalate", "bind"], RBAC, resource));
        // Single names are a fence, but not where one of them is the system's own.
        let is_fenced =
            !rule.resource_names.is_empty() && !rule.resource_names.iter().any(|name| name.starts_with("system:"));
        let acts = WHO.iter().any(|(group, resource)| allows(rule, "impersonate", group, resource));
        raises || (acts && !is_fenced)
    })
}

pub(in super::super) fn create_pods(look: &Look<'_>) -> Outcome {
    holding(look, "create pods", |rule| any_of(rule, &["create"], "", "pods"))
}

pub(in super::super) fn exec(look: &Look<'_>) -> Outcome {
    holding(look, "run commands in pods", |rule| {
        ["pods/exec", "pods/attach"].iter().any(|resource| any_of(rule, &["create", "get"], "", resource))
    })
}

pub(in super::super) fn persistent_volumes(look: &Look<'_>) -> Outcome {
    holding(look, "create PersistentVolumes", |rule| any_of(rule, &["create"], "", "persistentvolumes"))
}

pub(in super::super) fn nodes_proxy(look: &Look<'_>) -> Outcome {
    holding(look, "use the proxy of nodes", |rule| any_of(rule, &["get", "create"], "", "nodes/proxy"))
}

pub(in super::super) fn approve_certificates(look: &Look<'_>) -> Outcome {
    holding(look, "approve certificates", |rule| {
        any_of(rule, &["update", "patch"], "certificates.k8s.io", "certificatesigningrequests/approval")
    })
}

pub(in super::super) fn webhooks(look: &Look<'_>) -> Outcome {
    let resources = ["validatingwebhookconfigurations", "mutatingwebhookconfigurations"];
    holding(look, "change admission webhooks", |rule| {
        let group = "admissionregistration.k8s.io";
        resources.iter().any(|resource| any_of(rule, &["create", "update", "patch", "delete"], group, resource))
    })
}

pub(in super::super) fn create_tokens(look: &Look<'_>) -> Outcome {
    holding(look, "make tokens of service accounts", |rule| any_of(rule, &["create"], "", "serviceaccounts/token"))
}

pub(in super::super) fn default_accounts(look: &Look<'_>) -> Outcome {
    let found = look
        .snapshot
        .role_bindings
        .iter()
        .filter_map(|binding| {
            let defaults: Vec<String> = binding
                .subjects
                .iter()
                .filter(|holder| {
                    // The default account of a namespace is in the group of all its accounts.
                    let in_group = holder.kind == "Group" && holder.name.starts_with("system:serviceaccounts:");
                    in_group || service_account(binding, holder).is_some_and(|(_, name)| name == "default")
                })
                .map(display)
                .collect();
            (!defaults.is_empty()).then(|| {
                let role = format!("{} {}", binding.role.kind, binding.role.name);
                about(look, binding, format!("{} has the rights of {role}", summary(&defaults)))
            })
        })
        .collect();
    Outcome::counted(
        found,
        count(look.snapshot.role_bindings.len(), "binding"),
        "give rights to a default ServiceAccount",
    )
    .needing(look.snapshot, &rights::KINDS[2..])
}

/// What Kubernetes and kubeadm give to everybody: the version, the list of APIs, the keys of service accounts, and
/// what a new node needs to join.
const FOR_ALL: [&str; 6] = [
    "system:cluster-trust-bundle-discovery",
    "system:basic-user",
    "system:discovery",
    "system:public-info-viewer",
    "system:service-account-issuer-discovery",
    "kubeadm:bootstrap-signer-clusterinfo",
];

/// Whether a binding gives no more than what everybody is meant to have: what is listed here, and what a newer API
/// server has made itself.
pub(super) fn is_for_all(binding: &RoleBinding) -> bool {
    let role = binding.role.name.as_str();
    let made_by_server = binding.meta.labels.get("kubernetes.io/bootstrapping") == Some("rbac-defaults");
    FOR_ALL.contains(&role) || (made_by_server && role.starts_with("system:"))
}

pub(in super::super) fn everybody(look: &Look<'_>) -> Outcome {
    let found = look
        .snapshot
        .role_bindings
        .iter()
        .filter(|binding| !is_for_all(binding))
        .filter_map(|binding| {
            let all: Vec<String> =
                binding.subjects.iter().filter(|holder| is_everybody(&holder.name)).map(display).collect();
            let strangers = binding
                .subjects
                .iter()
                .any(|holder| matches!(holder.name.as_str(), "system:anonymous" | "system:unauthenticated"));
            (!all.is_empty()).then(|| {
                let role = format!("{} {}", binding.role.kind, binding.role.name);
                let found = about(look, binding, format!("{} has the rights of {role}", summary(&all)));
                if strangers { found.of_severity(Severity::Critical) } else { found }
            })
        })
        .collect();
    Outcome::counted(found, count(look.snapshot.role_bindings.len(), "binding"), "give rights to everybody")
        .needing(look.snapshot, &rights::KINDS[2..])
}
