//! Completion as people meet it: through the real kubectl, and in real shells at a terminal.

use std::{
    path::{Path, PathBuf},
    process::Command,
    sync::atomic::{AtomicU32, Ordering},
    thread,
    time::{Duration, Instant},
};

use patchkit_test_support::{Cluster, ClusterOptions, Output, Terminal, plugin_folder};

const NODES: &str = "
{apiVersion: v1, kind: Node, metadata: {name: tab-a, labels: {node-role.kubernetes.io/worker: '', pool: blue, agentpool: users}}}
---
{apiVersion: v1, kind: Node, metadata: {name: tab-b}}
";

/// A folder as a plugin manager makes it, with the files by which kubectl finds completion.
fn installed(cluster: &Cluster) -> PathBuf {
    let folder = plugin_folder();
    for name in ["kubectl-secpatch", "kubectl-drainsafe", "kubectl-netpolcheck"] {
        let said = cluster.run(name).path_first(&folder).args(["completion", "install"]).output().exits(0);
        assert!(said.stdout.contains("is installed"), "{}", said.stdout);
    }
    folder
}

/// The candidates of an answer without their descriptions, and its directive.
fn candidates(answer: &Output) -> (Vec<&str>, &str) {
    assert_eq!(answer.code(), Some(0), "{answer:?}");
    let mut lines: Vec<&str> = answer.stdout.lines().map(|line| line.split('\t').next().unwrap_or_default()).collect();
    let directive = lines.pop().unwrap_or_default();
    (lines, directive)
}

#[expect(clippy::print_stderr, reason = "how long it took is for whoever looks")]
pub fn kubectl_offers_what_lives() {
    let cluster = Cluster::own(&ClusterOptions::new().without_kubelets());
    let plugins = installed(&cluster);
    cluster.apply(NODES);
    cluster.apply(
        "
{apiVersion: v1, kind: Namespace, metadata: {name: shop}}
---
{apiVersion: apps/v1, kind: Deployment, metadata: {name: web, namespace: shop}, spec: {replicas: 0,
  selector: {matchLabels: {app: web}}, template: {metadata: {labels: {app: web}}, spec: {containers: [{name: a, image: a}]}}}}
---
{apiVersion: v1, kind: Pod, metadata: {name: alone, namespace: shop}, spec: {containers: [{name: a, image: a}]}}
---
{apiVersion: v1, kind: Service, metadata: {name: front, namespace: shop}, spec: {ports: [{port: 80}]}}
---
{apiVersion: v1, kind: ConfigMap, metadata: {name: journal, namespace: shop, labels: {secpatch.patchkit.dev/fix: run-1}}}
---
{apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, spec: {podSelector: {}},
  metadata: {name: made, namespace: shop, labels: {netpolcheck.patchkit.dev/run: run-2}}}
",
    );
    let record = r#"drainsafe.patchkit.dev/run={"run":"run-3","by":"jane"}"#;
    let _ = cluster.kubectl(&["annotate", "node", "tab-b", record]).output().exits(0);

    // The words before TAB, and the candidates; kubectl's own completion puts a plugin's through.
    for (line, expected) in [
        ("drainsafe node ", &["tab-a", "tab-b"][..]),
        ("drainsafe node tab-b ", &["tab-a"]),
        ("drainsafe plan tab-a", &["tab-a"]),
        ("drainsafe node x", &[]),
        ("drainsafe plan -l pool", &["pool=blue"]),
        ("drainsafe node --selector=pool", &["pool=blue"]),
        ("drainsafe pool ", &["users"]),
        ("drainsafe pool --pool-label agent", &["agentpool"]),
        ("drainsafe pause ", &["run-3"]),
        ("drainsafe undo ", &["run-3"]),
        ("drainsafe resume ", &["run-3"]),
        ("drainsafe fit -n shop ", &["alone"]),
        ("drainsafe fit shop/", &["shop/alone"]),
        ("drainsafe fit -A ", &["shop/alone"]),
        ("drainsafe fit ", &[]),
        ("drainsafe node --context ", &["admin", "admin-cert", "nobody", "reader"]),
        ("secpatch plan -n sh", &["shop"]),
        ("secpatch cves --node tab-", &["tab-a", "tab-b"]),
        ("secpatch fix d", &["deployment/web"]),
        ("secpatch fix --undo=", &["run-1"]),
        ("secpatch plan --user adm", &["admin", "admin-cert"]),
        ("netpolcheck can i", &["internet"]),
        ("netpolcheck can sh", &["shop/"]),
        ("netpolcheck can internet shop/", &["shop/alone", "shop/deployment/web", "shop/svc/front"]),
        ("netpolcheck suggest --undo=", &["run-2"]),
        ("netpolcheck map --from=shop/a", &["shop/alone"]),
        // Whom the cluster does not know, it tells nothing; nothing is what is offered.
        ("drainsafe node --token=wrong ", &[]),
        ("drainsafe node --kubeconfig=/nowhere ", &[]),
        ("drainsafe node --context=nobody ", &[]),
        ("drainsafe node --context nowhere ", &[]),
        ("drainsafe plan -f . ", &[]),
    ] {
        let words = line.split(' ').map(str::to_owned);
        // On a machine that is busy with other things an answer may come too late: then TAB is pressed again.
        let ask = || cluster.kubectl(&["__complete"]).args(words.clone()).path_first(&plugins).output();
        let (answer, took) = cluster.wait_for(&format!("an answer to kubectl {line}<TAB>"), || {
            let began = Instant::now();
            let answer = ask();
            let is_late = candidates(&answer).0.is_empty() && !expected.is_empty();
            (!is_late).then(|| (answer, began.elapsed()))
        });
        let (found, directive) = candidates(&answer);
        assert_eq!(found, expected, "kubectl {line}<TAB>");
        let no_space = if expected == ["shop/"] { ":6" } else { ":4" };
        assert_eq!(directive, no_space, "kubectl {line}<TAB>");
        eprintln!("{:4} ms: kubectl {line}<TAB>", took.as_millis());
    }
    let denied = cluster.plugin("drainsafe").args(["__complete", "node", "--context=reader", ""]).output();
    assert_eq!((denied.stdout.as_str(), denied.stderr.as_str()), (":4\n", ""), "a user who may list nothing");

    // The cluster is away: nothing, without noise.
    cluster.kill("apiserver");
    let ask = |line: &str| cluster.kubectl(&["__complete"]).args(line.split(' ')).path_first(&plugins).output();
    let answer = ask("drainsafe node ");
    assert_eq!(candidates(&answer), (vec![], ":4"));
    let answer = ask("drainsafe node --context ad");
    assert_eq!(candidates(&answer), (vec!["admin", "admin-cert"], ":4"), "the kubeconfig is still there");
}

