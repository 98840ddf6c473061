//! From flags, kubeconfig and environment to one decision: which server, checked how, as whom, through which proxy.
//!
//! The order of precedence is client-go's (`tools/clientcmd/client_config.go`), with one deliberate difference:
//! `--token` also leaves the kubeconfig user's client certificate at home. kubectl keeps sending it, and an API server
//! that is offered both believes the certificate and ignores the token.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use http::Uri;
use secrecy::SecretString;
use thiserror::Error;

use super::environment::Environment;
use super::kubeconfig::{AuthProvider, ClusterEntry, ExecEntry, Kubeconfig, KubeconfigError, Named, UserEntry};
use super::options::ConnectOptions;
use super::pem::{self, PemError};
use super::proxy::{self, ProxyError};

/// Name under which a cluster entry keeps data for exec plugins.
const EXEC_EXTENSION: &str = "client.authentication.k8s.io/exec";

/// Why it could not be decided which cluster to reach.
#[derive(Debug, Error)]
pub enum AccessError {
    /// A kubeconfig could not be read.
    #[error(transparent)]
    Kubeconfig(#[from] KubeconfigError),
    /// Nothing names a cluster.
    #[error(
        "no cluster is configured: {looked}. Name one with --context, --kubeconfig or --server, set KUBECONFIG, or read files with -f"
    )]
    NoCluster {
        /// Where a configuration was looked for.
        looked: String,
    },
    /// A flag or a context names something that is not there.
    #[error("{kind} {name:?} does not exist{}", others(.known))]
    Unknown {
        /// `context`, `cluster` or `user`.
        kind: &'static str,
        /// The name.
        name: String,
        /// The names that exist.
        known: Vec<String>,
    },
    /// Parts of the configuration contradict each other, or one is missing.
    #[error("invalid configuration: {0}")]
    Invalid(String),
    /// A certificate, a key or a token could not be read.
    #[error(transparent)]
    Pem(#[from] PemError),
    /// No proxy could be decided on.
    #[error(transparent)]
    Proxy(#[from] ProxyError),
}

fn others(names: &[String]) -> String {
    match names {
        [] => String::new(),
        [one] => format!(" (there is only {one:?})"),
        [first @ .., last] if names.len() <= 8 => format!(" (there are {} and {last})", first.join(", ")),
        _ => format!(" (there are {} others: kubectl config get-contexts lists them)", names.len()),
    }
}

/// Everything that is needed to reach a cluster.
#[derive(Clone, Debug)]
pub struct Access {
    /// The context's name; none when a server was given by itself, or inside a pod.
    pub context: Option<String>,
    /// The cluster's name in the kubeconfig.
    pub cluster: Option<String>,
    /// The user's name in the kubeconfig.
    pub user: Option<String>,
    /// The API server's address, as it was given.
    pub server: Uri,
    /// The namespace of commands that are given none.
    pub namespace: String,
    /// Whether the namespace was given by a flag.
    pub namespace_given: bool,
    /// Certificate authorities in DER; none means the system's.
    pub authorities: Option<Vec<Vec<u8>>>,
    /// File of the certificate authorities, read again from time to time: inside a pod they rotate.
    pub authority_file: Option<PathBuf>,
    /// The server's certificate is not checked.
    pub insecure: bool,
    /// The name that the certificate must hold, where it is not the server's.
    pub tls_server_name: Option<String>,
    /// The proxy to go through.
    pub proxy: Option<Uri>,
    /// The server is asked not to compress.
    pub disable_compression: bool,
    /// Who we are.
    pub identity: Identity,
    /// Whom we act as.
    pub impersonation: Impersonation,
    /// How long an answer may take; none means for ever.
    pub request_timeout: Option<Duration>,
    /// How many objects a page of a list holds; none means all.
    pub chunk_size: Option<u32>,
}

/// How we prove who we are.
#[derive(Clone, Default)]
pub struct Identity {
    /// Client certificate and key in PEM.
    pub certificate: Option<(Vec<u8>, SecretString)>,
    /// What goes into the `Authorization` header.
    pub authorization: Authorization,
}

/// What goes into the `Authorization` header.
#[derive(Clone, Default)]
pub enum Authorization {
    /// Nothing.
    #[default]
    None,
    /// A bearer token.
    Token(SecretString),
    /// A file with a bearer token that is read again from time to time.
    TokenFile(PathBuf),
    /// User name and password.
    Basic(String, SecretString),
    /// The OIDC provider.
    Oidc(AuthProvider),
    /// A plugin that is run for a token or a client certificate.
    Exec(Box<ExecSource>),
}

/// An exec plugin and what it is told about the cluster.
#[derive(Clone, Debug)]
pub struct ExecSource {
    /// The kubeconfig user that names it.
    pub user: String,
    /// What the kubeconfig says.
    pub entry: ExecEntry,
    /// `spec.cluster` of the ExecCredential that it is handed.
    pub cluster: Option<serde_json::Value>,
}

impl std::fmt::Debug for Identity {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let authorization = match &self.authorization {
            Authorization::None => "none",
            Authorization::Token(_) => "token",
            Authorization::TokenFile(_) => "token file",
            Authorization::Basic(..) => "basic",
            Authorization::Oidc(_) => "oidc",
            Authorization::Exec(_) => "exec",
        };
        formatter
            .debug_struct("Identity")
            .field("certificate", &self.certificate.is_some())
            .field("authorization", &authorization)
            .finish()
    }
}

