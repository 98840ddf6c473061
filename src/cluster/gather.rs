//! Filling a snapshot from a live cluster.

use std::sync::{Mutex, PoisonError};

use super::{
    Cluster, ClusterError, ErrorKind, ListEvent, ListRequest,
    parallel::{self, Work},
};
use crate::snapshot::{Coverage, DeprecatedCall, Kind, ServedResource, Snapshot, SnapshotBuilder};

/// The metric in which an API server counts calls on deprecated versions.
const DEPRECATED_CALLS: &str = "apiserver_requested_deprecated_apis";

/// A kind of which only the metadata is wanted, whatever it is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MetadataWish {
    /// The API group; empty for the core group.
    pub group: String,
    /// A version that the server serves.
    pub version: String,
    /// The kind.
    pub kind: String,
    /// The resource as it stands in URLs.
    pub plural: String,
    /// Only objects whose fields are so (`type=kubernetes.io/service-account-token`); empty means all.
    pub fields: &'static str,
}

/// What a command wants to know of a cluster.
#[derive(Clone, Debug, Default)]
pub struct Wish {
    /// Kinds that are read narrowly.
    pub kinds: Vec<Kind>,
    /// Which calls on deprecated versions the API server has counted.
    pub deprecated_calls: bool,
}

/// Who is told how far the reading is.
pub trait GatherProgress: Sync {
    /// So many objects of this resource have been read.
    fn read(&self, resource: &str, count: usize);
    /// This resource has been read, or could not be.
    fn done(&self, resource: &str);
}

/// Why a page was not taken.
enum PageError {
    Cluster(ClusterError),
    Shape(serde_json::Error),
}

impl From<ClusterError> for PageError {
    fn from(error: ClusterError) -> Self {
        Self::Cluster(error)
    }
}

impl PageError {
    fn why(&self) -> String {
        match self {
            Self::Cluster(error) => error.why(),
            Self::Shape(error) => format!("the answer is no list that can be read: {error}"),
        }
    }
}

impl Cluster {
    /// Reads what is wanted into a snapshot. What is denied or broken is noted there and hides nothing else.
    ///
    /// `more` names kinds of which the metadata is wanted as well, once it is known what the server serves: it is
    /// given the snapshot's version and the served resources.
    ///
    /// # Errors
    /// Where the server cannot be asked for its version: then nothing can be read at all.
    pub async fn gather(
        &self,
        wish: &Wish,
        more: impl FnOnce(&str, &[ServedResource]) -> Vec<MetadataWish>,
        progress: &dyn GatherProgress,
    ) -> Result<Snapshot, ClusterError> {
        let version = self.version().await?;
        let mut builder = SnapshotBuilder::default();
        builder.server(crate::snapshot::ServerVersion {
            git_version: version.git_version.as_str().into(),
            emulation_major: version.emulation_major.unwrap_or_default().into(),
            emulation_minor: version.emulation_minor.unwrap_or_default().into(),
            platform: version.platform.into(),
        });
        let served = self.what_is_served(&mut builder).await?;
        let metadata = more(&version.git_version, served.as_deref().unwrap_or_default());
        let builder = Mutex::new(builder);
        let mut work: Vec<Work<'_, ()>> = Vec::new();
        for kind in &wish.kinds {
            let is_served = served.as_ref().is_none_or(|served| {
                served.iter().any(|it| it.group == kind.group && it.version == kind.version && it.plural == kind.plural)
            });
            if is_served {
                work.push(Box::pin(self.read_kind(*kind, &builder, progress)));
            } else {
                let served = served.as_deref().unwrap_or_default();
                with(&builder, |builder| note_unserved(builder, kind, served));
            }
        }
        for wish in &metadata {
            work.push(Box::pin(self.read_metadata(wish, &builder, progress)));
        }
        if wish.deprecated_calls {
            work.push(Box::pin(self.read_deprecated_calls(&builder)));
        }
        parallel::all(work).await;
        Ok(builder.into_inner().unwrap_or_else(PoisonError::into_inner).finish())
    }

    async fn what_is_served(&self, builder: &mut SnapshotBuilder) -> Result<Option<Vec<ServedResource>>, ClusterError> {
        match self.discover().await {
            Ok(discovery) => {
                for (group_version, why) in &discovery.unknown {
                    builder.not_evaluated(&format!("the resources of {group_version}"), why);
                }
                let served: Vec<ServedResource> = discovery
                    .resources
                    .into_iter()
                    .map(|it| ServedResource {
                        group: it.group,
                        version: it.version,
                        kind: it.kind,
                        plural: it.resource,
                    })
                    .collect();
                builder.served(served.clone());
                Ok(Some(served))
            }
            // Nobody let in here would be let in elsewhere.
            Err(error) if error.kind() == ErrorKind::Unauthorized || error.answer().is_none() => Err(error),
            Err(error) => {
                builder.not_evaluated("what the API server serves", &error.why());
                Ok(None)
            }
        }
    }

