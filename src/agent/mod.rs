//! Tasks from a source to Pods, each followed to its end. State lives in the cluster and in the source, not here: this process
//! may be killed at any moment, and the next one goes on.
//!
//! ```text
//! source    where tasks come from, and where it is told what became of them
//! lease     which of several replicas works
//! metrics   what is counted, for Prometheus
//! serve     metrics and health over HTTP
//! ```

pub mod lease;
mod metrics;
mod serve;
mod source;

pub use metrics::Metrics;
pub use serve::{Health, serve};
pub use source::{End, Fate, Report, Room, SourceFault, Task, TaskSource};
