//! Users who may do less than everything.

use patchkit_test_support::{Cluster, Permission};

pub fn a_user_may_do_what_was_granted_and_no_more() {
    let cluster = Cluster::shared();
    let namespace = cluster.namespace("users");
    let pods = Permission { groups: &[""], resources: &["pods"], verbs: &["list"] };
    let kubeconfig = namespace.user("limited", &[pods]);
    let get = |what: &str| cluster.kubectl(&["get", what, "-A"]).env("KUBECONFIG", &kubeconfig).output();
    let _ = get("pods").exits(0);
    let denied = get("secrets").exits(1).stderr;
    assert!(denied.contains("Error from server (Forbidden): secrets is forbidden"), "{denied}");
    assert!(denied.contains(&format!("system:serviceaccount:{}:limited", namespace.name())), "{denied}");
}

pub fn an_unknown_user_is_told_so() {
    let cluster = Cluster::shared();
    let _ = cluster.kubectl(&["get", "nodes", "--context", "admin-cert"]).output().exits(0);
    let reader = cluster.kubeconfig_of("reader");
    let denied = cluster.kubectl(&["get", "nodes"]).env("KUBECONFIG", reader).output().exits(1).stderr;
    assert!(denied.contains("User \"reader\" cannot list resource \"nodes\""), "{denied}");
    let denied = cluster.kubectl(&["get", "nodes", "--token", "wrong", "--user="]).output().exits(1).stderr;
    assert!(denied.contains("You must be logged in to the server"), "{denied}");
}
