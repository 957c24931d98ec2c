//! A launch: rules, the pre-apply command, companions, the Pod, and the ownership of companions.

use super::lease::Standing;
use super::metrics::Metrics;
use super::steps::reached;
use super::task_source::Task;
use super::watch::Scope;
use super::workload::{COMPANIONS, QUEUE};
use podrules::context::POD_PREFIX;
use podrules::diagnostic::render::printable_line;
use podrules::diagnostic::{Code, Diagnostic};
use podrules::lifetime::Lifetime;
use podrules::source::Text;
use podrules_cluster::{Cluster, FINALIZER, Finding, Kinds, LaunchError, Object, Retry, Step, create};
use podrules_worker::command::{self, Values};
use podrules_worker::mounts::Mounted;
use serde_json::{Value, json};
use smol_str::SmolStr;
use std::sync::Arc;
use std::time::Instant;
use tokio::sync::{Semaphore, watch};

/// Why a task can't be launched.
#[derive(Debug)]
pub struct Refused {
    /// In one word: an error code, or a word like `PodName`.
    pub reason: String,
    /// The full report, for people.
    pub message: String,
    /// The rules that failed.
    pub failed: Vec<String>,
}

/// The objects to create for a task.
pub struct Rendered {
    /// The objects, the Pod last.
    pub objects: Vec<Object>,
    /// The rules that were applied.
    pub applied: Vec<String>,
    /// Those that failed and were skipped.
    pub failed: Vec<String>,
    /// Turns findings of the API server into a report. It knows which rule wrote each field.
    pub blame: Box<dyn Fn(Vec<Finding>) -> Refused + Send + Sync>,
}

/// Renders tasks: values and rules → the Pod and its companions.
pub trait Render: Send + Sync + 'static {
    /// Renders a task.
    ///
    /// # Errors
    /// A rule failed, or the Pod is invalid.
    fn render(self: Arc<Self>, task: &Task) -> Result<Rendered, Box<Refused>>;

    /// Whether rendering may take long, because it runs Python.
    fn blocks(&self) -> bool;

    /// The apiVersion and kind of each companion that the rules name as constants.
    fn companions(&self) -> Vec<(String, String)>;

    /// The report on a finding, for people.
    fn describe(&self, found: &Diagnostic) -> String;
}

/// The commands that the values name.
#[derive(Debug)]
pub struct Commands {
    /// The pre-apply command, which runs before a Pod is created.
    pub pre_apply: Option<Text>,
    /// The post-delete command, which runs after a Pod was deleted.
    pub post_delete: Option<Text>,
    /// Environment variables for both.
    pub env: Vec<(String, String)>,
    /// Files that both may read.
    pub mounted: Mounted,
}

/// The result of a launch.
#[derive(Debug)]
pub enum LaunchResult {
    /// The Pod exists.
    Launched {
        /// The Pod's namespace.
        namespace: SmolStr,
        /// The Pod's name.
        name: SmolStr,
        /// The Pod's uid.
        uid: SmolStr,
        /// Whether this launch created it.
        new: bool,
        /// The rules that were applied.
        applied: Vec<String>,
    },
    /// The task can't be launched.
    Refused(Box<Refused>),
    /// The task can't be launched now.
    Delayed {
        /// What the launch waits for.
        retry: Retry,
        /// What the launch waits for, for people.
        message: String,
        /// Whether the pre-apply command has run, so that it needn't run again.
        pre_applied: bool,
    },
}

/// What launches and other jobs need.
pub struct Launcher {
    /// The connection to the cluster.
    pub cluster: Arc<Cluster>,
    /// The kinds that the cluster has.
    pub kinds: Kinds,
    /// The values and rules.
    pub render: Arc<dyn Render>,
    /// The commands that the values name.
    pub commands: Arc<Commands>,
    /// What is watched.
    pub scope: Scope,
    /// The metrics.
    pub metrics: Metrics,
    /// Whether this replica is the leader.
    pub standing: watch::Receiver<Standing>,
    /// Limits the launches that are at the cluster at once.
    pub launches: Arc<Semaphore>,
    /// Limits the requests of clean-ups at once: many Pods may terminate together.
    pub cleanups: Arc<Semaphore>,
    /// Limits the commands, and the renders that take long, that run at once.
    pub blocking: Arc<Semaphore>,
}

