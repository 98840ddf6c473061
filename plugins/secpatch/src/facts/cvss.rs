//! The base score of CVSS 3.0 and 3.1 vectors.
//!
//! Source of the formulas and weights: FIRST, *Common Vulnerability Scoring System v3.1: Specification Document*,
//! sections 7.1 and 7.4, and its Appendix A for `Roundup`.

use patchkit::report::Severity;

/// A vector that cannot be scored.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CvssError {
    /// It does not begin with `CVSS:3.0/` or `CVSS:3.1/`.
    #[error("{0:?} is no CVSS 3 vector: expected it to begin with CVSS:3.0/ or CVSS:3.1/")]
    OtherVersion(String),
    /// A metric has a value that the specification does not know.
    #[error("{metric}:{value} is no value of a CVSS 3 base metric")]
    Value {
        /// Such as `AV`.
        metric: String,
        /// The value that was found.
        value: String,
    },
    /// A base metric is missing.
    #[error("the CVSS vector has no {0}")]
    Missing(&'static str),
}

/// The base score of a vector, from 0.0 to 10.0, rounded up to one decimal as the specification says.
///
/// Temporal and environmental metrics are left out.
///
/// # Errors
/// Where the text is no CVSS 3 vector, or lacks one of the eight base metrics.
pub fn base_score(vector: &str) -> Result<f64, CvssError> {
    let metrics = vector
        .trim()
        .strip_prefix("CVSS:3.0/")
        .or_else(|| vector.trim().strip_prefix("CVSS:3.1/"))
        .ok_or_else(|| CvssError::OtherVersion(vector.to_owned()))?;
    let value = |name: &'static str| {
        metrics
            .split('/')
            .find_map(|metric| metric.strip_prefix(name)?.strip_prefix(':'))
            .ok_or(CvssError::Missing(name))
    };
    let weight = |name: &'static str, weights: &[(&str, f64)]| {
        let value = value(name)?;
        weights
            .iter()
            .find(|(known, _)| *known == value)
            .map(|(_, weight)| *weight)
            .ok_or_else(|| CvssError::Value { metric: name.to_owned(), value: value.to_owned() })
    };
    let changed = match value("S")? {
        "U" => false,
        "C" => true,
        other => return Err(CvssError::Value { metric: "S".to_owned(), value: other.to_owned() }),
    };
    let attack_vector = weight("AV", &[("N", 0.85), ("A", 0.62), ("L", 0.55), ("P", 0.2)])?;
    let complexity = weight("AC", &[("L", 0.77), ("H", 0.44)])?;
    let privileges = if changed {
        weight("PR", &[("N", 0.85), ("L", 0.68), ("H", 0.5)])?
    } else {
        weight("PR", &[("N", 0.85), ("L", 0.62), ("H", 0.27)])?
    };
    let interaction = weight("UI", &[("N", 0.85), ("R", 0.62)])?;
    let loss = [("H", 0.56), ("L", 0.22), ("N", 0.0)];
    let kept = (1.0 - weight("C", &loss)?) * (1.0 - weight("I", &loss)?) * (1.0 - weight("A", &loss)?);
    let sub_score = 1.0 - kept;
    let impact =
        if changed { 7.52 * (sub_score - 0.029) - 3.25 * (sub_score - 0.02).powi(15) } else { 6.42 * sub_score };
    if impact <= 0.0 {
        return Ok(0.0);
    }
    let exploitability = 8.22 * attack_vector * complexity * privileges * interaction;
    let sum = impact + exploitability;
    Ok(round_up((if changed { 1.08 * sum } else { sum }).min(10.0)))
}

/// The smallest number with one decimal that is not below `score`, without the surprises of binary fractions.
fn round_up(score: f64) -> f64 {
    let hundred_thousandths = (score * 100_000.0).round();
    if hundred_thousandths % 10_000.0 == 0.0 {
        hundred_thousandths / 100_000.0
    } else {
        ((hundred_thousandths / 10_000.0).floor() + 1.0) / 10.0
    }
}

