//! The operations there are.

use super::compiler::{Descriptor, describe};
use super::{
    add_annotations, add_host_aliases, add_image_pull_secrets, add_init_container, add_labels, add_sidecar,
    add_tolerations, add_volume, append, copy, default, for_each, insert, json_patch, merge, python, remove,
    remove_env, remove_volume, replace, script, set, set_env, set_image, set_node_selector, set_resources,
    set_security_context, strategic_merge, substitute,
};
use crate::rules::Operation;
use crate::schema;
use schemars::SchemaGenerator;
use serde_json::{Map, Value};

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

schema!(named Operation, |generator| {
    "description": "One operation: its name and its parameters.",
    "type": "object",
    "properties": properties(generator),
    "additionalProperties": false,
    "minProperties": 1,
    "maxProperties": 1
});

fn properties(generator: &mut SchemaGenerator) -> Map<String, Value> {
    ALL.iter().map(|operation| (operation.name.to_owned(), (operation.schema)(generator).to_value())).collect()
}
