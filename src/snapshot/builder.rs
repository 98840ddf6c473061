//! Filling a snapshot, object by object or page by page.

use compact_str::CompactString;
use serde::{
    Deserialize,
    de::{DeserializeSeed, IgnoredAny, MapAccess, SeqAccess, Visitor},
};

use super::{
    discovery::GroupDiscovery,
    kinds::{self, Kind},
    model::{Coverage, DeprecatedCall, ServedResource, Snapshot},
    objects::{
        Context, Resource, admission, cluster_policy, cluster_wide, credentials, entrance, extension, foreign_policy,
        limit_range, meta::Origin, network, node, pod, rule_lines::RuleLines, runtime_class, scan, storage, workload,
    },
    settle::settle,
    version::{KubectlVersion, ServerVersion},
};
use crate::report::NotEvaluated;

/// One object in the form it was written in, ready to be read as some type.
pub(crate) trait Document {
    /// Why it could not be read as that type.
    type Error;

    /// Reads it as this type.
    fn read<T: serde::de::DeserializeOwned>(&self) -> Result<T, Self::Error>;

    /// The lines of the rules of a policy, counted from 0 at the line on which the object begins.
    fn rule_lines(&self) -> RuleLines {
        RuleLines::default()
    }
}

/// Fills a [`Snapshot`].
#[derive(Default)]
pub struct SnapshotBuilder {
    pub(super) snapshot: Snapshot,
    pub(super) context: Context,
    /// Of every object only the metadata is read, and every copy of an object is kept.
    pub(super) metadata_only: bool,
}

/// What an object says it is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Header {
    #[serde(deserialize_with = "crate::rules::null::or_default")]
    pub(crate) api_version: CompactString,
    #[serde(deserialize_with = "crate::rules::null::or_default")]
    pub(crate) kind: CompactString,
}

impl Header {
    pub(crate) fn group(&self) -> &str {
        self.api_version.split_once('/').map_or("", |(group, _)| group)
    }
}

/// The kinds of policies with rules that are kept.
const POLICIES: &[Kind] = &[
    kinds::NETWORK_POLICIES,
    kinds::ADMIN_NETWORK_POLICIES,
    kinds::BASELINE_ADMIN_NETWORK_POLICIES,
    kinds::CLUSTER_NETWORK_POLICIES,
];

