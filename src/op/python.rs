//! `python`: the full `update_template` hook, in order with the other operations.

use super::{Compiler, OpContext, Operation, Parameters};
use crate::diagnostic::{Diagnostics, Fault};
use crate::hook::Hook;
use crate::read::{Read, wrong};
use crate::record;
use crate::source::{Kind, Node, Text};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use std::borrow::Cow;

record! {
    /// A Python function with its bound on time.
    pub struct PythonKeys as "python" {
        /// The function, as `module:function`.
        required call: Text = "call",
        /// How long it may take, such as `500ms` or `30s`; 10s if nothing is said.
        optional timeout: Option<Text> = "timeout",
    }
}

/// Calls a Python function with the contract of ClearML's `update_template`: it gets the template, the task and what is
/// known of them as keyword arguments, and returns `{"template": template}`. If it raises, the rule fails.
///
/// ```yaml
/// - python: {call: "custom_code:update_template", timeout: 10s}
/// ```
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
        let timeout = timeout.as_ref().map(|text| compiler.duration(text));
        let hook = Hook::new(&call, timeout.flatten()).map_err(|fault| compiler.found.push(*fault)).ok()?;
        compiler.hooks.push(hook.clone());
        timeout.is_none_or(|read| read.is_some()).then(|| Box::new(Compiled(hook)) as Box<dyn Operation>)
    }
}

#[derive(Debug)]
struct Compiled(Hook);

impl Operation for Compiled {
    fn apply(&self, cx: &mut OpContext<'_>) -> Result<(), Fault> {
        cx.host.hook(&self.0, cx.pod)
    }
}
