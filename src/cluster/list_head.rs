//! The metadata of a list, found before the list has arrived whole.
//!
//! An API server writes `kind`, `apiVersion` and `metadata` before `items` for every built-in type, so that the token
//! of the next page is known from the first bytes. Lists of custom resources come with their keys sorted, `items`
//! before `metadata`: there it is known at the end only.

use serde::Deserialize;
use serde::de::IgnoredAny;

/// `ListMeta`, as far as it matters to a reader of pages.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ListMeta {
    /// The moment of the list.
    pub resource_version: Option<String>,
    /// Token of the next page; none on the last.
    #[serde(rename = "continue")]
    pub next: Option<String>,
    /// How many objects follow after this page, where the server counts them.
    pub remaining_item_count: Option<u64>,
}

impl ListMeta {
    fn tidy(mut self) -> Self {
        self.next = self.next.filter(|token| !token.is_empty());
        self
    }
}

/// What the first bytes of a list say.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Head {
    /// The metadata.
    Found(ListMeta),
    /// More bytes are needed.
    NeedsMore,
    /// The metadata is not at the front.
    NotAtFront,
}

/// Looks for the metadata in the first bytes of a list.
pub(super) fn head(bytes: &[u8]) -> Head {
    let mut scanner = Scanner { bytes, at: 0 };
    match scanner.metadata() {
        Some(Some(slice)) => match serde_json::from_slice::<ListMeta>(slice) {
            Ok(meta) => Head::Found(meta.tidy()),
            Err(_) => Head::NotAtFront,
        },
        Some(None) => Head::NotAtFront,
        None => Head::NeedsMore,
    }
}

/// Reads the metadata of a list that has arrived whole, and checks that it is a list.
pub(super) fn whole(bytes: &[u8]) -> Result<ListMeta, String> {
    #[derive(Deserialize)]
    struct List {
        #[serde(default)]
        kind: String,
        #[serde(default)]
        metadata: ListMeta,
        items: Option<IgnoredAny>,
    }
    let list: List = serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
    if list.items.is_none() && !list.kind.ends_with("List") {
        return Err(format!("expected a list, found kind {:?}", list.kind));
    }
    Ok(list.metadata.tidy())
}

/// Walks over the first members of a JSON object.
struct Scanner<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Scanner<'a> {
    /// `None` where the bytes end too early, `Some(None)` where the metadata does not come before the items.
    fn metadata(&mut self) -> Option<Option<&'a [u8]>> {
        if self.next_solid()? != b'{' {
            return Some(None);
        }
        loop {
            match self.next_solid()? {
                b',' => {}
                b'"' => {
                    let key = self.rest_of_string()?;
                    if self.next_solid()? != b':' {
                        return Some(None);
                    }
                    if key == b"items" {
                        return Some(None);
                    }
                    let value = self.value()?;
                    if key == b"kind" && !value.ends_with(b"List\"") {
                        // Perhaps no list at all: that takes a closer look.
                        return Some(None);
                    }
                    if key == b"metadata" {
                        return Some(Some(value));
                    }
                }
                _ => return Some(None),
            }
        }
    }

    /// The next byte that is no white space.
    fn next_solid(&mut self) -> Option<u8> {
        loop {
            let byte = *self.bytes.get(self.at)?;
            self.at += 1;
            if !byte.is_ascii_whitespace() {
                return Some(byte);
            }
        }
    }

    /// The text of a string whose first quote was read.
    fn rest_of_string(&mut self) -> Option<&'a [u8]> {
        let start = self.at;
        loop {
            let offset = memchr::memchr2(b'"', b'\\', self.bytes.get(self.at..)?)?;
            self.at += offset;
            if self.bytes[self.at] == b'"' {
                self.at += 1;
                return Some(&self.bytes[start..self.at - 1]);
            }
            self.at += 2;
        }
    }

    /// The next value, whole.
    fn value(&mut self) -> Option<&'a [u8]> {
        let first = self.next_solid()?;
        let start = self.at - 1;
        match first {
            b'"' => {
                self.rest_of_string()?;
            }
            b'{' | b'[' => {
                let mut depth = 1;
                while depth > 0 {
                    match self.next_solid()? {
                        b'"' => {
                            self.rest_of_string()?;
                        }
                        b'{' | b'[' => depth += 1,
                        b'}' | b']' => depth -= 1,
                        _ => {}
                    }
                }
            }
            _ => {
                while !matches!(*self.bytes.get(self.at)?, b',' | b'}' | b']') {
                    self.at += 1;
                }
            }
        }
        Some(&self.bytes[start..self.at])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str = r#"{"kind":"PodList","apiVersion":"v1","metadata":{"resourceVersion":"7","continue":"a\"}b","remainingItemCount":3},"items":[{"metadata":{}}]}"#;

    #[test]
    fn the_token_is_known_as_soon_as_it_has_come() {
        let wanted = Head::Found(ListMeta {
            resource_version: Some("7".into()),
            next: Some("a\"}b".into()),
            remaining_item_count: Some(3),
        });
        let end = PAGE.find(",\"items\"").unwrap();
        for length in 0..PAGE.len() {
            let found = head(&PAGE.as_bytes()[..length]);
            assert_eq!(found, if length < end { Head::NeedsMore } else { wanted_again(&wanted) }, "{length}");
        }
        let whole = whole(PAGE.as_bytes()).unwrap();
        assert_eq!(Head::Found(whole), wanted);
    }

    fn wanted_again(head: &Head) -> Head {
        match head {
            Head::Found(meta) => Head::Found(meta.clone()),
            _ => Head::NeedsMore,
        }
    }

    #[test]
    fn sorted_keys_are_read_at_the_end() {
        let sorted = r#"{"apiVersion":"x/v1","items":[{"a":1}],"kind":"XList","metadata":{"continue":"t"}}"#;
        assert_eq!(head(sorted.as_bytes()), Head::NotAtFront);
        assert_eq!(whole(sorted.as_bytes()).unwrap().next.as_deref(), Some("t"));
        assert_eq!(head(b"[1]"), Head::NotAtFront);
        assert_eq!(head(b"{}"), Head::NotAtFront);
    }

    #[test]
    fn what_is_no_list_is_said_so() {
        assert!(whole(br#"{"kind":"Pod","metadata":{}}"#).is_err());
        assert!(whole(br#"{"kind":"PodList","#).is_err());
        assert_eq!(whole(br#"{"kind":"PodList","metadata":{"continue":""},"items":null}"#).unwrap().next, None);
    }
}
