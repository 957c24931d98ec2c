//! `podrules apply`: the Pod that a task will run in, and its companions, on a cluster.

use super::render::as_json;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::options::{CLUSTER, ClusterOptions, HookOptions, Loaded, OUTPUT, TaskOptions, duration};
use crate::report::{self, Report};
use crate::{commands, logging, objects, runtime};
use clap::{Args, ValueEnum};
use kube::config::Config;
use podrules::diagnostic::render::printable_line;
use podrules::diagnostic::{Code, Diagnostic, Diagnostics};
use podrules::installation::{Installation, Rendered};
use podrules::output;
use podrules_cluster::{self as cluster, Applied, Cluster, Finding, Launch, Object, Options, Subject};
use podrules_worker::command;
use serde_json::Value;
use std::future::Future;
use std::time::Duration;
use tokio::runtime::Runtime;

/// Create the Pod that a task will run in, and its companions, on a cluster
#[derive(Debug, Args)]
#[command(after_help = "Example: podrules apply -f values.yaml -r rules.yaml -q train -t task.json --wait=5m")]
pub struct Apply {
    #[command(flatten)]
    task: TaskOptions,
    /// Print this instead of one line per object
    #[arg(short, long, value_enum, help_heading = OUTPUT)]
    output: Option<Format>,
    /// Change nothing: `server` lets the API server check everything, `client` sends nothing
    #[arg(long, value_enum, value_name = "HOW", default_value_t = DryRun::None, help_heading = CLUSTER)]
    dry_run: DryRun,
    /// Take over fields that other field managers have set to a different value
    #[arg(long, help_heading = CLUSTER)]
    force_conflicts: bool,
    /// Don't run the pre-apply command that the values name
    #[arg(long, help_heading = CLUSTER)]
    no_commands: bool,
    /// Wait until the Pod is running or has ended: 90s, 5m, 1h; 10m by default
    #[arg(long, value_name = "DURATION", num_args = 0..=1, require_equals = true, default_missing_value = "10m", value_parser = duration, help_heading = CLUSTER)]
    wait: Option<Duration>,
    #[command(flatten)]
    cluster: ClusterOptions,
    #[command(flatten)]
    hooks: HookOptions,
}

/// What an apply leaves out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum DryRun {
    /// Apply the objects
    None,
    /// The API server checks everything and persists nothing
    Server,
    /// Send nothing; print what would be sent
    Client,
}

/// Forms of what was applied.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// One kind/name per line
    Name,
    /// The objects as YAML documents
    Yaml,
    /// The Pod as JSON; a List if there are companions
    Json,
}

impl Apply {
    /// Renders, sends and waits.
    pub fn run(self, report: Report) -> Result<Exit, Failure> {
        if self.wait.is_some() && self.dry_run != DryRun::None {
            let message = "--wait can't be combined with --dry-run";
            return Err(Failure::usage(Diagnostic::new(Code::Usage, message)));
        }
        let runtime = runtime::start()?;
        let config = self.config(&runtime)?;
        // The kubeconfig's namespace may be the Pod's, and rules may look at it: so the kubeconfig was read first.
        let namespace = config.as_ref().map_or("default", |config| &config.default_namespace).to_owned();
        let Loaded { installation, task, workers, found } = self.task.load(&self.hooks, &namespace)?;
        let rendered = installation.render(task, Some(&workers));
        logging::log_run(installation.plan(), &rendered.outcome);
        let mut attempt = Attempt { command: &self, installation: &installation, rendered: &rendered, found };
        attempt.found.append(rendered.findings.clone());
        // What is wrong, or is under --strict, must not reach the cluster.
        let sent = if report.judged(attempt.found.clone()).iter().any(Diagnostic::is_error) {
            Ok(())
        } else {
            attempt.work(&runtime, config)
        };
        let found = attempt.found;
        let worst = found.iter().filter(|d| d.is_error()).map(|d| exit_of(d.code)).max_by_key(|exit| *exit as u8);
        let mistakes = report.show(found, installation.sources());
        sent?;
        Ok(if mistakes { worst.unwrap_or(Exit::Mistakes) } else { Exit::Done })
    }

    /// How to reach the cluster; nothing if nothing is sent and no kubeconfig is named.
    fn config(&self, runtime: &Runtime) -> Result<Option<Config>, Failure> {
        let access = self.cluster.access();
        match runtime.block_on(access.config()) {
            Ok(config) => Ok(Some(config)),
            // Nothing is sent, so no cluster is needed; but a kubeconfig that was named must be right.
            Err(_) if self.dry_run == DryRun::Client && access.kubeconfig.is_none() && access.context.is_none() => {
                Ok(None)
            }
            Err(diagnostic) => Err(Failure::new(exit_of(diagnostic.code), diagnostic)),
        }
    }

    fn print(&self, lines: &[String], names: &[String], objects: Vec<Value>) -> Result<(), Failure> {
        let each = |lines: &[String]| lines.iter().map(|line| format!("{line}\n")).collect();
        report::print(&match self.output {
            None => each(lines),
            Some(Format::Name) => each(names),
            Some(Format::Yaml) => output::documents(&objects),
            Some(Format::Json) => format!("{:#}\n", as_json(objects)),
        })
    }
}

/// The exit code for a finding of the cluster's.
fn exit_of(code: Code) -> Exit {
    match code {
        Code::ApiUnreachable | Code::ApiForbidden => Exit::Cluster,
        Code::Kubeconfig => Exit::Input,
        Code::Usage => Exit::Usage,
        _ => Exit::Mistakes,
    }
}

/// One launch, and what was found until now.
struct Attempt<'a> {
    command: &'a Apply,
    installation: &'a Installation,
    rendered: &'a Rendered,
    found: Diagnostics,
}

