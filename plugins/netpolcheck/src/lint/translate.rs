//! An AdminNetworkPolicy or BaselineAdminNetworkPolicy written as the ClusterNetworkPolicy that says the same.
//!
//! Source: `apis/v1alpha1/shared_types.go` and `apis/v1alpha2/clusternetworkpolicy_types.go` of
//! `sigs.k8s.io/network-policy-api`: `Allow` is called `Accept`, `ports` became `protocols`, and a tier is named. Its
//! lists are shorter: 25 rules, peers, networks and protocols (`MaxItems`), where v1alpha1 has 100.

use patchkit::snapshot::objects::cluster_policy::{
    ClusterPeer, ClusterPolicy, ClusterPolicyKind, ClusterPort, ClusterRule, Subject,
};
use serde_json::{Map, Value, json};

/// A BaselineAdminNetworkPolicy is asked behind all others of its tier.
const LAST: i64 = 1000;
/// How many items each list may have.
const MOST: usize = 25;

/// The ClusterNetworkPolicy that says what this policy says.
///
/// # Errors
/// With what of it has a form that is not known here, so that nothing can be said in its place, or with the list that is
/// too long for one policy.
pub fn translated(policy: &ClusterPolicy) -> Result<Value, String> {
    let (tier, priority) = match policy.kind {
        ClusterPolicyKind::AdminNetworkPolicy => ("Admin", policy.priority.ok_or("its priority is missing")?),
        ClusterPolicyKind::BaselineAdminNetworkPolicy => ("Baseline", LAST),
        ClusterPolicyKind::ClusterNetworkPolicy => (policy.tier.as_str(), policy.priority.unwrap_or(LAST)),
    };
    let subject = match &policy.subject {
        Subject { pods: Some(pods), .. } => json!({"pods": pods_json(pods)}),
        Subject { namespaces: Some(namespaces), .. } => json!({"namespaces": selector(namespaces)}),
        Subject { .. } => return Err("spec.subject is of a form that is not known".to_owned()),
    };
    let mut spec = json!({"tier": tier, "priority": priority, "subject": subject});
    for (list, peers, rules) in [("ingress", "from", &policy.ingress), ("egress", "to", &policy.egress)] {
        if rules.is_empty() {
            continue;
        }
        let translated = rules
            .iter()
            .enumerate()
            .map(|(index, it)| self::rules(it, peers).map_err(|why| format!("spec.{list}[{index}] has {why}")));
        let translated = translated.collect::<Result<Vec<_>, _>>()?.concat();
        if translated.len() > MOST {
            return Err(format!(
                "spec.{list} comes to {} rules, of which a ClusterNetworkPolicy may have {MOST}: several with rising \
                 priorities are needed",
                translated.len()
            ));
        }
        spec[list] = Value::Array(translated);
    }
    let mut metadata = json!({"name": policy.meta.name.as_str()});
    if !policy.meta.labels.is_empty() {
        metadata["labels"] = json!(*policy.meta.labels);
    }
    Ok(json!({
        "apiVersion": "policy.networking.k8s.io/v1alpha2",
        "kind": "ClusterNetworkPolicy",
        "metadata": metadata,
        "spec": spec,
    }))
}

/// A rule as one, or as several that follow each other and do the same, where its lists are too long for one.
fn rules(rule: &ClusterRule, list: &str) -> Result<Vec<Value>, String> {
    let action = match rule.action.as_str() {
        "Allow" | "Accept" => "Accept",
        known @ ("Deny" | "Pass") => known,
        other => return Err(format!("the action {other:?}")),
    };
    let peers: Vec<Value> = rule.peers.iter().map(peer).collect::<Result<Vec<_>, _>>()?.concat();
    let ports: Option<Vec<Value>> = match &rule.ports {
        Some(ports) => Some(ports.iter().map(port).collect::<Result<_, _>>()?),
        None => None,
    };
    let of_ports: Vec<Option<&[Value]>> =
        ports.as_ref().map_or_else(|| vec![None], |ports| ports.chunks(MOST).map(Some).collect());
    let mut written = Vec::new();
    for peers in peers.chunks(MOST) {
        for ports in &of_ports {
            let mut one = Map::new();
            if !rule.name.is_empty() {
                one.insert("name".into(), rule.name.as_str().into());
            }
            one.insert("action".into(), action.into());
            one.insert(list.into(), peers.into());
            if let Some(ports) = ports {
                one.insert("protocols".into(), (*ports).into());
            }
            written.push(Value::Object(one));
        }
    }
    Ok(written)
}

fn peer(peer: &ClusterPeer) -> Result<Vec<Value>, String> {
    Ok(vec![match peer {
        ClusterPeer { namespaces: Some(namespaces), .. } => json!({"namespaces": selector(namespaces)}),
        ClusterPeer { pods: Some(pods), .. } => json!({"pods": pods_json(pods)}),
        ClusterPeer { nodes: Some(nodes), .. } => json!({"nodes": selector(nodes)}),
        ClusterPeer { networks: Some(networks), .. } => {
            return Ok(networks.chunks(MOST).map(|some| json!({"networks": some})).collect());
        }
        ClusterPeer { domain_names: Some(names), .. } => json!({"domainNames": names}),
        ClusterPeer { .. } => return Err("a peer of a form that is not known".to_owned()),
    }])
}

fn port(port: &ClusterPort) -> Result<Value, String> {
    match port {
        ClusterPort::Named(name) => Ok(json!({"destinationNamedPort": name})),
        ClusterPort::Range { protocol, start, end } => {
            let field = match protocol.as_str() {
                "TCP" => "tcp",
                "UDP" => "udp",
                "SCTP" => "sctp",
                other => return Err(format!("the protocol {other:?}")),
            };
            // The end of a range has to be greater than its start.
            let ports =
                if start == end { json!({"number": start}) } else { json!({"range": {"start": start, "end": end}}) };
            Ok(json!({field: {"destinationPort": ports}}))
        }
        ClusterPort::Unknown => Err("a port of a form that is not known".to_owned()),
    }
}

fn pods_json(pods: &patchkit::snapshot::objects::cluster_policy::NamespacedPods) -> Value {
    json!({"namespaceSelector": selector(&pods.namespace_selector), "podSelector": selector(&pods.pod_selector)})
}

/// A selector without the fields that it leaves empty.
fn selector(selector: &patchkit::rules::LabelSelector) -> Value {
    let mut written = Map::new();
    if !selector.match_labels.is_empty() {
        written.insert("matchLabels".into(), json!(selector.match_labels));
    }
    if !selector.match_expressions.is_empty() {
        let one = |it: &patchkit::rules::Requirement| {
            let mut requirement = json!({"key": it.key, "operator": it.operator});
            if !it.values.is_empty() {
                requirement["values"] = json!(it.values);
            }
            requirement
        };
        written.insert("matchExpressions".into(), selector.match_expressions.iter().map(one).collect());
    }
    Value::Object(written)
}
