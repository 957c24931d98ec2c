//! Text to values with their places: YAML and JSON reading, and what ClearML's chart makes of Helm values.

pub mod context;
mod decode;
pub mod helm;
pub mod hocon;
pub mod json;
mod node;
mod scalar;
mod task;
pub mod yaml;

pub use decode::{MAX_RULES_BYTES, MAX_TASK_BYTES, MAX_VALUES_BYTES, decode};
pub use node::{Kind, Node, Style, Text};
pub use task::task;
