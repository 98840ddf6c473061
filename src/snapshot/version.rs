//! What the API server says of its own version.

use compact_str::CompactString;
use serde::Deserialize;

use crate::rules::null::or_default;

/// The answer of `/version` (`k8s.io/apimachinery/pkg/version/types.go`).
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ServerVersion {
    /// The version of the binary, such as `v1.34.3-gke.1`.
    #[serde(deserialize_with = "or_default")]
    pub git_version: CompactString,
    /// The major version that the server emulates, where it differs (KEP-4330).
    #[serde(deserialize_with = "or_default")]
    pub emulation_major: CompactString,
    /// The minor version that the server emulates.
    #[serde(deserialize_with = "or_default")]
    pub emulation_minor: CompactString,
    /// `linux/amd64`.
    #[serde(deserialize_with = "or_default")]
    pub platform: CompactString,
}

/// What `kubectl version -o json` prints.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct KubectlVersion {
    pub(crate) client_version: Option<ServerVersion>,
    pub(crate) server_version: Option<ServerVersion>,
}
