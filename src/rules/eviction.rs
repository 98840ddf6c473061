//! What the API server answers when a pod is to be evicted.
//!
//! Source: `pkg/registry/core/pod/storage/eviction.go` of Kubernetes 1.37 (`Create`, `canIgnorePDB`,
//! `checkAndDecrement`).

use std::fmt;

use jiff::Timestamp;

use super::budget::{BudgetSpec, BudgetStatus};

/// `MaxDisruptedPodSize`: with more evictions that the controller has not seen done, none is granted.
const MOST_DISRUPTED: usize = 2000;

/// What an answer depends on of the pod.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EvictedPod {
    /// Its phase is Pending, Succeeded or Failed, so that no budget protects it.
    pub not_running: bool,
    /// It is being deleted already.
    pub deleting: bool,
    /// The condition Ready is True.
    pub ready: bool,
}

/// A budget that covers the pod.
#[derive(Clone, Copy, Debug)]
pub struct Budget<'a> {
    /// Its name.
    pub name: &'a str,
    /// `metadata.generation`
    pub generation: i64,
    /// Its specification.
    pub spec: &'a BudgetSpec,
    /// Its status.
    pub status: &'a BudgetStatus,
}

/// What the API server answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// The pod is deleted.
    Granted(Because),
    /// It is not.
    Refused(Refusal),
}

/// Why a pod may go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Because {
    /// Pending, finished or terminating pods bypass the budgets.
    NotRunning,
    /// No budget covers it.
    NoBudget,
    /// It is not Ready, and the budget lets such pods go (`unhealthyPodEvictionPolicy`). Nothing is taken from the
    /// budget.
    Unhealthy,
    /// The budget allows a disruption, and one is taken from it.
    WithinBudget,
}

/// Why a pod may not go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// 500: more than one budget covers it, which is an error of the configuration and stays one.
    SeveralBudgets(Vec<String>),
    /// 429, try again in 10 s: the controller has not seen the budget's newest specification.
    NotSynced,
    /// 403: the status holds a negative number.
    Negative,
    /// 403: more than 2,000 evictions are under way.
    TooManyUnderWay,
    /// 429: no disruption is allowed.
    Exhausted {
        /// Pods that are healthy.
        current: i32,
        /// Pods that must be.
        desired: i32,
        /// Why the controller cannot compute the budget, where that is the cause.
        sync_failure: Option<String>,
    },
}

impl Refusal {
    /// The status code of the answer.
    #[must_use]
    pub const fn code(&self) -> u16 {
        match self {
            Self::SeveralBudgets(_) => 500,
            Self::NotSynced | Self::Exhausted { .. } => 429,
            Self::Negative | Self::TooManyUnderWay => 403,
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::SeveralBudgets(names) => {
                write!(
                    f,
                    "more than one PodDisruptionBudget covers it ({}), and the API server then refuses every eviction",
                    names.join(", ")
                )
            }
            Self::NotSynced => f.write_str("the disruption controller has not seen the budget's newest specification"),
            Self::Negative => f.write_str("the budget's status holds a negative number of allowed disruptions"),
            Self::TooManyUnderWay => {
                write!(f, "more than {MOST_DISRUPTED} evictions under the budget are not confirmed yet")
            }
            Self::Exhausted { sync_failure: Some(why), .. } => {
                write!(f, "the disruption controller cannot compute the budget: {why}")
            }
            Self::Exhausted { current, desired, .. } => {
                write!(f, "the budget needs {desired} healthy pods and has {current}")
            }
        }
    }
}

