//! `jsonPatch`: a JSON Patch.

use super::compiler::{Compiler, Function, Parameters};
use super::context::OpContext;
use super::operation::Operation;
use crate::diagnostic::{Code, Fault, Span, fault};
use crate::edit::json_patch::{self, PatchOp};
use crate::expr::ValueExpr;
use crate::record;
use crate::source::Node;
use serde_json::Value;

record! {
    /// Applies a JSON Patch ([RFC 6902](https://www.rfc-editor.org/rfc/rfc6902)), completely or not at all.
    ///
    /// ```yaml
    /// - jsonPatch:
    ///     ops:
    ///       - {op: add, path: /spec/priorityClassName, value: high}
    ///       - {op: test, path: /spec/containers/0/name, value: task}
    /// ```
    pub struct JsonPatch as "jsonPatch" {
        /// The operations of the patch; their paths are JSON Pointers ([RFC 6901](https://www.rfc-editor.org/rfc/rfc6901)).
        required ops: Node = "ops",
    }
}

impl Parameters for JsonPatch {
    const FUNCTION: Option<Function> = Some(("json_patch", &["ops"]));

    fn compile(self, compiler: &mut Compiler<'_>) -> Option<Box<dyn Operation>> {
        let template = compiler.value(&self.ops)?;
        let spans: Vec<Span> = self.ops.items().iter().map(|item| item.span).collect();
        let ready = match template.constant().map(json_patch::parse) {
            Some(Ok(ops)) => Some(ops),
            Some(Err((index, why))) => {
                compiler.error(Code::BadValue, why, spans.get(index).copied().unwrap_or(self.ops.span));
                return None;
            }
            None => {
                // Operations without expressions can be checked now.
                let mut valid = true;
                let ops = if let ValueExpr::List(ops) = &template { ops.as_slice() } else { &[] };
                for (op, span) in ops.iter().zip(&spans) {
                    let op = op.constant().map(|op| json_patch::parse(&Value::Array(vec![op.clone()])));
                    if let Some(Err((_, why))) = op {
                        compiler.error(Code::BadValue, why, *span);
                        valid = false;
                    }
                }
                if !valid {
                    return None;
                }
                None
            }
        };
        Some(Box::new(JsonPatchOp { ready, template, spans, span: self.ops.span }))
    }
}

#[derive(Debug)]
struct JsonPatchOp {
    /// The operations, if they contain no expression.
    ready: Option<Vec<PatchOp>>,
    template: ValueExpr,
    spans: Vec<Span>,
    span: Span,
}

impl Operation for JsonPatchOp {
    fn apply(&self, cx: &mut OpContext<'_>) -> Result<(), Fault> {
        let refused = |(index, why): (usize, String)| {
            let span = self.spans.get(index).copied().unwrap_or(self.span);
            fault(Code::OperationFailed, format!("operation {index}: {why}"), span)
        };
        let base = cx.base();
        match &self.ready {
            Some(ops) => json_patch::apply(cx.pod, &base, ops).map_err(refused),
            None => {
                let ops = json_patch::parse(&cx.value(&self.template)?).map_err(refused)?;
                json_patch::apply(cx.pod, &base, &ops).map_err(refused)
            }
        }
    }
}
