//! `setSecurityContext`: security settings of containers and of the Pod.

use super::containers::{Chosen, Containers};
use super::shapes::{Object, filled, not};
use super::text_map::merge;
use super::{Compiler, OpContext, Operation, Parameters};
use crate::diagnostic::{Code, Fault, Span};
use crate::edit::Pointer;
use crate::expr::ValueExpr;
use crate::record;
use serde_json::Value;

record! {
    /// Merges security settings, of containers (`value`) and of the Pod (`pod`): keys that aren't named stay, lists are
    /// replaced, a null removes a key.
    ///
    /// ```yaml
    /// - setSecurityContext:
    ///     value: {runAsUser: 1000, capabilities: {drop: [ALL]}}
    ///     containers: all
    ///     pod: {fsGroup: 2000}
    /// ```
    pub struct SetSecurityContext as "setSecurityContext" {
        /// Keys of a container's securityContext.
        optional value: Option<Object> = "value",
        /// Keys of the Pod's securityContext.
        optional pod: Option<Object> = "pod",
        /// Which containers get `value`: `task` (the default), `all`, or a list of names and globs.
        optional containers: Containers = "containers",
        /// Whether init containers get it too.
        optional init: bool = "init",
    }
}

impl Parameters for SetSecurityContext {
    const NAME: &'static str = "setSecurityContext";
    const FUNCTION: Option<(&'static str, &'static [&'static str])> = Some(("set_security_context", &["value"]));

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
                compiler.error(Code::BadValue, "`containers` says who gets `value`, which is missing", span);
                return None;
            }
            _ => {}
        }
        Some(Box::new(Compiled { value, pod, containers }))
    }
}

#[derive(Debug)]
struct Compiled {
    value: Option<(ValueExpr, Span)>,
    pod: Option<(ValueExpr, Span)>,
    containers: Chosen,
}

impl Operation for Compiled {
    fn apply(&self, cx: &mut OpContext<'_>) -> Result<(), Fault> {
        if let Some((template, span)) = &self.value {
            let containers = self.containers.places_made(cx)?;
            let patch = filled(cx, template)?;
            if !patch.is_object() {
                return Err(not("`value`", "an object", &patch, *span));
            }
            for container in containers {
                merge(cx, &container.child("securityContext"), &patch, *span)?;
            }
        }
        if let Some((template, span)) = &self.pod {
            let patch: std::borrow::Cow<'_, Value> = filled(cx, template)?;
            if !patch.is_object() {
                return Err(not("`pod`", "an object", &patch, *span));
            }
            merge(cx, &Pointer::from_iter(["spec".into(), "securityContext".into()]), &patch, *span)?;
        }
        Ok(())
    }
}