/// The answer for a pod that these budgets cover, by the budgets' status as it stands.
#[must_use]
pub fn answer(pod: EvictedPod, budgets: &[Budget<'_>]) -> Answer {
    if pod.not_running || pod.deleting {
        return Answer::Granted(Because::NotRunning);
    }
    let budget = match budgets {
        [] => return Answer::Granted(Because::NoBudget),
        [one] => one,
        several => {
            let names = several.iter().map(|budget| budget.name.to_owned()).collect();
            return Answer::Refused(Refusal::SeveralBudgets(names));
        }
    };
    let status = budget.status;
    if !pod.ready {
        let enough = status.current_healthy >= status.desired_healthy && status.desired_healthy > 0;
        if budget.spec.always_allows_unhealthy() || enough {
            return Answer::Granted(Because::Unhealthy);
        }
    }
    let refusal = if !status.is_synced(budget.generation) {
        Refusal::NotSynced
    } else if status.disruptions_allowed < 0 {
        Refusal::Negative
    } else if status.disrupted_pods.len() > MOST_DISRUPTED {
        Refusal::TooManyUnderWay
    } else if status.disruptions_allowed == 0 {
        Refusal::Exhausted {
            current: status.current_healthy,
            desired: status.desired_healthy,
            sync_failure: status.sync_failure().map(str::to_owned),
        }
    } else {
        return Answer::Granted(Because::WithinBudget);
    };
    Answer::Refused(refusal)
}

/// What the API server writes into the budget when it grants an eviction [`Because::WithinBudget`], so that several
/// can be tried one after the other.
pub fn take(status: &mut BudgetStatus, pod: &str, now: Timestamp) {
    status.disruptions_allowed -= 1;
    status.disrupted_pods.insert(pod.into(), now);
}

#[cfg(test)]
mod tests {
    use super::*;

    const READY: EvictedPod = EvictedPod { not_running: false, deleting: false, ready: true };
    const UNREADY: EvictedPod = EvictedPod { ready: false, ..READY };

    fn spec(json: &str) -> BudgetSpec {
        serde_json::from_str(json).unwrap()
    }

    fn status(allowed: i32, current: i32, desired: i32) -> BudgetStatus {
        BudgetStatus {
            disruptions_allowed: allowed,
            current_healthy: current,
            desired_healthy: desired,
            expected_pods: 3,
            observed_generation: 1,
            ..BudgetStatus::default()
        }
    }

    fn one(pod: EvictedPod, spec: &BudgetSpec, status: &BudgetStatus) -> Answer {
        answer(pod, &[Budget { name: "b", generation: 1, spec, status }])
    }

    #[test]
    fn as_the_eviction_subresource_answers() {
        let default = spec("{}");
        let always = spec(r#"{"unhealthyPodEvictionPolicy":"AlwaysAllow"}"#);
        let if_healthy = spec(r#"{"unhealthyPodEvictionPolicy":"IfHealthyBudget"}"#);
        let granted = |because| Answer::Granted(because);
        let exhausted = |current, desired| Answer::Refused(Refusal::Exhausted { current, desired, sync_failure: None });
        for (pod, spec, status, expected) in [
            (READY, &default, status(1, 3, 2), granted(Because::WithinBudget)),
            (READY, &always, status(0, 2, 2), exhausted(2, 2)),
            (UNREADY, &always, status(0, 1, 2), granted(Because::Unhealthy)),
            (UNREADY, &default, status(0, 2, 2), granted(Because::Unhealthy)),
            (UNREADY, &if_healthy, status(0, 1, 2), exhausted(1, 2)),
            (UNREADY, &default, status(0, 0, 0), exhausted(0, 0)),
            (UNREADY, &default, status(1, 1, 0), granted(Because::WithinBudget)),
            (READY, &default, status(-1, 1, 2), Answer::Refused(Refusal::Negative)),
            (EvictedPod { not_running: true, ..READY }, &default, status(0, 1, 2), granted(Because::NotRunning)),
            (EvictedPod { deleting: true, ..READY }, &default, status(0, 1, 2), granted(Because::NotRunning)),
        ] {
            assert_eq!(one(pod, spec, &status), expected, "{pod:?} {spec:?} {status:?}");
        }
    }

    #[test]
    fn what_is_not_synced_is_refused_even_if_it_seems_to_allow() {
        let spec = spec("{}");
        let status = status(5, 5, 0);
        let budget = Budget { name: "b", generation: 2, spec: &spec, status: &status };
        assert_eq!(answer(READY, &[budget]), Answer::Refused(Refusal::NotSynced));
        assert_eq!(answer(READY, &[]), Answer::Granted(Because::NoBudget));
        let Answer::Refused(two) = answer(READY, &[budget, Budget { name: "c", ..budget }]) else { panic!() };
        assert_eq!(two.code(), 500);
        assert!(two.to_string().contains("(b, c)"), "{two}");
    }

    #[test]
    fn pods_under_one_budget_are_tried_one_after_the_other() {
        let spec = spec("{}");
        let mut status = status(2, 3, 1);
        let mut granted = 0;
        for name in ["p0", "p1", "p2"] {
            if one(READY, &spec, &status) == Answer::Granted(Because::WithinBudget) {
                take(&mut status, name, Timestamp::UNIX_EPOCH);
                granted += 1;
            }
        }
        assert_eq!(granted, 2);
        status.disruptions_allowed = 1;
        status.disrupted_pods = (0..2001).map(|number| (number.to_string().into(), Timestamp::UNIX_EPOCH)).collect();
        assert_eq!(one(READY, &spec, &status), Answer::Refused(Refusal::TooManyUnderWay));
    }
}
