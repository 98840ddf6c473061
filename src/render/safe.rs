//! Text from a cluster, made safe to show.

use std::{borrow::Cow, fmt::Write};

/// The text without anything that a terminal would obey.
///
/// Names, messages and annotations come from the cluster and from files, and whoever may write one of them must not be
/// able to move the cursor, change the title or turn the reading direction of what an operator sees. Line breaks and
/// tabs become spaces, since a cell is one line; other control characters and the bidirectional overrides are shown as
/// `\u{…}`.
#[must_use]
pub fn printable(text: &str) -> Cow<'_, str> {
    if !text.chars().any(is_unsafe) {
        return Cow::Borrowed(text);
    }
    let mut safe = String::with_capacity(text.len() + 16);
    for character in text.chars() {
        match character {
            '\n' | '\r' | '\t' => safe.push(' '),
            character if is_unsafe(character) => {
                // Writing to a String cannot fail.
                let _ = write!(safe, "\\u{{{:x}}}", u32::from(character));
            }
            character => safe.push(character),
        }
    }
    Cow::Owned(safe)
}

/// Control characters (C0, DEL, C1), line and paragraph separators, the marks that reorder text, and what is no
/// character at all.
fn is_unsafe(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{2028}' | '\u{2029}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{fffe}' | '\u{ffff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_terminal_has_nothing_to_obey() {
        for (text, expected) in [
            ("web-0", "web-0"),
            ("größe 测试 ✓", "größe 测试 ✓"),
            ("two\nlines\tand\r", "two lines and "),
            ("\u{1b}[2Jgone", "\\u{1b}[2Jgone"),
            ("\u{7}\u{9b}31m\u{7f}", "\\u{7}\\u{9b}31m\\u{7f}"),
            ("safe\u{202e}efas", "safe\\u{202e}efas"),
        ] {
            assert_eq!(printable(text), expected);
        }
    }
}
