//! What every operation is: its parameters as users write them, and what they compile to.

use super::{Compiler, OpContext};
use crate::diagnostic::{Fault, Span};
use crate::read::Read;
use crate::source::Node;
use schemars::{JsonSchema, Schema, SchemaGenerator};

/// A compiled operation. It edits the Pod through the context; what it changed before it failed is undone by the runner.
pub trait Operation: std::fmt::Debug + Send + Sync {
    /// Does it.
    fn apply(&self, cx: &mut OpContext<'_>) -> Result<(), Fault>;
}

/// The parameters of an operation, as users write them.
pub trait Parameters: Read + JsonSchema + 'static {
    /// The operation's name in rules.
    const NAME: &'static str;
    /// Its name as a function of scripts, and the keys that its positional arguments stand for; nothing if scripts
    /// don't have it.
    const FUNCTION: Option<(&'static str, &'static [&'static str])>;
    /// Resolves and checks everything that can be before a task is there; mistakes go to the compiler.
    fn compile(self, compiler: &mut Compiler<'_>) -> Option<Box<dyn Operation>>;
}

/// An operation that rules can name.
#[derive(Debug)]
pub struct Descriptor {
    /// The operation's name in rules.
    pub name: &'static str,
    /// See [`Parameters::FUNCTION`].
    pub function: Option<(&'static str, &'static [&'static str])>,
    /// The keys of its parameters.
    pub keys: &'static [&'static str],
    /// Reads and compiles its parameters.
    pub compile: fn(&Node, &mut Compiler<'_>) -> Option<Box<dyn Operation>>,
    /// The JSON Schema of its parameters.
    pub schema: fn(&mut SchemaGenerator) -> Schema,
}

/// The description of an operation.
pub(super) const fn describe<P: Parameters>() -> Descriptor {
    Descriptor {
        name: P::NAME,
        function: P::FUNCTION,
        keys: P::KEYS,
        compile: |node, compiler| {
            compiler.span = node.span;
            match P::read(node, compiler.found) {
                Some(parameters) => parameters.compile(compiler),
                None => {
                    compiler.look_over(node);
                    None
                }
            }
        },
        schema: |generator| generator.subschema_for::<P>(),
    }
}

/// A compiled operation with its name and place.
#[derive(Debug)]
pub struct CompiledOp {
    /// Its name.
    pub name: &'static str,
    /// Where its name stands.
    pub span: Span,
    /// What it does.
    pub operation: Box<dyn Operation>,
}
