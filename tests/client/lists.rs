//! Lists: pages, tokens that end, the next page ahead of its turn, compression.

use patchkit::cluster::{
    Cluster, ClusterError, ConnectOptions, ErrorKind, ListEvent, ListRequest, ListSummary, Notice, parallel,
};
use patchkit_test_support::{Fault, ListRoute, Rule, ScriptedServer, objects};
use serde_json::Value;

use crate::tools::{client_of, connect_with, to_server, until};

/// Reads a list as a careful caller does, and gives the names in order.
async fn names(cluster: &Cluster, request: &ListRequest) -> Result<(Vec<String>, ListSummary), ClusterError> {
    let mut names = Vec::new();
    let summary = cluster
        .list(request, |event| -> Result<(), ClusterError> {
            match event {
                ListEvent::Restart => names.clear(),
                ListEvent::Page(page) => {
                    let list: Value = serde_json::from_slice(&page.bytes).unwrap();
                    for item in list["items"].as_array().unwrap() {
                        names.push(item["metadata"]["name"].as_str().unwrap().to_owned());
                    }
                }
            }
            Ok(())
        })
        .await?;
    Ok((names, summary))
}

fn expected(pods: usize) -> Vec<String> {
    (0..pods).map(|number| objects::pod(number, 10)["metadata"]["name"].as_str().unwrap().to_owned()).collect()
}

