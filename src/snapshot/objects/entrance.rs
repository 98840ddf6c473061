//! What lets traffic into a cluster: Ingresses, Gateways with their routes, and OpenShift's Routes.
//!
//! Sources: `networking/v1/types.go` of `k8s.io/api`, `apis/v1` and `apis/v1alpha2` of `sigs.k8s.io/gateway-api`,
//! `route/v1/types.go` of `github.com/openshift/api`.

use compact_str::CompactString;
use serde::Deserialize;

use super::{Context, Meta, Resource, meta::WireMeta};
use crate::rules::{IntOrString, null::or_default};

/// An Ingress: hosts and paths with the Services behind them.
#[derive(Clone, Debug, Default)]
pub struct Ingress {
    /// Identity, annotations.
    pub meta: Meta,
    /// The class, by the field or by the annotation that was there before it; empty for the cluster's default.
    pub class: CompactString,
    /// The Services that traffic is sent to, each once for every host and path.
    pub backends: Vec<IngressBackend>,
}

/// A Service behind an Ingress.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct IngressBackend {
    /// The host; empty for any.
    pub host: CompactString,
    /// The path; empty for the default backend.
    pub path: CompactString,
    /// The Service, in the Ingress's own namespace; empty for a backend that is no Service.
    pub service: CompactString,
    /// The Service's port, by number or by name.
    pub port: Option<IntOrString>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct WireIngress {
    #[serde(deserialize_with = "or_default")]
    metadata: WireMeta,
    #[serde(deserialize_with = "or_default")]
    spec: WireIngressSpec,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct WireIngressSpec {
    #[serde(deserialize_with = "or_default")]
    ingress_class_name: CompactString,
    default_backend: Option<WireIngressBackend>,
    #[serde(deserialize_with = "or_default")]
    rules: Vec<WireIngressRule>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct WireIngressRule {
    #[serde(deserialize_with = "or_default")]
    host: CompactString,
    #[serde(deserialize_with = "or_default")]
    http: WireIngressPaths,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct WireIngressPaths {
    #[serde(deserialize_with = "or_default")]
    paths: Vec<WireIngressPath>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct WireIngressPath {
    #[serde(deserialize_with = "or_default")]
    path: CompactString,
    #[serde(deserialize_with = "or_default")]
    backend: WireIngressBackend,
}

/// A backend of v1, or of v1beta1 (`serviceName` and `servicePort`).
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct WireIngressBackend {
    service: Option<WireIngressService>,
    #[serde(deserialize_with = "or_default")]
    service_name: CompactString,
    service_port: Option<IntOrString>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct WireIngressService {
    #[serde(deserialize_with = "or_default")]
    name: CompactString,
    #[serde(deserialize_with = "or_default")]
    port: WireIngressPort,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct WireIngressPort {
    #[serde(deserialize_with = "or_default")]
    name: CompactString,
    number: Option<i32>,
}

impl WireIngressBackend {
    fn keep(self, host: CompactString, path: CompactString) -> IngressBackend {
        match self.service {
            Some(service) => IngressBackend {
                host,
                path,
                service: service.name,
                port: match service.port {
                    WireIngressPort { number: Some(number), .. } => Some(IntOrString::Int(number)),
                    WireIngressPort { name, .. } if !name.is_empty() => Some(IntOrString::String(name)),
                    _ => None,
                },
            },
            None => IngressBackend { host, path, service: self.service_name, port: self.service_port },
        }
    }
}

impl Resource for Ingress {
    type Wire = WireIngress;

    fn keep(wire: WireIngress, context: &mut Context) -> Self {
        let meta = wire.metadata.keep(context);
        let mut class = wire.spec.ingress_class_name;
        if class.is_empty() {
            class = meta.annotations.get("kubernetes.io/ingress.class").unwrap_or_default().into();
        }
        let mut backends = Vec::new();
        for rule in wire.spec.rules {
            for path in rule.http.paths {
                backends.push(path.backend.keep(rule.host.clone(), path.path));
            }
        }
        backends.extend(wire.spec.default_backend.map(|backend| backend.keep("".into(), "".into())));
        Self { meta, class, backends }
    }
}

/// A Gateway of the Gateway API.
#[derive(Clone, Debug, Default)]
pub struct Gateway {
    /// Identity.
    pub meta: Meta,
    /// The class, which names the controller.
    pub class: CompactString,
    /// What it listens on.
    pub listeners: Vec<Listener>,
}

/// A listener of a Gateway.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
#[allow(missing_docs, reason = "the names are the API's own")]
pub struct Listener {
    #[serde(deserialize_with = "or_default")]
    pub name: CompactString,
    #[serde(deserialize_with = "or_default")]
    pub port: i32,
    #[serde(deserialize_with = "or_default")]
    pub protocol: CompactString,
    #[serde(deserialize_with = "or_default")]
    pub hostname: CompactString,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct WireGateway {
    #[serde(deserialize_with = "or_default")]
    metadata: WireMeta,
    #[serde(deserialize_with = "or_default")]
    spec: WireGatewaySpec,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct WireGatewaySpec {
    #[serde(deserialize_with = "or_default")]
    gateway_class_name: CompactString,
    #[serde(deserialize_with = "or_default")]
    listeners: Vec<Listener>,
}

impl Resource for Gateway {
    type Wire = WireGateway;

    fn keep(wire: WireGateway, context: &mut Context) -> Self {
        Self { meta: wire.metadata.keep(context), class: wire.spec.gateway_class_name, listeners: wire.spec.listeners }
    }
}

/// The kinds of route.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(missing_docs, reason = "the names are the API's own")]
pub enum RouteKind {
    HttpRoute,
    GrpcRoute,
    TlsRoute,
    TcpRoute,
    UdpRoute,
    /// `Route` of `route.openshift.io`.
    OpenShiftRoute,
}

impl RouteKind {
    /// The kind as its API names it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::HttpRoute => "HTTPRoute",
            Self::GrpcRoute => "GRPCRoute",
            Self::TlsRoute => "TLSRoute",
            Self::TcpRoute => "TCPRoute",
            Self::UdpRoute => "UDPRoute",
            Self::OpenShiftRoute => "Route",
        }
    }
}

/// A route: which Gateways hand traffic to which Services.
#[derive(Clone, Debug)]
pub struct Route {
    /// Identity.
    pub meta: Meta,
    /// Which kind it is.
    pub kind: RouteKind,
    /// What it is attached to; empty for OpenShift's, which belong to the cluster's router.
    pub parents: Vec<RouteReference>,
    /// The Services that traffic is sent to.
    pub backends: Vec<RouteReference>,
}

/// An object that a route names: a Gateway or another parent, or a Service or another backend.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct RouteReference {
    /// The group; absent means the Gateway API's for parents and the core group for backends.
    pub group: Option<CompactString>,
    /// The kind; absent means Gateway for parents and Service for backends.
    pub kind: Option<CompactString>,
    /// The namespace; absent means the route's own.
    pub namespace: Option<CompactString>,
    /// The name.
    #[serde(deserialize_with = "or_default")]
    pub name: CompactString,
    /// Of a parent: the one listener that is meant.
    #[serde(deserialize_with = "or_default")]
    pub section_name: CompactString,
    /// Of a backend the Service's port, of a parent the listener's.
    pub port: Option<i32>,
    /// Of a backend of OpenShift's Route: the port of the pods, or the name of the Service's.
    #[serde(skip)]
    pub target_port: Option<IntOrString>,
    /// Of a backend: its share; 0 gets no traffic.
    pub weight: Option<i64>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct WireRoute {
    #[serde(deserialize_with = "or_default")]
    metadata: WireMeta,
    #[serde(deserialize_with = "or_default")]
    spec: WireRouteSpec,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct WireRouteSpec {
    #[serde(deserialize_with = "or_default")]
    parent_refs: Vec<RouteReference>,
    #[serde(deserialize_with = "or_default")]
    rules: Vec<WireRouteRule>,
    // The fields of OpenShift's.
    to: Option<RouteReference>,
    #[serde(deserialize_with = "or_default")]
    alternate_backends: Vec<RouteReference>,
    port: Option<WireRoutePort>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct WireRoutePort {
    target_port: Option<IntOrString>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct WireRouteRule {
    #[serde(deserialize_with = "or_default")]
    backend_refs: Vec<RouteReference>,
}

fn keep(kind: RouteKind, wire: WireRoute, context: &mut Context) -> Route {
    let spec = wire.spec;
    let target_port = spec.port.and_then(|port| port.target_port);
    let mut backends: Vec<RouteReference> = spec.rules.into_iter().flat_map(|rule| rule.backend_refs).collect();
    let own = spec.to.into_iter().chain(spec.alternate_backends);
    backends.extend(own.map(|backend| RouteReference { target_port: target_port.clone(), ..backend }));
    Route { meta: wire.metadata.keep(context), kind, parents: spec.parent_refs, backends }
}

macro_rules! routes {
    ($($kind:ident),+) => {$(
        pub(crate) struct $kind(pub(crate) Route);

        impl Resource for $kind {
            type Wire = WireRoute;

            fn keep(wire: WireRoute, context: &mut Context) -> Self {
                Self(keep(RouteKind::$kind, wire, context))
            }
        }
    )+};
}

routes!(HttpRoute, GrpcRoute, TlsRoute, TcpRoute, UdpRoute, OpenShiftRoute);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn backends_of_both_versions_of_ingress_are_read() {
        let wire: WireIngress = serde_json::from_str(
            r#"{"spec": {"defaultBackend": {"service": {"name": "d", "port": {"name": "http"}}},
                "rules": [{"host": "h", "http": {"paths": [
                    {"path": "/a", "backend": {"service": {"name": "a", "port": {"number": 80}}}},
                    {"path": "/b", "backend": {"serviceName": "b", "servicePort": 81}}]}}, {"host": "none"}]}}"#,
        )
        .unwrap();
        let ingress = Ingress::keep(wire, &mut Context::default());
        let backends: Vec<_> =
            ingress.backends.iter().map(|it| (&*it.host, &*it.path, &*it.service, it.port.clone().unwrap())).collect();
        assert_eq!(
            backends,
            [
                ("h", "/a", "a", IntOrString::Int(80)),
                ("h", "/b", "b", IntOrString::Int(81)),
                ("", "", "d", IntOrString::String("http".into()))
            ]
        );
    }

    #[test]
    fn routes_of_both_apis_are_read() {
        let wire: WireRoute = serde_json::from_str(
            r#"{"spec": {"parentRefs": [{"name": "g", "namespace": "edge", "sectionName": "https"}],
                "rules": [{"backendRefs": [{"name": "web", "port": 80, "weight": 0}]}, {}]}}"#,
        )
        .unwrap();
        let route = HttpRoute::keep(wire, &mut Context::default()).0;
        assert_eq!(route.parents[0].section_name, "https");
        assert_eq!((route.backends[0].port, route.backends[0].weight), (Some(80), Some(0)));
        let wire: WireRoute = serde_json::from_str(
            r#"{"spec": {"to": {"kind": "Service", "name": "web", "weight": 100}, "port": {"targetPort": "http"}}}"#,
        )
        .unwrap();
        let route = OpenShiftRoute::keep(wire, &mut Context::default()).0;
        assert_eq!(route.backends[0].target_port, Some(IntOrString::String("http".into())));
    }
}
