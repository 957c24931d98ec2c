//! Lists of the Pod whose elements have a name: found, replaced in place, added.

use crate::edit::{EditError, Editor, Pointer};
use serde_json::{Map, Value};

/// The elements of the list at a place; none where it is absent or null.
pub fn items<'e>(pod: &'e Editor, at: &Pointer) -> &'e [Value] {
    pod.get(at).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// Whether an element's key has this text. The key mostly comes first, and is found there without hashing.
pub fn is_named(item: &Value, key: &str, name: &str) -> bool {
    let Value::Object(map) = item else { return false };
    let value = match map.iter().next() {
        Some((first, value)) if first == key => Some(value),
        _ => map.get(key),
    };
    matches!(value, Some(Value::String(text)) if text == name)
}

/// An object's key and text.
pub fn named(key: &str, name: &str) -> Map<String, Value> {
    Map::from_iter([(key.to_owned(), Value::String(name.to_owned()))])
}

/// Replaces the first element for which `same` holds and removes the others, or adds one, at the list's start or end. An
/// absent list is made.
pub fn put(
    pod: &mut Editor,
    at: &Pointer,
    item: &Value,
    first: bool,
    same: impl Fn(&Value) -> bool,
) -> Result<(), EditError> {
    if !matches!(pod.get(at), Some(Value::Array(_))) {
        return match pod.get(at) {
            None | Some(Value::Null) => pod.set_creating(at, Value::Array(vec![item.clone()])),
            Some(_) => pod.ensure_list(at),
        };
    }
    let list = items(pod, at);
    let Some(place) = list.iter().position(&same) else {
        let end = if first { 0 } else { list.len() };
        return pod.insert(at, end, item.clone());
    };
    if list[place] != *item {
        pod.set(&at.child(place), item.clone())?;
    }
    remove_from(pod, at, place + 1, same).map(|_| ())
}

/// Removes the elements from `start` on for which `which` holds.
pub fn remove_from(
    pod: &mut Editor,
    at: &Pointer,
    start: usize,
    which: impl Fn(&Value) -> bool,
) -> Result<usize, EditError> {
    let mut removed = 0;
    for index in (start..items(pod, at).len()).rev() {
        if items(pod, at).get(index).is_some_and(&which) {
            pod.remove(&at.child(index))?;
            removed += 1;
        }
    }
    Ok(removed)
}
