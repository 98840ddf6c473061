//! A suggestion laid out for people.

use std::collections::BTreeMap;

use patchkit::report::{Block, Cell, Column, Document, Finding, Table, Tone, words::count};
use serde_json::Value;

use super::{Proof, Suggestion, Wanted, need::owner_name};
use crate::{engine::Analysis, names::PeerRef};

/// How many lines of a list are shown.
const MOST_LINES: usize = 40;

/// Lays a suggestion out.
#[must_use]
pub fn document(
    analysis: &Analysis<'_>,
    wanted: &Wanted,
    made: &Suggestion,
    proof: &Proof,
    namespaces: &[String],
    hosts: &[PeerRef],
    findings: &[Finding],
) -> Document {
    let mut document = Document::default();
    let policies = &made.draft.policies;
    let what = match wanted {
        Wanted::DefaultDeny => "nothing but DNS".to_owned(),
        Wanted::Flows(flows) => count(flows.flows.len(), "flow"),
        Wanted::Today => "today's connectivity".to_owned(),
    };
    let policies_word = if policies.len() == 1 { "policy" } else { "policies" };
    document.heading(1, format!("{} {policies_word} for {}: {what}", policies.len(), namespaces.join(", ")));
    if let Wanted::Flows(flows) = wanted {
        flows_read(&mut document, flows, made);
    }
    document.push(Block::Table(table(analysis, made)));
    proved(&mut document, made, proof);
    beyond(&mut document, proof);
    let mut notes = Vec::new();
    for inexact in &made.draft.inexact {
        let also: Vec<String> = inexact.also.iter().map(|owner| owner_name(analysis, *owner).display()).collect();
        let name = owner_name(analysis, inexact.owner).display();
        let also = patchkit::report::words::summary(&also);
        notes.push(Cell::new(
            format!("No label that lasts tells {name} apart from {also}: both are selected."),
            Tone::Notice,
        ));
    }
    for finding in findings.iter().filter(|it| ["no-dns", "dns-out-of-reach"].contains(&it.id.as_str())) {
        let whom = finding.object.as_ref().map(|it| format!("{} ", it.display())).unwrap_or_default();
        let hint = finding.hint.as_deref().map(|hint| format!(": {hint}")).unwrap_or_default();
        notes.push(Cell::new(format!("{whom}{}{hint}.", finding.title), Tone::Notice));
    }
    if !hosts.is_empty() {
        let names: Vec<String> = hosts.iter().map(PeerRef::display).collect();
        let names = patchkit::report::words::summary(&names);
        notes.push(Cell::from(format!("In the network of their nodes, where no NetworkPolicy holds: {names}.")));
    }
    if !notes.is_empty() {
        document.push(Block::List(notes));
    }
    document
}

fn flows_read(document: &mut Document, flows: &super::flows::Flows, made: &Suggestion) {
    let mut lines = Vec::new();
    for (why, many) in &flows.skipped {
        lines.push(Cell::from(format!("{many} left out: {why}")));
    }
    if made.elsewhere > 0 {
        lines.push(Cell::from(format!("{} left out: they touch none of these namespaces", made.elsewhere)));
    }
    let unmatched = made.unmatched.iter().map(|it| format!("{}: {}: {}", it.place, it.flow, it.why));
    let bad = flows.bad.iter().map(|it| format!("{}: {}", it.place, it.why));
    let wrong: Vec<String> = bad.chain(unmatched).collect();
    for line in wrong.iter().take(MOST_LINES) {
        lines.push(Cell::new(line.clone(), Tone::Notice));
    }
    if wrong.len() > MOST_LINES {
        lines.push(Cell::new(format!("and {} more; -o json lists all", wrong.len() - MOST_LINES), Tone::Notice));
    }
    if !lines.is_empty() {
        document.push(Block::List(lines));
    }
}

fn table(analysis: &Analysis<'_>, made: &Suggestion) -> Table {
    let mut table = Table::new([
        Column::new("POLICY").wraps(),
        Column::new("FOR").wraps(),
        Column::new("LETS IN").wraps(),
        Column::new("LETS OUT").wraps(),
    ]);
    for policy in &made.draft.policies {
        let names: Vec<String> = policy.owners.iter().map(|owner| analysis.world.owner(*owner).name.clone()).collect();
        let whom = if names.is_empty() { "all pods".to_owned() } else { patchkit::report::words::summary(&names) };
        let types = &policy.object["spec"]["policyTypes"];
        let has = |kind: &str| types.as_array().is_some_and(|types| types.iter().any(|it| it == kind));
        let said = |kind: &str, field: &str, side: &str| match (has(kind), &policy.object["spec"][field]) {
            (false, _) => "-".to_owned(),
            (true, Value::Array(rules)) => rules.iter().map(|rule| words(rule, side)).collect::<Vec<_>>().join("; "),
            (true, _) => "nothing".to_owned(),
        };
        table.push([
            Cell::new(format!("{}/{}", policy.namespace, policy.name), Tone::Strong),
            Cell::from(whom),
            Cell::from(said("Ingress", "ingress", "from")),
            Cell::from(said("Egress", "egress", "to")),
        ]);
    }
    table
}

