//! PodDisruptionBudgets: what is read of them, and the arithmetic of the disruption controller.
//!
//! Sources: `k8s.io/api/policy/v1/types.go`; `pkg/controller/disruption/disruption.go` (`getExpectedPodCount`,
//! `getExpectedScale`, `countHealthyPods`, `updatePdbStatus`) of Kubernetes 1.37. What the API server answers to an
//! eviction is in [`super::eviction`].

use std::collections::{BTreeMap, HashMap};

use compact_str::CompactString;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::{IntOrString, LabelSelector, Labels, null::or_default};

/// How long a pod whose eviction was granted counts as gone while it is still there (`DeletionTimeout`).
pub const DELETION_TIMEOUT: SignedDuration = SignedDuration::from_mins(2);

/// `spec` of a PodDisruptionBudget.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[allow(missing_docs, reason = "the names are the API's own")]
pub struct BudgetSpec {
    pub min_available: Option<IntOrString>,
    pub max_unavailable: Option<IntOrString>,
    /// In policy/v1 an empty selector matches every pod of the namespace and an absent one none.
    pub selector: Option<LabelSelector>,
    pub unhealthy_pod_eviction_policy: Option<CompactString>,
}

/// `status` of a PodDisruptionBudget.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[allow(missing_docs, reason = "the names are the API's own")]
pub struct BudgetStatus {
    #[serde(deserialize_with = "or_default")]
    pub observed_generation: i64,
    #[serde(deserialize_with = "or_default")]
    pub disruptions_allowed: i32,
    #[serde(deserialize_with = "or_default")]
    pub current_healthy: i32,
    #[serde(deserialize_with = "or_default")]
    pub desired_healthy: i32,
    #[serde(deserialize_with = "or_default")]
    pub expected_pods: i32,
    /// Pods whose eviction was granted, and when.
    #[serde(deserialize_with = "or_default")]
    pub disrupted_pods: BTreeMap<CompactString, Timestamp>,
    #[serde(deserialize_with = "or_default")]
    pub conditions: Vec<BudgetCondition>,
}

/// A condition of a PodDisruptionBudget; only `DisruptionAllowed` exists.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[allow(missing_docs, reason = "the names are the API's own")]
pub struct BudgetCondition {
    #[serde(rename = "type", deserialize_with = "or_default")]
    pub kind: CompactString,
    #[serde(deserialize_with = "or_default")]
    pub status: CompactString,
    #[serde(deserialize_with = "or_default")]
    pub reason: CompactString,
    #[serde(deserialize_with = "or_default")]
    pub message: String,
}

impl BudgetSpec {
    /// Whether it covers a pod of its own namespace with these labels, as policy/v1 reads the selector.
    #[must_use]
    pub fn covers(&self, labels: &Labels) -> bool {
        self.selector.as_ref().is_some_and(|selector| selector.matches(labels))
    }

    /// Whether pods that are not Ready may always be evicted (`unhealthyPodEvictionPolicy: AlwaysAllow`).
    #[must_use]
    pub fn always_allows_unhealthy(&self) -> bool {
        self.unhealthy_pod_eviction_policy.as_deref() == Some("AlwaysAllow")
    }
}

impl BudgetStatus {
    /// Whether the controller has seen the specification of this generation.
    #[must_use]
    pub const fn is_synced(&self, generation: i64) -> bool {
        self.observed_generation >= generation
    }

    /// Why the controller cannot compute the budget, where it said so (condition `DisruptionAllowed`, reason
    /// `SyncFailed`). The other fields are of an earlier time then.
    #[must_use]
    pub fn sync_failure(&self) -> Option<&str> {
        self.conditions
            .iter()
            .find(|condition| condition.kind == "DisruptionAllowed")
            .filter(|condition| condition.status == "False" && condition.reason == "SyncFailed")
            .map(|condition| condition.message.as_str())
    }

    /// Pods whose eviction was granted and that still count as gone at this time.
    pub fn pending_disruptions(&self, now: Timestamp) -> impl Iterator<Item = &str> {
        self.disrupted_pods
            .iter()
            .filter(move |(_, since)| since.saturating_add(DELETION_TIMEOUT).is_ok_and(|end| end > now))
            .map(|(name, _)| name.as_str())
    }
}

