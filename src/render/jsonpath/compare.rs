//! Comparisons in filters.

use std::cmp::Ordering;

use serde_json::{Number, Value};

/// How two values are compared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Operator {
    /// `==`
    Equal,
    /// `!=`
    NotEqual,
    /// `<`
    Less,
    /// `<=`
    LessEqual,
    /// `>`
    Greater,
    /// `>=`
    GreaterEqual,
    /// Signs that mean nothing, which is told only when it comes to a comparison, as in kubectl.
    Unknown(String),
}

impl From<&str> for Operator {
    fn from(signs: &str) -> Self {
        match signs {
            "==" => Self::Equal,
            "!=" => Self::NotEqual,
            "<" => Self::Less,
            "<=" => Self::LessEqual,
            ">" => Self::Greater,
            ">=" => Self::GreaterEqual,
            signs => Self::Unknown(signs.to_owned()),
        }
    }
}

/// Whether the comparison holds. Values of different types cannot be compared, not even whole numbers with others; and
/// only numbers and strings have an order.
pub(super) fn holds(left: &Value, operator: &Operator, right: &Value) -> Result<bool, String> {
    let incompatible = || Err("incompatible types for comparison".to_owned());
    let invalid = || Err("invalid type for comparison".to_owned());
    let order = match (left, right) {
        _ if matches!(operator, Operator::Unknown(_)) => {
            let Operator::Unknown(signs) = operator else { return invalid() };
            return Err(format!("unrecognized filter operator {signs}"));
        }
        (Value::Null | Value::Array(_) | Value::Object(_), _)
        | (_, Value::Null | Value::Array(_) | Value::Object(_)) => {
            return invalid();
        }
        (Value::String(left), Value::String(right)) => Some(left.cmp(right)),
        (Value::Number(left), Value::Number(right)) => match (whole(left), whole(right)) {
            (Some(left), Some(right)) => Some(left.cmp(&right)),
            (None, None) => left.as_f64().partial_cmp(&right.as_f64()),
            _ => return incompatible(),
        },
        (Value::Bool(left), Value::Bool(right)) => match operator {
            Operator::Equal => return Ok(left == right),
            Operator::NotEqual => return Ok(left != right),
            _ => return invalid(),
        },
        _ => return incompatible(),
    };
    Ok(match operator {
        Operator::Equal => order == Some(Ordering::Equal),
        Operator::NotEqual => order != Some(Ordering::Equal),
        Operator::Less => order == Some(Ordering::Less),
        Operator::LessEqual => matches!(order, Some(Ordering::Less | Ordering::Equal)),
        Operator::Greater => order == Some(Ordering::Greater),
        Operator::GreaterEqual => matches!(order, Some(Ordering::Greater | Ordering::Equal)),
        Operator::Unknown(_) => false,
    })
}

/// The number where it was written without a fraction.
fn whole(number: &Number) -> Option<i128> {
    number.as_i64().map(i128::from).or_else(|| number.as_u64().map(i128::from))
}
