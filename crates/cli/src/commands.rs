//! The commands that the values name, around a Pod's life: what they find in their environment and among their files.

use crate::options::ClusterOptions;
use podrules::diagnostic::Sources;
use podrules::source::helm::Values;
use podrules_worker::mounts::{Mount, Mounted};

/// The variables of the values, and the kubeconfig of the command line: their kubectl must reach the same cluster.
pub fn environment(values: &Values, cluster: &ClusterOptions) -> Vec<(String, String)> {
    let mut env = values.variables();
    if let Some(kubeconfig) = &cluster.kubeconfig {
        let path = std::path::absolute(kubeconfig).unwrap_or_else(|_| kubeconfig.clone());
        env.push(("KUBECONFIG".to_owned(), path.to_string_lossy().into_owned()));
    }
    env
}

/// The files of the values' fileMounts, written where the commands find them.
pub fn files(values: &Values, sources: &Sources) -> Result<Mounted, String> {
    Mounted::write(&Mount::all(values, sources), &[])
}
