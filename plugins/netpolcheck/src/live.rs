//! The values that only a cluster knows: whom a command line can name, and the runs that have changed policies.

use patchkit::{
    complete::{Asked, Found, Live, Offer, Want},
    snapshot::{
        Kind,
        kinds::{
            CRON_JOBS, DAEMON_SETS, DEPLOYMENTS, JOBS, NAMESPACES, NETWORK_POLICIES, PODS, SERVICES, STATEFUL_SETS,
        },
    },
};

use crate::execute::RUN;

/// What lies in a namespace and can be named.
const IN_NAMESPACE: [Kind; 7] = [PODS, SERVICES, DEPLOYMENTS, STATEFUL_SETS, DAEMON_SETS, JOBS, CRON_JOBS];

/// Whom a command line can name, in the words of [`crate::who`]: first the namespace, then what is in it.
pub const PEERS: Live = Live::of_cluster("netpolcheck-peers", peers, peer).or_words(&["internet"]);

/// The runs that have applied policies.
pub const RUNS: Live = Live::of_cluster(
    "netpolcheck-runs",
    |asked| vec![if asked.namespace_given { asked.want(NETWORK_POLICIES) } else { Want::all(NETWORK_POLICIES) }],
    |_, found| found.meta.labels.get(RUN).map(Offer::of).into_iter().collect(),
);

/// A state that can be compared: the cluster, or files.
pub const STATES: Live = Live::words(&["live"]).or_paths();

fn peers(asked: &Asked) -> Vec<Want> {
    match asked.named_namespace() {
        None => vec![Want::all(NAMESPACES)],
        Some(namespace) => IN_NAMESPACE.map(|kind| Want::in_namespace(kind, namespace)).to_vec(),
    }
}

fn peer(_: &Asked, found: &Found) -> Vec<Offer> {
    let (kind, meta) = (found.kind, &found.meta);
    vec![Offer::of(match kind {
        NAMESPACES => format!("{}/", meta.name),
        PODS => found.path(),
        SERVICES => format!("{}/svc/{}", meta.namespace, meta.name),
        _ => format!("{}/{}/{}", meta.namespace, kind.kind.to_lowercase(), meta.name),
    })]
}

#[cfg(test)]
mod tests {
    use patchkit::complete::FoundMeta;

    use super::*;
    use crate::who::Who;

    #[test]
    fn everybody_who_is_offered_can_be_named() {
        let meta = FoundMeta { name: "web".to_owned(), namespace: "shop".to_owned(), ..FoundMeta::default() };
        for kind in IN_NAMESPACE.into_iter().chain([NAMESPACES]) {
            let offers = peer(&Asked::default(), &Found { kind, meta: meta.clone() });
            let who = Who::parse(&offers[0].value, "default", |name| ["shop", "web"].contains(&name));
            let who = format!("{:?}", who.expect("somebody"));
            assert!(who.contains("web") && (kind == NAMESPACES || who.contains("shop")), "{}: {who}", kind.kind);
        }
    }
}
