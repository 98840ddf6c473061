//! The pictures of a map, drawn by the programs that they are for: Graphviz, Mermaid, and a browser in which somebody
//! clicks. Where such a program is not on the machine, its test says so and is skipped.
#![allow(clippy::print_stderr, reason = "a test that is skipped says so")]

mod browser;
#[path = "../reference/cluster.rs"]
#[expect(dead_code, reason = "shared with the reference of the engine, which needs more of it")]
mod cluster;
mod holds;
#[path = "../support/run.rs"]
mod run_over;

use std::{
    collections::BTreeMap,
    fs,
    io::Write as _,
    path::Path,
    process::{Command, Output, Stdio},
};

use serde_json::Value;

use browser::{Browser, chromium, program};
use run_over::run_over;

const SAMPLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/policies");

/// Names that mean something to everything that could draw them.
const EVIL: &str = r#"{"apiVersion": "v1", "kind": "List", "items": [
{"apiVersion": "v1", "kind": "Pod", "spec": {"containers": []}, "metadata": {"namespace": "a\"]; x -> y; \\",
  "name": "<img src=x onerror=\"document.documentElement.dataset.owned=1\">"}},
{"apiVersion": "v1", "kind": "Pod", "spec": {"containers": []}, "metadata": {"namespace": "a\"]; x -> y; \\",
  "name": "</script><script>document.documentElement.dataset.owned=1</script>"}},
{"apiVersion": "v1", "kind": "Pod", "spec": {"containers": []}, "metadata": {"namespace": "end",
  "name": "end\"] --> `x` #quot; %%{init: 1}%% \\N &amp; \u202e\u001b[31m"}},
{"apiVersion": "v1", "kind": "Pod", "spec": {"containers": []}, "metadata": {"namespace": "end", "name": "größe"}}
]}"#;

fn map(args: &[&str], input: &str) -> Output {
    run_over(&[&["map"], args].concat(), input)
}

fn text(output: &Output) -> String {
    assert!(output.status.success() || output.status.code() == Some(4), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout.clone()).expect("text")
}

/// A cluster with as many workloads as pods, of which no two are alike.
fn large(pods: u64, policies: u64) -> String {
    let mut file = Vec::new();
    let network = patchkit_workload::network::Network { pods, policies, replicas: 1, seed: 1 };
    network.write(&mut file).expect("memory takes everything");
    String::from_utf8(file).expect("JSON")
}

/// What another program makes of a text; `None` where it is not there.
fn drawn_by(names: &[&str], args: &[&str], input: &str) -> Option<Output> {
    let Some(found) = program(names) else {
        eprintln!("skipped: there is no {} on this machine", names[0]);
        return None;
    };
    let mut child = Command::new(found)
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it runs");
    let _ = child.stdin.take().expect("standard input").write_all(input.as_bytes());
    Some(child.wait_with_output().expect("an end"))
}

/// The lines of the report, with both lists together: pairs of names.
fn pairs(args: &[&str], input: &str) -> Vec<(Value, Value)> {
    pairs_with(args, input, |_| true)
}

/// Those on one of these ports.
fn pairs_with(args: &[&str], input: &str, wanted: impl Fn(&Value) -> bool) -> Vec<(Value, Value)> {
    let report: Value = serde_json::from_str(&text(&map(&[args, &["-o", "json"]].concat(), input))).expect("JSON");
    let mut pairs: Vec<(Value, Value)> = Vec::new();
    for list in ["connections", "depends"] {
        for line in report[list].as_array().expect("a list") {
            let pair = (line["from"].clone(), line["to"].clone());
            let on_port = line["ports"].as_array().expect("ports").iter().any(&wanted);
            if on_port && !pairs.contains(&pair) {
                pairs.push(pair);
            }
        }
    }
    pairs
}

