//! Diagnostics as [SARIF 2.1.0](https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html), which code
//! scanning services read.

use super::Place;
use crate::diagnostic::{Code, Diagnostic, Severity, Sources};
use serde_json::{Map, Value, json};

/// All diagnostics as one SARIF log of one run.
pub fn sarif(diagnostics: &[Diagnostic], sources: &Sources) -> Value {
    json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": {"driver": {
                "name": "podrules",
                "version": env!("CARGO_PKG_VERSION"),
                "rules": Code::ALL.iter().map(|code| rule(*code)).collect::<Value>(),
            }},
            "columnKind": "unicodeCodePoints",
            "results": diagnostics.iter().map(|diagnostic| result(diagnostic, sources)).collect::<Value>(),
        }],
    })
}

fn rule(code: Code) -> Value {
    json!({
        "id": code.as_str(),
        "shortDescription": {"text": code.meaning()},
        "defaultConfiguration": {"level": level(code.severity())},
    })
}

fn level(severity: Severity) -> &'static str {
    severity.word()
}

fn result(diagnostic: &Diagnostic, sources: &Sources) -> Value {
    let mut text = diagnostic.message.clone();
    if let Some(label) = diagnostic.primary.as_ref().filter(|label| !label.text.is_empty()) {
        text = format!("{text}: {}", label.text);
    }
    if let Some(help) = &diagnostic.help {
        text = format!("{text}\n{help}");
    }
    let mut out = Map::new();
    let mut put = |key: &str, value: Value| out.insert(key.to_owned(), value);
    put("ruleId", diagnostic.code.as_str().into());
    if let Some(index) = Code::ALL.iter().position(|code| *code == diagnostic.code) {
        put("ruleIndex", index.into());
    }
    put("level", level(diagnostic.severity).into());
    put("message", message(&text));
    if let Some(place) = Place::primary(sources, diagnostic) {
        put("locations", json!([{"physicalLocation": physical(&place)}]));
    }
    let related: Vec<Value> = (diagnostic.related.iter())
        .filter_map(|label| Some((Place::of(sources, label.span)?, &label.text)))
        .enumerate()
        .map(|(id, (place, text))| match text.as_str() {
            "" => json!({"id": id, "physicalLocation": physical(&place)}),
            text => json!({"id": id, "physicalLocation": physical(&place), "message": message(text)}),
        })
        .collect();
    if !related.is_empty() {
        put("relatedLocations", related.into());
    }
    if let Some(rule) = &diagnostic.rule {
        put("properties", json!({"rule": rule}));
    }
    Value::Object(out)
}

/// A message in plain text, where a brace alone would begin a placeholder (3.11.5).
fn message(text: &str) -> Value {
    json!({"text": text.replace('{', "{{").replace('}', "}}")})
}

fn physical(place: &Place<'_>) -> Value {
    json!({
        "artifactLocation": {"uri": uri(place.file)},
        "region": {
            "startLine": place.line,
            "startColumn": place.column,
            "endLine": place.end_line,
            "endColumn": place.end_column,
        },
    })
}

/// A path as a URI reference: relative to where podrules was started, or with `file://` if it is absolute.
fn uri(path: &str) -> String {
    let mut out = String::from(if path.starts_with('/') { "file://" } else { "" });
    let path = if cfg!(windows) { path.replace('\\', "/") } else { path.to_owned() };
    for byte in path.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~/!$&'()*+,;=@".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}
