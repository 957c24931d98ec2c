//! `podrules run`: tasks from a folder to Pods, for as long as it is let.

use super::arguments::Cluster as Access;
use super::load::{read_all, read_one, rules_files};
use super::renderer::Renderer;
use super::report::Report;
use super::run_arguments::Run;
use super::setting::{Given, Read, Setting};
use super::{Exit, hooks};
use kube::config::Config;
use podrules::diagnostic::{Code, Diagnostic, Diagnostics, Sources};
use podrules::run::agent_label;
use podrules::source::{MAX_RULES_BYTES, MAX_VALUES_BYTES};
use podrules_agent::lease::{self, Standing};
use podrules_agent::{Agent, Commands, FolderSource, Health, Kind, Metrics, Render, Scope, Settings, serve};
use podrules_cluster::Cluster;
use podrules_worker::command::Once;
use podrules_worker::mounts::{Mount, Mounted};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::runtime::{Builder, Runtime};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

/// How long what is under way may take when it is asked to stop: less than Kubernetes gives a Pod.
const LAST: Duration = Duration::from_secs(25);
/// How long a Pod that has ended is kept if nothing says it.
const KEEP: Duration = Duration::from_secs(600);

/// Runs the command.
pub fn run(command: &Run, report: Report) -> Exit {
    let (mut sources, mut found) = (Sources::new(), Diagnostics::new());
    let loaded = load(command, &mut sources, &mut found);
    let exit = match &loaded {
        Err(exit) => *exit,
        Ok(_) => Exit::Done,
    };
    if report.show(found, &sources) || exit != Exit::Done {
        return if exit == Exit::Done { Exit::Mistakes } else { exit };
    }
    let Ok(loaded) = loaded else { return Exit::Mistakes };
    let runtime = match Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return fail(report, Diagnostic::new(Code::Input, format!("no threads can be had: {error}"))),
    };
    match work(command, report, sources, loaded, &runtime) {
        Ok(()) => {
            runtime.shutdown_timeout(Duration::from_secs(1));
            Exit::Done
        }
        Err((exit, diagnostic)) => {
            fail(report, *diagnostic);
            exit
        }
    }
}

fn fail(report: Report, diagnostic: Diagnostic) -> Exit {
    let mut found = Diagnostics::new();
    found.push(diagnostic);
    report.show(found, &Sources::new());
    Exit::Input
}

/// What is read before anything is begun.
struct Loaded {
    setting: Setting,
    commands: Commands,
}

fn load(command: &Run, sources: &mut Sources, found: &mut Diagnostics) -> Result<Loaded, Exit> {
    let rules = rules_files(&command.rules, found);
    let values = read_all(&command.values, MAX_VALUES_BYTES, sources, found);
    let rules = read_all(&rules, MAX_RULES_BYTES, sources, found);
    let context = command.context.as_ref().map(|path| read_one(path, MAX_VALUES_BYTES, sources, found));
    let config = command.config.as_ref().map(|path| read_one(path, MAX_VALUES_BYTES, sources, found));
    if found.has_errors() {
        return Err(Exit::Input);
    }
    let given = Given {
        context: command.context.as_deref(),
        namespace: command.namespace.as_deref(),
        release: command.release.as_deref(),
        python: &command.python,
    };
    let read = Read { values, rules, context: context.flatten(), config };
    let mut setting = Setting::new(read, given, sources, found).ok_or(Exit::Mistakes)?;
    if command.no_hook {
        setting.plan.values_hook = None;
    }
    // A hook that can't be imported would fail every task.
    hooks::check(&setting.plan, &setting.workers, found);
    let installation = &setting.installation;
    let texts = (!command.no_commands).then(|| (installation.pre_apply(), installation.post_delete()));
    let (pre_apply, post_delete) = texts.unwrap_or_default();
    let mounts = Mount::all(installation, sources);
    let wanted = if pre_apply.is_some() || post_delete.is_some() { &mounts[..] } else { &[] };
    let mounted = Mounted::write(wanted, &[]).map_err(|why| {
        found.push(Diagnostic::new(Code::Command, format!("the values' own command {why}")));
        Exit::Mistakes
    })?;
    let mut env = installation.variables();
    // The same cluster for its kubectl.
    if let Some(kubeconfig) = &command.cluster.kubeconfig {
        let path = std::path::absolute(kubeconfig).unwrap_or_else(|_| kubeconfig.clone());
        env.push(("KUBECONFIG".to_owned(), path.to_string_lossy().into_owned()));
    }
    let worker = command.worker_id.clone().or_else(|| Some(installation.worker_id()?.value));
    let own = || std::env::var("CLEARML_WORKER_ID").ok().filter(|id| !id.is_empty());
    let worker = worker.or_else(own).unwrap_or_else(|| "podrules".to_owned());
    let setting = setting.with_worker(worker);
    Ok(Loaded { setting, commands: Commands { pre_apply, post_delete, env, mounted } })
}

type Stopped = (Exit, Box<Diagnostic>);

