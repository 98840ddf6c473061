//! The filters against the scheduler's own plugins: on recorded clusters, and on random ones that are judged now.
//!
//! `PATCHKIT_FIT_SEED` and `PATCHKIT_FIT_COUNT` choose the random clusters; `tests/fit-sweep.sh` sets them.

use std::{
    collections::BTreeMap,
    env,
    io::{BufRead, BufReader, Read as _},
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use kubectl_drainsafe::fit;
use patchkit::snapshot::files::from_files;
use patchkit_test_support::{cluster_programs, why_no_cluster};
use serde::Deserialize;
use serde_json::value::RawValue;

/// A cluster with what the scheduler says of its pending pods.
#[derive(Deserialize)]
struct Case {
    name: String,
    objects: Box<RawValue>,
    pods: Vec<Verdict>,
}

/// A verdict, the scheduler's or ours.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Verdict {
    namespace: String,
    name: String,
    #[serde(default)]
    not_evaluated: Option<String>,
    feasible: Vec<String>,
    rejected: Vec<Rejected>,
}

#[derive(Debug, Deserialize)]
struct Rejected {
    node: String,
    filter: String,
    message: String,
}

/// How much was compared.
#[derive(Debug, Default)]
struct Compared {
    cases: usize,
    pods: usize,
    pairs: usize,
    feasible: usize,
    by_filter: BTreeMap<String, usize>,
    /// A "fits" where the scheduler says no: the worst of all differences.
    wrong_fits: usize,
    differences: Vec<String>,
}

impl Compared {
    fn case(&mut self, mut case: Case) {
        self.cases += 1;
        let snapshot = from_files(&["-".to_owned()], false, case.objects.get().as_bytes(), |_| {}).expect("objects");
        assert_eq!(snapshot.not_evaluated, [], "{}: what cannot be read", case.name);
        let judged = fit::judge(&snapshot, &fit::waiting(&snapshot, None));
        let ours: Vec<Verdict> = serde_json::from_value(serde_json::to_value(&judged.pods).unwrap()).unwrap();
        let key = |it: &Verdict| (it.namespace.clone(), it.name.clone());
        case.pods.sort_by_key(key);
        let names = |all: &[Verdict]| all.iter().map(key).collect::<Vec<_>>();
        if names(&ours) != names(&case.pods) {
            self.differences.push(format!(
                "{}: other pods: {:?}, not {:?}",
                case.name,
                names(&ours),
                names(&case.pods)
            ));
            return;
        }
        for (mine, theirs) in ours.iter().zip(&case.pods) {
            self.pod(&case.name, mine, theirs);
        }
    }

    fn pod(&mut self, case: &str, mine: &Verdict, theirs: &Verdict) {
        self.pods += 1;
        self.pairs += theirs.feasible.len() + theirs.rejected.len();
        self.feasible += theirs.feasible.len();
        for rejected in &theirs.rejected {
            *self.by_filter.entry(rejected.filter.clone()).or_default() += 1;
        }
        let pod = format!("{case}: {}/{}", mine.namespace, mine.name);
        if mine.not_evaluated != theirs.not_evaluated {
            let words = format!("{pod}: {:?}, not {:?}", mine.not_evaluated, theirs.not_evaluated);
            self.differences.push(words);
        }
        self.wrong_fits += mine.feasible.iter().filter(|node| !theirs.feasible.contains(node)).count();
        let outcomes = |it: &Verdict| -> BTreeMap<String, (String, String)> {
            let fits = it.feasible.iter().map(|node| (node.clone(), ("fits".to_owned(), String::new())));
            let rejected = it.rejected.iter().map(|it| (it.node.clone(), (it.filter.clone(), it.message.clone())));
            fits.chain(rejected).collect()
        };
        let (mine, theirs) = (outcomes(mine), outcomes(theirs));
        for (node, (filter, message)) in &theirs {
            let (my_filter, my_message) = mine.get(node).cloned().unwrap_or_default();
            if my_filter != *filter {
                self.differences
                    .push(format!("{pod} on {node}: {my_filter} ({my_message}), and not {filter} ({message})"));
            }
        }
        if mine.len() != theirs.len() {
            self.differences.push(format!("{pod}: {} nodes, not {}", mine.len(), theirs.len()));
        }
    }

    #[expect(clippy::print_stderr, reason = "the figures of a sweep")]
    fn end(&self, what: &str) {
        eprintln!(
            "{what}: {} clusters, {} pods, {} pairs of pod and node ({} fit; rejected by {}): {} differences, {} wrong \"fits\"",
            self.cases,
            self.pods,
            self.pairs,
            self.feasible,
            self.by_filter.iter().map(|(filter, count)| format!("{filter} {count}")).collect::<Vec<_>>().join(", "),
            self.differences.len(),
            self.wrong_fits,
        );
        let shown = &self.differences[..self.differences.len().min(30)];
        assert!(self.differences.is_empty(), "{}", shown.join("\n"));
        assert_eq!(self.wrong_fits, 0);
    }
}

/// The recorded answers, where they are there.
#[expect(clippy::print_stderr, reason = "a test that is skipped says so")]
fn recorded() -> Option<PathBuf> {
    let beside = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared");
    let path =
        env::var_os("PATCHKIT_SHARED").map_or_else(beside, PathBuf::from).join("oracles/scheduler/cases.json.gz");
    if path.is_file() {
        return Some(path);
    }
    eprintln!("skipped: {} is not there", path.display());
    None
}

#[test]
fn the_recorded_answers_of_the_scheduler_are_ours() {
    #[derive(Deserialize)]
    struct Cases {
        cases: Vec<Case>,
    }
    let Some(path) = recorded() else { return };
    let mut text = String::new();
    flate2::read::GzDecoder::new(std::fs::File::open(path).unwrap()).read_to_string(&mut text).unwrap();
    let cases: Cases = serde_json::from_str(&text).unwrap();
    let mut compared = Compared::default();
    cases.cases.into_iter().for_each(|case| compared.case(case));
    compared.end("recorded");
    assert!(compared.cases >= 300 && compared.pairs > 6000, "{compared:?}");
}

#[test]
fn the_scheduler_says_the_same_of_random_clusters() {
    if let Some(why) = why_no_cluster() {
        assert!(env::var_os("CI").is_none(), "{why}");
        return;
    }
    let setting = |name: &str, default: &str| env::var(name).unwrap_or_else(|_| default.to_owned());
    let (seed, count) = (setting("PATCHKIT_FIT_SEED", "4"), setting("PATCHKIT_FIT_COUNT", "300"));
    let programs = cluster_programs().unwrap_or_else(|error| panic!("{error}"));
    let mut cases = Command::new(programs.join("fitcases"))
        .args(["--seed", &seed, "--count", &count])
        .stdout(Stdio::piped())
        .spawn()
        .expect("fitcases");
    let mut judge = Command::new(programs.join("fitjudge"))
        .args(["--with-objects", "-"])
        .stdin(cases.stdout.take().expect("a pipe"))
        .stdout(Stdio::piped())
        .spawn()
        .expect("fitjudge");
    let mut compared = Compared::default();
    for line in BufReader::new(judge.stdout.take().expect("a pipe")).lines() {
        let case: Case = serde_json::from_str(&line.expect("a line")).expect("a case");
        compared.case(case);
    }
    assert!(cases.wait().expect("fitcases").success() && judge.wait().expect("fitjudge").success());
    compared.end(&format!("seed {seed}"));
    assert_eq!(compared.cases.to_string(), count);
}
