//! How old the image of a node is.

use jiff::civil::Date;
use patchkit::snapshot::{node_image::image_date, objects::node::Node};

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
