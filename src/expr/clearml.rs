use crate::edit::Editor;
use serde_json::Value;
use std::collections::BTreeSet;
pub struct Scope<'a> {
    pub task: &'a Value,
    pub queue_id: &'a str,
    pub queue_name: &'a str,
}
pub fn tokens(_: &Value) -> BTreeSet<String> {
    BTreeSet::new()
}
pub fn resolve(_: &mut Editor, _: &BTreeSet<String>, _: &Scope<'_>) {}
