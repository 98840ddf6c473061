//! A Lease as a lock that its holder must keep alive, so that the lock of a program that was killed ends by itself.
//!
//! As in client-go (`tools/leaderelection`), whether a lease has run out is judged by our own clock: by how long we have
//! seen the same renewal, never by the time that stands in it. Clocks of two machines need not agree.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use bytes::Bytes;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{
    connect::Cluster,
    errors::{ClusterError, ErrorKind},
    write::Writer,
};

/// Where a lease is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeaseName {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
}

/// A lease as the API holds it. It is written whole, with the version that was read, so that of two writers one wins.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[allow(missing_docs, reason = "the names are the API's own")]
pub struct Lease {
    pub api_version: String,
    pub kind: String,
    pub metadata: LeaseMeta,
    pub spec: LeaseSpec,
}

/// What is read and kept of a lease's metadata.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[allow(missing_docs, reason = "the names are the API's own")]
pub struct LeaseMeta {
    pub namespace: String,
    pub name: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub uid: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub resource_version: String,
    pub labels: BTreeMap<String, String>,
    pub annotations: BTreeMap<String, String>,
}

/// Who holds a lease, and since when.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[allow(missing_docs, reason = "the names are the API's own")]
pub struct LeaseSpec {
    /// Nobody holds it where this is empty.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub holder_identity: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lease_duration_seconds: Option<i32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub acquire_time: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub renew_time: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lease_transitions: Option<i32>,
}

impl Lease {
    /// A lease that does not exist yet.
    #[must_use]
    pub fn new(name: &LeaseName) -> Self {
        Self {
            api_version: "coordination.k8s.io/v1".to_owned(),
            kind: "Lease".to_owned(),
            metadata: LeaseMeta { namespace: name.namespace.clone(), name: name.name.clone(), ..LeaseMeta::default() },
            spec: LeaseSpec::default(),
        }
    }

    /// Who holds it; `None` where it was given back.
    #[must_use]
    pub fn holder(&self) -> Option<&str> {
        self.spec.holder_identity.as_deref().filter(|holder| !holder.is_empty())
    }

    /// Makes it ours, for so long without a renewal.
    pub fn take(&mut self, holder: &str, duration: Duration, now: Timestamp) {
        if self.holder() != Some(holder) {
            self.spec.acquire_time = Some(micro_time(now));
            let before = self.spec.lease_transitions.unwrap_or_default();
            self.spec.lease_transitions = Some(before.saturating_add(i32::from(!self.metadata.uid.is_empty())));
        }
        self.spec.holder_identity = Some(holder.to_owned());
        self.spec.lease_duration_seconds = Some(i32::try_from(duration.as_secs()).unwrap_or(i32::MAX));
        self.spec.renew_time = Some(micro_time(now));
    }

    /// Gives it back, and leaves its annotations to whoever comes next.
    pub fn give_back(&mut self, now: Timestamp) {
        self.spec.holder_identity = None;
        self.spec.renew_time = Some(micro_time(now));
    }
}

/// The API's `MicroTime`.
fn micro_time(time: Timestamp) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%S%.6fZ").to_string()
}

/// A lease that somebody else holds, watched until it runs out.
#[derive(Debug, Default)]
pub struct Observed {
    seen: Option<(LeaseSpec, Instant)>,
}

impl Observed {
    /// How long the holder still has, as far as was seen until now; zero where the lease has run out or nobody holds
    /// it.
    pub fn left(&mut self, lease: &Lease, now: Instant) -> Duration {
        if lease.holder().is_none() {
            return Duration::ZERO;
        }
        let duration = u64::try_from(lease.spec.lease_duration_seconds.unwrap_or_default()).unwrap_or_default();
        let since = match &self.seen {
            Some((spec, since)) if *spec == lease.spec => *since,
            _ => {
                self.seen = Some((lease.spec.clone(), now));
                now
            }
        };
        (since + Duration::from_secs(duration)).saturating_duration_since(now)
    }
}

impl LeaseName {
    fn collection(&self) -> String {
        format!("/apis/coordination.k8s.io/v1/namespaces/{}/leases", self.namespace)
    }

