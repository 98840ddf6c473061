//! Each check on the smallest cluster that it finds something in, and on one that only looks like it.

mod cases;

use patchkit::{cluster::KubeconfigUser, cluster::TokenLife, report::CheckStatus, rules::Certificate};

use self::cases::{ADA, bound, bound_to, cases, deployment, namespaced, server};
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
fn an_add_on_of_the_system_matters_less_and_its_own_parts_do_not() {
    let reads = "verbs: [list], apiGroups: [''], resources: [secrets]";
    let robot = "{kind: ServiceAccount, name: robot, namespace: kube-system}";
    let add_on = line(&posture(&bound(reads, robot), &nobody()), "rbac-secrets");
    assert_eq!((add_on.status, add_on.severity.as_str()), (CheckStatus::Warn, "low"));
    let own = bound(reads, robot).replace("name: r}", "name: 'system:controller:x'}");
    assert_eq!(
        line(
            &posture(
                &own.replace("kind: ClusterRole, name: r", "kind: ClusterRole, name: 'system:controller:x'"),
                &nobody()
            ),
            "rbac-secrets"
        )
        .status,
        CheckStatus::Pass
    );
    let ada = line(&posture(&bound(reads, ADA), &nobody()), "rbac-secrets");
    assert_eq!(ada.severity.as_str(), "high");
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

#[test]
fn a_role_that_a_controller_fills_says_nothing_in_a_manifest() {
    let text = bound("verbs: [get], apiGroups: [''], resources: [pods]", ADA).replace(
        "rules: [{verbs: [get], apiGroups: [''], resources: [pods]}]",
        "aggregationRule: {clusterRoleSelectors: []}",
    );
    assert!(text.contains("aggregationRule"), "{text}");
    let found = line(&posture(&text, &nobody()), "rbac-secrets");
    assert!(found.status == CheckStatus::Unknown && found.evidence.contains("ClusterRole r"), "{found:?}");
}

#[test]
fn a_default_account_is_known_by_every_name_it_has() {
    for (subject, status) in [
        ("{kind: ServiceAccount, name: default, namespace: shop}", CheckStatus::Fail),
        ("{kind: User, name: 'system:serviceaccount:shop:default'}", CheckStatus::Fail),
        ("{kind: Group, name: 'system:serviceaccounts:shop'}", CheckStatus::Fail),
        ("{kind: User, name: 'system:serviceaccount:shop:web'}", CheckStatus::Pass),
    ] {
        let made = posture(&bound_to("view", subject), &nobody());
        assert_eq!(line(&made, "rbac-default-service-account").status, status, "{subject}");
    }
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
