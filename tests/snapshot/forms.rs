//! The forms in which objects come.

use std::fs;

use patchkit::snapshot::{Coverage, files::from_files, kinds};

use crate::{pods, problems, read, read_well};

#[test]
fn documents_of_a_yaml_stream_keep_their_lines() {
    let snapshot = read_well(
        "# comment\n---\napiVersion: v1\nkind: Pod\nmetadata:\n  name: a\n--- # second\n\n# about b\napiVersion: v1\nkind: \
         Pod\nmetadata: {name: b}\n...\n---\n---\n{\"apiVersion\": \"v1\", \"kind\": \"Pod\", \"metadata\": {\"name\": \"c\"}}\n",
    );
    assert_eq!(pods(&snapshot), ["a", "b", "c"]);
    let lines: Vec<_> = snapshot.pods.iter().map(|pod| snapshot.source_of(&pod.meta).unwrap().line).collect();
    assert_eq!(lines, [3, 10, 16]);
}

#[test]
fn json_objects_follow_each_other_or_stand_in_a_bare_list() {
    for text in [
        r#"{"apiVersion":"v1","kind":"Pod","metadata":{"name":"a"}} {"kind":"Pod","apiVersion":"v1","metadata":{"name":"b"}}"#,
        r#"[{"apiVersion":"v1","kind":"Pod","metadata":{"name":"a"}}, {"apiVersion":"v1","kind":"Pod","metadata":{"name":"b"}}]"#,
        "{\"apiVersion\":\"v1\",\"kind\":\"Pod\",\"metadata\":{\"name\":\"a\"}}\n---\nkind: Pod\napiVersion: v1\nmetadata:\n  name: b\n",
    ] {
        assert_eq!(pods(&read_well(text)), ["a", "b"], "{text}");
    }
}

#[test]
fn lists_are_read_in_every_style() {
    for text in [
        // As kubectl writes it: the kind behind the items.
        "apiVersion: v1\nitems:\n- apiVersion: v1\n  kind: Pod\n  metadata:\n    name: a\n- apiVersion: v1\n  kind: Pod\n  \
         metadata:\n    name: b\nkind: List\nmetadata:\n  resourceVersion: \"\"\n",
        // Indented, with comments, and the kind before.
        "kind: List\napiVersion: v1\nitems: # all of them\n  # first\n  - kind: Pod\n    apiVersion: v1\n    metadata:\n      \
         name: a\n\n  -\n    kind: Pod\n    apiVersion: v1\n    metadata: {name: b}\n",
        // In flow style.
        "{kind: List, apiVersion: v1, items: [{kind: Pod, apiVersion: v1, metadata: {name: a}}, {kind: Pod, apiVersion: \
         v1, metadata: {name: b}}]}\n",
        "kind: List\napiVersion: v1\nitems: [{kind: Pod, apiVersion: v1, metadata: {name: a}},\n  {kind: Pod, apiVersion: \
         v1, metadata: {name: b}}]\n",
        // An anchor in one item, an alias in the other.
        "kind: List\napiVersion: v1\nitems:\n- kind: Pod\n  apiVersion: v1\n  metadata: {name: a, labels: &l {x: \
         z}}\n- kind: Pod\n  apiVersion: v1\n  metadata:\n    name: b\n    labels: *l\n",
        // Typed, without kinds in the items, and the kind on either side.
        "kind: PodList\napiVersion: v1\nitems:\n- metadata:\n    name: a\n- metadata:\n    name: b\n",
        "apiVersion: v1\nitems:\n- metadata:\n    name: a\n- metadata:\n    name: b\nkind: PodList\n",
        r#"{"kind": "PodList", "apiVersion": "v1", "items": [{"metadata": {"name": "a"}}, {"metadata": {"name": "b"}}]}"#,
        r#"{"items": [{"metadata": {"name": "a"}}, {"metadata": {"name": "b"}}], "kind": "PodList", "apiVersion": "v1"}"#,
    ] {
        let snapshot = read_well(text);
        assert_eq!(pods(&snapshot), ["a", "b"], "{text}");
        assert_eq!(&*snapshot.pods[0].meta.api_version, "v1", "{text}");
        assert!(snapshot.others.is_empty(), "{text}");
    }
}

