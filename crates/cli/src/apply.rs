//! `podrules apply`: the Pod that a task will run in, and its companions, on a cluster.

use super::arguments::{Apply, ApplyFormat, DryRun};
use super::load::{self, Parts};
use super::report::{self, Report};
use super::{Exit, objects, render};
use kube::config::Config;
use podrules::diagnostic::render::printable_line;
use podrules::diagnostic::{Code, Diagnostic, Diagnostics, Sources};
use podrules::output;
use podrules::run::Outcome;
use podrules_cluster::{self as cluster, Applied, Cluster, Finding, Launch, Object, Options, Subject};
use podrules_worker::command;
use podrules_worker::mounts::{Mount, Mounted};
use serde_json::Value;
use std::future::Future;
use tokio::runtime::{Builder, Runtime};

/// Runs the command.
pub fn run(command: &Apply, report: Report) -> Exit {
    let (mut sources, mut found) = (Sources::new(), Diagnostics::new());
    let exit = apply(command, report, &mut sources, &mut found);
    let worst = found.iter().filter(|d| d.is_error()).map(|d| exit_of(d.code)).max_by_key(|exit| *exit as u8);
    let mistakes = report.show(found, &sources);
    match exit {
        Exit::Done if mistakes => worst.unwrap_or(Exit::Mistakes),
        other => other,
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

fn apply(command: &Apply, report: Report, sources: &mut Sources, found: &mut Diagnostics) -> Exit {
    if command.wait.is_some() && command.dry_run != DryRun::None {
        found.push(Diagnostic::new(Code::Usage, "--wait waits for a Pod, and --dry-run makes none"));
        return Exit::Done;
    }
    let runtime = match Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            found
                .push(Diagnostic::new(Code::Input, format!("the machine gives no means to wait for answers: {error}")));
            return Exit::Done;
        }
    };
    // The namespace of the kubeconfig may be the Pod's, and rules may look at it: so it is read first.
    let access = command.cluster.access();
    let config = match runtime.block_on(access.config()) {
        Ok(config) => Some(config),
        // Nothing is sent, so nobody is needed to send it to; but what was asked for must be right.
        Err(_) if command.dry_run == DryRun::Client && access.kubeconfig.is_none() && access.context.is_none() => None,
        Err(diagnostic) => {
            found.push(diagnostic);
            return Exit::Done;
        }
    };
    let namespace = config.as_ref().map_or("default", |config| &config.default_namespace).to_owned();
    let parts = match load::load_within(&command.inputs, &namespace, sources, found) {
        Ok(parts) => parts,
        Err(stopped) => return stopped.0,
    };
    let outcome = render::run_rules(&parts);
    render::log(&outcome, &parts.plan);
    render::judge(&outcome, &parts, found);
    // What is wrong, or is under --strict, must not reach the cluster.
    if report.judged(found.clone()).iter().any(Diagnostic::is_error) {
        return Exit::Mistakes;
    }
    let objects = match cluster::launch_objects(
        objects::wanted(&outcome, &parts.plan),
        objects::launched(&outcome, parts.installation.task_as_job()),
        parts.context.task_id(),
        &parts.context.namespace,
    ) {
        Ok(objects) => objects,
        Err(findings) => return blame(findings, &outcome, &parts, found),
    };
    let (Some(config), false) = (config, command.dry_run == DryRun::Client) else {
        let lines: Vec<String> = objects.iter().map(|object| format!("{} created (dry run)", object.id())).collect();
        let names: Vec<String> = objects.iter().map(Object::id).collect();
        return print(command, &lines, &names, objects.into_iter().map(|object| object.value).collect());
    };
    if !before(command, &parts, &objects, sources, found) {
        return Exit::Mistakes;
    }
    send(command, &runtime, config, objects, |findings| blame(findings, &outcome, &parts, found))
}

