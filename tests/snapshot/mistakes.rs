//! What files get wrong: each mistake has its place, says what was expected, and hides nothing else.

use crate::{pods, problems, read};

const GOOD: &str = "apiVersion: v1\nkind: Pod\nmetadata:\n  name: good\n";

/// The one problem of a text.
fn problem(text: impl AsRef<[u8]>) -> String {
    let found = problems(&read(text));
    assert_eq!(found.len(), 1, "{found:#?}");
    found.into_iter().next().unwrap()
}

#[test]
fn a_broken_document_has_its_place_and_hides_no_other() {
    let text = format!(
        "{GOOD}---\napiVersion: v1\nkind: Pod\nmetadata:\n  name: bad\nspec:\n  containers: yes, some\n---\n{}",
        GOOD.replace("good", "fine")
    );
    let snapshot = read(text);
    assert_eq!(pods(&snapshot), ["fine", "good"]);
    assert_eq!(problems(&snapshot), ["-:11:15: spec.containers: expected a list, found yes, some"]);
}

#[test]
fn a_broken_item_has_its_place_and_hides_no_other() {
    let json = "{\n  \"kind\": \"List\", \"apiVersion\": \"v1\", \"items\": [\n    {\"kind\": \"Pod\", \"apiVersion\": \"v1\", \"metadata\": {\"name\": \"a\"}},\n    {\"kind\": \"Pod\", \"apiVersion\": \"v1\", \"metadata\": {\"name\": \"b\"},\n     \"spec\": {\"priority\": \"high\"}},\n    {\"kind\": \"Pod\", \"apiVersion\": \"v1\", \"metadata\": {\"name\": \"c\"}}\n  ]\n}\n";
    let snapshot = read(json);
    assert_eq!(pods(&snapshot), ["a", "c"]);
    assert_eq!(problems(&snapshot), ["-:5:32: spec.priority: expected a whole number, found the text \"high\""]);
    let yaml = "kind: List\napiVersion: v1\nitems:\n- kind: Pod\n  apiVersion: v1\n  metadata: {name: a}\n- kind: Pod\n  apiVersion: v1\n  metadata:\n    name: b\n  spec:\n    priority: high\n- kind: Pod\n  apiVersion: v1\n  metadata: {name: c}\n";
    let snapshot = read(yaml);
    assert_eq!(pods(&snapshot), ["a", "c"]);
    assert_eq!(problems(&snapshot), ["-:12:15: spec.priority: expected a whole number, found high"]);
}