#[test]
fn an_empty_typed_list_says_that_there_is_none() {
    for text in [
        r#"{"kind": "PodList", "apiVersion": "v1", "items": []}"#,
        r#"{"kind": "PodList", "apiVersion": "v1", "items": null}"#,
        "kind: PodList\napiVersion: v1\nitems: []\n",
        "kind: PodList\napiVersion: v1\nitems:\n",
        "kind: PodList\napiVersion: v1\nitems: null\n",
    ] {
        let snapshot = read_well(text);
        assert_eq!(snapshot.coverage(&kinds::PODS), Coverage::Some, "{text}");
        assert_eq!(snapshot.coverage(&kinds::NODES), Coverage::Unknown, "{text}");
        assert!(snapshot.others.is_empty(), "{text}");
    }
}

#[test]
fn a_custom_kind_may_be_called_a_list() {
    for text in [
        "apiVersion: example.com/v1\nkind: AccessList\nmetadata:\n  name: x\nspec: {}\n",
        r#"{"apiVersion": "example.com/v1", "kind": "AccessList", "metadata": {"name": "x"}, "spec": {"items": [1]}}"#,
    ] {
        let snapshot = read_well(text);
        assert_eq!(snapshot.others.len(), 1, "{text}");
        assert_eq!(snapshot.others[0].kind, "AccessList");
    }
}

#[test]
fn a_dump_of_a_cluster_is_read_with_its_folders() {
    let folder = tempfile::tempdir().unwrap();
    let web = folder.path().join("web");
    fs::create_dir_all(web.join("pod-a")).unwrap();
    fs::write(
        folder.path().join("nodes.json"),
        r#"{"kind":"NodeList","apiVersion":"v1","metadata":{},"items":[{"metadata":{"name":"n"}}]}"#,
    )
    .unwrap();
    fs::write(
        web.join("pods.json"),
        r#"{"kind":"PodList","apiVersion":"v1","metadata":{},"items":[{"metadata":{"name":"a","namespace":"web"}}]}"#,
    )
    .unwrap();
    fs::write(web.join("pod-a/logs.txt"), "hello {").unwrap();
    let path = folder.path().display().to_string();
    let snapshot = from_files(&[path], false, std::io::empty(), |_| {}).unwrap();
    assert_eq!(problems(&snapshot), Vec::<String>::new());
    assert_eq!((snapshot.nodes.len(), pods(&snapshot)), (1, vec!["a"]));
    assert!(snapshot.source_of(&snapshot.pods[0].meta).unwrap().file.ends_with("pods.json"));
}

#[test]
fn folders_inside_a_folder_need_the_flag() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir_all(folder.path().join("deep/er")).unwrap();
    fs::write(folder.path().join("deep/er/a.yml"), "kind: Pod\napiVersion: v1\nmetadata: {name: a}\n").unwrap();
    fs::write(folder.path().join("deep/README.md"), "# no manifest").unwrap();
    let paths = [folder.path().display().to_string()];
    let error = from_files(&paths, false, std::io::empty(), |_| {}).unwrap_err().to_string();
    assert!(error.contains("add -R"), "{error}");
    assert_eq!(pods(&from_files(&paths, true, std::io::empty(), |_| {}).unwrap()), ["a"]);
    let error = from_files(&["/nowhere/at/all".to_owned()], false, std::io::empty(), |_| {}).unwrap_err().to_string();
    assert!(error.contains("/nowhere/at/all"), "{error}");
}

#[test]
fn what_was_read_twice_counts_once_as_it_was_read_last() {
    let pod = |name: &str, image: &str| {
        format!(
            "---\napiVersion: v1\nkind: Pod\nmetadata:\n  {name}\nspec: {{containers: [{{name: c, image: \"{image}\"}}]}}\n"
        )
    };
    let snapshot = read_well(pod("name: a", "one") + &pod("name: b", "x") + &pod("name: a", "two"));
    assert_eq!(pods(&snapshot), ["a", "b"]);
    assert_eq!(snapshot.pods[0].spec.containers[0].image.as_deref(), Some("two"));
    // A prefix is no name: each such manifest makes an object of its own.
    assert_eq!(read_well(pod("generateName: a-", "one") + &pod("generateName: a-", "two")).pods.len(), 2);
}

#[test]
fn versions_of_one_object_under_two_apis_are_both_kept() {
    let snapshot = read_well(
        "apiVersion: extensions/v1beta1\nkind: Deployment\nmetadata: {name: a}\n---\napiVersion: apps/v1\nkind: \
         Deployment\nmetadata: {name: a}\n",
    );
    let versions: Vec<_> = snapshot.workloads.iter().map(|workload| workload.meta.api_version.to_string()).collect();
    assert_eq!(versions, ["apps/v1", "extensions/v1beta1"]);
}

