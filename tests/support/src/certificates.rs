//! Certificates made for one test: an authority, a server's and a client's.

use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose,
};
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::{RootCertStore, ServerConfig, crypto};

/// An authority and what it has signed.
pub struct Certificates {
    /// The authority's certificate in PEM.
    pub authority: String,
    /// The client's certificate in PEM.
    pub client: String,
    /// The client's key in PEM.
    pub client_key: String,
    /// The client's certificate in DER, to compare with what a server has seen.
    pub client_der: Vec<u8>,
    authority_der: CertificateDer<'static>,
    server_der: CertificateDer<'static>,
    server_key: Vec<u8>,
}

impl Certificates {
    /// Makes an authority, a certificate for a server of these names (or addresses), and one for the client `jane`.
    #[must_use]
    pub fn for_server(names: &[&str]) -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        params.distinguished_name.push(DnType::CommonName, "test authority");
        let key = KeyPair::generate().expect("a key for the authority");
        let authority = params.self_signed(&key).expect("a certificate of the authority");
        let issuer = Issuer::new(params, key);

        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let mut server = CertificateParams::new(names).expect("names for a certificate");
        server.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        let server_key = KeyPair::generate().expect("a key for the server");
        let server = server.signed_by(&server_key, &issuer).expect("a certificate for the server");

        let mut client = CertificateParams::default();
        client.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        client.distinguished_name.push(DnType::CommonName, "jane");
        let client_key = KeyPair::generate().expect("a key for the client");
        let client = client.signed_by(&client_key, &issuer).expect("a certificate for the client");
        Self {
            authority: authority.pem(),
            client: client.pem(),
            client_key: client_key.serialize_pem(),
            client_der: client.der().to_vec(),
            authority_der: authority.der().clone(),
            server_der: server.der().clone(),
            server_key: server_key.serialize_der(),
        }
    }

    /// The server's side: asks for a client's certificate, and is content without one.
    pub(crate) fn server_config(&self) -> Arc<ServerConfig> {
        let provider = Arc::new(crypto::ring::default_provider());
        let mut roots = RootCertStore::empty();
        roots.add(self.authority_der.clone()).expect("our own authority");
        let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider.clone())
            .allow_unauthenticated()
            .build()
            .expect("a verifier of client certificates");
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(self.server_key.clone()));
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("TLS versions")
            .with_client_cert_verifier(verifier)
            .with_single_cert(vec![self.server_der.clone()], key)
            .expect("the server's own certificate");
        Arc::new(config)
    }
}
