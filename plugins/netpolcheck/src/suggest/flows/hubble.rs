//! Flows as Cilium's Hubble writes them: `hubble observe -o json` or `-o jsonpb`, and its exporter's files.
//!
//! Source: `flow.Flow` of Cilium's API documentation (`api/v1/flow`): `verdict`, `IP`, `l4`, `source`, `destination`,
//! `is_reply`. Older versions write the flow itself, newer ones wrap it in `{"flow": …}`.

use serde_json::Value;

use super::{End, Flow, FlowPorts, Flows, Place, Told, json_lines};
use crate::{
    address::Address,
    ports::{PortSet, Protocol},
};

pub(super) fn read(file: &str, text: &str, flows: &mut Flows) {
    json_lines::each(file, text, flows, |record, place, flows| one(&record, place, flows));
}

fn one(record: &Value, place: Place, flows: &mut Flows) {
    let flow = if record["flow"].is_object() { &record["flow"] } else { record };
    // Between flows stand notes of the service itself.
    if ["lost_events", "node_status", "agent_event", "debug_event"].iter().any(|kind| record[kind].is_object()) {
        return flows.skip("notes of Hubble that are no flows");
    }
    if !flow["source"].is_object() && !flow["destination"].is_object() && !flow["IP"].is_object() {
        return flows.wrong(place, "no flow of Hubble: it has neither source, destination nor IP");
    }
    match flow["verdict"].as_str().unwrap_or("FORWARDED") {
        // What is only audited would be dropped were it enforced, and is used today.
        "FORWARDED" | "AUDIT" | "REDIRECTED" | "TRACED" | "TRANSLATED" => {}
        "DROPPED" => return flows.skip("flows that were dropped"),
        "ERROR" => return flows.skip("flows that failed"),
        _ => return flows.skip("flows of a verdict that is not known here"),
    }
    let l4 = &flow["l4"];
    let Some((protocol, ports)) = [("TCP", Protocol::Tcp), ("UDP", Protocol::Udp), ("SCTP", Protocol::Sctp)]
        .into_iter()
        .find_map(|(name, protocol)| l4[name].is_object().then(|| (protocol, &l4[name])))
    else {
        return flows.skip("flows of other protocols than TCP, UDP and SCTP, of which policies say nothing");
    };
    match reply(flow, ports) {
        Some(true) => return flows.skip("replies, which policies let through with what they answer"),
        Some(false) => {}
        None => return flows.skip("flows that do not say whether they are replies"),
    }
    let Some(port) = ports["destination_port"].as_u64().and_then(|port| u16::try_from(port).ok()).filter(|it| *it > 0)
    else {
        return flows.wrong(place, format!("l4.{protocol}.destination_port is no port: {}", ports["destination_port"]));
    };
    let end = |side: &str| told(&flow[side], &flow["IP"][side]);
    let ports = FlowPorts::Set(PortSet::one(protocol, port));
    flows.add(Flow { from: End::Told(end("source")), to: End::Told(end("destination")), ports, place });
}

/// Whether it goes back. Where Hubble could not tell, the first packet of a TCP connection tells.
fn reply(flow: &Value, ports: &Value) -> Option<bool> {
    if let Some(reply) = flow["is_reply"].as_bool() {
        return Some(reply);
    }
    let flags = &ports["flags"];
    match (flow["reply"].as_bool(), flags["SYN"].as_bool(), flags["ACK"].as_bool()) {
        (Some(true), ..) => Some(true),
        (_, Some(true), Some(true)) => Some(true),
        (_, Some(true), _) => Some(false),
        _ => None,
    }
}

fn told(end: &Value, address: &Value) -> Told {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let labels: Vec<&str> = end["labels"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let workload = end["workloads"].as_array().and_then(|list| list.first());
    let called = labels.iter().find(|label| label.starts_with("reserved:"));
    Told {
        namespace: text(&end["namespace"]),
        pod: text(&end["pod_name"]),
        workload: workload.map(|it| (text(&it["kind"]), text(&it["name"]))).filter(|(_, name)| !name.is_empty()),
        labels: labels.iter().filter_map(|label| own_label(label)).collect(),
        address: address.as_str().and_then(Address::parse),
        called: called.map_or_else(|| text(address), |label| (*label).to_owned()),
    }
}

/// A label of the pod itself: those that Cilium adds say where it is.
fn own_label(label: &str) -> Option<(String, String)> {
    let (key, value) = label.strip_prefix("k8s:")?.split_once('=')?;
    let added = key.starts_with("io.kubernetes.pod.") || key.starts_with("io.cilium.");
    (!added).then(|| (key.to_owned(), value.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_hubble_writes_is_read() {
        // Made after the documentation of `flow.Flow`.
        let text = r#"
{"flow":{"time":"2026-11-24T10:00:00Z","verdict":"FORWARDED","IP":{"source":"10.0.0.5","destination":"10.0.0.9","ipVersion":"IPv4"},"l4":{"TCP":{"source_port":40000,"destination_port":8080,"flags":{"SYN":true}}},"source":{"ID":1,"identity":7,"namespace":"shop","labels":["k8s:app=web","k8s:io.kubernetes.pod.namespace=shop"],"pod_name":"web-6d4c-a","workloads":[{"name":"web","kind":"Deployment"}]},"destination":{"namespace":"shop","labels":["k8s:app=api"],"pod_name":"api-6d4c-b"},"Type":"L3_L4","traffic_direction":"EGRESS","is_reply":false},"node_name":"n1"}
{"verdict":"FORWARDED","IP":{"source":"10.0.0.9","destination":"203.0.113.7"},"l4":{"UDP":{"source_port":1,"destination_port":443}},"source":{"namespace":"shop","pod_name":"api-6d4c-b"},"destination":{"labels":["reserved:world"]},"is_reply":false}
{"flow":{"verdict":"FORWARDED","l4":{"TCP":{"destination_port":40000,"flags":{"ACK":true}}},"source":{},"destination":{},"is_reply":true}}
{"flow":{"verdict":"DROPPED","l4":{"TCP":{"destination_port":1}},"source":{},"destination":{}}}
{"flow":{"verdict":"FORWARDED","l4":{"ICMPv4":{"type":8}},"source":{},"destination":{}}}
{"flow":{"verdict":"FORWARDED","l4":{"TCP":{"destination_port":99999}},"source":{},"destination":{},"is_reply":false}}
{"flow":{"verdict":"FORWARDED"
{"lost_events":{"num_events_lost":"3"}}
{"something":"else"}
"#;
        let mut flows = Flows::default();
        read("h", text, &mut flows);
        let shown: Vec<String> =
            flows.flows.iter().map(|flow| format!("{} > {} {}", flow.from, flow.to, flow.ports)).collect();
        assert_eq!(shown, ["shop/web-6d4c-a > shop/api-6d4c-b TCP 8080", "shop/api-6d4c-b > 203.0.113.7 UDP 443"]);
        let End::Told(web) = &flows.flows[0].from else { panic!("a pod") };
        assert_eq!(web.labels, [("app".to_owned(), "web".to_owned())]);
        assert_eq!(flows.skipped.values().sum::<usize>(), 4, "{:?}", flows.skipped);
        let lines: Vec<usize> = flows.bad.iter().map(|bad| bad.place.line).collect();
        assert_eq!(lines, [7, 8, 10], "{:?}", flows.bad);
    }
}
