//! Guides of the repository whose commands are run, so that what they tell stays true.

/// The blocks of a page in Markdown that are marked `sh`, from top to bottom: each with the line at which it begins.
///
/// # Panics
/// Where a block has no end.
#[must_use]
pub fn shell_blocks(page: &str) -> Vec<(usize, String)> {
    let mut blocks = Vec::new();
    let mut open: Option<(usize, String, bool)> = None;
    for (number, line) in (1..).zip(page.lines()) {
        match (&mut open, line.trim_start().strip_prefix("```")) {
            (None, Some(kind)) => open = Some((number + 1, String::new(), kind == "sh")),
            (Some(_), Some(_)) => {
                if let Some((begin, text, true)) = open.take() {
                    blocks.push((begin, text));
                }
            }
            (Some((_, text, _)), None) => {
                text.push_str(line);
                text.push('\n');
            }
            (None, None) => {}
        }
    }
    assert!(open.is_none(), "a block of the page has no end");
    blocks
}

#[cfg(test)]
mod tests {
    use super::shell_blocks;

    #[test]
    fn only_shell_is_run() {
        let page = "# A\n```sh\na\n\nb\n```\n```text\nno\n```\n```sh\nc\n```\n";
        assert_eq!(shell_blocks(page), [(3, "a\n\nb\n".to_owned()), (11, "c\n".to_owned())]);
    }
}
