//! Image references, whole: registry with port, repository, tag and digest.
//!
//! The grammar is that of `github.com/distribution/reference` v0.6.0 (`regexp.go`, `normalize.go`), by which the
//! kubelet and the container runtimes read `image:`; short names get `docker.io` and `library/` as they do there.
//! A runtime may be configured to complete short names otherwise (CRI-O's `unqualified-search-registries`), or to
//! take a registry from a mirror: neither shows in the API.

use std::{fmt, str::FromStr};

use compact_str::{CompactString, format_compact};

/// Where short names come from.
const DEFAULT_REGISTRY: &str = "docker.io";
/// The older name of the same.
const LEGACY_DEFAULT_REGISTRY: &str = "index.docker.io";
/// The folder of Docker's official images.
const OFFICIAL: &str = "library/";
/// `RepositoryNameTotalLengthMax`.
const LONGEST_REPOSITORY: usize = 255;
/// What `[\w][\w.-]{0,127}` allows.
const LONGEST_TAG: usize = 128;

/// The registry of the Kubernetes project.
pub const KUBERNETES_REGISTRY: &str = "registry.k8s.io";

/// The project's former registry. It got its last images on 3 April 2023
/// (<https://kubernetes.io/blog/2023/02/06/k8s-gcr-io-freeze-announcement/>).
const FROZEN_REGISTRY: &str = "k8s.gcr.io";
/// What [`FROZEN_REGISTRY`] was an alias of, by region, with the folder that the images stand in
/// (<https://kubernetes.io/blog/2022/11/28/registry-k8s-io-faster-cheaper-ga/>, kubernetes/k8s.io#1834).
const FROZEN_REGIONS: [&str; 3] = ["us.gcr.io", "eu.gcr.io", "asia.gcr.io"];
const FROZEN_FOLDER: &str = "k8s-artifacts-prod/";

/// A parsed image reference.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ImageRef {
    /// Host and port; `docker.io` where the reference names none.
    pub registry: CompactString,
    /// The path in the registry, with `library/` before Docker's official images.
    pub repository: CompactString,
    /// The tag, if one is written.
    pub tag: Option<CompactString>,
    /// The digest with its algorithm, if one is written. It decides where a tag stands beside it.
    pub digest: Option<CompactString>,
    /// The text as it was read.
    pub raw: CompactString,
}

/// Why a text is no image reference.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is no image reference: {problem}")]
pub struct ImageError {
    /// The text.
    pub text: String,
    /// What is wrong with it.
    pub problem: ImageProblem,
}

/// What is wrong with an image reference.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ImageProblem {
    /// Nothing in it.
    #[error("it is empty")]
    Empty,
    /// White space in it, which the API server refuses too at either end.
    #[error("it holds white space")]
    WhiteSpace,
    /// Upper case in the repository.
    #[error("the repository must be in lower case")]
    Uppercase,
    /// Something else in the repository.
    #[error(
        "the repository must be words of a-z and 0-9, joined by single points, one or two underscores, dashes or slashes"
    )]
    Repository,
    /// The repository is too long.
    #[error("the repository is longer than 255 characters")]
    TooLong,
    /// It would be taken for an image's id.
    #[error("64 hexadecimal digits are an image's id, not its name")]
    LooksLikeAnId,
    /// The registry is no host.
    #[error("the registry must be a host name or an address, with or without a port")]
    Registry,
    /// The tag.
    #[error(
        "the tag must be up to 128 letters, digits, underscores, points and dashes, and begin with none of the last two"
    )]
    Tag,
    /// The digest.
    #[error("the digest must be sha256, sha384 or sha512, a colon and 64, 96 or 128 hexadecimal digits in lower case")]
    Digest,
}

impl ImageRef {
    /// Whether it may be another image tomorrow by custom: no digest, and no tag or `latest`. Any tag can be moved,
    /// but this one is meant to.
    #[must_use]
    pub fn floats(&self) -> bool {
        self.digest.is_none() && self.tag.as_deref().is_none_or(|tag| tag == "latest")
    }

    /// What is pulled: the registry and the repository, then the digest, else the tag, else `latest`.
    #[must_use]
    pub fn canonical(&self) -> String {
        let name = format!("{}/{}", self.registry, self.repository);
        match (&self.digest, &self.tag) {
            (Some(digest), _) => format!("{name}@{digest}"),
            (None, Some(tag)) => format!("{name}:{tag}"),
            (None, None) => format!("{name}:latest"),
        }
    }

