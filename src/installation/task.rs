//! A task's text.

use crate::diagnostic::{Diagnostics, FileId, Sources};
use crate::source::{self, json, yaml};
use serde_json::Value;

/// A task in JSON, or in YAML for people who write one by hand: bare, or as ClearML's API returns it. Mistakes go to `found`.
pub fn read_task(sources: &Sources, file: FileId, found: &mut Diagnostics) -> Option<Value> {
    let text = sources.text(file).trim_start();
    let value = if text.starts_with(['{', '[']) || text.is_empty() {
        json::read(sources, file).map_err(|diagnostic| found.push(diagnostic)).ok()?
    } else {
        yaml::read(sources, file, found).into_iter().next()?.to_value()
    };
    source::task(value).map_err(|diagnostic| found.push(diagnostic)).ok()
}
