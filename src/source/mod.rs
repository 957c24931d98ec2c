//! Text to values with their places: YAML and JSON reading, and what ClearML's chart makes of Helm values.

mod decode;
pub mod helm;
pub mod json;
mod node;
mod scalar;
pub mod yaml;

pub use decode::{MAX_RULES_BYTES, MAX_TASK_BYTES, MAX_VALUES_BYTES, decode};
pub use node::{Kind, Node, Style, Text};
