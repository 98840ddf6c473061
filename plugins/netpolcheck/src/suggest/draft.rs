//! The policies themselves: default-deny for each chosen namespace, and one for all workloads that need the same.

use std::collections::{BTreeMap, BTreeSet};

use patchkit::{
    report::ObjectRef,
    rules::{LabelSelector, Operator},
};
use serde_json::{Value, json};

use super::{
    rules::{RuleMaker, selector_json},
    wish::{Allowed, Wishes},
};
use crate::{
    engine::Analysis,
    policy::Direction,
    world::{OwnerId, namespace_of},
};

/// The label by which these policies are known, and its value.
pub const MANAGED_BY: (&str, &str) = ("app.kubernetes.io/managed-by", "kubectl-netpolcheck");
/// How their names begin.
const PREFIX: &str = "netpolcheck";

/// A policy that is suggested.
#[derive(Clone, Debug, PartialEq)]
pub struct Suggested {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// The workloads that it is for; none where it is for all pods of the namespace.
    pub owners: Vec<OwnerId>,
    /// The object.
    pub object: Value,
}

impl Suggested {
    /// The object by name.
    #[must_use]
    pub fn object_ref(&self) -> ObjectRef {
        ObjectRef {
            api_version: "networking.k8s.io/v1".to_owned(),
            kind: "NetworkPolicy".to_owned(),
            namespace: Some(self.namespace.clone()),
            name: self.name.clone(),
            container: None,
        }
    }
}

/// A selector that selects more than it should.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inexact {
    /// The workload that it is for.
    pub owner: OwnerId,
    /// Those that no label tells apart from it.
    pub also: Vec<OwnerId>,
}

/// What is suggested.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Draft {
    /// The policies, those that deny everything else last: whoever applies them one by one breaks nothing on the way.
    pub policies: Vec<Suggested>,
    /// Selectors that select more than they should.
    pub inexact: Vec<Inexact>,
}

/// Makes the policies for these namespaces.
#[must_use]
pub fn draft(analysis: &Analysis<'_>, wishes: &Wishes, namespaces: &[String]) -> Draft {
    let mut maker = RuleMaker::new(analysis);
    let mut draft = Draft::default();
    for namespace in namespaces {
        let mut names = Names::of(analysis, namespace);
        // Workloads with the same rules share a policy.
        let mut alike: BTreeMap<String, (Vec<OwnerId>, Value)> = BTreeMap::new();
        let owners: BTreeSet<OwnerId> = wishes
            .of_owner
            .keys()
            .map(|(owner, _)| *owner)
            .filter(|it| analysis.world.owner(*it).namespace == *namespace)
            .collect();
        for owner in owners {
            let of = |direction| wishes.of_owner.get(&(owner, direction));
            let spec = spec(&mut maker, namespace, of(Direction::Ingress), of(Direction::Egress), false);
            if spec["policyTypes"].as_array().is_some_and(|types| !types.is_empty()) {
                alike.entry(spec.to_string()).or_insert_with(|| (Vec::new(), spec)).0.push(owner);
            }
        }
        let mut of_namespace = Vec::new();
        for (owners, spec) in alike.into_values() {
            // Workloads that no single label tells apart need a selector, and so a policy, each.
            for (selector, owners) in shared(&mut maker, &owners) {
                let mut spec = spec.clone();
                spec["podSelector"] = selector_json(&selector);
                let name = names.for_owners(analysis, &owners);
                of_namespace.push(policy(namespace, name, owners, spec));
            }
        }
        of_namespace.sort_by(|a, b| a.name.cmp(&b.name));
        draft.policies.extend(of_namespace);
        let of = |direction| wishes.of_namespace.get(&(namespace.clone(), direction));
        let spec = spec(&mut maker, namespace, of(Direction::Ingress), of(Direction::Egress), true);
        let name = names.free(&format!("{PREFIX}-default-deny"));
        draft.policies.push(policy(namespace, name, Vec::new(), spec));
    }
    draft.policies.sort_by_key(|policy| policy.owners.is_empty());
    let inexact = maker.selections().filter(|(_, selection)| !selection.also.is_empty());
    draft.inexact = inexact.map(|(owner, selection)| Inexact { owner, also: selection.also.clone() }).collect();
    draft
}

