//! What an X.509 certificate says of its holder and of its time (RFC 5280, section 4.1). Nothing is checked: neither the
//! signature nor who made it.

use jiff::Timestamp;
use x509_parser::{prelude::parse_x509_certificate, time::ASN1Time, x509::AttributeTypeAndValue};

/// A certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Certificate {
    /// It counts from this moment on.
    pub not_before: Timestamp,
    /// And up to this one.
    pub not_after: Timestamp,
    /// The holder's common name: to an API server the user. Empty where there is none.
    pub common_name: String,
    /// The holder's organizations: to an API server the user's groups.
    pub organizations: Vec<String>,
}

/// A text that is no certificate.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CertificateError {
    /// The text holds no block of the type CERTIFICATE.
    #[error("it holds no certificate in PEM")]
    NoPem,
    /// The bytes end too early, or are of another type.
    #[error("it is no X.509 certificate: {0}")]
    Broken(String),
}

impl Certificate {
    /// Reads the first certificate of a text in PEM: of a chain that is the holder's own.
    ///
    /// # Errors
    /// Where there is none, or it is broken.
    pub fn from_pem(text: &[u8]) -> Result<Self, CertificateError> {
        let blocks = pem::parse_many(text).map_err(|_| CertificateError::NoPem)?;
        let block = blocks.iter().find(|block| block.tag() == "CERTIFICATE").ok_or(CertificateError::NoPem)?;
        Self::from_der(block.contents())
    }

    /// Reads a certificate.
    ///
    /// # Errors
    /// Where it is broken.
    pub fn from_der(bytes: &[u8]) -> Result<Self, CertificateError> {
        let (_, certificate) =
            parse_x509_certificate(bytes).map_err(|error| CertificateError::Broken(error.to_string()))?;
        let subject = certificate.subject();
        Ok(Self {
            not_before: moment(certificate.validity().not_before),
            not_after: moment(certificate.validity().not_after),
            // An API server takes the last of several, too.
            common_name: subject.iter_common_name().filter_map(text).last().unwrap_or_default(),
            organizations: subject.iter_organization().filter_map(text).collect(),
        })
    }

    /// For how many whole days it counts in all.
    #[must_use]
    pub fn days(&self) -> i64 {
        days_between(self.not_before, self.not_after)
    }

    /// For how many whole days it counts from `now` on; negative where its time is over.
    #[must_use]
    pub fn days_left(&self, now: Timestamp) -> i64 {
        days_between(now, self.not_after)
    }
}

fn days_between(from: Timestamp, to: Timestamp) -> i64 {
    (to.as_second() - from.as_second()).div_euclid(24 * 60 * 60)
}

fn text(attribute: &AttributeTypeAndValue<'_>) -> Option<String> {
    attribute.as_str().ok().map(str::to_owned)
}

/// The end of the year 9999 stands for no end at all, and is a little behind the last moment that there is here.
fn moment(time: ASN1Time) -> Timestamp {
    Timestamp::from_second(time.timestamp()).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rcgen::{CertificateParams, DistinguishedName, DnType, KeyPair, date_time_ymd};

    use super::*;

    fn certificate(from: i32, to: i32) -> Vec<u8> {
        let mut params = CertificateParams::default();
        params.distinguished_name = DistinguishedName::new();
        params.distinguished_name.push(DnType::OrganizationName, "dev");
        params.distinguished_name.push(DnType::CommonName, "ada");
        params.not_before = date_time_ymd(from, 1, 1);
        params.not_after = date_time_ymd(to, 1, 1);
        params.self_signed(&KeyPair::generate().unwrap()).unwrap().der().to_vec()
    }

    #[test]
    fn holder_and_time_are_read() {
        let read = Certificate::from_der(&certificate(2026, 2027)).unwrap();
        assert_eq!((read.common_name.as_str(), read.organizations.join(",")), ("ada", "dev".to_owned()));
        assert_eq!(read.not_before.to_string(), "2026-01-01T00:00:00Z");
        assert_eq!((read.days(), read.days_left("2026-12-30T12:00:00Z".parse().unwrap())), (365, 1));
        assert_eq!(read.days_left("2027-01-01T00:00:01Z".parse().unwrap()), -1);
        assert!(Certificate::from_der(&certificate(1999, 9999)).unwrap().days() > 2_000_000);
    }

    #[test]
    fn what_is_broken_is_told() {
        assert!(matches!(Certificate::from_der(b"no certificate"), Err(CertificateError::Broken(_))));
        assert_eq!(Certificate::from_pem(b"nothing"), Err(CertificateError::NoPem));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn no_bytes_make_it_panic(at in 0_usize..400, byte: u8, end in 0_usize..500) {
            let mut bytes = certificate(2026, 2027);
            if let Some(changed) = bytes.get_mut(at) {
                *changed = byte;
            }
            bytes.truncate(end);
            let _ = Certificate::from_der(&bytes);
        }
    }
}