    fn path(&self) -> String {
        format!("{}/{}", self.collection(), self.name)
    }
}

impl Cluster {
    /// Reads a lease; none where it does not exist.
    ///
    /// # Errors
    /// The server's answer where it is another error, or what happened to the connection.
    pub async fn lease(&self, name: &LeaseName) -> Result<Option<Lease>, ClusterError> {
        match self.get_json(&name.path()).await {
            Ok(lease) => Ok(Some(lease)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Writes a lease: creates it where it has no version yet, replaces that version otherwise.
    ///
    /// # Errors
    /// [`ErrorKind::Conflict`] where somebody was faster.
    pub async fn write_lease(&self, lease: &Lease, writer: Writer<'_>) -> Result<Lease, ClusterError> {
        let name = LeaseName { namespace: lease.metadata.namespace.clone(), name: lease.metadata.name.clone() };
        let path = name.path();
        let bytes: Bytes = if lease.metadata.resource_version.is_empty() {
            self.create(&name.collection(), lease, writer).await?
        } else {
            self.replace(&path, lease, writer).await?
        };
        serde_json::from_slice(&bytes).map_err(|error| self.unexpected(&path, &error.to_string()))
    }

    /// Deletes the lease if it is still of the version that was read.
    ///
    /// # Errors
    /// [`ErrorKind::Conflict`] where somebody has written it since.
    pub async fn delete_lease(&self, lease: &Lease) -> Result<(), ClusterError> {
        use k8s_openapi::apimachinery::pkg::apis::meta::v1::{DeleteOptions, Preconditions};
        let name = LeaseName { namespace: lease.metadata.namespace.clone(), name: lease.metadata.name.clone() };
        let options = DeleteOptions {
            preconditions: Some(Preconditions {
                uid: Some(lease.metadata.uid.clone()),
                resource_version: Some(lease.metadata.resource_version.clone()),
            }),
            ..DeleteOptions::default()
        };
        match self.delete(&name.path(), &options).await {
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
            outcome => outcome.map(|_| ()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lease() -> Lease {
        Lease::new(&LeaseName { namespace: "kube-system".into(), name: "l".into() })
    }

    #[test]
    fn a_holder_that_renews_keeps_it_whatever_its_clock_says() {
        let began = Instant::now();
        let at = |seconds| began + Duration::from_secs(seconds);
        let mut lease = lease();
        let mut observed = Observed::default();
        assert_eq!(observed.left(&lease, began), Duration::ZERO, "nobody holds it");
        // The holder's clock is years behind.
        lease.take("a", Duration::from_secs(15), "2020-01-01T00:00:00Z".parse().unwrap());
        assert_eq!(observed.left(&lease, at(0)), Duration::from_secs(15));
        assert_eq!(observed.left(&lease, at(14)), Duration::from_secs(1));
        lease.take("a", Duration::from_secs(15), "2020-01-01T00:00:05Z".parse().unwrap());
        assert_eq!(observed.left(&lease, at(14)), Duration::from_secs(15));
        assert_eq!(observed.left(&lease, at(29)), Duration::ZERO);
    }

    #[test]
    fn taking_is_told_from_renewing() {
        let mut lease = lease();
        let time = |text: &str| text.parse::<Timestamp>().unwrap();
        lease.take("a", Duration::from_secs(15), time("2026-01-01T00:00:00Z"));
        assert_eq!(lease.spec.lease_transitions, Some(0));
        lease.metadata.uid = "u".into();
        lease.take("a", Duration::from_secs(15), time("2026-01-01T00:00:05Z"));
        assert_eq!(lease.spec.acquire_time.as_deref(), Some("2026-01-01T00:00:00.000000Z"));
        assert_eq!(lease.spec.renew_time.as_deref(), Some("2026-01-01T00:00:05.000000Z"));
        lease.take("b", Duration::from_secs(15), time("2026-01-01T00:00:09Z"));
        assert_eq!((lease.holder(), lease.spec.lease_transitions), (Some("b"), Some(1)));
        lease.give_back(time("2026-01-01T00:00:10Z"));
        assert_eq!(lease.holder(), None);
    }
}
