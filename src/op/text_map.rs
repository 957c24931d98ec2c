//! Labels, annotations and node selectors: objects whose values are all text.

use super::shapes::{Object, filled, scalar_text};
use super::{Compiler, OpContext};
use crate::diagnostic::{Code, Fault, Span, fault};
use crate::edit::{Pointer, kind_of, merge_patch};
use crate::expr::ValueExpr;
use crate::pod::names;
use crate::source::Kind;
use serde_json::Value;

/// What an entry may be. The error says what is wrong with it.
type Check = fn(&str, Option<&str>) -> Result<(), Wrong>;

/// What is wrong with an entry: the code, the message, and what to do.
pub type Wrong = (Code, String, Option<&'static str>);

/// A compiled object of texts.
#[derive(Debug)]
pub struct TextMap {
    /// A constant has its values as text already.
    entries: ValueExpr,
    check: Check,
    span: Span,
}

impl TextMap {
    /// Compiles it, and checks the entries that hold no expression.
    pub fn compile(written: &Object, check: Check, compiler: &mut Compiler<'_>) -> Option<Self> {
        let mut entries = written.compile(&[], compiler)?;
        let mut right = true;
        if let Kind::Map(nodes) = &written.0.kind {
            for (key, value) in nodes {
                // What is yet to be filled in passes as text; its check comes at run time.
                let open = |text: &str| compiler.language.is_some() && text.contains("${");
                if open(&key.value) || value.as_str().is_some_and(open) {
                    continue;
                }
                if let Err((code, message, help)) = entry(&key.value, &value.to_value(), check) {
                    let span = if code == Code::WrongType { value.span } else { key.span };
                    let mut diagnostic = fault(code, message, span);
                    diagnostic.help = help.map(str::to_owned);
                    compiler.found.push(*diagnostic);
                    right = false;
                }
            }
        }
        if let (ValueExpr::Constant(Value::Object(map)), true) = (&mut entries, right) {
            map.values_mut().for_each(textify);
        }
        right.then_some(TextMap { entries, check, span: written.0.span })
    }

    /// Sets the entries in the object at `at`, which is made if it is absent; a null removes one.
    pub fn apply(&self, cx: &mut OpContext<'_>, at: &Pointer) -> Result<(), Fault> {
        let mut entries = filled(cx, &self.entries)?;
        if self.entries.constant().is_none() {
            let Value::Object(map) = entries.to_mut() else {
                let message = format!("expected an object, and it came out as {}", kind_of(&entries));
                return Err(fault(Code::ExpressionFailed, message, self.span));
            };
            for (key, value) in map.iter() {
                entry(key, value, self.check).map_err(|(code, message, help)| {
                    let mut error = fault(code, message, self.span);
                    error.help = help.map(str::to_owned);
                    error
                })?;
            }
            map.values_mut().for_each(textify);
        }
        merge(cx, at, &entries, self.span)
    }
}

fn entry(key: &str, value: &Value, check: Check) -> Result<(), Wrong> {
    match scalar_text(value) {
        Some(text) => check(key, Some(&text)),
        None if value.is_null() => check(key, None),
        None => Err((Code::WrongType, format!("`{key}` is {}, not text", kind_of(value)), None)),
    }
}

fn textify(value: &mut Value) {
    if let Value::Number(_) | Value::Bool(_) = value
        && let Some(text) = scalar_text(value)
    {
        *value = Value::String(text.into_owned());
    }
}

/// The check of a label's entry.
pub fn label(key: &str, value: Option<&str>) -> Result<(), Wrong> {
    let Some(value) = value else {
        return Err((Code::WrongType, format!("the label `{key}` is null"), Some("`remove` removes one")));
    };
    selector(key, Some(value))
}

/// The check of a node selector's entry; null stands for removing it.
pub fn selector(key: &str, value: Option<&str>) -> Result<(), Wrong> {
    if !names::is_label_key(key) {
        return Err((Code::BadName, format!("`{key}` can't be the key of a label"), None));
    }
    if let Some(value) = value.filter(|value| !names::is_label_value(value)) {
        let message = format!("`{value}` can't be the value of a label: up to 63 letters, digits, `-`, `_` and `.`");
        return Err((Code::BadName, message, Some("label(…) makes a valid one of any text")));
    }
    Ok(())
}

/// The check of an annotation's entry.
pub fn annotation(key: &str, value: Option<&str>) -> Result<(), Wrong> {
    if value.is_none() {
        return Err((Code::WrongType, format!("the annotation `{key}` is null"), Some("`remove` removes one")));
    }
    // Kubernetes looks at the key of an annotation in lower case.
    match names::is_label_key(&key.to_ascii_lowercase()) {
        true => Ok(()),
        false => Err((Code::BadName, format!("`{key}` can't be the key of an annotation"), None)),
    }
}

/// Merges an object into the one at `at`, which is made if it is absent; a null removes a key.
pub fn merge(cx: &mut OpContext<'_>, at: &Pointer, patch: &Value, span: Span) -> Result<(), Fault> {
    let absent = !matches!(cx.pod.get(at), Some(Value::Object(_)));
    // Removing from nothing makes nothing.
    if absent && says_nothing(patch) {
        return Ok(());
    }
    merge_patch::apply(cx.pod, at, patch).map_err(|error| super::host::edit_fault(&error, span))
}

fn says_nothing(patch: &Value) -> bool {
    match patch {
        Value::Null => true,
        Value::Object(map) => map.values().all(says_nothing),
        _ => false,
    }
}
