//! Policies that are found and not evaluated: which pods they speak about, so that no answer about those pods goes
//! without that remark.
//!
//! Sources: Cilium's "Endpoints and labels" (a key may begin with its source, `k8s:` or `any:`), Calico's "Selectors"
//! (`projectcalico.org/v3`), Istio's `WorkloadSelector` (a policy in the root namespace holds everywhere).

use patchkit::{
    report::{NotEvaluated, SourceRef},
    rules::{LabelSelector, Labels},
    snapshot::{
        Coverage, Kind, Snapshot, kinds,
        objects::{
            Meta,
            foreign_policy::{ForeignPolicy, Selection, SelectorForm},
        },
    },
};

use crate::{
    calico,
    world::{PodFacts, PodId, World, namespace_of},
};

/// Kinds that may change answers, of which only the metadata is read: group, kind, and whether they hold for the whole
/// cluster.
pub const OTHER_KINDS: &[(&str, &str, bool)] = &[
    ("cilium.io", "CiliumLocalRedirectPolicy", false),
    ("policy.linkerd.io", "Server", false),
    ("policy.linkerd.io", "AuthorizationPolicy", false),
    ("policy.linkerd.io", "ServerAuthorization", false),
    ("kuma.io", "MeshTrafficPermission", true),
    ("consul.hashicorp.com", "ServiceIntentions", true),
    ("k8s.ovn.org", "EgressFirewall", false),
    ("networking.k8s.aws", "ClusterNetworkPolicy", true),
    ("networking.k8s.aws", "ApplicationNetworkPolicy", false),
    ("networking.gke.io", "FQDNNetworkPolicy", false),
];

/// Kinds without which no answer is certain: policies of every kind, and the labels of namespaces that they ask for.
pub const MATTERS: &[Kind] = &[
    kinds::NAMESPACES,
    kinds::NETWORK_POLICIES,
    kinds::ADMIN_NETWORK_POLICIES,
    kinds::BASELINE_ADMIN_NETWORK_POLICIES,
    kinds::CLUSTER_NETWORK_POLICIES,
    kinds::CILIUM_POLICIES,
    kinds::CILIUM_CLUSTERWIDE_POLICIES,
    kinds::CALICO_POLICIES,
    kinds::CALICO_GLOBAL_POLICIES,
    kinds::CALICO_STORED_POLICIES,
    kinds::CALICO_STORED_GLOBAL_POLICIES,
    kinds::ANTREA_POLICIES,
    kinds::ANTREA_CLUSTER_POLICIES,
    kinds::ISTIO_AUTHORIZATION_POLICIES,
    kinds::ISTIO_PEER_AUTHENTICATIONS,
];

/// The namespace in which Istio's policies hold for the whole mesh, where nobody changed it.
const ISTIO_ROOT: &str = "istio-system";

/// A policy that is not evaluated.
#[derive(Clone, Debug)]
pub struct Unevaluated {
    /// `CiliumNetworkPolicy shop/db`
    pub display: String,
    /// The API version and kind.
    pub kind: String,
    /// Where it stands in the input.
    pub source: Option<SourceRef>,
    /// It stands for a whole kind that could not be read, which the snapshot itself has named already.
    pub unread: bool,
}

/// The policies that are not evaluated, and whom they speak about.
#[derive(Debug, Default)]
pub struct Foreign {
    /// The policies.
    pub policies: Vec<Unevaluated>,
    /// For each pod, by place, the policies that select it or may select it, by place.
    of_pod: Vec<Vec<u32>>,
}

impl Foreign {
    /// The policies of a snapshot that are not evaluated.
    #[must_use]
    pub fn of(snapshot: &Snapshot, world: &World<'_>) -> Self {
        let mut foreign = Self { policies: Vec::new(), of_pod: vec![Vec::new(); world.pods.len()] };
        for policy in &snapshot.foreign_policies {
            foreign.add(snapshot, &policy.kind, &policy.meta, world, |pod| selects(policy, pod, world));
        }
        for object in &snapshot.others {
            let group = object.meta.api_version.split_once('/').map_or("", |(group, _)| group);
            let known = OTHER_KINDS.iter().find(|(of, kind, _)| *of == group && *kind == object.kind);
            if let Some((_, _, everywhere)) = known {
                let namespace = namespace_of(&object.meta);
                foreign.add(snapshot, &object.kind, &object.meta, world, |pod| {
                    *everywhere || object.meta.namespace.is_empty() || pod.namespace == namespace
                });
            }
        }
        foreign.add_unread(snapshot);
        foreign
    }

    /// Kinds that could not be read: there may be policies of them about every pod.
    fn add_unread(&mut self, snapshot: &Snapshot) {
        for kind in MATTERS.iter().filter(|kind| matches!(snapshot.coverage(kind), Coverage::Denied(_))) {
            let place = u32::try_from(self.policies.len()).unwrap_or(u32::MAX);
            self.policies.push(Unevaluated {
                display: format!("{} (not read)", kind.resource()),
                kind: kind.kind.to_owned(),
                source: None,
                unread: true,
            });
            self.of_pod.iter_mut().for_each(|of_pod| of_pod.push(place));
        }
    }