#[test]
fn dot_has_a_line_for_each_connection_and_is_drawn_by_graphviz() {
    let dot = text(&map(&["-f", SAMPLE, "-o", "dot"], ""));
    let lines = dot.lines().filter(|line| line.contains(" -> "));
    let drawn: usize = lines.map(|line| if line.contains("dir=both") { 2 } else { 1 }).sum();
    assert_eq!(drawn, pairs(&["-f", SAMPLE], "").len(), "{dot}");
    assert!(dot.contains("  \"shop/web\" -> \"shop/api\" [label=\"TCP 8080\"];"), "{dot}");
    for input in [dot, text(&map(&["-f", "-", "-o", "dot"], EVIL))] {
        let Some(svg) = drawn_by(&["dot"], &["-Tsvg"], &input) else { return };
        let told = String::from_utf8_lossy(&svg.stderr);
        assert!(svg.status.success() && !told.contains("rror"), "{told}\n{input}");
        let svg = String::from_utf8(svg.stdout).expect("SVG");
        let edges = input.lines().filter(|line| line.contains(" -> ") && line.starts_with("  \"")).count();
        assert_eq!(svg.matches("class=\"edge\"").count(), edges, "{input}");
        assert!(!svg.contains("<img") && !svg.contains("<script"), "{svg}");
    }
}

#[test]
fn mermaid_is_within_the_limits_of_its_viewers_and_is_drawn_by_it() {
    let few = text(&map(&["-f", SAMPLE, "-o", "mermaid"], ""));
    assert!(few.contains("|\"TCP 8080\"|"), "{few}");
    let evil = text(&map(&["-f", "-", "-o", "mermaid"], EVIL));
    assert!(!evil.contains("<img") && !evil.contains("%%{") && !evil.contains('`') && !evil.contains("&amp"), "{evil}");
    let folder = tempfile::tempdir().expect("a folder");
    let svg = folder.path().join("map.svg");
    for input in [few, evil] {
        let edges = input.lines().filter(|line| line.contains(">|\"")).count();
        assert!(edges > 0 && edges <= 500 && input.len() <= 50_000, "{input}");
        let args = ["--input", "-", "--output", svg.to_str().expect("a name")];
        let Some(made) = drawn_by(&["mmdc"], &args, &input) else { return };
        assert!(made.status.success(), "{}\n{input}", String::from_utf8_lossy(&made.stderr));
        let drawn = fs::read_to_string(&svg).expect("SVG");
        assert!(!drawn.contains("Syntax error"), "{input}");
    }
}

#[test]
fn pictures_of_large_clusters_put_together_what_is_alike_and_say_so() {
    let input = large(300, 20);
    for form in ["dot", "mermaid"] {
        let picture = text(&map(&["-f", "-", "-o", form], &input));
        let (arrow, most) = if form == "dot" { (" -> ", 500) } else { ("|\"", 500) };
        let lines = picture.lines().filter(|line| line.contains(arrow) && !line.contains("digraph")).count();
        assert!(lines <= most, "{lines}");
        assert!(picture.contains("show less at once"), "{form} says what it leaves out");
    }
}

fn page(folder: &Path, args: &[&str], input: &str) -> std::path::PathBuf {
    let file = folder.join("map.html");
    fs::write(&file, text(&map(&[args, &["-o", "html"]].concat(), input))).expect("a file");
    file
}

/// How many connections each namespace has to each, as the report says.
fn by_namespace(pairs: &[(Value, Value)]) -> BTreeMap<String, u64> {
    let name = |peer: &Value| peer["namespace"].as_str().map(str::to_owned);
    let mut counts = BTreeMap::new();
    for (from, to) in pairs {
        if let (Some(from), Some(to)) = (name(from), name(to)) {
            *counts.entry(format!("{from} > {to}")).or_default() += 1;
        }
    }
    counts
}

/// How many connections each namespace has to each, as the matrix shows.
fn matrix(browser: &mut Browser) -> BTreeMap<String, u64> {
    let cells = browser.value(
        "[...document.querySelectorAll('#matrix td')].filter(it => !it.classList.contains('none')) \
         .map(it => [it.dataset.cell, Number(it.textContent)])",
    );
    let cells = cells.as_array().expect("cells").iter();
    let inside = cells.filter(|cell| !cell[0].as_str().expect("a name").contains("outside"));
    inside.map(|cell| (cell[0].as_str().expect("a name").to_owned(), cell[1].as_u64().expect("a count"))).collect()
}

