//! JSON Schemas of what is read.

use crate::source::{Node, Text};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde_json::Value;
use std::borrow::Cow;

impl JsonSchema for Text {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> Cow<'static, str> {
        "Text".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "string"})
    }
}

impl JsonSchema for Node {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> Cow<'static, str> {
        "Any".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({})
    }
}

/// The schema of a mapping: what it is, and its keys with whether each is required, its schema and its description.
pub fn object_schema(about: &str, keys: Vec<(&str, bool, Schema, &str)>) -> Schema {
    let clean = |text: &str| text.lines().map(str::trim).collect::<Vec<_>>().join("\n").trim().to_owned();
    let required: Vec<&str> = keys.iter().filter(|(_, required, ..)| *required).map(|(key, ..)| *key).collect();
    let properties: serde_json::Map<String, Value> = keys
        .iter()
        .map(|(key, _, schema, doc)| {
            let mut schema = schema.clone();
            schema.ensure_object().insert("description".into(), clean(doc).into());
            ((*key).to_owned(), schema.to_value())
        })
        .collect();
    json_schema!({
        "description": clean(about),
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": false
    })
}
