//! Getting public files from their addresses.

use std::time::Duration;

use crate::facts::refresh;

/// A way to get what stands at an address.
pub trait Fetch {
    /// The body of the answer to a GET.
    ///
    /// # Errors
    /// What went wrong, for a reader.
    fn get(&self, address: &str) -> Result<Vec<u8>, String>;
}

/// HTTP through the proxies of the environment (`HTTPS_PROXY`, `NO_PROXY`, …), trusting the system's certificates.
#[derive(Debug)]
pub struct Http(ureq::Agent);

impl Http {
    /// A client that gives up after a minute per answer.
    #[must_use]
    pub fn new() -> Self {
        let system: Vec<_> = rustls_native_certs::load_native_certs()
            .certs
            .into_iter()
            .map(|certificate| ureq::tls::Certificate::from_der(&certificate).to_owned())
            .collect();
        // A machine without a store of its own still has the certificates that are compiled in.
        let roots = if system.is_empty() {
            ureq::tls::RootCerts::WebPki
        } else {
            ureq::tls::RootCerts::new_with_certs(&system)
        };
        let config = ureq::Agent::config_builder()
            .timeout_global(Some(Duration::from_secs(60)))
            .user_agent(concat!("kubectl-secpatch/", env!("CARGO_PKG_VERSION")))
            .tls_config(ureq::tls::TlsConfig::builder().root_certs(roots).build())
            .build();
        Self(config.new_agent())
    }
}

impl Default for Http {
    fn default() -> Self {
        Self::new()
    }
}

impl Fetch for Http {
    fn get(&self, address: &str) -> Result<Vec<u8>, String> {
        let mut answer = self.0.get(address).call().map_err(|error| error.to_string())?;
        let limit = refresh::LARGEST_FILE as u64 + 1;
        answer.body_mut().with_config().limit(limit).read_to_vec().map_err(|error| error.to_string())
    }
}
