//! The words of plans that are no other room's.

/// `45 s`, `12 min 30 s`, `3 h`.
#[must_use]
pub fn duration(seconds: u64) -> String {
    let (hours, minutes, rest) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    let mut parts = Vec::new();
    for (number, unit) in [(hours, "h"), (minutes, "min"), (rest, "s")] {
        if number > 0 {
            parts.push(format!("{number} {unit}"));
        }
    }
    if parts.is_empty() { "0 s".to_owned() } else { parts.join(" ") }
}

#[cfg(test)]
mod tests {
    use super::duration;

    #[test]
    fn durations_are_told_in_the_units_that_they_have() {
        for (seconds, words) in
            [(0, "0 s"), (45, "45 s"), (60, "1 min"), (750, "12 min 30 s"), (10_800, "3 h"), (3601, "1 h 1 s")]
        {
            assert_eq!(duration(seconds), words);
        }
    }
}
