//! The running loop beside a source on its thread.

use super::fixture::{applied, controller, leader, task};
use crate::controller::{BATCH, Exit, Inputs};
use crate::lease::Standing;
use crate::task_source::service::start;
use crate::task_source::{Record, Room, SourceFault, Task, TaskSource, TaskState};
use crate::watch::WatchEvent;
use axum::Router;
use axum::http::{Method, StatusCode, Uri};
use serde_json::json;
use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::{Semaphore, mpsc, watch};

/// What the source and the API server did, in order.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<String>>>);

impl Log {
    fn add(&self, line: impl Into<String>) {
        self.0.lock().unwrap().push(line.into());
    }

    fn lines(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }

    /// Waits for a line with this start, and returns its index.
    async fn until(&self, line: &str) -> usize {
        loop {
            if let Some(at) = self.lines().iter().position(|have| have.starts_with(line)) {
                return at;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

/// A source with tasks to hand out, whose records wait at a gate.
struct Gated {
    log: Log,
    tasks: Vec<Task>,
    gate: Arc<Semaphore>,
    /// Blocks the thread until the sender is dropped.
    blocker: Option<std::sync::mpsc::Receiver<()>>,
}

impl TaskSource for Gated {
    async fn next(&mut self, _: &mut Room) -> Result<Vec<Task>, SourceFault> {
        Ok(std::mem::take(&mut self.tasks))
    }

    fn requeue(&mut self, _: &str) {}

    async fn withdrawn(&mut self) -> Result<Vec<String>, SourceFault> {
        Ok(Vec::new())
    }

    async fn record(&mut self, key: &str, record: &Record) -> Result<(), SourceFault> {
        self.log.add(format!("recording {key} {}", record.state.word()));
        self.gate.acquire().await.unwrap().forget();
        self.log.add(format!("recorded {key} {}", record.state.word()));
        Ok(())
    }

    async fn state(&mut self, _: &str) -> Result<Option<TaskState>, SourceFault> {
        Ok(Some(TaskState::Running))
    }

    async fn launched(&mut self) -> Result<Vec<String>, SourceFault> {
        if let Some(blocker) = self.blocker.take() {
            self.log.add("blocking");
            let _ = blocker.recv();
        }
        Ok(Vec::new())
    }

    fn waiting(&self) -> HashMap<String, usize> {
        HashMap::new()
    }
}

impl Drop for Gated {
    fn drop(&mut self) {
        self.log.add("dropped");
    }
}

/// An API server that accepts everything.
async fn server(log: Log) -> String {
    let accept = async move |method: Method, uri: Uri, body: String| {
        log.add(format!("{method} {}", uri.path()));
        let mut object: serde_json::Value = serde_json::from_str(&body).unwrap_or_default();
        object["metadata"]["uid"] = "uid-a".into();
        (StatusCode::CREATED, object.to_string())
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let router = Router::new().fallback(accept);
    tokio::spawn(async move {
        loop {
            let Ok((stream, _)) = listener.accept().await else { return };
            let service = hyper_util::service::TowerToHyperService::new(router.clone());
            tokio::spawn(async move {
                let stream = hyper_util::rt::TokioIo::new(stream);
                let builder = hyper_util::server::conn::auto::Builder::new(hyper_util::rt::TokioExecutor::new());
                let _ = builder.serve_connection(stream, service).await;
            });
        }
    });
    format!("http://{address}")
}

struct Running {
    log: Log,
    gate: Arc<Semaphore>,
    events: mpsc::Sender<WatchEvent>,
    notices: mpsc::Receiver<crate::events::Notice>,
    stop: watch::Sender<bool>,
    exit: tokio::task::JoinHandle<Exit>,
    _state: tempfile::TempDir,
}

impl Running {
    /// Starts the loop with the Pods of these events.
    async fn start(tasks: Vec<Task>, pods: Vec<WatchEvent>, standing: watch::Receiver<Standing>) -> Running {
        Self::start_with(tasks, pods, standing, None).await
    }

    async fn start_with(
        tasks: Vec<Task>,
        pods: Vec<WatchEvent>,
        standing: watch::Receiver<Standing>,
        blocker: Option<std::sync::mpsc::Receiver<()>>,
    ) -> Running {
        let (log, gate) = (Log::default(), Arc::new(Semaphore::new(0)));
        let source = Gated { log: log.clone(), tasks, gate: gate.clone(), blocker };
        let (source, answers) = start(source, standing.clone());
        let (controller, parts) = controller(source, &server(log.clone()).await, standing.clone());
        let (stop, stopping) = watch::channel(false);
        let (events, received) = mpsc::channel(BATCH);
        let inputs = Inputs { results: parts.results, answers, standing, stop: stopping };
        let exit = tokio::spawn(controller.run_with(inputs, received));
        events.send(WatchEvent::ListStarted(0)).await.unwrap();
        for pod in pods {
            events.send(pod).await.unwrap();
        }
        events.send(WatchEvent::ListDone(0)).await.unwrap();
        Running { log, gate, events, notices: parts.notices, stop, exit, _state: parts.state }
    }
}

#[tokio::test]
async fn a_source_that_never_answers_holds_up_neither_watch_events_nor_jobs() {
    let succeeded = json!({"phase": "Succeeded"});
    let mut agent = Running::start(vec![task("a")], vec![applied("b", succeeded)], leader()).await;
    agent.log.until("recording b completed").await;
    // The loop reads more events than the channel holds.
    for number in 0..4 * BATCH {
        let id = format!("t{}", number % 50);
        agent.events.send(applied(&id, json!({"phase": "Running"}))).await.unwrap();
    }
    agent.gate.add_permits(1);
    // The loop reads the result of a job while the next record hangs.
    let launched = agent.notices.recv().await.unwrap();
    assert_eq!(&*launched.name, "clearml-id-a");
    agent.log.until("recording a launched").await;
    for _ in 0..4 * BATCH {
        agent.events.send(applied("a", json!({"phase": "Running"}))).await.unwrap();
    }
    assert!(!agent.log.lines().contains(&"recorded a launched".to_owned()));
    agent.exit.abort();
}

#[tokio::test]
async fn a_pod_is_deleted_after_its_end_is_recorded() {
    let agent = Running::start(Vec::new(), vec![applied("a", json!({"phase": "Succeeded"}))], leader()).await;
    agent.log.until("recording a completed").await;
    for _ in 0..2 * BATCH {
        agent.events.send(applied("a", json!({"phase": "Succeeded"}))).await.unwrap();
    }
    agent.gate.add_permits(1);
    let deleted = agent.log.until("DELETE /api/v1/namespaces/n/pods/clearml-id-a").await;
    assert!(agent.log.until("recorded a completed").await < deleted);
    agent.exit.abort();
}

#[tokio::test]
async fn a_clean_stop_waits_for_pending_records() {
    let pods = ["a", "b", "c"].map(|id| applied(id, json!({"phase": "Failed"})));
    let agent = Running::start(Vec::new(), pods.into(), leader()).await;
    agent.log.until("recording").await;
    agent.stop.send(true).unwrap();
    agent.gate.add_permits(3);
    assert_eq!(agent.exit.await.unwrap(), Exit::Stopped);
    let lines = agent.log.lines();
    for id in ["a", "b", "c"] {
        assert!(lines.contains(&format!("recorded {id} failed")), "{lines:?}");
    }
    assert_eq!(lines.last().unwrap(), "dropped");
    assert!(!lines.iter().any(|line| line.starts_with("DELETE")), "{lines:?}");
}

#[tokio::test]
async fn after_the_lease_is_lost_only_the_current_record_is_written() {
    let until = tokio::time::Instant::now() + Duration::from_secs(1 << 20);
    let (lease, standing) = watch::channel(Standing::Leader { until });
    let pods = ["a", "b", "c"].map(|id| applied(id, json!({"phase": "Failed"})));
    let agent = Running::start(Vec::new(), pods.into(), standing).await;
    agent.log.until("recording").await;
    lease.send(Standing::Follower { leader: None, why_not: None }).unwrap();
    agent.gate.add_permits(3);
    assert_eq!(agent.exit.await.unwrap(), Exit::LeaseLost);
    agent.log.until("dropped").await;
    let recorded = agent.log.lines().iter().filter(|line| line.starts_with("recorded")).count();
    assert_eq!(recorded, 1);
}

#[tokio::test]
async fn a_source_that_blocks_its_thread_blocks_nothing_else() {
    let (release, blocker) = std::sync::mpsc::channel();
    let agent = Running::start_with(vec![task("a")], Vec::new(), leader(), Some(blocker)).await;
    agent.log.until("blocking").await;
    for _ in 0..4 * BATCH {
        agent.events.send(applied("b", json!({"phase": "Running"}))).await.unwrap();
    }
    // Nothing is launched before the source answers.
    assert_eq!(agent.log.lines(), ["blocking"]);
    drop(release);
    agent.log.until("recording a launched").await;
    agent.exit.abort();
}
