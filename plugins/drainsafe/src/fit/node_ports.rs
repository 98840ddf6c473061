//! NodePorts: two pods of a node cannot have the same port of the host (`plugins/nodeports/node_ports.go`,
//! `HostPortInfo` of `k8s.io/kube-scheduler/framework/types.go`).

use compact_str::CompactString;
use patchkit::rules::PodSpec;

use super::filter::Reason;

/// An address that means all of them; an absent one is the same.
const ALL: &str = "0.0.0.0";

/// A port of the host that a pod takes.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct HostPort {
    ip: CompactString,
    protocol: CompactString,
    port: i32,
}

impl HostPort {
    /// On one address and on all of them it is the same port; `::` is an address like any other.
    fn conflicts_with(&self, other: &Self) -> bool {
        self.port == other.port
            && self.protocol == other.protocol
            && (self.ip == other.ip || self.ip == ALL || other.ip == ALL)
    }
}

/// The host's ports that a pod takes: those of its containers and of its sidecars, which run beside them.
pub(crate) fn host_ports(spec: &PodSpec) -> Vec<HostPort> {
    let or = |text: Option<&CompactString>, default: &'static str| {
        text.filter(|text| !text.is_empty()).cloned().unwrap_or(CompactString::const_new(default))
    };
    // In the host's network every port of a container is one of the host's: the API server writes it so.
    let in_host_network = spec.host_network;
    let sidecars = spec.init_containers.iter().filter(|container| container.is_sidecar());
    let ports = spec.containers.iter().chain(sidecars).flat_map(|container| &container.ports);
    ports
        .map(|port| HostPort {
            ip: or(port.host_ip.as_ref(), ALL),
            protocol: or(port.protocol.as_ref(), "TCP"),
            port: port.host_port.filter(|port| *port != 0).unwrap_or(if in_host_network {
                port.container_port
            } else {
                0
            }),
        })
        .filter(|port| port.port > 0)
        .collect()
}

/// Whether the wanted ports are free.
pub(super) fn filter(wanted: &[HostPort], taken: &[HostPort]) -> Result<(), Reason> {
    if wanted.iter().any(|port| taken.iter().any(|other| port.conflicts_with(other))) {
        return Err(Reason::from("node(s) didn't have free ports for the requested pod ports"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wildcards_and_protocols() {
        let port = |ip: &str, protocol: &str| HostPort { ip: ip.into(), protocol: protocol.into(), port: 80 };
        assert!(port(ALL, "TCP").conflicts_with(&port("10.0.0.1", "TCP")));
        assert!(port("10.0.0.1", "TCP").conflicts_with(&port(ALL, "TCP")));
        assert!(!port("10.0.0.1", "TCP").conflicts_with(&port("127.0.0.1", "TCP")));
        assert!(!port(ALL, "TCP").conflicts_with(&port(ALL, "UDP")));
        assert!(!port("::", "TCP").conflicts_with(&port("10.0.0.1", "TCP")));
    }

    #[test]
    fn sidecars_count_and_plain_init_containers_do_not() {
        let spec: PodSpec = serde_json::from_str(
            r#"{"initContainers":[{"name":"a","ports":[{"containerPort":1,"hostPort":1}]},
                {"name":"b","restartPolicy":"Always","ports":[{"containerPort":2,"hostPort":2}]}],
                "containers":[{"name":"c","ports":[{"containerPort":3},{"containerPort":4,"hostPort":4}]}]}"#,
        )
        .unwrap();
        assert_eq!(host_ports(&spec).iter().map(|port| port.port).collect::<Vec<_>>(), [4, 2]);
    }
}
