//! Writing: each request is sent once. Whether it is sent again is for the caller to decide, who knows what it means.

use bytes::{Bytes, BytesMut};
use http::{Method, Request};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{DeleteOptions, Preconditions};
use kube::client::Body;
use serde::Serialize;

use super::connect::Cluster;
use super::errors::ClusterError;
use super::read::JSON;

/// Who writes, and whether it is only a trial.
#[derive(Clone, Copy, Debug)]
pub struct Writer<'a> {
    /// The name under which the API server notes which fields were written (`metadata.managedFields`).
    pub field_manager: &'a str,
    /// The API server checks everything, admission included, and keeps nothing (`dryRun=All`).
    pub dry_run: bool,
}

impl Writer<'_> {
    fn address(&self, path: &str) -> String {
        let mut query = form_urlencoded::Serializer::new(String::new());
        query.append_pair("fieldManager", self.field_manager);
        if self.dry_run {
            query.append_pair("dryRun", "All");
        }
        format!("{path}?{}", query.finish())
    }
}

impl Cluster {
    /// Changes parts of an object by a JSON merge patch (RFC 7386): `null` takes a field away. A
    /// `metadata.resourceVersion` in it makes it fail with a conflict where somebody was faster. Gives the object as it
    /// is afterwards.
    ///
    /// # Errors
    /// The server's answer where it is an error, or what happened to the connection; then it may have been done.
    pub async fn merge_patch(
        &self,
        path: &str,
        patch: &impl Serialize,
        writer: Writer<'_>,
    ) -> Result<Bytes, ClusterError> {
        self.write(&Method::PATCH, &writer.address(path), "application/merge-patch+json", patch).await
    }

    /// Changes parts of a built-in object by a strategic merge patch, in which lists of containers, volumes and the like
    /// merge by their key. Gives the object as it is afterwards.
    ///
    /// # Errors
    /// As [`Self::merge_patch`].
    pub async fn strategic_merge_patch(
        &self,
        path: &str,
        patch: &impl Serialize,
        writer: Writer<'_>,
    ) -> Result<Bytes, ClusterError> {
        self.write(&Method::PATCH, &writer.address(path), "application/strategic-merge-patch+json", patch).await
    }

    /// Creates an object, or calls a subresource. `path` is that of the collection, or of the subresource.
    ///
    /// # Errors
    /// As [`Self::merge_patch`].
    pub async fn create(&self, path: &str, object: &impl Serialize, writer: Writer<'_>) -> Result<Bytes, ClusterError> {
        self.write(&Method::POST, &writer.address(path), JSON, object).await
    }

    /// Replaces an object, which names the version that it replaces.
    ///
    /// # Errors
    /// As [`Self::merge_patch`].
    pub async fn replace(
        &self,
        path: &str,
        object: &impl Serialize,
        writer: Writer<'_>,
    ) -> Result<Bytes, ClusterError> {
        self.write(&Method::PUT, &writer.address(path), JSON, object).await
    }

    /// Deletes an object.
    ///
    /// # Errors
    /// As [`Self::merge_patch`].
    pub async fn delete(&self, path: &str, options: &DeleteOptions) -> Result<Bytes, ClusterError> {
        self.write(&Method::DELETE, path, JSON, options).await
    }

    /// Deletes an object if it is the one with this UID, and no other one of its name.
    ///
    /// # Errors
    /// As [`Self::merge_patch`]; a conflict where it is another one.
    pub async fn delete_exactly(&self, path: &str, uid: &str) -> Result<Bytes, ClusterError> {
        let preconditions = Preconditions { uid: Some(uid.to_owned()), resource_version: None };
        self.delete(path, &DeleteOptions { preconditions: Some(preconditions), ..DeleteOptions::default() }).await
    }

    async fn write(
        &self,
        method: &Method,
        path: &str,
        content_type: &str,
        body: &impl Serialize,
    ) -> Result<Bytes, ClusterError> {
        let body = serde_json::to_vec(body)
            .map_err(|error| ClusterError::Setup(format!("{method} {path}: it cannot be written as JSON: {error}")))?;
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(http::header::ACCEPT, JSON)
            .header(http::header::CONTENT_TYPE, content_type)
            .body(Body::from(body))
            .map_err(|error| ClusterError::Setup(format!("{path:?} is no path of an API: {error}")))?;
        let mut body = self.exchange(request).await?.into_body();
        let mut bytes = BytesMut::new();
        while let Some(chunk) = self.next_chunk(&mut body, path).await? {
            bytes.extend_from_slice(&chunk);
        }
        Ok(bytes.freeze())
    }
}