/// The values' own command before the Pod is applied; false if it failed, and nothing is sent then. A dry run changes
/// nothing, so it runs none.
fn before(command: &Apply, parts: &Parts, objects: &[Object], sources: &Sources, found: &mut Diagnostics) -> bool {
    let wanted = parts.installation.pre_apply().filter(|_| command.dry_run == DryRun::None && !command.no_commands);
    let (Some(text), Some(pod)) = (wanted, objects.last()) else { return true };
    let mounted = match Mounted::write(&Mount::all(&parts.installation, sources), &[]) {
        Ok(mounted) => mounted,
        Err(why) => {
            found.push(Diagnostic::new(Code::Command, format!("the command {why}")).at(text.span));
            return false;
        }
    };
    let mut env = parts.installation.variables();
    // The same cluster for its kubectl.
    if let Some(kubeconfig) = &command.cluster.kubeconfig {
        let path = std::path::absolute(kubeconfig).unwrap_or_else(|_| kubeconfig.clone());
        env.push(("KUBECONFIG".to_owned(), path.to_string_lossy().into_owned()));
    }
    let queue_name = parts.context.queue_name();
    let values = command::Values { queue_name, pod_name: &pod.name, namespace: &pod.namespace };
    let ran = command::run(&text, &values, &env, Some(&mounted), command::TIMEOUT);
    for line in &ran.log {
        tracing::info!(command = "pre-apply", "{}", printable_line(line));
    }
    let failed = ran.failure.is_some();
    found.extend(ran.failure);
    !failed
}

/// Launches, waits if asked to, prints.
fn send(
    command: &Apply,
    runtime: &Runtime,
    config: Config,
    objects: Vec<Object>,
    mut blame: impl FnMut(Vec<Finding>) -> Exit,
) -> Exit {
    let dry_run = command.dry_run == DryRun::Server;
    let sent = runtime.block_on(async {
        let cluster = Cluster::new(config).map_err(|d| vec![about_pod(d)])?;
        let objects = {
            let kinds = cluster::Kinds::default();
            let prepared = async { kinds.prepare(&cluster, objects).await.map_err(|failed| failed.findings) };
            unless_stopped(prepared).await?
        };
        let pod = objects.last().cloned();
        let options = Options { dry_run, force: command.force_conflicts };
        let mut launch = Launch::new(&cluster, objects, options);
        let launched = unless_stopped(launch.run()).await;
        match launched {
            Ok(done) => Ok((cluster, pod, done)),
            Err(mut findings) => {
                let left = launch.undo().await;
                if let (Some(first), false) = (findings.first_mut(), left.is_empty()) {
                    first.diagnostic.detail = Some(format!("could not be removed again: {}", left.join(", ")));
                }
                Err(findings)
            }
        }
    });
    let (cluster, pod, done) = match sent {
        Ok(sent) => sent,
        Err(findings) => return blame(findings),
    };
    let mut done = done;
    blame(done.iter_mut().flat_map(|done| std::mem::take(&mut done.warnings)).collect());
    let note = if dry_run { " (server dry run)" } else { "" };
    let lines: Vec<String> = done.iter().map(|done| format!("{} {}{note}", done.id, done.change.word())).collect();
    let names: Vec<String> = done.iter().map(|done| done.id.clone()).collect();
    let printed = print(command, &lines, &names, done.into_iter().map(shown).collect());
    let (Some(most), Some(pod), Exit::Done) = (command.wait, pod, printed) else { return printed };
    match runtime.block_on(unless_stopped(cluster::wait(&cluster, &pod, most))) {
        Ok(word) if command.output.is_none() => report::print(&format!("{} {word}\n", pod.id())),
        Ok(_) => Exit::Done,
        Err(findings) => blame(findings),
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
    let terminated = async {
        match tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) {
            Ok(mut signal) => {
                signal.recv().await;
            }
            Err(_) => std::future::pending().await,
        }
    };
    tokio::select! {
        done = work => done,
        Ok(()) = tokio::signal::ctrl_c() => Err(vec![interrupted()]),
        () = terminated => Err(vec![interrupted()]),
    }
}

fn interrupted() -> Finding {
    about_pod(Diagnostic::new(Code::Interrupted, "broken off by a signal").help("run the same command again"))
}

/// Findings of the cluster's with who wrote the field.
fn blame(findings: Vec<Finding>, outcome: &Outcome, parts: &Parts, found: &mut Diagnostics) -> Exit {
    let as_job = parts.installation.task_as_job();
    found.extend(objects::blamed(findings, outcome, &parts.plan, &parts.template, as_job));
    Exit::Done
}

fn print(command: &Apply, lines: &[String], names: &[String], mut objects: Vec<Value>) -> Exit {
    report::print(&match command.output {
        None => lines.iter().map(|line| format!("{line}\n")).collect(),
        Some(ApplyFormat::Name) => names.iter().map(|name| format!("{name}\n")).collect(),
        Some(ApplyFormat::Yaml) => output::documents(&objects),
        Some(ApplyFormat::Json) => format!("{:#}\n", render::as_json(std::mem::take(&mut objects))),
    })
}
