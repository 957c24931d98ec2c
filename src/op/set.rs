//! `set`: gives every match of a path a value.

use super::host::{edit_fault, outermost};
use super::{Compiler, OpContext, Operation, Parameters};
use crate::diagnostic::Fault;
use crate::expr::ValueExpr;
use crate::path::Path;
use crate::record;
use crate::source::{Node, Text};

record! {
    /// Sets every match of `path` to `value`; a singular path is created where it is missing.
    ///
    /// ```yaml
    /// - set: {path: $.spec.priorityClassName, value: high}
    /// ```
    pub struct Set as "set" {
        /// A JSONPath; `$` is the Pod.
        required path: Text = "path",
        /// The value.
        required value: Node = "value",
        /// Whether a path that matches nothing is fine.
        optional optional: bool = "optional",
    }
}

impl Parameters for Set {
    const NAME: &'static str = "set";
    const FUNCTION: Option<(&'static str, &'static [&'static str])> = Some(("set", &["path", "value"]));

    fn compile(self, compiler: &mut Compiler<'_>) -> Option<Box<dyn Operation>> {
        let (path, value) = (compiler.path(&self.path), compiler.value(&self.value));
        let (path, value) = (path?, value?);
        compiler.check_value(&path, &self.value);
        Some(Box::new(Compiled { path, value, optional: self.optional, written: self.path }))
    }
}

#[derive(Debug)]
struct Compiled {
    path: Path,
    value: ValueExpr,
    optional: bool,
    written: Text,
}

impl Operation for Compiled {
    fn apply(&self, cx: &mut OpContext<'_>) -> Result<(), Fault> {
        let value = cx.value(&self.value)?;
        if let Some(target) = cx.target(&self.path) {
            return cx.pod.set_creating(&target, value).map_err(|e| edit_fault(&e, self.written.span));
        }
        // A match inside of another is gone once that has its value.
        for place in outermost(cx.select(&self.path, &self.written, self.optional)?) {
            cx.pod.set(&place, value.clone()).map_err(|e| edit_fault(&e, self.written.span))?;
        }
        Ok(())
    }
}
