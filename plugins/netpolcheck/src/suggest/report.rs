//! A suggestion as programs read it.

use patchkit::report::{Finding, ObjectRef, Severity, words::count};
use serde_json::{Value, json};

use super::{Proof, Suggestion, Wanted, need::owner_name};
use crate::{engine::Analysis, names::PeerRef};

/// What there is to say of a suggestion beside its proof.
#[must_use]
pub fn findings(
    analysis: &Analysis<'_>,
    wanted: &Wanted,
    made: &Suggestion,
    proof: &Proof,
    hosts: &[PeerRef],
    lost_dns: &[PeerRef],
    with_dns: bool,
) -> Vec<Finding> {
    let mut findings = Vec::new();
    for missing in &proof.missing {
        let (from, to) = (missing.from.display(), missing.to.display());
        let title = format!("{from} needs {to} on {}, and the result does not allow it for certain", missing.ports);
        let mut finding = Finding::new("flow-not-allowed", Severity::High, title)
            .with_evidence("why", missing.why.clone())
            .with_hint("what stands in the way is another policy, or another namespace that is not among the chosen");
        if !missing.needed_by.is_empty() {
            finding = finding.with_evidence("neededBy", missing.needed_by.clone());
        }
        findings.extend(object(&missing.to).or(object(&missing.from)).map(|it| finding.clone().with_object(it)));
    }
    for inexact in &made.draft.inexact {
        let also: Vec<String> = inexact.also.iter().map(|it| owner_name(analysis, *it).display()).collect();
        let title = format!("no label that lasts tells it apart from {}", patchkit::report::words::summary(&also));
        let finding = Finding::new("selects-others", Severity::Low, title)
            .with_hint("give its pods a label of their own, such as app.kubernetes.io/name");
        findings.extend(object(&owner_name(analysis, inexact.owner)).map(|it| finding.with_object(it)));
    }
    if !proof.beyond.is_empty() {
        let title = format!("{} beyond what is needed", count(proof.beyond.len(), "connection"));
        findings.push(Finding::new("allowed-beyond", Severity::Info, title));
    }
    for peer in lost_dns {
        let finding =
            Finding::new("dns-out-of-reach", Severity::High, "reaches the cluster's DNS today, and would not")
                .with_hint(
                    "the DNS is in a namespace that gets policies: allow it to those who use it, or leave it out",
                );
        findings.extend(object(peer).map(|it| finding.with_object(it)));
    }
    for host in hosts {
        let finding =
            Finding::new("host-network", Severity::Info, "in the network of its node: no NetworkPolicy holds");
        findings.extend(object(host).map(|it| finding.with_object(it)));
    }
    if matches!(wanted, Wanted::Flows(_)) && !with_dns && !made.reaches_dns && !made.needs.is_empty() {
        findings.push(
            Finding::new("no-dns", Severity::Medium, "none of the flows goes to the cluster's DNS, and so none may")
                .with_hint("--dns allows it to every workload"),
        );
    }
    findings
}

fn object(peer: &PeerRef) -> Option<ObjectRef> {
    Some(ObjectRef {
        kind: peer.kind.clone(),
        namespace: Some(peer.namespace.clone()?),
        name: peer.name.clone()?,
        ..ObjectRef::default()
    })
}

/// The policies: the objects, and for which workloads each is.
#[must_use]
pub fn policies_json(analysis: &Analysis<'_>, made: &Suggestion) -> Value {
    let policies = made.draft.policies.iter().map(|policy| {
        let workloads: Vec<PeerRef> = policy.owners.iter().map(|owner| owner_name(analysis, *owner)).collect();
        json!({"namespace": policy.namespace, "name": policy.name, "for": workloads, "object": policy.object})
    });
    policies.collect()
}

/// How the flows were read.
#[must_use]
pub fn flows_json(wanted: &Wanted, made: &Suggestion) -> Value {
    let Wanted::Flows(flows) = wanted else { return Value::Null };
    let unmatched: Vec<Value> =
        made.unmatched.iter().map(|it| json!({"at": it.place, "flow": it.flow, "why": it.why})).collect();
    let bad: Vec<Value> = flows.bad.iter().map(|it| json!({"at": it.place.to_string(), "why": it.why})).collect();
    json!({
        "lines": flows.lines,
        "distinct": flows.flows.len(),
        "elsewhere": made.elsewhere,
        "skipped": flows.skipped,
        "unmatched": unmatched,
        "unreadable": bad,
    })
}
