//! What a public file is, by what stands in it: names of files say little, and addresses less.

use serde::Deserialize;

use crate::facts::Product;

/// A kind of public file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The official feed of Kubernetes' vulnerabilities, as JSON.
    Feed,
    /// The same as RSS.
    Rss,
    /// One vulnerability of the Kubernetes CVE feed, as OSV.
    Osv,
    /// One vulnerability of the Go vulnerability database, as OSV.
    GoVulndb,
    /// `schedule.yaml` of the Kubernetes web site.
    Schedule,
    /// `eol.yaml` of the Kubernetes web site.
    Ended,
    /// A product of endoflife.date.
    Calendar(Product),
    /// An archive with vulnerabilities as OSV files.
    Archive,
}

impl Kind {
    /// What it is, for people.
    #[must_use]
    pub const fn describe(self) -> &'static str {
        match self {
            Self::Feed => "official CVE feed",
            Self::Rss => "official CVE feed (RSS)",
            Self::Osv => "vulnerability of the Kubernetes feed (OSV)",
            Self::GoVulndb => "vulnerability of the Go database (OSV)",
            Self::Schedule => "release schedule",
            Self::Ended => "ended releases",
            Self::Calendar(_) => "support calendar",
            Self::Archive => "archive of vulnerabilities (OSV)",
        }
    }
}

/// The fields by which JSON files are told apart. Everything else in them is skipped.
#[derive(Deserialize)]
struct Probe {
    #[serde(default)]
    id: Option<String>,
    #[serde(default)]
    items: Option<serde::de::IgnoredAny>,
    #[serde(default)]
    affected: Option<serde::de::IgnoredAny>,
    #[serde(default)]
    result: Option<ProbeResult>,
}

#[derive(Deserialize)]
struct ProbeResult {
    #[serde(default)]
    name: Option<String>,
}

/// What a text is; `None` where it is nothing that is understood.
pub fn of(from: &str, text: &str) -> Option<Kind> {
    let text = text.trim_start_matches('\u{feff}').trim_start();
    if text.starts_with('{') {
        // A file that is broken further on still shows what it was meant to be: its reader then says where it breaks.
        let probe: Probe = match serde_json::from_str(text) {
            Ok(probe) => probe,
            Err(_) => return by_words(text),
        };
        if let Some(name) = probe.result.and_then(|result| result.name) {
            return product(&name).map(Kind::Calendar);
        }
        return match probe.id {
            Some(id) if probe.affected.is_some() => Some(by_id(&id)),
            _ => probe.items.is_some().then_some(Kind::Feed),
        };
    }
    if text.starts_with('<') {
        return text.contains("<rss").then_some(Kind::Rss);
    }
    if text.starts_with('[') {
        // The old API of endoflife.date names the product in the address only.
        return text.contains("\"cycle\"").then(|| named(from)).flatten();
    }
    if text.starts_with("---") && text.contains("\nreleases:") {
        let slug = text.lines().find_map(|line| line.strip_prefix("permalink: /"))?;
        return product(slug.trim()).map(Kind::Calendar);
    }
    let has_line = |start: &str| text.lines().any(|line| line.starts_with(start));
    if has_line("schedules:") {
        Some(Kind::Schedule)
    } else if has_line("branches:") {
        Some(Kind::Ended)
    } else {
        None
    }
}

fn by_id(id: &str) -> Kind {
    if id.starts_with("GO-") { Kind::GoVulndb } else { Kind::Osv }
}

fn by_words(text: &str) -> Option<Kind> {
    let id = || text.split("\"id\"").nth(1)?.split('"').nth(1);
    if text.contains("\"items\"") && text.contains("_kubernetes_io") {
        Some(Kind::Feed)
    } else if text.contains("\"affected\"") {
        id().map(by_id)
    } else {
        None
    }
}

fn product(slug: &str) -> Option<Product> {
    Product::ALL.into_iter().find(|product| product.as_str() == slug)
}

/// The product whose name is the last word of an address or file name: `…/api/amazon-eks.json`, `eol-containerd.md`.
fn named(from: &str) -> Option<Kind> {
    let last = from.trim_end_matches('/').rsplit(['/', '\\']).next()?;
    let stem = last.rsplit_once('.').map_or(last, |(stem, _)| stem);
    product(stem.trim_start_matches("eol-")).map(Kind::Calendar)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_known_by_what_stands_in_them() {
        for (from, text, kind) in [
            ("x", r#"{"items": [], "_kubernetes_io": {}}"#, Some(Kind::Feed)),
            ("x", r#"{"id": "CVE-2025-1", "affected": []}"#, Some(Kind::Osv)),
            ("x", r#"{"id": "GO-2025-1", "affected": []}"#, Some(Kind::GoVulndb)),
            (
                "x",
                r#"{"schema_version": "1", "result": {"name": "amazon-eks", "releases": []}}"#,
                Some(Kind::Calendar(Product::Eks)),
            ),
            ("x", r#"{"result": {"name": "ubuntu", "releases": []}}"#, None),
            (
                "https://endoflife.date/api/containerd.json",
                r#"[{"cycle": "2.3"}]"#,
                Some(Kind::Calendar(Product::Containerd)),
            ),
            ("eol-unknown.json", r#"[{"cycle": "2.3"}]"#, None),
            (
                "x",
                "---\npermalink: /red-hat-openshift\nreleases:\n- a\n---\n",
                Some(Kind::Calendar(Product::OpenShift)),
            ),
            ("x", "# a remark\n---\nschedules:\n- a\n", Some(Kind::Schedule)),
            ("x", "branches:\n- a\n", Some(Kind::Ended)),
            ("x", r#"{"id": "CVE-2025-1", "affected": [ "#, Some(Kind::Osv)),
            ("x", "<html>not found</html>", None),
            ("x", "<!-- made by Hugo -->\n<rss version=\"2.0\"><channel></channel></rss>", Some(Kind::Rss)),
            ("x", "", None),
        ] {
            assert_eq!(of(from, text), kind, "{text}");
        }
    }
}
