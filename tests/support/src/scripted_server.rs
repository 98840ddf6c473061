//! A tiny API server without a cluster: prepared answers, and lists with page tokens that can expire.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::io::Write as _;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use http::{HeaderValue, Method, Response, StatusCode, request::Parts};
use serde_json::{Value, json};

use crate::certificates::Certificates;
use crate::faults::{Fault, Faults, Rule};
use crate::http_server::{AnyBody, Handler, HttpServer, full};
use crate::objects;
use crate::record::Recorded;

/// A prepared answer.
#[derive(Clone, Debug)]
pub struct Answer {
    status: u16,
    content_type: String,
    body: String,
}

impl Answer {
    /// 200 with JSON.
    #[must_use]
    pub fn json(body: &Value) -> Self {
        Self { status: 200, content_type: "application/json".into(), body: body.to_string() }
    }

    /// Any status with text.
    #[must_use]
    pub fn text(status: u16, body: impl Into<String>) -> Self {
        Self { status, content_type: "text/plain; charset=utf-8".into(), body: body.into() }
    }

    /// With another `Content-Type`.
    #[must_use]
    pub fn content_type(mut self, content_type: &str) -> Self {
        self.content_type = content_type.to_owned();
        self
    }
}

/// Objects by number.
type MakeObject = Arc<dyn Fn(usize) -> Value + Send + Sync>;

/// A list that is served in pages.
#[derive(Clone)]
pub struct ListRoute {
    api_version: String,
    kind: String,
    count: usize,
    object: MakeObject,
    sorted_keys: bool,
}

impl ListRoute {
    /// A list of `count` objects. `kind` is that of the list, for example `PodList`.
    #[must_use]
    pub fn new(
        api_version: &str,
        kind: &str,
        count: usize,
        object: impl Fn(usize) -> Value + Send + Sync + 'static,
    ) -> Self {
        Self { api_version: api_version.into(), kind: kind.into(), count, object: Arc::new(object), sorted_keys: false }
    }

    /// Writes the keys sorted, `items` before `metadata`, as an API server does for custom resources.
    #[must_use]
    pub fn sorted_keys(mut self) -> Self {
        self.sorted_keys = true;
        self
    }
}

#[derive(Default)]
struct Routes {
    answers: HashMap<(Method, String), Answer>,
    lists: HashMap<String, ListRoute>,
}

#[derive(Clone, Default)]
struct Script {
    routes: Arc<Mutex<Routes>>,
    /// Page tokens of an earlier generation have expired.
    generation: Arc<AtomicU64>,
}

/// The server. Ends when it is dropped.
pub struct ScriptedServer {
    server: HttpServer,
    script: Script,
    scheme: &'static str,
}

impl ScriptedServer {
    /// Starts without TLS. It knows `/version` and an empty discovery; everything else is to be added.
    #[must_use]
    pub fn start() -> Self {
        Self::start_with(None)
    }

    /// Starts with TLS.
    #[must_use]
    pub fn start_tls(certificates: &Certificates) -> Self {
        Self::start_with(Some(certificates))
    }

    fn start_with(certificates: Option<&Certificates>) -> Self {
        let script = Script::default();
        let handler: Handler = {
            let script = script.clone();
            Arc::new(move |parts, _body| {
                let response = script.answer(&parts);
                Box::pin(std::future::ready(response))
            })
        };
        let server = Self {
            server: HttpServer::start(handler, certificates.map(Certificates::server_config)),
            script,
            scheme: if certificates.is_some() { "https" } else { "http" },
        };
        server.answer(
            "/version",
            &json!({"major": "1", "minor": "36", "gitVersion": "v1.36.1", "gitCommit": "0", "platform": "linux/amd64"}),
        );
        server.answer("/api", &json!({"kind": "APIVersions", "versions": ["v1"]}));
        server.answer("/apis", &json!({"kind": "APIGroupList", "groups": []}));
        server.answer("/api/v1", &json!({"kind": "APIResourceList", "groupVersion": "v1", "resources": []}));
        server
    }

    /// Its address.
    #[must_use]
    pub fn url(&self) -> String {
        format!("{}://{}", self.scheme, self.server.address)
    }

