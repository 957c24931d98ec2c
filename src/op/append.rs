//! `append` and `prepend`: elements at the ends of lists.

use super::host::edit_fault;
use super::shapes::filled;
use super::{Compiler, OpContext, Operation, Parameters};
use crate::diagnostic::{Code, Fault, Span, fault};
use crate::edit::json_patch::equal;
use crate::edit::{Pointer, kind_of};
use crate::expr::ValueExpr;
use crate::path::Path;
use crate::source::{Node, Text};
use crate::{record, words};
use serde_json::Value;

record! {
    /// Adds elements at the end of every list that `path` matches; a singular path is created where it is missing.
    ///
    /// ```yaml
    /// - append: {path: "$.spec.containers[0].args", value: --verbose, unless: present}
    /// ```
    ///
    /// As a function of scripts it is `append_to(path, value)`.
    pub struct Append as "append" {
        /// A JSONPath to lists.
        required path: Text = "path",
        /// One element.
        optional value: Option<Node> = "value",
        /// Several elements.
        optional values: Option<Node> = "values",
        /// `present` leaves out what the list has already.
        optional unless: Unless = "unless",
        /// Whether a path that matches nothing is fine.
        optional optional: bool = "optional",
    }
}

record! {
    /// Adds elements at the start of every list that `path` matches; a singular path is created where it is missing.
    ///
    /// ```yaml
    /// - prepend: {path: "$.spec.containers[0].args", values: [--log, debug]}
    /// ```
    ///
    /// As a function of scripts it is `prepend_to(path, value)`.
    pub struct Prepend as "prepend" {
        /// A JSONPath to lists.
        required path: Text = "path",
        /// One element.
        optional value: Option<Node> = "value",
        /// Several elements, in this order.
        optional values: Option<Node> = "values",
        /// `present` leaves out what the list has already.
        optional unless: Unless = "unless",
        /// Whether a path that matches nothing is fine.
        optional optional: bool = "optional",
    }
}

words! {
    /// When an element is not added.
    pub enum Unless {
        /// It is always added.
        Never = "never",
        /// It is left out where an equal one is in the list.
        Present = "present",
    }
}

macro_rules! parameters {
    ($type:ident, $name:literal, $function:literal, $front:literal) => {
        impl Parameters for $type {
            const NAME: &'static str = $name;
            // `append(text, value)` is a function of Rhai's own: it would add to the path, and to no list.
            const FUNCTION: Option<(&'static str, &'static [&'static str])> = Some(($function, &["path", "value"]));

            fn compile(self, compiler: &mut Compiler<'_>) -> Option<Box<dyn Operation>> {
                let path = compiler.path(&self.path);
                let (elements, many) = match (&self.value, &self.values) {
                    (Some(value), None) => (compiler.value(value), false),
                    (None, Some(values)) => (compiler.value(values), true),
                    (Some(_), Some(both)) => {
                        compiler.error(Code::BadValue, "`value` or `values`, not both", both.span);
                        (None, false)
                    }
                    (None, None) => {
                        let message = concat!("`", $name, "` needs `value` or `values`");
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
                    let message = format!("`values` is a list, not {}", node.kind_name());
                    compiler.error(Code::WrongType, message, node.span);
                    return None;
                }
                Some(Box::new(Compiled {
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

parameters!(Append, "append", "append_to", false);
parameters!(Prepend, "prepend", "prepend_to", true);

#[derive(Debug)]
struct Compiled {
    path: Path,
    elements: ValueExpr,
    many: bool,
    front: bool,
    unless: Unless,
    optional: bool,
    written: Text,
}

impl Operation for Compiled {
    fn apply(&self, cx: &mut OpContext<'_>) -> Result<(), Fault> {
        let elements = filled(cx, &self.elements)?.into_owned();
        let elements = match elements {
            Value::Array(list) if self.many => list,
            other if self.many => {
                let message = format!("`values` is a list, and it came out as {}", kind_of(&other));
                return Err(fault(Code::WrongType, message, self.written.span));
            }
            one => vec![one],
        };
        let places = match cx.target(&self.path) {
            Some(target) => {
                cx.pod.ensure_list(&target).map_err(|e| edit_fault(&e, self.written.span))?;
                vec![target]
            }
            None => cx.select(&self.path, &self.written, self.optional)?,
        };
        places.iter().try_for_each(|place| self.add(cx, place, &elements, self.written.span))
    }
}

impl Compiled {
    fn add(&self, cx: &mut OpContext<'_>, list: &Pointer, elements: &[Value], span: Span) -> Result<(), Fault> {
        cx.pod.ensure_list(list).map_err(|e| edit_fault(&e, span))?;
        let mut at = 0;
        for element in elements {
            let there = cx.pod.get(list).and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
            if self.unless == Unless::Present && there.iter().any(|other| equal(other, element)) {
                continue;
            }
            let place = if self.front { at } else { there.len() };
            cx.pod.insert(list, place, element.clone()).map_err(|e| edit_fault(&e, span))?;
            at += 1;
        }
        Ok(())
    }
}
