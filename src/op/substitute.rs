//! `substitute`: replaces literal placeholders.

use super::compiler::{Compiler, Function, Parameters};
use super::context::OpContext;
use super::context::outermost;
use super::operation::Operation;
use super::replace::{MAX_TEXT, MAX_TEXTS};
use crate::diagnostic::{Code, Diagnostic, Fault, Span, fault};
use crate::edit::Pointer;
use crate::expr::ValueExpr;
use crate::path::Path;
use crate::read::{Read, wrong};
use crate::source::{Kind, Node, Style, Text};
use crate::{record, schema};
use aho_corasick::{AhoCorasick, MatchKind};
use serde_json::{Map, Value};
use std::cell::Cell;

record! {
    /// Replaces literal placeholders by values, in all texts and keys of the Pod or of the matches of `path`. Of two
    /// placeholders at the same position, the longer one counts; values are not searched for placeholders. It is a warning
    /// if no placeholder is found.
    ///
    /// ```yaml
    /// - substitute: {tokens: {PVC_NAME: "${pod_name}"}}
    /// ```
    pub struct Substitute as "substitute" {
        /// The placeholders, each with the text, number or boolean that replaces it.
        required tokens: Tokens = "tokens",
        /// A JSONPath; the entire Pod by default.
        optional path: Option<Text> = "path",
        /// Whether a path may match nothing.
        optional optional: bool = "optional",
    }
}

/// Placeholders with their values.
#[derive(Debug, Clone)]
pub struct Tokens(Vec<(Text, Node)>, Span);

impl Read for Tokens {
    fn read(node: &Node, found: &mut crate::diagnostic::Diagnostics) -> Option<Self> {
        match &node.kind {
            Kind::Map(entries) if !entries.is_empty() => Some(Tokens(entries.clone(), node.span)),
            Kind::Map(_) => {
                let empty = Diagnostic::new(Code::BadValue, "`tokens` is empty").at(node.span);
                found.push(empty.help("write each placeholder with its value: {PVC_NAME: \"${pod_name}\"}"));
                None
            }
            _ => wrong(node, "an object of placeholders and texts", found),
        }
    }
}

schema!(inline Tokens, {
    "type": "object",
    "minProperties": 1,
    "additionalProperties": {"type": ["string", "number", "boolean"]}
});

impl Parameters for Substitute {
    const FUNCTION: Option<Function> = Some(("substitute", &["tokens", "path"]));

    fn compile(self, compiler: &mut Compiler<'_>) -> Option<Box<dyn Operation>> {
        let Tokens(entries, span) = self.tokens;
        let whole = || Text { span, value: "$".to_owned(), style: Style::Made };
        let written = self.path.unwrap_or_else(whole);
        let path = compiler.path(&written);
        let mut values = Vec::with_capacity(entries.len());
        let mut valid = true;
        for (token, value) in &entries {
            if token.value.is_empty() {
                compiler.error(Code::BadValue, "a placeholder is empty", token.span);
                valid = false;
            }
            if !matches!(value.kind, Kind::String(_) | Kind::Number(_) | Kind::Bool(_)) {
                let message =
                    format!("a placeholder's value must be text, a number or a boolean, not {}", value.kind_name());
                compiler.error(Code::WrongType, message, value.span);
                valid = false;
            }
            match compiler.value(value) {
                Some(template) => values.push((template, value.span)),
                None => valid = false,
            }
        }
        let names: Vec<String> = entries.iter().map(|(token, _)| token.value.clone()).collect();
        let finder = AhoCorasick::builder().match_kind(MatchKind::LeftmostLongest).build(&names);
        let finder = match finder {
            Ok(finder) => finder,
            Err(error) => {
                compiler.error(Code::LimitExceeded, error.to_string(), span);
                return None;
            }
        };
        let path = path.filter(|_| valid)?;
        Some(Box::new(SubstituteOp { finder, names, values, path, optional: self.optional, written, span }))
    }
}

#[derive(Debug)]
struct SubstituteOp {
    finder: AhoCorasick,
    names: Vec<String>,
    values: Vec<(ValueExpr, Span)>,
    path: Path,
    optional: bool,
    written: Text,
    span: Span,
}