impl Launcher {
    /// Launches a task. It may be interrupted at any step, and repeated. `pre_applied`: the pre-apply command has run already.
    pub async fn launch(self: Arc<Self>, task: Task, pre_applied: bool) -> LaunchResult {
        reached("task-seen");
        let rendered = match self.rendered(&task).await {
            Ok(rendered) => rendered,
            Err(refused) => return LaunchResult::Refused(refused),
        };
        let Rendered { objects, applied, failed, blame } = rendered;
        for (rule, done) in applied.iter().map(|rule| (rule, true)).chain(failed.iter().map(|rule| (rule, false))) {
            self.metrics.rule(rule, done);
        }
        let mut objects = match self.kinds.prepare(&self.cluster, objects).await {
            Ok(objects) => objects,
            Err(LaunchError { findings, retry }) => return delayed_or_refused(findings, retry, pre_applied, &blame),
        };
        if let Err(refused) = self.annotate(&mut objects, &task) {
            return LaunchResult::Refused(refused);
        }
        if !pre_applied && let Err(refused) = self.pre_apply(&task, &objects).await {
            return LaunchResult::Refused(refused);
        }
        let _place = self.launches.acquire().await;
        let may_create = || self.standing.borrow().is_leader();
        match create(&self.cluster, &objects, may_create, step).await {
            Ok(created) => {
                for warning in created.warnings {
                    tracing::warn!(task = %printable_line(&task.id), "{}", printable_line(&warning.diagnostic.message));
                }
                self.metrics.launched(&task.queue, task.seen.elapsed().as_secs_f64());
                let text = |key: &str| created.pod["metadata"][key].as_str().unwrap_or("").into();
                LaunchResult::Launched {
                    namespace: text("namespace"),
                    name: text("name"),
                    uid: text("uid"),
                    new: created.new,
                    applied,
                }
            }
            Err(LaunchError { findings, retry }) => delayed_or_refused(findings, retry, true, &blame),
        }
    }

    async fn rendered(self: &Arc<Self>, task: &Task) -> Result<Rendered, Box<Refused>> {
        if !self.render.blocks() {
            return self.render.clone().render(task);
        }
        let _place = self.blocking.acquire().await;
        let (own, task) = (self.clone(), task.clone());
        let done = tokio::task::spawn_blocking(move || own.render.clone().render(&task)).await;
        done.unwrap_or_else(|_| Err(internal("the render ended unexpectedly")))
    }

