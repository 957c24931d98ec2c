//! The JSON Schema of a rules file ([2020-12](https://json-schema.org/draft/2020-12)), generated from the types in this
//! folder and the operations' parameters.

use super::file::RulesDocument;
use schemars::generate::SchemaSettings;
use serde_json::Value;

/// The schema of a rules file.
pub fn rules() -> Value {
    let mut schema = SchemaSettings::draft2020_12().into_generator().into_root_schema_for::<RulesDocument>();
    schema.insert("$id".into(), "https://podrules.io/schema/rules.schema.json".into());
    schema.insert("title".into(), "podrules rules".into());
    schema.to_value()
}
