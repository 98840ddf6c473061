//! Kubeconfig files: one file, and several of them merged as kubectl merges them.
//!
//! Follows client-go's `tools/clientcmd` (loader.go, merge.go): the first file to name a cluster, user or context
//! wins it whole, the first to set `current-context` wins that, missing files of the `KUBECONFIG` list are skipped,
//! and a relative path belongs to the directory of the file that says it.

use std::collections::HashSet;
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Deserializer};
use thiserror::Error;

use super::environment::Environment;

/// Why kubeconfig files could not be read.
#[derive(Debug, Error)]
pub enum KubeconfigError {
    /// A file could not be opened.
    #[error("cannot read the kubeconfig {}: {source}", .path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// A file is not a kubeconfig.
    #[error("error loading config file \"{}\"{}: {message}", .path.display(), place(*.line, *.column))]
    Parse {
        /// The file.
        path: PathBuf,
        /// Line, counted from 1, where it is known.
        line: Option<u64>,
        /// Column, counted from 1, where it is known.
        column: Option<u64>,
        /// What was expected, or found.
        message: String,
    },
    /// Two entries of one file have the same name.
    #[error("error loading config file \"{}\": {list} names {name:?} twice: rename or remove one of them", .path.display())]
    Duplicate {
        /// The file.
        path: PathBuf,
        /// `clusters`, `users` or `contexts`.
        list: &'static str,
        /// The name.
        name: String,
    },
}

fn place(line: Option<u64>, column: Option<u64>) -> String {
    match (line, column) {
        (Some(line), Some(column)) => format!(", line {line}, column {column}"),
        (Some(line), None) => format!(", line {line}"),
        _ => String::new(),
    }
}

/// What a set of kubeconfig files says together.
#[derive(Clone, Debug, Default)]
pub struct Kubeconfig {
    /// The context to use where no flag says another.
    pub current_context: Option<String>,
    /// Clusters, users and contexts by name, each from the first file that names it.
    pub clusters: Vec<Named<ClusterEntry>>,
    /// Users by name.
    pub users: Vec<Named<UserEntry>>,
    /// Contexts by name.
    pub contexts: Vec<Named<ContextEntry>>,
    /// The files that were read, in order.
    pub files: Vec<PathBuf>,
    /// The files that were looked for and are not there.
    pub missing: Vec<PathBuf>,
}

/// A named entry and the file that it came from.
#[derive(Clone, Debug)]
pub struct Named<T> {
    /// Its name.
    pub name: String,
    /// What it says.
    pub entry: T,
    /// The file that says it.
    pub file: PathBuf,
}

impl Kubeconfig {
    /// Reads the files that kubectl would read: the one of `--kubeconfig`, else the list of `KUBECONFIG`, else
    /// `~/.kube/config`.
    ///
    /// # Errors
    /// A file that was named by `--kubeconfig` and is not there, and any file that cannot be read or understood.
    pub fn load(explicit: Option<&Path>, environment: &Environment) -> Result<Self, KubeconfigError> {
        let mut merged = Self::default();
        if let Some(path) = explicit {
            let file = File::read(path)?;
            merged.add(path, file)?;
            return Ok(merged);
        }
        let paths: Vec<PathBuf> = match environment.variable_os("KUBECONFIG") {
            Some(list) => std::env::split_paths(list).filter(|path| !path.as_os_str().is_empty()).collect(),
            None => environment.home.iter().map(|home| home.join(".kube").join("config")).collect(),
        };
        let mut seen = HashSet::new();
        for path in paths {
            if !seen.insert(path.clone()) {
                continue;
            }
            match File::read(&path) {
                Ok(file) => merged.add(&path, file)?,
                Err(KubeconfigError::Read { source, .. }) if source.kind() == io::ErrorKind::NotFound => {
                    merged.missing.push(path);
                }
                Err(error) => return Err(error),
            }
        }
        Ok(merged)
    }

    /// Adds what a further file says and no earlier one did.
    fn add(&mut self, path: &Path, file: File) -> Result<(), KubeconfigError> {
        let directory = path.parent().unwrap_or_else(|| Path::new(""));
        let File { current_context, clusters, users, contexts } = file;
        append(&mut self.clusters, clusters, path, "clusters", |entry| entry.resolve(directory))?;
        append(&mut self.users, users, path, "users", |entry| entry.resolve(directory))?;
        append(&mut self.contexts, contexts, path, "contexts", |_| ())?;
        if self.current_context.is_none() {
            self.current_context = current_context.filter(|name| !name.is_empty());
        }
        self.files.push(path.to_owned());
        Ok(())
    }
}

