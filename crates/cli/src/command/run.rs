//! `podrules run`: tasks from a folder to Pods, until it is stopped.

use crate::exit::Exit;
use crate::failure::Failure;
use crate::input::Files;
use crate::options::{
    ClusterOptions, ContextOptions, HookOptions, INPUTS, OUTPUT, RulesOptions, check_hooks, duration,
};
use crate::renderer::Renderer;
use crate::report::Report;
use crate::{commands, runtime};
use clap::{Args, ValueEnum};
use kube::config::Config;
use podrules::diagnostic::{Code, Diagnostic, Diagnostics};
use podrules::installation::{Draft, Inputs, Installation};
use podrules::run::agent_label;
use podrules::source::helm::Values;
use podrules_agent::lease::{self, Standing};
use podrules_agent::{Agent, Commands, FolderSource, Health, Kind, Metrics, Render, Scope, Settings, serve};
use podrules_cluster::Cluster;
use podrules_worker::command::Once;
use podrules_worker::mounts::Mounted;
use podrules_worker::python::Workers;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// How long work in progress may take after a stop is asked for: less than Kubernetes gives a Pod.
const LAST: Duration = Duration::from_secs(25);
/// How long a Pod that has finished is kept by default.
const KEEP: Duration = Duration::from_secs(600);

const PODS: &str = "Pods";
const AGENT: &str = "Agent";

/// Take tasks from a folder, launch their Pods, follow them, and clean up after them
#[derive(Debug, Args)]
#[command(after_help = "Example: podrules run -f values.yaml -r rules.yaml --tasks tasks/")]
pub struct Run {
    /// The task folder: QUEUE/NAME.json
    #[arg(long, value_name = "FOLDER", help_heading = INPUTS)]
    tasks: PathBuf,
    /// The queue of tasks outside any queue's folder
    #[arg(long, value_name = "NAME", help_heading = INPUTS)]
    default_queue: Option<String>,
    #[command(flatten)]
    rules: RulesOptions,
    #[command(flatten)]
    context: ContextOptions,
    /// The namespace of Pods that name none; by default the values', then the kubeconfig's
    #[arg(short, long, value_name = "NAME", help_heading = INPUTS)]
    namespace: Option<String>,
    /// The Helm release of the agent, from which the chart derives names; clearml-agent by default
    #[arg(long, value_name = "NAME", help_heading = INPUTS)]
    release: Option<String>,
    /// Log format
    #[arg(long, value_enum, default_value_t = LogFormat::Human, help_heading = OUTPUT)]
    log_format: LogFormat,
    /// Watch all namespaces, so that rules may put Pods anywhere; by default as the values say
    #[arg(long, help_heading = PODS)]
    all_namespaces: bool,
    /// Another namespace to watch; rules may put Pods there; may be repeated
    #[arg(long, value_name = "NAME", conflicts_with = "all_namespaces", help_heading = PODS)]
    watch_namespace: Vec<String>,
    /// The maximum number of unfinished Pods; by default as the values say, else no limit
    #[arg(long, value_name = "N", help_heading = PODS)]
    max_pods: Option<usize>,
    /// The maximum number of unfinished Pods of each queue
    #[arg(long, value_name = "N", help_heading = PODS)]
    max_pods_per_queue: Option<usize>,
    /// The maximum number of launches at the same time
    #[arg(long, value_name = "N", default_value_t = 16, value_parser = clap::value_parser!(u16).range(1..=1_024), help_heading = PODS)]
    concurrency: u16,
    /// How long a finished Pod is kept: 0s, 90s, 10m; by default as the values say, else 10m
    #[arg(long, value_name = "DURATION", value_parser = duration, help_heading = PODS)]
    keep_finished: Option<Duration>,
    /// How often to look for companions that are no longer needed
    #[arg(long, value_name = "DURATION", value_parser = duration, default_value = "10m", help_heading = PODS)]
    sweep_every: Duration,
    /// Don't run the commands that the values name
    #[arg(long, help_heading = PODS)]
    no_commands: bool,
    /// Identifies this agent's Pods across restarts; by default CLEARML_WORKER_ID of the values or the environment, else `podrules`
    #[arg(long, value_name = "ID", help_heading = AGENT)]
    worker_id: Option<String>,
    /// Address for health and metrics
    #[arg(long, value_name = "ADDRESS", help_heading = AGENT)]
    listen: Option<SocketAddr>,
    /// The folder that records which commands have run
    #[arg(long, value_name = "FOLDER", help_heading = AGENT)]
    state: Option<PathBuf>,
    /// Run without leader election
    #[arg(long, help_heading = AGENT)]
    no_leader_election: bool,
    /// The Lease for leader election
    #[arg(long, value_name = "NAME", help_heading = AGENT)]
    lease: Option<String>,
    #[command(flatten)]
    cluster: ClusterOptions,
    #[command(flatten)]
    hooks: HookOptions,
}