fn work(command: &Run, report: Report, sources: Sources, loaded: Loaded, runtime: &Runtime) -> Result<(), Stopped> {
    let _within = runtime.enter();
    let input = |diagnostic: Diagnostic| (Exit::Input, Box::new(diagnostic));
    let config = runtime.block_on(config(&command.cluster)).map_err(input)?;
    // A missing folder is reported at once.
    open(command).map_err(input)?;
    let Loaded { setting, commands } = loaded;
    let namespace = setting.own_namespace(&config.default_namespace);
    let metrics = Metrics::new();
    let observer = metrics.clone();
    let cluster = Cluster::observed(config, Arc::new(move |method, code| observer.api(method, code))).map_err(input)?;
    let settings = settings(command, &setting, &namespace);
    let agent_label = settings.scope.agent.clone();
    let instance = instance();
    let once = Once::open(state(command, &agent_label)).map_err(input)?;
    let render = Renderer {
        setting,
        sources,
        namespace: namespace.clone(),
        strict: report.is_strict(),
        metrics: metrics.clone(),
        told: Default::default(),
    };
    let agent = Agent {
        settings,
        cluster: Arc::new(cluster),
        render: Arc::new(render) as Arc<dyn Render>,
        commands: Arc::new(commands),
        once: Arc::new(once),
        metrics: metrics.clone(),
        health: Health::new(),
        instance: instance.clone(),
    };
    runtime.block_on(async {
        let (stop, stopping) = watch::channel(false);
        if let Some(address) = command.listen {
            let listener = TcpListener::bind(address).await.map_err(|error| {
                input(Diagnostic::new(Code::Input, format!("--listen {address} can't be listened on: {error}")))
            })?;
            let mut until = stopping.clone();
            let until = async move { drop(until.wait_for(|stop| *stop).await) };
            tokio::spawn(serve(listener, metrics, agent.health.clone(), until));
        }
        let (resign, resigned) = watch::channel(false);
        let (standing, held) = if command.no_leader_election {
            let always = Standing::Leader { until: tokio::time::Instant::now() + Duration::from_secs(1 << 30) };
            (watch::channel(always).1, None)
        } else {
            let name = command.lease.clone().unwrap_or_else(|| format!("podrules-{agent_label}"));
            let client = agent.cluster.client().clone();
            let (standing, held) = lease::hold(client, lease::Settings::new(namespace, name, instance), resigned);
            (standing, Some(held))
        };
        tracing::info!(tasks = %command.tasks.display(), agent = %agent_label, server = agent.cluster.server(), "started");
        let mut work = Box::pin(agent.run(|| open(command), standing, stopping));
        tokio::select! {
            () = &mut work => {}
            () = asked_to_stop() => {
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
    })
}

/// Opens the task source. Another source is chosen here.
fn open(command: &Run) -> Result<FolderSource, Diagnostic> {
    FolderSource::new(&command.tasks, command.default_queue.as_deref())
}

async fn config(access: &Access) -> Result<Config, Diagnostic> {
    access.access().config().await
}

fn settings(command: &Run, setting: &Setting, namespace: &str) -> Settings {
    let installation = &setting.installation;
    let all = command.all_namespaces || installation.monitor_all_namespaces().unwrap_or_default();
    let mut namespaces = Vec::new();
    if !all {
        namespaces.push(namespace.to_owned());
        namespaces.extend(command.watch_namespace.iter().cloned());
        namespaces.sort();
        namespaces.dedup();
    }
    let kinds = if installation.task_as_job() { vec![Kind::Pod, Kind::Job] } else { vec![Kind::Pod] };
    Settings {
        scope: Scope { namespaces, agent: agent_label(setting.worker()), kinds },
        concurrency: command.concurrency.into(),
        max_pods: command.max_pods.or_else(|| Some(installation.max_pods().ok()??.try_into().unwrap_or(usize::MAX))),
        max_pods_per_queue: command.max_pods_per_queue,
        keep_finished: command.keep_finished.or_else(|| installation.keep_finished().ok()?).unwrap_or(KEEP),
        unrecoverable: installation.eviction_reasons().unwrap_or_default(),
        collect_every: command.sweep_every.max(Duration::from_secs(1)),
    }
}

/// Where it is kept which commands have run: a folder of this agent's own, on a disk that outlives the process.
fn state(command: &Run, agent: &str) -> PathBuf {
    command.state.clone().unwrap_or_else(|| {
        let named = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        let base = named("XDG_STATE_HOME")
            .or_else(|| std::env::home_dir().map(|home| home.join(".local/state")))
            .unwrap_or_else(std::env::temp_dir);
        base.join("podrules").join(agent)
    })
}

/// A name of this process's own, for the Lease and events.
fn instance() -> String {
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let host = host.trim();
    let chance = fastrand::u32(..);
    format!("{}-{chance:08x}", if host.is_empty() { "podrules" } else { host })
}

/// Waits for Ctrl-C or a termination.
async fn asked_to_stop() {
    let (Ok(mut terminate), Ok(mut interrupt)) = (signal(SignalKind::terminate()), signal(SignalKind::interrupt()))
    else {
        return std::future::pending().await;
    };
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
}
