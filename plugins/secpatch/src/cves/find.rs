//! What is urgent: the vulnerabilities of the versions that run.

use std::collections::{BTreeMap, BTreeSet};

use patchkit::{
    report::{Finding, NotEvaluated, ObjectRef, Severity},
    rules::Triple,
};

use crate::{
    cves::{AffectedPlace, CveHere, Holds, preconditions},
    facts::{Affected, Component, Cve, version::Reported},
    specs::Specs,
    subject::Subject,
    words::count,
};

/// The places of one component, by the version as it is shown.
type Places = BTreeMap<String, BTreeSet<(String, String, Option<String>)>>;

/// One entry a vulnerability and component: those that matter here or may matter first, the highest score before;
/// behind them those whose precondition does not hold.
#[must_use]
pub fn touching(subject: Subject<'_>) -> Vec<CveHere> {
    let specs = Specs::new(subject.snapshot);
    let mut found: Vec<CveHere> = by_component(subject)
        .iter()
        .flat_map(|(component, places)| {
            subject
                .facts
                .cves()
                .of_component(component)
                .filter_map(|cve| entry(subject, &specs, cve, component, places))
        })
        .collect();
    sort(&mut found);
    found
}

/// Those that matter here or may matter first, the highest score before.
pub(super) fn sort(found: &mut [CveHere]) {
    let holds_not = |cve: &CveHere| cve.precondition.as_ref().is_some_and(|answer| answer.holds == Holds::No);
    found.sort_by(|a, b| {
        let score = |cve: &CveHere| cve.score.unwrap_or_else(|| assumed_score(cve.severity));
        holds_not(a)
            .cmp(&holds_not(b))
            .then(score(b).total_cmp(&score(a)))
            .then_with(|| (&a.id, &a.component).cmp(&(&b.id, &b.component)))
    });
}

/// Where those without a score stand among the others: in the middle of their severity.
const fn assumed_score(severity: Severity) -> f64 {
    match severity {
        Severity::Critical => 9.5,
        Severity::High => 8.0,
        Severity::Medium => 5.5,
        Severity::Low => 2.0,
        Severity::Info => 0.0,
    }
}

/// Every component that runs, with its places by version. What a source says of "Kubernetes" without naming a program
/// is held against all the programs that carry its version.
pub(super) fn by_component(subject: Subject<'_>) -> BTreeMap<Component, Places> {
    let mut found: BTreeMap<Component, Places> = BTreeMap::new();
    let mut add = |component: &Component, version: &str, kind: &str, name: String, node: Option<String>| {
        let place = (kind.to_owned(), name, node);
        found.entry(component.clone()).or_default().entry(version.to_owned()).or_default().insert(place);
    };
    for instance in &subject.inventory.instances {
        let Some(version) = instance.version.as_deref() else { continue };
        let (kind, name) = instance.place.named();
        add(&instance.component, version, kind, name.clone(), instance.node.clone());
        if instance.component.is_released_with_kubernetes() && instance.component != Component::KUBERNETES {
            add(&Component::KUBERNETES, version, kind, name, instance.node.clone());
        }
    }
    if let Some(kubectl) = &subject.snapshot.kubectl {
        add(&Component::KUBECTL, &kubectl.git_version, "Client", "kubectl".to_owned(), None);
    }
    found
}

fn entry(
    subject: Subject<'_>,
    specs: &Specs<'_>,
    cve: &Cve,
    component: &Component,
    places: &Places,
) -> Option<CveHere> {
    let mut affected = Vec::new();
    let mut unclear: BTreeMap<String, usize> = BTreeMap::new();
    let mut lowest: Option<Triple> = None;
    let mut vendor = false;
    for (version, at) in places {
        match cve.affects(component, version) {
            Affected::No => continue,
            Affected::Yes { vendor: suffix, .. } => vendor |= suffix.is_some(),
            Affected::CannotTell { why } => *unclear.entry(why).or_default() += at.len(),
        }
        if let Some(reported) = Reported::parse(component, version) {
            lowest = Some(lowest.map_or(reported.upstream, |lowest| lowest.min(reported.upstream)));
        }
        affected.extend(at.iter().map(|(kind, name, node)| AffectedPlace {
            kind: kind.clone(),
            name: name.clone(),
            version: version.clone(),
            node: node.clone(),
        }));
    }
    if affected.is_empty() {
        return None;
    }
    affected.sort();
    let all = affected.len();
    let touches = if unclear.values().sum::<usize>() < all { Holds::Yes } else { Holds::Unknown };
    let uncertain = unclear
        .into_iter()
        .map(|(why, places)| if places < all { format!("in {places} of {all} places: {why}") } else { why })
        .reduce(|all, next| format!("{all}; {next}"));
    let fixed_in = fixed_in(cve, component, lowest);
    Some(CveHere {
        affected,
        fixed_in,
        touches,
        uncertain,
        may_be_backported: vendor,
        ..of(subject, specs, cve, component.as_str())
    })
}

