//! The objects of a generated cluster.

mod cluster_wide;
mod node;
mod pod;
mod workload;

use patchkit::snapshot::{Kind, kinds};
use serde_json::{Value, json};

use crate::{
    shape::{Shape, mix},
    text::{Form, Template, write},
};

/// How an answer is asked for.
#[derive(Clone, Copy, Debug)]
pub struct Wanted {
    /// How it is written.
    pub form: Form,
    /// Only the metadata (`PartialObjectMetadata`).
    pub metadata_only: bool,
}

/// How many objects of a kind there are.
#[must_use]
pub fn count(shape: &Shape, kind: &Kind) -> u64 {
    match *kind {
        kinds::PODS => shape.pods,
        kinds::NODES | kinds::CSI_NODES => shape.nodes,
        kinds::NAMESPACES => shape.namespaces() + 1,
        kinds::CONFIG_MAPS | kinds::SERVICE_ACCOUNTS | kinds::NETWORK_POLICIES => shape.namespaces() * 2,
        kinds::RESOURCE_QUOTAS | kinds::ROLES => shape.namespaces(),
        kinds::REPLICA_SETS => 3 * shape.groups().deployments.len() as u64,
        kinds::DEPLOYMENTS => shape.groups().deployments.len() as u64,
        kinds::STATEFUL_SETS => shape.groups().stateful_sets.len() as u64,
        kinds::DAEMON_SETS => shape.groups().daemon_sets.len() as u64,
        kinds::JOBS => shape.groups().jobs.len() as u64,
        kinds::SERVICES | kinds::ENDPOINT_SLICES => shape.groups().served.len() as u64,
        kinds::POD_DISRUPTION_BUDGETS => shape.groups().budgeted.len() as u64,
        kinds::PERSISTENT_VOLUMES | kinds::PERSISTENT_VOLUME_CLAIMS | kinds::VOLUME_ATTACHMENTS => shape.claims(),
        kinds::CLUSTER_ROLES => 70,
        kinds::CUSTOM_RESOURCE_DEFINITIONS => 40,
        kinds::API_SERVICES => 30,
        kinds::VALIDATING_WEBHOOKS | kinds::MUTATING_WEBHOOKS => 3,
        kinds::STORAGE_CLASSES => 2,
        kinds::CSI_DRIVERS => 1,
        _ => 0,
    }
}

/// Writes objects of a kind by number, each given to `each`.
pub fn write_range(
    shape: &Shape,
    kind: &Kind,
    range: std::ops::Range<u64>,
    wanted: Wanted,
    mut each: impl FnMut(&str),
) {
    let mut text = String::new();
    if *kind == kinds::PODS && !wanted.metadata_only {
        let mut template: Option<(u64, Template)> = None;
        for pod in range {
            let number = shape.owner_of(pod);
            let owner = shape.owner(number);
            if template.as_ref().is_none_or(|(known, _)| *known != number) {
                let value = finish(pod::template(shape, &owner), kind, wanted);
                template = Some((number, Template::new(&value, wanted.form)));
            }
            if let Some((_, template)) = &template {
                text.clear();
                template.fill(&pod::fills(shape, &owner, pod), &mut text);
                each(&text);
            }
        }
        return;
    }
    for number in range {
        let Some(value) = object(shape, kind, number) else { continue };
        text.clear();
        write(&finish(value, kind, wanted), wanted.form, &mut text);
        each(&text);
    }
}

fn object(shape: &Shape, kind: &Kind, number: u64) -> Option<Value> {
    let of = |numbers: &[u64]| numbers.get(number as usize).map(|number| shape.owner(*number));
    let groups = shape.groups();
    Some(match *kind {
        kinds::PODS => {
            // Only for the metadata, where the text of a template is of no use.
            let owner = shape.owner(shape.owner_of(number));
            let mut text = String::new();
            Template::new(&pod::template(shape, &owner), Form::Wire)
                .fill(&pod::fills(shape, &owner, number), &mut text);
            serde_json::from_str(&text).ok()?
        }
        kinds::NODES => node::node(shape, number),
        kinds::CSI_NODES => node::csi_node(number),
        kinds::DEPLOYMENTS => workload::deployment(shape, &of(&groups.deployments)?),
        kinds::STATEFUL_SETS => workload::stateful_set(shape, &of(&groups.stateful_sets)?),
        kinds::DAEMON_SETS => workload::daemon_set(shape, &of(&groups.daemon_sets)?),
        kinds::JOBS => workload::job(&of(&groups.jobs)?),
        kinds::REPLICA_SETS => {
            let owner = shape.owner(*groups.deployments.get((number / 3) as usize)?);
            workload::replica_set(shape, &owner, number % 3)
        }
        kinds::SERVICES => workload::service(shape, &of(&groups.served)?),
        kinds::ENDPOINT_SLICES => workload::endpoint_slice(shape, &of(&groups.served)?),
        kinds::POD_DISRUPTION_BUDGETS => workload::budget(&of(&groups.budgeted)?),
        kinds::PERSISTENT_VOLUMES => shape.claimant(number).map(|(owner, pod)| workload::volume(&owner, pod))?,
        kinds::PERSISTENT_VOLUME_CLAIMS => shape.claimant(number).map(|(owner, pod)| workload::claim(&owner, pod))?,
        kinds::VOLUME_ATTACHMENTS => shape.claimant(number).map(|(_, pod)| workload::attachment(shape, pod))?,
        _ => cluster_wide::object(kind, number)?,
    })
}

