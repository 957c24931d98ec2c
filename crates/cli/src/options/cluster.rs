//! Which cluster, and as whom.

use super::CLUSTER;
use clap::Args;
use podrules_cluster::Access;
use std::path::PathBuf;

/// The cluster to work on.
#[derive(Debug, Args)]
#[command(next_help_heading = CLUSTER)]
pub struct ClusterOptions {
    /// The kubeconfig; by default KUBECONFIG, then ~/.kube/config, then the cluster that this process runs in
    #[arg(long, value_name = "FILE")]
    pub kubeconfig: Option<PathBuf>,
    /// The context of the kubeconfig; by default its current one
    #[arg(long, value_name = "NAME")]
    pub kube_context: Option<String>,
    /// The user to act as
    #[arg(long = "as", value_name = "USER")]
    pub act_as: Option<String>,
    /// A group to act as; may be repeated
    #[arg(long, value_name = "GROUP", requires = "act_as")]
    pub as_group: Vec<String>,
}

impl ClusterOptions {
    /// How to reach the cluster.
    pub fn access(&self) -> Access {
        Access {
            kubeconfig: self.kubeconfig.clone(),
            context: self.kube_context.clone(),
            user: self.act_as.clone(),
            groups: self.as_group.clone(),
        }
    }
}