/// The qualitative rating of a score (section 5 of the specification).
#[must_use]
pub fn rating(score: f64) -> Severity {
    match score {
        score if score >= 9.0 => Severity::Critical,
        score if score >= 7.0 => Severity::High,
        score if score >= 4.0 => Severity::Medium,
        score if score > 0.0 => Severity::Low,
        _ => Severity::Info,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Scores as the advisories of these vulnerabilities and the examples of the specification state them.
    #[test]
    fn known_scores() {
        for (vector, score) in [
            ("CVSS:3.0/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H", 9.8), // CVE-2018-1002105
            ("CVSS:3.1/AV:L/AC:L/PR:H/UI:N/S:U/C:L/I:L/A:N", 3.4), // CVE-2023-2431
            ("CVSS:3.1/AV:N/AC:L/PR:H/UI:N/S:U/C:H/I:H/A:N", 6.5), // CVE-2023-2727
            ("CVSS:3.1/AV:N/AC:L/PR:L/UI:N/S:U/C:H/I:H/A:H", 8.8), // CVE-2023-3676
            ("CVSS:3.1/AV:N/AC:L/PR:H/UI:N/S:U/C:L/I:N/A:N", 2.7), // CVE-2024-3177
            ("CVSS:3.1/AV:N/AC:L/PR:L/UI:N/S:U/C:H/I:H/A:N", 8.1), // CVE-2024-10220
            ("CVSS:3.1/AV:L/AC:L/PR:L/UI:N/S:U/C:H/I:L/A:N", 6.1), // CVE-2024-5321
            ("CVSS:3.1/AV:N/AC:L/PR:H/UI:N/S:C/C:L/I:N/A:N", 4.1), // CVE-2020-8561
            ("CVSS:3.1/AV:L/AC:L/PR:L/UI:N/S:C/C:H/I:N/A:N", 6.5), // CVE-2024-3744
            ("CVSS:3.0/AV:N/AC:H/PR:L/UI:N/S:C/C:H/I:N/A:N", 6.3), // CVE-2020-8555
            ("CVSS:3.1/AV:N/AC:H/PR:H/UI:R/S:U/C:H/I:H/A:H", 6.4), // CVE-2020-8559
            ("CVSS:3.1/AV:N/AC:H/PR:H/UI:R/S:C/C:L/I:L/A:L", 5.1), // CVE-2022-3172
            ("CVSS:3.1/AV:L/AC:L/PR:N/UI:R/S:C/C:H/I:H/A:H", 8.6), // CVE-2024-21626
            ("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:C/C:H/I:H/A:H", 10.0),
            ("CVSS:3.1/AV:N/AC:L/PR:N/UI:R/S:C/C:L/I:L/A:N", 6.1), // example of the specification
            ("CVSS:3.1/AV:P/AC:H/PR:H/UI:R/S:U/C:N/I:N/A:N", 0.0),
        ] {
            assert_eq!(base_score(vector), Ok(score), "{vector}");
        }
    }

    #[test]
    fn says_what_is_wrong() {
        let missing = base_score("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H");
        assert_eq!(missing, Err(CvssError::Missing("A")));
        let value = base_score("CVSS:3.1/AV:X/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H");
        assert_eq!(value, Err(CvssError::Value { metric: "AV".into(), value: "X".into() }));
        assert!(base_score("AV:N/AC:L/Au:N/C:P/I:P/A:P").is_err());
        assert!(base_score("CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:H/VA:H/SC:N/SI:N/SA:N").is_err());
    }

    #[test]
    fn ratings_begin_where_the_specification_says() {
        for (score, severity) in [
            (0.0, Severity::Info),
            (0.1, Severity::Low),
            (3.9, Severity::Low),
            (4.0, Severity::Medium),
            (6.9, Severity::Medium),
            (7.0, Severity::High),
            (8.9, Severity::High),
            (9.0, Severity::Critical),
            (10.0, Severity::Critical),
        ] {
            assert_eq!(rating(score), severity, "{score}");
        }
    }
}
