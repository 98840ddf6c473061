//! `kubectl secpatch posture` on a real cluster: as an administrator, as somebody who may list, and as nobody.

use std::collections::BTreeSet;
use std::path::Path;

use patchkit_test_support::{Cluster, FaultProxy, Permission, Upstream};
use serde_json::{Value, json};

use crate::secpatch_apis::{refused, user_who_may_list};

fn posture(cluster: &Cluster, kubeconfig: &Path, args: &[&str]) -> Value {
    let run = cluster.kubectl(&["secpatch", "posture", "-o", "json", "--fail-on=none"]).args(args);
    run.env("KUBECONFIG", kubeconfig).output().report()
}

fn check<'r>(report: &'r Value, id: &str) -> &'r Value {
    let all = report["checks"].as_array().expect("a list");
    all.iter().find(|it| it["id"] == id).unwrap_or_else(|| panic!("no check {id}"))
}

fn names(check: &Value) -> BTreeSet<&str> {
    check["objects"].as_array().into_iter().flatten().map(|it| it["name"].as_str().expect("a name")).collect()
}

pub fn reads_the_metadata_of_token_secrets_and_no_more() {
    let cluster = Cluster::shared();
    let namespace = cluster.namespace("token-secrets");
    // Applied, so that the data stands in an annotation as well.
    let password =
        json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "password"}, "data": {"a": "c2VjcmV0"}});
    let token = json!({"apiVersion": "v1", "kind": "Secret", "type": "kubernetes.io/service-account-token",
        "metadata": {"name": "for-ever", "annotations": {"kubernetes.io/service-account.name": "default"}}});
    namespace.apply(&json!({"apiVersion": "v1", "kind": "List", "items": [password, token]}).to_string());
    let data = cluster.wait_for("the token", || {
        let secret = namespace.kubectl(&["get", "secret", "for-ever", "-o", "json"]).output().exits(0).json();
        secret["data"]["token"].as_str().map(str::to_owned)
    });

    let proxy = FaultProxy::start(Upstream::kubeconfig(cluster.kubeconfig()));
    let url = proxy.url();
    let ask = |args: &[&str]| {
        proxy.forget_requests();
        let all = ["secpatch", "posture", "-o", "json", "--fail-on=none", "--server", &url];
        let output = cluster.kubectl(&all).args(args).output();
        assert!(!output.stdout.contains("c2VjcmV0") && !output.stdout.contains(&data), "a Secret's data");
        (output.report(), proxy.requests())
    };
    let (report, requests) = ask(&[]);
    let of_secrets: Vec<_> = requests.iter().filter(|it| it.path.split('/').any(|part| part == "secrets")).collect();
    assert!(!of_secrets.is_empty());
    for request in of_secrets {
        assert_eq!((request.method.as_str(), request.path.as_str()), ("GET", "/api/v1/secrets"));
        let metadata = "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io";
        assert_eq!(request.header("accept"), Some(metadata), "no second choice");
        let selector = request.parameter("fieldSelector");
        assert_eq!(selector.as_deref(), Some("type=kubernetes.io/service-account-token"));
    }
    // Besides, it reads and asks who it is, and writes nothing.
    let others = requests.iter().filter(|it| it.method != "GET");
    assert!(others.clone().all(|it| it.path.contains("/selfsubject")), "{:?}", others.collect::<Vec<_>>());
    let found = check(&report, "credentials-token-secrets");
    assert!(names(found).contains("for-ever") && !names(found).contains("password"), "{found:#}");
    let (_, requests) = ask(&["--skip", "credentials-token-secrets"]);
    assert!(!requests.iter().any(|it| it.path.contains("secrets")));

    // A role that forbids Secrets and nothing else that is asked for.
    let asked: BTreeSet<String> = requests.into_iter().map(|request| request.path).collect();
    let kubeconfig = user_who_may_list(&namespace, "lister", &asked);
    let report = posture(&cluster, &kubeconfig, &[]);
    assert!(refused(&report).is_empty(), "nobody asks for what is known to be denied: {report:#}");
    let left = report["notEvaluated"].as_array().unwrap().iter();
    let left = left.clone().find(|it| it["what"] == "the check credentials-token-secrets").expect("it is named");
    assert!(left["why"].as_str().unwrap().contains("list resource \"secrets\"") && left["hidden"] == true, "{left:#}");
    assert_eq!(check(&report, "credentials-token-secrets")["status"], "unknown");
    assert_eq!(
        check(&report, "rbac-cluster-admin")["status"],
        check(&posture(&cluster, cluster.kubeconfig(), &[]), "rbac-cluster-admin")["status"]
    );
}

