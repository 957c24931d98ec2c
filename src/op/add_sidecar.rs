//! `addSidecar`: a container that runs beside the task.

use super::compiler::{Compiler, Function, Parameters};
use super::context::OpContext;
use super::init_container::{Added, Position};
use super::operation::Operation;
use super::shapes::Object;
use crate::diagnostic::Fault;
use crate::record;

record! {
    /// Adds a [sidecar](https://kubernetes.io/docs/concepts/workloads/pods/sidecar-containers/): an init container with
    /// `restartPolicy: Always`. It starts before the task's container and is stopped after it, so the Pod ends with the
    /// task. An init container with the same name is replaced, in its position.
    ///
    /// ```yaml
    /// - addSidecar:
    ///     container: {name: logs, image: "fluent/fluent-bit:3"}
    /// ```
    pub struct AddSidecar as "addSidecar" {
        /// The container, with the fields that it has in a Pod; `name` is required.
        required container: Object = "container",
        /// `last` (the default) or `first` among the init containers. One that is replaced keeps its position.
        optional position: Position = "position",
    }
}

impl Parameters for AddSidecar {
    const FUNCTION: Option<Function> = Some(("add_sidecar", &["container", "position"]));

    fn compile(self, compiler: &mut Compiler<'_>) -> Option<Box<dyn Operation>> {
        Some(Box::new(AddSidecarOp(Added::compile(&self.container, self.position, true, compiler)?)))
    }
}

#[derive(Debug)]
struct AddSidecarOp(Added);

impl Operation for AddSidecarOp {
    fn apply(&self, cx: &mut OpContext<'_>) -> Result<(), Fault> {
        self.0.apply(cx)
    }
}
