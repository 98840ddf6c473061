//! The official feed of Kubernetes' vulnerabilities (JSON Feed 1.1), in its old and its new shape.
//!
//! The feed says which vulnerabilities exist and whether they are fixed. Affected versions stand only in its free text,
//! which is not read for them.

use jiff::civil::Date;
use serde::Deserialize;

use super::{ReadError, json, osv::date};
use crate::facts::CveStatus;

/// What the feed says of one vulnerability.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FeedItem {
    /// `CVE-2025-5187`. An item about two becomes two of these.
    pub id: String,
    /// The title.
    pub title: String,
    /// When it became known.
    pub published: Option<Date>,
    /// Whether a fix exists; unknown in the old shape.
    pub status: CveStatus,
    /// The first CVSS 3 vector in the text, where the item is about one vulnerability.
    pub cvss: Option<String>,
    /// The issue, then the CVE record.
    pub links: Vec<String>,
}

/// The feed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Feed {
    /// When it was made.
    pub updated: Option<Date>,
    /// What is in it.
    pub items: Vec<FeedItem>,
}

#[derive(Deserialize)]
struct File {
    items: Vec<Item>,
    #[serde(default, rename = "_kubernetes_io")]
    meta: Meta,
}

#[derive(Default, Deserialize)]
struct Meta {
    #[serde(default)]
    updated_at: String,
}

/// An item as the JSON feed has it; the RSS feed has the same fields by other names.
#[derive(Default, Deserialize)]
pub(super) struct Item {
    pub(super) id: String,
    #[serde(default)]
    pub(super) summary: String,
    #[serde(default)]
    pub(super) content_text: String,
    #[serde(default)]
    pub(super) date_published: String,
    #[serde(default)]
    pub(super) url: String,
    #[serde(default)]
    pub(super) external_url: String,
    #[serde(default)]
    pub(super) status: Option<String>,
}

/// Reads the feed.
///
/// # Errors
/// Where it is no JSON feed, or an item has no identifier of a CVE.
pub fn read(file: &str, text: &str) -> Result<Feed, ReadError> {
    let parsed: File = json(file, text)?;
    let mut items = Vec::with_capacity(parsed.items.len());
    for item in parsed.items {
        items.extend(split(&item, file, text)?);
    }
    Ok(Feed { updated: date(&parsed.meta.updated_at), items })
}

/// One item about several vulnerabilities becomes several.
pub(super) fn split(item: &Item, file: &str, text: &str) -> Result<Vec<FeedItem>, ReadError> {
    // The old shape joins the identifiers of one issue with commas, in the id and in the address.
    let ids: Vec<&str> = item.id.split(',').map(str::trim).filter(|id| !id.is_empty()).collect();
    let wrong = ids.iter().find(|id| !is_cve(id)).copied().or(ids.is_empty().then_some(item.id.as_str()));
    if let Some(wrong) = wrong {
        // In JSON it stands in quotes, in RSS between tags.
        let quoted = format!("\"{}\"", item.id);
        let place = if text.contains(&quoted) { &quoted } else { &item.id };
        let problem = format!("item {wrong:?} names no vulnerability: expected CVE-YEAR-NUMBER");
        return Err(ReadError::at(file, text, place, problem));
    }
    let status = match item.status.as_deref() {
        Some("fixed") => CveStatus::Fixed,
        Some("open") => CveStatus::Open,
        Some("unfixed") => CveStatus::Unfixed,
        _ => CveStatus::Unknown,
    };
    let cvss = if ids.len() == 1 { vector_in(&item.content_text) } else { None };
    let make = |id: &&str| {
        let record = if ids.len() == 1 && !item.external_url.is_empty() {
            item.external_url.clone()
        } else {
            format!("https://www.cve.org/cverecord?id={id}")
        };
        let links = [item.url.clone(), record].into_iter().filter(|link| !link.is_empty()).collect();
        FeedItem {
            id: (*id).to_owned(),
            title: item.summary.trim().to_owned(),
            published: date(&item.date_published),
            status,
            cvss: cvss.clone(),
            links,
        }
    };
    Ok(ids.iter().map(make).collect())
}

/// `CVE-2025-5187`.
pub(super) fn is_cve(id: &str) -> bool {
    let digits = |text: &str, least: usize| text.len() >= least && text.bytes().all(|byte| byte.is_ascii_digit());
    id.strip_prefix("CVE-")
        .and_then(|rest| rest.split_once('-'))
        .is_some_and(|(year, number)| year.len() == 4 && digits(year, 4) && digits(number, 4))
}

/// The first CVSS 3 vector in free text that can be scored.
fn vector_in(text: &str) -> Option<String> {
    text.match_indices("CVSS:3.").find_map(|(start, _)| {
        let rest = &text[start..];
        let end = rest.find(|c: char| !(c.is_ascii_alphanumeric() || ":./".contains(c))).unwrap_or(rest.len());
        let vector = rest[..end].trim_end_matches(['.', '/']);
        crate::facts::cvss::base_score(vector).is_ok().then(|| vector.to_owned())
    })
}
