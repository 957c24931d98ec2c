//! JSON Schemas of what is read.

use crate::diagnostic::{Diagnostics, Sources};
use crate::schema;
use crate::source::{Node, Text, yaml};
use schemars::{Schema, json_schema};
use serde_json::{Map, Value};

schema!(inline Text, {"type": "string"});
schema!(inline Node, {});

/// The schema of a mapping: its name, its doc comment, and its keys, each with whether it is required, its schema and
/// its doc comment.
pub fn object_schema(name: &str, about: &str, keys: Vec<(&str, bool, Schema, &str)>) -> Schema {
    let required: Vec<&str> = keys.iter().filter(|(_, required, ..)| *required).map(|(key, ..)| *key).collect();
    let properties: Map<String, Value> = keys
        .iter()
        .map(|(key, _, schema, doc)| {
            let mut schema = schema.clone();
            schema.insert("description".into(), outdented(doc).into());
            ((*key).to_owned(), schema.to_value())
        })
        .collect();
    let (description, examples) = examples(name, &outdented(about));
    let mut schema = json_schema!({
        "description": description,
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": false
    });
    if !examples.is_empty() {
        schema.insert("examples".into(), examples.into());
    }
    schema
}

/// The schema of a mapping, or of the text of one of its keys alone.
pub fn object_or_text(mut object: Schema, key: &str) -> Schema {
    let mut text = object.pointer(&format!("/properties/{key}")).cloned().unwrap_or_default();
    let mut schema = Schema::default();
    for about in ["description", "examples"] {
        if let Some(value) = object.as_object_mut().and_then(|object| object.shift_remove(about)) {
            schema.insert(about.into(), value);
        }
        text.as_object_mut().and_then(|text| text.shift_remove(about));
    }
    schema.insert("anyOf".into(), Value::Array(vec![text, object.to_value()]));
    schema
}

/// A doc comment without the indentation that all of its lines have, and without empty lines around it.
fn outdented(doc: &str) -> String {
    let filled = doc.lines().filter(|line| !line.trim().is_empty());
    let indent = filled.map(|line| line.len() - line.trim_start().len()).min().unwrap_or(0);
    let lines = doc.lines().map(|line| line.get(indent..).unwrap_or_default().trim_end());
    lines.collect::<Vec<_>>().join("\n").trim().to_owned()
}

/// The text without its blocks of YAML, and the values that those blocks, lists of `name: value`, show. A block that
/// shows none stays in the text.
fn examples(name: &str, text: &str) -> (String, Vec<Value>) {
    let (mut prose, mut examples) = (Vec::new(), Vec::new());
    for (number, part) in text.split("```").enumerate() {
        let shown = match (number % 2, part.strip_prefix("yaml\n")) {
            (1, Some(block)) => shown(name, block),
            _ => Vec::new(),
        };
        match (number % 2, shown.is_empty()) {
            (0, _) => prose.push(part.trim().to_owned()),
            (_, true) => prose.push(format!("```{part}```")),
            (_, false) => examples.extend(shown),
        }
    }
    prose.retain(|part| !part.is_empty());
    (prose.join("\n\n"), examples)
}

fn shown(name: &str, block: &str) -> Vec<Value> {
    let mut sources = Sources::new();
    let file = sources.add(name, block);
    let mut found = Diagnostics::new();
    let documents = yaml::read(&sources, file, &mut found);
    let elements = documents.iter().flat_map(Node::items);
    elements.filter(|_| !found.has_errors()).filter_map(|element| Some(element.get(name)?.to_value())).collect()
}
