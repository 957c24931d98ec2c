//! `removeVolume`: a volume and every mount of it.

use super::compiler::{Compiler, Function, Parameters};
use super::context::OpContext;
use super::lists::{is_named, items, remove_from};
use super::operation::Operation;
use super::shapes::filled_text;
use crate::diagnostic::{Fault, Span};
use crate::edit::Pointer;
use crate::expr::ValueExpr;
use crate::record;
use crate::source::Text;

record! {
    /// Removes a volume and all of its mounts and block devices, in containers and init containers. A volume that doesn't
    /// exist is ignored.
    ///
    /// ```yaml
    /// - removeVolume: {name: scratch}
    /// ```
    pub struct RemoveVolume as "removeVolume" {
        /// The name of the volume.
        required name: Text = "name",
    }
}

impl Parameters for RemoveVolume {
    const FUNCTION: Option<Function> = Some(("remove_volume", &["name"]));

    fn compile(self, compiler: &mut Compiler<'_>) -> Option<Box<dyn Operation>> {
        Some(Box::new(RemoveVolumeOp { name: compiler.text(&self.name)?, span: self.name.span }))
    }
}

#[derive(Debug)]
struct RemoveVolumeOp {
    name: ValueExpr,
    span: Span,
}

impl Operation for RemoveVolumeOp {
    fn apply(&self, cx: &mut OpContext<'_>) -> Result<(), Fault> {
        let name = filled_text(cx, &self.name, "`name`", self.span)?;
        let spec = Pointer::of(["spec"]);
        let mut lists = vec![spec.child("volumes")];
        for kind in ["containers", "initContainers"] {
            let containers = spec.child(kind);
            for index in 0..items(cx.pod, &containers).len() {
                let container = containers.child(index);
                lists.extend(["volumeMounts", "volumeDevices"].map(|mounts| container.child(mounts)));
            }
        }
        for list in lists {
            remove_from(cx, &list, 0, |item| is_named(item, "name", &name), self.span)?;
        }
        Ok(())
    }
}
