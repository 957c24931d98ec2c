//! `default`: a value where nothing is.

use super::host::edit_fault;
use super::{Compiler, OpContext, Operation, Parameters};
use crate::diagnostic::Fault;
use crate::expr::ValueExpr;
use crate::path::Path;
use crate::record;
use crate::source::{Node, Text};
use serde_json::Value;

record! {
    /// Sets `path` to `value` where nothing or null is there, and leaves it alone otherwise.
    ///
    /// ```yaml
    /// - default: {path: $.spec.terminationGracePeriodSeconds, value: 60}
    /// ```
    ///
    /// As a function of scripts it is `set_default(path, value)`.
    pub struct Default as "default" {
        /// A JSONPath; a singular one is created where it is missing.
        required path: Text = "path",
        /// The value.
        required value: Node = "value",
        /// Whether a path that matches nothing is fine.
        optional optional: bool = "optional",
    }
}

impl Parameters for Default {
    const NAME: &'static str = "default";
    // `default` itself is a reserved word of Rhai's.
    const FUNCTION: Option<(&'static str, &'static [&'static str])> = Some(("set_default", &["path", "value"]));

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
        let fault = |e| edit_fault(&e, self.written.span);
        if let Some(target) = cx.target(&self.path) {
            if cx.pod.get(&target).is_some_and(|there| !there.is_null()) {
                return Ok(());
            }
            let value = cx.value(&self.value)?;
            return cx.pod.set_creating(&target, value).map_err(fault);
        }
        for place in cx.select(&self.path, &self.written, self.optional)? {
            if cx.pod.get(&place).is_some_and(Value::is_null) {
                let value = cx.value(&self.value)?;
                cx.pod.set(&place, value).map_err(fault)?;
            }
        }
        Ok(())
    }
}
