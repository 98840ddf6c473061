//! Who proves to the API server who they are, and by what: service accounts and requests for certificates. Secrets are
//! never read; of them there is metadata at most.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use compact_str::CompactString;
use serde::Deserialize;

use super::{Context, Meta, Resource, meta::WireMeta};
use crate::rules::{Certificate, null::or_default};

/// A ServiceAccount.
#[derive(Clone, Debug, Default)]
pub struct ServiceAccount {
    /// Identity.
    pub meta: Meta,
    /// Whether its pods get a token mounted where they do not say it themselves; absent means that they do.
    pub automount_token: Option<bool>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct WireServiceAccount {
    #[serde(deserialize_with = "or_default")]
    metadata: WireMeta,
    automount_service_account_token: Option<bool>,
}

impl Resource for ServiceAccount {
    type Wire = WireServiceAccount;

    fn keep(wire: WireServiceAccount, context: &mut Context) -> Self {
        Self { meta: wire.metadata.keep(context), automount_token: wire.automount_service_account_token }
    }
}

/// A CertificateSigningRequest, without the request itself.
#[derive(Clone, Debug, Default)]
pub struct CertificateSigningRequest {
    /// Identity.
    pub meta: Meta,
    /// Who is to sign it, such as `kubernetes.io/kube-apiserver-client`.
    pub signer: CompactString,
    /// Who asked for it.
    pub username: CompactString,
    /// Whether it was approved, and not denied, and has not failed.
    pub approved: bool,
    /// The certificate that was issued: none yet, or one that may not be readable.
    pub certificate: Option<Result<Certificate, String>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct WireRequest {
    #[serde(deserialize_with = "or_default")]
    metadata: WireMeta,
    #[serde(deserialize_with = "or_default")]
    spec: WireRequestSpec,
    #[serde(deserialize_with = "or_default")]
    status: WireRequestStatus,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct WireRequestSpec {
    #[serde(deserialize_with = "or_default")]
    signer_name: CompactString,
    #[serde(deserialize_with = "or_default")]
    username: CompactString,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct WireRequestStatus {
    #[serde(deserialize_with = "or_default")]
    conditions: Vec<WireCondition>,
    #[serde(deserialize_with = "or_default")]
    certificate: String,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct WireCondition {
    #[serde(rename = "type", deserialize_with = "or_default")]
    kind: CompactString,
}

impl Resource for CertificateSigningRequest {
    type Wire = WireRequest;

    fn keep(wire: WireRequest, context: &mut Context) -> Self {
        let has = |kind: &str| wire.status.conditions.iter().any(|condition| condition.kind == kind);
        let issued = &wire.status.certificate;
        Self {
            meta: wire.metadata.keep(context),
            signer: wire.spec.signer_name,
            username: wire.spec.username,
            approved: has("Approved") && !has("Denied") && !has("Failed"),
            certificate: (!issued.is_empty()).then(|| {
                let text = STANDARD.decode(issued).map_err(|error| format!("it is no base64: {error}"))?;
                Certificate::from_pem(&text).map_err(|error| error.to_string())
            }),
        }
    }
}
