//! What the process was started with, read once and then passed along, so that everything that decides from it can
//! be tested without touching the real environment.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::io::IsTerminal as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

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
    /// Nobody waits for what a credential plugin has to say: it is asked nothing, what it writes to standard error is
    /// thrown away, and it is ended after this time.
    pub plugins_in_background: Option<Duration>,
}

/// The folder for what can be made anew: `$PATCHKIT_CACHE_DIR`, else `patchkit` in the user's cache directory. None
/// where the environment names no place.
///
/// `variable` reads an environment variable.
pub fn cache_folder(variable: impl Fn(&str) -> Option<OsString>) -> Option<PathBuf> {
    let set = |name: &str| variable(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    // A relative path in XDG_CACHE_HOME has to be ignored, says the XDG Base Directory Specification.
    let user = || {
        set("XDG_CACHE_HOME")
            .filter(|path| path.is_absolute())
            .or_else(|| set("LOCALAPPDATA"))
            .or_else(|| set("HOME").map(|home| home.join(".cache")))
            .map(|cache| cache.join("patchkit"))
    };
    set("PATCHKIT_CACHE_DIR").or_else(user)
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
            plugins_in_background: None,
        }
    }

    /// The surroundings of this process, for work that nobody watches: credential plugins get no terminal, and this
    /// long.
    #[must_use]
    pub fn in_background(limit: Duration) -> Self {
        Self { stdin_is_terminal: false, plugins_in_background: Some(limit), ..Self::of_process() }
    }

    /// Surroundings with nothing but these variables and this home, for tests.
    #[must_use]
    pub fn with<'a>(variables: impl IntoIterator<Item = (&'a str, &'a str)>, home: Option<&Path>) -> Self {
        Self {
            variables: variables.into_iter().map(|(name, value)| (name.into(), value.into())).collect(),
            home: home.map(Path::to_owned),
            stdin_is_terminal: false,
            service_account: SERVICE_ACCOUNT_DIRECTORY.into(),
            plugins_in_background: None,
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
