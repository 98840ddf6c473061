//! Both readers beside each other.

use serde_json::Value;

use super::*;
use crate::snapshot::files::full_yaml;

fn fast(text: &str) -> Option<Value> {
    to_json(text).map(|json| {
        serde_json::from_slice(&json)
            .unwrap_or_else(|error| panic!("{error}: {}\nof\n{text}", String::from_utf8_lossy(&json)))
    })
}

/// Whatever is accepted is what the full parser reads. Says whether it was.
fn agrees(text: &str) -> bool {
    let Some(read) = fast(text) else { return false };
    let full = full_yaml::to_json(text).map(|full| serde_json::from_slice::<Value>(&full.json).expect("JSON"));
    assert_eq!(full.as_ref().ok(), Some(&read), "{full:?}\n{text}");
    true
}

#[test]
fn the_usual_is_accepted_and_means_the_same() {
    for text in [
        "a: 1\nb:\n- x\n-   z\nc:\n  - d: 1\n    e: [1, 'b', \"c\", {d: e, f: [g]}]\n  -\n    h: i\nj: {}\nk: []\n",
        "a: |\n  one\n   two\n\n  three\nb: |-\n  x\n\nc: |+\n  u\n\n\nd: z\n",
        "a: |-\n  no line break at the end",
        "- a\n- b: c\n  d:\n  - e\n- 'it''s'\n- \"q\\\"\\\\ \\u00e9\\n\"\n",
        "image: registry.k8s.io/pause:3.10 # comment\nip: 10.0.0.1\nday: 2024-01-01\nat: \"2024-01-01T00:00:00Z\"\n",
        "n: -1\nf: 0.5\nt: true\nz: null\ny: ~\ne:\nlast: ''\n",
        "key with spaces: a b\n\"quoted:key\": v\n'k': v\nurl: http://a:80/b#c\nweird: a#b\n",
        "# comment\na: # nothing\n  # more\n  b: c\n# end\n",
        "spec:\n  containers:\n  - name: a\n    args:\n    - --x=1\n    - -v\n  volumes: null\n",
        "a: -x\nb: 100m\nc: 1.34.2\nd: v1\ne: 5s\nf: 0.1.\ng: é\nh: a - b\ni: \"\\t\"\n",
    ] {
        assert!(agrees(text), "declined: {text}");
    }
}

#[test]
fn the_unusual_is_left_to_the_full_parser() {
    for text in [
        "a: &x 1\nb: *x\n",
        "a: !!str 1\n",
        "a: >\n  folded\n",
        "a: one\n  two\n",
        "a: \"one\n  two\"\n",
        "? a\n: b\n",
        "--- {a: b}\n",
        "--- a[: b\n",
        "a: b\n... c: d\n",
        "a:\tb\n",
        "a: 1\r\n",
        "a: 0777\n",
        "a: 0x1F\n",
        "a: 1e3\n",
        "a: 1_000\n",
        "a: 12:30\n",
        "a: yes\n",
        "a: Off\n",
        "a: .inf\n",
        "a: +1\n",
        "<<: {a: b}\n",
        "a: [1,\n  2]\n",
        "a: b: c\n",
        "a: [b: c]\n",
        "a: {b}\n",
        "a: \"\\x41\"\n",
        "a: |2\n  x\n",
        "a: b\n   c: d\n",
        "a:\n  b\n",
        "- - a\n",
        "a: [1, 2,]\n",
        "a: {b: c,}\n",
        "a: @x\n",
        "a: %x\n",
        "a: 'x' y\n",
        "a: 12345678901234567890\n",
        "plain\n",
        "\"quoted\"\n",
        "",
        "a: 1\n b: 2\n",
        "a:\n- b\n c: d\n",
        "a: {b:c}\n",
        "a: {\"b\":1}\n",
    ] {
        assert!(fast(text).is_none(), "accepted: {text}");
    }
}

/// Lines that are put together at random, most of them valid somewhere.
const LINES: &[&str] = &[
    "a: 1",
    "b: x",
    "- a",
    "- b: c",
    "-",
    "c:",
    "d: |",
    "e: |-",
    "f: |+",
    "text",
    "'q'",
    "\"q\": 1",
    "- 'x': y",
    "# c",
    "",
    " ",
    "g: [a, b]",
    "h: {a: b}",
    "- [1, {c: d}]",
    "i: 'it''s' # c",
    "j: a #b",
    "k: a#b",
    "l: -1",
    "m: - x",
    "n: 1.5",
    "o: 1.2.3",
    "p: {}",
    "- {}",
    "- |",
    "q: \"a\\nb\"",
    "r: a:b",
    "s: null",
    "t: ~",
    "- - x",
    "u: [a: b]",
    "v: 010",
    "w: [ ]",
    "x: {a: }",
    "y: [a,b]",
    "z: [a , b ]",
    "a b: c d",
    "- a: b # c",
    "- # c",
    "b: # c",
    "a: ''",
    "'a' : b",
    "a : b",
    "-1: x",
    "? x",
    "- ? x",
    "k: \"é\"",
    "a: [\"b]\", 'c,']",
    "a: {b: \"}\", c: 'x'}",
    "a: b:",
];

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(4000))]

    #[test]
    fn both_parsers_agree_on_lines_put_together(
        lines in proptest::collection::vec((0_usize..4, 0..LINES.len()), 1..9)
    ) {
        let text: String = lines.iter().map(|(indent, line)| format!("{}{}\n", "  ".repeat(*indent), LINES[*line])).collect();
        agrees(&text);
        agrees(text.trim_end());
    }

    #[test]
    fn both_parsers_agree_on_any_text(text in "[-a:{}\\[\\]\"', \n#|1.&~]{0,24}") {
        agrees(&text);
    }
}

/// Every sample of the repository, and every public file beside it where there are any.
#[test]
fn both_parsers_agree_on_manifests() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let shared = std::env::var_os("PATCHKIT_SHARED").map_or_else(|| root.join("../shared"), Into::into);
    let mut folders = vec![root.join("examples"), shared.join("oracles")];
    let (mut accepted, mut all) = (0, 0);
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|ending| ending == "yaml" || ending == "yml") {
                let Ok(text) = std::fs::read_to_string(&path) else { continue };
                for document in super::super::yaml::documents(&text, 1) {
                    all += 1;
                    accepted += usize::from(agrees(&document.text));
                }
            }
        }
    }
    assert!(all > 0 && accepted * 10 >= all * 7, "{accepted} of {all} documents are written in the usual way");
}
