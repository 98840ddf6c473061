//! Builds the client for an [`Access`], around what kube's own default does otherwise than kubectl.

use std::sync::Arc;
use std::time::Duration;

use http::{HeaderValue, Uri};
use kube::client::ClientBuilder;
use kube::config::{AuthInfo, AuthProviderConfig};
use tokio::sync::Semaphore;

use super::access::{Access, Authorization, Identity};
use super::authorization::HeaderSource;
use super::environment::Environment;
use super::errors::ClusterError;
use super::exec::{self, ExecTokens, Terms};
use super::notices::{NoticeSink, Notices};
use super::options::ConnectOptions;
use super::pem;
use super::retry::RetryPolicy;
use super::transport::Transport;

/// How a client behaves; the same for every cluster.
#[derive(Clone)]
pub struct ConnectSettings {
    /// The `User-Agent` header, for example `kubectl-example/0.1.0`.
    pub user_agent: String,
    /// Where warnings, retries and restarts are told.
    pub notices: Option<NoticeSink>,
    /// How reads are repeated.
    pub retry: RetryPolicy,
    /// How long a read may go without a single byte of its answer. An API server itself gives up on a list after a
    /// minute, so silence for longer is a connection that died.
    pub silence: Duration,
    /// How many reads are under way at the same time.
    pub parallel: usize,
}

impl ConnectSettings {
    /// The usual behaviour under a name.
    #[must_use]
    pub fn new(user_agent: impl Into<String>) -> Self {
        Self {
            user_agent: user_agent.into(),
            notices: None,
            retry: RetryPolicy::default(),
            silence: Duration::from_secs(90),
            parallel: 4,
        }
    }

    /// Tells notices to `sink`.
    #[must_use]
    pub fn telling(mut self, sink: NoticeSink) -> Self {
        self.notices = Some(sink);
        self
    }
}

/// A cluster that can be asked. Cheap to clone; all clones share connections and limits.
#[derive(Clone)]
pub struct Cluster {
    pub(super) inner: Arc<Inner>,
}

pub(super) struct Inner {
    pub access: Access,
    pub client: kube::Client,
    pub notices: Notices,
    pub retry: RetryPolicy,
    pub silence: Duration,
    pub reads: Arc<Semaphore>,
    pub host: String,
}

impl std::fmt::Debug for Cluster {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Cluster").field("server", &self.inner.access.server).finish_non_exhaustive()
    }
}

/// Reaches the cluster that flags, kubeconfig and environment name. Makes no request yet, but runs a credential plugin
/// where the user has one. Must be called within a tokio runtime.
///
/// # Errors
/// Everything that is wrong with the configuration, and a plugin that fails.
pub async fn connect(
    options: &ConnectOptions,
    environment: &Environment,
    settings: ConnectSettings,
) -> Result<Cluster, ClusterError> {
    Cluster::connect(Access::resolve(options, environment)?, environment, settings).await
}

impl Cluster {
    /// Builds the client. Makes no request yet, but runs a credential plugin. Must be called within a tokio runtime.
    ///
    /// # Errors
    /// Certificates that are none, headers that are none, and a plugin that fails.
    pub async fn connect(
        access: Access,
        environment: &Environment,
        settings: ConnectSettings,
    ) -> Result<Self, ClusterError> {
        let mut identity = access.identity.clone();
        let authorization = match &identity.authorization {
            Authorization::Exec(source) => {
                let source = (**source).clone();
                let terms = Terms::of(environment);
                let (back, credential) = tokio::task::spawn_blocking(move || {
                    let credential = exec::run(&source, terms);
                    (source, credential)
                })
                .await
                .map_err(|error| ClusterError::Setup(format!("the credential plugin's run was broken off: {error}")))?;
                let credential = credential.map_err(|error| ClusterError::Credentials(error.into()))?;
                if let Some(certificate) = &credential.certificate {
                    identity.certificate = Some(certificate.clone());
                }
                HeaderSource::Exec(Box::new(ExecTokens::new(back, terms, credential)))
            }
            other => HeaderSource::new(other)?,
        };
        let config = config(&access, &identity, &settings.user_agent)?;
        let setup = |error: kube::Error| {
            ClusterError::Setup(format!("cannot set up the connection to {}: {error}", access.server))
        };
        let underneath = ClientBuilder::try_from(config).map_err(setup)?.build();
        let notices = Notices::new(settings.notices);
        let transport = Arc::new(Transport {
            client: underneath,
            authorization,
            notices: notices.clone(),
            request_timeout: access.request_timeout,
        });
        let service = tower::service_fn(move |request| transport.clone().exchange(request));
        let client = kube::Client::new(service, access.namespace.clone());
        let host = host_and_port(access.proxy.as_ref().unwrap_or(&access.server));
        Ok(Self {
            inner: Arc::new(Inner {
                client,
                notices,
                retry: settings.retry,
                silence: settings.silence,
                reads: Arc::new(Semaphore::new(settings.parallel.max(1))),
                host,
                access,
            }),
        })
    }

