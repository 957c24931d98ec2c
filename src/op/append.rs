//! `append` and `prepend`: elements at the ends of lists.

use super::compiler::{Compiler, Function, Parameters};
use super::context::OpContext;
use super::operation::Operation;
use super::shapes::filled;
use crate::diagnostic::{Code, Fault, Span, fault};
use crate::edit::json_patch::equal;
use crate::edit::{Pointer, kind_of};
use crate::expr::ValueExpr;
use crate::path::Path;
use crate::read::Record;
use crate::source::{Node, Text};
use crate::{record, words};
use serde_json::Value;

record! {
    /// Adds elements at the end of every list that `path` matches; a singular path that matches nothing is created.
    ///
    /// ```yaml
    /// - append: {path: "$.spec.containers[0].args", value: --verbose, unless: present}
    /// ```
    ///
    /// As a function of scripts it is `append_to(path, value)`.
    pub struct Append as "append" {
        /// A JSONPath that matches lists.
        required path: Text = "path",
        /// One element; or use `values`.
        optional value: Option<Node> = "value",
        /// A list of elements, added in this order.
        optional values: Option<Node> = "values",
        /// `present` skips elements that the list has already.
        optional unless: Unless = "unless",
        /// Whether a path may match nothing.
        optional optional: bool = "optional",
    }
}

record! {
    /// Adds elements at the start of every list that `path` matches; a singular path that matches nothing is created.
    ///
    /// ```yaml
    /// - prepend: {path: "$.spec.containers[0].args", values: [--log, debug]}
    /// ```
    ///
    /// As a function of scripts it is `prepend_to(path, value)`.
    pub struct Prepend as "prepend" {
        /// A JSONPath that matches lists.
        required path: Text = "path",
        /// One element; or use `values`.
        optional value: Option<Node> = "value",
        /// A list of elements, added in this order.
        optional values: Option<Node> = "values",
        /// `present` skips elements that the list has already.
        optional unless: Unless = "unless",
        /// Whether a path may match nothing.
        optional optional: bool = "optional",
    }
}

words! {
    /// When an element is skipped.
    pub enum Unless {
        /// It is always added.
        Never = "never",
        /// It is skipped if the list has an equal one.
        Present = "present",
    }
}

macro_rules! parameters {
    ($type:ident, $function:literal, $front:literal) => {
        impl Parameters for $type {
            // Rhai has a function `append(text, value)` itself: it would change the text of the path, not the list.
            const FUNCTION: Option<Function> = Some(($function, &["path", "value"]));

            fn compile(self, compiler: &mut Compiler<'_>) -> Option<Box<dyn Operation>> {
                let path = compiler.path(&self.path);
                let (elements, many) = match (&self.value, &self.values) {
                    (Some(value), None) => (compiler.value(value), false),
                    (None, Some(values)) => (compiler.value(values), true),
                    (Some(_), Some(both)) => {
                        compiler.error(Code::BadValue, "give either `value` or `values`, not both", both.span);
                        (None, false)
                    }
                    (None, None) => {
                        let message = format!("`{}` needs `value` or `values`", Self::NAME);
                        compiler.error(Code::MissingKey, message, self.path.span);
                        (None, false)
                    }
                };
                let fits = match elements.as_ref() {
                    Some(ValueExpr::Constant(value)) => value.is_array(),
                    Some(template) => matches!(template, ValueExpr::List(_) | ValueExpr::Expression(_)),
                    None => true,
                };
                if let (true, false, Some(node)) = (many, fits, &self.values) {
                    let message = format!("`values` must be a list, not {}", node.kind_name());
                    compiler.error(Code::WrongType, message, node.span);
                    return None;
                }
                Some(Box::new(AppendOp {
                    path: path?,
                    elements: elements?,
                    many,
                    front: $front,
                    unless: self.unless,
                    optional: self.optional,
                    written: self.path,
                }))
            }
        }
    };
}

parameters!(Append, "append_to", false);
parameters!(Prepend, "prepend_to", true);

#[derive(Debug)]
struct AppendOp {
    path: Path,
    elements: ValueExpr,
    many: bool,
    front: bool,
    unless: Unless,
    optional: bool,
    written: Text,
}

impl Operation for AppendOp {
    fn apply(&self, cx: &mut OpContext<'_>) -> Result<(), Fault> {
        let elements = filled(cx, &self.elements)?.into_owned();
        let elements = match elements {
            Value::Array(list) if self.many => list,
            other if self.many => {
                let message = format!("`values` must be a list, but the expression gives {}", kind_of(&other));
                return Err(fault(Code::WrongType, message, self.written.span));
            }
            one => vec![one],
        };
        let places = match cx.target(&self.path) {
            Some(target) => {
                cx.ensure_list(&target, self.written.span)?;
                vec![target]
            }
            None => cx.select(&self.path, &self.written, self.optional)?,
        };
        places.iter().try_for_each(|place| self.add(cx, place, &elements, self.written.span))
    }
}

impl AppendOp {
    fn add(&self, cx: &mut OpContext<'_>, list: &Pointer, elements: &[Value], span: Span) -> Result<(), Fault> {
        cx.ensure_list(list, span)?;
        let mut at = 0;
        for element in elements {
            let there = cx.pod.get(list).and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
            if self.unless == Unless::Present && there.iter().any(|other| equal(other, element)) {
                continue;
            }
            let place = if self.front { at } else { there.len() };
            cx.insert(list, place, element.clone(), span)?;
            at += 1;
        }
        Ok(())
    }
}
