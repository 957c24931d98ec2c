//! `addTolerations`: taints of nodes that the Pod puts up with.

use super::host::edit_fault;
use super::lists::put;
use super::shapes::{Items, elements, filled, not};
use super::{Compiler, OpContext, Operation, Parameters};
use crate::diagnostic::{Fault, Span};
use crate::edit::{Pointer, json_patch};
use crate::expr::ValueExpr;
use crate::record;

record! {
    /// Adds tolerations; one that is there already, key by key, is not added again.
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
    const NAME: &'static str = "addTolerations";
    const FUNCTION: Option<(&'static str, &'static [&'static str])> = Some(("add_tolerations", &["tolerations"]));

    fn compile(self, compiler: &mut Compiler<'_>) -> Option<Box<dyn Operation>> {
        let template = self.tolerations.compile_each(compiler, |item, span| match item.is_object() {
            true => Ok(()),
            false => Err(not("a toleration", "an object", item, span)),
        })?;
        Some(Box::new(Compiled { template, span: self.tolerations.0.span }))
    }
}

#[derive(Debug)]
struct Compiled {
    template: ValueExpr,
    span: Span,
}

impl Operation for Compiled {
    fn apply(&self, cx: &mut OpContext<'_>) -> Result<(), Fault> {
        let list = Pointer::from_iter(["spec".into(), "tolerations".into()]);
        let tolerations = filled(cx, &self.template)?;
        for item in elements(&tolerations) {
            if !item.is_object() {
                return Err(not("a toleration", "an object", item, self.span));
            }
            if !super::lists::items(cx.pod, &list).iter().any(|other| json_patch::equal(other, item)) {
                put(cx.pod, &list, item, false, |_| false).map_err(|e| edit_fault(&e, self.span))?;
            }
        }
        Ok(())
    }
}