    /// The name for people, without tag and digest: `nginx` for `docker.io/library/nginx`, others with their
    /// registry.
    #[must_use]
    pub fn familiar(&self) -> CompactString {
        if self.registry != DEFAULT_REGISTRY {
            return format_compact!("{}/{}", self.registry, self.repository);
        }
        match self.repository.strip_prefix(OFFICIAL) {
            Some(official) if !official.contains('/') => official.into(),
            _ => self.repository.clone(),
        }
    }

    /// The last part of the repository: `kube-proxy` of `registry.k8s.io/kube-proxy`.
    #[must_use]
    pub fn base_name(&self) -> &str {
        self.repository.rsplit('/').next().unwrap_or(&self.repository)
    }

    /// Where it comes from the Kubernetes project's frozen registry: the same image in the living one, with the tag
    /// and digest that were written.
    #[must_use]
    pub fn thawed(&self) -> Option<Self> {
        let repository = if self.registry == FROZEN_REGISTRY {
            self.repository.as_str()
        } else if FROZEN_REGIONS.contains(&self.registry.as_str()) {
            self.repository.strip_prefix(FROZEN_FOLDER)?
        } else {
            return None;
        };
        let mut raw = format_compact!("{KUBERNETES_REGISTRY}/{repository}");
        for (sign, part) in [(':', &self.tag), ('@', &self.digest)] {
            if let Some(part) = part {
                raw.push(sign);
                raw.push_str(part);
            }
        }
        let (tag, digest) = (self.tag.clone(), self.digest.clone());
        Some(Self { registry: KUBERNETES_REGISTRY.into(), repository: repository.into(), tag, digest, raw })
    }
}

impl fmt::Display for ImageRef {
    /// As it was written.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.raw)
    }
}

impl FromStr for ImageRef {
    type Err = ImageError;

    fn from_str(text: &str) -> Result<Self, ImageError> {
        parse(text).map_err(|problem| ImageError { text: text.to_owned(), problem })
    }
}

fn parse(text: &str) -> Result<ImageRef, ImageProblem> {
    if text.is_empty() {
        return Err(ImageProblem::Empty);
    }
    if text.contains(char::is_whitespace) {
        return Err(ImageProblem::WhiteSpace);
    }
    if text.len() == 64 && text.bytes().all(is_lower_hex) {
        return Err(ImageProblem::LooksLikeAnId);
    }
    let (registry, rest) = split_registry(text);
    let (name, digest) = match rest.split_once('@') {
        Some((name, digest)) => (name, Some(digest)),
        None => (rest, None),
    };
    // The registry and its port are gone: the first colon begins the tag.
    let (path, tag) = match name.split_once(':') {
        Some((path, tag)) => (path, Some(tag)),
        None => (name, None),
    };
    let official = registry == DEFAULT_REGISTRY && !path.contains('/');
    let repository = if official { format_compact!("{OFFICIAL}{path}") } else { path.into() };
    if path.bytes().any(|b| b.is_ascii_uppercase()) {
        return Err(ImageProblem::Uppercase);
    }
    if !path.split('/').all(is_path_component) {
        return Err(ImageProblem::Repository);
    }
    // Of a host with underscores the grammar makes a part of the path; runtimes still ask that host.
    let host_in_path = !is_domain(registry);
    if host_in_path && !is_path_component(registry) {
        return Err(ImageProblem::Registry);
    }
    if repository.len() + if host_in_path { registry.len() + 1 } else { 0 } > LONGEST_REPOSITORY {
        return Err(ImageProblem::TooLong);
    }
    if tag.is_some_and(|tag| !is_tag(tag)) {
        return Err(ImageProblem::Tag);
    }
    if digest.is_some_and(|digest| !is_digest(digest)) {
        return Err(ImageProblem::Digest);
    }
    Ok(ImageRef {
        registry: registry.into(),
        repository,
        tag: tag.map(Into::into),
        digest: digest.map(Into::into),
        raw: text.into(),
    })
}

/// `splitDockerDomain`: the first part is a registry if it is `localhost`, holds a point, a colon or an upper case
/// letter, and is followed by a slash.
fn split_registry(text: &str) -> (&str, &str) {
    match text.split_once('/') {
        Some((LEGACY_DEFAULT_REGISTRY, rest)) => (DEFAULT_REGISTRY, rest),
        Some((first, rest))
            if first == "localhost"
                || first.contains(['.', ':'])
                || first.chars().any(|c| c.to_lowercase().ne([c])) =>
        {
            (first, rest)
        }
        _ => (DEFAULT_REGISTRY, text),
    }
}

