//! Stands in for the crate of the same name, of which kube-client uses one function in one place: to take a token out
//! of what the command of the auth provider `gcp` printed. client-go lost that provider in Kubernetes 1.26, so patchkit
//! refuses a kubeconfig that names it, as kubectl does, and nothing is ever asked here. The crate itself brings a
//! parser and two engines of regular expressions along: half a megabyte in each of three programs.

use std::fmt;

/// The answer to every query.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unsupported;

impl fmt::Display for Unsupported {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "the auth provider gcp was removed in Kubernetes 1.26: use the credential plugin gke-gcloud-auth-plugin",
        )
    }
}

impl std::error::Error for Unsupported {}

/// Values that could be asked.
pub trait JsonPath {
    /// Refuses.
    ///
    /// # Errors
    /// Always: see the crate.
    fn query(&self, path: &str) -> Result<Vec<&Self>, Unsupported>;
}

impl JsonPath for serde_json::Value {
    fn query(&self, _path: &str) -> Result<Vec<&Self>, Unsupported> {
        Err(Unsupported)
    }
}
