//! The listener under every server here: a thread, plain or with TLS, that applies faults and records requests.

use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::thread::JoinHandle;
use std::time::Duration;

use bytes::Bytes;
use http::request::Parts;
use http::{HeaderValue, Request, Response};
use http_body::{Body, Frame};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::sync::mpsc::{self, Sender};
use tokio::sync::{oneshot, watch};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;

use crate::faults::{Fault, Faults};
use crate::record::Recorder;

pub(crate) type BoxError = Box<dyn std::error::Error + Send + Sync>;
pub(crate) type AnyBody = UnsyncBoxBody<Bytes, BoxError>;
pub(crate) type Answering = Pin<Box<dyn Future<Output = Response<AnyBody>> + Send>>;
/// Answers a request, given its parts and its whole body.
pub(crate) type Handler = Arc<dyn Fn(Parts, Bytes) -> Answering + Send + Sync>;

pub(crate) fn full(text: impl Into<Bytes>) -> AnyBody {
    Full::new(text.into()).map_err(|never: Infallible| match never {}).boxed_unsync()
}

/// A running listener.
pub(crate) struct HttpServer {
    pub address: SocketAddr,
    pub faults: Faults,
    pub recorder: Recorder,
    connections: Arc<AtomicUsize>,
    streams: watch::Sender<u64>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Clone)]
struct Shared {
    faults: Faults,
    recorder: Recorder,
    handler: Handler,
    streams: watch::Receiver<u64>,
    connections: Arc<AtomicUsize>,
}

impl HttpServer {
    pub fn start(handler: Handler, tls: Option<Arc<ServerConfig>>) -> Self {
        let (streams, streams_changed) = watch::channel(0);
        let shared = Shared {
            faults: Faults::default(),
            recorder: Recorder::default(),
            handler,
            streams: streams_changed,
            connections: Arc::default(),
        };
        let (faults, recorder, connections) =
            (shared.faults.clone(), shared.recorder.clone(), shared.connections.clone());
        let (stop, stopped) = oneshot::channel();
        let (ready, address) = std::sync::mpsc::channel();
        let thread = std::thread::Builder::new()
            .name("test server".into())
            .spawn(move || {
                let runtime = tokio::runtime::Builder::new_current_thread()
                    .enable_all()
                    .build()
                    .expect("a runtime for a test server");
                runtime.block_on(async move {
                    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port for a test server");
                    ready
                        .send(listener.local_addr().expect("the port of a test server"))
                        .expect("the test waits for its server");
                    tokio::select! {
                        () = listen(listener, shared, tls) => {}
                        _ = stopped => {}
                    }
                });
                // Connections that are still open end here, with the runtime.
            })
            .expect("a thread for a test server");
        let address = address.recv().expect("a test server that listens");
        Self { address, faults, recorder, connections, streams, stop: Some(stop), thread: Some(thread) }
    }

    /// How many connections were accepted so far.
    pub fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }

    /// Cuts every stream (watch or followed log) that is open now.
    pub fn drop_streams(&self) {
        self.streams.send_modify(|generation| *generation += 1);
    }
}

