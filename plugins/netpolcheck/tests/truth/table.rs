//! Reading the truth tables.

use std::{collections::BTreeMap, path::PathBuf};

use kubectl_netpolcheck::ports::Protocol;
use serde::Deserialize;

#[derive(Deserialize)]
pub struct Table {
    columns: Vec<String>,
    pods: Vec<String>,
    pub steps: Vec<Step>,
}

#[derive(Deserialize)]
pub struct Step {
    pub case: String,
    policies: Vec<String>,
    truth: Truth,
}

#[derive(Deserialize)]
struct Truth {
    ingress: BTreeMap<String, String>,
    egress: BTreeMap<String, String>,
    combined: Option<BTreeMap<String, String>>,
}

pub struct Pair<'t> {
    pub from: &'t str,
    pub to: &'t str,
}

impl Table {
    /// `None`, with a word on standard output, where the tables are not beside the repository.
    pub fn read() -> Option<Self> {
        let path =
            PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/oracles/netpol-truth/cases.json"));
        let text = std::fs::read_to_string(&path);
        if text.is_err() {
            println!("skipped: {} is not there", path.display());
        }
        let mut table: Self = serde_json::from_str(&text.ok()?).expect("the tables");
        for step in &mut table.steps {
            step.truth.ingress.retain(|pair, _| !is_diagonal(pair));
            step.truth.egress.retain(|pair, _| !is_diagonal(pair));
        }
        Some(table)
    }

    /// The cluster of the tables with the policies of a step.
    pub fn manifests(&self, step: &Step) -> String {
        let mut text = String::new();
        for namespace in ["x", "y", "z"] {
            text.push_str(&format!(
                "apiVersion: v1\nkind: Namespace\nmetadata:\n  name: {namespace}\n  labels: {{ns: {namespace}}}\n---\n"
            ));
        }
        for (place, pod) in self.pods.iter().enumerate() {
            let (namespace, name) = pod.split_once('/').expect("namespace/name");
            // The test of this name gives the pod a label between its first step and this one.
            let updated = step.case == "should allow ingress access from updated pod" && pod == "x/b";
            let labels = if updated { format!("pod: {name}, pod2: updated") } else { format!("pod: {name}") };
            let ports: Vec<String> = Protocol::ALL
                .iter()
                .flat_map(|protocol| [80, 81].map(|port| (protocol, port)))
                .map(|(protocol, port)| {
                    let name = protocol.as_str().to_lowercase();
                    format!("{{name: serve-{port}-{name}, containerPort: {port}, protocol: {protocol}}}")
                })
                .collect();
            text.push_str(&format!(
                "apiVersion: v1\nkind: Pod\nmetadata:\n  name: {name}\n  namespace: {namespace}\n  labels: {{{labels}}}\n\
                 spec:\n  containers:\n  - name: c\n    ports: [{}]\n\
                 status:\n  phase: Running\n  podIP: 192.168.1.{ip}\n  podIPs: [{{ip: 192.168.1.{ip}}}]\n---\n",
                ports.join(", "),
                ip = place + 1,
            ));
        }
        for policy in &step.policies {
            // Some were printed from objects in memory, which have no type, and one has a line of the suite's log.
            if !policy.contains("apiVersion:") {
                text.push_str("apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\n");
            }
            for line in policy.lines().filter(|line| !line.ends_with("correct")) {
                text.push_str(line);
                text.push('\n');
            }
            text.push_str("---\n");
        }
        text
    }

    pub fn columns(&self) -> impl Iterator<Item = (Protocol, u16)> {
        self.columns.iter().map(|column| {
            let (protocol, port) = column.split_once('/').expect("protocol/port");
            (protocol.parse().expect("a protocol"), port.parse().expect("a port"))
        })
    }

    /// For each pair the verdicts of ingress, egress and both, in the order of the columns.
    pub fn pairs<'t>(&'t self, step: &'t Step) -> impl Iterator<Item = (Pair<'t>, [Vec<bool>; 3])> {
        step.truth.ingress.iter().map(|(pair, ingress)| {
            let (from, to) = pair.split_once('>').expect("from>to");
            let allowed = |text: &str| text.chars().map(|mark| mark == '.').collect::<Vec<_>>();
            let (ingress, egress) = (allowed(ingress), allowed(&step.truth.egress[pair]));
            let both: Vec<bool> = ingress.iter().zip(&egress).map(|(a, b)| *a && *b).collect();
            if let Some(combined) = &step.truth.combined {
                assert_eq!(both, allowed(&combined[pair]), "the tables agree with themselves");
            }
            (Pair { from, to }, [ingress, egress, both])
        })
    }
}

fn is_diagonal(pair: &str) -> bool {
    pair.split_once('>').is_some_and(|(from, to)| from == to)
}
