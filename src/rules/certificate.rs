//! What an X.509 certificate says of its holder and of its time (RFC 5280, section 4.1). Nothing is checked: neither the
//! signature nor who made it.

use jiff::{Timestamp, civil::DateTime, tz::TimeZone};

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
    #[error("it is no X.509 certificate: {0} is missing or broken")]
    Broken(&'static str),
}

/// Tags of the Distinguished Encoding Rules (X.690).
mod tag {
    pub(super) const INTEGER: u8 = 0x02;
    pub(super) const OBJECT_IDENTIFIER: u8 = 0x06;
    pub(super) const UTF8_STRING: u8 = 0x0c;
    pub(super) const PRINTABLE_STRING: u8 = 0x13;
    pub(super) const TELETEX_STRING: u8 = 0x14;
    pub(super) const IA5_STRING: u8 = 0x16;
    pub(super) const UTC_TIME: u8 = 0x17;
    pub(super) const GENERALIZED_TIME: u8 = 0x18;
    pub(super) const SEQUENCE: u8 = 0x30;
    pub(super) const SET: u8 = 0x31;
    pub(super) const EXPLICIT_0: u8 = 0xa0;
}

/// `id-at-commonName`, 2.5.4.3.
const COMMON_NAME: [u8; 3] = [0x55, 0x04, 0x03];
/// `id-at-organizationName`, 2.5.4.10.
const ORGANIZATION: [u8; 3] = [0x55, 0x04, 0x0a];

/// Values one behind the other.
struct Values<'d>(&'d [u8]);

impl<'d> Values<'d> {
    /// The next value with its tag; none at the end, and where it is broken.
    fn next(&mut self) -> Option<(u8, &'d [u8])> {
        let (&tag, rest) = self.0.split_first()?;
        let (&first, mut rest) = rest.split_first()?;
        let length = if first < 0x80 {
            usize::from(first)
        } else {
            let digits = usize::from(first & 0x7f);
            // No certificate is longer than four bytes can say.
            let digits = rest.split_at_checked(digits).filter(|(digits, _)| (1..=4).contains(&digits.len()));
            let (digits, after) = digits?;
            rest = after;
            digits.iter().fold(0_usize, |length, digit| (length << 8) | usize::from(*digit))
        };
        let (value, rest) = rest.split_at_checked(length)?;
        self.0 = rest;
        Some((tag, value))
    }

