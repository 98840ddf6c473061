//! What Helm keeps of a release: a Secret or ConfigMap with the rendered manifest.
//!
//! Helm 3 stores a release as JSON, compressed with gzip and written in base64 (`helm.sh/helm/v3/pkg/storage/driver`);
//! a Secret's data is in base64 once more. `helm upgrade` compares with the manifest of the last deployed revision, so
//! that an API of it that is gone stops the upgrade.

use std::{collections::BTreeMap, io::Read};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use flate2::read::GzDecoder;
use serde::Deserialize;

/// A release with more than this is no release: a Secret holds one million bytes, compressed.
const LARGEST: u64 = 256 << 20;

/// A revision of a release.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Release {
    /// Its name.
    pub name: String,
    /// Its namespace.
    #[serde(default)]
    pub namespace: String,
    /// The revision.
    #[serde(default)]
    pub version: u64,
    /// Where it stands.
    #[serde(default)]
    pub info: Info,
    /// The rendered manifest.
    #[serde(default)]
    pub manifest: String,
    /// What is applied around it.
    #[serde(default)]
    pub hooks: Vec<Hook>,
}

/// Where a revision stands.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct Info {
    /// `deployed`, `superseded`, `failed`, …
    #[serde(default)]
    pub status: String,
}

/// What is applied before or after the manifest.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct Hook {
    /// The rendered manifest.
    #[serde(default)]
    pub manifest: String,
}

impl Release {
    /// `Helm release shop/web, revision 3`.
    #[must_use]
    pub fn display(&self) -> String {
        format!("Helm release {}/{}, revision {}", self.namespace, self.name, self.version)
    }

    /// Everything that it applies, as one text.
    #[must_use]
    pub fn text(&self) -> String {
        let hooks = self.hooks.iter().map(|hook| hook.manifest.as_str());
        std::iter::once(self.manifest.as_str()).chain(hooks).collect::<Vec<_>>().join("\n---\n")
    }
}

/// Reads what stands in `data.release` of a Secret (`in_secret`) or of a ConfigMap.
///
/// # Errors
/// What is wrong with it.
pub fn read(data: &str, in_secret: bool) -> Result<Release, String> {
    let decode = |text: &[u8]| STANDARD.decode(text.trim_ascii()).map_err(|error| format!("no base64: {error}"));
    let mut bytes = decode(data.as_bytes())?;
    if in_secret {
        bytes = decode(&bytes)?;
    }
    // The oldest releases were not compressed.
    if bytes.starts_with(&[0x1F, 0x8B]) {
        let mut unpacked = Vec::new();
        let read = GzDecoder::new(bytes.as_slice()).take(LARGEST + 1).read_to_end(&mut unpacked);
        read.map_err(|error| format!("cannot be unpacked: {error}"))?;
        if unpacked.len() as u64 > LARGEST {
            return Err(format!("unpacks to more than {LARGEST} bytes"));
        }
        bytes = unpacked;
    }
    serde_json::from_slice(&bytes).map_err(|error| format!("no release of Helm: {error}"))
}

/// The revisions that the next upgrade meets: of each release the newest deployed one, and what came after it.
#[must_use]
pub fn current(releases: Vec<Release>) -> Vec<Release> {
    let mut deployed: BTreeMap<(String, String), u64> = BTreeMap::new();
    let key = |release: &Release| (release.namespace.clone(), release.name.clone());
    for release in releases.iter().filter(|release| release.info.status == "deployed") {
        let newest = deployed.entry(key(release)).or_default();
        *newest = release.version.max(*newest);
    }
    let mut kept: Vec<Release> = releases
        .into_iter()
        .filter(|release| !matches!(release.info.status.as_str(), "superseded" | "uninstalled"))
        .filter(|release| deployed.get(&key(release)).is_none_or(|newest| release.version >= *newest))
        .collect();
    kept.sort_by(|a, b| (&a.namespace, &a.name, a.version).cmp(&(&b.namespace, &b.name, b.version)));
    kept
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use flate2::{Compression, write::GzEncoder};

    use super::*;

    fn release(version: u64, status: &str) -> Release {
        let info = Info { status: status.to_owned() };
        let (name, namespace) = ("web".to_owned(), "shop".to_owned());
        Release { name, namespace, version, info, manifest: "a: b".to_owned(), hooks: Vec::new() }
    }

    #[test]
    fn a_release_is_unpacked() {
        let json = r#"{"name":"web","namespace":"shop","version":3,"info":{"status":"deployed"},"manifest":"a: b","hooks":[{"manifest":"c: d"}]}"#;
        let mut packed = GzEncoder::new(Vec::new(), Compression::default());
        packed.write_all(json.as_bytes()).unwrap();
        let in_config_map = STANDARD.encode(packed.finish().unwrap());
        let read_back = read(&in_config_map, false).unwrap();
        assert_eq!(
            (read_back.display().as_str(), read_back.text().as_str()),
            ("Helm release shop/web, revision 3", "a: b\n---\nc: d")
        );
        assert_eq!(read(&STANDARD.encode(&in_config_map), true).unwrap(), read_back);
        assert!(read("!", false).unwrap_err().contains("base64"));
        assert!(read(&STANDARD.encode("{}"), false).unwrap_err().contains("no release of Helm"));
    }

    #[test]
    fn the_next_upgrade_meets_the_deployed_revision_and_what_came_after() {
        let all = vec![release(1, "superseded"), release(3, "failed"), release(2, "deployed"), release(1, "deployed")];
        let versions: Vec<u64> = current(all).iter().map(|release| release.version).collect();
        assert_eq!(versions, [2, 3]);
        assert_eq!(current(vec![release(1, "pending-install")]).len(), 1);
        assert!(current(vec![release(1, "uninstalled")]).is_empty());
    }
}
