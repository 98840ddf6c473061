//! Credentials as the server sees them: tokens, plugins, impersonation.

use std::path::{Path, PathBuf};

use patchkit::cluster::{Cluster, ClusterError, ConnectOptions, ErrorKind, ListRequest, parallel};
use patchkit_test_support::{Certificates, Fault, Rule, ScriptedServer};

use crate::tools::{connect_with, to_server, with_kubeconfig};

/// A server with TLS, and a directory for the files of its user.
struct Setup {
    server: ScriptedServer,
    certificates: Certificates,
    directory: tempfile::TempDir,
}

impl Setup {
    fn new() -> Self {
        let certificates = Certificates::for_server(&["127.0.0.1"]);
        let server = ScriptedServer::start_tls(&certificates);
        server.pods_and_nodes(50, 5);
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("ca.crt"), &certificates.authority).unwrap();
        Self { server, certificates, directory }
    }

    /// A kubeconfig whose user is this YAML (flow style).
    fn kubeconfig(&self, user: &str) -> PathBuf {
        let path = self.directory.path().join("config");
        let text = format!(
            "current-context: c
clusters: [{{name: c, cluster: {{server: '{}', certificate-authority: ca.crt, extensions: [{{name: client.authentication.k8s.io/exec, extension: {{audience: me}}}}]}}}}]
contexts: [{{name: c, context: {{cluster: c, user: u}}}}]
users: [{{name: u, user: {{{user}}}}}]
",
            self.server.url()
        );
        std::fs::write(&path, text).unwrap();
        path
    }

    async fn connect(&self, user: &str) -> Result<Cluster, ClusterError> {
        connect_with(&with_kubeconfig(&self.kubeconfig(user))).await
    }

    /// The `Authorization` headers of all requests.
    fn seen(&self) -> Vec<Option<String>> {
        self.server.requests().iter().map(|request| request.header("authorization").map(str::to_owned)).collect()
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }
}