/// Whom we act as.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Impersonation {
    /// User name.
    pub user: Option<String>,
    /// UID.
    pub uid: Option<String>,
    /// Groups.
    pub groups: Vec<String>,
    /// Extra values by key.
    pub extra: BTreeMap<String, Vec<String>>,
}

impl Access {
    /// Decides which cluster to reach. Reads files, makes no connection and runs nothing.
    ///
    /// # Errors
    /// Where nothing names a cluster, a name leads nowhere, parts contradict each other or a file cannot be read.
    pub fn resolve(options: &ConnectOptions, environment: &Environment) -> Result<Self, AccessError> {
        let kubeconfig = Kubeconfig::load(options.kubeconfig.as_deref(), environment)?;
        let explicit_context = options.context.as_deref().filter(|name| !name.is_empty());
        let context_name = explicit_context.or(kubeconfig.current_context.as_deref());
        let context = match context_name {
            None => None,
            Some(name) => {
                Some(find(&kubeconfig.contexts, name).ok_or_else(|| unknown("context", name, &kubeconfig.contexts))?)
            }
        };
        let context_entry = context.map(|context| context.entry.clone()).unwrap_or_default();

        let cluster_flag = options.cluster.as_deref().filter(|name| !name.is_empty());
        let cluster_name = cluster_flag.or(context_entry.cluster.as_deref());
        let cluster = match cluster_name.map(|name| (name, find(&kubeconfig.clusters, name))) {
            // A server given by flag needs no cluster entry.
            Some((name, None)) if cluster_flag.is_some() || options.server.is_none() => {
                return Err(unknown("cluster", name, &kubeconfig.clusters));
            }
            Some((_, found)) => found,
            None => None,
        };
        let user_flag = options.user.as_deref().filter(|name| !name.is_empty());
        let user_name = user_flag.or(context_entry.user.as_deref());
        let user = match user_name.map(|name| (name, find(&kubeconfig.users, name))) {
            Some((name, None)) if user_flag.is_some() => return Err(unknown("user", name, &kubeconfig.users)),
            Some((_, found)) => found,
            None => None,
        };

        let mut entry = cluster.map(|cluster| cluster.entry.clone()).unwrap_or_default();
        override_cluster(&mut entry, options);
        let from_flags = options.namespace.clone().filter(|name| !name.is_empty());
        let namespace = |fallback: Option<String>| {
            from_flags
                .clone()
                .or(context_entry.namespace.clone().filter(|name| !name.is_empty()))
                .or(fallback)
                .unwrap_or_else(|| "default".to_owned())
        };

        let Some(server) = entry.server.clone().filter(|server| !server.is_empty()) else {
            if cluster.is_none() && context.is_none() {
                return Self::in_cluster(options, environment, &kubeconfig, namespace);
            }
            let file = cluster.map(|cluster| format!(" in {}", cluster.file.display())).unwrap_or_default();
            return Err(AccessError::Invalid(format!(
                "no server found for cluster {:?}{file}; set its server, or give --server",
                cluster_name.unwrap_or_default()
            )));
        };
        let server = parse_server(&server)?;
        let name = cluster_name.unwrap_or("given by flags");
        let authorities = match (&entry.certificate_authority_data, &entry.certificate_authority) {
            (Some(data), _) if !data.is_empty() => Some(pem::certificates(
                &pem::from_base64(data, "certificate-authority-data", name)?,
                "certificate-authority-data",
                name,
            )?),
            (_, Some(file)) if !file.as_os_str().is_empty() => Some(pem::certificates(
                &pem::from_file(file, "certificate-authority", name)?,
                "certificate-authority",
                name,
            )?),
            _ => None,
        };
        let insecure = entry.insecure_skip_tls_verify.unwrap_or(false);
        if insecure && authorities.is_some() {
            return Err(AccessError::Invalid(format!(
                "specifying a root certificates file with the insecure flag is not allowed (cluster {name:?}): remove one of them"
            )));
        }
        let user_label = user_name.unwrap_or("given by flags");
        let identity = match server.scheme_str() {
            Some("https") => identity(user.map(|user| &user.entry), options, &entry, user_label)?,
            // As kubectl: nothing secret is sent where everybody on the way can read it.
            _ => Identity::default(),
        };
        let impersonation = impersonation(user.map(|user| &user.entry), options)?;
        Ok(Self {
            context: context_name.map(str::to_owned),
            cluster: cluster_name.map(str::to_owned),
            user: user_name.map(str::to_owned),
            proxy: proxy::decide(&server, entry.proxy_url.as_deref(), environment)?,
            server,
            namespace: namespace(None),
            namespace_given: from_flags.is_some(),
            authorities,
            authority_file: None,
            insecure,
            tls_server_name: entry.tls_server_name.filter(|name| !name.is_empty()),
            disable_compression: entry.disable_compression.unwrap_or(false),
            identity,
            impersonation,
            request_timeout: Some(options.request_timeout).filter(|timeout| !timeout.is_zero()),
            chunk_size: Some(options.chunk_size).filter(|size| *size > 0),
        })
    }

