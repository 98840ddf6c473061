//! A server that is busy, slow or gone: what is tried again, what is not, and what the user is told.

use std::future::poll_fn;
use std::time::Duration;

use futures_core::Stream as _;
use k8s_openapi::api::core::v1::{Node, Pod};
use k8s_openapi::api::policy::v1::Eviction;
use kube::api::{Api, PostParams, WatchEvent, WatchParams};
use patchkit::cluster::{ConnectOptions, ErrorKind, ListEvent, ListRequest, Notice, RetryPolicy, connect};
use patchkit_test_support::{Answer, Fault, FaultProxy, Rule, ScriptedServer, Upstream};
use serde_json::json;

use crate::tools::{Told, client_of, connect_with, nothing, to_server, until};

#[tokio::test(flavor = "multi_thread")]
async fn reads_are_repeated_visibly() {
    let server = ScriptedServer::start();
    for code in [429, 500, 502, 503, 504] {
        server.faults().clear();
        server.forget_requests();
        server.rule(Rule::new(Fault::status(code)).path("/version").times(2));
        let (cluster, told) = client_of(&server).await;
        cluster.version().await.unwrap();
        assert_eq!(server.requests().len(), 3, "{code}");
        let tries: Vec<_> = told
            .all()
            .into_iter()
            .map(|notice| match notice {
                Notice::Retry { request, attempt, of, .. } => (request, attempt, of),
                other => panic!("{other:?}"),
            })
            .collect();
        assert_eq!(tries, [("GET /version".to_owned(), 2, 5), ("GET /version".to_owned(), 3, 5)], "{code}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn reads_are_not_repeated_for_ever() {
    let server = ScriptedServer::start();
    server.rule(Rule::new(Fault::status(503)));
    let (cluster, told) = client_of(&server).await;
    let error = cluster.version().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert_eq!(error.to_string(), "Error from server (ServiceUnavailable): scripted 503");
    assert_eq!((server.requests().len(), told.all().len()), (5, 4));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_server_says_how_long_to_wait() {
    let server = ScriptedServer::start();
    server.rule(Rule::new(Fault::too_many(Some(1))).times(1));
    let (cluster, told) = client_of(&server).await;
    cluster.version().await.unwrap();
    assert!(
        matches!(told.all()[..], [Notice::Retry { wait, .. }] if wait == Duration::from_secs(1)),
        "{:?}",
        told.all()
    );

    // Longer than we would ever wait: at once an error that says so.
    server.forget_requests();
    server.rule(Rule::new(Fault::too_many(Some(3600))));
    let error = cluster.version().await.unwrap_err();
    assert_eq!((error.kind(), error.answer().unwrap().retry_after), (ErrorKind::TooMany, Some(3600)));
    assert_eq!(server.requests().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_will_not_change_is_asked_once() {
    let server = ScriptedServer::start();
    for (code, kind) in [(401, ErrorKind::Unauthorized), (403, ErrorKind::Forbidden), (404, ErrorKind::NotFound)] {
        server.faults().clear();
        server.forget_requests();
        server.rule(Rule::new(Fault::status(code)));
        let (cluster, told) = client_of(&server).await;
        assert_eq!(cluster.version().await.unwrap_err().kind(), kind);
        assert_eq!((server.requests().len(), told.all().len()), (1, 0));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn writes_are_never_repeated() {
    let server = ScriptedServer::start();
    server.rule(Rule::new(Fault::too_many(Some(0))).method(http::Method::POST));
    let (cluster, told) = client_of(&server).await;
    let pods: Api<Pod> = Api::namespaced(cluster.client(), "web");
    let evicted: Result<Eviction, _> =
        pods.create_subresource("eviction", "a", &PostParams::default(), &Eviction::default()).await;
    let error = evicted.unwrap_err();
    let error = cluster.explain(error, "evict pod web/a");
    assert_eq!(error.kind(), ErrorKind::TooMany);
    assert!(error.to_string().starts_with("Error from server (TooManyRequests): "), "{error}");
    let requests = server.requests();
    assert_eq!((requests.len(), requests[0].path.as_str()), (1, "/api/v1/namespaces/web/pods/a/eviction"));
    assert!(told.all().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cut_connection_is_tried_again() {
    let server = ScriptedServer::start();
    server.pods_and_nodes(90, 10);
    for fault in [Fault::CutBeforeAnswer, Fault::CutAfter(10), Fault::CutAfter(50_000)] {
        server.faults().clear();
        let cut = fault.clone();
        server.rule(Rule::new(fault).path("/api/v1/pods").with_parameter_of("continue", "0/30").times(1));
        let (cluster, told) = client_of(&server).await;
        let mut items = 0;
        let summary = cluster
            .list(
                &ListRequest::of("", "v1", "pods", None).chunks_of(30),
                |event| -> Result<(), patchkit::cluster::ClusterError> {
                    if let ListEvent::Page(page) = event {
                        let list: serde_json::Value = serde_json::from_slice(&page.bytes).unwrap();
                        items += list["items"].as_array().unwrap().len();
                    }
                    Ok(())
                },
            )
            .await
            .unwrap();
        assert_eq!((items, summary.pages), (90, 3), "{cut:?}");
        assert!(matches!(told.all()[..], [Notice::Retry { attempt: 2, .. }]), "{cut:?}: {:?}", told.all());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_is_read_again_where_there_is_room_for_one_read_only() {
    let server = ScriptedServer::start();
    server.pods_and_nodes(90, 10);
    server.rule(Rule::new(Fault::CutAfter(50_000)).with_parameter_of("continue", "0/30").times(2));
    let mut settings = Told::default().settings();
    settings.parallel = 1;
    let cluster = connect(&to_server(&server.url()), &nothing(), settings).await.unwrap();
    let request = ListRequest::of("", "v1", "pods", None).chunks_of(30);
    let work = (0..3).map(|_| cluster.list(&request, |_| Ok::<(), patchkit::cluster::ClusterError>(())));
    for summary in patchkit::cluster::parallel::all(work).await {
        assert_eq!(summary.unwrap().pages, 3);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_that_are_always_cut_are_an_error() {
    let server = ScriptedServer::start();
    server.rule(Rule::new(Fault::CutBeforeAnswer));
    let (cluster, _) = client_of(&server).await;
    let error = cluster.version().await.unwrap_err();
    assert_eq!(
        (error.kind(), error.to_string().as_str()),
        (ErrorKind::Unreachable, "Unable to connect to the server: EOF")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_does_not_come_ends_with_the_request_timeout() {
    let server = ScriptedServer::start();
    server.pods_and_nodes(100, 10);
    for fault in [Fault::Silence, Fault::SilenceAfter(5000)] {
        server.faults().clear();
        server.rule(Rule::new(fault));
        let options = ConnectOptions { request_timeout: Duration::from_millis(150), ..to_server(&server.url()) };
        let cluster = connect_with(&options).await.unwrap();
        let error = cluster.get("/api/v1/pods").await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Timeout, "{error}");
        assert!(error.to_string().ends_with("took longer than 150ms"), "{error}");
        assert!(error.hint().unwrap().contains("--request-timeout"));
    }
    let asked = server.requests();
    assert!(asked.iter().all(|request| request.path == "/api/v1/pods"));
}

#[tokio::test(flavor = "multi_thread")]
async fn writes_have_the_request_timeout_too() {
    let server = ScriptedServer::start();
    server.rule(Rule::new(Fault::Silence));
    let options = ConnectOptions { request_timeout: Duration::from_millis(100), ..to_server(&server.url()) };
    let cluster = connect_with(&options).await.unwrap();
    let nodes: Api<Node> = Api::all(cluster.client());
    let error = cluster.explain(nodes.cordon("a").await.unwrap_err(), "cordon node a");
    assert_eq!(error.kind(), ErrorKind::Timeout, "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_connection_is_noticed_without_a_request_timeout() {
    let server = ScriptedServer::start();
    server.pods_and_nodes(100, 10);
    server.rule(Rule::new(Fault::SilenceAfter(5000)));
    let mut settings = Told::default().settings();
    settings.silence = Duration::from_millis(100);
    let cluster = connect(&to_server(&server.url()), &nothing(), settings).await.unwrap();
    let error = cluster.get("/api/v1/pods").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout, "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_answer_is_not_a_dead_one() {
    let server = ScriptedServer::start();
    server.pods_and_nodes(20, 10);
    server.rule(Rule::new(Fault::Throttle(400_000)));
    server.rule(Rule::new(Fault::Delay(Duration::from_millis(20))));
    let (cluster, told) = client_of(&server).await;
    let bytes = cluster.get("/api/v1/pods").await.unwrap();
    assert!(serde_json::from_slice::<serde_json::Value>(&bytes).is_ok());
    assert!(told.all().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn warnings_are_told_once() {
    let server = ScriptedServer::start();
    server.pods_and_nodes(30, 10);
    server.rule(Rule::new(Fault::Warning("v1 \"old\" is deprecated, use v2".into())));
    server.rule(Rule::new(Fault::Warning("second".into())).path("/version"));
    let (cluster, told) = client_of(&server).await;
    cluster
        .list(&ListRequest::of("", "v1", "pods", None).chunks_of(10), |_| Ok::<(), patchkit::cluster::ClusterError>(()))
        .await
        .unwrap();
    cluster.version().await.unwrap();
    // The kube client is heard as well.
    let nodes: Api<Node> = Api::all(cluster.client());
    nodes.get_opt("node-00001").await.unwrap();
    let warning = |text: &str| Notice::Warning(text.to_owned());
    assert_eq!(told.all(), [warning("v1 \"old\" is deprecated, use v2"), warning("second")]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_connection_is_told_in_kubectls_words_at_once() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = free.local_addr().unwrap();
    drop(free);
    let told = Told::default();
    let cluster = connect(&to_server(&format!("https://{address}")), &nothing(), told.settings()).await.unwrap();
    let error = cluster.version().await.unwrap_err();
    assert_eq!(
        error.to_string(),
        format!("The connection to the server {address} was refused - did you specify the right host or port?")
    );
    assert_eq!((error.kind(), told.all().len()), (ErrorKind::Unreachable, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proxy_in_front_hands_on_and_misbehaves() {
    let server = ScriptedServer::start();
    server.pods_and_nodes(60, 10);
    server.answer_as(
        http::Method::POST,
        "/api/v1/namespaces",
        Answer::json(&json!({"kind": "Namespace", "metadata": {"name": "x"}})),
    );
    let proxy = FaultProxy::start(Upstream::plain(&server.url()));
    let told = Told::default();
    let mut settings = told.settings();
    settings.retry = RetryPolicy { attempts: 2, ..settings.retry };
    let cluster = connect(&to_server(&proxy.url()), &nothing(), settings).await.unwrap();
    proxy.rule(Rule::new(Fault::gone()).with_parameter("continue").nth(1));
    let request = ListRequest::of("", "v1", "pods", None).chunks_of(20);
    let summary = cluster.list(&request, |_| Ok::<(), patchkit::cluster::ClusterError>(())).await.unwrap();
    assert_eq!((summary.pages, summary.restarts), (3, 1));
    let namespaces: Api<k8s_openapi::api::core::v1::Namespace> = Api::all(cluster.client());
    namespaces.create(&PostParams::default(), &Default::default()).await.unwrap();
    let through: Vec<_> = proxy.requests().iter().map(|request| (request.method.to_string(), request.status)).collect();
    let get = |status| ("GET".to_owned(), Some(status));
    assert_eq!(through, [get(200), get(410), get(200), get(200), get(200), ("POST".to_owned(), Some(200))]);
    // The 410 was the proxy's own.
    assert_eq!(server.requests().len(), 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_watch_can_be_dropped_on_command() {
    let server = ScriptedServer::start();
    let event = json!({"type": "ADDED", "object": {"kind": "Node", "apiVersion": "v1", "metadata": {"name": "a", "resourceVersion": "1"}}});
    server.answer_as(
        http::Method::GET,
        "/api/v1/nodes",
        Answer::text(200, format!("{event}\n")).content_type("application/json"),
    );
    // The server's answer would end by itself; the proxy keeps the watch open until it is told otherwise.
    let proxy = FaultProxy::start(Upstream::plain(&server.url()));
    proxy.rule(Rule::new(Fault::SilenceAfter(event.to_string().len() + 1)));
    proxy.rule(Rule::new(Fault::Warning("watched".into())));
    // A request timeout does not end a watch that has begun. Where the machine is too busy for it to begin in time, a
    // longer one is tried.
    for limit in [300, 3_000, 30_000] {
        let told = Told::default();
        let request_timeout = Duration::from_millis(limit);
        let options = ConnectOptions { request_timeout, ..to_server(&proxy.url()) };
        let cluster = connect(&options, &nothing(), told.settings()).await.unwrap();
        let nodes: Api<Node> = Api::all(cluster.client());
        let Ok(stream) = nodes.watch(&WatchParams::default(), "0").await else { continue };
        let (sender, mut events) = tokio::sync::mpsc::unbounded_channel();
        let watching = tokio::spawn(async move {
            let mut stream = std::pin::pin!(stream);
            while let Some(event) = poll_fn(|context| stream.as_mut().poll_next(context)).await {
                sender.send(event.is_ok_and(|event| matches!(event, WatchEvent::Added(_)))).unwrap();
            }
        });
        assert_eq!(events.recv().await, Some(true));
        tokio::time::sleep(request_timeout + Duration::from_millis(50)).await;
        assert!(!watching.is_finished());
        proxy.drop_watches();
        until(|| watching.is_finished()).await;
        assert_eq!(told.all(), [Notice::Warning("watched".into())]);
        return;
    }
    panic!("the watch did not begin within half a minute");
}
