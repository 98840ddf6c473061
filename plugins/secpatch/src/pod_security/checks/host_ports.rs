//! No port of the node may be taken.

use std::collections::BTreeSet;

use patchkit::rules::pod::ContainerPort;

use super::super::{
    check::{Check, Revision, Subject},
    level::Level,
    words::named,
};

pub(in super::super) const CHECK: Check =
    Check { id: "hostPorts", level: Level::Baseline, revisions: &[Revision::new(0, judge)], replaces: None };

/// The port of the node that a port takes. In the node's network the API server fills it in where it is left out
/// (`pkg/apis/core/v1/defaults.go`, `SetDefaults_PodSpec`: containers and init containers), and admission sees that.
pub(in super::super) fn host_port(is_filled_in: bool, port: &ContainerPort) -> Option<i32> {
    match port.host_port.unwrap_or_default() {
        0 => is_filled_in.then_some(port.container_port).filter(|port| *port != 0),
        given => Some(given),
    }
}

fn judge(subject: Subject<'_>) -> Option<String> {
    let mut ports = BTreeSet::new();
    let mut containers = Vec::new();
    for (field, container) in subject.spec.all_containers() {
        let is_filled_in = subject.spec.host_network && field != "ephemeralContainers";
        let taken: Vec<i32> = container.ports.iter().filter_map(|port| host_port(is_filled_in, port)).collect();
        if !taken.is_empty() {
            containers.push(container.name.as_str());
            ports.extend(taken);
        }
    }
    (!containers.is_empty()).then(|| {
        let ports: Vec<String> = ports.iter().map(ToString::to_string).collect();
        format!("{} must not take ports of the node: {}", named("container", containers), ports.join(", "))
    })
}
