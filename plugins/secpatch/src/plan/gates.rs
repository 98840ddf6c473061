//! Feature gates that are set on the cluster's components and that a hop takes away or locks: a component that is given
//! one does not start.

use std::collections::{BTreeMap, BTreeSet};

use patchkit::{report::ObjectRef, rules::version::Minor};

use super::model::{ChangeAnswer, Touched};
use crate::{
    facts::{Component, GateProblem},
    settings::{self, gates_of_config, gates_of_flag},
    subject::Subject,
    words::{count, named},
};

/// The components that take `--feature-gates`.
const COMPONENTS: [Component; 5] = [
    Component::KUBE_APISERVER,
    Component::KUBE_CONTROLLER_MANAGER,
    Component::KUBE_SCHEDULER,
    Component::KUBELET,
    Component::KUBE_PROXY,
];

/// Names that stand for many gates. They stay.
const COLLECTIVE: [&str; 2] = ["AllAlpha", "AllBeta"];

/// A gate as it is set on one component.
type Setting = (Component, String, bool);

/// The gates that are set, with where; and why those of some components do not show.
fn set(subject: Subject<'_>) -> (BTreeMap<Setting, BTreeSet<ObjectRef>>, Vec<String>) {
    let mut found: BTreeMap<Setting, BTreeSet<ObjectRef>> = BTreeMap::new();
    let mut hidden = Vec::new();
    for component in COMPONENTS {
        let mut note = |object: &ObjectRef, gates: Vec<(String, bool)>| {
            for (gate, on) in gates {
                found.entry((component.clone(), gate, on)).or_default().insert(object.clone());
            }
        };
        let flags = settings::flags(subject, &component);
        for (object, value) in flags.get("feature-gates") {
            note(object, gates_of_flag(value));
        }
        let config = match component.as_str() {
            "kubelet" => Some(settings::kubelet(subject.snapshot)),
            "kube-proxy" => Some(settings::kube_proxy(subject.snapshot)),
            _ => None,
        };
        for (object, config) in config.iter().flatten().flatten() {
            note(object, gates_of_config(&config["featureGates"]));
        }
        // What kubeadm keeps for all nodes is where people set gates; flags on single nodes do not show.
        let is_configured = matches!(config, Some(Ok(_)));
        if let Some(why) = flags.hidden.filter(|_| !is_configured) {
            hidden.push(format!("{component}: {why}"));
        }
    }
    (found, hidden)
}

/// The gates that are set and that go, or are locked to the other value, after `from`, up to and with `to`; and one
/// line that says what was looked at.
#[must_use]
pub fn gates(subject: Subject<'_>, from: Minor, to: Minor) -> Vec<ChangeAnswer> {
    let (settings, hidden) = set(subject);
    let mut answers = Vec::new();
    let mut names = BTreeSet::new();
    for ((component, gate, on), objects) in &settings {
        names.insert(gate.as_str());
        if COLLECTIVE.contains(&gate.as_str()) {
            continue;
        }
        let (since, touched, fact) = match subject.facts.gates().get(gate) {
            None => {
                let fact = format!("no source knows the feature gate {gate}");
                (to, Touched::CannotTell, fact)
            }
            Some(known) => match known.problem(*on, to) {
                Some(GateProblem::Removed { since }) => {
                    let fact = format!("the feature gate {gate} is gone: {component} does not start with it");
                    (since, Touched::Yes, fact)
                }
                Some(GateProblem::Locked { since, to }) => {
                    let fact =
                        format!("the feature gate {gate} is locked to {to}: {component} does not start with {on}");
                    (since, Touched::Yes, fact)
                }
                // An older component would not have started with it either.
                Some(GateProblem::NotYet { .. }) | None => continue,
            },
        };
        // What went before is no matter of this hop: the component runs with it today.
        if since <= from {
            continue;
        }
        answers.push(ChangeAnswer {
            id: format!("gate:{gate}"),
            minor: since.to_string(),
            component: component.to_string(),
            fact,
            touched,
            evidence: format!("{gate}={on} in {}", named(objects)),
            objects: objects.iter().cloned().collect(),
            action: format!("take {gate} out of the configuration before this hop"),
            source: "https://kubernetes.io/docs/reference/command-line-tools-reference/feature-gates/".to_owned(),
            provisional: is_provisional(subject, since),
        });
    }
    let going =
        subject.facts.gates().all().iter().filter(|gate| gate.removed.is_some_and(|minor| minor > from && minor <= to));
    let (touched, evidence) = match (hidden.as_slice(), answers.is_empty()) {
        (_, false) => return answers,
        ([], true) => (Touched::No, format!("{} set, none of them goes", count(names.len(), "gate"))),
        (hidden, true) => (
            Touched::CannotTell,
            format!("{} set where it shows, none of them goes; {}", count(names.len(), "gate"), hidden.join("; ")),
        ),
    };
    vec![ChangeAnswer {
        id: "feature-gates".to_owned(),
        minor: to.to_string(),
        component: "all".to_owned(),
        fact: format!("{} gone: a component that is given one does not start", count(going.count(), "feature gate")),
        touched,
        evidence,
        objects: Vec::new(),
        action: "look at the feature gates that are set on components whose flags do not show".to_owned(),
        source: "https://kubernetes.io/docs/reference/command-line-tools-reference/feature-gates-removed/".to_owned(),
        provisional: is_provisional(subject, to),
    }]
}

