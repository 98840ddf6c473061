//! What a namespace's labels ask of the API server (`api/helpers.go`, `PolicyToEvaluate`).

use patchkit::rules::Labels;
use serde::{Serialize, Serializer};

use super::{level::Level, version::PolicyVersion};

const PREFIX: &str = "pod-security.kubernetes.io/";

/// A level at a version, as a mode of a namespace asks for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ModePolicy {
    /// The level.
    pub level: Level,
    /// The version; `None` is `latest`, which moves with each upgrade of the API server.
    pub version: Option<PolicyVersion>,
}

impl ModePolicy {
    /// Without labels: whatever the configuration file of the API server says, and privileged where there is none.
    const DEFAULT: Self = Self { level: Level::Privileged, version: None };

    /// The version whose checks count where `latest` means this one and none newer is known.
    #[must_use]
    pub fn version_at(self, latest: PolicyVersion) -> PolicyVersion {
        self.version.map_or(latest, |version| version.at_most(latest))
    }
}

/// As labels and the API server's own messages write it: `restricted:latest`.
impl std::fmt::Display for ModePolicy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.version {
            Some(version) => write!(f, "{}:{version}", self.level),
            None => write!(f, "{}:latest", self.level),
        }
    }
}

impl Serialize for ModePolicy {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// A label that the API server cannot read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct BadLabel {
    /// The label.
    pub label: String,
    /// Its value.
    pub value: String,
    /// What the API server does because of it.
    pub effect: &'static str,
}

/// What a namespace asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamespacePolicy {
    /// Pods that violate it are refused.
    pub enforce: ModePolicy,
    /// Pods and workloads that violate it are marked in the audit log.
    pub audit: ModePolicy,
    /// Whoever creates a pod or workload that violates it is warned.
    pub warn: ModePolicy,
    /// Whether a label says what is enforced. Without it the API server's configuration file decides, which the API
    /// does not show.
    pub enforce_is_labelled: bool,
    /// Labels that cannot be read.
    pub bad_labels: Vec<BadLabel>,
}

impl NamespacePolicy {
    /// Reads the labels of a namespace. An `enforce` that is no level means restricted; an `audit` or `warn` that is
    /// none asks for nothing; a version that is none means `latest`. Where no label says what to warn of, the warnings
    /// follow what is enforced.
    #[must_use]
    pub fn of(labels: &Labels) -> Self {
        let mut bad_labels = Vec::new();
        let mut read = |mode: &str, instead: Level, effect: &'static str| {
            let mut policy = ModePolicy::DEFAULT;
            let label = format!("{PREFIX}{mode}");
            let level = labels.get(&label);
            if let Some(value) = level {
                policy.level = value.parse().unwrap_or_else(|_| {
                    bad_labels.push(BadLabel { label, value: value.to_owned(), effect });
                    instead
                });
            }
            let label = format!("{PREFIX}{mode}-version");
            let version = labels.get(&label);
            if let Some(value) = version {
                policy.version = PolicyVersion::of_label(value).unwrap_or_else(|_| {
                    bad_labels.push(BadLabel { label, value: value.to_owned(), effect: "it means latest" });
                    None
                });
            }
            (policy, level, version)
        };
        let (enforce, enforce_level, _) = read("enforce", Level::Restricted, "restricted is enforced");
        let (audit, _, _) = read("audit", Level::Privileged, "nothing is audited");
        let (mut warn, warn_level, warn_version) = read("warn", Level::Privileged, "nobody is warned");
        let enforce_is_valid = enforce_level.is_some_and(|value| value.parse::<Level>().is_ok());
        if warn_level.is_none() && enforce_is_valid && enforce.level > warn.level {
            warn.level = enforce.level;
            if warn_version.is_none() {
                warn.version = enforce.version;
            }
        }
        Self { enforce, audit, warn, enforce_is_labelled: enforce_level.is_some(), bad_labels }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy(labels: &[(&str, &str)]) -> NamespacePolicy {
        let labels: Labels = labels.iter().map(|(key, value)| (format!("{PREFIX}{key}"), *value)).collect();
        NamespacePolicy::of(&labels)
    }

    #[test]
    fn labels_mean_what_the_api_server_makes_of_them() {
        for (labels, enforce, audit, warn, bad) in [
            (&[][..], "privileged:latest", "privileged:latest", "privileged:latest", 0),
            (&[("enforce", "baseline")], "baseline:latest", "privileged:latest", "baseline:latest", 0),
            (
                &[("enforce", "restricted"), ("enforce-version", "v1.25")],
                "restricted:v1.25",
                "privileged:latest",
                "restricted:v1.25",
                0,
            ),
            // What is enforced by mistake is not warned of as well.
            (&[("enforce", "Baseline")], "restricted:latest", "privileged:latest", "privileged:latest", 1),
            (&[("audit", "x"), ("warn", "y")], "privileged:latest", "privileged:latest", "privileged:latest", 2),
            (
                &[("enforce", "baseline"), ("enforce-version", "1.25")],
                "baseline:latest",
                "privileged:latest",
                "baseline:latest",
                1,
            ),
            (
                &[("enforce", "baseline"), ("warn", "privileged")],
                "baseline:latest",
                "privileged:latest",
                "privileged:latest",
                0,
            ),
            (
                &[("enforce", "baseline"), ("enforce-version", "v1.30"), ("warn-version", "v1.31")],
                "baseline:v1.30",
                "privileged:latest",
                "baseline:v1.31",
                0,
            ),
            (&[("enforce-version", "v1.20")], "privileged:v1.20", "privileged:latest", "privileged:latest", 0),
        ] {
            let found = policy(labels);
            let words = [found.enforce, found.audit, found.warn].map(|mode| mode.to_string());
            assert_eq!(words, [enforce, audit, warn], "{labels:?}");
            assert_eq!(found.bad_labels.len(), bad, "{labels:?}");
        }
    }

    #[test]
    fn versions_from_the_future_are_the_newest_that_the_server_knows() {
        let of = |version| ModePolicy { level: Level::Baseline, version };
        let (v30, v34, v40) = (PolicyVersion::new(30), PolicyVersion::new(34), PolicyVersion::new(40));
        assert_eq!(of(None).version_at(v34), v34);
        assert_eq!(of(Some(v30)).version_at(v34), v30);
        assert_eq!(of(Some(v40)).version_at(v34), v34);
    }
}
