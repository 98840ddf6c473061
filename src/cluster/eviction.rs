//! Evicting a pod, and telling the API server's answers apart.
//!
//! Sources: `pkg/registry/core/pod/storage/eviction.go` of Kubernetes 1.37 for the answers, KEP-3017
//! (unhealthyPodEvictionPolicy), `staging/src/k8s.io/kubectl/pkg/drain/drain.go` for what kubectl makes of them.

use std::time::Duration;

use k8s_openapi::{
    api::policy::v1::Eviction,
    apimachinery::pkg::apis::meta::v1::{DeleteOptions, ObjectMeta, Preconditions},
};

use super::{connect::Cluster, errors::ClusterError, errors::ErrorKind, write::Writer};

/// The cause by which a refusal of a budget differs from a server that is busy (`policyv1.DisruptionBudgetCause`).
const BUDGET_CAUSE: &str = "DisruptionBudget";
/// The cause of a refusal in a namespace that is being deleted (`v1.NamespaceTerminatingCause`).
const TERMINATING_CAUSE: &str = "NamespaceTerminating";
/// How the message begins where more than one budget covers the pod. It has no reason or cause of its own.
const SEVERAL_BUDGETS: &str = "This pod has more than one PodDisruptionBudget";

/// One pod to be removed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PodRemoval {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Its UID: a pod of the same name that was made later is left alone.
    pub uid: String,
    /// The grace period in seconds; none means the pod's own.
    pub grace_period: Option<i64>,
}

/// What an attempt to remove a pod came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Removal {
    /// The pod is being deleted.
    Granted,
    /// The pod is not there any more: 404, or another pod has its name (409 by the UID precondition).
    Gone,
    /// A budget says no for now (429 with the cause `DisruptionBudget`).
    Budget {
        /// The server's words, which name the budget.
        message: String,
        /// How long the server asks us to wait.
        retry_after: Option<Duration>,
    },
    /// The server is busy (429 without that cause).
    Busy {
        /// How long the server asks us to wait.
        retry_after: Option<Duration>,
    },
    /// Its namespace is being deleted, and the pod with it: waiting is all that is left.
    NamespaceTerminating,
    /// More than one budget covers the pod, and the server refuses until one is changed.
    SeveralBudgets,
    /// Something in between is not well (a webhook, the connection, the server itself): it may be better soon, and it
    /// may have been done all the same.
    Trouble(String),
    /// No, and asking again would not change it.
    Refused(String),
}

impl Removal {
    /// What an answer means.
    #[must_use]
    pub fn of<T>(answer: Result<T, ClusterError>) -> Self {
        let error = match answer {
            Ok(_) => return Self::Granted,
            Err(error) => error,
        };
        let has_cause = |reason: &str| {
            error.answer().is_some_and(|answer| answer.causes.iter().any(|cause| cause.reason == reason))
        };
        let retry_after = error.answer().and_then(|answer| answer.retry_after).map(Duration::from_secs);
        match error.kind() {
            // A 404 that comes from no Status is an API that is not there, not a pod.
            ErrorKind::NotFound if error.answer().is_some_and(|answer| !answer.name.is_empty()) => Self::Gone,
            ErrorKind::Conflict if is_of_another_uid(&error) => Self::Gone,
            ErrorKind::TooMany if has_cause(BUDGET_CAUSE) => Self::Budget {
                message: error.answer().map(|answer| budget_words(&answer.causes, &answer.message)).unwrap_or_default(),
                retry_after,
            },
            ErrorKind::TooMany => Self::Busy { retry_after },
            ErrorKind::Forbidden if has_cause(TERMINATING_CAUSE) => Self::NamespaceTerminating,
            ErrorKind::Server if error.to_string().contains(SEVERAL_BUDGETS) => Self::SeveralBudgets,
            ErrorKind::Conflict
            | ErrorKind::Server
            | ErrorKind::Unavailable
            | ErrorKind::Timeout
            | ErrorKind::Unreachable
            | ErrorKind::Unexpected => Self::Trouble(error.to_string()),
            _ => Self::Refused(error.to_string()),
        }
    }
}

/// The words of `pkg/registry/rest/delete.go` and of `pkg/storage/interfaces.go`; a conflict has no other mark.
fn is_of_another_uid(error: &ClusterError) -> bool {
    let message = error.to_string();
    message.contains("UID in the precondition") || message.contains("UID in precondition")
}

/// The cause says more than the message: which budget, and what it counts.
fn budget_words(causes: &[super::errors::Cause], message: &str) -> String {
    causes
        .iter()
        .find(|cause| cause.reason == BUDGET_CAUSE && !cause.message.is_empty())
        .map_or_else(|| message.to_owned(), |cause| cause.message.clone())
}

