//! `kubectl secpatch cves`: what touches the cluster, what may, and what was asked about.

use std::collections::BTreeSet;

use patchkit::{
    report::{Finding, NotEvaluated, Severity},
    snapshot::{Kind, kinds},
};

use super::{AffectedPlace, CveHere, Holds, find};
use crate::{
    facts::{Component, Cve},
    specs::Specs,
    subject::Subject,
};

/// The kinds that are read of a live cluster: what has a version, and what preconditions are evaluated on.
pub const KINDS: &[Kind] = &[
    kinds::NODES,
    kinds::PODS,
    kinds::DEPLOYMENTS,
    kinds::STATEFUL_SETS,
    kinds::DAEMON_SETS,
    kinds::REPLICA_SETS,
    kinds::JOBS,
    kinds::CRON_JOBS,
    kinds::INGRESSES,
    kinds::NETWORK_POLICIES,
    kinds::VALIDATING_WEBHOOKS,
    kinds::CUSTOM_RESOURCE_DEFINITIONS,
    kinds::API_SERVICES,
    kinds::CONFIG_MAPS,
    kinds::SERVICE_ACCOUNTS,
    kinds::ROLES,
    kinds::CLUSTER_ROLES,
    kinds::ROLE_BINDINGS,
    kinds::CLUSTER_ROLE_BINDINGS,
    kinds::PERSISTENT_VOLUMES,
    kinds::STORAGE_CLASSES,
    kinds::CSI_DRIVERS,
    kinds::CSI_NODES,
];

/// The component of a vulnerability of which no source names one.
const NO_COMPONENT: &str = "unknown";

/// What is asked about. Empty lists ask about everything.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// Components, by name.
    pub components: Vec<String>,
    /// This severity or a higher one.
    pub severity: Option<Severity>,
    /// What runs on these nodes.
    pub nodes: Vec<String>,
    /// Identifiers or aliases, in any case.
    pub ids: Vec<String>,
}

/// The vulnerabilities that touch the cluster or may, those without a known range among them; of those that are asked
/// for by their identifier also the ones that do not.
#[must_use]
pub fn entries(subject: Subject<'_>, filter: &Filter) -> Vec<CveHere> {
    let specs = Specs::new(subject.snapshot);
    let mut found = find::touching(subject);
    found.extend(behind_a_runtime(subject, &specs));
    found.extend(without_range(subject, &specs, &found));
    let known: BTreeSet<&str> = found.iter().map(|cve| cve.id.as_str()).collect();
    let asked = subject.facts.cves().all().iter().filter(|cve| !filter.ids.is_empty() && is_asked(cve, &filter.ids));
    let others: Vec<CveHere> = asked
        .filter(|cve| !known.contains(cve.id.as_str()))
        .flat_map(|cve| {
            let specs = &specs;
            cve.affected.iter().map(move |affected| CveHere {
                fixed_in: find::fixed_in(cve, &affected.component, None),
                ..find::of(subject, specs, cve, affected.component.as_str())
            })
        })
        .collect();
    found.extend(others);
    if !filter.ids.is_empty() {
        let cves = subject.facts.cves();
        found.retain(|cve| cves.get(&cve.id).is_some_and(|cve| is_asked(cve, &filter.ids)));
    }
    if !filter.components.is_empty() {
        found.retain(|cve| filter.components.iter().any(|name| name.eq_ignore_ascii_case(&cve.component)));
    }
    if let Some(least) = filter.severity {
        found.retain(|cve| cve.severity >= least);
    }
    if !filter.nodes.is_empty() {
        for cve in &mut found {
            cve.affected.retain(|place| place.node.as_ref().is_some_and(|node| filter.nodes.contains(node)));
        }
        found.retain(|cve| !cve.affected.is_empty());
    }
    find::sort(&mut found);
    found
}

fn is_asked(cve: &Cve, ids: &[String]) -> bool {
    let names = || std::iter::once(&cve.id).chain(&cve.aliases);
    ids.iter().any(|id| names().any(|name| name.eq_ignore_ascii_case(id)))
}

/// The vulnerabilities of runc on nodes whose runtime starts containers with it: its version does not show in the API,
/// so that each of them may be there.
fn behind_a_runtime(subject: Subject<'_>, specs: &Specs<'_>) -> Vec<CveHere> {
    let instances = &subject.inventory.instances;
    if instances.iter().any(|found| found.component == Component::RUNC) {
        return Vec::new();
    }
    let places: Vec<AffectedPlace> = instances
        .iter()
        .filter(|found| [Component::CONTAINERD, Component::CRI_O].contains(&found.component))
        .map(|found| {
            let (kind, name) = found.place.named();
            let version = found.version.as_deref().unwrap_or("an unknown version");
            AffectedPlace {
                kind: kind.to_owned(),
                name,
                version: format!("behind {} {version}", found.component),
                node: found.node.clone(),
            }
        })
        .collect();
    if places.is_empty() {
        return Vec::new();
    }
    let why = "the container runtime starts containers with runc, whose version does not show in the API: ask the nodes \
               (runc --version)";
    let of_runc = subject.facts.cves().of_component(&Component::RUNC);
    of_runc
        .map(|cve| CveHere {
            affected: places.clone(),
            fixed_in: find::fixed_in(cve, &Component::RUNC, None),
            touches: Holds::Unknown,
            uncertain: Some(why.to_owned()),
            ..find::of(subject, specs, cve, Component::RUNC.as_str())
        })
        .collect()
}

