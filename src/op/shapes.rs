//! Kinds of parameters that several operations take, and how they are evaluated without copying constants.

use super::compiler::Compiler;
use super::context::OpContext;
use crate::diagnostic::{Code, Diagnostics, Fault, Span, fault};
use crate::edit::kind_of;
use crate::expr::ValueExpr;
use crate::read::{Read, wrong};
use crate::schema;
use crate::source::{Kind, Node};
use serde_json::Value;
use std::borrow::Cow;

/// The pattern of a string that contains an expression, for JSON Schemas.
pub const EXPRESSION: &str = r"\$\{";

/// An object, or an expression that gives one.
#[derive(Debug, Clone)]
pub struct Object(pub Node);

/// A list, a single element, or an expression that gives either.
#[derive(Debug, Clone)]
pub struct Items(pub Node);

fn is_expression(node: &Node) -> bool {
    node.as_str().is_some_and(|text| text.contains("${"))
}

impl Read for Object {
    fn read(node: &Node, found: &mut Diagnostics) -> Option<Self> {
        match node.kind {
            Kind::Map(_) => Some(Object(node.clone())),
            _ if is_expression(node) => Some(Object(node.clone())),
            _ => wrong(node, "an object", found),
        }
    }
}

schema!(inline Object, {"anyOf": [{"type": "object"}, {"type": "string", "pattern": EXPRESSION}]});

impl Read for Items {
    fn read(node: &Node, found: &mut Diagnostics) -> Option<Self> {
        match &node.kind {
            Kind::Map(_) | Kind::String(_) => Some(Items(node.clone())),
            Kind::List(items) if !items.is_empty() => Some(Items(node.clone())),
            Kind::List(_) => wrong(node, "at least one element", found),
            _ => wrong(node, "a list", found),
        }
    }
}

schema!(inline Items, {"type": ["array", "object", "string"], "minItems": 1});

impl Object {
    /// Compiles the object. The keys in `needs` must have text, unless an expression gives it.
    pub fn compile(&self, needs: &[&str], compiler: &mut Compiler<'_>) -> Option<ValueExpr> {
        let template = compiler.value(&self.0)?;
        let checked = match (&template, &self.0.kind) {
            (_, Kind::Map(_)) => needs.iter().map(|key| self.needs(key, compiler)).collect::<Vec<_>>(),
            // A string from a script, in which `${` has no meaning.
            (ValueExpr::Constant(_), _) => vec![wrong(&self.0, "an object", compiler.found)],
            _ => Vec::new(),
        };
        checked.into_iter().collect::<Option<()>>()?;
        Some(template)
    }

    fn needs(&self, key: &str, compiler: &mut Compiler<'_>) -> Option<()> {
        match self.0.get(key) {
            Some(Node { kind: Kind::String(text), .. }) if !text.value.is_empty() => Some(()),
            Some(other) => {
                let given = if other.is_empty() { "nothing" } else { other.kind_name() };
                compiler.error(Code::WrongType, format!("expected text for `{key}`, found {given}"), other.span);
                None
            }
            None => {
                // A key with an expression may turn out to be this one.
                if self.0.entries().iter().any(|(key, _)| key.value.contains("${")) {
                    return Some(());
                }
                compiler.error(Code::MissingKey, format!("the key `{key}` is missing"), self.0.span);
                None
            }
        }
    }
}

impl Items {
    /// Compiles the list, and checks each element as it is written. The results of expressions must be checked when the
    /// rule runs.
    pub fn compile_each(
        &self,
        compiler: &mut Compiler<'_>,
        check: impl Fn(&Value, Span) -> Result<(), Fault>,
    ) -> Option<ValueExpr> {
        let nodes = if self.0.items().is_empty() { std::slice::from_ref(&self.0) } else { self.0.items() };
        let open = |node: &Node| compiler.language.is_some() && is_expression(node);
        let closed = nodes.iter().filter(|node| !open(node));
        let checked = closed.map(|node| check(&node.to_value(), node.span)).collect();
        compiler.keep(checked)?;
        compiler.value(&self.0)
    }
}

/// The elements of evaluated [`Items`]: those of a list, or the single one.
pub fn elements(value: &Value) -> &[Value] {
    match value {
        Value::Array(items) => items,
        single => std::slice::from_ref(single),
    }
}

/// Evaluates a value; a constant is borrowed.
///
/// # Errors
/// An expression fails.
pub fn filled<'t>(cx: &mut OpContext<'_>, template: &'t ValueExpr) -> Result<Cow<'t, Value>, Fault> {
    match template.constant() {
        Some(value) => Ok(Cow::Borrowed(value)),
        None => cx.value(template).map(Cow::Owned),
    }
}

/// Evaluates a value that must be text and not empty; a constant is borrowed. `what` names it in messages.
///
/// # Errors
/// An expression fails, or the value is something else.
pub fn filled_text<'t>(
    cx: &mut OpContext<'_>,
    template: &'t ValueExpr,
    what: &str,
    span: Span,
) -> Result<Cow<'t, str>, Fault> {
    let text = match filled(cx, template)? {
        Cow::Borrowed(Value::String(text)) => Cow::Borrowed(text.as_str()),
        Cow::Owned(Value::String(text)) => Cow::Owned(text),
        other => return Err(not(what, "text", &other, span)),
    };
    match text.is_empty() {
        true => Err(fault(Code::BadValue, format!("{what} is empty"), span)),
        false => Ok(text),
    }
}

/// The text of a key of an object. `what` names the object in messages.
///
/// # Errors
/// The value is not an object, or the key is missing, empty or not text.
pub fn text_of<'v>(value: &'v Value, key: &str, what: &str, span: Span) -> Result<&'v str, Fault> {
    if !value.is_object() {
        return Err(not(what, "an object", value, span));
    }
    match value.get(key) {
        Some(Value::String(text)) if !text.is_empty() => Ok(text),
        Some(Value::String(_)) => Err(fault(Code::BadValue, format!("`{key}` of {what} is empty"), span)),
        Some(other) => Err(not(&format!("`{key}` of {what}"), "text", other, span)),
        None => Err(fault(Code::BadValue, format!("{what} has no `{key}`"), span)),
    }
}

/// The error of a value of another type.
pub fn not(what: &str, wanted: &str, found: &Value, span: Span) -> Fault {
    let mut error = fault(Code::WrongType, format!("{what} must be {wanted}, not {}", kind_of(found)), span);
    if found.is_null() {
        error.help = Some("if the value may be missing, give a default with `??`".to_owned());
    }
    error
}

/// A text, number or boolean as text; nothing for other values.
pub fn scalar_text(value: &Value) -> Option<Cow<'_, str>> {
    match value {
        Value::String(text) => Some(Cow::Borrowed(text)),
        Value::Bool(true) => Some(Cow::Borrowed("true")),
        Value::Bool(false) => Some(Cow::Borrowed("false")),
        Value::Number(number) => Some(Cow::Owned(number.to_string())),
        _ => None,
    }
}
