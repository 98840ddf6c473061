//! The `Authorization` header: fixed, from a file that is read again, or from a plugin.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use http::HeaderValue;
use secrecy::{ExposeSecret as _, SecretString};
use tokio::sync::Mutex;

use super::access::Authorization;
use super::errors::ClusterError;
use super::exec::ExecTokens;
use super::pem;

/// How long a token file's text is kept, as in client-go: a pod's token rotates.
const RELOAD: Duration = Duration::from_secs(60);

/// Where the header comes from.
pub(super) enum HeaderSource {
    /// No header, or one that kube's own layer adds (OIDC).
    None,
    Fixed(HeaderValue),
    File(TokenFile),
    Exec(Box<ExecTokens>),
}

impl HeaderSource {
    /// The source for what needs no plugin.
    pub fn new(authorization: &Authorization) -> Result<Self, ClusterError> {
        Ok(match authorization {
            Authorization::Token(token) => Self::Fixed(bearer(token)?),
            Authorization::Basic(user, password) => {
                let both = format!("{user}:{}", password.expose_secret());
                Self::Fixed(header(&format!("Basic {}", pem::to_base64(both.as_bytes())))?)
            }
            Authorization::TokenFile(path) => Self::File(TokenFile { path: path.clone(), read: Mutex::new(None) }),
            Authorization::None | Authorization::Oidc(_) | Authorization::Exec(_) => Self::None,
        })
    }

    /// The header to send now, and the generation of a plugin's token.
    pub async fn header(&self) -> Result<(Option<HeaderValue>, u64), ClusterError> {
        match self {
            Self::None => Ok((None, 0)),
            Self::Fixed(value) => Ok((Some(value.clone()), 0)),
            Self::File(file) => Ok((Some(file.header().await?), 0)),
            Self::Exec(tokens) => {
                let (token, generation) =
                    tokens.token().await.map_err(|error| ClusterError::Credentials(error.into()))?;
                Ok((token.as_ref().map(bearer).transpose()?, generation))
            }
        }
    }
}

fn bearer(token: &SecretString) -> Result<HeaderValue, ClusterError> {
    header(&format!("Bearer {}", token.expose_secret()))
}

fn header(text: &str) -> Result<HeaderValue, ClusterError> {
    let mut value = HeaderValue::from_str(text).map_err(|_| {
        ClusterError::Setup(
            "the token or password holds characters that no HTTP header may hold, such as a line break".into(),
        )
    })?;
    value.set_sensitive(true);
    Ok(value)
}

/// A file with a token.
pub(super) struct TokenFile {
    path: PathBuf,
    read: Mutex<Option<(HeaderValue, Instant)>>,
}

impl TokenFile {
    async fn header(&self) -> Result<HeaderValue, ClusterError> {
        let mut read = self.read.lock().await;
        if let Some((value, at)) = &*read
            && at.elapsed() < RELOAD
        {
            return Ok(value.clone());
        }
        let value = match (std::fs::read_to_string(&self.path), read.take()) {
            (Ok(text), _) => bearer(&text.trim().to_owned().into())?,
            // A file that went away leaves the last token good (kubernetes/kubernetes#68164).
            (Err(_), Some((value, _))) => value,
            (Err(error), None) => {
                return Err(ClusterError::Setup(format!(
                    "cannot read the token file {}: {error}",
                    self.path.display()
                )));
            }
        };
        *read = Some((value.clone(), Instant::now()));
        Ok(value)
    }
}
