//! Tasks from a source to Pods, each followed to its end. State lives in the cluster and in the source, not here: this process
//! may be killed at any moment, and the next one goes on.
//!
//! ```text
//! source    where tasks come from, and where it is told what became of them
//! launch    a task → rules → its companions and its Pod
//! unit      a Pod as a watch tells of it
//! follow    the watches
//! control   the loop: what was seen and done → what to do next
//! events    which rules made a Pod, as an Event on it
//! lease     which of several replicas works
//! metrics   what is counted, for Prometheus
//! serve     metrics and health over HTTP
//! run       all of it together
//! ```

mod control;
mod events;
mod folder;
mod follow;
mod launch;
pub mod lease;
mod metrics;
mod run;
mod serve;
mod source;
mod steps;
mod unit;

pub use control::Settings;
pub use folder::FolderSource;
pub use follow::Scope;
pub use launch::{Commands, Refused, Render, Rendered};
pub use metrics::Metrics;
pub use run::Agent;
pub use serve::{Health, serve};
pub use source::{End, Fate, Report, Room, SourceFault, Task, TaskSource};
pub use unit::Kind;
