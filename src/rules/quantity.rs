//! Resource quantities, exact.
//!
//! Source of the grammar and of the rounding: `k8s.io/apimachinery/pkg/api/resource/quantity.go`. A value is kept in
//! nano-units, the finest that the API server keeps (finer ones round up), in 128 bits.

use std::{fmt, iter::Sum, ops::Add, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Visitor};

const NANO: i128 = 1_000_000_000;

/// An exact resource quantity such as `250m`, `1Gi` or `1e3`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Quantity {
    /// The value in nano-units.
    nanos: i128,
}

/// A text that is no quantity.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is no quantity: expected a number with an optional suffix (n, u, m, k, M, G, T, P, E, Ki, Mi, Gi, Ti, Pi, Ei, or an exponent such as e3)"
)]
pub struct QuantityError(pub String);

impl Quantity {
    /// Nothing.
    pub const ZERO: Self = Self { nanos: 0 };

    /// A whole number of units (bytes, cores, devices).
    #[must_use]
    pub const fn from_units(units: i64) -> Self {
        Self { nanos: units as i128 * NANO }
    }

    /// A number of thousandths (millicores).
    #[must_use]
    pub const fn from_millis(millis: i64) -> Self {
        Self { nanos: millis as i128 * (NANO / 1000) }
    }

    /// Units, rounded up (`Value()` of the API machinery).
    #[must_use]
    pub fn units(self) -> i64 {
        saturate(div_ceil(self.nanos, NANO))
    }

    /// Thousandths, rounded up (`MilliValue()` of the API machinery).
    #[must_use]
    pub fn millis(self) -> i64 {
        saturate(div_ceil(self.nanos, NANO / 1000))
    }

    /// Whether it is nothing.
    #[must_use]
    pub const fn is_zero(self) -> bool {
        self.nanos == 0
    }

    /// The difference, nothing where the other one is larger.
    #[must_use]
    pub fn saturating_sub(self, other: Self) -> Self {
        Self { nanos: (self.nanos - other.nanos).max(0) }
    }
}

/// Division that rounds up for positive and negative numbers alike.
const fn div_ceil(value: i128, by: i128) -> i128 {
    let quotient = value / by;
    if value % by > 0 { quotient + 1 } else { quotient }
}

fn saturate(value: i128) -> i64 {
    i64::try_from(value).unwrap_or(if value < 0 { i64::MIN } else { i64::MAX })
}

impl Add for Quantity {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self { nanos: self.nanos.saturating_add(other.nanos) }
    }
}

impl Sum for Quantity {
    fn sum<I: Iterator<Item = Self>>(iter: I) -> Self {
        iter.fold(Self::ZERO, Add::add)
    }
}

impl FromStr for Quantity {
    type Err = QuantityError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = || QuantityError(text.to_owned());
        let (negative, unsigned) = match text.as_bytes().first() {
            Some(b'-') => (true, &text[1..]),
            Some(b'+') => (false, &text[1..]),
            _ => (false, text),
        };
        let digits_end = unsigned.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(unsigned.len());
        let (number, suffix) = unsigned.split_at(digits_end);
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        if (whole.is_empty() && fraction.is_empty()) || fraction.contains('.') {
            return Err(wrong());
        }
        let (binary, exponent) = suffix_scale(suffix).ok_or_else(wrong)?;
        let magnitude = scaled(whole, fraction, binary, exponent);
        Ok(Self { nanos: if negative { -magnitude } else { magnitude } })
    }
}

/// What a suffix multiplies by: a power of two, or a power of ten.
fn suffix_scale(suffix: &str) -> Option<(i128, i32)> {
    Some(match suffix {
        "" => (1, 0),
        "n" => (1, -9),
        "u" => (1, -6),
        "m" => (1, -3),
        "k" => (1, 3),
        "M" => (1, 6),
        "G" => (1, 9),
        "T" => (1, 12),
        "P" => (1, 15),
        "E" => (1, 18),
        "Ki" => (1 << 10, 0),
        "Mi" => (1 << 20, 0),
        "Gi" => (1 << 30, 0),
        "Ti" => (1 << 40, 0),
        "Pi" => (1 << 50, 0),
        "Ei" => (1 << 60, 0),
        _ => {
            let exponent = suffix.strip_prefix(['e', 'E'])?;
            let digits = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
            if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
                return None;
            }
            (1, exponent.parse().ok()?)
        }
    })
}

