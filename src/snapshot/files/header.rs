//! What an object says it is, found without reading all of it.

use serde::de::{DeserializeSeed, Error, IgnoredAny, MapAccess, Visitor};

use super::{document::YamlDocument, json::ListHeader, problem::Problem, yaml};
use crate::snapshot::builder::{Document, Header};

/// The header of a document or an item in YAML, of which this is the text.
pub(super) fn yaml_header(text: &str, document: &YamlDocument<'_>) -> Result<Header, Problem> {
    // The two keys are nearly always written in block style at the margin.
    if let (Some(kind), Some(api_version)) = (yaml::top_level(text, "kind"), yaml::top_level(text, "apiVersion")) {
        return Ok(Header { kind: kind.into(), api_version: api_version.into() });
    }
    document.read::<Header>()
}

/// `PodList` of `v1` holds `Pod`s of `v1`; a plain `List` says nothing of its items.
pub(super) fn header_from_list(list: &ListHeader) -> Header {
    let kind = list.kind.strip_suffix("List").unwrap_or_default();
    let api_version = if kind.is_empty() { Default::default() } else { list.api_version.clone() };
    Header { api_version, kind: kind.into() }
}

/// What an object says it is. The two keys nearly always come first, so that most of the object is not looked at.
pub(super) fn header_of(text: &[u8]) -> Header {
    struct First<'h>(&'h mut Header);

    impl<'de> DeserializeSeed<'de> for First<'_> {
        type Value = ();

        fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
            deserializer.deserialize_map(self)
        }
    }

    impl<'de> Visitor<'de> for First<'_> {
        type Value = ();

        fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("an object")
        }

        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
            while let Some(key) = map.next_key::<compact_str::CompactString>()? {
                match key.as_str() {
                    "apiVersion" => self.0.api_version = map.next_value::<Option<_>>()?.unwrap_or_default(),
                    "kind" => self.0.kind = map.next_value::<Option<_>>()?.unwrap_or_default(),
                    _ => {
                        map.next_value::<IgnoredAny>()?;
                    }
                }
                if !self.0.api_version.is_empty() && !self.0.kind.is_empty() {
                    // There is no other way to leave an object in the middle.
                    return Err(A::Error::custom("both are known"));
                }
            }
            Ok(())
        }
    }

    let mut header = Header::default();
    // An error is met again, with its place, when the object is read as its type.
    let _ = First(&mut header).deserialize(&mut serde_json::Deserializer::from_slice(text));
    header
}
