//! Maintenance windows: `Sat 02:00-06:00 Europe/Paris`.
//!
//! A window is a stretch of the wall clock of a time zone, on the days on which it begins. Where the clock is put
//! forward, a time that is skipped is the moment of the change: `02:30-06:00` begins at 03:00 that night, and
//! `02:15-02:45` does not take place. Where it is put back, a time that comes twice is meant as its first, so that a
//! window that ends in the repeated hour ends early rather than late.

use std::{fmt, str::FromStr};

use jiff::{
    Timestamp,
    civil::{Date, DateTime, Time, Weekday},
    tz::{AmbiguousOffset, TimeZone},
};

/// A recurring maintenance window.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Window {
    /// The days on which it begins: bit 0 is Monday.
    days: u8,
    /// Minutes after midnight.
    start: u16,
    /// Minutes after the midnight before it begins: more than a day where it goes past midnight.
    end: u16,
    zone: TimeZone,
    raw: String,
}

/// One time that a window is open.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Opening {
    /// The first moment.
    pub start: Timestamp,
    /// The first moment after it.
    pub end: Timestamp,
}

/// A text that describes no window.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "maintenance window {text:?}, column {column}: {problem}; write it as \"Sat 02:00-06:00 Europe/Paris\", \"Mon-Fri 22:00-04:00 UTC\" or \"daily 01:00-03:00 America/New_York\""
)]
pub struct WindowError {
    /// The whole text.
    pub text: String,
    /// Where it goes wrong, in characters from 1.
    pub column: usize,
    /// What was expected there, and what was found.
    pub problem: String,
}

const DAY: u16 = 24 * 60;
const EVERY_DAY: u8 = 0b111_1111;
const NAMES: [&str; 7] = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];

/// A window may be skipped (its hours fall into a gap, or its day does, as in Samoa on 30 December 2011); the next one
/// comes within a week of that.
const DAYS_AHEAD: i32 = 15;

impl Window {
    /// The text that it was read from.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.raw
    }

    /// The time zone of its hours.
    #[must_use]
    pub const fn zone(&self) -> &TimeZone {
        &self.zone
    }

    /// The days on which it begins, Monday first.
    pub fn days(&self) -> impl Iterator<Item = Weekday> {
        let days = self.days;
        (0..7_i8).filter(move |day| days & (1 << day) != 0).filter_map(|day| Weekday::from_monday_zero_offset(day).ok())
    }

    /// The opening that holds this moment, where there is one.
    #[must_use]
    pub fn opening_at(&self, moment: Timestamp) -> Option<Opening> {
        self.openings_around(moment).find(|opening| opening.start <= moment && moment < opening.end)
    }

    /// Whether it is open at this moment.
    #[must_use]
    pub fn contains(&self, moment: Timestamp) -> bool {
        self.opening_at(moment).is_some()
    }

    /// When it closes, where it is open at this moment.
    #[must_use]
    pub fn end_of(&self, moment: Timestamp) -> Option<Timestamp> {
        self.opening_at(moment).map(|opening| opening.end)
    }

    /// The first opening that begins at this moment or later. None only at the end of the calendar.
    #[must_use]
    pub fn next_start(&self, moment: Timestamp) -> Option<Opening> {
        self.openings_around(moment).find(|opening| opening.start >= moment)
    }

    /// The openings from the day before this moment on, in order, for about two weeks.
    fn openings_around(&self, moment: Timestamp) -> impl Iterator<Item = Opening> {
        let today = self.zone.to_datetime(moment).date();
        (-2..=DAYS_AHEAD).filter_map(move |days| self.opening_on(today.checked_add(jiff::Span::new().days(days)).ok()?))
    }

    /// The opening that begins on this day of its calendar, where there is one.
    fn opening_on(&self, date: Date) -> Option<Opening> {
        let day = date.weekday().to_monday_zero_offset();
        if self.days & (1 << day) == 0 {
            return None;
        }
        let start = self.moment(date, self.start)?;
        let end = self.moment(date, self.end)?;
        (start < end).then_some(Opening { start, end })
    }

    /// The moment at which the clock shows so many minutes after the midnight of a day.
    fn moment(&self, date: Date, minutes: u16) -> Option<Timestamp> {
        let date = date.checked_add(jiff::Span::new().days(i32::from(minutes / DAY))).ok()?;
        let (hour, minute) = (minutes % DAY / 60, minutes % 60);
        let clock = date.to_datetime(Time::new(i8::try_from(hour).ok()?, i8::try_from(minute).ok()?, 0, 0).ok()?);
        first_at(&self.zone, clock)
    }
}