    /// The way in from inside a pod, by its service account.
    fn in_cluster(
        options: &ConnectOptions,
        environment: &Environment,
        kubeconfig: &Kubeconfig,
        namespace: impl Fn(Option<String>) -> String,
    ) -> Result<Self, AccessError> {
        let token = environment.service_account.join("token");
        let address =
            environment.variable("KUBERNETES_SERVICE_HOST").zip(environment.variable("KUBERNETES_SERVICE_PORT"));
        let (Some((host, port)), true) = (address, token.is_file()) else {
            return Err(AccessError::NoCluster { looked: looked_in(options, kubeconfig) });
        };
        let host = if host.contains(':') { format!("[{host}]") } else { host.to_owned() };
        let server = parse_server(&format!("https://{host}:{port}"))?;
        let authority = options.certificate_authority.clone().unwrap_or(environment.service_account.join("ca.crt"));
        let own_namespace = environment.variable("POD_NAMESPACE").map(str::to_owned).or_else(|| {
            let text = std::fs::read_to_string(environment.service_account.join("namespace")).ok()?;
            Some(text.trim().to_owned()).filter(|name| !name.is_empty())
        });
        let insecure = options.insecure_skip_tls_verify == Some(true);
        Ok(Self {
            context: None,
            cluster: None,
            user: None,
            proxy: proxy::decide(&server, options.proxy_url.as_deref(), environment)?,
            server,
            namespace: namespace(own_namespace),
            namespace_given: options.namespace.is_some(),
            authorities: if insecure {
                None
            } else {
                let what = "the service account's certificate authority";
                Some(pem::certificates(&pem::from_file(&authority, what, "in-cluster")?, what, "in-cluster")?)
            },
            authority_file: Some(authority).filter(|_| !insecure),
            insecure,
            tls_server_name: options.tls_server_name.clone(),
            disable_compression: options.disable_compression.unwrap_or(false),
            identity: Identity {
                certificate: None,
                authorization: match &options.token {
                    Some(token) => Authorization::Token(token.clone().into()),
                    None => Authorization::TokenFile(token),
                },
            },
            impersonation: impersonation(None, options)?,
            request_timeout: Some(options.request_timeout).filter(|timeout| !timeout.is_zero()),
            chunk_size: Some(options.chunk_size).filter(|size| *size > 0),
        })
    }
}

