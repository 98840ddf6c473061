//! Working the coverage out.

use std::collections::BTreeMap;

use patchkit::{
    report::{Finding, ObjectRef, Severity},
    rules::LabelSelector,
};

use super::{Coverage, DefaultDeny, IsolationLine, Part, Score, Target, TargetPeer, targets::targets};
use crate::{
    engine::Analysis,
    entrance::{Answer, entrances},
    foreign::Foreign,
    isolation::{self, Isolation},
    policy::{Direction, PolicyKind, Scope, Term},
    world::{PodFacts, PodId},
};

/// Works out the coverage of a cluster.
#[must_use]
pub fn make(analysis: &Analysis<'_>, foreign: &Foreign) -> Coverage {
    let ingress = isolation::of_classes(analysis, Direction::Ingress);
    let egress = isolation::of_classes(analysis, Direction::Egress);
    let mut namespaces: BTreeMap<&str, Collected> = BTreeMap::new();
    let mut owners: BTreeMap<u32, Collected> = BTreeMap::new();
    let mut pods = Vec::new();
    for (place, pod) in analysis.world.pods.iter().enumerate() {
        let id = PodId(u32::try_from(place).unwrap_or(u32::MAX));
        let class = analysis.class_of(id).0 as usize;
        let state = (ingress[class], egress[class]);
        namespaces.entry(pod.namespace).or_default().add(id, pod, state);
        owners.entry(pod.owner.0).or_default().add(id, pod, state);
        let owner = analysis.world.owner(pod.owner);
        // A pod of its own is its own workload, and a workload without pods has none to list.
        if !pod.from_template && owner.kind != "Pod" {
            pods.push(line(
                object("Pod", pod.namespace, &pod.meta.name),
                (state.0, state.1),
                foreign,
                &[id],
                pod.in_host_network,
            ));
        }
    }
    let mut isolation = Vec::new();
    for name in analysis.world.namespaces.names() {
        let of_namespace = namespaces.remove(name).unwrap_or_default();
        let object =
            ObjectRef { api_version: "v1".into(), kind: "Namespace".into(), name: name.into(), ..Default::default() };
        isolation.push(IsolationLine {
            default_deny: Some(default_deny(analysis, name)),
            ..of_namespace.line(object, foreign)
        });
    }
    for (owner, collected) in owners {
        let owner = analysis.world.owner(crate::world::OwnerId(owner));
        isolation.push(collected.line(object(&owner.kind, &owner.namespace, &owner.name), foreign));
    }
    isolation.extend(pods);
    let entrances = entrances(analysis);
    let targets = targets(analysis, foreign);
    let score = score(analysis, &isolation, &targets, (&ingress, &egress));
    let mut findings = isolation_findings(&isolation);
    findings.extend(entrance_findings(&entrances.list));
    findings.extend(target_findings(&targets));
    Coverage { isolation, exposed: entrances.list, targets, score, findings, not_evaluated: entrances.not_evaluated }
}

fn object(kind: &str, namespace: &str, name: &str) -> ObjectRef {
    ObjectRef { kind: kind.into(), namespace: Some(namespace.into()), name: name.into(), ..Default::default() }
}

fn line(
    object: ObjectRef,
    (ingress, egress): (Isolation, Isolation),
    foreign: &Foreign,
    pods: &[PodId],
    host_network: bool,
) -> IsolationLine {
    IsolationLine {
        object,
        ingress,
        egress,
        pods: None,
        mixed: false,
        host_network,
        default_deny: None,
        not_evaluated: foreign.about_any(pods).into_iter().map(str::to_owned).collect(),
    }
}

/// Pods of one workload or namespace.
#[derive(Default)]
struct Collected {
    pods: Vec<PodId>,
    states: Vec<(Isolation, Isolation)>,
    host_network: bool,
}

impl Collected {
    fn add(&mut self, id: PodId, pod: &PodFacts<'_>, state: (Isolation, Isolation)) {
        self.host_network = (self.pods.is_empty() || self.host_network) && pod.in_host_network;
        self.pods.push(id);
        if !self.states.contains(&state) {
            self.states.push(state);
        }
    }

    /// As open as the most open of them. An empty namespace is as open as it lets the first pod be: what a policy
    /// without a selector says is in `defaultDeny`.
    fn line(&self, object: ObjectRef, foreign: &Foreign) -> IsolationLine {
        let weakest =
            |of: fn(&(Isolation, Isolation)) -> Isolation| self.states.iter().map(of).min().unwrap_or(Isolation::Open);
        let state = (weakest(|state| state.0), weakest(|state| state.1));
        IsolationLine {
            pods: Some(self.pods.len()),
            mixed: self.states.len() > 1,
            ..line(object, state, foreign, &self.pods, self.host_network)
        }
    }
}

/// Whether a NetworkPolicy selects every pod of a namespace, whatever its labels.
fn default_deny(analysis: &Analysis<'_>, namespace: &str) -> DefaultDeny {
    let everything = |term: &Term| matches!(term, Term::Pods { scope: Scope::One(name), pods } if name == namespace && *pods == LabelSelector::default());
    let isolates = |direction: Direction| {
        analysis.policies.all.iter().any(|policy| {
            policy.kind == PolicyKind::NetworkPolicy
                && policy.rules(direction).is_some()
                && everything(analysis.policies.terms.get(policy.subject))
        })
    };
    DefaultDeny { ingress: isolates(Direction::Ingress), egress: isolates(Direction::Egress) }
}

