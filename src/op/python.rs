//! `python`: a hook with the contract of ClearML's `update_template`, in order with the other operations.

use super::compiler::{Compiler, Function, Parameters};
use super::context::OpContext;
use super::operation::Operation;
use crate::diagnostic::{Diagnostics, Fault};
use crate::hook::Hook;
use crate::read::Read;
use crate::source::{Node, Text};
use crate::{record, schema};

record! {
    /// Calls a Python function with the contract of ClearML's `update_template`: its name, or `{call, timeout}`. The
    /// function gets the template, the task and what is known about them as keyword arguments, and returns
    /// `{"template": template}`. If it raises, the rule fails.
    ///
    /// ```yaml
    /// - python: {call: "custom_code:update_template", timeout: 10s}
    /// ```
    pub struct Python as "python", or "call" {
        /// The function, as `module:function`.
        required call: FunctionName = "call",
        /// How long the function may run, such as `500ms` or `30s`; 10s by default.
        optional timeout: Option<Text> = "timeout",
    }
}

/// A function as `module:function`; the form is checked when it is compiled.
#[derive(Debug, Clone)]
pub struct FunctionName(Text);

impl Read for FunctionName {
    fn read(node: &Node, found: &mut Diagnostics) -> Option<Self> {
        Text::read(node, found).map(FunctionName)
    }
}

schema!(inline FunctionName, {"type": "string", "pattern": "^[^:]+:[^:]+$"});

impl Parameters for Python {
    const FUNCTION: Option<Function> = None;

    fn compile(self, compiler: &mut Compiler<'_>) -> Option<Box<dyn Operation>> {
        let timeout = self.timeout.as_ref().map(|text| compiler.duration(text));
        let hook = Hook::new(&self.call.0, timeout.flatten()).map_err(|fault| compiler.found.push(*fault)).ok()?;
        compiler.hooks.push(hook.clone());
        timeout.is_none_or(|read| read.is_some()).then(|| Box::new(PythonOp(hook)) as Box<dyn Operation>)
    }
}

#[derive(Debug)]
struct PythonOp(Hook);

impl Operation for PythonOp {
    fn apply(&self, cx: &mut OpContext<'_>) -> Result<(), Fault> {
        cx.host.hook(&self.0, cx.pod)
    }
}
