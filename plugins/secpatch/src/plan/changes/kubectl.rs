//! A change of kubectl that scripts in the cluster may meet.

use patchkit::rules::{Container, ImageRef, PodSpec};

use super::evaluate::{Look, Verdict};
use crate::{
    facts::Component,
    words::{count, named},
};

/// What a container's command says of `kubectl exec`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Exec {
    /// It does not call it, or calls it as it must be.
    Fine,
    /// It has kubectl, and what it does stands in a script that does not show.
    Hidden,
    /// It calls it without `--`.
    WithoutDashes,
}

fn exec_of(container: &Container) -> Exec {
    let words: Vec<&str> = container.command.iter().chain(&container.args).map(|word| word.as_str()).collect();
    let called = words.iter().any(|word| calls_without_dashes(word.split_whitespace()))
        || calls_without_dashes(words.iter().copied().filter(|word| !word.contains(char::is_whitespace)));
    if called {
        return Exec::WithoutDashes;
    }
    let has_kubectl =
        container.image.as_deref().and_then(|image| image.parse::<ImageRef>().ok()).is_some_and(|image| {
            Component::of_image(&image.repository) == Some(Component::KUBECTL) || image.base_name().contains("kubectl")
        });
    // Without arguments the image's own entry point runs; with `-c` the script is the argument itself.
    let shows = words.iter().any(|word| word.ends_with("kubectl") || word.contains("kubectl "))
        || words.iter().any(|word| matches!(*word, "-c" | "-ec" | "-ce" | "-xc" | "-lc"))
        || (!container.args.is_empty() && container.command.is_empty());
    if has_kubectl && !shows { Exec::Hidden } else { Exec::Fine }
}

/// Whether `kubectl … exec …` stands in these words without `--` before the end of its command.
fn calls_without_dashes<'w>(words: impl Iterator<Item = &'w str>) -> bool {
    let words: Vec<&str> = words.collect();
    let ends = |word: &str| {
        matches!(word, ";" | "&&" | "||" | "|" | "&" | "do" | "then" | "done" | "fi") || word.ends_with(';')
    };
    let mut rest = words.as_slice();
    while let Some(at) = rest.iter().position(|word| is_kubectl(word)) {
        rest = &rest[at + 1..];
        let end = rest.iter().position(|word| ends(word) || is_kubectl(word)).unwrap_or(rest.len());
        let command = &rest[..(end + 1).min(rest.len())];
        if is_exec(&rest[..end]) && !command.contains(&"--") {
            return true;
        }
        rest = &rest[end..];
    }
    false
}

fn is_kubectl(word: &str) -> bool {
    let name = word.rsplit(['/', '(', '`', '"', '\'']).next().unwrap_or(word);
    name == "kubectl"
}

/// Whether the subcommand is exec: the first word that is no flag and no value of one.
fn is_exec(words: &[&str]) -> bool {
    let mut words = words.iter();
    while let Some(word) = words.next() {
        if *word == "exec" {
            return true;
        }
        if !word.starts_with('-') {
            return false;
        }
        // The flags before a subcommand that take a value as a word of its own.
        const WITH_VALUE: [&str; 9] =
            ["-n", "--namespace", "--context", "--kubeconfig", "-s", "--server", "--token", "--user", "--cluster"];
        if WITH_VALUE.contains(word) {
            words.next();
        }
    }
    false
}

fn worst(spec: &PodSpec) -> Exec {
    spec.all_containers().map(|(_, container)| exec_of(container)).max().unwrap_or(Exec::Fine)
}

pub(super) fn exec_dashes(look: &Look<'_>) -> Verdict {
    let objects = look.specs.matching(|spec| worst(spec) == Exec::WithoutDashes);
    if !objects.is_empty() {
        let evidence = format!("{} call kubectl exec without --: {}", count(objects.len(), "object"), named(&objects));
        return Verdict::yes(objects, evidence);
    }
    if let Some(why) = look.specs.why_unknown() {
        return Verdict::cannot_tell(why);
    }
    let hidden = look.specs.matching(|spec| worst(spec) == Exec::Hidden);
    if !hidden.is_empty() {
        return Verdict::cannot_tell(format!(
            "what {} do with kubectl stands in scripts: {}",
            count(hidden.len(), "object"),
            named(&hidden)
        ));
    }
    Verdict::no(format!(
        "the commands of {} call it with -- or not at all{}; scripts in images and ConfigMaps do not show",
        look.specs.figures(),
        look.specs.gaps()
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_told_apart() {
        for (text, expected) in [
            ("kubectl exec web-0 -- ls", false),
            ("kubectl exec web-0 ls", true),
            ("kubectl -n shop exec -it web-0 sh", true),
            ("kubectl --namespace=shop exec web-0 -c app -- sh -c 'ls; date'", false),
            ("/usr/bin/kubectl get pods ; kubectl exec a b", true),
            ("X=$(kubectl exec a date)", true),
            ("kubectl exec a -- x && kubectl exec b y", true),
            ("kubectl get exec", false),
            ("kubectl logs a; exec b", false),
            ("echo exec", false),
        ] {
            assert_eq!(calls_without_dashes(text.split_whitespace()), expected, "{text}");
        }
    }
}
