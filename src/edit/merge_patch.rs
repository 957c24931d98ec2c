//! JSON Merge Patch ([RFC 7386](https://www.rfc-editor.org/rfc/rfc7386)), recorded key by key.

use super::{EditError, Editor, Pointer};
use serde_json::{Map, Value};

/// Merges `patch` into the value at `at`, creating what is missing on the way. Only the keys that change are
/// recorded. A null in the patch removes the key. Recurses as deep as both patch and document nest.
///
/// # Errors
/// If an edit exceeds a limit, or something on the way to `at` is neither an object nor a list.
pub fn apply(editor: &mut Editor, at: &Pointer, patch: &Value) -> Result<(), EditError> {
    match patch {
        Value::Object(patch) if editor.get(at).is_some_and(Value::is_object) => merge(editor, &mut at.clone(), patch),
        other => editor.set_creating(at, without_nulls(other)),
    }
}

/// Merges into an object that exists.
fn merge(editor: &mut Editor, at: &mut Pointer, patch: &Map<String, Value>) -> Result<(), EditError> {
    for (key, value) in patch {
        at.push(key.as_str());
        let found = editor.get(at);
        let done = match (value, found) {
            (Value::Null, None) => Ok(()),
            (Value::Null, Some(_)) => editor.remove(at),
            (Value::Object(inner), Some(Value::Object(_))) => merge(editor, at, inner),
            _ => editor.set(at, without_nulls(value)),
        };
        at.pop();
        done?;
    }
    Ok(())
}

/// The value of a patch that is merged into nothing: nulls in its objects are dropped, those in lists stay.
fn without_nulls(patch: &Value) -> Value {
    match patch {
        Value::Object(map) => {
            let kept = map.iter().filter(|(_, value)| !value.is_null());
            Value::Object(kept.map(|(key, value)| (key.clone(), without_nulls(value))).collect())
        }
        other => other.clone(),
    }
}
