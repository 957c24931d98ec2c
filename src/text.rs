//! Texts within bounds, and what users write with a unit.

use std::borrow::Cow;
use std::time::Duration;

/// Cuts a text that has more than `most` characters, and marks the cut with `…`.
pub fn shortened<'t>(text: impl Into<Cow<'t, str>>, most: usize) -> String {
    let text = text.into();
    // A character takes at least one byte.
    if text.len() <= most {
        return text.into_owned();
    }
    match text.char_indices().nth(most) {
        Some((end, _)) => cut(text, end),
        None => text.into_owned(),
    }
}

/// Cuts a text that takes more than `most` bytes in UTF-8, between two characters, and marks the cut with `…`, whose three bytes
/// come on top.
pub fn shortened_bytes<'t>(text: impl Into<Cow<'t, str>>, most: usize) -> String {
    let text = text.into();
    if text.len() <= most {
        return text.into_owned();
    }
    let end = (0..=most).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
    cut(text, end)
}

fn cut(text: Cow<'_, str>, end: usize) -> String {
    match text {
        Cow::Borrowed(text) => format!("{}…", &text[..end]),
        Cow::Owned(mut text) => {
            text.truncate(end);
            text.push('…');
            text
        }
    }
}

/// Reads a duration: an integer and its unit, `ms`, `s`, `m` or `h`, as in `90s`. `None` if the text is something else, or its
/// number doesn't fit into 32 bits.
pub fn parse_duration(text: &str) -> Option<Duration> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    let millis: u64 = match unit {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        _ => return None,
    };
    let number: u32 = number.parse().ok()?;
    Some(Duration::from_millis(u64::from(number) * millis))
}

#[cfg(test)]
mod tests {
    use super::{parse_duration, shortened, shortened_bytes};
    use std::time::Duration;

    #[test]
    fn long_texts_are_truncated_at_character_boundaries() {
        for (text, most, expected) in
            [("", 0, ""), ("abc", 3, "abc"), ("abc", 2, "ab…"), ("äöü", 3, "äöü"), ("äöü", 2, "äö…"), ("abc", 0, "…")]
        {
            assert_eq!(shortened(text, most), expected);
            assert_eq!(shortened(text.to_owned(), most), expected);
        }
        for (text, most, expected) in [("abc", 3, "abc"), ("äöü", 6, "äöü"), ("äöü", 5, "äö…"), ("ä", 1, "…")]
        {
            assert_eq!(shortened_bytes(text, most), expected);
            assert_eq!(shortened_bytes(text.to_owned(), most), expected);
        }
    }

    #[test]
    fn durations_have_a_number_and_a_unit() {
        for (text, millis) in [("0s", 0), ("500ms", 500), ("90s", 90_000), ("5m", 300_000), ("1h", 3_600_000)] {
            assert_eq!(parse_duration(text), Some(Duration::from_millis(millis)), "{text}");
        }
        assert!(parse_duration("4294967295h").is_some());
        for text in ["", "5", "s", "5 s", " 5s", "5d", "1.5s", "-5s", "5S", "4294967296s"] {
            assert_eq!(parse_duration(text), None, "{text:?}");
        }
    }
}
