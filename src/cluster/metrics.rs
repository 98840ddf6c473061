//! A server's metrics, a line at a time: an API server's page of them can be many megabytes.

use bytes::BytesMut;

use super::connect::Cluster;
use super::errors::ClusterError;

/// A line longer than this is no sample of a metric.
const LINE_LIMIT: usize = 1 << 20;

impl Cluster {
    /// Reads the text format of Prometheus at `path` (an API server's is `/metrics`) and hands on each sample of the
    /// named metrics as it is written: `name{label="value"} 1`. Read once, without another try: samples were handed on.
    ///
    /// # Errors
    /// As [`Cluster::get`]. What was handed on before stays valid.
    pub async fn metrics(&self, path: &str, names: &[&str], mut sample: impl FnMut(&str)) -> Result<(), ClusterError> {
        let _slot = self.slot().await;
        let mut body = self.open(path, "text/plain;version=0.0.4").await?.into_body();
        let mut rest = BytesMut::new();
        let mut take = |line: &[u8]| {
            let line = line.strip_suffix(b"\r").unwrap_or(line);
            let end = line.iter().position(|byte| matches!(byte, b'{' | b' ' | b'\t')).unwrap_or(line.len());
            if names.iter().any(|name| name.as_bytes() == &line[..end])
                && let Ok(text) = std::str::from_utf8(line)
            {
                sample(text);
            }
        };
        while let Some(chunk) = self.next_chunk(&mut body, path).await? {
            rest.extend_from_slice(&chunk);
            while let Some(end) = memchr::memchr(b'\n', &rest) {
                let line = rest.split_to(end + 1);
                take(&line[..end]);
            }
            if rest.len() > LINE_LIMIT {
                return Err(self.unexpected(path, "a line without an end"));
            }
        }
        take(&rest);
        Ok(())
    }
}
