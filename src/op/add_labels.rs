//! `addLabels`: labels of the Pod.

use super::shapes::Object;
use super::text_map::{TextMap, label};
use super::{Compiler, OpContext, Operation, Parameters};
use crate::diagnostic::Fault;
use crate::edit::Pointer;
use crate::record;

record! {
    /// Adds labels to the Pod; one that is there already gets the new value. Numbers and booleans become text.
    /// `label(…)` makes a valid value of any text.
    ///
    /// ```yaml
    /// - addLabels: {labels: {team: ml, queue: "${label(queue.name)}"}}
    /// ```
    pub struct AddLabels as "addLabels" {
        /// The labels.
        required entries: Object = "labels",
    }
}

impl Parameters for AddLabels {
    const NAME: &'static str = "addLabels";
    const FUNCTION: Option<(&'static str, &'static [&'static str])> = Some(("add_labels", &["labels"]));

    fn compile(self, compiler: &mut Compiler<'_>) -> Option<Box<dyn Operation>> {
        Some(Box::new(Compiled(TextMap::compile(&self.entries, label, compiler)?)))
    }
}

#[derive(Debug)]
struct Compiled(TextMap);

impl Operation for Compiled {
    fn apply(&self, cx: &mut OpContext<'_>) -> Result<(), Fault> {
        self.0.apply(cx, &Pointer::from_iter(["metadata".into(), "labels".into()]))
    }
}
