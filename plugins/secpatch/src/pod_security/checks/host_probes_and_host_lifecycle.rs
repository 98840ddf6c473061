//! Probes and lifecycle handlers may name no host: the kubelet would ask whomever the pod wants, from the node.

use std::collections::BTreeSet;

use patchkit::rules::{
    Container,
    pod::{HttpGetAction, TcpSocketAction},
};

use super::super::{
    check::{Check, Revision, Subject},
    level::Level,
    words::{named, quoted},
};

pub(in super::super) const CHECK: Check = Check {
    id: "hostProbesAndHostLifecycle",
    level: Level::Baseline,
    revisions: &[Revision::new(34, judge)],
    replaces: None,
};

/// Each handler of a container that names a host: the path of the handler below the container, and the host.
pub(in super::super) fn hosts<'c>(container: &'c Container) -> Vec<(Vec<&'static str>, &'c str)> {
    let mut found = Vec::new();
    let mut look = |path: &[&'static str], http: Option<&'c HttpGetAction>, tcp: Option<&'c TcpSocketAction>| {
        let http = ("httpGet", http.and_then(|action| action.host.as_deref()));
        let tcp = ("tcpSocket", tcp.and_then(|action| action.host.as_deref()));
        for (action, host) in [http, tcp] {
            if let Some(host) = host.filter(|host| !host.is_empty()) {
                found.push(([path, &[action]].concat(), host));
            }
        }
    };
    for (field, probe) in [
        ("livenessProbe", &container.liveness_probe),
        ("readinessProbe", &container.readiness_probe),
        ("startupProbe", &container.startup_probe),
    ] {
        if let Some(probe) = probe {
            look(&[field], probe.http_get.as_ref(), probe.tcp_socket.as_ref());
        }
    }
    if let Some(lifecycle) = &container.lifecycle {
        for (field, handler) in [("postStart", &lifecycle.post_start), ("preStop", &lifecycle.pre_stop)] {
            if let Some(handler) = handler {
                look(&["lifecycle", field], handler.http_get.as_ref(), handler.tcp_socket.as_ref());
            }
        }
    }
    found
}

fn judge(subject: Subject<'_>) -> Option<String> {
    let mut containers = BTreeSet::new();
    let mut all_hosts = BTreeSet::new();
    for container in subject.containers() {
        for (_, host) in hosts(container) {
            containers.insert(container.name.as_str());
            all_hosts.insert(host);
        }
    }
    (!containers.is_empty()).then(|| {
        format!(
            "{} must not name a host in probes or lifecycle handlers: {}",
            named("container", containers),
            quoted(all_hosts)
        )
    })
}
