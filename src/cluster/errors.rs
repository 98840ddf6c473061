//! What can go wrong between us and a cluster, in kubectl's words.

use std::error::Error as StdError;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;
use thiserror::Error;

use super::access::AccessError;
use super::exec::ExecError;

/// What kind of failure it was, for callers that decide by it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ErrorKind {
    /// 401: the server does not know us.
    Unauthorized,
    /// 403: the server knows us and says no.
    Forbidden,
    /// 404: there is no such object, or no such API.
    NotFound,
    /// 405 and 406: the API does not do that.
    NotAllowed,
    /// 409: somebody was faster, or it exists already.
    Conflict,
    /// 410: a page token or a resource version is too old.
    Gone,
    /// 422: the object is not valid.
    Invalid,
    /// 429: too many requests, or a disruption budget says not now.
    TooMany,
    /// 503: the server, or something that it needs, is not there now.
    Unavailable,
    /// Another 5xx.
    Server,
    /// Another 4xx.
    BadRequest,
    /// No answer in time, ours or the server's own (504).
    Timeout,
    /// No connection, or one that broke.
    Unreachable,
    /// An answer that makes no sense.
    Unexpected,
    /// The kubeconfig, the flags or the environment are at fault.
    Configuration,
    /// No credentials could be had.
    Credentials,
}

/// Why a request to a cluster failed.
#[derive(Debug, Error)]
pub enum ClusterError {
    /// The server answered with an error.
    #[error("{0}")]
    Answer(Box<ServerAnswer>),
    /// Nothing listens at the server's address.
    #[error("The connection to the server {host} was refused - did you specify the right host or port?")]
    Refused {
        /// Host and port of the server, or of the proxy.
        host: String,
    },
    /// No connection could be made, or it broke before the answer was complete.
    #[error("Unable to connect to the server: {reason}")]
    Unreachable {
        /// What happened, from the innermost cause.
        reason: String,
        /// Whether it broke in a way that another try may mend.
        transient: bool,
    },
    /// No answer in time.
    #[error("Unable to connect to the server: {waited_for} took longer than {}", show(*.limit))]
    Timeout {
        /// The request, and which part of the answer.
        waited_for: String,
        /// The limit that was passed.
        limit: Duration,
    },
    /// The answer is not what this request is answered with.
    #[error("Server returned an unexpected response: {request}: {reason}")]
    Unexpected {
        /// Method and path.
        request: String,
        /// What is wrong with it.
        reason: String,
    },
    /// It could not be decided which cluster to reach.
    #[error("error: {0}")]
    Access(#[from] AccessError),
    /// A credential plugin failed.
    #[error("Unable to connect to the server: getting credentials: {0}")]
    Credentials(Arc<ExecError>),
    /// The client could not be built from the configuration.
    #[error("error: {0}")]
    Setup(String),
}

/// Shows a duration as Go does in the cases that occur: "250ms", "30s", "1m0s".
fn show(duration: Duration) -> String {
    let seconds = duration.as_secs();
    if duration.subsec_nanos() != 0 {
        format!("{}ms", duration.as_millis())
    } else if seconds >= 60 {
        format!("{}m{}s", seconds / 60, seconds % 60)
    } else {
        format!("{seconds}s")
    }
}

/// An error answer of the server: a `Status` object, or what could be made of a bare HTTP answer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ServerAnswer {
    /// HTTP status code.
    pub code: u16,
    /// Machine-readable reason, for example `Forbidden`; may be empty.
    pub reason: String,
    /// What the server says to people.
    pub message: String,
    /// Kind (or resource) of the object concerned.
    pub kind: String,
    /// Name of the object concerned.
    pub name: String,
    /// Fields at fault.
    pub causes: Vec<Cause>,
    /// Seconds that the server asks us to wait.
    pub retry_after: Option<u64>,
    /// Method and path of the request.
    pub request: String,
}

