//! Arguments that several subcommands share, and what is loaded from them.

mod cluster;
mod context;
mod duration;
mod python;
mod rules;
mod task;

pub use cluster::ClusterOptions;
pub use context::ContextOptions;
pub use duration::duration;
pub use python::{HookOptions, PythonOptions, check_hooks};
pub use rules::RulesOptions;
pub use task::{Loaded, TaskOptions};

/// Headings in `--help`.
pub const INPUTS: &str = "Inputs";
/// What is printed, and how.
pub const OUTPUT: &str = "Output";
/// How Python is run.
pub const PYTHON: &str = "Python hooks";
/// The cluster, and what is done on it.
pub const CLUSTER: &str = "Cluster";