fn looked_in(options: &ConnectOptions, kubeconfig: &Kubeconfig) -> String {
    let show = |paths: &[PathBuf]| paths.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(", ");
    match (&options.kubeconfig, kubeconfig.files.as_slice(), kubeconfig.missing.as_slice()) {
        (Some(path), ..) => format!("{} names no cluster and no current-context", path.display()),
        (None, [], []) => "there is no kubeconfig".to_owned(),
        (None, [], missing) => format!("there is no kubeconfig ({} does not exist)", show(missing)),
        (None, files, _) => format!("{} sets no current-context", show(files)),
    }
}

fn find<'a, T>(all: &'a [Named<T>], name: &str) -> Option<&'a Named<T>> {
    all.iter().find(|named| named.name == name)
}

fn unknown<T>(kind: &'static str, name: &str, all: &[Named<T>]) -> AccessError {
    AccessError::Unknown { kind, name: name.to_owned(), known: all.iter().map(|named| named.name.clone()).collect() }
}

/// Puts the flags over what the kubeconfig says of the cluster.
fn override_cluster(entry: &mut ClusterEntry, options: &ConnectOptions) {
    if let Some(server) = options.server.clone().filter(|server| !server.is_empty()) {
        entry.server = Some(server);
        // The name belongs to the server that the kubeconfig named.
        entry.tls_server_name = None;
    }
    if let Some(name) = options.tls_server_name.clone().filter(|name| !name.is_empty()) {
        entry.tls_server_name = Some(name);
    }
    if options.insecure_skip_tls_verify == Some(true) || options.certificate_authority.is_some() {
        entry.insecure_skip_tls_verify = options.insecure_skip_tls_verify;
        entry.certificate_authority.clone_from(&options.certificate_authority);
        entry.certificate_authority_data = None;
    }
    if let Some(url) = options.proxy_url.clone().filter(|url| !url.is_empty()) {
        entry.proxy_url = Some(url);
    }
    if options.disable_compression.is_some() {
        entry.disable_compression = options.disable_compression;
    }
}

fn parse_server(server: &str) -> Result<Uri, AccessError> {
    let wrong =
        |why: &str| AccessError::Invalid(format!("server {server:?} {why}; expected something like https://host:6443"));
    // As in client-go, an address without a scheme is one without TLS.
    let full = if server.contains("://") { server.to_owned() } else { format!("http://{server}") };
    let uri: Uri = full.parse().map_err(|error| wrong(&format!("is no URL ({error})")))?;
    if !matches!(uri.scheme_str(), Some("http" | "https")) {
        return Err(wrong("has an unsupported scheme"));
    }
    if uri.host().is_none_or(str::is_empty) {
        return Err(wrong("names no host"));
    }
    Ok(uri)
}

