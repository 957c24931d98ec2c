//! `podrules schema`: the JSON Schemas that editors check rules with.

use super::arguments::{Schema, SchemaKind};
use super::{Exit, report};
use podrules::rules;

/// Runs the command.
pub fn run(command: &Schema) -> Exit {
    let schema = match command.which {
        SchemaKind::Rules => rules::schema::rules(),
    };
    report::print(&format!("{schema:#}\n"))
}
