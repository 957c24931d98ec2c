//! `remove`: removes every match of a path.

use super::compiler::{Compiler, Function, Parameters};
use super::context::OpContext;
use super::context::outermost;
use super::operation::Operation;
use crate::diagnostic::{Code, Fault, fault};
use crate::path::Path;
use crate::record;
use crate::source::Text;

record! {
    /// Removes every match of `path`, and keeps the order of the rest. A path that matches nothing is no error.
    ///
    /// ```yaml
    /// - remove: {path: $.spec.nodeSelector}
    /// ```
    pub struct Remove as "remove" {
        /// A JSONPath.
        required path: Text = "path",
    }
}

impl Parameters for Remove {
    const FUNCTION: Option<Function> = Some(("remove", &["path"]));

    fn compile(self, compiler: &mut Compiler<'_>) -> Option<Box<dyn Operation>> {
        let path = compiler.path(&self.path)?;
        if !path.is_relative() && path.singular().is_some_and(|steps| steps.is_empty()) {
            compiler.error(Code::BadPath, ROOT, self.path.span);
            return None;
        }
        Some(Box::new(RemoveOp { path, written: self.path }))
    }
}

const ROOT: &str = "the Pod itself can't be removed";

#[derive(Debug)]
struct RemoveOp {
    path: Path,
    written: Text,
}

impl Operation for RemoveOp {
    fn apply(&self, cx: &mut OpContext<'_>) -> Result<(), Fault> {
        let places = outermost(cx.select(&self.path, &self.written, true)?);
        // From the end, so that removing one place doesn't shift the index of another.
        for place in places.iter().rev() {
            if place.steps().is_empty() {
                return Err(fault(Code::OperationFailed, ROOT, self.written.span));
            }
            cx.remove(place, self.written.span)?;
        }
        Ok(())
    }
}
