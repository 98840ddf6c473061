//! Kubeconfig files as kubectl reads them.

use std::path::Path;

use patchkit::cluster::{Access, AccessError, Authorization, ConnectOptions, Environment};

use crate::tools::{nothing, with_kubeconfig};

/// Writes a kubeconfig with one cluster, user and context of the same name.
fn write(directory: &Path, file: &str, name: &str, server: &str, current: &str) -> std::path::PathBuf {
    let path = directory.join(file);
    let text = format!(
        "apiVersion: v1
kind: Config
{current}
clusters:
- name: {name}
  cluster: {{server: {server}}}
users:
- name: {name}
  user: {{token: token-of-{file}}}
contexts:
- name: {name}
  context: {{cluster: {name}, user: {name}, namespace: ns-of-{file}}}
"
    );
    std::fs::write(&path, text).unwrap();
    path
}

fn resolve(options: &ConnectOptions, variables: &[(&str, &str)], home: Option<&Path>) -> Result<Access, AccessError> {
    Access::resolve(options, &Environment::with(variables.iter().copied(), home))
}

#[test]
fn the_first_file_of_a_list_wins_and_missing_ones_are_skipped() {
    let directory = tempfile::tempdir().unwrap();
    let first = write(directory.path(), "first", "prod", "https://first:1", "");
    let second = write(directory.path(), "second", "prod", "https://second:2", "current-context: prod");
    let third = write(directory.path(), "third", "test", "https://third:3", "current-context: test");
    let missing = directory.path().join("missing");
    let list = std::env::join_paths([Path::new(""), &missing, &first, &second, Path::new(""), &third, &first]).unwrap();
    let variables = [("KUBECONFIG", list.to_str().unwrap())];
    let access = resolve(&ConnectOptions::default(), &variables, None).unwrap();
    assert_eq!(access.context.as_deref(), Some("prod"), "the first file that says a current-context");
    assert_eq!(access.server, "https://first:1", "the first file that says the cluster");
    assert_eq!((access.namespace.as_str(), access.namespace_given), ("ns-of-first", false));

    let other = ConnectOptions { context: Some("test".into()), ..ConnectOptions::default() };
    assert_eq!(resolve(&other, &variables, None).unwrap().server, "https://third:3");
    let mixed =
        ConnectOptions { cluster: Some("test".into()), namespace: Some("x".into()), ..ConnectOptions::default() };
    let access = resolve(&mixed, &variables, None).unwrap();
    assert_eq!((access.server.to_string().as_str(), access.user.as_deref()), ("https://third:3/", Some("prod")));
    assert_eq!((access.namespace.as_str(), access.namespace_given), ("x", true));
}

#[test]
fn the_flag_wins_over_the_variable_and_the_variable_over_the_home() {
    let home = tempfile::tempdir().unwrap();
    std::fs::create_dir(home.path().join(".kube")).unwrap();
    write(&home.path().join(".kube"), "config", "home", "https://home:1", "current-context: home");
    let listed = write(home.path(), "listed", "listed", "https://listed:1", "current-context: listed");
    let flag = write(home.path(), "flag", "flag", "https://flag:1", "current-context: flag");
    let none = ConnectOptions::default();
    let variables = [("KUBECONFIG", listed.to_str().unwrap())];
    assert_eq!(resolve(&none, &[], Some(home.path())).unwrap().server, "https://home:1");
    assert_eq!(resolve(&none, &[("KUBECONFIG", "")], Some(home.path())).unwrap().server, "https://home:1");
    assert_eq!(resolve(&none, &variables, Some(home.path())).unwrap().server, "https://listed:1");
    assert_eq!(resolve(&with_kubeconfig(&flag), &variables, Some(home.path())).unwrap().server, "https://flag:1");
    let error = resolve(&with_kubeconfig(&home.path().join("no")), &variables, Some(home.path())).unwrap_err();
    assert!(error.to_string().starts_with("cannot read the kubeconfig "), "{error}");
}

#[test]
fn where_nothing_is_configured_it_says_what_to_do() {
    let home = tempfile::tempdir().unwrap();
    let error = resolve(&ConnectOptions::default(), &[], Some(home.path())).unwrap_err().to_string();
    assert!(error.contains("there is no kubeconfig") && error.contains(".kube"), "{error}");
    assert!(error.contains("--kubeconfig") && error.contains("KUBECONFIG"), "{error}");
    let idle = write(home.path(), "idle", "a", "https://a:1", "");
    let error = resolve(&with_kubeconfig(&idle), &[], None).unwrap_err().to_string();
    assert!(error.contains("current-context"), "{error}");
}

