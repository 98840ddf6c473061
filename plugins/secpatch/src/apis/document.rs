//! The uses of old APIs laid out for people.

use std::collections::BTreeMap;

use patchkit::{
    report::{Block, Cell, CheckStatus, ChecklistItem, Column, Document, Table, Tone},
    rules::version::Minor,
};

use super::{Alone, ApiStatus, ApiUse, SeenIn};
use crate::words::count;

/// Lays them out; `notes` are said under the title.
#[must_use]
pub fn document(found: &[ApiUse], target: Minor, notes: &[String]) -> Document {
    let mut document = Document::default();
    document.heading(1, format!("APIs for Kubernetes {target}"));
    for note in notes {
        document.text(note.as_str());
    }
    if found.is_empty() {
        document
            .paragraph([Cell::new(format!("Nothing uses an API that {target} removes or deprecates."), Tone::Good)]);
        return document;
    }
    for (status, title) in [
        (ApiStatus::Removed, format!("Not served by {target}")),
        (ApiStatus::Deprecated, format!("Served by {target}, and deprecated")),
    ] {
        let of_status: Vec<&ApiUse> = found.iter().filter(|it| it.status == status).collect();
        if !of_status.is_empty() {
            document.heading(2, format!("{title} ({})", count(of_status.len(), "use")));
            document.push(Block::Table(table(&of_status)));
        }
    }
    changes(&mut document, found);
    document
}

fn table(found: &[&ApiUse]) -> Table {
    let mut table = Table::new([
        Column::new("API"),
        Column::new("OBJECT").wraps(),
        Column::new("SEEN IN"),
        Column::new("GOES IN"),
        Column::new("WRITE INSTEAD").wraps(),
        Column::new("WHERE").wraps(),
        Column::new("DEPRECATED IN").wide(),
    ]);
    for it in found {
        let goes = match (&it.removed_in, it.provisional) {
            (Some(minor), true) => format!("{minor} (provisional)"),
            (Some(minor), false) => minor.clone(),
            (None, _) => "-".to_owned(),
        };
        let tone = match it.status {
            _ if it.rewritten => Tone::Good,
            ApiStatus::Removed => Tone::Bad,
            ApiStatus::Deprecated => Tone::Notice,
        };
        let replacement = match (&it.replacement, it.api_version_alone) {
            (None, _) => "nothing takes its place".to_owned(),
            (Some(replacement), _) if it.rewritten => format!("rewritten to {replacement}"),
            (Some(replacement), Some(Alone::No)) => format!("{replacement}, with changes"),
            (Some(replacement), _) => replacement.clone(),
        };
        table.push([
            Cell::new(it.object.api_version.as_str(), tone),
            Cell::from(it.object.display()),
            Cell::from(seen_in(it.seen_in)),
            Cell::new(goes, tone),
            Cell::from(replacement),
            Cell::from(place(it)),
            Cell::from(it.deprecated_in.as_deref().unwrap_or("-")),
        ]);
    }
    table
}

const fn seen_in(seen_in: SeenIn) -> &'static str {
    match seen_in {
        SeenIn::Manifest => "manifest",
        SeenIn::LastApplied => "last applied",
        SeenIn::ManagedFields => "field manager",
        SeenIn::Metric => "calls",
        SeenIn::Helm => "Helm release",
    }
}

/// The file and line, the release, or the field manager with the day on which it wrote last.
fn place(it: &ApiUse) -> String {
    let source = it.source.as_ref().map(|source| format!("{}:{}", source.file, source.line));
    let manager = it.manager.as_ref().map(|manager| match it.written.as_deref().and_then(|time| time.get(..10)) {
        Some(day) => format!("{manager}, {day}"),
        None => manager.clone(),
    });
    let all: Vec<String> = [source, it.release.clone(), manager].into_iter().flatten().collect();
    if all.is_empty() { "-".to_owned() } else { all.join(", ") }
}

/// What changes beside the API version, once for all objects that it concerns; and why a file was left as it is.
fn changes(document: &mut Document, found: &[ApiUse]) {
    let mut by_api: BTreeMap<(&str, &str), BTreeMap<&str, usize>> = BTreeMap::new();
    for it in found.iter().filter(|it| !it.rewritten) {
        for change in &it.changes {
            let of_api = by_api.entry((&it.object.api_version, &it.object.kind)).or_default();
            *of_api.entry(change).or_default() += 1;
        }
    }
    if !by_api.is_empty() {
        document.heading(2, "What changes beside the API version");
        let items = by_api.into_iter().map(|((api_version, kind), changes)| ChecklistItem {
            status: CheckStatus::Warn,
            title: format!("{api_version} {kind}"),
            details: changes
                .into_iter()
                .map(|(change, objects)| format!("{change} ({})", count(objects, "use")))
                .collect(),
        });
        document.push(Block::Checklist(items.collect()));
    }
    let left: Vec<ChecklistItem> = found
        .iter()
        .filter_map(|it| {
            let why = it.not_rewritten.as_ref()?;
            Some(ChecklistItem {
                status: CheckStatus::Fail,
                title: format!("{} ({})", it.object.display(), place(it)),
                details: vec![why.clone()],
            })
        })
        .collect();
    if !left.is_empty() {
        document.heading(2, "Not rewritten");
        document.push(Block::Checklist(left));
    }
}
