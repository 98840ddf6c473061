//! The flags of the API server, as far as anything shows them.
//!
//! The arguments of its pods are all that there are: a flag that is missing there has its default. What kubeadm keeps in
//! a ConfigMap, and k3s on its nodes, are only the flags that somebody has given: a missing one tells nothing.

use std::collections::BTreeMap;

use patchkit::{
    report::{ObjectRef, Severity},
    snapshot::{Snapshot, objects::Meta},
};

use super::outcome::{Found, Gap, Outcome};
use crate::{
    facts::Component,
    inventory::Provider,
    settings::{self, FlagsAt},
    subject::Subject,
};

/// The flags of one API server.
#[derive(Clone, Copy)]
pub(super) struct Given<'f> {
    flags: &'f BTreeMap<String, String>,
    /// What is not given has its default.
    pub(super) is_all: bool,
}

impl<'f> Given<'f> {
    /// The value of a flag.
    pub(super) fn get(self, name: &str) -> Option<&'f str> {
        self.flags.get(name).map(String::as_str)
    }

    /// Whether any of these flags is given with a value.
    pub(super) fn first(self, names: &[&'static str]) -> Option<&'static str> {
        names.iter().copied().find(|name| self.get(name).is_some_and(|value| !value.is_empty()))
    }

    /// The words of a flag that takes a list.
    pub(super) fn list(self, name: &str) -> Option<Vec<&'f str>> {
        Some(self.get(name)?.split(',').map(str::trim).filter(|word| !word.is_empty()).collect())
    }
}

/// What one API server's flags say.
pub(super) enum Said {
    /// It is as it should be, for this reason.
    Good(String),
    /// It is not.
    Bad(String, Option<Severity>),
    /// It stands where nobody is shown it.
    Hidden(String),
    /// The flag is not given where not all flags show.
    NotGiven,
}

impl Said {
    pub(super) fn good(why: impl Into<String>) -> Self {
        Self::Good(why.into())
    }

    pub(super) fn bad(why: impl Into<String>) -> Self {
        Self::Bad(why.into(), None)
    }
}

/// All that is visible.
pub(super) struct ServerFlags<'a> {
    snapshot: &'a Snapshot,
    whole: Vec<FlagsAt>,
    parts: Vec<FlagsAt>,
    gap: Gap,
}

impl<'a> ServerFlags<'a> {
    pub(super) fn of(subject: Subject<'a>) -> Self {
        let settings::Flags { places, hidden } = settings::flags(subject, &Component::KUBE_APISERVER);
        let (whole, parts) = places.into_iter().partition(|place| place.object.kind == "Pod");
        let provider = subject.inventory.provider;
        let why = hidden.unwrap_or_else(|| "only the flags that its installer was given are visible".to_owned());
        let gap = if provider.hides_control_plane() {
            Gap::hidden(why)
        } else if provider == Provider::K3s {
            Gap::hidden("k3s runs the API server inside of its own process, and shows only the flags that it was given")
        } else {
            Gap::new(why)
        };
        Self { snapshot: subject.snapshot, whole, parts, gap }
    }

    /// Asks each API server.
    pub(super) fn ask(&self, judge: impl Fn(Given<'_>) -> Said) -> Outcome {
        let is_all = !self.whole.is_empty();
        let places = if is_all { &self.whole } else { &self.parts };
        let (mut found, mut good, mut gaps) = (Vec::new(), Vec::new(), Vec::new());
        for place in places {
            match judge(Given { flags: &place.flags, is_all }) {
                Said::Good(why) if !good.contains(&why) => good.push(why),
                Said::Good(_) | Said::NotGiven => {}
                Said::Bad(detail, severity) => found.push(self.about(&place.object, detail, severity)),
                Said::Hidden(why) if !gaps.contains(&Gap::hidden(why.as_str())) => gaps.push(Gap::hidden(why)),
                Said::Hidden(_) => {}
            }
        }
        if found.is_empty() && good.is_empty() && gaps.is_empty() {
            gaps.push(self.gap.clone());
        }
        Outcome::told(found, good.join("; ")).with_gaps(gaps)
    }

    fn about(&self, object: &ObjectRef, detail: String, severity: Option<Severity>) -> Found {
        let is_it = |(kind, meta): &(&str, &Meta)| *kind == object.kind && meta.object_ref(kind) == *object;
        let source = self.snapshot.each_meta().find(is_it).and_then(|(_, meta)| self.snapshot.source_of(meta));
        Found { object: Some(object.clone()), source, severity, ..Found::told(detail) }
    }
}