/// What was launched, with the connection that is waited on.
type Sent = (Cluster, Option<Object>, Vec<Applied>);

impl Attempt<'_> {
    /// Runs the pre-apply command, launches, prints, and waits if asked to. Findings go to `found`.
    fn work(&mut self, runtime: &Runtime, config: Option<Config>) -> Result<(), Failure> {
        let objects = match objects::described(self.installation, self.rendered) {
            Ok(objects) => objects,
            Err(findings) => {
                self.blame(findings);
                return Ok(());
            }
        };
        let (Some(config), false) = (config, self.command.dry_run == DryRun::Client) else {
            let lines: Vec<String> =
                objects.iter().map(|object| format!("{} created (dry run)", object.id())).collect();
            let names: Vec<String> = objects.iter().map(Object::id).collect();
            return self.command.print(&lines, &names, objects.into_iter().map(|object| object.value).collect());
        };
        if !self.before(&objects) {
            return Ok(());
        }
        match runtime.block_on(self.send(config, objects)) {
            Ok(sent) => self.sent(runtime, sent),
            Err(findings) => {
                self.blame(findings);
                Ok(())
            }
        }
    }

    /// Runs the pre-apply command of the values; false if it failed: then nothing is sent. A dry run changes nothing, so it runs
    /// none.
    fn before(&mut self, objects: &[Object]) -> bool {
        let runs = self.command.dry_run == DryRun::None && !self.command.no_commands;
        let Some(values) = self.installation.values().filter(|_| runs) else { return true };
        let (Some(text), Some(pod)) = (values.pre_apply(), objects.last()) else { return true };
        let mounted = match commands::files(values, self.installation.sources()) {
            Ok(mounted) => mounted,
            Err(why) => {
                self.found.push(Diagnostic::new(Code::Command, format!("the command {why}")).at(text.span));
                return false;
            }
        };
        let env = commands::environment(values, &self.command.cluster);
        let queue_name = self.rendered.context.queue_name();
        let filled = command::Values { queue_name, pod_name: &pod.name, namespace: &pod.namespace };
        let ran = command::run(&text, &filled, &env, Some(&mounted), command::TIMEOUT);
        for line in &ran.log {
            tracing::info!(command = "pre-apply", "{}", printable_line(line));
        }
        let failed = ran.failure.is_some();
        self.found.extend(ran.failure);
        !failed
    }

    /// Launches; on failure removes what it has created.
    async fn send(&self, config: Config, objects: Vec<Object>) -> Result<Sent, Vec<Finding>> {
        let dry_run = self.command.dry_run == DryRun::Server;
        let cluster = Cluster::new(config).map_err(|d| vec![about_pod(d)])?;
        let objects = {
            let kinds = cluster::Kinds::default();
            let prepared = async { kinds.prepare(&cluster, objects).await.map_err(|failed| failed.findings) };
            unless_stopped(prepared).await?
        };
        let pod = objects.last().cloned();
        let options = Options { dry_run, force: self.command.force_conflicts };
        let mut launch = Launch::new(&cluster, objects, options);
        let launched = unless_stopped(launch.run()).await;
        match launched {
            Ok(done) => Ok((cluster, pod, done)),
            Err(mut findings) => {
                let left = launch.undo().await;
                if let (Some(first), false) = (findings.first_mut(), left.is_empty()) {
                    first.diagnostic.detail = Some(format!("could not remove: {}", left.join(", ")));
                }
                Err(findings)
            }
        }
    }

    /// Prints what was launched, and waits if asked to.
    fn sent(&mut self, runtime: &Runtime, (cluster, pod, mut done): Sent) -> Result<(), Failure> {
        self.blame(done.iter_mut().flat_map(|done| std::mem::take(&mut done.warnings)).collect());
        let note = if self.command.dry_run == DryRun::Server { " (server dry run)" } else { "" };
        let lines: Vec<String> = done.iter().map(|done| format!("{} {}{note}", done.id, done.change.word())).collect();
        let names: Vec<String> = done.iter().map(|done| done.id.clone()).collect();
        self.command.print(&lines, &names, done.into_iter().map(shown).collect())?;
        let (Some(most), Some(pod)) = (self.command.wait, pod) else { return Ok(()) };
        match runtime.block_on(unless_stopped(cluster::wait(&cluster, &pod, most))) {
            Ok(word) if self.command.output.is_none() => report::print(&format!("{} {word}\n", pod.id())),
            Ok(_) => Ok(()),
            Err(findings) => {
                self.blame(findings);
                Ok(())
            }
        }
    }

    /// Adds the cluster's findings, each with who wrote the field.
    fn blame(&mut self, findings: Vec<Finding>) {
        self.found.extend(objects::blamed(findings, self.installation, self.rendered));
    }
}

/// An object without the bookkeeping of its fields' managers, which kubectl leaves out too.
fn shown(done: Applied) -> Value {
    let mut object = done.object;
    if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) {
        metadata.shift_remove("managedFields");
    }
    object
}

fn about_pod(diagnostic: Diagnostic) -> Finding {
    Finding { subject: Subject::Pod, at: None, diagnostic }
}

/// Does something unless Ctrl-C or a termination comes first.
async fn unless_stopped<T>(work: impl Future<Output = Result<T, Vec<Finding>>>) -> Result<T, Vec<Finding>> {
    tokio::select! {
        done = work => done,
        () = runtime::asked_to_stop() => {
            let stopped = Diagnostic::new(Code::Interrupted, "interrupted by a signal");
            Err(vec![about_pod(stopped.help("run the same command again"))])
        }
    }
}