    /// The port that it listens on.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.server.address.port()
    }

    /// Answers a GET of this path with JSON.
    pub fn answer(&self, path: &str, body: &Value) {
        self.answer_as(Method::GET, path, Answer::json(body));
    }

    /// Answers a method and path.
    pub fn answer_as(&self, method: Method, path: &str, answer: Answer) {
        self.routes(|routes| routes.answers.insert((method, path.to_owned()), answer));
    }

    /// Serves a list at this path.
    pub fn list(&self, path: &str, list: ListRoute) {
        self.routes(|routes| routes.lists.insert(path.to_owned(), list));
    }

    /// Serves so many pods and nodes at the usual paths.
    pub fn pods_and_nodes(&self, pods: usize, nodes: usize) {
        self.list("/api/v1/pods", ListRoute::new("v1", "PodList", pods, move |number| objects::pod(number, nodes)));
        self.list("/api/v1/nodes", ListRoute::new("v1", "NodeList", nodes, objects::node));
    }

    /// Every page token given so far is too old from now on.
    pub fn expire_tokens(&self) {
        self.script.generation.fetch_add(1, Ordering::SeqCst);
    }

    /// Its rules.
    #[must_use]
    pub fn faults(&self) -> &Faults {
        &self.server.faults
    }

    /// Adds a rule.
    pub fn rule(&self, rule: Rule) {
        self.server.faults.add(rule);
    }

    /// What it was asked, from the first request on.
    #[must_use]
    pub fn requests(&self) -> Vec<Recorded> {
        self.server.recorder.all()
    }

    /// Forgets what it was asked.
    pub fn forget_requests(&self) {
        self.server.recorder.clear();
    }

    /// How many connections it has accepted.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.server.connections()
    }

    fn routes<T>(&self, change: impl FnOnce(&mut Routes) -> T) {
        change(&mut self.script.routes.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

impl Script {
    fn answer(&self, parts: &Parts) -> Response<AnyBody> {
        let routes = self.routes.lock().unwrap_or_else(PoisonError::into_inner);
        let path = parts.uri.path();
        let found = routes.answers.get(&(parts.method.clone(), path.to_owned())).cloned();
        let list = routes.lists.get(path).cloned();
        drop(routes);
        let answer = match (found, list) {
            (Some(answer), _) => answer,
            (None, Some(list)) if parts.method == Method::GET => self.page(&list, parts),
            _ => status(404, "NotFound", "the server could not find the requested resource"),
        };
        let mut response = Response::new(full(answer.body));
        *response.status_mut() = StatusCode::from_u16(answer.status).expect("a scripted status is one");
        let content_type = HeaderValue::from_str(&answer.content_type).expect("a scripted content type is one");
        response.headers_mut().insert(http::header::CONTENT_TYPE, content_type);
        compress(parts, response)
    }

    fn page(&self, list: &ListRoute, parts: &Parts) -> Answer {
        let parameter = |name: &str| {
            let query = parts.uri.query().unwrap_or_default();
            form_urlencoded::parse(query.as_bytes()).find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
        };
        let generation = self.generation.load(Ordering::SeqCst);
        let limit =
            parameter("limit").and_then(|limit| limit.parse().ok()).filter(|limit| *limit > 0).unwrap_or(usize::MAX);
        let start = match parameter("continue") {
            None => 0,
            Some(token) => match token.split_once('/').map(|(of, start)| (of.parse::<u64>(), start.parse::<usize>())) {
                Some((Ok(of), Ok(start))) if of == generation => start,
                Some((Ok(_), Ok(_))) => {
                    let message = "The provided continue parameter is too old to display a consistent list result.";
                    return status(410, "Expired", message);
                }
                _ => return status(400, "BadRequest", "continue key is not valid"),
            },
        };
        let end = list.count.min(start.saturating_add(limit));
        let mut metadata = json!({"resourceVersion": format!("{}", 1000 + generation)});
        if end < list.count {
            metadata["continue"] = format!("{generation}/{end}").into();
            metadata["remainingItemCount"] = (list.count - end).into();
        }
        let metadata_only = parts
            .headers
            .get("accept")
            .and_then(|value| value.to_str().ok())
            .is_some_and(|it| it.contains("as=PartialObjectMetadataList"));
        let (api_version, kind) = if metadata_only {
            ("meta.k8s.io/v1", "PartialObjectMetadataList")
        } else {
            (list.api_version.as_str(), list.kind.as_str())
        };
        let mut items = String::new();
        for number in start..end {
            let mut object = (list.object)(number);
            if metadata_only {
                object = json!({"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": object["metadata"]});
            }
            let comma = if number > start { "," } else { "" };
            write!(items, "{comma}{object}").expect("memory to write to");
        }
        let body = if list.sorted_keys {
            format!(r#"{{"apiVersion":"{api_version}","items":[{items}],"kind":"{kind}","metadata":{metadata}}}"#)
        } else {
            format!(r#"{{"kind":"{kind}","apiVersion":"{api_version}","metadata":{metadata},"items":[{items}]}}"#)
        };
        Answer { status: 200, content_type: "application/json".into(), body }
    }
}

fn status(code: u16, reason: &str, message: &str) -> Answer {
    Answer { status: code, content_type: "application/json".into(), body: Fault::body(code, reason, message, None) }
}

/// Compresses as an API server does: on request, and only what is long.
fn compress(parts: &Parts, response: Response<AnyBody>) -> Response<AnyBody> {
    use http_body::Body as _;
    let wanted = parts
        .headers
        .get("accept-encoding")
        .and_then(|value| value.to_str().ok())
        .is_some_and(|it| it.contains("gzip"));
    let long = response.body().size_hint().lower() > 128 * 1024;
    if !wanted || !long {
        return response;
    }
    let (mut parts, mut body) = response.into_parts();
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    // A prepared body has all its bytes at once.
    while let std::task::Poll::Ready(Some(Ok(frame))) = std::pin::Pin::new(&mut body).poll_frame(&mut context) {
        if let Ok(data) = frame.into_data() {
            encoder.write_all(&data).expect("memory to compress into");
        }
    }
    parts.headers.insert("content-encoding", HeaderValue::from_static("gzip"));
    Response::from_parts(parts, full(encoder.finish().expect("memory to compress into")))
}
