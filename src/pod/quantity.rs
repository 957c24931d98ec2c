//! Resource quantities: `500m`, `1.5Gi`, `1e3`.
//!
//! The grammar, the limits and the canonical form are those of
//! [the Kubernetes API reference](https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity/).
//! A quantity is stored exactly, as a number of nanos. As in Kubernetes, a finer one is rounded up, and one larger than
//! 2⁶³−1 is capped.

use serde_json::Value;
use std::cmp::Ordering;
use std::fmt;

/// One, in nanos.
const ONE: i128 = 1_000_000_000;
/// The largest quantity that Kubernetes holds.
const MOST: i128 = i64::MAX as i128 * ONE;

/// The format in which a quantity was written, and in which it is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Decimal,
    Binary,
    Exponent,
}

/// A resource quantity; compared by value, not by how it is written.
#[derive(Debug, Clone, Copy)]
pub struct Quantity {
    nanos: i128,
    form: Form,
}

/// Why a text is not a quantity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum QuantityError {
    /// No digit where the number must be.
    #[error("a quantity starts with a number, such as 500m or 2Gi")]
    NoNumber,
    /// Something after the number that is not a unit.
    #[error("the unit must be one of n, u, m, k, M, G, T, P, E, Ki, Mi, Gi, Ti, Pi, Ei, or an exponent such as e3")]
    BadUnit,
    /// Neither a string nor a number.
    #[error("a quantity is a string or a number")]
    NotAScalar,
}

impl Quantity {
    /// The quantity 0.
    pub const ZERO: Quantity = Quantity { nanos: 0, form: Form::Decimal };

    /// Reads a quantity.
    ///
    /// # Errors
    /// Why the text isn't a quantity.
    pub fn parse(text: &str) -> Result<Quantity, QuantityError> {
        let (negative, rest) = match text.as_bytes().first() {
            Some(b'-') => (true, &text[1..]),
            Some(b'+') => (false, &text[1..]),
            _ => (false, text),
        };
        let whole = digits(rest);
        let after = &rest[whole.len()..];
        let (fraction, unit) = match after.strip_prefix('.') {
            Some(after) => (digits(after), &after[digits(after).len()..]),
            None => ("", after),
        };
        if whole.is_empty() && fraction.is_empty() {
            return Err(QuantityError::NoNumber);
        }
        let (form, factor, exponent) = unit_of(unit).ok_or(QuantityError::BadUnit)?;
        let nanos = scaled(whole, fraction, factor, exponent);
        Ok(Quantity { nanos: if negative { -nanos } else { nanos }, form })
    }

    /// Reads a quantity in a manifest: a string or a number.
    ///
    /// # Errors
    /// Why the value isn't a quantity.
    pub fn from_value(value: &Value) -> Result<Quantity, QuantityError> {
        match value {
            Value::String(text) => Quantity::parse(text.trim()),
            Value::Number(number) => Quantity::parse(&number.to_string()),
            Value::Null => Ok(Quantity::ZERO),
            _ => Err(QuantityError::NotAScalar),
        }
    }

    /// Whether it is below 0.
    pub fn is_negative(&self) -> bool {
        self.nanos < 0
    }

    /// Whether it is 0.
    pub fn is_zero(&self) -> bool {
        self.nanos == 0
    }

    /// The value in units, rounded away from zero.
    pub fn units(&self) -> i128 {
        round_up(self.nanos, ONE)
    }

    /// The value in thousandths, rounded away from zero.
    pub fn millis(&self) -> i128 {
        round_up(self.nanos, ONE / 1000)
    }
}

fn digits(text: &str) -> &str {
    let end = text.bytes().position(|b| !b.is_ascii_digit()).unwrap_or(text.len());
    &text[..end]
}

/// The meaning of a unit: its format, a factor, and a power of ten.
fn unit_of(unit: &str) -> Option<(Form, i128, i64)> {
    let binary = |power: u32| Some((Form::Binary, 1i128 << (10 * power), 0));
    let decimal = |power: i64| Some((Form::Decimal, 1, power));
    match unit {
        "" => decimal(0),
        "n" => decimal(-9),
        "u" => decimal(-6),
        "m" => decimal(-3),
        "k" => decimal(3),
        "M" => decimal(6),
        "G" => decimal(9),
        "T" => decimal(12),
        "P" => decimal(15),
        "E" => decimal(18),
        "Ki" => binary(1),
        "Mi" => binary(2),
        "Gi" => binary(3),
        "Ti" => binary(4),
        "Pi" => binary(5),
        "Ei" => binary(6),
        _ => {
            let exponent = unit.strip_prefix(['e', 'E'])?;
            let unsigned = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
            if unsigned.is_empty() || !unsigned.bytes().all(|b| b.is_ascii_digit()) {
                return None;
            }
            Some((Form::Exponent, 1, exponent.parse().ok()?))
        }
    }
}

