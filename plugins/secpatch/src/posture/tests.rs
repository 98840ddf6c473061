//! Each check on the smallest cluster that it finds something in, and on one that only looks like it.

use patchkit::{cluster::KubeconfigUser, cluster::TokenLife, report::CheckStatus, rules::Certificate};

use super::{
    catalogue::checks,
    exceptions::Exceptions,
    make::{Options, Wanted, make},
    model::{CheckLine, Posture},
    own::{Danger, Me, Own, Rights},
};
use crate::testing::Cluster;

fn nobody() -> Own {
    Own::of_files(None)
}

/// What is made of files that hold the whole cluster.
fn posture(yaml: &str, own: &Own) -> Posture {
    let mut cluster = Cluster::of(yaml);
    cluster.snapshot.take_as_complete();
    make(cluster.subject(), own, Options::default())
}

fn line(posture: &Posture, id: &str) -> CheckLine {
    posture.checks.iter().find(|line| line.id == id).unwrap_or_else(|| panic!("no check {id}")).clone()
}

/// A kube-apiserver's pod with these arguments.
fn server(args: &str) -> String {
    format!(
        "apiVersion: v1\nkind: Pod\nmetadata: {{name: kube-apiserver-a, namespace: kube-system, annotations: \
         {{kubernetes.io/config.mirror: x}}}}\nspec: {{containers: [{{name: s, image: 'registry.k8s.io/kube-apiserver:v1.34.1', \
         command: [kube-apiserver{args}]}}]}}\n"
    )
}

/// A ClusterRole with one rule, bound to one subject.
fn bound(rule: &str, subject: &str) -> String {
    format!(
        "apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata: {{name: r}}\nrules: [{{{rule}}}]\n---\n\
         apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRoleBinding\nmetadata: {{name: b}}\n\
         roleRef: {{kind: ClusterRole, name: r}}\nsubjects: [{subject}]\n"
    )
}

fn bound_to(role: &str, subject: &str) -> String {
    format!(
        "apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRoleBinding\nmetadata: {{name: b}}\n\
         roleRef: {{kind: ClusterRole, name: {role}}}\nsubjects: [{subject}]\n"
    )
}

fn deployment(metadata: &str, spec: &str, template: &str) -> String {
    format!(
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: web, namespace: shop{metadata}}}\n\
         spec: {{replicas: 2{spec}, template: {{metadata: {{labels: {{app: web}}}}, spec: {{{template}}}}}}}\n"
    )
}

fn namespaced(namespace: &str, more: &str) -> String {
    format!("apiVersion: v1\nkind: Namespace\nmetadata: {{name: {namespace}}}\n---\n{more}\n")
}

const ADA: &str = "{kind: User, name: ada}";
const ROBOT: &str = "{kind: ServiceAccount, name: robot, namespace: kube-system}";

