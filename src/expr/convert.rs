//! JSON values to Rhai's and back.

use super::json::Json;
use rhai::{Dynamic, ImmutableString, Map};
use serde_json::{Number, Value};

/// Nesting that a script's value may have: deeper ones could not be freed safely, and no Pod needs them.
const MAX_DEPTH: usize = 64;

/// A JSON value as Rhai's own: for values that a script may change as it likes.
pub fn from_value(value: &Value) -> Dynamic {
    match value {
        Value::Array(list) => Dynamic::from_array(list.iter().map(from_value).collect()),
        Value::Object(map) => {
            Dynamic::from_map(map.iter().map(|(k, v)| (k.as_str().into(), from_value(v))).collect::<Map>())
        }
        scalar => scalar_from(scalar),
    }
}

/// A scalar as Rhai's own; lists and objects give `()`.
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

/// Rhai's value as JSON. Functions and other things that JSON has no form for are an error.
pub fn to_value(value: &Dynamic) -> Result<Value, String> {
    convert(value, 0)
}

fn convert(value: &Dynamic, depth: usize) -> Result<Value, String> {
    if depth > MAX_DEPTH {
        return Err(format!("a value nested deeper than {MAX_DEPTH} levels"));
    }
    if value.is_unit() {
        return Ok(Value::Null);
    }
    if let Ok(b) = value.as_bool() {
        return Ok(Value::Bool(b));
    }
    if let Ok(i) = value.as_int() {
        return Ok(Value::from(i));
    }
    if let Ok(f) = value.as_float() {
        return Number::from_f64(f).map(Value::Number).ok_or_else(|| format!("{f} is not a number that JSON has"));
    }
    if let Ok(text) = value.as_immutable_string_ref() {
        return Ok(Value::String(text.to_string()));
    }
    if let Ok(c) = value.as_char() {
        return Ok(Value::String(c.to_string()));
    }
    if let Ok(list) = value.as_array_ref() {
        return list.iter().map(|item| convert(item, depth + 1)).collect::<Result<_, _>>().map(Value::Array);
    }
    if let Ok(map) = value.as_map_ref() {
        let entries = map.iter().map(|(k, v)| convert(v, depth + 1).map(|v| (k.to_string(), v)));
        return entries.collect::<Result<_, _>>().map(Value::Object);
    }
    if let Some(json) = value.read_lock::<Json>() {
        return Ok(json.snapshot());
    }
    if let Some(quantity) = value.read_lock::<crate::pod::quantity::Quantity>() {
        return Ok(Value::String(quantity.to_string()));
    }
    Err(format!("a {} has no form in a Pod", value.type_name()))
}
