//! Where the cluster stands: each component's version, how long it is supported, and the skew policy.

use std::collections::BTreeMap;

use patchkit::{
    report::{Finding, NotEvaluated, Severity},
    rules::{
        skew,
        version::{KubeVersion, Minor},
    },
};

use super::model::ComponentLine;
use crate::{
    facts::{Component, Product, Support},
    inventory,
    subject::Subject,
    words::summary,
};

/// Support that ends within so many days is worth a remark.
pub const SOON_DAYS: i32 = 90;

/// One line a component and version, in the order of the update: control plane first.
#[must_use]
pub fn components(subject: Subject<'_>) -> Vec<ComponentLine> {
    let mut groups: BTreeMap<(usize, &Component, &str), Vec<String>> = BTreeMap::new();
    for instance in &subject.inventory.instances {
        let version = instance.version.as_deref().unwrap_or("unknown");
        let (_, place) = instance.place.named();
        groups.entry((rank(&instance.component), &instance.component, version)).or_default().push(place);
    }
    let skewed = skew_by_version(subject);
    let mut lines: Vec<ComponentLine> = groups
        .into_iter()
        .map(|((_, component, version), mut places)| {
            places.sort();
            let mut line = ComponentLine {
                component: component.to_string(),
                version: version.to_owned(),
                count: places.len(),
                places,
                support: "unknown".to_owned(),
                end_of_life: None,
                days_left: None,
                provider_end_of_life: None,
                provider_days_left: None,
                latest_patch: None,
                skew: skewed.get(&(component.to_string(), version.to_owned())).cloned().unwrap_or_default(),
                vendor: false,
            };
            add_support(&mut line, component, version, subject);
            line
        })
        .collect();
    // The newest of a component first; versions sort by their numbers, not by their letters.
    lines.sort_by(|a, b| {
        let number = |line: &ComponentLine| line.version.parse::<KubeVersion>().ok().map(|version| version.upstream());
        (rank_of(&a.component), &a.component)
            .cmp(&(rank_of(&b.component), &b.component))
            .then(number(b).cmp(&number(a)))
    });
    lines
}

/// The order in which components are updated.
fn rank(component: &Component) -> usize {
    rank_of(component.as_str())
}

fn rank_of(component: &str) -> usize {
    const ORDER: [&str; 10] = [
        "kube-apiserver",
        "kube-controller-manager",
        "kube-scheduler",
        "cloud-controller-manager",
        "etcd",
        "kubelet",
        "kube-proxy",
        "containerd",
        "cri-o",
        "coredns",
    ];
    ORDER.iter().position(|known| *known == component).unwrap_or(ORDER.len())
}

fn add_support(line: &mut ComponentLine, component: &Component, version: &str, subject: Subject<'_>) {
    let facts = subject.facts;
    if component.is_released_with_kubernetes() {
        let Ok(version) = version.parse::<KubeVersion>() else { return };
        line.vendor = version.is_vendor();
        let minor = version.minor();
        set_support(line, facts.releases().support(minor, subject.today));
        line.latest_patch = facts.releases().latest_patch_on(minor, subject.today).map(|patch| patch.to_string());
        if let Some(cycle) =
            subject.inventory.provider.product().and_then(|product| facts.calendars().for_minor(product, minor))
        {
            let support = cycle.support(subject.today);
            line.provider_end_of_life = support.end().map(|date| date.to_string());
            line.provider_days_left = support.days_left();
            if cycle.is_only_extended(subject.today) {
                line.support = "extended".to_owned();
            }
        }
    } else if *component == Component::CONTAINERD
        && let Some(cycle) = facts.calendars().for_version(Product::Containerd, version)
    {
        set_support(line, cycle.support(subject.today));
        line.latest_patch.clone_from(&cycle.latest);
    }
}

fn set_support(line: &mut ComponentLine, support: Support) {
    line.support = match support {
        Support::Full { .. } => "supported",
        Support::Maintenance { .. } => "maintenance",
        Support::Ended { .. } => "ended",
        Support::NotReleased { .. } => "not-released",
        Support::Unknown => "unknown",
    }
    .to_owned();
    line.end_of_life = support.end().map(|date| date.to_string());
    line.days_left = support.days_left();
}

