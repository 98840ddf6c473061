//! What the process was started with, read once and then passed along, so that everything that decides from it can
//! be tested without touching the real environment.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::io::IsTerminal as _;
use std::path::{Path, PathBuf};

/// Where a pod finds the credentials of its service account.
const SERVICE_ACCOUNT_DIRECTORY: &str = "/var/run/secrets/kubernetes.io/serviceaccount";

/// The surroundings that decide which cluster is reached, and how.
#[derive(Clone, Debug, Default)]
pub struct Environment {
    variables: BTreeMap<OsString, OsString>,
    /// The user's home directory.
    pub home: Option<PathBuf>,
    /// Whether a plugin could ask the user something.
    pub stdin_is_terminal: bool,
    /// Where the service account of a pod is mounted.
    pub service_account: PathBuf,
}

impl Environment {
    /// The surroundings of this process.
    #[must_use]
    pub fn of_process() -> Self {
        Self {
            variables: std::env::vars_os().collect(),
            home: std::env::home_dir().filter(|path| !path.as_os_str().is_empty()),
            stdin_is_terminal: std::io::stdin().is_terminal(),
            service_account: SERVICE_ACCOUNT_DIRECTORY.into(),
        }
    }

    /// Surroundings with nothing but these variables and this home, for tests.
    #[must_use]
    pub fn with<'a>(variables: impl IntoIterator<Item = (&'a str, &'a str)>, home: Option<&Path>) -> Self {
        Self {
            variables: variables.into_iter().map(|(name, value)| (name.into(), value.into())).collect(),
            home: home.map(Path::to_owned),
            stdin_is_terminal: false,
            service_account: SERVICE_ACCOUNT_DIRECTORY.into(),
        }
    }

    /// A variable that is set and not empty.
    pub(crate) fn variable_os(&self, name: &str) -> Option<&OsStr> {
        self.variables.get(OsStr::new(name)).map(OsString::as_os_str).filter(|value| !value.is_empty())
    }

    /// A variable that is set, not empty, and text.
    pub(crate) fn variable(&self, name: &str) -> Option<&str> {
        self.variable_os(name).and_then(OsStr::to_str)
    }
}
