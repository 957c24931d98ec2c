//! One launch: rules, the command before it, companions, the Pod, the ownership.

use super::follow::Scope;
use super::lease::Standing;
use super::metrics::Metrics;
use super::source::Task;
use super::steps::reached;
use super::unit::{COMPANIONS, QUEUE};
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

/// A task that can't be launched: what to tell of it.
#[derive(Debug)]
pub struct Refused {
    /// A word.
    pub reason: String,
    /// All of it, for people.
    pub message: String,
    /// The rules that failed.
    pub failed: Vec<String>,
}

/// What rules made of a task.
pub struct Rendered {
    /// The objects, the Pod last.
    pub objects: Vec<Object>,
    /// The rules that were applied.
    pub applied: Vec<String>,
    /// Those that failed and were skipped.
    pub failed: Vec<String>,
    /// What is to say of findings of the API server: it knows who wrote each field.
    pub blame: Box<dyn Fn(Vec<Finding>) -> Refused + Send + Sync>,
}

/// What makes a Pod of a task.
pub trait Render: Send + Sync + 'static {
    /// Does it.
    fn render(self: Arc<Self>, task: &Task) -> Result<Rendered, Box<Refused>>;

    /// Whether it may take long, as Python may.
    fn blocks(&self) -> bool;

    /// The apiVersion and kind of each companion that rules name without looking at the task.
    fn companions(&self) -> Vec<(String, String)>;

    /// A finding, for people.
    fn tell(&self, found: &Diagnostic) -> String;
}

/// The values' own commands.
#[derive(Debug)]
pub struct Commands {
    /// Before a Pod is created.
    pub pre_apply: Option<Text>,
    /// After it was deleted.
    pub post_delete: Option<Text>,
    /// Variables for both.
    pub env: Vec<(String, String)>,
    /// Files for both.
    pub mounted: Mounted,
}

/// What came of a launch.
#[derive(Debug)]
pub enum Launched {
    /// The Pod is there.
    Done {
        /// Its namespace.
        namespace: SmolStr,
        /// Its name.
        name: SmolStr,
        /// Its uid.
        uid: SmolStr,
        /// Whether this launch made it.
        new: bool,
        /// The rules that were applied.
        applied: Vec<String>,
    },
    /// It can't be launched.
    Refused(Box<Refused>),
    /// Not now.
    Later {
        /// Why.
        retry: Retry,
        /// The same for people.
        message: String,
        /// Whether the command before the Pod has run, and need not again.
        prepared: bool,
    },
}

/// What launches need.
pub struct Launcher {
    /// The cluster.
    pub cluster: Arc<Cluster>,
    /// The kinds that it has.
    pub kinds: Kinds,
    /// The rules.
    pub render: Arc<dyn Render>,
    /// The values' own commands.
    pub commands: Arc<Commands>,
    /// What is watched.
    pub scope: Scope,
    /// Figures.
    pub metrics: Metrics,
    /// Whether we lead.
    pub standing: watch::Receiver<Standing>,
    /// Bounds how many launches are at the cluster at once.
    pub places: Arc<Semaphore>,
    /// Bounds how many requests of the clean-up are: many Pods may end at once.
    pub ends: Arc<Semaphore>,
    /// Bounds how many commands, and how many renders that take long, run at once.
    pub blocking: Arc<Semaphore>,
}

impl Launcher {
    /// Launches a task. It may be broken off at any step, and done again.
    pub async fn launch(self: Arc<Self>, task: Task, prepared: bool) -> Launched {
        reached("task-seen");
        let rendered = match self.rendered(&task).await {
            Ok(rendered) => rendered,
            Err(refused) => return Launched::Refused(refused),
        };
        let Rendered { objects, applied, failed, blame } = rendered;
        for (rule, done) in applied.iter().map(|rule| (rule, true)).chain(failed.iter().map(|rule| (rule, false))) {
            self.metrics.rule(rule, done);
        }
        let mut objects = match self.kinds.prepare(&self.cluster, objects).await {
            Ok(objects) => objects,
            Err(LaunchError { findings, retry }) => return later_or_never(findings, retry, prepared, &blame),
        };
        if let Err(refused) = self.dress(&mut objects, &task) {
            return Launched::Refused(refused);
        }
        if !prepared && let Err(refused) = self.before(&task, &objects).await {
            return Launched::Refused(refused);
        }
        let _place = self.places.acquire().await;
        let may = || self.standing.borrow().leads();
        match create(&self.cluster, &objects, may, step).await {
            Ok(created) => {
                for warning in created.warnings {
                    tracing::warn!(task = %printable_line(&task.id), "{}", printable_line(&warning.diagnostic.message));
                }
                self.metrics.launched(&task.queue, task.seen.elapsed().as_secs_f64());
                let text = |key: &str| created.pod["metadata"][key].as_str().unwrap_or("").into();
                Launched::Done {
                    namespace: text("namespace"),
                    name: text("name"),
                    uid: text("uid"),
                    new: created.new,
                    applied,
                }
            }
            Err(LaunchError { findings, retry }) => later_or_never(findings, retry, true, &blame),
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

    /// Writes what we need to know of the Pod later into it.
    fn dress(&self, objects: &mut [Object], task: &Task) -> Result<(), Box<Refused>> {
        let Some((pod, companions)) = objects.split_last_mut() else { return Err(internal("there is no Pod")) };
        if !self.scope.holds(&pod.namespace) {
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
                "a rule changes the Pod's name or its label `CLEARML`, by which it is found again: leave them";
            return Err(Box::new(Refused { reason: "PodName".into(), message: message.into(), failed: Vec::new() }));
        }
        let till_end = companions.iter().filter(|companion| companion.lifetime == Some(Lifetime::Task));
        let mut urls: Vec<String> = till_end.map(Object::url).collect();
        urls.sort();
        urls.dedup();
        let metadata = pod.value.get_mut("metadata").and_then(Value::as_object_mut);
        let metadata = metadata.ok_or_else(|| internal("the Pod's metadata is no object"))?;
        let annotations = metadata.entry("annotations").or_insert_with(|| json!({}));
        let annotations = annotations.as_object_mut().ok_or_else(|| internal("the Pod's annotations are no object"))?;
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

    /// The values' own command before the Pod.
    async fn before(self: &Arc<Self>, task: &Task, objects: &[Object]) -> Result<(), Box<Refused>> {
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
        let Ok(Some(ran)) = ran.await else { return Err(internal("the command ended unexpectedly")) };
        self.metrics.command("pre-apply", ran.failure.is_none(), started.elapsed().as_secs_f64());
        for line in &ran.log {
            tracing::info!(command = "pre-apply", task = %printable_line(&task.id), "{}", printable_line(line));
        }
        reached("pre-apply-done");
        match ran.failure {
            None => Ok(()),
            Some(failure) => Err(Box::new(Refused {
                reason: "PreApplyCommand".into(),
                message: self.render.tell(&failure),
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

/// A launch that failed: for now, or for good.
fn later_or_never(
    findings: Vec<Finding>,
    retry: Option<Retry>,
    prepared: bool,
    blame: &(dyn Fn(Vec<Finding>) -> Refused + Send + Sync),
) -> Launched {
    let unreachable = findings.iter().any(|finding| finding.diagnostic.code == Code::ApiUnreachable);
    let retry = retry.or(unreachable.then_some(Retry::Unreachable));
    match retry {
        Some(retry) => {
            let message = findings.first().map_or("", |finding| finding.diagnostic.message.as_str());
            Launched::Later { retry, message: printable_line(message).to_string(), prepared }
        }
        None => Launched::Refused(Box::new(blame(findings))),
    }
}
