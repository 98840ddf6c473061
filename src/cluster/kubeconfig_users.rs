//! What the users of a kubeconfig prove themselves with, and for how long: for those who look after credentials. No key
//! and no token leaves this file.

use std::path::PathBuf;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use jiff::Timestamp;
use serde::Deserialize;

use super::environment::Environment;
use super::kubeconfig::{Kubeconfig, KubeconfigError, UserEntry};
use super::options::ConnectOptions;
use super::pem;
use crate::rules::Certificate;

/// A user of a kubeconfig.
#[derive(Clone, Debug)]
pub struct KubeconfigUser {
    /// Its name there.
    pub name: String,
    /// The file that it stands in.
    pub file: PathBuf,
    /// Its client certificate, or why that cannot be read.
    pub certificate: Option<Result<Certificate, String>>,
    /// How long the token counts that stands in the kubeconfig itself.
    pub token: Option<TokenLife>,
    /// A password stands in the kubeconfig, which no API server has taken since 1.19.
    pub has_password: bool,
}

/// How long a token counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenLife {
    /// Up to this moment.
    Until(Timestamp),
    /// For ever: a JSON Web Token without an end.
    Endless,
    /// It does not say.
    Unknown,
}

impl TokenLife {
    /// Of a token. Its signature is not checked, and does not matter here.
    fn of(token: &str) -> Self {
        #[derive(Deserialize)]
        struct Claims {
            exp: Option<i64>,
        }
        let claims = || -> Option<Claims> {
            let mut parts = token.trim().split('.');
            let (_, payload, _) = (parts.next()?, parts.next()?, parts.next()?);
            serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).ok()?).ok()
        };
        match claims() {
            None => Self::Unknown,
            Some(Claims { exp: None }) => Self::Endless,
            Some(Claims { exp: Some(second) }) => Timestamp::from_second(second).map_or(Self::Endless, Self::Until),
        }
    }
}

/// The users of the kubeconfig that these options name: those that a context uses for this cluster entry, or all.
///
/// # Errors
/// A kubeconfig that cannot be read.
pub fn kubeconfig_users(
    options: &ConnectOptions,
    environment: &Environment,
    cluster: Option<&str>,
) -> Result<Vec<KubeconfigUser>, KubeconfigError> {
    let kubeconfig = Kubeconfig::load(options.kubeconfig.as_deref(), environment)?;
    let is_meant = |user: &str| {
        cluster.is_none_or(|cluster| {
            let here = |entry: &super::kubeconfig::ContextEntry| {
                entry.cluster.as_deref() == Some(cluster) && entry.user.as_deref() == Some(user)
            };
            kubeconfig.contexts.iter().any(|context| here(&context.entry))
        })
    };
    Ok(kubeconfig
        .users
        .iter()
        .filter(|user| is_meant(&user.name))
        .map(|user| KubeconfigUser {
            name: user.name.clone(),
            file: user.file.clone(),
            certificate: certificate(&user.entry, &user.name),
            token: user.entry.token.as_deref().filter(|token| !token.is_empty()).map(TokenLife::of),
            has_password: user.entry.password.as_deref().is_some_and(|password| !password.is_empty()),
        })
        .collect())
}

fn certificate(user: &UserEntry, name: &str) -> Option<Result<Certificate, String>> {
    let read = match (&user.client_certificate_data, &user.client_certificate) {
        (Some(data), _) if !data.is_empty() => pem::from_base64(data, "client-certificate-data", name),
        (_, Some(file)) if !file.as_os_str().is_empty() => pem::from_file(file, "client-certificate", name),
        _ => return None,
    };
    Some(read.map_err(|error| error.to_string()).and_then(|bytes| {
        Certificate::from_pem(&bytes).map_err(|error| format!("client-certificate of user {name:?}: {error}"))
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(claims: &str) -> String {
        format!("{}.{}.x", URL_SAFE_NO_PAD.encode("{}"), URL_SAFE_NO_PAD.encode(claims))
    }

    #[test]
    fn a_token_tells_its_end() {
        assert_eq!(TokenLife::of(&token(r#"{"exp": 0}"#)), TokenLife::Until(Timestamp::UNIX_EPOCH));
        assert_eq!(TokenLife::of(&token(r#"{"iss": "kubernetes/serviceaccount"}"#)), TokenLife::Endless);
        assert_eq!(TokenLife::of("abc"), TokenLife::Unknown);
        assert_eq!(TokenLife::of("a.b.c"), TokenLife::Unknown);
    }

    #[test]
    fn users_of_other_clusters_are_left_out_where_one_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("config");
        let text = "contexts:\n- {name: a, context: {cluster: one, user: ada}}\n- {name: b, context: {cluster: two, user: bob}}\n\
                    users:\n- {name: ada, user: {token: abc}}\n- {name: bob, user: {password: x, client-certificate-data: 'Zm9v'}}\n";
        std::fs::write(&path, text).unwrap();
        let options = ConnectOptions { kubeconfig: Some(path), ..ConnectOptions::default() };
        let users = |cluster| kubeconfig_users(&options, &Environment::default(), cluster).unwrap();
        let names = |cluster| users(cluster).into_iter().map(|user| user.name).collect::<Vec<_>>();
        assert_eq!((names(None), names(Some("two"))), (vec!["ada".to_owned(), "bob".into()], vec!["bob".into()]));
        let bob = users(Some("two")).remove(0);
        assert!(bob.has_password && bob.token.is_none());
        assert!(bob.certificate.unwrap().unwrap_err().contains("no certificate in PEM"));
        assert_eq!(users(Some("one"))[0].token, Some(TokenLife::Unknown));
    }
}
