//! Changes of the API server, the controller-manager and etcd.

use patchkit::{report::ObjectRef, rules::version::Triple, snapshot::kinds};

use super::{
    evaluate::{Look, Verdict},
    kubelet::removed_flags,
};
use crate::{
    facts::{Component, version::Reported},
    inventory::Provider,
    settings,
    words::{count, named},
};

/// Objects of kinds that a server of this minor must no longer find.
fn scheduling(look: &Look<'_>, version: &str, kinds: &[&str]) -> Verdict {
    const GROUP: &str = "scheduling.k8s.io";
    let api_version = format!("{GROUP}/{version}");
    // A manifest of another version, or an object that was read under another one, is another matter only where the
    // server knows that one: it stores what it was sent.
    let objects: Vec<ObjectRef> = look
        .snapshot
        .each_meta()
        .filter(|(kind, meta)| {
            kinds.contains(kind)
                && (*meta.api_version == *api_version
                    || meta.managers.iter().any(|manager| manager.api_version == api_version)
                    || meta.last_applied.as_deref() == Some(&api_version))
        })
        .map(|(kind, meta)| meta.object_ref(kind))
        .collect();
    if !objects.is_empty() {
        let evidence = format!("{} of {api_version}: {}", count(objects.len(), "object"), named(&objects));
        return Verdict::yes(objects, evidence);
    }
    let introduced =
        kinds.iter().filter_map(|kind| look.subject.facts.apis().get(&api_version, kind)?.introduced).min();
    if let (Some(current), Some(introduced)) = (look.subject.inventory.effective_minor(), introduced)
        && current < introduced
    {
        return Verdict::no(format!("{current} does not know {api_version}, which came with {introduced}"));
    }
    if let Some(served) = &look.snapshot.served
        && !served.iter().any(|resource| resource.group == GROUP && resource.version == version)
    {
        return Verdict::no(format!("the API server does not serve {api_version}"));
    }
    match kinds.iter().find_map(|kind| look.snapshot.why_unknown_of(GROUP, kind)) {
        Some(why) => Verdict::cannot_tell(why),
        None => Verdict::no(format!("there is no object of {api_version}")),
    }
}

pub(super) fn scheduling_v1alpha1(look: &Look<'_>) -> Verdict {
    scheduling(look, "v1alpha1", &["Workload"])
}

pub(super) fn scheduling_v1alpha2(look: &Look<'_>) -> Verdict {
    scheduling(look, "v1alpha2", &["Workload", "PodGroup"])
}

/// The file itself shows only where somebody hands it over with `-f`.
pub(super) fn webhook_admission_config(look: &Look<'_>) -> Verdict {
    let files: Vec<ObjectRef> = look
        .snapshot
        .each_meta()
        .filter(|(kind, meta)| {
            *kind == "WebhookAdmissionConfiguration" && *meta.api_version == *"apiserver.config.k8s.io/v1alpha1"
        })
        .map(|(kind, meta)| meta.object_ref(kind))
        .collect();
    if !files.is_empty() {
        let evidence = format!("{} of that version in the input", count(files.len(), "file"));
        return Verdict::yes(files, evidence);
    }
    let flags = settings::flags(look.subject, &Component::KUBE_APISERVER);
    let given: Vec<(&ObjectRef, &str)> = flags.get("admission-control-config-file").collect();
    if let Some((_, file)) = given.first() {
        let objects: Vec<&ObjectRef> = given.iter().map(|(object, _)| *object).collect();
        return Verdict::cannot_tell(format!(
            "the API server reads {file} ({}), which the API does not show: look for apiserver.config.k8s.io/v1alpha1 in it",
            named(objects)
        ));
    }
    match flags.hidden {
        Some(why) => Verdict::cannot_tell(why),
        None => Verdict::no("no API server is given --admission-control-config-file"),
    }
}

pub(super) fn concurrent_service_syncs(look: &Look<'_>) -> Verdict {
    removed_flags(look, &Component::KUBE_CONTROLLER_MANAGER, |name| name == "concurrent-service-syncs")
}

pub(super) fn enforce_mountable_secrets(look: &Look<'_>) -> Verdict {
    let mut all = 0_usize;
    let mut objects = Vec::new();
    for (kind, meta) in look.snapshot.each_meta().filter(|(kind, _)| *kind == "ServiceAccount") {
        all += 1;
        if meta.annotations.contains_key("kubernetes.io/enforce-mountable-secrets") {
            objects.push(meta.object_ref(kind));
        }
    }
    if !objects.is_empty() {
        let evidence =
            format!("{} of {} have the annotation: {}", objects.len(), count(all, "ServiceAccount"), named(&objects));
        return Verdict::yes(objects, evidence);
    }
    match look.snapshot.why_unknown(&kinds::SERVICE_ACCOUNTS) {
        Some(why) => Verdict::cannot_tell(why),
        None => Verdict::no(format!("none of {} has the annotation", count(all, "ServiceAccount"))),
    }
}

/// The etcd that kubeadm runs, by its image.
pub(super) fn kubeadm_etcd(look: &Look<'_>) -> Verdict {
    let provider = look.subject.inventory.provider;
    if !matches!(provider, Provider::Kubeadm | Provider::Unknown) {
        return Verdict::no(format!("the cluster is not installed with kubeadm ({provider})"));
    }
    let members: Vec<_> =
        look.subject.inventory.instances.iter().filter(|found| found.component == Component::ETCD).collect();
    let version = |text: Option<&str>| Some(Reported::parse(&Component::ETCD, text?)?.upstream);
    let old: Vec<ObjectRef> = members
        .iter()
        .filter(|member| version(member.version.as_deref()).is_some_and(|found| found < Triple::release(3, 6, 0)))
        .filter_map(|member| settings::object_of(&member.place))
        .collect();
    if !old.is_empty() {
        let evidence =
            format!("{} of {} run etcd before 3.6.0: {}", old.len(), count(members.len(), "member"), named(&old));
        return Verdict::yes(old, evidence);
    }
    if members.is_empty() {
        let is_external = settings::kubeadm(look.snapshot)
            .is_ok_and(|found| found.iter().any(|(_, config)| config["etcd"]["external"].is_object()));
        return Verdict::cannot_tell(if is_external {
            "kubeadm uses an external etcd, whose version the API does not show".to_owned()
        } else {
            look.snapshot.why_unknown(&kinds::PODS).unwrap_or_else(|| "no etcd is visible".to_owned())
        });
    }
    if members.iter().any(|member| version(member.version.as_deref()).is_none()) {
        return Verdict::cannot_tell("the image of an etcd names no version");
    }
    Verdict::no(format!("all of {} run etcd 3.6.0 or newer", count(members.len(), "member")))
}
