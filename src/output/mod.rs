//! Output for people and for kubectl: YAML, the place that each of its lines shows, and differences.
mod diff;
mod lines;
mod yaml;
pub use diff::unified;
pub use lines::lines;
pub use yaml::{documents, to_yaml};
