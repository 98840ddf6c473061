//! Putting the lists of a snapshot into their final order.

use std::cmp::Ordering;

use super::{
    model::Snapshot,
    objects::{
        Meta, admission, cluster_policy, cluster_wide, credentials, entrance, extension, foreign_policy, limit_range,
        network, node, pod, runtime_class, scan, storage, workload,
    },
};

/// Something that stands in a list of a snapshot.
pub(super) trait Listed {
    fn meta(&self) -> &Meta;

    /// The kind, where the list holds several.
    fn kind(&self) -> &str {
        ""
    }
}

macro_rules! listed {
    ($($kind:ty $(, $of_kind:expr)?;)+) => {$(
        impl Listed for $kind {
            fn meta(&self) -> &Meta {
                &self.meta
            }

            $(
                fn kind(&self) -> &str {
                    let of_kind: fn(&Self) -> &str = $of_kind;
                    of_kind(self)
                }
            )?
        }
    )+};
}

listed! {
    node::Node;
    cluster_wide::Namespace;
    pod::Pod;
    workload::Workload, |workload| workload.kind.as_str();
    cluster_wide::PodDisruptionBudget;
    network::Service;
    network::EndpointSlice;
    network::Endpoints;
    network::NetworkPolicy;
    cluster_policy::ClusterPolicy, |policy| policy.kind.as_str();
    foreign_policy::ForeignPolicy, |policy| &policy.kind;
    entrance::Ingress;
    entrance::Gateway;
    entrance::Route, |route| route.kind.as_str();
    admission::WebhookConfiguration, |webhook| webhook.kind();
    admission::AdmissionPolicy;
    admission::AdmissionPolicyBinding;
    runtime_class::RuntimeClass;
    extension::CustomResourceDefinition;
    extension::ApiService;
    cluster_wide::ResourceQuota;
    limit_range::LimitRange;
    credentials::ServiceAccount;
    credentials::CertificateSigningRequest;
    cluster_wide::ConfigMap;
    cluster_wide::Role, |role| role.kind();
    cluster_wide::RoleBinding, |binding| binding.kind();
    storage::PersistentVolume;
    storage::PersistentVolumeClaim;
    storage::StorageClass;
    storage::CsiDriver;
    storage::CsiNode;
    storage::VolumeAttachment;
    storage::CsiStorageCapacity;
    cluster_wide::PrometheusRule;
    scan::VulnerabilityReport;
    cluster_wide::OtherObject, |object| &object.kind;
}

/// Sorts every list by namespace and name, whatever the order of the input. From files, an object that was read twice
/// under one API version stays as it was read last, as `kubectl apply` would leave it, where `only_last` asks for that.
pub(super) fn settle(snapshot: &mut Snapshot, only_last: bool) {
    let only_last = only_last && snapshot.from_files;
    macro_rules! settle {
        ($($list:ident),+ $(,)?) => {
            $(settle_list(&mut snapshot.$list, only_last);)+
        };
    }
    settle!(
        nodes,
        namespaces,
        pods,
        workloads,
        budgets,
        services,
        endpoint_slices,
        endpoints,
        network_policies,
        cluster_policies,
        foreign_policies,
        ingresses,
        gateways,
        routes,
        webhooks,
        admission_policies,
        admission_policy_bindings,
        runtime_classes,
        custom_resources,
        api_services,
        quotas,
        limit_ranges,
        service_accounts,
        certificate_requests,
        config_maps,
        roles,
        role_bindings,
        volumes,
        claims,
        storage_classes,
        csi_drivers,
        csi_nodes,
        attachments,
        storage_capacities,
        prometheus_rules,
        vulnerability_reports,
        others,
    );
}

/// What the lists are sorted by.
pub(super) fn key<T: Listed>(object: &T) -> (&str, &str, &str, &str) {
    let meta = object.meta();
    (&meta.namespace, &meta.name, object.kind(), &meta.api_version)
}

fn settle_list<T: Listed>(list: &mut Vec<T>, only_last: bool) {
    sort_in_place(list, |a, b| key(a).cmp(&key(b)));
    list.shrink_to_fit();
    if only_last {
        list.dedup_by(|later, earlier| {
            // Objects with only a prefix for a name are made anew each time, and a name never ends with a dash.
            let name = &later.meta().name;
            let same = !name.is_empty() && !name.ends_with('-') && key(later) == key(earlier);
            if same {
                std::mem::swap(later, earlier);
            }
            same
        });
    }
}

/// Sorts stably, so that equal ones stay in the order in which they were read. The library's stable sort takes room for
/// half of the list again, which is the peak of memory where there are many objects; here only their numbers are sorted.
fn sort_in_place<T>(list: &mut [T], compare: impl Fn(&T, &T) -> Ordering) {
    if list.is_sorted_by(|a, b| compare(a, b).is_le()) {
        return;
    }
    let mut order: Vec<usize> = (0..list.len()).collect();
    order.sort_by(|&a, &b| compare(&list[a], &list[b]));
    for place in 0..list.len() {
        // What belongs here may have been swapped away already, to where its own place was filled.
        let mut from = order[place];
        while from < place {
            from = order[from];
        }
        list.swap(place, from);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn sorting_by_numbers_is_the_stable_sort(mut list in proptest::collection::vec((0_u8..20, any::<u16>()), 0..200)) {
            let mut expected = list.clone();
            expected.sort_by_key(|pair| pair.0);
            sort_in_place(&mut list, |a, b| a.0.cmp(&b.0));
            prop_assert_eq!(list, expected);
        }
    }
}