/// Runs `$body` with `$resource` bound to the type and `$list` to the field of the snapshot for this kind.
macro_rules! with_kind {
    ($kind:expr, $body:ident, $other:expr) => {
        match $kind {
            kinds::NODES => $body!(node::Node, nodes),
            kinds::NAMESPACES => $body!(cluster_wide::Namespace, namespaces),
            kinds::PODS => $body!(pod::Pod, pods),
            kinds::SERVICES => $body!(network::Service, services),
            kinds::ENDPOINTS => $body!(network::Endpoints, endpoints),
            kinds::CONFIG_MAPS => $body!(cluster_wide::ConfigMap, config_maps),
            kinds::PERSISTENT_VOLUMES => $body!(storage::PersistentVolume, volumes),
            kinds::PERSISTENT_VOLUME_CLAIMS => $body!(storage::PersistentVolumeClaim, claims),
            kinds::RESOURCE_QUOTAS => $body!(cluster_wide::ResourceQuota, quotas),
            kinds::LIMIT_RANGES => $body!(limit_range::LimitRange, limit_ranges),
            kinds::SERVICE_ACCOUNTS => $body!(credentials::ServiceAccount, service_accounts),
            kinds::CERTIFICATE_SIGNING_REQUESTS => $body!(credentials::CertificateSigningRequest, certificate_requests),
            kinds::RUNTIME_CLASSES => $body!(runtime_class::RuntimeClass, runtime_classes),
            kinds::REPLICATION_CONTROLLERS => $body!(workload::ReplicationController, workloads, 0),
            kinds::POD_TEMPLATES => $body!(workload::PodTemplate, workloads, 0),
            kinds::DEPLOYMENTS => $body!(workload::Deployment, workloads, 0),
            kinds::STATEFUL_SETS => $body!(workload::StatefulSet, workloads, 0),
            kinds::DAEMON_SETS => $body!(workload::DaemonSet, workloads, 0),
            kinds::REPLICA_SETS => $body!(workload::ReplicaSet, workloads, 0),
            kinds::JOBS => $body!(workload::Job, workloads, 0),
            kinds::CRON_JOBS => $body!(workload::CronJob, workloads, 0),
            kinds::POD_DISRUPTION_BUDGETS => $body!(cluster_wide::PodDisruptionBudget, budgets),
            kinds::ENDPOINT_SLICES => $body!(network::EndpointSlice, endpoint_slices),
            kinds::NETWORK_POLICIES => $body!(network::NetworkPolicy, network_policies),
            kinds::VALIDATING_WEBHOOKS => $body!(admission::ValidatingWebhookConfiguration, webhooks, 0),
            kinds::MUTATING_WEBHOOKS => $body!(admission::MutatingWebhookConfiguration, webhooks, 0),
            kinds::CUSTOM_RESOURCE_DEFINITIONS => $body!(extension::CustomResourceDefinition, custom_resources),
            kinds::API_SERVICES => $body!(extension::ApiService, api_services),
            kinds::STORAGE_CLASSES => $body!(storage::StorageClass, storage_classes),
            kinds::CSI_DRIVERS => $body!(storage::CsiDriver, csi_drivers),
            kinds::CSI_NODES => $body!(storage::CsiNode, csi_nodes),
            kinds::VOLUME_ATTACHMENTS => $body!(storage::VolumeAttachment, attachments),
            kinds::CSI_STORAGE_CAPACITIES => $body!(storage::CsiStorageCapacity, storage_capacities),
            kinds::ROLES => $body!(cluster_wide::Role, roles),
            kinds::CLUSTER_ROLES => $body!(cluster_wide::ClusterRole, roles, 0),
            kinds::ROLE_BINDINGS => $body!(cluster_wide::RoleBinding, role_bindings),
            kinds::CLUSTER_ROLE_BINDINGS => $body!(cluster_wide::ClusterRoleBinding, role_bindings, 0),
            kinds::VALIDATING_ADMISSION_POLICIES => $body!(admission::AdmissionPolicy, admission_policies),
            kinds::VALIDATING_ADMISSION_POLICY_BINDINGS => {
                $body!(admission::AdmissionPolicyBinding, admission_policy_bindings)
            }
            kinds::VULNERABILITY_REPORTS => $body!(scan::VulnerabilityReport, vulnerability_reports),
            kinds::PROMETHEUS_RULES => $body!(cluster_wide::PrometheusRule, prometheus_rules),
            kinds::ADMIN_NETWORK_POLICIES => $body!(cluster_policy::AdminNetworkPolicy, cluster_policies, 0),
            kinds::BASELINE_ADMIN_NETWORK_POLICIES => {
                $body!(cluster_policy::BaselineAdminNetworkPolicy, cluster_policies, 0)
            }
            kinds::CLUSTER_NETWORK_POLICIES => $body!(cluster_policy::ClusterNetworkPolicy, cluster_policies, 0),
            kinds::INGRESSES => $body!(entrance::Ingress, ingresses),
            kinds::GATEWAYS => $body!(entrance::Gateway, gateways),
            kinds::HTTP_ROUTES => $body!(entrance::HttpRoute, routes, 0),
            kinds::GRPC_ROUTES => $body!(entrance::GrpcRoute, routes, 0),
            kinds::TLS_ROUTES => $body!(entrance::TlsRoute, routes, 0),
            kinds::TCP_ROUTES => $body!(entrance::TcpRoute, routes, 0),
            kinds::UDP_ROUTES => $body!(entrance::UdpRoute, routes, 0),
            kinds::OPENSHIFT_ROUTES => $body!(entrance::OpenShiftRoute, routes, 0),
            kinds::CILIUM_POLICIES => $body!(foreign_policy::CiliumNetworkPolicy, foreign_policies, 0),
            kinds::CILIUM_CLUSTERWIDE_POLICIES => {
                $body!(foreign_policy::CiliumClusterwideNetworkPolicy, foreign_policies, 0)
            }
            kinds::CALICO_POLICIES | kinds::CALICO_STORED_POLICIES | kinds::ANTREA_POLICIES => {
                $body!(foreign_policy::NetworkPolicy, foreign_policies, 0)
            }
            kinds::CALICO_GLOBAL_POLICIES | kinds::CALICO_STORED_GLOBAL_POLICIES => {
                $body!(foreign_policy::GlobalNetworkPolicy, foreign_policies, 0)
            }
            kinds::ANTREA_CLUSTER_POLICIES => $body!(foreign_policy::ClusterNetworkPolicy, foreign_policies, 0),
            kinds::ISTIO_AUTHORIZATION_POLICIES => $body!(foreign_policy::AuthorizationPolicy, foreign_policies, 0),
            kinds::ISTIO_PEER_AUTHENTICATIONS => $body!(foreign_policy::PeerAuthentication, foreign_policies, 0),
            _ => $other,
        }
    };
}
pub(super) use with_kind;

