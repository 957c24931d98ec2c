//! `remove`: takes out every match of a path.

use super::host::{edit_fault, outermost};
use super::{Compiler, OpContext, Operation, Parameters};
use crate::diagnostic::{Code, Fault, fault};
use crate::path::Path;
use crate::record;
use crate::source::Text;

record! {
    /// Removes every match of `path`; the order of the rest is kept. To remove nothing is fine.
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
    const NAME: &'static str = "remove";
    const FUNCTION: Option<(&'static str, &'static [&'static str])> = Some(("remove", &["path"]));

    fn compile(self, compiler: &mut Compiler<'_>) -> Option<Box<dyn Operation>> {
        let path = compiler.path(&self.path)?;
        if !path.is_relative() && path.singular().is_some_and(|steps| steps.is_empty()) {
            compiler.error(Code::BadPath, ROOT, self.path.span);
            return None;
        }
        Some(Box::new(Compiled { path, written: self.path }))
    }
}

const ROOT: &str = "the Pod itself can't be removed";

#[derive(Debug)]
struct Compiled {
    path: Path,
    written: Text,
}

impl Operation for Compiled {
    fn apply(&self, cx: &mut OpContext<'_>) -> Result<(), Fault> {
        let places = outermost(cx.select(&self.path, &self.written, true)?);
        // From the back, so that no index has moved when its turn comes.
        for place in places.iter().rev() {
            if place.steps().is_empty() {
                return Err(fault(Code::OperationFailed, ROOT, self.written.span));
            }
            cx.pod.remove(place).map_err(|e| edit_fault(&e, self.written.span))?;
        }
        Ok(())
    }
}
