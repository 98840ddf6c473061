//! The hops of the control plane: to the latest patch of its minor, then one minor at a time to the target.
//!
//! The API server moves one minor at a time (version skew policy), and each stop is the latest patch of its minor, so
//! that no hop starts from a version with known faults of the update itself. A server that emulates an older minor
//! has hops of its own, in which the emulated minor is raised and the binary stays (KEP-4330); they come first, since
//! a binary moves on from what it emulates.

use std::collections::BTreeMap;

use patchkit::{
    report::{Finding, Severity},
    rules::{
        skew,
        version::{KubeVersion, Minor},
    },
};

use super::{
    model::{Hop, HopKind, RemovedApi, SeenIn, Subject},
    removed,
};
use crate::{facts::Affected, inventory::Role};

/// Works out the hops from what runs to the target. None where the control plane is there.
#[must_use]
pub fn hops(subject: Subject<'_>, target: &KubeVersion) -> Vec<Hop> {
    let Some(server) = &subject.inventory.server else { return Vec::new() };
    let mut hops = Vec::new();
    let mut kubelets = Kubelets::of(subject);
    let mut reached = server.clone();
    if let Some(emulated) = subject.inventory.emulated {
        let mut from = emulated;
        for to in emulated.hops_to(server.minor()) {
            let first = kubelets.move_before(to, server);
            hops.push(hop(subject, HopKind::Emulation, (&from.to_string(), from), (&to.to_string(), to), first));
            from = to;
        }
    }
    for stop in stops(subject, server, target) {
        let (from, to) = (reached.minor(), stop.minor());
        let kind = if to == from { HopKind::Patch } else { HopKind::Minor };
        let first = if to == from { Vec::new() } else { kubelets.move_before(to, &reached) };
        let mut next = hop(subject, kind, (reached.as_str(), from), (stop.as_str(), to), first);
        next.fixes = fixes(subject, &reached, &stop);
        hops.push(next);
        kubelets.move_with_control_plane(&stop);
        reached = stop;
    }
    hops
}

/// The version that each node's kubelet has by the time of a hop.
struct Kubelets<'a> {
    subject: Subject<'a>,
    versions: BTreeMap<&'a str, KubeVersion>,
}

impl<'a> Kubelets<'a> {
    fn of(subject: Subject<'a>) -> Self {
        let versions = subject
            .snapshot
            .nodes
            .iter()
            .filter_map(|node| Some((node.meta.name.as_str(), node.info.kubelet_version.parse().ok()?)))
            .collect();
        Self { subject, versions }
    }

    /// The kubelets that an API server of this minor would leave too far behind. They move before it, and with them
    /// their whole pools, to the version that the control plane has by then: so late a move lasts the longest.
    fn move_before(&mut self, to: Minor, reached: &KubeVersion) -> Vec<String> {
        let oldest = skew::Component::Kubelet.oldest_with(to);
        let first: Vec<String> = self
            .versions
            .iter()
            .filter(|(_, version)| version.minor() < oldest)
            .map(|(name, _)| (*name).to_owned())
            .collect();
        for pool in &self.subject.inventory.pools {
            if pool.nodes.iter().any(|node| first.contains(node)) {
                self.raise(&pool.nodes, reached);
            }
        }
        first
    }

    /// Where the machines of the control plane are the user's own, its update brings their kubelets along.
    fn move_with_control_plane(&mut self, to: &KubeVersion) {
        let inventory = self.subject.inventory;
        if inventory.provider.hides_control_plane() {
            return;
        }
        for pool in inventory.pools.iter().filter(|pool| pool.role == Role::ControlPlane) {
            self.raise(&pool.nodes, to);
        }
    }

    fn raise(&mut self, nodes: &'a [String], to: &KubeVersion) {
        for node in nodes {
            if let Some(version) = self.versions.get_mut(node.as_str())
                && version.upstream() < to.upstream()
            {
                *version = to.clone();
            }
        }
    }
}

/// The versions on the way, without the one that runs.
fn stops(subject: Subject<'_>, server: &KubeVersion, target: &KubeVersion) -> Vec<KubeVersion> {
    let latest = |minor: Minor| -> Option<KubeVersion> {
        format!("v{}", subject.facts.releases().latest_patch_on(minor, subject.today)?).parse().ok()
    };
    let mut stops = Vec::new();
    if target.minor() == server.minor() {
        stops.push(target.clone());
    } else {
        stops.extend(latest(server.minor()));
        for minor in server.minor().hops_to(target.minor()) {
            let stop = if minor == target.minor() { Some(target.clone()) } else { latest(minor) };
            // A minor without a known patch is still a stop: it cannot be skipped.
            stops.extend(stop.or_else(|| format!("v{minor}.0").parse().ok()));
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
        removes: if from.1 == to.1 { Vec::new() } else { removed::removed(subject, from.1, to.1) },
        changes: Vec::new(),
        kubelets_first,
        provisional: unreleased,
    }
}

/// The CVEs of what is released with Kubernetes that touch one version and not the other.
fn fixes(subject: Subject<'_>, from: &KubeVersion, to: &KubeVersion) -> Vec<String> {
    let mut fixed: Vec<String> = subject
        .facts
        .cves()
        .all()
        .iter()
        .filter(|cve| {
            cve.affected.iter().any(|affected| {
                affected.component.is_released_with_kubernetes()
                    && matches!(cve.affects(&affected.component, from.as_str()), Affected::Yes { .. })
                    && matches!(cve.affects(&affected.component, to.as_str()), Affected::No)
            })
        })
        .map(|cve| cve.id.clone())
        .collect();
    fixed.sort();
    fixed
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
        found.extend(hop.removes.iter().flat_map(|api| removed_findings(hop, api)));
    }
    found
}

/// One finding an object that is still written with an API that goes, or one for the API where only calls show it.
fn removed_findings(hop: &Hop, api: &RemovedApi) -> Vec<Finding> {
    let what = format!("{} {}", api.api_version, api.kind);
    let about = |finding: Finding| {
        let finding = finding
            .with_evidence("apiVersion", api.api_version.as_str())
            .with_evidence("kind", api.kind.as_str())
            .with_evidence("removedIn", api.removed_in.as_str())
            .with_evidence("hop", hop.to.as_str())
            .with_link("https://kubernetes.io/docs/reference/using-api/deprecation-guide/");
        match &api.replacement {
            Some(replacement) => finding.with_hint(format!("write it as {replacement}")),
            None => finding.with_hint("nothing takes its place: remove it"),
        }
    };
    if api.users.is_empty() && api.called == Some(true) {
        let title = format!("{what} is called by a client, and goes in {}", api.removed_in);
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
                format!("{} {seen} {}, which goes in {}", user.object.display(), api.api_version, api.removed_in);
            about(Finding::new("api-removed", Severity::High, title))
                .with_object(user.object.clone())
                .with_source(user.source.clone())
        })
        .collect()
}
