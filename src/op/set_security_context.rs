//! `setSecurityContext`: security settings of containers and of the Pod.

use super::compiler::{Compiler, Function, Parameters};
use super::containers::{Chosen, Containers};
use super::context::OpContext;
use super::operation::Operation;
use super::shapes::{Object, filled, not};
use super::text_map::merge;
use crate::diagnostic::{Code, Fault, Span};
use crate::edit::Pointer;
use crate::expr::ValueExpr;
use crate::record;

record! {
    /// Merges security settings of containers (`value`) and of the Pod (`pod`): keys that aren't named are kept, lists are
    /// replaced, a null removes a key.
    ///
    /// ```yaml
    /// - setSecurityContext:
    ///     value: {runAsUser: 1000, capabilities: {drop: [ALL]}}
    ///     containers: all
    ///     pod: {fsGroup: 2000}
    /// ```
    pub struct SetSecurityContext as "setSecurityContext" {
        /// Fields of the containers' securityContext.
        optional value: Option<Object> = "value",
        /// Fields of the Pod's securityContext.
        optional pod: Option<Object> = "pod",
        /// The containers that get `value`: `task` (the default), `all`, or a list of names and globs.
        optional containers: Containers = "containers",
        /// Whether to include init containers.
        optional init: bool = "init",
    }
}

impl Parameters for SetSecurityContext {
    const FUNCTION: Option<Function> = Some(("set_security_context", &["value"]));

    fn compile(self, compiler: &mut Compiler<'_>) -> Option<Box<dyn Operation>> {
        let containers = self.containers.compile(self.init, compiler)?;
        let mut part = |written: Option<Object>| match written {
            Some(object) => object.compile(&[], compiler).map(|template| Some((template, object.0.span))),
            None => Some(None),
        };
        let (value, pod) = (part(self.value), part(self.pod));
        let (value, pod) = (value?, pod?);
        match (&value, &pod, containers.span()) {
            (None, None, span) => {
                let span = span.unwrap_or(compiler.span);
                compiler.error(Code::MissingKey, "`setSecurityContext` needs `value` or `pod`", span);
                return None;
            }
            (None, Some(_), Some(span)) => {
                compiler.error(Code::BadValue, "`containers` has no effect without `value`", span);
                return None;
            }
            _ => {}
        }
        Some(Box::new(SetSecurityContextOp { value, pod, containers }))
    }
}

#[derive(Debug)]
struct SetSecurityContextOp {
    value: Option<(ValueExpr, Span)>,
    pod: Option<(ValueExpr, Span)>,
    containers: Chosen,
}

impl Operation for SetSecurityContextOp {
    fn apply(&self, cx: &mut OpContext<'_>) -> Result<(), Fault> {
        if let Some((template, span)) = &self.value {
            let containers = self.containers.places_created(cx)?;
            let patch = filled(cx, template)?;
            if !patch.is_object() {
                return Err(not("`value`", "an object", &patch, *span));
            }
            for container in containers {
                merge(cx, &container.child("securityContext"), &patch, *span)?;
            }
        }
        if let Some((template, span)) = &self.pod {
            let patch = filled(cx, template)?;
            if !patch.is_object() {
                return Err(not("`pod`", "an object", &patch, *span));
            }
            merge(cx, &Pointer::of(["spec", "securityContext"]), &patch, *span)?;
        }
        Ok(())
    }
}
