//! `removeVolume`: a volume and every mount of it.

use super::host::edit_fault;
use super::lists::{is_named, items, remove_from};
use super::shapes::filled_text;
use super::{Compiler, OpContext, Operation, Parameters};
use crate::diagnostic::{Fault, Span};
use crate::edit::Pointer;
use crate::expr::ValueExpr;
use crate::record;
use crate::source::Text;

record! {
    /// Removes a volume with all its mounts and block devices, in containers and init containers. One that isn't there
    /// is no error.
    ///
    /// ```yaml
    /// - removeVolume: {name: scratch}
    /// ```
    pub struct RemoveVolume as "removeVolume" {
        /// The volume's name.
        required name: Text = "name",
    }
}

impl Parameters for RemoveVolume {
    const NAME: &'static str = "removeVolume";
    const FUNCTION: Option<(&'static str, &'static [&'static str])> = Some(("remove_volume", &["name"]));

    fn compile(self, compiler: &mut Compiler<'_>) -> Option<Box<dyn Operation>> {
        Some(Box::new(Compiled { name: compiler.text(&self.name)?, span: self.name.span }))
    }
}

#[derive(Debug)]
struct Compiled {
    name: ValueExpr,
    span: Span,
}

impl Operation for Compiled {
    fn apply(&self, cx: &mut OpContext<'_>) -> Result<(), Fault> {
        let name = filled_text(cx, &self.name, "`name`", self.span)?;
        let spec = Pointer::from_iter(["spec".into()]);
        let mut lists = vec![spec.child("volumes")];
        for kind in ["containers", "initContainers"] {
            let containers = spec.child(kind);
            for index in 0..items(cx.pod, &containers).len() {
                let container = containers.child(index);
                lists.extend(["volumeMounts", "volumeDevices"].map(|mounts| container.child(mounts)));
            }
        }
        for list in lists {
            remove_from(cx.pod, &list, 0, |item| is_named(item, "name", &name))
                .map_err(|e| edit_fault(&e, self.span))?;
        }
        Ok(())
    }
}
