//! Explains what is wrong with the text of a path, with suggestions for common mistakes.

use super::PathError;
use super::lower::FUNCTIONS;
use jsonpath_rust::parser::errors::JsonPathError;

/// Parents whose keys often contain dots and slashes.
const FREE_KEYS: [&str; 8] =
    ["labels", "annotations", "nodeSelector", "matchLabels", "limits", "requests", "data", "stringData"];

/// The message for a text that doesn't begin with `$` or `@`.
pub(super) fn no_root(text: &str) -> PathError {
    let trimmed = text.trim_start();
    let message = if trimmed.is_empty() {
        "the path is empty; a JSONPath begins with $ (the Pod)".to_owned()
    } else if trimmed.starts_with(['$', '@']) {
        "a JSONPath can't begin with a space".to_owned()
    } else if let Some(pointer) = trimmed.strip_prefix('/') {
        format!("this is a JSON Pointer; as a JSONPath it is {}", from_pointer(pointer))
    } else if trimmed.starts_with(|c: char| c.is_alphabetic() || c == '_') && trimmed.len() < 200 {
        format!("a JSONPath begins with $ (the Pod): write $.{trimmed}")
    } else {
        "a JSONPath begins with $ (the Pod)".to_owned()
    };
    PathError::new(0, message)
}

fn from_pointer(pointer: &str) -> String {
    let steps = pointer.split('/').take(40).map(|token| {
        let key = token.replace("~1", "/").replace("~0", "~");
        match key.parse::<usize>() {
            Ok(index) => format!("[{index}]"),
            Err(_) if key.chars().all(is_name) && !key.is_empty() => format!(".{key}"),
            Err(_) => quoted(&key),
        }
    });
    std::iter::once("$".to_owned()).chain(steps).collect()
}

