//! Which proxy stands between us and the cluster.
//!
//! A proxy that the kubeconfig names is always used. Else the environment decides, as Go's
//! `golang.org/x/net/http/httpproxy` reads it: `HTTPS_PROXY` or `HTTP_PROXY` by the scheme of the *cluster's* address,
//! and `NO_PROXY` matched against that same address, never against the proxy's.

use std::net::IpAddr;

use http::Uri;
use thiserror::Error;

use super::environment::Environment;

/// Why no proxy could be decided on.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum ProxyError {
    /// The kubeconfig's or the flag's address is of no use.
    #[error("invalid proxy address {url:?} ({origin}): {reason}")]
    Address {
        /// What was given.
        url: String,
        /// Who gave it: a flag, a kubeconfig's field, a variable.
        origin: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A CGI program's HTTP_PROXY can come from the client's `Proxy:` header.
    #[error("refusing to use HTTP_PROXY value in CGI environment; see golang.org/s/cgihttpproxy")]
    Cgi,
}

/// Decides on the proxy for `cluster`. `configured` is the kubeconfig's `proxy-url` (or `--proxy-url`).
///
/// # Errors
/// An address that is no URL, of a scheme other than http, https and socks5, and `HTTP_PROXY` in a CGI program.
pub fn decide(cluster: &Uri, configured: Option<&str>, environment: &Environment) -> Result<Option<Uri>, ProxyError> {
    if let Some(url) = configured.filter(|url| !url.is_empty()) {
        return parse(url, "proxy-url").map(Some);
    }
    let plain = cluster.scheme_str() == Some("http");
    let names: [&str; 2] = if plain { ["HTTP_PROXY", "http_proxy"] } else { ["HTTPS_PROXY", "https_proxy"] };
    let Some((name, value)) = names.iter().find_map(|name| Some((name, environment.variable(name)?))) else {
        return Ok(None);
    };
    if plain && environment.variable("REQUEST_METHOD").is_some() {
        return Err(ProxyError::Cgi);
    }
    let exceptions = environment.variable("NO_PROXY").or_else(|| environment.variable("no_proxy")).unwrap_or_default();
    if !applies(cluster, exceptions) {
        return Ok(None);
    }
    // Go takes a bare host or host:port for an http proxy.
    let full = if value.contains("://") { value.to_owned() } else { format!("http://{value}") };
    parse(&full, name).map(Some)
}

fn parse(url: &str, origin: &str) -> Result<Uri, ProxyError> {
    let wrong = |reason: &str| ProxyError::Address {
        url: without_password(url),
        origin: origin.to_owned(),
        reason: reason.to_owned(),
    };
    let uri: Uri = url.parse().map_err(|_| wrong("it is no URL"))?;
    if uri.host().is_none_or(str::is_empty) {
        return Err(wrong("it names no host"));
    }
    match uri.scheme_str() {
        Some("http" | "https" | "socks5") => Ok(uri),
        // The name is looked up by the proxy either way.
        Some("socks5h") => {
            let mut parts = uri.into_parts();
            parts.scheme = "socks5".parse().ok();
            Uri::from_parts(parts).map_err(|_| wrong("it is no URL"))
        }
        other => Err(wrong(&format!("unsupported scheme {:?}, must be http, https, or socks5", other.unwrap_or("")))),
    }
}

/// The URL as it may be shown: a password in it is replaced.
fn without_password(url: &str) -> String {
    let (scheme, rest) = url.split_once("://").map_or(("", url), |(scheme, rest)| (scheme, rest));
    match rest.rsplit_once('@') {
        Some((_, host)) => format!("{scheme}://***@{host}"),
        None => url.to_owned(),
    }
}

/// Whether a proxy of the environment is used for `cluster`, given the value of `NO_PROXY`.
fn applies(cluster: &Uri, exceptions: &str) -> bool {
    let Some(host) = cluster.host() else { return false };
    let port = cluster.port_u16().unwrap_or(if cluster.scheme_str() == Some("http") { 80 } else { 443 });
    let host = host.trim_start_matches('[').trim_end_matches(']').to_lowercase();
    if host == "localhost" {
        return false;
    }
    let address = host.split('%').next().and_then(|host| host.parse::<IpAddr>().ok()).map(canonical);
    if address.is_some_and(|address| address.is_loopback()) {
        return false;
    }
    !exceptions
        .split(',')
        .any(|exception| Exception::parse(exception).is_some_and(|it| it.matches(&host, port, address)))
}

/// ::ffff:10.0.0.1 is 10.0.0.1, as in Go's net.IP.
fn canonical(address: IpAddr) -> IpAddr {
    address.to_canonical()
}