/// What is said of a vulnerability whatever runs.
pub(super) fn of(subject: Subject<'_>, specs: &Specs<'_>, cve: &Cve, component: &str) -> CveHere {
    CveHere {
        id: cve.id.clone(),
        severity: cve.severity().unwrap_or(Severity::Medium),
        score: cve.score(),
        title: cve.title.clone(),
        component: component.to_owned(),
        affected: Vec::new(),
        fixed_in: Vec::new(),
        status: cve.status.as_str().to_owned(),
        precondition: subject
            .facts
            .preconditions()
            .of(&cve.id)
            .map(|precondition| preconditions::evaluate(subject, specs, precondition)),
        touches: Holds::No,
        uncertain: None,
        may_be_backported: false,
        mitigation: cve.mitigation.clone(),
        links: cve.links.clone(),
    }
}

/// The fixed versions that can be reached: later than the oldest affected one. The first is the fix in its own minor,
/// where there is one.
pub(super) fn fixed_in(cve: &Cve, component: &Component, lowest: Option<Triple>) -> Vec<String> {
    let Some(known) = cve.component(component) else { return Vec::new() };
    known
        .fixed_versions()
        .filter(|fixed| lowest.is_none_or(|lowest| *fixed > lowest) && !known.contains(*fixed))
        .map(|fixed| fixed.to_string())
        .collect()
}

/// One finding an entry. Where the precondition does not hold, it is there to be known only.
#[must_use]
pub fn findings(urgent: &[CveHere]) -> Vec<Finding> {
    urgent.iter().map(finding).collect()
}

fn finding(cve: &CveHere) -> Finding {
    let holds_not = cve.precondition.as_ref().is_some_and(|answer| answer.holds == Holds::No);
    let severity = if holds_not { Severity::Info } else { cve.severity };
    let versions: BTreeSet<&str> = cve.affected.iter().map(|place| place.version.as_str()).collect();
    let versions: Vec<&str> = versions.into_iter().collect();
    let title = format!("{} in {} {}: {}", cve.id, cve.component, versions.join(", "), cve.title);
    let places: Vec<String> = cve.affected.iter().map(|place| format!("{} {}", place.kind, place.name)).collect();
    let mut finding = Finding::new("cve", severity, title)
        .with_evidence("cve", cve.id.as_str())
        .with_evidence("component", cve.component.as_str())
        .with_evidence("versions", versions)
        .with_evidence("places", places)
        .with_evidence("fixedIn", cve.fixed_in.clone())
        .with_evidence("status", cve.status.as_str());
    if let Some(score) = cve.score {
        finding = finding.with_evidence("score", score);
    }
    if let Some(answer) = &cve.precondition {
        let value = serde_json::to_value(answer).unwrap_or_default();
        finding = finding.with_evidence("precondition", value);
    }
    if let Some(why) = &cve.uncertain {
        finding = finding.with_evidence("uncertain", why.as_str());
    }
    if cve.may_be_backported {
        finding = finding.with_evidence("mayBeBackported", true);
    }
    if let [only] = cve.affected.as_slice() {
        finding.object = object(only);
    }
    let hint = match (cve.fixed_in.as_slice(), cve.may_be_backported) {
        ([], _) => match &cve.mitigation {
            Some(mitigation) => format!("no version is known that fixes it; what mitigates it: {mitigation}"),
            None => "no version is known that fixes it: read the advisory for what mitigates it".to_owned(),
        },
        (fixed, false) => format!("update {} to {}", cve.component, fixed.join(" or ")),
        (fixed, true) => {
            format!(
                "update {} to {}; the vendor may have back-ported the fix: see its bulletins",
                cve.component,
                fixed.join(" or ")
            )
        }
    };
    finding = finding.with_hint(hint);
    for link in &cve.links {
        finding = finding.with_link(link.as_str());
    }
    finding
}

