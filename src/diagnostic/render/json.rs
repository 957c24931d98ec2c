//! Diagnostics as JSON: a list of objects whose keys never change their meaning.
//!
//! | key | |
//! |---|---|
//! | `code` | one of docs/errors.md |
//! | `severity` | `error`, `warning` or `note` |
//! | `message` | what is wrong |
//! | `help`, `rule` | what to do, and the rule concerned; left out if there is none |
//! | `detail` | more lines, such as a Python traceback; left out if there are none |
//! | `file`, `line`, `column`, `endLine`, `endColumn` | the place, counting from 1, columns in Unicode code points, the end exclusive; left out if there is none |
//! | `label` | a few words on the place; left out if there are none |
//! | `related` | other places: `file`, `line`, `column`, `message`; those without a text that was read have `message` only |

use super::Place;
use crate::diagnostic::{Diagnostic, Label, Sources};
use serde_json::{Map, Value, json};

/// The diagnostics as a JSON list.
pub fn json(diagnostics: &[Diagnostic], sources: &Sources) -> Value {
    diagnostics.iter().map(|diagnostic| one(diagnostic, sources)).collect()
}

fn one(diagnostic: &Diagnostic, sources: &Sources) -> Value {
    let mut out = Map::new();
    let mut put = |key: &str, value: Value| out.insert(key.to_owned(), value);
    put("code", diagnostic.code.as_str().into());
    put("severity", diagnostic.severity.word().into());
    put("message", diagnostic.message.as_str().into());
    if let Some(help) = &diagnostic.help {
        put("help", help.as_str().into());
    }
    if let Some(detail) = &diagnostic.detail {
        put("detail", detail.as_str().into());
    }
    if let Some(rule) = &diagnostic.rule {
        put("rule", rule.as_str().into());
    }
    if let Some(place) = Place::primary(sources, diagnostic) {
        put("file", place.file.into());
        put("line", place.line.into());
        put("column", place.column.into());
        put("endLine", place.end_line.into());
        put("endColumn", place.end_column.into());
    }
    if let Some(label) = diagnostic.primary.as_ref().filter(|label| !label.text.is_empty()) {
        put("label", label.text.as_str().into());
    }
    put("related", diagnostic.related.iter().map(|label| related(label, sources)).collect());
    Value::Object(out)
}

fn related(label: &Label, sources: &Sources) -> Value {
    match Place::of(sources, label.span) {
        Some(place) => {
            json!({"file": place.file, "line": place.line, "column": place.column, "message": label.text})
        }
        None => json!({"message": label.text}),
    }
}