#[test]
fn a_browser_shows_the_page_and_answers_to_clicks() {
    let Some(program) = chromium() else { return eprintln!("skipped: there is no Chromium on this machine") };
    let folder = tempfile::tempdir().expect("a folder");
    let file = page(folder.path(), &["-f", SAMPLE], "");
    let mut browser = Browser::open(&program, &file);
    browser.shot("sample");
    // Each line stands for some connections, and all lines together for all of them.
    let all = pairs(&["-f", SAMPLE], "");
    let drawn = browser.value(
        "[...document.querySelectorAll('.edge')].filter(it => !/outside|IPv4|\\d\\.\\d/.test(it.dataset.edge)) \
         .reduce((sum, it) => sum + Number(it.dataset.many), 0)",
    );
    assert_eq!(drawn.as_u64(), Some(by_namespace(&all).values().sum()), "connections inside of the cluster");
    // Few workloads stand there at once, and tell who reaches whom when they are clicked on.
    browser.click("[data-node='shop/web']");
    let panel = browser.text("#panel");
    assert!(panel.contains("Deployment") && panel.contains("TCP 8080") && panel.contains("shop/api"), "{panel}");
    let picked = browser.value("document.querySelector(\"[data-node='shop/web']\").classList.contains('picked')");
    assert_eq!(picked, true);
    let edges = browser.value("[...document.querySelectorAll('.edge')].map(it => it.dataset.edge)");
    assert!(edges.as_array().expect("lines").iter().any(|it| it == "shop/web > shop/api"), "{edges}");
    browser.shot("sample-picked");
    // A link in the panel leads to the other end.
    browser
        .value("[...document.querySelectorAll('#panel .link')].find(it => it.textContent === 'shop/api').id = 'there'");
    browser.click("#there");
    assert!(browser.text("#panel h2").contains("shop/api"));
    // Closing and opening a namespace.
    browser.click("[data-node='data']");
    assert_eq!(browser.value("document.querySelector(\"[data-node='data/db']\")"), Value::Null);
    browser.click("[data-node='data']");
    browser.until("document.querySelector(\"[data-node='data/db']\") !== null");
    // The matrix says what the report says, cell by cell.
    browser.click("#tab-matrix");
    assert_eq!(matrix(&mut browser), by_namespace(&all));
    browser.click("[data-cell='shop > data']");
    let panel = browser.text("#panel");
    assert!(panel.contains("shop/api → data/db") && panel.contains("TCP 5432"), "{panel}");
    browser.shot("sample-matrix");
    let on_9090 = pairs_with(&["-f", SAMPLE], "", |range| {
        range["port"].as_u64().is_some_and(|first| first <= 9090)
            && range["endPort"].as_u64().is_some_and(|last| last >= 9090)
            && range["protocol"] == "TCP"
    });
    browser.types("#filter-port", "tcp 9090");
    browser.until("document.querySelector(\"[data-cell='shop > kube-system']\").textContent === '1'");
    assert_eq!(matrix(&mut browser), by_namespace(&on_9090));
    browser.value("document.querySelector('#filter-port').value = ''");
    // A filter leaves what it names and whom that talks to.
    browser.click("#tab-graph");
    browser.types("#filter-name", "shop/api");
    browser.until("document.querySelector(\"[data-node='kube-system/coredns']\") === null");
    assert_ne!(browser.value("document.querySelector(\"[data-node='data/db']\")"), Value::Null);
    browser.types("#filter-port", "6379");
    browser.until("document.querySelector(\"[data-node='data/db']\") === null");
    assert_ne!(browser.value("document.querySelector(\"[data-node='data/cache']\")"), Value::Null);
    browser.shot("sample-filtered");
    browser.click("#tab-notes");
    assert!(browser.text("#notes").contains("HTTPRoute"), "the entrances stand there");
    let own: Vec<&String> = browser.requests.iter().filter(|url| !url.starts_with("file://")).collect();
    assert!(own.is_empty() && browser.errors.is_empty(), "{own:?} {:?}", browser.errors);
    assert_eq!(browser.requests.len(), 1, "the page asks for nothing but itself: {:?}", browser.requests);
}

