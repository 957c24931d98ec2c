//! Makes characters visible that a terminal would interpret: control characters, and marks that change the direction of
//! text.

use std::borrow::Cow;

/// Replaces everything in a text that could move the cursor, change colours, or hide or reorder what is shown. Tabs and
/// line breaks stay.
pub fn printable(text: &str) -> Cow<'_, str> {
    replace(text, stand_in)
}

/// As [`printable`], for one line: line breaks and tabs are replaced too.
pub fn printable_line(text: &str) -> Cow<'_, str> {
    replace(text, |c| match c {
        '\n' => Some('␊'),
        '\t' => Some('␉'),
        c => stand_in(c),
    })
}

fn replace(text: &str, stand_in: impl Fn(char) -> Option<char>) -> Cow<'_, str> {
    if text.chars().any(|c| stand_in(c).is_some()) {
        text.chars().map(|c| stand_in(c).unwrap_or(c)).collect()
    } else {
        Cow::Borrowed(text)
    }
}

/// What is shown instead of a character that must not reach a terminal.
pub(super) fn stand_in(c: char) -> Option<char> {
    match c {
        '\n' | '\t' => None,
        '\0'..='\x1f' => char::from_u32(0x2400 + c as u32),
        '\x7f' => Some('␡'),
        // C1 controls: some terminals take U+009B for the start of an escape sequence.
        '\u{80}'..='\u{9f}' => Some(char::REPLACEMENT_CHARACTER),
        // What turns the direction of text, ends lines, or is invisible.
        '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => {
            Some(char::REPLACEMENT_CHARACTER)
        }
        '\u{feff}' | '\u{e0000}'..='\u{e007f}' => Some(char::REPLACEMENT_CHARACTER),
        _ => None,
    }
}
