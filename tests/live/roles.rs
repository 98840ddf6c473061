//! Users who hold exactly a shipped role, or all of it but something.

use std::path::PathBuf;

use patchkit_test_support::{
    Cluster, Namespace, Output,
    rights::{Right, rights_of, rules},
};
use serde_json::{Value, json};

/// The manifest of a plugin's role, as the plugin prints it.
pub fn manifest(cluster: &Cluster, plugin: &str, level: &str) -> String {
    cluster.kubectl(&[plugin, "rbac", "--level", level]).output().exits(0).stdout
}

/// Makes a ServiceAccount and grants it a role, as the help of `rbac` says; gives its kubeconfig.
pub fn granted(cluster: &Cluster, namespace: &Namespace<'_>, plugin: &str, level: &str) -> PathBuf {
    let name = format!("{plugin}-{level}");
    let kubeconfig = namespace.account(&name);
    let whom = format!("serviceaccount:{}/{name}", namespace.name());
    let manifests = cluster.kubectl(&[plugin, "rbac", "--level", level, "--bind-to", &whom]).output().exits(0).stdout;
    let _ = cluster.kubectl(&["apply", "-f", "-"]).input(manifests).output().exits(0);
    until_bound(cluster, || {
        cluster.kubectl(&["auth", "can-i", "list", "pods", "-A"]).env("KUBECONFIG", &kubeconfig).output()
    });
    kubeconfig
}

/// Authorization knows of a binding a moment after it was made.
fn until_bound(cluster: &Cluster, mut ask: impl FnMut() -> Output) {
    cluster.wait_for("a binding to count", || (ask().code() == Some(0)).then_some(()));
}

/// A user who lacks some rights of a role.
pub struct Lacking {
    /// The name, for `--as`.
    pub user: String,
    /// What is lacking.
    pub rights: Vec<Right>,
}

/// For each list of rights a user who holds a role without them.
pub fn without(cluster: &Cluster, name: &str, role: &[Value], lists: Vec<Vec<Right>>) -> Vec<Lacking> {
    let group = "rbac.authorization.k8s.io";
    let mut items = Vec::new();
    let mut users = Vec::new();
    for (at, lacking) in lists.into_iter().enumerate() {
        let user = format!("{name}-without-{at}");
        let rules: Vec<Value> = lacking.iter().fold(role.to_vec(), |rules, right| less(&rules, right));
        let metadata = json!({"name": user});
        items.push(
            json!({"apiVersion": format!("{group}/v1"), "kind": "ClusterRole", "metadata": metadata, "rules": rules}),
        );
        items.push(json!({"apiVersion": format!("{group}/v1"), "kind": "ClusterRoleBinding", "metadata": metadata,
            "roleRef": {"apiGroup": group, "kind": "ClusterRole", "name": user},
            "subjects": [{"apiGroup": group, "kind": "User", "name": user}]}));
        users.push(Lacking { user, rights: lacking });
    }
    let list = json!({"apiVersion": "v1", "kind": "List", "items": items}).to_string();
    let _ = cluster.kubectl(&["create", "-f", "-"]).input(list).output().exits(0);
    for lacking in &users {
        // Any right of those that are left.
        let held = rules_left(role, &lacking.rights);
        let group = if held.group.is_empty() { String::new() } else { format!(".{}", held.group) };
        let what = format!("{}{group}", held.resource);
        let ask = ["auth", "can-i", &held.verb, &what, "-A", "--as", &lacking.user];
        until_bound(cluster, || cluster.kubectl(&ask).output());
    }
    users
}

fn rules_left(role: &[Value], lacking: &[Right]) -> Right {
    let all = role.iter().flat_map(rights_of);
    let mut left =
        all.filter(|right| !right.resource.starts_with('/') && right.verb == "list" && !lacking.contains(right));
    left.next().expect("a role with more than one right")
}

/// Rules without one right, and with all others.
fn less(rules: &[Value], lacking: &Right) -> Vec<Value> {
    let mut left = Vec::new();
    for rule in rules {
        if !rights_of(rule).contains(lacking) {
            left.push(rule.clone());
            continue;
        }
        let field = if lacking.resource.starts_with('/') { "nonResourceURLs" } else { "resources" };
        for (field, word) in [(field, &lacking.resource), ("verbs", &lacking.verb)] {
            let mut rest = rule.clone();
            if field == "verbs" {
                rest[if lacking.resource.starts_with('/') { "nonResourceURLs" } else { "resources" }] =
                    json!([lacking.resource]);
            }
            if let Some(words) = rest[field].as_array_mut() {
                words.retain(|it| it != word);
                if !words.is_empty() {
                    left.push(rest);
                }
            }
        }
    }
    left
}

/// The rights of each rule of a role.
pub fn by_rule(manifest: &str) -> (Vec<Value>, Vec<Vec<Right>>) {
    let rules = rules(manifest);
    let rights = rules.iter().map(|rule| rights_of(rule).into_iter().collect()).collect();
    (rules, rights)
}

/// All that a program said.
pub fn said(output: &Output) -> String {
    format!("{}{}", output.stdout, output.stderr)
}

/// The subcommands of a plugin, by its help.
pub fn commands(cluster: &Cluster, plugin: &str) -> Vec<String> {
    let help = cluster.kubectl(&[plugin, "--help"]).output().exits(0).stdout;
    let lines = help.lines().skip_while(|line| *line != "Commands:").skip(1).take_while(|line| !line.is_empty());
    let name = |line: &str| {
        line.strip_prefix("  ")
            .filter(|rest| !rest.starts_with(' '))
            .map(|rest| rest.split(' ').next().unwrap_or_default().to_owned())
    };
    lines.filter_map(name).collect()
}
