//! The operations, one file each: `SetEnv` is `setEnv` as users write it, `SetEnvOp` is what it compiles to.
//!
//! To add one, add its file here and its type to [`ALL`].

mod compiler;
mod context;
pub mod functions;
mod operation;
mod registry;

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

// Shared by several operations.
mod containers;
mod env_index;
mod env_order;
mod field_types;
mod init_container;
mod lists;
mod shapes;
mod text_map;

pub use compiler::{Compiler, Descriptor, Function, Parameters};
pub use context::{Host, OpContext};
pub use env_index::EnvIndex;
pub use operation::{CompiledOp, Operation};
pub use registry::ALL;
