//! `addInitContainer`: a container that runs to completion before the task.

use super::compiler::{Compiler, Function, Parameters};
use super::context::OpContext;
use super::init_container::{Added, Position};
use super::operation::Operation;
use super::shapes::Object;
use crate::diagnostic::Fault;
use crate::record;

record! {
    /// Adds an init container, which runs to completion before the task's container starts. An init container with the same
    /// name is replaced, in its position.
    ///
    /// ```yaml
    /// - addInitContainer:
    ///     container: {name: fetch, image: "alpine/git", args: [clone, '${config.get("repo")}', /work]}
    /// ```
    pub struct AddInitContainer as "addInitContainer" {
        /// The container, with the fields that it has in a Pod; `name` is required.
        required container: Object = "container",
        /// `last` (the default) or `first` among the init containers. One that is replaced keeps its position.
        optional position: Position = "position",
    }
}

impl Parameters for AddInitContainer {
    const FUNCTION: Option<Function> = Some(("add_init_container", &["container", "position"]));

    fn compile(self, compiler: &mut Compiler<'_>) -> Option<Box<dyn Operation>> {
        Some(Box::new(AddInitContainerOp(Added::compile(&self.container, self.position, false, compiler)?)))
    }
}

#[derive(Debug)]
struct AddInitContainerOp(Added);

impl Operation for AddInitContainerOp {
    fn apply(&self, cx: &mut OpContext<'_>) -> Result<(), Fault> {
        self.0.apply(cx)
    }
}
