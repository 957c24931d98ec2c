//! `addSidecar`: a container that runs beside the task.

use super::init_container::{Added, Position};
use super::shapes::Object;
use super::{Compiler, OpContext, Operation, Parameters};
use crate::diagnostic::Fault;
use crate::record;

record! {
    /// Adds a [sidecar](https://kubernetes.io/docs/concepts/workloads/pods/sidecar-containers/): an init container with
    /// `restartPolicy: Always`. It starts before the task's container and is stopped after it, so the Pod ends with the
    /// task. One of that name is replaced where it stands.
    ///
    /// ```yaml
    /// - addSidecar:
    ///     container: {name: logs, image: "fluent/fluent-bit:3"}
    /// ```
    pub struct AddSidecar as "addSidecar" {
        /// A container as in a Pod: its name, image and so on.
        required container: Object = "container",
        /// `last` (the default) or `first` among the init containers; one that is replaced keeps its place.
        optional position: Position = "position",
    }
}

impl Parameters for AddSidecar {
    const NAME: &'static str = "addSidecar";
    const FUNCTION: Option<(&'static str, &'static [&'static str])> = Some(("add_sidecar", &["container", "position"]));

    fn compile(self, compiler: &mut Compiler<'_>) -> Option<Box<dyn Operation>> {
        Some(Box::new(Compiled(Added::compile(&self.container, self.position, true, compiler)?)))
    }
}

#[derive(Debug)]
struct Compiled(Added);

impl Operation for Compiled {
    fn apply(&self, cx: &mut OpContext<'_>) -> Result<(), Fault> {
        self.0.apply(cx)
    }
}
