//! `addTolerations`: taints of nodes that the Pod tolerates.

use super::compiler::{Compiler, Function, Parameters};
use super::context::OpContext;
use super::lists::{items, put};
use super::operation::Operation;
use super::shapes::{Items, elements, filled, not};
use crate::diagnostic::{Fault, Span};
use crate::edit::{Pointer, json_patch};
use crate::expr::ValueExpr;
use crate::record;

record! {
    /// Adds tolerations that the Pod doesn't have yet; two are the same if all of their keys are.
    ///
    /// ```yaml
    /// - addTolerations:
    ///     tolerations: [{key: nvidia.com/gpu, operator: Exists, effect: NoSchedule}]
    /// ```
    pub struct AddTolerations as "addTolerations" {
        /// One or more tolerations.
        required tolerations: Items = "tolerations",
    }
}

impl Parameters for AddTolerations {
    const FUNCTION: Option<Function> = Some(("add_tolerations", &["tolerations"]));

    fn compile(self, compiler: &mut Compiler<'_>) -> Option<Box<dyn Operation>> {
        let template = self.tolerations.compile_each(compiler, |item, span| match item.is_object() {
            true => Ok(()),
            false => Err(not("a toleration", "an object", item, span)),
        })?;
        Some(Box::new(AddTolerationsOp { template, span: self.tolerations.0.span }))
    }
}

#[derive(Debug)]
struct AddTolerationsOp {
    template: ValueExpr,
    span: Span,
}

impl Operation for AddTolerationsOp {
    fn apply(&self, cx: &mut OpContext<'_>) -> Result<(), Fault> {
        let list = Pointer::of(["spec", "tolerations"]);
        let tolerations = filled(cx, &self.template)?;
        for item in elements(&tolerations) {
            if !item.is_object() {
                return Err(not("a toleration", "an object", item, self.span));
            }
            if !items(cx.pod, &list).iter().any(|other| json_patch::equal(other, item)) {
                put(cx, &list, item, false, |_| false, self.span)?;
            }
        }
        Ok(())
    }
}
