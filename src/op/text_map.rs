//! Labels, annotations and node selectors: objects whose values are all text.

use super::compiler::Compiler;
use super::context::OpContext;
use super::shapes::{Object, filled, scalar_text};
use crate::diagnostic::{Code, Fault, Span, fault};
use crate::edit::{Pointer, kind_of, merge_patch};
use crate::expr::ValueExpr;
use crate::pod::names;
use crate::source::Kind;
use serde_json::Value;

/// Checks an entry: its key, and its value unless that is null.
type Check = fn(&str, Option<&str>) -> Result<(), Wrong>;

/// What is wrong with an entry: the code, the message and the help.
pub type Wrong = (Code, String, Option<&'static str>);

/// A compiled object whose values are text.
#[derive(Debug)]
pub struct TextMap {
    /// The values of a constant are text already.
    entries: ValueExpr,
    check: Check,
    span: Span,
}

impl TextMap {
    /// Compiles an object, and checks the entries that contain no expression.
    pub fn compile(written: &Object, check: Check, compiler: &mut Compiler<'_>) -> Option<Self> {
        let mut entries = written.compile(&[], compiler)?;
        let mut valid = true;
        if let Kind::Map(nodes) = &written.0.kind {
            for (key, value) in nodes {
                // The results of expressions are checked when the rule runs.
                let open = |text: &str| compiler.language.is_some() && text.contains("${");
                if open(&key.value) || value.as_str().is_some_and(open) {
                    continue;
                }
                if let Err((code, message, help)) = entry(&key.value, &value.to_value(), check) {
                    let span = if code == Code::WrongType { value.span } else { key.span };
                    let mut diagnostic = fault(code, message, span);
                    diagnostic.help = help.map(str::to_owned);
                    compiler.found.push(*diagnostic);
                    valid = false;
                }
            }
        }
        if let (ValueExpr::Constant(Value::Object(map)), true) = (&mut entries, valid) {
            map.values_mut().for_each(textify);
        }
        valid.then_some(TextMap { entries, check, span: written.0.span })
    }

    /// Sets the entries in the object at `at`, which is created if it is absent; a null removes an entry.
    ///
    /// # Errors
    /// An expression fails or gives an entry that isn't allowed, or the edit doesn't fit the Pod.
    pub fn apply(&self, cx: &mut OpContext<'_>, at: &Pointer) -> Result<(), Fault> {
        let mut entries = filled(cx, &self.entries)?;
        if self.entries.constant().is_none() {
            let Value::Object(map) = entries.to_mut() else {
                let message = format!("expected an object, but the expression gives {}", kind_of(&entries));
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
        None => Err((Code::WrongType, format!("`{key}` must be text, not {}", kind_of(value)), None)),
    }
}

fn textify(value: &mut Value) {
    if let Value::Number(_) | Value::Bool(_) = value
        && let Some(text) = scalar_text(value)
    {
        *value = Value::String(text.into_owned());
    }
}

/// Checks a label.
pub fn label(key: &str, value: Option<&str>) -> Result<(), Wrong> {
    let Some(value) = value else {
        return Err((
            Code::WrongType,
            format!("the label `{key}` is null"),
            Some("to remove it, use the operation `remove`"),
        ));
    };
    selector(key, Some(value))
}

/// Checks an entry of a node selector; a null removes the entry.
pub fn selector(key: &str, value: Option<&str>) -> Result<(), Wrong> {
    if !names::is_label_key(key) {
        return Err((Code::BadName, format!("`{key}` is not a valid label key"), None));
    }
    if let Some(value) = value.filter(|value| !names::is_label_value(value)) {
        let message = format!("`{value}` is not a valid label value: up to 63 letters, digits, `-`, `_` and `.`");
        return Err((Code::BadName, message, Some("`label(…)` turns any text into a valid one")));
    }
    Ok(())
}

/// Checks an annotation.
pub fn annotation(key: &str, value: Option<&str>) -> Result<(), Wrong> {
    if value.is_none() {
        return Err((
            Code::WrongType,
            format!("the annotation `{key}` is null"),
            Some("to remove it, use the operation `remove`"),
        ));
    }
    // Kubernetes checks the key of an annotation in lower case.
    match names::is_label_key(&key.to_ascii_lowercase()) {
        true => Ok(()),
        false => Err((Code::BadName, format!("`{key}` is not a valid annotation key"), None)),
    }
}

/// Merges an object into the one at `at`, which is created if it is absent; a null removes a key.
///
/// # Errors
/// The edit doesn't fit the Pod, or makes it too large.
pub fn merge(cx: &mut OpContext<'_>, at: &Pointer, patch: &Value, span: Span) -> Result<(), Fault> {
    let absent = !matches!(cx.pod.get(at), Some(Value::Object(_)));
    // A patch that only removes must not create the object.
    if absent && only_removes(patch) {
        return Ok(());
    }
    cx.edit(span, |pod| merge_patch::apply(pod, at, patch))
}

fn only_removes(patch: &Value) -> bool {
    match patch {
        Value::Null => true,
        Value::Object(map) => map.values().all(only_removes),
        _ => false,
    }
}
