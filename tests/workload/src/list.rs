//! The bare client: asks for every page of every kind and drops it. What any reader of a cluster has to do at least.

use patchkit::cluster::{Cluster, ClusterError};

/// What was read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Read {
    /// How many pages there were.
    pub pages: u64,
    /// Their bytes.
    pub bytes: u64,
}

/// Reads all pages below a path, one after the other.
///
/// # Errors
/// Where the server refuses.
pub async fn read(cluster: &Cluster, path: &str, limit: u32) -> Result<Read, ClusterError> {
    let mut read = Read::default();
    let mut token = String::new();
    loop {
        let mut query = form_urlencoded::Serializer::new(String::new());
        query.append_pair("limit", &limit.to_string());
        if !token.is_empty() {
            query.append_pair("continue", &token);
        }
        let page = cluster.get(&format!("{path}?{}", query.finish())).await?;
        read.pages += 1;
        read.bytes += page.len() as u64;
        token = next(&page);
        if token.is_empty() {
            return Ok(read);
        }
    }
}

/// The token of the next page, found without parsing the page.
fn next(page: &[u8]) -> String {
    // The metadata of a list stands before its items for every built-in kind, and behind them for custom resources.
    let text = b"\"continue\":\"";
    let find = |bytes: &[u8]| bytes.windows(text.len()).position(|window| window == text).map(|at| at + text.len());
    let head = &page[..page.len().min(4096)];
    let tail = &page[page.len().saturating_sub(4096)..];
    [head, tail]
        .into_iter()
        .find_map(|part| {
            let rest = &part[find(part)?..];
            let end = rest.iter().position(|byte| *byte == b'"')?;
            Some(String::from_utf8_lossy(&rest[..end]).into_owned())
        })
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_token_is_found_at_either_end() {
        assert_eq!(next(br#"{"kind":"PodList","metadata":{"continue":"ab"},"items":[]}"#), "ab");
        let long = format!(r#"{{"items":["{}"],"metadata":{{"continue":"cd"}}}}"#, "x".repeat(9000));
        assert_eq!(next(long.as_bytes()), "cd");
        assert_eq!(next(br#"{"items":[]}"#), "");
    }
}
