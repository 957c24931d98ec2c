//! `set`: sets every match of a path.

use super::compiler::{Compiler, Function, Parameters};
use super::context::OpContext;
use super::context::outermost;
use super::operation::Operation;
use crate::diagnostic::Fault;
use crate::expr::ValueExpr;
use crate::path::Path;
use crate::record;
use crate::source::{Node, Text};

record! {
    /// Sets every match of `path` to `value`; a singular path that matches nothing is created.
    ///
    /// ```yaml
    /// - set: {path: $.spec.priorityClassName, value: high}
    /// ```
    pub struct Set as "set" {
        /// A JSONPath; `$` is the Pod.
        required path: Text = "path",
        /// The value.
        required value: Node = "value",
        /// Whether a path may match nothing.
        optional optional: bool = "optional",
    }
}

impl Parameters for Set {
    const FUNCTION: Option<Function> = Some(("set", &["path", "value"]));

    fn compile(self, compiler: &mut Compiler<'_>) -> Option<Box<dyn Operation>> {
        let (path, value) = (compiler.path(&self.path), compiler.value(&self.value));
        let (path, value) = (path?, value?);
        compiler.check_value(&path, &self.value);
        Some(Box::new(SetOp { path, value, optional: self.optional, written: self.path }))
    }
}

#[derive(Debug)]
struct SetOp {
    path: Path,
    value: ValueExpr,
    optional: bool,
    written: Text,
}

impl Operation for SetOp {
    fn apply(&self, cx: &mut OpContext<'_>) -> Result<(), Fault> {
        let value = cx.value(&self.value)?;
        if let Some(target) = cx.target(&self.path) {
            return cx.set_creating(&target, value, self.written.span);
        }
        // A match inside another is gone once the outer one is set.
        for place in outermost(cx.select(&self.path, &self.written, self.optional)?) {
            cx.set(&place, value.clone(), self.written.span)?;
        }
        Ok(())
    }
}
