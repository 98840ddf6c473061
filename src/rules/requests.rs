//! What a pod requests in all, and its quality-of-service class.
//!
//! Source: `k8s.io/component-helpers/resource/helpers.go` (`PodRequests`), with the options that kube-scheduler 1.37
//! gives it by default: `pkg/scheduler/framework/plugins/noderesources/fit.go` for a pod without a node,
//! `pkg/scheduler/framework/types.go` for a placed one. Node-allocatable resources of claims
//! (`DRANodeAllocatableResources`) are alpha and left out.

use std::{collections::btree_map::Entry, fmt, sync::Arc};

use super::{
    Quantity,
    pod::{Container, PodSpec, ResourceRequirements, Resources},
};

/// What the status of a placed pod says of its resources while they are resized in place (KEP-1287, KEP-5419).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ResourceStatus<'a> {
    /// Of each container and init container, in any order.
    pub containers: &'a [ContainerResources<'a>],
    /// `status.resources.requests`: what is in force for the pod as a whole. `Some` where `status.resources` is there
    /// at all.
    pub actual: Option<&'a Resources>,
    /// `status.allocatedResources` of the pod.
    pub allocated: Option<&'a Resources>,
    /// The condition PodResizePending with the reason Infeasible: the node refuses what the specification asks for.
    pub resize_infeasible: bool,
}

/// What the status of one container says of its resources.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ContainerResources<'a> {
    /// The container.
    pub name: &'a str,
    /// `allocatedResources`
    pub allocated: Option<&'a Resources>,
    /// `resources.requests`
    pub actual: Option<&'a Resources>,
}

/// What a pod without a node requests, by its specification: sidecars and containers together, or more where an init
/// container needs more before they all run; pod-level requests in place of that sum; the overhead on top.
///
/// A specification that the API server has not seen (a manifest, a template) needs [`apply_defaults`] first.
#[must_use]
pub fn of_spec(spec: &PodSpec) -> Resources {
    complete(spec, sum_of_spec(spec), pod_level_requests(spec).cloned())
}

/// What a placed pod takes of its node: for each resource the greatest of what it asks for, what the kubelet has
/// allocated and what is in force. What it asks for does not count while the node refuses it.
#[must_use]
pub fn of_placed(spec: &PodSpec, status: &ResourceStatus<'_>) -> Resources {
    let mut sum = if status.resize_infeasible { Resources::new() } else { sum_of_spec(spec) };
    match (present(status.allocated), present(status.actual)) {
        // The pod's own status holds the sums over its containers.
        (Some(allocated), Some(actual)) => {
            raise(&mut sum, allocated);
            raise(&mut sum, actual);
        }
        _ => {
            let asked = |container| (!status.resize_infeasible).then_some(requests_of(container));
            let reported = |container: &Container| status.containers.iter().find(|found| found.name == container.name);
            let allocated = |container| reported(container).and_then(|found| present(found.allocated));
            let actual = |container| reported(container).and_then(|found| present(found.actual));
            raise(&mut sum, &aggregate(spec, |container| allocated(container).or_else(|| asked(container))));
            raise(
                &mut sum,
                &aggregate(spec, |container| {
                    actual(container).or_else(|| allocated(container)).or_else(|| asked(container))
                }),
            );
        }
    }
    let pod_level = pod_level_requests(spec).map(|requests| {
        let Some(actual) = status.actual else { return requests.clone() };
        let mut most = if status.resize_infeasible { Resources::new() } else { requests.clone() };
        raise(&mut most, actual);
        raise(&mut most, status.allocated.unwrap_or(&Resources::new()));
        most
    });
    complete(spec, sum, pod_level)
}