#[test]
fn versions_and_discovery_are_read() {
    let snapshot = read_well(
        r#"{"clientVersion": {"major": "1", "gitVersion": "v1.37.2"}, "kustomizeVersion": "v5.7.1",
            "serverVersion": {"major": "1", "minor": "34+", "gitVersion": "v1.34.3-gke.1", "platform": "linux/amd64"}}"#,
    );
    assert_eq!(snapshot.server.unwrap().git_version, "v1.34.3-gke.1");
    assert_eq!(snapshot.kubectl.unwrap().git_version, "v1.37.2");
    let text =
        r#"{"major": "1", "minor": "37", "emulationMajor": "1", "emulationMinor": "34", "gitVersion": "v1.37.2"}"#;
    assert_eq!(read_well(text).server.unwrap().emulation_minor, "34");
    // kubectl version -o yaml.
    let snapshot = read_well("clientVersion:\n  gitVersion: v1.37.2\nserverVersion:\n  gitVersion: v1.36.0\n");
    assert_eq!(snapshot.server.unwrap().git_version, "v1.36.0");
    let snapshot = read_well(
        r#"{"kind": "APIGroupDiscoveryList", "apiVersion": "apidiscovery.k8s.io/v2", "metadata": {}, "items": [
            {"metadata": {"name": "apps", "creationTimestamp": null}, "versions": [{"version": "v1", "freshness": "Current",
             "resources": [{"resource": "deployments", "responseKind": {"group": "", "version": "", "kind": "Deployment"},
                            "scope": "Namespaced", "singularResource": "deployment", "verbs": ["list"]}]}]}]}"#,
    );
    let served = snapshot.served.unwrap();
    assert_eq!(served.len(), 1);
    assert_eq!((&*served[0].group, &*served[0].version, &*served[0].plural), ("apps", "v1", "deployments"));
}

#[test]
fn secrets_leave_nothing_but_their_metadata() {
    let secret = "c2VjcmV0LXZhbHVl";
    for text in [
        format!(
            "apiVersion: v1\nkind: Secret\nmetadata:\n  name: s\n  annotations:\n    \
             kubectl.kubernetes.io/last-applied-configuration: '{{\"apiVersion\":\"v1\",\"data\":{{\"k\":\"{secret}\"}}}}'\n\
             data:\n  k: {secret}\nstringData:\n  plain: {secret}\n"
        ),
        format!(
            r#"{{"apiVersion": "v1", "kind": "SecretList", "items": [{{"metadata": {{"name": "s"}}, "data": {{"k": "{secret}"}}}}]}}"#
        ),
        format!(
            "apiVersion: v1\nkind: Pod\nmetadata: {{name: s}}\nspec:\n  containers:\n  - name: c\n    env:\n    - name: \
             PASSWORD\n      value: {secret}\n"
        ),
        format!(
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: s, namespace: web}}\ndata: {{password: {secret}}}\n"
        ),
        // Nor does an error show them.
        format!("apiVersion: v1\nkind: Secret\nmetadata:\n  name: s\n  labels: 5\ndata:\n  k: {secret}\n"),
    ] {
        let snapshot = read(&text);
        assert!(
            snapshot.others.len() + snapshot.pods.len() + snapshot.config_maps.len() + snapshot.not_evaluated.len()
                == 1
        );
        assert!(!format!("{snapshot:?}").contains(secret), "{text}\n{snapshot:#?}");
    }
}

#[test]
fn byte_order_marks_and_line_ends_of_windows_change_nothing() {
    let yaml = "apiVersion: v1\nkind: List\nitems:\n- apiVersion: v1\n  kind: Pod\n  metadata:\n    name: a\n";
    let json = "{\n\"apiVersion\": \"v1\",\n\"kind\": \"Pod\", \"metadata\": {\"name\": \"a\"}}\n";
    for text in [yaml, json] {
        for start in ["", "\u{feff}", "\n\n", "\u{feff}---\n"] {
            if start.contains('-') && text == json {
                continue;
            }
            assert_eq!(pods(&read_well(format!("{start}{text}"))), ["a"], "{start:?} {text}");
            assert_eq!(pods(&read_well(format!("{start}{text}").replace('\n', "\r\n"))), ["a"], "{start:?} {text}");
        }
    }
}

#[test]
fn nothing_is_read_from_nothing() {
    for text in ["", "\n \n", "---\n", "# only a comment\n---\n# and another\n", "\u{feff}"] {
        let snapshot = read_well(text);
        assert!(snapshot.is_empty(), "{text:?}");
    }
}
