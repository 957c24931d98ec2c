//! `default`: a value where there is none.

use super::compiler::{Compiler, Function, Parameters};
use super::context::OpContext;
use super::operation::Operation;
use crate::diagnostic::Fault;
use crate::expr::ValueExpr;
use crate::path::Path;
use crate::record;
use crate::source::{Node, Text};
use serde_json::Value;

record! {
    /// Sets `path` to `value` if it is missing or null, and leaves any other value unchanged.
    ///
    /// ```yaml
    /// - default: {path: $.spec.terminationGracePeriodSeconds, value: 60}
    /// ```
    ///
    /// As a function of scripts it is `set_default(path, value)`.
    pub struct Default as "default" {
        /// A JSONPath; a singular path that matches nothing is created.
        required path: Text = "path",
        /// The value.
        required value: Node = "value",
        /// Whether a path may match nothing.
        optional optional: bool = "optional",
    }
}

impl Parameters for Default {
    // `default` is a reserved word in Rhai.
    const FUNCTION: Option<Function> = Some(("set_default", &["path", "value"]));

    fn compile(self, compiler: &mut Compiler<'_>) -> Option<Box<dyn Operation>> {
        let (path, value) = (compiler.path(&self.path), compiler.value(&self.value));
        let (path, value) = (path?, value?);
        compiler.check_value(&path, &self.value);
        Some(Box::new(DefaultOp { path, value, optional: self.optional, written: self.path }))
    }
}

#[derive(Debug)]
struct DefaultOp {
    path: Path,
    value: ValueExpr,
    optional: bool,
    written: Text,
}

impl Operation for DefaultOp {
    fn apply(&self, cx: &mut OpContext<'_>) -> Result<(), Fault> {
        if let Some(target) = cx.target(&self.path) {
            if cx.pod.get(&target).is_some_and(|there| !there.is_null()) {
                return Ok(());
            }
            let value = cx.value(&self.value)?;
            return cx.set_creating(&target, value, self.written.span);
        }
        for place in cx.select(&self.path, &self.written, self.optional)? {
            if cx.pod.get(&place).is_some_and(Value::is_null) {
                let value = cx.value(&self.value)?;
                cx.set(&place, value, self.written.span)?;
            }
        }
        Ok(())
    }
}
