//! Every container is started as another user than root: the kubelet refuses it otherwise. Pods in a user namespace
//! are free of it from policy version 1.35 on.

use super::super::{
    check::{Check, Revision, Subject},
    level::Level,
    words::{Setters, named},
};

pub(in super::super) const CHECK: Check = Check {
    id: "runAsNonRoot",
    level: Level::Restricted,
    revisions: &[Revision::new(0, since_1_0), Revision::new(35, since_1_35)],
    replaces: None,
};

fn since_1_0(subject: Subject<'_>) -> Option<String> {
    let of_pod = subject.spec.security_context.as_ref().and_then(|context| context.run_as_non_root);
    let mut bad = Setters { pod: of_pod == Some(false), ..Setters::default() };
    let mut silent = Vec::new();
    for container in subject.containers() {
        match container.security_context.as_ref().and_then(|context| context.run_as_non_root) {
            Some(false) => bad.containers.push(&container.name),
            None if of_pod != Some(true) => silent.push(container.name.as_str()),
            _ => {}
        }
    }
    if !bad.is_empty() {
        // A word against it at any place counts, whatever stands elsewhere.
        return Some(format!("{} must not set securityContext.runAsNonRoot to false", bad.names()));
    }
    (!silent.is_empty())
        .then(|| format!("pod or {} must set securityContext.runAsNonRoot to true", named("container", silent)))
}

fn since_1_35(subject: Subject<'_>) -> Option<String> {
    if subject.has_user_namespace() { None } else { since_1_0(subject) }
}