#[test]
fn names_that_lead_nowhere_are_told_with_those_that_exist() {
    let directory = tempfile::tempdir().unwrap();
    let path = write(directory.path(), "f", "prod", "https://a:1", "current-context: gone");
    let error = resolve(&with_kubeconfig(&path), &[], None).unwrap_err().to_string();
    assert_eq!(error, "context \"gone\" does not exist (there is only \"prod\")");
    let flags = |cluster: Option<&str>, user: Option<&str>| ConnectOptions {
        context: Some("prod".into()),
        cluster: cluster.map(Into::into),
        user: user.map(Into::into),
        ..with_kubeconfig(&path)
    };
    assert!(
        resolve(&flags(Some("x"), None), &[], None)
            .unwrap_err()
            .to_string()
            .starts_with("cluster \"x\" does not exist")
    );
    assert!(
        resolve(&flags(None, Some("x")), &[], None).unwrap_err().to_string().starts_with("user \"x\" does not exist")
    );
}

#[test]
fn broken_files_are_told_with_line_and_column() {
    let directory = tempfile::tempdir().unwrap();
    for (text, line) in [
        ("apiVersion: v1\nclusters:\n- name: a\n  cluster: {server: [1, 2}\n", "line 4"),
        ("clusters:\n- name: a\n  cluster:\n    server: https://a\n    insecure-skip-tls-verify: maybe\n", "line 5"),
        ("clusters: text\n", "line 1"),
        ("users:\n- name: a\n  user:\n    exec:\n      args: 7\n", "line 5"),
    ] {
        let path = directory.path().join("broken");
        std::fs::write(&path, text).unwrap();
        let error = resolve(&with_kubeconfig(&path), &[], None).unwrap_err().to_string();
        assert!(
            error.contains("error loading config file") && error.contains(line) && error.contains("column"),
            "{text}\n{error}"
        );
    }
    let path = directory.path().join("twice");
    std::fs::write(&path, "contexts: [{name: a, context: {cluster: b}}, {name: a, context: {cluster: c}}]").unwrap();
    let error = resolve(&with_kubeconfig(&path), &[], None).unwrap_err().to_string();
    assert!(error.contains("contexts names \"a\" twice"), "{error}");
    std::fs::write(&path, [0x80, 0x81]).unwrap();
    assert!(resolve(&with_kubeconfig(&path), &[], None).unwrap_err().to_string().contains("UTF-8"));
}

#[test]
fn null_lists_empty_files_and_byte_order_marks_are_fine() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("f");
    let text = "current-context: a\nclusters:\n- {name: a, cluster: {server: 'https://a'}}\ncontexts: [{name: a, context: {cluster: a, user: nobody}}]\nusers: null\npreferences: {}\n";
    let sixteen: Vec<u8> = [0xFF, 0xFE].into_iter().chain(text.encode_utf16().flat_map(u16::to_le_bytes)).collect();
    for bytes in [text.as_bytes().to_vec(), [b"\xEF\xBB\xBF", text.as_bytes()].concat(), sixteen] {
        std::fs::write(&path, bytes).unwrap();
        assert_eq!(resolve(&with_kubeconfig(&path), &[], None).unwrap().server, "https://a");
    }
    std::fs::write(&path, "").unwrap();
    assert!(matches!(resolve(&with_kubeconfig(&path), &[], None), Err(AccessError::NoCluster { .. })));
}

#[test]
fn relative_paths_belong_to_the_file_that_says_them() {
    let directory = tempfile::tempdir().unwrap();
    std::fs::create_dir(directory.path().join("sub")).unwrap();
    std::fs::write(directory.path().join("sub/token"), "secret\n").unwrap();
    let path = directory.path().join("sub/config");
    std::fs::write(&path, "current-context: a\nclusters: [{name: a, cluster: {server: 'https://a'}}]\ncontexts: [{name: a, context: {cluster: a, user: a}}]\nusers: [{name: a, user: {tokenFile: token}}]\n").unwrap();
    let access = resolve(&with_kubeconfig(&path), &[], None).unwrap();
    let Authorization::TokenFile(file) = access.identity.authorization else { panic!("{access:?}") };
    assert_eq!(file, directory.path().join("sub/token"));
    std::fs::write(&path, "current-context: a\nclusters: [{name: a, cluster: {server: 'https://a', certificate-authority: ca.crt}}]\ncontexts: [{name: a, context: {cluster: a}}]\n").unwrap();
    let error = resolve(&with_kubeconfig(&path), &[], None).unwrap_err().to_string();
    assert!(error.contains(directory.path().join("sub/ca.crt").to_str().unwrap()), "{error}");
}

