//! What a server is and what it offers: its version, and the resources of its APIs.

use kube::core::discovery::v2::{ACCEPT_AGGREGATED_DISCOVERY_V2, APIGroupDiscoveryList};
use serde::Deserialize;

use super::connect::Cluster;
use super::errors::{ClusterError, ErrorKind};
use super::parallel;

/// The answer of `/version`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ServerVersion {
    /// "1".
    pub major: String,
    /// "37", with providers also "37+".
    pub minor: String,
    /// "v1.37.2", with providers also "v1.37.2-eks-abc".
    pub git_version: String,
    /// Where the server was built from.
    pub git_commit: String,
    /// "linux/amd64".
    pub platform: String,
    /// The version whose APIs and features are served, where it is another (KEP-4330).
    pub emulation_major: Option<String>,
    /// See `emulation_major`.
    pub emulation_minor: Option<String>,
    /// The oldest version that the server can be rolled back to.
    pub min_compatibility_major: Option<String>,
    /// See `min_compatibility_major`.
    pub min_compatibility_minor: Option<String>,
}

/// A resource that a server offers.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct ServedResource {
    /// API group; empty for the core group.
    pub group: String,
    /// API version.
    pub version: String,
    /// Kind of its objects.
    pub kind: String,
    /// Name in paths: plural and in lower case.
    pub resource: String,
    /// Name of one, in lower case.
    pub singular: String,
    /// Short names, such as `po`.
    pub short_names: Vec<String>,
    /// Whether its objects live in namespaces.
    pub namespaced: bool,
    /// What can be done: `list`, `watch`, `create`, …
    pub verbs: Vec<String>,
    /// Its subresources, such as `eviction`.
    pub subresources: Vec<String>,
    /// Whether this is the version of the group that the server prefers.
    pub preferred: bool,
}

impl ServedResource {
    /// `apps/v1`, or `v1` for the core group.
    #[must_use]
    pub fn api_version(&self) -> String {
        if self.group.is_empty() { self.version.clone() } else { format!("{}/{}", self.group, self.version) }
    }

    /// Whether the verb is among those offered.
    #[must_use]
    pub fn can(&self, verb: &str) -> bool {
        self.verbs.iter().any(|known| known == verb)
    }
}

/// Everything that a server offers, and what of it could not be found out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Discovery {
    /// The resources, groups in the order of the server, preferred versions first.
    pub resources: Vec<ServedResource>,
    /// Group versions whose resources are not known now, with the reason: usually an aggregated API server that is
    /// down. They are offered, but what is in them is not known.
    pub unknown: Vec<(String, String)>,
}

impl Discovery {
    /// The resource of a group and version.
    #[must_use]
    pub fn find(&self, group: &str, version: &str, resource: &str) -> Option<&ServedResource> {
        self.resources.iter().find(|it| it.group == group && it.version == version && it.resource == resource)
    }

    /// The versions of a group that hold a resource, the preferred one first.
    pub fn versions<'a>(&'a self, group: &'a str, resource: &'a str) -> impl Iterator<Item = &'a ServedResource> {
        self.resources.iter().filter(move |it| it.group == group && it.resource == resource)
    }
}

impl Cluster {
    /// Asks for the server's version.
    ///
    /// # Errors
    /// As [`Cluster::get`].
    pub async fn version(&self) -> Result<ServerVersion, ClusterError> {
        self.get_json("/version").await
    }

    /// Asks what the server offers: two requests where it knows aggregated discovery (1.26 and later), else one for
    /// each group version.
    ///
    /// # Errors
    /// As [`Cluster::get`]. A single group version that cannot be read is no error; it is named in the answer.
    pub async fn discover(&self) -> Result<Discovery, ClusterError> {
        let mut found = Discovery::default();
        for root in ["/api", "/apis"] {
            let (form, bytes) = self.get_as(root, ACCEPT_AGGREGATED_DISCOVERY_V2).await?;
            if !form.contains("as=APIGroupDiscoveryList") {
                return self.discover_one_by_one().await;
            }
            let list: APIGroupDiscoveryList =
                serde_json::from_slice(&bytes).map_err(|error| self.unexpected(root, &error.to_string()))?;
            found.add(list);
        }
        Ok(found)
    }