    fn expect(&mut self, tag: u8, what: &'static str) -> Result<&'d [u8], CertificateError> {
        self.next().filter(|(found, _)| *found == tag).map(|(_, value)| value).ok_or(CertificateError::Broken(what))
    }
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
        let certificate = Values(bytes).expect(tag::SEQUENCE, "the certificate")?;
        let mut fields = Values(Values(certificate).expect(tag::SEQUENCE, "its signed part")?);
        if fields.0.first() == Some(&tag::EXPLICIT_0) {
            let _ = fields.expect(tag::EXPLICIT_0, "the version")?;
        }
        let _ = fields.expect(tag::INTEGER, "the serial number")?;
        let _ = fields.expect(tag::SEQUENCE, "the algorithm")?;
        let _ = fields.expect(tag::SEQUENCE, "the issuer")?;
        let mut validity = Values(fields.expect(tag::SEQUENCE, "the validity")?);
        let subject = fields.expect(tag::SEQUENCE, "the subject")?;
        let not_before = time(validity.next()).ok_or(CertificateError::Broken("the time from which it counts"))?;
        let not_after = time(validity.next()).ok_or(CertificateError::Broken("the time up to which it counts"))?;
        let mut found = Self { not_before, not_after, common_name: String::new(), organizations: Vec::new() };
        let mut names = Values(subject);
        while let Some((tag::SET, set)) = names.next() {
            let mut attributes = Values(set);
            while let Some((tag::SEQUENCE, attribute)) = attributes.next() {
                let mut pair = Values(attribute);
                let kind = pair.expect(tag::OBJECT_IDENTIFIER, "a name of the subject")?;
                let Some(value) = pair.next().and_then(text) else { continue };
                if kind == COMMON_NAME {
                    found.common_name = value;
                } else if kind == ORGANIZATION {
                    found.organizations.push(value);
                }
            }
        }
        Ok(found)
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

fn text((kind, bytes): (u8, &[u8])) -> Option<String> {
    match kind {
        tag::UTF8_STRING | tag::PRINTABLE_STRING | tag::TELETEX_STRING | tag::IA5_STRING => {
            Some(String::from_utf8_lossy(bytes).into_owned())
        }
        _ => None,
    }
}

/// `YYMMDDHHMMSSZ` up to 2049, `YYYYMMDDHHMMSSZ` after that (RFC 5280, section 4.1.2.5).
fn time(value: Option<(u8, &[u8])>) -> Option<Timestamp> {
    let (kind, bytes) = value?;
    let text = std::str::from_utf8(bytes).ok()?.strip_suffix('Z')?;
    if !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let (year, rest) = match kind {
        tag::UTC_TIME if text.len() == 12 => {
            let year: i16 = text[..2].parse().ok()?;
            (if year < 50 { 2000 + year } else { 1900 + year }, &text[2..])
        }
        tag::GENERALIZED_TIME if text.len() == 14 => (text[..4].parse().ok()?, &text[4..]),
        _ => return None,
    };
    let pair = |at: usize| rest[at..at + 2].parse::<i8>().ok();
    let civil = DateTime::new(year, pair(0)?, pair(2)?, pair(4)?, pair(6)?, pair(8)?, 0).ok()?;
    // The end of the year 9999 stands for no end at all, and is a little behind the last moment that there is here.
    Some(TimeZone::UTC.to_timestamp(civil).unwrap_or(Timestamp::MAX))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn value(tag: u8, content: &[u8]) -> Vec<u8> {
        let mut bytes = vec![tag];
        match u8::try_from(content.len()) {
            Ok(short) if short < 0x80 => bytes.push(short),
            _ => {
                bytes.push(0x82);
                bytes.extend_from_slice(&u16::try_from(content.len()).unwrap().to_be_bytes());
            }
        }
        bytes.extend_from_slice(content);
        bytes
    }

    fn name(kind: [u8; 3], text: &str) -> Vec<u8> {
        let pair = [value(tag::OBJECT_IDENTIFIER, &kind), value(tag::UTF8_STRING, text.as_bytes())].concat();
        value(tag::SET, &value(tag::SEQUENCE, &pair))
    }

    fn certificate(from: &[u8], to: &[u8]) -> Vec<u8> {
        let subject = [name(ORGANIZATION, "dev"), name(ORGANIZATION, "ops"), name(COMMON_NAME, "ada")].concat();
        let signed = [
            value(tag::EXPLICIT_0, &value(tag::INTEGER, &[2])),
            value(tag::INTEGER, &[1]),
            value(tag::SEQUENCE, &[]),
            value(tag::SEQUENCE, &[]),
            value(tag::SEQUENCE, &[from, to].concat()),
            value(tag::SEQUENCE, &subject),
            vec![0; 200],
        ]
        .concat();
        value(tag::SEQUENCE, &value(tag::SEQUENCE, &signed))
    }

    #[test]
    fn holder_and_time_are_read() {
        let from = value(tag::UTC_TIME, b"260101000000Z");
        let read = Certificate::from_der(&certificate(&from, &value(tag::UTC_TIME, b"270101000000Z"))).unwrap();
        assert_eq!((read.common_name.as_str(), read.organizations.join(",")), ("ada", "dev,ops".to_owned()));
        assert_eq!(read.not_before.to_string(), "2026-01-01T00:00:00Z");
        assert_eq!((read.days(), read.days_left("2026-12-30T12:00:00Z".parse().unwrap())), (365, 1));
        assert_eq!(read.days_left("2027-01-01T00:00:01Z".parse().unwrap()), -1);
        let endless = value(tag::GENERALIZED_TIME, b"99991231235959Z");
        assert!(Certificate::from_der(&certificate(&from, &endless)).unwrap().days() > 2_000_000);
        let old = value(tag::UTC_TIME, b"991231235959Z");
        assert_eq!(
            Certificate::from_der(&certificate(&old, &from)).unwrap().not_before.to_string(),
            "1999-12-31T23:59:59Z"
        );
    }

    #[test]
    fn what_is_broken_is_told() {
        let from = value(tag::UTC_TIME, b"260101000000Z");
        for bad in
            [value(tag::UTC_TIME, b"261301000000Z"), value(tag::UTC_TIME, b"26010100000Z"), value(tag::INTEGER, b"1")]
        {
            let error = Certificate::from_der(&certificate(&from, &bad)).unwrap_err();
            assert_eq!(error, CertificateError::Broken("the time up to which it counts"));
        }
        assert_eq!(Certificate::from_pem(b"nothing"), Err(CertificateError::NoPem));
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(at in 0_usize..400, byte: u8, end in 0_usize..500) {
            let from = value(tag::UTC_TIME, b"260101000000Z");
            let mut bytes = certificate(&from, &from);
            if let Some(changed) = bytes.get_mut(at) {
                *changed = byte;
            }
            bytes.truncate(end);
            let _ = Certificate::from_der(&bytes);
        }
    }
}
