//! `kubectl secpatch plan` on a real cluster, through the real kubectl.

use std::path::Path;

use patchkit_test_support::{Cluster, ClusterOptions, Fault, FaultProxy, Output, Permission, Rule, Running, Upstream};
use serde_json::Value;

use crate::tools::until;

/// The same plan on every day.
const AS_OF: &str = "--as-of=2026-11-23";

fn plan(cluster: &Cluster, args: &[&str]) -> Output {
    cluster.kubectl(&["secpatch", "plan", AS_OF]).args(args).output()
}

fn not_evaluated(report: &Value) -> Vec<(&str, &str)> {
    let all = report["notEvaluated"].as_array().map(Vec::as_slice).unwrap_or_default();
    all.iter().map(|it| (it["what"].as_str().unwrap(), it["why"].as_str().unwrap())).collect()
}

pub fn tells_what_runs_in_a_cluster() {
    let cluster = Cluster::own(&ClusterOptions::new());
    cluster.load(&[&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/live/sample.yaml")]);
    let output = plan(&cluster, &["-o", "json", "--context", "admin-cert"]).exits(1);
    let report = output.report();
    assert_eq!((&report["apiVersion"], &report["kind"]), (&"patchkit/v1".into(), &"PlanReport".into()));
    let source = &report["metadata"]["source"];
    assert_eq!((&source["kind"], &source["context"]), (&"cluster".into(), &"admin-cert".into()));
    assert!(source["server"].as_str().unwrap().starts_with(&cluster.state().server), "{source}");
    assert_eq!(report["plan"]["current"], "v1.37.2");
    let versions: Vec<_> = report["plan"]["components"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|component| component["component"] == "kubelet")
        .map(|component| component["version"].as_str().unwrap())
        .collect();
    assert_eq!(versions, ["v1.34.1-gke.1829001", "v1.33.5"]);
    // Four minors behind its server: one more than Kubernetes allows.
    let findings = report["findings"].as_array().unwrap();
    let skew = findings.iter().find(|it| it["id"] == "version-skew").map(|it| it["title"].as_str().unwrap());
    assert!(skew.is_some_and(|title| title.contains("node-b")), "{findings:#?}");
    // An administrator may read everything.
    assert!(!not_evaluated(&report).iter().any(|(_, why)| why.contains("Forbidden")), "{report:#}");

    // A person reads it in a terminal of 80 columns, in colour.
    let run = || cluster.kubectl(&["secpatch", "plan", AS_OF]);
    let shown = run().in_terminal(80).end();
    assert_eq!(shown.code, Some(1));
    assert!(shown.lines.iter().any(|line| line.contains("v1.33.5")), "{}", shown.lines.join("\n"));
    assert!(is_coloured(&shown.raw), "no colour in {:?}", shown.raw);
    let plain = run().env("NO_COLOR", "1").in_terminal(80).end();
    assert!(!is_coloured(&plain.raw), "colour in spite of NO_COLOR in {:?}", plain.raw);
    assert_eq!(plain.lines, shown.lines);
    let piped = plan(&cluster, &[]).exits(1);
    assert!(!piped.stdout.contains('\u{1b}'), "colour in a pipe");
}

/// The facts of the sample, worked out by hand, among a thousand pods on nodes of the cluster's own version.
pub fn plans_the_sample_among_a_thousand_pods() {
    let cluster = Cluster::own(&ClusterOptions::new().emulated_version("1.34"));
    cluster.fill(&["--nodes", "50", "--pods", "1000"]);
    cluster.load(&[&Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/old-minor")]);
    let report = plan(&cluster, &["-o", "json"]).exits(1).report();
    let plan_of = &report["plan"];
    assert_eq!((&plan_of["current"], &plan_of["emulated"]), (&"v1.37.2".into(), &"1.34".into()));

    // Kubelets of four minors. 1.34 takes three minors back, and none that is newer.
    let kubelets: Vec<_> = plan_of["components"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|line| line["component"] == "kubelet")
        .map(|line| {
            let skew = line["skew"].as_array().unwrap().first().and_then(Value::as_str).unwrap_or_default();
            (line["version"].as_str().unwrap(), line["count"].as_u64().unwrap(), line["vendor"] == true, skew)
        })
        .collect();
    let behind = "more than 3 minors older than kube-apiserver 1.34: at least 1.31";
    let expected = [
        ("v1.37.2", 50, false, "must not be newer than kube-apiserver 1.34"),
        ("v1.31.4", 3, false, ""),
        ("v1.30.6", 4, false, behind),
        ("v1.29.9-acme.2", 6, true, behind),
    ];
    assert_eq!(kubelets, expected);

    // The binary is there already, so each hop raises the emulated minor. 1.35 takes kubelets from 1.32 on.
    let hops: Vec<_> = plan_of["hops"]
        .as_array()
        .unwrap()
        .iter()
        .map(|hop| {
            let first = hop["kubeletsFirst"].as_array().unwrap().len();
            (hop["from"].as_str().unwrap(), hop["to"].as_str().unwrap(), first)
        })
        .collect();
    assert_eq!(hops, [("1.34", "1.35", 13), ("1.35", "1.36", 0), ("1.36", "1.37", 0)]);
    let steps = plan_of["steps"].as_array().unwrap();
    let raised = steps.iter().position(|step| step["to"] == "1.35").unwrap();
    let before: usize = steps[..raised].iter().map(|step| step["nodes"].as_array().unwrap().len()).sum();
    assert_eq!(before, 13, "those move first: {steps:#?}");
    let to: Vec<_> = steps[..raised].iter().map(|step| step["to"].as_str().unwrap()).collect();
    assert!(to.iter().all(|version| version.starts_with("v1.34.")), "no newer than what the server emulates: {to:?}");

    let status = |id: &str| {
        let line = plan_of["checklist"].as_array().unwrap().iter().find(|line| line["id"] == id).unwrap();
        (line["status"].as_str().unwrap().to_owned(), line["evidence"].as_str().unwrap().to_owned())
    };
    assert_eq!(status("nodes-not-ready"), ("pass".into(), "63 nodes, all ready".into()));
    assert_eq!(status("frozen-registry").0, "fail");
    assert_eq!(status("webhooks-unserved").0, "fail");
    let budgets = status("budgets-never-allow");
    assert_eq!(budgets.0, "fail");
    assert!(budgets.1.starts_with("1 of ") && budgets.1.ends_with(" budgets never allow an eviction"), "{}", budgets.1);

    // The table and the runbook say the same.
    let table = plan(&cluster, &[]).exits(1).stdout;
    let runbook = plan(&cluster, &["-o", "markdown"]).exits(1).stdout;
    for text in [&table, &runbook] {
        for (version, _, _, skew) in expected {
            assert!(text.contains(version) && text.contains(skew), "{version} is missing:\n{text}");
        }
        assert!(text.contains("shop/api") && text.contains(&budgets.1), "{text}");
    }
    assert!(runbook.contains("- [ ] "), "a runbook has boxes to tick:\n{runbook}");
}

/// Whether a terminal was told a colour. Other escapes take the progress off its line.
fn is_coloured(raw: &str) -> bool {
    raw.split("\u{1b}[").skip(1).any(|rest| {
        let parameters = rest.trim_start_matches(|c: char| c.is_ascii_digit() || c == ';');
        parameters.starts_with('m')
    })
}

pub fn names_what_was_denied() {
    let cluster = Cluster::shared();
    let namespace = cluster.namespace("denied");
    let nodes = Permission { groups: &[""], resources: &["nodes"], verbs: &["list"] };
    let some = namespace.user("some", &[nodes]);
    let none = namespace.user("none", &[]);
    let read = |kubeconfig: &Path| {
        let run = cluster.kubectl(&["secpatch", "plan", AS_OF, "-o", "json", "--fail-on", "none"]);
        // Partly read.
        run.env("KUBECONFIG", kubeconfig).output().exits(4).report()
    };
    let denied = |report: &Value, what: &str| {
        let prefix = format!("Forbidden: {what}");
        not_evaluated(report).iter().any(|(it, why)| *it == what && why.starts_with(&prefix))
    };
    let report = read(&some);
    assert!(denied(&report, "pods") && denied(&report, "namespaces"), "{report:#}");
    assert!(!denied(&report, "nodes"), "{report:#}");
    assert_eq!(report["plan"]["current"], "v1.37.2");
    // Who sees no node cannot be told that all is well.
    let report = read(&none);
    assert!(denied(&report, "nodes"), "{report:#}");
    assert_eq!(report["summary"]["verdict"], "cannot-tell", "{report:#}");
}

pub fn ends_with_the_exit_codes_of_the_contract() {
    let cluster = Cluster::shared();
    let _ = plan(&cluster, &["--frobnicate"]).exits(2);
    let _ = plan(&cluster, &["-o", "nonsense"]).exits(2);
    let none = plan(&cluster, &["--context", "nobody-knows"]).exits(3);
    assert!(none.stderr.contains("context \"nobody-knows\" does not exist"), "{}", none.stderr);
    let wrong = plan(&cluster, &["--user=", "--token=wrong"]).exits(3);
    assert!(wrong.stderr.contains("You must be logged in to the server"), "{}", wrong.stderr);
    let nobody = plan(&cluster, &["--server=https://127.0.0.1:1"]).exits(3);
    assert!(nobody.stderr.contains("was refused"), "{}", nobody.stderr);
    for output in [none, wrong, nobody] {
        assert_eq!(output.stdout, "");
    }
}

pub fn is_content_when_its_reader_leaves() {
    let cluster = Cluster::shared();
    for format in ["table", "json", "markdown"] {
        let run = || cluster.kubectl(&["secpatch", "plan", AS_OF, "--fail-on=none", "-o", format]);
        for output in [run().first_line(), run().without_reader()] {
            // Where all of it fitted into the pipe, nobody has seen that the reader left.
            assert!(matches!(output.code(), Some(0 | 4)), "{:?}: {}", output.code(), output.stderr);
            assert!(!output.stderr.contains("error") && !output.stderr.contains("panicked"), "{}", output.stderr);
        }
    }
}

pub fn can_be_interrupted() {
    let cluster = Cluster::shared();
    let proxy = FaultProxy::start(Upstream::kubeconfig(cluster.kubeconfig()));
    proxy.rule(Rule::new(Fault::Silence).path("/api/v1/nodes"));
    let run = || cluster.kubectl(&["secpatch", "plan", "--server", &proxy.url()]);
    let asked = || proxy.requests().iter().any(|request| request.path == "/api/v1/nodes");
    let runtime = tokio::runtime::Runtime::new().unwrap();

    for end in [Running::interrupt, Running::terminate] {
        let running = run().start();
        runtime.block_on(until(asked));
        end(&running);
        let output = running.wait().exits(130);
        assert_eq!(output.stdout, "");
        proxy.forget_requests();
    }

    let mut terminal = run().in_terminal(80);
    runtime.block_on(until(asked));
    terminal.ctrl_c();
    let shown = terminal.end();
    assert_eq!(shown.code, Some(130), "{}", shown.lines.join("\n"));
}

pub fn survives_a_server_that_is_busy_at_first() {
    let cluster = Cluster::shared();
    let proxy = FaultProxy::start(Upstream::kubeconfig(cluster.kubeconfig()));
    proxy.rule(Rule::new(Fault::too_many(Some(1))).path("/api/v1/pods").times(1));
    proxy.rule(Rule::new(Fault::CutBeforeAnswer).path("/api/v1/nodes").times(1));
    let args = ["secpatch", "plan", AS_OF, "--fail-on=none", "-o", "json", "--server", &proxy.url()];
    let report = cluster.kubectl(&args).output().report();
    assert!(!not_evaluated(&report).iter().any(|(what, _)| ["pods", "nodes"].contains(what)), "{report:#}");
    assert_eq!(proxy.requests().iter().filter(|request| request.path == "/api/v1/pods").count(), 2);
}

pub fn names_what_a_broken_server_kept() {
    let cluster = Cluster::shared();
    let proxy = FaultProxy::start(Upstream::kubeconfig(cluster.kubeconfig()));
    proxy.rule(Rule::new(Fault::status(500)).path("/api/v1/services"));
    let args = ["secpatch", "plan", AS_OF, "--fail-on=none", "-o", "json", "--server", &proxy.url()];
    let report = cluster.kubectl(&args).output().exits(4).report();
    let services = not_evaluated(&report).into_iter().find(|(what, _)| *what == "services");
    let (_, why) = services.unwrap_or_else(|| panic!("{report:#}"));
    assert!(why.starts_with("InternalError: "), "{why}");
}
