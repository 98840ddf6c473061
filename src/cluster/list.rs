//! Lists, page by page.
//!
//! The next page is asked for as soon as its token is known, which is before the present page has arrived whole; while
//! a page is parsed, the next one is on its way. At most two pages of a list are held at any moment.

use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use kube::client::Body;
use tokio::sync::{OwnedSemaphorePermit, mpsc};
use tokio::task::JoinHandle;

use super::connect::Cluster;
use super::errors::{ClusterError, ErrorKind};
use super::list_head::{self, Head, ListMeta};
use super::notices::Notice;
use super::retry::Tries;

/// How often a list is begun anew because a page token ended, before we give up.
const MOST_RESTARTS: u32 = 3;

/// Asks for metadata only, with whole objects as the second choice where a server knows no metadata.
const METADATA_ONLY: &str = "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io,application/json";

/// Asks for metadata without a second choice: a server that knows none answers 406.
const METADATA_OR_NOTHING: &str = "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io";

/// How much of each object is wanted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Amount {
    #[default]
    Whole,
    Metadata,
    MetadataOrNothing,
}

/// What to list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ListRequest {
    path: String,
    label_selector: Option<String>,
    field_selector: Option<String>,
    resource_version: Option<String>,
    amount: Amount,
    chunk_size: Option<u32>,
}

impl ListRequest {
    /// A list by its path, for example `/api/v1/pods` or `/apis/apps/v1/namespaces/web/deployments`.
    #[must_use]
    pub fn new(path: impl Into<String>) -> Self {
        Self { path: path.into(), ..Self::default() }
    }

    /// A list by group (empty for the core group), version and resource (plural, lower case), of all namespaces or
    /// of one.
    #[must_use]
    pub fn of(group: &str, version: &str, resource: &str, namespace: Option<&str>) -> Self {
        let root = if group.is_empty() { format!("/api/{version}") } else { format!("/apis/{group}/{version}") };
        let scope = namespace.map(|name| format!("/namespaces/{name}")).unwrap_or_default();
        Self::new(format!("{root}{scope}/{resource}"))
    }

    /// Only objects with these labels.
    #[must_use]
    pub fn labels(mut self, selector: impl Into<String>) -> Self {
        self.label_selector = Some(selector.into());
        self
    }

    /// Only objects with these fields.
    #[must_use]
    pub fn fields(mut self, selector: impl Into<String>) -> Self {
        self.field_selector = Some(selector.into());
        self
    }

    /// Only the metadata of each object, as `PartialObjectMetadata`.
    #[must_use]
    pub fn metadata_only(mut self) -> Self {
        self.amount = Amount::Metadata;
        self
    }

    /// As [`Self::metadata_only`], and an error where the server would send whole objects: for what must not be read.
    #[must_use]
    pub fn metadata_or_nothing(mut self) -> Self {
        self.amount = Amount::MetadataOrNothing;
        self
    }

    /// Allows an answer from the server's cache at this resource version or later; `0` is any. Without it the read is
    /// consistent. A server ignores the page size for `0`.
    #[must_use]
    pub fn at_least(mut self, resource_version: impl Into<String>) -> Self {
        self.resource_version = Some(resource_version.into());
        self
    }

    /// Pages of another size than the connection's; 0 means one page.
    #[must_use]
    pub fn chunks_of(mut self, size: u32) -> Self {
        self.chunk_size = Some(size);
        self
    }

    /// The path, for messages.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    fn accept(&self) -> &'static str {
        match self.amount {
            Amount::Whole => super::read::JSON,
            Amount::Metadata => METADATA_ONLY,
            Amount::MetadataOrNothing => METADATA_OR_NOTHING,
        }
    }

    /// Path and query of a page.
    fn page(&self, chunk_size: Option<u32>, token: Option<&str>, timeout: Option<Duration>) -> String {
        let mut query = form_urlencoded::Serializer::new(String::new());
        if let Some(size) = self.chunk_size.or(chunk_size).filter(|size| *size > 0) {
            query.append_pair("limit", &size.to_string());
        }
        if let Some(selector) = self.label_selector.as_deref().filter(|selector| !selector.is_empty()) {
            query.append_pair("labelSelector", selector);
        }
        if let Some(selector) = self.field_selector.as_deref().filter(|selector| !selector.is_empty()) {
            query.append_pair("fieldSelector", selector);
        }
        match (token, &self.resource_version) {
            // The token carries the version.
            (Some(token), _) => {
                query.append_pair("continue", token);
            }
            (None, Some(version)) => {
                query.append_pair("resourceVersion", version);
            }
            (None, None) => {}
        }
        if let Some(timeout) = timeout {
            // So that the server stops working when we stop waiting.
            query.append_pair("timeout", &format!("{}ms", timeout.as_millis()));
        }
        let query = query.finish();
        if query.is_empty() { self.path.clone() } else { format!("{}?{query}", self.path) }
    }
}

