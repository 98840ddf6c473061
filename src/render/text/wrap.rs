//! Breaking text into lines of a given width, counted in terminal columns.

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use crate::{
    render::printable,
    report::{Cell, Tone},
    term::Paint,
};

/// Columns that a text takes in a terminal.
pub(super) fn width(text: &str) -> usize {
    text.width()
}

/// A piece of a line with one tone.
pub(super) type Span = (Tone, String);

/// Columns that the longest word takes.
pub(super) fn longest_word(text: &str) -> usize {
    text.split(' ').map(width).max().unwrap_or(0)
}

/// The pieces as lines of at most `limit` columns, broken at spaces; a word that is longer than a line is broken after
/// a separator such as `/` or `-` where there is one, since image names and addresses are made of those. Nothing is
/// ever left out but the spaces at a break. Without a limit there is one line.
pub(super) fn wrap(pieces: &[Cell], limit: Option<usize>) -> Vec<Vec<Span>> {
    let characters: Vec<(char, Tone)> = pieces
        .iter()
        .flat_map(|piece| printable(&piece.text).chars().map(|c| (c, piece.tone)).collect::<Vec<_>>())
        .collect();
    let Some(limit) = limit.map(|limit| limit.max(1)) else { return vec![spans(&characters)] };
    let mut lines = Vec::new();
    let mut rest = &characters[..];
    loop {
        let (line, next) = rest.split_at(line_length(rest, limit));
        let end = line.iter().rposition(|(c, _)| *c != ' ').map_or(0, |last| last + 1);
        lines.push(spans(&line[..end]));
        let skipped = next.iter().take_while(|(c, _)| *c == ' ').count();
        rest = &next[skipped..];
        if rest.is_empty() {
            return lines;
        }
    }
}

/// How many characters the next line takes.
fn line_length(rest: &[(char, Tone)], limit: usize) -> usize {
    let (mut columns, mut space, mut separator) = (0, None, None);
    for (position, (character, _)) in rest.iter().enumerate() {
        columns += character.width().unwrap_or(0);
        if columns > limit && *character != ' ' {
            // At least one character a line, or a wide character in a column of width 1 would never end.
            return space.or(separator).unwrap_or(position).max(1);
        }
        match character {
            ' ' => space = Some(position + 1),
            '/' | '-' | ',' | '.' | ':' | '=' | '@' | '_' | ';' | '|' => separator = Some(position + 1),
            _ => {}
        }
    }
    rest.len()
}

fn spans(characters: &[(char, Tone)]) -> Vec<Span> {
    characters.chunk_by(|(_, a), (_, b)| a == b).map(|run| (run[0].1, run.iter().map(|(c, _)| *c).collect())).collect()
}

/// A line with its colours.
pub(super) fn painted(line: &[Span], paint: Paint) -> String {
    line.iter().map(|(tone, text)| paint.tone(*tone, text)).collect()
}

/// Columns that a line takes.
pub(super) fn line_width(line: &[Span]) -> usize {
    line.iter().map(|(_, text)| width(text)).sum()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn lines(text: &str, limit: usize) -> Vec<String> {
        wrap(&[Cell::from(text)], Some(limit)).iter().map(|line| painted(line, Paint::default())).collect()
    }

    #[test]
    fn lines_are_broken_at_words() {
        for (text, limit, expected) in [
            ("", 10, &[""][..]),
            ("one two three", 7, &["one two", "three"]),
            ("one two three", 100, &["one two three"]),
            ("one    two", 5, &["one", "two"]),
            ("exactly ten", 10, &["exactly", "ten"]),
            ("exact fits.", 11, &["exact fits."]),
            ("registry.example.com/team/app:1.2", 21, &["registry.example.com/", "team/app:1.2"]),
            ("a veryverylongword", 6, &["a", "veryve", "rylong", "word"]),
            ("测试测试", 5, &["测试", "测试"]),
            ("测", 1, &["测"]),
        ] {
            assert_eq!(lines(text, limit), expected, "{text:?} at {limit}");
        }
    }

    #[test]
    fn tones_survive_a_break() {
        let pieces = [Cell::new("all ", Tone::Plain), Cell::new("very bad", Tone::Bad), Cell::from("ly")];
        let lines = wrap(&pieces, Some(8));
        assert_eq!(
            lines,
            [
                vec![(Tone::Plain, "all ".to_owned()), (Tone::Bad, "very".to_owned())],
                vec![(Tone::Bad, "bad".to_owned()), (Tone::Plain, "ly".to_owned())]
            ]
        );
    }

    proptest! {
        #[test]
        fn nothing_is_lost_and_nothing_too_wide(text in "[a-c/ é测\u{301}-]{0,60}", limit in 2usize..20) {
            let lines = lines(&text, limit);
            let without_spaces = |text: &str| text.replace(' ', "");
            prop_assert_eq!(without_spaces(&lines.concat()), without_spaces(&text));
            for line in &lines {
                prop_assert!(width(line) <= limit, "{:?} is wider than {}", line, limit);
                prop_assert!(!line.ends_with(' '));
            }
        }
    }
}
