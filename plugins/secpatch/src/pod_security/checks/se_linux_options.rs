//! SELinux types other than those for containers, and any user or role, are forbidden. `container_engine_t`, for
//! containers in containers, is allowed from policy version 1.31 on.

use std::collections::BTreeSet;

use patchkit::rules::pod::SeLinuxOptions;

use super::super::{
    check::{Check, Revision, Subject},
    level::Level,
    version::PolicyVersion,
    words::{Setters, named},
};

pub(in super::super) const CHECK: Check = Check {
    id: "seLinuxOptions",
    level: Level::Baseline,
    revisions: &[Revision::new(0, since_1_0), Revision::new(31, since_1_31)],
    replaces: None,
};

const TYPES_1_0: &[&str] = &["", "container_t", "container_init_t", "container_kvm_t"];
const TYPES_1_31: &[&str] = &["", "container_t", "container_init_t", "container_kvm_t", "container_engine_t"];

fn since_1_0(subject: Subject<'_>) -> Option<String> {
    judge(subject, TYPES_1_0)
}

fn since_1_31(subject: Subject<'_>) -> Option<String> {
    judge(subject, TYPES_1_31)
}

/// The types that are allowed at a policy version.
pub(in super::super) fn allowed_types(version: PolicyVersion) -> &'static [&'static str] {
    if version < PolicyVersion::new(31) { TYPES_1_0 } else { TYPES_1_31 }
}

fn judge(subject: Subject<'_>, allowed: &[&str]) -> Option<String> {
    let mut types = BTreeSet::new();
    let (mut user, mut role) = (false, false);
    let mut is_bad = |options: Option<&SeLinuxOptions>| -> bool {
        let Some(options) = options else { return false };
        let is_set = |text: Option<&str>| text.is_some_and(|text| !text.is_empty());
        let (sets_user, sets_role) = (is_set(options.user.as_deref()), is_set(options.role.as_deref()));
        let kind = options.kind.as_deref().unwrap_or_default();
        let bad_type = !allowed.contains(&kind);
        if bad_type {
            types.insert(kind.to_owned());
        }
        user |= sets_user;
        role |= sets_role;
        bad_type || sets_user || sets_role
    };
    let pod = is_bad(subject.spec.security_context.as_ref().and_then(|context| context.se_linux_options.as_ref()));
    let mut bad = Setters { pod, ..Setters::default() };
    for container in subject.containers() {
        if is_bad(container.security_context.as_ref().and_then(|context| context.se_linux_options.as_ref())) {
            bad.containers.push(&container.name);
        }
    }
    if bad.is_empty() {
        return None;
    }
    let mut forbidden = Vec::new();
    if !types.is_empty() {
        forbidden.push(format!("the {}", named("type", types.iter().map(String::as_str))));
    }
    forbidden.extend(user.then(|| "a user".to_owned()));
    forbidden.extend(role.then(|| "a role".to_owned()));
    Some(format!("{} must not set in securityContext.seLinuxOptions: {}", bad.names(), forbidden.join(", ")))
}
