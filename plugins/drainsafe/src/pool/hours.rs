//! Whether there is time: maintenance windows.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use patchkit::rules::window::{self, Opening, Window};

/// Whether something that takes so long may begin now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hours {
    /// There is no window: any time will do.
    Always,
    /// The window is open, and long enough.
    Open {
        /// When it closes.
        until: Timestamp,
    },
    /// It is open, and closes before that would be through.
    TooShort {
        /// When it closes.
        until: Timestamp,
        /// When the next one opens; none at the end of the calendar.
        next: Option<Timestamp>,
    },
    /// It is closed.
    Closed {
        /// When the next one opens; none at the end of the calendar, or where there is only one that is over.
        next: Option<Timestamp>,
    },
}

/// Whether something that takes so long may begin now. A single opening, of a plan's step, counts as the windows do.
#[must_use]
pub fn hours(windows: &[Window], once: Option<Opening>, now: Timestamp, takes: Duration) -> Hours {
    if windows.is_empty() && once.is_none() {
        return Hours::Always;
    }
    let by_step = once.filter(|opening| opening.start <= now && now < opening.end);
    let open = window::open_at(windows, now).into_iter().chain(by_step).max_by_key(|opening| opening.end);
    let after = open.map_or(now, |opening| opening.end);
    let later = once.filter(|opening| opening.start >= after).map(|opening| opening.start);
    let next = window::next_start(windows, after).map(|opening| opening.start).into_iter().chain(later).min();
    let Some(open) = open else { return Hours::Closed { next } };
    let takes = SignedDuration::try_from(takes).unwrap_or(SignedDuration::MAX);
    if now.checked_add(takes).is_ok_and(|end| end <= open.end) {
        Hours::Open { until: open.end }
    } else {
        Hours::TooShort { until: open.end, next }
    }
}

impl Hours {
    /// Whether it may begin.
    #[must_use]
    pub const fn is_open(self) -> bool {
        matches!(self, Self::Always | Self::Open { .. })
    }

    /// Why not, in words.
    #[must_use]
    pub fn words(self) -> String {
        let time = |time: Timestamp| time.strftime("%Y-%m-%d %H:%M:%S UTC").to_string();
        let next = |next: Option<Timestamp>| match next {
            Some(next) => format!("the next one opens at {}", time(next)),
            None => "no other one opens".to_owned(),
        };
        match self {
            Self::Always | Self::Open { .. } => "it is open".to_owned(),
            Self::TooShort { until, next: after } => format!(
                "the maintenance window closes at {}, before the next node would be through; {}",
                time(until),
                next(after)
            ),
            Self::Closed { next: after } => format!("the maintenance window is closed; {}", next(after)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_through_in_time_does_not_begin() {
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        let windows = ["Sat 02:00-06:00 UTC".parse().unwrap()];
        let minutes = |minutes: u64| Duration::from_secs(minutes * 60);
        let (until, next) = (at("2026-11-28T06:00:00Z"), Some(at("2026-12-05T02:00:00Z")));
        for (now, takes, expected) in [
            ("2026-11-28T02:00:00Z", 240, Hours::Open { until }),
            ("2026-11-28T05:30:00Z", 30, Hours::Open { until }),
            ("2026-11-28T05:30:01Z", 30, Hours::TooShort { until, next }),
            ("2026-11-28T06:00:00Z", 0, Hours::Closed { next }),
            ("2026-11-27T06:00:00Z", 1, Hours::Closed { next: Some(at("2026-11-28T02:00:00Z")) }),
        ] {
            assert_eq!(hours(&windows, None, at(now), minutes(takes)), expected, "{now} {takes}");
        }
        assert_eq!(hours(&[], None, at("2026-11-28T05:30:00Z"), minutes(9999)), Hours::Always);
        let once = Some(Opening { start: at("2026-11-28T02:00:00Z"), end: until });
        assert_eq!(hours(&[], once, at("2026-11-28T03:00:00Z"), minutes(5)), Hours::Open { until });
        assert_eq!(hours(&[], once, until, minutes(5)), Hours::Closed { next: None });
        assert_eq!(
            hours(&[], once, at("2026-11-28T01:00:00Z"), minutes(5)),
            Hours::Closed { next: Some(at("2026-11-28T02:00:00Z")) }
        );
    }
}
