//! Every container drops ALL capabilities, in exactly these letters, and adds none but NET_BIND_SERVICE.

use super::{
    super::{
        check::{Check, Revision, Subject},
        level::Level,
        words::named,
    },
    capabilities_baseline::added_beyond,
};

pub(in super::super) const CHECK: Check = Check {
    id: "capabilities_restricted",
    level: Level::Restricted,
    revisions: &[Revision::new(22, since_1_22), Revision::new(25, since_1_25)],
    replaces: Some("capabilities_baseline"),
};

/// What may be added.
pub(in super::super) const ALLOWED: &[&str] = &["NET_BIND_SERVICE"];

/// What must be dropped.
pub(in super::super) const ALL: &str = "ALL";

fn since_1_22(subject: Subject<'_>) -> Option<String> {
    let undropped = subject.containers_that(|container| {
        let of = container.security_context.as_ref().and_then(|context| context.capabilities.as_ref());
        !of.is_some_and(|of| of.drop.iter().any(|dropped| dropped == ALL))
    });
    let undropped = (!undropped.is_empty())
        .then(|| format!("{} must drop \"ALL\" in securityContext.capabilities", named("container", undropped)));
    let wrong: Vec<String> = undropped.into_iter().chain(added_beyond(subject, ALLOWED)).collect();
    (!wrong.is_empty()).then(|| wrong.join("; "))
}

/// Windows has no capabilities.
fn since_1_25(subject: Subject<'_>) -> Option<String> {
    if subject.is_windows() { None } else { since_1_22(subject) }
}
