//! Only kernel settings that touch nobody but the pod may be changed. The set has grown with policy versions 1.27,
//! 1.29, 1.32 and 1.37.

use super::super::{
    check::{Check, Revision, Subject},
    level::Level,
};

pub(in super::super) const CHECK: Check = Check {
    id: "sysctls",
    level: Level::Baseline,
    revisions: &[
        Revision::new(0, |subject| judge(subject, 0)),
        Revision::new(27, |subject| judge(subject, 27)),
        Revision::new(29, |subject| judge(subject, 29)),
        Revision::new(32, |subject| judge(subject, 32)),
        Revision::new(37, |subject| judge(subject, 37)),
    ],
    replaces: None,
};

/// Each allowed setting with the minor of the policy version that allowed it first.
const ALLOWED: &[(&str, u32)] = &[
    ("kernel.shm_rmid_forced", 0),
    ("net.ipv4.ip_local_port_range", 0),
    ("net.ipv4.tcp_syncookies", 0),
    ("net.ipv4.ping_group_range", 0),
    ("net.ipv4.ip_unprivileged_port_start", 0),
    ("net.ipv4.ip_local_reserved_ports", 27),
    ("net.ipv4.tcp_keepalive_time", 29),
    ("net.ipv4.tcp_fin_timeout", 29),
    ("net.ipv4.tcp_keepalive_intvl", 29),
    ("net.ipv4.tcp_keepalive_probes", 29),
    ("net.ipv4.tcp_rmem", 32),
    ("net.ipv4.tcp_wmem", 32),
    ("net.ipv4.tcp_slow_start_after_idle", 37),
    ("net.ipv4.tcp_notsent_lowat", 37),
];

/// Whether a setting may be changed at a policy version of this minor. The name must be written with dots, as the API
/// server compares it.
pub(in super::super) fn is_allowed(name: &str, minor: u32) -> bool {
    ALLOWED.iter().any(|(allowed, since)| *allowed == name && *since <= minor)
}

fn judge(subject: Subject<'_>, minor: u32) -> Option<String> {
    let sysctls = subject.spec.security_context.as_ref().map_or(&[][..], |context| &context.sysctls);
    let bad: Vec<&str> =
        sysctls.iter().map(|sysctl| sysctl.name.as_str()).filter(|name| !is_allowed(name, minor)).collect();
    (!bad.is_empty()).then(|| format!("pod must not set the sysctls {}", bad.join(", ")))
}