#[test]
fn mistakes_are_told_in_the_words_of_manifests() {
    for (json, expected) in [
        (
            r#"{"kind":"Deployment","apiVersion":"apps/v1","metadata":{"name":"a"},"spec":{"replicas":"three"}}"#,
            "spec.replicas: expected a whole number, found the text \"three\"",
        ),
        (
            r#"{"kind":"Pod","apiVersion":"v1","metadata":{"name":"a"},"spec":{"hostNetwork":"true"}}"#,
            "spec.hostNetwork: expected true or false, found the text \"true\"",
        ),
        (
            r#"{"kind":"Pod","apiVersion":"v1","metadata":{"name":"a","labels":{"a":5}}}"#,
            "metadata.labels.a: expected a text, found the number 5",
        ),
        (
            r#"{"kind":"Pod","apiVersion":"v1","metadata":"a"}"#,
            "metadata: expected an object with fields, found the text \"a\"",
        ),
        (
            r#"{"kind":"Pod","apiVersion":"v1","metadata":{"name":"a"},"spec":{"priority":5000000000}}"#,
            "spec.priority: expected a whole number from -2147483648 to 2147483647, found the number 5000000000",
        ),
        (
            r#"{"kind":"Pod","apiVersion":"v1","metadata":{"name":"a"},"spec":{"containers":[{"name":"c","resources":{"requests":{"cpu":"lots"}}}]}}"#,
            "is no quantity",
        ),
        (
            r#"{"kind":"Pod","apiVersion":"v1","metadata":{"name":"a","creationTimestamp":"yesterday"}}"#,
            "metadata.creationTimestamp: ",
        ),
        (r#"{"kind":"Pod","metadata":{"name":"a"}}"#, "an object of kind Pod without apiVersion"),
        (r#"{"apiVersion":"v1","metadata":{"name":"a"}}"#, "without kind"),
        (r#"{"name":"left-pad","version":"1.0.0"}"#, "no apiVersion and kind"),
    ] {
        let found = problem(json);
        assert!(found.contains(expected), "{found}");
        for word in ["i32", "i64", "struct", "Wire", "sequence", "invalid type", "bool"] {
            assert!(!found.contains(word), "{found}");
        }
    }
}

#[test]
fn yaml_tells_the_same() {
    for (yaml, expected) in [
        (
            "kind: Deployment\napiVersion: apps/v1\nmetadata: {name: a}\nspec:\n  replicas: three # of them\n",
            "-:5:13: spec.replicas: expected a whole number, found three",
        ),
        (
            "kind: Pod\napiVersion: v1\nmetadata: {name: a}\nspec:\n  hostNetwork: perhaps\n",
            "-:5:16: spec.hostNetwork: expected true or false, found perhaps",
        ),
        ("kind: Pod\napiVersion: v1\nmetadata: a\n", "-:3:11: metadata: expected an object with fields, found a"),
        (
            "kind: Pod\napiVersion: v1\nmetadata:\n  name: a\n  labels: [a]\n",
            "-:5:11: metadata.labels: expected an object with fields, found [a]",
        ),
        (
            "kind: Pod\napiVersion: v1\nmetadata: {name: a}\nspec:\n  priority: 5000000000\n",
            "-:5:13: spec.priority: expected a whole number from -2147483648 to 2147483647, found 5000000000",
        ),
        ("kind: Pod\nmetadata: {name: a}\n", "-:1:1: an object of kind Pod without apiVersion"),
        ("- kind: Pod\n", "expected an object with fields"),
        ("just a text\n", "expected an object with fields"),
    ] {
        let found = problem(yaml);
        assert!(found.contains(expected), "{yaml}\n{found}");
        for word in ["i32", "i64", "struct", "Wire", "sequence", "mapping", "invalid"] {
            assert!(!found.contains(word), "{found}");
        }
    }
}

#[test]
fn tabs_templates_and_other_texts_are_named() {
    let found = problem("kind: Pod\napiVersion: v1\nmetadata:\n\tname: a\n");
    assert!(found.starts_with("-:4:") && found.contains("tab"), "{found}");
    for text in [
        "apiVersion: v1\nkind: Pod\nmetadata:\n  name: {{ .Release.Name }}\n",
        "{{- if .Values.enabled }}\napiVersion: v1\nkind: Pod\nmetadata:\n  name: a\n{{- end }}\n",
        "apiVersion: v1\nkind: Pod\nmetadata:\n  name: a\n  labels:\n    {{- include \"x.labels\" . | nindent 4 }}\n",
        "{\"apiVersion\": \"v1\", \"kind\": \"Pod\", \"metadata\": {\"name\": {{ .Release.Name }} }}\n",
    ] {
        let found = problem(text);
        assert!(found.contains("helm template"), "{text}\n{found}");
    }
    let utf16: Vec<u8> = "\u{feff}kind: Pod\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
    for text in [&utf16[..], &utf16[2..]] {
        let found = problem(text);
        assert!(found.contains("UTF-16"), "{found}");
    }
    let found = problem(b"kind: Pod\napiVersion: v1\nmetadata:\n  name: caf\xE9\n");
    assert_eq!(found, "-:4:12: this is no UTF-8 text: expected YAML or JSON");
    let found = problem(b"{\"kind\": \"Pod\", \"apiVersion\": \"v1\",\n \"metadata\": {\"name\": \"caf\xE9\"}}");
    assert!(found.starts_with("-:2:") && found.contains("UTF-8"), "{found}");
}

#[test]
fn a_cut_off_file_keeps_what_was_whole() {
    let json = "{\n\"kind\": \"List\", \"apiVersion\": \"v1\", \"items\": [\n{\"kind\": \"Pod\", \"apiVersion\": \"v1\", \"metadata\": {\"name\": \"a\"}},\n{\"kind\": \"Pod\", \"apiVersion\": \"v1\", \"metadata\": {\"na";
    let snapshot = read(json);
    assert_eq!(pods(&snapshot), ["a"]);
    let found = problems(&snapshot);
    assert_eq!(found.len(), 1);
    assert!(found[0].starts_with("-:4:") && found[0].contains("ends inside what began on line 4"), "{found:?}");
    let snapshot = read(
        "kind: List\napiVersion: v1\nitems:\n- kind: Pod\n  apiVersion: v1\n  metadata: {name: a}\n- kind: Pod\n  apiVersion: v1\n  metadata: {name: \"b",
    );
    assert_eq!(pods(&snapshot), ["a"]);
    assert_eq!(problems(&snapshot).len(), 1);
}

#[test]
fn brackets_that_do_not_fit_have_a_place() {
    for text in [
        "{\"kind\": \"List\", \"items\": [{\"kind\": \"Pod\", \"apiVersion\": \"v1\", \"metadata\": {\"name\": \"a\"}}, \"x\": 1}",
        "{\"kind\": \"Pod\" \"apiVersion\": \"v1\"}",
        "{\"kind\": \"Pod\", \"apiVersion\": \"v1\",, \"metadata\": {}}",
        "{\"kind\": \"Pod\", \"apiVersion\": \"v1\", \"metadata\": {\"name\": tru}}",
        "{\"kind\": \"Pod\", \"apiVersion\": \"v1\"} trailing",
        "{\"kind\": \"Pod\", \"apiVersion\": \"v1\"}}",
    ] {
        let found = problems(&read(text));
        assert!(!found.is_empty() && found.iter().all(|problem| problem.starts_with("-:1:")), "{text}: {found:?}");
    }
}

#[test]
fn depth_and_size_end_in_words_and_not_in_a_crash() {
    // With as much stack as a program has; a thread of the test harness has a quarter of it.
    let thread = std::thread::Builder::new().stack_size(8 << 20).spawn(depth_and_size);
    thread.unwrap().join().unwrap();
}

fn depth_and_size() {
    const DEEP: usize = 10_000;
    let (open, close) = ("[".repeat(DEEP), "]".repeat(DEEP));
    let maps = "{\"a\":".repeat(DEEP) + "1" + &"}".repeat(DEEP);
    for text in [
        open.clone() + &close,
        open.clone(),
        "{".repeat(DEEP),
        maps.clone(),
        format!("{{\"kind\": \"Pod\", \"apiVersion\": \"v1\", \"metadata\": {open}{close}}}"),
        format!("{{\"kind\": \"Pod\", \"apiVersion\": \"v1\", \"metadata\": {{\"labels\": {maps}}}}}"),
        format!("{{\"kind\": \"ConfigMap\", \"apiVersion\": \"v1\", \"data\": {maps}}}"),
        format!("kind: Pod\napiVersion: v1\nmetadata: {open}{close}\n"),
        format!("kind: Pod\napiVersion: v1\nunknown: {open}{close}\n"),
        format!("kind: List\napiVersion: v1\nitems: {open}{close}\n"),
        format!(
            "kind: Pod\napiVersion: v1\nmetadata:\n{}",
            (1..1000).map(|depth| format!("{}a:\n", " ".repeat(depth))).collect::<String>()
        ),
        format!("kind: Pod\napiVersion: v1\nmetadata:\n{}", "- ".repeat(DEEP)),
        format!("kind: Pod\napiVersion: v1\nmetadata: {{name: a}}\nspec: {{priority: {}}}\n", "9".repeat(5000)),
    ] {
        let snapshot = read(&text);
        assert!(!snapshot.not_evaluated.is_empty(), "{}", &text[..60]);
        assert!(problems(&snapshot).iter().all(|problem| problem.len() < 500), "{:?}", problems(&snapshot));
    }
    // What no rule reads may be as deep as it likes in JSON.
    let text = format!(
        "{{\"kind\": \"Pod\", \"apiVersion\": \"v1\", \"metadata\": {{\"name\": \"a\"}}, \"unknown\": {maps}}}"
    );
    assert_eq!(pods(&read(text)), ["a"]);
}

#[test]
fn aliases_that_explode_are_refused() {
    let mut text =
        "kind: ConfigMap\napiVersion: v1\nmetadata: {name: a}\na0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for level in 1..12 {
        let inner = vec![format!("*a{}", level - 1); 10].join(", ");
        text.push_str(&format!("a{level}: &a{level} [{inner}]\n"));
    }
    assert_eq!(read(text).not_evaluated.len(), 1);
}
