//! What an agent would know about tasks, given by hand.

use super::INPUTS;
use clap::Args;
use std::path::PathBuf;

/// The context, and the configuration of tasks.
#[derive(Debug, Args)]
#[command(next_help_heading = INPUTS)]
pub struct ContextOptions {
    /// A context file: queue id, providers, config, worker, namespace (YAML or JSON)
    #[arg(long, value_name = "FILE")]
    pub context: Option<PathBuf>,
    /// The configuration of tasks: a clearml.conf (HOCON), YAML or JSON
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
}
