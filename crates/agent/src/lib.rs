//! The agent: launches a Pod for each task of a task source, and follows it to its end. All state is in the cluster and the task
//! source: this process may be killed at any moment, and the next one continues.
//!
//! ```text
//! task_source   where tasks come from, and where their states are recorded
//! folder        a folder as a task source
//! workload      a Pod or a Job, as far as the controller needs it
//! watch         the watches of Pods and Jobs
//! launch        a task → rules → its companions and its Pod
//! controller    the loop: what was observed and done → the next step
//! events        Events on Pods that name the rules that were applied
//! lease         leader election
//! metrics       the metrics, for Prometheus
//! serve         metrics and health over HTTP
//! run           all of it together
//! ```

mod controller;
mod events;
mod folder;
mod launch;
pub mod lease;
mod metrics;
mod run;
mod serve;
mod steps;
mod task_source;
mod watch;
mod workload;

pub use controller::Settings;
pub use folder::FolderSource;
pub use launch::{Commands, Refused, Render, Rendered};
pub use metrics::Metrics;
pub use run::Agent;
pub use serve::{Health, serve};
pub use task_source::{End, Record, Room, SourceFault, Task, TaskSource, TaskState};
pub use watch::Scope;
pub use workload::Kind;