fn is_provisional(subject: Subject<'_>, minor: Minor) -> bool {
    subject.facts.releases().newest(subject.today).is_none_or(|newest| minor > newest)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Cluster;

    fn minor(text: &str) -> Minor {
        text.parse().expect("a minor of this test")
    }

    fn server(gates: &str) -> String {
        format!(
            "{{apiVersion: v1, kind: Pod, metadata: {{name: kube-apiserver-a, namespace: kube-system}}, spec: {{containers: [{{name: c, image: 'registry.k8s.io/kube-apiserver:v1.30.2', command: [kube-apiserver, '--feature-gates={gates}']}}]}}}}\n---\n"
        )
    }

    #[test]
    fn gates_that_go_are_named_at_their_hop_only() {
        // APIPriorityAndFairness went with 1.31, APIListChunking with 1.33.
        let cluster = Cluster::of(&server("APIPriorityAndFairness=true,APIListChunking=true"));
        let ids = |from, to| -> Vec<(String, Touched)> {
            gates(cluster.subject(), minor(from), minor(to))
                .into_iter()
                .map(|answer| (answer.id, answer.touched))
                .collect()
        };
        assert_eq!(ids("1.30", "1.31"), [("gate:APIPriorityAndFairness".to_owned(), Touched::Yes)]);
        assert_eq!(ids("1.31", "1.32"), [("feature-gates".to_owned(), Touched::CannotTell)]);
        assert_eq!(ids("1.32", "1.33"), [("gate:APIListChunking".to_owned(), Touched::Yes)]);
        let found = gates(cluster.subject(), minor("1.30"), minor("1.31"));
        assert_eq!(found[0].objects[0].name, "kube-apiserver-a");
        assert!(found[0].evidence.contains("APIPriorityAndFairness=true"));
    }

    #[test]
    fn a_gate_that_nobody_knows_cannot_be_told() {
        let cluster = Cluster::of(&server("MadeUp=true,AllAlpha=true"));
        let found = gates(cluster.subject(), minor("1.30"), minor("1.31"));
        assert_eq!(found.len(), 1);
        assert_eq!((found[0].id.as_str(), found[0].touched), ("gate:MadeUp", Touched::CannotTell));
    }

    #[test]
    fn the_kubelets_gates_stand_in_their_configuration() {
        let cluster = Cluster::of(
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: kubelet-config, namespace: kube-system}\ndata:\n  kubelet: |\n    kind: KubeletConfiguration\n    featureGates: {APIListChunking: false}\n",
        );
        let found = gates(cluster.subject(), minor("1.32"), minor("1.33"));
        assert_eq!((found[0].id.as_str(), found[0].component.as_str()), ("gate:APIListChunking", "kubelet"));
    }

    #[test]
    fn a_gate_that_is_locked_to_the_other_value_stops_the_component() {
        let facts = crate::facts::Facts::compiled_in();
        // Of the facts: a gate that some minor locks, and that the one before does not.
        let (name, since, to) = facts
            .gates()
            .all()
            .iter()
            .find_map(|gate| {
                let span = gate.spans.iter().find(|span| span.locked == Some(true) && span.from > minor("1.30"))?;
                Some((gate.name.clone(), span.from, span.default?))
            })
            .expect("the facts know a lock");
        let cluster = Cluster::of(&server(&format!("{name}={}", !to)));
        let found = gates(cluster.subject(), since.previous().expect("a minor before"), since);
        assert_eq!(found[0].touched, Touched::Yes);
        assert!(found[0].fact.contains("is locked to"), "{}", found[0].fact);
        let cluster = Cluster::of(&server(&format!("{name}={to}")));
        let found = gates(cluster.subject(), since.previous().expect("a minor before"), since);
        assert_ne!(found[0].id, format!("gate:{name}"));
    }
}
