//! The logic: each predicate by its evaluator, and how answers are joined.

use crate::{
    cves::{
        Holds, PreconditionAnswer,
        preconditions::{components, objects, pods, rights},
    },
    facts::{Precondition, PreconditionKind},
    specs::Specs,
    subject::Subject,
};

/// An answer with what shows it, or why it cannot be told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// Whether it holds.
    pub holds: Holds,
    /// What shows it.
    pub why: String,
}

impl Answer {
    pub(super) fn yes(why: impl Into<String>) -> Self {
        Self { holds: Holds::Yes, why: why.into() }
    }

    pub(super) fn no(why: impl Into<String>) -> Self {
        Self { holds: Holds::No, why: why.into() }
    }

    pub(super) fn unknown(why: impl Into<String>) -> Self {
        Self { holds: Holds::Unknown, why: why.into() }
    }

    pub(super) fn is(holds: bool, why: impl Into<String>) -> Self {
        Self { holds: if holds { Holds::Yes } else { Holds::No }, why: why.into() }
    }
}

/// Evaluates the precondition of a vulnerability.
#[must_use]
pub fn evaluate(subject: Subject<'_>, specs: &Specs<'_>, precondition: &Precondition) -> PreconditionAnswer {
    let answer = answer(subject, specs, &precondition.when);
    let mut why = answer.why;
    if precondition.creatable && answer.holds == Holds::No {
        why.push_str("; that is so now, and whoever may create such objects can change it");
    }
    PreconditionAnswer { text: precondition.text.clone(), holds: answer.holds, why }
}

/// Evaluates one predicate.
#[must_use]
pub fn answer(subject: Subject<'_>, specs: &Specs<'_>, kind: &PreconditionKind) -> Answer {
    use PreconditionKind as Kind;
    let snapshot = subject.snapshot;
    match kind {
        Kind::All { of } => join(of.iter().map(|part| answer(subject, specs, part)), Holds::No),
        Kind::Any { of } => join(of.iter().map(|part| answer(subject, specs, part)), Holds::Yes),
        Kind::Not { of } => {
            let found = answer(subject, specs, of);
            let holds = match found.holds {
                Holds::Yes => Holds::No,
                Holds::No => Holds::Yes,
                Holds::Unknown => Holds::Unknown,
            };
            Answer { holds, ..found }
        }
        Kind::Nodes { os } => objects::nodes(snapshot, os),
        Kind::PodVolume { sources } => pods::volume(specs, sources),
        Kind::SubPathMount => pods::sub_path(specs),
        Kind::PodSpecFlag { field, value } => pods::flag(specs, field, *value),
        Kind::SeccompLocalhostEmpty => pods::seccomp_without_name(specs),
        Kind::WindowsRunAsNonRoot => pods::windows_non_root(snapshot, specs),
        Kind::PersistentStorage { sources, provisioners } => {
            objects::persistent_storage(snapshot, sources, provisioners)
        }
        Kind::CsiDriver { name, with_token_requests } => objects::csi_driver(snapshot, name, *with_token_requests),
        Kind::Annotation { kind, key } => objects::annotation(snapshot, kind, key),
        Kind::AggregatedApiServer => objects::aggregated_api_server(snapshot),
        Kind::CustomResourcesShareGroup => objects::custom_resources_share_group(snapshot),
        Kind::ClusterScopedCustomResource => objects::cluster_scoped_custom_resource(snapshot),
        Kind::ValidatingWebhook { resource } => objects::validating_webhook(snapshot, resource),
        Kind::NetworkPolicy => objects::network_policy(snapshot),
        Kind::Corefile { any_of } => objects::corefile(snapshot, any_of),
        Kind::IngressNginxSetting { key, contains } => objects::ingress_nginx_setting(subject, key, contains),
        Kind::IngressNginxAnnotation { keys } => objects::ingress_nginx_annotation(subject, keys),
        Kind::IngressNginxAdmission => objects::ingress_nginx_admission(snapshot),
        Kind::LogVerbosity { components, at_least } => components::log_verbosity(subject, components, *at_least),
        Kind::Flag { component, name, value, by_default } => {
            components::flag(subject, component, name, value, *by_default)
        }
        Kind::KubeletConfig { field, unless, by_default } => {
            components::kubelet_config(snapshot, field, unless, *by_default)
        }
        Kind::FeatureGate { component, name } => components::feature_gate(subject, component, name),
        Kind::AdmissionPlugin { name, by_default } => components::admission_plugin(subject, name, *by_default),
        Kind::EtcdAuthentication => components::etcd_authentication(subject),
        Kind::Granted { verbs, resources } => rights::granted(snapshot, verbs, resources),
        Kind::NotVisible => Answer::unknown("nothing in the API shows it"),
    }
}

