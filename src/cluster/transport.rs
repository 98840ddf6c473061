//! What every request passes on its way out and back: credentials, the time limit, and the server's warnings.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body::{Body as HttpBody, Frame, SizeHint};
use kube::client::Body;
use tokio::time::Sleep;
use tower::BoxError;

use super::authorization::HeaderSource;
use super::errors::ClusterError;
use super::notices::Notices;

/// What the requests of one client share.
pub(super) struct Transport {
    /// The client underneath: connections, TLS, compression, impersonation.
    pub client: kube::Client,
    pub authorization: HeaderSource,
    pub notices: Notices,
    pub request_timeout: Option<Duration>,
}

impl Transport {
    /// Sends a request. Its answer's body ends with an error where the time limit passes.
    pub async fn exchange(self: Arc<Self>, request: Request<Body>) -> Result<Response<LimitedBody>, BoxError> {
        let limit = self.request_timeout;
        let name = format!("{} {}", request.method(), request.uri().path());
        // Streams that are meant to stay open are only limited until they begin.
        let stays_open = stays_open(request.uri().query().unwrap_or_default());
        let mut deadline =
            limit.map(|limit| Deadline { timer: Box::pin(tokio::time::sleep(limit)), limit, request: name });
        let response = {
            let sending = self.send(request);
            match &mut deadline {
                None => sending.await?,
                Some(deadline) => tokio::select! {
                    response = sending => response?,
                    () = &mut deadline.timer => return Err(deadline.passed("the answer to").into()),
                },
            }
        };
        let deadline = if stays_open { None } else { deadline };
        Ok(response.map(|body| LimitedBody { body, deadline }))
    }

    async fn send(&self, request: Request<Body>) -> Result<Response<Body>, BoxError> {
        let (parts, body) = request.into_parts();
        // 401 means that nothing was done, so that any request may be sent again with a newer token.
        let again = body.try_clone().map(|body| Request::from_parts(parts.clone(), body));
        let (response, generation) = self.send_once(Request::from_parts(parts, body)).await?;
        if let HeaderSource::Exec(tokens) = &self.authorization {
            if response.status() != StatusCode::UNAUTHORIZED {
                tokens.accepted().await;
            } else if let Some(request) = again {
                match tokens.rejected(generation).await {
                    Ok(true) => return Ok(self.send_once(request).await?.0),
                    Ok(false) => {}
                    Err(error) => return Err(ClusterError::Credentials(error.into()).into()),
                }
            }
        }
        Ok(response)
    }

    async fn send_once(&self, mut request: Request<Body>) -> Result<(Response<Body>, u64), BoxError> {
        let (header, generation) = self.authorization.header().await?;
        if let Some(header) = header {
            request.headers_mut().insert(http::header::AUTHORIZATION, header);
        }
        let sent = log::log_enabled!(log::Level::Trace).then(|| (line_of(&request), Instant::now()));
        let response = self.client.send(request).await?;
        if let Some((line, began)) = sent {
            log::trace!("{line} {} in {} milliseconds", response.status(), began.elapsed().as_millis());
        }
        self.notices.warnings_of(response.headers());
        Ok((response, generation))
    }
}

/// Method, path and query, as `-v 6` shows them. The tokens of pages are long and say nothing.
fn line_of(request: &Request<Body>) -> String {
    let query = request.uri().query().unwrap_or_default();
    let shown: Vec<&str> = query.split('&').filter(|pair| !pair.is_empty() && !pair.starts_with("continue=")).collect();
    let mark = if shown.is_empty() { "" } else { "?" };
    format!("{} {}{mark}{}", request.method(), request.uri().path(), shown.join("&"))
}

/// Whether a query asks for a stream: a watch, or a log that is followed.
fn stays_open(query: &str) -> bool {
    form_urlencoded::parse(query.as_bytes())
        .any(|(key, value)| matches!(&*key, "watch" | "follow") && matches!(&*value, "true" | "1"))
}

struct Deadline {
    timer: Pin<Box<Sleep>>,
    limit: Duration,
    request: String,
}

impl Deadline {
    fn passed(&self, part: &str) -> ClusterError {
        ClusterError::Timeout { waited_for: format!("{part} {}", self.request), limit: self.limit }
    }
}

/// An answer's body that must end in time.
pub(super) struct LimitedBody {
    body: Body,
    deadline: Option<Deadline>,
}

impl HttpBody for LimitedBody {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        if let Poll::Ready(frame) = Pin::new(&mut self.body).poll_frame(context) {
            return Poll::Ready(frame.map(|frame| frame.map_err(Into::into)));
        }
        if let Some(deadline) = &mut self.deadline
            && deadline.timer.as_mut().poll(context).is_ready()
        {
            return Poll::Ready(Some(Err(deadline.passed("the whole answer to").into())));
        }
        Poll::Pending
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
