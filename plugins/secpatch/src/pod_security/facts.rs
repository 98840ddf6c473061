//! What the checks know, for whoever changes pods so that they pass.

use std::collections::BTreeSet;

use patchkit::rules::{
    Container,
    pod::{SecurityProfile, Volume},
};

use super::{check::Subject, checks, version::PolicyVersion};

/// The capabilities that baseline lets a container add.
pub const BASELINE_CAPABILITIES: &[&str] = checks::capabilities_baseline::ALLOWED;

/// The capabilities that restricted lets a container add.
pub const RESTRICTED_CAPABILITIES: &[&str] = checks::capabilities_restricted::ALLOWED;

/// The type of a volume that restricted does not allow.
#[must_use]
pub fn forbidden_volume_type(volume: &Volume) -> Option<&str> {
    checks::restricted_volumes::forbidden_type(volume)
}

/// Each handler of a container that names a host: its path below the container, and the host.
#[must_use]
pub fn handler_hosts(container: &Container) -> Vec<(Vec<&'static str>, &str)> {
    checks::host_probes_and_host_lifecycle::hosts(container)
}

/// Whether an annotation sets an AppArmor profile that is forbidden.
#[must_use]
pub fn is_forbidden_app_armor_annotation(key: &str, value: &str) -> bool {
    checks::app_armor_profile::is_forbidden_annotation(key, value)
}

/// Whether the standards of this version look at seccomp's annotations, and not at its fields.
#[must_use]
pub fn seccomp_is_an_annotation(version: PolicyVersion) -> bool {
    version < PolicyVersion::new(19)
}

/// The annotations that set a seccomp profile which is forbidden, with their values.
#[must_use]
pub fn forbidden_seccomp_annotations(subject: Subject<'_>) -> BTreeSet<(String, String)> {
    checks::seccomp_profile_baseline::forbidden_annotations(subject)
}

/// Whether a seccomp profile confines.
#[must_use]
pub fn confines(profile: &SecurityProfile) -> bool {
    checks::seccomp_profile_baseline::is_allowed(profile)
}

/// The SELinux types that are allowed.
#[must_use]
pub fn se_linux_types(version: PolicyVersion) -> &'static [&'static str] {
    checks::se_linux_options::allowed_types(version)
}

/// Whether a kernel setting may be changed.
#[must_use]
pub fn is_allowed_sysctl(name: &str, version: PolicyVersion) -> bool {
    checks::sysctls::is_allowed(name, version.minor)
}