impl SnapshotBuilder {
    /// A builder whose facts come from files: what the input does not hold is then unknown, not absent.
    #[must_use]
    pub fn from_files() -> Self {
        let snapshot = Snapshot { from_files: true, ..Snapshot::default() };
        Self { snapshot, context: Context::default(), metadata_only: false }
    }

    /// As [`Self::from_files`], for what only asks what the objects of the files are: of each the metadata is read,
    /// into [`Snapshot::others`], and an object that stands in several files is there as often.
    #[must_use]
    pub fn metadata_from_files() -> Self {
        Self { metadata_only: true, ..Self::from_files() }
    }

    /// Whether only metadata is read.
    pub(crate) fn is_metadata_only(&self) -> bool {
        self.metadata_only
    }

    /// Notes a file, and gives the index by which origins name it.
    pub(crate) fn add_file(&mut self, name: &str) -> u32 {
        self.snapshot.files.push(name.to_owned());
        u32::try_from(self.snapshot.files.len() - 1).unwrap_or(u32::MAX)
    }

    /// Reads one object, and says whether it was one: what has no kind may be the answer of `/version`, or nothing.
    pub(crate) fn add<D: Document>(
        &mut self,
        header: &Header,
        document: &D,
        origin: Option<Origin>,
    ) -> Result<bool, D::Error> {
        match header.kind.as_str() {
            "" => return self.add_version(document),
            "APIGroupDiscovery" => {
                self.served(document.read::<GroupDiscovery>()?.resources());
                // Whoever asks what the objects are wants to hear of it too.
                if self.metadata_only {
                    self.context.begin(&header.api_version, origin);
                    self.add_other(header, document)?;
                }
                return Ok(true);
            }
            _ => {}
        }
        self.context.begin(&header.api_version, origin);
        let known = if self.metadata_only { None } else { kinds::find(header.group(), &header.kind) };
        macro_rules! read {
            ($resource:ty, $list:ident $(, $field:tt)?) => {{
                let wire = document.read::<<$resource as Resource>::Wire>()?;
                self.snapshot.$list.push(<$resource>::keep(wire, &mut self.context)$(.$field)?);
            }};
        }
        match known {
            Some(kind) => {
                if POLICIES.contains(kind) {
                    self.context.begin_rules(document.rule_lines());
                }
                with_kind!(*kind, read, self.add_other(header, document)?);
                self.saw(kind, Coverage::Some);
            }
            None => self.add_other(header, document)?,
        }
        Ok(true)
    }

    fn add_other<D: Document>(&mut self, header: &Header, document: &D) -> Result<(), D::Error> {
        let wire = document.read::<cluster_wide::WireAny>()?;
        let mut object = cluster_wide::OtherObject::keep(wire, &mut self.context);
        object.kind = header.kind.clone();
        self.snapshot.others.push(object);
        self.saw_metadata(header.group(), &header.kind, Coverage::Some);
        Ok(())
    }