/// A shell at a terminal, and how it is made ready.
struct Shell {
    name: &'static str,
    args: &'static [&'static str],
    /// Loads what kubectl's own completion needs, then that, then a plugin's own script; and shows `ready` in the end.
    start: &'static str,
}

const SHELLS: [Shell; 3] = [
    Shell {
        name: "bash",
        args: &["--norc", "--noprofile", "-i"],
        // kubectl's script for bash needs a function of the package bash-completion, which is not everywhere.
        start: "PS1='> '; _get_comp_words_by_ref() { while [[ $1 == -* ]]; do shift 2; done; \
                cur=${COMP_WORDS[COMP_CWORD]}; prev=${COMP_WORDS[COMP_CWORD-1]}; words=(\"${COMP_WORDS[@]}\"); \
                cword=$COMP_CWORD; }; source <(kubectl completion bash); \
                source <(kubectl-drainsafe completion show bash); bind 'set bell-style none'; \
                bind 'set show-all-if-ambiguous on'; echo rea''dy\n",
    },
    Shell {
        name: "zsh",
        args: &["-f", "-i"],
        start: "PS1='> '; autoload -Uz compinit; compinit -u -D; source <(kubectl completion zsh); \
                source <(kubectl-drainsafe completion show zsh); setopt no_beep; echo rea''dy\n",
    },
    Shell {
        name: "fish",
        args: &["--no-config", "--interactive"],
        start: "function fish_prompt; echo '> '; end; kubectl completion fish | source; \
                kubectl-drainsafe completion show fish | source; echo rea''dy\n",
    },
];