/// The first moment at which the clock of a zone shows this time or, where it skips it, a later one.
fn first_at(zone: &TimeZone, clock: DateTime) -> Option<Timestamp> {
    match zone.to_ambiguous_timestamp(clock).offset() {
        AmbiguousOffset::Unambiguous { offset } => offset.to_timestamp(clock).ok(),
        AmbiguousOffset::Fold { before, .. } => before.to_timestamp(clock).ok(),
        AmbiguousOffset::Gap { before, .. } => {
            // By the old offset a skipped time lies at the change or after it, and before any other change.
            let after_change = before.to_timestamp(clock).ok()?;
            let just_after = after_change.checked_add(jiff::SignedDuration::from_nanos(1)).ok()?;
            Some(zone.preceding(just_after).next().map_or(after_change, |change| change.timestamp()))
        }
    }
}

/// The opening of several windows that holds this moment and closes last.
#[must_use]
pub fn open_at(windows: &[Window], moment: Timestamp) -> Option<Opening> {
    windows.iter().filter_map(|window| window.opening_at(moment)).max_by_key(|opening| opening.end)
}

/// The first opening of several windows that begins at this moment or later; of those that begin together the
/// longest.
#[must_use]
pub fn next_start(windows: &[Window], moment: Timestamp) -> Option<Opening> {
    windows
        .iter()
        .filter_map(|window| window.next_start(moment))
        .min_by_key(|opening| (opening.start, std::cmp::Reverse(opening.end)))
}

impl fmt::Display for Window {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.raw)
    }
}

impl FromStr for Window {
    type Err = WindowError;

    /// `DAYS START-END ZONE`: days as `daily`, `Sat`, `Sat,Sun` or `Mon-Fri`; an end that is not after the start is on
    /// the next day; a zone by its name in the IANA database, or `UTC`.
    fn from_str(text: &str) -> Result<Self, WindowError> {
        let wrong = |at: usize, problem: String| WindowError {
            text: text.to_owned(),
            column: text[..at].chars().count() + 1,
            problem,
        };
        let mut words = words(text);
        let (at, days) = words.next().ok_or_else(|| wrong(text.len(), "it is empty".to_owned()))?;
        let days = parse_days(days).map_err(|(offset, problem)| wrong(at + offset, problem))?;
        let (at, hours) = words
            .next()
            .ok_or_else(|| wrong(text.len(), "expected hours such as 02:00-06:00 behind the days".to_owned()))?;
        let (start, end) = parse_hours(hours).map_err(|(offset, problem)| wrong(at + offset, problem))?;
        let (at, zone_name) = words.next().ok_or_else(|| {
            wrong(text.len(), "expected a time zone such as Europe/Paris or UTC behind the hours".to_owned())
        })?;
        let zone = TimeZone::get(zone_name)
            .map_err(|_| wrong(at, format!("{zone_name:?} is no time zone of the IANA database")))?;
        if let Some((at, word)) = words.next() {
            return Err(wrong(at, format!("expected nothing behind the time zone, found {word:?}")));
        }
        Ok(Self { days, start, end, zone, raw: text.trim().to_owned() })
    }
}

/// The words of a text with the bytes at which they begin.
fn words(text: &str) -> impl Iterator<Item = (usize, &str)> {
    text.split_whitespace().map(move |word| (word.as_ptr() as usize - text.as_ptr() as usize, word))
}

/// What is wrong, and how many bytes into the word.
type Misread = (usize, String);

fn parse_days(word: &str) -> Result<u8, Misread> {
    if word.eq_ignore_ascii_case("daily") {
        return Ok(EVERY_DAY);
    }
    let mut days = 0;
    let mut at = 0;
    for part in word.split(',') {
        match part.split_once('-') {
            Some((first, last)) => {
                let (first_day, last_day) = (parse_day(first, at)?, parse_day(last, at + first.len() + 1)?);
                // Sat-Mon goes over the end of the week.
                let mut day = first_day;
                days |= 1 << day;
                while day != last_day {
                    day = (day + 1) % 7;
                    days |= 1 << day;
                }
            }
            None => days |= 1 << parse_day(part, at)?,
        }
        at += part.len() + 1;
    }
    Ok(days)
}

/// Monday is 0. Three letters or more of the English name.
fn parse_day(word: &str, at: usize) -> Result<u8, Misread> {
    let lower = word.to_ascii_lowercase();
    (0..)
        .zip(NAMES)
        .find_map(|(day, name)| (lower.len() >= 3 && name.starts_with(&lower)).then_some(day))
        .ok_or_else(|| (at, format!("expected a day such as Mon, a range such as Mon-Fri, or daily, found {word:?}")))
}

