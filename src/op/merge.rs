//! `merge`: a JSON merge patch.

use super::compiler::{Compiler, Function, Parameters};
use super::context::OpContext;
use super::operation::Operation;
use crate::diagnostic::{Code, Fault, fault};
use crate::edit::{kind_of, merge_patch};
use crate::expr::ValueExpr;
use crate::path::Path;
use crate::record;
use crate::source::{Node, Style, Text};

record! {
    /// Merges `value` into every match of `path` by the rules of [RFC 7386](https://www.rfc-editor.org/rfc/rfc7386): objects
    /// are merged key by key, a null removes a key, anything else replaces. A singular path that matches nothing is created.
    ///
    /// ```yaml
    /// - merge: {path: $.spec, value: {hostNetwork: true, dnsPolicy: ClusterFirstWithHostNet}}
    /// ```
    pub struct Merge as "merge" {
        /// A JSONPath; the entire Pod by default.
        optional path: Option<Text> = "path",
        /// The patch.
        required value: Node = "value",
        /// Whether a path may match nothing.
        optional optional: bool = "optional",
    }
}

impl Parameters for Merge {
    const FUNCTION: Option<Function> = Some(("merge", &["path", "value"]));

    fn compile(self, compiler: &mut Compiler<'_>) -> Option<Box<dyn Operation>> {
        let whole = || Text { span: self.value.span, value: "$".to_owned(), style: Style::Made };
        let written = self.path.clone().unwrap_or_else(whole);
        let (path, value) = (compiler.path(&written), compiler.value(&self.value));
        let (path, value) = (path?, value?);
        compiler.check_value(&path, &self.value);
        Some(Box::new(MergeOp { path, value, optional: self.optional, written }))
    }
}

#[derive(Debug)]
struct MergeOp {
    path: Path,
    value: ValueExpr,
    optional: bool,
    written: Text,
}

impl Operation for MergeOp {
    fn apply(&self, cx: &mut OpContext<'_>) -> Result<(), Fault> {
        let patch = cx.value(&self.value)?;
        let places = match cx.target(&self.path) {
            Some(target) => vec![target],
            None => cx.select(&self.path, &self.written, self.optional)?,
        };
        for place in places {
            if place.steps().is_empty() && !patch.is_object() {
                let message = format!("the Pod can only be merged with an object, not with {}", kind_of(&patch));
                return Err(fault(Code::OperationFailed, message, self.written.span));
            }
            cx.edit(self.written.span, |pod| merge_patch::apply(pod, &place, &patch))?;
        }
        Ok(())
    }
}
