//! `addAnnotations`: annotations of the Pod.

use super::compiler::{Compiler, Function, Parameters};
use super::context::OpContext;
use super::operation::Operation;
use super::shapes::Object;
use super::text_map::{TextMap, annotation};
use crate::diagnostic::Fault;
use crate::edit::Pointer;
use crate::record;

record! {
    /// Adds annotations to the Pod; an existing one gets the new value. Numbers and booleans become text.
    ///
    /// ```yaml
    /// - addAnnotations: {annotations: {cluster-autoscaler.kubernetes.io/safe-to-evict: false}}
    /// ```
    pub struct AddAnnotations as "addAnnotations" {
        /// The annotations, as keys and values.
        required entries: Object = "annotations",
    }
}

impl Parameters for AddAnnotations {
    const FUNCTION: Option<Function> = Some(("add_annotations", &["annotations"]));

    fn compile(self, compiler: &mut Compiler<'_>) -> Option<Box<dyn Operation>> {
        Some(Box::new(AddAnnotationsOp(TextMap::compile(&self.entries, annotation, compiler)?)))
    }
}

#[derive(Debug)]
struct AddAnnotationsOp(TextMap);

impl Operation for AddAnnotationsOp {
    fn apply(&self, cx: &mut OpContext<'_>) -> Result<(), Fault> {
        self.0.apply(cx, &Pointer::of(["metadata", "annotations"]))
    }
}