fn parse_hours(word: &str) -> Result<(u16, u16), Misread> {
    let Some((start_text, end_text)) = word.split_once('-') else {
        return Err((0, format!("expected hours such as 02:00-06:00, found {word:?}")));
    };
    let end_at = start_text.len() + 1;
    let start = parse_time(start_text, 0)?;
    let end = parse_time(end_text, end_at)?;
    if start == DAY {
        return Err((0, "a window cannot begin at 24:00; write 00:00 of the next day".to_owned()));
    }
    if start == end {
        return Err((end_at, "it ends when it begins; write 00:00-24:00 for the whole day".to_owned()));
    }
    Ok((start, if end > start { end } else { end + DAY }))
}

fn parse_time(word: &str, at: usize) -> Result<u16, Misread> {
    let number = |text: &str, most_digits: usize, most: u16| {
        let digits = (1..=most_digits).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
        if digits { text.parse::<u16>().ok().filter(|number| *number <= most) } else { None }
    };
    word.split_once(':')
        .filter(|(_, minute)| minute.len() == 2)
        .and_then(|(hour, minute)| Some(number(hour, 2, 24)? * 60 + number(minute, 2, 59)?))
        .filter(|minutes| *minutes <= DAY)
        .ok_or_else(|| (at, format!("expected a time from 00:00 to 24:00, found {word:?}")))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn window(text: &str) -> Window {
        text.parse().unwrap_or_else(|error| panic!("{error}"))
    }

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    /// The first opening from a moment on, as text.
    fn next(text: &str, moment: &str) -> (String, String) {
        let opening = window(text).next_start(at(moment)).unwrap();
        (opening.start.to_string(), opening.end.to_string())
    }

    #[test]
    fn plain_windows() {
        for (text, moment, start, end) in [
            ("Sat 02:00-06:00 Europe/Paris", "2026-11-23T10:00:00Z", "2026-11-28T01:00:00Z", "2026-11-28T05:00:00Z"),
            ("Sat 02:00-06:00 UTC", "2026-11-28T02:00:00Z", "2026-11-28T02:00:00Z", "2026-11-28T06:00:00Z"),
            ("Sat 02:00-06:00 UTC", "2026-11-28T02:00:01Z", "2026-12-05T02:00:00Z", "2026-12-05T06:00:00Z"),
            (
                "Sat,Sun 01:00-05:00 Europe/Berlin",
                "2026-11-28T10:00:00Z",
                "2026-11-29T00:00:00Z",
                "2026-11-29T04:00:00Z",
            ),
            (
                "daily 02:00-04:00 America/New_York",
                "2026-11-23T10:00:00Z",
                "2026-11-24T07:00:00Z",
                "2026-11-24T09:00:00Z",
            ),
            // Friday night goes into Saturday; Saturday night is none.
            ("Mon-Fri 22:00-04:00 UTC", "2026-11-27T12:00:00Z", "2026-11-27T22:00:00Z", "2026-11-28T04:00:00Z"),
            ("Mon-Fri 22:00-04:00 UTC", "2026-11-28T12:00:00Z", "2026-11-30T22:00:00Z", "2026-12-01T04:00:00Z"),
            ("sat-mon 00:00-24:00 UTC", "2026-11-24T00:00:01Z", "2026-11-28T00:00:00Z", "2026-11-29T00:00:00Z"),
            (
                "Saturday 2:00-6:00 Asia/Kathmandu",
                "2026-11-23T10:00:00Z",
                "2026-11-27T20:15:00Z",
                "2026-11-28T00:15:00Z",
            ),
            // The day is the zone's, not UTC's.
            (
                "Mon 01:00-02:00 Pacific/Kiritimati",
                "2026-11-21T00:00:00Z",
                "2026-11-22T11:00:00Z",
                "2026-11-22T12:00:00Z",
            ),
        ] {
            assert_eq!(next(text, moment), (start.to_owned(), end.to_owned()), "{text} from {moment}");
        }
    }

    #[test]
    fn open_from_the_start_to_just_before_the_end() {
        let night = window("Mon-Fri 22:00-04:00 UTC");
        for (moment, open) in [
            ("2026-11-27T21:59:59Z", false),
            ("2026-11-27T22:00:00Z", true),
            ("2026-11-28T00:00:00Z", true),
            ("2026-11-28T03:59:59Z", true),
            ("2026-11-28T04:00:00Z", false),
            ("2026-11-28T23:00:00Z", false),
            ("2026-11-30T02:00:00Z", false), // Sunday's night
        ] {
            assert_eq!(night.contains(at(moment)), open, "{moment}");
        }
        assert_eq!(night.end_of(at("2026-11-28T01:00:00Z")), Some(at("2026-11-28T04:00:00Z")));
        assert_eq!(night.end_of(at("2026-11-28T05:00:00Z")), None);
    }

    /// The clock is put forward: Paris 2027-03-28 02:00→03:00, New York 2027-03-14 02:00→03:00, Lord Howe 2027-10-03
    /// 02:00→02:30.
    #[test]
    fn skipped_hours() {
        for (text, moment, start, end) in [
            ("Sun 02:00-06:00 Europe/Paris", "2027-03-27T12:00:00Z", "2027-03-28T01:00:00Z", "2027-03-28T04:00:00Z"),
            ("Sun 02:30-06:00 Europe/Paris", "2027-03-27T12:00:00Z", "2027-03-28T01:00:00Z", "2027-03-28T04:00:00Z"),
            ("Sun 01:00-02:30 Europe/Paris", "2027-03-27T12:00:00Z", "2027-03-28T00:00:00Z", "2027-03-28T01:00:00Z"),
            ("Sun 03:00-04:00 Europe/Paris", "2027-03-27T12:00:00Z", "2027-03-28T01:00:00Z", "2027-03-28T02:00:00Z"),
            // Wholly in the gap: not that Sunday.
            ("Sun 02:15-02:45 Europe/Paris", "2027-03-27T12:00:00Z", "2027-04-04T00:15:00Z", "2027-04-04T00:45:00Z"),
            ("daily 02:00-03:00 Europe/Paris", "2027-03-27T12:00:00Z", "2027-03-29T00:00:00Z", "2027-03-29T01:00:00Z"),
            ("Sat 22:00-04:00 Europe/Paris", "2027-03-27T12:00:00Z", "2027-03-27T21:00:00Z", "2027-03-28T02:00:00Z"),
            (
                "Sun 02:30-04:00 America/New_York",
                "2027-03-13T12:00:00Z",
                "2027-03-14T07:00:00Z",
                "2027-03-14T08:00:00Z",
            ),
            (
                "Sun 02:15-04:00 Australia/Lord_Howe",
                "2027-10-02T00:00:00Z",
                "2027-10-02T15:30:00Z",
                "2027-10-02T17:00:00Z",
            ),
        ] {
            assert_eq!(next(text, moment), (start.to_owned(), end.to_owned()), "{text} from {moment}");
        }
    }

    /// The clock is put back: Paris 2027-10-31 03:00→02:00, New York 2026-11-01 02:00→01:00, Lord Howe 2027-04-04
    /// 02:00→01:30.
    #[test]
    fn repeated_hours() {
        for (text, moment, start, end) in [
            ("Sun 02:00-06:00 Europe/Paris", "2027-10-30T12:00:00Z", "2027-10-31T00:00:00Z", "2027-10-31T05:00:00Z"),
            ("Sun 02:30-06:00 Europe/Paris", "2027-10-30T12:00:00Z", "2027-10-31T00:30:00Z", "2027-10-31T05:00:00Z"),
            ("Sun 01:00-02:30 Europe/Paris", "2027-10-30T12:00:00Z", "2027-10-30T23:00:00Z", "2027-10-31T00:30:00Z"),
            ("Sun 03:00-04:00 Europe/Paris", "2027-10-30T12:00:00Z", "2027-10-31T02:00:00Z", "2027-10-31T03:00:00Z"),
            (
                "Sun 01:30-03:00 America/New_York",
                "2026-10-31T12:00:00Z",
                "2026-11-01T05:30:00Z",
                "2026-11-01T08:00:00Z",
            ),
            (
                "Sun 01:45-03:00 Australia/Lord_Howe",
                "2027-04-03T00:00:00Z",
                "2027-04-03T14:45:00Z",
                "2027-04-03T16:30:00Z",
            ),
        ] {
            assert_eq!(next(text, moment), (start.to_owned(), end.to_owned()), "{text} from {moment}");
        }
    }

    #[test]
    fn a_day_that_never_was_has_no_window() {
        // Samoa went from Thursday 29 to Saturday 31 December 2011.
        let (start, _) = next("Fri 10:00-11:00 Pacific/Apia", "2011-12-28T00:00:00Z");
        assert_eq!(start, "2012-01-05T20:00:00Z");
    }

    #[test]
    fn several_windows_take_the_earliest() {
        let both = [window("Sat 02:00-06:00 UTC"), window("Wed 20:00-22:00 UTC"), window("Wed 20:00-23:00 UTC")];
        let first = next_start(&both, at("2026-11-23T10:00:00Z")).unwrap();
        assert_eq!((first.start, first.end), (at("2026-11-25T20:00:00Z"), at("2026-11-25T23:00:00Z")));
        assert_eq!(open_at(&both, at("2026-11-25T21:00:00Z")), Some(first));
        assert_eq!(open_at(&both, at("2026-11-26T21:00:00Z")), None);
        assert_eq!(next_start(&[], at("2026-11-23T10:00:00Z")), None);
    }

    #[test]
    fn errors_say_what_was_expected_and_where() {
        for (text, column, words) in [
            ("", 1, "empty"),
            ("Sat", 4, "hours"),
            ("Sat 02:00-06:00", 16, "time zone"),
            ("Foo 02:00-06:00 UTC", 1, "\"Foo\""),
            ("Sat,Su 02:00-06:00 UTC", 5, "\"Su\""),
            ("Mon-Fry 02:00-06:00 UTC", 5, "\"Fry\""),
            ("Sat, 02:00-06:00 UTC", 5, "\"\""),
            ("Sat 02:00 UTC", 5, "02:00-06:00"),
            ("Sat 02:00-26:00 UTC", 11, "\"26:00\""),
            ("Sat 2-6 UTC", 5, "\"2\""),
            ("Sat 02:00-24:30 UTC", 11, "\"24:30\""),
            ("Sat 02:00-02:00 UTC", 11, "00:00-24:00"),
            ("Sat 24:00-02:00 UTC", 5, "24:00"),
            ("Sat 02:00-+6:00 UTC", 11, "\"+6:00\""),
            ("Sat 02:00-06:00 Europe/Pariz", 17, "Europe/Pariz"),
            ("Sat 02:00-06:00 UTC please", 21, "please"),
        ] {
            let error = text.parse::<Window>().unwrap_err();
            assert_eq!(error.column, column, "{error}");
            assert!(error.problem.contains(words), "{error}");
        }
    }

    #[test]
    fn shown_as_written() {
        let window = window("  Mon-Wed,Sat 02:00-06:00 utc ");
        assert_eq!(window.to_string(), "Mon-Wed,Sat 02:00-06:00 utc");
        let days: Vec<Weekday> = window.days().collect();
        assert_eq!(days, [Weekday::Monday, Weekday::Tuesday, Weekday::Wednesday, Weekday::Saturday]);
    }

    proptest! {
        /// Against the clock itself: a minute belongs to a window exactly when the zone's clock shows a time in it.
        /// Only the repeated half of a fold may differ, where the window ends at the first of two equal times.
        #[test]
        fn open_when_the_clock_says_so(
            zone in prop::sample::select(vec!["Europe/Paris", "America/New_York", "Australia/Lord_Howe", "UTC", "Asia/Kathmandu"]),
            start in 0u16..96, length in 1u16..90, days in 1u8..128, minute in 0i64..(2 * 365 * 24 * 60),
        ) {
            let (start, end) = (start * 15, start * 15 + length * 15);
            prop_assume!(end - start <= DAY);
            let zone = TimeZone::get(zone).unwrap();
            let window = Window { days, start, end, zone: zone.clone(), raw: String::new() };
            let moment = at("2026-01-01T00:00:00Z") + jiff::SignedDuration::from_mins(minute);
            let clock = zone.to_datetime(moment);
            prop_assume!(matches!(zone.to_ambiguous_timestamp(clock).offset(), AmbiguousOffset::Unambiguous { .. }));
            let shown = clock.hour() as u16 * 60 + clock.minute() as u16;
            let day = clock.date().weekday().to_monday_zero_offset();
            let begins = |day: i8| days & (1 << day) != 0;
            let today = begins(day) && (start..end).contains(&shown);
            let yesterday = begins((day + 6) % 7) && (start..end).contains(&(shown + DAY));
            prop_assert_eq!(window.contains(moment), today || yesterday, "{}", clock);
            if let Some(opening) = window.next_start(moment) {
                prop_assert!(opening.start >= moment && window.contains(opening.start));
            }
        }

        #[test]
        fn no_text_makes_it_panic(text in "\\PC*") {
            let _ = text.parse::<Window>();
        }

        #[test]
        fn nearly_right_texts_do_not_panic_either(text in "[A-Za-zé,-]{0,9} [0-9:é-]{0,12} [A-Za-z/]{0,12}") {
            let _ = text.parse::<Window>();
        }
    }
}