/// The number in nanos: exact, then rounded up to a nano and capped.
fn scaled(whole: &str, fraction: &str, factor: i128, exponent: i64) -> i128 {
    // More digits than these can't change a capped result; leading zeros don't count.
    let mut mantissa: i128 = 0;
    let mut shift = exponent.saturating_add(9);
    let mut lost = false;
    for (place, digit) in whole.bytes().chain(fraction.bytes()).enumerate() {
        let digit = i128::from(digit - b'0');
        if mantissa < 10i128.pow(18) {
            mantissa = mantissa * 10 + digit;
            if place >= whole.len() {
                shift = shift.saturating_sub(1);
            }
        } else {
            lost |= digit != 0;
            if place < whole.len() {
                shift = shift.saturating_add(1);
            }
        }
    }
    // At most 10^19 × 2^60, which fits.
    let mut value = mantissa * factor;
    if value == 0 {
        return 0;
    }
    for _ in 0..shift.clamp(0, 60) {
        if value > MOST {
            return MOST;
        }
        value *= 10;
    }
    for _ in 0..shift.clamp(-60, 0).unsigned_abs() {
        lost |= value % 10 != 0;
        value /= 10;
    }
    (value + i128::from(lost)).min(MOST)
}

fn round_up(value: i128, unit: i128) -> i128 {
    let whole = value / unit;
    if value % unit == 0 { whole } else { whole + value.signum() }
}

impl PartialEq for Quantity {
    fn eq(&self, other: &Self) -> bool {
        self.nanos == other.nanos
    }
}

impl Eq for Quantity {}

impl PartialOrd for Quantity {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Quantity {
    fn cmp(&self, other: &Self) -> Ordering {
        self.nanos.cmp(&other.nanos)
    }
}

/// The canonical form: no fraction, the largest unit that allows it.
impl fmt::Display for Quantity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.nanos == 0 {
            return f.write_str("0");
        }
        if self.form == Form::Binary && self.nanos.abs() >= 1024 * ONE {
            let mut value = self.units();
            let mut unit = 0;
            while value % 1024 == 0 && unit < 6 {
                value /= 1024;
                unit += 1;
            }
            return write!(f, "{value}{}", ["", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"][unit]);
        }
        let mut value = self.nanos;
        let mut unit = 0;
        while value % 1000 == 0 && unit < 9 {
            value /= 1000;
            unit += 1;
        }
        match (self.form, unit) {
            (_, 3) => write!(f, "{value}"),
            (Form::Exponent, unit) => write!(f, "{value}e{}", unit as i64 * 3 - 9),
            (_, unit) => write!(f, "{value}{}", ["n", "u", "m", "", "k", "M", "G", "T", "P", "E"][unit]),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic)]
mod tests {
    use super::*;

    #[test]
    fn canonical_forms() {
        for (text, wanted) in [
            ("0", "0"),
            ("1", "1"),
            ("1.5", "1500m"),
            ("1.5Gi", "1536Mi"),
            ("0.5Gi", "512Mi"),
            ("1024Mi", "1Gi"),
            ("1000k", "1M"),
            ("512Ki", "512Ki"),
            ("0.001Ki", "1024m"),
            ("1e3", "1e3"),
            ("1E3", "1e3"),
            ("12e-1", "1200e-3"),
            ("1E", "1E"),
            ("100m", "100m"),
            ("0.1m", "100u"),
            ("0.1n", "1n"),
            ("-1", "-1"),
            ("+2", "2"),
            ("5.", "5"),
            (".5", "500m"),
            ("007", "7"),
            ("9223372036854775807", "9223372036854775807"),
            ("99999999999999999999", "9223372036854775807"),
            ("1e999999", "9223372036854775807"),
            ("1e-999999", "1e-9"),
            ("8Ei", "9223372036854775807"),
            ("0e5", "0"),
        ] {
            let got = Quantity::parse(text).map(|q| q.to_string());
            assert_eq!(got.as_deref(), Ok(wanted), "{text}");
        }
    }

    #[test]
    fn invalid_quantities_are_refused() {
        for text in
            ["", "m", "Ki", ".", "-", "1K", "1ki", "1e", "1e+", "1 Gi", "1GiB", "1Mib", "a", "1e1.5", "--1", "1,5"]
        {
            assert!(Quantity::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn quantities_compare_by_value() {
        for (less, more) in
            [("999m", "1"), ("1G", "1Gi"), ("-1", "0"), ("1n", "1u"), ("0.1", "101m"), ("1023Mi", "1Gi")]
        {
            assert!(Quantity::parse(less).unwrap() < Quantity::parse(more).unwrap(), "{less} {more}");
        }
        assert_eq!(Quantity::parse("1000m").unwrap(), Quantity::parse("1e0").unwrap());
        assert_eq!(Quantity::parse("1024Mi").unwrap(), Quantity::parse("1Gi").unwrap());
    }

    #[test]
    fn integers_and_thousandths() {
        let q = Quantity::parse("1.0001").unwrap();
        assert_eq!((q.units(), q.millis()), (2, 1001));
    }
}
