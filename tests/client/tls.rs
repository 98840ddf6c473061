//! Certificates: the server's, and the client's.

use std::path::PathBuf;

use patchkit::cluster::{AccessError, ClusterError, ConnectOptions};
use patchkit_test_support::{Certificates, ScriptedServer};

use crate::tools::{connect_with, to_server};

struct Files {
    directory: tempfile::TempDir,
}

impl Files {
    fn of(certificates: &Certificates) -> Self {
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("ca.crt"), &certificates.authority).unwrap();
        std::fs::write(directory.path().join("jane.crt"), &certificates.client).unwrap();
        std::fs::write(directory.path().join("jane.key"), &certificates.client_key).unwrap();
        Self { directory }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_server_must_show_a_certificate_that_we_trust() {
    let certificates = Certificates::for_server(&["127.0.0.1"]);
    let files = Files::of(&certificates);
    let server = ScriptedServer::start_tls(&certificates);
    let trusting = ConnectOptions { certificate_authority: Some(files.path("ca.crt")), ..to_server(&server.url()) };
    connect_with(&trusting).await.unwrap().version().await.unwrap();

    let other = Files::of(&Certificates::for_server(&["127.0.0.1"]));
    let wary = ConnectOptions { certificate_authority: Some(other.path("ca.crt")), ..to_server(&server.url()) };
    let error = connect_with(&wary).await.unwrap().version().await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "Unable to connect to the server: tls: failed to verify certificate: x509: certificate signed by unknown authority"
    );
    assert!(error.hint().unwrap().contains("--certificate-authority"));

    let careless = ConnectOptions { insecure_skip_tls_verify: Some(true), ..to_server(&server.url()) };
    connect_with(&careless).await.unwrap().version().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_name_in_the_certificate_can_be_another() {
    let certificates = Certificates::for_server(&["kubernetes.example"]);
    let files = Files::of(&certificates);
    let server = ScriptedServer::start_tls(&certificates);
    let mut options = ConnectOptions { certificate_authority: Some(files.path("ca.crt")), ..to_server(&server.url()) };
    let error = connect_with(&options).await.unwrap().version().await.unwrap_err();
    assert!(error.to_string().contains("x509: certificate is not valid for 127.0.0.1"), "{error}");
    options.tls_server_name = Some("kubernetes.example".into());
    connect_with(&options).await.unwrap().version().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn plain_http_where_tls_is_expected_is_said_so() {
    let server = ScriptedServer::start();
    let error =
        connect_with(&to_server(&server.url().replace("http:", "https:"))).await.unwrap().version().await.unwrap_err();
    assert!(error.to_string().contains("server gave HTTP response to HTTPS client"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_certificate_proves_who_we_are() {
    let certificates = Certificates::for_server(&["127.0.0.1"]);
    let files = Files::of(&certificates);
    let server = ScriptedServer::start_tls(&certificates);
    let options = ConnectOptions {
        certificate_authority: Some(files.path("ca.crt")),
        client_certificate: Some(files.path("jane.crt")),
        client_key: Some(files.path("jane.key")),
        ..to_server(&server.url())
    };
    connect_with(&options).await.unwrap().version().await.unwrap();
    assert_eq!(server.requests()[0].client_certificate.as_deref(), Some(&certificates.client_der[..]));

    let half = ConnectOptions { client_key: None, ..options };
    let error = connect_with(&half).await.unwrap_err();
    assert!(error.to_string().contains("client-key-data or client-key must be specified"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn authorities_and_insecure_exclude_each_other() {
    let files = Files::of(&Certificates::for_server(&["127.0.0.1"]));
    let options = ConnectOptions {
        certificate_authority: Some(files.path("ca.crt")),
        insecure_skip_tls_verify: Some(true),
        ..to_server("https://127.0.0.1:1")
    };
    let error = connect_with(&options).await.unwrap_err();
    assert!(
        matches!(&error, ClusterError::Access(AccessError::Invalid(text)) if text.contains("insecure flag is not allowed")),
        "{error}"
    );

    let broken =
        ConnectOptions { certificate_authority: Some(files.path("jane.key")), ..to_server("https://127.0.0.1:1") };
    let error = connect_with(&broken).await.unwrap_err();
    assert!(error.to_string().contains("certificate-authority"), "{error}");
    let missing =
        ConnectOptions { certificate_authority: Some(files.path("nothing")), ..to_server("https://127.0.0.1:1") };
    let error = connect_with(&missing).await.unwrap_err();
    assert!(error.to_string().contains("unable to read certificate-authority"), "{error}");
}