    /// `kubectl version -o json` and `/version` have no kind. Says whether the document was one of them.
    fn add_version<D: Document>(&mut self, document: &D) -> Result<bool, D::Error> {
        let both: KubectlVersion = document.read()?;
        if both.client_version.is_some() || both.server_version.is_some() {
            self.snapshot.kubectl = both.client_version.or(self.snapshot.kubectl.take());
            self.snapshot.server = both.server_version.or(self.snapshot.server.take());
            return Ok(true);
        }
        let alone: ServerVersion = document.read()?;
        if alone.git_version.is_empty() {
            return Ok(false);
        }
        self.snapshot.server = Some(alone);
        Ok(true)
    }

    /// Reads one page of a typed list in JSON, as a live API sends it, and gives the number of its items.
    ///
    /// # Errors
    /// Where the page is no JSON list of this kind.
    pub fn add_page(&mut self, kind: &Kind, page: &[u8]) -> Result<usize, serde_json::Error> {
        let mut reader = serde_json::Deserializer::from_slice(page);
        self.context.begin(&kind.api_version(), None);
        let context = &mut self.context;
        macro_rules! read {
            ($resource:ty, $list:ident $(, $field:tt)?) => {{
                let list = &mut self.snapshot.$list;
                let before = list.len();
                Items::<<$resource as Resource>::Wire, _>::new(|wire| list.push(<$resource>::keep(wire, context)$(.$field)?))
                    .deserialize(&mut reader)?;
                list.len() - before
            }};
        }
        let added = with_kind!(*kind, read, {
            let list = &mut self.snapshot.others;
            let before = list.len();
            Items::<cluster_wide::WireAny, _>::new(|wire| {
                let mut object = cluster_wide::OtherObject::keep(wire, context);
                object.kind = kind.kind.into();
                list.push(object);
            })
            .deserialize(&mut reader)?;
            list.len() - before
        });
        reader.end()?;
        Ok(added)
    }

    /// Reads one page of metadata of any kind (`PartialObjectMetadataList`).
    ///
    /// # Errors
    /// Where the page is no JSON list.
    pub fn add_metadata_page(
        &mut self,
        api_version: &str,
        kind: &str,
        page: &[u8],
    ) -> Result<usize, serde_json::Error> {
        let mut reader = serde_json::Deserializer::from_slice(page);
        self.context.begin(api_version, None);
        let (context, list) = (&mut self.context, &mut self.snapshot.others);
        let before = list.len();
        Items::<cluster_wide::WireAny, _>::new(|wire| {
            let mut object = cluster_wide::OtherObject::keep(wire, context);
            object.kind = kind.into();
            list.push(object);
        })
        .deserialize(&mut reader)?;
        reader.end()?;
        Ok(list.len() - before)
    }

    /// Drops what was read of a kind: its list begins again (410 Gone in the middle of the pages).
    pub fn restart(&mut self, kind: &Kind) {
        macro_rules! clear {
            ($resource:ty, workloads, $field:tt) => {
                self.snapshot.workloads.retain(|workload| workload.kind.as_str() != kind.kind)
            };
            ($resource:ty, webhooks, $field:tt) => {
                self.snapshot.webhooks.retain(|webhook| webhook.kind() != kind.kind)
            };
            ($resource:ty, roles, $field:tt) => {
                self.snapshot.roles.retain(|role| role.kind() != kind.kind)
            };
            ($resource:ty, roles) => {
                self.snapshot.roles.retain(|role| role.kind() != kind.kind)
            };
            ($resource:ty, role_bindings $(, $field:tt)?) => {
                self.snapshot.role_bindings.retain(|binding| binding.kind() != kind.kind)
            };
            ($resource:ty, cluster_policies, $field:tt) => {
                self.snapshot.cluster_policies.retain(|policy| policy.kind.as_str() != kind.kind)
            };
            ($resource:ty, foreign_policies, $field:tt) => {
                self.snapshot.foreign_policies.retain(|policy| policy.kind != kind.kind || policy.group() != kind.group)
            };
            ($resource:ty, routes, $field:tt) => {
                self.snapshot.routes.retain(|route| route.kind.as_str() != kind.kind)
            };
            ($resource:ty, $list:ident) => {
                self.snapshot.$list.clear()
            };
        }
        with_kind!(*kind, clear, self.restart_metadata(&kind.api_version(), kind.kind));
    }