#[test]
fn flags_replace_parts_of_the_cluster() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("f");
    std::fs::write(&path, "current-context: a\nclusters: [{name: a, cluster: {server: 'https://a', tls-server-name: b, insecure-skip-tls-verify: true, proxy-url: 'socks5://p:1', disable-compression: true}}]\ncontexts: [{name: a, context: {cluster: a}}]\n").unwrap();
    let plain = resolve(&with_kubeconfig(&path), &[], None).unwrap();
    assert_eq!((plain.tls_server_name.as_deref(), plain.insecure, plain.disable_compression), (Some("b"), true, true));
    assert_eq!(plain.proxy.unwrap(), "socks5://p:1");
    // Another server is not known under the first one's name.
    let moved =
        ConnectOptions { server: Some("https://c".into()), disable_compression: Some(false), ..with_kubeconfig(&path) };
    let moved = resolve(&moved, &[], None).unwrap();
    assert_eq!((moved.tls_server_name, moved.disable_compression), (None, false));
    let wrong = ConnectOptions { server: Some("ftp://c".into()), ..with_kubeconfig(&path) };
    assert!(resolve(&wrong, &[], None).unwrap_err().to_string().contains("unsupported scheme"));
}

#[test]
fn contradictions_are_errors() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("f");
    for (user, wanted) in [
        ("token: a, username: b, password: c", "more than one authentication method"),
        ("auth-provider: {name: gcp}", "gke-gcloud-auth-plugin"),
        ("auth-provider: {name: azure}", "kubelogin"),
        ("auth-provider: {name: other}", "no Auth Provider found"),
        ("exec: {apiVersion: client.authentication.k8s.io/v1, command: x}", "interactiveMode must be specified"),
        ("exec: {apiVersion: client.authentication.k8s.io/v1alpha1, command: x}", "invalid apiVersion"),
        ("exec: {apiVersion: client.authentication.k8s.io/v1}", "command must be specified"),
        ("exec: {command: x}", "apiVersion must be specified"),
        (
            "exec: {apiVersion: client.authentication.k8s.io/v1, command: x, interactiveMode: Sometimes}",
            "invalid interactiveMode",
        ),
        ("as-groups: [x]", "give --as as well"),
        ("client-certificate-data: '%'", "is not valid base64"),
        ("client-certificate-data: YQ==", "client-key-data or client-key must be specified"),
        ("tokenFile: /does/not/exist", "unable to read tokenFile"),
    ] {
        std::fs::write(&path, format!("current-context: a\nclusters: [{{name: a, cluster: {{server: 'https://a'}}}}]\ncontexts: [{{name: a, context: {{cluster: a, user: a}}}}]\nusers: [{{name: a, user: {{{user}}}}}]\n")).unwrap();
        let error = resolve(&with_kubeconfig(&path), &[], None).unwrap_err().to_string();
        assert!(error.contains(wanted), "{user}: {error}");
    }
}

#[test]
fn secrets_are_not_shown() {
    let directory = tempfile::tempdir().unwrap();
    let path = write(directory.path(), "f", "prod", "https://a:1", "current-context: prod");
    let access = resolve(&with_kubeconfig(&path), &[], None).unwrap();
    assert!(!format!("{access:?}").contains("token-of"), "{access:?}");
}

#[test]
fn inside_a_pod_the_service_account_leads_the_way() {
    let directory = tempfile::tempdir().unwrap();
    let authority = patchkit_test_support::Certificates::for_server(&["x"]).authority;
    for (file, text) in [("token", "t"), ("ca.crt", authority.as_str()), ("namespace", "own\n")] {
        std::fs::write(directory.path().join(file), text).unwrap();
    }
    let mut environment =
        Environment::with([("KUBERNETES_SERVICE_HOST", "fd00::1"), ("KUBERNETES_SERVICE_PORT", "443")], None);
    environment.service_account = directory.path().to_owned();
    let access = Access::resolve(&ConnectOptions::default(), &environment).unwrap();
    assert_eq!((access.server.to_string().as_str(), access.namespace.as_str()), ("https://[fd00::1]:443/", "own"));
    assert!(matches!(access.identity.authorization, Authorization::TokenFile(_)));
    // A kubeconfig wins.
    let path = write(directory.path(), "f", "prod", "https://a:1", "current-context: prod");
    assert_eq!(Access::resolve(&with_kubeconfig(&path), &environment).unwrap().server, "https://a:1");
    assert!(matches!(Access::resolve(&ConnectOptions::default(), &nothing()), Err(AccessError::NoCluster { .. })));
}
