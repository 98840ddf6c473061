//! A report with one of everything, for the tests of the forms.

use serde_json::json;

use crate::report::{
    Block, Cell, Check, CheckStatus, ChecklistItem, Column, Document, Finding, Metadata, NotEvaluated, ObjectRef,
    Report, Severity, Source, SourceRef, Table, Tone,
};

pub(super) fn metadata(source: Source) -> Metadata {
    Metadata {
        command: "kubectl example plan".to_owned(),
        version: "0.1.0".to_owned(),
        generated_at: "2026-11-23T10:00:00Z".to_owned(),
        data_as_of: Some("2026-08-22".to_owned()),
        source,
    }
}

pub(super) fn cluster() -> Source {
    Source::Cluster { context: Some("prod".to_owned()), server: "https://10.0.0.1:6443".to_owned() }
}

pub(super) fn object(api_version: &str, kind: &str, namespace: Option<&str>, name: &str) -> ObjectRef {
    ObjectRef {
        api_version: api_version.to_owned(),
        kind: kind.to_owned(),
        namespace: namespace.map(str::to_owned),
        name: name.to_owned(),
        container: None,
    }
}

fn findings() -> Vec<Finding> {
    vec![
        Finding::new("api-removed", Severity::High, "policy/v1beta1 PodDisruptionBudget is gone in 1.25")
            .with_object(object("policy/v1beta1", "PodDisruptionBudget", Some("shop"), "cart | checkout"))
            .with_source(Some(SourceRef { file: "deploy/shop.yaml".to_owned(), line: 12 }))
            .with_evidence("removedIn", "1.25")
            .with_hint("Use policy/v1; an empty selector then means every pod of the namespace")
            .with_link("https://kubernetes.io/docs/reference/using-api/deprecation-guide/"),
        Finding::new("image-mutable-tag", Severity::Medium, "the image has the tag \"latest\" <any & all>")
            .with_object(ObjectRef {
                container: Some("web".to_owned()),
                ..object("apps/v1", "Deployment", Some("shop"), "storefront-with-a-rather-long-name")
            }),
        Finding::new("node-image-old", Severity::Info, "the node image is 9 days old")
            .with_object(object("v1", "Node", None, "worker-1"))
            .with_evidence("days", 9),
    ]
}

fn document() -> Document {
    let mut document = Document::default();
    document.heading(1, "Update plan");
    document.paragraph([
        Cell::from("The control plane runs "),
        Cell::new("1.35.4", Tone::Strong),
        Cell::from(
            ", whose support ends in 20 days; the nodes are up to three minors behind, which is as far as they may be.",
        ),
    ]);
    document.heading(2, "Components");
    let mut table = Table::new([
        Column::new("COMPONENT"),
        Column::new("VERSION"),
        Column::new("DAYS LEFT").right(),
        Column::new("WHAT IS URGENT").wraps(),
        Column::new("IMAGE").wide().wraps(),
    ]);
    table.push([
        "kube-apiserver".into(),
        "v1.35.4".into(),
        Cell::new("20", Tone::Notice),
        Cell::new("CVE-2026-1001 (high), fixed in 1.35.6, 1.36.2 and 1.37.0; its precondition holds here", Tone::Bad),
        "registry.k8s.io/kube-apiserver:v1.35.4".into(),
    ]);
    table.push([
        "kubelet".into(),
        "v1.32.9-eks-2d5f260".into(),
        Cell::new("-120", Tone::Bad),
        "out of support".into(),
        "".into(),
    ]);
    table.push(["größe-测试".into(), "v1.36.0".into(), "300".into(), "".into(), "".into()]);
    document.push(Block::Table(table));
    document.heading(2, "Before the first hop");
    document.push(Block::Checklist(vec![
        ChecklistItem { status: CheckStatus::Pass, title: "All nodes are ready".to_owned(), details: vec![] },
        ChecklistItem {
            status: CheckStatus::Fail,
            title: "No removed API is in use".to_owned(),
            details: vec!["PodDisruptionBudget shop/cart: policy/v1beta1 is removed in 1.25".to_owned()],
        },
        ChecklistItem { status: CheckStatus::Warn, title: "Capacity for the surge".to_owned(), details: vec![] },
        ChecklistItem {
            status: CheckStatus::Unknown,
            title: "Webhooks that nothing serves".to_owned(),
            details: vec!["endpointslices could not be listed".to_owned()],
        },
    ]));
    document.heading(2, "Steps");
    document.push(Block::Tasks(vec![ChecklistItem {
        status: CheckStatus::Unknown,
        title: "Update the control plane".to_owned(),
        details: vec!["one node after another".to_owned()],
    }]));
    document.push(Block::Commands(vec!["kubeadm upgrade plan".to_owned(), "kubeadm upgrade apply v1.36.2".to_owned()]));
    document.push(Block::Tasks(vec![ChecklistItem {
        status: CheckStatus::Unknown,
        title: "Update the pool `workers`".to_owned(),
        details: vec![],
    }]));
    document.push(Block::List(vec!["worker-1".into(), Cell::new("worker-2 *", Tone::Faint)]));
    document
}

/// A report of everything that a document, findings and checks can hold.
pub(super) fn report() -> Report {
    let checks = vec![
        Check { id: "nodes-ready".to_owned(), status: CheckStatus::Pass, evidence: "3 of 3".to_owned() },
        Check { id: "removed-apis".to_owned(), status: CheckStatus::Fail, evidence: "1 object".to_owned() },
        Check { id: "surge-capacity".to_owned(), status: CheckStatus::Warn, evidence: "1 node short".to_owned() },
        Check { id: "webhooks".to_owned(), status: CheckStatus::Unknown, evidence: "endpointslices denied".to_owned() },
    ];
    Report::new(
        "PlanReport",
        metadata(cluster()),
        "not ready: 1 thing is in the way",
        findings(),
        vec![NotEvaluated::new(
            "endpointslices",
            "Forbidden: endpointslices.discovery.k8s.io is forbidden: User \"reader\" cannot list resource \
             \"endpointslices\" in API group \"discovery.k8s.io\" at the cluster scope",
        )],
    )
    .with_section(
        "plan",
        &json!({
            "current": "1.35.4",
            "target": "1.36.2",
            "components": [],
            "hops": [{"from": "1.35.4", "to": "1.35.6", "fixes": ["CVE-2026-1001"], "removes": [], "changes": []},
                     {"from": "1.35.6", "to": "1.36.2", "fixes": [], "removes": [], "changes": []}],
            "checklist": [{"id": "nodes-ready", "status": "pass", "evidence": "3 of 3"}],
            "steps": [],
        }),
    )
    .with_document(document())
    .with_checks(checks)
}

/// A report of nothing.
pub(super) fn clean() -> Report {
    let source = Source::Files { paths: vec!["deploy/".to_owned(), "-".to_owned()] };
    Report::new("LintReport", metadata(source), "clean", vec![], vec![])
}
