//! `setNodeSelector`: the labels that a node must have.

use super::shapes::Object;
use super::text_map::{TextMap, selector};
use super::{Compiler, OpContext, Operation, Parameters};
use crate::diagnostic::Fault;
use crate::edit::Pointer;
use crate::record;

record! {
    /// Merges labels into the Pod's node selector: others stay, a null removes one. Numbers and booleans become text.
    ///
    /// ```yaml
    /// - setNodeSelector: {nodeSelector: {nvidia.com/gpu.product: NVIDIA-A100-SXM4-80GB, disk: null}}
    /// ```
    pub struct SetNodeSelector as "setNodeSelector" {
        /// The labels of the node.
        required entries: Object = "nodeSelector",
    }
}

impl Parameters for SetNodeSelector {
    const NAME: &'static str = "setNodeSelector";
    const FUNCTION: Option<(&'static str, &'static [&'static str])> = Some(("set_node_selector", &["nodeSelector"]));

    fn compile(self, compiler: &mut Compiler<'_>) -> Option<Box<dyn Operation>> {
        Some(Box::new(Compiled(TextMap::compile(&self.entries, selector, compiler)?)))
    }
}

#[derive(Debug)]
struct Compiled(TextMap);

impl Operation for Compiled {
    fn apply(&self, cx: &mut OpContext<'_>) -> Result<(), Fault> {
        self.0.apply(cx, &Pointer::from_iter(["spec".into(), "nodeSelector".into()]))
    }
}