/// The selectors for workloads that need the same, each with its workloads.
fn shared(maker: &mut RuleMaker<'_>, owners: &[OwnerId]) -> Vec<(LabelSelector, Vec<OwnerId>)> {
    let mut rest: BTreeSet<OwnerId> = owners.iter().copied().collect();
    let mut found = Vec::new();
    for selector in maker.merged(owners) {
        let own: Vec<OwnerId> =
            owners.iter().copied().filter(|owner| rest.contains(owner) && covers(maker, &selector, *owner)).collect();
        own.iter().for_each(|owner| {
            rest.remove(owner);
        });
        if !own.is_empty() {
            found.push((selector, own));
        }
    }
    found
}

/// Whether a merged selector stands for that of a workload: it is the same, or lists its one label's value.
fn covers(maker: &mut RuleMaker<'_>, merged: &LabelSelector, owner: OwnerId) -> bool {
    let own = &maker.selection(owner).selector;
    if own == merged {
        return true;
    }
    let mut labels = own.match_labels.iter();
    match (labels.next(), labels.next(), merged.match_expressions.as_slice()) {
        (Some((key, value)), None, [listed]) if own.match_expressions.is_empty() && merged.match_labels.is_empty() => {
            listed.operator == Operator::In && listed.key == key && listed.values.iter().any(|it| it == value)
        }
        _ => false,
    }
}

/// A specification; `deny` isolates in both directions whatever is allowed.
fn spec(
    maker: &mut RuleMaker<'_>,
    namespace: &str,
    ingress: Option<&Allowed>,
    egress: Option<&Allowed>,
    deny: bool,
) -> Value {
    let mut spec = json!({"podSelector": {}});
    let mut types = Vec::new();
    for (allowed, direction, name, kind) in
        [(ingress, Direction::Ingress, "ingress", "Ingress"), (egress, Direction::Egress, "egress", "Egress")]
    {
        let rules = allowed.map(|allowed| maker.rules(allowed, direction, namespace)).unwrap_or_default();
        if deny || !rules.is_empty() {
            types.push(kind);
        }
        if !rules.is_empty() {
            spec[name] = rules.into();
        }
    }
    spec["policyTypes"] = json!(types);
    spec
}

fn policy(namespace: &str, name: String, owners: Vec<OwnerId>, spec: Value) -> Suggested {
    let object = json!({
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": name, "namespace": namespace, "labels": {MANAGED_BY.0: MANAGED_BY.1}},
        "spec": spec,
    });
    Suggested { namespace: namespace.to_owned(), name, owners, object }
}

/// Names that are not taken by policies that somebody else has written.
struct Names(BTreeSet<String>);

impl Names {
    fn of(analysis: &Analysis<'_>, namespace: &str) -> Self {
        let policies = analysis.snapshot.network_policies.iter();
        let foreign = policies.filter(|policy| namespace_of(&policy.meta) == namespace);
        let foreign = foreign.filter(|policy| policy.meta.labels.get(MANAGED_BY.0) != Some(MANAGED_BY.1));
        Self(foreign.map(|policy| policy.meta.name.to_string()).collect())
    }

    fn for_owners(&mut self, analysis: &Analysis<'_>, owners: &[OwnerId]) -> String {
        const LONGEST: usize = 200;
        let first = owners.first().map_or("", |owner| analysis.world.owner(*owner).name.as_str());
        let valid = |mark: char| mark.is_ascii_lowercase() || mark.is_ascii_digit() || matches!(mark, '-' | '.');
        let first: String =
            first.to_lowercase().chars().map(|mark| if valid(mark) { mark } else { '-' }).take(LONGEST).collect();
        let first = first.trim_matches(['-', '.']);
        let more = if owners.len() > 1 { format!("-and-{}", owners.len() - 1) } else { String::new() };
        self.free(&format!("{PREFIX}-{first}{more}"))
    }

    fn free(&mut self, name: &str) -> String {
        let mut free = name.to_owned();
        let mut next = 2;
        while !self.0.insert(free.clone()) {
            free = format!("{name}-{next}");
            next += 1;
        }
        free
    }
}
