//! What every command that answers from facts begins with: the moment, the facts, and a word where those are old.

use clap::Args;
use jiff::{Timestamp, civil::Date, tz::TimeZone};
use patchkit::{
    app::App,
    report::{Metadata, NotEvaluated, Source},
};

use super::facts_cache::{self, Loaded};
use crate::facts::{Facts, days_between, show::OLD_AFTER_DAYS};

/// The flag that fixes the moment.
#[derive(Args, Clone, Copy, Debug, Default)]
pub struct AsOfArgs {
    /// Answer as of this day or moment (2026-11-23, 2026-11-23T10:00:00Z), so that the answer can be had again
    #[arg(long, value_name = "DATE", value_parser = parse_as_of)]
    pub as_of: Option<Timestamp>,
}

/// Reads a day (its beginning in UTC) or a moment.
fn parse_as_of(text: &str) -> Result<Timestamp, String> {
    let day = || TimeZone::UTC.to_timestamp(text.parse::<Date>().ok()?.at(0, 0, 0, 0)).ok();
    text.parse::<Timestamp>().ok().or_else(day).ok_or_else(|| {
        format!("{text:?} is no date: expected a day such as 2026-11-23, or a moment such as 2026-11-23T10:00:00Z")
    })
}

/// The moment and the facts of a run.
pub struct Session {
    /// The moment that the answer is made for.
    pub now: Timestamp,
    /// Its day, in UTC.
    pub today: Date,
    /// The facts about Kubernetes.
    pub facts: Facts,
    /// Refreshed facts that are damaged: the older ones are used, and the report has to say so.
    pub problem: Option<NotEvaluated>,
}

impl Session {
    /// Loads the facts.
    #[must_use]
    pub fn begin(args: AsOfArgs) -> Self {
        let now = args.as_of.unwrap_or_else(Timestamp::now);
        let today = now.to_zoned_datetime(TimeZone::UTC).date();
        let Loaded { facts, problem, .. } = facts_cache::load_for_user();
        let problem = problem.map(|problem| NotEvaluated::new("refreshed facts", problem.to_string()));
        Self { now, today, facts, problem }
    }

    /// Warns where the facts that age are old: what a table does not know yet cannot be in the answer.
    pub fn warn_of_old_facts(&self, app: &App) {
        let age = days_between(self.facts.as_of(), self.today);
        if age > OLD_AFTER_DAYS {
            app.warn(&format!(
                "the facts about CVEs and releases are {age} days old (of {}); kubectl secpatch data update fetches newer ones",
                self.facts.as_of()
            ));
        }
    }

    /// The metadata of a report that rests on facts of this date.
    #[must_use]
    pub fn metadata(&self, app: &App, command: &str, data_as_of: Date, source: Source) -> Metadata {
        Metadata {
            command: app.plugin.command(command),
            version: app.plugin.version.to_owned(),
            generated_at: self.now.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
            data_as_of: Some(data_as_of.to_string()),
            source,
        }
    }
}