/// Adds what depends on who asks: kubectl writes the kind into each item and leaves out the managed fields, an API
/// server does the opposite.
fn finish(mut value: Value, kind: &Kind, wanted: Wanted) -> Value {
    if wanted.form == Form::Wire {
        let managed = managed_fields(&value, kind);
        value["metadata"]["managedFields"] = managed;
    } else {
        value["apiVersion"] = kind.api_version().into();
        value["kind"] = kind.kind.into();
    }
    if wanted.metadata_only {
        value = json!({"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": value["metadata"]});
    }
    value
}

fn managed_fields(value: &Value, kind: &Kind) -> Value {
    let entry = |manager: &str, fields: Value, subresource: Option<&str>| {
        let mut entry = json!({"manager": manager, "operation": "Update", "apiVersion": kind.api_version(),
            "time": "2026-08-01T10:00:00Z", "fieldsType": "FieldsV1", "fieldsV1": fields});
        if let Some(subresource) = subresource {
            entry["subresource"] = subresource.into();
        }
        entry
    };
    let (writer, reporter) = match kind.kind {
        "Pod" | "Node" => ("kube-controller-manager", "kubelet"),
        _ => ("kubectl-client-side-apply", "kube-controller-manager"),
    };
    let mut entries = vec![entry(
        writer,
        json!({"f:metadata": field_set(&json!({"labels": value["metadata"]["labels"],
            "annotations": value["metadata"]["annotations"], "ownerReferences": value["metadata"]["ownerReferences"]})),
            "f:spec": field_set(&value["spec"])}),
        None,
    )];
    if value["status"].is_object() {
        entries.push(entry(reporter, json!({"f:status": field_set(&value["status"])}), Some("status")));
    }
    entries.into()
}

/// The fields of a value as server-side apply names them.
fn field_set(value: &Value) -> Value {
    match value {
        Value::Object(fields) => fields
            .iter()
            .filter(|(_, value)| !value.is_null())
            .map(|(key, value)| (format!("f:{key}"), field_set(value)))
            .collect::<serde_json::Map<_, _>>()
            .into(),
        Value::Array(items) => items
            .iter()
            .filter_map(|item| {
                let name = ["name", "type", "uid", "mountPath", "ip"]
                    .iter()
                    .find_map(|key| Some(json!({*key: item.get(key)?})))?;
                let mut fields = field_set(item);
                fields["."] = json!({});
                Some((format!("k:{name}"), fields))
            })
            .collect::<serde_json::Map<_, _>>()
            .into(),
        _ => json!({}),
    }
}

/// A UID made from numbers.
pub(crate) fn uid(parts: &[u64]) -> String {
    let (a, b) = (mix(11, parts), mix(12, parts));
    format!(
        "{:08x}-{:04x}-4{:03x}-a{:03x}-{:012x}",
        a >> 32,
        a >> 16 & 0xFFFF,
        a & 0xFFF,
        b >> 52,
        b & 0xFFFF_FFFF_FFFF
    )
}

/// A short suffix as generated names have it.
pub(crate) fn suffix(length: usize, parts: &[u64]) -> String {
    const LETTERS: &[u8] = b"bcdfghjklmnpqrstvwxz2456789";
    let mut chance = mix(13, parts);
    (0..length)
        .map(|_| {
            let letter = LETTERS[(chance % LETTERS.len() as u64) as usize];
            chance /= LETTERS.len() as u64;
            char::from(letter)
        })
        .collect()
}

/// Some second of this year's first half.
pub(crate) fn time(parts: &[u64]) -> String {
    let chance = mix(14, parts);
    format!(
        "2026-{:02}-{:02}T{:02}:{:02}:{:02}Z",
        1 + chance % 6,
        1 + chance / 6 % 28,
        chance / 168 % 24,
        chance / 4032 % 60,
        chance / 241_920 % 60
    )
}