fn score(
    analysis: &Analysis<'_>,
    lines: &[IsolationLine],
    targets: &[Target],
    (ingress, egress): (&[Isolation], &[Isolation]),
) -> Score {
    // Policies do not hold for pods in the network of their node, so that none can be missing.
    let pods: Vec<usize> = analysis
        .world
        .pods
        .iter()
        .zip(&analysis.classes.of_pod)
        .filter(|(pod, _)| !pod.in_host_network)
        .map(|(_, class)| class.0 as usize)
        .collect();
    let isolated = |of: &[Isolation]| pods.iter().filter(|class| of[**class] != Isolation::Open).count();
    let namespaces: Vec<&IsolationLine> = lines
        .iter()
        .filter(|it| it.default_deny.is_some() && it.pods.is_some_and(|pods| pods > 0) && !it.host_network)
        .collect();
    let denying = |it: &&&IsolationLine| it.default_deny.is_some_and(|deny| deny.ingress && deny.egress);
    let metadata = targets.iter().find(|target| target.id == "metadata" && target.unknown.is_none());
    let kept = metadata.map_or((0, 0), |target| {
        let reach = target.reached_by.iter().chain(&target.perhaps).filter(|peer| !peer.peer.host_network).count();
        (target.kept_from.len(), target.kept_from.len() + reach)
    });
    let parts = vec![
        Part { id: "ingress-isolated", weight: 40, covered: isolated(ingress), of: pods.len() },
        Part { id: "egress-isolated", weight: 30, covered: isolated(egress), of: pods.len() },
        Part {
            id: "default-deny",
            weight: 20,
            covered: namespaces.iter().filter(denying).count(),
            of: namespaces.len(),
        },
        Part { id: "kept-from-metadata", weight: 10, covered: kept.0, of: kept.1 },
    ];
    let judged = parts.iter().filter(|part| part.of > 0);
    let (points, most) = judged.fold((0, 0), |(points, most), part| {
        // In thousandths of a point, so that no part is rounded by itself.
        (points + part.weight * part.covered * 1000 / part.of, most + part.weight * 1000)
    });
    Score { value: (points * 100).checked_div(most), parts }
}

fn isolation_findings(lines: &[IsolationLine]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for line in lines.iter().filter(|line| !line.host_network) {
        let mut finding = |id: &str, severity, title: String, hint: &str| {
            let mut finding = Finding::new(id, severity, title).with_object(line.object.clone()).with_hint(hint);
            if !line.not_evaluated.is_empty() {
                finding = finding.with_evidence("notEvaluated", line.not_evaluated.clone());
            }
            findings.push(finding);
        };
        match line.default_deny {
            Some(deny) if line.pods.is_some_and(|pods| pods > 0) => {
                let missing = match (deny.ingress, deny.egress) {
                    (true, true) => continue,
                    (false, true) => "ingress",
                    (true, false) => "egress",
                    (false, false) => "ingress and egress",
                };
                finding(
                    "no-default-deny",
                    Severity::Medium,
                    format!("no NetworkPolicy denies by default what comes to or goes from new pods: {missing}"),
                    "write a NetworkPolicy with an empty podSelector and no rules for these types",
                );
            }
            Some(_) => {}
            // Pods of a workload are told by the workload.
            None if line.pods.is_none() => {}
            None => {
                if line.ingress == Isolation::Open {
                    finding(
                        "ingress-open",
                        Severity::Medium,
                        "everybody reaches it on every port".to_owned(),
                        "write a NetworkPolicy of type Ingress that selects it",
                    );
                }
                if line.egress == Isolation::Open {
                    finding(
                        "egress-open",
                        Severity::Low,
                        "it reaches everything that lets it in, and every address outside".to_owned(),
                        "write a NetworkPolicy of type Egress that selects it",
                    );
                }
            }
        }
    }
    findings
}

fn entrance_findings(entrances: &[crate::entrance::Entrance]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for entrance in entrances {
        let (severity, said) = match entrance.allowed {
            Answer::Yes => (Severity::Medium, "and its policies let everybody in"),
            Answer::Depends => (Severity::Info, "its policies let some in"),
            Answer::No => continue,
        };
        let to = entrance.to.display();
        let from = &entrance.from;
        let title = format!("{} {to} is behind it on {}, {said}", entrance.to.kind, entrance.ports);
        let object =
            object(&from.kind, from.namespace.as_deref().unwrap_or_default(), from.name.as_deref().unwrap_or_default());
        findings.push(Finding::new("exposed", severity, title).with_object(object));
    }
    findings
}

fn target_findings(targets: &[Target]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for target in targets.iter().filter(|target| target.unknown.is_none()) {
        let (id, severity, peers, said) = match target.id {
            "kube-dns" => ("dns-out-of-reach", Severity::Medium, &target.kept_from, "cannot reach the cluster's DNS"),
            "api-server" => ("api-server-reachable", Severity::Info, &target.reached_by, "reaches the API server"),
            _ => (
                "metadata-reachable",
                Severity::Medium,
                &target.reached_by,
                "reaches the metadata address, where clouds give out the node's credentials",
            ),
        };
        for TargetPeer { peer, not_evaluated } in peers.iter().filter(|peer| !peer.peer.host_network) {
            let (Some(namespace), Some(name)) = (&peer.namespace, &peer.name) else { continue };
            let finding = Finding::new(id, severity, said).with_object(object(&peer.kind, namespace, name));
            let mut finding = finding.with_evidence("at", target.at.clone());
            let names: Vec<String> = not_evaluated.iter().chain(&target.not_evaluated).cloned().collect();
            if !names.is_empty() {
                finding = finding.with_evidence("notEvaluated", names);
            }
            findings.push(finding);
        }
    }
    findings
}
