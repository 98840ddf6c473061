//! Changes of Services and of what stands behind them.

use patchkit::{
    report::ObjectRef,
    snapshot::{kinds, objects::network::Service},
};

use super::evaluate::{Look, Verdict};
use crate::words::{count, named};

/// The Services that pass a test.
fn services(look: &Look<'_>, what: &str, test: impl Fn(&Service) -> bool) -> Verdict {
    let objects: Vec<ObjectRef> = look
        .snapshot
        .services
        .iter()
        .filter(|service| test(service))
        .map(|service| service.meta.object_ref("Service"))
        .collect();
    let all = count(look.snapshot.services.len(), "Service");
    if !objects.is_empty() {
        let evidence = format!("{} of {all} {what}: {}", objects.len(), named(&objects));
        return Verdict::yes(objects, evidence);
    }
    match look.snapshot.why_unknown(&kinds::SERVICES) {
        Some(why) => Verdict::cannot_tell(why),
        None => Verdict::no(format!("0 of {all} {what}")),
    }
}

pub(super) fn external_ips(look: &Look<'_>) -> Verdict {
    services(look, "have externalIPs", |service| !service.external_ips.is_empty())
}

pub(super) fn topology_mode(look: &Look<'_>) -> Verdict {
    const KEY: &str = "service.kubernetes.io/topology-mode";
    services(look, "have the annotation", |service| service.meta.annotations.contains_key(KEY))
}

/// Endpoints that somebody else than the controller writes. The controller's label came with 1.33; before, its
/// Endpoints are told by their Service, which has a selector.
pub(super) fn endpoints(look: &Look<'_>) -> Verdict {
    let snapshot = look.snapshot;
    if let Some(why) = snapshot.why_unknown(&kinds::ENDPOINTS) {
        return Verdict::cannot_tell(why);
    }
    let services = snapshot.why_unknown(&kinds::SERVICES);
    let mut objects = Vec::new();
    let mut unclear = 0_usize;
    for endpoints in &snapshot.endpoints {
        let meta = &endpoints.meta;
        let is_api_server = &*meta.namespace == "default" && meta.name == "kubernetes";
        let is_controllers = meta.labels.contains_key("endpoints.kubernetes.io/managed-by")
            || meta.managers.iter().any(|manager| manager.manager == "kube-controller-manager");
        if is_api_server || is_controllers {
            continue;
        }
        let service = snapshot
            .services
            .iter()
            .find(|service| service.meta.namespace == meta.namespace && service.meta.name == meta.name);
        match service {
            Some(service) if !service.selector.is_empty() => {}
            None if services.is_some() => unclear += 1,
            _ => objects.push(meta.object_ref("Endpoints")),
        }
    }
    let all = count(snapshot.endpoints.len(), "Endpoints object");
    if !objects.is_empty() {
        let evidence = format!("{} of {all} are not written by the controller: {}", objects.len(), named(&objects));
        return Verdict::yes(objects, evidence);
    }
    match services {
        Some(why) if unclear > 0 => Verdict::cannot_tell(format!("who writes {unclear} of {all} is not known: {why}")),
        _ => Verdict::no(format!("the controller writes all of {all}")),
    }
}
