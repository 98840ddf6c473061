//! Predicates on nodes, storage, extensions of the API, and the configuration of CoreDNS and ingress-nginx.

use std::collections::BTreeMap;

use patchkit::snapshot::{Kind, Snapshot, kinds, objects::node::Node};

use crate::{
    cves::preconditions::evaluate::Answer,
    facts::Component,
    settings,
    subject::Subject,
    words::{count, named, summary},
};

/// What was found by name, or that all of them were looked at.
fn found(snapshot: &Snapshot, kinds: &[Kind], names: &[String], what: &str) -> Answer {
    if !names.is_empty() {
        return Answer::yes(format!("{what}: {}", summary(names)));
    }
    match kinds.iter().find_map(|kind| snapshot.why_unknown_of(kind.group, kind.kind)) {
        Some(why) => Answer::unknown(why),
        None => Answer::no(format!("no {what}")),
    }
}

pub(super) fn nodes(snapshot: &Snapshot, os: &str) -> Answer {
    if let Some(why) = snapshot.why_unknown(&kinds::NODES) {
        return Answer::unknown(why);
    }
    let all = snapshot.nodes.len();
    let of = |node: &Node| -> Option<String> {
        let reported = Some(node.info.operating_system.as_str()).filter(|os| !os.is_empty());
        reported.or_else(|| node.label("kubernetes.io/os")).map(str::to_owned)
    };
    let matching = snapshot.nodes.iter().filter(|node| of(node).as_deref() == Some(os)).count();
    let silent = snapshot.nodes.iter().filter(|node| of(node).is_none()).count();
    match (matching, silent) {
        (0, 0) => Answer::no(format!("none of {} runs {os}", count(all, "node"))),
        (0, silent) => Answer::unknown(format!("{silent} of {} do not say what they run", count(all, "node"))),
        (some, _) => Answer::yes(format!("{some} of {} run {os}", count(all, "node"))),
    }
}

pub(super) fn persistent_storage(snapshot: &Snapshot, sources: &[String], provisioners: &[String]) -> Answer {
    let volumes =
        snapshot.volumes.iter().filter(|volume| sources.iter().any(|source| volume.source == source.as_str()));
    let classes = snapshot
        .storage_classes
        .iter()
        .filter(|class| provisioners.iter().any(|name| class.provisioner == name.as_str()));
    let names: Vec<String> = volumes
        .map(|volume| format!("PersistentVolume {}", volume.meta.name))
        .chain(classes.map(|class| format!("StorageClass {}", class.meta.name)))
        .collect();
    let what = format!("volume of type {} or class of {}", sources.join(", "), provisioners.join(", "));
    found(snapshot, &[kinds::PERSISTENT_VOLUMES, kinds::STORAGE_CLASSES], &names, &what)
}

pub(super) fn csi_driver(snapshot: &Snapshot, name: &str, with_token_requests: bool) -> Answer {
    if let Some(driver) = snapshot.csi_drivers.iter().find(|driver| driver.meta.name == name) {
        return match (with_token_requests, driver.requests_tokens) {
            (false, _) => Answer::yes(format!("the CSIDriver {name} is installed")),
            (true, true) => Answer::yes(format!("the CSIDriver {name} asks for tokens")),
            (true, false) => Answer::no(format!("the CSIDriver {name} asks for no tokens")),
        };
    }
    let nodes = snapshot.csi_nodes.iter().filter(|node| node.drivers.iter().any(|driver| driver.name == name)).count();
    match (nodes, snapshot.why_unknown(&kinds::CSI_DRIVERS)) {
        (0, None) => Answer::no(format!("no CSIDriver {name} is installed")),
        (0, Some(why)) => Answer::unknown(why),
        (nodes, _) if !with_token_requests => Answer::yes(format!("{} run {name}", count(nodes, "node"))),
        // Without a CSIDriver object the kubelet requests no token.
        (nodes, None) => Answer::no(format!("{} run {name}, and no CSIDriver asks for tokens", count(nodes, "node"))),
        (nodes, Some(why)) => {
            Answer::unknown(format!("{} run {name}, but its CSIDriver was not read: {why}", count(nodes, "node")))
        }
    }
}

