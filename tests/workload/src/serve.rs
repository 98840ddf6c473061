//! A server that answers lists like an API server, page by page, and never holds more than a piece of one.

use std::{convert::Infallible, net::SocketAddr, sync::Arc};

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full, channel::Channel, combinators::BoxBody};
use hyper::{Request, Response, StatusCode, body::Incoming, header, service::service_fn};
use hyper_util::rt::TokioIo;
use patchkit::snapshot::{Kind, kinds};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::{
    objects::{self, Wanted},
    shape::Shape,
    text::Form,
};

/// How much of an answer is sent at once.
const PIECE: usize = 256 * 1024;

/// The version that the server says it has.
#[must_use]
pub fn version() -> Value {
    json!({"major": "1", "minor": "34", "gitVersion": "v1.34.2-eks-113cf36", "gitCommit": "0", "gitTreeState": "clean",
        "buildDate": "2026-07-01T00:00:00Z", "goVersion": "go1.25.1", "compiler": "gc", "platform": "linux/amd64"})
}

/// A kubeconfig for the server at this address.
#[must_use]
pub fn kubeconfig(address: SocketAddr) -> String {
    format!(
        "apiVersion: v1\nkind: Config\ncurrent-context: workload\nclusters:\n- name: workload\n  cluster:\n    server: \
         http://{address}\ncontexts:\n- name: workload\n  context:\n    cluster: workload\n    user: workload\nusers:\n- \
         name: workload\n  user: {{}}\n"
    )
}

type Answer = Response<BoxBody<Bytes, Infallible>>;

/// Answers connections until it is dropped.
///
/// # Errors
/// Where a connection cannot be taken.
pub async fn serve(shape: Arc<Shape>, listener: TcpListener) -> std::io::Result<()> {
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        let shape = Arc::clone(&shape);
        tokio::spawn(async move {
            let service = service_fn(move |request| {
                let shape = Arc::clone(&shape);
                async move { Ok::<_, Infallible>(answer(&shape, &request)) }
            });
            // A client that goes away in the middle is no matter.
            let _ = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
        });
    }
}

fn answer(shape: &Arc<Shape>, request: &Request<Incoming>) -> Answer {
    let path = request.uri().path();
    let accept = request.headers().get(header::ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    match path {
        "/version" => return whole(StatusCode::OK, "application/json", version().to_string()),
        "/metrics" => return whole(StatusCode::OK, "text/plain", String::new()),
        "/api" | "/apis" => return discovery(path == "/api", accept),
        _ => {}
    }
    let Some(kind) = kinds::ALL.iter().find(|kind| kind.path() == path) else {
        let status = json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
            "message": "the server could not find the requested resource", "reason": "NotFound", "code": 404});
        return whole(StatusCode::NOT_FOUND, "application/json", status.to_string());
    };
    let query = request.uri().query().unwrap_or_default().as_bytes();
    let number = |name: &str| {
        form_urlencoded::parse(query).find(|(key, _)| key == name).and_then(|(_, value)| value.parse::<u64>().ok())
    };
    let start = number("continue").unwrap_or(0);
    let limit = number("limit").filter(|limit| *limit > 0).unwrap_or(u64::MAX);
    page(Arc::clone(shape), kind, start, limit, accept.contains("as=PartialObjectMetadataList"))
}

/// Writes a page piece by piece while it is sent.
fn page(shape: Arc<Shape>, kind: &'static Kind, start: u64, limit: u64, metadata_only: bool) -> Answer {
    let count = objects::count(&shape, kind);
    let end = start.saturating_add(limit).min(count);
    let mut metadata = json!({"resourceVersion": "1000000"});
    if end < count {
        metadata["continue"] = end.to_string().into();
        metadata["remainingItemCount"] = (count - end).into();
    }
    let (list, version) = if metadata_only {
        ("PartialObjectMetadataList".to_owned(), "meta.k8s.io/v1".to_owned())
    } else {
        (format!("{}List", kind.kind), kind.api_version())
    };
    let mut text =
        format!("{{\"kind\":\"{list}\",\"apiVersion\":\"{version}\",\"metadata\":{metadata},\"items\":[").into_bytes();
    let (mut sender, body) = Channel::<Bytes, Infallible>::new(4);
    let runtime = tokio::runtime::Handle::current();
    tokio::task::spawn_blocking(move || {
        let mut first = true;
        let mut gone = false;
        objects::write_range(&shape, kind, start.min(end)..end, Wanted { form: Form::Wire, metadata_only }, |object| {
            if !first {
                text.push(b',');
            }
            first = false;
            text.extend_from_slice(object.as_bytes());
            if text.len() >= PIECE && !gone {
                let piece = Bytes::from(std::mem::take(&mut text));
                gone = runtime.block_on(sender.send_data(piece)).is_err();
            }
        });
        text.extend_from_slice(b"]}\n");
        let _ = runtime.block_on(sender.send_data(Bytes::from(text)));
    });
    let content = if metadata_only {
        "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io"
    } else {
        "application/json"
    };
    respond(StatusCode::OK, content, body.boxed())
}

/// Aggregated discovery (KEP-3352); the older forms are not spoken.
fn discovery(core: bool, accept: &str) -> Answer {
    if !accept.contains("as=APIGroupDiscoveryList") {
        return whole(StatusCode::NOT_ACCEPTABLE, "text/plain", "only aggregated discovery is spoken".to_owned());
    }
    let mut groups: Vec<(&str, &str, Vec<Value>)> = Vec::new();
    for kind in kinds::ALL.iter().filter(|kind| kind.group.is_empty() == core) {
        let resource = json!({"resource": kind.plural, "responseKind": {"group": kind.group, "version": kind.version,
            "kind": kind.kind}, "scope": "Namespaced", "singularResource": kind.kind.to_lowercase(),
            "verbs": ["get", "list"]});
        match groups.iter_mut().find(|(group, ..)| *group == kind.group) {
            Some((.., resources)) => resources.push(resource),
            None => groups.push((kind.group, kind.version, vec![resource])),
        }
    }
    let items: Vec<Value> = groups
        .into_iter()
        .map(|(group, version, resources)| {
            json!({"metadata": {"name": group, "creationTimestamp": null},
                "versions": [{"version": version, "resources": resources, "freshness": "Current"}]})
        })
        .collect();
    let list = json!({"kind": "APIGroupDiscoveryList", "apiVersion": "apidiscovery.k8s.io/v2", "metadata": {},
        "items": items});
    let content = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";
    whole(StatusCode::OK, content, list.to_string())
}

fn whole(status: StatusCode, content: &'static str, text: String) -> Answer {
    respond(status, content, Full::new(Bytes::from(text)).boxed())
}

fn respond(status: StatusCode, content: &'static str, body: BoxBody<Bytes, Infallible>) -> Answer {
    let mut answer = Response::new(body);
    *answer.status_mut() = status;
    answer.headers_mut().insert(header::CONTENT_TYPE, header::HeaderValue::from_static(content));
    answer
}
