//! How many nodes a pool may replace at once.
//!
//! The rules are those that the providers publish for surge upgrades
//! (<https://learn.microsoft.com/azure/aks/upgrade-aks-node-pools-rolling>): a share of the pool is rounded up to
//! whole nodes; 33% is the most for a pool whose workloads bear little disruption; a pool over several zones takes a
//! multiple of their number, so that no zone is ahead of the others. As many nodes are drained at once as are added.

use std::{fmt, str::FromStr};

use compact_str::CompactString;

/// The most that a pool with workloads that bear little disruption may surge by, in percent.
pub const SENSITIVE_PERCENT: u32 = 33;

/// A surge as users and providers write it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SurgeSetting {
    /// A share of the pool, from 1 to 100 percent.
    Percent(u32),
    /// A number of nodes, at least 1.
    Nodes(u32),
}

/// A text that is no surge.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no surge: expected a number of nodes such as 3, or a share of the pool such as 33%")]
pub struct SurgeError(pub CompactString);

impl Default for SurgeSetting {
    fn default() -> Self {
        Self::Percent(SENSITIVE_PERCENT)
    }
}

impl SurgeSetting {
    /// Of a pool of so many nodes, with fractions rounded up.
    #[must_use]
    pub fn of(self, nodes: u32) -> u32 {
        match self {
            Self::Percent(percent) => {
                let share = (u64::from(nodes) * u64::from(percent)).div_ceil(100);
                u32::try_from(share).unwrap_or(u32::MAX)
            }
            Self::Nodes(number) => number,
        }
    }
}

impl fmt::Display for SurgeSetting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Percent(percent) => f.pad(&format!("{percent}%")),
            Self::Nodes(number) => fmt::Display::fmt(number, f),
        }
    }
}

impl FromStr for SurgeSetting {
    type Err = SurgeError;

    fn from_str(text: &str) -> Result<Self, SurgeError> {
        let digits = text.strip_suffix('%').unwrap_or(text);
        let number = digits.bytes().all(|b| b.is_ascii_digit()).then(|| digits.parse::<u32>().ok()).flatten();
        match number {
            Some(percent @ 1..=100) if digits.len() < text.len() => Ok(Self::Percent(percent)),
            Some(nodes @ 1..) if digits.len() == text.len() => Ok(Self::Nodes(nodes)),
            _ => Err(SurgeError(text.into())),
        }
    }
}

/// What a surge is computed for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SurgePool {
    /// Nodes in the pool.
    pub nodes: u32,
    /// Zones that it has nodes in; 0 and 1 both mean that it is not zonal.
    pub zones: u32,
    /// Whether its workloads bear little disruption, so that 33% is the most.
    pub sensitive: bool,
}

/// How a pool is replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Surge {
    /// Nodes that are added, and drained, at once.
    pub nodes: u32,
    /// How often.
    pub batches: u32,
    /// Whether it is more than 33% of a sensitive pool, since one node a zone is more already.
    pub above_limit: bool,
}

/// The surge of a pool. Where it must be a multiple of the zones it is the greatest that the setting and the limit
/// still allow, and one node a zone at least.
#[must_use]
pub fn surge(pool: SurgePool, setting: SurgeSetting) -> Surge {
    if pool.nodes == 0 {
        return Surge { nodes: 0, batches: 0, above_limit: false };
    }
    let limit = if pool.sensitive { SurgeSetting::Percent(SENSITIVE_PERCENT).of(pool.nodes) } else { pool.nodes };
    let wanted = setting.of(pool.nodes).min(limit).max(1);
    let zones = pool.zones.clamp(1, pool.nodes);
    let nodes = (wanted - wanted % zones).max(zones);
    Surge { nodes, batches: pool.nodes.div_ceil(nodes), above_limit: nodes > limit }
}

/// The surge of a pool of which only some nodes are replaced: never more than those, over zones a multiple that covers
/// them.
#[must_use]
pub fn surge_for(pool: SurgePool, setting: SurgeSetting, replaced: u32) -> Surge {
    let whole = surge(pool, setting);
    let nodes = whole.nodes.min(replaced.next_multiple_of(pool.zones.max(1)));
    Surge { nodes, batches: replaced.div_ceil(nodes.max(1)), above_limit: whole.above_limit }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn shares_round_up_and_zones_take_multiples() {
        let percent = SurgeSetting::Percent;
        for (nodes, zones, sensitive, setting, expected, batches, above) in [
            (10, 1, true, percent(33), 4, 3, false),
            (10, 0, true, percent(33), 4, 3, false),
            (10, 3, true, percent(33), 3, 4, false),
            (18, 3, true, percent(33), 6, 3, false),
            (20, 2, true, percent(33), 6, 4, false),
            (3, 3, true, percent(33), 3, 1, true),
            (5, 3, true, percent(33), 3, 2, true),
            (3, 1, true, percent(33), 1, 3, false),
            (1, 1, true, percent(33), 1, 1, false),
            // Sensitive pools do not get more than 33%, whatever is asked.
            (10, 1, true, percent(50), 4, 3, false),
            (12, 3, true, SurgeSetting::Nodes(9), 3, 4, false),
            (10, 1, false, percent(50), 5, 2, false),
            (12, 3, false, SurgeSetting::Nodes(7), 6, 2, false),
            (2, 1, false, SurgeSetting::Nodes(9), 2, 1, false),
            (2, 3, false, SurgeSetting::Nodes(1), 2, 1, false),
            (0, 3, true, percent(33), 0, 0, false),
        ] {
            let found = surge(SurgePool { nodes, zones, sensitive }, setting);
            let expected = Surge { nodes: expected, batches, above_limit: above };
            assert_eq!(found, expected, "{nodes} nodes, {zones} zones, {setting}");
        }
    }

    #[test]
    fn a_part_of_a_pool_needs_no_more_than_its_nodes() {
        let pool = SurgePool { nodes: 50, zones: 3, sensitive: true };
        for (replaced, nodes, batches) in [(50, 15, 4), (15, 15, 1), (5, 6, 1), (1, 3, 1), (0, 0, 0)] {
            let found = surge_for(pool, SurgeSetting::default(), replaced);
            assert_eq!((found.nodes, found.batches), (nodes, batches), "{replaced}");
        }
    }

    #[test]
    fn settings_as_text() {
        for text in ["33%", "1%", "100%", "1", "7"] {
            assert_eq!(text.parse::<SurgeSetting>().unwrap().to_string(), text);
        }
        for text in ["", "%", "0", "0%", "101%", "-1", "+3", "3 %", "33%%", "half", "99999999999"] {
            assert!(text.parse::<SurgeSetting>().is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn every_node_has_its_turn_and_no_zone_is_ahead(
            nodes in 1u32..6000, zones in 0u32..6, sensitive in any::<bool>(),
            percent in 1u32..=100, number in 1u32..6000, by_number in any::<bool>(),
        ) {
            let setting = if by_number { SurgeSetting::Nodes(number) } else { SurgeSetting::Percent(percent) };
            let found = surge(SurgePool { nodes, zones, sensitive }, setting);
            let zones = zones.clamp(1, nodes);
            prop_assert!(found.nodes >= 1 && found.nodes <= nodes);
            prop_assert_eq!(found.nodes % zones, 0);
            prop_assert!(found.nodes * found.batches >= nodes && found.nodes * (found.batches - 1) < nodes);
            let third = (nodes * 33).div_ceil(100);
            prop_assert_eq!(found.above_limit, sensitive && found.nodes > third);
            prop_assert!(!found.above_limit || found.nodes == zones);
        }
    }
}
