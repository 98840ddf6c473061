//! Values that only the user's kubeconfig or the cluster knows: contexts, nodes, namespaces, policies.

use std::{ffi::OsStr, fmt, sync::Arc};

use clap::{
    ArgAction, Command,
    builder::{ArgExt, StyledStr},
};
use clap_complete::{
    CompletionCandidate, PathCompleter,
    engine::{ArgValueCompleter, ValueCompleter as _},
};
use serde::Deserialize;

use super::{line::Line, remote};
use crate::{
    cluster::{KubeconfigNames, kubeconfig_names},
    rules::Labels,
    snapshot::Kind,
};

/// The live values that an argument takes.
#[derive(Clone, Copy)]
pub struct Live {
    /// Tells them apart from others in the cache.
    pub(super) id: &'static str,
    pub(super) source: Source,
    words: &'static [&'static str],
    paths: bool,
}

/// Where they come from.
#[derive(Clone, Copy)]
pub(super) enum Source {
    /// Nowhere: there are words only.
    Nothing,
    /// The kubeconfig; no connection is made.
    Kubeconfig(fn(&KubeconfigNames) -> Vec<Offer>),
    /// Lists of the cluster.
    Cluster {
        /// Which lists.
        wants: fn(&Asked) -> Vec<Want>,
        /// What is offered because of an object of them.
        offer: fn(&Asked, &Found) -> Vec<Offer>,
    },
}

/// What a completion is asked for.
#[derive(Clone, Debug, Default)]
pub struct Asked {
    /// The unfinished word.
    pub word: String,
    /// The namespace of the line, else of the context.
    pub namespace: String,
    /// The line itself names the namespace.
    pub namespace_given: bool,
    /// The line asks for all namespaces.
    pub all_namespaces: bool,
}

/// A list of the cluster. Only the metadata of its objects is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Want {
    /// The kind.
    pub kind: Kind,
    /// The namespace; none for all of them, and for what lies in none.
    pub namespace: Option<String>,
}

impl Want {
    /// All objects of a kind.
    #[must_use]
    pub fn all(kind: Kind) -> Self {
        Self { kind, namespace: None }
    }

    /// The objects of a kind in a namespace.
    #[must_use]
    pub fn in_namespace(kind: Kind, namespace: &str) -> Self {
        Self { kind, namespace: Some(namespace.to_owned()) }
    }
}

/// An object of a list.
#[derive(Clone, Debug)]
pub struct Found {
    /// Its kind.
    pub kind: Kind,
    /// Its metadata.
    pub meta: FoundMeta,
}

/// The metadata of an object, as far as completion needs it.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct FoundMeta {
    /// Its name.
    pub name: String,
    /// Its namespace.
    pub namespace: String,
    /// Its labels.
    pub labels: Labels,
    /// Its annotations.
    pub annotations: Labels,
}

/// A value and, where there is more to say, what it is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Offer {
    /// The value.
    pub value: String,
    /// What it is, in a few words.
    pub help: Option<String>,
}

impl Offer {
    /// A value that speaks for itself.
    #[must_use]
    pub fn of(value: impl Into<String>) -> Self {
        Self { value: value.into(), help: None }
    }

    /// A value and what it is; an empty text says nothing.
    #[must_use]
    pub fn with_help(value: impl Into<String>, help: impl Into<String>) -> Self {
        Self { value: value.into(), help: Some(help.into()).filter(|help| !help.is_empty()) }
    }
}

impl Live {
    /// Values from lists of the cluster. `id` is different from that of all others, and `offer` depends on the
    /// unfinished word only as far as `wants` does: what it gives is kept for a moment.
    #[must_use]
    pub const fn of_cluster(
        id: &'static str,
        wants: fn(&Asked) -> Vec<Want>,
        offer: fn(&Asked, &Found) -> Vec<Offer>,
    ) -> Self {
        Self { id, source: Source::Cluster { wants, offer }, words: &[], paths: false }
    }

    /// Values from the kubeconfig.
    pub(super) const fn of_kubeconfig(id: &'static str, offers: fn(&KubeconfigNames) -> Vec<Offer>) -> Self {
        Self { id, source: Source::Kubeconfig(offers), words: &[], paths: false }
    }

    /// These words, and nothing else.
    #[must_use]
    pub const fn words(words: &'static [&'static str]) -> Self {
        Self { id: "words", source: Source::Nothing, words, paths: false }
    }

    /// These words too.
    #[must_use]
    pub const fn or_words(mut self, words: &'static [&'static str]) -> Self {
        self.words = words;
        self
    }

    /// Paths of files too.
    #[must_use]
    pub const fn or_paths(mut self) -> Self {
        self.paths = true;
        self
    }

    /// What fits the unfinished word. `taken` are the values that the argument has already.
    fn candidates(self, line: &Line, word: &OsStr, taken: &[String]) -> Vec<CompletionCandidate> {
        let text = word.to_string_lossy();
        let mut offers = match self.source {
            Source::Nothing => Vec::new(),
            Source::Kubeconfig(offers) => match &line.options {
                Some(options) => {
                    kubeconfig_names(options, &line.environment).map(|names| offers(&names)).unwrap_or_default()
                }
                None => Vec::new(),
            },
            Source::Cluster { .. } => remote::offers(self, line, &text),
        };
        offers.sort();
        offers.dedup_by(|later, earlier| later.value == earlier.value);
        let words = self.words.iter().copied().map(Offer::of);
        let mut candidates: Vec<CompletionCandidate> = words
            .chain(offers)
            .filter(|offer| offer.value.starts_with(&*text) && !taken.contains(&offer.value))
            .map(|offer| CompletionCandidate::new(offer.value).help(offer.help.map(StyledStr::from)))
            .collect();
        if self.paths {
            candidates.extend(PathCompleter::any().complete(word));
        }
        candidates
    }
}

impl ArgExt for Live {}

impl fmt::Debug for Live {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Live({})", self.id)
    }
}

/// Lets the arguments that take live values find them, for one line.
pub(super) fn attach(command: Command, line: &Arc<Line>) -> Command {
    command
        .mut_args(|arg| {
            let Some(live) = arg.get::<Live>().copied() else { return arg };
            let line = line.clone();
            let is_repeated = matches!(arg.get_action(), ArgAction::Append);
            arg.add(ArgValueCompleter::new(move |word: &OsStr| {
                live.candidates(&line, word, if is_repeated { &line.words } else { &[] })
            }))
        })
        .mut_subcommands(|subcommand| attach(subcommand, line))
}