/// Decides how we prove who we are.
fn identity(
    user: Option<&UserEntry>,
    options: &ConnectOptions,
    cluster: &ClusterEntry,
    name: &str,
) -> Result<Identity, AccessError> {
    let empty = UserEntry::default();
    let user = user.unwrap_or(&empty);
    let filled = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
    let token_flag = filled(&options.token);

    let from_flags = options.client_certificate.is_some() || options.client_key.is_some();
    let certificate = if from_flags || token_flag.is_none() {
        let certificate =
            match (&options.client_certificate, filled(&user.client_certificate_data), &user.client_certificate) {
                (Some(file), ..) => Some(pem::from_file(file, "client-certificate", name)?),
                (None, Some(data), _) => Some(pem::from_base64(&data, "client-certificate-data", name)?),
                (None, None, Some(file)) if !file.as_os_str().is_empty() => {
                    Some(pem::from_file(file, "client-certificate", name)?)
                }
                _ => None,
            };
        let key = match (&options.client_key, filled(&user.client_key_data), &user.client_key) {
            (Some(file), ..) => Some(pem::from_file(file, "client-key", name)?),
            (None, Some(data), _) => Some(pem::from_base64(&data, "client-key-data", name)?),
            (None, None, Some(file)) if !file.as_os_str().is_empty() => Some(pem::from_file(file, "client-key", name)?),
            _ => None,
        };
        match (certificate, key) {
            (Some(certificate), Some(key)) => {
                pem::check_identity(&certificate, &key, name)?;
                let key = String::from_utf8(key)
                    .map_err(|_| PemError::NotPem { what: "client-key".into(), owner: name.into() })?;
                Some((certificate, SecretString::from(key)))
            }
            (Some(_), None) => {
                return Err(AccessError::Invalid(format!(
                    "client-key-data or client-key must be specified for {name:?} to use the clientCert authentication method"
                )));
            }
            // kubectl leaves a key without a certificate aside.
            _ => None,
        }
    } else {
        None
    };

    let authorization = if let Some(token) = token_flag {
        Authorization::Token(token.into())
    } else {
        let (token, username, password) = (filled(&user.token), filled(&user.username), filled(&user.password));
        if token.is_some() && (username.is_some() || password.is_some()) {
            return Err(AccessError::Invalid(format!(
                "more than one authentication method found for {name:?}; found [token basicAuth], only one is allowed"
            )));
        }
        if user.exec.is_some() && user.auth_provider.is_some() {
            return Err(AccessError::Invalid(format!(
                "authProvider cannot be provided in combination with an exec plugin for {name:?}"
            )));
        }
        match (
            token,
            &user.token_file,
            username.or(password.clone().map(|_| String::new())),
            &user.auth_provider,
            &user.exec,
        ) {
            (Some(token), ..) => Authorization::Token(token.into()),
            (None, Some(file), ..) if !file.as_os_str().is_empty() => {
                pem::from_file(file, "tokenFile", name)?;
                Authorization::TokenFile(file.clone())
            }
            (_, _, Some(username), ..) => Authorization::Basic(username, password.unwrap_or_default().into()),
            (_, _, _, Some(provider), _) => oidc(provider, name)?,
            // A client certificate of the user's own makes the plugin unnecessary, as in client-go.
            (.., Some(exec)) if certificate.is_none() => {
                Authorization::Exec(Box::new(exec_source(exec, cluster, name)?))
            }
            _ => Authorization::None,
        }
    };
    Ok(Identity { certificate, authorization })
}

fn oidc(provider: &AuthProvider, name: &str) -> Result<Authorization, AccessError> {
    match provider.name.as_str() {
        "oidc" => Ok(Authorization::Oidc(provider.clone())),
        "gcp" | "azure" => {
            let plugin = if provider.name == "gcp" { "gke-gcloud-auth-plugin" } else { "kubelogin" };
            Err(AccessError::Invalid(format!(
                "the {} auth plugin of user {name:?} has been removed from Kubernetes clients; use the {plugin:?} credential plugin instead",
                provider.name
            )))
        }
        other => Err(AccessError::Invalid(format!("no Auth Provider found for name {other:?} (user {name:?})"))),
    }
}