/// One entry of `NO_PROXY`.
enum Exception {
    Everything,
    Network { address: IpAddr, bits: u8 },
    Address { address: IpAddr, port: Option<String> },
    Domain { suffix: String, itself: bool, port: Option<String> },
}

impl Exception {
    fn parse(text: &str) -> Option<Self> {
        let text = text.trim().to_lowercase();
        if text.is_empty() {
            return None;
        }
        if text == "*" {
            return Some(Self::Everything);
        }
        if let Some((address, bits)) = text.split_once('/')
            && let (Ok(address), Ok(bits)) = (address.parse::<IpAddr>(), bits.parse::<u8>())
            && bits <= if address.is_ipv4() { 32 } else { 128 }
        {
            return Some(Self::Network { address, bits });
        }
        let (host, port) = split_port(&text);
        if host.is_empty() {
            return None;
        }
        if let Ok(address) = host.parse::<IpAddr>() {
            return Some(Self::Address { address: canonical(address), port });
        }
        let host = host.strip_prefix('*').filter(|rest| rest.starts_with('.')).unwrap_or(host);
        let itself = !host.starts_with('.');
        let suffix = if itself { format!(".{host}") } else { host.to_owned() };
        Some(Self::Domain { suffix, itself, port })
    }

    fn matches(&self, host: &str, port: u16, address: Option<IpAddr>) -> bool {
        let same_port = |wanted: &Option<String>| wanted.as_ref().is_none_or(|wanted| *wanted == port.to_string());
        match (self, address) {
            (Self::Everything, _) => true,
            (Self::Network { address: network, bits }, Some(address)) => contains(*network, *bits, address),
            (Self::Address { address: wanted, port }, Some(address)) => *wanted == address && same_port(port),
            (Self::Domain { suffix, itself, port }, None) => {
                (host.ends_with(suffix.as_str()) || (*itself && host == &suffix[1..])) && same_port(port)
            }
            _ => false,
        }
    }
}

/// Splits a port off, as Go's `net.SplitHostPort` would; without one the whole text is the host.
fn split_port(text: &str) -> (&str, Option<String>) {
    if let Some(rest) = text.strip_prefix('[') {
        return match rest.split_once("]:") {
            Some((host, port)) => (host, Some(port.to_owned())),
            None => (rest.strip_suffix(']').unwrap_or(rest), None),
        };
    }
    match text.split_once(':') {
        Some((host, port)) if !port.contains(':') => (host, Some(port.to_owned()).filter(|port| !port.is_empty())),
        _ => (text, None),
    }
}