pub(super) fn annotation(snapshot: &Snapshot, kind: &str, key: &str) -> Answer {
    let Some(known) = kinds::ALL.iter().find(|known| known.kind == kind) else {
        return Answer::unknown(format!("objects of kind {kind} are not read"));
    };
    let names: Vec<String> = snapshot
        .each_meta()
        .filter(|(of, meta)| *of == kind && meta.annotations.contains_key(key))
        .map(|(_, meta)| meta.path())
        .collect();
    found(snapshot, &[*known], &names, &format!("{kind} has the annotation {key}"))
}

pub(super) fn aggregated_api_server(snapshot: &Snapshot) -> Answer {
    let names: Vec<String> = snapshot
        .api_services
        .iter()
        .filter(|service| service.service.is_some())
        .map(|service| service.meta.name.to_string())
        .collect();
    found(snapshot, &[kinds::API_SERVICES], &names, "APIService is answered by another server")
}

pub(super) fn custom_resources_share_group(snapshot: &Snapshot) -> Answer {
    let mut groups: BTreeMap<&str, usize> = BTreeMap::new();
    for resource in &snapshot.custom_resources {
        *groups.entry(&resource.group).or_default() += 1;
    }
    let names: Vec<String> =
        groups.into_iter().filter(|(_, number)| *number > 1).map(|(group, _)| group.to_owned()).collect();
    found(snapshot, &[kinds::CUSTOM_RESOURCE_DEFINITIONS], &names, "API group has more than one custom resource")
}

pub(super) fn cluster_scoped_custom_resource(snapshot: &Snapshot) -> Answer {
    let names: Vec<String> = snapshot
        .custom_resources
        .iter()
        .filter(|resource| !resource.namespaced)
        .map(|resource| resource.meta.name.to_string())
        .collect();
    found(snapshot, &[kinds::CUSTOM_RESOURCE_DEFINITIONS], &names, "custom resource is cluster-scoped")
}

pub(super) fn validating_webhook(snapshot: &Snapshot, resource: &str) -> Answer {
    let judges = |name: &str| name == resource || matches!(name, "*" | "*/*");
    let names: Vec<String> = snapshot
        .webhooks
        .iter()
        .filter(|configuration| !configuration.mutating)
        .flat_map(|configuration| configuration.webhooks.iter().map(move |webhook| (configuration, webhook)))
        .filter(|(_, webhook)| webhook.rules.iter().any(|rule| rule.resources.iter().any(|name| judges(name))))
        .map(|(configuration, webhook)| format!("{} of {}", webhook.name, configuration.meta.name))
        .collect();
    found(snapshot, &[kinds::VALIDATING_WEBHOOKS], &names, &format!("validating webhook is asked about {resource}"))
}

pub(super) fn ingress_nginx_admission(snapshot: &Snapshot) -> Answer {
    let names: Vec<String> = snapshot
        .webhooks
        .iter()
        .filter(|configuration| !configuration.mutating)
        .filter(|configuration| {
            configuration.meta.name.contains("ingress-nginx-admission")
                || configuration.webhooks.iter().any(|webhook| webhook.name.ends_with("nginx.ingress.kubernetes.io"))
        })
        .map(|configuration| configuration.meta.name.to_string())
        .collect();
    found(snapshot, &[kinds::VALIDATING_WEBHOOKS], &names, "validating webhook is that of ingress-nginx")
}

pub(super) fn network_policy(snapshot: &Snapshot) -> Answer {
    let names: Vec<String> = snapshot.network_policies.iter().map(|policy| policy.meta.path()).collect();
    found(snapshot, &[kinds::NETWORK_POLICIES], &names, "network policy protects pods")
}