/// The check, a cluster in which it finds something, and one that comes close.
fn cases() -> Vec<(&'static str, String, String)> {
    let rules = |verbs: &str, group: &str, resources: &str| {
        format!("verbs: [{verbs}], apiGroups: ['{group}'], resources: [{resources}]")
    };
    let right = |verbs: &str, group: &str, resources: &str| {
        (bound(&rules(verbs, group, resources), ADA), bound(&rules(verbs, group, resources), ROBOT))
    };
    let mut all = vec![
        ("api-server-anonymous-auth", server(""), server(", --anonymous-auth=false")),
        ("api-server-static-tokens", server(", --token-auth-file=/x"), server(", --audit-policy-file=/x")),
        ("api-server-authorization", server(", '--authorization-mode=Node,Webhook'"), server(", '--authorization-mode=Node,RBAC'")),
        ("api-server-people", server(""), server(", '--oidc-issuer-url=https://x'")),
        ("api-server-audit-policy", server(", --audit-log-path=/x"), server(", --audit-policy-file=/x")),
        (
            "api-server-audit-log",
            server(", --audit-log-path=/x, --audit-log-maxage=29, --audit-log-maxbackup=10, --audit-log-maxsize=100"),
            server(", --audit-log-path=/x, --audit-log-maxage=30, --audit-log-maxbackup=10, --audit-log-maxsize=100"),
        ),
        ("api-server-encryption", server(""), server(", --encryption-provider-config=/x")),
        (
            "api-server-admission",
            server(", --enable-admission-plugins=NodeRestriction, --disable-admission-plugins=PodSecurity"),
            server(", --enable-admission-plugins=NodeRestriction, --disable-admission-plugins=DefaultStorageClass"),
        ),
        ("api-server-external-ips", server(""), server(", --enable-admission-plugins=DenyServiceExternalIPs")),
        ("api-server-always-pull", server(""), server(", --enable-admission-plugins=AlwaysPullImages")),
        ("api-server-event-rate-limit", server(""), server(", --enable-admission-plugins=EventRateLimit")),
        (
            "image-policy",
            server("")
                + "---\napiVersion: admissionregistration.k8s.io/v1\nkind: ValidatingAdmissionPolicy\nmetadata: {name: p}\n\
                   spec: {validations: [{expression: 'object.spec.containers.all(c, c.image.startsWith(\"x/\"))'}]}\n",
            server("")
                + "---\napiVersion: admissionregistration.k8s.io/v1\nkind: ValidatingAdmissionPolicy\nmetadata: {name: p}\n\
                   spec: {validations: [{expression: 'object.spec.containers.all(c, c.image.startsWith(\"x/\"))'}]}\n---\n\
                   apiVersion: admissionregistration.k8s.io/v1\nkind: ValidatingAdmissionPolicyBinding\nmetadata: {name: b}\n\
                   spec: {policyName: p, validationActions: [Deny]}\n",
        ),
        ("rbac-cluster-admin", bound_to("cluster-admin", ADA), bound_to("cluster-admin", "{kind: Group, name: 'system:masters'}")),
        (
            "rbac-everybody",
            bound_to("view", "{kind: Group, name: 'system:authenticated'}"),
            bound_to("system:discovery", "{kind: Group, name: 'system:authenticated'}"),
        ),
        ("rbac-wildcards", bound(&rules("'*'", "apps", "deployments"), ADA), bound(&rules("get", "'*'", "pods"), ADA).replace("''*''", "'*'")),
        (
            "rbac-secrets",
            bound(&rules("list", "", "secrets"), ADA),
            bound(&(rules("get", "", "secrets") + ", resourceNames: [tls]"), ADA),
        ),
        (
            "rbac-escalation",
            bound(&(rules("impersonate", "", "groups") + ", resourceNames: ['system:masters']"), ADA),
            bound(&(rules("impersonate", "", "groups") + ", resourceNames: [dev]"), ADA),
        ),
        (
            "rbac-default-service-account",
            bound_to("view", "{kind: ServiceAccount, name: default, namespace: shop}"),
            bound_to("view", "{kind: User, name: default}"),
        ),
        (
            "token-automount",
            deployment("", "", "serviceAccountName: a, containers: [{name: a}]"),
            deployment("", "", "serviceAccountName: a, containers: [{name: a}]")
                + "---\napiVersion: v1\nkind: ServiceAccount\nmetadata: {name: a, namespace: shop}\nautomountServiceAccountToken: false\n",
        ),
        (
            "credentials-token-secrets",
            "apiVersion: v1\nkind: Secret\nmetadata: {name: t, namespace: shop, annotations: {kubernetes.io/service-account.name: a}}\n".to_owned(),
            "apiVersion: v1\nkind: Secret\nmetadata: {name: t, namespace: shop, annotations: {kubernetes.io/service-account.name: a}, \
             labels: {kubernetes.io/legacy-token-invalid-since: '2026-01-01'}}\n---\napiVersion: v1\nkind: Secret\nmetadata: {name: tls}\n".to_owned(),
        ),
        (
            "namespace-pod-security",
            "apiVersion: v1\nkind: Namespace\nmetadata: {name: shop, labels: {pod-security.kubernetes.io/enforce: privileged}}\n".to_owned(),
            "apiVersion: v1\nkind: Namespace\nmetadata: {name: shop, labels: {pod-security.kubernetes.io/enforce: baseline}}\n---\n\
             apiVersion: v1\nkind: Namespace\nmetadata: {name: kube-system}\n".to_owned(),
        ),
        (
            "namespace-isolation",
            namespaced("shop", "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: p, namespace: shop}\nspec: {podSelector: {}, policyTypes: [Ingress], ingress: [{}]}"),
            namespaced("shop", "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: p, namespace: shop}\nspec: {podSelector: {}, policyTypes: [Ingress]}"),
        ),
        (
            "network-policy-coverage",
            "apiVersion: v1\nkind: Pod\nmetadata: {name: a, namespace: shop, labels: {app: a}}\nspec: {containers: [{name: a}]}\n---\n\
             apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: p, namespace: shop}\nspec: {podSelector: {matchLabels: {app: b}}}\n".to_owned(),
            "apiVersion: v1\nkind: Pod\nmetadata: {name: a, namespace: shop, labels: {app: a}}\nspec: {containers: [{name: a}]}\n---\n\
             apiVersion: v1\nkind: Pod\nmetadata: {name: h, namespace: shop}\nspec: {hostNetwork: true, containers: [{name: a}]}\n---\n\
             apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: p, namespace: shop}\nspec: {podSelector: {matchLabels: {app: a}}}\n".to_owned(),
        ),
        (
            "namespace-quota",
            namespaced("shop", "apiVersion: v1\nkind: ResourceQuota\nmetadata: {name: q, namespace: other}"),
            namespaced("shop", "apiVersion: v1\nkind: ResourceQuota\nmetadata: {name: q, namespace: shop}"),
        ),
        (
            "namespace-limits",
            namespaced("shop", "apiVersion: v1\nkind: LimitRange\nmetadata: {name: q, namespace: other}"),
            namespaced("shop", "apiVersion: v1\nkind: LimitRange\nmetadata: {name: q, namespace: shop}"),
        ),
        (
            "default-namespace",
            "apiVersion: v1\nkind: Pod\nmetadata: {name: a, namespace: default}\nspec: {containers: [{name: a}]}\n".to_owned(),
            "apiVersion: v1\nkind: Pod\nmetadata: {name: a, namespace: default, ownerReferences: [{apiVersion: apps/v1, kind: ReplicaSet, name: r, controller: true}]}\nspec: {containers: [{name: a}]}\n".to_owned(),
        ),
        (
            "workload-requests",
            deployment("", "", "containers: [{name: a, resources: {requests: {cpu: 1}}}]"),
            deployment("", "", "containers: [{name: a, resources: {requests: {cpu: 1}}}]")
                + "---\napiVersion: v1\nkind: LimitRange\nmetadata: {name: l, namespace: shop}\nspec: {limits: [{type: Container, default: {memory: 1Gi}}]}\n",
        ),
        (
            "workload-readiness",
            deployment("", "", "containers: [{name: a, livenessProbe: {tcpSocket: {port: 1}}}]"),
            deployment("", "", "readinessGates: [{conditionType: x}], containers: [{name: a}]"),
        ),
        (
            "workload-liveness",
            deployment("", "", "containers: [{name: a, readinessProbe: {tcpSocket: {port: 1}}}]"),
            deployment("", "", "containers: [{name: a}, {name: b, livenessProbe: {tcpSocket: {port: 1}}}]"),
        ),
        (
            "workload-budget",
            deployment("", "", "containers: [{name: a}]")
                + "---\napiVersion: policy/v1\nkind: PodDisruptionBudget\nmetadata: {name: b, namespace: other}\nspec: {selector: {matchLabels: {app: web}}}\n",
            deployment("", "", "containers: [{name: a}]")
                + "---\napiVersion: policy/v1\nkind: PodDisruptionBudget\nmetadata: {name: b, namespace: shop}\nspec: {selector: {matchLabels: {app: web}}}\n",
        ),
        (
            "workload-single-replica",
            deployment("", "", "containers: [{name: a}]").replace("replicas: 2", "replicas: 1"),
            deployment("", "", "containers: [{name: a}]").replace("replicas: 2", "replicas: 0"),
        ),
        (
            "runtime-agent",
            "apiVersion: v1\nkind: Pod\nmetadata: {name: a, namespace: falco}\nspec: {nodeName: n, containers: [{name: a, image: 'falcosecurity/falcosidekick:2'}]}\n".to_owned(),
            "apiVersion: v1\nkind: Node\nmetadata: {name: n}\n---\napiVersion: v1\nkind: Pod\nmetadata: {name: a, namespace: falco}\nspec: {nodeName: n, containers: [{name: a, image: 'falcosecurity/falco:0.41.0'}]}\n".to_owned(),
        ),
        (
            "runtime-sandbox",
            "apiVersion: node.k8s.io/v1\nkind: RuntimeClass\nmetadata: {name: nvidia}\nhandler: nvidia\n".to_owned(),
            "apiVersion: node.k8s.io/v1\nkind: RuntimeClass\nmetadata: {name: safe}\nhandler: runsc\n".to_owned(),
        ),
        (
            "runtime-without-sandbox",
            deployment("", "", "runtimeClassName: gvisor, containers: [{name: a}]")
                + "---\napiVersion: node.k8s.io/v1\nkind: RuntimeClass\nmetadata: {name: gvisor}\nhandler: runc\n",
            deployment("", "", "runtimeClassName: gvisor, containers: [{name: a}]")
                + "---\napiVersion: node.k8s.io/v1\nkind: RuntimeClass\nmetadata: {name: gvisor}\nhandler: runsc\n",
        ),
        (
            "node-os-spread",
            nodes("osImage: A, architecture: amd64", "osImage: B, architecture: amd64"),
            nodes("osImage: A, architecture: amd64", "osImage: B, architecture: arm64"),
        ),
        (
            "node-kernel-spread",
            nodes("kernelVersion: '6.8', architecture: amd64", "kernelVersion: '6.9', architecture: amd64"),
            nodes("kernelVersion: '6.8', osImage: A", "kernelVersion: '6.8', osImage: B"),
        ),
    ];
    for (id, (found, near)) in [
        ("rbac-create-pods", right("create", "", "pods")),
        ("rbac-exec", right("create", "", "pods/exec")),
        ("rbac-persistent-volumes", right("create", "", "persistentvolumes")),
        ("rbac-nodes-proxy", right("get", "", "nodes/proxy")),
        ("rbac-approve-certificates", right("update", "certificates.k8s.io", "certificatesigningrequests/approval")),
        ("rbac-webhooks", right("patch", "admissionregistration.k8s.io", "mutatingwebhookconfigurations")),
        ("rbac-create-tokens", right("create", "", "serviceaccounts/token")),
    ] {
        all.push((id, found, near));
    }
    all
}