/// Forms of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum LogFormat {
    /// Human-readable lines
    Human,
    /// One JSON object per line
    Json,
}

/// What is read before anything is started.
struct Loaded {
    installation: Installation,
    workers: Workers,
    commands: Commands,
}

impl Run {
    /// Whether the log is for programs.
    pub fn logs_json(&self) -> bool {
        self.log_format == LogFormat::Json
    }

    /// Runs until it is stopped.
    pub fn run(self, report: Report) -> Result<Exit, Failure> {
        let loaded = self.load()?;
        if report.show(loaded.installation.warnings().clone(), loaded.installation.sources()) {
            return Ok(Exit::Mistakes);
        }
        let runtime = runtime::start()?;
        self.work(report, loaded, &runtime)?;
        runtime.shutdown_timeout(Duration::from_secs(1));
        Ok(Exit::Done)
    }

    fn load(&self) -> Result<Loaded, Failure> {
        let mut found = Diagnostics::new();
        let inputs = Inputs {
            context: self.context.context.clone(),
            config: self.context.config.clone(),
            namespace: self.namespace.clone(),
            release: self.release.clone(),
            ..self.rules.inputs(&mut found)
        };
        let mut draft = Draft::read(&inputs, &mut Files, found);
        if self.hooks.no_hook {
            draft.plan.values_hook = None;
        }
        let workers = self.hooks.python.workers(draft.values.as_ref(), &draft.sources, &mut draft.found);
        if !draft.unread {
            // A hook that can't be imported would fail every task.
            check_hooks(&draft.plan, &workers, &mut draft.found);
        }
        let installation = draft.finish()?;
        let commands = self.commands(&installation)?;
        let worker = self.worker(installation.values());
        Ok(Loaded { installation: installation.with_worker(worker), workers, commands })
    }

    /// The commands that the values name, with their environment and files.
    fn commands(&self, installation: &Installation) -> Result<Commands, Failure> {
        let values = installation.values().filter(|_| !self.no_commands);
        let pre_apply = values.and_then(Values::pre_apply);
        let post_delete = values.and_then(Values::post_delete);
        let mounted = match values.filter(|_| pre_apply.is_some() || post_delete.is_some()) {
            Some(values) => commands::files(values, installation.sources()),
            None => Mounted::write(&[], &[]),
        };
        let mounted = mounted.map_err(|why| {
            let message = format!("a command in the values {why}");
            Failure::new(Exit::Mistakes, Diagnostic::new(Code::Command, message))
        })?;
        let env = values.map(|values| commands::environment(values, &self.cluster)).unwrap_or_default();
        Ok(Commands { pre_apply, post_delete, env, mounted })
    }

    /// The worker's id, if the context file doesn't say one.
    fn worker(&self, values: Option<&Values>) -> String {
        let of_values = || Some(values?.worker_id()?.value);
        let own = || std::env::var("CLEARML_WORKER_ID").ok().filter(|id| !id.is_empty());
        self.worker_id.clone().or_else(of_values).or_else(own).unwrap_or_else(|| "podrules".to_owned())
    }

    fn work(&self, report: Report, loaded: Loaded, runtime: &Runtime) -> Result<(), Failure> {
        let _within = runtime.enter();
        let config = runtime.block_on(self.cluster.access().config()).map_err(Failure::input)?;
        // A folder that doesn't exist is reported at once.
        self.tasks().map_err(Failure::input)?;
        let namespace = loaded.installation.namespace(&config.default_namespace).to_owned();
        let agent = self.agent(report, loaded, config, &namespace)?;
        runtime.block_on(self.serve(agent, namespace))
    }

    /// Opens the task source. Another source is chosen here.
    fn tasks(&self) -> Result<FolderSource, Diagnostic> {
        FolderSource::new(&self.tasks, self.default_queue.as_deref())
    }

    fn agent(&self, report: Report, loaded: Loaded, config: Config, namespace: &str) -> Result<Agent, Failure> {
        let Loaded { installation, workers, commands } = loaded;
        let metrics = Metrics::new();
        let observer = metrics.clone();
        let cluster = Cluster::observed(config, Arc::new(move |method, code| observer.api(method, code)));
        let settings = self.settings(&installation, namespace);
        let once = Once::open(self.state(&settings.scope.agent)).map_err(Failure::input)?;
        let render = Renderer {
            installation,
            workers,
            namespace: namespace.to_owned(),
            strict: report.is_strict(),
            metrics: metrics.clone(),
            warned: Default::default(),
        };
        Ok(Agent {
            settings,
            cluster: Arc::new(cluster.map_err(Failure::input)?),
            render: Arc::new(render) as Arc<dyn Render>,
            commands: Arc::new(commands),
            once: Arc::new(once),
            metrics,
            health: Health::new(),
            instance: instance(),
        })
    }

