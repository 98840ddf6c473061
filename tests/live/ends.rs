//! Nothing is left of a cluster when its test run is over, in whatever way that ends.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;
use std::{env, fs, thread};

use patchkit_test_support::{Cluster, ClusterOptions};

/// With this variable, the test program offers one test: [`hold_a_cluster`].
pub const HOLD: &str = "PATCHKIT_TEST_HOLD_A_CLUSTER";

/// Never ends by itself: run by [`a_killed_test_run_leaves_no_process`], to be killed.
#[expect(clippy::print_stdout, reason = "the test that started this waits for the line")]
pub fn hold_a_cluster() {
    let cluster = Cluster::shared();
    let folder = cluster.kubeconfig().parent().unwrap();
    println!("\nholding {}", folder.display());
    loop {
        thread::sleep(Duration::from_secs(3600));
    }
}

pub fn a_cluster_ends_with_its_test() {
    let cluster = Cluster::own(&ClusterOptions::new());
    let folder = cluster.kubeconfig().parent().unwrap().to_owned();
    assert_eq!(processes_of(&folder).len(), 6);
    drop(cluster);
    assert_eq!(processes_of(&folder), Vec::<String>::new());
    assert!(!folder.exists());
}

pub fn a_killed_test_run_leaves_no_process() {
    // This one knows how to wait.
    let cluster = Cluster::shared();
    let mut run = Command::new(env::current_exe().unwrap())
        .args(["--exact", "ends::hold_a_cluster"])
        .env(HOLD, "1")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let lines = BufReader::new(run.stdout.take().unwrap()).lines().map_while(Result::ok);
    let folder = lines.filter_map(|line| line.strip_prefix("holding ").map(PathBuf::from)).next();
    let folder = folder.expect("the other test run should have started a cluster");
    assert_eq!(processes_of(&folder).len(), 6, "the supervisor and five components");
    run.kill().unwrap();
    run.wait().unwrap();
    cluster
        .wait_for("the end of what the killed test run had started", || processes_of(&folder).is_empty().then_some(()));
    // Its directory, which the next run would remove.
    fs::remove_dir_all(folder.parent().unwrap()).unwrap();
}

/// The command lines of all processes that work in a cluster's folder.
fn processes_of(folder: &Path) -> Vec<String> {
    let folder = folder.to_str().unwrap();
    let all = fs::read_dir("/proc").unwrap().flatten().filter_map(|entry| {
        // Ended in the meantime, or waited for by nobody: both have no command line.
        let line = String::from_utf8_lossy(&fs::read(entry.path().join("cmdline")).ok()?).replace('\0', " ");
        line.contains(folder).then_some(line)
    });
    all.collect()
}