fn nodes(a: &str, b: &str) -> String {
    let node = |name: &str, info: &str| {
        format!(
            "apiVersion: v1\nkind: Node\nmetadata: {{name: {name}, labels: {{nodepool: web}}}}\nstatus: {{nodeInfo: {{{info}}}}}\n"
        )
    };
    format!("{}---\n{}", node("a", a), node("b", b))
}

#[test]
fn every_check_finds_what_is_wrong_and_leaves_what_only_looks_like_it() {
    let cases = cases();
    for (id, wrong, near) in &cases {
        let found = line(&posture(wrong, &nobody()), id);
        assert!(matches!(found.status, CheckStatus::Fail | CheckStatus::Warn), "{id}: {found:?}\n{wrong}");
        let passed = line(&posture(near, &nobody()), id);
        assert_eq!(passed.status, CheckStatus::Pass, "{id}: {passed:?}\n{near}");
    }
    // Those that need no cluster have tests of their own.
    let apart = ["identity", "identity-rights", "credentials-certificates", "credentials-kubeconfig"];
    for check in checks().filter(|check| !apart.contains(&check.id)) {
        assert!(cases.iter().any(|(id, ..)| *id == check.id), "{} has no case", check.id);
    }
}

#[test]
fn nothing_is_clean_that_was_not_read() {
    let cluster = Cluster::of("");
    let posture = make(cluster.subject(), &nobody(), Options::default());
    for line in &posture.checks {
        // An empty list of workloads is none.
        assert_eq!(line.status, CheckStatus::Unknown, "{}: {}", line.id, line.evidence);
        assert!(posture.not_evaluated.iter().any(|it| it.what.contains(line.id)), "{} is not named", line.id);
    }
    assert_eq!(posture.verdict(), "not-proven");
}

