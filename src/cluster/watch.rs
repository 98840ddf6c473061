//! Watching kinds: each is listed once, then every change of it comes as it happens.
//!
//! A watch that ends or breaks is taken up again from the last version that was seen, so that no change is missed; where
//! the server does not remember that version any more (410) the kind is listed again, and the new list replaces what was
//! known. Bookmarks keep the version young. This is the reflector of client-go, narrowed to what a snapshot keeps: the
//! objects are handed on as they came, and [`LiveSnapshot`](crate::snapshot::LiveSnapshot) reads of them what its rules
//! need.

use std::time::Duration;

use bytes::{Buf, Bytes, BytesMut};
use serde::Deserialize;
use serde_json::value::RawValue;
use tokio::{sync::mpsc, task::JoinSet};

use super::{
    connect::Cluster,
    errors::{ClusterError, ErrorKind},
    list::{ListEvent, ListRequest},
    retry::random,
};
use crate::snapshot::Kind;

/// How long the server keeps a watch open, at least. Spread, so that the watches of a program do not end together.
const WATCH_SECONDS: f64 = 290.0;
/// The wait after the first failure in a row; it doubles up to the longest.
const FIRST_WAIT: Duration = Duration::from_millis(200);
const LONGEST_WAIT: Duration = Duration::from_secs(5);
/// Changes that wait to be taken: a list of thousands is one of them.
const WAITING: usize = 256;
/// A line longer than the server's own limit of an object is none.
const LONGEST_LINE: usize = 16 << 20;

/// What happened to a kind.
#[derive(Debug)]
pub enum WatchEvent {
    /// All objects that there are now, as pages of a list. What is in none of them is gone.
    Listed {
        /// The kind.
        kind: Kind,
        /// The pages.
        pages: Vec<Bytes>,
    },
    /// An object was made or changed.
    Put {
        /// The kind.
        kind: Kind,
        /// The object in JSON.
        object: Box<RawValue>,
    },
    /// An object is gone.
    Removed {
        /// The kind.
        kind: Kind,
        /// The object in JSON, as it was last.
        object: Box<RawValue>,
    },
    /// The kind cannot be watched just now: what is known of it may be old until its next event.
    Trouble {
        /// The kind.
        kind: Kind,
        /// Why.
        error: ClusterError,
        /// When it is tried again; never where the server refuses it for good.
        again_in: Option<Duration>,
    },
}

/// Watches of some kinds. They end when this is dropped.
pub struct Watches {
    events: mpsc::Receiver<WatchEvent>,
    _tasks: JoinSet<()>,
}

impl Watches {
    /// The next event of any of the kinds; none where every watch was refused for good.
    pub async fn next(&mut self) -> Option<WatchEvent> {
        self.events.recv().await
    }

    /// An event that has come already.
    pub fn ready(&mut self) -> Option<WatchEvent> {
        self.events.try_recv().ok()
    }
}

impl Cluster {
    /// Watches kinds over all namespaces. Must be called within a runtime.
    #[must_use]
    pub fn watch(&self, kinds: &[Kind]) -> Watches {
        let (sender, events) = mpsc::channel(WAITING);
        let mut tasks = JoinSet::new();
        for kind in kinds {
            let watcher = Watcher { cluster: self.clone(), kind: *kind, events: sender.clone() };
            tasks.spawn(async move {
                // It ends where nobody listens any more.
                let _ = watcher.run().await;
            });
        }
        Watches { events, _tasks: tasks }
    }
}

struct Watcher {
    cluster: Cluster,
    kind: Kind,
    events: mpsc::Sender<WatchEvent>,
}

/// Nobody listens any more, or the server refuses for good.
struct Over;

/// How a watch ended.
enum End {
    /// It may be taken up again from the last version.
    Dropped,
    /// The last version is too old: list again.
    Gone,
    /// Something is wrong.
    Failed(ClusterError),
}

impl Watcher {
    async fn run(&self) -> Result<(), Over> {
        let mut failures = 0;
        let mut was_let_in = false;
        loop {
            let mut version = match self.list().await? {
                Ok(version) => version,
                Err(error) => {
                    self.trouble(error, was_let_in, &mut failures).await?;
                    continue;
                }
            };
            was_let_in = true;
            loop {
                let before = version.clone();
                let end = self.follow(&mut version).await?;
                if version != before {
                    failures = 0;
                }
                match end {
                    End::Gone => break,
                    // A server that drops each watch at once must not be asked without a pause.
                    End::Dropped if failures == 0 => failures = 1,
                    End::Dropped => self.pause(&mut failures).await,
                    End::Failed(error) => self.trouble(error, was_let_in, &mut failures).await?,
                }
            }
        }
    }

    /// Lists the kind, and gives the version of the list.
    async fn list(&self) -> Result<Result<String, ClusterError>, Over> {
        let mut pages = Vec::new();
        let summary = self
            .cluster
            .list::<ClusterError>(&ListRequest::new(self.kind.path()), |event| {
                match event {
                    ListEvent::Restart => pages.clear(),
                    ListEvent::Page(page) => pages.push(page.bytes),
                }
                Ok(())
            })
            .await;
        match summary {
            Ok(summary) => {
                self.tell(WatchEvent::Listed { kind: self.kind, pages }).await?;
                Ok(Ok(summary.resource_version.unwrap_or_default()))
            }
            Err(error) => Ok(Err(error)),
        }
    }

