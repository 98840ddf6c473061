//! `null` in a manifest means the same as an absent field. The API server reads it so, and templates write it often.

use serde::{Deserialize, Deserializer};

/// For `#[serde(default, deserialize_with = "…")]`: the default where the value is null.
pub(crate) fn or_default<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de> + Default,
{
    Ok(Option::<T>::deserialize(deserializer)?.unwrap_or_default())
}
