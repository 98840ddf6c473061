//! Quoted text with Go's escapes.

/// The text between quotes, its escapes resolved. `quoted` begins and ends with the same quote.
///
/// A quote of the other kind may not be escaped, as in Go; `\x` and octal escapes are bytes.
pub(super) fn unquote(quoted: &str) -> Option<String> {
    let quote = quoted.chars().next().filter(|quote| matches!(quote, '"' | '\''))?;
    let inner = quoted.strip_prefix(quote)?.strip_suffix(quote)?;
    let mut bytes = Vec::with_capacity(inner.len());
    let mut rest = inner.chars();
    while let Some(character) = rest.next() {
        match character {
            '\\' => escape(&mut rest, quote, &mut bytes)?,
            character if character == quote => return None,
            character => push(character, &mut bytes),
        }
    }
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

fn push(character: char, bytes: &mut Vec<u8>) {
    bytes.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
}

fn escape(rest: &mut std::str::Chars<'_>, quote: char, bytes: &mut Vec<u8>) -> Option<()> {
    let letter = rest.next()?;
    match letter {
        'a' => bytes.push(7),
        'b' => bytes.push(8),
        'f' => bytes.push(12),
        'n' => bytes.push(b'\n'),
        'r' => bytes.push(b'\r'),
        't' => bytes.push(b'\t'),
        'v' => bytes.push(11),
        '\\' => bytes.push(b'\\'),
        'x' => bytes.push(u8::try_from(number(rest, "", 2, 16)?).ok()?),
        'u' => push(char::from_u32(number(rest, "", 4, 16)?)?, bytes),
        'U' => push(char::from_u32(number(rest, "", 8, 16)?)?, bytes),
        '0'..='7' => bytes.push(u8::try_from(number(rest, &letter.to_string(), 2, 8)?).ok()?),
        letter if letter == quote => push(quote, bytes),
        _ => return None,
    }
    Some(())
}

/// A number of exactly so many further digits.
fn number(rest: &mut std::str::Chars<'_>, first: &str, digits: usize, radix: u32) -> Option<u32> {
    let mut text = first.to_owned();
    for _ in 0..digits {
        text.push(rest.next().filter(|digit| digit.is_digit(radix))?);
    }
    u32::from_str_radix(&text, radix).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_are_gos() {
        for (quoted, expected) in [
            (r#""plain""#, Some("plain")),
            (r#""a\n\t\\b""#, Some("a\n\t\\b")),
            (r#""\"""#, Some("\"")),
            (r#"'\''"#, Some("'")),
            (r#"'\"'"#, None),
            (r#""it's""#, Some("it's")),
            (r#""\x41\101\u0042\U00000043""#, Some("AABC")),
            (r#""\xc3\xa9""#, Some("é")),
            (r#""\q""#, None),
            (r#""\x4""#, None),
            (r#""\ud800""#, None),
            (r#""\777""#, None),
            (r#"""#, None),
            ("", None),
        ] {
            assert_eq!(unquote(quoted).as_deref(), expected, "{quoted}");
        }
    }
}
