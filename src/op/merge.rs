//! `merge`: a JSON merge patch.

use super::host::edit_fault;
use super::{Compiler, OpContext, Operation, Parameters};
use crate::diagnostic::{Code, Fault, fault};
use crate::edit::{kind_of, merge_patch};
use crate::expr::ValueExpr;
use crate::path::Path;
use crate::record;
use crate::source::{Node, Style, Text};

record! {
    /// Merges `value` into every match of `path` as [RFC 7386](https://www.rfc-editor.org/rfc/rfc7386) says: objects key by
    /// key, a null removes, anything else replaces. A singular path is created where it is missing.
    ///
    /// ```yaml
    /// - merge: {path: $.spec, value: {hostNetwork: true, dnsPolicy: ClusterFirstWithHostNet}}
    /// ```
    pub struct Merge as "merge" {
        /// A JSONPath; the Pod itself if left out.
        optional path: Option<Text> = "path",
        /// The patch.
        required value: Node = "value",
        /// Whether a path that matches nothing is fine.
        optional optional: bool = "optional",
    }
}

impl Parameters for Merge {
    const NAME: &'static str = "merge";
    const FUNCTION: Option<(&'static str, &'static [&'static str])> = Some(("merge", &["path", "value"]));

    fn compile(self, compiler: &mut Compiler<'_>) -> Option<Box<dyn Operation>> {
        let whole = || Text { span: self.value.span, value: "$".to_owned(), style: Style::Made };
        let written = self.path.clone().unwrap_or_else(whole);
        let (path, value) = (compiler.path(&written), compiler.value(&self.value));
        let (path, value) = (path?, value?);
        compiler.check_value(&path, &self.value);
        Some(Box::new(Compiled { path, value, optional: self.optional, written }))
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
        let patch = cx.value(&self.value)?;
        let places = match cx.target(&self.path) {
            Some(target) => vec![target],
            None => cx.select(&self.path, &self.written, self.optional)?,
        };
        for place in places {
            if place.steps().is_empty() && !patch.is_object() {
                let message = format!("the Pod is merged with an object, not with {}", kind_of(&patch));
                return Err(fault(Code::OperationFailed, message, self.written.span));
            }
            merge_patch::apply(cx.pod, &place, &patch).map_err(|e| edit_fault(&e, self.written.span))?;
        }
        Ok(())
    }
}
