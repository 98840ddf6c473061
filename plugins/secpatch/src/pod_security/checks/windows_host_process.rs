//! No container of Windows may run as a process of the node.

use super::super::{
    check::{Check, Revision, Subject},
    level::Level,
    words::Setters,
};

pub(in super::super) const CHECK: Check =
    Check { id: "windowsHostProcess", level: Level::Baseline, revisions: &[Revision::new(0, judge)], replaces: None };

fn judge(subject: Subject<'_>) -> Option<String> {
    let of_pod = subject.spec.security_context.as_ref().and_then(|context| context.windows_options.as_ref());
    let containers = subject.containers_that(|container| {
        let options = container.security_context.as_ref().and_then(|context| context.windows_options.as_ref());
        options.is_some_and(|options| options.host_process == Some(true))
    });
    let pod = of_pod.is_some_and(|options| options.host_process == Some(true));
    let bad = Setters { pod, containers, ..Setters::default() };
    (!bad.is_empty())
        .then(|| format!("{} must not set securityContext.windowsOptions.hostProcess to true", bad.names()))
}
