//! All parts together: for as long as this process leads, the loop; then from the start.

use super::control::{Control, Left, Settings};
use super::events;
use super::launch::{Commands, Launcher, Render};
use super::lease::Standing;
use super::metrics::Metrics;
use super::serve::Health;
use super::source::TaskSource;
use podrules::diagnostic::Diagnostic;
use podrules_cluster::{Cluster, Kinds};
use podrules_worker::command::Once;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Semaphore, mpsc, watch};

/// Commands and long renders that run at once.
const BLOCKING: usize = 8;
/// How long evidence of commands is kept that nobody asked for.
const EVIDENCE: Duration = Duration::from_secs(7 * 24 * 3600);
/// The pause before a source that can't be opened is tried again.
const PAUSE: Duration = Duration::from_secs(5);

/// An agent.
pub struct Agent {
    /// How it is to work.
    pub settings: Settings,
    /// The cluster.
    pub cluster: Arc<Cluster>,
    /// The rules.
    pub render: Arc<dyn Render>,
    /// The values' own commands.
    pub commands: Arc<Commands>,
    /// Where it is kept which commands have run.
    pub once: Arc<Once>,
    /// Figures.
    pub metrics: Metrics,
    /// Whether it is well.
    pub health: Health,
    /// What events name it.
    pub instance: String,
}

impl Agent {
    /// Works until it is asked to stop. The source is opened anew each time that this process comes to lead: others may have
    /// written what it remembers.
    pub async fn run<S: TaskSource>(
        &self,
        open: impl Fn() -> Result<S, Diagnostic>,
        mut standing: watch::Receiver<Standing>,
        mut stop: watch::Receiver<bool>,
    ) {
        self.once.clean(EVIDENCE);
        while !*stop.borrow() {
            let (leads, why_not) = match &*standing.borrow_and_update() {
                now @ Standing::Leader { .. } => (now.leads(), None),
                Standing::Follower { why_not, .. } => (false, why_not.clone()),
            };
            self.metrics.leader(leads);
            if !leads {
                // A replica that waits is ready to take over.
                self.health.beat();
                self.health.ready(why_not.map(|why| format!("the Lease can't be asked for: {why}")));
                tokio::select! {
                    _ = standing.changed() => {}
                    _ = stop.changed() => {}
                    () = tokio::time::sleep(PAUSE) => {}
                }
                continue;
            }
            let source = match open() {
                Ok(source) => source,
                Err(found) => {
                    let why = self.render.tell(&found);
                    tracing::error!("tasks can't be read: {why}");
                    self.health.beat();
                    self.health.ready(Some(format!("tasks can't be read: {}", found.message)));
                    tokio::select! {
                        _ = stop.changed() => {}
                        () = tokio::time::sleep(PAUSE) => {}
                    }
                    continue;
                }
            };
            if self.led(source, standing.clone(), stop.clone()).await == Left::Lost {
                tracing::warn!("another replica leads: what was under way is left to it");
            }
        }
        self.metrics.leader(false);
    }

    /// One time of leading.
    async fn led<S: TaskSource>(
        &self,
        source: S,
        standing: watch::Receiver<Standing>,
        stop: watch::Receiver<bool>,
    ) -> Left {
        let launcher = Arc::new(Launcher {
            cluster: self.cluster.clone(),
            kinds: Kinds::default(),
            render: self.render.clone(),
            commands: self.commands.clone(),
            scope: self.settings.scope.clone(),
            metrics: self.metrics.clone(),
            standing: standing.clone(),
            places: Arc::new(Semaphore::new(self.settings.concurrency)),
            ends: Arc::new(Semaphore::new(self.settings.concurrency)),
            blocking: Arc::new(Semaphore::new(BLOCKING)),
        });
        let (notices, written) = mpsc::channel(events::MOST);
        let writer = events::write(self.cluster.clone(), self.instance.clone(), written, self.metrics.clone());
        let writer = tokio::spawn(writer);
        let (control, results) =
            Control::new(self.settings.clone(), launcher, source, self.once.clone(), self.health.clone(), notices);
        let left = control.run(results, standing, stop).await;
        writer.abort();
        left
    }
}
