//! The jobs that run in a cluster: their manifests, and the very command of their containers with the credentials that
//! a pod finds.

use std::fs;
use std::path::Path;

use patchkit_test_support::{Cluster, Run, scratch};
use serde_json::Value;

/// The manifests of a folder of the repository, one value a document.
fn documents(folder: &Path) -> Vec<Value> {
    let mut files: Vec<_> = fs::read_dir(folder).expect("a folder").map(|it| it.expect("a file").path()).collect();
    files.sort();
    let texts: Vec<String> = files.iter().map(|file| fs::read_to_string(file).expect("text")).collect();
    let split = texts.iter().flat_map(|text| text.split("\n---\n"));
    split
        .map(|document| serde_saphyr::from_str(document).unwrap_or_else(|error| panic!("{error}\n{document}")))
        .collect()
}

/// A command as a container runs it: no kubeconfig, a token under `/var/run/secrets`, and the server's address in the
/// environment. The folder can only be had in a mount namespace of one's own.
fn in_a_pod(cluster: &Cluster, account: &str, namespace: &str, command: &[&str]) -> Run {
    let credentials = scratch::directory("credentials");
    let token = cluster.kubectl(&["create", "token", account, "--namespace", namespace]).output().exits(0).stdout;
    fs::write(credentials.join("token"), token.trim()).expect("a token");
    fs::write(credentials.join("namespace"), namespace).expect("a namespace");
    fs::copy(&cluster.state().ca_file, credentials.join("ca.crt")).expect("an authority");
    let server = cluster.state().server.trim_start_matches("https://");
    let (host, port) = server.rsplit_once(':').expect("a port");
    // /var/run is a link to /run nearly everywhere.
    let script = "set -e; at=$(readlink -f /var/run); mount -t tmpfs none \"$at\"; \
                  mkdir -p /var/run/secrets/kubernetes.io; cp -r \"$0\" /var/run/secrets/kubernetes.io/serviceaccount; \
                  exec \"$@\"";
    Run::new("unshare")
        .with_kubectl()
        .args(["--user", "--map-root-user", "--mount", "sh", "-c", script])
        .arg(&credentials)
        .args(command)
        .env("HOME", "/nonexistent")
        .env("KUBERNETES_SERVICE_HOST", host)
        .env("KUBERNETES_SERVICE_PORT", port)
}

pub fn its_command_runs_in_the_cluster_with_its_own_role() {
    let cluster = Cluster::own_with_a_node();
    let folder = scratch::repository().join("deploy/cronjob");
    let path = folder.to_str().expect("a path");
    // Nothing of it is refused by our own judge.
    let judged = cluster.kubectl(&["secpatch", "pods", "--level", "restricted", "-f", path, "-o", "json"]).output();
    let report = judged.exits(0).report();
    let pods = report["pods"].as_array().expect("a list");
    assert!(pods.len() >= 2 && pods.iter().all(|pod| pod["allowed"] == true), "{pods:#?}");

    // As the file says: the roles, and then the manifests; in a trial first.
    for plugin in ["secpatch", "netpolcheck"] {
        let role = cluster.kubectl(&[plugin, "rbac"]).output().exits(0).stdout;
        let _ = cluster.kubectl(&["apply", "-f", "-"]).input(role).output().exits(0);
    }
    let _ = cluster.kubectl(&["apply", "-f", &format!("{path}/namespace.yaml")]).output().exits(0);
    let tried = cluster.kubectl(&["apply", "--dry-run=server", "-f", path]).output().exits(0);
    assert!(!tried.stderr.contains("Warning"), "{}", tried.stderr);
    let _ = cluster.kubectl(&["apply", "-f", path]).output().exits(0);

    let jobs: Vec<Value> = documents(&folder).into_iter().filter(|it| it["kind"] == "CronJob").collect();
    assert_eq!(jobs.len(), 2);
    for job in jobs {
        let name = job["metadata"]["name"].as_str().expect("a name");
        let pod = &job["spec"]["jobTemplate"]["spec"]["template"]["spec"];
        let account = pod["serviceAccountName"].as_str().expect("an account");
        let container = &pod["containers"][0];
        let command: Vec<&str> =
            container["command"].as_array().expect("words").iter().filter_map(Value::as_str).collect();
        assert!(container["args"].is_null(), "the command is all of it");
        let get = |what: &str, name: &str| {
            cluster.kubectl(&["get", what, name, "-n", "patchkit", "-o", "json"]).output().exits(0).json()
        };
        assert!(get("configmap", name)["data"].is_null());
        // Authorization knows of the bindings a moment after they were made.
        let output = cluster.wait_for("the bindings to count", || {
            let output = in_a_pod(&cluster, account, "patchkit", &command).output();
            (!output.stderr.contains("orbidden") && !output.stdout.contains("orbidden")).then_some(output)
        });
        // Whatever an administrator does not see here either is no matter of rights.
        let all_but_place = |word: &&&str| !word.starts_with("--publish");
        let of_admin: Vec<&str> = command[1..].iter().filter(all_but_place).copied().collect();
        let plugin = command[0].strip_prefix("kubectl-").expect("a plugin");
        let of_admin = cluster.plugin(plugin).args(&of_admin).output().code().expect("an exit code");
        let output = output.exits(of_admin);
        let kept = &get("configmap", name)["data"];
        assert_eq!(kept["report.md"], output.stdout, "the log is the report");
        let report: Value = serde_json::from_str(kept["report.json"].as_str().expect("text")).expect("JSON");
        assert_eq!(report["kind"], if plugin == "secpatch" { "PlanReport" } else { "LintReport" });
        assert!(
            kept["summary"].as_str().is_some_and(|line| line.contains(&format!("exit code {of_admin}"))),
            "{kept:#}"
        );

        // The control plane makes such a pod, and its admission lets it in.
        let made = format!("{name}-now");
        let from = format!("--from=cronjob/{name}");
        let _ = cluster.kubectl(&["create", "job", &made, &from, "-n", "patchkit"]).output().exits(0);
        let _ = cluster.wait(&["-n", "patchkit", &format!("job/{made}")], "condition=Complete");

        // Nothing else can be written or read with that account.
        let user = format!("system:serviceaccount:patchkit:{account}");
        for (verb, what) in [
            ("create", "configmaps"),
            ("patch", "configmaps"),
            ("list", "secrets"),
            ("get", "secrets"),
            ("delete", "pods"),
        ] {
            let answer = cluster.kubectl(&["auth", "can-i", verb, what, "-n", "patchkit", "--as", &user]).output();
            assert_eq!(answer.exits(1).stdout.trim(), "no", "{verb} {what}");
        }
        // Where its ConfigMap is gone, it says which right it would need.
        let _ = cluster.kubectl(&["delete", "configmap", name, "-n", "patchkit"]).output().exits(0);
        let denied = in_a_pod(&cluster, account, "patchkit", &command).output().exits(3).stderr;
        assert!(
            denied.contains("cannot create resource \"configmaps\"") && denied.contains("hint: kubectl"),
            "{denied}"
        );
    }
}
