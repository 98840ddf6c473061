//! Reading: GET requests, repeated visibly where the server is busy or the connection broke.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::{Request, Response};
use http_body_util::BodyExt as _;
use kube::client::Body;
use serde::de::DeserializeOwned;

use super::connect::Cluster;
use super::errors::{ClusterError, ServerAnswer};
use super::notices::Notice;
use super::retry::Tries;

/// An error answer longer than this is cut: a `Status` is short.
const ERROR_BODY_LIMIT: usize = 1 << 20;

/// Asks for JSON.
pub(super) const JSON: &str = "application/json";

impl Cluster {
    /// Reads one path whole.
    ///
    /// # Errors
    /// The server's answer where it is an error, or what happened to the connection.
    pub async fn get(&self, path: &str) -> Result<Bytes, ClusterError> {
        self.get_as(path, JSON).await.map(|(_, bytes)| bytes)
    }

    /// Reads one path and parses it.
    ///
    /// # Errors
    /// As [`Cluster::get`], and an answer that is not what `T` expects.
    pub async fn get_json<T: DeserializeOwned>(&self, path: &str) -> Result<T, ClusterError> {
        let bytes = self.get(path).await?;
        serde_json::from_slice(&bytes).map_err(|error| self.unexpected(path, &error.to_string()))
    }

    /// Reads one path whole, in the form that `accept` asks for. Says which form came.
    pub(super) async fn get_as(&self, path: &str, accept: &str) -> Result<(String, Bytes), ClusterError> {
        let mut tries = Tries::new(self.inner.retry);
        loop {
            match self.get_once(path, accept).await {
                Ok(read) => return Ok(read),
                Err(error) => self.wait_or_give_up(&mut tries, path, error).await?,
            }
        }
    }

    async fn get_once(&self, path: &str, accept: &str) -> Result<(String, Bytes), ClusterError> {
        let _slot = self.slot().await;
        let response = self.open(path, accept).await?;
        let form = response.headers().get(http::header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let form = form.unwrap_or_default().to_owned();
        let mut body = response.into_body();
        let mut bytes = BytesMut::new();
        while let Some(chunk) = self.next_chunk(&mut body, path).await? {
            bytes.extend_from_slice(&chunk);
        }
        Ok((form, bytes.freeze()))
    }

    /// Waits before the next try, and says so; or gives the error back.
    pub(super) async fn wait_or_give_up(
        &self,
        tries: &mut Tries,
        path: &str,
        error: ClusterError,
    ) -> Result<(), ClusterError> {
        let Some(wait) = tries.next_wait(&error) else { return Err(error) };
        self.inner.notices.tell(&Notice::Retry {
            request: request_name(path),
            why: error.why(),
            wait,
            attempt: tries.attempt(),
            of: tries.of(),
        });
        tokio::time::sleep(wait).await;
        Ok(())
    }

    /// A place among the reads that may be under way.
    pub(super) async fn slot(&self) -> Option<tokio::sync::OwnedSemaphorePermit> {
        // The semaphore is never closed.
        self.inner.reads.clone().acquire_owned().await.ok()
    }

    /// Sends a GET and waits for the head of its answer. Error answers become errors.
    pub(super) async fn open(&self, path: &str, accept: &str) -> Result<Response<Body>, ClusterError> {
        let request = Request::get(path)
            .header(http::header::ACCEPT, accept)
            .body(Body::empty())
            .map_err(|error| ClusterError::Setup(format!("{path:?} is no path of an API: {error}")))?;
        self.exchange(request).await
    }

    /// Sends any request and waits for the head of its answer. Error answers become errors.
    pub(super) async fn exchange(&self, request: Request<Body>) -> Result<Response<Body>, ClusterError> {
        let path = request.uri().path().to_owned();
        let name = format!("{} {path}", request.method());
        let sent = self.in_time(&path, self.inner.client.send(request)).await?;
        let response = sent.map_err(|error| self.explain(error, &name))?;
        let status = response.status();
        if status.is_success() {
            return Ok(response);
        }
        let retry_after = response
            .headers()
            .get(http::header::RETRY_AFTER)
            .and_then(|value| value.to_str().ok()?.trim().parse::<u64>().ok());
        let mut body = response.into_body();
        let mut bytes = BytesMut::new();
        while bytes.len() < ERROR_BODY_LIMIT
            && let Some(chunk) = self.next_chunk(&mut body, &path).await?
        {
            bytes.extend_from_slice(&chunk);
        }
        let answer = ServerAnswer::read(name, status.as_u16(), retry_after, &bytes);
        Err(ClusterError::Answer(Box::new(answer)))
    }

    /// The next piece of a body, or none at its end.
    pub(super) async fn next_chunk(&self, body: &mut Body, path: &str) -> Result<Option<Bytes>, ClusterError> {
        loop {
            match self.in_time(path, body.frame()).await? {
                None => return Ok(None),
                Some(Ok(frame)) => {
                    if let Ok(data) = frame.into_data() {
                        return Ok(Some(data));
                    }
                }
                Some(Err(error)) => return Err(self.explain(error, &request_name(path))),
            }
        }
    }

    async fn in_time<T>(&self, path: &str, work: impl Future<Output = T>) -> Result<T, ClusterError> {
        let limit: Duration = self.inner.silence;
        tokio::time::timeout(limit, work).await.map_err(|_| ClusterError::Timeout {
            waited_for: format!("the next byte of the answer to {}", request_name(path)),
            limit,
        })
    }

    pub(super) fn unexpected(&self, path: &str, reason: &str) -> ClusterError {
        ClusterError::Unexpected { request: request_name(path), reason: reason.to_owned() }
    }
}

/// "GET /api/v1/pods", without the query: page tokens are long and say nothing.
pub(super) fn request_name(path: &str) -> String {
    format!("GET {}", path.split('?').next().unwrap_or(path))
}
