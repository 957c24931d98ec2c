//! Reads plain scalars as Helm and kubectl do: as YAML 1.1 for booleans and octal numbers.
//!
//! The rules are those of the Go YAML library behind both
//! ([YAML 1.1 booleans](https://yaml.org/type/bool.html), [integers](https://yaml.org/type/int.html)).

use super::node::Kind;
use serde_json::Number;

/// The value of a plain scalar, and whether another YAML reader would read it differently.
pub struct Meaning {
    /// The value; `None` for a string.
    pub kind: Option<Kind>,
    /// Whether YAML 1.1 and 1.2 read it differently.
    pub ambiguous: bool,
}

/// Why a plain scalar can't be read.
#[derive(Debug, PartialEq, Eq)]
pub struct TooLarge;

/// Reads a plain scalar.
pub fn plain(text: &str) -> Result<Meaning, TooLarge> {
    let sure = |kind| Ok(Meaning { kind: Some(kind), ambiguous: false });
    let unsure = |kind| Ok(Meaning { kind: Some(kind), ambiguous: true });
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return sure(Kind::Null),
        "true" | "True" | "TRUE" => return sure(Kind::Bool(true)),
        "false" | "False" | "FALSE" => return sure(Kind::Bool(false)),
        "y" | "Y" | "yes" | "Yes" | "YES" | "on" | "On" | "ON" => return unsure(Kind::Bool(true)),
        "n" | "N" | "no" | "No" | "NO" | "off" | "Off" | "OFF" => return unsure(Kind::Bool(false)),
        _ => {}
    }
    if !text.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '+' | '-' | '.')) {
        return Ok(Meaning { kind: None, ambiguous: false });
    }
    if let Some((value, ambiguous)) = integer(text)? {
        return Ok(Meaning { kind: Some(Kind::Number(value)), ambiguous });
    }
    Ok(Meaning { kind: float(text).map(Kind::Number), ambiguous: false })
}

/// Reads an integer, and says whether YAML 1.2 would read a different one.
fn integer(text: &str) -> Result<Option<(Number, bool)>, TooLarge> {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let clean = digits.replace('_', "");
    let (radix, body, ambiguous) = if let Some(body) = clean.strip_prefix("0x") {
        (16, body, false)
    } else if let Some(body) = clean.strip_prefix("0o") {
        (8, body, false)
    } else if let Some(body) = clean.strip_prefix("0b") {
        (2, body, true)
    } else if clean.len() > 1 && clean.starts_with('0') && clean.bytes().all(|b| (b'0'..=b'7').contains(&b)) {
        (8, &clean[1..], true)
    } else {
        (10, clean.as_str(), clean.len() != digits.len())
    };
    if body.is_empty() || !body.chars().all(|c| c.is_digit(radix)) || digits.starts_with('_') {
        return Ok(None);
    }
    let magnitude = u64::from_str_radix(body, radix).map_err(|_| TooLarge)?;
    let number = match (negative, i64::try_from(magnitude)) {
        (false, _) => Number::from(magnitude),
        (true, Ok(n)) => Number::from(-n),
        (true, Err(_)) if magnitude == 1 << 63 => Number::from(i64::MIN),
        (true, Err(_)) => return Err(TooLarge),
    };
    Ok(Some((number, ambiguous)))
}

/// Reads a number with a fraction or an exponent. Infinities and NaN stay strings, because JSON has none.
fn float(text: &str) -> Option<Number> {
    let body = text.strip_prefix(['+', '-']).unwrap_or(text);
    let shape = body.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'.' | b'e' | b'E' | b'+' | b'-'));
    if !shape || body.starts_with(['+', '-']) || !body.bytes().any(|b| b.is_ascii_digit()) {
        return None;
    }
    text.strip_prefix('+').unwrap_or(text).parse::<f64>().ok().filter(|f| f.is_finite()).and_then(Number::from_f64)
}