    async fn read_kind(&self, kind: Kind, builder: &Mutex<SnapshotBuilder>, progress: &dyn GatherProgress) {
        let resource = kind.resource();
        let mut count = 0;
        let outcome = self
            .list::<PageError>(&ListRequest::new(kind.path()), |event| {
                with(builder, |builder| match event {
                    ListEvent::Restart => {
                        count = 0;
                        builder.restart(&kind);
                        Ok(())
                    }
                    ListEvent::Page(page) => {
                        count += builder.add_page(&kind, &page.bytes).map_err(PageError::Shape)?;
                        progress.read(&resource, count);
                        Ok(())
                    }
                })
            })
            .await;
        with(builder, |builder| match outcome {
            Ok(_) => builder.saw(&kind, Coverage::Complete),
            Err(error) => {
                // Half a list would look like a whole one.
                builder.restart(&kind);
                builder.denied(&kind, &error.why());
            }
        });
        progress.done(&resource);
    }

    async fn read_metadata(
        &self,
        wish: &MetadataWish,
        builder: &Mutex<SnapshotBuilder>,
        progress: &dyn GatherProgress,
    ) {
        let resource =
            if wish.group.is_empty() { wish.plural.clone() } else { format!("{}.{}", wish.plural, wish.group) };
        let api_version =
            if wish.group.is_empty() { wish.version.clone() } else { format!("{}/{}", wish.group, wish.version) };
        let request = ListRequest::of(&wish.group, &wish.version, &wish.plural, None);
        // Of Secrets nothing else may come, whatever stands between here and the server.
        let is_secret = wish.group.is_empty() && wish.plural == "secrets";
        let mut request = if is_secret { request.metadata_or_nothing() } else { request.metadata_only() };
        if !wish.fields.is_empty() {
            request = request.fields(wish.fields);
        }
        let mut count = 0;
        let outcome = self
            .list::<PageError>(&request, |event| {
                with(builder, |builder| match event {
                    ListEvent::Restart => {
                        count = 0;
                        builder.restart_metadata(&api_version, &wish.kind);
                        Ok(())
                    }
                    ListEvent::Page(page) => {
                        count += builder
                            .add_metadata_page(&api_version, &wish.kind, &page.bytes)
                            .map_err(PageError::Shape)?;
                        progress.read(&resource, count);
                        Ok(())
                    }
                })
            })
            .await;
        with(builder, |builder| match outcome {
            Ok(_) => builder.saw_metadata(&wish.group, &wish.kind, Coverage::Complete),
            Err(error) => {
                let why = error.why();
                builder.restart_metadata(&api_version, &wish.kind);
                builder.saw_metadata(&wish.group, &wish.kind, Coverage::Denied(why.clone()));
                builder.not_evaluated(&resource, &why);
            }
        });
        progress.done(&resource);
    }

    async fn read_deprecated_calls(&self, builder: &Mutex<SnapshotBuilder>) {
        let mut calls = Vec::new();
        let outcome =
            self.metrics("/metrics", &[DEPRECATED_CALLS], |sample| calls.extend(deprecated_call(sample))).await;
        with(builder, |builder| match outcome {
            Ok(()) => builder.deprecated_calls(calls),
            Err(error) => builder.not_evaluated("calls on deprecated APIs (/metrics)", &error.why()),
        });
    }
}

fn with<T>(builder: &Mutex<SnapshotBuilder>, change: impl FnOnce(&mut SnapshotBuilder) -> T) -> T {
    change(&mut builder.lock().unwrap_or_else(PoisonError::into_inner))
}

/// A kind that is served in another version is a gap: the server is too old for the one that is asked for. Of a kind
/// that is served in none there can be no object.
fn note_unserved(builder: &mut SnapshotBuilder, kind: &Kind, served: &[ServedResource]) {
    if served.iter().any(|it| it.group == kind.group && it.kind == kind.kind) {
        builder.denied(kind, &format!("the API server does not serve {}", kind.api_version()));
    } else {
        builder.saw(kind, Coverage::Complete);
    }
}

/// Reads one sample, such as
/// `apiserver_requested_deprecated_apis{group="batch",removed_release="1.25",resource="cronjobs",subresource="",version="v1beta1"} 1`.
fn deprecated_call(sample: &str) -> Option<DeprecatedCall> {
    let labels = sample.strip_prefix(DEPRECATED_CALLS)?.strip_prefix('{')?;
    let (labels, value) = labels.rsplit_once('}')?;
    if value.trim() == "0" {
        return None;
    }
    let label = |name: &str| -> String {
        labels
            .split("\",")
            .find_map(|pair| {
                let (key, value) = pair.split_once("=\"")?;
                (key.trim() == name).then(|| value.trim_end_matches('"').to_owned())
            })
            .unwrap_or_default()
    };
    Some(DeprecatedCall {
        group: label("group"),
        version: label("version"),
        resource: label("resource"),
        subresource: label("subresource"),
        removed_release: label("removed_release"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_are_read() {
        let sample = "apiserver_requested_deprecated_apis{group=\"batch\",removed_release=\"1.25\",resource=\"cronjobs\",subresource=\"\",version=\"v1beta1\"} 1";
        let call = deprecated_call(sample).unwrap();
        assert_eq!(
            (call.group.as_str(), call.version.as_str(), call.resource.as_str(), call.removed_release.as_str()),
            ("batch", "v1beta1", "cronjobs", "1.25")
        );
        assert_eq!(deprecated_call(&sample.replace(" 1", " 0")), None);
        assert_eq!(deprecated_call("apiserver_requested_deprecated_apis_total 1"), None);
    }
}
