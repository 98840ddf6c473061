//! The flags that every kubectl user's fingers know, with kubectl's meaning.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use crate::complete::Live;

/// How many objects a page of a list holds, as in kubectl.
pub const DEFAULT_CHUNK_SIZE: u32 = 500;

/// Flags that say which cluster to reach, and as whom.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Connection")]
pub struct ConnectOptions {
    /// Kubeconfig file to read, instead of $KUBECONFIG and ~/.kube/config
    #[arg(long, value_name = "FILE", global = true)]
    pub kubeconfig: Option<PathBuf>,

    /// Kubeconfig context to use
    #[arg(long, value_name = "NAME", global = true, add = Live::CONTEXTS)]
    pub context: Option<String>,

    /// Several contexts: what reads and reports does so for each of their clusters, side by side
    #[arg(long, value_name = "NAME,…", value_delimiter = ',', global = true, add = Live::CONTEXTS,
          conflicts_with_all = ["context", "cluster", "server", "all_contexts"])]
    pub contexts: Vec<String>,

    /// As --contexts, with all contexts of the kubeconfig
    #[arg(long, global = true, conflicts_with_all = ["context", "cluster", "server"])]
    pub all_contexts: bool,

    /// Kubeconfig cluster to use, instead of the context's
    #[arg(long, value_name = "NAME", global = true, add = Live::CLUSTERS)]
    pub cluster: Option<String>,

    /// Kubeconfig user to use, instead of the context's
    #[arg(long, value_name = "NAME", global = true, add = Live::USERS)]
    pub user: Option<String>,

    /// Namespace to look at; the context's where not given
    #[arg(short, long, value_name = "NAME", global = true, add = Live::NAMESPACES)]
    pub namespace: Option<String>,

    /// Look at all namespaces
    #[arg(short = 'A', long, global = true)]
    pub all_namespaces: bool,

    /// Address and port of the Kubernetes API server
    #[arg(short, long, value_name = "URL", global = true)]
    pub server: Option<String>,

    /// Bearer token; replaces the kubeconfig user's own credentials
    #[arg(long, value_name = "TOKEN", global = true)]
    pub token: Option<String>,

    /// User name to act as
    #[arg(long = "as", value_name = "USER", global = true)]
    pub impersonate: Option<String>,

    /// Group to act as; may be repeated
    #[arg(long = "as-group", value_name = "GROUP", global = true)]
    pub impersonate_groups: Vec<String>,

    /// UID to act as
    #[arg(long = "as-uid", value_name = "UID", global = true)]
    pub impersonate_uid: Option<String>,

    /// Extra of the user to act as; may be repeated
    #[arg(long = "as-user-extra", value_name = "KEY=VALUE", global = true, value_parser = parse_extra)]
    pub impersonate_extra: Vec<(String, String)>,

    /// Do not check the server's certificate. This makes the connection insecure
    #[arg(long, global = true, num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub insecure_skip_tls_verify: Option<bool>,

    /// Certificate authority file to check the server's certificate with
    #[arg(long, value_name = "FILE", global = true)]
    pub certificate_authority: Option<PathBuf>,

    /// Client certificate file for TLS
    #[arg(long, value_name = "FILE", global = true)]
    pub client_certificate: Option<PathBuf>,

    /// Client key file for TLS
    #[arg(long, value_name = "FILE", global = true)]
    pub client_key: Option<PathBuf>,

    /// Name to expect in the server's certificate, where it is not the server's address
    #[arg(long, value_name = "NAME", global = true)]
    pub tls_server_name: Option<String>,

    /// Proxy for all requests to the API server
    #[arg(long, value_name = "URL", global = true)]
    pub proxy_url: Option<String>,

    /// How long to wait for a single answer of the server (1s, 2m, 3h); 0 waits for ever
    #[arg(long, value_name = "DURATION", global = true, default_value = "0", value_parser = parse_duration, hide_default_value = true)]
    pub request_timeout: Duration,

    /// How many objects to ask for at once; 0 asks for all in one answer
    #[arg(long, value_name = "NUMBER", global = true, default_value_t = DEFAULT_CHUNK_SIZE)]
    pub chunk_size: u32,

    /// Ask the server not to compress its answers
    #[arg(long, global = true, num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub disable_compression: Option<bool>,
}

