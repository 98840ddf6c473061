//! The smallest clusters that each check finds something in, and such that only look like it.

/// A kube-apiserver's pod with these arguments.
pub(super) fn server(args: &str) -> String {
    format!(
        "apiVersion: v1\nkind: Pod\nmetadata: {{name: kube-apiserver-a, namespace: kube-system, annotations: \
         {{kubernetes.io/config.mirror: x}}}}\nspec: {{containers: [{{name: s, image: 'registry.k8s.io/kube-apiserver:v1.34.1', \
         command: [kube-apiserver{args}]}}]}}\n"
    )
}

/// A ClusterRole with one rule, bound to one subject.
pub(super) fn bound(rule: &str, subject: &str) -> String {
    format!(
        "apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata: {{name: r}}\nrules: [{{{rule}}}]\n---\n\
         apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRoleBinding\nmetadata: {{name: b}}\n\
         roleRef: {{kind: ClusterRole, name: r}}\nsubjects: [{subject}]\n"
    )
}

pub(super) fn bound_to(role: &str, subject: &str) -> String {
    format!(
        "apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRoleBinding\nmetadata: {{name: b}}\n\
         roleRef: {{kind: ClusterRole, name: {role}}}\nsubjects: [{subject}]\n"
    )
}

pub(super) fn deployment(metadata: &str, spec: &str, template: &str) -> String {
    format!(
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: web, namespace: shop{metadata}}}\n\
         spec: {{replicas: 2{spec}, template: {{metadata: {{labels: {{app: web}}}}, spec: {{{template}}}}}}}\n"
    )
}

pub(super) fn namespaced(namespace: &str, more: &str) -> String {
    format!("apiVersion: v1\nkind: Namespace\nmetadata: {{name: {namespace}}}\n---\n{more}\n")
}

pub(super) const ADA: &str = "{kind: User, name: ada}";
pub(super) const SCHEDULER: &str = "{kind: User, name: 'system:kube-scheduler'}";

/// The check, a cluster in which it finds something, and one that comes close.
pub(super) fn cases() -> Vec<(&'static str, String, String)> {
    let rules = |verbs: &str, group: &str, resources: &str| {
        format!("verbs: [{verbs}], apiGroups: ['{group}'], resources: [{resources}]")
    };
    let right = |verbs: &str, group: &str, resources: &str| {
        (bound(&rules(verbs, group, resources), ADA), bound(&rules(verbs, group, resources), SCHEDULER))
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

pub(super) fn nodes(a: &str, b: &str) -> String {
    let node = |name: &str, info: &str| {
        format!(
            "apiVersion: v1\nkind: Node\nmetadata: {{name: {name}, labels: {{nodepool: web}}}}\nstatus: {{nodeInfo: {{{info}}}}}\n"
        )
    };
    format!("{}---\n{}", node("a", a), node("b", b))
}
