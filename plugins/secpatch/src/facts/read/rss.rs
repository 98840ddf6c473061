//! The official feed of Kubernetes' vulnerabilities as RSS 2.0.
//!
//! It is made from the same data as the JSON feed (kubernetes/website, `layouts/_default/cve-feed.rss.xml`): the title of
//! an item is its id, the guid the address of the CVE record. The status stands in a category, which items made before
//! June 2024 lack. There is no text, and so no CVSS vector.

use jiff::fmt::rfc2822;
use quick_xml::{
    Reader,
    events::{BytesRef, BytesStart, Event},
};

use super::{
    ReadError,
    feed::{Feed, Item, split},
};

/// The scheme of the category that holds the status.
const STATUS: &str = "cve-item-status";

/// Reads the feed.
///
/// # Errors
/// Where it is no XML, or an item has no identifier of a CVE.
pub fn read(file: &str, text: &str) -> Result<Feed, ReadError> {
    let mut reader = Reader::from_str(text);
    let mut items = Vec::new();
    let mut updated = None;
    let mut item: Option<Item> = None;
    // The element that text belongs to, and its text.
    let mut inside = String::new();
    let mut content = String::new();
    loop {
        let at = reader.buffer_position();
        let event = reader.read_event().map_err(|error| {
            let offset = usize::try_from(reader.error_position().max(at)).unwrap_or(text.len()).min(text.len());
            let offset = (0..=offset).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
            ReadError::at_offset(file, text, offset, format!("this is no XML: {error}"))
        })?;
        match event {
            Event::Eof => break,
            Event::Start(tag) => {
                inside = local_name(&tag);
                content.clear();
                if inside == "item" {
                    item = Some(Item::default());
                } else if inside == "category" {
                    take_status(&tag, item.as_mut());
                }
            }
            Event::Empty(tag) if local_name(&tag) == "category" => take_status(&tag, item.as_mut()),
            Event::Text(text) => content.push_str(&text.xml10_content()),
            Event::CData(text) => content.push_str(&text.xml10_content()),
            Event::GeneralRef(reference) => content.push_str(&resolved(&reference)),
            Event::End(tag) => {
                let name = tag.local_name().as_ref().to_owned();
                if name == "item" {
                    if let Some(item) = item.take() {
                        items.extend(split(&item, file, text)?);
                    }
                } else if name == inside {
                    let value = content.trim().to_owned();
                    match &mut item {
                        Some(item) => take(item, &name, value),
                        None if name == "lastBuildDate" => updated = day(&value).and_then(|day| day.parse().ok()),
                        None => {}
                    }
                }
                inside.clear();
            }
            _ => {}
        }
    }
    Ok(Feed { updated, items })
}

fn local_name(tag: &BytesStart<'_>) -> String {
    tag.local_name().as_ref().to_owned()
}

/// What `&amp;` or `&#34;` stands for; as it is written where nothing is known of it.
fn resolved(reference: &BytesRef<'_>) -> String {
    let name = reference.xml10_content();
    match (reference.resolve_char_ref(), quick_xml::escape::resolve_predefined_entity(&name)) {
        (Ok(Some(character)), _) => character.to_string(),
        (_, Some(text)) => text.to_owned(),
        _ => format!("&{name};"),
    }
}

fn take(item: &mut Item, element: &str, value: String) {
    match element {
        "title" => item.id = value,
        "link" => item.url = value,
        "guid" => item.external_url = value,
        "pubDate" => item.date_published = day(&value).unwrap_or_default(),
        // It is escaped twice: as HTML, and as XML.
        "description" => item.summary = unescaped(&value),
        _ => {}
    }
}

fn unescaped(text: &str) -> String {
    let pairs = [("&lt;", "<"), ("&gt;", ">"), ("&#34;", "\""), ("&quot;", "\""), ("&#39;", "'"), ("&amp;", "&")];
    pairs.iter().fold(text.to_owned(), |text, (written, meant)| text.replace(written, meant))
}

fn take_status(tag: &BytesStart<'_>, item: Option<&mut Item>) {
    let attribute = |name: &str| {
        let found = tag.try_get_attribute(name).ok().flatten()?;
        Some(found.value.into_owned())
    };
    if let Some(item) = item
        && attribute("scheme").is_some_and(|scheme| scheme.ends_with(STATUS))
    {
        item.status = attribute("term");
    }
}

/// `Fri, 23 May 2025 15:00:00 +0000` as `2025-05-23`.
fn day(text: &str) -> Option<String> {
    Some(rfc2822::parse(text).ok()?.date().to_string())
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;
    use crate::facts::CveStatus;

    const FEED: &str = r#"<!-- Render last build date only if … -->
<rss version="2.0" xmlns:atom="http://www.w3.org/2005/Atom">
  <channel>
    <title>Kubernetes Vulnerability Announcements - CVE Feed</title>
    <lastBuildDate>Tue, 20 Jan 2026 10:11:12 +0000</lastBuildDate>
    <atom:link href="https://kubernetes.io/feed.xml" rel="self" type="application/rss+xml" />
    <item>
      <title>CVE-2025-5187</title>
      <link>https://github.com/kubernetes/kubernetes/issues/133471</link>
      <pubDate>Wed, 13 Aug 2025 17:00:08 +0000</pubDate>
      <guid>https://www.cve.org/cverecord?id=CVE-2025-5187</guid>
      <description>Nodes can delete &amp;#34;themselves&amp;#34; by adding an OwnerReference &amp;amp; more</description>
      <category term="fixed" scheme="https://k8s.io/2024-06-27/cve-item-status" />
    </item>
    <item>
      <title>CVE-2023-2727, CVE-2023-2728</title>
      <link>https://github.com/kubernetes/kubernetes/issues/118640</link>
      <pubDate>Tue, 13 Jun 2023 14:42:06 +0000</pubDate>
      <guid>https://www.cve.org/cverecord?id=CVE-2023-2727, CVE-2023-2728</guid>
      <description><![CDATA[Bypassing policies]]></description>
    </item>
  </channel>
</rss>
"#;

    #[test]
    fn items_are_read_in_both_shapes() {
        let feed = read("feed.xml", FEED).expect("a feed");
        assert_eq!(feed.updated, Some(date(2026, 1, 20)));
        let lines: Vec<_> = feed.items.iter().map(|it| (it.id.as_str(), it.status, it.published)).collect();
        assert_eq!(
            lines,
            [
                ("CVE-2025-5187", CveStatus::Fixed, Some(date(2025, 8, 13))),
                ("CVE-2023-2727", CveStatus::Unknown, Some(date(2023, 6, 13))),
                ("CVE-2023-2728", CveStatus::Unknown, Some(date(2023, 6, 13))),
            ]
        );
        assert_eq!(feed.items[0].title, "Nodes can delete \"themselves\" by adding an OwnerReference & more");
        assert_eq!(feed.items[0].links[1], "https://www.cve.org/cverecord?id=CVE-2025-5187");
        assert_eq!(feed.items[1].title, "Bypassing policies");
        assert_eq!(feed.items[2].links[1], "https://www.cve.org/cverecord?id=CVE-2023-2728");
    }

    #[test]
    fn what_is_wrong_has_a_place() {
        let error = read("feed.xml", "<rss>\n<item></wrong>").expect_err("no XML");
        assert!(error.to_string().starts_with("feed.xml:2:"), "{error}");
        let error = read("feed.xml", "<rss><item><title>News</title></item></rss>").expect_err("no CVE");
        assert!(error.to_string().contains("names no vulnerability"), "{error}");
    }
}