    async fn discover_one_by_one(&self) -> Result<Discovery, ClusterError> {
        let core: CoreVersions = self.get_json("/api").await?;
        let groups: Groups = self.get_json("/apis").await?;
        let mut wanted: Vec<(String, String, bool)> =
            core.versions.into_iter().enumerate().map(|(at, version)| (String::new(), version, at == 0)).collect();
        for group in groups.groups {
            let preferred = group.preferred_version.map(|it| it.version).unwrap_or_default();
            let mut versions: Vec<String> = group.versions.into_iter().map(|it| it.version).collect();
            // The preferred one first; the others stay in their order.
            versions.sort_by_key(|version| *version != preferred);
            wanted.extend(versions.into_iter().map(|it| (group.name.clone(), it.clone(), it == preferred)));
        }
        let answers = parallel::all(wanted.iter().map(|(group, version, _)| {
            let path = if group.is_empty() { format!("/api/{version}") } else { format!("/apis/{group}/{version}") };
            async move { self.get_json::<ResourceList>(&path).await }
        }))
        .await;
        let mut found = Discovery::default();
        for ((group, version, preferred), answer) in wanted.into_iter().zip(answers) {
            match answer {
                Ok(list) => found.add_legacy(&group, &version, preferred, list),
                Err(error) if error.answer().is_some() && error.kind() != ErrorKind::Unauthorized => {
                    let name = if group.is_empty() { version } else { format!("{group}/{version}") };
                    found.unknown.push((name, error.why()));
                }
                Err(error) => return Err(error),
            }
        }
        Ok(found)
    }
}

impl Discovery {
    fn add(&mut self, list: APIGroupDiscoveryList) {
        for group in list.items {
            let name = group.metadata.and_then(|metadata| metadata.name).unwrap_or_default();
            for (at, version) in group.versions.into_iter().enumerate() {
                let number = version.version.unwrap_or_default();
                if version.freshness.as_deref() == Some("Stale") {
                    let api_version = if name.is_empty() { number.clone() } else { format!("{name}/{number}") };
                    let why = "stale discovery: the API server behind it did not answer".to_owned();
                    self.unknown.push((api_version, why));
                }
                for resource in version.resources {
                    self.resources.push(ServedResource {
                        group: name.clone(),
                        version: number.clone(),
                        kind: resource.response_kind.and_then(|kind| kind.kind).unwrap_or_default(),
                        resource: resource.resource.unwrap_or_default(),
                        singular: resource.singular_resource.unwrap_or_default(),
                        short_names: resource.short_names,
                        namespaced: resource.scope.as_deref() == Some("Namespaced"),
                        verbs: resource.verbs,
                        subresources: resource.subresources.into_iter().filter_map(|it| it.subresource).collect(),
                        preferred: at == 0,
                    });
                }
            }
        }
    }

    fn add_legacy(&mut self, group: &str, version: &str, preferred: bool, list: ResourceList) {
        let first = self.resources.len();
        let (subresources, resources): (Vec<_>, Vec<_>) =
            list.resources.into_iter().partition(|resource| resource.name.contains('/'));
        self.resources.extend(resources.into_iter().map(|resource| ServedResource {
            group: group.to_owned(),
            version: version.to_owned(),
            kind: resource.kind,
            resource: resource.name,
            singular: resource.singular_name,
            short_names: resource.short_names,
            namespaced: resource.namespaced,
            verbs: resource.verbs,
            subresources: Vec::new(),
            preferred,
        }));
        for subresource in subresources {
            let Some((parent, name)) = subresource.name.split_once('/') else { continue };
            if let Some(parent) = self.resources[first..].iter_mut().find(|it| it.resource == parent) {
                parent.subresources.push(name.to_owned());
            }
        }
    }
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct CoreVersions {
    versions: Vec<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Groups {
    groups: Vec<Group>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Group {
    name: String,
    versions: Vec<GroupVersion>,
    preferred_version: Option<GroupVersion>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct GroupVersion {
    version: String,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct ResourceList {
    resources: Vec<LegacyResource>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct LegacyResource {
    name: String,
    singular_name: String,
    namespaced: bool,
    kind: String,
    verbs: Vec<String>,
    short_names: Vec<String>,
}
