//! The lines of the rules of a policy, from its text alone: the parsers keep no account of places.

use serde::Deserialize;
use serde_json::value::RawValue;

use super::place::solid;
use crate::snapshot::objects::rule_lines::{ListLines, RuleLines};

#[derive(Deserialize)]
struct Policy<'a> {
    #[serde(borrow)]
    spec: Spec<'a>,
}

#[derive(Deserialize)]
struct Spec<'a> {
    #[serde(borrow, default)]
    ingress: Option<Vec<&'a RawValue>>,
    #[serde(borrow, default)]
    egress: Option<Vec<&'a RawValue>>,
}

/// The lines of a policy in JSON, counted from 0 at its first.
pub(super) fn of_json(text: &[u8]) -> RuleLines {
    let Ok(Policy { spec }) = serde_json::from_slice::<Policy<'_>>(text) else { return RuleLines::default() };
    let lines = |rules: Option<Vec<&RawValue>>| {
        let (mut at, mut line) = (0, 0);
        let items = rules.unwrap_or_default().into_iter().map(|rule| {
            let begin = (rule.get().as_ptr() as usize).saturating_sub(text.as_ptr() as usize).clamp(at, text.len());
            line += memchr::memchr_iter(b'\n', &text[at..begin]).count();
            at = begin;
            number(line)
        });
        ListLines { key: None, items: items.collect() }
    };
    RuleLines { ingress: lines(spec.ingress), egress: lines(spec.egress) }
}

/// The lines of a policy in YAML, counted from 0 at the first that holds something. What is written in flow style has
/// the line of its list.
pub(super) fn of_yaml(text: &str) -> RuleLines {
    let mut found = RuleLines::default();
    let mut lines = text.trim_start_matches('\u{feff}').lines().enumerate().filter_map(|(number, line)| {
        let (column, rest) = solid(line)?;
        Some((number, column, rest))
    });
    let Some((first, margin, mut rest)) = lines.next() else { return found };
    let mut column = margin;
    // Up to the key that holds the rules.
    while !(column == margin && opens(rest, "spec")) {
        match lines.next() {
            Some((_, next_column, next)) => (column, rest) = (next_column, next),
            None => return found,
        }
    }
    let mut inner = None;
    let mut list: Option<(&mut ListLines, Option<usize>, Vec<u32>)> = None;
    let RuleLines { ingress, egress } = &mut found;
    let (mut ingress, mut egress) = (Some(ingress), Some(egress));
    for (at, column, rest) in lines {
        let inner = *inner.get_or_insert(column);
        let is_item = rest == "-" || rest.starts_with("- ");
        if column <= margin || column < inner {
            break;
        }
        if let Some((_, dash, items)) = &mut list
            && is_item
            && column == *dash.get_or_insert(column)
        {
            items.push(number(at - first));
            continue;
        }
        if column > inner || is_item {
            continue;
        }
        close(list.take());
        let of_key = if rest.starts_with("ingress:") {
            ingress.take()
        } else if rest.starts_with("egress:") {
            egress.take()
        } else {
            None
        };
        list = of_key.map(|lines| {
            lines.key = Some(number(at - first));
            (lines, None, Vec::new())
        });
    }
    close(list);
    found
}

fn close(list: Option<(&mut ListLines, Option<usize>, Vec<u32>)>) {
    if let Some((lines, _, items)) = list {
        lines.items = items.into();
    }
}

/// Whether a line is a key with its value on the lines below.
fn opens(rest: &str, key: &str) -> bool {
    let behind = rest.strip_prefix(key).and_then(|rest| rest.strip_prefix(':'));
    behind.is_some_and(|behind| behind.is_empty() || behind.trim_start().starts_with('#'))
}

fn number(line: usize) -> u32 {
    u32::try_from(line).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(list: &ListLines) -> (Option<u32>, &[u32]) {
        (list.key, &list.items)
    }

    #[test]
    fn rules_of_yaml_have_their_lines() {
        let text = "\n# first\nkind: NetworkPolicy\nmetadata:\n  annotations:\n    spec:\n    - ingress:\n      - no\nspec: # here\n  \
                    podSelector: {}\n  ingress:\n  - from:\n    - podSelector: {}\n    - ipBlock:\n        except:\n        \
                    - x\n\n  # between\n  - ports:\n    - port: 80\n  egress:\n    - to: []\n    -\n      ports: []\n  policyTypes:\n  - Egress\nstatus:\n  ingress:\n  - x\n";
        let found = of_yaml(text);
        assert_eq!(lines(&found.ingress), (Some(8), &[9, 16][..]));
        assert_eq!(lines(&found.egress), (Some(18), &[19, 20][..]));
        let flow = of_yaml("spec:\n  egress: [{}, {}]\n  ingress: []\n");
        assert_eq!(lines(&flow.egress), (Some(1), &[][..]));
        assert_eq!(of_yaml("spec: {ingress: [{}]}\n"), RuleLines::default());
        assert_eq!(of_yaml("- a\n- b\n"), RuleLines::default());
        assert_eq!(of_yaml(""), RuleLines::default());
    }

    #[test]
    fn rules_of_json_have_their_lines() {
        let text = "{\"kind\": \"X\",\n \"spec\": {\"egress\": [\n {\"a\": [\n1]},\n\n {}], \"ingress\": null}}";
        let found = of_json(text.as_bytes());
        assert_eq!((&*found.egress.items, &*found.ingress.items), (&[2, 5][..], &[][..]));
        assert_eq!(of_json(b"{\"spec\": 5}"), RuleLines::default());
    }

    proptest::proptest! {
        #[test]
        fn never_panics(text in "[-a:{}\\[\\]\", \nspecingr#é]{0,80}") {
            of_yaml(&format!("spec:\n  ingress:\n{text}"));
            of_yaml(&text);
            of_json(text.as_bytes());
        }
    }
}
