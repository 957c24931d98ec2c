//! A task's configuration.

use crate::diagnostic::{Diagnostics, FileId, Sources};
use crate::source::{hocon, yaml};
use serde_json::{Value, json};

/// A configuration in JSON or YAML if its name says so, in HOCON (a clearml.conf) otherwise. Mistakes go to `found`.
pub fn read_config(sources: &Sources, file: FileId, found: &mut Diagnostics) -> Option<Value> {
    let name = sources.name(file);
    if name.ends_with(".yaml") || name.ends_with(".yml") || name.ends_with(".json") {
        return Some(yaml::read(sources, file, found).into_iter().next().map_or(json!({}), |node| node.to_value()));
    }
    hocon::read(sources, file).map_err(|diagnostic| found.push(diagnostic)).ok()
}
