//! The agent: runs the controller whenever this replica is the leader.

use super::controller::{Controller, Exit, Inputs, Settings};
use super::events;
use super::launch::{Commands, Launcher, Render};
use super::lease::Standing;
use super::metrics::Metrics;
use super::serve::Health;
use super::task_source::{TaskSource, service};
use podrules::diagnostic::Diagnostic;
use podrules_cluster::{Cluster, Kinds};
use podrules_worker::command::Once;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Semaphore, mpsc, watch};

/// Commands, and renders that take long, that run at once.
const BLOCKING: usize = 8;
/// How long the record of a command that has run is kept if nothing uses it.
const EVIDENCE: Duration = Duration::from_secs(7 * 24 * 3600);
/// The delay before the task source is opened again.
const DELAY: Duration = Duration::from_secs(5);

/// An agent: turns tasks into Pods until it is stopped.
pub struct Agent {
    /// Its settings.
    pub settings: Settings,
    /// The connection to the cluster.
    pub cluster: Arc<Cluster>,
    /// The values and rules.
    pub render: Arc<dyn Render>,
    /// The commands that the values name.
    pub commands: Arc<Commands>,
    /// The record of which commands have run.
    pub once: Arc<Once>,
    /// The metrics.
    pub metrics: Metrics,
    /// Liveness and readiness.
    pub health: Health,
    /// The name of this process in Events.
    pub instance: String,
}

impl Agent {
    /// Runs until `stop` says true. The task source is opened each time this replica becomes the leader, because others may have
    /// written to it since.
    pub async fn run<S: TaskSource>(
        &self,
        open: impl Fn() -> Result<S, Diagnostic>,
        mut standing: watch::Receiver<Standing>,
        mut stop: watch::Receiver<bool>,
    ) {
        self.once.clean(EVIDENCE);
        while !*stop.borrow() {
            let (is_leader, why_not) = match &*standing.borrow_and_update() {
                now @ Standing::Leader { .. } => (now.is_leader(), None),
                Standing::Follower { why_not, .. } => (false, why_not.clone()),
            };
            self.metrics.leader(is_leader);
            if !is_leader {
                // A replica that isn't the leader is ready to take over.
                self.health.beat();
                self.health.ready(why_not.map(|why| format!("the Lease can't be read: {why}")));
                tokio::select! {
                    _ = standing.changed() => {}
                    _ = stop.changed() => {}
                    () = tokio::time::sleep(DELAY) => {}
                }
                continue;
            }
            let source = match open() {
                Ok(source) => source,
                Err(found) => {
                    let why = self.render.describe(&found);
                    tracing::error!("could not open the task source: {why}");
                    self.health.beat();
                    self.health.ready(Some(format!("could not open the task source: {}", found.message)));
                    tokio::select! {
                        _ = stop.changed() => {}
                        () = tokio::time::sleep(DELAY) => {}
                    }
                    continue;
                }
            };
            match self.lead(source, standing.clone(), stop.clone()).await {
                Exit::Stopped => {}
                Exit::LeaseLost => tracing::warn!("another replica is the leader; abandoned work in progress"),
                Exit::SourceEnded => {
                    tracing::error!("the task source ended unexpectedly; opening it again");
                    tokio::time::sleep(DELAY).await;
                }
            }
        }
        self.metrics.leader(false);
    }

    /// Runs the controller until this replica isn't the leader any more.
    async fn lead<S: TaskSource>(
        &self,
        source: S,
        standing: watch::Receiver<Standing>,
        stop: watch::Receiver<bool>,
    ) -> Exit {
        let launcher = Arc::new(Launcher {
            cluster: self.cluster.clone(),
            kinds: Kinds::default(),
            render: self.render.clone(),
            commands: self.commands.clone(),
            scope: self.settings.scope.clone(),
            metrics: self.metrics.clone(),
            standing: standing.clone(),
            launches: Arc::new(Semaphore::new(self.settings.concurrency)),
            cleanups: Arc::new(Semaphore::new(self.settings.concurrency)),
            blocking: Arc::new(Semaphore::new(BLOCKING)),
        });
        let (notices, written) = mpsc::channel(events::MAX_WAITING);
        let writer = events::write(self.cluster.clone(), self.instance.clone(), written, self.metrics.clone());
        let writer = tokio::spawn(writer);
        let (source, answers) = service::start(source, standing.clone());
        let (controller, results) =
            Controller::new(self.settings.clone(), launcher, source, self.once.clone(), self.health.clone(), notices);
        let exit = controller.run(Inputs { results, answers, standing, stop }).await;
        writer.abort();
        exit
    }
}
