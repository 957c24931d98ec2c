//! `copy` and `move`: a value from one place to another.

use super::compiler::{Compiler, Function, Parameters};
use super::context::OpContext;
use super::operation::Operation;
use crate::diagnostic::{Code, Diagnostic, Fault, fault};
use crate::edit::Pointer;
use crate::path::Path;
use crate::record;
use crate::source::Text;

record! {
    /// Copies the value at `from` to `to`, which is created if it is missing, and replaced if it exists.
    ///
    /// ```yaml
    /// - copy: {from: "$.spec.containers[0].image", to: "$.metadata.annotations.image"}
    /// ```
    ///
    /// As a function of scripts it is `copy_field(from, to)`.
    pub struct Copy as "copy" {
        /// A JSONPath that matches one value.
        required from: Text = "from",
        /// A JSONPath that consists of names and indexes only.
        required to: Text = "to",
        /// Whether `from` may match nothing.
        optional optional: bool = "optional",
    }
}

record! {
    /// Moves the value at `from` to `to`, which is created if it is missing, and replaced if it exists. Within one list, the
    /// index in `to` counts the elements that are left once the value is taken out.
    ///
    /// ```yaml
    /// - move: {from: $.spec.nodeName, to: "$.metadata.annotations.node", optional: true}
    /// ```
    ///
    /// As a function of scripts it is `move_field(from, to)`.
    pub struct Move as "move" {
        /// A JSONPath that matches one value.
        required from: Text = "from",
        /// A JSONPath that consists of names and indexes only.
        required to: Text = "to",
        /// Whether `from` may match nothing.
        optional optional: bool = "optional",
    }
}

macro_rules! parameters {
    ($type:ident, $function:literal, $moves:literal) => {
        impl Parameters for $type {
            const FUNCTION: Option<Function> = Some(($function, &["from", "to"]));

            fn compile(self, compiler: &mut Compiler<'_>) -> Option<Box<dyn Operation>> {
                let (from, to) = (compiler.path(&self.from), compiler.path(&self.to));
                let (from, to) = (from?, to?);
                if to.singular().is_none() {
                    let message = "`to` must name one place, by names and indexes only";
                    compiler.found.push(
                        Diagnostic::new(Code::BadPath, message)
                            .at(self.to.span)
                            .help("write for example $.metadata.annotations.image"),
                    );
                    return None;
                }
                let written = (self.from, self.to);
                Some(Box::new(CopyOp { from, to, optional: self.optional, moves: $moves, written }))
            }
        }
    };
}

parameters!(Copy, "copy_field", false);
parameters!(Move, "move_field", true);

#[derive(Debug)]
struct CopyOp {
    from: Path,
    to: Path,
    optional: bool,
    moves: bool,
    written: (Text, Text),
}

impl Operation for CopyOp {
    fn apply(&self, cx: &mut OpContext<'_>) -> Result<(), Fault> {
        let places = cx.select(&self.from, &self.written.0, self.optional)?;
        let from: &Pointer = match places.as_slice() {
            [] => return Ok(()),
            [one] => one,
            several => {
                let message = format!("`from` matches {} values; it must match one", several.len());
                return Err(fault(Code::OperationFailed, message, self.written.0.span));
            }
        };
        if cx.target(&self.to).as_ref() == Some(from) {
            return Ok(());
        }
        let Some(value) = cx.pod.get(from).cloned() else { return Ok(()) };
        if self.moves {
            if cx.target(&self.to).is_some_and(|to| to.starts_with(from)) {
                return Err(fault(Code::OperationFailed, "a value can't be moved into itself", self.written.1.span));
            }
            // Removed first: the target's indexes count what is left.
            cx.remove(from, self.written.1.span)?;
        }
        let Some(target) = cx.target(&self.to) else {
            return Err(cx.no_match(&self.to, &self.written.1));
        };
        cx.set_creating(&target, value, self.written.1.span)
    }
}
