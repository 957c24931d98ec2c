//! JSON values as Rhai's.

use rhai::{Dynamic, ImmutableString, Map};
use serde_json::Value;

/// Copies a JSON value into Rhai's own arrays and maps, which a script may change freely.
pub fn from_value(value: &Value) -> Dynamic {
    match value {
        Value::Array(list) => Dynamic::from_array(list.iter().map(from_value).collect()),
        Value::Object(map) => {
            Dynamic::from_map(map.iter().map(|(k, v)| (k.as_str().into(), from_value(v))).collect::<Map>())
        }
        scalar => scalar_from(scalar),
    }
}

/// Converts a scalar; null, lists and objects give `()`.
pub(super) fn scalar_from(value: &Value) -> Dynamic {
    match value {
        Value::Bool(b) => Dynamic::from_bool(*b),
        Value::String(s) => Dynamic::from(ImmutableString::from(s.as_str())),
        Value::Number(n) => match (n.as_i64(), n.as_f64()) {
            (Some(i), _) => Dynamic::from_int(i),
            (None, Some(f)) => Dynamic::from_float(f),
            (None, None) => Dynamic::UNIT,
        },
        _ => Dynamic::UNIT,
    }
}