/// What a reader of a list is told.
#[derive(Debug)]
pub enum ListEvent {
    /// The next page.
    Page(ListPage),
    /// A page token ended: drop every page of this list, it begins again.
    Restart,
}

/// A page of a list.
#[derive(Clone, Debug)]
pub struct ListPage {
    /// The whole answer: a JSON object with `items`. Parse what is needed and drop it.
    pub bytes: Bytes,
    /// Its metadata.
    pub meta: ListMeta,
    /// Counted from 1, anew after a restart.
    pub number: u32,
}

/// What reading a list cost.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ListSummary {
    /// Pages of the run that came to the end.
    pub pages: u32,
    /// Bytes of those pages, after decompression.
    pub bytes: u64,
    /// How often it had to begin again.
    pub restarts: u32,
    /// The version of the list.
    pub resource_version: Option<String>,
    /// Time from the first request to the end of the last page's parsing.
    pub took: Duration,
}

impl Cluster {
    /// Reads a list and hands each page on as it comes, in order. `each` may stop the reading with an error of its own.
    ///
    /// Pages are fetched in a task of their own: on a runtime with several threads the next page arrives while `each`
    /// parses. Dropping the future ends the task.
    ///
    /// # Errors
    /// The first failure that no further try mended, and what `each` gave.
    pub async fn list<E: From<ClusterError>>(
        &self,
        request: &ListRequest,
        mut each: impl FnMut(ListEvent) -> Result<(), E>,
    ) -> Result<ListSummary, E> {
        let began = Instant::now();
        let (sender, mut receiver) = mpsc::channel(1);
        let fetcher = Fetcher { cluster: self.clone(), request: request.clone() };
        let _task = Task(tokio::spawn(async move {
            let end = fetcher.run(&sender).await;
            // The reader may be gone already.
            let _ = sender.send(Message::End(end)).await;
        }));
        let mut summary = ListSummary::default();
        while let Some(message) = receiver.recv().await {
            match message {
                Message::Page(page) => {
                    summary.pages += 1;
                    summary.bytes += page.bytes.len() as u64;
                    summary.resource_version.clone_from(&page.meta.resource_version);
                    each(ListEvent::Page(page))?;
                }
                Message::Restart => {
                    summary = ListSummary { restarts: summary.restarts + 1, ..ListSummary::default() };
                    each(ListEvent::Restart)?;
                }
                Message::End(end) => {
                    end?;
                    summary.took = began.elapsed();
                    return Ok(summary);
                }
            }
        }
        // The task ended without its last word: the runtime is going down.
        Err(ClusterError::Setup("the reading of a list was broken off".to_owned()).into())
    }
}

enum Message {
    Page(ListPage),
    Restart,
    End(Result<(), ClusterError>),
}

/// A task that ends with its owner.
struct Task<T>(JoinHandle<T>);

impl<T> Drop for Task<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}

struct Fetcher {
    cluster: Cluster,
    request: ListRequest,
}

/// A page whose beginning has arrived.
struct OpenPage {
    body: Body,
    bytes: BytesMut,
    meta: Option<ListMeta>,
    _slot: Option<OwnedSemaphorePermit>,
}

/// A page that was asked for ahead of its turn.
struct Ahead {
    token: String,
    task: Task<Result<OpenPage, ClusterError>>,
}

impl Fetcher {
    async fn run(self, pages: &mpsc::Sender<Message>) -> Result<(), ClusterError> {
        let mut restarts = 0;
        loop {
            match self.run_once(pages).await {
                Err(error) if error.kind() == ErrorKind::Gone && restarts < MOST_RESTARTS => {
                    restarts += 1;
                    self.cluster.inner.notices.tell(&Notice::Restart { path: self.request.path.clone() });
                    if pages.send(Message::Restart).await.is_err() {
                        return Ok(());
                    }
                }
                end => return end,
            }
        }
    }

    /// Reads all pages once.
    async fn run_once(&self, pages: &mpsc::Sender<Message>) -> Result<(), ClusterError> {
        let mut token: Option<String> = None;
        let mut ahead: Option<Ahead> = None;
        let mut size = 0;
        for number in 1.. {
            // Only where there is room for it is a page taken off the wire.
            let Ok(room) = pages.reserve().await else { return Ok(()) };
            let (bytes, meta) = self.page(token.as_deref(), &mut ahead, size).await?;
            size = bytes.len();
            let next = meta.next.clone();
            room.send(Message::Page(ListPage { bytes, meta, number }));
            match next {
                Some(next) if token.as_ref() == Some(&next) => {
                    return Err(self
                        .cluster
                        .unexpected(&self.request.path, "the token of the next page is that of this page"));
                }
                Some(next) => token = Some(next),
                None => return Ok(()),
            }
        }
        Ok(())
    }