fn object(place: &AffectedPlace) -> Option<ObjectRef> {
    let (namespace, name) = match place.name.split_once('/') {
        Some((namespace, name)) => (Some(namespace.to_owned()), name),
        None => (None, place.name.as_str()),
    };
    matches!(place.kind.as_str(), "Node" | "Pod").then(|| ObjectRef {
        api_version: "v1".to_owned(),
        kind: place.kind.clone(),
        namespace,
        name: name.to_owned(),
        container: None,
    })
}

/// Components whose vulnerabilities could not be held against a version, and versions that nobody held them against.
#[must_use]
pub fn not_evaluated(subject: Subject<'_>) -> Vec<NotEvaluated> {
    let mut found = Vec::new();
    let runtimes: BTreeSet<&str> = subject
        .inventory
        .instances
        .iter()
        .filter(|found| [Component::CONTAINERD, Component::CRI_O].contains(&found.component))
        .map(|found| found.component.as_str())
        .collect();
    let runs_runc = subject.inventory.instances.iter().any(|found| found.component == Component::RUNC);
    if !runtimes.is_empty() && !runs_runc {
        let known = subject.facts.cves().of_component(&Component::RUNC).count();
        let runtimes: Vec<&str> = runtimes.into_iter().collect();
        found.push(NotEvaluated::hidden(
            "CVEs of runc",
            format!(
                "{} starts containers with it, and its version does not show in the API ({known} CVEs are known)",
                runtimes.join(" and ")
            ),
        ));
    }
    let mut without: BTreeMap<&Component, BTreeSet<String>> = BTreeMap::new();
    for instance in subject.inventory.instances.iter().filter(|found| found.version.is_none()) {
        if subject.facts.cves().of_component(&instance.component).next().is_some() {
            without.entry(&instance.component).or_default().insert(instance.place.named().1);
        }
    }
    for (component, places) in without {
        let places: Vec<String> = places.into_iter().collect();
        let why = format!("the image names no version ({})", crate::words::summary(&places));
        found.push(NotEvaluated::new(format!("CVEs of {component}"), why));
    }
    found.extend(unassessed(subject));
    found
}