impl Default for ConnectOptions {
    /// What an empty command line says.
    fn default() -> Self {
        Self {
            kubeconfig: None,
            context: None,
            contexts: Vec::new(),
            all_contexts: false,
            cluster: None,
            user: None,
            namespace: None,
            all_namespaces: false,
            server: None,
            token: None,
            impersonate: None,
            impersonate_groups: Vec::new(),
            impersonate_uid: None,
            impersonate_extra: Vec::new(),
            insecure_skip_tls_verify: None,
            certificate_authority: None,
            client_certificate: None,
            client_key: None,
            tls_server_name: None,
            proxy_url: None,
            request_timeout: Duration::ZERO,
            chunk_size: DEFAULT_CHUNK_SIZE,
            disable_compression: None,
        }
    }
}

/// Reads a duration as kubectl does: whole seconds ("30"), or Go's notation ("1m30s", "1.5h", "300ms").
///
/// # Errors
/// Says what was expected where the text is neither, where it is negative, or too long to be kept.
pub fn parse_duration(text: &str) -> Result<Duration, String> {
    let wrong = || format!("{text:?} is not a duration: give a number of seconds, or units as in 30s, 1m30s or 1.5h");
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        return text.parse().map(Duration::from_secs).map_err(|_| wrong());
    }
    let mut rest = text.strip_prefix('+').unwrap_or(text);
    let mut total = 0.0_f64;
    if rest.is_empty() {
        return Err(wrong());
    }
    while !rest.is_empty() {
        let digits = rest.find(|letter: char| !letter.is_ascii_digit() && letter != '.').ok_or_else(wrong)?;
        let (number, tail) = rest.split_at(digits);
        let number: f64 = number.parse().map_err(|_| wrong())?;
        let unit = tail.find(|letter: char| letter.is_ascii_digit() || letter == '.').unwrap_or(tail.len());
        let (unit, tail) = tail.split_at(unit);
        let seconds = match unit {
            "ns" => 1e-9,
            "us" | "µs" | "μs" => 1e-6,
            "ms" => 1e-3,
            "s" => 1.0,
            "m" => 60.0,
            "h" => 3600.0,
            _ => return Err(wrong()),
        };
        total += number * seconds;
        rest = tail;
    }
    Duration::try_from_secs_f64(total).map_err(|_| wrong())
}

/// Reads `key=value`.
fn parse_extra(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if !key.is_empty() => Ok((key.to_owned(), value.to_owned())),
        _ => Err(format!("{text:?} is not of the form KEY=VALUE")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Parser)]
    struct Command {
        #[command(flatten)]
        connect: ConnectOptions,
    }

    #[test]
    fn durations_are_read_as_kubectl_reads_them() {
        for (text, milliseconds) in [
            ("0", 0),
            ("5", 5_000),
            ("30s", 30_000),
            ("1m", 60_000),
            ("1m30s", 90_000),
            ("1.5h", 5_400_000),
            ("300ms", 300),
            ("0s", 0),
        ] {
            assert_eq!(parse_duration(text), Ok(Duration::from_millis(milliseconds)), "{text}");
        }
        for text in ["", "-1s", "1x", "s", "1m30", "one", "1.2.3s", "99999999999999999999", "9e9h"] {
            assert!(parse_duration(text).is_err(), "{text}");
        }
    }

    #[test]
    fn an_empty_command_line_is_the_default() {
        let parsed = Command::parse_from(["x"]).connect;
        assert_eq!(format!("{parsed:?}"), format!("{:?}", ConnectOptions::default()));
    }

    #[test]
    fn flags_are_written_as_for_kubectl() {
        let options = Command::parse_from([
            "x",
            "-n",
            "web",
            "-A",
            "-s",
            "https://h:1",
            "--as=jane",
            "--as-group=a",
            "--as-group",
            "b",
            "--as-user-extra=scopes=x=y",
            "--insecure-skip-tls-verify",
            "--request-timeout=1m",
            "--disable-compression=false",
        ])
        .connect;
        assert_eq!(options.namespace.as_deref(), Some("web"));
        assert!(options.all_namespaces);
        assert_eq!(options.impersonate_groups, ["a", "b"]);
        assert_eq!(options.impersonate_extra, [("scopes".to_owned(), "x=y".to_owned())]);
        assert_eq!(options.insecure_skip_tls_verify, Some(true));
        assert_eq!(options.disable_compression, Some(false));
        assert_eq!(options.request_timeout, Duration::from_secs(60));
    }
}
