//! Reads JSON; duplicate keys, numbers that don't fit into 64 bits and deep nesting are errors with their places.

use crate::diagnostic::{Code, Diagnostic, FileId, Sources, Span};
use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};
use std::fmt;

/// Reads a JSON document ([RFC 8259](https://www.rfc-editor.org/rfc/rfc8259)).
///
/// # Errors
/// The first mistake, at its place.
pub fn read(sources: &Sources, file: FileId) -> Result<Value, Diagnostic> {
    let text = sources.text(file);
    if let Some((start, end)) = integer_beyond_64_bits(text) {
        return Err(Diagnostic::new(Code::Json, "a number that doesn't fit into 64 bits")
            .at(Span::new(file, start, end))
            .help("write it as a string if it is an id"));
    }
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let read = Unique.deserialize(&mut deserializer).and_then(|value| deserializer.end().map(|()| value));
    read.map_err(|error| {
        let line_start = text.split_inclusive('\n').take(error.line().saturating_sub(1)).map(str::len).sum::<usize>();
        let at = (line_start + error.column().saturating_sub(1)).min(text.len());
        let message = error.to_string();
        let message = message.split(" at line ").next().unwrap_or(&message).to_owned();
        Diagnostic::new(Code::Json, format!("this is not valid JSON: {message}")).at(Span::new(file, at, at + 1))
    })
}

/// The first integer outside strings that fits neither `i64` nor `u64`: serde_json would round it silently.
fn integer_beyond_64_bits(text: &str) -> Option<(usize, usize)> {
    let bytes = text.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        match bytes[at] {
            b'"' => {
                at += 1;
                while at < bytes.len() && bytes[at] != b'"' {
                    at += if bytes[at] == b'\\' { 2 } else { 1 };
                }
                at += 1;
            }
            b'0'..=b'9' | b'-' => {
                let start = at;
                while at < bytes.len() && matches!(bytes[at], b'0'..=b'9' | b'-' | b'+' | b'.' | b'e' | b'E') {
                    at += 1;
                }
                let token = text.get(start..at).unwrap_or("");
                let whole = token.trim_start_matches('-').bytes().all(|b| b.is_ascii_digit());
                if token.len() > 18 && whole && token.parse::<u64>().is_err() && token.parse::<i64>().is_err() {
                    return Some((start, at));
                }
            }
            _ => at += 1,
        }
    }
    None
}

/// Reads any value and refuses duplicate keys.
struct Unique;

impl<'de> DeserializeSeed<'de> for Unique {
    type Value = Value;
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Unique {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Number::from_f64(value).map_or(Value::Null, Value::Number))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(Value::String(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(value) = seq.next_element_seed(Unique)? {
            list.push(value);
        }
        Ok(Value::Array(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
        let mut map = Map::new();
        while let Some(key) = access.next_key::<String>()? {
            let value = access.next_value_seed(Unique)?;
            if map.contains_key(&key) {
                return Err(serde::de::Error::custom(format!("duplicate key `{key}`")));
            }
            map.insert(key, value);
        }
        Ok(Value::Object(map))
    }
}
