//! The operations, one file each: what users write, what it compiles to, how it edits, how it fails.
//!
//! To add one, add its file here and its type to [`ALL`].

mod compiler;
pub mod functions;
mod host;
mod operation;

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
pub use host::{Host, OpContext};
pub use operation::{CompiledOp, Descriptor, Operation, Parameters};

use operation::describe;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use std::borrow::Cow;

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

impl JsonSchema for crate::rules::Operation {
    fn schema_name() -> Cow<'static, str> {
        "Operation".into()
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let properties: serde_json::Map<String, serde_json::Value> =
            ALL.iter().map(|o| (o.name.to_owned(), (o.schema)(generator).to_value())).collect();
        json_schema!({
            "description": "One operation: its name and its parameters.",
            "type": "object",
            "properties": properties,
            "additionalProperties": false,
            "minProperties": 1,
            "maxProperties": 1
        })
    }
}