    /// A kube client for typed requests, watches and writes. It repeats nothing by itself: a 429 of an eviction comes
    /// back at once.
    #[must_use]
    pub fn client(&self) -> kube::Client {
        self.inner.client.clone()
    }

    /// How this cluster is reached, and as whom.
    #[must_use]
    pub fn access(&self) -> &Access {
        &self.inner.access
    }

    /// Makes sense of an error of [`Cluster::client`], in kubectl's words. `request` says what was tried.
    #[must_use]
    pub fn explain(&self, error: kube::Error, request: &str) -> ClusterError {
        ClusterError::from_kube(error, request, &self.inner.host)
    }
}

fn host_and_port(uri: &Uri) -> String {
    match (uri.host(), uri.port_u16()) {
        (Some(host), Some(port)) => format!("{host}:{port}"),
        (Some(host), None) => host.to_owned(),
        _ => uri.to_string(),
    }
}

/// kube's configuration, without any of what it does otherwise than kubectl: no plugin in it (kube would run it three
/// times), no hidden retries, no proxy of its own choosing.
fn config(access: &Access, identity: &Identity, user_agent: &str) -> Result<kube::Config, ClusterError> {
    let mut config = kube::Config::new(access.server.clone());
    config.default_namespace.clone_from(&access.namespace);
    config.root_cert.clone_from(&access.authorities);
    config.root_cert_file.clone_from(&access.authority_file);
    config.accept_invalid_certs = access.insecure;
    config.tls_server_name.clone_from(&access.tls_server_name);
    config.disable_compression = access.disable_compression;
    config.proxy_url.clone_from(&access.proxy);
    config.default_retry = false;
    let agent = HeaderValue::from_str(user_agent)
        .map_err(|_| ClusterError::Setup(format!("{user_agent:?} cannot be sent as User-Agent")))?;
    config.headers.push((http::header::USER_AGENT, agent));
    let impersonation = &access.impersonation;
    config.auth_info = AuthInfo {
        impersonate: impersonation.user.clone(),
        impersonate_uid: impersonation.uid.clone(),
        impersonate_groups: Some(impersonation.groups.clone()).filter(|groups| !groups.is_empty()),
        impersonate_user_extra: Some(impersonation.extra.clone().into_iter().collect())
            .filter(|extra: &std::collections::HashMap<_, _>| !extra.is_empty()),
        ..AuthInfo::default()
    };
    if let Some((certificate, key)) = &identity.certificate {
        use secrecy::ExposeSecret as _;
        config.auth_info.client_certificate_data = Some(pem::to_base64(certificate));
        config.auth_info.client_key_data = Some(pem::to_base64(key.expose_secret().as_bytes()).into());
    }
    if let Authorization::Oidc(provider) = &identity.authorization {
        config.auth_info.auth_provider = Some(AuthProviderConfig {
            name: provider.name.clone(),
            config: provider.config.clone().unwrap_or_default(),
            ..AuthProviderConfig::default()
        });
    }
    Ok(config)
}
