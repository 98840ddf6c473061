//! Which proxy a connection really goes through.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;

use patchkit::cluster::{ConnectOptions, Environment, connect};
use patchkit_test_support::ScriptedServer;

use crate::tools::{Told, to_server};

/// A proxy that takes one CONNECT, says no, and gives back its first lines.
fn proxy() -> (String, std::thread::JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let asked = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut head = Vec::new();
        let mut byte = [0];
        while !head.ends_with(b"\r\n\r\n") && stream.read(&mut byte).unwrap() == 1 {
            head.push(byte[0]);
        }
        stream.write_all(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n").unwrap();
        String::from_utf8(head).unwrap()
    });
    (address.to_string(), asked)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_environments_proxy_is_used_by_the_clusters_address() {
    let (address, asked) = proxy();
    let exceptions = format!("other.example,{}", address.split(':').next().unwrap());
    // The proxy's own address is excepted, the cluster's is not.
    let environment = Environment::with([("HTTPS_PROXY", address.as_str()), ("NO_PROXY", &exceptions)], None);
    let cluster =
        connect(&to_server("https://cluster.invalid:6443"), &environment, Told::default().settings()).await.unwrap();
    assert!(cluster.version().await.is_err());
    assert!(asked.join().unwrap().starts_with("CONNECT cluster.invalid:6443 HTTP/1.1\r\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proxy_of_the_configuration_wins_and_may_ask_for_a_password() {
    let (address, asked) = proxy();
    let environment = Environment::with([("HTTPS_PROXY", "http://127.0.0.1:1"), ("NO_PROXY", "*")], None);
    let proxy_url = Some(format!("http://me:pass%40word@{address}"));
    let options = ConnectOptions { proxy_url, ..to_server("https://10.0.0.1:6443") };
    let cluster = connect(&options, &environment, Told::default().settings()).await.unwrap();
    assert!(cluster.version().await.is_err());
    let head = asked.join().unwrap();
    assert!(head.starts_with("CONNECT 10.0.0.1:6443 HTTP/1.1\r\n"), "{head}");
    // base64 of me:pass@word
    assert!(head.to_lowercase().contains("proxy-authorization: basic bwu6cgfzc0b3b3jk"), "{head}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_excepted_cluster_is_reached_directly() {
    let server = ScriptedServer::start();
    // Nothing listens there; the loopback address is never proxied.
    let environment =
        Environment::with([("HTTP_PROXY", "http://127.0.0.1:1"), ("http_proxy", "http://127.0.0.1:1")], None);
    let cluster = connect(&to_server(&server.url()), &environment, Told::default().settings()).await.unwrap();
    cluster.version().await.unwrap();
}