    /// Follows the changes after a version, and moves it along.
    async fn follow(&self, version: &mut String) -> Result<End, Over> {
        let path = self.path(version);
        let response = match self.cluster.open(&path, super::read::JSON).await {
            Ok(response) => response,
            Err(error) if error.kind() == ErrorKind::Gone => return Ok(End::Gone),
            Err(error) => return Ok(End::Failed(error)),
        };
        let mut body = response.into_body();
        let mut buffer = BytesMut::new();
        loop {
            let chunk = match self.cluster.next_chunk(&mut body, &path).await {
                Ok(Some(chunk)) => chunk,
                // A watch ends, or its connection does, and neither means anything: it is taken up again.
                Ok(None) | Err(ClusterError::Unreachable { .. } | ClusterError::Timeout { .. }) => {
                    return Ok(End::Dropped);
                }
                Err(error) => return Ok(End::Failed(error)),
            };
            let mut searched = buffer.len();
            buffer.extend_from_slice(&chunk);
            while let Some(end) = memchr::memchr(b'\n', &buffer[searched..]) {
                let line = buffer.split_to(searched + end);
                buffer.advance(1);
                searched = 0;
                match self.line(&line, version) {
                    Ok(Some(event)) => self.tell(event).await?,
                    Ok(None) => {}
                    Err(end) => return Ok(end),
                }
            }
            if buffer.len() > LONGEST_LINE {
                return Ok(End::Failed(self.cluster.unexpected(&path, "an event of a watch that has no end")));
            }
        }
    }

    /// Reads one line of a watch.
    fn line(&self, line: &[u8], version: &mut String) -> Result<Option<WatchEvent>, End> {
        if line.is_empty() {
            return Ok(None);
        }
        let wrong = |error: &serde_json::Error| {
            End::Failed(self.cluster.unexpected(&self.kind.path(), &format!("an event of a watch: {error}")))
        };
        let event: Line = serde_json::from_slice(line).map_err(|error| wrong(&error))?;
        let object = event.object;
        if event.kind == "ERROR" {
            let status = object.get().as_bytes();
            let code = serde_json::from_str::<Code>(object.get()).map_or(500, |status| status.code);
            let request = format!("GET {}", self.kind.path());
            let answer = super::errors::ServerAnswer::read(request, code, None, status);
            let error = ClusterError::Answer(Box::new(answer));
            return Err(if error.kind() == ErrorKind::Gone { End::Gone } else { End::Failed(error) });
        }
        let head: Head = serde_json::from_str(object.get()).map_err(|error| wrong(&error))?;
        *version = head.metadata.resource_version;
        let kind = self.kind;
        Ok(match event.kind.as_str() {
            "ADDED" | "MODIFIED" => Some(WatchEvent::Put { kind, object }),
            "DELETED" => Some(WatchEvent::Removed { kind, object }),
            // BOOKMARK: only the version moves.
            _ => None,
        })
    }

    fn path(&self, version: &str) -> String {
        let seconds = WATCH_SECONDS * (1.0 + random());
        let mut query = form_urlencoded::Serializer::new(String::new());
        query.append_pair("watch", "true");
        query.append_pair("allowWatchBookmarks", "true");
        query.append_pair("resourceVersion", version);
        query.append_pair("timeoutSeconds", &format!("{seconds:.0}"));
        format!("{}?{}", self.kind.path(), query.finish())
    }

    /// Tells of a failure and waits; or ends where the server will not change its mind. One that did let us in may
    /// refuse for a moment: an API server that has just started does not know its roles yet.
    async fn trouble(&self, error: ClusterError, was_let_in: bool, failures: &mut u32) -> Result<(), Over> {
        let refused = matches!(
            error.kind(),
            ErrorKind::Unauthorized | ErrorKind::Forbidden | ErrorKind::NotFound | ErrorKind::NotAllowed
        );
        if refused && !was_let_in {
            self.tell(WatchEvent::Trouble { kind: self.kind, error, again_in: None }).await?;
            return Err(Over);
        }
        let wait = wait_after(*failures);
        *failures += 1;
        self.tell(WatchEvent::Trouble { kind: self.kind, error, again_in: Some(wait) }).await?;
        tokio::time::sleep(wait).await;
        Ok(())
    }

    async fn pause(&self, failures: &mut u32) {
        let wait = wait_after(*failures);
        *failures += 1;
        tokio::time::sleep(wait).await;
    }

    async fn tell(&self, event: WatchEvent) -> Result<(), Over> {
        self.events.send(event).await.map_err(|_| Over)
    }
}

/// Doubles with each failure in a row; between half and the whole of it, so that not all come back at once.
fn wait_after(failures: u32) -> Duration {
    FIRST_WAIT.saturating_mul(1 << failures.min(8)).min(LONGEST_WAIT).mul_f64(0.5 + 0.5 * random())
}

#[derive(Deserialize)]
struct Line {
    #[serde(rename = "type")]
    kind: String,
    object: Box<RawValue>,
}

#[derive(Deserialize)]
struct Code {
    code: u16,
}

#[derive(Deserialize)]
struct Head {
    metadata: HeadMeta,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct HeadMeta {
    resource_version: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_and_end_at_the_longest() {
        for (failures, longest) in [(0, 200), (1, 400), (3, 1600), (5, 5000), (4_000_000_000, 5000)] {
            let wait = wait_after(failures).as_millis();
            assert!((longest / 2..=longest).contains(&wait), "{failures}: {wait}");
        }
    }
}
