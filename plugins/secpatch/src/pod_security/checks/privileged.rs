//! No container may be privileged.

use super::super::{
    check::{Check, Revision, Subject},
    level::Level,
    words::named,
};

pub(in super::super) const CHECK: Check =
    Check { id: "privileged", level: Level::Baseline, revisions: &[Revision::new(0, judge)], replaces: None };

fn judge(subject: Subject<'_>) -> Option<String> {
    let bad = subject.containers_that(|container| {
        container.security_context.as_ref().and_then(|context| context.privileged) == Some(true)
    });
    (!bad.is_empty()).then(|| format!("{} must not set securityContext.privileged to true", named("container", bad)))
}