/// Advisories speak of the minors that are supported when they are written: that a minor which had ended is not in
/// their ranges proves nothing.
fn unassessed(subject: Subject<'_>) -> Vec<NotEvaluated> {
    let mut found: BTreeMap<String, BTreeSet<&str>> = BTreeMap::new();
    for (component, places) in by_component(subject) {
        if !component.is_released_with_kubernetes() {
            continue;
        }
        for version in places.keys() {
            let Some(reported) = Reported::parse(&component, version) else { continue };
            let minor = reported.upstream.minor();
            let Some(end) = subject.facts.releases().get(minor).and_then(|release| release.end_of_life) else {
                continue;
            };
            let ids = subject.facts.cves().unassessed(&component, version, end).map(|cve| cve.id.as_str());
            found.entry(minor.to_string()).or_default().extend(ids);
        }
    }
    found
        .into_iter()
        .filter(|(_, ids)| !ids.is_empty())
        .map(|(minor, ids)| {
            let ids: Vec<String> = ids.into_iter().map(str::to_owned).collect();
            NotEvaluated::new(
                format!("newer CVEs of Kubernetes {minor}"),
                format!(
                    "{} published after its end of life; nobody assessed it ({})",
                    count(ids.len(), "CVE"),
                    crate::words::summary(&ids)
                ),
            )
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Cluster;

    const CLUSTER: &str = include_str!("../../tests/cves/cluster.yaml");

    fn get<'a>(found: &'a [CveHere], id: &str) -> &'a CveHere {
        found
            .iter()
            .find(|cve| cve.id == id)
            .unwrap_or_else(|| panic!("{id} in {:?}", found.iter().map(|cve| &cve.id).collect::<Vec<_>>()))
    }

    #[test]
    fn each_component_is_held_against_its_own_ranges() {
        let cluster = Cluster::with_server(CLUSTER, Some("v1.31.2"));
        let found = touching(cluster.subject());
        // IngressNightmare: fixed in 1.11.5 and 1.12.1.
        let ingress = get(&found, "CVE-2025-1974");
        assert_eq!(ingress.component, "ingress-nginx");
        assert_eq!(ingress.fixed_in, ["1.11.5", "1.12.1"]);
        assert_eq!(ingress.severity, Severity::Critical);
        assert_eq!(ingress.affected[0].name, "ingress-nginx/controller");
        assert_eq!(ingress.precondition.as_ref().map(|answer| answer.holds), Some(Holds::Unknown));
        // Windows only: nodes/log command injection, fixed in 1.31.5.
        let windows = get(&found, "CVE-2024-9042");
        assert_eq!(windows.component, "kubelet");
        assert_eq!(windows.affected.len(), 2);
        assert_eq!(windows.precondition.as_ref().map(|answer| answer.holds), Some(Holds::No));
        assert_eq!(windows.fixed_in.first().map(String::as_str), Some("1.31.5"));
        assert!(windows.may_be_backported, "one of the nodes is a vendor's");
        assert!(!ingress.may_be_backported);
        // containerd 1.7.20 has it, 2.1.6 does not.
        let runtime = get(&found, "CVE-2024-40635");
        assert_eq!(
            runtime.affected,
            [AffectedPlace { kind: "Node".into(), name: "a".into(), version: "1.7.20".into(), node: Some("a".into()) }]
        );
        assert_eq!(runtime.severity, Severity::Medium, "no score is known");
        // Nothing fixes it.
        let unfixed = get(&found, "CVE-2025-1767");
        assert_eq!((unfixed.status.as_str(), unfixed.fixed_in.len()), ("unfixed", 0));
    }

    #[test]
    fn what_does_not_hold_comes_last_and_is_to_be_known_only() {
        let cluster = Cluster::with_server(CLUSTER, Some("v1.31.2"));
        let found = touching(cluster.subject());
        let first_no = found
            .iter()
            .position(|cve| cve.precondition.as_ref().is_some_and(|answer| answer.holds == Holds::No))
            .expect("a precondition that does not hold");
        assert!(
            found[first_no..]
                .iter()
                .all(|cve| cve.precondition.as_ref().is_some_and(|answer| answer.holds == Holds::No))
        );
        assert_eq!(found[0].id, "CVE-2025-1974", "the highest score");
        let findings = findings(&found);
        assert_eq!(findings.len(), found.len());
        assert_eq!(findings[0].severity, Severity::Critical);
        assert_eq!(
            findings[0].object.as_ref().map(ObjectRef::display).as_deref(),
            Some("Pod ingress-nginx/controller")
        );
        assert!(findings[0].hint.as_deref().is_some_and(|hint| hint.contains("1.11.5")));
        assert!(findings[first_no..].iter().all(|finding| finding.severity == Severity::Info));
        assert!(!findings[0].links.is_empty());
    }

    #[test]
    fn what_cannot_be_told_is_said_once() {
        let cluster = Cluster::of(CLUSTER);
        let found = touching(cluster.subject());
        assert!(found.iter().all(|cve| cve.component != "runc" && cve.component != "coredns"));
        let lines = not_evaluated(cluster.subject());
        assert_eq!(lines.iter().filter(|line| line.what == "CVEs of runc").count(), 1);
        let dns = lines.iter().find(|line| line.what == "CVEs of coredns").expect("its tag is no version");
        assert!(dns.why.contains("kube-system/dns"), "{}", dns.why);
        let old = Cluster::with_server("", Some("v1.28.9"));
        let lines = not_evaluated(old.subject());
        let newer = lines.iter().find(|line| line.what == "newer CVEs of Kubernetes 1.28").expect("it ended in 2024");
        assert!(newer.why.contains("CVE-2025-5187"), "{}", newer.why);
    }

    #[test]
    fn an_unknown_range_is_shown_as_uncertain() {
        let cluster = Cluster::of("{serverVersion: {gitVersion: v1.35.2}, clientVersion: {gitVersion: v1.20.1}}");
        let found = touching(cluster.subject());
        let unknown = get(&found, "GHSA-74fp-r6jw-h4mp");
        assert!(unknown.uncertain.as_deref().is_some_and(|why| why.contains("no source says which versions")));
        assert_eq!(unknown.affected[0].kind, "Server");
        assert!(found.iter().any(|cve| cve.component == "kubectl" && cve.affected[0].kind == "Client"));
        assert!(touching(Cluster::of("").subject()).is_empty());
    }
}
