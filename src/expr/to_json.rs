//! Rhai's values as JSON.

use super::handle::Handle;
use rhai::Dynamic;
use serde_json::{Number, Value};

/// The deepest nesting of a converted value: a deeper one could overflow the stack when it is freed.
const MAX_DEPTH: usize = 64;

/// Converts a Rhai value to JSON: a handle gives a copy of what is at its place, a quantity its text.
///
/// # Errors
/// A message, for functions and other values that JSON has no form for, and for nesting deeper than 64 levels.
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
        return Number::from_f64(f).map(Value::Number).ok_or_else(|| format!("{f} can't be written as a JSON number"));
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
    if let Some(handle) = value.read_lock::<Handle>() {
        return Ok(handle.snapshot());
    }
    if let Some(quantity) = value.read_lock::<crate::pod::quantity::Quantity>() {
        return Ok(Value::String(quantity.to_string()));
    }
    Err(format!("a value of type `{}` can't be written as JSON", value.type_name()))
}
