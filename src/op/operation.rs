//! A compiled operation.

use super::context::OpContext;
use crate::diagnostic::{Fault, Span};

/// A compiled operation. It edits the Pod through the context; what it changed before it failed is undone by the runner.
pub trait Operation: std::fmt::Debug + Send + Sync {
    /// Edits the Pod.
    ///
    /// # Errors
    /// The operation can't be applied to this Pod or this task.
    fn apply(&self, cx: &mut OpContext<'_>) -> Result<(), Fault>;
}

/// A compiled operation with its name and place.
#[derive(Debug)]
pub struct CompiledOp {
    /// Its name in rules.
    pub name: &'static str,
    /// Where its name was written.
    pub span: Span,
    /// How it edits the Pod.
    pub operation: Box<dyn Operation>,
}
