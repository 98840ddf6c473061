//! Changes of the kubelet that its flags, its configuration, or the pods and roles it meets show.

use std::collections::BTreeSet;

use patchkit::{
    report::ObjectRef,
    rules::{PodSpec, pod::VolumeSource},
    snapshot::kinds,
};

use super::evaluate::{Look, Verdict};
use crate::{
    facts::Component,
    rights,
    settings::{self, text},
    words::{count, named},
};

/// Flags that a component no longer knows: it does not start with them.
pub(super) fn removed_flags(look: &Look<'_>, component: &Component, is_removed: impl Fn(&str) -> bool) -> Verdict {
    let flags = settings::flags(look.subject, component);
    let mut names = BTreeSet::new();
    let mut objects = Vec::new();
    for place in &flags.places {
        let given: Vec<&String> = place.flags.keys().filter(|name| is_removed(name)).collect();
        if !given.is_empty() {
            names.extend(given.into_iter().map(|name| format!("--{name}")));
            objects.push(place.object.clone());
        }
    }
    if !objects.is_empty() {
        let names: Vec<String> = names.into_iter().collect();
        let evidence = format!("{component} is given {} ({})", names.join(", "), named(&objects));
        return Verdict::yes(objects, evidence);
    }
    match flags.hidden {
        Some(why) => Verdict::cannot_tell(why),
        None => Verdict::no(format!(
            "none of them is among the flags of {component} ({})",
            count(flags.places.len(), "place")
        )),
    }
}

/// cAdvisor's own flags (`cmd/kubelet/app/options/globalflags_linux.go` up to 1.36), without `housekeeping-interval`.
pub(super) fn cadvisor_flags(look: &Look<'_>) -> Verdict {
    const NAMES: [&str; 11] = [
        "application-metrics-count-limit",
        "boot-id-file",
        "container-hints",
        "containerd",
        "containerd-env-metadata-whitelist",
        "containerd-namespace",
        "docker",
        "enable-load-reader",
        "global-housekeeping-interval",
        "log-cadvisor-usage",
        "machine-id-file",
    ];
    const PREFIXES: [&str; 3] = ["docker-", "event-storage-", "storage-driver-"];
    removed_flags(look, &Component::KUBELET, |name| {
        NAMES.contains(&name) || PREFIXES.iter().any(|prefix| name.starts_with(prefix))
    })
}

pub(super) fn pod_infra_container_image(look: &Look<'_>) -> Verdict {
    removed_flags(look, &Component::KUBELET, |name| name == "pod-infra-container-image")
}

pub(super) fn cloud_config(look: &Look<'_>) -> Verdict {
    removed_flags(look, &Component::KUBELET, |name| matches!(name, "cloud-config" | "register-schedulable"))
}

/// `eventRecordQPS: 0` in the configuration, or `--event-qps=0`.
pub(super) fn event_record_qps(look: &Look<'_>) -> Verdict {
    let flags = settings::flags(look.subject, &Component::KUBELET);
    let by_flag: Vec<ObjectRef> =
        flags.get("event-qps").filter(|(_, value)| *value == "0").map(|(object, _)| object.clone()).collect();
    let configs = settings::kubelet(look.snapshot);
    let by_config = configs
        .iter()
        .flatten()
        .filter(|(_, config)| config["eventRecordQPS"].as_f64() == Some(0.0))
        .map(|(object, _)| object.clone());
    let objects: Vec<ObjectRef> = by_flag.into_iter().chain(by_config).collect();
    if !objects.is_empty() {
        let evidence = format!("eventRecordQPS is 0 in {}", named(&objects));
        return Verdict::yes(objects, evidence);
    }
    match (configs, flags.hidden) {
        (Ok(configs), _) => {
            let values: Vec<String> = configs
                .iter()
                .map(|(object, config)| match &config["eventRecordQPS"] {
                    value if value.is_null() => format!("not set in {} (50 by default)", object.display()),
                    value => format!("{} in {}", text(value), object.display()),
                })
                .collect();
            Verdict::no(format!("eventRecordQPS is {}", values.join(", ")))
        }
        (Err(_), None) => Verdict::no("no kubelet is given --event-qps=0"),
        (Err(why), Some(_)) => Verdict::cannot_tell(why),
    }
}