#[test]
fn a_hidden_control_plane_is_hidden_and_no_reason_for_a_partial_answer() {
    let cluster = Cluster::of(
        "apiVersion: v1\nkind: Node\nmetadata: {name: a, labels: {eks.amazonaws.com/nodegroup: x}}\n---\n\
         apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec: {containers: [{name: a}]}\n",
    );
    let posture = make(cluster.subject(), &nobody(), Options::default());
    let of_server =
        posture.not_evaluated.iter().find(|it| it.what.contains("api-server-encryption")).expect("it is named");
    assert!(of_server.hidden && of_server.why.contains("EKS"), "{of_server:?}");
    assert_eq!(line(&posture, "api-server-encryption").status, CheckStatus::Unknown);
}

#[test]
fn flags_that_only_an_installer_shows_prove_nothing_by_their_absence() {
    let kubeadm = |args: &str| {
        posture(
            &format!(
                "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: kubeadm-config, namespace: kube-system}}\n\
                 data:\n  ClusterConfiguration: |\n    kind: ClusterConfiguration\n    apiServer:\n      extraArgs: {{{args}}}\n"
            ),
            &nobody(),
        )
    };
    let some = kubeadm("anonymous-auth: 'false'");
    assert_eq!(line(&some, "api-server-anonymous-auth").status, CheckStatus::Pass);
    for id in ["api-server-authorization", "api-server-encryption", "api-server-admission"] {
        assert_eq!(line(&some, id).status, CheckStatus::Unknown, "{id}");
    }
    let structured = posture(&server(", --authentication-config=/x, --authorization-config=/y"), &nobody());
    for id in ["api-server-anonymous-auth", "api-server-authorization"] {
        let line = line(&structured, id);
        assert!(line.status == CheckStatus::Unknown && line.evidence.contains("file"), "{line:?}");
    }
    assert_eq!(line(&structured, "api-server-people").status, CheckStatus::Pass);
}

