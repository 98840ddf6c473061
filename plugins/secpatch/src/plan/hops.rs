//! The hops of the control plane: to the latest patch of its minor, then one minor at a time to the target.
//!
//! The API server moves one minor at a time (version skew policy), and each stop is the latest patch of its minor, so
//! that no hop starts from a version with known faults of the update itself. A server that emulates an older minor
//! has hops of its own, in which the emulated minor is raised and the binary stays (KEP-4330); they come first, since
//! a binary moves on from what it emulates.

use patchkit::{
    report::{Finding, ObjectRef, Severity},
    rules::version::{KubeVersion, Minor},
};

use super::{
    changes, gates,
    kubelets::{Kubelets, newest_of},
    model::{ChangeAnswer, Hop, HopKind, Touched},
    support,
};
use crate::{
    apis::{self, RemovedApi, SeenIn},
    facts::{Affected, Component, cve::id_order},
    specs::Specs,
    subject::Subject,
};

/// Works out the hops from what runs to the target. None where the control plane is there.
#[must_use]
pub fn hops(subject: Subject<'_>, target: &KubeVersion) -> Vec<Hop> {
    let Some(server) = &subject.inventory.server else { return Vec::new() };
    let mut hops: Vec<Hop> = Vec::new();
    let specs = Specs::new(subject.snapshot);
    let mut kubelets = Kubelets::of(subject.snapshot);
    let mut reached = server.clone();
    if let Some(emulated) = subject.inventory.emulated {
        let mut from = emulated;
        for to in emulated.hops_to(server.minor().min(target.minor())) {
            let first = kubelets.move_before(subject.inventory, to, &newest_of(subject, from));
            let mut next = hop(subject, HopKind::Emulation, (&from.to_string(), from), (&to.to_string(), to), first);
            next.changes = of_emulation(changes_of(subject, &specs, from, to));
            hops.push(next);
            from = to;
        }
    }
    for stop in stops(subject, server, target) {
        let (from, to) = (reached.minor(), stop.minor());
        let kind = if to == from { HopKind::Patch } else { HopKind::Minor };
        let first = if to == from { Vec::new() } else { kubelets.move_before(subject.inventory, to, &reached) };
        let mut next = hop(subject, kind, (reached.as_str(), from), (stop.as_str(), to), first);
        next.fixes = fixes(subject, &reached, &stop);
        next.changes = changes_of(subject, &specs, from, to);
        hops.push(next);
        kubelets.move_with_control_plane(subject.inventory, &stop);
        reached = stop;
    }
    if let Some(first) = hops.first_mut() {
        first.changes.extend(of_nodes_behind(subject, &specs, server.minor()));
    }
    hops
}

/// The changes and feature gates that come after one minor, up to and with another.
fn changes_of(subject: Subject<'_>, specs: &Specs<'_>, from: Minor, to: Minor) -> Vec<ChangeAnswer> {
    let mut found = Vec::new();
    for minor in from.hops_to(to) {
        found.extend(changes::of_minor(subject, specs, minor));
        found.extend(minor.previous().into_iter().flat_map(|before| gates::gates(subject, before, minor)));
    }
    found
}

/// What the API serves and which feature gates are known is emulated (KEP-4330); the flags of the binary are its own,
/// and the nodes emulate nothing.
fn of_emulation(mut changes: Vec<ChangeAnswer>) -> Vec<ChangeAnswer> {
    changes.retain(|change| matches!(change.component.as_str(), "kube-apiserver" | "service" | "all"));
    changes
}

/// Whether a change comes with the update of a node, not with that of the control plane.
fn is_of_nodes(component: &str) -> bool {
    matches!(component, "kubelet" | "kube-proxy" | "container runtime")
}

/// Kubelets that are older than the control plane have the changes of the minors between still before them. Their
/// nodes move with or before the first hop, and so it names them.
fn of_nodes_behind(subject: Subject<'_>, specs: &Specs<'_>, server: Minor) -> Vec<ChangeAnswer> {
    let Some(oldest) = support::kubelet_minors(subject).first().copied() else { return Vec::new() };
    let mut found = changes_of(subject, specs, oldest, server);
    found.retain(|change| is_of_nodes(&change.component));
    found
}

