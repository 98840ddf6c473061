//! A namespace for one test, and users who may do only so much.

use std::fs;
use std::path::PathBuf;

use crate::cluster::Cluster;
use crate::run::Run;
use crate::scratch;

/// A namespace. Deleted, with what belongs to it, when it is dropped.
pub struct Namespace<'cluster> {
    cluster: &'cluster Cluster,
    name: String,
}

/// Something that a user may do: verbs on resources of API groups.
#[derive(Clone, Copy, Debug)]
pub struct Permission<'a> {
    /// API groups, `""` for the core.
    pub groups: &'a [&'a str],
    /// Resources, or `*`.
    pub resources: &'a [&'a str],
    /// Verbs, such as `list`.
    pub verbs: &'a [&'a str],
}

impl<'cluster> Namespace<'cluster> {
    #[track_caller]
    pub(crate) fn make(cluster: &'cluster Cluster, name: &str) -> Self {
        let _ = cluster.kubectl(&["create", "namespace", name]).output().exits(0);
        Self { cluster, name: name.to_owned() }
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// kubectl in this namespace, as administrator.
    #[must_use]
    pub fn kubectl(&self, args: &[&str]) -> Run {
        // Plugins want their name first.
        let mut run = self.cluster.kubectl(args);
        run = run.arg("--namespace").arg(&self.name);
        run
    }

    /// Makes the objects of a manifest here, as `kubectl apply` does.
    ///
    /// # Panics
    /// Where the server refuses one.
    #[track_caller]
    pub fn apply(&self, manifest: &str) {
        let _ = self.kubectl(&["apply", "-f", "-"]).input(manifest).output().exits(0);
    }

    /// Makes a user who may do this in the whole cluster and nothing else, and gives a kubeconfig that is theirs. What
    /// they may do ends with the namespace.
    ///
    /// # Panics
    /// Where the server refuses that.
    #[track_caller]
    #[must_use]
    pub fn user(&self, name: &str, may: &[Permission<'_>]) -> PathBuf {
        let id = self.kubectl(&["get", "namespace", &self.name, "-o", "jsonpath={.metadata.uid}"]).output().exits(0);
        // Roles for the whole cluster belong to no namespace, but may be owned by one.
        let metadata = serde_json::json!({
            "name": format!("{}-{name}", self.name),
            "ownerReferences": [{"apiVersion": "v1", "kind": "Namespace", "name": self.name, "uid": id.stdout}],
        });
        let rules: Vec<_> = may
            .iter()
            .map(|rule| serde_json::json!({"apiGroups": rule.groups, "resources": rule.resources, "verbs": rule.verbs}))
            .collect();
        let objects = serde_json::json!({"apiVersion": "v1", "kind": "List", "items": [
            {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": metadata, "rules": rules},
            {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding", "metadata": metadata,
             "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": metadata["name"]},
             "subjects": [{"kind": "ServiceAccount", "name": name, "namespace": self.name}]},
        ]});
        self.cluster.apply(&objects.to_string());
        self.account(name)
    }

    /// Makes a ServiceAccount, and gives a kubeconfig that is its own.
    ///
    /// # Panics
    /// Where the server refuses that.
    #[track_caller]
    #[must_use]
    pub fn account(&self, name: &str) -> PathBuf {
        let _ = self.kubectl(&["create", "serviceaccount", name]).output().exits(0);
        let token = self.kubectl(&["create", "token", name]).output().exits(0).stdout;
        let kubeconfig = serde_json::json!({
            "apiVersion": "v1", "kind": "Config", "current-context": name,
            "clusters": [{"name": "testcluster", "cluster": {
                "server": self.cluster.state().server, "certificate-authority": self.cluster.state().ca_file}}],
            "users": [{"name": name, "user": {"token": token.trim()}}],
            "contexts": [{"name": name, "context": {"cluster": "testcluster", "user": name, "namespace": self.name}}],
        });
        let path = scratch::directory(name).join("kubeconfig");
        fs::write(&path, kubeconfig.to_string()).expect("a file in a folder made just now");
        path
    }
}

impl Drop for Namespace<'_> {
    fn drop(&mut self) {
        // A cluster that a test has broken keeps it; it ends soon itself.
        let _ = self.cluster.kubectl(&["delete", "namespace", &self.name, "--wait=false"]).output();
    }
}
