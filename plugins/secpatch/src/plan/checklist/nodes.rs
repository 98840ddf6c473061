//! Checks on nodes: whether they are well, and how old their image is.

use patchkit::{
    report::{CheckStatus, ObjectRef, Severity},
    snapshot::{kinds, node_image::image_date, objects::node::Node},
};

use super::{Check, Subject, count, unread};
use crate::{inventory::images::is_due, plan::model::ChecklistLine};

pub(super) fn not_ready(subject: Subject<'_>) -> ChecklistLine {
    let check = Check {
        id: "nodes-not-ready",
        title: "Every node is ready",
        severity: Severity::High,
        action: "repair or remove them: pods on a node that does not answer cannot be drained",
    };
    let snapshot = subject.snapshot;
    let unread = unread(snapshot, &[kinds::NODES]);
    let silent = snapshot.nodes.iter().filter(|node| node.ready().is_none()).count();
    let down: Vec<ObjectRef> = snapshot
        .nodes
        .iter()
        .filter(|node| node.ready().is_some_and(|ready| ready != "True"))
        .map(|node| node.meta.object_ref("Node"))
        .collect();
    let unread = unread.or_else(|| {
        (silent > 0).then(|| format!("{silent} of {} report no condition", count(snapshot.nodes.len(), "node")))
    });
    check.none_of(
        CheckStatus::Fail,
        down,
        unread,
        &format!("{}, all ready", count(snapshot.nodes.len(), "node")),
        |number| format!("{number} of {} are not", count(snapshot.nodes.len(), "node")),
    )
}

pub(super) fn image_age(subject: Subject<'_>) -> ChecklistLine {
    let check = Check {
        id: "node-images",
        title: "No node image is older than a week (Linux) or a month (Windows)",
        severity: Severity::Medium,
        action: "replace the nodes with ones of a current image (the steps of the phase node-image)",
    };
    let snapshot = subject.snapshot;
    let unread = unread(snapshot, &[kinds::NODES]);
    let due: Vec<&Node> = snapshot.nodes.iter().filter(|node| is_due(node, subject.today)).collect();
    let unknown = snapshot.nodes.iter().filter(|node| image_date(node).is_none()).count();
    let unread = unread.or_else(|| {
        (unknown > 0).then(|| format!("{unknown} of {} do not tell their age", count(snapshot.nodes.len(), "node")))
    });
    let oldest = due.iter().filter_map(|node| image_date(node)).min();
    let objects = due.iter().map(|node| node.meta.object_ref("Node")).collect();
    check.none_of(
        CheckStatus::Warn,
        objects,
        unread,
        &format!("{}, all younger, by the time they joined", count(snapshot.nodes.len(), "node")),
        |number| {
            let oldest = oldest.map(|date| format!("; the oldest image is of {date}")).unwrap_or_default();
            format!("{number} of {} are due{oldest}", count(snapshot.nodes.len(), "node"))
        },
    )
}
