//! Durations.

use std::time::Duration;

/// Reads a duration: a number with ms, s, m or h.
pub fn duration(text: &str) -> Result<Duration, String> {
    podrules::text::parse_duration(text).ok_or_else(|| "write a number with its unit: 90s, 5m, 1h".to_owned())
}
