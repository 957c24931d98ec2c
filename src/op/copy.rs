//! `copy` and `move`: a value from one place to another.

use super::host::edit_fault;
use super::{Compiler, OpContext, Operation, Parameters};
use crate::diagnostic::{Code, Diagnostic, Fault, fault};
use crate::edit::Pointer;
use crate::path::Path;
use crate::record;
use crate::source::Text;

record! {
    /// Copies the value at `from` to `to`, which is created where it is missing and replaced where it is there.
    ///
    /// ```yaml
    /// - copy: {from: "$.spec.containers[0].image", to: "$.metadata.annotations.image"}
    /// ```
    ///
    /// As a function of scripts it is `copy_field(from, to)`.
    pub struct Copy as "copy" {
        /// A JSONPath that matches one value.
        required from: Text = "from",
        /// A JSONPath of names and indexes.
        required to: Text = "to",
        /// Whether nothing at `from` is fine.
        optional optional: bool = "optional",
    }
}

record! {
    /// Moves the value at `from` to `to`, which is created where it is missing and replaced where it is there. Within one
    /// list, the index of `to` counts what is left when the value is taken out.
    ///
    /// ```yaml
    /// - move: {from: $.spec.nodeName, to: "$.metadata.annotations.node", optional: true}
    /// ```
    ///
    /// As a function of scripts it is `move_field(from, to)`.
    pub struct Move as "move" {
        /// A JSONPath that matches one value.
        required from: Text = "from",
        /// A JSONPath of names and indexes.
        required to: Text = "to",
        /// Whether nothing at `from` is fine.
        optional optional: bool = "optional",
    }
}

macro_rules! parameters {
    ($type:ident, $name:literal, $function:literal, $moves:literal) => {
        impl Parameters for $type {
            const NAME: &'static str = $name;
            const FUNCTION: Option<(&'static str, &'static [&'static str])> = Some(($function, &["from", "to"]));

            fn compile(self, compiler: &mut Compiler<'_>) -> Option<Box<dyn Operation>> {
                let (from, to) = (compiler.path(&self.from), compiler.path(&self.to));
                let (from, to) = (from?, to?);
                if to.singular().is_none() {
                    let message = "`to` names one place: names and indexes alone";
                    compiler
                        .found
                        .push(Diagnostic::new(Code::BadPath, message).at(self.to.span).help("write $.spec.x[0]"));
                    return None;
                }
                let written = (self.from, self.to);
                Some(Box::new(Compiled { from, to, optional: self.optional, moves: $moves, written }))
            }
        }
    };
}

parameters!(Copy, "copy", "copy_field", false);
parameters!(Move, "move", "move_field", true);

#[derive(Debug)]
struct Compiled {
    from: Path,
    to: Path,
    optional: bool,
    moves: bool,
    written: (Text, Text),
}

impl Operation for Compiled {
    fn apply(&self, cx: &mut OpContext<'_>) -> Result<(), Fault> {
        let places = cx.select(&self.from, &self.written.0, self.optional)?;
        let from: &Pointer = match places.as_slice() {
            [] => return Ok(()),
            [one] => one,
            several => {
                let message = format!("`from` matches {} values, and one is needed", several.len());
                return Err(fault(Code::OperationFailed, message, self.written.0.span));
            }
        };
        if cx.target(&self.to).as_ref() == Some(from) {
            return Ok(());
        }
        let Some(value) = cx.pod.get(from).cloned() else { return Ok(()) };
        let fail = |e| edit_fault(&e, self.written.1.span);
        if self.moves {
            if cx.target(&self.to).is_some_and(|to| to.starts_with(from)) {
                return Err(fault(Code::OperationFailed, "a value can't move into itself", self.written.1.span));
            }
            // Taken out first: the target's indexes count what is left.
            cx.pod.remove(from).map_err(fail)?;
        }
        let Some(target) = cx.target(&self.to) else {
            return Err(cx.no_match(&self.to, &self.written.1));
        };
        cx.pod.set_creating(&target, value).map_err(fail)
    }
}