/// Who may read the logs of nodes. RBAC knows no `nodes/*`, but whoever writes it means it.
pub(super) fn nodes_log(look: &Look<'_>) -> Verdict {
    let holders = rights::holders(look.snapshot, |rule| {
        let names_core = rule.api_groups.iter().any(|group| group.is_empty() || group == "*");
        names_core
            && rule
                .resources
                .iter()
                .any(|resource| matches!(resource.as_str(), "nodes/log" | "nodes/*" | "*/log" | "*"))
    });
    if !holders.is_empty() {
        let names: Vec<String> = holders.keys().map(rights::display).collect();
        let roles: BTreeSet<ObjectRef> = holders.into_values().flatten().collect();
        let evidence = format!(
            "{} let {} read the logs of nodes: {}",
            count(roles.len(), "role"),
            count(names.len(), "subject"),
            crate::words::summary(&names)
        );
        return Verdict::yes(roles, evidence);
    }
    match rights::why_unknown(look.snapshot) {
        Some(why) => Verdict::cannot_tell(why),
        None => {
            Verdict::no("no role that is bound to anybody besides administrators and the system's own allows nodes/log")
        }
    }
}

/// Static pods that refer to objects of the API. The API server refuses the mirror of some of them (those with a
/// ServiceAccount or a Secret), so that not all show.
pub(super) fn static_pods(look: &Look<'_>) -> Verdict {
    if let Some(why) = look.snapshot.why_unknown(&kinds::PODS) {
        return Verdict::cannot_tell(why);
    }
    let mirrors: Vec<_> = look.snapshot.pods.iter().filter(|pod| pod.is_mirror()).collect();
    let objects: Vec<ObjectRef> =
        mirrors.iter().filter(|pod| refers_to_the_api(&pod.spec)).map(|pod| pod.meta.object_ref("Pod")).collect();
    if !objects.is_empty() {
        let evidence = format!(
            "{} of {} refer to objects of the API: {}",
            objects.len(),
            count(mirrors.len(), "static pod"),
            named(&objects)
        );
        return Verdict::yes(objects, evidence);
    }
    Verdict::no(format!(
        "none of {} refers to objects of the API; one whose mirror the API server refused would not show",
        count(mirrors.len(), "static pod")
    ))
}

/// What `pkg/api/pod/util.go` (`HasAPIObjectReference`) looks for.
fn refers_to_the_api(spec: &PodSpec) -> bool {
    let by_volume = spec.volumes.iter().any(|volume| match &volume.source {
        VolumeSource::Secret { .. }
        | VolumeSource::ConfigMap { .. }
        | VolumeSource::PersistentVolumeClaim { .. }
        | VolumeSource::Ephemeral { .. } => true,
        VolumeSource::Projected { secrets, config_maps, service_account_token } => {
            !secrets.is_empty() || !config_maps.is_empty() || *service_account_token
        }
        _ => false,
    });
    let by_environment = spec.all_containers().any(|(_, container)| {
        container.env_from.iter().any(|from| from.secret_ref.is_some() || from.config_map_ref.is_some())
            || container
                .env
                .iter()
                .filter_map(|variable| variable.value_from.as_ref())
                .any(|from| from.secret_key_ref.is_some() || from.config_map_key_ref.is_some())
    });
    by_volume
        || by_environment
        || spec.service_account_name.as_deref().is_some_and(|name| !name.is_empty())
        || !spec.image_pull_secrets.is_empty()
        || !spec.resource_claims.is_empty()
}

/// Who still speaks of AppArmor by annotation: templates, and policies that judge pods by it.
pub(super) fn apparmor_annotations(look: &Look<'_>) -> Verdict {
    const ANNOTATION: &str = "container.apparmor.security.beta.kubernetes.io";
    let prefix = format!("{ANNOTATION}/");
    let mut objects = look.specs.annotated(|annotations| annotations.iter().any(|(key, _)| key.starts_with(&prefix)));
    let templates = objects.len();
    for policy in &look.snapshot.admission_policies {
        if policy.expressions.iter().any(|expression| expression.contains(ANNOTATION)) {
            objects.insert(policy.meta.object_ref("ValidatingAdmissionPolicy"));
        }
    }
    if !objects.is_empty() {
        let evidence = format!(
            "{} with the annotation, {} that read it: {}",
            count(templates, "template"),
            count(objects.len() - templates, "policy"),
            named(&objects)
        );
        return Verdict::yes(objects, evidence);
    }
    let policies = look.snapshot.why_unknown_of("admissionregistration.k8s.io", "ValidatingAdmissionPolicy");
    match look.specs.why_unknown().or(policies) {
        Some(why) => Verdict::cannot_tell(why),
        None => Verdict::no(format!(
            "none of {} has the annotation, and no ValidatingAdmissionPolicy reads it{}; programs that read it do not show",
            look.specs.figures(),
            look.specs.gaps()
        )),
    }
}
