//! A controller whose cluster can't be reached, and workloads to observe.

use crate::controller::jobs::JobResult;
use crate::controller::{Controller, Settings};
use crate::events::Notice;
use crate::launch::{Commands, Launcher, Refused, Render, Rendered};
use crate::lease::Standing;
use crate::metrics::Metrics;
use crate::serve::Health;
use crate::task_source::Task;
use crate::task_source::service::SourceClient;
use crate::watch::{Scope, WatchEvent};
use crate::workload::{Kind, WatchedObject};
use kube::config::Config;
use podrules::diagnostic::Diagnostic;
use podrules_cluster::{Cluster, Kinds, launch_objects};
use podrules_worker::command::Once;
use podrules_worker::mounts::Mounted;
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::{Semaphore, mpsc, watch};

const AGENT: &str = "agent-test";

/// Renders a Pod without companions.
struct Plain;

impl Render for Plain {
    fn render(self: Arc<Self>, task: &Task) -> Result<Rendered, Box<Refused>> {
        let pod = json!({
            "apiVersion": "v1", "kind": "Pod",
            "metadata": {"name": format!("clearml-id-{}", task.id), "namespace": "n", "labels": {"CLEARML": AGENT}},
            "spec": {"containers": [{"name": "main", "image": "x"}]},
        });
        let objects = launch_objects(Vec::new(), pod, &task.id, "n").unwrap();
        let blame = |_| Refused { reason: "x".into(), message: "refused".into(), failed: Vec::new() };
        Ok(Rendered { objects, applied: vec!["rule".into()], failed: Vec::new(), blame: Box::new(blame) })
    }

    fn blocks(&self) -> bool {
        false
    }

    fn companions(&self) -> Vec<(String, String)> {
        Vec::new()
    }

    fn describe(&self, found: &Diagnostic) -> String {
        found.message.clone()
    }
}

/// What a test keeps of a controller.
pub struct Parts {
    pub results: mpsc::Receiver<JobResult>,
    pub notices: mpsc::Receiver<Notice>,
    pub state: tempfile::TempDir,
}

/// The standing of a replica that stays the leader.
pub fn leader() -> watch::Receiver<Standing> {
    let until = tokio::time::Instant::now() + Duration::from_secs(1 << 20);
    watch::channel(Standing::Leader { until }).1
}

/// A controller with a source, for a cluster at this address. Finished Pods are deleted at once.
pub fn controller(source: SourceClient, server: &str, standing: watch::Receiver<Standing>) -> (Controller, Parts) {
    let scope = Scope { namespaces: vec!["n".into()], agent: AGENT.into(), kinds: vec![Kind::Pod] };
    let settings = Settings {
        scope: scope.clone(),
        concurrency: 4,
        max_pods: None,
        max_pods_per_queue: None,
        keep_finished: Duration::ZERO,
        unrecoverable: Vec::new(),
        collect_every: Duration::from_secs(3_600),
    };
    let cluster = Cluster::observed(Config::new(server.parse().unwrap()), Arc::new(|_, _| {})).unwrap();
    let mounted = Mounted::write(&[], &[]).unwrap();
    let launcher = Arc::new(Launcher {
        cluster: Arc::new(cluster),
        kinds: Kinds::default(),
        render: Arc::new(Plain),
        commands: Arc::new(Commands { pre_apply: None, post_delete: None, env: Vec::new(), mounted }),
        scope,
        metrics: Metrics::new(),
        standing,
        launches: Arc::new(Semaphore::new(4)),
        cleanups: Arc::new(Semaphore::new(4)),
        blocking: Arc::new(Semaphore::new(4)),
    });
    let state = tempfile::tempdir().unwrap();
    let once = Arc::new(Once::open(state.path()).unwrap());
    let (sender, notices) = mpsc::channel(16);
    let (controller, results) = Controller::new(settings, launcher, source, once, Health::new(), sender);
    (controller, Parts { results, notices, state })
}

/// A task as a source returns it.
pub fn task(id: &str) -> Task {
    Task { id: id.into(), queue: "q".into(), value: json!({"id": id}), seen: Instant::now() }
}

/// The watch event of a task's Pod with this status.
pub fn applied(id: &str, status: Value) -> WatchEvent {
    WatchEvent::Applied(0, pod(id, status))
}

/// The watch event of a task's deleted Pod.
pub fn deleted(id: &str) -> WatchEvent {
    WatchEvent::Deleted(pod(id, json!({})))
}

fn pod(id: &str, status: Value) -> Box<crate::workload::Workload> {
    let object = json!({
        "metadata": {
            "name": format!("clearml-id-{id}"), "namespace": "n", "uid": format!("uid-{id}"),
            "labels": {"podrules.io/task-id": id, "CLEARML": AGENT},
        },
        "spec": {"nodeName": "node"}, "status": status,
    });
    Box::new(serde_json::from_value::<WatchedObject>(object).unwrap().workload(Kind::Pod).unwrap())
}