fn contains(network: IpAddr, bits: u8, address: IpAddr) -> bool {
    match (canonical(network), address) {
        (IpAddr::V4(network), IpAddr::V4(address)) => {
            let shift = 32 - u32::from(bits.min(32));
            (u64::from(u32::from(network)) >> shift) == (u64::from(u32::from(address)) >> shift)
        }
        (IpAddr::V6(network), IpAddr::V6(address)) => {
            let shift = 128 - u32::from(bits);
            shift == 128 || (u128::from(network) >> shift) == (u128::from(address) >> shift)
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decided(cluster: &str, variables: &[(&str, &str)], configured: Option<&str>) -> Result<String, ProxyError> {
        let environment = Environment::with(variables.iter().copied(), None);
        decide(&cluster.parse().unwrap(), configured, &environment)
            .map(|proxy| proxy.map_or_else(String::new, |uri| uri.to_string().trim_end_matches('/').to_owned()))
    }

    // The cases below are those of golang.org/x/net/http/httpproxy/proxy_test.go (BSD), as facts.

    #[test]
    fn the_variable_follows_the_scheme_of_the_cluster() {
        let http = "http://example.com";
        for (cluster, variables, wanted) in [
            (http, vec![("HTTP_PROXY", "127.0.0.1:8080")], "http://127.0.0.1:8080"),
            (http, vec![("HTTP_PROXY", "cache.corp.example.com:1234")], "http://cache.corp.example.com:1234"),
            (http, vec![("HTTP_PROXY", "localhost")], "http://localhost"),
            (http, vec![("HTTP_PROXY", "https://127.0.0.1:8080")], "https://127.0.0.1:8080"),
            (http, vec![("http_proxy", "socks5://127.0.0.1")], "socks5://127.0.0.1"),
            (
                "http://insecure.tld/",
                vec![("HTTP_PROXY", "http.proxy.tld"), ("HTTPS_PROXY", "s.tld")],
                "http://http.proxy.tld",
            ),
            (
                "https://secure.tld/",
                vec![("HTTP_PROXY", "h.tld"), ("HTTPS_PROXY", "secure.proxy.tld")],
                "http://secure.proxy.tld",
            ),
            ("https://secure.tld/", vec![("HTTP_PROXY", "http.proxy.tld")], ""),
            ("https://secure.tld/", vec![("HTTPS_PROXY", "https://p.tld"), ("REQUEST_METHOD", "GET")], "https://p.tld"),
            (http, vec![], ""),
            ("http://example.com/", vec![("NO_PROXY", "example.com"), ("HTTP_PROXY", "proxy")], ""),
            ("http://example.com/", vec![("NO_PROXY", ".example.com"), ("HTTP_PROXY", "proxy")], "http://proxy"),
            ("http://example.com/", vec![("NO_PROXY", "ample.com"), ("HTTP_PROXY", "proxy")], "http://proxy"),
            ("http://foo.example.com/", vec![("no_proxy", "example.com"), ("HTTP_PROXY", "proxy")], ""),
            ("http://example.com/", vec![("NO_PROXY", ".foo.com"), ("HTTP_PROXY", "proxy")], "http://proxy"),
        ] {
            assert_eq!(decided(cluster, &variables, None).as_deref(), Ok(wanted), "{cluster} {variables:?}");
        }
        assert_eq!(
            decided(http, &[("HTTP_PROXY", "http://10.1.2.3:8080"), ("REQUEST_METHOD", "GET")], None),
            Err(ProxyError::Cgi)
        );
    }

    #[test]
    fn exceptions_are_matched_against_the_clusters_address() {
        let exceptions = "foobar.com, .barbaz.net, *.wildcard.io, 192.168.1.1, 192.168.1.2:81, 192.168.1.3:80, \
                          10.0.0.0/30, 2001:db8::52:0:1, [2001:db8::52:0:2]:443, [2001:db8::52:0:3]:80, 2002:db8:a::45/64";
        for (host, wanted) in [
            ("localhost", false),
            ("127.0.0.1", false),
            ("127.0.0.2", false),
            ("[::1]", false),
            ("[::2]", true),
            ("192.168.1.1", false),
            ("192.168.1.2", true),
            ("192.168.1.3", false),
            ("192.168.1.4", true),
            ("10.0.0.2", false),
            ("[2001:db8::52:0:1]", false),
            ("[2001:db8::52:0:2]", true),
            ("[2001:db8::52:0:3]", false),
            ("[2002:db8:a::123]", false),
            ("[fe80::424b:c8be:1643:a1b6]", true),
            ("barbaz.net", true),
            ("www.barbaz.net", false),
            ("foobar.com", false),
            ("www.foobar.com", false),
            ("foofoobar.com", true),
            ("baz.com", true),
            ("localhost.net", true),
            ("local.localhost", true),
            ("barbarbaz.net", true),
            ("wildcard.io", true),
            ("nested.wildcard.io", false),
            ("awildcard.io", true),
        ] {
            let cluster: Uri = format!("http://{host}:80").parse().unwrap();
            assert_eq!(applies(&cluster, exceptions), wanted, "{host}");
            assert!(!applies(&cluster, "*"), "{host}");
        }
        assert!(applies(&"http://example.com:80".parse().unwrap(), ":1"));
        assert!(applies(&"https://10.1.2.3".parse().unwrap(), "0.0.0.0/40,10.0.0.0/x"));
        assert!(!applies(&"https://10.1.2.3".parse().unwrap(), "0.0.0.0/0"));
        assert!(!applies(&"https://[2001:db8::1]".parse().unwrap(), "::/0"));
    }

    #[test]
    fn the_proxys_own_address_is_no_reason_not_to_use_it() {
        let variables = [("HTTPS_PROXY", "http://proxy.corp:3128"), ("NO_PROXY", "proxy.corp")];
        assert_eq!(decided("https://cluster.example", &variables, None).as_deref(), Ok("http://proxy.corp:3128"));
    }

    #[test]
    fn the_kubeconfigs_proxy_wins_over_everything() {
        let variables = [("HTTPS_PROXY", "http://other:1"), ("NO_PROXY", "*")];
        let decided = |url| decided("https://127.0.0.1:6443", &variables, Some(url));
        assert_eq!(decided("socks5h://proxy:1080").as_deref(), Ok("socks5://proxy:1080"));
        assert_eq!(decided("http://proxy:3128").as_deref(), Ok("http://proxy:3128"));
        let error = decided("ftp://me:secret@proxy").unwrap_err().to_string();
        assert!(error.contains("unsupported scheme \"ftp\"") && !error.contains("secret"), "{error}");
        assert!(decided("proxy:3128").is_err());
    }
}