/// The versions on the way, without the one that runs.
fn stops(subject: Subject<'_>, server: &KubeVersion, target: &KubeVersion) -> Vec<KubeVersion> {
    let mut stops = Vec::new();
    if target.upstream() <= server.upstream() {
        return stops;
    }
    if target.minor() == server.minor() {
        stops.push(target.clone());
    } else {
        stops.push(newest_of(subject, server.minor()));
        for minor in server.minor().hops_to(target.minor()) {
            // A minor without a known patch is still a stop: it cannot be skipped.
            stops.push(if minor == target.minor() { target.clone() } else { newest_of(subject, minor) });
        }
    }
    stops.retain(|stop| stop.upstream() > server.upstream());
    stops
}

fn hop(
    subject: Subject<'_>,
    kind: HopKind,
    from: (&str, Minor),
    to: (&str, Minor),
    kubelets_first: Vec<String>,
) -> Hop {
    let unreleased = subject.facts.releases().newest(subject.today).is_none_or(|newest| to.1 > newest);
    Hop {
        from: from.0.to_owned(),
        to: to.0.to_owned(),
        kind,
        fixes: Vec::new(),
        removes: if from.1 == to.1 { Vec::new() } else { apis::removed(subject, from.1, to.1) },
        changes: Vec::new(),
        kubelets_first,
        provisional: unreleased,
    }
}

/// The CVEs of the control plane and the nodes that touch one version and not the other: a vulnerability of several
/// programs is fixed where none of them has it any more.
fn fixes(subject: Subject<'_>, from: &KubeVersion, to: &KubeVersion) -> Vec<String> {
    let mut fixed: Vec<&str> = subject
        .facts
        .cves()
        .all()
        .iter()
        .filter(|cve| {
            // kubectl is on people's machines: no hop changes it.
            let moves =
                |component: &Component| component.is_released_with_kubernetes() && *component != Component::KUBECTL;
            let of_hop =
                || cve.affected.iter().map(|affected| &affected.component).filter(|component| moves(component));
            of_hop().any(|component| cve.affects(component, from.as_str()).is_yes())
                && of_hop().all(|component| cve.affects(component, to.as_str()) == Affected::No)
        })
        .map(|cve| cve.id.as_str())
        .collect();
    fixed.sort_by_key(|id| id_order(id));
    fixed.into_iter().map(str::to_owned).collect()
}

/// What a hop breaks, as findings: removed APIs in use, and changes that touch the cluster.
#[must_use]
pub fn findings(hops: &[Hop]) -> Vec<Finding> {
    let mut found = Vec::new();
    for hop in hops {
        if !hop.kubelets_first.is_empty() {
            let title = format!(
                "{} kubelets are too old for the hop to {} and must move before it",
                hop.kubelets_first.len(),
                hop.to
            );
            found.push(
                Finding::new("kubelets-first", Severity::Medium, title)
                    .with_evidence("nodes", hop.kubelets_first.clone())
                    .with_evidence("hop", hop.to.as_str()),
            );
        }
        found.extend(hop.removes.iter().flat_map(|api| removed_findings(Some(hop), api)));
        found.extend(hop.changes.iter().filter_map(|change| change_finding(hop, change)));
    }
    found
}

/// A change that touches the cluster.
fn change_finding(hop: &Hop, change: &ChangeAnswer) -> Option<Finding> {
    if change.touched != Touched::Yes {
        return None;
    }
    let title = format!("{} ({} {})", change.fact, change.component, change.minor);
    let objects: Vec<String> = change.objects.iter().map(ObjectRef::display).collect();
    let mut finding = Finding::new("breaking-change", changes::severity(&change.id), title)
        .with_evidence("change", change.id.as_str())
        .with_evidence("hop", hop.to.as_str())
        .with_evidence("evidence", change.evidence.as_str())
        .with_evidence("objects", objects)
        .with_evidence("source", change.source.as_str())
        .with_hint(change.action.as_str());
    if let [only] = change.objects.as_slice() {
        finding = finding.with_object(only.clone());
    }
    Some(finding)
}

/// Manifests with APIs that what runs no longer serves: they cannot be applied, now or after any hop.
#[must_use]
pub fn findings_of_the_past(subject: Subject<'_>) -> Vec<Finding> {
    let Some(served) = subject.inventory.effective_minor() else { return Vec::new() };
    apis::manifests_of_the_past(subject, served).iter().flat_map(|api| removed_findings(None, api)).collect()
}