#[test]
fn what_the_server_gives_everybody_gives_no_account_a_use_for_its_token() {
    let pod = deployment("", "", "serviceAccountName: a, containers: [{name: a}]");
    let everybody = |name: &str, labels: &str| {
        bound_to("'system:new-discovery'", &format!("{{kind: Group, name: '{name}'}}"))
            .replace("name: b}", &format!("name: b, labels: {{{labels}}}}}"))
    };
    for (name, labels, status) in [
        ("system:serviceaccounts", "kubernetes.io/bootstrapping: rbac-defaults", CheckStatus::Warn),
        ("system:serviceaccounts", "x: y", CheckStatus::Pass),
        ("system:serviceaccounts:shop", "x: y", CheckStatus::Pass),
        ("system:serviceaccounts:other", "x: y", CheckStatus::Warn),
    ] {
        let made = posture(&format!("{pod}---\n{}", everybody(name, labels)), &nobody());
        assert_eq!(line(&made, "token-automount").status, status, "{name} {labels}");
        let found = line(&made, "rbac-everybody").status == CheckStatus::Fail;
        assert_eq!(found, name == "system:serviceaccounts" && labels == "x: y", "{name} {labels}");
    }
}

#[test]
fn other_policies_may_isolate_what_no_network_policy_does() {
    let text = namespaced(
        "shop",
        "apiVersion: cilium.io/v2\nkind: CiliumNetworkPolicy\nmetadata: {name: p, namespace: shop}\nspec: {endpointSelector: {}}",
    );
    let found = line(&posture(&text, &nobody()), "namespace-isolation");
    assert!(found.status == CheckStatus::Unknown && found.evidence.contains("netpolcheck"), "{found:?}");
}

#[test]
fn a_server_is_known_by_its_command_where_its_image_does_not_tell() {
    let rke2 =
        server(", --anonymous-auth=false").replace("kube-apiserver:v1.34.1", "hardened-kubernetes:v1.34.1-rke2r1");
    assert_eq!(line(&posture(&rke2, &nobody()), "api-server-anonymous-auth").status, CheckStatus::Pass);
    // Anybody may run a program of that name elsewhere.
    let elsewhere = rke2.replace("namespace: kube-system", "namespace: shop");
    assert_eq!(line(&posture(&elsewhere, &nobody()), "api-server-anonymous-auth").status, CheckStatus::Unknown);
}

#[test]
fn the_server_of_k3s_is_part_of_another_program() {
    let k3s = "apiVersion: v1\nkind: Node\nmetadata: {name: a, annotations: {k3s.io/node-args: '[\"server\",\"--kube-apiserver-arg\",\"anonymous-auth=false\"]'}}\n\
               status: {nodeInfo: {kubeletVersion: v1.33.1+k3s1}}\n";
    let made = posture(k3s, &nobody());
    assert_eq!(line(&made, "api-server-anonymous-auth").status, CheckStatus::Pass);
    let hidden = made.not_evaluated.iter().find(|it| it.what.contains("api-server-encryption")).expect("it is named");
    assert!(hidden.hidden && hidden.why.contains("k3s"), "{hidden:?}");
}