/// `[a-z0-9]+(?:(?:[._]|__|[-]+)[a-z0-9]+)*`
fn is_path_component(text: &str) -> bool {
    let word = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    let bytes = text.as_bytes();
    let ends_in_words = bytes.first().copied().is_some_and(word) && bytes.last().copied().is_some_and(word);
    ends_in_words
        && text
            .split(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit())
            .all(|separator| matches!(separator, "" | "." | "_" | "__") || separator.bytes().all(|b| b == b'-'))
}

/// A host name or an IPv6 address in brackets, and a port or none.
fn is_domain(text: &str) -> bool {
    let (host, port) = match text.strip_prefix('[').and_then(|inner| inner.split_once(']')) {
        Some((address, port)) => {
            if address.is_empty() || !address.bytes().all(|b| b.is_ascii_hexdigit() || b == b':') {
                return false;
            }
            (None, port)
        }
        None => match text.find(':') {
            Some(colon) => (Some(&text[..colon]), &text[colon..]),
            None => (Some(text), ""),
        },
    };
    let label = |label: &str| {
        !label.is_empty()
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
    };
    let port_is_number = port
        .strip_prefix(':')
        .map_or(port.is_empty(), |digits| !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()));
    host.is_none_or(|host| host.split('.').all(label)) && port_is_number
}

fn is_tag(text: &str) -> bool {
    !text.starts_with(['.', '-'])
        && (1..=LONGEST_TAG).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'-'))
}

fn is_digest(text: &str) -> bool {
    let digits = match text.split_once(':') {
        Some(("sha256", hex)) => (hex, 64),
        Some(("sha384", hex)) => (hex, 96),
        Some(("sha512", hex)) => (hex, 128),
        _ => return false,
    };
    digits.0.len() == digits.1 && digits.0.bytes().all(is_lower_hex)
}

