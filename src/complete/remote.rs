//! Asking the cluster, and not for long.

use std::{
    sync::mpsc,
    thread,
    time::{Duration, SystemTime},
};

use serde::Deserialize;
use tokio::runtime::Builder;

use super::{
    cache::Cache,
    line::Line,
    live::{Asked, Found, FoundMeta, Live, Offer, Source, Want},
};
use crate::cluster::{
    Access, Cluster, ClusterError, ConnectOptions, ConnectSettings, Environment, ErrorKind, ListEvent, ListRequest,
    RetryPolicy, parallel,
};

/// How long is waited for live values. A completion that takes longer than 800 ms is a nuisance, and the rest of that
/// time goes to kubectl, which starts first and prints last. What is not there by then is not offered.
pub const DEADLINE: Duration = Duration::from_millis(700);

/// How long a credential plugin may run: it has to be ended while there still is somebody to end it.
pub(super) const PLUGIN_LIMIT: Duration = Duration::from_millis(650);

/// The live values of a cluster for this line, or none.
pub(super) fn offers(live: Live, line: &Line, word: &str) -> Vec<Offer> {
    let Some(options) = line.options.clone() else { return Vec::new() };
    let (environment, user_agent, word) = (line.environment.clone(), line.user_agent.clone(), word.to_owned());
    within(DEADLINE, move || read(live, &options, &environment, &user_agent, word).unwrap_or_default())
        .unwrap_or_default()
}

/// What `work` gives within the deadline, or nothing. Work that is late is left behind on its thread, which ends with
/// the process; it must change nothing that could be left half done.
fn within<T: Send + 'static>(deadline: Duration, work: impl FnOnce() -> T + Send + 'static) -> Option<T> {
    let (found, answer) = mpsc::channel();
    let worker = thread::Builder::new().name("completion".to_owned()).spawn(move || {
        // Nobody listens any more after the deadline.
        let _ = found.send(work());
    });
    worker.ok().and_then(|_| answer.recv_timeout(deadline).ok())
}

/// Reads the lists, or takes from the cache what was read a moment ago. None where the cluster does not tell.
fn read(
    live: Live,
    options: &ConnectOptions,
    environment: &Environment,
    user_agent: &str,
    word: String,
) -> Option<Vec<Offer>> {
    let Source::Cluster { wants, offer } = live.source else { return None };
    let access = Access::resolve(options, environment).ok()?;
    let asked = Asked {
        word,
        namespace: access.namespace.clone(),
        namespace_given: access.namespace_given && !options.all_namespaces,
        all_namespaces: options.all_namespaces,
    };
    let wants = wants(&asked);
    let cache = Cache::of_user().filter(|_| may_be_kept(options));
    let key = key(live, options, &access, &asked, &wants);
    if let Some(kept) = cache.as_ref().and_then(|cache| cache.get(&key, SystemTime::now())) {
        return Some(kept);
    }
    let runtime = Builder::new_current_thread().enable_all().build().ok()?;
    let (found, is_all) = runtime.block_on(fetch(access, environment, user_agent, &wants))?;
    let offers: Vec<Offer> = found.iter().flat_map(|found| offer(&asked, found)).collect();
    if let Some(cache) = cache.filter(|_| is_all) {
        cache.put(&key, &offers, SystemTime::now());
    }
    // A plugin that still runs must not be waited for.
    runtime.shutdown_background();
    Some(offers)
}

/// Credentials of the command line are nobody's that a key could name.
fn may_be_kept(options: &ConnectOptions) -> bool {
    options.token.is_none() && options.client_certificate.is_none() && options.client_key.is_none()
}

