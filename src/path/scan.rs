//! Scans the text of a path before it is parsed: limits the work of the parser, and finds where each segment begins, which
//! isn't in the parser's tree.

use super::PathError;
use super::syntax::{self, is_name};
use std::str::CharIndices;

/// The most bytes of a path.
const MOST_BYTES: usize = 4096;
/// The deepest nesting of brackets and parentheses: the parser recurses.
const DEEPEST: usize = 32;
/// The deepest nesting of function calls: the parser reads each up to four times, and each time what is inside as often.
const DEEPEST_CALL: usize = 4;

/// Checks limits, quotes, brackets and spaces, and returns the byte offset of each top-level segment.
pub(super) fn scan(text: &str) -> Result<Vec<usize>, PathError> {
    if text.len() > MOST_BYTES {
        return Err(PathError::new(0, format!("the path is longer than {MOST_BYTES} bytes")));
    }
    let mut starts = Vec::new();
    // The open brackets: their offset, and whether it is a function call.
    let mut open: Vec<(usize, char, bool)> = Vec::new();
    let mut chars = text.char_indices();
    // The character before, without spaces, and whether there were any.
    let (mut before, mut spaced) = (' ', false);
    while let Some((at, c)) = chars.next() {
        if c.is_ascii_whitespace() {
            // The parser skips spaces here, although the RFC allows none: it would read `a b` as one key.
            if before == '.' || before == '-' {
                return Err(PathError::new(at, format!("a space isn't allowed after {before}")));
            }
            spaced = true;
            continue;
        }
        if spaced && is_name(c) && is_name(before) {
            return Err(syntax::two_words(text, at, !open.is_empty()));
        }
        match c {
            '\'' | '"' => string(at, c, &mut chars)?,
            '[' | '(' => {
                if open.is_empty() && c == '[' && !text[..at].ends_with("..") {
                    starts.push(at);
                }
                let call = c == '(' && is_name(before);
                open.push((at, c, call));
                if open.len() > DEEPEST {
                    return Err(PathError::new(at, format!("brackets are nested deeper than {DEEPEST} levels")));
                }
                if call && open.iter().filter(|(_, _, call)| *call).count() > DEEPEST_CALL {
                    let message = format!("function calls are nested deeper than {DEEPEST_CALL} levels");
                    return Err(PathError::new(at, message));
                }
            }
            ']' | ')' => match open.pop() {
                Some((_, '[', _)) if c == ']' => {}
                Some((_, '(', _)) if c == ')' => {}
                _ => return Err(PathError::new(at, format!("this {c} closes nothing"))),
            },
            '.' if open.is_empty() && before != '.' => starts.push(at),
            _ => {}
        }
        (before, spaced) = (c, false);
    }
    if let Some((at, c, _)) = open.pop() {
        return Err(PathError::new(at, format!("this {c} is never closed")));
    }
    if spaced {
        return Err(PathError::new(text.trim_ascii_end().len(), "a JSONPath can't end with a space"));
    }
    Ok(starts)
}

/// Skips a string that began at `start`, up to its closing quote.
fn string(start: usize, end: char, chars: &mut CharIndices<'_>) -> Result<(), PathError> {
    while let Some((at, c)) = chars.next() {
        match c {
            c if c == end => return Ok(()),
            '\\' => match chars.next() {
                Some((_, next)) if next == end || "bfnrtu/\\".contains(next) => {}
                Some((_, next @ ('\'' | '"'))) => {
                    return Err(PathError::new(at, format!("{next} needs no backslash between two {end}")));
                }
                Some((_, next)) => {
                    let message =
                        format!("\\{next} is not an escape sequence; a backslash itself is written twice: \\\\{next}");
                    return Err(PathError::new(at, message));
                }
                None => break,
            },
            c if c < ' ' => {
                let message = "a line break, a tab and the like are written \\n, \\t, \\u0000 in quotes";
                return Err(PathError::new(at, message));
            }
            _ => {}
        }
    }
    Err(PathError::new(start, "this quote is never closed"))
}

#[cfg(test)]
mod tests {
    use super::scan;

    #[test]
    fn segments_have_their_positions() {
        assert_eq!(scan("$.a..b['c.d'][?@.x[0] == '[']..[1]").ok(), Some(vec![1, 3, 6, 13, 29]));
    }

    #[test]
    fn brackets_in_strings_do_not_count() {
        assert!(scan(&format!("$['{}']", "[".repeat(500))).is_ok());
        assert!(scan(&format!("${}", "[?@".repeat(500))).is_err());
        for call in ["length(", "length ("] {
            assert!(scan(&format!("$[?{}", call.repeat(6))).is_err_and(|e| e.message.contains("calls")));
        }
    }
}