/// A rule in words: `TCP 5432 data: app=db`
fn words(rule: &Value, side: &str) -> String {
    let ports: Vec<String> = rule["ports"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|port| {
            let protocol = port["protocol"].as_str().unwrap_or("TCP");
            match (port["port"].as_u64(), port["endPort"].as_u64()) {
                (Some(first), Some(last)) => format!("{protocol} {first}-{last}"),
                (Some(port), None) => format!("{protocol} {port}"),
                _ => protocol.to_owned(),
            }
        })
        .collect();
    let ports = if ports.is_empty() { "all ports".to_owned() } else { ports.join(", ") };
    let peers: Vec<String> = match rule[side].as_array() {
        None => vec!["everyone".to_owned()],
        Some(peers) => peers.iter().map(peer).collect(),
    };
    format!("{} {} {ports}", peers.join(", "), if side == "from" { "on" } else { "at" })
}

fn peer(peer: &Value) -> String {
    if let Some(cidr) = peer["ipBlock"]["cidr"].as_str() {
        let except: Vec<&str> =
            peer["ipBlock"]["except"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        return if except.is_empty() { cidr.to_owned() } else { format!("{cidr} but {}", except.join(", ")) };
    }
    let pods = selector(&peer["podSelector"]);
    match (&peer["namespaceSelector"], peer["namespaceSelector"]["matchLabels"]["kubernetes.io/metadata.name"].as_str())
    {
        (Value::Null, _) => pods.unwrap_or_else(|| "all pods of the namespace".to_owned()),
        (_, Some(name)) => pods.map_or_else(|| format!("{name}/"), |pods| format!("{name}/ {pods}")),
        _ => "all pods".to_owned(),
    }
}

fn selector(selector: &Value) -> Option<String> {
    let labels = selector["matchLabels"].as_object().into_iter().flatten();
    let mut parts: Vec<String> =
        labels.map(|(key, value)| format!("{key}={}", value.as_str().unwrap_or_default())).collect();
    for requirement in selector["matchExpressions"].as_array().into_iter().flatten() {
        let key = requirement["key"].as_str().unwrap_or_default();
        let values: Vec<&str> =
            requirement["values"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        parts.push(match requirement["operator"].as_str() {
            Some("DoesNotExist") => format!("without {key}"),
            _ => format!("{key} in ({})", values.join(", ")),
        });
    }
    (!parts.is_empty()).then(|| parts.join(" "))
}

fn proved(document: &mut Document, made: &Suggestion, proof: &Proof) {
    document.heading(2, "Proof");
    if proof.holds {
        let (needs, checked) = (count(made.needs.len(), "need"), count(proof.checked, "pair"));
        document.paragraph([Cell::new(
            format!("Everything that is needed is allowed: {needs} over {checked} of peers, analysed again."),
            Tone::Good,
        )]);
        return;
    }
    document.paragraph([Cell::new(format!("{} needed and not allowed:", proof.missing.len()), Tone::Bad)]);
    let mut table = Table::new([
        Column::new("FROM").wraps(),
        Column::new("TO").wraps(),
        Column::new("PORTS").wraps(),
        Column::new("WHY").wraps(),
    ]);
    for missing in proof.missing.iter().take(MOST_LINES) {
        table.push([
            Cell::from(missing.from.display()),
            Cell::from(missing.to.display()),
            Cell::from(missing.ports.to_string()),
            Cell::new(missing.why.join("; "), Tone::Bad),
        ]);
    }
    document.push(Block::Table(table));
    if proof.missing.len() > MOST_LINES {
        document.text(format!("and {} more; -o json lists all", proof.missing.len() - MOST_LINES));
    }
}

fn beyond(document: &mut Document, proof: &Proof) {
    document.heading(2, "Allowed beyond");
    if proof.beyond.is_empty() {
        document.text("Nothing, but for what runs on a pod's own node.");
        return;
    }
    let mut rows: BTreeMap<(String, String, String), Vec<String>> = BTreeMap::new();
    for beyond in &proof.beyond {
        let ports = format!("{}{}", if beyond.depends { "perhaps " } else { "" }, beyond.ports);
        let key = (beyond.from.display(), ports, beyond.by.join("; "));
        rows.entry(key).or_default().push(beyond.to.display());
    }
    let mut table = Table::new([
        Column::new("FROM").wraps(),
        Column::new("TO").wraps(),
        Column::new("PORTS").wraps(),
        Column::new("BY").wraps(),
    ]);
    let more = rows.len().saturating_sub(MOST_LINES);
    for ((from, ports, by), to) in rows.into_iter().take(MOST_LINES) {
        table.push([
            Cell::from(from),
            Cell::from(patchkit::report::words::summary(&to)),
            Cell::new(ports, Tone::Notice),
            Cell::from(by),
        ]);
    }
    document.push(Block::Table(table));
    if more > 0 {
        document.text(format!("and {more} more; -o json lists all"));
    }
}
