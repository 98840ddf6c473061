//! Which image a node runs, and how old that is.

use jiff::{Timestamp, civil::Date, tz::TimeZone};

use super::objects::node::Node;

/// Labels in which providers write the image of a node: AKS, managed node groups of EKS, Karpenter on AWS and on Azure.
const IMAGE_LABELS: [&str; 4] = [
    "kubernetes.azure.com/node-image-version",
    "eks.amazonaws.com/nodegroup-image",
    "karpenter.k8s.aws/instance-ami-id",
    "karpenter.azure.com/node-image-version",
];

/// The names of a node's image, the most exact first: the providers' labels, then what the kubelet reports of its
/// operating system. Empty where nothing tells.
#[must_use]
pub fn image_names(node: &Node) -> Vec<&str> {
    let labels = IMAGE_LABELS.iter().filter_map(|label| node.label(label));
    labels.chain([node.info.os_image.as_str()]).filter(|name| !name.is_empty()).collect()
}

/// The moment from which a node's image is at most: AKS writes its date into a label; elsewhere it is at most as young
/// as the node. A node whose image was changed in place looks older than it is.
#[must_use]
pub fn image_time(node: &Node) -> Option<Timestamp> {
    let by_label = node.label(IMAGE_LABELS[0]).and_then(date_in_image_version);
    by_label
        .and_then(|date| date.to_zoned_datetime(TimeZone::UTC).ok())
        .map(|midnight| midnight.timestamp())
        .or(node.meta.created)
}

/// The day of [`image_time`].
#[must_use]
pub fn image_date(node: &Node) -> Option<Date> {
    image_time(node).map(|time| time.to_zoned_datetime(TimeZone::UTC).date())
}

/// `AKSUbuntu-2204gen2containerd-202610.15.0` is of 15 October 2026.
fn date_in_image_version(text: &str) -> Option<Date> {
    let (_, date) = text.rsplit_once('-')?;
    let mut parts = date.split('.');
    let (month, day) = (parts.next()?, parts.next()?);
    if month.len() != 6 || !month.is_ascii() {
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
        assert_eq!(date("x-2é26é.15"), None);
        assert_eq!(date("x"), None);
    }
}
