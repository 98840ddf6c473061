//! Taints and tolerations.
//!
//! Source: `k8s.io/component-helpers/scheduling/corev1/helpers.go` and `k8s.io/api/core/v1/toleration.go`.

use compact_str::CompactString;
use serde::{Deserialize, Serialize};

/// A taint of a node.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(default)]
#[allow(missing_docs, reason = "the names are the API's own")]
pub struct Taint {
    #[serde(deserialize_with = "super::null::or_default")]
    pub key: CompactString,
    #[serde(deserialize_with = "super::null::or_default")]
    pub value: CompactString,
    #[serde(deserialize_with = "super::null::or_default")]
    pub effect: CompactString,
}

/// A toleration of a pod.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[allow(missing_docs, reason = "the names are the API's own")]
pub struct Toleration {
    #[serde(deserialize_with = "super::null::or_default")]
    pub key: CompactString,
    #[serde(deserialize_with = "super::null::or_default")]
    pub operator: CompactString,
    #[serde(deserialize_with = "super::null::or_default")]
    pub value: CompactString,
    #[serde(deserialize_with = "super::null::or_default")]
    pub effect: CompactString,
    pub toleration_seconds: Option<i64>,
}

impl Toleration {
    /// Whether it tolerates the taint. `Lt` and `Gt` never do while their gate is off.
    #[must_use]
    pub fn tolerates(&self, taint: &Taint) -> bool {
        (self.effect.is_empty() || self.effect == taint.effect)
            && (self.key.is_empty() || self.key == taint.key)
            && match self.operator.as_str() {
                "" | "Equal" => self.value == taint.value,
                "Exists" => true,
                _ => false,
            }
    }
}

impl Taint {
    /// Whether it keeps new pods away: NoSchedule and NoExecute do, PreferNoSchedule does not.
    #[must_use]
    pub fn keeps_away(&self) -> bool {
        matches!(self.effect.as_str(), "NoSchedule" | "NoExecute")
    }
}

/// The first taint that keeps a pod with these tolerations away.
#[must_use]
pub fn first_untolerated<'a>(taints: &'a [Taint], tolerations: &[Toleration]) -> Option<&'a Taint> {
    taints
        .iter()
        .filter(|taint| taint.keeps_away())
        .find(|taint| !tolerations.iter().any(|toleration| toleration.tolerates(taint)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taint(key: &str, value: &str, effect: &str) -> Taint {
        Taint { key: key.into(), value: value.into(), effect: effect.into() }
    }

    fn toleration(key: &str, operator: &str, value: &str, effect: &str) -> Toleration {
        Toleration {
            key: key.into(),
            operator: operator.into(),
            value: value.into(),
            effect: effect.into(),
            toleration_seconds: None,
        }
    }

    #[test]
    fn an_empty_key_with_exists_tolerates_everything() {
        assert!(toleration("", "Exists", "", "").tolerates(&taint("a", "b", "NoExecute")));
    }

    #[test]
    fn equal_is_the_default_operator() {
        assert!(toleration("a", "", "b", "").tolerates(&taint("a", "b", "NoSchedule")));
        assert!(!toleration("a", "", "c", "").tolerates(&taint("a", "b", "NoSchedule")));
        assert!(!toleration("a", "Gt", "1", "").tolerates(&taint("a", "2", "NoSchedule")));
    }

    #[test]
    fn a_preference_keeps_nobody_away() {
        assert!(first_untolerated(&[taint("a", "", "PreferNoSchedule")], &[]).is_none());
        assert!(first_untolerated(&[taint("a", "", "NoSchedule")], &[]).is_some());
    }
}
