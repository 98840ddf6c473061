//! Who will write an object again, and so may take a change back: Helm, and what brings a cluster to the state of a
//! repository.

use patchkit::snapshot::objects::Meta;
use serde::Serialize;

/// Somebody who writes an object again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Overwriter {
    /// Who: `Helm`, `Argo CD`, `Flux`, …
    pub by: &'static str,
    /// What tells it: the label, the annotation or the field manager.
    pub seen_in: String,
    /// When the change is overwritten, and where it belongs instead.
    pub advice: &'static str,
}

impl Overwriter {
    /// `Helm manages it (annotation meta.helm.sh/release-name): …`
    #[must_use]
    pub fn display(&self) -> String {
        format!("{} manages it ({}): {}", self.by, self.seen_in, self.advice)
    }
}

const HELM: &str = "the next helm upgrade may overwrite the change: put it into the values or the chart";
const REPOSITORY: &str = "it brings the object back to what its repository holds: put the change there";
const PROGRAM: &str = "its next run may overwrite the change: put it there";

/// Labels and annotations by which each marks what it writes, with the value where the key alone tells nothing
/// (helm.sh/docs/chart_best_practices/labels; argo-cd.readthedocs.io, "Resource Tracking"; fluxcd.io, "Kustomization"
/// and "HelmRelease"; the documentation of the others).
const MARKS: [(&str, &str, &str, &str); 12] = [
    ("argocd.argoproj.io/tracking-id", "", "Argo CD", REPOSITORY),
    ("argocd.argoproj.io/instance", "", "Argo CD", REPOSITORY),
    ("kustomize.toolkit.fluxcd.io/name", "", "Flux", REPOSITORY),
    ("helm.toolkit.fluxcd.io/name", "", "Flux", REPOSITORY),
    ("configmanagement.gke.io/managed", "enabled", "Config Sync", REPOSITORY),
    ("objectset.rio.cattle.io/id", "", "Fleet", REPOSITORY),
    ("kapp.k14s.io/app", "", "kapp", PROGRAM),
    ("addonmanager.kubernetes.io/mode", "Reconcile", "the addon manager", "it brings the object back to its file"),
    (
        "olm.owner",
        "",
        "the Operator Lifecycle Manager",
        "it writes the object as its operator's bundle says: change the Subscription's config",
    ),
    ("meta.helm.sh/release-name", "", "Helm", HELM),
    ("app.kubernetes.io/managed-by", "Helm", "Helm", HELM),
    ("app.kubernetes.io/managed-by", "Tiller", "Helm", HELM),
];

/// Field managers, by the beginning of their names.
const MANAGERS: [(&str, &str, &str); 9] = [
    ("argocd-controller", "Argo CD", REPOSITORY),
    ("argocd-application-controller", "Argo CD", REPOSITORY),
    ("kustomize-controller", "Flux", REPOSITORY),
    ("helm-controller", "Flux", REPOSITORY),
    ("configsync", "Config Sync", REPOSITORY),
    ("fleetagent", "Fleet", REPOSITORY),
    ("helm", "Helm", HELM),
    ("pulumi", "Pulumi", PROGRAM),
    ("Terraform", "Terraform", PROGRAM),
];

/// Everybody who will write this object again, each once: what brings it back by itself first.
#[must_use]
pub fn overwriters(meta: &Meta) -> Vec<Overwriter> {
    let mut found: Vec<Overwriter> = Vec::new();
    let mut add = |by: &'static str, seen_in: String, advice: &'static str| {
        if !found.iter().any(|known| known.by == by) {
            found.push(Overwriter { by, seen_in, advice });
        }
    };
    for (key, value, by, advice) in MARKS {
        for (place, map) in [("annotation", &meta.annotations), ("label", &meta.labels)] {
            if map.get(key).is_some_and(|found| value.is_empty() || found == value) {
                add(by, format!("{place} {key}"), advice);
            }
        }
    }
    for (name, by, advice) in MANAGERS {
        if let Some(manager) = meta.managers.iter().find(|manager| manager.manager.starts_with(name)) {
            add(by, format!("field manager {}", manager.manager), advice);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Cluster;

    fn of(metadata: &str) -> Vec<String> {
        let cluster = Cluster::of(&format!(
            "{{apiVersion: apps/v1, kind: Deployment, metadata: {{name: web, {metadata}}}, spec: {{}}}}"
        ));
        let found = overwriters(&cluster.snapshot.workloads[0].meta);
        found.into_iter().map(|found| format!("{} by {}", found.by, found.seen_in)).collect()
    }

    #[test]
    fn each_is_known_by_its_marks() {
        for (metadata, expected) in [
            ("labels: {app.kubernetes.io/managed-by: Helm}", &["Helm by label app.kubernetes.io/managed-by"][..]),
            ("labels: {app.kubernetes.io/managed-by: people}", &[]),
            ("annotations: {meta.helm.sh/release-name: web}", &["Helm by annotation meta.helm.sh/release-name"]),
            (
                "annotations: {argocd.argoproj.io/tracking-id: 'a:apps/Deployment:shop/web'}, labels: {app.kubernetes.io/managed-by: Helm}",
                &["Argo CD by annotation argocd.argoproj.io/tracking-id", "Helm by label app.kubernetes.io/managed-by"],
            ),
            ("labels: {kustomize.toolkit.fluxcd.io/name: apps}", &["Flux by label kustomize.toolkit.fluxcd.io/name"]),
            (
                "managedFields: [{manager: argocd-controller, operation: Apply, apiVersion: apps/v1}]",
                &["Argo CD by field manager argocd-controller"],
            ),
            ("managedFields: [{manager: kubectl-client-side-apply, operation: Update, apiVersion: apps/v1}]", &[]),
            ("labels: {addonmanager.kubernetes.io/mode: EnsureExists}", &[]),
        ] {
            assert_eq!(of(metadata), expected, "{metadata}");
        }
    }
}
