//! Text that means nothing to markdown.

use crate::{
    render::printable,
    report::{Cell, Tone},
};

/// The text with everything escaped that markdown, or GitHub's extensions to it, would take for markup. An underscore
/// within a word is no markup and stays as it is.
pub(in crate::render) fn escaped(text: &str) -> String {
    let text = printable(text);
    let mut safe = String::with_capacity(text.len() + 8);
    let mut before = None;
    let mut rest = text.chars().peekable();
    while let Some(character) = rest.next() {
        let within_word = |neighbour: Option<char>| neighbour.is_some_and(char::is_alphanumeric);
        match character {
            '<' => safe.push_str("&lt;"),
            '&' => safe.push_str("&amp;"),
            '_' if within_word(before) && within_word(rest.peek().copied()) => safe.push('_'),
            '\\' | '`' | '*' | '_' | '[' | ']' | '|' | '~' | '$' => safe.extend(['\\', character]),
            // A name behind an @ at the beginning of a word calls people.
            '@' if !within_word(before) => safe.push_str("&#64;"),
            character => safe.push(character),
        }
        before = Some(character);
    }
    safe
}

/// The text at the beginning of a line, where `#`, `-`, `1.` and so on mean more than in its middle.
pub(super) fn escaped_line(text: &str) -> String {
    let safe = escaped(text.trim_start());
    let digits = safe.find(|character: char| !character.is_ascii_digit()).unwrap_or(0);
    let marked = safe.starts_with(['#', '>', '-', '+', '=']) || (digits > 0 && safe[digits..].starts_with(['.', ')']));
    if marked { format!("{}\\{}", &safe[..digits], &safe[digits..]) } else { safe }
}

/// Pieces with their tones: what is strong or bad is bold.
pub(super) fn pieces(pieces: &[Cell]) -> String {
    let mut line = String::new();
    for piece in pieces {
        let trimmed = piece.text.trim();
        if trimmed.is_empty() || !matches!(piece.tone, Tone::Strong | Tone::Bad) {
            line.push_str(&if line.is_empty() { escaped_line(&piece.text) } else { escaped(&piece.text) });
            continue;
        }
        // The stars have to touch the text.
        let (start, end) = (piece.text.starts_with(' '), piece.text.ends_with(' '));
        let space = |wanted| if wanted { " " } else { "" };
        line.push_str(&format!("{}**{}**{}", space(start && !line.is_empty()), escaped(trimmed), space(end)));
    }
    line.trim_end().to_owned()
}

/// Lines of code between fences that none of them can close.
pub(in crate::render) fn fenced(language: &str, lines: &[String]) -> String {
    let longest =
        lines.iter().flat_map(|line| line.split(|character| character != '`').map(str::len)).max().unwrap_or(0);
    let fence = "`".repeat((longest + 1).max(3));
    let body: String =
        lines.iter().flat_map(|line| line.lines()).map(|line| format!("{}\n", printable(line))).collect();
    format!("{fence}{language}\n{body}{fence}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_never_markup() {
        for (text, expected) in [
            ("plain text, 1.36.2", "plain text, 1.36.2"),
            ("a_b __init__", "a_b \\_\\_init\\_\\_"),
            ("*bold* `code` [link](x)", "\\*bold\\* \\`code\\` \\[link\\](x)"),
            ("<img src=x> & \\", "&lt;img src=x> &amp; \\\\"),
            ("a | b", "a \\| b"),
            ("$HOME and ~x~", "\\$HOME and \\~x\\~"),
            ("ask @team, not me@example.com or app@sha256:1", "ask &#64;team, not me@example.com or app@sha256:1"),
            ("two\nlines", "two lines"),
        ] {
            assert_eq!(escaped(text), expected);
        }
        for (text, expected) in [
            ("# no heading", "\\# no heading"),
            ("- no item", "\\- no item"),
            ("1. no item", "1\\. no item"),
            ("12) no item", "12\\) no item"),
            ("1.36.2 is a version", "1\\.36.2 is a version"),
            ("> no quote", "\\> no quote"),
            ("2 nodes", "2 nodes"),
            ("", ""),
            ("7", "7"),
        ] {
            assert_eq!(escaped_line(text), expected);
        }
    }

    #[test]
    fn fences_hold_what_they_hold() {
        assert_eq!(fenced("sh", &["echo 1".to_owned(), "echo 2".to_owned()]), "```sh\necho 1\necho 2\n```");
        assert_eq!(fenced("sh", &["echo '````'".to_owned()]), "`````sh\necho '````'\n`````");
    }

    #[test]
    fn stars_touch_what_they_mark() {
        let line = [
            Cell::from("It is "),
            Cell::new(" very bad ", Tone::Bad),
            Cell::from("today."),
            Cell::new(" ", Tone::Strong),
        ];
        assert_eq!(pieces(&line), "It is  **very bad** today.");
        assert_eq!(pieces(&[Cell::new("1.36.2", Tone::Strong), Cell::from(" is out")]), "**1.36.2** is out");
    }
}