#[expect(clippy::print_stderr, reason = "what was skipped, and how long it took, is for whoever looks")]
pub fn shells_offer_live_nodes() {
    let cluster = Cluster::own(&ClusterOptions::new().without_kubelets());
    let plugins = installed(&cluster);
    cluster.apply(NODES);
    let mut open = Vec::new();
    for shell in &SHELLS {
        if Command::new(shell.name).arg("--version").output().is_err() {
            eprintln!("skipped: {} is not on this machine", shell.name);
            continue;
        }
        open.push((shell.name, begin(shell, &cluster, &plugins)));
    }
    for (name, terminal) in &mut open {
        for line in ["kubectl drainsafe node ", "kubectl-drainsafe node ", "kubectl-drainsafe plan --context=admin "] {
            terminal.types(&format!("{CLEAR}{line}tab-"));
            terminal.until(&format!("{line}tab-"));
            let took = press_tab(terminal, &["tab-a", "tab-b"]);
            eprintln!("{:4} ms: {name}: {line}tab-<TAB>", took.as_millis());
            // The one that is left is put in whole; the words before are kept as they were typed.
            terminal.types("b");
            assert_eq!(printed(terminal), format!("{line}tab-b"), "{name}");
        }
        // What stands before an equals sign is not lost.
        for (typed, completed) in [
            ("kubectl-drainsafe plan --output=mar", "kubectl-drainsafe plan --output=markdown"),
            ("kubectl-drainsafe plan -n=def", "kubectl-drainsafe plan -n=default"),
            ("kubectl-drainsafe plan --namespace=def", "kubectl-drainsafe plan --namespace=default"),
        ] {
            terminal.types(&format!("{CLEAR}{typed}"));
            let _ = press_tab(terminal, &[completed]);
            assert_eq!(printed(terminal), completed, "{name}");
        }
    }
    cluster.kill("apiserver");
    for (name, terminal) in &mut open {
        for line in ["kubectl drainsafe plan ", "kubectl-drainsafe plan "] {
            terminal.types(&format!("{CLEAR}{line}\ttab-\t"));
            assert_eq!(printed(terminal), format!("{line}tab-"), "{name}");
            let shown = terminal.lines().join("\n");
            for noise in ["error", "refused", "connect", "tab-a", "panic", "kubectl_complete"] {
                assert!(!shown.to_lowercase().contains(noise), "{name} shows {noise:?}:\n{shown}");
            }
        }
    }
}

/// Presses TAB until these words are there; on a machine that is busy with other things an answer may come too late. Says
/// how long the press took that brought them.
fn press_tab(terminal: &mut Terminal, words: &[&str]) -> Duration {
    let end = Instant::now() + Duration::from_secs(120);
    loop {
        let began = Instant::now();
        terminal.types("\t");
        while began.elapsed() < Duration::from_secs(4) {
            let lines = terminal.lines();
            if words.iter().all(|word| lines.iter().any(|line| line.contains(word))) {
                return began.elapsed();
            }
            thread::sleep(Duration::from_millis(10));
        }
        assert!(Instant::now() < end, "{words:?} were never offered:\n{}", terminal.lines().join("\n"));
    }
}

/// Ctrl-L, which leaves nothing on the screen but the line that is being edited.
const CLEAR: char = '\u{c}';

fn begin(shell: &Shell, cluster: &Cluster, plugins: &Path) -> Terminal {
    // Nothing is kept from one TAB to the next: each asks the cluster.
    let run = cluster.run(shell.name).path_first(plugins).env("PATCHKIT_CACHE_DIR", "/dev/null/nowhere");
    let mut terminal = run.args(shell.args).in_terminal(160);
    terminal.types(shell.start);
    terminal.until("ready");
    terminal
}

/// Makes the line that is being edited one that prints itself, and runs it. Gives what it printed, without the blank
/// that completion puts behind a word.
fn printed(terminal: &mut Terminal) -> String {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    // Its number tells it from what an earlier line printed.
    let begin = format!("typed {}: ", NUMBER.fetch_add(1, Ordering::Relaxed));
    // Ctrl-A and Ctrl-E go to the beginning and to the end of a line, in all three.
    terminal.types(&format!("\u{1}echo '{begin}'\u{5} :end\n"));
    let is_it = |line: &String| line.starts_with(&begin) && line.ends_with(":end");
    terminal.until_so("the line, printed", |lines| lines.iter().any(is_it));
    let line = terminal.lines().into_iter().find(is_it).unwrap_or_default();
    line.trim_start_matches(&begin).trim_end_matches(":end").trim_end().to_owned()
}