/// Violations of the skew policy by component and version, each said once for all places that break it alike.
fn skew_by_version(subject: Subject<'_>) -> BTreeMap<(String, String), Vec<String>> {
    let instances = inventory::skew::instances(subject.inventory);
    let mut found: BTreeMap<(String, String), Vec<String>> = BTreeMap::new();
    for violation in skew::check(&instances).violations {
        let key = (violation.who.component.name().to_owned(), violation.who.version.as_str().to_owned());
        let direction = match violation.skew {
            skew::Skew::TooNew => ("newer", "at most"),
            skew::Skew::TooOld => ("older", "at least"),
        };
        let against = format!("{} {}", violation.against.component, violation.against.effective());
        let text = match violation.allowed {
            0 => format!("must not be {} than {against}", direction.0),
            1 => format!("more than one minor {} than {against}: {} {}", direction.0, direction.1, violation.bound),
            allowed => {
                format!(
                    "more than {allowed} minors {} than {against}: {} {}",
                    direction.0, direction.1, violation.bound
                )
            }
        };
        let texts = found.entry(key).or_default();
        if !texts.contains(&text) {
            texts.push(text);
        }
    }
    found
}

/// What could not be measured against the policy, in one line a component.
#[must_use]
pub fn unmeasured(subject: Subject<'_>) -> Vec<NotEvaluated> {
    let instances = inventory::skew::instances(subject.inventory);
    let mut counts: BTreeMap<(&str, &str), usize> = BTreeMap::new();
    for unmeasured in skew::check(&instances).unmeasured {
        *counts.entry((unmeasured.who.component.name(), unmeasured.against.name())).or_default() += 1;
    }
    counts
        .into_iter()
        .map(|((who, against), count)| {
            NotEvaluated::new(
                format!("version skew of {who}"),
                format!("the {against} that belongs to it is not known, in {count} places"),
            )
        })
        .collect()
}

/// What stands badly: support that has ended or ends soon, and skew.
#[must_use]
pub fn findings(lines: &[ComponentLine]) -> Vec<Finding> {
    lines.iter().flat_map(|line| support_finding(line).into_iter().chain(skew_findings(line))).collect()
}

fn about(line: &ComponentLine, finding: Finding) -> Finding {
    finding
        .with_evidence("component", line.component.as_str())
        .with_evidence("version", line.version.as_str())
        .with_evidence("places", line.places.clone())
}

fn support_finding(line: &ComponentLine) -> Option<Finding> {
    let days = line.provider_days_left.or(line.days_left)?;
    let end = line.provider_end_of_life.as_deref().or(line.end_of_life.as_deref())?;
    let what = format!("{} {}", line.component, line.version);
    let places = summary(&line.places);
    let (id, severity, title) = if line.support == "extended" {
        let title = format!("standard support of {what} ended on {end}; only extended support holds ({places})");
        ("support-extended", Severity::Medium, title)
    } else if days < 0 {
        let title = format!("support of {what} ended on {end}, {} days ago ({places})", -days);
        ("support-ended", Severity::High, title)
    } else if days < SOON_DAYS {
        let title = format!("support of {what} ends on {end}, in {days} days ({places})");
        ("support-ends-soon", Severity::Medium, title)
    } else {
        return None;
    };
    let finding = Finding::new(id, severity, title)
        .with_evidence("endOfLife", end)
        .with_evidence("daysLeft", days)
        .with_hint("follow the hops of the plan to a supported version");
    Some(about(line, finding))
}

fn skew_findings(line: &ComponentLine) -> impl Iterator<Item = Finding> {
    line.skew.iter().map(move |text| {
        let title = format!("{} {} ({}): {text}", line.component, line.version, summary(&line.places));
        let finding = Finding::new("version-skew", Severity::High, title)
            .with_hint("bring it within the version skew policy before anything else moves")
            .with_link("https://kubernetes.io/releases/version-skew-policy/");
        about(line, finding)
    })
}

/// The minors of the kubelets, the oldest first.
#[must_use]
pub fn kubelet_minors(subject: Subject<'_>) -> Vec<Minor> {
    let mut minors: Vec<Minor> = subject
        .inventory
        .instances
        .iter()
        .filter(|instance| instance.component == Component::KUBELET)
        .filter_map(|instance| Some(instance.version.as_deref()?.parse::<KubeVersion>().ok()?.minor()))
        .collect();
    minors.sort();
    minors.dedup();
    minors
}
