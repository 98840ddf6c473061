//! Where YAML is not what it seems: read as kubectl reads it (`sigs.k8s.io/yaml`), or refused in words.

use patchkit::rules::IntOrString;

use crate::{problems, read, read_well};

fn pod(spec: &str) -> String {
    format!("apiVersion: v1\nkind: Pod\nmetadata:\n  name: a\nspec:\n{spec}")
}

#[test]
fn booleans_of_yaml_1_1_are_booleans_where_one_is_wanted() {
    for (word, expected) in [("yes", true), ("Yes", true), ("on", true), ("no", false), ("Off", false), ("TRUE", true)]
    {
        let snapshot = read_well(pod(&format!("  hostNetwork: {word}\n")));
        assert_eq!(snapshot.pods[0].spec.host_network, expected, "{word}");
    }
}

#[test]
fn a_text_stays_a_text() {
    let snapshot = read_well(
        "apiVersion: v1\nkind: Pod\nmetadata:\n  name: a\n  labels:\n    a: \"yes\"\n    b: \"null\"\n    c: '~'\n    d: \"\"\n    \
         e: \"1.20\"\n    f: \"0123\"\n    g:\n    h: v1.2\n    i: 'it''s'\n    j: \"a\\tb\"\n    k: plain # comment\n    l: \
         no#comment\n    \"true\": x\n",
    );
    let labels: Vec<_> = snapshot.pods[0].meta.labels.iter().collect();
    assert_eq!(
        labels,
        [
            ("a", "yes"),
            ("b", "null"),
            ("c", "~"),
            ("d", ""),
            ("e", "1.20"),
            ("f", "0123"),
            ("g", ""),
            ("h", "v1.2"),
            ("i", "it's"),
            ("j", "a\tb"),
            ("k", "plain"),
            ("l", "no#comment"),
            ("true", "x")
        ]
    );
}

#[test]
fn numbers_and_booleans_where_a_text_is_wanted_are_taken_as_written_or_refused() {
    // kubectl sends a number or a boolean, and the API server refuses it. Taking what is written hides nothing.
    for (value, expected) in [("yes", "yes"), ("y", "y"), ("5", "5"), ("1.20", "1.20"), ("true", "true")] {
        let snapshot = read(format!("apiVersion: v1\nkind: Pod\nmetadata:\n  name: a\n  labels:\n    x: {value}\n"));
        if snapshot.not_evaluated.is_empty() {
            assert_eq!(snapshot.pods[0].meta.labels.get("x"), Some(expected), "{value}");
        } else {
            assert!(problems(&snapshot)[0].contains("metadata.labels"), "{value}");
        }
    }
    let snapshot = read(pod("  containers:\n  - name: c\n    image: 1.20\n"));
    assert!(snapshot.not_evaluated.len() == 1 || snapshot.pods[0].spec.containers[0].image.as_deref() == Some("1.20"));
}

#[test]
fn numbers_are_read_in_every_base() {
    for (text, expected) in [("1000", 1000), ("0755", 493), ("0x1F4", 500), ("+7", 7), ("-1", -1)] {
        let snapshot = read_well(pod(&format!("  securityContext:\n    runAsUser: {text}\n")));
        let context = snapshot.pods[0].spec.security_context.as_ref().unwrap();
        assert_eq!(context.run_as_user, Some(expected), "{text}");
    }
}

#[test]
fn ports_are_numbers_or_names_as_they_are_quoted() {
    let port = |text: &str| {
        let spec = format!("  containers:\n  - name: c\n    readinessProbe:\n      tcpSocket:\n        port: {text}\n");
        let snapshot = read_well(pod(&spec));
        let probe = snapshot.pods[0].spec.containers[0].readiness_probe.clone().unwrap();
        probe.tcp_socket.as_ref().unwrap().port.clone()
    };
    assert_eq!(port("8080"), IntOrString::Int(8080));
    assert_eq!(port("\"8080\""), IntOrString::String("8080".into()));
    assert_eq!(port("http"), IntOrString::String("http".into()));
}

#[test]
fn quantities_are_numbers_or_texts() {
    for (text, millis) in
        [("1", 1000), ("0.5", 500), ("\"250m\"", 250), ("250m", 250), ("1e1", 10_000), ("\"1\"", 1000), (".5", 500)]
    {
        let snapshot =
            read_well(pod(&format!("  containers:\n  - name: c\n    resources: {{requests: {{cpu: {text}}}}}\n")));
        let requests = &snapshot.pods[0].spec.containers[0].resources.requests;
        assert_eq!(requests["cpu"].millis(), millis, "{text}");
    }
}

