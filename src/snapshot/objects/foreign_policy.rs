//! Policies of network plugins and service meshes. What they say is not read, only whom they speak about: they may
//! change what Kubernetes' own policies seem to allow.
//!
//! Sources: the custom resource definitions of Cilium (`cilium.io/v2`), Calico (`projectcalico.org/v3`), Antrea
//! (`crd.antrea.io/v1beta1`) and Istio (`security.istio.io/v1`).

use compact_str::CompactString;
use serde::Deserialize;

use super::{Context, Meta, Resource, meta::WireMeta};
use crate::rules::{LabelSelector, names::split_api_version, null::or_default};

/// A policy that is not Kubernetes' own.
#[derive(Clone, Debug, Default)]
pub struct ForeignPolicy {
    /// Identity.
    pub meta: Meta,
    /// The kind; several groups use the same ones.
    pub kind: CompactString,
    /// Whom it speaks about, any of them; none for a form that could not be read.
    pub selections: Vec<Selection>,
}

impl ForeignPolicy {
    /// The group of its API version.
    #[must_use]
    pub fn group(&self) -> &str {
        split_api_version(&self.meta.api_version).0
    }
}

/// Pods that a policy speaks about. In a policy of one namespace only those of that namespace.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selection {
    /// Which namespaces.
    pub namespaces: SelectorForm,
    /// Which of their pods.
    pub pods: SelectorForm,
}

/// A selector in the form in which it was written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum SelectorForm {
    /// No selector: everything.
    #[default]
    All,
    /// A label selector of Kubernetes.
    Labels(LabelSelector),
    /// An expression in a language of its own (Calico).
    Text(CompactString),
    /// Something that is no selector of pods: nothing can be said.
    Unread,
}

impl<'de> Deserialize<'de> for SelectorForm {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Wire {
            Text(CompactString),
            Labels(LabelSelector),
            Other(serde::de::IgnoredAny),
        }
        Ok(match Option::<Wire>::deserialize(deserializer)? {
            None => Self::All,
            Some(Wire::Text(text)) if text.trim().is_empty() => Self::All,
            Some(Wire::Text(text)) => Self::Text(text),
            Some(Wire::Labels(labels)) => Self::Labels(labels),
            Some(Wire::Other(_)) => Self::Unread,
        })
    }
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct WirePolicy {
    #[serde(deserialize_with = "or_default")]
    metadata: WireMeta,
    spec: Option<WireSpec>,
    /// Cilium's may hold several.
    #[serde(deserialize_with = "or_default")]
    specs: Vec<WireSpec>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct WireSpec {
    // Cilium
    endpoint_selector: SelectorForm,
    node_selector: Option<serde::de::IgnoredAny>,
    // Calico and Istio
    selector: SelectorForm,
    namespace_selector: SelectorForm,
    // Istio: what else a policy can be attached to
    #[serde(deserialize_with = "or_default")]
    target_refs: Vec<serde::de::IgnoredAny>,
    // Antrea
    #[serde(deserialize_with = "or_default")]
    applied_to: Vec<WireAppliedTo>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct WireAppliedTo {
    pod_selector: SelectorForm,
    namespace_selector: SelectorForm,
}

impl WireSpec {
    fn keep(self, selections: &mut Vec<Selection>) {
        if self.node_selector.is_some() {
            return; // of nodes, not of pods
        }
        if !self.applied_to.is_empty() {
            selections.extend(
                self.applied_to
                    .into_iter()
                    .map(|it| Selection { namespaces: it.namespace_selector, pods: it.pod_selector }),
            );
            return;
        }
        let pods = match (self.endpoint_selector, self.selector) {
            _ if !self.target_refs.is_empty() => SelectorForm::Unread,
            (SelectorForm::All, of_others) => of_others,
            (of_cilium, _) => of_cilium,
        };
        selections.push(Selection { namespaces: self.namespace_selector, pods });
    }
}

fn keep(kind: &'static str, wire: WirePolicy, context: &mut Context) -> ForeignPolicy {
    let mut selections = Vec::new();
    // An empty policy of Istio has no specification, and speaks about everything.
    let spec = if wire.specs.is_empty() { Some(wire.spec.unwrap_or_default()) } else { wire.spec };
    for spec in spec.into_iter().chain(wire.specs) {
        spec.keep(&mut selections);
    }
    ForeignPolicy { meta: wire.metadata.keep(context), kind: CompactString::const_new(kind), selections }
}

macro_rules! foreign_policies {
    ($($kind:ident),+) => {$(
        pub(crate) struct $kind(pub(crate) ForeignPolicy);

        impl Resource for $kind {
            type Wire = WirePolicy;

            fn keep(wire: WirePolicy, context: &mut Context) -> Self {
                Self(keep(stringify!($kind), wire, context))
            }
        }
    )+};
}

foreign_policies!(
    CiliumNetworkPolicy,
    CiliumClusterwideNetworkPolicy,
    NetworkPolicy,
    GlobalNetworkPolicy,
    ClusterNetworkPolicy,
    AuthorizationPolicy,
    PeerAuthentication
);

#[cfg(test)]
mod tests {
    use super::*;

    fn selections(json: &str) -> Vec<Selection> {
        let wire: WirePolicy = serde_json::from_str(json).unwrap();
        NetworkPolicy::keep(wire, &mut Context::default()).0.selections
    }

    #[test]
    fn selectors_of_every_project_are_found() {
        let web = SelectorForm::Labels(serde_json::from_str(r#"{"matchLabels": {"app": "web"}}"#).unwrap());
        let one = |namespaces, pods| vec![Selection { namespaces, pods }];
        for (json, expected) in [
            (r#"{"spec": {"endpointSelector": {"matchLabels": {"app": "web"}}}}"#, one(SelectorForm::All, web.clone())),
            (
                r#"{"specs": [{"endpointSelector": {"matchLabels": {"app": "web"}}}, {"nodeSelector": {}}]}"#,
                one(SelectorForm::All, web.clone()),
            ),
            (
                r#"{"spec": {"selector": "app == 'web'", "namespaceSelector": "has(a)"}}"#,
                one(SelectorForm::Text("has(a)".into()), SelectorForm::Text("app == 'web'".into())),
            ),
            (r#"{"spec": {"selector": {"matchLabels": {"app": "web"}}}}"#, one(SelectorForm::All, web.clone())),
            (r#"{"metadata": {"name": "deny"}}"#, one(SelectorForm::All, SelectorForm::All)),
            (r#"{"spec": {"targetRefs": [{"name": "g"}]}}"#, one(SelectorForm::All, SelectorForm::Unread)),
            (
                r#"{"spec": {"appliedTo": [{"podSelector": {"matchLabels": {"app": "web"}}, "namespaceSelector": {}}]}}"#,
                one(SelectorForm::Labels(LabelSelector::default()), web.clone()),
            ),
        ] {
            assert_eq!(selections(json), expected, "{json}");
        }
    }
}
