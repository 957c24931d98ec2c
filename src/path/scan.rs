//! A first look at the text of a path, before the parser sees it: it bounds what the parser has to do, and finds
//! where each segment begins, which the parser's tree doesn't tell.

use super::PathError;

/// Longer paths are refused.
const MOST_BYTES: usize = 4096;
/// Deeper brackets and parentheses are refused: the parser recurses.
const DEEPEST: usize = 32;
/// Deeper function calls are refused: the parser reads each up to four times, and what is in it as often again.
const DEEPEST_CALL: usize = 4;

/// Checks the bounds; gives the byte offset at which each top-level segment begins.
pub(super) fn scan(text: &str) -> Result<Vec<usize>, PathError> {
    if text.len() > MOST_BYTES {
        return Err(PathError::new(0, format!("the path is longer than {MOST_BYTES} bytes")));
    }
    let mut starts = Vec::new();
    // What is open: where, and whether it is a function call.
    let mut open: Vec<(usize, char, bool)> = Vec::new();
    let mut quote: Option<(usize, char)> = None;
    let mut chars = text.char_indices();
    let mut before = ' ';
    while let Some((at, c)) = chars.next() {
        if let Some((_, end)) = quote {
            match c {
                '\\' => drop(chars.next()),
                c if c == end => quote = None,
                _ => {}
            }
            before = c;
            continue;
        }
        match c {
            '\'' | '"' => quote = Some((at, c)),
            '[' | '(' => {
                if open.is_empty() && c == '[' && !text[..at].ends_with("..") {
                    starts.push(at);
                }
                let call = c == '(' && (before.is_ascii_alphanumeric() || before == '_');
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
        before = c;
    }
    if let Some((at, _)) = quote {
        return Err(PathError::new(at, "this quote is never closed"));
    }
    if let Some((at, c, _)) = open.pop() {
        return Err(PathError::new(at, format!("this {c} is never closed")));
    }
    Ok(starts)
}

#[cfg(test)]
mod tests {
    use super::scan;

    #[test]
    fn segments_begin_where_they_are_written() {
        assert_eq!(scan("$.a..b['c.d'][?@.x[0] == '[']..[1]").ok(), Some(vec![1, 3, 6, 13, 29]));
    }

    #[test]
    fn brackets_in_strings_do_not_count() {
        assert!(scan(&format!("$['{}']", "[".repeat(500))).is_ok());
        assert!(scan(&format!("${}", "[?@".repeat(500))).is_err());
        assert!(scan(&format!("$[?{}", "length(".repeat(6))).is_err_and(|e| e.message.contains("calls")));
    }
}