impl PodRemoval {
    fn path(&self) -> String {
        format!("/api/v1/namespaces/{}/pods/{}", self.namespace, self.name)
    }

    fn options(&self, writer: Writer<'_>) -> DeleteOptions {
        DeleteOptions {
            // Of an eviction the server reads it from here only, not from the query.
            dry_run: writer.dry_run.then(|| vec!["All".to_owned()]),
            grace_period_seconds: self.grace_period,
            preconditions: Some(Preconditions { uid: Some(self.uid.clone()), ..Preconditions::default() }),
            ..DeleteOptions::default()
        }
    }
}

impl Cluster {
    /// Evicts a pod, once.
    pub async fn evict(&self, pod: &PodRemoval, writer: Writer<'_>) -> Removal {
        let eviction = Eviction {
            metadata: ObjectMeta {
                name: Some(pod.name.clone()),
                namespace: Some(pod.namespace.clone()),
                ..ObjectMeta::default()
            },
            delete_options: Some(pod.options(writer)),
        };
        Removal::of(self.create(&format!("{}/eviction", pod.path()), &eviction, writer).await)
    }

    /// Deletes a pod past all budgets, once.
    pub async fn delete_pod(&self, pod: &PodRemoval, writer: Writer<'_>) -> Removal {
        Removal::of(self.delete(&pod.path(), &pod.options(writer)).await)
    }
}

#[cfg(test)]
mod tests {
    use super::{super::errors::ServerAnswer, *};

    fn answer(code: u16, body: &str) -> Removal {
        let answer = ServerAnswer::read("POST /x".into(), code, None, body.as_bytes());
        Removal::of(Err::<(), _>(ClusterError::Answer(Box::new(answer))))
    }

    fn status(message: &str, details: &str) -> String {
        format!(r#"{{"kind":"Status","reason":"R","message":"{message}","details":{details}}}"#)
    }

    #[test]
    fn answers_are_told_apart() {
        let budget = status(
            "Cannot evict pod as it would violate the pod's disruption budget.",
            r#"{"retryAfterSeconds":10,"causes":[{"reason":"DisruptionBudget","message":"The disruption budget web needs 2 healthy pods and has 2 currently"}]}"#,
        );
        assert_eq!(
            answer(429, &budget),
            Removal::Budget {
                message: "The disruption budget web needs 2 healthy pods and has 2 currently".into(),
                retry_after: Some(Duration::from_secs(10))
            }
        );
        let busy = status("too many requests", r#"{"retryAfterSeconds":1}"#);
        assert_eq!(answer(429, &busy), Removal::Busy { retry_after: Some(Duration::from_secs(1)) });
        assert_eq!(answer(404, &status("pods p not found", r#"{"name":"p","kind":"pods"}"#)), Removal::Gone);
        assert!(matches!(answer(404, "404 page not found"), Removal::Refused(_)));
        for message in [
            "Precondition failed: UID in precondition: a, UID in object meta: b",
            "the UID in the precondition (a) does not match the UID in record (b). The object might have been deleted",
        ] {
            assert_eq!(answer(409, &status(message, "{}")), Removal::Gone, "{message}");
        }
        assert!(matches!(answer(409, &status("try again", "{}")), Removal::Trouble(_)));
        let ending = status("forbidden", r#"{"causes":[{"reason":"NamespaceTerminating","message":"m"}]}"#);
        assert_eq!(answer(403, &ending), Removal::NamespaceTerminating);
        assert!(matches!(answer(403, &status("pods is forbidden", "{}")), Removal::Refused(_)));
        let two = "This pod has more than one PodDisruptionBudget, which the eviction subresource does not support.";
        assert_eq!(answer(500, &status(two, "{}")), Removal::SeveralBudgets);
        for (code, body) in [(500, "failed calling webhook: EOF"), (503, ""), (504, ""), (502, "")] {
            assert!(matches!(answer(code, body), Removal::Trouble(_)), "{code}");
        }
        let refused = ClusterError::Refused { host: "h".into() };
        assert!(matches!(Removal::of(Err::<(), _>(refused)), Removal::Trouble(_)));
        assert_eq!(Removal::of(Ok(())), Removal::Granted);
    }

    #[test]
    fn the_options_are_where_the_server_reads_them() {
        let pod = PodRemoval { namespace: "n".into(), name: "p".into(), uid: "u".into(), grace_period: Some(3) };
        let eviction = Eviction {
            delete_options: Some(pod.options(Writer { field_manager: "test", dry_run: false })),
            ..Eviction::default()
        };
        let json = serde_json::to_value(eviction).unwrap();
        assert_eq!(json["deleteOptions"]["preconditions"]["uid"], "u");
        assert_eq!(json["deleteOptions"]["gracePeriodSeconds"], 3);
    }
}
