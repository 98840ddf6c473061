//! Which version the plan leads to.

use std::str::FromStr;

use jiff::civil::Date;
use patchkit::rules::version::{KubeVersion, Minor};

use crate::{facts::Facts, inventory::Inventory};

use super::support::SOON_DAYS;

/// The value of `--target`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum TargetChoice {
    /// The oldest minor that is supported for 90 days more, at its latest patch; never older than what runs.
    #[default]
    Default,
    /// The latest patch of the minor that runs.
    LatestPatch,
    /// The newest minor, at its latest patch.
    Latest,
    /// This minor, at its latest patch.
    Minor(Minor),
    /// This version.
    Version(KubeVersion),
}

/// A text that names no target.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no target: expected latest-patch, latest, a minor such as 1.36, or a version such as 1.36.4")]
pub struct UnknownTarget(String);

impl FromStr for TargetChoice {
    type Err = UnknownTarget;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "latest-patch" => Ok(Self::LatestPatch),
            "latest" => Ok(Self::Latest),
            _ => text
                .parse()
                .map(Self::Minor)
                .or_else(|_| text.parse().map(Self::Version))
                .map_err(|_| UnknownTarget(text.to_owned())),
        }
    }
}

/// Where the plan leads, and why there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// The version.
    pub version: KubeVersion,
    /// Why this one, for people.
    pub reason: String,
}

/// Why there is no target.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TargetError {
    /// Nobody knows what runs.
    #[error("the API server's version is not known, so there is no way to work out a target: give --server-version")]
    NoCurrent,
    /// Kubernetes has no way back.
    #[error("the target {target} is older than what runs ({current}): a control plane cannot go back")]
    Older {
        /// What was asked for.
        target: String,
        /// What runs.
        current: String,
    },
    /// The facts know no release of it.
    #[error(
        "no release of {minor} is known on {day}: the newest is {newest}; kubectl secpatch data update fetches newer facts"
    )]
    NotReleased {
        /// The minor that was asked for.
        minor: Minor,
        /// The day of the plan.
        day: Date,
        /// The newest one that is known.
        newest: String,
    },
}

/// Works out the target.
///
/// What is supported is told by the calendar of the provider where it has one: a managed cluster can only go to what
/// its provider offers.
///
/// # Errors
/// Where the version that runs is not known, or the one asked for is older or not released.
pub fn choose(choice: &TargetChoice, inventory: &Inventory, facts: &Facts, today: Date) -> Result<Target, TargetError> {
    let server = inventory.server.as_ref().ok_or(TargetError::NoCurrent)?;
    let current = server.minor();
    let newest = facts.releases().newest(today);
    let latest_of = |minor: Minor| -> Result<KubeVersion, TargetError> {
        let is_out = newest.is_some_and(|newest| minor <= newest);
        facts
            .releases()
            .latest_patch_on(minor, today)
            .filter(|_| is_out)
            .and_then(|patch| format!("v{patch}").parse().ok())
            .map(|patch: KubeVersion| {
                // What runs may be newer than what the facts know.
                if patch.minor() == current && server.upstream() > patch.upstream() { server.clone() } else { patch }
            })
            .ok_or_else(|| TargetError::NotReleased {
                minor,
                day: today,
                newest: newest.map_or_else(|| "not known".to_owned(), |minor| minor.to_string()),
            })
    };
    let target = match choice {
        TargetChoice::LatestPatch => {
            Target { version: latest_of(current)?, reason: format!("the latest patch of {current} (--target)") }
        }
        TargetChoice::Latest => {
            let minor = newest_offered(inventory, facts, today).or(newest).unwrap_or(current).max(current);
            Target { version: latest_of(minor)?, reason: format!("the newest minor, {minor} (--target)") }
        }
        TargetChoice::Minor(minor) => {
            Target { version: latest_of(*minor)?, reason: format!("the latest patch of {minor} (--target)") }
        }
        TargetChoice::Version(version) => {
            latest_of(version.minor())?;
            Target { version: version.clone(), reason: "as asked for (--target)".to_owned() }
        }
        TargetChoice::Default => default(inventory, facts, today, current, latest_of)?,
    };
    if target.version.upstream() < server.upstream() {
        return Err(TargetError::Older {
            target: target.version.as_str().to_owned(),
            current: server.as_str().to_owned(),
        });
    }
    Ok(target)
}

fn default(
    inventory: &Inventory,
    facts: &Facts,
    today: Date,
    current: Minor,
    latest_of: impl Fn(Minor) -> Result<KubeVersion, TargetError>,
) -> Result<Target, TargetError> {
    let by_provider = inventory.provider.product().and_then(|product| {
        facts
            .calendars()
            .of(product)
            .filter(|cycle| cycle.support(today).days_left().is_some_and(|left| left >= SOON_DAYS))
            .filter_map(|cycle| cycle.minor)
            .min()
    });
    let (lasting, whose) = match by_provider {
        Some(minor) => (Some(minor), inventory.provider.as_str()),
        None => (facts.releases().oldest_supported_for(today, SOON_DAYS), "Kubernetes"),
    };
    let minor = lasting.unwrap_or(current).max(current);
    let reason = if lasting.is_some_and(|lasting| lasting >= current) {
        format!("the oldest minor that {whose} supports for {SOON_DAYS} days or more")
    } else {
        format!("{minor}, which runs already, is supported long enough")
    };
    Ok(Target { version: latest_of(minor)?, reason })
}

/// The newest minor that the provider offers on a day.
fn newest_offered(inventory: &Inventory, facts: &Facts, today: Date) -> Option<Minor> {
    let product = inventory.provider.product()?;
    facts
        .calendars()
        .of(product)
        .filter(|cycle| cycle.released.is_some_and(|date| date <= today))
        .filter_map(|cycle| cycle.minor)
        .max()
}
