//! Predicates on pods and on the templates that make them.

use std::collections::BTreeSet;

use patchkit::{
    report::ObjectRef,
    rules::{PodSpec, pod::SecurityProfile},
    snapshot::Snapshot,
};

use crate::{
    cves::preconditions::evaluate::Answer,
    specs::Specs,
    words::{count, named},
};

/// The answer of a search: what was found, or that all was looked at.
fn found(specs: &Specs<'_>, objects: &BTreeSet<ObjectRef>, what: &str) -> Answer {
    if !objects.is_empty() {
        return Answer::yes(format!("{} {what}", named(objects)));
    }
    match specs.why_unknown() {
        Some(why) => Answer::unknown(why),
        None => Answer::no(format!("{}, none {what}{}", specs.figures(), specs.gaps())),
    }
}

pub(super) fn volume(specs: &Specs<'_>, sources: &[String]) -> Answer {
    let objects = specs.matching(|spec| {
        spec.volumes
            .iter()
            .any(|volume| volume.source.field().is_some_and(|field| sources.iter().any(|source| source == field)))
    });
    found(specs, &objects, &format!("with a volume of type {}", sources.join(" or ")))
}

pub(super) fn sub_path(specs: &Specs<'_>) -> Answer {
    let objects = specs.matching(|spec| {
        spec.all_containers()
            .flat_map(|(_, container)| &container.volume_mounts)
            .any(|mount| !mount.sub_path.is_empty() || !mount.sub_path_expr.is_empty())
    });
    found(specs, &objects, "with a subPath mount")
}

pub(super) fn flag(specs: &Specs<'_>, field: &str, value: bool) -> Answer {
    // Absent means false, except for hostUsers (k8s.io/api/core/v1/types.go).
    let read: fn(&PodSpec) -> bool = match field {
        "hostNetwork" => |spec| spec.host_network,
        "hostPID" => |spec| spec.host_pid,
        "hostIPC" => |spec| spec.host_ipc,
        "hostUsers" => |spec| spec.host_users.unwrap_or(true),
        _ => return Answer::unknown(format!("the field {field} of pods is not read by this version of the program")),
    };
    found(specs, &specs.matching(|spec| read(spec) == value), &format!("with {field}: {value}"))
}

pub(super) fn seccomp_without_name(specs: &Specs<'_>) -> Answer {
    let is_nameless = |profile: Option<&SecurityProfile>| {
        profile.is_some_and(|profile| {
            profile.kind == "Localhost" && profile.localhost_profile.as_deref().is_none_or(str::is_empty)
        })
    };
    let objects = specs.matching(|spec| {
        let of_pod = spec.security_context.as_ref().and_then(|context| context.seccomp_profile.as_ref());
        is_nameless(of_pod)
            || spec.all_containers().any(|(_, container)| {
                is_nameless(container.security_context.as_ref().and_then(|context| context.seccomp_profile.as_ref()))
            })
    });
    found(specs, &objects, "with a localhost seccomp profile that has no name")
}

pub(super) fn windows_non_root(snapshot: &Snapshot, specs: &Specs<'_>) -> Answer {
    let wants_non_root = |spec: &PodSpec| {
        spec.security_context.as_ref().and_then(|context| context.run_as_non_root) == Some(true)
            || spec.all_containers().any(|(_, container)| {
                container.security_context.as_ref().and_then(|context| context.run_as_non_root) == Some(true)
            })
    };
    let mut objects = specs.matching(|spec| {
        let says_windows = spec.os.as_ref().is_some_and(|os| os.name == "windows")
            || spec.node_selector.get("kubernetes.io/os") == Some("windows");
        says_windows && wants_non_root(spec)
    });
    let windows: BTreeSet<&str> =
        snapshot.nodes.iter().filter(|node| node.is_windows()).map(|node| node.meta.name.as_str()).collect();
    for pod in snapshot.pods.iter().filter(|pod| !pod.is_finished() && windows.contains(&*pod.node)) {
        if wants_non_root(&pod.spec) {
            objects.insert(specs.top_of_pod(pod));
        }
    }
    let what = format!("for Windows ({}), with runAsNonRoot", count(windows.len(), "such node"));
    found(specs, &objects, &what)
}
