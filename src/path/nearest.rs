//! Why a path matches nothing: how far it matched, and what is there.

use super::query::{Segment, Selector};
use super::select::Run;
use super::{DEFAULT_LIMIT, Path, TooMuchWork};
use crate::diagnostic::did_you_mean;
use crate::edit::{Pointer, kind_of};
use serde_json::Value;

/// The most keys that are listed.
const MOST_KEYS: usize = 12;

/// The longest part of the path that matches, and why the next part doesn't.
pub(super) fn deepest(path: &Path, root: &Value, base: &Pointer) -> (String, String) {
    let run = Run::new(root, DEFAULT_LIMIT);
    let segments = &path.0.segments;
    let mut matched = Vec::new();
    let mut count = 0;
    while count <= segments.len() {
        match path.run(&run, count, base) {
            Ok(found) if found.is_empty() => break,
            Ok(found) => matched = found,
            Err(TooMuchWork) => return (prefix(path, count), TooMuchWork.to_string()),
        }
        count += 1;
    }
    let values: Vec<&Value> = matched.iter().filter_map(|at| at.get(root)).collect();
    let Some(count) = count.checked_sub(1) else { return (prefix(path, 0), "it does not exist".to_owned()) };
    let why = match segments.get(count) {
        Some(segment) => why(segment, &values),
        None => "it matches".to_owned(),
    };
    (prefix(path, count), why)
}

/// The text of the first `count` segments.
fn prefix(path: &Path, count: usize) -> String {
    let end = path.0.starts.get(count).copied().unwrap_or(path.0.text.len());
    path.0.text.get(..end).unwrap_or_default().trim_end().to_owned()
}

fn why(segment: &Segment, values: &[&Value]) -> String {
    let (Some(first), [selector]) = (values.first(), segment.selectors.as_ref()) else {
        return "nothing there is selected by the next part".to_owned();
    };
    if segment.descendant {
        return match selector {
            Selector::Key(key) => format!("there is no key '{key}' anywhere in it"),
            _ => "nothing in it is selected by the next part".to_owned(),
        };
    }
    // Of several nodes, one of the right type explains more than one of another type.
    let fits = |value: &&&Value| match selector {
        Selector::Key(_) => value.is_object(),
        Selector::Index(_) | Selector::Slice { .. } => value.is_array(),
        Selector::Wildcard | Selector::Filter(_) => value.is_object() || value.is_array(),
    };
    let said = match values.iter().find(fits) {
        Some(value) => lacks(selector, value),
        None => {
            let wanted = match selector {
                Selector::Key(_) => "an object",
                Selector::Index(_) | Selector::Slice { .. } => "a list",
                Selector::Wildcard | Selector::Filter(_) => "a list or an object",
            };
            let hint = if first.is_array() && matches!(selector, Selector::Key(_)) {
                "; [0] or [*] selects its elements"
            } else {
                ""
            };
            format!("it is {}, not {wanted}{hint}", kind_of(first))
        }
    };
    match values.len() {
        1 => said,
        several => format!("none of the {several} matches goes further; of the first, {said}"),
    }
}

/// What a node of the right type lacks.
fn lacks(selector: &Selector, value: &Value) -> String {
    match (selector, value) {
        (Selector::Key(key), Value::Object(map)) => {
            let keys = map.keys().map(String::as_str);
            match did_you_mean(key, keys.clone()) {
                Some(near) => format!("it has no key '{key}'; did you mean '{near}'?"),
                None if map.is_empty() => format!("it has no key '{key}' (it is empty)"),
                None => {
                    let more = if map.len() > MOST_KEYS { ", …" } else { "" };
                    let listed = keys.take(MOST_KEYS).collect::<Vec<_>>().join(", ");
                    format!("it has no key '{key}' (it has {listed}{more})")
                }
            }
        }
        (Selector::Index(_) | Selector::Slice { .. }, Value::Array(list)) => match list.len() {
            0 => "the list is empty".to_owned(),
            1 => "the list has 1 element".to_owned(),
            len => format!("the list has {len} elements"),
        },
        (Selector::Filter(_), Value::Array(list)) if !list.is_empty() => "no element satisfies the filter".to_owned(),
        (Selector::Filter(_), Value::Object(map)) if !map.is_empty() => {
            "no value in it satisfies the filter".to_owned()
        }
        (_, Value::Array(_)) => "the list is empty".to_owned(),
        _ => "it is empty".to_owned(),
    }
}