    /// Adds the annotations and the finalizer that the controller reads later.
    fn annotate(&self, objects: &mut [Object], task: &Task) -> Result<(), Box<Refused>> {
        let Some((pod, companions)) = objects.split_last_mut() else { return Err(internal("there is no Pod")) };
        if !self.scope.contains(&pod.namespace) {
            let message = format!(
                "its Pod would be in the namespace {}, which isn't watched: take it out of the rules, or watch all namespaces \
                 (CLEARML_K8S_GLUE_MONITOR_ALL_NAMESPACES: \"1\" in the values' extraEnvs, or --all-namespaces)",
                pod.namespace
            );
            return Err(Box::new(Refused { reason: "NamespaceNotWatched".into(), message, failed: Vec::new() }));
        }
        let wanted = format!("{POD_PREFIX}{}", task.id);
        let label = pod.value["metadata"]["labels"]["CLEARML"].as_str().unwrap_or("");
        if pod.name != wanted || label != self.scope.agent {
            let message =
                "a rule changes the Pod's name or its label `CLEARML`, by which podrules finds it again: leave them";
            return Err(Box::new(Refused { reason: "PodName".into(), message: message.into(), failed: Vec::new() }));
        }
        let until_end = companions.iter().filter(|companion| companion.lifetime == Some(Lifetime::Task));
        let mut urls: Vec<String> = until_end.map(Object::url).collect();
        urls.sort();
        urls.dedup();
        let metadata = pod.value.get_mut("metadata").and_then(Value::as_object_mut);
        let metadata = metadata.ok_or_else(|| internal("the Pod's metadata must be an object"))?;
        let annotations = metadata.entry("annotations").or_insert_with(|| json!({}));
        let annotations =
            annotations.as_object_mut().ok_or_else(|| internal("the Pod's annotations must be an object"))?;
        annotations.insert(QUEUE.to_owned(), task.queue.as_str().into());
        if !urls.is_empty() {
            annotations.insert(COMPANIONS.to_owned(), urls.join(",").into());
        }
        if self.commands.post_delete.is_some() {
            match metadata.get_mut("finalizers").and_then(Value::as_array_mut) {
                Some(own) if own.iter().any(|name| name == FINALIZER) => {}
                Some(own) => own.push(FINALIZER.into()),
                None => drop(metadata.insert("finalizers".to_owned(), json!([FINALIZER]))),
            }
        }
        Ok(())
    }

    /// Runs the pre-apply command.
    async fn pre_apply(self: &Arc<Self>, task: &Task, objects: &[Object]) -> Result<(), Box<Refused>> {
        let (Some(_), Some(pod)) = (&self.commands.pre_apply, objects.last()) else { return Ok(()) };
        let _place = self.blocking.acquire().await;
        let (commands, queue) = (self.commands.clone(), task.queue.clone());
        let (name, namespace) = (pod.name.clone(), pod.namespace.clone());
        let started = Instant::now();
        let ran = tokio::task::spawn_blocking(move || {
            let values = Values { queue_name: &queue, pod_name: &name, namespace: &namespace };
            let text = commands.pre_apply.as_ref()?;
            Some(command::run(text, &values, &commands.env, Some(&commands.mounted), command::TIMEOUT))
        });
        let Ok(Some(ran)) = ran.await else { return Err(internal("the pre-apply command ended unexpectedly")) };
        self.metrics.command("pre-apply", ran.failure.is_none(), started.elapsed().as_secs_f64());
        for line in &ran.log {
            tracing::info!(command = "pre-apply", task = %printable_line(&task.id), "{}", printable_line(line));
        }
        reached("pre-apply-done");
        match ran.failure {
            None => Ok(()),
            Some(failure) => Err(Box::new(Refused {
                reason: "PreApplyCommand".into(),
                message: self.render.describe(&failure),
                failed: Vec::new(),
            })),
        }
    }
}

fn step(step: Step) {
    reached(match step {
        Step::Companion => "companion-created",
        Step::Pod => "pod-created",
        Step::Owned => "owned",
    });
}

fn internal(message: &str) -> Box<Refused> {
    Box::new(Refused { reason: "Internal".into(), message: message.into(), failed: Vec::new() })
}

/// The result of a launch that failed, for now or for good.
fn delayed_or_refused(
    findings: Vec<Finding>,
    retry: Option<Retry>,
    pre_applied: bool,
    blame: &(dyn Fn(Vec<Finding>) -> Refused + Send + Sync),
) -> LaunchResult {
    let unreachable = findings.iter().any(|finding| finding.diagnostic.code == Code::ApiUnreachable);
    let retry = retry.or(unreachable.then_some(Retry::Unreachable));
    match retry {
        Some(retry) => {
            let message = findings.first().map_or("", |finding| finding.diagnostic.message.as_str());
            LaunchResult::Delayed { retry, message: printable_line(message).to_string(), pre_applied }
        }
        None => LaunchResult::Refused(Box::new(blame(findings))),
    }
}