impl Drop for HttpServer {
    fn drop(&mut self) {
        if let Some(stop) = self.stop.take() {
            // The thread may have ended by itself.
            let _ = stop.send(());
        }
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

async fn listen(listener: TcpListener, shared: Shared, tls: Option<Arc<ServerConfig>>) {
    let acceptor = tls.map(TlsAcceptor::from);
    loop {
        let Ok((stream, _)) = listener.accept().await else { continue };
        // Without this, Nagle's algorithm and delayed acknowledgements add 40 ms to short answers.
        let _ = stream.set_nodelay(true);
        shared.connections.fetch_add(1, Ordering::SeqCst);
        let (shared, acceptor) = (shared.clone(), acceptor.clone());
        tokio::spawn(async move {
            match acceptor {
                None => serve(stream, shared, None).await,
                Some(acceptor) => {
                    // A client that does not trust us, or that we do not trust, goes away.
                    if let Ok(stream) = acceptor.accept(stream).await {
                        let certificates = stream.get_ref().1.peer_certificates();
                        let certificate = certificates.and_then(|chain| chain.first()).map(|first| first.to_vec());
                        serve(stream, shared, certificate).await;
                    }
                }
            }
        });
    }
}

async fn serve(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    shared: Shared,
    certificate: Option<Vec<u8>>,
) {
    let service = hyper::service::service_fn(move |request| answer(request, shared.clone(), certificate.clone()));
    // A connection that ends with an error is what many a test is about.
    let _ = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
}

async fn answer(
    request: Request<Incoming>,
    shared: Shared,
    certificate: Option<Vec<u8>>,
) -> Result<Response<AnyBody>, BoxError> {
    let (parts, body) = request.into_parts();
    let record = shared.recorder.begin(&parts, certificate);
    let faults = shared.faults.of(&parts);
    let is_stream = parts.uri.query().is_some_and(|query| {
        form_urlencoded::parse(query.as_bytes())
            .any(|(key, value)| matches!(&*key, "watch" | "follow") && matches!(&*value, "true" | "1"))
    });
    let body = body.collect().await?.to_bytes();
    let mut replaced = None;
    for fault in &faults {
        match fault {
            Fault::Delay(time) => tokio::time::sleep(*time).await,
            Fault::CutBeforeAnswer => return Err(cut()),
            Fault::Silence => std::future::pending::<()>().await,
            Fault::Status { code, reason, message, retry_after } if replaced.is_none() => {
                let mut response = Response::new(full(Fault::body(*code, reason, message, *retry_after)));
                *response.status_mut() = (*code).try_into().expect("a rule's status is one");
                response.headers_mut().insert("content-type", HeaderValue::from_static("application/json"));
                if let Some(seconds) = retry_after {
                    response.headers_mut().insert("retry-after", (*seconds).into());
                }
                replaced = Some(response);
            }
            _ => {}
        }
    }
    let mut response = match replaced {
        Some(response) => response,
        None => (shared.handler)(parts, body).await,
    };
    let mut limits = Limits::default();
    for fault in faults {
        match fault {
            Fault::Throttle(bytes) => limits.bytes_per_second = Some(bytes.max(1)),
            Fault::CutAfter(bytes) => limits.cut_after = Some(bytes),
            Fault::SilenceAfter(bytes) => limits.silent_after = Some(bytes),
            Fault::Warning(text) => {
                let quoted = text.replace('\\', "\\\\").replace('"', "\\\"");
                let value =
                    HeaderValue::from_str(&format!("299 - \"{quoted}\"")).expect("a warning that fits a header");
                response.headers_mut().append(http::header::WARNING, value);
            }
            _ => {}
        }
    }
    shared.recorder.end(record, response.status().as_u16());
    if is_stream {
        limits.dropped = Some(shared.streams.clone());
    }
    if limits.any() {
        let (parts, body) = response.into_parts();
        return Ok(Response::from_parts(parts, limits.around(body)));
    }
    Ok(response)
}

fn cut() -> BoxError {
    io::Error::new(io::ErrorKind::ConnectionAborted, "cut on command").into()
}

/// What a body is held to.
#[derive(Default)]
struct Limits {
    bytes_per_second: Option<u64>,
    cut_after: Option<usize>,
    silent_after: Option<usize>,
    dropped: Option<watch::Receiver<u64>>,
}

impl Limits {
    fn any(&self) -> bool {
        self.bytes_per_second.is_some()
            || self.cut_after.is_some()
            || self.silent_after.is_some()
            || self.dropped.is_some()
    }

    /// Hands a body on within the limits. Returns at its end, or where the client is gone.
    async fn hand_on(&self, body: &mut AnyBody, sender: &Sender<Result<Bytes, BoxError>>) {
        let end = self.cut_after.or(self.silent_after).unwrap_or(usize::MAX);
        // Twenty pieces a second.
        let most =
            self.bytes_per_second.map_or(usize::MAX, |rate| usize::try_from((rate / 20).max(1)).unwrap_or(usize::MAX));
        let mut sent = 0;
        while let Some(frame) = body.frame().await {
            let mut data = match frame {
                Ok(frame) => frame.into_data().unwrap_or_default(),
                Err(error) => {
                    let _ = sender.send(Err(error)).await;
                    return;
                }
            };
            while !data.is_empty() && sent < end {
                let piece = data.split_to(most.min(end - sent).min(data.len()));
                sent += piece.len();
                if sender.send(Ok(piece)).await.is_err() {
                    return;
                }
                if self.bytes_per_second.is_some() {
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
            }
            if sent == end {
                break;
            }
        }
        if self.cut_after.is_some_and(|end| sent == end) {
            let _ = sender.send(Err(cut())).await;
        } else if self.silent_after.is_some() {
            std::future::pending::<()>().await;
        }
    }

    fn around(self, mut body: AnyBody) -> AnyBody {
        let (sender, receiver) = mpsc::channel::<Result<Bytes, BoxError>>(1);
        tokio::spawn(async move {
            let mut dropped = self.dropped.clone();
            if let Some(dropped) = &mut dropped {
                dropped.mark_unchanged();
            }
            tokio::select! {
                () = self.hand_on(&mut body, &sender) => {}
                () = changed(&mut dropped) => {
                    // The client may be gone already.
                    let _ = sender.send(Err(cut())).await;
                }
            }
        });
        Pieces(receiver).boxed_unsync()
    }
}

/// Waits until streams are to be dropped; for ever where this is none.
async fn changed(dropped: &mut Option<watch::Receiver<u64>>) {
    if let Some(dropped) = dropped
        && dropped.changed().await.is_ok()
    {
        return;
    }
    std::future::pending().await
}

struct Pieces(mpsc::Receiver<Result<Bytes, BoxError>>);

impl Body for Pieces {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        self.0.poll_recv(context).map(|piece| piece.map(|piece| piece.map(Frame::data)))
    }
}
