//! The checks by name: how much each matters, where the standards count it, and what to do.
//!
//! Numbers of the CIS benchmark are those of the CIS Kubernetes Benchmark 1.12. The Kubernetes Hardening Guidance 1.2 of
//! NSA and CISA (August 2022) numbers nothing: numbers are those under which Trivy lists its demands (`k8s-nsa`,
//! github.com/aquasecurity/trivy-checks, specs/compliance), and where that list has none, its chapter stands there.

mod access;
mod control_plane;
mod workloads;

use patchkit::{
    report::{CheckStatus, Severity},
    snapshot::{Kind, kinds},
};

use super::{checks::Look, outcome::Outcome};

/// One check.
pub struct CheckKind {
    /// A stable identifier.
    pub id: &'static str,
    /// What it is about, for people.
    pub title: &'static str,
    /// How much it matters where it is not passed.
    pub severity: Severity,
    /// What it is called where something was found: `fail`, or `warn` where it is a matter of judgement.
    pub status: CheckStatus,
    /// Its numbers in the CIS benchmark.
    pub cis: &'static [&'static str],
    /// Its numbers in the guide of NSA and CISA, or the chapter.
    pub nsa: &'static [&'static str],
    /// What to do.
    pub hint: &'static str,
    /// A page to read.
    pub link: &'static str,
    /// What it reads of a live cluster, beside what every check may need.
    pub kinds: &'static [&'static [Kind]],
    pub(super) run: fn(&Look<'_>) -> Outcome,
}

impl std::fmt::Debug for CheckKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.id)
    }
}

/// Every check, in the order of the table: the API server, who asks and who may what, credentials, namespaces,
/// workloads, nodes.
pub fn checks() -> impl Iterator<Item = &'static CheckKind> {
    control_plane::CHECKS.iter().chain(access::CHECKS).chain(workloads::CHECKS)
}

/// The check of this name.
#[must_use]
pub fn check(id: &str) -> Option<&'static CheckKind> {
    checks().find(|check| check.id == id)
}

const WORKLOADS: &[Kind] = &[
    kinds::PODS,
    kinds::DEPLOYMENTS,
    kinds::STATEFUL_SETS,
    kinds::DAEMON_SETS,
    kinds::REPLICA_SETS,
    kinds::JOBS,
    kinds::CRON_JOBS,
];
const SERVING: &[Kind] = &[kinds::DEPLOYMENTS, kinds::STATEFUL_SETS];
const RBAC: &[Kind] = &[kinds::ROLES, kinds::CLUSTER_ROLES, kinds::ROLE_BINDINGS, kinds::CLUSTER_ROLE_BINDINGS];
const BINDINGS: &[Kind] = &[kinds::ROLE_BINDINGS, kinds::CLUSTER_ROLE_BINDINGS];
const NAMESPACES: &[Kind] = &[kinds::NAMESPACES];
const WEBHOOKS: &[Kind] = &[kinds::VALIDATING_WEBHOOKS, kinds::MUTATING_WEBHOOKS];

const AUTHENTICATION: &str = "https://kubernetes.io/docs/reference/access-authn-authz/authentication/";
const AUTHORIZATION: &str = "https://kubernetes.io/docs/reference/access-authn-authz/authorization/";
const PLUGINS: &str = "https://kubernetes.io/docs/reference/access-authn-authz/admission-controllers/";
const AUDIT: &str = "https://kubernetes.io/docs/tasks/debug/debug-cluster/audit/";
const RBAC_PRACTICE: &str = "https://kubernetes.io/docs/concepts/security/rbac-good-practices/";
const ACCOUNTS: &str = "https://kubernetes.io/docs/tasks/configure-pod-container/configure-service-account/";
const PROBES: &str =
    "https://kubernetes.io/docs/tasks/configure-pod-container/configure-liveness-readiness-startup-probes/";
const POLICIES: &str = "https://kubernetes.io/docs/concepts/services-networking/network-policies/";
const DISRUPTIONS: &str = "https://kubernetes.io/docs/tasks/run-application/configure-pdb/";

const ACCESS: &str = "Authentication and authorization";
const PODS: &str = "Kubernetes Pod security";
const NETWORK: &str = "Network separation and hardening";
const LOGGING: &str = "Audit Logging and Threat Detection";
const UPGRADING: &str = "Upgrading and application security practices";

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn names_are_stable_words_and_nobodys_twice() {
        let ids: BTreeSet<&str> = checks().map(|check| check.id).collect();
        assert_eq!(ids.len(), checks().count());
        assert!(ids.iter().all(|id| id.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-')));
        assert_eq!(check("identity").map(|found| found.cis), Some(&["5.1.7"][..]));
        assert!(check("nonsense").is_none());
        assert!(checks().all(|check| matches!(check.status, CheckStatus::Fail | CheckStatus::Warn)));
        assert!(checks().all(|check| check.link.starts_with("https://")));
    }
}
