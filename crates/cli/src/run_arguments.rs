//! The arguments of `run`.

use super::arguments::{Cluster, Python, duration};
use clap::{Args, ValueEnum};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

/// `run`
#[derive(Debug, Args)]
pub struct Run {
    /// The folder with the tasks: QUEUE/NAME.json
    #[arg(long, value_name = "FOLDER")]
    pub tasks: PathBuf,
    /// The queue of tasks that stand in no queue's folder
    #[arg(long, value_name = "NAME")]
    pub default_queue: Option<String>,
    /// A Helm values file of the ClearML agent; may be repeated, the last wins
    #[arg(short = 'f', long = "values", value_name = "FILE")]
    pub values: Vec<PathBuf>,
    /// A rules file, or a folder of them; may be repeated
    #[arg(short, long = "rules", value_name = "FILE")]
    pub rules: Vec<PathBuf>,
    /// A file with what ClearML would know: providers, configuration
    #[arg(long, value_name = "FILE")]
    pub context: Option<PathBuf>,
    /// ClearML's configuration (HOCON, YAML or JSON)
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// The namespace of Pods that name none; else the values', else the kubeconfig's
    #[arg(short, long, value_name = "NAME")]
    pub namespace: Option<String>,
    /// The Helm release's name
    #[arg(long, value_name = "NAME")]
    pub release: Option<String>,
    /// Watch all namespaces, so that rules may put Pods anywhere; else as the values say
    #[arg(long)]
    pub all_namespaces: bool,
    /// A further namespace that rules may put Pods in; may be repeated
    #[arg(long, value_name = "NAME", conflicts_with = "all_namespaces")]
    pub watch_namespace: Vec<String>,
    /// Pods that have not ended, in all; else as the values say, else no limit
    #[arg(long, value_name = "N")]
    pub max_pods: Option<usize>,
    /// Pods that have not ended, of each queue
    #[arg(long, value_name = "N")]
    pub max_pods_per_queue: Option<usize>,
    /// Launches at the same time
    #[arg(long, value_name = "N", default_value_t = 16, value_parser = clap::value_parser!(u16).range(1..=1_024))]
    pub concurrency: u16,
    /// How long a Pod that has ended is kept: 0s, 90s, 10m; else as the values say, else 10m
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    pub keep_finished: Option<Duration>,
    /// How often companions that nobody needs are looked for
    #[arg(long, value_name = "DURATION", value_parser = duration, default_value = "10m")]
    pub sweep_every: Duration,
    /// By what this agent knows its Pods, over restarts; else CLEARML_WORKER_ID of the values or the environment, else `podrules`
    #[arg(long, value_name = "ID")]
    pub worker_id: Option<String>,
    /// Where health and metrics are served
    #[arg(long, value_name = "ADDRESS")]
    pub listen: Option<SocketAddr>,
    /// The folder in which it is kept which commands have run
    #[arg(long, value_name = "FOLDER")]
    pub state: Option<PathBuf>,
    /// Work without asking whether another replica does
    #[arg(long)]
    pub no_leader_election: bool,
    /// The Lease by which replicas know who works
    #[arg(long, value_name = "NAME")]
    pub lease: Option<String>,
    /// The form of the log
    #[arg(long, value_enum, default_value_t = LogFormat::Human)]
    pub log_format: LogFormat,
    /// Don't run the Python hook that the values name
    #[arg(long)]
    pub no_hook: bool,
    /// Don't run the commands that the values name
    #[arg(long)]
    pub no_commands: bool,
    /// Python
    #[command(flatten)]
    pub python: Python,
    /// The cluster
    #[command(flatten)]
    pub cluster: Cluster,
}

/// Forms of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// Lines for people
    Human,
    /// A JSON object a line
    Json,
}
