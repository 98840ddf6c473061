//! What answers behind a Service.

use super::{
    Snapshot, kinds,
    objects::{admission::ServiceReference, network::Service, pod::Pod},
};

/// Something ready behind a Service.
#[derive(Clone, Copy, Debug)]
pub enum ReadyEndpoint<'s> {
    /// A pod.
    Pod(&'s Pod),
    /// An address that is no pod's, or no pod's that was read.
    Other,
}

/// The Service that a webhook or an API names.
///
/// # Errors
/// Why it cannot be told whether it is there.
pub fn service<'s>(snapshot: &'s Snapshot, reference: &ServiceReference) -> Result<Option<&'s Service>, String> {
    let found = snapshot.services_in(&reference.namespace).iter().find(|service| service.meta.name == reference.name);
    match (found, snapshot.why_unknown(&kinds::SERVICES)) {
        (None, Some(why)) => Err(why),
        (found, _) => Ok(found),
    }
}

/// What takes the traffic of a Service. Its EndpointSlices tell best; where the input holds none of it, the pods that
/// the Service selects do.
///
/// # Errors
/// Why it cannot be told.
pub fn ready_endpoints<'s>(snapshot: &'s Snapshot, service: &'s Service) -> Result<Vec<ReadyEndpoint<'s>>, String> {
    if service.kind == "ExternalName" {
        return Err(format!("the Service points to {}, outside of the cluster", service.external_name));
    }
    let namespace = &service.meta.namespace;
    let slices: Vec<_> =
        snapshot.endpoint_slices_in(namespace).iter().filter(|slice| slice.service == service.meta.name).collect();
    if !slices.is_empty() {
        let ready = slices.iter().flat_map(|slice| &slice.endpoints).filter(|endpoint| endpoint.ready);
        let mut found: Vec<ReadyEndpoint<'s>> = Vec::new();
        for endpoint in ready {
            let pods = snapshot.pods_in(namespace);
            let pod = pods.iter().find(|pod| !endpoint.pod.is_empty() && pod.meta.name == endpoint.pod);
            match pod {
                // A pod of two address families is in two slices.
                Some(pod)
                    if found.iter().any(|known| matches!(known, ReadyEndpoint::Pod(it) if std::ptr::eq(*it, pod))) => {}
                Some(pod) => found.push(ReadyEndpoint::Pod(pod)),
                None => found.push(ReadyEndpoint::Other),
            }
        }
        return Ok(found);
    }
    if service.selector.is_empty() {
        return match snapshot.why_unknown(&kinds::ENDPOINT_SLICES) {
            None => Ok(Vec::new()),
            Some(why) => Err(why),
        };
    }
    if let Some(why) = snapshot.why_unknown(&kinds::PODS) {
        return Err(why);
    }
    Ok(selected(snapshot, service).filter(|pod| pod.is_ready()).map(ReadyEndpoint::Pod).collect())
}

/// The pods that a Service selects; none where it has no selector.
pub fn selected<'s>(snapshot: &'s Snapshot, service: &'s Service) -> impl Iterator<Item = &'s Pod> {
    snapshot.pods_in(&service.meta.namespace).iter().filter(|pod| {
        !service.selector.is_empty()
            && service.selector.iter().all(|(key, value)| pod.meta.labels.get(key) == Some(value))
    })
}
