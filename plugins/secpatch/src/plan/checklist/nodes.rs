//! Checks on nodes: whether they are well, and how old their image is.

use jiff::{civil::Date, tz::TimeZone};
use patchkit::{
    report::{CheckStatus, ObjectRef, Severity},
    snapshot::{kinds, objects::node::Node},
};

use super::{Check, Subject, count, unread};
use crate::{facts::days_between, plan::model::ChecklistLine};

/// Images of Linux nodes are published weekly by all large providers.
const LINUX_DAYS: i32 = 7;

/// Windows images follow the monthly patch day; a month may have 31 days.
const WINDOWS_DAYS: i32 = 31;

pub(super) fn not_ready(subject: Subject<'_>) -> ChecklistLine {
    let check = Check {
        id: "nodes-not-ready",
        title: "Every node is ready",
        severity: Severity::High,
        action: "repair or remove them: pods on a node that does not answer cannot be drained",
    };
    let snapshot = subject.snapshot;
    if let Some(why) = unread(snapshot, &[kinds::NODES]) {
        return check.unknown(why);
    }
    let silent = snapshot.nodes.iter().filter(|node| node.ready().is_none()).count();
    let down: Vec<ObjectRef> = snapshot
        .nodes
        .iter()
        .filter(|node| node.ready().is_some_and(|ready| ready != "True"))
        .map(|node| node.meta.object_ref("Node"))
        .collect();
    if down.is_empty() && silent > 0 {
        return check.unknown(format!("{} of {} report no condition", silent, count(snapshot.nodes.len(), "node")));
    }
    check.none_of(CheckStatus::Fail, down, &format!("{}, all ready", count(snapshot.nodes.len(), "node")), |number| {
        format!("{number} of {} are not", count(snapshot.nodes.len(), "node"))
    })
}

pub(super) fn image_age(subject: Subject<'_>) -> ChecklistLine {
    let check = Check {
        id: "node-images",
        title: "No node image is older than a week (Linux) or a month (Windows)",
        severity: Severity::Medium,
        action: "replace the nodes with ones of a current image (the steps of the phase node-image)",
    };
    let snapshot = subject.snapshot;
    if let Some(why) = unread(snapshot, &[kinds::NODES]) {
        return check.unknown(why);
    }
    let due: Vec<&Node> = snapshot.nodes.iter().filter(|node| is_due(node, subject.today)).collect();
    let unknown = snapshot.nodes.iter().filter(|node| image_date(node).is_none()).count();
    if due.is_empty() && unknown > 0 {
        return check.unknown(format!("{} of {} do not tell their age", unknown, count(snapshot.nodes.len(), "node")));
    }
    let oldest = due.iter().filter_map(|node| image_date(node)).min();
    let objects = due.iter().map(|node| node.meta.object_ref("Node")).collect();
    check.none_of(
        CheckStatus::Warn,
        objects,
        &format!("{}, all younger, by the time they joined", count(snapshot.nodes.len(), "node")),
        |number| {
            let oldest = oldest.map(|date| format!("; the oldest image is of {date}")).unwrap_or_default();
            format!("{number} of {} are due{oldest}", count(snapshot.nodes.len(), "node"))
        },
    )
}

/// Whether a node's image is older than its operating system's rhythm.
pub(crate) fn is_due(node: &Node, today: Date) -> bool {
    let allowed = if node.is_windows() { WINDOWS_DAYS } else { LINUX_DAYS };
    image_date(node).is_some_and(|date| days_between(date, today) > allowed)
}

/// The date of a node's image: AKS writes it into a label; elsewhere it is at most as young as the day on which the
/// node joined. A node whose image was changed in place looks older than it is.
pub(crate) fn image_date(node: &Node) -> Option<Date> {
    node.label("kubernetes.azure.com/node-image-version")
        .and_then(date_in_image_version)
        .or_else(|| node.meta.created.map(|created| created.to_zoned_datetime(TimeZone::UTC).date()))
}

/// `AKSUbuntu-2204gen2containerd-202610.15.0` is of 15 October 2026.
fn date_in_image_version(text: &str) -> Option<Date> {
    let (_, date) = text.rsplit_once('-')?;
    let mut parts = date.split('.');
    let (month, day) = (parts.next()?, parts.next()?);
    if month.len() != 6 {
        return None;
    }
    Date::new(month[..4].parse().ok()?, month[4..].parse().ok()?, day.parse().ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_date_in_an_image_version_is_read() {
        let date = |text| date_in_image_version(text).map(|date| date.to_string());
        assert_eq!(date("AKSUbuntu-2204gen2containerd-202610.15.0").as_deref(), Some("2026-10-15"));
        assert_eq!(date("AKSWindows-2022-containerd-20348.2849.250710"), None);
        assert_eq!(date("x"), None);
    }
}
