//! `setResources`: limits and requests of containers.

use super::compiler::{Compiler, Function, Parameters};
use super::containers::{Chosen, Containers};
use super::context::OpContext;
use super::operation::Operation;
use super::shapes::{Object, filled, not};
use super::text_map::merge;
use crate::diagnostic::{Code, Fault, Span, fault};
use crate::expr::ValueExpr;
use crate::pod::quantity::Quantity;
use crate::record;
use serde_json::Value;

record! {
    /// Merges limits and requests by the name of the resource: other resources are kept, a null removes one.
    ///
    /// ```yaml
    /// - setResources:
    ///     limits: {nvidia.com/gpu: '${task.param("Args/gpus", 1)}', memory: 64Gi}
    ///     requests: {cpu: 8, memory: null}
    /// ```
    pub struct SetResources as "setResources" {
        /// The maximum of each resource.
        optional limits: Option<Object> = "limits",
        /// The amount requested of each resource.
        optional requests: Option<Object> = "requests",
        /// The containers: `task` (the default), `all`, or a list of names and globs.
        optional containers: Containers = "containers",
        /// Whether to include init containers.
        optional init: bool = "init",
    }
}

impl Parameters for SetResources {
    const FUNCTION: Option<Function> = Some(("set_resources", &["limits", "requests"]));

    fn compile(self, compiler: &mut Compiler<'_>) -> Option<Box<dyn Operation>> {
        let containers = self.containers.compile(self.init, compiler)?;
        if self.limits.is_none() && self.requests.is_none() {
            let span = containers.span().unwrap_or(compiler.span);
            compiler.error(Code::MissingKey, "`setResources` needs `limits` or `requests`", span);
            return None;
        }
        let mut valid = true;
        let mut kinds = Vec::new();
        for (key, written) in [("limits", self.limits), ("requests", self.requests)] {
            let Some(written) = written else { continue };
            for (name, node) in written.0.entries() {
                let open = node.as_str().is_some_and(|text| text.contains("${") && compiler.language.is_some());
                if !open && let Err(why) = quantity(&name.value, &node.to_value()) {
                    compiler.error(Code::BadQuantity, why, node.span);
                    valid = false;
                }
            }
            match written.compile(&[], compiler) {
                Some(template) => kinds.push(Kind { key, template, span: written.0.span }),
                None => valid = false,
            }
        }
        valid.then(|| Box::new(SetResourcesOp { kinds, containers }) as Box<dyn Operation>)
    }
}

/// Checks the value of a resource; a null removes the resource.
///
/// # Errors
/// The value is not a quantity.
fn quantity(name: &str, value: &Value) -> Result<(), String> {
    match value {
        Value::Null => Ok(()),
        other => Quantity::from_value(other).map(|_| ()).map_err(|why| format!("`{name}`: {why}")),
    }
}

#[derive(Debug)]
struct SetResourcesOp {
    kinds: Vec<Kind>,
    containers: Chosen,
}

/// Limits or requests.
#[derive(Debug)]
struct Kind {
    key: &'static str,
    template: ValueExpr,
    span: Span,
}

impl Operation for SetResourcesOp {
    fn apply(&self, cx: &mut OpContext<'_>) -> Result<(), Fault> {
        let containers = self.containers.places_created(cx)?;
        for kind in &self.kinds {
            let patch = filled(cx, &kind.template)?;
            let Value::Object(entries) = &*patch else {
                return Err(not(&format!("`{}`", kind.key), "an object", &patch, kind.span));
            };
            if kind.template.constant().is_none() {
                for (name, value) in entries {
                    quantity(name, value).map_err(|why| fault(Code::BadQuantity, why, kind.span))?;
                }
            }
            for container in &containers {
                merge(cx, &container.child("resources").child(kind.key), &patch, kind.span)?;
            }
        }
        Ok(())
    }
}
