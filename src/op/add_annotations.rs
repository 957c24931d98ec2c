//! `addAnnotations`: annotations of the Pod.

use super::shapes::Object;
use super::text_map::{TextMap, annotation};
use super::{Compiler, OpContext, Operation, Parameters};
use crate::diagnostic::Fault;
use crate::edit::Pointer;
use crate::record;

record! {
    /// Adds annotations to the Pod; one that is there already gets the new value. Numbers and booleans become text.
    ///
    /// ```yaml
    /// - addAnnotations: {annotations: {cluster-autoscaler.kubernetes.io/safe-to-evict: false}}
    /// ```
    pub struct AddAnnotations as "addAnnotations" {
        /// The annotations.
        required entries: Object = "annotations",
    }
}

impl Parameters for AddAnnotations {
    const NAME: &'static str = "addAnnotations";
    const FUNCTION: Option<(&'static str, &'static [&'static str])> = Some(("add_annotations", &["annotations"]));

    fn compile(self, compiler: &mut Compiler<'_>) -> Option<Box<dyn Operation>> {
        Some(Box::new(Compiled(TextMap::compile(&self.entries, annotation, compiler)?)))
    }
}

#[derive(Debug)]
struct Compiled(TextMap);

impl Operation for Compiled {
    fn apply(&self, cx: &mut OpContext<'_>) -> Result<(), Fault> {
        self.0.apply(cx, &Pointer::from_iter(["metadata".into(), "annotations".into()]))
    }
}
