//! Resources as the scheduler counts them: whole numbers, cpu in thousandths.

use compact_str::CompactString;
use patchkit::rules::Resources;

/// What pods request, or what a node has (`Resource` of `pkg/scheduler/framework/types.go`).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Amounts {
    /// In thousandths of a core, rounded up.
    pub(crate) cpu: i64,
    /// In bytes.
    pub(crate) memory: i64,
    /// In bytes.
    pub(crate) ephemeral_storage: i64,
    /// Extended resources, huge pages, and what else has a counted amount. A pod has few, so a list is fastest.
    pub(crate) others: Vec<(CompactString, i64)>,
}

impl Amounts {
    /// The whole numbers of these quantities.
    pub(crate) fn of(resources: &Resources) -> Self {
        let mut amounts = Self::default();
        for (name, quantity) in resources {
            match name.as_str() {
                "cpu" => amounts.cpu = quantity.millis(),
                "memory" => amounts.memory = quantity.units(),
                "ephemeral-storage" => amounts.ephemeral_storage = quantity.units(),
                other if is_counted(other) => amounts.others.push((name.clone(), quantity.units())),
                _ => {}
            }
        }
        amounts
    }

    /// The amount of one of the other resources.
    pub(crate) fn other(&self, name: &str) -> i64 {
        self.others.iter().find(|(known, _)| known == name).map_or(0, |(_, amount)| *amount)
    }

    pub(crate) fn add(&mut self, more: &Self) {
        self.combine(more, i64::saturating_add);
    }

    /// Takes off what was added before.
    pub(crate) fn subtract(&mut self, less: &Self) {
        self.combine(less, i64::saturating_sub);
    }

    fn combine(&mut self, with: &Self, combine: impl Fn(i64, i64) -> i64) {
        self.cpu = combine(self.cpu, with.cpu);
        self.memory = combine(self.memory, with.memory);
        self.ephemeral_storage = combine(self.ephemeral_storage, with.ephemeral_storage);
        for (name, amount) in &with.others {
            match self.others.iter_mut().find(|(known, _)| known == name) {
                Some((_, mine)) => *mine = combine(*mine, *amount),
                None => self.others.push((name.clone(), combine(0, *amount))),
            }
        }
    }
}

/// Whether the scheduler counts a resource that has no field of its own (`IsScalarResourceName` of
/// `pkg/scheduler/util`): what has a domain, huge pages, attachable volumes.
fn is_counted(name: &str) -> bool {
    let native = !name.contains('/') || name.contains("kubernetes.io/");
    let extended = !native && !name.starts_with("requests.");
    extended
        || name.contains("kubernetes.io/")
        || name.starts_with("hugepages-")
        || name.starts_with("attachable-volumes-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_counted_are_domains_huge_pages_and_volumes() {
        for (name, counted) in [
            ("nvidia.com/gpu", true),
            ("hugepages-2Mi", true),
            ("attachable-volumes-csi-x", true),
            ("example.kubernetes.io/x", true),
            ("requests.nvidia.com/gpu", false),
            ("pods", false),
            ("storage", false),
        ] {
            assert_eq!(is_counted(name), counted, "{name}");
        }
    }

    #[test]
    fn what_is_added_can_be_taken_off_again() {
        let resources: Resources =
            serde_json::from_str(r#"{"cpu":"1500u","memory":"1Ki","nvidia.com/gpu":"2"}"#).unwrap();
        let amounts = Amounts::of(&resources);
        assert_eq!((amounts.cpu, amounts.memory, amounts.other("nvidia.com/gpu")), (2, 1024, 2));
        let mut sum = Amounts::default();
        sum.add(&amounts);
        sum.add(&amounts);
        assert_eq!(sum.other("nvidia.com/gpu"), 4);
        sum.subtract(&amounts);
        sum.subtract(&amounts);
        assert_eq!((sum.cpu, sum.memory, sum.other("nvidia.com/gpu")), (0, 0, 0));
    }
}
