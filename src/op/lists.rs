//! Lists of the Pod whose elements have a name: elements are found, replaced in place, added and removed.

use super::context::OpContext;
use crate::diagnostic::{Fault, Span};
use crate::edit::{Editor, Pointer};
use serde_json::{Map, Value};

/// The elements of the list at a place; none where it is absent or null.
pub fn items<'e>(pod: &'e Editor, at: &Pointer) -> &'e [Value] {
    pod.get(at).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// Whether an element's key has this text. The key is usually the first, and is then found without hashing.
pub fn is_named(item: &Value, key: &str, name: &str) -> bool {
    let Value::Object(map) = item else { return false };
    let value = match map.iter().next() {
        Some((first, value)) if first == key => Some(value),
        _ => map.get(key),
    };
    matches!(value, Some(Value::String(text)) if text == name)
}

/// An object of one key, whose value is text.
pub fn named(key: &str, name: &str) -> Map<String, Value> {
    Map::from_iter([(key.to_owned(), Value::String(name.to_owned()))])
}

/// Replaces the first element for which `same` holds and removes the others, or adds one, at the list's start or end. An
/// absent list is created.
pub fn put(
    cx: &mut OpContext<'_>,
    at: &Pointer,
    item: &Value,
    first: bool,
    same: impl Fn(&Value) -> bool,
    span: Span,
) -> Result<(), Fault> {
    if !matches!(cx.pod.get(at), Some(Value::Array(_))) {
        return match cx.pod.get(at) {
            None | Some(Value::Null) => cx.set_creating(at, Value::Array(vec![item.clone()]), span),
            Some(_) => cx.ensure_list(at, span),
        };
    }
    let list = items(cx.pod, at);
    let Some(place) = list.iter().position(&same) else {
        let end = if first { 0 } else { list.len() };
        return cx.insert(at, end, item.clone(), span);
    };
    if list[place] != *item {
        cx.set(&at.child(place), item.clone(), span)?;
    }
    remove_from(cx, at, place + 1, same, span)
}

/// Removes the elements from `start` on for which `which` holds.
pub fn remove_from(
    cx: &mut OpContext<'_>,
    at: &Pointer,
    start: usize,
    which: impl Fn(&Value) -> bool,
    span: Span,
) -> Result<(), Fault> {
    for index in (start..items(cx.pod, at).len()).rev() {
        if items(cx.pod, at).get(index).is_some_and(&which) {
            cx.remove(&at.child(index), span)?;
        }
    }
    Ok(())
}
