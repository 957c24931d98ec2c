//! `python`: the full `update_template` hook. It's part of the language; this version of podrules can't run it yet, and
//! says so when the rules are loaded.

use super::{Compiler, Operation, Parameters};
use crate::diagnostic::{Code, Diagnostic, Diagnostics};
use crate::record;
use crate::rules::{Read, wrong};
use crate::source::{Kind, Node, Text};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use std::borrow::Cow;

record! {
    /// A Python function with its bound on time.
    pub struct PythonKeys as "python" {
        /// The function, as `module:function`.
        required call: Text = "call",
        /// How long it may take, such as `10s`.
        optional timeout: Option<Text> = "timeout",
    }
}

/// Calls a Python function with the contract of ClearML's `update_template`. This version checks it and refuses to load
/// it: no Python runs.
#[derive(Debug, Clone)]
pub struct Python(PythonKeys);

impl Read for Python {
    fn read(node: &Node, found: &mut Diagnostics) -> Option<Self> {
        match &node.kind {
            Kind::String(call) => Some(Python(PythonKeys { call: call.clone(), timeout: None })),
            Kind::Map(_) => PythonKeys::read(node, found).map(Python),
            _ => wrong(node, "`module:function`, or `{call, timeout}`", found),
        }
    }
}

impl JsonSchema for Python {
    fn schema_name() -> Cow<'static, str> {
        "Python".into()
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        json_schema!({"anyOf": [
            {"type": "string", "pattern": "^[^:]+:[^:]+$"},
            generator.subschema_for::<PythonKeys>()
        ]})
    }
}

impl Parameters for Python {
    const NAME: &'static str = "python";
    const FUNCTION: Option<(&'static str, &'static [&'static str])> = None;

    fn compile(self, compiler: &mut Compiler<'_>) -> Option<Box<dyn Operation>> {
        let PythonKeys { call, timeout } = self.0;
        if let Some(timeout) = &timeout {
            compiler.duration(timeout);
        }
        let parts: Vec<&str> = call.value.split(':').collect();
        if !matches!(parts.as_slice(), [module, function] if !module.trim().is_empty() && !function.trim().is_empty()) {
            compiler.error(Code::BadValue, format!("`{}` is not of the form module:function", call.value), call.span);
            return None;
        }
        let message = format!("the Python hook {} can't be run: this version of podrules runs no Python", call.value);
        let help = "write it as operations or as a `script`, or remove the rule";
        compiler.found.push(Diagnostic::new(Code::Unsupported, message).at(call.span).help(help));
        None
    }
}