/// Joins answers: one of `decisive` decides, then one that is unknown does, and else all say the opposite. What is
/// said is said by those that decide.
fn join(answers: impl Iterator<Item = Answer>, decisive: Holds) -> Answer {
    let answers: Vec<Answer> = answers.collect();
    let opposite = if decisive == Holds::Yes { Holds::No } else { Holds::Yes };
    let holds = [decisive, Holds::Unknown]
        .into_iter()
        .find(|holds| answers.iter().any(|answer| answer.holds == *holds))
        .unwrap_or(opposite);
    let mut why: Vec<&str> = Vec::new();
    for answer in answers.iter().filter(|answer| answer.holds == holds) {
        if !why.contains(&answer.why.as_str()) {
            why.push(&answer.why);
        }
    }
    Answer { holds, why: why.join("; ") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{facts::Facts, testing::Cluster};

    /// Evaluates a predicate written as in the table of facts, on a cluster written as YAML.
    fn holds(yaml: &str, when: &str) -> Answer {
        let cluster = Cluster::with_server(yaml, Some("v1.33.2"));
        let kind: PreconditionKind = serde_json::from_str(when).expect(when);
        answer(cluster.subject(), &Specs::new(&cluster.snapshot), &kind)
    }

    /// One predicate in its three outcomes.
    fn table(when: &str, yes: &str, no: &str, unknown: &str) {
        for (yaml, expected) in [(yes, Holds::Yes), (no, Holds::No), (unknown, Holds::Unknown)] {
            let found = holds(yaml, when);
            assert_eq!(found.holds, expected, "{when} on {yaml}: {}", found.why);
            assert!(!found.why.is_empty(), "{when}");
        }
    }

    fn pod(spec: &str) -> String {
        format!(
            "{{apiVersion: v1, kind: Pod, metadata: {{name: a}}, spec: {spec}}}\n---\n{{apiVersion: apps/v1, kind: Deployment, metadata: {{name: b}}}}"
        )
    }

    fn control_plane(component: &str, flags: &str) -> String {
        format!(
            "{{apiVersion: v1, kind: Pod, metadata: {{name: {component}-a, namespace: kube-system}}, spec: {{containers: [{{name: c, image: 'registry.k8s.io/{component}:v1.33.2', command: [{component}, {flags}]}}]}}}}"
        )
    }

    #[test]
    fn predicates_on_nodes_and_pods() {
        let node = |os: &str| {
            format!(
                "{{apiVersion: v1, kind: Node, metadata: {{name: a}}, status: {{nodeInfo: {{operatingSystem: {os}}}}}}}"
            )
        };
        table(r#"{"is":"nodes","os":"windows"}"#, &node("windows"), &node("linux"), "");
        assert_eq!(
            holds("{apiVersion: v1, kind: Node, metadata: {name: a}}", r#"{"is":"nodes","os":"windows"}"#).holds,
            Holds::Unknown,
            "a node that does not say what it runs"
        );
        table(
            r#"{"is":"pod-volume","sources":["gitRepo"]}"#,
            &pod("{volumes: [{name: v, gitRepo: {repository: x}}]}"),
            &pod("{volumes: [{name: v, emptyDir: {}}]}"),
            "{apiVersion: apps/v1, kind: Deployment, metadata: {name: b}}",
        );
        table(
            r#"{"is":"sub-path-mount"}"#,
            &pod("{containers: [{name: c, volumeMounts: [{name: v, mountPath: /v, subPathExpr: $(A)}]}]}"),
            &pod("{containers: [{name: c, volumeMounts: [{name: v, mountPath: /v}]}]}"),
            "",
        );
        table(
            r#"{"is":"pod-spec-flag","field":"hostUsers","value":false}"#,
            &pod("{hostUsers: false}"),
            &pod("{hostUsers: true}"),
            "",
        );
        assert_eq!(holds(&pod("{}"), r#"{"is":"pod-spec-flag","field":"hostUsers","value":true}"#).holds, Holds::Yes);
        assert_eq!(holds(&pod("{}"), r#"{"is":"pod-spec-flag","field":"new","value":true}"#).holds, Holds::Unknown);
        table(
            r#"{"is":"seccomp-localhost-empty"}"#,
            &pod("{containers: [{name: c, securityContext: {seccompProfile: {type: Localhost}}}]}"),
            &pod("{securityContext: {seccompProfile: {type: Localhost, localhostProfile: a.json}}}"),
            "",
        );
        table(
            r#"{"is":"windows-run-as-non-root"}"#,
            &pod("{os: {name: windows}, securityContext: {runAsNonRoot: true}}"),
            &pod("{securityContext: {runAsNonRoot: true}}"),
            "",
        );
    }

    #[test]
    fn predicates_on_objects() {
        let volume = |source: &str| {
            format!(
                "{{apiVersion: v1, kind: PersistentVolume, metadata: {{name: a}}, spec: {{{source}: {{}}}}}}\n---\n{{apiVersion: storage.k8s.io/v1, kind: StorageClass, metadata: {{name: a}}, provisioner: p}}"
            )
        };
        table(
            r#"{"is":"persistent-storage","sources":["rbd"],"provisioners":["kubernetes.io/rbd"]}"#,
            &volume("rbd"),
            &volume("csi"),
            "{apiVersion: v1, kind: PersistentVolume, metadata: {name: a}, spec: {csi: {}}}",
        );
        let driver = |name: &str, spec: &str| {
            format!("{{apiVersion: storage.k8s.io/v1, kind: CSIDriver, metadata: {{name: {name}}}, spec: {spec}}}")
        };
        let tokens = r#"{"is":"csi-driver","name":"file.csi.azure.com","withTokenRequests":true}"#;
        table(
            tokens,
            &driver("file.csi.azure.com", "{tokenRequests: [{audience: x}]}"),
            &driver("file.csi.azure.com", "{}"),
            "{apiVersion: storage.k8s.io/v1, kind: CSINode, metadata: {name: n}, spec: {drivers: [{name: file.csi.azure.com}]}}",
        );
        table(
            r#"{"is":"csi-driver","name":"a","withTokenRequests":false}"#,
            &driver("a", "{}"),
            &driver("b", "{}"),
            "",
        );
        let account = |key: &str| {
            format!("{{apiVersion: v1, kind: ServiceAccount, metadata: {{name: a, annotations: {{{key}: 'true'}}}}}}")
        };
        table(
            r#"{"is":"annotation","kind":"ServiceAccount","key":"kubernetes.io/enforce-mountable-secrets"}"#,
            &account("kubernetes.io/enforce-mountable-secrets"),
            &account("other"),
            "",
        );
        let service = |spec: &str| {
            format!(
                "{{apiVersion: apiregistration.k8s.io/v1, kind: APIService, metadata: {{name: v1.a}}, spec: {spec}}}"
            )
        };
        table(
            r#"{"is":"aggregated-api-server"}"#,
            &service("{group: a, version: v1, service: {name: s, namespace: n}}"),
            &service("{group: a, version: v1}"),
            "",
        );
        let crd = |name: &str, scope: &str| {
            format!(
                "{{apiVersion: apiextensions.k8s.io/v1, kind: CustomResourceDefinition, metadata: {{name: {name}}}, spec: {{group: g, scope: {scope}, names: {{kind: K, plural: ks}}}}}}\n---\n"
            )
        };
        table(
            r#"{"is":"custom-resources-share-group"}"#,
            &(crd("a.g", "Namespaced") + &crd("b.g", "Namespaced")),
            &crd("a.g", "Namespaced"),
            "",
        );
        table(r#"{"is":"cluster-scoped-custom-resource"}"#, &crd("a.g", "Cluster"), &crd("a.g", "Namespaced"), "");
        let webhook = |resource: &str, name: &str| {
            format!(
                "{{apiVersion: admissionregistration.k8s.io/v1, kind: ValidatingWebhookConfiguration, metadata: {{name: a}}, webhooks: [{{name: {name}, rules: [{{resources: ['{resource}']}}]}}]}}"
            )
        };
        table(r#"{"is":"validating-webhook","resource":"nodes"}"#, &webhook("*/*", "w"), &webhook("pods", "w"), "");
        table(
            r#"{"is":"ingress-nginx-admission"}"#,
            &webhook("ingresses", "validate.nginx.ingress.kubernetes.io"),
            &webhook("ingresses", "w"),
            "",
        );
        let typed_empty = "{apiVersion: networking.k8s.io/v1, kind: NetworkPolicyList, items: []}";
        table(
            r#"{"is":"network-policy"}"#,
            "{apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, metadata: {name: a}}",
            typed_empty,
            "",
        );
    }

    #[test]
    fn predicates_on_coredns_and_ingress_nginx() {
        let corefile = |text: &str| {
            format!(
                "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: coredns, namespace: kube-system}}\ndata:\n  Corefile: |\n    {text}\n"
            )
        };
        let acl = r#"{"is":"corefile","anyOf":["acl"]}"#;
        table(
            acl,
            &corefile(".:53 {\n        acl {\n        }\n    }"),
            &corefile(".:53 {\n        errors # acl\n        log acl\n    }"),
            "",
        );
        table(
            r#"{"is":"corefile","anyOf":["quic://"]}"#,
            &corefile("https://.:443, quic://.:853 {\n        errors\n    }"),
            &corefile(".:53 {\n        forward . quic\n    }"),
            "",
        );
        let imported = corefile(".:53 {\n        import custom/*.override\n    }")
            + "---\n{apiVersion: v1, kind: ConfigMap, metadata: {name: coredns-custom, namespace: kube-system}, data: {a.override: 'acl {'}}";
        assert_eq!(holds(&imported, acl).holds, Holds::Yes);
        let controller = "{apiVersion: v1, kind: Pod, metadata: {name: c, namespace: ingress-nginx}, spec: {containers: [{name: c, image: 'registry.k8s.io/ingress-nginx/controller:v1.11.2', args: [/nginx-ingress-controller, --configmap=$(POD_NAMESPACE)/ingress-nginx-controller]}]}}\n---\n";
        let map = |data: &str| {
            format!(
                "{controller}{{apiVersion: v1, kind: ConfigMap, metadata: {{name: ingress-nginx-controller, namespace: ingress-nginx}}, data: {data}}}"
            )
        };
        table(
            r#"{"is":"ingress-nginx-setting","key":"custom-http-errors","contains":["401","403"]}"#,
            &map("{custom-http-errors: '401,404'}"),
            &map("{custom-http-errors: '404'}"),
            controller,
        );
        let ingress = |key: &str| {
            format!(
                "{{apiVersion: networking.k8s.io/v1, kind: Ingress, metadata: {{name: a, annotations: {{{key}: x}}}}}}"
            )
        };
        table(
            r#"{"is":"ingress-nginx-annotation","keys":["auth-url"]}"#,
            &ingress("nginx.ingress.kubernetes.io/auth-url"),
            &ingress("nginx.ingress.kubernetes.io/rewrite-target"),
            "",
        );
    }

    #[test]
    fn predicates_on_components() {
        table(
            r#"{"is":"log-verbosity","components":["kube-apiserver"],"atLeast":7}"#,
            &control_plane("kube-apiserver", "--v=7"),
            &control_plane("kube-apiserver", "--v=6"),
            "",
        );
        assert_eq!(
            holds(
                &control_plane("kube-apiserver", "-x"),
                r#"{"is":"log-verbosity","components":["kube-apiserver","kubelet"],"atLeast":7}"#
            )
            .holds,
            Holds::Unknown,
            "the kubelet's is not visible"
        );
        table(
            r#"{"is":"flag","component":"kube-controller-manager","name":"cloud-provider","value":"vsphere","byDefault":false}"#,
            &control_plane("kube-controller-manager", "--cloud-provider=vsphere"),
            &control_plane("kube-controller-manager", "--a=b"),
            "",
        );
        let kubelet = |config: &str| {
            format!(
                "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: kubelet-config, namespace: kube-system}}\ndata:\n  kubelet: |\n    kind: KubeletConfiguration\n    {config}\n"
            )
        };
        table(
            r#"{"is":"kubelet-config","field":"readOnlyPort","unless":"0","byDefault":false}"#,
            &kubelet("readOnlyPort: 10255"),
            &kubelet("readOnlyPort: 0"),
            "",
        );
        let gate = r#"{"is":"feature-gate","component":"kube-apiserver","name":"DynamicResourceAllocation"}"#;
        table(
            gate,
            &control_plane("kube-apiserver", "--feature-gates=DynamicResourceAllocation=true"),
            &control_plane("kube-apiserver", "--a=b"),
            "",
        );
        table(
            r#"{"is":"admission-plugin","name":"NodeRestriction","byDefault":false}"#,
            &control_plane("kube-apiserver", "'--enable-admission-plugins=A,NodeRestriction'"),
            &control_plane("kube-apiserver", "--a=b"),
            "",
        );
        assert_eq!(
            holds(
                &control_plane("kube-apiserver", "--disable-admission-plugins=ServiceAccount"),
                r#"{"is":"admission-plugin","name":"ServiceAccount","byDefault":true}"#
            )
            .holds,
            Holds::No
        );
        let etcd = |namespace: &str| {
            format!(
                "{{apiVersion: v1, kind: Pod, metadata: {{name: etcd-a, namespace: {namespace}}}, spec: {{containers: [{{name: e, image: 'registry.k8s.io/etcd:3.5.21-0'}}]}}}}"
            )
        };
        assert_eq!(holds(&etcd("kube-system"), r#"{"is":"etcd-authentication"}"#).holds, Holds::No);
        assert_eq!(holds(&etcd("shop"), r#"{"is":"etcd-authentication"}"#).holds, Holds::Unknown);
        assert_eq!(holds("", r#"{"is":"etcd-authentication"}"#).holds, Holds::Unknown);
        assert_eq!(holds("", r#"{"is":"not-visible"}"#).holds, Holds::Unknown);
    }

    #[test]
    fn answers_join_with_three_values() {
        let (yes, no, unknown) = (Answer::yes("y"), Answer::no("n"), Answer::unknown("u"));
        let all = |parts: &[&Answer]| join(parts.iter().map(|part| (*part).clone()), Holds::No);
        let any = |parts: &[&Answer]| join(parts.iter().map(|part| (*part).clone()), Holds::Yes);
        assert_eq!(all(&[&yes, &unknown, &no]), no);
        assert_eq!(all(&[&yes, &unknown]), unknown);
        assert_eq!(all(&[&yes, &yes]).holds, Holds::Yes);
        assert_eq!(any(&[&yes, &unknown, &no]), yes);
        assert_eq!(any(&[&no, &unknown]), unknown);
        assert_eq!(any(&[&no, &Answer::no("m"), &no]).why, "n; m");
        assert_eq!(holds("", r#"{"is":"not","of":{"is":"not-visible"}}"#).holds, Holds::Unknown);
    }

    #[test]
    fn every_precondition_of_the_facts_can_be_evaluated_without_a_cluster() {
        let cluster = Cluster::of("");
        let specs = Specs::new(&cluster.snapshot);
        for precondition in Facts::compiled_in().preconditions().all() {
            let answer = evaluate(cluster.subject(), &specs, precondition);
            assert_ne!(answer.holds, Holds::Yes, "{}", precondition.cve);
            assert_eq!(answer.holds, Holds::Unknown, "{}: nothing was read, so nothing is known", precondition.cve);
        }
    }
}