#[test]
fn a_browser_marks_what_other_policies_may_change() {
    let Some(program) = chromium() else { return eprintln!("skipped: there is no Chromium on this machine") };
    let folder = tempfile::tempdir().expect("a folder");
    let foreign = "apiVersion: cilium.io/v2\nkind: CiliumNetworkPolicy\nmetadata: {name: c, namespace: shop}\n\
                   spec: {endpointSelector: {matchLabels: {app: web}}}\n";
    let mut browser = Browser::open(&program, &page(folder.path(), &["-f", SAMPLE, "-f", "-"], foreign));
    assert!(browser.text("#warning").contains("One thing was not evaluated"));
    assert!(browser.text("#panel").contains("* Policies that are not evaluated"));
    browser.click("[data-node='shop/web']");
    assert!(browser.text("#panel").contains("Not evaluated, and may change this: CiliumNetworkPolicy shop/c"));
    browser.click("[data-node='shop/api']");
    assert!(browser.text("#panel").contains("shop/web *"), "wherever its name stands");
    browser.click("#tab-notes");
    assert!(browser.text("#notes").contains("CiliumNetworkPolicy shop/c"));
    for form in ["dot", "mermaid"] {
        let output = map(&["-f", SAMPLE, "-f", "-", "-o", form], foreign);
        assert_eq!(output.status.code(), Some(4));
        let picture = text(&output);
        let marked = if form == "dot" { "web*" } else { "web#42;" };
        assert!(picture.contains(marked) && picture.contains("Policies that are not evaluated"), "{picture}");
    }
}

#[test]
fn a_browser_takes_no_name_for_markup() {
    let Some(program) = chromium() else { return eprintln!("skipped: there is no Chromium on this machine") };
    let folder = tempfile::tempdir().expect("a folder");
    let mut browser = Browser::open(&program, &page(folder.path(), &["-f", "-"], EVIL));
    browser.shot("evil");
    let names = browser.value("[...document.querySelectorAll('.item')].map(it => it.dataset.node)");
    assert!(names.as_array().expect("names").iter().any(|it| it.as_str().is_some_and(|it| it.contains("<img"))));
    for tab in ["#tab-matrix", "#tab-notes", "#tab-graph"] {
        browser.click(tab);
    }
    browser.click(".item");
    assert!(browser.text("#panel").contains("Reaches"));
    assert_eq!(browser.value("document.documentElement.dataset.owned || 'no'"), "no");
    assert_eq!(browser.value("document.querySelectorAll('img').length"), 0);
}

#[test]
fn a_browser_shows_two_thousand_workloads_by_namespace() {
    let Some(program) = chromium() else { return eprintln!("skipped: there is no Chromium on this machine") };
    let folder = tempfile::tempdir().expect("a folder");
    for (workloads, policies) in [(20, 4), (2000, 200)] {
        let input = large(workloads, policies);
        let mut browser = Browser::open(&program, &page(folder.path(), &["-f", "-"], &input));
        browser.shot(&format!("{workloads}"));
        let items = browser.value("document.querySelectorAll('.item').length").as_u64().expect("a count");
        let spaces = browser.value("document.querySelectorAll('.space').length").as_u64().expect("a count");
        if workloads > 60 {
            assert_eq!((items, spaces > 20), (0, true), "namespaces first");
            browser.click(".space[data-end='space 3']");
            browser.shot(&format!("{workloads}-opened"));
            assert!(browser.value("document.querySelectorAll('.item').length").as_u64().expect("a count") > 10);
            browser.click(".item");
            assert!(browser.text("#panel").contains("Reaches"), "{}", browser.text("#panel"));
            browser.shot(&format!("{workloads}-picked"));
            // All at once are drawn too, and the page still answers.
            let open = "(() => { const began = performance.now(); document.getElementById('open-all').click(); \
                        return Math.round(performance.now() - began); })()";
            eprintln!("all {workloads} workloads drawn in {} ms", browser.value(open));
            assert_eq!(browser.value("document.querySelectorAll('#nodes .item').length >= 2000"), true);
            browser.shot(&format!("{workloads}-all"));
            browser.click("#close-all");
        } else {
            assert_eq!(
                items,
                workloads
                    + browser
                        .value("document.querySelectorAll(\".item[data-node*='IPv']\").length")
                        .as_u64()
                        .unwrap_or_default()
            );
        }
        browser.click("#tab-matrix");
        let shown: u64 = matrix(&mut browser).values().sum();
        assert!(shown > workloads, "{shown}");
        browser.shot(&format!("{workloads}-matrix"));
        assert!(browser.errors.is_empty(), "{:?}", browser.errors);
    }
}
