//! What a user may write, as written: nothing here is resolved or compiled. The JSON Schema is made of these types.

mod file;
mod read;
mod rule;
pub mod schema;

pub use file::{API_VERSION, KIND, RuleSet, RulesDocument, read_file, read_list};
pub use read::{Fields, Read, not_a_word, unknown_key, wrong};
pub use rule::{Companion, Lifetime, Mode, OnError, Operation, Rule, RuleStage, Selectors};
