//! Calico's flow logs (`/var/log/calico/flowlogs`, Elasticsearch) and what Whisker gives out.
//!
//! Sources: "Flow log data types" of the documentation of Calico Enterprise and Cloud; `FlowResponse` of Whisker's API
//! (`whisker-backend/pkg/apis/v1`), whose names differ in `protocol` and in labels as text.

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
    // Elasticsearch wraps what it stores.
    let record = if record["_source"].is_object() { &record["_source"] } else { record };
    if record["source_namespace"].is_null() && record["dest_namespace"].is_null() {
        return flows.wrong(place, "no flow of Calico: it has neither source_namespace nor dest_namespace");
    }
    match record["action"].as_str().unwrap_or_default().to_ascii_lowercase().as_str() {
        "allow" => {}
        "deny" => return flows.skip("flows that were denied"),
        other => return flows.wrong(place, format!("action {other:?}: expected allow or deny")),
    }
    let protocol = &record[if record["proto"].is_null() { "protocol" } else { "proto" }];
    let name = protocol.as_str().map_or_else(|| protocol.to_string(), str::to_owned);
    let protocol = match name.to_ascii_lowercase().as_str() {
        "tcp" | "6" => Protocol::Tcp,
        "udp" | "17" => Protocol::Udp,
        "sctp" | "132" => Protocol::Sctp,
        "null" | "" => return flows.wrong(place, "proto is missing"),
        _ => return flows.skip("flows of other protocols than TCP, UDP and SCTP, of which policies say nothing"),
    };
    let port = &record["dest_port"];
    let number = port.as_u64().or_else(|| port.as_str()?.parse().ok());
    let Some(port) = number.and_then(|port| u16::try_from(port).ok()).filter(|it| *it > 0) else {
        return flows.wrong(place, format!("dest_port is no port: {port}"));
    };
    let ports = FlowPorts::Set(PortSet::one(protocol, port));
    let (from, to) = (End::Told(told(record, "source")), End::Told(told(record, "dest")));
    flows.add(Flow { from, to, ports, place });
}

fn told(record: &Value, side: &str) -> Told {
    let text = |field: &str| {
        let value = record[format!("{side}_{field}")].as_str().unwrap_or_default();
        // A dash stands for nothing.
        if value == "-" { String::new() } else { value.to_owned() }
    };
    let labels = &record[format!("{side}_labels")];
    let listed: Vec<String> = match labels {
        Value::String(text) => text.split(['|', ',']).map(|label| label.trim().to_owned()).collect(),
        _ => labels["labels"]
            .as_array()
            .or(labels.as_array())
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .map(str::to_owned)
            .collect(),
    };
    let (name, aggregated) = (text("name"), text("name_aggr"));
    let namespace = text("namespace");
    Told {
        pod: if namespace.is_empty() {
            String::new()
        } else if name.is_empty() {
            aggregated.clone()
        } else {
            name.clone()
        },
        called: if name.is_empty() { aggregated } else { name },
        workload: None,
        labels: listed.iter().filter_map(|it| it.split_once('=')).map(|(k, v)| (k.to_owned(), v.to_owned())).collect(),
        address: Address::parse(&text("ip")),
        namespace,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_calico_writes_is_read() {
        // Made after "Flow log data types", and after Whisker's `FlowResponse`.
        let text = r#"
{"start_time":1,"end_time":2,"source_ip":null,"source_name":"-","source_name_aggr":"web-6d4c-*","source_namespace":"shop","source_type":"wep","source_labels":{"labels":["app=web","pod-template-hash=6d4c"]},"dest_ip":"10.0.0.9","dest_name":"api-6d4c-b","dest_name_aggr":"api-6d4c-*","dest_namespace":"shop","dest_port":8080,"dest_type":"wep","proto":"tcp","action":"allow","reporter":"src"}
{"start_time":"2026-11-24T10:00:00Z","action":"Allow","source_name":"api-6d4c-*","source_namespace":"shop","source_labels":"app=api | tier=back","dest_name":"pub","dest_namespace":"-","dest_ip":"203.0.113.7","protocol":"udp","dest_port":443,"reporter":"Src"}
{"source_namespace":"shop","dest_namespace":"-","action":"deny","proto":"tcp","dest_port":1}
{"source_namespace":"shop","dest_namespace":"-","action":"allow","proto":"icmp","dest_port":null}
{"source_namespace":"shop","dest_namespace":"-","action":"allow","proto":"tcp","dest_port":null}
{"source_namespace":"shop","dest_namespace":"-","proto":"tcp","dest_port":1}
{"a":1}
"#;
        let mut flows = Flows::default();
        read("c", text, &mut flows);
        let shown: Vec<String> =
            flows.flows.iter().map(|flow| format!("{} > {} {}", flow.from, flow.to, flow.ports)).collect();
        assert_eq!(shown, ["shop/web-6d4c-* > shop/api-6d4c-b TCP 8080", "shop/api-6d4c-* > 203.0.113.7 UDP 443"]);
        let End::Told(api) = &flows.flows[1].from else { panic!("a pod") };
        assert_eq!(api.labels.len(), 2);
        assert_eq!((flows.skipped.len(), flows.bad.len()), (2, 3), "{:?} {:?}", flows.skipped, flows.bad);
    }
}