pub fn tells_who_asks_and_what_is_there() {
    let cluster = Cluster::shared();
    let (open, fenced) = (cluster.namespace("posture-open"), cluster.namespace("posture-fenced"));
    fenced.apply(
        "{apiVersion: v1, kind: List, items: [\
         {apiVersion: v1, kind: ResourceQuota, metadata: {name: q}, spec: {hard: {pods: 9}}}, \
         {apiVersion: v1, kind: LimitRange, metadata: {name: l}, spec: {limits: [{type: Container, default: {cpu: 1}}]}}, \
         {apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, metadata: {name: p}, spec: {podSelector: {}}}]}",
    );
    // Workloads and rights that leave something out, and beside them such that do not.
    open.apply(
        "{apiVersion: v1, kind: List, items: [\
         {apiVersion: apps/v1, kind: Deployment, metadata: {name: bare}, spec: {replicas: 2, selector: {matchLabels: {app: bare}}, \
          template: {metadata: {labels: {app: bare}}, spec: {runtimeClassName: nowhere, containers: [{name: a, image: a}]}}}}, \
         {apiVersion: rbac.authorization.k8s.io/v1, kind: Role, metadata: {name: wild}, rules: [{apiGroups: [''], resources: ['*'], verbs: ['*']}]}, \
         {apiVersion: rbac.authorization.k8s.io/v1, kind: RoleBinding, metadata: {name: too-much}, \
          roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: wild}, subjects: [{kind: ServiceAccount, name: default}]}]}",
    );
    fenced.apply(
        "{apiVersion: v1, kind: List, items: [\
         {apiVersion: apps/v1, kind: Deployment, metadata: {name: whole}, spec: {replicas: 2, selector: {matchLabels: {app: whole}}, \
          template: {metadata: {labels: {app: whole}}, spec: {automountServiceAccountToken: false, containers: [{name: a, image: a, \
          readinessProbe: {tcpSocket: {port: 80}}, resources: {requests: {memory: 1Mi}}}]}}}}, \
         {apiVersion: policy/v1, kind: PodDisruptionBudget, metadata: {name: b}, spec: {maxUnavailable: 1, selector: {matchLabels: {app: whole}}}}, \
         {apiVersion: rbac.authorization.k8s.io/v1, kind: Role, metadata: {name: narrow}, \
          rules: [{apiGroups: [''], resources: [secrets], resourceNames: [tls], verbs: [get]}]}, \
         {apiVersion: rbac.authorization.k8s.io/v1, kind: RoleBinding, metadata: {name: enough}, \
          roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: narrow}, subjects: [{kind: ServiceAccount, name: robot}]}]}",
    );
    let label = "pod-security.kubernetes.io/enforce=restricted";
    let _ = cluster.kubectl(&["label", "namespace", fenced.name(), label]).output().exits(0);
    let report = posture(&cluster, cluster.kubeconfig(), &[]);
    let me = check(&report, "identity");
    assert_eq!(me["status"], "fail", "{me:#}");
    let evidence = me["evidence"].as_str().unwrap();
    assert!(evidence.contains("admin") && evidence.contains("system:masters"), "{evidence}");
    assert!(check(&report, "identity-rights")["evidence"].as_str().unwrap().contains("everything"), "{report:#}");
    for id in ["namespace-quota", "namespace-limits", "namespace-isolation", "namespace-pod-security"] {
        let names = names(check(&report, id));
        assert!(names.contains(open.name()) && !names.contains(fenced.name()), "{id}: {names:?}");
    }
    for (id, wrong, right) in [
        ("workload-requests", "bare", "whole"),
        ("workload-readiness", "bare", "whole"),
        ("workload-budget", "bare", "whole"),
        ("runtime-without-sandbox", "bare", "whole"),
        ("rbac-wildcards", "wild", "narrow"),
        ("rbac-secrets", "too-much", "enough"),
        ("rbac-create-pods", "too-much", "enough"),
        ("rbac-default-service-account", "too-much", "enough"),
    ] {
        let names = names(check(&report, id));
        assert!(names.contains(wrong) && !names.contains(right), "{id}: {names:?}");
    }
    // What every API server gives to everybody is meant so.
    let everybody = names(check(&report, "rbac-everybody"));
    assert!(!everybody.iter().any(|name| name.starts_with("system:")), "{everybody:?}");
    // The account of the pods has rights, so that its token is of use.
    assert!(!names(check(&report, "token-automount")).contains("bare"));
    // The test cluster has no pod of its API server, and hides it from everybody in the same way.
    assert_eq!(check(&report, "api-server-audit-policy")["status"], "unknown");

    let may = |resources: &'static [&'static str], verbs: &'static [&'static str]| Permission {
        groups: &[""],
        resources,
        verbs,
    };
    let kubeconfig = open.user("busy", &[may(&["pods/exec"], &["create"]), may(&["nodes"], &["list", "update"])]);
    let report = posture(&cluster, &kubeconfig, &[]);
    let me = check(&report, "identity");
    assert_eq!(me["status"], "pass", "{me:#}");
    assert!(me["evidence"].as_str().unwrap().starts_with(&format!("system:serviceaccount:{}:busy", open.name())));
    let rights = check(&report, "identity-rights");
    assert_eq!(rights["status"], "warn", "{rights:#}");
    let evidence = rights["evidence"].as_str().unwrap();
    assert!(evidence.contains("create pods/exec") && evidence.contains("update nodes"), "{evidence}");
}

pub fn says_of_nothing_that_it_is_clean_where_nothing_may_be_read() {
    let cluster = Cluster::shared();
    let namespace = cluster.namespace("posture-nobody");
    let kubeconfig = namespace.user("nobody", &[]);
    let report = posture(&cluster, &kubeconfig, &[]);
    let own = ["identity", "identity-rights", "credentials-kubeconfig"];
    for line in report["checks"].as_array().unwrap().iter().filter(|it| !own.contains(&it["id"].as_str().unwrap())) {
        assert_eq!(line["status"], "unknown", "{line:#}");
    }
    assert_eq!(check(&report, "identity")["status"], "pass");
    assert!(
        report["notEvaluated"]
            .as_array()
            .unwrap()
            .iter()
            .any(|it| it["what"] == "clusterroles.rbac.authorization.k8s.io")
    );
    assert!(!report["findings"].as_array().unwrap().iter().any(|it| it["id"].as_str().unwrap().starts_with("rbac")));
}
