//! The part of a patch that becomes part of the Pod if there is nothing to merge with.

use super::PATCH;
use serde_json::{Map, Value};

/// A value of a patch without its directives and nulls; `None` if a directive deletes it.
pub(super) fn value(patch: &Value) -> Option<Value> {
    match patch {
        Value::Object(map) if map.get(PATCH).is_some_and(|word| word == "delete") => None,
        Value::Object(map) => Some(object(map)),
        Value::Array(items) => {
            Some(Value::Array(items.iter().filter(|item| !is_directive(item)).filter_map(value).collect()))
        }
        scalar => Some(scalar.clone()),
    }
}

/// An object of a patch without its directives and nulls.
pub(super) fn object(patch: &Map<String, Value>) -> Value {
    let fields = patch.iter().filter(|(key, value)| !key.starts_with('$') && !value.is_null());
    Value::Object(fields.filter_map(|(key, inner)| Some((key.clone(), value(inner)?))).collect())
}

/// Whether an element of a list is a directive for the list, and not an element to merge.
pub(super) fn is_directive(item: &Value) -> bool {
    item.get(PATCH).is_some()
}
