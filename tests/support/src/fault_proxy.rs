//! A proxy in front of a real API server: plain HTTP on this side, whatever the server wants on the other.

use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderValue, Request, Response, StatusCode};
use http_body_util::BodyExt as _;
use kube::client::Body;
use kube::config::{KubeConfigOptions, Kubeconfig};

use crate::faults::{Fault, Faults, Rule};
use crate::http_server::{AnyBody, BoxError, Handler, HttpServer, full};
use crate::record::Recorded;

/// Where the proxy hands requests on to.
#[derive(Clone, Debug)]
pub struct Upstream(kube::Config);

impl Upstream {
    /// A server without TLS and credentials.
    #[must_use]
    pub fn plain(url: &str) -> Self {
        Self(kube::Config::new(url.parse().expect("the address of a server")))
    }

    /// The current context of a kubeconfig. Credentials and TLS are the proxy's business, so that clients of it need
    /// neither; what a client sends in `Authorization` replaces them.
    #[must_use]
    pub fn kubeconfig(path: &Path) -> Self {
        let kubeconfig = Kubeconfig::read_from(path).expect("a kubeconfig for the proxy");
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime to read a kubeconfig");
        let read = std::thread::spawn(move || {
            runtime.block_on(kube::Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()))
        });
        Self(read.join().expect("a thread to read a kubeconfig").expect("a context for the proxy"))
    }
}

/// A proxy that misbehaves on command. Ends when it is dropped.
pub struct FaultProxy {
    server: HttpServer,
}

impl FaultProxy {
    /// Starts it on a free port of the loopback address.
    #[must_use]
    pub fn start(upstream: Upstream) -> Self {
        let Upstream(mut config) = upstream;
        // Bodies are handed on as they come: the client's own Accept-Encoding decides.
        config.disable_compression = true;
        config.default_retry = false;
        // Its first request makes the client, inside of the server's runtime.
        let client: Arc<tokio::sync::OnceCell<kube::Client>> = Arc::default();
        let config = Arc::new(config);
        let handler: Handler = Arc::new(move |parts, body| {
            let (client, config) = (client.clone(), config.clone());
            Box::pin(async move {
                let client = client
                    .get_or_init(|| async move {
                        kube::Client::try_from((*config).clone()).expect("a client for the proxy")
                    })
                    .await;
                forward(client, parts, body).await
            })
        });
        Self { server: HttpServer::start(handler, None) }
    }

    /// Its address, for `--server`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.server.address)
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

    /// Cuts every watch and followed log that is open now.
    pub fn drop_watches(&self) {
        self.server.drop_streams();
    }
}

async fn forward(client: &kube::Client, parts: http::request::Parts, body: Bytes) -> Response<AnyBody> {
    let mut request = Request::new(Body::from(body));
    *request.method_mut() = parts.method;
    *request.uri_mut() = parts.uri;
    for (name, value) in &parts.headers {
        // These belong to a connection, and this is another one.
        let own = ["host", "connection", "content-length", "transfer-encoding", "keep-alive", "te", "upgrade"];
        if !own.contains(&name.as_str()) {
            request.headers_mut().append(name.clone(), value.clone());
        }
    }
    match client.send(request).await {
        Ok(response) => {
            let (mut parts, body) = response.into_parts();
            for name in ["connection", "transfer-encoding", "keep-alive"] {
                parts.headers.remove(name);
            }
            Response::from_parts(parts, body.map_err(BoxError::from).boxed_unsync())
        }
        Err(error) => {
            let message = format!("the fault proxy cannot reach its server: {error}");
            let mut response = Response::new(full(Fault::body(502, "InternalError", &message, None)));
            *response.status_mut() = StatusCode::BAD_GATEWAY;
            response.headers_mut().insert("content-type", HeaderValue::from_static("application/json"));
            response
        }
    }
}
