//! Support calendars of endoflife.date, in the three forms they come in: the front matter of a product's page, the
//! old API (`/api/<product>.json`) and the new one (`/api/v1/products/<product>/`).

use jiff::civil::Date;
use serde::Deserialize;

use super::{ReadError, json, yaml};
use crate::facts::{Cycle, Product};

/// A date, or whether the phase is over, or neither.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(untagged)]
enum When {
    Day(Date),
    Flag(#[expect(dead_code, reason = "a phase without a date has no date")] bool),
    #[default]
    Nothing,
}

impl When {
    const fn day(self) -> Option<Date> {
        match self {
            Self::Day(date) => Some(date),
            Self::Flag(_) | Self::Nothing => None,
        }
    }
}

#[derive(Deserialize)]
struct Page {
    releases: Vec<PageCycle>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PageCycle {
    #[serde(alias = "cycle")]
    release_cycle: String,
    #[serde(default)]
    release_date: When,
    #[serde(default, alias = "support")]
    eoas: When,
    #[serde(default)]
    eol: When,
    #[serde(default, alias = "extendedSupport")]
    eoes: When,
    #[serde(default)]
    latest: Option<String>,
    #[serde(default)]
    latest_release_date: When,
    #[serde(default)]
    lts: When2,
}

/// `lts` is a flag, or the day from which it holds.
#[derive(Clone, Copy, Default, Deserialize)]
#[serde(untagged)]
enum When2 {
    Flag(bool),
    Day(#[expect(dead_code, reason = "that it is set is all that counts")] Date),
    #[default]
    Nothing,
}

impl When2 {
    const fn is_set(self) -> bool {
        matches!(self, Self::Flag(true) | Self::Day(_))
    }
}

#[derive(Deserialize)]
struct Answer {
    result: AnswerProduct,
}

#[derive(Deserialize)]
struct AnswerProduct {
    releases: Vec<AnswerCycle>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct AnswerCycle {
    name: String,
    #[serde(default)]
    release_date: When,
    #[serde(default)]
    eoas_from: When,
    #[serde(default)]
    eol_from: When,
    #[serde(default)]
    eoes_from: When,
    #[serde(default)]
    is_lts: bool,
    #[serde(default)]
    latest: Option<AnswerLatest>,
}

#[derive(Deserialize)]
struct AnswerLatest {
    name: String,
    #[serde(default)]
    date: When,
}

/// Reads a product's calendar in any of the three forms.
///
/// # Errors
/// Where it is none of them.
pub fn read(product: Product, file: &str, text: &str) -> Result<Vec<Cycle>, ReadError> {
    let text = text.trim_start_matches('\u{feff}');
    let cycles = if text.trim_start().starts_with('{') {
        json::<Answer>(file, text)?.result.releases.into_iter().map(|cycle| from_answer(product, cycle)).collect()
    } else if text.trim_start().starts_with('[') {
        json::<Vec<PageCycle>>(file, text)?.into_iter().map(|cycle| from_page(product, cycle)).collect()
    } else {
        let (front, lines_before) = front_matter(file, text)?;
        let page: Page = yaml(file, front).map_err(|mut error| {
            if error.line > 0 {
                error.line += lines_before;
            }
            error
        })?;
        page.releases.into_iter().map(|cycle| from_page(product, cycle)).collect::<Vec<_>>()
    };
    if cycles.is_empty() {
        return Err(ReadError::whole(file, "the calendar has no lines: expected at least one release"));
    }
    Ok(cycles)
}

/// The YAML between the two lines of dashes, and how many lines stand before it.
fn front_matter<'t>(file: &str, text: &'t str) -> Result<(&'t str, usize), ReadError> {
    let expected =
        || ReadError::whole(file, "expected JSON, or a page that begins with front matter between `---` lines");
    let rest = text.strip_prefix("---\n").or_else(|| text.strip_prefix("---\r\n")).ok_or_else(expected)?;
    let end = rest.find("\n---").ok_or_else(expected)?;
    Ok((&rest[..=end], 1))
}

fn from_page(product: Product, cycle: PageCycle) -> Cycle {
    Cycle {
        product: product.as_str().to_owned(),
        minor: product.minor_of(&cycle.release_cycle),
        cycle: cycle.release_cycle,
        released: cycle.release_date.day(),
        active_until: cycle.eoas.day(),
        end_of_life: cycle.eol.day(),
        extended_until: cycle.eoes.day(),
        latest: cycle.latest,
        latest_date: cycle.latest_release_date.day(),
        lts: cycle.lts.is_set(),
    }
}

fn from_answer(product: Product, cycle: AnswerCycle) -> Cycle {
    let (latest, latest_date) = cycle.latest.map_or((None, None), |latest| (Some(latest.name), latest.date.day()));
    Cycle {
        product: product.as_str().to_owned(),
        minor: product.minor_of(&cycle.name),
        cycle: cycle.name,
        released: cycle.release_date.day(),
        active_until: cycle.eoas_from.day(),
        end_of_life: cycle.eol_from.day(),
        extended_until: cycle.eoes_from.day(),
        latest,
        latest_date,
        lts: cycle.is_lts,
    }
}