fn pods() -> ListRequest {
    ListRequest::of("", "v1", "pods", None)
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_come_in_pages_of_500() {
    let server = ScriptedServer::start();
    server.pods_and_nodes(1203, 10);
    let (cluster, told) = client_of(&server).await;
    let (names, summary) = names(&cluster, &pods()).await.unwrap();
    assert_eq!(names, expected(1203));
    assert_eq!((summary.pages, summary.restarts), (3, 0));
    assert_eq!(summary.resource_version.as_deref(), Some("1000"));
    let requests = server.requests();
    let asked: Vec<_> =
        requests.iter().map(|request| (request.parameter("limit"), request.parameter("continue"))).collect();
    let limit = Some("500".to_owned());
    assert_eq!(asked, [(limit.clone(), None), (limit.clone(), Some("0/500".into())), (limit, Some("0/1000".into()))]);
    assert_eq!(requests[0].header("user-agent"), Some("client-test/1.2.3"));
    assert!(told.all().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_size_is_the_users() {
    let server = ScriptedServer::start();
    server.pods_and_nodes(45, 10);
    for (chunk_size, pages) in [(0, 1), (10, 5), (45, 1), (44, 2)] {
        let cluster = connect_with(&ConnectOptions { chunk_size, ..to_server(&server.url()) }).await.unwrap();
        let (names, summary) = names(&cluster, &pods()).await.unwrap();
        assert_eq!((names, summary.pages), (expected(45), pages), "{chunk_size}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_list_is_one_page() {
    let server = ScriptedServer::start();
    server.pods_and_nodes(0, 0);
    let (cluster, _) = client_of(&server).await;
    let (names, summary) = names(&cluster, &pods()).await.unwrap();
    assert_eq!((names.len(), summary.pages), (0, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_with_their_metadata_at_the_end_are_paged_too() {
    let server = ScriptedServer::start();
    let route = ListRoute::new("example.com/v1", "WidgetList", 25, |number| objects::pod(number, 10)).sorted_keys();
    server.list("/apis/example.com/v1/widgets", route);
    let (cluster, _) = client_of(&server).await;
    let request = ListRequest::of("example.com", "v1", "widgets", None).chunks_of(10);
    let (names, summary) = names(&cluster, &request).await.unwrap();
    assert_eq!((names, summary.pages), (expected(25), 3));
}

#[tokio::test(flavor = "multi_thread")]
async fn metadata_alone_can_be_asked_for() {
    let server = ScriptedServer::start();
    server.pods_and_nodes(20, 10);
    let (cluster, _) = client_of(&server).await;
    let mut kinds = Vec::new();
    let request = pods().metadata_only();
    cluster
        .list(&request, |event| -> Result<(), ClusterError> {
            if let ListEvent::Page(page) = event {
                let list: Value = serde_json::from_slice(&page.bytes).unwrap();
                kinds.push(list["kind"].as_str().unwrap().to_owned());
                assert!(list["items"][0].get("spec").is_none());
            }
            Ok(())
        })
        .await
        .unwrap();
    assert_eq!(kinds, ["PartialObjectMetadataList"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_ended_begins_the_list_anew() {
    let server = ScriptedServer::start();
    server.pods_and_nodes(30, 10);
    let (cluster, told) = client_of(&server).await;
    // The third page is refused once: two pages were handed on by then, and are dropped.
    server.rule(Rule::new(Fault::gone()).path("/api/v1/pods").with_parameter_of("continue", "0/20").times(1));
    let (names, summary) = names(&cluster, &pods().chunks_of(10)).await.unwrap();
    assert_eq!(names, expected(30));
    assert_eq!((summary.pages, summary.restarts), (3, 1));
    assert_eq!(told.all(), [Notice::Restart { path: "/api/v1/pods".into() }]);
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_that_always_end_are_an_error() {
    let server = ScriptedServer::start();
    server.pods_and_nodes(30, 10);
    server.rule(Rule::new(Fault::gone()).with_parameter("continue"));
    let (cluster, told) = client_of(&server).await;
    let error = names(&cluster, &pods().chunks_of(10)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Gone);
    assert!(error.to_string().starts_with("Error from server (Expired): The provided continue parameter is too old"));
    assert_eq!(told.all().len(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_next_page_is_asked_for_before_this_one_has_come() {
    let server = ScriptedServer::start();
    server.pods_and_nodes(1000, 10);
    // The first page stops after its beginning: only a client that looks there knows of a second.
    server.rule(Rule::new(Fault::SilenceAfter(4096)).path("/api/v1/pods").nth(1));
    let (cluster, _) = client_of(&server).await;
    let reading = tokio::spawn(async move { names(&cluster, &pods()).await });
    until(|| server.requests().len() == 2).await;
    assert_eq!(server.requests()[1].parameter("continue").as_deref(), Some("0/500"));
    reading.abort();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_may_stop_the_reading() {
    let server = ScriptedServer::start();
    server.pods_and_nodes(100, 10);
    let (cluster, _) = client_of(&server).await;
    #[derive(Debug)]
    enum Mine {
        Enough,
        Cluster,
    }
    impl From<ClusterError> for Mine {
        fn from(_: ClusterError) -> Self {
            Self::Cluster
        }
    }
    let stopped = cluster.list(&pods().chunks_of(10), |_| Err(Mine::Enough)).await;
    assert!(matches!(stopped, Err(Mine::Enough)), "{stopped:?}");
    let missing = cluster.list(&ListRequest::new("/api/v1/nothing"), |_| Err(Mine::Enough)).await;
    assert!(matches!(missing, Err(Mine::Cluster)), "{missing:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_more_reads_than_allowed_are_under_way() {
    let server = ScriptedServer::start();
    server.rule(Rule::new(Fault::Silence));
    let (cluster, _) = client_of(&server).await;
    let reading = tokio::spawn(async move {
        parallel::all((0..10).map(|_| cluster.get("/version"))).await;
    });
    until(|| server.requests().len() >= 4).await;
    // The other six cannot even connect: their turn never comes.
    assert_eq!(server.requests().len(), 4);
    reading.abort();
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_are_compressed_where_that_is_wanted() {
    let server = ScriptedServer::start();
    server.pods_and_nodes(300, 10);
    for (disable_compression, wanted) in [(None, true), (Some(false), true), (Some(true), false)] {
        server.forget_requests();
        let cluster = connect_with(&ConnectOptions { disable_compression, ..to_server(&server.url()) }).await.unwrap();
        let (names, summary) = names(&cluster, &pods()).await.unwrap();
        assert_eq!(names, expected(300));
        assert!(summary.bytes > 500_000, "{}", summary.bytes);
        let accepted = server.requests()[0].header("accept-encoding").is_some_and(|it| it.contains("gzip"));
        assert_eq!(accepted, wanted, "{disable_compression:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_object_is_not_a_list() {
    let server = ScriptedServer::start();
    server.answer("/api/v1/pods", &serde_json::json!({"kind": "Pod", "metadata": {}}));
    let (cluster, _) = client_of(&server).await;
    let error = names(&cluster, &pods()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unexpected, "{error}");
}
