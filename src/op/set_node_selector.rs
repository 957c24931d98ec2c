//! `setNodeSelector`: the labels that a node must have.

use super::compiler::{Compiler, Function, Parameters};
use super::context::OpContext;
use super::operation::Operation;
use super::shapes::Object;
use super::text_map::{TextMap, selector};
use crate::diagnostic::Fault;
use crate::edit::Pointer;
use crate::record;

record! {
    /// Merges labels into the Pod's node selector: other labels are kept, a null removes one. Numbers and booleans become
    /// text.
    ///
    /// ```yaml
    /// - setNodeSelector: {nodeSelector: {nvidia.com/gpu.product: NVIDIA-A100-SXM4-80GB, disk: null}}
    /// ```
    pub struct SetNodeSelector as "setNodeSelector" {
        /// The labels that the node must have.
        required entries: Object = "nodeSelector",
    }
}

impl Parameters for SetNodeSelector {
    const FUNCTION: Option<Function> = Some(("set_node_selector", &["nodeSelector"]));

    fn compile(self, compiler: &mut Compiler<'_>) -> Option<Box<dyn Operation>> {
        Some(Box::new(SetNodeSelectorOp(TextMap::compile(&self.entries, selector, compiler)?)))
    }
}

#[derive(Debug)]
struct SetNodeSelectorOp(TextMap);

impl Operation for SetNodeSelectorOp {
    fn apply(&self, cx: &mut OpContext<'_>) -> Result<(), Fault> {
        self.0.apply(cx, &Pointer::of(["spec", "nodeSelector"]))
    }
}