fn exec_source(exec: &ExecEntry, cluster: &ClusterEntry, name: &str) -> Result<ExecSource, AccessError> {
    let missing = |what: &str| {
        AccessError::Invalid(format!("{what} must be specified for {name:?} to use exec authentication plugin"))
    };
    if exec.command.as_deref().is_none_or(str::is_empty) {
        return Err(missing("command"));
    }
    let version = exec.api_version.as_deref().unwrap_or_default();
    match version.strip_prefix("client.authentication.k8s.io/") {
        Some("v1" | "v1beta1") => {}
        None if version.is_empty() => return Err(missing("apiVersion")),
        _ => {
            return Err(AccessError::Invalid(format!(
                "exec plugin of {name:?}: invalid apiVersion {version:?}; expected client.authentication.k8s.io/v1 or v1beta1"
            )));
        }
    }
    match exec.interactive_mode.as_deref() {
        Some("Never" | "IfAvailable" | "Always") => {}
        // v1beta1 has a default, v1 asks for an answer.
        None | Some("") if version.ends_with("v1beta1") => {}
        None | Some("") => return Err(missing("interactiveMode")),
        Some(other) => return Err(AccessError::Invalid(format!("invalid interactiveMode for {name:?}: {other:?}"))),
    }
    if exec.env.iter().any(|variable| variable.name.is_empty()) {
        return Err(missing("env variable name"));
    }
    let cluster = if exec.provide_cluster_info { Some(cluster_for_plugin(cluster, name)?) } else { None };
    Ok(ExecSource { user: name.to_owned(), entry: exec.clone(), cluster })
}

/// The cluster as an exec plugin is told about it (`client.authentication.k8s.io`, type Cluster).
fn cluster_for_plugin(cluster: &ClusterEntry, name: &str) -> Result<serde_json::Value, AccessError> {
    let mut told = serde_json::Map::new();
    let mut tell = |key: &str, value: Option<serde_json::Value>| {
        if let Some(value) = value {
            told.insert(key.to_owned(), value);
        }
    };
    tell("server", cluster.server.clone().map(Into::into));
    tell("tls-server-name", cluster.tls_server_name.clone().map(Into::into));
    tell("insecure-skip-tls-verify", cluster.insecure_skip_tls_verify.filter(|skip| *skip).map(Into::into));
    let authority = match (&cluster.certificate_authority_data, &cluster.certificate_authority) {
        (Some(data), _) => Some(data.clone()),
        (None, Some(file)) => Some(pem::to_base64(&pem::from_file(file, "certificate-authority", name)?)),
        _ => None,
    };
    tell("certificate-authority-data", authority.map(Into::into));
    tell("proxy-url", cluster.proxy_url.clone().map(Into::into));
    tell("disable-compression", cluster.disable_compression.filter(|off| *off).map(Into::into));
    let config = cluster.extensions.iter().find(|extension| extension.name == EXEC_EXTENSION);
    tell("config", config.map(|extension| extension.extension.clone()));
    Ok(told.into())
}

/// Whom we act as: each flag replaces what the kubeconfig's user says.
fn impersonation(user: Option<&UserEntry>, options: &ConnectOptions) -> Result<Impersonation, AccessError> {
    let filled = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
    let mut extra: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (key, value) in &options.impersonate_extra {
        extra.entry(key.clone()).or_default().push(value.clone());
    }
    let impersonation = Impersonation {
        user: filled(&options.impersonate).or_else(|| user.and_then(|user| filled(&user.impersonate))),
        uid: filled(&options.impersonate_uid).or_else(|| user.and_then(|user| filled(&user.impersonate_uid))),
        groups: if options.impersonate_groups.is_empty() {
            user.map(|user| user.impersonate_groups.clone()).unwrap_or_default()
        } else {
            options.impersonate_groups.clone()
        },
        extra: if extra.is_empty() {
            user.and_then(|user| user.impersonate_extra.clone()).unwrap_or_default()
        } else {
            extra
        },
    };
    let more = impersonation.uid.is_some() || !impersonation.groups.is_empty() || !impersonation.extra.is_empty();
    if impersonation.user.is_none() && more {
        return Err(AccessError::Invalid(
            "requesting uid, groups or user-extra without impersonating a user: give --as as well".to_owned(),
        ));
    }
    Ok(impersonation)
}
