//! `substitute`: literal placeholders.

use super::host::{edit_fault, outermost};
use super::replace::MAX_TEXTS;
use super::{Compiler, OpContext, Operation, Parameters};
use crate::diagnostic::{Code, Diagnostic, Fault, Span, fault};
use crate::edit::Pointer;
use crate::expr::ValueExpr;
use crate::path::Path;
use crate::read::{Read, wrong};
use crate::record;
use crate::source::{Kind, Node, Style, Text};
use aho_corasick::{AhoCorasick, MatchKind};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde_json::{Map, Value};
use std::borrow::Cow;
use std::cell::Cell;

/// The largest text that may come out.
const MAX_TEXT: usize = 1 << 20;

record! {
    /// Puts values in place of literal placeholders, in all texts and keys of the Pod or of what `path` matches. Of two
    /// placeholders that fit, the longer one counts; what was put in is not looked at again. If none is found anywhere,
    /// that is a warning.
    ///
    /// ```yaml
    /// - substitute: {tokens: {PVC_NAME: "${pod_name}"}}
    /// ```
    pub struct Substitute as "substitute" {
        /// The placeholders, each with the text, number or boolean for it.
        required tokens: Tokens = "tokens",
        /// A JSONPath; the whole Pod if left out.
        optional path: Option<Text> = "path",
        /// Whether a path that matches nothing is fine.
        optional optional: bool = "optional",
    }
}

/// Placeholders and what stands for them.
#[derive(Debug, Clone)]
pub struct Tokens(Vec<(Text, Node)>, Span);

impl Read for Tokens {
    fn read(node: &Node, found: &mut crate::diagnostic::Diagnostics) -> Option<Self> {
        match &node.kind {
            Kind::Map(entries) if !entries.is_empty() => Some(Tokens(entries.clone(), node.span)),
            _ => wrong(node, "an object of placeholders and texts", found),
        }
    }
}

impl JsonSchema for Tokens {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> Cow<'static, str> {
        "Tokens".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "object", "minProperties": 1,
            "additionalProperties": {"type": ["string", "number", "boolean"]}
        })
    }
}

impl Parameters for Substitute {
    const NAME: &'static str = "substitute";
    const FUNCTION: Option<(&'static str, &'static [&'static str])> = Some(("substitute", &["tokens", "path"]));

    fn compile(self, compiler: &mut Compiler<'_>) -> Option<Box<dyn Operation>> {
        let Tokens(entries, span) = self.tokens;
        let whole = || Text { span, value: "$".to_owned(), style: Style::Made };
        let written = self.path.unwrap_or_else(whole);
        let path = compiler.path(&written);
        let mut values = Vec::with_capacity(entries.len());
        let mut right = true;
        for (token, value) in &entries {
            if token.value.is_empty() {
                compiler.error(Code::BadValue, "an empty placeholder", token.span);
                right = false;
            }
            if !matches!(value.kind, Kind::String(_) | Kind::Number(_) | Kind::Bool(_)) {
                let message = format!("a placeholder stands for text, and this is {}", value.kind_name());
                compiler.error(Code::WrongType, message, value.span);
                right = false;
            }
            match compiler.value(value) {
                Some(template) => values.push((template, value.span)),
                None => right = false,
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
        let path = path.filter(|_| right)?;
        Some(Box::new(Compiled { finder, names, values, path, optional: self.optional, written, span }))
    }
}

#[derive(Debug)]
struct Compiled {
    finder: AhoCorasick,
    names: Vec<String>,
    values: Vec<(ValueExpr, Span)>,
    path: Path,
    optional: bool,
    written: Text,
    span: Span,
}

/// What stands for the placeholders, and how much text was made of them.
struct Values {
    texts: Vec<String>,
    made: Cell<usize>,
}

impl Operation for Compiled {
    fn apply(&self, cx: &mut OpContext<'_>) -> Result<(), Fault> {
        let texts = self.values.iter().map(|(value, span)| cx.text(value, *span)).collect::<Result<_, _>>()?;
        let values = Values { texts, made: Cell::new(0) };
        let mut found = false;
        // What lies in another match is done with that: nothing is looked at twice.
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
                cx.pod.set(&at, value).map_err(|e| edit_fault(&e, self.written.span))?;
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

impl Compiled {
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
                return Err(fault(Code::LimitExceeded, "a text grows beyond 1 MiB", self.span));
            }
        }
        out.push_str(&text[last..]);
        values.made.set(values.made.get() + out.len());
        if values.made.get() > MAX_TEXTS {
            return Err(fault(Code::LimitExceeded, "the texts grow beyond 16 MiB", self.span));
        }
        Ok(Some(out))
    }

    /// The changes below a place: texts one by one; an object with a placeholder in a key is written whole, so that its
    /// keys keep their order.
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
                edits.push((at.clone(), self.whole(value, values)?));
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

    fn whole(&self, value: &Value, values: &Values) -> Result<Value, Fault> {
        Ok(match value {
            Value::String(text) => Value::String(self.fill(text, values)?.unwrap_or_else(|| text.clone())),
            Value::Array(list) => Value::Array(list.iter().map(|v| self.whole(v, values)).collect::<Result<_, _>>()?),
            Value::Object(map) => {
                let mut out = Map::with_capacity(map.len());
                for (key, item) in map {
                    let name = self.fill(key, values)?.unwrap_or_else(|| key.clone());
                    if out.insert(name.clone(), self.whole(item, values)?).is_some() {
                        return Err(fault(Code::OperationFailed, format!("two keys become `{name}`"), self.span));
                    }
                }
                Value::Object(out)
            }
            other => other.clone(),
        })
    }
}
