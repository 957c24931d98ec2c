//! Watches of the agent's Pods and Jobs: one for each kind and namespace, or one for all namespaces. They never end: a watch that is cut
//! off resumes where it was, and one whose resourceVersion is too old (410) relists.

use super::workload::{Kind, WatchedObject, Workload};
use futures_util::StreamExt;
use kube::Api;
use kube::runtime::WatchStreamExt;
use kube::runtime::watcher::{self, Event, ExponentialBackoff, watcher};
use podrules_cluster::{AGENT_LABEL, TASK_LABEL};
use std::time::Duration;
use tokio::sync::mpsc::Sender;

/// Seconds after which the server ends a watch, which then resumes at once: a dead connection goes unnoticed for no longer.
const TIMEOUT: u32 = 30;
/// How often everything is relisted: whatever a watch has missed is known then.
const RELIST: Duration = Duration::from_secs(10 * 60);
/// Objects per page of a list.
const PAGE: u32 = 100;

/// What is watched.
#[derive(Debug, Clone)]
pub struct Scope {
    /// The watched namespaces; all if empty.
    pub namespaces: Vec<String>,
    /// The value of the label `CLEARML` on everything that this agent creates.
    pub agent: String,
    /// Pods, or Pods and Jobs: the last one is what tasks are launched as.
    pub kinds: Vec<Kind>,
}

impl Scope {
    /// Whether a namespace is watched.
    pub fn contains(&self, namespace: &str) -> bool {
        self.namespaces.is_empty() || self.namespaces.iter().any(|own| own == namespace)
    }

    /// The label selector for everything that this agent created for a task.
    pub fn selector(&self) -> String {
        format!("{AGENT_LABEL}={},{TASK_LABEL}", self.agent)
    }

    /// The number of watches.
    pub fn watches(&self) -> usize {
        self.namespaces.len().max(1) * self.kinds.len()
    }
}

/// An event of a watch. The number says which watch.
#[derive(Debug)]
pub enum WatchEvent {
    /// A list begins: the objects until [`ListDone`](WatchEvent::ListDone) are all there are.
    ListStarted(usize),
    /// An object was listed, created or changed.
    Applied(usize, Box<Workload>),
    /// An object was deleted.
    Deleted(Box<Workload>),
    /// The list is complete.
    ListDone(usize),
    /// The watch failed, and is retried; the error is for people.
    Failed(String),
}

/// Starts the watches. They end when the receiver is dropped, or with the set of tasks.
pub fn start(client: &kube::Client, scope: &Scope, events: &Sender<WatchEvent>, tasks: &mut tokio::task::JoinSet<()>) {
    let namespaces = scope.namespaces.iter().map(Some);
    let places: Vec<Option<&String>> = if scope.namespaces.is_empty() { vec![None] } else { namespaces.collect() };
    let all = scope.kinds.iter().flat_map(|kind| places.iter().map(move |place| (*kind, *place)));
    for (number, (kind, namespace)) in all.enumerate() {
        let api: Api<WatchedObject> = match namespace {
            Some(namespace) => Api::namespaced_with(client.clone(), namespace, &kind),
            None => Api::all_with(client.clone(), &kind),
        };
        let config = watcher::Config::default().labels(&scope.selector()).timeout(TIMEOUT).page_size(PAGE);
        tasks.spawn(watch(api, kind, config, number, events.clone()));
    }
}

async fn watch(
    api: Api<WatchedObject>,
    kind: Kind,
    config: watcher::Config,
    number: usize,
    events: Sender<WatchEvent>,
) {
    while until_relist(&api, kind, &config, number, &events).await {}
}

/// Lists and watches until it is time to relist; false when the receiver is gone.
async fn until_relist(
    api: &Api<WatchedObject>,
    kind: Kind,
    config: &watcher::Config,
    number: usize,
    events: &Sender<WatchEvent>,
) -> bool {
    let pauses = backon::ExponentialBuilder::default()
        .with_min_delay(Duration::from_millis(200))
        .with_max_delay(Duration::from_secs(10))
        .with_jitter()
        .without_max_times();
    let stream = watcher(api.clone(), config.clone()).backoff(ExponentialBackoff::from(pauses));
    let mut stream = std::pin::pin!(stream);
    let relist = tokio::time::Instant::now() + RELIST;
    while let Ok(Some(event)) = tokio::time::timeout_at(relist, stream.next()).await {
        let event = match event {
            Ok(Event::Init) => WatchEvent::ListStarted(number),
            Ok(Event::InitDone) => WatchEvent::ListDone(number),
            Ok(Event::Apply(object) | Event::InitApply(object)) => match object.workload(kind) {
                Some(workload) => WatchEvent::Applied(number, Box::new(workload)),
                None => continue,
            },
            Ok(Event::Delete(object)) => match object.workload(kind) {
                Some(workload) => WatchEvent::Deleted(Box::new(workload)),
                None => continue,
            },
            Err(error) => WatchEvent::Failed(podrules_cluster::chain(&error)),
        };
        if events.send(event).await.is_err() {
            return false;
        }
    }
    true
}