fn append<T>(
    all: &mut Vec<Named<T>>,
    further: Vec<FileEntry<T>>,
    path: &Path,
    list: &'static str,
    resolve: impl Fn(&mut T),
) -> Result<(), KubeconfigError> {
    let earlier: HashSet<String> = all.iter().map(|known| known.name.clone()).collect();
    let mut here = HashSet::new();
    for FileEntry { name, entry } in further {
        if !here.insert(name.clone()) {
            return Err(KubeconfigError::Duplicate { path: path.to_owned(), list, name });
        }
        if earlier.contains(&name) {
            continue;
        }
        // An entry without a body counts as one that says nothing, as in client-go.
        let Some(mut entry) = entry else { continue };
        resolve(&mut entry);
        all.push(Named { name, entry, file: path.to_owned() });
    }
    Ok(())
}

/// One file as it is written.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct File {
    #[serde(rename = "current-context")]
    current_context: Option<String>,
    #[serde(deserialize_with = "null_as_empty")]
    clusters: Vec<FileEntry<ClusterEntry>>,
    #[serde(deserialize_with = "null_as_empty")]
    users: Vec<FileEntry<UserEntry>>,
    #[serde(deserialize_with = "null_as_empty")]
    contexts: Vec<FileEntry<ContextEntry>>,
}

#[derive(Debug, Deserialize)]
struct FileEntry<T> {
    #[serde(default)]
    name: String,
    #[serde(alias = "cluster", alias = "user", alias = "context", default = "nothing")]
    entry: Option<T>,
}

fn nothing<T>() -> Option<T> {
    None
}

fn null_as_empty<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Vec<T>, D::Error> {
    Ok(Option::<Vec<T>>::deserialize(deserializer)?.unwrap_or_default())
}

impl File {
    fn read(path: &Path) -> Result<Self, KubeconfigError> {
        let bytes = std::fs::read(path).map_err(|source| KubeconfigError::Read { path: path.to_owned(), source })?;
        let wrong = |line, column, message| KubeconfigError::Parse { path: path.to_owned(), line, column, message };
        let text = decode(&bytes).map_err(|message| wrong(None, None, message))?;
        if text.trim().is_empty() {
            return Ok(Self::default());
        }
        // A key said twice is no reason to fail: Go's YAML reader takes the last.
        let options = serde_saphyr::options! { duplicate_keys: serde_saphyr::DuplicateKeyPolicy::LastWins };
        match serde_saphyr::from_str_with_options::<Option<Self>>(&text, options) {
            Ok(file) => Ok(file.unwrap_or_default()),
            Err(error) => {
                let location = error.location();
                let message = error.without_snippet().to_string();
                Err(wrong(location.map(|at| at.line()), location.map(|at| at.column()), first_line(&message)))
            }
        }
    }
}

fn first_line(message: &str) -> String {
    message.lines().next().unwrap_or_default().trim_end_matches(':').to_owned()
}

/// Text in UTF-8, or in UTF-16 with a byte order mark as PowerShell's `>` writes it.
fn decode(bytes: &[u8]) -> Result<String, String> {
    let sixteen = |order: fn([u8; 2]) -> u16| {
        let units: Vec<u16> = bytes[2..].chunks_exact(2).map(|pair| order([pair[0], pair[1]])).collect();
        String::from_utf16(&units).map_err(|_| "the file is not valid UTF-16".to_owned())
    };
    match bytes {
        [0xFF, 0xFE, ..] => sixteen(u16::from_le_bytes),
        [0xFE, 0xFF, ..] => sixteen(u16::from_be_bytes),
        _ => {
            let text = bytes.strip_prefix(&[0xEF, 0xBB, 0xBF]).unwrap_or(bytes);
            String::from_utf8(text.to_vec()).map_err(|error| {
                format!("the file is not text in UTF-8 (byte {})", error.utf8_error().valid_up_to() + 1)
            })
        }
    }
}

/// A cluster's address and how to check that it is the right one.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
pub struct ClusterEntry {
    /// Address of the API server.
    pub server: Option<String>,
    /// The certificate is not checked.
    pub insecure_skip_tls_verify: Option<bool>,
    /// File with the certificate authority.
    pub certificate_authority: Option<PathBuf>,
    /// The certificate authority itself: base64 of PEM.
    pub certificate_authority_data: Option<String>,
    /// Proxy for all requests.
    pub proxy_url: Option<String>,
    /// Answers are not compressed.
    pub disable_compression: Option<bool>,
    /// Name that the certificate must hold.
    pub tls_server_name: Option<String>,
    /// Further data; one name is reserved for exec plugins.
    #[serde(deserialize_with = "null_as_empty")]
    pub extensions: Vec<Extension>,
}

