//! The operations, one file each: what users write, what it compiles to, how it edits, how it fails.
//!
//! To add one, add its file here and its type to [`ALL`].

mod compiler;
pub mod functions;
mod host;

mod append;
mod copy;
mod default;
mod insert;
mod json_patch;
mod merge;
mod remove;
mod replace;
mod strategic_merge;
mod substitute;

mod add_annotations;
mod add_host_aliases;
mod add_image_pull_secrets;
mod add_init_container;
mod add_labels;
mod add_sidecar;
mod add_tolerations;
mod add_volume;
mod for_each;
mod python;
mod remove_env;
mod remove_volume;
mod script;
mod set;
mod set_env;
mod set_image;
mod set_node_selector;
mod set_resources;
mod set_security_context;

// What several of them share.
mod containers;
mod env_index;
mod env_order;
mod field_types;
mod init_container;
mod lists;
mod shapes;
mod text_map;

pub use compiler::Compiler;
pub use env_index::EnvIndex;
pub use host::{Bench, Fault, Host, fault};

use crate::diagnostic::Span;
use crate::rules::Read;
use crate::source::Node;
use schemars::{JsonSchema, Schema, SchemaGenerator};

/// A compiled operation. It edits the Pod through the bench; what it changed before it failed is undone by the runner.
pub trait Operation: std::fmt::Debug + Send + Sync {
    /// Does it.
    fn apply(&self, bench: &mut Bench<'_>) -> Result<(), Fault>;
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

const fn describe<P: Parameters>() -> Descriptor {
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

/// Every operation, in the order of the documentation.
pub const ALL: &[Descriptor] = &[
    describe::<set::Set>(),
    describe::<default::Default>(),
    describe::<remove::Remove>(),
    describe::<append::Append>(),
    describe::<append::Prepend>(),
    describe::<insert::Insert>(),
    describe::<merge::Merge>(),
    describe::<strategic_merge::StrategicMerge>(),
    describe::<json_patch::JsonPatch>(),
    describe::<replace::Replace>(),
    describe::<substitute::Substitute>(),
    describe::<copy::Copy>(),
    describe::<copy::Move>(),
    describe::<for_each::ForEach>(),
    describe::<set_env::SetEnv>(),
    describe::<remove_env::RemoveEnv>(),
    describe::<add_volume::AddVolume>(),
    describe::<remove_volume::RemoveVolume>(),
    describe::<set_image::SetImage>(),
    describe::<set_resources::SetResources>(),
    describe::<set_security_context::SetSecurityContext>(),
    describe::<add_tolerations::AddTolerations>(),
    describe::<add_labels::AddLabels>(),
    describe::<add_annotations::AddAnnotations>(),
    describe::<add_image_pull_secrets::AddImagePullSecrets>(),
    describe::<add_host_aliases::AddHostAliases>(),
    describe::<set_node_selector::SetNodeSelector>(),
    describe::<add_init_container::AddInitContainer>(),
    describe::<add_sidecar::AddSidecar>(),
    describe::<script::Script>(),
    describe::<python::Python>(),
];

/// The operation of a name.
pub fn find(name: &str) -> Option<&'static Descriptor> {
    ALL.iter().find(|operation| operation.name == name)
}

/// All names, for messages.
pub fn names() -> String {
    ALL.iter().map(|operation| operation.name).collect::<Vec<_>>().join(", ")
}

/// A compiled operation with its name and place.
#[derive(Debug)]
pub struct Compiled {
    /// Its name.
    pub name: &'static str,
    /// Where its name stands.
    pub span: Span,
    /// What it does.
    pub operation: Box<dyn Operation>,
}

/// Compiles a list of operations; those with mistakes are reported and left out.
pub fn compile_all(operations: &[crate::rules::Operation], compiler: &mut Compiler<'_>) -> Vec<Compiled> {
    let mut compiled = Vec::with_capacity(operations.len());
    for operation in operations {
        // Reading let none through that doesn't exist.
        let Some(descriptor) = find(&operation.name.value) else { continue };
        if let Some(done) = (descriptor.compile)(&operation.params, compiler) {
            compiled.push(Compiled { name: descriptor.name, span: operation.name.span, operation: done });
        }
    }
    compiled
}