#[test]
fn the_last_of_two_equal_keys_wins_as_in_kubectl() {
    let snapshot = read_well(pod(
        "  hostNetwork: true\n  priority: 1\n  hostNetwork: false\n  containers: [{name: a}]\n  containers: [{name: b}]\n",
    ));
    assert!(!snapshot.pods[0].spec.host_network);
    assert_eq!(snapshot.pods[0].spec.containers[0].name, "b");
    // In JSON, which a program writes, it is a mistake.
    let snapshot =
        read(r#"{"kind":"Pod","apiVersion":"v1","metadata":{"name":"a"},"spec":{"priority":1,"priority":2}}"#);
    assert!(problems(&snapshot)[0].contains("priority stands twice"), "{:?}", problems(&snapshot));
}

#[test]
fn anchors_and_merge_keys_are_followed() {
    let snapshot = read_well(
        "apiVersion: v1\nkind: Pod\nmetadata:\n  name: a\n  labels: &l\n    app: x\n  annotations:\n    <<: *l\n    more: \
         y\nspec:\n  containers:\n  - &c\n    name: one\n    image: i\n  - <<: *c\n    name: two\n",
    );
    let annotations: Vec<_> = snapshot.pods[0].meta.annotations.iter().collect();
    assert_eq!(annotations, [("app", "x"), ("more", "y")]);
    let containers = &snapshot.pods[0].spec.containers;
    assert_eq!((&*containers[1].name, containers[1].image.as_deref()), ("two", Some("i")));
}

#[test]
fn texts_over_several_lines_are_read_whole() {
    let snapshot = read_well(
        "apiVersion: v1\nkind: Pod\nmetadata:\n  name: a\n  annotations:\n    block: |\n      one\n      ---\n      kind: \
         Wrong\n\n      two\n    folded: >-\n      one\n      two\n    plain: one\n      two\n    quoted: \"one\n      two\"\n",
    );
    let annotations: Vec<_> = snapshot.pods[0].meta.annotations.iter().collect();
    assert_eq!(
        annotations,
        [
            ("block", "one\n---\nkind: Wrong\n\ntwo\n"),
            ("folded", "one two"),
            ("plain", "one two"),
            ("quoted", "one two")
        ]
    );
}

#[test]
fn null_is_the_same_as_absent() {
    // Every field of a pod that a rule reads, set to null one by one.
    let whole = r#"{"kind":"Pod","apiVersion":"v1","metadata":{"name":"a","namespace":"n","uid":"u","labels":{"a":"b"},"annotations":{"a":"b"},
        "ownerReferences":[{"apiVersion":"v1","kind":"K","name":"o","uid":"u","controller":true}],"creationTimestamp":"2026-01-01T00:00:00Z",
        "generation":1,"finalizers":["x"],"managedFields":[{"manager":"m","apiVersion":"v1","operation":"Update","time":"2026-01-01T00:00:00Z"}]},
        "spec":{"nodeName":"x","hostNetwork":true,"containers":[{"name":"c","image":"i","command":["a"],"args":["b"],"ports":[{"name":"p","containerPort":1,"protocol":"TCP"}],
        "env":[{"name":"E","valueFrom":{"secretKeyRef":{"name":"s"}}}],"envFrom":[{"secretRef":{"name":"s"}}],"resources":{"requests":{"cpu":"1"},"limits":{"cpu":"1"},"claims":[{"name":"c"}]},
        "securityContext":{"privileged":true,"capabilities":{"add":["A"],"drop":["B"]},"seccompProfile":{"type":"RuntimeDefault"}},
        "livenessProbe":{"httpGet":{"host":"h","port":1}},"lifecycle":{"preStop":{"exec":{"command":["a"]}}},"volumeMounts":[{"name":"v","mountPath":"/","readOnly":true,"subPath":"s"}]}],
        "volumes":[{"name":"v","emptyDir":{"medium":"Memory"}},{"name":"w","hostPath":{"path":"/"}},{"name":"p","projected":{"sources":[{"configMap":{"name":"c"}}]}}],
        "affinity":{"nodeAffinity":{"requiredDuringSchedulingIgnoredDuringExecution":{"nodeSelectorTerms":[{"matchExpressions":[{"key":"k","operator":"In","values":["v"]}]}]}},
        "podAntiAffinity":{"requiredDuringSchedulingIgnoredDuringExecution":[{"labelSelector":{"matchLabels":{"a":"b"}},"topologyKey":"t"}]}},
        "tolerations":[{"key":"k","operator":"Exists","value":"v","effect":"NoSchedule","tolerationSeconds":1}],
        "topologySpreadConstraints":[{"maxSkew":1,"topologyKey":"t","whenUnsatisfiable":"DoNotSchedule","labelSelector":{}}]},
        "status":{"phase":"Running","conditions":[{"type":"Ready","status":"True","lastTransitionTime":"2026-01-01T00:00:00Z"}],"podIPs":[{"ip":"1.2.3.4"}],
        "containerStatuses":[{"name":"c","image":"i","imageID":"d","ready":true,"restartCount":1,"state":{"terminated":{"exitCode":1}}}]}}"#;
    let whole: serde_json::Value = serde_json::from_str(whole).unwrap();
    let mut tried = 0;
    each_field(&whole, &mut Vec::new(), &mut |path| {
        let mut changed = whole.clone();
        *changed.pointer_mut(path).unwrap() = serde_json::Value::Null;
        let snapshot = read(changed.to_string());
        if path == "/kind" || path == "/apiVersion" {
            assert_eq!(snapshot.not_evaluated.len(), 1, "{path}");
        } else {
            assert_eq!(problems(&snapshot), Vec::<String>::new(), "{path}");
            assert_eq!(snapshot.pods.len(), 1, "{path}");
        }
        tried += 1;
    });
    assert!(tried > 100);
}

/// Calls `each` with the pointer of every field of every object.
fn each_field(value: &serde_json::Value, path: &mut Vec<String>, each: &mut impl FnMut(&str)) {
    let pointer = |path: &[String]| path.iter().map(|step| format!("/{step}")).collect::<String>();
    match value {
        serde_json::Value::Object(fields) => {
            for (key, value) in fields {
                path.push(key.replace('~', "~0").replace('/', "~1"));
                each(&pointer(path));
                each_field(value, path, each);
                path.pop();
            }
        }
        serde_json::Value::Array(items) => {
            for (index, value) in items.iter().enumerate() {
                path.push(index.to_string());
                each_field(value, path, each);
                path.pop();
            }
        }
        _ => {}
    }
}
