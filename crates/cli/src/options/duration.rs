//! Durations.

use std::time::Duration;

/// Reads a duration: a number with ms, s, m or h.
pub fn duration(text: &str) -> Result<Duration, String> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    let unit = match unit {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        _ => return Err("write a number with its unit: 90s, 5m, 1h".to_owned()),
    };
    let number: u32 = number.parse().map_err(|_| "write a number with its unit: 90s, 5m, 1h".to_owned())?;
    Ok(Duration::from_millis(u64::from(number) * unit))
}
