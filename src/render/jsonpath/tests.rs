//! Against kubectl itself.

use std::process::{Command, Stdio};

use serde::Deserialize;
use serde_json::Value;

use super::JsonPath;

#[derive(Deserialize)]
struct Recorded {
    object: Value,
    cases: Vec<Case>,
}

/// A template and what kubectl made of it.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Case {
    template: String,
    output: Option<String>,
    error: Option<String>,
    /// kubectl goes through a map in random order here.
    #[serde(default)]
    any_order: bool,
}

fn recorded() -> Recorded {
    serde_json::from_str(include_str!("kubectl-cases.json")).expect("the recorded cases")
}

fn sorted(text: &str) -> Vec<&str> {
    let mut words: Vec<&str> = text.split(' ').collect();
    words.sort_unstable();
    words
}

/// The same text, but for the order of maps and for how numbers within JSON are written (`1e+21`, `1e21`).
fn is_same(ours: &str, kubectls: &str, any_order: bool) -> bool {
    let json = |text: &str| serde_json::from_str::<Value>(text).ok();
    ours == kubectls
        || (any_order && sorted(ours) == sorted(kubectls))
        || json(ours).is_some_and(|value| json(kubectls) == Some(value))
}

/// kubectl's words for a failure, with our names for the types of values.
fn reason(error: &str) -> String {
    let reason = error.strip_prefix("error: ").unwrap_or(error);
    let reason = reason.replace("Error executing template: ", "").replace("map[string]interface {}", "object");
    let reason = reason.strip_suffix('.').unwrap_or(&reason).to_owned();
    // kubectl prints the whole value.
    match reason.find(" is not array or slice and cannot be filtered") {
        Some(at) => reason[at..].to_owned(),
        None => reason,
    }
}

#[test]
fn templates_do_what_they_do_in_kubectl() {
    let recorded = recorded();
    let mut wrong = Vec::new();
    for case in &recorded.cases {
        let ours = JsonPath::parse(&case.template).and_then(|template| template.evaluate(&recorded.object));
        let right = match (&ours, &case.output, &case.error) {
            (Ok(ours), Some(output), None) => is_same(ours, output, case.any_order),
            (Err(ours), None, Some(error)) => ours.to_string().ends_with(&reason(error)),
            _ => false,
        };
        if !right {
            wrong
                .push(format!("{}\n  kubectl: {:?} {:?}\n  ours:    {ours:?}", case.template, case.output, case.error));
        }
    }
    assert!(wrong.is_empty(), "{} of {} differ:\n{}", wrong.len(), recorded.cases.len(), wrong.join("\n"));
    assert!(recorded.cases.len() > 150, "the table was cut");
}

#[test]
fn a_bare_expression_needs_no_braces() {
    let data = serde_json::json!({"plan": {"target": "1.36.2", "hops": [{"to": "a"}, {"to": "b"}]}});
    for (template, expected) in [(".plan.target", "1.36.2"), ("$.plan.hops[*].to", "a b"), ("plan", "plan"), ("", "")] {
        let text = JsonPath::parse(template).and_then(|template| template.evaluate(&data)).expect("a template");
        assert_eq!(text, expected, "{template}");
    }
}

proptest::proptest! {
    #[test]
    fn no_text_makes_it_panic(template in "[{}\\[\\]().?@$*:,'\"\\\\<>=! a-c0-9é\n-]{0,24}") {
        let object = recorded().object;
        let _ = JsonPath::parse(&template).and_then(|template| template.evaluate(&object));
    }
}

/// Asks a real kubectl (on PATH, or the one that `KUBECTL` names) whether the recorded table is still true.
#[test]
#[ignore = "needs kubectl 1.37; run by hand after a change to kubectl-cases.json"]
fn the_recorded_table_is_what_kubectl_says() {
    let recorded = recorded();
    let kubectl = std::env::var_os("KUBECTL").unwrap_or_else(|| "kubectl".into());
    let directory = tempfile::tempdir().expect("a directory");
    let file = directory.path().join("object.json");
    std::fs::write(&file, recorded.object.to_string()).expect("a file");
    for case in &recorded.cases {
        // Annotates the object with what it has already, so that kubectl prints it unchanged.
        let output = Command::new(&kubectl)
            .args(["annotate", "--local", "plain=p", "--overwrite", "-f"])
            .arg(&file)
            .args(["-o", &format!("jsonpath={}", case.template)])
            .stdin(Stdio::null())
            .output()
            .expect("kubectl");
        let said = String::from_utf8_lossy(&output.stdout);
        match (&case.output, &case.error) {
            (Some(recorded), _) => assert!(is_same(&said, recorded, case.any_order), "{}: {said}", case.template),
            (None, error) => {
                assert!(!output.status.success(), "{}: {said}", case.template);
                let said = String::from_utf8_lossy(&output.stderr);
                assert!(said.starts_with(error.as_deref().unwrap_or("error")), "{}: {said}", case.template);
            }
        }
    }
}