/// One finding an object that is still written with an API that goes with a hop, or has gone before all of them; or one
/// for the API where only calls show it.
fn removed_findings(hop: Option<&Hop>, api: &RemovedApi) -> Vec<Finding> {
    let goes = if hop.is_some() { "goes" } else { "went" };
    let what = format!("{} {}", api.api_version, api.kind);
    let about = |finding: Finding| {
        let mut finding = finding
            .with_evidence("apiVersion", api.api_version.as_str())
            .with_evidence("kind", api.kind.as_str())
            .with_evidence("removedIn", api.removed_in.as_str());
        if let Some(hop) = hop {
            finding = finding.with_evidence("hop", hop.to.as_str());
        }
        let finding = finding.with_link("https://kubernetes.io/docs/reference/using-api/deprecation-guide/");
        match &api.replacement {
            Some(replacement) => finding.with_hint(format!("write it as {replacement}")),
            None => finding.with_hint("nothing takes its place: remove it"),
        }
    };
    if api.users.is_empty() && api.called == Some(true) {
        let title = format!("{what} is called by a client, and {goes} in {}", api.removed_in);
        return vec![about(Finding::new("api-removed", Severity::High, title))];
    }
    api.users
        .iter()
        .map(|user| {
            let seen = match user.seen_in {
                SeenIn::Manifest => "is written as",
                SeenIn::LastApplied => "was last applied as",
                SeenIn::ManagedFields => "is managed as",
                SeenIn::Metric => "is called as",
                SeenIn::Helm => "is released by Helm as",
            };
            let title =
                format!("{} {seen} {}, which {goes} in {}", user.object.display(), api.api_version, api.removed_in);
            about(Finding::new("api-removed", Severity::High, title))
                .with_object(user.object.clone())
                .with_source(user.source.clone())
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Cluster;

    fn node(name: &str, kubelet: &str, label: &str) -> String {
        format!(
            "{{apiVersion: v1, kind: Node, metadata: {{name: {name}, labels: {{{label}: ''}}}}, status: {{nodeInfo: {{kubeletVersion: {kubelet}}}}}}}\n---\n"
        )
    }

    fn server(version: &str) -> String {
        format!("serverVersion: {{gitVersion: {version}}}\n---\n")
    }

    fn hops_to(yaml: &str, target: &str) -> Vec<Hop> {
        let cluster = Cluster::of(yaml);
        hops(cluster.subject(), &target.parse().expect("a version of this test"))
    }

    fn ways(hops: &[Hop]) -> Vec<String> {
        hops.iter().map(|hop| format!("{:?} {} {}", hop.kind, hop.from, hop.to)).collect()
    }

    #[test]
    fn each_stop_is_the_latest_patch_of_its_minor() {
        // By the releases of November 2026: 1.33.13, 1.34.13, 1.35.10.
        assert_eq!(
            ways(&hops_to(&server("v1.33.2"), "v1.35.4")),
            ["Patch v1.33.2 v1.33.13", "Minor v1.33.13 v1.34.13", "Minor v1.34.13 v1.35.4"]
        );
        assert_eq!(ways(&hops_to(&server("v1.33.13"), "v1.34.13")), ["Minor v1.33.13 v1.34.13"]);
        assert_eq!(ways(&hops_to(&server("v1.33.2-gke.5"), "v1.33.13")), ["Patch v1.33.2-gke.5 v1.33.13"]);
        for target in ["v1.33.2", "v1.32.1"] {
            assert!(hops_to(&server("v1.33.2"), target).is_empty(), "{target}");
        }
        assert!(hops_to("", "v1.35.4").is_empty(), "what runs is not known");
    }

    #[test]
    fn an_emulated_minor_is_raised_first_and_brings_no_fixes() {
        let yaml = "serverVersion: {gitVersion: v1.36.6, emulationMajor: '1', emulationMinor: '34'}";
        let found = hops_to(yaml, "v1.37.2");
        assert_eq!(ways(&found), ["Emulation 1.34 1.35", "Emulation 1.35 1.36", "Minor v1.36.6 v1.37.2"]);
        assert!(found[0].fixes.is_empty());
        assert!(found[0].removes.iter().any(|api| api.api_version == "apidiscovery.k8s.io/v2beta1"));
        assert!(found[0].changes.iter().all(|change| change.component != "kubelet"));
        assert!(
            found[2]
                .removes
                .iter()
                .any(|api| api.api_version == "networking.k8s.io/v1beta1" && api.kind == "IPAddress")
        );
        let ids: Vec<&str> = found[1].changes.iter().map(|change| change.id.as_str()).collect();
        assert!(ids.contains(&"external-ips") && ids.contains(&"scheduling-v1alpha1-workload"), "{ids:?}");
    }

    #[test]
    fn fixes_are_those_that_the_next_version_has() {
        let found = hops_to(&server("v1.31.2"), "v1.32.13");
        assert_eq!(ways(&found), ["Patch v1.31.2 v1.31.14", "Minor v1.31.14 v1.32.13"]);
        // CVE-2024-9042 is fixed in 1.31.5, CVE-2025-5187 in 1.31.12; CVE-2025-1767 never.
        assert!(
            found[0].fixes.iter().any(|id| id == "CVE-2024-9042")
                && found[0].fixes.iter().any(|id| id == "CVE-2025-5187")
        );
        assert!(found.iter().all(|hop| !hop.fixes.iter().any(|id| id == "CVE-2025-1767")));
        assert!(!found[1].fixes.iter().any(|id| id == "CVE-2024-9042"), "fixed by the hop before");
    }

    #[test]
    fn kubelets_move_before_the_hop_that_would_leave_them_behind() {
        // A kubelet of 1.31 works with a server of 1.34 and not with one of 1.35.
        let yaml = server("v1.33.13") + &node("old", "v1.31.2", "a") + &node("new", "v1.33.2", "b");
        let found = hops_to(&yaml, "v1.37.2");
        let first: Vec<&[String]> = found.iter().map(|hop| hop.kubelets_first.as_slice()).collect();
        assert_eq!(first.len(), 4);
        assert!(first[0].is_empty());
        assert_eq!(first[1], ["old"]);
        assert!(first[2].is_empty());
        // Its pool moved to 1.34 with it, which works with 1.37.
        assert!(first[3].is_empty());
        // Below 1.25 two minors are tolerated.
        let yaml = server("v1.24.17") + &node("old", "v1.22.2", "a");
        assert_eq!(hops_to(&yaml, "v1.25.16")[0].kubelets_first, ["old"]);
    }

    #[test]
    fn what_the_nodes_have_before_them_is_named_too() {
        let yaml = server("v1.35.10") + &node("old", "v1.33.2", "a");
        let found = hops_to(&yaml, "v1.36.6");
        let of = |minor: &str| -> Vec<&str> {
            found[0].changes.iter().filter(|change| change.minor == minor).map(|change| change.id.as_str()).collect()
        };
        assert!(of("1.35").contains(&"cgroup-v1") && of("1.34").contains(&"kubelet-cloud-config"));
        assert!(!of("1.34").contains(&"metrics-labels"), "that came with the server");
        assert!(of("1.36").contains(&"gitrepo-volumes") && of("1.36").contains(&"feature-gates"));
        assert!(!hops_to(&server("v1.35.10"), "v1.36.6")[0].changes.iter().any(|change| change.minor == "1.35"));
    }

    #[test]
    fn findings_name_what_a_hop_breaks() {
        let yaml = server("v1.35.10")
            + "{apiVersion: v1, kind: Service, metadata: {name: s}, spec: {externalIPs: [192.0.2.1]}}\n---\n"
            + "{apiVersion: v1, kind: Pod, metadata: {name: p}, spec: {volumes: [{name: v, gitRepo: {repository: r}}]}}";
        let found = findings(&hops_to(&yaml, "v1.36.6"));
        let of = |id: &str| {
            found
                .iter()
                .find(|finding| finding.evidence.get("change").is_some_and(|change| change == id))
                .map(|finding| (finding.id.as_str(), finding.severity))
        };
        assert_eq!(of("gitrepo-volumes"), Some(("breaking-change", Severity::High)));
        assert_eq!(of("external-ips"), Some(("breaking-change", Severity::Low)));
        assert_eq!(of("portworx-in-tree"), None);
    }

    #[test]
    fn manifests_of_what_is_long_gone_are_findings_too() {
        let yaml = server("v1.35.10")
            + "{apiVersion: extensions/v1beta1, kind: Ingress, metadata: {name: old}}\n---\n"
            + "{apiVersion: extensions/v1beta1, kind: Ingress, metadata: {name: from-server, uid: 1f}}";
        let cluster = Cluster::of(&yaml);
        let found = findings_of_the_past(cluster.subject());
        let titles: Vec<&str> = found.iter().map(|finding| finding.title.as_str()).collect();
        assert_eq!(titles, ["Ingress old is written as extensions/v1beta1, which went in 1.22"]);
        assert_eq!((found[0].id.as_str(), found[0].severity), ("api-removed", Severity::High));
        assert!(found[0].evidence.get("hop").is_none());
    }
}
