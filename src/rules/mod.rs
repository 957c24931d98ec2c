//! What a user may write, as written: nothing here is resolved or compiled. The JSON Schema is made of these types.

mod file;
mod rule;
pub mod schema;

pub use file::{API_VERSION, KIND, RuleSet, RulesDocument, read_file, read_list};
pub use rule::{Companion, Mode, OnError, Operation, Rule, RuleStage, Selectors};
