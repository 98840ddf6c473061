//! All checks together.

use super::{
    check::{Check, Subject, Violation},
    checks,
    level::Level,
    version::PolicyVersion,
};

/// Every check, in the API server's order: baseline before restricted, then by name as bytes sort.
pub const CHECKS: &[&Check] = &[
    &checks::app_armor_profile::CHECK,
    &checks::capabilities_baseline::CHECK,
    &checks::host_namespaces::CHECK,
    &checks::host_path_volumes::CHECK,
    &checks::host_ports::CHECK,
    &checks::host_probes_and_host_lifecycle::CHECK,
    &checks::privileged::CHECK,
    &checks::proc_mount::CHECK,
    &checks::se_linux_options::CHECK,
    &checks::seccomp_profile_baseline::CHECK,
    &checks::sysctls::CHECK,
    &checks::windows_host_process::CHECK,
    &checks::allow_privilege_escalation::CHECK,
    &checks::capabilities_restricted::CHECK,
    &checks::proc_mount_restricted::CHECK,
    &checks::restricted_volumes::CHECK,
    &checks::run_as_non_root::CHECK,
    &checks::run_as_user::CHECK,
    &checks::seccomp_profile_restricted::CHECK,
];

/// The checks that a level asks for at a policy version, without those that a stricter one replaces.
pub fn active(level: Level, version: PolicyVersion) -> impl Iterator<Item = &'static Check> {
    let asked = move |check: &Check| check.level <= level && check.at(version).is_some();
    CHECKS.iter().copied().filter(move |check| {
        asked(check) && !CHECKS.iter().any(|other| other.replaces == Some(check.id) && asked(other))
    })
}

/// What a level forbids of a pod or template at a policy version; empty where it is allowed. A version newer than
/// [`PolicyVersion::NEWEST`] is judged by that one, as the API server does it.
#[must_use]
pub fn evaluate(subject: Subject<'_>, level: Level, version: PolicyVersion) -> Vec<Violation> {
    active(level, version)
        .filter_map(|check| {
            let message = (check.at(version)?.judge)(subject)?;
            Some(Violation { check: check.id.into(), message })
        })
        .collect()
}

/// The strictest level that allows a pod or template.
#[must_use]
pub fn highest_level(subject: Subject<'_>, version: PolicyVersion) -> Level {
    let allows = |level: &Level| {
        active(*level, version).all(|check| check.at(version).is_none_or(|at| (at.judge)(subject).is_none()))
    };
    Level::ALL.into_iter().rev().find(allows).unwrap_or(Level::Privileged)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(level: Level, minor: u32) -> Vec<&'static str> {
        active(level, PolicyVersion::new(minor)).map(|check| check.id).collect()
    }

    #[test]
    fn checks_are_in_the_api_servers_order() {
        for level in [Level::Baseline, Level::Restricted] {
            let ids: Vec<_> = CHECKS.iter().filter(|check| check.level == level).map(|check| check.id).collect();
            assert!(ids.is_sorted(), "{ids:?}");
        }
        assert!(CHECKS.iter().map(|check| check.level).is_sorted());
        for check in CHECKS {
            assert!(check.revisions.iter().map(|revision| revision.since).is_sorted(), "{}", check.id);
        }
    }

    #[test]
    fn each_policy_version_has_its_checks() {
        assert_eq!(ids(Level::Privileged, 37), Vec::<&str>::new());
        let baseline = [
            "appArmorProfile",
            "capabilities_baseline",
            "hostNamespaces",
            "hostPathVolumes",
            "hostPorts",
            "privileged",
            "procMount",
            "seLinuxOptions",
            "seccompProfile_baseline",
            "sysctls",
            "windowsHostProcess",
        ];
        assert_eq!(ids(Level::Baseline, 0), baseline);
        assert_eq!(ids(Level::Baseline, 33), baseline);
        assert_eq!(ids(Level::Baseline, 34).len(), 12);
        assert!(ids(Level::Baseline, 34).contains(&"hostProbesAndHostLifecycle"));
        let added = |minor: u32| -> Vec<&str> {
            let before = ids(Level::Restricted, minor - 1);
            ids(Level::Restricted, minor).into_iter().filter(|id| !before.contains(id)).collect()
        };
        assert_eq!(added(8), ["allowPrivilegeEscalation"]);
        assert_eq!(added(19), ["seccompProfile_restricted"]);
        assert_eq!(added(22), ["capabilities_restricted"]);
        assert_eq!(added(23), ["runAsUser"]);
        assert_eq!(added(34), ["hostProbesAndHostLifecycle"]);
        assert_eq!(added(35), ["procMount_restricted"]);
        let newest = ids(Level::Restricted, 37);
        for replaced in ["capabilities_baseline", "hostPathVolumes", "procMount", "seccompProfile_baseline"] {
            assert!(!newest.contains(&replaced), "{replaced} is replaced by a stricter check");
        }
        assert_eq!(newest.len(), 15);
        assert_eq!(ids(Level::Restricted, 99), newest, "a version from the future has the newest checks");
    }
}