fn some(text: &str) -> Option<String> {
    Some(text.to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_and_passwords_are_sent() {
    let setup = Setup::new();
    std::fs::write(setup.path("token"), "from-a-file\n").unwrap();
    for user in
        ["token: inline", "tokenFile: token", "token: inline, tokenFile: token", "username: me, password: 'a:b'", ""]
    {
        setup.connect(user).await.unwrap().version().await.unwrap();
    }
    let bearer = |token: &str| some(&format!("Bearer {token}"));
    assert_eq!(setup.seen(), [bearer("inline"), bearer("from-a-file"), bearer("inline"), some("Basic bWU6YTpi"), None]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_fits_no_header_is_an_error_not_a_panic() {
    let setup = Setup::new();
    let error = setup.connect("token: \"a\\nb\"").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Configuration);
    assert!(!error.to_string().contains("a\nb"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_secret_is_sent_without_tls() {
    let server = ScriptedServer::start();
    let options = ConnectOptions { token: some("secret"), impersonate: some("jane"), ..to_server(&server.url()) };
    connect_with(&options).await.unwrap().version().await.unwrap();
    let request = &server.requests()[0];
    assert_eq!((request.header("authorization"), request.header("impersonate-user")), (None, Some("jane")));
}

#[tokio::test(flavor = "multi_thread")]
async fn impersonation_is_sent_as_headers() {
    let setup = Setup::new();
    let user = "token: t, as: joe, as-groups: [x, y], as-uid: '7', as-user-extra: {example.com/scopes: [a, b]}";
    setup.connect(user).await.unwrap().version().await.unwrap();
    let groups = |request: &patchkit_test_support::Recorded| {
        request
            .headers
            .get_all("impersonate-group")
            .iter()
            .map(|it| it.to_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    let request = &setup.server.requests()[0];
    assert_eq!((request.header("impersonate-user"), request.header("impersonate-uid")), (Some("joe"), Some("7")));
    assert_eq!(groups(request), ["x", "y"]);
    assert_eq!(request.headers.get_all("impersonate-extra-example.com%2fscopes").iter().count(), 2);
    assert_eq!(request.header("authorization"), Some("Bearer t"));

    let options = ConnectOptions {
        impersonate: some("jane"),
        impersonate_groups: vec!["z".into()],
        ..with_kubeconfig(&setup.kubeconfig(user))
    };
    connect_with(&options).await.unwrap().version().await.unwrap();
    let request = &setup.server.requests()[1];
    assert_eq!((request.header("impersonate-user"), groups(request)), (Some("jane"), vec!["z".to_owned()]));
}

#[cfg(unix)]
mod plugins {
    use super::*;

    const EXEC: &str = "exec: {apiVersion: client.authentication.k8s.io/v1, interactiveMode: Never, command: ./plugin, provideClusterInfo: true}";

    impl Setup {
        /// A plugin that counts its runs and then does this; `$n` is the number of the run.
        fn plugin(&self, script: &str) {
            use std::os::unix::fs::PermissionsExt as _;
            let path = self.path("plugin");
            let text = format!(
                "#!/bin/sh\nd=$(dirname \"$0\")\necho run >> \"$d/runs\"\nn=$(wc -l < \"$d/runs\" | tr -d ' ')\nprintf '%s' \"$KUBERNETES_EXEC_INFO\" > \"$d/info\"\n{script}\n"
            );
            std::fs::write(&path, text).unwrap();
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
        }

        fn runs(&self) -> usize {
            std::fs::read_to_string(self.path("runs")).map_or(0, |text| text.lines().count())
        }
    }

    fn prints(status: &str) -> String {
        format!(
            r#"echo '{{"kind":"ExecCredential","apiVersion":"client.authentication.k8s.io/v1","status":{{{status}}}}}'"#
        )
    }

    /// Prints a token with the number of the run in it.
    fn numbered(more: &str) -> String {
        format!(
            r#"printf '{{"kind":"ExecCredential","apiVersion":"client.authentication.k8s.io/v1","status":{{"token":"t%s"{more}}}}}' "$n""#
        )
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_plugin_is_run_once_for_a_client() {
        let setup = Setup::new();
        setup.plugin(&numbered(r#","expirationTimestamp":"2999-01-01T00:00:00Z""#));
        let cluster = setup.connect(EXEC).await.unwrap();
        let versions = parallel::all((0..6).map(|_| cluster.version())).await;
        assert!(versions.iter().all(Result::is_ok));
        let pods = ListRequest::of("", "v1", "pods", None).chunks_of(10);
        cluster.list(&pods, |_| Ok::<(), ClusterError>(())).await.unwrap();
        assert_eq!(setup.runs(), 1);
        assert!(setup.seen().iter().all(|header| *header == some("Bearer t1")), "{:?}", setup.seen());
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_plugin_is_told_what_the_protocol_says() {
        let setup = Setup::new();
        setup.plugin(&numbered(""));
        setup.connect(EXEC).await.unwrap();
        let info: serde_json::Value = serde_json::from_slice(&std::fs::read(setup.path("info")).unwrap()).unwrap();
        assert_eq!(info["kind"], "ExecCredential");
        assert_eq!(info["apiVersion"], "client.authentication.k8s.io/v1");
        assert_eq!(info["spec"]["interactive"], false);
        assert_eq!(info["spec"]["cluster"]["server"], setup.server.url());
        assert_eq!(info["spec"]["cluster"]["config"]["audience"], "me");
        assert!(info["spec"]["cluster"]["certificate-authority-data"].as_str().unwrap().len() > 100);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_plugin_may_give_a_client_certificate_and_a_token() {
        let setup = Setup::new();
        let credential = serde_json::json!({
            "kind": "ExecCredential", "apiVersion": "client.authentication.k8s.io/v1",
            "status": {"token": "t", "clientCertificateData": setup.certificates.client, "clientKeyData": setup.certificates.client_key},
        });
        std::fs::write(setup.path("credential"), credential.to_string()).unwrap();
        setup.plugin("cat \"$d/credential\"");
        setup.connect(EXEC).await.unwrap().version().await.unwrap();
        let request = &setup.server.requests()[0];
        assert_eq!(request.client_certificate.as_deref(), Some(&setup.certificates.client_der[..]));
        assert_eq!(request.header("authorization"), Some("Bearer t"));
        assert_eq!(setup.runs(), 1);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn an_expired_token_is_replaced() {
        let setup = Setup::new();
        setup.plugin(&format!(
            "if [ $n = 1 ]; then {}; else {}; fi",
            numbered(r#","expirationTimestamp":"2001-01-01T00:00:00Z""#),
            numbered(r#","expirationTimestamp":"2999-01-01T00:00:00Z""#)
        ));
        let cluster = setup.connect(EXEC).await.unwrap();
        cluster.version().await.unwrap();
        cluster.version().await.unwrap();
        assert_eq!((setup.runs(), setup.seen()), (2, vec![some("Bearer t2"), some("Bearer t2")]));
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_token_that_was_good_and_is_refused_is_replaced_once() {
        let setup = Setup::new();
        setup.plugin(&numbered(""));
        let cluster = setup.connect(EXEC).await.unwrap();
        cluster.version().await.unwrap();
        setup.server.rule(Rule::new(Fault::status(401)).times(1));
        cluster.version().await.unwrap();
        assert_eq!(setup.seen(), [some("Bearer t1"), some("Bearer t1"), some("Bearer t2")]);
        assert_eq!(setup.runs(), 2);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_token_that_was_never_good_is_not_asked_for_again() {
        let setup = Setup::new();
        setup.plugin(&numbered(""));
        setup.server.rule(Rule::new(Fault::status(401)));
        let cluster = setup.connect(EXEC).await.unwrap();
        let error = cluster.version().await.unwrap_err();
        assert_eq!(
            (error.kind(), error.to_string().as_str()),
            (ErrorKind::Unauthorized, "error: You must be logged in to the server (scripted 401)")
        );
        assert_eq!((setup.runs(), setup.seen().len()), (1, 1));
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn the_token_flag_leaves_plugin_and_certificate_at_home() {
        let setup = Setup::new();
        setup.plugin(&numbered(""));
        std::fs::write(setup.path("jane.crt"), &setup.certificates.client).unwrap();
        std::fs::write(setup.path("jane.key"), &setup.certificates.client_key).unwrap();
        for user in [EXEC, "client-certificate: jane.crt, client-key: jane.key", "token: other"] {
            let options = ConnectOptions { token: some("mine"), ..with_kubeconfig(&setup.kubeconfig(user)) };
            connect_with(&options).await.unwrap().version().await.unwrap();
        }
        assert_eq!(setup.runs(), 0);
        assert!(setup.seen().iter().all(|header| *header == some("Bearer mine")));
        assert!(setup.server.requests().iter().all(|request| request.client_certificate.is_none()));
        // Without the flag the certificate is shown, and a plugin beside it is not run.
        setup.server.forget_requests();
        setup
            .connect(&format!("client-certificate: jane.crt, client-key: jane.key, {EXEC}"))
            .await
            .unwrap()
            .version()
            .await
            .unwrap();
        assert_eq!((setup.seen(), setup.runs()), (vec![None], 0));
        assert!(setup.server.requests()[0].client_certificate.is_some());
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn plugins_that_fail_say_why() {
        let setup = Setup::new();
        for (script, wanted) in [
            ("exit 3".to_owned(), "failed with exit status: 3"),
            ("echo nonsense".to_owned(), "decoding stdout"),
            (prints(""), "didn't return a token or cert/key pair"),
            (prints(r#""clientKeyData":"x""#), "only certificate or key, not both"),
            (prints(r#""token":"t","expirationTimestamp":"soon""#), "RFC 3339"),
            (prints(r#""clientCertificateData":"x","clientKeyData":"secret""#), "no PEM block"),
            ("echo '{\"kind\":\"ExecCredential\",\"apiVersion\":\"client.authentication.k8s.io/v1\"}'".to_owned(), "didn't return a status field"),
            ("echo '{\"kind\":\"ExecCredential\",\"apiVersion\":\"client.authentication.k8s.io/v1beta1\",\"status\":{\"token\":\"t\"}}'".to_owned(), "plugin returned version client.authentication.k8s.io/v1beta1"),
        ] {
            setup.plugin(&script);
            let error = setup.connect(EXEC).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Credentials);
            assert!(error.to_string().contains(wanted), "{script}: {error}");
        }
        let missing = "exec: {apiVersion: client.authentication.k8s.io/v1beta1, command: ./nothing, installHint: get it at example.com}";
        let error = setup.connect(missing).await.unwrap_err().to_string();
        assert!(error.contains("nothing not found") && error.contains("get it at example.com"), "{error}");
        setup.plugin(&numbered(""));
        let always = EXEC.replace("Never", "Always");
        let error = setup.connect(&always).await.unwrap_err().to_string();
        assert!(error.contains("standard input is not a terminal"), "{error}");
        assert!(Path::new(&setup.path("plugin")).exists());
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn yaml_of_a_plugin_is_understood() {
        let setup = Setup::new();
        setup.plugin(
            "printf 'kind: ExecCredential\\napiVersion: client.authentication.k8s.io/v1\\nstatus:\\n  token: abc\\n'",
        );
        setup.connect(EXEC).await.unwrap().version().await.unwrap();
        assert_eq!(setup.seen(), [some("Bearer abc")]);
    }
}
