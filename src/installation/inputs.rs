//! What an installation is loaded from.

use std::path::PathBuf;

/// The texts to load, as paths that a [`Reader`](super::Reader) understands, and what is said beside them. All of it is
/// optional.
#[derive(Debug, Clone, Default)]
pub struct Inputs {
    /// Helm values files, in the order of Helm's `-f`. An empty list means the chart's defaults; without a list there are no
    /// values at all, so templates must be given.
    pub values: Option<Vec<PathBuf>>,
    /// Rules files, in the order in which their rules run. The rules of the values come first.
    pub rules: Vec<PathBuf>,
    /// Files that are either, told apart by their contents. They follow those named above.
    pub either: Vec<PathBuf>,
    /// The context file.
    pub context: Option<PathBuf>,
    /// The tasks' configuration. It replaces the context file's.
    pub config: Option<PathBuf>,
    /// The namespace of Pods. It replaces the context file's.
    pub namespace: Option<String>,
    /// The name of the Helm release; `clearml-agent` by default.
    pub release: Option<String>,
}
