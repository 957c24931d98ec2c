//! Rules as users write them: nothing here is resolved or compiled. These types also give the JSON Schema.

mod file;
mod rule;
pub mod schema;

pub use file::{API_VERSION, KIND, RuleSet, RulesDocument, read_file, read_list};
pub use rule::{Companion, Mode, OnError, Operation, Rule, RuleStage, Selectors};
