//! Predicates on who may do what.

use patchkit::snapshot::Snapshot;

use crate::{
    cves::preconditions::evaluate::Answer,
    rights::{allows, display, holders, why_unknown},
    words::summary,
};

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