#[test]
fn the_severity_is_that_of_the_worst() {
    let anybody = bound_to("cluster-admin", "{kind: Group, name: 'system:unauthenticated'}");
    let made = posture(&anybody, &nobody());
    assert_eq!(line(&made, "rbac-cluster-admin").severity.as_str(), "critical");
    assert_eq!(line(&made, "rbac-everybody").severity.as_str(), "critical");
    let open = posture(&server(", --authorization-mode=AlwaysAllow"), &nobody());
    assert_eq!(line(&open, "api-server-authorization").severity.as_str(), "critical");
}

#[test]
fn a_role_that_was_not_read_may_give_anything() {
    let text = "{apiVersion: rbac.authorization.k8s.io/v1, kind: RoleList, items: []}\n---\n\
                {apiVersion: rbac.authorization.k8s.io/v1, kind: RoleBindingList, items: []}\n---\n\
                apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata: {name: known}\nrules: []\n---\n"
        .to_owned()
        + &bound_to("edit", ADA);
    let cluster = Cluster::of(&text);
    let made = make(cluster.subject(), &nobody(), Options::default());
    let found = line(&made, "rbac-secrets");
    assert!(found.status == CheckStatus::Unknown && found.evidence.contains("ClusterRole edit"), "{found:?}");
}

fn me(groups: &[&str], rights: Rights) -> Own {
    let me = Me {
        username: "ada".to_owned(),
        groups: groups.iter().map(|group| (*group).to_owned()).collect(),
        rights: Ok(rights),
        namespace: "default".to_owned(),
    };
    Own::of_cluster(Ok(me), Ok(Vec::new()))
}

#[test]
fn whoever_asks_is_told_what_is_too_much() {
    let plain = posture("", &me(&["system:authenticated", "dev"], Rights::default()));
    let who = line(&plain, "identity");
    assert_eq!((who.status, who.evidence.as_str()), (CheckStatus::Pass, "ada, in dev"));
    assert_eq!(line(&plain, "identity-rights").status, CheckStatus::Pass);
    let master = posture("", &me(&["system:masters"], Rights::default()));
    assert_eq!(line(&master, "identity").status, CheckStatus::Fail);
    let danger = Danger { verb: "create", group: "", resource: "pods", subresource: "exec" };
    let more = Rights { dangers: vec![danger], incomplete: Some("a webhook decides".to_owned()), ..Rights::default() };
    let rights = line(&posture("", &me(&[], more)), "identity-rights");
    assert!(rights.status == CheckStatus::Warn && rights.evidence.contains("create pods/exec"), "{rights:?}");
    let unsure = Rights { incomplete: Some("a webhook decides".to_owned()), ..Rights::default() };
    assert_eq!(line(&posture("", &me(&[], unsure)), "identity-rights").status, CheckStatus::Unknown);
}

fn certificate(from: &str, to: &str, group: &str) -> Certificate {
    Certificate {
        not_before: from.parse().expect("a moment"),
        not_after: to.parse().expect("a moment"),
        common_name: "ada".to_owned(),
        organizations: vec![group.to_owned()],
    }
}

#[test]
fn credentials_of_the_kubeconfig_are_judged_by_their_time() {
    let user = |certificate: Option<Result<Certificate, String>>, token: Option<TokenLife>| {
        let user =
            KubeconfigUser { name: "ada".to_owned(), file: "/x".into(), certificate, token, has_password: false };
        let own = Own::of_cluster(Err("not asked for".to_owned()), Ok(vec![user]));
        line(&posture("", &own), "credentials-kubeconfig")
    };
    let year = |to: &str| Some(Ok(certificate("2026-03-01T00:00:00Z", to, "dev")));
    let token = |text: &str| Some(TokenLife::Until(text.parse().expect("a moment")));
    for (line, status, words) in [
        (user(year("2027-03-01T00:00:00Z"), None), CheckStatus::Pass, "1 user"),
        (user(year("2028-03-01T00:00:00Z"), None), CheckStatus::Warn, "User ada"),
        (user(year("2026-11-22T00:00:00Z"), None), CheckStatus::Warn, "User ada"),
        (user(year("2026-12-01T00:00:00Z"), None), CheckStatus::Warn, "User ada"),
        (user(None, Some(TokenLife::Endless)), CheckStatus::Warn, "User ada"),
        (user(None, token("2026-11-24T00:00:00Z")), CheckStatus::Pass, "1 user"),
        (user(None, token("2030-01-01T00:00:00Z")), CheckStatus::Warn, "User ada"),
        (user(Some(Err("it is broken".to_owned())), None), CheckStatus::Unknown, "it is broken"),
        (user(None, None), CheckStatus::Pass, "1 user"),
    ] {
        assert!(line.status == status && line.evidence.contains(words), "{status:?} {words}: {line:?}");
    }
    let master = Some(Ok(certificate("2026-11-01T00:00:00Z", "2027-10-01T00:00:00Z", "system:masters")));
    assert_eq!(user(master, None).severity.as_str(), "high");
}