fn is_lower_hex(byte: u8) -> bool {
    byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn image(text: &str) -> ImageRef {
        text.parse().unwrap_or_else(|error| panic!("{error}"))
    }

    fn digest() -> String {
        format!("sha256:{}", "f".repeat(64))
    }

    #[test]
    fn references_of_the_distribution_s_own_table() {
        for (text, registry, repository, tag) in [
            ("nginx", "docker.io", "library/nginx", None),
            ("nginx:1.27", "docker.io", "library/nginx", Some("1.27")),
            ("docker.io/nginx", "docker.io", "library/nginx", None),
            ("index.docker.io/nginx", "docker.io", "library/nginx", None),
            ("grafana/grafana:11.0.0", "docker.io", "grafana/grafana", Some("11.0.0")),
            ("test.com:5000", "docker.io", "library/test.com", Some("5000")),
            ("test.com/repo:tag", "test.com", "repo", Some("tag")),
            ("test:5000/repo", "test:5000", "repo", None),
            ("test:5000/repo:tag", "test:5000", "repo", Some("tag")),
            ("localhost/app", "localhost", "app", None),
            ("localhost:5000/a/b/c", "localhost:5000", "a/b/c", None),
            ("192.168.1.1:5000/repo:5050", "192.168.1.1:5000", "repo", Some("5050")),
            ("[2001:db8::1]:5000/repo:tag", "[2001:db8::1]:5000", "repo", Some("tag")),
            ("[::1]/repo", "[::1]", "repo", None),
            ("Uppercase/lowercase:tag", "Uppercase", "lowercase", Some("tag")),
            ("lowercase:Uppercase", "docker.io", "library/lowercase", Some("Uppercase")),
            ("foo/foo_bar.com:8080", "docker.io", "foo/foo_bar.com", Some("8080")),
            ("foo_bar.com/x", "foo_bar.com", "x", None),
            ("xn--n3h.com/myimage:xn--n3h.com", "xn--n3h.com", "myimage", Some("xn--n3h.com")),
            ("registry.k8s.io/sig-storage/csi__x--y", "registry.k8s.io", "sig-storage/csi__x--y", None),
        ] {
            let found = image(text);
            assert_eq!(found.registry, registry, "{text}");
            assert_eq!(found.repository, repository, "{text}");
            assert_eq!(found.tag.as_deref(), tag, "{text}");
            assert_eq!(found.digest, None, "{text}");
            assert_eq!(found.to_string(), text);
            let pinned = image(&format!("{text}@{}", digest()));
            assert_eq!(pinned.digest.as_deref(), Some(digest().as_str()), "{text}");
            assert_eq!((pinned.registry, pinned.repository, pinned.tag), (found.registry, found.repository, found.tag));
        }
    }

    #[test]
    fn what_is_no_reference_is_refused_with_the_reason() {
        let long = format!("example.com/{}", "a".repeat(256));
        for (text, problem) in [
            ("", ImageProblem::Empty),
            (" nginx", ImageProblem::WhiteSpace),
            (":justtag", ImageProblem::Repository),
            ("Uppercase:tag", ImageProblem::Uppercase),
            ("test:5000/Uppercase/lowercase:tag", ImageProblem::Uppercase),
            ("aa/asdf$$^/aa", ImageProblem::Repository),
            ("a//b", ImageProblem::Repository),
            ("/a", ImageProblem::Repository),
            ("a..b", ImageProblem::Repository),
            ("a___b", ImageProblem::Repository),
            ("-a", ImageProblem::Repository),
            ("[2001:db8::1]", ImageProblem::Repository),
            ("[fe80::1%eth0]:5000/repo", ImageProblem::Registry),
            ("-a.b/repo", ImageProblem::Registry),
            ("a.b:port/repo", ImageProblem::Registry),
            ("nginx:", ImageProblem::Tag),
            ("nginx:-1", ImageProblem::Tag),
            ("nginx:a:b", ImageProblem::Tag),
            ("repo@sha256:ffff", ImageProblem::Digest),
            ("repo@", ImageProblem::Digest),
            (long.as_str(), ImageProblem::TooLong),
            (&"a".repeat(64), ImageProblem::LooksLikeAnId),
        ] {
            assert_eq!(text.parse::<ImageRef>().map_err(|error| error.problem), Err(problem), "{text}");
        }
    }

    #[test]
    fn frozen_images_have_a_living_twin() {
        let pinned = format!("k8s.gcr.io/pause:3.6@{}", digest());
        for (text, living) in [
            ("k8s.gcr.io/pause:3.6", Some("registry.k8s.io/pause:3.6".to_owned())),
            (
                "k8s.gcr.io/ingress-nginx/controller:v1.2.0",
                Some("registry.k8s.io/ingress-nginx/controller:v1.2.0".into()),
            ),
            ("eu.gcr.io/k8s-artifacts-prod/sig-storage/x", Some("registry.k8s.io/sig-storage/x".into())),
            (&pinned, Some(format!("registry.k8s.io/pause:3.6@{}", digest()))),
            ("eu.gcr.io/mine/pause:3.6", None),
            ("registry.k8s.io/pause:3.6", None),
            ("mirror.example/k8s.gcr.io/pause:3.6", None),
        ] {
            let thawed = image(text).thawed();
            assert_eq!(thawed.as_ref().map(ToString::to_string), living, "{text}");
            if let Some(thawed) = thawed {
                assert_eq!(image(&thawed.raw), thawed, "{text}");
            }
        }
    }

    #[test]
    fn names_for_people_and_for_pulling() {
        for (text, familiar, canonical, floats) in [
            ("nginx", "nginx", "docker.io/library/nginx:latest", true),
            ("nginx:latest", "nginx", "docker.io/library/nginx:latest", true),
            ("docker.io/grafana/grafana:11", "grafana/grafana", "docker.io/grafana/grafana:11", false),
            ("quay.io/a/b:latest", "quay.io/a/b", "quay.io/a/b:latest", true),
            ("docker.io/library/a/b:1", "library/a/b", "docker.io/library/a/b:1", false),
        ] {
            let found = image(text);
            assert_eq!(found.familiar(), familiar, "{text}");
            assert_eq!(found.canonical(), canonical, "{text}");
            assert_eq!(found.floats(), floats, "{text}");
        }
        let both = image(&format!("nginx:latest@{}", digest()));
        assert!(!both.floats());
        assert_eq!(both.canonical(), format!("docker.io/library/nginx@{}", digest()));
        assert_eq!(image("registry.k8s.io/dns/k8s-dns-node-cache:1").base_name(), "k8s-dns-node-cache");
    }

    proptest! {
        #[test]
        fn what_is_pulled_reads_back_as_the_same_image(
            text in "((localhost|[a-z]{1,5}\\.io)(:[0-9]{1,4})?/)?[a-z0-9]{1,6}(/[a-z0-9]{1,4}([._]|__|-{1,3})[a-z]{1,3}){0,2}(:[A-Za-z0-9_][A-Za-z0-9._-]{0,9})?",
        ) {
            let first = image(&text);
            let again = image(&first.canonical());
            prop_assert_eq!(&again.registry, &first.registry);
            prop_assert_eq!(&again.repository, &first.repository);
            prop_assert_eq!(again.canonical(), first.canonical());
        }

        #[test]
        fn no_text_makes_it_panic(text in "[a-zA-Z0-9:/@._\\[\\]é \\-]{0,40}") {
            let _ = text.parse::<ImageRef>();
        }
    }
}
