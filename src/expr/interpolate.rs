//! `${ expression }` in strings: finding the expressions, and evaluating a value that holds them.

use super::expression::Expression;
use crate::diagnostic::Span;
use crate::edit::kind_of;
use serde_json::{Map, Value};

/// A value that a user wrote in a rule, with the expressions in its strings compiled.
#[derive(Debug, Clone)]
pub enum ValueExpr {
    /// A value without expressions.
    Constant(Value),
    /// A string that is exactly one expression: its result keeps its type.
    Expression(Box<Expression>),
    /// A string that has text around its expressions: the result is a string.
    Text(Vec<Part>),
    /// A list with expressions somewhere in it.
    List(Vec<ValueExpr>),
    /// An object with expressions somewhere in it, in its keys too.
    Map(Vec<(ValueExpr, ValueExpr)>),
}

/// A part of a text.
#[derive(Debug, Clone)]
pub enum Part {
    /// Text that is copied.
    Literal(String),
    /// An expression whose result is written as text.
    Expression(Expression),
}

impl ValueExpr {
    /// The value, if it has no expressions.
    pub fn constant(&self) -> Option<&Value> {
        match self {
            ValueExpr::Constant(value) => Some(value),
            _ => None,
        }
    }

    /// The value of a key of an object. Keys that hold expressions aren't found.
    pub fn field(&self, key: &str) -> Option<std::borrow::Cow<'_, ValueExpr>> {
        use std::borrow::Cow;
        match self {
            ValueExpr::Constant(value) => Some(Cow::Owned(ValueExpr::Constant(value.get(key)?.clone()))),
            ValueExpr::Map(entries) => {
                let named = |(name, _): &&(ValueExpr, ValueExpr)| name.constant().and_then(Value::as_str) == Some(key);
                entries.iter().find(named).map(|(_, value)| Cow::Borrowed(value))
            }
            _ => None,
        }
    }

    /// The place of the first string that holds an expression.
    pub fn first_span(&self) -> Option<Span> {
        match self {
            ValueExpr::Constant(_) => None,
            ValueExpr::Expression(e) => Some(e.text.span),
            ValueExpr::Text(parts) => parts.iter().find_map(|p| match p {
                Part::Expression(e) => Some(e.text.span),
                Part::Literal(_) => None,
            }),
            ValueExpr::List(items) => items.iter().find_map(ValueExpr::first_span),
            ValueExpr::Map(entries) => entries.iter().find_map(|(k, v)| k.first_span().or_else(|| v.first_span())),
        }
    }

    /// The `vars` that its expressions read.
    pub fn vars(&self) -> Vec<&str> {
        match self {
            ValueExpr::Constant(_) => Vec::new(),
            ValueExpr::Expression(e) => e.vars.iter().map(String::as_str).collect(),
            ValueExpr::Text(parts) => parts
                .iter()
                .flat_map(|p| match p {
                    Part::Expression(e) => e.vars.as_slice(),
                    Part::Literal(_) => &[],
                })
                .map(String::as_str)
                .collect(),
            ValueExpr::List(items) => items.iter().flat_map(ValueExpr::vars).collect(),
            ValueExpr::Map(entries) => entries.iter().flat_map(|(k, v)| [k.vars(), v.vars()].concat()).collect(),
        }
    }

    /// Evaluates the value: `evaluate` is called for each expression, and `bad` makes an error of the message about a
    /// result that can't be used where it is.
    ///
    /// # Errors
    /// The first error of `evaluate`, or one of `bad` for null, a list or an object inside text, and for two equal keys.
    pub fn evaluate<E>(
        &self,
        evaluate: &mut impl FnMut(&Expression) -> Result<Value, E>,
        bad: &impl Fn(String) -> E,
    ) -> Result<Value, E> {
        Ok(match self {
            ValueExpr::Constant(value) => value.clone(),
            ValueExpr::Expression(expression) => evaluate(expression)?,
            ValueExpr::Text(parts) => {
                let mut text = String::new();
                for part in parts {
                    match part {
                        Part::Literal(literal) => text.push_str(literal),
                        Part::Expression(expression) => push_text(&mut text, &evaluate(expression)?).map_err(bad)?,
                    }
                }
                Value::String(text)
            }
            ValueExpr::List(items) => {
                Value::Array(items.iter().map(|item| item.evaluate(evaluate, bad)).collect::<Result<_, _>>()?)
            }
            ValueExpr::Map(entries) => {
                let mut map = Map::new();
                for (key, value) in entries {
                    let key = match key.evaluate(evaluate, bad)? {
                        Value::String(key) => key,
                        other => {
                            let mut text = String::new();
                            push_text(&mut text, &other).map_err(bad)?;
                            text
                        }
                    };
                    let value = value.evaluate(evaluate, bad)?;
                    if map.contains_key(&key) {
                        return Err(bad(format!("duplicate key `{key}`")));
                    }
                    map.insert(key, value);
                }
                Value::Object(map)
            }
        })
    }
}

/// Appends the text of a value. Null, lists and objects are refused: no text would be what the user expects.
fn push_text(text: &mut String, value: &Value) -> Result<(), String> {
    match value {
        Value::Null => Err("a missing value `()` inside text: give a default with `??`".to_owned()),
        Value::Bool(b) => {
            text.push_str(if *b { "true" } else { "false" });
            Ok(())
        }
        Value::Number(n) => {
            text.push_str(&n.to_string());
            Ok(())
        }
        Value::String(s) => {
            text.push_str(s);
            Ok(())
        }
        other => Err(format!("{} inside text: use json(…) for its JSON", kind_of(other))),
    }
}

/// A piece of a string in a rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Piece {
    /// Text, with `$${` already replaced by `${`.
    Literal(String),
    /// The start and end of an expression in bytes, without `${` and `}`.
    Expression(usize, usize),
}

/// Splits a string into literals and expressions.
///
/// # Errors
/// The byte offset of a `${` that has no `}`.
pub fn pieces(text: &str) -> Result<Vec<Piece>, usize> {
    let mut pieces = Vec::new();
    let mut literal = String::new();
    let mut rest = 0;
    while let Some(found) = text[rest..].find("${").map(|at| at + rest) {
        if text[rest..found].ends_with('$') {
            literal.push_str(&text[rest..found]);
            literal.push('{');
            rest = found + 2;
            continue;
        }
        literal.push_str(&text[rest..found]);
        let start = found + 2;
        let end = start + end_of_expression(&text[start..]).ok_or(found)?;
        if !literal.is_empty() {
            pieces.push(Piece::Literal(std::mem::take(&mut literal)));
        }
        pieces.push(Piece::Expression(start, end));
        rest = end + 1;
    }
    literal.push_str(&text[rest..]);
    if !literal.is_empty() || pieces.is_empty() {
        pieces.push(Piece::Literal(literal));
    }
    Ok(pieces)
}

/// The byte offset of the `}` that ends an expression. Braces inside it are balanced; those in its strings don't count.
fn end_of_expression(text: &str) -> Option<usize> {
    let mut depth = 0usize;
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => return Some(at),
            '}' => depth -= 1,
            '"' | '\'' | '`' => {
                while let Some((_, inner)) = chars.next() {
                    match inner {
                        '\\' if c != '`' => {
                            chars.next();
                        }
                        inner if inner == c => break,
                        _ => {}
                    }
                }
            }
            _ => {}
        }
    }
    None
}
