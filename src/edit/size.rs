//! The size and the depth of values, and numbers of elements in words.

use serde_json::Value;

/// The approximate memory that a value takes, in bytes.
pub fn weight(value: &Value) -> usize {
    size_of::<Value>()
        + match value {
            Value::String(text) => text.len(),
            Value::Array(list) => list.iter().map(weight).sum(),
            Value::Object(map) => map.iter().map(|(key, value)| key.len() + size_of::<String>() + weight(value)).sum(),
            _ => 0,
        }
}

/// Whether a value nests at most `levels` deep.
pub(super) fn fits(value: &Value, levels: usize) -> bool {
    match value {
        Value::Array(list) if levels > 0 => list.iter().all(|item| fits(item, levels - 1)),
        Value::Object(map) if levels > 0 => map.values().all(|item| fits(item, levels - 1)),
        Value::Array(_) | Value::Object(_) => false,
        _ => true,
    }
}

/// A number of list elements in words: `1 element`, `2 elements`.
pub(super) fn elements(count: usize) -> String {
    if count == 1 { "1 element".to_owned() } else { format!("{count} elements") }
}