/// A pod that a budget covers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CoveredPod<'a> {
    /// Its name.
    pub name: &'a str,
    /// The condition Ready is True.
    pub ready: bool,
    /// It is being deleted.
    pub deleting: bool,
    /// It has Succeeded or Failed, and will never be Ready.
    pub finished: bool,
    /// What scales it.
    pub scale: Scale<'a>,
}

/// What scales a pod: its controller, of a ReplicaSet with a controller in turn that one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scale<'a> {
    /// It has no controller. The disruption controller warns, and leaves it out of what is expected.
    NoController,
    /// Its controller wants so many pods.
    Replicas {
        /// The controller's UID, or another name that no other controller in the namespace has.
        controller: &'a str,
        /// `spec.replicas`
        replicas: i32,
    },
    /// Its controller is of a kind without the scale subresource (DaemonSet, Job, Node): the disruption controller
    /// cannot sync the budget.
    NotScalable {
        /// The controller's kind.
        kind: &'a str,
    },
    /// The controller could not be read.
    Unknown {
        /// The controller's kind.
        kind: &'a str,
    },
}

/// What the disruption controller writes into the status.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Health {
    /// Pods that the budget counts with.
    pub expected: i32,
    /// Of these, how many must stay healthy.
    pub desired: i32,
    /// Pods that are healthy and not about to go.
    pub current: i32,
    /// Evictions that would be granted.
    pub allowed: i32,
}

/// Why a budget cannot be computed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BudgetProblem {
    /// The controller of a pod cannot be scaled, and the budget needs its scale. The disruption controller fails as
    /// well: no eviction is granted until the budget has an integer `minAvailable`.
    #[error(
        "pod {pod} is controlled by a {kind}, which has no scale: a budget with maxUnavailable or a percentage cannot be computed for it"
    )]
    NotScalable {
        /// The pod.
        pod: String,
        /// Its controller's kind.
        kind: String,
    },
    /// A text that is no percentage. The disruption controller fails as well.
    #[error("{field} is {value:?}, which is neither a number nor a percentage such as 25%")]
    NoPercentage {
        /// `minAvailable` or `maxUnavailable`.
        field: &'static str,
        /// Its value.
        value: String,
    },
    /// It can be computed in the cluster, but not with what was read here.
    #[error("the scale of the {kind} that controls pod {pod} is not known")]
    UnknownScale {
        /// The pod.
        pod: String,
        /// Its controller's kind.
        kind: String,
    },
}

impl BudgetProblem {
    /// Whether the disruption controller fails in the same way, so that the budget grants nothing.
    #[must_use]
    pub const fn is_of_the_cluster(&self) -> bool {
        !matches!(self, Self::UnknownScale { .. })
    }
}