    /// Drops what was read of the metadata of a kind.
    pub fn restart_metadata(&mut self, api_version: &str, kind: &str) {
        self.snapshot.others.retain(|object| object.kind != kind || &*object.meta.api_version != api_version);
    }

    /// Notes that objects of a kind were read. What was complete stays complete.
    pub fn saw(&mut self, kind: &Kind, coverage: Coverage) {
        let known = self.snapshot.coverage.entry((kind.group, kind.plural)).or_insert_with(|| coverage.clone());
        if coverage == Coverage::Complete {
            *known = coverage;
        }
    }

    /// Notes whether objects of a kind without a narrow type were read, by their metadata
    /// ([`Self::add_metadata_page`]). What was complete stays complete.
    pub fn saw_metadata(&mut self, group: &str, kind: &str, coverage: Coverage) {
        let key = (CompactString::from(group), CompactString::from(kind));
        let known = self.snapshot.metadata_coverage.entry(key).or_insert_with(|| coverage.clone());
        if *known != Coverage::Complete {
            *known = coverage;
        }
    }

    /// Notes that a kind could not be read, both as a fact for the rules and for the report.
    pub fn denied(&mut self, kind: &Kind, why: &str) {
        self.snapshot.coverage.insert((kind.group, kind.plural), Coverage::Denied(why.to_owned()));
        self.not_evaluated(&kind.resource(), why);
    }

    /// Notes something that could not be read.
    pub fn not_evaluated(&mut self, what: &str, why: &str) {
        self.snapshot.not_evaluated.push(NotEvaluated::new(what, why));
    }

    /// Notes the API server's version.
    pub fn server(&mut self, version: ServerVersion) {
        self.snapshot.server = Some(version);
    }

    /// Notes what the API server serves.
    pub fn served(&mut self, resources: Vec<ServedResource>) {
        self.snapshot.served.get_or_insert_default().extend(resources);
    }

    /// Notes the calls on deprecated versions that the API server counted.
    pub fn deprecated_calls(&mut self, calls: Vec<DeprecatedCall>) {
        self.snapshot.deprecated_calls.get_or_insert_default().extend(calls);
    }

    /// The snapshot: lists are in the order of namespace and name, whatever the order of the input. From files, an
    /// object that was read twice under one API version stays as it was read last, as `kubectl apply` would leave it.
    #[must_use]
    pub fn finish(mut self) -> Snapshot {
        settle(&mut self.snapshot, !self.metadata_only);
        self.snapshot
    }
}

/// The items of a typed list, each given away as soon as it is read.
struct Items<W, F> {
    give: F,
    wire: std::marker::PhantomData<W>,
}

impl<W, F> Items<W, F> {
    fn new(give: F) -> Self {
        Self { give, wire: std::marker::PhantomData }
    }
}

impl<'de, W: Deserialize<'de>, F: FnMut(W)> DeserializeSeed<'de> for Items<W, F> {
    type Value = ();

    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de, W: Deserialize<'de>, F: FnMut(W)> Visitor<'de> for Items<W, F> {
    type Value = ();

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a list with items")
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<(), A::Error> {
        while let Some(key) = map.next_key::<CompactString>()? {
            if key == "items" {
                map.next_value_seed(Each::<W, F> { give: &mut self.give, wire: std::marker::PhantomData })?;
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(())
    }
}

struct Each<'f, W, F> {
    give: &'f mut F,
    wire: std::marker::PhantomData<W>,
}

impl<'de, W: Deserialize<'de>, F: FnMut(W)> DeserializeSeed<'de> for Each<'_, W, F> {
    type Value = ();

    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_option(self)
    }
}

impl<'de, W: Deserialize<'de>, F: FnMut(W)> Visitor<'de> for Each<'_, W, F> {
    type Value = ();

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a list of objects")
    }

    // An empty Go slice is written as null.
    fn visit_none<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_some<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        while let Some(wire) = items.next_element::<W>()? {
            (self.give)(wire);
        }
        Ok(())
    }
}