/// The values of the placeholders, and the size of the texts written so far.
struct Values {
    texts: Vec<String>,
    written: Cell<usize>,
}

impl Operation for SubstituteOp {
    fn apply(&self, cx: &mut OpContext<'_>) -> Result<(), Fault> {
        let texts = self.values.iter().map(|(value, span)| cx.text(value, *span)).collect::<Result<_, _>>()?;
        let values = Values { texts, written: Cell::new(0) };
        let mut found = false;
        // A match inside another is handled with the outer one, so that nothing is replaced twice.
        let places = outermost(cx.select(&self.path, &self.written, self.optional)?);
        if places.is_empty() {
            return Ok(());
        }
        for place in places {
            let mut edits = Vec::new();
            if let Some(value) = cx.pod.get(&place) {
                self.plan(value, &mut place.clone(), &values, &mut edits)?;
            }
            found |= !edits.is_empty();
            for (at, value) in edits {
                cx.set(&at, value, self.written.span)?;
            }
        }
        if !found {
            let names = self.names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
            let message = format!("substitute found none of {names}");
            cx.warnings.push(Diagnostic::new(Code::NothingSubstituted, message).at(self.span));
        }
        Ok(())
    }
}

impl SubstituteOp {
    fn fill(&self, text: &str, values: &Values) -> Result<Option<String>, Fault> {
        if !self.finder.is_match(text) {
            return Ok(None);
        }
        let mut out = String::with_capacity(text.len());
        let mut last = 0;
        for hit in self.finder.find_iter(text) {
            out.push_str(&text[last..hit.start()]);
            out.push_str(&values.texts[hit.pattern().as_usize()]);
            last = hit.end();
            if out.len() > MAX_TEXT {
                return Err(fault(Code::LimitExceeded, "a text would become larger than 1 MiB", self.span));
            }
        }
        out.push_str(&text[last..]);
        values.written.set(values.written.get() + out.len());
        if values.written.get() > MAX_TEXTS {
            return Err(fault(Code::LimitExceeded, "the texts would become larger than 16 MiB in total", self.span));
        }
        Ok(Some(out))
    }

    /// Collects the changes at and below a place: texts one by one, but an object with a placeholder in a key as one
    /// change, so that its keys keep their order.
    fn plan(
        &self,
        value: &Value,
        at: &mut Pointer,
        values: &Values,
        edits: &mut Vec<(Pointer, Value)>,
    ) -> Result<(), Fault> {
        match value {
            Value::String(text) => {
                if let Some(new) = self.fill(text, values)? {
                    edits.push((at.clone(), Value::String(new)));
                }
            }
            Value::Array(list) => {
                for (index, item) in list.iter().enumerate() {
                    at.push(index);
                    self.plan(item, at, values, edits)?;
                    at.pop();
                }
            }
            Value::Object(map) if map.keys().any(|key| self.finder.is_match(key)) => {
                edits.push((at.clone(), self.replaced(value, values)?));
            }
            Value::Object(map) => {
                for (key, item) in map {
                    at.push(key.as_str());
                    self.plan(item, at, values, edits)?;
                    at.pop();
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn replaced(&self, value: &Value, values: &Values) -> Result<Value, Fault> {
        Ok(match value {
            Value::String(text) => Value::String(self.fill(text, values)?.unwrap_or_else(|| text.clone())),
            Value::Array(list) => {
                Value::Array(list.iter().map(|v| self.replaced(v, values)).collect::<Result<_, _>>()?)
            }
            Value::Object(map) => {
                let mut out = Map::with_capacity(map.len());
                for (key, item) in map {
                    let name = self.fill(key, values)?.unwrap_or_else(|| key.clone());
                    if out.insert(name.clone(), self.replaced(item, values)?).is_some() {
                        return Err(fault(Code::OperationFailed, format!("two keys become `{name}`"), self.span));
                    }
                }
                Value::Object(out)
            }
            other => other.clone(),
        })
    }
}