/// `whole.fraction × binary × 10^exponent` in nano-units, rounded up, and saturating far above what the API accepts.
fn scaled(whole: &str, fraction: &str, binary: i128, exponent: i32) -> i128 {
    const LARGEST: i128 = i64::MAX as i128 * NANO;
    let mut mantissa: i128 = 0;
    // The decimal point moves left by each digit of the fraction, and the result is wanted in nano-units.
    let mut power = exponent.saturating_add(9);
    let mut lost = false;
    for (digit, of_fraction) in whole.bytes().map(|b| (b, false)).chain(fraction.bytes().map(|b| (b, true))) {
        if mantissa > LARGEST {
            // 28 significant digits are kept. A whole digit that is dropped still counts as a power of ten.
            lost |= digit != b'0';
            power = power.saturating_add(i32::from(!of_fraction));
            continue;
        }
        mantissa = mantissa * 10 + i128::from(digit - b'0');
        power = power.saturating_sub(i32::from(of_fraction));
    }
    if mantissa == 0 {
        return 0;
    }
    let Some(mut value) = mantissa.checked_mul(binary) else { return LARGEST };
    while power > 0 {
        if value > LARGEST {
            return LARGEST;
        }
        value *= 10;
        power -= 1;
    }
    while power < 0 {
        lost |= value % 10 != 0;
        value /= 10;
        power += 1;
        if value == 0 {
            break;
        }
    }
    (value + i128::from(lost)).min(LARGEST)
}

impl fmt::Display for Quantity {
    /// In the largest binary or decimal unit that shows the value exactly.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.nanos == 0 {
            return f.pad("0");
        }
        if self.nanos % NANO == 0 {
            let units = self.nanos / NANO;
            for (scale, suffix) in [
                (1_i128 << 60, "Ei"),
                (1 << 50, "Pi"),
                (1 << 40, "Ti"),
                (1 << 30, "Gi"),
                (1 << 20, "Mi"),
                (1 << 10, "Ki"),
            ] {
                if units % scale == 0 {
                    return f.pad(&format!("{}{suffix}", units / scale));
                }
            }
            return f.pad(&units.to_string());
        }
        for (scale, suffix) in [(1_000_000, "m"), (1_000, "u"), (1, "n")] {
            if self.nanos % scale == 0 {
                return f.pad(&format!("{}{suffix}", self.nanos / scale));
            }
        }
        Ok(())
    }
}

impl Serialize for Quantity {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Quantity {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;
        impl Visitor<'_> for Text {
            type Value = Quantity;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a quantity such as 250m, 1Gi or 2")
            }

            // Null is no amount (`Quantity.UnmarshalJSON`).
            fn visit_unit<E>(self) -> Result<Quantity, E> {
                Ok(Quantity::ZERO)
            }

            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Quantity, E> {
                text.parse().map_err(E::custom)
            }

            fn visit_u64<E: serde::de::Error>(self, number: u64) -> Result<Quantity, E> {
                number.to_string().parse().map_err(E::custom)
            }

            fn visit_i64<E: serde::de::Error>(self, number: i64) -> Result<Quantity, E> {
                number.to_string().parse().map_err(E::custom)
            }

            fn visit_f64<E: serde::de::Error>(self, number: f64) -> Result<Quantity, E> {
                number.to_string().parse().map_err(E::custom)
            }
        }
        deserializer.deserialize_any(Text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nanos(text: &str) -> i128 {
        text.parse::<Quantity>().unwrap_or_else(|error| panic!("{error}")).nanos
    }

    #[test]
    fn suffixes_scale_as_the_api_machinery_does() {
        for (text, expected) in [
            ("0", 0),
            ("100m", 100_000_000),
            ("0.1", 100_000_000),
            (".5", 500_000_000),
            ("1.", NANO),
            ("1k", 1000 * NANO),
            ("1Ki", 1024 * NANO),
            ("1.5Gi", 1_610_612_736 * NANO),
            ("1e3", 1000 * NANO),
            ("1E3", 1000 * NANO),
            ("1E", 1_000_000_000_000_000_000 * NANO),
            ("12e-1", 1_200_000_000),
            ("100n", 100),
            ("1u", 1000),
            ("-2", -2 * NANO),
            ("+2", 2 * NANO),
            ("0.1n", 1), // finer than nano rounds up
        ] {
            assert_eq!(nanos(text), expected, "{text}");
        }
    }

    #[test]
    fn what_is_no_quantity_is_refused() {
        for text in ["", "m", "1.2.3", "1 Gi", "Gi", "1ki", "1e", "1eX", "--1", "1_000"] {
            assert!(text.parse::<Quantity>().is_err(), "{text}");
        }
    }

    #[test]
    fn rounding_is_upward() {
        assert_eq!("100u".parse::<Quantity>().unwrap().millis(), 1);
        assert_eq!("1100m".parse::<Quantity>().unwrap().units(), 2);
        assert_eq!("-1100m".parse::<Quantity>().unwrap().units(), -1);
    }

    #[test]
    fn huge_numbers_saturate() {
        assert_eq!("9999999999999999999999999999999999999E".parse::<Quantity>().unwrap().units(), i64::MAX);
        assert_eq!("1e2000000000".parse::<Quantity>().unwrap().units(), i64::MAX);
        assert_eq!("1e-2000000000".parse::<Quantity>().unwrap().units(), 1);
    }

    #[test]
    fn shown_in_the_largest_exact_unit() {
        for text in ["250m", "1Gi", "1500", "100n", "0", "3"] {
            assert_eq!(text.parse::<Quantity>().unwrap().to_string(), text);
        }
    }
}