/// Fills in what the API server fills in when it admits a pod, and does not in a template: requests default to
/// limits, and pod-level requests to the containers' sum, else to the pod-level limits.
/// (`pkg/apis/core/v1/defaults.go`: `SetDefaults_Pod`, `defaultHugePagePodLimits`, `defaultPodRequests`.) What a
/// LimitRange adds is not known here.
pub fn apply_defaults(spec: &mut PodSpec) {
    for container in spec.containers.iter_mut().chain(&mut spec.init_containers) {
        let ResourceRequirements { requests, limits, .. } = Arc::make_mut(&mut container.resources);
        fill(requests, limits);
    }
    let requests = sum_of_spec(spec);
    let huge_page_limits = aggregate(spec, |container| Some(&container.resources.limits));
    let Some(pod_level) = &mut spec.resources else { return };
    if pod_level.limits.is_empty() && pod_level.requests.is_empty() {
        return;
    }
    for (name, limit) in huge_page_limits {
        if is_huge_page(&name) && !pod_level.requests.contains_key(&name) {
            pod_level.limits.entry(name).or_insert(limit);
        }
    }
    if pod_level.limits.is_empty() {
        return;
    }
    for (name, amount) in requests {
        if matches!(name.as_str(), "cpu" | "memory") {
            pod_level.requests.entry(name).or_insert(amount);
        }
    }
    for (name, limit) in &pod_level.limits {
        if is_pod_level(name) {
            pod_level.requests.entry(name.clone()).or_insert(*limit);
        }
    }
}

/// The quality-of-service class of a pod, by which the kubelet chooses whom to evict first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum QosClass {
    /// No container asks for cpu or memory, or limits them.
    BestEffort,
    /// Neither of the others.
    Burstable,
    /// Requests and limits of cpu and memory are there and equal, in every container or for the whole pod.
    Guaranteed,
}

impl fmt::Display for QosClass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::BestEffort => "BestEffort",
            Self::Burstable => "Burstable",
            Self::Guaranteed => "Guaranteed",
        })
    }
}

/// The class of a pod as the API server has it, defaults applied. (`pkg/apis/core/v1/helper/qos/qos.go`)
#[must_use]
pub fn qos_class(spec: &PodSpec) -> QosClass {
    if let Some(resources) = &spec.resources
        && resources.requests.keys().chain(resources.limits.keys()).any(|name| is_pod_level(name))
    {
        return class_of(resources);
    }
    spec.init_containers
        .iter()
        .chain(&spec.containers)
        .map(|container| class_of(&container.resources))
        .reduce(either_class)
        .unwrap_or(QosClass::BestEffort)
}

fn class_of(resources: &ResourceRequirements) -> QosClass {
    let class = |name: &str| {
        let amount = |of: &Resources| of.get(name).copied().unwrap_or(Quantity::ZERO);
        let request = amount(&resources.requests);
        if request != amount(&resources.limits) {
            QosClass::Burstable
        } else if request.is_zero() {
            QosClass::BestEffort
        } else {
            QosClass::Guaranteed
        }
    };
    either_class(class("cpu"), class("memory"))
}

fn either_class(one: QosClass, other: QosClass) -> QosClass {
    if one == other { one } else { QosClass::Burstable }
}

/// Pod-level amounts replace the sum for the resources that they may be given for; the overhead adds to everything.
fn complete(spec: &PodSpec, mut sum: Resources, pod_level: Option<Resources>) -> Resources {
    sum.extend(pod_level.into_iter().flatten().filter(|(name, _)| is_pod_level(name)));
    add(&mut sum, &spec.overhead);
    sum
}

fn pod_level_requests(spec: &PodSpec) -> Option<&Resources> {
    let requests = &spec.resources.as_ref()?.requests;
    requests.keys().any(|name| is_pod_level(name)).then_some(requests)
}

/// `IsSupportedPodLevelResource`
fn is_pod_level(name: &str) -> bool {
    matches!(name, "cpu" | "memory") || is_huge_page(name)
}

fn is_huge_page(name: &str) -> bool {
    name.starts_with("hugepages-")
}

fn sum_of_spec(spec: &PodSpec) -> Resources {
    aggregate(spec, |container| Some(requests_of(container)))
}

fn requests_of(container: &Container) -> &Resources {
    &container.resources.requests
}

/// What the containers take together, by a list of resources a container. Init containers run one after the other,
/// each beside the sidecars that stand before it (KEP-753).
fn aggregate<'a>(spec: &'a PodSpec, of: impl Fn(&'a Container) -> Option<&'a Resources>) -> Resources {
    let none = Resources::new();
    let mut running = Resources::new();
    for container in &spec.containers {
        add(&mut running, of(container).unwrap_or(&none));
    }
    let mut sidecars = Resources::new();
    let mut starting = Resources::new();
    for container in &spec.init_containers {
        let own = of(container).unwrap_or(&none);
        if container.is_sidecar() {
            add(&mut running, own);
            add(&mut sidecars, own);
            raise(&mut starting, &sidecars);
        } else {
            let mut beside_sidecars = sidecars.clone();
            add(&mut beside_sidecars, own);
            raise(&mut starting, &beside_sidecars);
        }
    }
    raise(&mut running, &starting);
    running
}