/// What the disruption controller makes of these pods: all those that the budget covers, whatever their phase.
///
/// # Errors
/// [`BudgetProblem`] where the controller cannot compute it either, or where a scale is not known.
pub fn health(
    spec: &BudgetSpec,
    pods: &[CoveredPod<'_>],
    status: &BudgetStatus,
    now: Timestamp,
) -> Result<Health, BudgetProblem> {
    let (expected, desired) = expected_and_desired(spec, pods)?;
    let gone: Vec<&str> = status.pending_disruptions(now).collect();
    let healthy = pods.iter().filter(|pod| pod.ready && !pod.deleting && !gone.contains(&pod.name)).count();
    let current = saturate(healthy as i64);
    Ok(Health { expected, desired, current, allowed: allowed(expected, desired, current) })
}

fn allowed(expected: i32, desired: i32, current: i32) -> i32 {
    if expected <= 0 { 0 } else { current.saturating_sub(desired).max(0) }
}

fn expected_and_desired(spec: &BudgetSpec, pods: &[CoveredPod<'_>]) -> Result<(i32, i32), BudgetProblem> {
    let scaled = |field, value: &IntOrString, expected: i32| {
        value
            .scaled(i64::from(expected), true)
            .map(saturate)
            .ok_or_else(|| BudgetProblem::NoPercentage { field, value: value.to_string() })
    };
    match (&spec.max_unavailable, &spec.min_available) {
        (Some(max), _) => {
            let expected = expected_scale(pods)?;
            Ok((expected, expected.saturating_sub(scaled("maxUnavailable", max, expected)?).max(0)))
        }
        (None, Some(IntOrString::Int(min))) => Ok((saturate(pods.len() as i64), *min)),
        (None, Some(percentage)) => {
            let expected = expected_scale(pods)?;
            Ok((expected, scaled("minAvailable", percentage, expected)?))
        }
        (None, None) => Ok((0, 0)),
    }
}

/// The sum over the controllers of the pods. Pods without a controller add nothing.
fn expected_scale(pods: &[CoveredPod<'_>]) -> Result<i32, BudgetProblem> {
    let mut scales: HashMap<&str, i32> = HashMap::new();
    let mut unknown = None;
    for pod in pods {
        match pod.scale {
            Scale::NoController => {}
            Scale::Replicas { controller, replicas } => {
                scales.insert(controller, replicas);
            }
            Scale::NotScalable { kind } => {
                return Err(BudgetProblem::NotScalable { pod: pod.name.to_owned(), kind: kind.to_owned() });
            }
            Scale::Unknown { kind } => {
                unknown.get_or_insert(BudgetProblem::UnknownScale { pod: pod.name.to_owned(), kind: kind.to_owned() });
            }
        }
    }
    match unknown {
        Some(problem) => Err(problem),
        None => Ok(saturate(scales.into_values().map(i64::from).sum())),
    }
}

fn saturate(number: i64) -> i32 {
    i32::try_from(number).unwrap_or(if number < 0 { i32::MIN } else { i32::MAX })
}

/// Whether a budget lets a pod go: now, later, or never.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outlook {
    /// It covers no pod, and none is wanted: it protects nobody.
    NoPods,
    /// So many evictions would be granted now.
    Open(i32),
    /// None now; so many once every pod is there and healthy.
    Later(i32),
    /// None, even if every pod were there and healthy: at today's scale nothing but a change of the budget or of the
    /// scale helps.
    Never,
    /// None, since the disruption controller cannot compute it.
    Broken(BudgetProblem),
    /// It cannot be told from what was read.
    Unknown(BudgetProblem),
}

/// Tells "blocked now" from "never": what the budget would allow if its pods were as many as their controllers want,
/// and all healthy.
#[must_use]
pub fn outlook(spec: &BudgetSpec, pods: &[CoveredPod<'_>], status: &BudgetStatus, now: Timestamp) -> Outlook {
    let health = match health(spec, pods, status, now) {
        Ok(health) => health,
        Err(problem) if problem.is_of_the_cluster() => return Outlook::Broken(problem),
        Err(problem) => return Outlook::Unknown(problem),
    };
    if health.allowed > 0 {
        return Outlook::Open(health.allowed);
    }
    let best = at_best(pods);
    if best == 0 {
        return Outlook::NoPods;
    }
    // An integer minAvailable counts the pods that there are, so with all of them there it expects as many.
    let expected = match &spec.min_available {
        Some(IntOrString::Int(_)) if spec.max_unavailable.is_none() => best,
        _ => health.expected,
    };
    match allowed(expected, health.desired, best) {
        0 => Outlook::Never,
        later => Outlook::Later(later),
    }
}

/// How many healthy pods there can be: what the controllers want, and pods without one that can still be Ready.
/// A controller whose scale is not known is taken to want the pods that it has.
fn at_best(pods: &[CoveredPod<'_>]) -> i32 {
    let mut wanted: HashMap<&str, i32> = HashMap::new();
    let mut others = 0_i64;
    for pod in pods {
        match pod.scale {
            Scale::Replicas { controller, replicas } => {
                wanted.insert(controller, replicas);
            }
            _ => others += i64::from(!pod.finished && !pod.deleting),
        }
    }
    saturate(wanted.into_values().map(i64::from).sum::<i64>() + others)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn now() -> Timestamp {
        "2026-11-23T10:00:00Z".parse().unwrap()
    }

    fn spec(json: &str) -> BudgetSpec {
        serde_json::from_str(json).unwrap()
    }

    const NAMES: [&str; 12] = ["p0", "p1", "p2", "p3", "p4", "p5", "p6", "p7", "p8", "p9", "p10", "p11"];

    /// So many pods of one controller that wants `replicas`, the first of them ready.
    fn pods(replicas: i32, there: usize, ready: usize) -> Vec<CoveredPod<'static>> {
        let scale = Scale::Replicas { controller: "d", replicas };
        let pod = |index: usize| CoveredPod {
            name: NAMES[index],
            ready: index < ready,
            deleting: false,
            finished: false,
            scale,
        };
        (0..there).map(pod).collect()
    }

    fn found(json: &str, pods: &[CoveredPod<'_>]) -> (i32, i32, i32, i32) {
        let health = health(&spec(json), pods, &BudgetStatus::default(), now()).unwrap();
        (health.expected, health.desired, health.current, health.allowed)
    }

    #[test]
    fn the_controller_s_arithmetic() {
        for (json, replicas, there, ready, expected) in [
            // An integer minAvailable counts the pods that are there.
            (r#"{"minAvailable":2}"#, 3, 3, 3, (3, 2, 3, 1)),
            (r#"{"minAvailable":2}"#, 3, 1, 1, (1, 2, 1, 0)),
            (r#"{"minAvailable":0}"#, 3, 3, 2, (3, 0, 2, 2)),
            // Percentages and maxUnavailable count what the controllers want, and round up.
            (r#"{"minAvailable":"50%"}"#, 7, 7, 7, (7, 4, 7, 3)),
            (r#"{"minAvailable":"100%"}"#, 3, 3, 3, (3, 3, 3, 0)),
            (r#"{"maxUnavailable":1}"#, 3, 3, 3, (3, 2, 3, 1)),
            (r#"{"maxUnavailable":1}"#, 3, 2, 2, (3, 2, 2, 0)),
            (r#"{"maxUnavailable":"30%"}"#, 7, 7, 7, (7, 4, 7, 3)),
            (r#"{"maxUnavailable":"1%"}"#, 3, 3, 3, (3, 2, 3, 1)),
            (r#"{"maxUnavailable":0}"#, 3, 3, 3, (3, 3, 3, 0)),
            (r#"{"maxUnavailable":9}"#, 3, 3, 3, (3, 0, 3, 3)),
            // maxUnavailable wins where both are written, as in the controller.
            (r#"{"maxUnavailable":1,"minAvailable":3}"#, 3, 3, 3, (3, 2, 3, 1)),
            ("{}", 3, 3, 3, (0, 0, 3, 0)),
            (r#"{"maxUnavailable":1}"#, 0, 0, 0, (0, 0, 0, 0)),
        ] {
            assert_eq!(found(json, &pods(replicas, there, ready)), expected, "{json} {replicas}/{there}/{ready}");
        }
    }

    #[test]
    fn pods_that_go_are_not_healthy() {
        let mut all = pods(4, 4, 4);
        all[0].deleting = true;
        assert_eq!(found(r#"{"maxUnavailable":2}"#, &all), (4, 2, 3, 1));
        let status: BudgetStatus = serde_json::from_str(
            r#"{"disruptedPods":{"p1":"2026-11-23T09:58:30Z","p2":"2026-11-23T09:58:00Z"},"conditions":null}"#,
        )
        .unwrap();
        // The entry of p2 is two minutes old, and counts no more.
        assert_eq!(status.pending_disruptions(now()).collect::<Vec<_>>(), ["p1"]);
        assert_eq!(health(&spec(r#"{"maxUnavailable":2}"#), &all, &status, now()).unwrap().current, 2);
    }

    #[test]
    fn scales_add_up_over_controllers_and_can_fail() {
        let mut all = pods(3, 3, 3);
        all.push(CoveredPod { name: "other", scale: Scale::Replicas { controller: "e", replicas: 5 }, ..all[0] });
        all.push(CoveredPod { name: "bare", scale: Scale::NoController, ..all[0] });
        assert_eq!(found(r#"{"maxUnavailable":1}"#, &all).0, 8);
        assert_eq!(found(r#"{"minAvailable":1}"#, &all).0, 5);
        let get = |all: &[CoveredPod<'_>], json| health(&spec(json), all, &BudgetStatus::default(), now());
        all.push(CoveredPod { name: "u", scale: Scale::Unknown { kind: "Rollout" }, ..all[0] });
        let unknown = get(&all, r#"{"maxUnavailable":1}"#).unwrap_err();
        assert!(!unknown.is_of_the_cluster(), "{unknown}");
        all.push(CoveredPod { name: "ds", scale: Scale::NotScalable { kind: "DaemonSet" }, ..all[0] });
        let broken = get(&all, r#"{"maxUnavailable":1}"#).unwrap_err();
        assert!(broken.is_of_the_cluster(), "{broken}");
        assert!(get(&all, r#"{"minAvailable":1}"#).is_ok(), "an integer needs no scale");
        let text = get(&all[..1], r#"{"minAvailable":"half"}"#).unwrap_err();
        assert!(text.to_string().contains("minAvailable"), "{text}");
    }

    #[test]
    fn now_later_never() {
        let get = |json, pods: &[CoveredPod<'_>]| outlook(&spec(json), pods, &BudgetStatus::default(), now());
        assert_eq!(get(r#"{"minAvailable":1}"#, &pods(1, 1, 1)), Outlook::Never);
        assert_eq!(get(r#"{"minAvailable":1}"#, &pods(2, 2, 2)), Outlook::Open(1));
        assert_eq!(get(r#"{"minAvailable":2}"#, &pods(3, 1, 1)), Outlook::Later(1));
        assert_eq!(get(r#"{"maxUnavailable":0}"#, &pods(3, 3, 3)), Outlook::Never);
        assert_eq!(get(r#"{"maxUnavailable":"0%"}"#, &pods(3, 3, 1)), Outlook::Never);
        assert_eq!(get(r#"{"minAvailable":"100%"}"#, &pods(3, 3, 3)), Outlook::Never);
        assert_eq!(get(r#"{"maxUnavailable":1}"#, &pods(3, 3, 2)), Outlook::Later(1));
        assert_eq!(get(r#"{"minAvailable":1}"#, &[]), Outlook::NoPods);
        assert_eq!(get(r#"{"maxUnavailable":1}"#, &pods(0, 1, 0)), Outlook::NoPods);
        assert_eq!(get("{}", &pods(3, 3, 3)), Outlook::Never);
        let mut bare = pods(1, 2, 2);
        bare.iter_mut().for_each(|pod| pod.scale = Scale::NoController);
        assert_eq!(get(r#"{"maxUnavailable":1}"#, &bare), Outlook::Never); // nothing is expected, so nothing allowed
        assert_eq!(get(r#"{"minAvailable":1}"#, &bare), Outlook::Open(1));
        bare[0].scale = Scale::NotScalable { kind: "DaemonSet" };
        assert!(matches!(get(r#"{"maxUnavailable":1}"#, &bare), Outlook::Broken(_)));
        bare[0].scale = Scale::Unknown { kind: "Rollout" };
        assert!(matches!(get(r#"{"maxUnavailable":1}"#, &bare), Outlook::Unknown(_)));
    }

    #[test]
    fn the_selector_of_policy_v1() {
        let labels: Labels = [("app", "a")].into_iter().collect();
        assert!(spec(r#"{"selector":{}}"#).covers(&labels));
        assert!(!spec("{}").covers(&labels));
        assert!(!spec(r#"{"selector":null}"#).covers(&labels));
        assert!(spec(r#"{"selector":{"matchLabels":{"app":"a"}}}"#).covers(&labels));
    }

    #[test]
    fn a_failed_sync_is_seen() {
        let status: BudgetStatus = serde_json::from_str(
            r#"{"observedGeneration":2,"conditions":[{"type":"DisruptionAllowed","status":"False","reason":"SyncFailed","message":"no scale"}]}"#,
        )
        .unwrap();
        assert_eq!(status.sync_failure(), Some("no scale"));
        assert!(status.is_synced(2) && !status.is_synced(3));
        assert_eq!(BudgetStatus::default().sync_failure(), None);
    }

    proptest! {
        /// What is granted never takes the healthy pods below what is desired, and "never" holds for any number of
        /// healthy pods up to what the controller wants.
        #[test]
        fn never_means_never(
            replicas in 0i32..12, there in 0usize..12, ready in 0usize..12,
            value in 0i32..12, percent in any::<bool>(), max in any::<bool>(),
        ) {
            let field = if max { "maxUnavailable" } else { "minAvailable" };
            let value = if percent { format!("\"{}%\"", value * 9) } else { value.to_string() };
            let json = format!("{{\"{field}\":{value}}}");
            let pods_now = pods(replicas, there, ready.min(there));
            let health = health(&spec(&json), &pods_now, &BudgetStatus::default(), now()).unwrap();
            prop_assert!(health.allowed == 0 || health.current - health.allowed >= health.desired);
            if there > 0 && outlook(&spec(&json), &pods_now, &BudgetStatus::default(), now()) == Outlook::Never {
                for ready in 0..=(replicas as usize) {
                    prop_assert_eq!(found(&json, &pods(replicas, replicas as usize, ready)).3, 0);
                }
            }
        }
    }
}
