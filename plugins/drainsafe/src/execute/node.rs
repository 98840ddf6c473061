//! What a run does to a node object, decided from the object as it is: each function gives a merge patch that names the
//! version it was decided from, so that a change by somebody else in between makes it fail instead of being overrun.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{
    FIELD_MANAGER,
    record::{KEEP_OFF, NodePhase, NodeRecord, RECORD},
};

/// The taint by which the scheduler shuns the outdated nodes of a pool, as long as there is another place.
pub const SHUN_TAINT: &str = "drainsafe.patchkit.dev/outdated";

/// A node, as far as a run writes it.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct NodeObject {
    metadata: Metadata,
    spec: Spec,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Metadata {
    name: String,
    uid: String,
    resource_version: String,
    labels: BTreeMap<String, String>,
    annotations: BTreeMap<String, String>,
    managed_fields: Vec<Managed>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Managed {
    manager: String,
    fields_v1: Value,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct Spec {
    unschedulable: bool,
    taints: Vec<Value>,
    #[serde(rename = "providerID")]
    provider_id: String,
}

/// Whose a cordon is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cordon {
    /// There is none.
    None,
    /// This tool's.
    Ours,
    /// Somebody else's.
    Foreign,
}

impl NodeObject {
    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.metadata.name
    }

    /// Its UID.
    #[must_use]
    pub fn uid(&self) -> &str {
        &self.metadata.uid
    }

    /// Its zone; empty where no label names it.
    #[must_use]
    pub fn zone(&self) -> &str {
        self.metadata.labels.get("topology.kubernetes.io/zone").map_or("", String::as_str)
    }

    /// The machine behind it, as its provider names it; empty where none is named.
    #[must_use]
    pub fn provider_id(&self) -> &str {
        &self.spec.provider_id
    }

    /// Its entry in the journal.
    #[must_use]
    pub fn record(&self) -> Option<NodeRecord> {
        self.metadata.annotations.get(RECORD).and_then(|text| NodeRecord::read(text))
    }

    /// Whose cordon it has. Ours is one that the journal knows and that nobody has set anew since: the API server notes
    /// for each field who changed it last (`metadata.managedFields`).
    #[must_use]
    pub fn cordon(&self) -> Cordon {
        if !self.spec.unschedulable {
            return Cordon::None;
        }
        let by_journal = self.record().is_some_and(|record| !record.cordoned_before);
        let mut writers = self
            .metadata
            .managed_fields
            .iter()
            .filter(|managed| managed.fields_v1.pointer("/f:spec/f:unschedulable").is_some())
            .peekable();
        // Where nobody is noted the journal alone decides.
        let by_fields = writers.peek().is_none() || writers.any(|managed| managed.manager == FIELD_MANAGER);
        if by_journal && by_fields { Cordon::Ours } else { Cordon::Foreign }
    }

    /// Cordons it, keeps autoscalers off, and notes all of that, in one request. `fresh` is the entry of a run that
    /// begins, or the one to go on with.
    #[must_use]
    pub fn cordoning(&self, fresh: &NodeRecord) -> (Value, NodeRecord) {
        let mut record = match self.record() {
            Some(known) if known.run == fresh.run => known,
            // An earlier run's cordon is the tool's own, and no foreign one.
            earlier => NodeRecord {
                cordoned_before: self.cordon() == Cordon::Foreign,
                kept_off: earlier.map(|earlier| earlier.kept_off).unwrap_or_default(),
                ..fresh.clone()
            },
        };
        if record.phase == NodePhase::Shunned {
            // Somebody may have cordoned it since it was shunned.
            record.cordoned_before = self.cordon() == Cordon::Foreign;
        }
        if matches!(record.phase, NodePhase::Drained | NodePhase::Shunned) {
            record.phase = NodePhase::Cordoned;
        }
        let mut annotations = Map::new();
        for (name, value) in KEEP_OFF {
            // A value that somebody else has set stays theirs.
            if !self.metadata.annotations.contains_key(name) {
                annotations.insert(name.to_owned(), json!(value));
                if !record.kept_off.iter().any(|known| known == name) {
                    record.kept_off.push(name.to_owned());
                }
            }
        }
        annotations.insert(RECORD.to_owned(), json!(record.text()));
        (self.patch(annotations, Some(json!(true))), record)
    }

    /// Lets the scheduler shun it, and notes that, in one request. What a run that is gone on with has done to it stays.
    #[must_use]
    pub fn shunning(&self, fresh: &NodeRecord) -> (Value, NodeRecord) {
        let record = match self.record() {
            Some(known) if known.run == fresh.run => known,
            earlier => NodeRecord {
                cordoned_before: self.cordon() == Cordon::Foreign,
                kept_off: earlier.map(|earlier| earlier.kept_off).unwrap_or_default(),
                phase: NodePhase::Shunned,
                ..fresh.clone()
            },
        };
        let mut annotations = Map::new();
        annotations.insert(RECORD.to_owned(), json!(record.text()));
        let mut patch = self.patch(annotations, None);
        let mut taints = self.taints_of_others();
        taints.push(json!({"key": SHUN_TAINT, "effect": "PreferNoSchedule"}));
        patch["spec"]["taints"] = Value::Array(taints);
        (patch, record)
    }

    /// Whether the node is as [`Self::shunning`] leaves it for this run.
    #[must_use]
    pub fn is_shunned_for(&self, run: &str) -> bool {
        self.is_shunned() && self.record().is_some_and(|record| record.run == run)
    }

    /// Lifts the cordon of a node that was not begun: it is shunned, and no more.
    #[must_use]
    pub fn softening(&self) -> Option<Value> {
        let mut record = self.record()?;
        let mut annotations = self.without_keep_off(&record);
        let lift = self.cordon() == Cordon::Ours;
        record.kept_off.clear();
        record.phase = NodePhase::Shunned;
        annotations.insert(RECORD.to_owned(), json!(record.text()));
        Some(self.patch(annotations, lift.then_some(Value::Null)))
    }

    /// Notes how far it is.
    #[must_use]
    pub fn noting(&self, phase: NodePhase) -> Option<Value> {
        let record = NodeRecord { phase, ..self.record()? };
        let annotations = Map::from_iter([(RECORD.to_owned(), json!(record.text()))]);
        Some(self.patch(annotations, None))
    }

    fn is_shunned(&self) -> bool {
        self.spec.taints.iter().any(|taint| taint["key"] == SHUN_TAINT)
    }

    fn taints_of_others(&self) -> Vec<Value> {
        self.spec.taints.iter().filter(|taint| taint["key"] != SHUN_TAINT).cloned().collect()
    }

    /// Whether the node is as [`Self::cordoning`] leaves it for this run.
    #[must_use]
    pub fn is_cordoned_for(&self, run: &str) -> bool {
        self.spec.unschedulable && self.record().is_some_and(|record| record.run == run)
    }

    /// The run leaves the node: autoscalers may come near it again, and the cordon stays. An entry that has nothing
    /// left to restore goes as well.
    #[must_use]
    pub fn leaving(&self, phase: NodePhase, unfinished: bool) -> Option<Value> {
        let mut record = self.record()?;
        let mut annotations = self.without_keep_off(&record);
        record.kept_off.clear();
        record.phase = phase;
        if unfinished {
            annotations.insert(RECORD.to_owned(), json!(record.text()));
        } else if record.cordoned_before {
            annotations.insert(RECORD.to_owned(), Value::Null);
        } else {
            record.evicted_before = record.asked();
            record.evicted.clear();
            annotations.insert(RECORD.to_owned(), json!(record.text()));
        }
        Some(self.patch(annotations, None))
    }

    /// Takes back all that the tool has done to the node, and nothing else. Says whether the cordon is lifted; none
    /// where the tool has done nothing to it.
    #[must_use]
    pub fn restoring(&self) -> Option<(Value, bool)> {
        let record = self.record()?;
        let mut annotations = self.without_keep_off(&record);
        annotations.insert(RECORD.to_owned(), Value::Null);
        let lift = self.cordon() == Cordon::Ours;
        let mut patch = self.patch(annotations, lift.then_some(Value::Null));
        if self.is_shunned() {
            let others = self.taints_of_others();
            patch["spec"]["taints"] = if others.is_empty() { Value::Null } else { Value::Array(others) };
        }
        Some((patch, lift))
    }

    /// Patches that take the autoscalers' annotations away, where they are still as we set them.
    fn without_keep_off(&self, record: &NodeRecord) -> Map<String, Value> {
        KEEP_OFF
            .iter()
            .filter(|(name, value)| {
                record.kept_off.iter().any(|ours| ours == name)
                    && self.metadata.annotations.get(*name).is_some_and(|found| found == value)
            })
            .map(|(name, _)| ((*name).to_owned(), Value::Null))
            .collect()
    }

    fn patch(&self, annotations: Map<String, Value>, unschedulable: Option<Value>) -> Value {
        let mut patch = json!({
            "metadata": {"resourceVersion": self.metadata.resource_version, "annotations": annotations},
        });
        if let Some(value) = unschedulable {
            patch["spec"] = json!({ "unschedulable": value });
        }
        patch
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a merge patch makes of a node, with the API server's note of who changed the cordon.
    fn patched(node: &Value, patch: &Value, manager: &str) -> Value {
        fn merge(target: &mut Value, patch: &Value) {
            let Some(patch) = patch.as_object() else {
                *target = patch.clone();
                return;
            };
            if !target.is_object() {
                *target = json!({});
            }
            for (key, value) in patch {
                if value.is_null() {
                    target.as_object_mut().unwrap().remove(key);
                } else {
                    merge(&mut target[key], value);
                }
            }
        }
        let mut after = node.clone();
        merge(&mut after, patch);
        if after["spec"]["unschedulable"] != node["spec"]["unschedulable"] {
            after["metadata"]["managedFields"] =
                json!([{"manager": manager, "fieldsV1": {"f:spec": {"f:unschedulable": {}}}}]);
        }
        after
    }

    fn read(node: &Value) -> NodeObject {
        serde_json::from_value(node.clone()).unwrap()
    }

    fn fresh(run: &str) -> NodeRecord {
        NodeRecord { run: run.into(), by: "jane".into(), ..NodeRecord::default() }
    }

    fn node() -> Value {
        json!({"metadata": {"name": "n", "resourceVersion": "1", "annotations": {"other": "x"}}, "spec": {}})
    }

    fn cordoned_by(manager: &str) -> Value {
        patched(&node(), &json!({"spec": {"unschedulable": true}}), manager)
    }

    fn plain(node: &Value) -> (Value, Value) {
        (node["metadata"]["annotations"].clone(), node["spec"].clone())
    }

    #[test]
    fn undo_restores_what_was_there() {
        for before in [node(), cordoned_by("kubectl-cordon"), {
            let mut node = node();
            node["metadata"]["annotations"][KEEP_OFF[0].0] = json!("true");
            node
        }] {
            let (patch, record) = read(&before).cordoning(&fresh("r"));
            assert_eq!(patch["metadata"]["resourceVersion"], "1");
            let during = patched(&before, &patch, FIELD_MANAGER);
            assert!(read(&during).is_cordoned_for("r"));
            assert_eq!(read(&during).record(), Some(record.clone()));
            for (name, value) in KEEP_OFF {
                assert_eq!(during["metadata"]["annotations"][name], value);
            }
            // Cordoning it once more, as a resumed run does, changes nothing.
            let (again, same) = read(&during).cordoning(&fresh("r"));
            assert_eq!(same, record);
            assert_eq!(patched(&during, &again, FIELD_MANAGER), during);
            let (patch, _) = read(&during).restoring().unwrap();
            assert_eq!(plain(&patched(&during, &patch, FIELD_MANAGER)), plain(&before));
        }
        assert!(read(&node()).restoring().is_none());
        assert!(read(&cordoned_by("kubectl-cordon")).restoring().is_none());
    }

    #[test]
    fn a_node_that_was_shunned_is_restored_whatever_came_after() {
        let mut tainted = node();
        tainted["spec"]["taints"] = json!([{"key": "own", "effect": "NoSchedule"}]);
        for before in [node(), tainted, cordoned_by("kubectl-cordon")] {
            let (patch, record) = read(&before).shunning(&fresh("r"));
            let shunned = patched(&before, &patch, FIELD_MANAGER);
            assert!(read(&shunned).is_shunned_for("r"));
            assert_eq!((record.phase, record.run.as_str()), (NodePhase::Shunned, "r"));
            let (patch, _) = read(&shunned).shunning(&fresh("r"));
            assert_eq!(patched(&shunned, &patch, FIELD_MANAGER), shunned);
            let (patch, record) = read(&shunned).cordoning(&fresh("r"));
            assert_eq!(record.phase, NodePhase::Cordoned);
            let cordoned = patched(&shunned, &patch, FIELD_MANAGER);
            let softened = patched(&cordoned, &read(&cordoned).softening().unwrap(), FIELD_MANAGER);
            assert_eq!(plain(&softened), plain(&shunned), "as before the cordon");
            for during in [&shunned, &cordoned, &softened] {
                let (patch, _) = read(during).restoring().unwrap();
                assert_eq!(plain(&patched(during, &patch, FIELD_MANAGER)), plain(&before));
            }
        }
    }

    #[test]
    fn a_cordon_that_somebody_set_anew_is_theirs() {
        let (patch, _) = read(&node()).cordoning(&fresh("r"));
        let ours = patched(&node(), &patch, FIELD_MANAGER);
        assert_eq!(read(&ours).cordon(), Cordon::Ours);
        let lifted = patched(&ours, &json!({"spec": {"unschedulable": null}}), "kubectl-uncordon");
        assert_eq!(read(&lifted).cordon(), Cordon::None);
        let theirs = patched(&lifted, &json!({"spec": {"unschedulable": true}}), "kubectl-cordon");
        assert_eq!(read(&theirs).cordon(), Cordon::Foreign);
        let (patch, lift) = read(&theirs).restoring().unwrap();
        assert!(!lift && patch.get("spec").is_none(), "{patch}");
        // A server that notes nobody leaves it to the journal.
        let mut unnoted = ours;
        unnoted["metadata"].as_object_mut().unwrap().remove("managedFields");
        assert_eq!(read(&unnoted).cordon(), Cordon::Ours);
    }

    #[test]
    fn a_later_run_may_lift_the_cordon_of_an_earlier_one() {
        let (patch, _) = read(&node()).cordoning(&fresh("first"));
        let during = patched(&node(), &patch, FIELD_MANAGER);
        let leave = read(&during).leaving(NodePhase::Drained, false).unwrap();
        let drained = patched(&during, &leave, FIELD_MANAGER);
        assert!(drained["metadata"]["annotations"].get(KEEP_OFF[1].0).is_none());
        assert_eq!(read(&drained).record().unwrap().phase, NodePhase::Drained);
        let (patch, record) = read(&drained).cordoning(&fresh("second"));
        assert_eq!((record.run.as_str(), record.cordoned_before, record.phase), ("second", false, NodePhase::Cordoned));
        let during = patched(&drained, &patch, FIELD_MANAGER);
        let (patch, lift) = read(&during).restoring().unwrap();
        assert!(lift);
        assert_eq!(plain(&patched(&during, &patch, FIELD_MANAGER)), plain(&node()));
    }

    #[test]
    fn a_foreign_cordon_leaves_no_entry_behind() {
        let before = cordoned_by("kubectl-cordon");
        let (patch, record) = read(&before).cordoning(&fresh("r"));
        assert!(record.cordoned_before);
        let during = patched(&before, &patch, FIELD_MANAGER);
        let stopped = patched(&during, &read(&during).leaving(NodePhase::Draining, true).unwrap(), FIELD_MANAGER);
        assert!(read(&stopped).record().is_some_and(|record| record.cordoned_before && record.kept_off.is_empty()));
        let done = patched(&during, &read(&during).leaving(NodePhase::Drained, false).unwrap(), FIELD_MANAGER);
        assert_eq!(plain(&done), plain(&before));
    }
}
