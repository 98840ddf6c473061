//! AdminNetworkPolicy and BaselineAdminNetworkPolicy of v1alpha1, whose place ClusterNetworkPolicy of v1alpha2 has taken.

use patchkit::{
    report::{Finding, Severity},
    snapshot::objects::cluster_policy::ClusterPolicyKind,
};

use super::{
    scene::{Found, Scene},
    translate::translated,
};

pub(super) fn check(scene: &Scene<'_>, found: &mut Found) {
    let snapshot = scene.analysis.snapshot;
    for policy in snapshot.cluster_policies.iter().filter(|it| it.kind != ClusterPolicyKind::ClusterNetworkPolicy) {
        let title = format!(
            "{} of v1alpha1 is deprecated: ClusterNetworkPolicy of v1alpha2 takes its place",
            policy.kind.as_str()
        );
        let served = snapshot.serves("policy.networking.k8s.io", "ClusterNetworkPolicy");
        let finding = Finding::new("deprecated-kind", Severity::Low, title)
            .with_object(policy.meta.object_ref(policy.kind.as_str()))
            .with_source(snapshot.source_of(&policy.meta));
        found.add(match translated(policy) {
            Ok(manifest) => {
                let text = serde_saphyr::to_string(&manifest).unwrap_or_else(|_| manifest.to_string());
                finding.with_evidence("translation", text).with_hint(match served {
                    Some(false) => {
                        "install ClusterNetworkPolicy (network-policy-api v0.2) and a network plugin that knows it, apply the \
                         translation, then delete this policy"
                    }
                    _ => "apply the translation, then delete this policy",
                })
            }
            Err(why) => finding.with_evidence("notTranslated", why.clone()).with_hint(format!("translate it by hand: {why}")),
        });
    }
}