#[test]
fn issued_certificates_are_judged_where_they_are_for_clients() {
    let request = |signer: &str, certificate: &str| {
        format!(
            "apiVersion: certificates.k8s.io/v1\nkind: CertificateSigningRequest\nmetadata: {{name: r}}\n\
             spec: {{signerName: {signer}}}\nstatus: {{conditions: [{{type: Approved}}], certificate: '{certificate}'}}\n"
        )
    };
    let of = |text: &str| line(&posture(text, &nobody()), "credentials-certificates");
    // What cannot be read may be anything.
    let broken = of(&request("kubernetes.io/kube-apiserver-client", "Zm9v"));
    assert!(broken.status == CheckStatus::Unknown && broken.evidence.contains("r: "), "{broken:?}");
    assert_eq!(of(&request("kubernetes.io/kubelet-serving", "Zm9v")).status, CheckStatus::Pass);
    let mut cluster = Cluster::of(&request("kubernetes.io/kube-apiserver-client", ""));
    cluster.snapshot.take_as_complete();
    let mut judge = |certificate: Certificate| {
        cluster.snapshot.certificate_requests[0].certificate = Some(Ok(certificate));
        line(&make(cluster.subject(), &nobody(), Options::default()), "credentials-certificates")
    };
    let end = "2027-11-01T00:00:00Z";
    assert_eq!(judge(certificate("2026-11-01T00:00:00Z", end, "dev")).status, CheckStatus::Pass);
    assert_eq!(judge(certificate("2025-11-01T00:00:00Z", end, "dev")).status, CheckStatus::Fail);
    assert_eq!(judge(certificate("2026-11-01T00:00:00Z", end, "system:masters")).severity.as_str(), "high");
}

#[test]
fn exceptions_take_away_what_they_name_and_no_more() {
    let text = format!(
        "{}---\n{}",
        bound_to("cluster-admin", ADA),
        bound_to("cluster-admin", "{kind: User, name: bob}").replace("name: b}", "name: c}")
    );
    let mut cluster = Cluster::of(&text);
    cluster.snapshot.take_as_complete();
    let exceptions = "exceptions:\n- {check: rbac-cluster-admin, object: ClusterRoleBinding/b, reason: reviewed}\n\
                      - {check: rbac-wildcards, reason: never needed}\n- {check: node-os-spread, reason: left out}\n";
    let options = Options {
        wanted: Wanted { skip: ["node-os-spread"].into() },
        exceptions: Exceptions::parse("x.yaml", exceptions).expect("it is right"),
    };
    let made = make(cluster.subject(), &nobody(), options);
    let admins = line(&made, "rbac-cluster-admin");
    assert_eq!((admins.objects.len(), admins.excepted.len()), (1, 1));
    assert_eq!(admins.objects[0].name, "c");
    assert!(admins.evidence.contains("1 case excepted"), "{}", admins.evidence);
    assert!(!made.checks.iter().any(|line| line.id == "node-os-spread"));
    assert_eq!(made.skipped, ["node-os-spread"]);
    let statuses: Vec<&str> = made.exceptions.iter().map(|line| line.status).collect();
    assert_eq!(statuses, ["used", "unused", "not-judged"]);
    assert!(made.findings.iter().any(|finding| finding.id == "exception-unused"));
}

#[test]
fn what_no_check_needs_is_not_asked_for() {
    let all = Wanted::default();
    assert!(all.asks_for_token_secrets());
    let skip = checks().map(|check| check.id).filter(|id| *id != "node-os-spread").collect();
    let few = Wanted { skip };
    assert!(!few.asks_for_token_secrets());
    assert_eq!((few.checks().count(), few.kinds().len()), (1, 4));
    assert!(all.kinds().len() > 30);
    assert!(!all.kinds().iter().any(|kind| kind.plural == "secrets"));
}
