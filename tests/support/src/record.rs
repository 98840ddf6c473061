//! What a server was asked.

use std::sync::{Arc, Mutex, PoisonError};

use http::{HeaderMap, Method, request::Parts};

/// A request and the status of its answer.
#[derive(Clone, Debug)]
pub struct Recorded {
    /// Method.
    pub method: Method,
    /// Path without the query.
    pub path: String,
    /// Query without the question mark.
    pub query: String,
    /// All headers.
    pub headers: HeaderMap,
    /// Status of the answer; none where the connection was cut instead.
    pub status: Option<u16>,
    /// The client's certificate in DER, where it showed one.
    pub client_certificate: Option<Vec<u8>>,
}

impl Recorded {
    /// A header's text.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// A parameter of the query, decoded.
    #[must_use]
    pub fn parameter(&self, name: &str) -> Option<String> {
        form_urlencoded::parse(self.query.as_bytes()).find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
    }
}

#[derive(Clone, Default)]
pub(crate) struct Recorder(Arc<Mutex<Records>>);

#[derive(Default)]
struct Records {
    /// How many were forgotten before the first that is still here.
    forgotten: usize,
    all: Vec<Recorded>,
}

impl Recorder {
    pub fn begin(&self, parts: &Parts, client_certificate: Option<Vec<u8>>) -> usize {
        let mut records = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        records.all.push(Recorded {
            method: parts.method.clone(),
            path: parts.uri.path().to_owned(),
            query: parts.uri.query().unwrap_or_default().to_owned(),
            headers: parts.headers.clone(),
            status: None,
            client_certificate,
        });
        records.forgotten + records.all.len() - 1
    }

    pub fn end(&self, at: usize, status: u16) {
        let mut records = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // The record may have been forgotten while the request was under way.
        let at = at.checked_sub(records.forgotten);
        if let Some(record) = at.and_then(|at| records.all.get_mut(at)) {
            record.status = Some(status);
        }
    }

    pub fn all(&self) -> Vec<Recorded> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).all.clone()
    }

    pub fn clear(&self) {
        let mut records = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        records.forgotten += records.all.len();
        records.all.clear();
    }
}