/// The error for a text that the parser refuses.
pub(super) fn explain(text: &str, error: &JsonPathError) -> PathError {
    let offset = match error {
        JsonPathError::PestError(error) => offset_in(&format!("{:?}", error.location)),
        other => return unplaced(text, &other.to_string()),
    };
    let offset = (0..=offset.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
    let (before, rest) = text.split_at(offset);
    let (at, message) = mistake(before, rest).unwrap_or_else(|| {
        let message = match rest.chars().next() {
            None => "the path ends too early".to_owned(),
            Some(c) => format!("'{c}' isn't allowed here"),
        };
        (offset, message)
    });
    PathError::new(at, message)
}

/// The byte offset of a parse error: its type isn't exported, but its debug form, `Pos(7)`, has the number.
fn offset_in(location: &str) -> usize {
    let digits = |c: &char| c.is_ascii_digit();
    location.chars().skip_while(|c| !digits(c)).take_while(digits).collect::<String>().parse().unwrap_or(0)
}

/// The error of the parser's checks after parsing, which names a part of the text at most.
fn unplaced(text: &str, message: &str) -> PathError {
    let part = message.split('`').nth(1).unwrap_or_default();
    let function = part.split('(').next().unwrap_or_default().trim_end();
    let said = if message.contains("not comparable") {
        "match(…) and search(…) are already true or false: leave out the comparison".to_owned()
    } else if message.contains("Invalid argument") {
        format!("{function}(…) takes a path such as @.containers[*]")
    } else if message.contains("Invalid function expression") {
        format!("a space isn't allowed between {function} and (")
    } else if message.contains("Invalid string literal") {
        "\\u takes four hexadecimal digits of a character, or of a pair".to_owned()
    } else if message.contains("InvalidNumber") || message.starts_with("expected a `f64`") {
        "a number in it can't be read".to_owned()
    } else {
        format!("this is not a JSONPath: {}", message.strip_prefix("Invalid json path: ").unwrap_or(message))
    };
    let offset = if part.is_empty() { None } else { text.find(part) };
    PathError::new(offset.unwrap_or(0), said)
}

/// The message for two words with only spaces between them.
pub(super) fn two_words(text: &str, at: usize, in_brackets: bool) -> PathError {
    let second: String = text[at..].chars().take_while(|c| is_name(*c)).collect();
    let message = match second.as_str() {
        "and" | "or" | "not" => "conditions are joined with && and ||, and negated with !".to_owned(),
        "in" | "contains" | "like" | "matches" => {
            format!("there is no '{second}'; compare with ==, joined by ||, or use match(@.name, 'a|b')")
        }
        _ if in_brackets => format!("something is missing before '{second}'"),
        _ => "a key with a space goes into brackets and quotes: ['my key']".to_owned(),
    };
    PathError::new(at, message)
}

/// Known mistakes: the offset, and what to write instead.
fn mistake(before: &str, rest: &str) -> Option<(usize, String)> {
    let at = before.len();
    let here = rest.chars().next();
    let in_brackets = depth(before) > 0;
    let last = before.trim_end().chars().next_back();
    if before.ends_with("..") && here == Some('.') {
        return Some((at, "there is one dot too many".to_owned()));
    }
    if !in_brackets {
        if here.is_some_and(|c| "-/~:+%".contains(c)) && last.is_some_and(is_name) {
            return Some(unquoted_key(before, rest));
        }
        return match (last, here) {
            (Some('.'), None) => Some((at, "a key is missing after the dot".to_owned())),
            (Some('.'), Some('[')) => Some((at, "leave out the dot before [".to_owned())),
            (Some('.'), Some(c)) if c.is_ascii_digit() => {
                let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
                Some((at, format!("an element of a list is written [{digits}], without a dot")))
            }
            (Some('.'), Some(c)) if !is_name(c) && c != '*' && !c.is_whitespace() => Some(unquoted_key(before, rest)),
            (_, Some(c)) if c.is_whitespace() => Some((at, "a space isn't allowed here".to_owned())),
            (Some('$' | '@' | ']'), Some(c)) if is_name(c) => Some((at, "a dot is missing before this".to_owned())),
            _ => None,
        };
    }
    if rest.starts_with("=~") {
        return Some((at, "there is no =~; write match(@.name, 'regex') or search(@.name, 'regex')".to_owned()));
    }
    if here == Some('=') {
        return Some((at, "one = doesn't compare; write ==".to_owned()));
    }
    if here.is_some_and(|c| "&|".contains(c)) {
        return Some((at, "conditions are joined with && and ||".to_owned()));
    }
    let word: String = rest.chars().take_while(|c| is_name(*c) || "-./".contains(*c)).collect();
    let after = rest[word.len()..].trim_start();
    if word.is_empty() {
        let quote = here.is_some_and(|c| c == '\'' || c == '"');
        return (quote && rest.contains("\\u"))
            .then(|| (at, "\\u takes four hexadecimal digits of a character, or of a pair".to_owned()));
    }
    if word.strip_prefix('-').unwrap_or(&word).chars().all(|c| c.is_ascii_digit()) {
        return Some((at, "an integer has no leading zeros and is at most 9007199254740991".to_owned()));
    }
    if last == Some('[') && after.starts_with([']', ',']) {
        return Some((at, format!("a key in brackets is quoted: {}", quoted(&word))));
    }
    if after.starts_with('(') {
        return Some((at, format!("there is no function '{word}'; the functions are {FUNCTIONS}")));
    }
    if last.is_some_and(|c| "?(&|!=<>".contains(c)) && word.starts_with(|c: char| c.is_alphabetic()) {
        return Some((at, format!("in a condition the element is @: write @.{word}, or '{word}' for a text")));
    }
    None
}

/// A key with characters that need quotes: its offset, and how to write it.
fn unquoted_key(before: &str, rest: &str) -> (usize, String) {
    let free = FREE_KEYS.iter().filter_map(|parent| {
        let parent = format!(".{parent}.");
        before.rfind(&parent).map(|at| at + parent.len())
    });
    let start = free.max().or_else(|| before.rfind('.').map(|at| at + 1)).unwrap_or(0);
    let whole_rest = FREE_KEYS.iter().any(|parent| before[..start].ends_with(&format!(".{parent}.")));
    let length = rest.find(|c: char| c == '[' || c.is_whitespace() || (c == '.' && !whole_rest)).unwrap_or(rest.len());
    let key = format!("{}{}", &before[start..], &rest[..length]);
    let parent = before[..start].trim_end_matches('.');
    (start, format!("a key with such characters goes into brackets and quotes: {parent}{}", quoted(&key)))
}

fn quoted(key: &str) -> String {
    format!("['{}']", key.replace('\\', "\\\\").replace('\'', "\\'"))
}

/// Whether a character may be part of a key without quotes.
pub(super) fn is_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_' || !c.is_ascii()
}

/// The number of brackets that are open at the end of a text; those in strings don't count.
fn depth(text: &str) -> usize {
    let mut depth = 0_usize;
    let mut quote = None;
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match (quote, c) {
            (Some(_), '\\') => drop(chars.next()),
            (Some(end), c) if c == end => quote = None,
            (None, '\'' | '"') => quote = Some(c),
            (None, '[' | '(') => depth += 1,
            (None, ']' | ')') => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    depth
}
