//! `addInitContainer`: a container that runs before the others.

use super::init_container::{Added, Position};
use super::shapes::Object;
use super::{Compiler, OpContext, Operation, Parameters};
use crate::diagnostic::Fault;
use crate::record;

record! {
    /// Adds an init container, which runs to its end before the task's container starts. One of that name is replaced
    /// where it stands.
    ///
    /// ```yaml
    /// - addInitContainer:
    ///     container: {name: fetch, image: "alpine/git", args: [clone, "${config.get('repo')}", /work]}
    /// ```
    pub struct AddInitContainer as "addInitContainer" {
        /// A container as in a Pod: its name, image and so on.
        required container: Object = "container",
        /// `last` (the default) or `first` among the init containers; one that is replaced keeps its place.
        optional position: Position = "position",
    }
}

impl Parameters for AddInitContainer {
    const NAME: &'static str = "addInitContainer";
    const FUNCTION: Option<(&'static str, &'static [&'static str])> =
        Some(("add_init_container", &["container", "position"]));

    fn compile(self, compiler: &mut Compiler<'_>) -> Option<Box<dyn Operation>> {
        Some(Box::new(Compiled(Added::compile(&self.container, self.position, false, compiler)?)))
    }
}

#[derive(Debug)]
struct Compiled(Added);

impl Operation for Compiled {
    fn apply(&self, cx: &mut OpContext<'_>) -> Result<(), Fault> {
        self.0.apply(cx)
    }
}