    /// Works until a signal asks to stop, then gives the Lease back.
    async fn serve(&self, agent: Agent, namespace: String) -> Result<(), Failure> {
        let (stop, stopping) = watch::channel(false);
        self.listen(&agent, stopping.clone()).await?;
        let (resign, resigned) = watch::channel(false);
        let (standing, held) = self.standing(&agent, namespace, resigned);
        let scope = &agent.settings.scope.agent;
        tracing::info!(tasks = %self.tasks.display(), agent = %scope, server = agent.cluster.server(), "started");
        let mut work = Box::pin(agent.run(|| self.tasks(), standing, stopping));
        tokio::select! {
            () = &mut work => {}
            () = runtime::asked_to_stop() => {
                let _ = stop.send(true);
                if tokio::time::timeout(LAST, &mut work).await.is_err() {
                    tracing::warn!("shutdown timed out; the next process continues");
                }
            }
        }
        // Nothing is written after another replica may have become the leader.
        drop(work);
        let _ = resign.send(true);
        if let Some(held) = held {
            let _ = tokio::time::timeout(Duration::from_secs(3), held).await;
        }
        tracing::info!("stopped");
        Ok(())
    }

    /// Serves health and metrics, if asked to, until the agent stops.
    async fn listen(&self, agent: &Agent, mut stopping: watch::Receiver<bool>) -> Result<(), Failure> {
        let Some(address) = self.listen else { return Ok(()) };
        let listener = TcpListener::bind(address).await.map_err(|error| {
            Failure::input(Diagnostic::new(Code::Input, format!("can't listen on {address} (--listen): {error}")))
        })?;
        let until = async move { drop(stopping.wait_for(|stop| *stop).await) };
        tokio::spawn(serve(listener, agent.metrics.clone(), agent.health.clone(), until));
        Ok(())
    }

    /// Whether this replica is the leader, as it changes, and what holds the Lease until `resigned`.
    fn standing(
        &self,
        agent: &Agent,
        namespace: String,
        resigned: watch::Receiver<bool>,
    ) -> (watch::Receiver<Standing>, Option<JoinHandle<()>>) {
        if self.no_leader_election {
            let always = Standing::Leader { until: tokio::time::Instant::now() + Duration::from_secs(1 << 30) };
            return (watch::channel(always).1, None);
        }
        let name = self.lease.clone().unwrap_or_else(|| format!("podrules-{}", agent.settings.scope.agent));
        let client = agent.cluster.client().clone();
        let settings = lease::Settings::new(namespace, name, agent.instance.clone());
        let (standing, held) = lease::hold(client, settings, resigned);
        (standing, Some(held))
    }

    fn settings(&self, installation: &Installation, namespace: &str) -> Settings {
        // Values that have mistakes were refused before.
        let values = installation.values();
        let everywhere = |values: &Values| values.monitor_all_namespaces().unwrap_or_default();
        let all = self.all_namespaces || values.is_some_and(everywhere);
        let mut namespaces = Vec::new();
        if !all {
            namespaces.push(namespace.to_owned());
            namespaces.extend(self.watch_namespace.iter().cloned());
            namespaces.sort();
            namespaces.dedup();
        }
        let kinds = if installation.task_as_job() { vec![Kind::Pod, Kind::Job] } else { vec![Kind::Pod] };
        let max_pods = || Some(values?.max_pods().ok()??.try_into().unwrap_or(usize::MAX));
        Settings {
            scope: Scope { namespaces, agent: agent_label(installation.worker()), kinds },
            concurrency: self.concurrency.into(),
            max_pods: self.max_pods.or_else(max_pods),
            max_pods_per_queue: self.max_pods_per_queue,
            keep_finished: self.keep_finished.or_else(|| values?.keep_finished().ok()?).unwrap_or(KEEP),
            unrecoverable: values.and_then(|values| values.eviction_reasons().ok()).unwrap_or_default(),
            collect_every: self.sweep_every.max(Duration::from_secs(1)),
        }
    }

    /// The folder that records which commands have run: this agent's own, on a volume that outlives the process.
    fn state(&self, agent: &str) -> PathBuf {
        self.state.clone().unwrap_or_else(|| {
            let named = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
            let base = named("XDG_STATE_HOME")
                .or_else(|| std::env::home_dir().map(|home| home.join(".local/state")))
                .unwrap_or_else(std::env::temp_dir);
            base.join("podrules").join(agent)
        })
    }
}

/// A name for this process alone, for the Lease and Events.
fn instance() -> String {
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let host = host.trim();
    let chance = fastrand::u32(..);
    format!("{}-{chance:08x}", if host.is_empty() { "podrules" } else { host })
}
