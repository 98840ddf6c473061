//! Feature gates: Kubernetes' own list with default, lock and stage by version, and the web site's, which also knows
//! the removed ones.

use patchkit::rules::Minor;
use serde::{Deserialize, Deserializer, de};

use super::{ReadError, json, yaml};
use crate::facts::{Gate, Stage, gate::GateSpan};

/// Gates of the client library. The web site lists them among the others, but they are set by environment variables
/// and are no part of Kubernetes' own list, so that missing there does not mean removed.
/// Source: `k8s.io/client-go/features/known_features.go`.
const CLIENT_GO: [&str; 8] = [
    "AtomicFIFO",
    "ClientsAllowCBOR",
    "ClientsPreferCBOR",
    "InOrderInformers",
    "InOrderInformersBatchProcess",
    "InformerResourceVersion",
    "UnlockWhileProcessingFIFO",
    "WatchListClient",
];

#[derive(Deserialize)]
struct Listed {
    name: String,
    #[serde(rename = "versionedSpecs")]
    specs: Vec<Spec>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Spec {
    default: bool,
    lock_to_default: bool,
    pre_release: String,
    version: Minor,
}

/// Reads Kubernetes' own list (`versioned_feature_list.yaml`), which describes one minor: what it lacks is not there.
///
/// # Errors
/// Where it has another shape.
pub fn read_list(file: &str, text: &str) -> Result<Vec<Gate>, ReadError> {
    let parsed: Vec<Listed> = yaml(file, text)?;
    let gate = |listed: Listed| {
        let mut spans = Vec::with_capacity(listed.specs.len());
        for spec in listed.specs {
            spans.push(GateSpan {
                from: spec.version,
                stage: stage(&spec.pre_release, file, text)?,
                default: Some(spec.default),
                locked: Some(spec.lock_to_default),
            });
        }
        spans.sort_by_key(|span| span.from);
        let client_go = CLIENT_GO.contains(&listed.name.as_str());
        Ok(Gate { name: listed.name, spans, removed: None, client_go })
    };
    parsed.into_iter().map(gate).collect()
}

#[derive(Deserialize)]
struct Site {
    rows: Vec<SiteGate>,
}

#[derive(Deserialize)]
struct SiteGate {
    name: String,
    #[serde(default)]
    removed: bool,
    stages: Vec<SiteStage>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct SiteStage {
    stage: String,
    #[serde(default)]
    default_value: Option<String>,
    #[serde(deserialize_with = "written_minor")]
    from_version: Minor,
    #[serde(default, deserialize_with = "maybe_written_minor")]
    to_version: Option<Minor>,
    #[serde(default)]
    locked: Option<String>,
}

/// A minor as people write it into front matter: `'1.31.0'`, `"1.31"`.
fn written_minor<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Minor, D::Error> {
    let text = String::deserialize(deserializer)?;
    let bare = text.trim_matches(['"', '\'']);
    let first_two = bare.match_indices('.').nth(1).map_or(bare, |(second_dot, _)| &bare[..second_dot]);
    first_two.parse().map_err(de::Error::custom)
}

fn maybe_written_minor<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Minor>, D::Error> {
    written_minor(deserializer).map(Some)
}

/// Reads the web site's list.
///
/// # Errors
/// Where it has another shape.
pub fn read_site(file: &str, text: &str) -> Result<Vec<Gate>, ReadError> {
    let parsed: Site = json(file, text)?;
    let gate = |row: SiteGate| {
        let mut spans = Vec::with_capacity(row.stages.len());
        let mut last = None;
        for site in &row.stages {
            let flag = |text: &Option<String>| text.as_deref().and_then(|text| text.parse().ok());
            spans.push(GateSpan {
                from: site.from_version,
                stage: stage(&site.stage, file, text)?,
                default: flag(&site.default_value),
                locked: flag(&site.locked),
            });
            // A last stage without an end, of a gate that is gone, is taken to have lasted one minor.
            last = last.max(site.to_version.or(Some(site.from_version)));
        }
        spans.sort_by_key(|span| span.from);
        let removed = last.filter(|_| row.removed).map(Minor::next);
        let client_go = CLIENT_GO.contains(&row.name.as_str());
        Ok(Gate { name: row.name, spans, removed, client_go })
    };
    parsed.rows.into_iter().map(gate).collect()
}

fn stage(word: &str, file: &str, text: &str) -> Result<Stage, ReadError> {
    match word.trim_matches('"').to_ascii_lowercase().as_str() {
        "alpha" => Ok(Stage::Alpha),
        "beta" => Ok(Stage::Beta),
        "ga" | "stable" | "" => Ok(Stage::Stable),
        "deprecated" => Ok(Stage::Deprecated),
        other => {
            let problem = format!("{other:?} is no stage of a feature: expected alpha, beta, stable, GA or deprecated");
            Err(ReadError::at(file, text, word, problem))
        }
    }
}

/// Joins both lists. Where both speak of a gate, Kubernetes' own list wins; a gate that only the site still has is gone
/// in the minor that the list describes.
#[must_use]
pub fn merge(list: Vec<Gate>, list_describes: Minor, site: Vec<Gate>) -> Vec<Gate> {
    let mut gates = list;
    for mut gate in site {
        if gates.iter().any(|listed| listed.name == gate.name) {
            continue;
        }
        if gate.removed.is_none() && !gate.client_go {
            gate.removed = Some(list_describes);
        }
        gates.push(gate);
    }
    gates.sort_by(|a, b| a.name.cmp(&b.name));
    gates
}