/// A cause that a `Status` names.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Cause {
    /// Machine-readable: `FieldValueInvalid`, `DisruptionBudget`, …
    pub reason: String,
    /// For people.
    pub message: String,
    /// Path of the field.
    pub field: String,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Status {
    kind: String,
    reason: Option<String>,
    message: Option<String>,
    details: Option<Details>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Details {
    kind: Option<String>,
    name: Option<String>,
    causes: Option<Vec<Cause>>,
    retry_after_seconds: Option<u64>,
}

impl ServerAnswer {
    /// Makes the best of an error answer, as client-go does (`errors.NewGenericServerResponse` for what is no Status).
    #[must_use]
    pub fn read(request: String, code: u16, retry_after: Option<u64>, body: &[u8]) -> Self {
        if let Ok(status) = serde_json::from_slice::<Status>(body)
            && status.kind == "Status"
        {
            let details = status.details.unwrap_or_default();
            return Self {
                code,
                reason: status.reason.unwrap_or_default(),
                message: status.message.unwrap_or_else(|| "unknown".to_owned()),
                kind: details.kind.unwrap_or_default(),
                name: details.name.unwrap_or_default(),
                causes: details.causes.unwrap_or_default(),
                retry_after: retry_after.or(details.retry_after_seconds.filter(|seconds| *seconds > 0)),
                request,
            };
        }
        // A proxy's page of HTML is of no use on a terminal.
        let text = String::from_utf8_lossy(&body[..body.len().min(2048)]);
        let text = text.trim();
        let said = if text.is_empty() || text.starts_with('<') { "unknown" } else { text };
        let (reason, message) = generic(code, said);
        Self { code, reason: reason.to_owned(), message, retry_after, request, ..Self::default() }
    }

    /// "Forbidden: pods is forbidden: …", as a report's `why`.
    #[must_use]
    pub fn why(&self) -> String {
        let reason = if self.reason.is_empty() { format!("HTTP {}", self.code) } else { self.reason.clone() };
        format!("{reason}: {}", self.message)
    }
}

/// Reason and message of an HTTP status that came without a Status object.
fn generic(code: u16, said: &str) -> (&'static str, String) {
    let own = |text: &str| text.to_owned();
    match code {
        400 => ("BadRequest", own("the server rejected our request for an unknown reason")),
        401 => ("Unauthorized", own("the server has asked for the client to provide credentials")),
        403 => ("Forbidden", own(said)),
        404 => ("NotFound", own("the server could not find the requested resource")),
        405 => ("MethodNotAllowed", own("the server does not allow this method on the requested resource")),
        406 => ("NotAcceptable", own("the server was unable to respond with a content type that the client supports")),
        409 => ("Conflict", own("the server reported a conflict")),
        410 => ("Gone", own(said)),
        422 => ("Invalid", own("the server rejected our request due to an error in our request")),
        429 => {
            ("TooManyRequests", own("the server has received too many requests and has asked us to try again later"))
        }
        503 => ("ServiceUnavailable", own("the server is currently unable to handle the request")),
        504 => {
            let words = "the server was unable to return a response in the time allotted, but may still be processing the request";
            ("Timeout", own(words))
        }
        500.. => {
            ("InternalError", format!("an error on the server ({said:?}) has prevented the request from succeeding"))
        }
        _ => ("", format!("the server responded with the status code {code} but did not return more information")),
    }
}

impl std::fmt::Display for ServerAnswer {
    /// As kubectl prints it (`cmd/util/helpers.go`).
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.reason.as_str() {
            "Unauthorized" => write!(formatter, "error: You must be logged in to the server ({})", self.message),
            "Invalid" if !self.causes.is_empty() && !self.name.is_empty() => {
                write!(formatter, "The {} {:?} is invalid: ", self.kind, self.name)?;
                match self.causes.as_slice() {
                    [one] => write!(formatter, "{}: {}", one.field, one.message),
                    many => {
                        many.iter().try_for_each(|cause| write!(formatter, "\n* {}: {}", cause.field, cause.message))
                    }
                }
            }
            "" => write!(formatter, "Error from server: {}", self.message),
            reason => write!(formatter, "Error from server ({reason}): {}", self.message),
        }
    }
}

