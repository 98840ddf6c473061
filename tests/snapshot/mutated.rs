//! Whatever happens to a file, reading it never panics, and what is left whole of it is read.

use patchkit::snapshot::kinds;
use patchkit_workload::{files, shape::Shape, text::Form};
use proptest::prelude::*;

use crate::read;

fn valid(form: Form) -> Vec<u8> {
    let shape = Shape::new(2, 6, 3);
    let mut text = Vec::new();
    for kind in [kinds::NODES, kinds::PODS, kinds::DEPLOYMENTS, kinds::SERVICES] {
        if form == Form::Yaml {
            text.extend_from_slice(b"---\n");
        }
        files::list(&shape, &kind, 0..2, form, &mut text).unwrap();
    }
    text
}

/// One change of a text.
#[derive(Clone, Debug)]
enum Change {
    Cut(usize, usize),
    Insert(usize, Vec<u8>),
    Overwrite(usize, u8),
    Copy(usize, usize, usize),
}

fn change() -> impl Strategy<Value = Change> {
    let bits = prop::sample::select(vec![
        "{",
        "}",
        "[",
        "]",
        "\"",
        "\\",
        "'",
        ":",
        ": ",
        "- ",
        "---\n",
        "...\n",
        "\n",
        "\t",
        "&a ",
        "*a",
        "<<: ",
        "|",
        ">",
        "#",
        "%",
        "!!binary ",
        "null",
        "{{ .Values.x }}",
        "\u{feff}",
        "é",
        "\u{0}",
        "1e999",
        ",",
        "? ",
        "kind: List\n",
        "items:\n",
    ]);
    prop_oneof![
        (any::<usize>(), 0_usize..200).prop_map(|(at, length)| Change::Cut(at, length)),
        (any::<usize>(), bits).prop_map(|(at, text)| Change::Insert(at, text.as_bytes().to_vec())),
        (any::<usize>(), any::<u8>()).prop_map(|(at, byte)| Change::Overwrite(at, byte)),
        (any::<usize>(), any::<usize>(), 0_usize..200).prop_map(|(from, to, length)| Change::Copy(from, to, length)),
    ]
}

fn apply(text: &mut Vec<u8>, change: &Change) {
    if text.is_empty() {
        return;
    }
    let length = text.len();
    match change {
        Change::Cut(at, count) => {
            let at = at % length;
            text.drain(at..(at + count).min(length));
        }
        Change::Insert(at, bytes) => {
            let at = at % length;
            text.splice(at..at, bytes.iter().copied());
        }
        Change::Overwrite(at, byte) => text[at % length] = *byte,
        Change::Copy(from, to, count) => {
            let from = from % length;
            let copied = text[from..(from + count).min(length)].to_vec();
            let to = to % length;
            text.splice(to..to, copied);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn json_never_panics(changes in prop::collection::vec(change(), 1..4)) {
        let mut text = valid(Form::Json);
        changes.iter().for_each(|change| apply(&mut text, change));
        read(text);
    }

    #[test]
    fn yaml_never_panics(changes in prop::collection::vec(change(), 1..4)) {
        let mut text = valid(Form::Yaml);
        changes.iter().for_each(|change| apply(&mut text, change));
        read(text);
    }

    #[test]
    fn any_bytes_never_panic(text in prop::collection::vec(any::<u8>(), 0..300)) {
        read(text);
    }

    #[test]
    fn any_text_never_panics(text in "(kind: |apiVersion: |items:\n|- |\\{|\\}|\"|[a-z]{1,4}|\n|  |: |, |\\[|\\]|&a|\\*a|#|\\||---\n){0,40}") {
        read(text);
    }
}