fn add(sum: &mut Resources, more: &Resources) {
    for (name, amount) in more {
        let entry = sum.entry(name.clone()).or_default();
        *entry = *entry + *amount;
    }
}

/// The greater of both for each resource.
fn raise(most: &mut Resources, other: &Resources) {
    for (name, amount) in other {
        match most.entry(name.clone()) {
            Entry::Vacant(entry) => {
                entry.insert(*amount);
            }
            Entry::Occupied(mut entry) => {
                let greatest = (*entry.get()).max(*amount);
                entry.insert(greatest);
            }
        }
    }
}

/// Adds what is absent.
fn fill(list: &mut Resources, defaults: &Resources) {
    for (name, amount) in defaults {
        list.entry(name.clone()).or_insert(*amount);
    }
}

/// In the API an empty map and an absent one are the same.
fn present(list: Option<&Resources>) -> Option<&Resources> {
    list.filter(|resources| !resources.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec(json: &str) -> PodSpec {
        serde_json::from_str(json).unwrap_or_else(|error| panic!("{error}: {json}"))
    }

    fn resources(json: &str) -> Resources {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn init_containers_and_sidecars_follow_kep_753() {
        let ask =
            |cpu: u32, memory: u32| format!(r#""resources":{{"requests":{{"cpu":"{cpu}","memory":"{memory}"}}}}"#);
        // The example in the scheduler's own comment.
        let plain = spec(&format!(
            r#"{{"initContainers":[{{{}}},{{{}}}],"containers":[{{{}}},{{{}}}]}}"#,
            ask(2, 1),
            ask(2, 3),
            ask(2, 1),
            ask(1, 1)
        ));
        assert_eq!(of_spec(&plain), resources(r#"{"cpu":"3","memory":"3"}"#));
        // A sidecar counts beside the containers and beside the init containers after it, not before it.
        let sidecar = |before: &str, after: &str| {
            spec(&format!(
                r#"{{"initContainers":[{{{before}}},{{"restartPolicy":"Always",{}}},{{{after}}}],"containers":[{{{}}}]}}"#,
                ask(1, 1),
                ask(2, 2)
            ))
        };
        assert_eq!(of_spec(&sidecar(&ask(3, 3), &ask(1, 1))), resources(r#"{"cpu":"3","memory":"3"}"#));
        assert_eq!(of_spec(&sidecar(&ask(1, 1), &ask(4, 4))), resources(r#"{"cpu":"5","memory":"5"}"#));
    }

    #[test]
    fn pod_level_requests_replace_the_sum_and_overhead_adds() {
        let pod = spec(
            r#"{"containers":[{"resources":{"requests":{"cpu":"1","memory":"1Gi","nvidia.com/gpu":"1"}}}],
                "resources":{"requests":{"cpu":"500m","nvidia.com/gpu":"5","hugepages-2Mi":"4Mi"}},
                "overhead":{"cpu":"10m","memory":"1Mi"}}"#,
        );
        let expected = r#"{"cpu":"510m","memory":"1025Mi","nvidia.com/gpu":"1","hugepages-2Mi":"4Mi"}"#;
        assert_eq!(of_spec(&pod), resources(expected));
    }

    #[test]
    fn a_resize_counts_at_its_greatest_until_it_is_refused() {
        let pod = spec(r#"{"containers":[{"name":"a","resources":{"requests":{"cpu":"2"}}}]}"#);
        let (small, middle) = (resources(r#"{"cpu":"1"}"#), resources(r#"{"cpu":"1500m"}"#));
        let containers = [ContainerResources { name: "a", allocated: Some(&small), actual: Some(&middle) }];
        let mut status = ResourceStatus { containers: &containers, ..ResourceStatus::default() };
        assert_eq!(of_placed(&pod, &status), resources(r#"{"cpu":"2"}"#));
        status.resize_infeasible = true;
        assert_eq!(of_placed(&pod, &status), resources(r#"{"cpu":"1500m"}"#));
        status.containers = &[];
        assert_eq!(of_placed(&pod, &status), resources("{}")); // as upstream: nothing is known to be in force
    }

    #[test]
    fn classes_of_service() {
        let both = |request: &str, limit: &str| format!(r#"{{"resources":{{"requests":{request},"limits":{limit}}}}}"#);
        let full = both(r#"{"cpu":"1","memory":"1Gi"}"#, r#"{"cpu":"1000m","memory":"1024Mi"}"#);
        let none = both("{}", "{}");
        for (containers, class) in [
            (vec![&full, &full], QosClass::Guaranteed),
            (vec![&full, &none], QosClass::Burstable),
            (vec![&none], QosClass::BestEffort),
            (vec![&both(r#"{"cpu":"1"}"#, r#"{"cpu":"1"}"#)], QosClass::Burstable),
            (vec![&both(r#"{"nvidia.com/gpu":"1"}"#, r#"{"nvidia.com/gpu":"1"}"#)], QosClass::BestEffort),
            (vec![&both(r#"{"cpu":"0"}"#, "{}")], QosClass::BestEffort),
        ] {
            let list = containers.iter().map(|text| text.as_str()).collect::<Vec<_>>().join(",");
            let pod = spec(&format!(r#"{{"containers":[{list}]}}"#));
            assert_eq!(qos_class(&pod), class, "{list}");
        }
        assert_eq!(qos_class(&PodSpec::default()), QosClass::BestEffort);
        let pod_level = format!(r#"{{"containers":[{none}],"resources":{}}}"#, r#"{"requests":{"cpu":"1"}}"#);
        assert_eq!(qos_class(&spec(&pod_level)), QosClass::Burstable);
    }

    #[test]
    fn requests_default_to_limits_only_when_admitted() {
        let mut pod = spec(
            r#"{"containers":[{"resources":{"limits":{"cpu":"1","hugepages-2Mi":"2Mi"},"requests":{"memory":"1Gi"}}}],
                "resources":{"limits":{"memory":"4Gi"}}}"#,
        );
        assert_eq!(of_spec(&pod), resources(r#"{"memory":"1Gi"}"#));
        apply_defaults(&mut pod);
        let pod_level = pod.resources.as_ref().unwrap();
        assert_eq!(pod_level.limits, resources(r#"{"memory":"4Gi","hugepages-2Mi":"2Mi"}"#));
        assert_eq!(pod_level.requests, resources(r#"{"cpu":"1","memory":"1Gi","hugepages-2Mi":"2Mi"}"#));
        let once = pod.clone();
        apply_defaults(&mut pod);
        assert_eq!(pod, once);
    }

    /// Upstream's own answers for random pods, made by its own Go code: see the head of the file.
    #[test]
    fn the_same_as_component_helpers() {
        #[derive(serde::Deserialize)]
        struct Case {
            spec: PodSpec,
            #[serde(default)]
            statuses: Vec<Status>,
            actual: Option<Resources>,
            allocated: Option<Resources>,
            #[serde(default)]
            infeasible: bool,
            new: Resources,
            placed: Resources,
            qos: String,
            defaulted: ResourceRequirements,
        }
        #[derive(serde::Deserialize)]
        struct Status {
            name: String,
            allocated: Option<Resources>,
            actual: Option<Resources>,
        }
        let cases = include_str!("testdata/pod_requests.jsonl");
        let mut count = 0;
        for line in cases.lines().filter(|line| !line.starts_with('#')) {
            let case: Case = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
            let containers: Vec<ContainerResources<'_>> = case
                .statuses
                .iter()
                .map(|status| ContainerResources {
                    name: &status.name,
                    allocated: status.allocated.as_ref(),
                    actual: status.actual.as_ref(),
                })
                .collect();
            let status = ResourceStatus {
                containers: &containers,
                actual: case.actual.as_ref(),
                allocated: case.allocated.as_ref(),
                resize_infeasible: case.infeasible,
            };
            assert_eq!(of_spec(&case.spec), case.new, "{line}");
            assert_eq!(of_placed(&case.spec, &status), case.placed, "{line}");
            assert_eq!(qos_class(&case.spec).to_string(), case.qos, "{line}");
            let mut admitted = case.spec.clone();
            apply_defaults(&mut admitted);
            assert_eq!(admitted.resources.unwrap_or_default(), case.defaulted, "{line}");
            count += 1;
        }
        assert!(count >= 40, "{count} cases");
    }
}
