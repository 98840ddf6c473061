//! The words of reports: counted nouns, and a few names of many.

use super::ObjectRef;

/// `1 pod`, `3 pods`.
#[must_use]
pub fn count(number: usize, noun: &str) -> String {
    match noun.strip_suffix('y') {
        _ if number == 1 => format!("1 {noun}"),
        Some(stem) if !noun.ends_with("ay") && !noun.ends_with("ey") => format!("{number} {stem}ies"),
        _ if noun.ends_with(['s', 'x']) => format!("{number} {noun}es"),
        _ => format!("{number} {noun}s"),
    }
}

/// A few of many objects, for one line: `Deployment shop/web, Pod a/b and 3 more`.
#[must_use]
pub fn named<'o>(objects: impl IntoIterator<Item = &'o ObjectRef>) -> String {
    let names: Vec<String> = objects.into_iter().map(ObjectRef::display).collect();
    summary(&names)
}

/// A few of many names.
#[must_use]
pub fn summary(names: &[String]) -> String {
    match names {
        [] => "nowhere".to_owned(),
        [one] => one.clone(),
        [one, two] => format!("{one}, {two}"),
        [one, two, rest @ ..] => format!("{one}, {two} and {} more", rest.len()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nouns_are_counted() {
        assert_eq!(
            [count(1, "pod"), count(0, "pod"), count(2, "policy"), count(2, "Ingress")],
            ["1 pod", "0 pods", "2 policies", "2 Ingresses"]
        );
    }
}
