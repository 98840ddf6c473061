//! Each change as a finding, so that code scanning and test pages of pipelines show it.

use patchkit::report::{Finding, ObjectRef, Severity};

use super::{Change, ChangeKind, EntranceChange};
use crate::names::PeerRef;

/// What becomes allowed is to be looked at, and what becomes denied to be known.
const fn severity(change: ChangeKind) -> Severity {
    match change {
        ChangeKind::Allowed => Severity::Medium,
        ChangeKind::Denied => Severity::Low,
    }
}

/// The findings of a difference.
#[must_use]
pub fn findings(changes: &[Change], entrances: &[EntranceChange]) -> Vec<Finding> {
    let of_change = |it: &Change| {
        let mut remarks = Vec::new();
        if it.depends {
            remarks.push("depends on what is not known");
        }
        if it.some_pods {
            remarks.push("for some pods");
        }
        remarks.extend(it.ip_family);
        let remarks = if remarks.is_empty() { String::new() } else { format!(" ({})", remarks.join(", ")) };
        let title = format!(
            "becomes {}: {} to {} on {}{remarks}",
            it.change.as_str(),
            it.from.display(),
            it.to.display(),
            it.ports
        );
        let finding = Finding::new(format!("connection-{}", it.change.as_str()), severity(it.change), title);
        let finding = about(finding, [&it.to, &it.from]).with_hint("see that this is wanted");
        if it.not_evaluated.is_empty() {
            finding
        } else {
            finding.with_evidence("notEvaluated", it.not_evaluated.clone())
        }
    };
    let of_entrance = |it: &EntranceChange| {
        let verb = if it.change == ChangeKind::Allowed { "opens" } else { "closes" };
        let who = if it.depends { ", for some" } else { "" };
        let title = format!(
            "{verb}: {} {} lets traffic from outside in to {} on {}{who}",
            it.from.kind,
            it.from.display(),
            it.to.display(),
            it.ports
        );
        let id = if it.change == ChangeKind::Allowed { "entrance-opens" } else { "entrance-closes" };
        about(Finding::new(id, severity(it.change), title), [&it.from, &it.to]).with_hint("see that this is wanted")
    };
    changes.iter().map(of_change).chain(entrances.iter().map(of_entrance)).collect()
}

/// Names the first of some peers that is an object of the cluster.
fn about(finding: Finding, peers: [&PeerRef; 2]) -> Finding {
    let named = peers.into_iter().find_map(|peer| {
        let (namespace, name) = (peer.namespace.clone()?, peer.name.clone()?);
        Some(ObjectRef { kind: peer.kind.clone(), namespace: Some(namespace), name, ..Default::default() })
    });
    match named {
        Some(object) => finding.with_object(object),
        None => finding,
    }
}