/// What an answer depends on: who asks which cluster, and for what.
fn key(live: Live, options: &ConnectOptions, access: &Access, asked: &Asked, wants: &[Want]) -> String {
    let files = options.kubeconfig.clone().map_or_else(|| std::env::var_os("KUBECONFIG"), |path| Some(path.into()));
    format!(
        "{} {:?} {:?} {} {:?} {:?} {:?} {} {wants:?}",
        live.id,
        files,
        access.context,
        access.server,
        access.user,
        access.impersonation,
        asked.namespace,
        asked.all_namespaces,
    )
}

/// The objects of all lists, and whether these are all there are. None where no list could be read.
async fn fetch(
    access: Access,
    environment: &Environment,
    user_agent: &str,
    wants: &[Want],
) -> Option<(Vec<Found>, bool)> {
    let settings = ConnectSettings {
        retry: RetryPolicy { attempts: 1, ..RetryPolicy::default() },
        silence: DEADLINE,
        parallel: wants.len(),
        ..ConnectSettings::new(user_agent)
    };
    let cluster = Cluster::connect(access, environment, settings).await.ok()?;
    let lists = parallel::all(wants.iter().map(|want| list(&cluster, want))).await;
    let is_told = |list: &Result<_, ClusterError>| list.is_ok();
    // A kind that is not served has no objects.
    let lists: Vec<_> = lists
        .into_iter()
        .map(|list| match list {
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(Vec::new()),
            list => list,
        })
        .collect();
    let is_all = lists.iter().all(is_told);
    lists.iter().any(is_told).then(|| (lists.into_iter().flatten().flatten().collect(), is_all))
}

async fn list(cluster: &Cluster, want: &Want) -> Result<Vec<Found>, ClusterError> {
    #[derive(Deserialize)]
    struct Page {
        items: Option<Vec<Item>>,
    }
    #[derive(Deserialize)]
    struct Item {
        metadata: FoundMeta,
    }
    let kind = want.kind;
    let request = ListRequest::of(kind.group, kind.version, kind.plural, want.namespace.as_deref())
        .metadata_only()
        // What the server has in its cache is new enough, and much quicker.
        .at_least("0");
    let mut found = Vec::new();
    cluster
        .list::<ClusterError>(&request, |event| {
            match event {
                ListEvent::Restart => found.clear(),
                ListEvent::Page(page) => {
                    let page: Page = serde_json::from_slice(&page.bytes)
                        .map_err(|error| ClusterError::Setup(format!("the {}: {error}", kind.plural)))?;
                    let items = page.items.unwrap_or_default().into_iter();
                    found.extend(items.map(|item| Found { kind, meta: item.metadata }));
                }
            }
            Ok(())
        })
        .await?;
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_late_or_broken_is_not_offered() {
        assert_eq!(within(Duration::from_secs(60), || 1), Some(1));
        let (_never, wait) = mpsc::channel::<()>();
        let late = within(Duration::ZERO, move || {
            let _ = wait.recv();
        });
        assert_eq!(late, None);
    }

    #[test]
    fn another_user_namespace_or_cluster_has_another_key() {
        let access = |options: &ConnectOptions| {
            Access::resolve(options, &Environment::with([], None)).expect("a server by itself")
        };
        let server = |server: &str| ConnectOptions { server: Some(server.to_owned()), ..ConnectOptions::default() };
        let key_of = |options: &ConnectOptions| {
            let access = access(options);
            let asked = Asked { namespace: access.namespace.clone(), ..Asked::default() };
            key(Live::PODS, options, &access, &asked, &[])
        };
        let one = server("https://one:1");
        let others = [
            server("https://two:1"),
            ConnectOptions { namespace: Some("web".to_owned()), ..one.clone() },
            ConnectOptions { impersonate: Some("jane".to_owned()), ..one.clone() },
        ];
        assert_eq!(key_of(&one), key_of(&one.clone()));
        for other in &others {
            assert_ne!(key_of(other), key_of(&one), "{other:?}");
        }
        assert!(may_be_kept(&one));
        assert!(!may_be_kept(&ConnectOptions { token: Some("secret".to_owned()), ..one }));
    }
}