/// Data of an extension of the kubeconfig.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Extension {
    /// Its name.
    pub name: String,
    /// Its data.
    pub extension: serde_json::Value,
}

/// How a user proves who they are.
#[derive(Clone, Default, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
pub struct UserEntry {
    /// File with the client certificate.
    pub client_certificate: Option<PathBuf>,
    /// The client certificate: base64 of PEM.
    pub client_certificate_data: Option<String>,
    /// File with the client's key.
    pub client_key: Option<PathBuf>,
    /// The client's key: base64 of PEM.
    pub client_key_data: Option<String>,
    /// Bearer token.
    pub token: Option<String>,
    /// File with a bearer token.
    #[serde(rename = "tokenFile")]
    pub token_file: Option<PathBuf>,
    /// User to act as.
    #[serde(rename = "as")]
    pub impersonate: Option<String>,
    /// UID to act as.
    #[serde(rename = "as-uid")]
    pub impersonate_uid: Option<String>,
    /// Groups to act as.
    #[serde(rename = "as-groups", deserialize_with = "null_as_empty")]
    pub impersonate_groups: Vec<String>,
    /// Extra of the user to act as.
    #[serde(rename = "as-user-extra")]
    pub impersonate_extra: Option<std::collections::BTreeMap<String, Vec<String>>>,
    /// User name for basic authentication.
    pub username: Option<String>,
    /// Password for basic authentication.
    pub password: Option<String>,
    /// Built-in provider (OIDC is the only one left).
    pub auth_provider: Option<AuthProvider>,
    /// Plugin that is run for credentials.
    pub exec: Option<ExecEntry>,
}

impl std::fmt::Debug for UserEntry {
    /// Says which kinds of credentials there are, never the credentials.
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("UserEntry")
            .field("token", &self.token.is_some())
            .field("token_file", &self.token_file)
            .field("client_certificate", &(self.client_certificate.is_some() || self.client_certificate_data.is_some()))
            .field("password", &self.password.is_some())
            .field("exec", &self.exec.as_ref().map(|exec| &exec.command))
            .field("impersonate", &self.impersonate)
            .finish_non_exhaustive()
    }
}

/// A built-in way to get credentials.
#[derive(Clone, Default, Deserialize)]
#[serde(default)]
pub struct AuthProvider {
    /// Its name: `oidc`; `gcp` and `azure` were removed from kubectl in 1.26.
    pub name: String,
    /// Its settings.
    pub config: Option<std::collections::HashMap<String, String>>,
}

/// A program that prints credentials.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ExecEntry {
    /// `client.authentication.k8s.io/v1` or `…/v1beta1`.
    pub api_version: Option<String>,
    /// Program to run.
    pub command: Option<String>,
    /// Its arguments.
    #[serde(deserialize_with = "null_as_empty")]
    pub args: Vec<String>,
    /// Variables to set for it.
    #[serde(deserialize_with = "null_as_empty")]
    pub env: Vec<ExecVariable>,
    /// What to tell the user where the program is missing.
    pub install_hint: Option<String>,
    /// `Never`, `IfAvailable` or `Always`.
    pub interactive_mode: Option<String>,
    /// Whether the program is told about the cluster.
    pub provide_cluster_info: bool,
}

/// A variable for an exec plugin.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct ExecVariable {
    /// Its name.
    pub name: String,
    /// Its value.
    pub value: String,
}

/// A cluster, a user and a namespace under one name.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct ContextEntry {
    /// The cluster's name.
    pub cluster: Option<String>,
    /// The user's name.
    pub user: Option<String>,
    /// The namespace where none is given.
    pub namespace: Option<String>,
}

impl ClusterEntry {
    fn resolve(&mut self, directory: &Path) {
        resolve(&mut self.certificate_authority, directory);
    }
}

impl UserEntry {
    fn resolve(&mut self, directory: &Path) {
        resolve(&mut self.client_certificate, directory);
        resolve(&mut self.client_key, directory);
        resolve(&mut self.token_file, directory);
        // A bare name is looked up on PATH; only something with a directory in it is a path.
        if let Some(command) = self.exec.as_mut().and_then(|exec| exec.command.as_mut())
            && command.contains(std::path::is_separator)
            && Path::new(command.as_str()).is_relative()
            && let Some(path) = directory.join(command.as_str()).to_str()
        {
            *command = path.to_owned();
        }
    }
}

fn resolve(path: &mut Option<PathBuf>, directory: &Path) {
    if let Some(named) = path
        && !named.as_os_str().is_empty()
        && named.is_relative()
    {
        *named = directory.join(&*named);
    }
}