/// A word at the beginning of a line is a plugin; a server block may have several addresses before its brace.
pub(super) fn corefile(snapshot: &Snapshot, any_of: &[String]) -> Answer {
    let maps: Vec<_> =
        settings::config_maps(snapshot, "coredns").into_iter().filter(|map| !map.data.is_empty()).collect();
    if !maps.iter().any(|map| map.data.contains_key("Corefile")) {
        return Answer::unknown(
            snapshot
                .why_unknown(&kinds::CONFIG_MAPS)
                .unwrap_or_else(|| "no ConfigMap of CoreDNS with a Corefile is in kube-system".to_owned()),
        );
    }
    for map in &maps {
        for line in map.data.values().flat_map(|text| text.lines()) {
            let line = line.split('#').next().unwrap_or_default();
            let mut words = line.split([' ', '\t', ',']).filter(|word| !word.is_empty());
            let Some(first) = words.next() else { continue };
            let is_in = |word: &str| {
                any_of.iter().find(|wanted| {
                    if wanted.ends_with("://") { word.starts_with(wanted.as_str()) } else { word == wanted.as_str() }
                })
            };
            let of_block = || words.filter(|word| word.contains("://")).find_map(is_in);
            if let Some(word) = is_in(first).or_else(of_block) {
                return Answer::yes(format!("the ConfigMap {} has {word}", map.meta.path()));
            }
        }
    }
    let names: Vec<String> = maps.iter().map(|map| map.meta.path()).collect();
    Answer::no(format!("{} has no {}", summary(&names), any_of.join(" or ")))
}

/// The names of the ConfigMaps that the controllers of ingress-nginx are told to read (`--configmap`).
fn ingress_nginx_maps(subject: Subject<'_>) -> Vec<String> {
    let flags = settings::flags(subject, &Component::INGRESS_NGINX);
    let mut names: Vec<String> =
        flags.get("configmap").map(|(_, value)| value.rsplit('/').next().unwrap_or(value).to_owned()).collect();
    names.sort();
    names.dedup();
    names
}

pub(super) fn ingress_nginx_setting(subject: Subject<'_>, key: &str, contains: &[String]) -> Answer {
    let snapshot = subject.snapshot;
    let named_by_flag = ingress_nginx_maps(subject);
    let maps: Vec<_> = snapshot
        .config_maps
        .iter()
        .filter(|map| {
            let name = map.meta.name.as_str();
            named_by_flag.iter().any(|wanted| wanted == name)
                || (named_by_flag.is_empty() && name.contains("ingress-nginx"))
        })
        .collect();
    if let Some(map) = maps
        .iter()
        .find(|map| map.data.get(key).is_some_and(|value| contains.iter().any(|text| value.contains(text.as_str()))))
    {
        return Answer::yes(format!("the ConfigMap {} sets {key} so", map.meta.path()));
    }
    if let Some(why) = snapshot.why_unknown(&kinds::CONFIG_MAPS) {
        return Answer::unknown(why);
    }
    // The data of a ConfigMap with a name of its own is not kept.
    if let Some(map) = maps.iter().find(|map| map.data.is_empty() && !map.meta.name.contains("ingress-nginx")) {
        return Answer::unknown(format!("the data of the ConfigMap {} is not read", map.meta.path()));
    }
    if maps.is_empty() {
        return Answer::unknown("the ConfigMap of ingress-nginx is not known");
    }
    let names: Vec<String> = maps.iter().map(|map| map.meta.path()).collect();
    Answer::no(format!("{} does not set {key} so", summary(&names)))
}

pub(super) fn ingress_nginx_annotation(subject: Subject<'_>, keys: &[String]) -> Answer {
    let snapshot = subject.snapshot;
    let flags = settings::flags(subject, &Component::INGRESS_NGINX);
    let mut prefixes: Vec<String> = flags.get("annotations-prefix").map(|(_, value)| value.to_owned()).collect();
    if prefixes.is_empty() {
        prefixes.push("nginx.ingress.kubernetes.io".to_owned());
    }
    let mut objects = Vec::new();
    for (kind, meta) in snapshot.each_meta().filter(|(kind, _)| *kind == "Ingress") {
        let has =
            |key: &String| prefixes.iter().any(|prefix| meta.annotations.contains_key(&format!("{prefix}/{key}")));
        if keys.iter().any(has) {
            objects.push(meta.object_ref(kind));
        }
    }
    if objects.is_empty() {
        return found(snapshot, &[kinds::INGRESSES], &[], &format!("Ingress has the annotation {}", keys.join(" or ")));
    }
    Answer::yes(format!(
        "{} {} {}: {}",
        count(objects.len(), "Ingress"),
        if objects.len() == 1 { "has" } else { "have" },
        keys.join(" or "),
        named(&objects)
    ))
}
