//! What the API server says that it serves, as aggregated discovery answers (KEP-3352).

use serde::Deserialize;

use super::model::ServedResource;
use crate::rules::null::or_default;

/// One group of an `APIGroupDiscoveryList` (`k8s.io/api/apidiscovery/v2/types.go`).
#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct GroupDiscovery {
    #[serde(deserialize_with = "or_default")]
    metadata: Name,
    #[serde(deserialize_with = "or_default")]
    versions: Vec<Version>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Name {
    #[serde(deserialize_with = "or_default")]
    name: String,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Version {
    #[serde(deserialize_with = "or_default")]
    version: String,
    #[serde(deserialize_with = "or_default")]
    resources: Vec<Resource>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Resource {
    #[serde(deserialize_with = "or_default")]
    resource: String,
    #[serde(deserialize_with = "or_default")]
    response_kind: Kind,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Kind {
    #[serde(deserialize_with = "or_default")]
    kind: String,
}

impl GroupDiscovery {
    /// Every resource of the group in every version.
    pub(crate) fn resources(self) -> Vec<ServedResource> {
        let group = self.metadata.name;
        self.versions
            .into_iter()
            .flat_map(|version| {
                let group = group.clone();
                version.resources.into_iter().map(move |resource| ServedResource {
                    group: group.clone(),
                    version: version.version.clone(),
                    kind: resource.response_kind.kind,
                    plural: resource.resource,
                })
            })
            .collect()
    }
}
