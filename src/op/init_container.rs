//! A container for the list of init containers, as `addInitContainer` and `addSidecar` add it.

use super::compiler::Compiler;
use super::context::OpContext;
use super::lists::{is_named, put};
use super::shapes::{Object, filled, text_of};
use crate::diagnostic::{Code, Fault, Span, fault};
use crate::edit::Pointer;
use crate::expr::ValueExpr;
use crate::words;
use serde_json::Value;

words! {
    /// The position of a new container.
    pub enum Position {
        /// After the other init containers.
        Last = "last",
        /// Before the other init containers.
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
    /// Compiles the container, which must have a name. A sidecar gets its restart policy.
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

    /// Adds the container to the Pod, or replaces the one with the same name.
    ///
    /// # Errors
    /// An expression fails or gives something that isn't a container, or the edit doesn't fit the Pod.
    pub fn apply(&self, cx: &mut OpContext<'_>) -> Result<(), Fault> {
        let mut container = filled(cx, &self.container)?;
        if self.sidecar && self.container.constant().is_none() {
            restarting(container.to_mut(), self.span)?;
        }
        let name = text_of(&container, "name", "the container", self.span)?;
        let list = Pointer::of(["spec", "initContainers"]);
        put(cx, &list, &container, self.first, |item| is_named(item, "name", name), self.span)
    }
}

/// Makes an init container a sidecar.
///
/// # Errors
/// It has another restart policy.
fn restarting(container: &mut Value, span: Span) -> Result<(), Fault> {
    // Anything but an object is reported when its name is read.
    let Value::Object(fields) = container else { return Ok(()) };
    match fields.get("restartPolicy") {
        Some(Value::String(policy)) if policy == "Always" => Ok(()),
        None | Some(Value::Null) => {
            fields.insert("restartPolicy".to_owned(), Value::String("Always".to_owned()));
            Ok(())
        }
        Some(other) => {
            let mut error =
                fault(Code::BadValue, format!("a sidecar must have `restartPolicy: Always`, not {other}"), span);
            error.help = Some("to add a container that runs to completion, use addInitContainer".to_owned());
            Err(error)
        }
    }
}