impl ClusterError {
    /// What kind of failure it was.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Answer(answer) => match (answer.code, answer.reason.as_str()) {
                (401, _) => ErrorKind::Unauthorized,
                (403, _) => ErrorKind::Forbidden,
                (404, _) => ErrorKind::NotFound,
                (405 | 406, _) => ErrorKind::NotAllowed,
                (409, _) => ErrorKind::Conflict,
                (410, _) => ErrorKind::Gone,
                (422, _) => ErrorKind::Invalid,
                (429, _) => ErrorKind::TooMany,
                (503, _) => ErrorKind::Unavailable,
                (504, _) | (_, "Timeout" | "ServerTimeout") => ErrorKind::Timeout,
                (500.., _) => ErrorKind::Server,
                _ => ErrorKind::BadRequest,
            },
            Self::Refused { .. } | Self::Unreachable { .. } => ErrorKind::Unreachable,
            Self::Timeout { .. } => ErrorKind::Timeout,
            Self::Unexpected { .. } => ErrorKind::Unexpected,
            Self::Access(_) | Self::Setup(_) => ErrorKind::Configuration,
            Self::Credentials(_) => ErrorKind::Credentials,
        }
    }

    /// The server's answer, where it gave one.
    #[must_use]
    pub fn answer(&self) -> Option<&ServerAnswer> {
        match self {
            Self::Answer(answer) => Some(answer),
            _ => None,
        }
    }

    /// Why something could not be read, for a report: "Forbidden: secrets is forbidden: …".
    #[must_use]
    pub fn why(&self) -> String {
        match self {
            Self::Answer(answer) => answer.why(),
            other => other.to_string(),
        }
    }

    /// What to try next, where that is not obvious from the message.
    #[must_use]
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Answer(answer) if answer.code == 401 => Some(
                "the credentials of this context are missing, wrong or expired: log in again, or choose a user with --user or --token",
            ),
            Self::Unreachable { reason, .. } if reason.contains("x509") => {
                Some("check certificate-authority(-data) of the cluster, or name the file with --certificate-authority")
            }
            Self::Timeout { .. } => Some("raise --request-timeout, or lower --chunk-size"),
            _ => None,
        }
    }

    /// Whether reading once more may help: the server is busy, or the connection broke.
    pub(crate) fn worth_another_read(&self) -> bool {
        match self {
            Self::Answer(answer) => matches!(answer.code, 429 | 500 | 502 | 503 | 504),
            Self::Unreachable { transient, .. } => *transient,
            _ => false,
        }
    }

    /// Makes sense of a failure of the kube client. `request` is method and path, `host` the address that was tried.
    pub(crate) fn from_kube(error: kube::Error, request: &str, host: &str) -> Self {
        match error {
            kube::Error::Api(status) => {
                let mut answer = ServerAnswer {
                    code: status.code,
                    reason: status.reason,
                    message: status.message,
                    request: request.to_owned(),
                    ..ServerAnswer::default()
                };
                if let Some(details) = status.details {
                    answer.kind = details.kind;
                    answer.name = details.name;
                    answer.retry_after = Some(u64::from(details.retry_after_seconds)).filter(|seconds| *seconds > 0);
                    let cause = |cause: kube::core::response::StatusCause| Cause {
                        reason: cause.reason,
                        message: cause.message,
                        field: cause.field,
                    };
                    answer.causes = details.causes.into_iter().map(cause).collect();
                }
                Self::Answer(Box::new(answer))
            }
            kube::Error::Service(source) => match source.downcast::<Self>() {
                Ok(own) => *own,
                Err(source) => Self::from_transport(&*source, host),
            },
            kube::Error::SerdeError(source) => {
                Self::Unexpected { request: request.to_owned(), reason: source.to_string() }
            }
            other => Self::from_transport(&other, host),
        }
    }

    /// Makes sense of a failed connection by walking its causes.
    pub(crate) fn from_transport(error: &(dyn StdError + 'static), host: &str) -> Self {
        let mut innermost = error.to_string();
        let mut transient = false;
        let mut next = Some(error);
        while let Some(cause) = next {
            if let Some(io) = cause.downcast_ref::<io::Error>() {
                match io.kind() {
                    io::ErrorKind::ConnectionRefused => return Self::Refused { host: host.to_owned() },
                    io::ErrorKind::ConnectionReset
                    | io::ErrorKind::ConnectionAborted
                    | io::ErrorKind::BrokenPipe
                    | io::ErrorKind::UnexpectedEof => transient = true,
                    _ => {}
                }
            }
            if let Some(http) = cause.downcast_ref::<hyper::Error>() {
                transient |= http.is_incomplete_message() || http.is_closed() || http.is_canceled();
            }
            innermost = cause.to_string();
            next = cause.source().or_else(|| {
                // An io::Error hides the error that it was made of.
                cause.downcast_ref::<io::Error>()?.get_ref().map(|inner| inner as &(dyn StdError + 'static))
            });
        }
        Self::Unreachable { reason: words(&innermost, host), transient }
    }
}

/// kubectl's words for what the libraries underneath say in theirs.
fn words(cause: &str, host: &str) -> String {
    let certificate = |what: &str| format!("tls: failed to verify certificate: x509: {what}");
    if let Some(problem) = cause.strip_prefix("invalid peer certificate: ") {
        return match problem {
            // Another authority of the same name is no better than an unknown one.
            "UnknownIssuer" | "BadSignature" => certificate("certificate signed by unknown authority"),
            "Expired" => certificate("certificate has expired or is not yet valid"),
            other if other.starts_with("certificate expired") || other.starts_with("certificate not valid yet") => {
                certificate(&format!("certificate has expired or is not yet valid: {other}"))
            }
            other if other.starts_with("certificate not valid for name") || other == "NotValidForName" => {
                certificate(&format!("certificate is not valid for {host}: {other}"))
            }
            other => certificate(other),
        };
    }
    if cause.starts_with("failed to lookup address information") {
        let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
        return format!("dial tcp: lookup {name}: no such host");
    }
    match cause {
        "unexpected end of file" | "connection closed before message completed" | "tls handshake eof" => {
            "EOF".to_owned()
        }
        // The chunked body of an answer ended early.
        other if other.starts_with("unexpected EOF") => "unexpected EOF".to_owned(),
        "received corrupt message of type InvalidContentType" => {
            format!("http: server gave HTTP response to HTTPS client ({host})")
        }
        other => other.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(code: u16, body: &str) -> ClusterError {
        ClusterError::Answer(Box::new(ServerAnswer::read("GET /x".into(), code, None, body.as_bytes())))
    }

    #[test]
    fn answers_are_told_in_kubectls_words() {
        let forbidden = r#"{"kind":"Status","status":"Failure","reason":"Forbidden","code":403,"message":"pods is forbidden: User \"jane\" cannot list resource \"pods\" in API group \"\" at the cluster scope","details":{"kind":"pods"}}"#;
        let error = answer(403, forbidden);
        assert_eq!(
            error.to_string(),
            "Error from server (Forbidden): pods is forbidden: User \"jane\" cannot list resource \"pods\" in API group \"\" at the cluster scope"
        );
        assert!(error.why().starts_with("Forbidden: pods is forbidden"));
        assert_eq!(error.kind(), ErrorKind::Forbidden);

        let unauthorized = r#"{"kind":"Status","reason":"Unauthorized","message":"Unauthorized","code":401}"#;
        assert_eq!(answer(401, unauthorized).to_string(), "error: You must be logged in to the server (Unauthorized)");
        let plain =
            "error: You must be logged in to the server (the server has asked for the client to provide credentials)";
        assert_eq!(answer(401, "").to_string(), plain);

        assert_eq!(
            answer(404, "404 page not found").to_string(),
            "Error from server (NotFound): the server could not find the requested resource"
        );
        assert_eq!(
            answer(502, "<html>Bad gateway</html>").to_string(),
            "Error from server (InternalError): an error on the server (\"unknown\") has prevented the request from succeeding"
        );
        assert_eq!(
            answer(418, "teapot").to_string(),
            "Error from server: the server responded with the status code 418 but did not return more information"
        );

        let invalid = r#"{"kind":"Status","reason":"Invalid","code":422,"message":"x","details":{"name":"a","kind":"Pod","causes":[{"reason":"FieldValueInvalid","message":"Invalid value: 1","field":"spec.x"}]}}"#;
        assert_eq!(answer(422, invalid).to_string(), "The Pod \"a\" is invalid: spec.x: Invalid value: 1");
    }

    #[test]
    fn a_status_may_say_how_long_to_wait() {
        let busy = r#"{"kind":"Status","reason":"TooManyRequests","message":"m","details":{"retryAfterSeconds":7}}"#;
        assert_eq!(answer(429, busy).answer().unwrap().retry_after, Some(7));
        assert!(answer(429, busy).worth_another_read());
        assert!(!answer(403, "").worth_another_read());
    }

    #[test]
    fn broken_connections_are_told_apart() {
        let refused = io::Error::from(io::ErrorKind::ConnectionRefused);
        assert_eq!(
            ClusterError::from_transport(&refused, "h:6443").to_string(),
            "The connection to the server h:6443 was refused - did you specify the right host or port?"
        );
        let reset = io::Error::from(io::ErrorKind::ConnectionReset);
        assert!(ClusterError::from_transport(&reset, "h").worth_another_read());
        let issuer = io::Error::new(io::ErrorKind::InvalidData, "invalid peer certificate: UnknownIssuer");
        let error = ClusterError::from_transport(&issuer, "h");
        assert!(error.to_string().ends_with("x509: certificate signed by unknown authority"), "{error}");
        assert!(!error.worth_another_read());
        assert!(error.hint().is_some());
    }
}