    fn add(
        &mut self,
        snapshot: &Snapshot,
        kind: &str,
        meta: &Meta,
        world: &World<'_>,
        selects: impl Fn(&PodFacts<'_>) -> bool,
    ) {
        let place = u32::try_from(self.policies.len()).unwrap_or(u32::MAX);
        self.policies.push(Unevaluated {
            display: meta.object_ref(kind).display(),
            kind: format!("{kind} ({})", meta.api_version),
            source: snapshot.source_of(meta),
            unread: false,
        });
        for (pod, of_pod) in world.pods.iter().zip(&mut self.of_pod) {
            if selects(pod) {
                of_pod.push(place);
            }
        }
    }

    /// The policies that speak, or may speak, about a pod.
    pub fn about(&self, pod: PodId) -> impl Iterator<Item = &Unevaluated> {
        self.of_pod[pod.0 as usize].iter().map(|place| &self.policies[*place as usize])
    }

    /// The policies that speak, or may speak, about any of these pods, by name.
    #[must_use]
    pub fn about_any(&self, pods: &[PodId]) -> Vec<&str> {
        let mut places: Vec<u32> = pods.iter().flat_map(|pod| &self.of_pod[pod.0 as usize]).copied().collect();
        places.sort_unstable();
        places.dedup();
        places.into_iter().map(|place| self.policies[place as usize].display.as_str()).collect()
    }

    /// Each of them as something that was left out.
    pub fn left_out(&self) -> impl Iterator<Item = NotEvaluated> + '_ {
        self.policies.iter().filter(|policy| !policy.unread).map(|policy| {
            let place = policy.source.as_ref().map(|at| format!(", {}:{}", at.file, at.line)).unwrap_or_default();
            let why = format!("policies of this kind are not evaluated; it may change what its pods can do{place}");
            NotEvaluated::new(policy.display.as_str(), why)
        })
    }
}

fn selects(policy: &ForeignPolicy, pod: &PodFacts<'_>, world: &World<'_>) -> bool {
    let of_mesh = policy.group() == "security.istio.io" && *policy.meta.namespace == *ISTIO_ROOT;
    let everywhere = policy.meta.namespace.is_empty() && is_cluster_wide(&policy.kind) || of_mesh;
    if !everywhere && pod.namespace != namespace_of(&policy.meta) {
        return false;
    }
    let meant = |selection: &Selection| {
        let in_namespace =
            may_match(&selection.namespaces, world.namespaces.labels(pod.namespace).unwrap_or(&Labels::default()));
        in_namespace && may_match(&selection.pods, pod.labels)
    };
    policy.selections.iter().any(meant)
}

fn is_cluster_wide(kind: &str) -> bool {
    kind.starts_with("Global") || kind.contains("Cluster")
}

/// Whether a selector matches, or is of a form that nothing can be told of.
fn may_match(selector: &SelectorForm, labels: &Labels) -> bool {
    match selector {
        SelectorForm::All | SelectorForm::Unread => true,
        SelectorForm::Text(text) => calico::matches(text, labels).unwrap_or(true),
        SelectorForm::Labels(selector) => without_sources(selector).is_none_or(|selector| selector.matches(labels)),
    }
}

/// Cilium's selectors name the source of a label before its key. `None` where labels are asked for that are none of
/// the pod's own.
fn without_sources(selector: &LabelSelector) -> Option<LabelSelector> {
    let own = |key: &str| -> Option<String> {
        let key = key.strip_prefix("k8s:").or_else(|| key.strip_prefix("any:")).unwrap_or(key);
        let is_own = !key.contains(':') && !key.starts_with("io.kubernetes.pod.") && !key.starts_with("io.cilium.");
        is_own.then(|| key.to_owned())
    };
    let pairs: Option<Vec<(String, String)>> =
        selector.match_labels.iter().map(|(key, value)| Some((own(key)?, value.to_owned()))).collect();
    let mut expressions = selector.match_expressions.clone();
    for requirement in &mut expressions {
        requirement.key = own(&requirement.key)?.into();
    }
    Some(LabelSelector { match_labels: pairs?.into_iter().collect(), match_expressions: expressions })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_told_may_match() {
        let labels: Labels = [("app", "web")].into_iter().collect();
        let form = |json: &str| serde_json::from_str::<SelectorForm>(json).unwrap();
        for (json, expected) in [
            (r#"{"matchLabels": {"app": "web"}}"#, true),
            (r#"{"matchLabels": {"k8s:app": "web"}}"#, true),
            (r#"{"matchLabels": {"any:app": "db"}}"#, false),
            (r#"{"matchLabels": {"k8s:io.kubernetes.pod.namespace": "other"}}"#, true),
            (r#"{"matchLabels": {"reserved:host": ""}}"#, true),
            (r#"{"matchExpressions": [{"key": "k8s:app", "operator": "NotIn", "values": ["web"]}]}"#, false),
            (r#""app == 'web'""#, true),
            (r#""app == 'db'""#, false),
            (r#""something of its own""#, true),
            ("7", true),
            ("null", true),
        ] {
            assert_eq!(may_match(&form(json), &labels), expected, "{json}");
        }
    }
}
