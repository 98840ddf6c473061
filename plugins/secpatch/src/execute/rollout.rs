//! How far a rollout is, by the same fields as `kubectl rollout status` (`pkg/polymorphichelpers/rollout_status.go` of
//! kubectl).

use serde_json::Value;

/// How far it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Rollout {
    /// All pods are of the new template and available.
    Done,
    /// Not yet: what is waited for.
    Waiting(String),
    /// It will not get there by itself.
    Failed(String),
    /// Nothing rolls out: the next pods get the new template, for this reason.
    None(&'static str),
}

fn number(value: &Value) -> i64 {
    value.as_i64().unwrap_or(0)
}

/// Of a workload in JSON.
pub(super) fn rollout(object: &Value) -> Rollout {
    let (spec, status) = (&object["spec"], &object["status"]);
    let kind = object["kind"].as_str().unwrap_or_default();
    match kind {
        "Deployment" | "StatefulSet" | "DaemonSet" => {}
        "CronJob" => return Rollout::None("the next Job gets the new template"),
        _ => return Rollout::None("the next pods get the new template; those that run keep theirs"),
    }
    if spec["paused"] == true {
        return Rollout::None("the rollout is paused: resume it to get pods of the new template");
    }
    if spec["updateStrategy"]["type"] == "OnDelete" {
        return Rollout::None("its strategy is OnDelete: pods get the new template when they are deleted");
    }
    if number(&object["metadata"]["generation"]) > number(&status["observedGeneration"]) {
        return Rollout::Waiting("the controller has not seen the change yet".to_owned());
    }
    match kind {
        "Deployment" => deployment(spec, status),
        "DaemonSet" => {
            let (wanted, updated) =
                (number(&status["desiredNumberScheduled"]), number(&status["updatedNumberScheduled"]));
            let available = number(&status["numberAvailable"]);
            steps(&[(updated, wanted, "updated"), (available, wanted, "available")])
        }
        _ => {
            let wanted = spec["replicas"].as_i64().unwrap_or(1);
            let partition = number(&spec["updateStrategy"]["rollingUpdate"]["partition"]);
            if partition > 0 {
                let all = (wanted - partition).max(0);
                return steps(&[(number(&status["updatedReplicas"]).min(all), all, "updated (of the partition)")]);
            }
            let ready = number(&status["readyReplicas"]);
            let updated = if status["currentRevision"] == status["updateRevision"] {
                wanted
            } else {
                number(&status["updatedReplicas"])
            };
            steps(&[(updated, wanted, "updated"), (ready, wanted, "ready")])
        }
    }
}

fn deployment(spec: &Value, status: &Value) -> Rollout {
    let conditions = status["conditions"].as_array().map(Vec::as_slice).unwrap_or_default();
    if let Some(late) =
        conditions.iter().find(|it| it["type"] == "Progressing" && it["reason"] == "ProgressDeadlineExceeded")
    {
        let message = late["message"].as_str().unwrap_or("it has made no progress for too long");
        return Rollout::Failed(message.to_owned());
    }
    let wanted = spec["replicas"].as_i64().unwrap_or(1);
    let updated = number(&status["updatedReplicas"]);
    let old = number(&status["replicas"]) - updated;
    match steps(&[(updated, wanted, "updated")]) {
        Rollout::Done if old > 0 => Rollout::Waiting(format!("{old} pods of the old template are still there")),
        Rollout::Done => steps(&[(number(&status["availableReplicas"]), wanted, "available")]),
        waiting => waiting,
    }
}

/// The first of these that is not reached.
fn steps(steps: &[(i64, i64, &str)]) -> Rollout {
    let missing = steps.iter().find(|(have, wanted, _)| have < wanted);
    missing
        .map_or(Rollout::Done, |(have, wanted, what)| Rollout::Waiting(format!("{have} of {wanted} pods are {what}")))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn each_kind_is_told_by_its_own_counts() {
        let waiting = |words: &str| Rollout::Waiting(words.to_owned());
        for (object, expected) in [
            (
                json!({"kind": "Deployment", "metadata": {"generation": 2}, "status": {"observedGeneration": 1}}),
                waiting("the controller has not seen the change yet"),
            ),
            (
                json!({"kind": "Deployment", "spec": {"replicas": 3}, "status": {"replicas": 4, "updatedReplicas": 1}}),
                waiting("1 of 3 pods are updated"),
            ),
            (
                json!({"kind": "Deployment", "spec": {"replicas": 3}, "status": {"replicas": 4, "updatedReplicas": 3}}),
                waiting("1 pods of the old template are still there"),
            ),
            (
                json!({"kind": "Deployment", "spec": {"replicas": 1},
                       "status": {"replicas": 1, "updatedReplicas": 1, "availableReplicas": 1}}),
                Rollout::Done,
            ),
            (
                json!({"kind": "Deployment", "status": {"conditions":
                       [{"type": "Progressing", "reason": "ProgressDeadlineExceeded", "message": "late"}]}}),
                Rollout::Failed("late".to_owned()),
            ),
            (
                json!({"kind": "StatefulSet", "spec": {"replicas": 2}, "status": {"currentRevision": "a",
                       "updateRevision": "b", "updatedReplicas": 1, "readyReplicas": 2}}),
                waiting("1 of 2 pods are updated"),
            ),
            (
                json!({"kind": "StatefulSet", "spec": {"replicas": 2}, "status": {"currentRevision": "b",
                       "updateRevision": "b", "readyReplicas": 2}}),
                Rollout::Done,
            ),
            (
                json!({"kind": "DaemonSet", "status": {"desiredNumberScheduled": 2, "updatedNumberScheduled": 2,
                       "numberAvailable": 1}}),
                waiting("1 of 2 pods are available"),
            ),
        ] {
            assert_eq!(rollout(&object), expected, "{object}");
        }
        for object in [
            json!({"kind": "CronJob"}),
            json!({"kind": "ReplicaSet"}),
            json!({"kind": "Deployment", "spec": {"paused": true}}),
            json!({"kind": "DaemonSet", "spec": {"updateStrategy": {"type": "OnDelete"}}}),
        ] {
            assert!(matches!(rollout(&object), Rollout::None(_)), "{object}");
        }
    }
}