/// Vulnerabilities of which no source says which versions they touch, and that are not among the others yet: those
/// without any component, and those of a part of Kubernetes that is not to be seen.
fn without_range(subject: Subject<'_>, specs: &Specs<'_>, found: &[CveHere]) -> Vec<CveHere> {
    let known: BTreeSet<&str> = found.iter().map(|cve| cve.id.as_str()).collect();
    let of_kubernetes =
        |cve: &Cve| cve.affected.is_empty() || cve.affected.iter().any(|it| it.component.is_released_with_kubernetes());
    let all = subject.facts.cves().without_range();
    all.filter(|cve| of_kubernetes(cve) && !known.contains(cve.id.as_str()))
        .map(|cve| {
            let component = cve.affected.first().map_or(NO_COMPONENT, |affected| affected.component.as_str());
            CveHere {
                touches: Holds::Unknown,
                uncertain: Some("no source says which versions are affected: read its advisory".to_owned()),
                ..find::of(subject, specs, cve, component)
            }
        })
        .collect()
}

/// One finding an entry that touches the cluster or may. What only may is at most of severity medium: it is to be
/// looked at, and stops no pipeline for good.
#[must_use]
pub fn findings(entries: &[CveHere]) -> Vec<Finding> {
    let (touching, may): (Vec<&CveHere>, Vec<&CveHere>) =
        entries.iter().filter(|cve| cve.touches != Holds::No).partition(|cve| cve.touches == Holds::Yes);
    let findings = |cves: &[&CveHere]| find::findings(&cves.iter().map(|cve| (*cve).clone()).collect::<Vec<_>>());
    let mut found = findings(&touching);
    found.extend(findings(&may).into_iter().map(|mut finding| {
        finding.id = "cve-cannot-tell".to_owned();
        finding.severity = finding.severity.min(Severity::Medium);
        finding
    }));
    found
}

/// Identifiers that were asked for and that no source knows.
#[must_use]
pub fn unknown_ids(subject: Subject<'_>, filter: &Filter) -> Vec<NotEvaluated> {
    let cves = subject.facts.cves();
    let unknown = filter.ids.iter().filter(|id| cves.get(id).is_none());
    unknown
        .map(|id| NotEvaluated::new(id.as_str(), "no source knows it: kubectl secpatch data update fetches newer ones"))
        .collect()
}

/// `affected` (something touches the cluster, and its precondition does not fail), `cannot-tell`, or `clean`.
#[must_use]
pub fn verdict(entries: &[CveHere], not_evaluated: &[NotEvaluated]) -> &'static str {
    let matters = |cve: &&CveHere| cve.precondition.as_ref().is_none_or(|answer| answer.holds != Holds::No);
    if entries.iter().filter(matters).any(|cve| cve.touches == Holds::Yes) {
        "affected"
    } else if entries.iter().any(|cve| cve.touches == Holds::Unknown) || !not_evaluated.is_empty() {
        "cannot-tell"
    } else {
        "clean"
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Cluster;

    const CLUSTER: &str = include_str!("../../tests/cves/cluster.yaml");

    fn ask(filter: Filter) -> Vec<CveHere> {
        entries(Cluster::with_server(CLUSTER, Some("v1.31.2")).subject(), &filter)
    }

    #[test]
    fn filters_narrow_what_is_shown() {
        let all = ask(Filter::default());
        let text = |text: &str| vec![text.to_owned()];
        let ingress = ask(Filter { components: text("ingress-nginx"), ..Filter::default() });
        assert!(!ingress.is_empty() && ingress.len() < all.len());
        assert!(ingress.iter().all(|cve| cve.component == "ingress-nginx"));
        let high = ask(Filter { severity: Some(Severity::High), ..Filter::default() });
        assert!(high.iter().all(|cve| cve.severity >= Severity::High) && high.len() < all.len());
        let on_new = ask(Filter { nodes: text("new"), ..Filter::default() });
        assert!(on_new.iter().all(|cve| cve.affected.iter().all(|place| place.node.as_deref() == Some("new"))));
        let has = |id: &str| on_new.iter().any(|cve| cve.id == id);
        assert!(has("CVE-2025-1974") && !has("CVE-2024-9042"));
        let one = ask(Filter { ids: text("cve-2025-1974"), ..Filter::default() });
        assert_eq!(
            one.iter().map(|cve| (cve.id.as_str(), cve.touches)).collect::<Vec<_>>(),
            [("CVE-2025-1974", Holds::Yes)]
        );
    }

    #[test]
    fn what_is_asked_for_is_answered_even_where_it_is_no() {
        let asked = vec!["CVE-2018-1002105".to_owned(), "CVE-2099-1".to_owned()];
        let filter = Filter { ids: asked, ..Filter::default() };
        let found = ask(filter.clone());
        assert!(!found.is_empty() && found.iter().all(|cve| cve.touches == Holds::No && cve.affected.is_empty()));
        assert!(findings(&found).is_empty());
        let cluster = Cluster::of("");
        assert_eq!(unknown_ids(cluster.subject(), &filter).len(), 1);
    }

    #[test]
    fn runc_and_what_has_no_range_may_be_there() {
        let all = ask(Filter::default());
        let runc: Vec<&CveHere> = all.iter().filter(|cve| cve.component == "runc").collect();
        assert!(runc.iter().any(|cve| cve.id == "CVE-2024-21626"));
        assert!(runc.iter().all(|cve| cve.touches == Holds::Unknown && cve.affected.len() == 3));
        assert_eq!(runc[0].affected[0].version, "behind containerd 1.7.20");
        for cve in Cluster::of("").subject().facts.cves().without_range().filter(|cve| cve.affected.is_empty()) {
            assert!(all.iter().any(|shown| shown.id == cve.id), "{} was dropped", cve.id);
        }
        assert!(
            findings(&all).iter().filter(|it| it.id == "cve-cannot-tell").all(|it| it.severity <= Severity::Medium)
        );
    }
}
