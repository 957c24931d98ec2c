//! What `addInitContainer` and `addSidecar` share.

use super::host::edit_fault;
use super::lists::{is_named, put};
use super::shapes::{Object, filled, text_of};
use super::{Compiler, OpContext};
use crate::diagnostic::{Code, Fault, Span, fault};
use crate::edit::Pointer;
use crate::expr::ValueExpr;
use crate::words;
use serde_json::Value;

words! {
    /// Where a new container goes among the others.
    pub enum Position {
        /// After them.
        Last = "last",
        /// Before them.
        First = "first",
    }
}

/// A compiled container for the list of init containers.
#[derive(Debug)]
pub struct Added {
    container: ValueExpr,
    first: bool,
    sidecar: bool,
    span: Span,
}

impl Added {
    /// Compiles it; the name must be there. A sidecar gets its restart policy.
    pub fn compile(written: &Object, position: Position, sidecar: bool, compiler: &mut Compiler<'_>) -> Option<Added> {
        let mut container = written.compile(&["name"], compiler)?;
        let span = written.0.span;
        if let (true, ValueExpr::Constant(value)) = (sidecar, &mut container)
            && let Err(error) = restarting(value, span)
        {
            compiler.found.push(*error);
            return None;
        }
        Some(Added { container, first: position == Position::First, sidecar, span })
    }

    /// Adds it to the Pod, or replaces the one of its name.
    pub fn apply(&self, cx: &mut OpContext<'_>) -> Result<(), Fault> {
        let mut container = filled(cx, &self.container)?;
        if self.sidecar && self.container.constant().is_none() {
            restarting(container.to_mut(), self.span)?;
        }
        let name = text_of(&container, "name", "the container", self.span)?;
        let list = Pointer::from_iter(["spec".into(), "initContainers".into()]);
        put(cx.pod, &list, &container, self.first, |item| is_named(item, "name", name))
            .map_err(|e| edit_fault(&e, self.span))
    }
}

/// Makes a sidecar of an init container; another restart policy would make it something else.
fn restarting(container: &mut Value, span: Span) -> Result<(), Fault> {
    // Anything else is reported with the name, which it lacks.
    let Value::Object(fields) = container else { return Ok(()) };
    match fields.get("restartPolicy") {
        Some(Value::String(policy)) if policy == "Always" => Ok(()),
        None | Some(Value::Null) => {
            fields.insert("restartPolicy".to_owned(), Value::String("Always".to_owned()));
            Ok(())
        }
        Some(other) => {
            let mut error = fault(Code::BadValue, format!("a sidecar restarts `Always`, not {other}"), span);
            error.help = Some("addInitContainer adds one that runs to its end".to_owned());
            Err(error)
        }
    }
}
