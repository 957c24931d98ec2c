//! Reads texts to values with their places: YAML, JSON, HOCON, and Helm values as ClearML's chart uses them.

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
