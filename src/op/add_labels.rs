//! `addLabels`: labels of the Pod.

use super::compiler::{Compiler, Function, Parameters};
use super::context::OpContext;
use super::operation::Operation;
use super::shapes::Object;
use super::text_map::{TextMap, label};
use crate::diagnostic::Fault;
use crate::edit::Pointer;
use crate::record;

record! {
    /// Adds labels to the Pod; an existing one gets the new value. Numbers and booleans become text. `label(…)` turns any
    /// text into a valid value.
    ///
    /// ```yaml
    /// - addLabels: {labels: {team: ml, queue: "${label(queue.name)}"}}
    /// ```
    pub struct AddLabels as "addLabels" {
        /// The labels, as keys and values.
        required entries: Object = "labels",
    }
}

impl Parameters for AddLabels {
    const FUNCTION: Option<Function> = Some(("add_labels", &["labels"]));

    fn compile(self, compiler: &mut Compiler<'_>) -> Option<Box<dyn Operation>> {
        Some(Box::new(AddLabelsOp(TextMap::compile(&self.entries, label, compiler)?)))
    }
}

#[derive(Debug)]
struct AddLabelsOp(TextMap);

impl Operation for AddLabelsOp {
    fn apply(&self, cx: &mut OpContext<'_>) -> Result<(), Fault> {
        self.0.apply(cx, &Pointer::of(["metadata", "labels"]))
    }
}
