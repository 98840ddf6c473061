//! How old the image of a node is.

use jiff::{civil::Date, tz::TimeZone};
use patchkit::snapshot::objects::node::Node;

use crate::facts::days_between;

/// Images of Linux nodes are published weekly by all large providers.
const LINUX_DAYS: i32 = 7;

/// Windows images follow the monthly patch day; a month may have 31 days.
const WINDOWS_DAYS: i32 = 31;

/// Whether a node's image is older than its operating system's rhythm.
#[must_use]
pub fn is_due(node: &Node, today: Date) -> bool {
    let allowed = if node.is_windows() { WINDOWS_DAYS } else { LINUX_DAYS };
    image_date(node).is_some_and(|date| days_between(date, today) > allowed)
}

/// The date of a node's image: AKS writes it into a label; elsewhere it is at most as young as the day on which the
/// node joined. A node whose image was changed in place looks older than it is.
#[must_use]
pub fn image_date(node: &Node) -> Option<Date> {
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
