//! Calico's selectors: `app == 'web' && has(tier) || !(role in {'a', 'b'})`.
//!
//! Source: the page "Network policy", section "Selectors", of Calico's documentation. What this does not know is no
//! selector to it, and then the answer is that nothing can be told.

use patchkit::rules::Labels;

/// Whether a selector matches labels; `None` where it cannot be read.
#[must_use]
pub fn matches(selector: &str, labels: &Labels) -> Option<bool> {
    let mut reader = Reader { tokens: tokens(selector)?, at: 0, labels };
    let answer = reader.either()?;
    (reader.at == reader.tokens.len()).then_some(answer)
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Token {
    Word(String),
    Text(String),
    Sign(&'static str),
}

fn tokens(text: &str) -> Option<Vec<Token>> {
    const SIGNS: &[&str] = &["==", "!=", "&&", "||", "!", "(", ")", "{", "}", ","];
    let mut tokens = Vec::new();
    let mut rest = text.trim_start();
    while !rest.is_empty() {
        if let Some(sign) = SIGNS.iter().find(|sign| rest.starts_with(**sign)) {
            tokens.push(Token::Sign(sign));
            rest = &rest[sign.len()..];
        } else if let Some(quote) = rest.chars().next().filter(|mark| matches!(mark, '\'' | '"')) {
            let end = rest[1..].find(quote)? + 1;
            tokens.push(Token::Text(rest[1..end].to_owned()));
            rest = &rest[end + 1..];
        } else {
            let end = rest.find(|mark: char| !(mark.is_ascii_alphanumeric() || "-_./".contains(mark)));
            let end = end.unwrap_or(rest.len());
            if end == 0 {
                return None;
            }
            tokens.push(Token::Word(rest[..end].to_owned()));
            rest = &rest[end..];
        }
        rest = rest.trim_start();
    }
    Some(tokens)
}

struct Reader<'l> {
    tokens: Vec<Token>,
    at: usize,
    labels: &'l Labels,
}

impl Reader<'_> {
    fn next(&mut self) -> Option<Token> {
        let token = self.tokens.get(self.at).cloned();
        self.at += 1;
        token
    }

    fn takes(&mut self, sign: &'static str) -> bool {
        let found = self.tokens.get(self.at) == Some(&Token::Sign(sign));
        self.at += usize::from(found);
        found
    }

    fn takes_word(&mut self, word: &str) -> bool {
        let found = matches!(self.tokens.get(self.at), Some(Token::Word(found)) if found == word);
        self.at += usize::from(found);
        found
    }

    fn either(&mut self) -> Option<bool> {
        let mut answer = self.both()?;
        while self.takes("||") {
            answer |= self.both()?;
        }
        Some(answer)
    }

    fn both(&mut self) -> Option<bool> {
        let mut answer = self.one()?;
        while self.takes("&&") {
            answer &= self.one()?;
        }
        Some(answer)
    }

    fn one(&mut self) -> Option<bool> {
        if self.takes("!") {
            return self.one().map(|answer| !answer);
        }
        if self.takes("(") {
            let answer = self.either()?;
            return self.takes(")").then_some(answer);
        }
        let Token::Word(word) = self.next()? else { return None };
        match word.as_str() {
            "all" | "global" if self.takes("(") => self.takes(")").then_some(true),
            "has" if self.takes("(") => {
                let Token::Word(key) = self.next()? else { return None };
                self.takes(")").then_some(self.labels.contains_key(&key))
            }
            key => self.comparison(key),
        }
    }

    fn comparison(&mut self, key: &str) -> Option<bool> {
        let value = self.labels.get(key).map(str::to_owned);
        if self.takes("==") {
            let other = self.text()?;
            return Some(value.is_some_and(|value| value == other));
        }
        if self.takes("!=") {
            let other = self.text()?;
            return Some(value.is_none_or(|value| value != other));
        }
        if self.takes_word("not") {
            let listed = self.takes_word("in").then(|| self.list())??;
            return Some(value.is_none_or(|value| !listed.contains(&value)));
        }
        if self.takes_word("in") {
            let listed = self.list()?;
            return Some(value.is_some_and(|value| listed.contains(&value)));
        }
        let compare: fn(&str, &str) -> bool = match self.next()? {
            Token::Word(word) if word == "contains" => |value, part| value.contains(part),
            Token::Word(word) if word == "starts" && self.takes_word("with") => |value, part| value.starts_with(part),
            Token::Word(word) if word == "ends" && self.takes_word("with") => |value, part| value.ends_with(part),
            _ => return None,
        };
        let part = self.text()?;
        Some(value.is_some_and(|value| compare(&value, &part)))
    }

    fn text(&mut self) -> Option<String> {
        match self.next()? {
            Token::Text(text) => Some(text),
            _ => None,
        }
    }

    fn list(&mut self) -> Option<Vec<String>> {
        let mut listed = Vec::new();
        if !self.takes("{") {
            return None;
        }
        while !self.takes("}") {
            listed.push(self.text()?);
            if !self.takes(",") {
                return self.takes("}").then_some(listed);
            }
        }
        Some(listed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn selectors_are_read() {
        let labels: Labels = [("app", "web"), ("tier", "front-end"), ("a.b/c", "1")].into_iter().collect();
        for (selector, expected) in [
            ("all()", Some(true)),
            ("app == 'web'", Some(true)),
            ("app == \"db\"", Some(false)),
            ("nothing == 'x'", Some(false)),
            ("nothing != 'x'", Some(true)),
            ("has(a.b/c) && !has(nothing)", Some(true)),
            ("app == 'db' || tier starts with 'front'", Some(true)),
            ("!(app in {'web', 'db'})", Some(false)),
            ("app not in {'db'}", Some(true)),
            ("nothing in { }", Some(false)),
            ("tier contains '-' && tier ends with \"end\"", Some(true)),
            ("app == 'db' && nothing == 'x' || all()", Some(true)),
            ("app ==", None),
            ("app == 'web' garbage", None),
            ("app ~ 'web'", None),
            ("'web' == app", None),
        ] {
            assert_eq!(matches(selector, &labels), expected, "{selector}");
        }
    }
}