    /// Reads one page, which may be on its way already, and asks for the one after it.
    async fn page(
        &self,
        token: Option<&str>,
        ahead: &mut Option<Ahead>,
        size_hint: usize,
    ) -> Result<(Bytes, ListMeta), ClusterError> {
        let mut tries = Tries::new(self.cluster.inner.retry);
        let mut early = ahead.take().filter(|ahead| Some(ahead.token.as_str()) == token);
        loop {
            let opened = match early.take() {
                Some(mut early) => match (&mut early.task.0).await {
                    Ok(opened) => opened,
                    Err(_) => self.open_page(token, size_hint).await,
                },
                None => self.open_page(token, size_hint).await,
            };
            let read = match opened {
                Ok(page) => {
                    self.ask_ahead(page.meta.as_ref(), ahead, size_hint);
                    self.rest_of(page).await
                }
                Err(error) => Err(error),
            };
            match read {
                Ok((bytes, meta)) => {
                    self.ask_ahead(Some(&meta), ahead, size_hint);
                    return Ok((bytes, meta));
                }
                Err(error) => {
                    // A page ahead holds a place among the reads, which this one may need to be read again.
                    *ahead = None;
                    self.cluster.wait_or_give_up(&mut tries, &self.request.path, error).await?;
                }
            }
        }
    }

    /// Asks for the next page, where its token is known and it was not asked for yet.
    fn ask_ahead(&self, meta: Option<&ListMeta>, ahead: &mut Option<Ahead>, size_hint: usize) {
        let Some(token) = meta.and_then(|meta| meta.next.clone()) else { return };
        if ahead.as_ref().is_some_and(|ahead| ahead.token == token) {
            return;
        }
        let fetcher = Self { cluster: self.cluster.clone(), request: self.request.clone() };
        let wanted = token.clone();
        let task = tokio::spawn(async move { fetcher.open_page(Some(&wanted), size_hint).await });
        *ahead = Some(Ahead { token, task: Task(task) });
    }

    /// Sends the request of a page and reads as far as its metadata.
    async fn open_page(&self, token: Option<&str>, size_hint: usize) -> Result<OpenPage, ClusterError> {
        let access = self.cluster.access();
        let path = self.request.page(access.chunk_size, token, access.request_timeout);
        let slot = self.cluster.slot().await;
        let mut body = self.cluster.open(&path, self.request.accept()).await?.into_body();
        let mut bytes = BytesMut::with_capacity(size_hint + size_hint / 8);
        let meta = loop {
            match self.cluster.next_chunk(&mut body, &path).await? {
                Some(chunk) => bytes.extend_from_slice(&chunk),
                None => break None,
            }
            match list_head::head(&bytes) {
                Head::Found(meta) => break Some(meta),
                Head::NotAtFront => break None,
                Head::NeedsMore => {}
            }
        };
        Ok(OpenPage { body, bytes, meta, _slot: slot })
    }

    async fn rest_of(&self, mut page: OpenPage) -> Result<(Bytes, ListMeta), ClusterError> {
        while let Some(chunk) = self.cluster.next_chunk(&mut page.body, &self.request.path).await? {
            page.bytes.extend_from_slice(&chunk);
        }
        let bytes = page.bytes.freeze();
        let meta = match page.meta {
            Some(meta) => meta,
            None => list_head::whole(&bytes).map_err(|reason| self.cluster.unexpected(&self.request.path, &reason))?,
        };
        Ok((bytes, meta))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_written_as_the_api_reads_them() {
        let request = ListRequest::of("", "v1", "pods", Some("web")).labels("app in (a, b)").fields("spec.nodeName=n");
        assert_eq!(
            request.page(Some(500), None, None),
            "/api/v1/namespaces/web/pods?limit=500&labelSelector=app+in+%28a%2C+b%29&fieldSelector=spec.nodeName%3Dn"
        );
        let request = ListRequest::of("apps", "v1", "deployments", None).at_least("0");
        assert_eq!(request.page(None, None, None), "/apis/apps/v1/deployments?resourceVersion=0");
        assert_eq!(
            request.clone().chunks_of(0).page(Some(500), Some("a="), Some(Duration::from_secs(2))),
            "/apis/apps/v1/deployments?continue=a%3D&timeout=2000ms"
        );
    }
}
